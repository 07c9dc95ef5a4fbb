//! Stochastic gradient Hamiltonian Monte Carlo (Chen, Fox & Guestrin 2014).

use super::{Dynamics, StepParameters, Stepper, finite_gradient};
use crate::{
    ConfigError, Potential, StepError,
    arithmetic::{finite, sqrt},
    noise::Noise,
};

/// SGHMC: a momentum with friction, which takes up the minibatch's noise.
///
/// With g = ∇U(θ):
///
/// ```text
/// r' = (1 − α) r − √η g + √(2αT − ηV) ξ
/// θ' = θ + √η r'
/// ```
///
/// Chen, Fox & Guestrin (2014), equation (15), in the semi-implicit order (the new momentum moves
/// the position): the explicit order diverges unless α > εk. The momentum r is kept at variance T
/// whatever η is, so that η may change from step to step.
///
/// | here | in the paper |
/// |---|---|
/// | η | η = ε²M⁻¹ |
/// | `friction` α, what a step takes off the momentum, 0 to 1 | α = εM⁻¹C |
/// | √η r | v = εM⁻¹r |
/// | [`gradient_variance`](Self::gradient_variance) V, of the gradient's noise per coordinate | β̂ = ηV/2, B̂ = εV/2 (T = 1) |
/// | [`refresh_every`](Self::refresh_every) | momentum redrawn, optional in algorithm 2 |
///
/// At α = 1 this is SGLD with the same η. A schedule that divides η by the number of data makes
/// ε ∝ 1/√n and, α being per step, keeps the damping of the posterior's oscillations as it is.
///
/// On U = kθ²/2, with V̂ the true variance of the gradient's noise and V = 0 (no correction), the
/// stationary variance is ((T + ηV̂/2α)/k)/(1 − ηk/(2(2 − α))); stable for ηk < 2(2 − α).
///
/// Cost: one gradient, N draws, N + 2 words of state. Choose it for long narrow posteriors and
/// gradients that are noisy: α ≈ √(ηk) for the smallest curvature k mixes fastest, but the gradient's
/// noise adds ηV̂/2α to the temperature, so take α well above that.
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::Sghmc};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0; 2], Sghmc::new(0.1)?, Constant::new(0.01)?, noise);
/// let mut potential = |theta: &[f32; 2]| [theta[0], 100.0 * theta[1]];
/// for _ in 0..1000 {
///     chain.step(&mut potential)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sghmc {
    friction: Friction,
    variance: f32,
    // Steps from one refreshment to the next; 0 is never.
    refresh: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Friction {
    // α.
    Step(f32),
    // C/√M.
    Time(f32),
}

impl Sghmc {
    /// Creates the stepper with a friction α per step.
    ///
    /// # Errors
    /// When α is not in [0, 1]. 0 samples only with [`refresh_every`](Self::refresh_every).
    pub const fn new(friction: f32) -> Result<Self, ConfigError> {
        match ConfigError::share("friction", friction) {
            Ok(alpha) => Ok(Self::from_friction(Friction::Step(alpha))),
            Err(error) => Err(error),
        }
    }

    /// Creates the stepper with a friction C per unit of time and a mass, as in the paper's equation (13):
    /// α = C√(η/mass), at most 1.
    ///
    /// # Errors
    /// When C is not finite and ≥ 0, or `mass` not finite and > 0.
    pub fn with_mass(friction: f32, mass: f32) -> Result<Self, ConfigError> {
        ConfigError::non_negative("friction", friction)?;
        ConfigError::positive("mass", mass)?;
        let rate = friction / sqrt(mass);
        ConfigError::non_negative("friction / sqrt(mass)", rate)?;
        Ok(Self::from_friction(Friction::Time(rate)))
    }

    const fn from_friction(friction: Friction) -> Self {
        Self {
            friction,
            variance: 0.0,
            refresh: 0,
        }
    }

