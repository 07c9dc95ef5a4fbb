//! The Leimkuhler–Matthews scheme for overdamped Langevin dynamics.

use super::{Dynamics, StepParameters, Stepper, finite_gradient};
use crate::{Potential, StepError, arithmetic::finite, noise::FiveMoments};

/// Leimkuhler–Matthews: SGLD whose noise is the mean of this step's draw and the last one's.
///
/// ```text
/// θ' = θ − η ∇U(θ) + √(ηT/2) (ξ + ξ')
/// ```
///
/// Leimkuhler & Matthews (2013), *Rational construction of stochastic numerical methods for
/// molecular sampling*: the limit at full friction of their BAOAB, [`Baoab`](super::Baoab); their
/// δt is η.
///
/// On U = kθ²/2 the stationary variance is T/k, exactly, for every ηk < 2; gradient noise of variance
/// V adds ηV/(k(2 − ηk)). Elsewhere the bias of averages is O(η²), where SGLD's is O(η). The noise
/// must match five moments.
///
/// Cost: one gradient, N draws, N words of state (the last draw). Choose it over [`Sgld`](super::Sgld)
/// whenever there are N words of RAM to spare. The first step after a start has half the noise.
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::LeimkuhlerMatthews};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0], LeimkuhlerMatthews::new(), Constant::new(0.5)?, noise);
/// for _ in 0..1000 {
///     chain.step(&mut |theta: &[f32; 1]| *theta)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct LeimkuhlerMatthews;

impl LeimkuhlerMatthews {
    /// Creates the stepper.
    pub const fn new() -> Self {
        Self
    }
}

/// The state of [`LeimkuhlerMatthews`]: the last draw.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeimkuhlerMatthewsState<const N: usize> {
    last: [f32; N],
}

impl<const N: usize> Dynamics<N> for LeimkuhlerMatthews {
    type State = LeimkuhlerMatthewsState<N>;

    const START: Self::State = LeimkuhlerMatthewsState { last: [0.0; N] };
}

impl<const N: usize, P: Potential<N>, Z: FiveMoments> Stepper<N, P, Z> for LeimkuhlerMatthews {
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
        let mut fresh = [0.0; N];
        noise.fill(&mut fresh)?;
        let half = 0.5 * parameters.noise_scale();
        let mut delta = state.last;
        for ((d, xi), g) in delta.iter_mut().zip(&fresh).zip(&gradient) {
            *d = half * (*d + *xi) - parameters.eta() * *g;
        }
        parameters.displace(theta, potential, &mut delta)?;
        state.last = fresh;
        Ok(())
    }
}

crate::checkpoint!(impl[const N: usize] for LeimkuhlerMatthewsState<N> {
    last: [f32; N]
} if |state| finite(&state.last));

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;

    #[test]
    fn each_draw_moves_two_steps() {
        let parameters = StepParameters::new(0.5, 4.0).unwrap(); // √(ηT/2) = 1
        let stepper = LeimkuhlerMatthews::new();
        let mut state = stepper.start();
        let mut theta = [0.0];
        let mut at = [0.0; 3];
        let mut draws = Draws::new(&[1.0, 3.0, -2.0]);
        for x in &mut at {
            stepper
                .step(&mut state, &mut theta, &mut [2.0], &parameters, &mut draws)
                .unwrap();
            *x = theta[0];
        }
        assert_eq!(at, [0.0, 3.0, 3.0]);
    }

    #[test]
    fn the_state_is_one_draw() {
        assert_eq!(size_of::<LeimkuhlerMatthewsState<8>>(), 4 * 8);
        assert_eq!(size_of::<LeimkuhlerMatthews>(), 0);
    }
}
