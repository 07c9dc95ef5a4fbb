//! A walk of fixed stride whose direction is drawn: no normals.

use rand_core::TryRng;

use super::{Dynamics, Proportion, StepParameters, Stepper, finite_gradient};
use crate::{Potential, StepError};

/// Lattice walk: each coordinate goes √(2ηT) up or down, as a biased coin falls.
///
/// With g = ∇U(θ) and s = √(2ηT):
///
/// ```text
/// θ' = θ + s b,   bᵢ = ±1,   P(bᵢ = +1) = ½(1 + clip(−ηgᵢ/s, −1, 1))
/// ```
///
/// Duffield et al. (2025), *Lattice random walk discretisations of stochastic differential equations*, with
/// δt = η and δx² = σ²δt, at which a walker never rests: its mean −ηg and mean square 2ηT are SGLD's. (Markov
/// chain approximations of this kind go back to Kushner.) At T = 0, where the stride is 0, the step is
/// SGLD's, −ηg.
///
/// The noise is a plain generator, any [`TryRng`]: one `u32` and one integer comparison a coordinate. A
/// coin has the same law whether its bias is known or only estimated without bias, so gradient noise
/// drops out, as long as nothing clips: on U = kθ²/2 the stationary variance is T/k, exactly, and the
/// kurtosis 3 − ηk. Clipping makes the variance too large (by 1.3 % at ηk = 0.4, 12 % at 0.8; with gradient noise of
/// V = 4k by 4.8 % at 0.1): keep [`clipped`](LatticeWalkState::clipped) below 1e-4.
///
/// Cost: one gradient, N `u32`s, two words of state. Choose it on a core without an FPU, where normals
/// cost more than the gradient, for small steps.
///
/// ```
/// use langevin::{Chain, Pcg32, SeedableRng, schedule::Constant, stepper::LatticeWalk};
/// let rng = Pcg32::seed_from_u64(7);
/// let mut chain = Chain::new([0.0], LatticeWalk::new(), Constant::new(0.05)?, rng);
/// for _ in 0..1000 {
///     chain.step(&mut |theta: &[f32; 1]| *theta)?;
/// }
/// assert!(chain.stepper_state().clipped().value() < Some(1e-4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct LatticeWalk;

impl LatticeWalk {
    /// Creates the stepper.
    pub const fn new() -> Self {
        Self
    }
}

/// The state of [`LatticeWalk`]: a diagnostic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LatticeWalkState {
    clipped: Proportion,
}

impl LatticeWalkState {
    /// Returns the proportion of coordinate steps whose coin was clipped: −ηg/s was beyond ±1.
    pub const fn clipped(&self) -> Proportion {
        self.clipped
    }
}

impl<const N: usize> Dynamics<N> for LatticeWalk {
    type State = LatticeWalkState;

    const START: Self::State = LatticeWalkState {
        clipped: Proportion::new(),
    };

    fn reset(&self, _: &mut Self::State) {}
}

impl<const N: usize, P: Potential<N>, Z: TryRng> Stepper<N, P, Z> for LatticeWalk {
    #[inline]
    fn step(
        &self,
        state: &mut Self::State,
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut delta = [0.0; N];
        finite_gradient(potential, theta, &mut delta)?;
        let stride = parameters.noise_scale();
        let mut clipped = state.clipped;
        if stride > 0.0 {
            // The coin's bias −ηg/s in units of 2⁻³¹; a conversion to an integer clips.
            let bias = -2_147_483_648.0 * (parameters.eta() / stride);
            for d in &mut delta {
                let bias = bias * *d;
                clipped.push(bias.abs() > 2_147_483_648.0);
                let uniform = noise.try_next_u32().map_err(|_| StepError::Random)?;
                *d = if uniform.cast_signed() < bias as i32 {
                    stride
                } else {
                    -stride
                };
            }
        } else {
            for d in &mut delta {
                *d *= -parameters.eta();
            }
        }
        parameters.displace(theta, potential, &mut delta)?;
        state.clipped = clipped;
        Ok(())
    }
}

crate::checkpoint!(impl[] for LatticeWalkState { clipped: Proportion });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pcg32, SeedableRng};

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn the_coin_has_the_stated_bias() {
        // s = 0.2, −ηg/s = −0.1g; 2^20 tosses of 16 coins: 4 standard errors of the mean are 4/√n.
        let parameters = StepParameters::new(0.02, 1.0).unwrap();
        let mut rng = Pcg32::seed_from_u64(11);
        for gradient in [0.0, 1.0, -4.0, 9.0, 10.0, -20.0] {
            let mut up = 0_u32;
            let mut state = LatticeWalkState::default();
            let n = 1 << 16;
            for _ in 0..n {
                let mut theta = [0.0; 16];
                LatticeWalk::new()
                    .step(
                        &mut state,
                        &mut theta,
                        &mut [gradient; 16],
                        &parameters,
                        &mut rng,
                    )
                    .unwrap();
                up += theta.map(|x| u32::from(x > 0.0)).iter().sum::<u32>();
            }
            let mean = 2.0 * f64::from(up) / f64::from(16 * n) - 1.0;
            let bias = f64::from((-0.1 * gradient).clamp(-1.0, 1.0));
            assert!(
                (mean - bias).abs() < 4.0 / f64::from(16 * n).sqrt(),
                "{mean} {bias}"
            );
            let all = if gradient == -20.0 {
                Some(1.0)
            } else {
                Some(0.0)
            };
            assert_eq!(state.clipped().value(), all, "{gradient}");
        }
    }

    #[test]
    fn at_zero_temperature_it_descends() {
        let mut theta = [1.0];
        let parameters = StepParameters::new(0.5, 0.0).unwrap();
        let mut rng = Pcg32::seed_from_u64(1);
        LatticeWalk::new()
            .step(
                &mut LatticeWalkState::default(),
                &mut theta,
                &mut [1.0],
                &parameters,
                &mut rng,
            )
            .unwrap();
        assert_eq!(theta, [0.5]);
    }

    #[test]
    fn the_state_is_two_words() {
        assert_eq!(size_of::<LatticeWalkState>(), 8);
        assert_eq!(size_of::<LatticeWalk>(), 0);
    }
}