    /// Returns the same stepper, injecting less noise by what the gradient brings: its noise has variance V in
    /// each coordinate.
    ///
    /// Where ηV > 2αT nothing is injected, and the step is counted as [`clipped`](SghmcState::clipped). When
    /// [`Preconditioned`](super::Preconditioned), V is that of Lᵀ∇U.
    ///
    /// # Errors
    /// When V is not finite and ≥ 0.
    pub const fn gradient_variance(self, variance: f32) -> Result<Self, ConfigError> {
        match ConfigError::non_negative("gradient variance", variance) {
            Ok(variance) => Ok(Self { variance, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Returns the same stepper, redrawing the momentum from N(0, T) before every `steps`-th step; 0 is never.
    #[must_use]
    pub const fn refresh_every(self, steps: u32) -> Self {
        Self {
            refresh: steps,
            ..self
        }
    }
}

/// The state of [`Sghmc`]: the momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SghmcState<const N: usize> {
    momentum: [f32; N],
    // Steps since the last refreshment; as many as there can be before the first.
    since_refresh: u32,
    clipped: u32,
}

impl<const N: usize> SghmcState<N> {
    /// Returns how many steps had no noise to inject because the gradient's own is too much; saturates.
    pub const fn clipped(&self) -> u32 {
        self.clipped
    }
}

impl<const N: usize> Dynamics<N> for Sghmc {
    type State = SghmcState<N>;

    const START: Self::State = SghmcState {
        momentum: [0.0; N],
        since_refresh: u32::MAX,
        clipped: 0,
    };

    fn reset(&self, state: &mut Self::State) {
        state.momentum = [0.0; N];
        state.since_refresh = u32::MAX;
    }
}

impl<const N: usize, P: Potential<N>, Z: Noise> Stepper<N, P, Z> for Sghmc {
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
        let root = sqrt(parameters.eta());
        let mut momentum = state.momentum;
        let fresh = self.refresh > 0 && state.since_refresh >= self.refresh;
        let mut kick = root;
        if fresh {
            // As in the leapfrog, half a kick: momenta before a step correlate with the position, and
            // a whole kick to an independent one would bias the law by O(√η).
            kick *= 0.5;
            noise.fill(&mut momentum)?;
            let sd = sqrt(parameters.temperature());
            for r in &mut momentum {
                *r *= sd;
            }
        }
        let alpha = match self.friction {
            Friction::Step(alpha) => alpha,
            Friction::Time(rate) => (rate * root).min(1.0),
        };
        let excess = 2.0 * alpha * parameters.temperature() - parameters.eta() * self.variance;
        let sd = sqrt(excess.max(0.0));
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        for ((d, r), g) in delta.iter_mut().zip(&mut momentum).zip(&gradient) {
            *r = (1.0 - alpha) * *r - kick * *g + sd * *d;
            *d = root * *r;
        }
        parameters.displace(theta, potential, &mut delta)?;
        state.momentum = momentum;
        state.since_refresh = if fresh {
            1
        } else {
            state.since_refresh.saturating_add(1)
        };
        state.clipped = state.clipped.saturating_add(u32::from(excess < 0.0));
        Ok(())
    }
}

crate::checkpoint!(impl[const N: usize] for SghmcState<N> {
    momentum: [f32; N], since_refresh: u32, clipped: u32
} if |state| finite(&state.momentum));

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;

    #[test]
    fn at_full_friction_it_is_sgld() {
        let parameters = StepParameters::new(0.1, 2.0).unwrap();
        let (mut a, mut b) = ([0.7_f32], [0.7_f32]);
        let sghmc = Sghmc::new(1.0).unwrap();
        let mut state = sghmc.start();
        for draw in [0.3, -1.2, 0.8] {
            let g = &mut |x: &[f32; 1]| [3.0 * x[0]];
            sghmc
                .step(&mut state, &mut a, g, &parameters, &mut Draws::new(&[draw]))
                .unwrap();
            crate::stepper::Sgld::new()
                .step(&mut (), &mut b, g, &parameters, &mut Draws::new(&[draw]))
                .unwrap();
            assert!((a[0] - b[0]).abs() < 1e-6);
        }
    }

    #[test]
    fn refreshment_has_the_full_variance() {
        // A refreshed momentum of draw 1 at T = 4 is 2; frictionless, flat: θ moves by √η·2.
        let parameters = StepParameters::new(0.25, 4.0).unwrap();
        let sghmc = Sghmc::new(0.0).unwrap().refresh_every(2);
        let mut state = sghmc.start();
        let mut theta = [0.0];
        let mut draws = Draws::new(&[1.0, 9.0, 9.0, -1.0, 9.0]);
        let mut at = [0.0; 3];
        for x in &mut at {
            sghmc
                .step(&mut state, &mut theta, &mut [0.0], &parameters, &mut draws)
                .unwrap();
            *x = theta[0];
        }
        assert_eq!(at, [1.0, 2.0, 1.0]);
    }

    #[test]
    fn friction_per_time_is_scaled_by_the_step() {
        // α = 3·√(0.01/4) = 0.15.
        let parameters = StepParameters::new(0.01, 1.0).unwrap();
        let (mut a, mut b) = ([1.0], [1.0]);
        let draws = [0.5];
        let one = Sghmc::with_mass(3.0, 4.0).unwrap();
        let other = Sghmc::new(0.15).unwrap();
        let (mut first, mut second) = (one.start(), other.start());
        for _ in 0..2 {
            one.step(
                &mut first,
                &mut a,
                &mut [2.0],
                &parameters,
                &mut Draws::new(&draws),
            )
            .unwrap();
            other
                .step(
                    &mut second,
                    &mut b,
                    &mut [2.0],
                    &parameters,
                    &mut Draws::new(&draws),
                )
                .unwrap();
        }
        assert!((a[0] - b[0]).abs() < 1e-6);
    }

    #[test]
    fn a_gradient_noisier_than_the_friction_clips() {
        let parameters = StepParameters::new(0.1, 1.0).unwrap();
        let sghmc = Sghmc::new(0.1).unwrap().gradient_variance(3.0).unwrap();
        let mut state = sghmc.start();
        let mut theta = [0.0];
        sghmc
            .step(
                &mut state,
                &mut theta,
                &mut [0.0],
                &parameters,
                &mut Draws::new(&[5.0]),
            )
            .unwrap();
        assert_eq!((theta, state.clipped()), ([0.0], 1));
    }

    #[test]
    fn the_state_is_the_momentum_and_two_words() {
        assert_eq!(size_of::<SghmcState<8>>(), 4 * (8 + 2));
        assert_eq!(size_of::<Sghmc>(), 16);
    }
}
