//! Underdamped Langevin dynamics by the BAOAB splitting (Leimkuhler & Matthews 2013).

use super::{Dynamics, StepParameters, Stepper, finite_gradient};
use crate::{
    ConfigError, Potential, StepError,
    arithmetic::{finite, sqrt},
    noise::FiveMoments,
};

/// BAOAB: kick, drift, friction and noise, drift, kick; the two kicks share one gradient.
///
/// With g = ∇U(θ), ε = √(2η) and c = 1 − α:
///
/// ```text
/// r₁ = r − ε g                       the last step's second half-kick and this one's first
/// r₂ = c r₁ + √((1 − c²)T) ξ
/// θ' = θ + ½ε (r₁ + r₂)
/// ```
///
/// Leimkuhler & Matthews (2013), *Rational construction of stochastic numerical methods for
/// molecular sampling*, with unit mass: their h is ε = √(2η), their c = e^(−γh), so that the friction
/// per unit of time is γ = −ln(1 − α)/√(2η). At α = 1 this is [`LeimkuhlerMatthews`](super::LeimkuhlerMatthews)
/// with the same η. A schedule that divides η by the number of data makes ε ∝ 1/√n and, α being per
/// step, keeps the damping of the posterior's oscillations as it is.
///
/// On U = kθ²/2 the stationary variance is T/k, exactly, for every ηk < 2 and every α. Gradient noise
/// of variance V adds 2ηV(1 + c)/(k(1 − c)(4 − 2ηk)). Elsewhere the bias of averages is O(η) with a
/// small constant, and O(η²) at high friction. The noise must match five moments.
///
/// Cost: one gradient, N draws, N words of state. Choose it for a full gradient on a badly scaled
/// posterior: it takes the largest steps and mixes fastest of all steppers here. With a noisy
/// gradient keep α ≥ 0.3 or so: what the gradient's noise adds to the variance grows as 1/α.
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::Baoab};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0; 2], Baoab::new(0.2)?, Constant::new(0.01)?, noise);
/// let mut potential = |theta: &[f32; 2]| [theta[0], 100.0 * theta[1]];
/// for _ in 0..1000 {
///     chain.step(&mut potential)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Baoab {
    // c, and 1 − c².
    keep: f32,
    renew: f32,
}

impl Baoab {
    /// Creates the stepper with a friction α per step: the share of its momentum that a step forgets.
    ///
    /// # Errors
    /// When α is not in (0, 1].
    pub const fn new(friction: f32) -> Result<Self, ConfigError> {
        match (
            ConfigError::positive("friction", friction),
            ConfigError::share("friction", friction),
        ) {
            (Ok(_), Ok(_)) => Ok(Self {
                keep: 1.0 - friction,
                renew: friction * (2.0 - friction),
            }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

/// The state of [`Baoab`]: the momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BaoabState<const N: usize> {
    momentum: [f32; N],
}

impl<const N: usize> Dynamics<N> for Baoab {
    type State = BaoabState<N>;

    const START: Self::State = BaoabState { momentum: [0.0; N] };
}

impl<const N: usize, P: Potential<N>, Z: FiveMoments> Stepper<N, P, Z> for Baoab {
    #[inline]
    fn step(
        &self,
        state: &mut Self::State,
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut gradient = [0.0; N];
        finite_gradient(potential, theta, &mut gradient)?;
        let epsilon = sqrt(2.0 * parameters.eta());
        let half = 0.5 * epsilon;
        let sd = sqrt(self.renew * parameters.temperature());
        let mut momentum = state.momentum;
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        for ((d, r), g) in delta.iter_mut().zip(&mut momentum).zip(&gradient) {
            let kicked = *r - epsilon * *g;
            *r = self.keep * kicked + sd * *d;
            *d = half * (kicked + *r);
        }
        parameters.displace(theta, potential, &mut delta)?;
        state.momentum = momentum;
        Ok(())
    }
}

crate::checkpoint!(impl[const N: usize] for BaoabState<N> {
    momentum: [f32; N]
} if |state| finite(&state.momentum));

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;

    #[test]
    fn positions_are_those_of_the_five_letters() {
        // BAOAB as it is written, in f64, from rest and with the first half-kick doubled, which
        // is where this form's first step differs.
        let (eta, t, k, alpha) = (0.3_f32, 2.0_f32, 1.7_f32, 0.4_f32);
        let draws = [0.3_f32, -1.1, 0.6, 2.0, -0.4];
        let baoab = Baoab::new(alpha).unwrap();
        let mut state = baoab.start();
        let mut theta = [1.5_f32];
        let (mut q, mut p) = (1.5_f64, 0.0_f64);
        let (eps, c) = ((2.0 * f64::from(eta)).sqrt(), 1.0 - f64::from(alpha));
        p -= 0.5 * eps * f64::from(k) * q;
        for xi in draws {
            baoab
                .step(
                    &mut state,
                    &mut theta,
                    &mut |x: &[f32; 1]| [k * x[0]],
                    &StepParameters::new(eta, t).unwrap(),
                    &mut Draws::new(&[xi]),
                )
                .unwrap();
            p -= 0.5 * eps * f64::from(k) * q;
            q += 0.5 * eps * p;
            p = c * p + ((1.0 - c * c) * f64::from(t)).sqrt() * f64::from(xi);
            q += 0.5 * eps * p;
            p -= 0.5 * eps * f64::from(k) * q;
            assert!((f64::from(theta[0]) - q).abs() < 1e-5, "{theta:?} {q}");
        }
    }

    #[test]
    fn the_state_is_the_momentum() {
        assert_eq!(size_of::<BaoabState<8>>(), 4 * 8);
        assert_eq!(size_of::<Baoab>(), 8);
    }
}
