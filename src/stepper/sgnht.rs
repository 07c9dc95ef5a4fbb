//! The stochastic gradient Nosé–Hoover thermostat (Ding et al. 2014), by Euler's rule.

use super::{Dynamics, StepParameters, Stepper, ThermostatState, finite_gradient};
use crate::{ConfigError, Potential, StepError, arithmetic::sqrt, noise::Noise};

/// SGNHT: a momentum whose friction is found by a thermostat, so that gradient noise of an unknown
/// variance does not widen the law.
///
/// With g = ∇U(θ) and d = N:
///
/// ```text
/// r' = (1 − α) r − √η g + √(2aT) ξ
/// θ' = θ + √η r'
/// α' = α + η (‖r'‖²/d − T)
/// ```
///
/// Ding et al. (2014), *Bayesian sampling using stochastic gradient thermostats*, algorithm 1, in steps
/// instead of time: η = h², a = Ah, α = ξh, √η r = u (the paper has T = 1; A is aT/h). It is the
/// mean of *squares* ‖r‖²/d that is held at T.
///
/// | here | in the paper |
/// |---|---|
/// | η | h² |
/// | `diffusion` a, 0 to 1: the friction if the gradient had no noise | a = Ah |
/// | [`friction`](Self::friction) α, found by the thermostat | α = ξh |
///
/// Σ(‖r‖²/d − T) over any run of steps is (α_n − α_0)/η, an identity. For gradient noise of variance V the
/// mean of α goes to a + ηV/(2T) as η → 0, and the law to exp(−U/T). Euler's rule is of first order in
/// √η: α is 3 % off at √η = 0.05, a = 0.05, and on U = kθ²/2 the variance is 21 % too small at ηk = 0.05,
/// a = 0.3. [`Badodab`](super::Badodab) is off by 1 % there.
///
/// Cost: one gradient, N draws, N + 1 words of state. Choose it when the gradient's noise is large,
/// unknown and the same everywhere, and N is not 1 (a thermostat on one quadratic degree of freedom is
/// slow to mix).
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::Sgnht};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0; 2], Sgnht::new(0.1)?, Constant::new(0.001)?, noise);
/// for _ in 0..1000 {
///     chain.step(&mut |theta: &[f32; 2]| *theta)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgnht {
    diffusion: f32,
}

impl Sgnht {
    /// Creates the stepper with a diffusion a per step; the friction starts there.
    ///
    /// # Errors
    /// When a is not in [0, 1].
    pub const fn new(diffusion: f32) -> Result<Self, ConfigError> {
        match ConfigError::share("diffusion", diffusion) {
            Ok(diffusion) => Ok(Self { diffusion }),
            Err(error) => Err(error),
        }
    }

    /// Returns the thermostat's friction α per step.
    pub const fn friction<const N: usize>(&self, state: &ThermostatState<N>) -> f32 {
        self.diffusion + state.excess
    }
}

impl<const N: usize> Dynamics<N> for Sgnht {
    type State = ThermostatState<N>;

    const START: Self::State = ThermostatState::START;
}

impl<const N: usize, P: Potential<N>, Z: Noise> Stepper<N, P, Z> for Sgnht {
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
        let sd = sqrt(2.0 * self.diffusion * parameters.temperature());
        let keep = 1.0 - self.friction(state);
        let mut momentum = state.momentum;
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        let mut squares = 0.0;
        for ((d, r), g) in delta.iter_mut().zip(&mut momentum).zip(&gradient) {
            *r = keep * *r - root * *g + sd * *d;
            squares += *r * *r;
            *d = root * *r;
        }
        let excess =
            state.excess + parameters.eta() * (squares / N as f32 - parameters.temperature());
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
    use super::super::testing::Draws;
    use super::*;

    #[test]
    fn one_step_by_hand() {
        let parameters = StepParameters::new(0.25, 2.0).unwrap(); // √η = ½
        let sgnht = Sgnht::new(0.25).unwrap(); // √(2aT) = 1
        let mut state = sgnht.start();
        let mut theta = [1.0, 1.0];
        sgnht
            .step(
                &mut state,
                &mut theta,
                &mut [2.0, 0.0],
                &parameters,
                &mut Draws::new(&[3.0, 1.0]),
            )
            .unwrap();
        // r = (−1 + 3, 1), ‖r‖²/d = 5/2.
        assert_eq!(theta, [2.0, 1.5]);
        assert_eq!(sgnht.friction(&state), 0.25 + 0.25 * (2.5 - 2.0));
    }
}
