//! The Nosé–Hoover thermostat for noisy gradients, by the BADODAB splitting (Leimkuhler & Shang 2016).

use super::{Dynamics, StepParameters, Stepper, ThermostatState, finite_gradient};
use crate::{ConfigError, Potential, StepError, arithmetic::sqrt, noise::FiveMoments};

/// BADODAB: [`Sgnht`](super::Sgnht)'s dynamics by a symmetric splitting that tolerates larger steps.
///
/// With g = ∇U(θ), ε = √(2η) and d = N:
///
/// ```text
/// r₁ = r − ε g                                            B  both half-kicks
/// α₁ = α + η(‖r₁‖²/d − T)                                 D  thermostat, half a step
/// r₂ = e^(−α₁) r₁ + √(aT(1 − e^(−2α₁))/α₁) ξ              O  friction and noise, solved exactly
/// α' = α₁ + η(‖r₂‖²/d − T)                                D
/// θ' = θ + ½ε (r₁ + r₂)                                   A  both half-drifts
/// ```
///
/// Leimkuhler & Shang (2016), *Adaptive thermostats for noisy gradient systems*, with unit
/// masses of particle and thermostat: their h is ε = √(2η), their ξ is α/ε, their σ_A² is 2aT/ε.
/// `diffusion` a is the friction per step if the gradient had no noise.
///
/// On U = kθ²/2 without gradient noise the mean of α is a and the variance T/k for every ηk < 2, as for
/// [`Baoab`](super::Baoab) with c = e^(−a); for gradient noise of variance V the mean of α goes to
/// a + ηV/T as η → 0 (ε²V/2T), and the variance is 1 % too small at ηk = 0.1, V = kT, a = 0.3, 15 % at 0.45.
/// The thermostat has unit mass and must be slower than θ: give the parameters a scale near 1, by a
/// [preconditioner](super::Preconditioned), so that ηT is below 0.6 or so. The noise must match five moments.
///
/// Cost: one gradient, N draws, one `expm1f` and two square roots, N + 1 words of state. Choose it
/// when the gradient's noise is large, unknown and the same everywhere, and N is not 1.
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::Badodab};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0; 4], Badodab::new(0.3)?, Constant::new(0.1)?, noise);
/// for _ in 0..1000 {
///     chain.step(&mut |theta: &[f32; 4]| *theta)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Badodab {
    diffusion: f32,
}

impl Badodab {
    /// Creates the stepper with a diffusion a per step; the friction starts there.
    ///
    /// # Errors
    /// When a is not finite and > 0.
    pub const fn new(diffusion: f32) -> Result<Self, ConfigError> {
        match ConfigError::positive("diffusion", diffusion) {
            Ok(diffusion) => Ok(Self { diffusion }),
            Err(error) => Err(error),
        }
    }

    /// Returns the thermostat's friction α per step.
    pub const fn friction<const N: usize>(&self, state: &ThermostatState<N>) -> f32 {
        self.diffusion + state.excess
    }
}

/// Returns e^(−α) and (1 − e^(−2α))/α.
#[inline]
fn decay(alpha: f32) -> (f32, f32) {
    // e^(−α) − 1; 1 − e^(−2α) is −e(2 + e), without cancellation.
    let e = libm::expm1f(-alpha);
    let renew = if alpha == 0.0 {
        2.0
    } else {
        -e / alpha * (2.0 + e)
    };
    (1.0 + e, renew)
}

impl<const N: usize> Dynamics<N> for Badodab {
    type State = ThermostatState<N>;

    const START: Self::State = ThermostatState::START;
}

impl<const N: usize, P: Potential<N>, Z: FiveMoments> Stepper<N, P, Z> for Badodab {
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
        let mut momentum = [0.0; N];
        noise.fill(&mut momentum)?;
        let epsilon = sqrt(2.0 * parameters.eta());
        let heat =
            |squares: f32| parameters.eta() * (squares / N as f32 - parameters.temperature());
        let mut kicked = state.momentum;
        let mut squares = 0.0;
        for (r, g) in kicked.iter_mut().zip(&gradient) {
            *r -= epsilon * *g;
            squares += *r * *r;
        }
        let middle = state.excess + heat(squares);
        let (keep, renew) = decay(self.diffusion + middle);
        let sd = sqrt(self.diffusion * parameters.temperature() * renew);
        squares = 0.0;
        let mut delta = kicked;
        for (d, r) in delta.iter_mut().zip(&mut momentum) {
            *r = keep * *d + sd * *r;
            squares += *r * *r;
            *d = 0.5 * epsilon * (*d + *r);
        }
        let excess = middle + heat(squares);
        if !excess.is_finite() {
            return Err(StepError::StepTooLong);
        }
        parameters.displace(theta, potential, &mut delta)?;
        *state = ThermostatState { momentum, excess };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friction_is_solved_exactly_on_either_side_of_zero() {
        for alpha in [-2.0_f32, -1e-3, -1e-30, 0.0, 1e-40, 1e-5, 0.3, 5.0, 200.0] {
            let (keep, renew) = decay(alpha);
            let exact = f64::from(alpha);
            let keep_exact = (-exact).exp();
            let renew_exact = if exact == 0.0 {
                2.0
            } else {
                -(-2.0 * exact).exp_m1() / exact
            };
            assert!(
                (f64::from(keep) - keep_exact).abs() <= 2e-7 * keep_exact.max(1.0),
                "{alpha}"
            );
            assert!(
                (f64::from(renew) / renew_exact - 1.0).abs() < 1e-6,
                "{alpha}"
            );
        }
    }
}
