//! The Leimkuhler–Matthews scheme for overdamped Langevin dynamics.

use super::{StepParameters, Stepper, displace, finite_gradient, scaled};
use crate::{
    Potential, StepError,
    noise::FiveMoments,
    preconditioner::{Identity, Preconditioner},
};

/// Leimkuhler–Matthews: SGLD whose noise is the mean of this step's draw and the last one's.
///
/// With a metric L:
///
/// ```text
/// θ' = θ − η L Lᵀ ∇U(θ) + √(ηT/2) L (ξ + ξ')
/// ```
///
/// Leimkuhler & Matthews (2013), *Rational construction of stochastic numerical methods for
/// molecular sampling*, the limit of their BAOAB, [`Baoab`](super::Baoab), at full friction: their
/// δt is η.
///
/// On U = kθ²/2 the stationary variance is T/k, exactly, for every ηk < 2; gradient noise of variance
/// V adds ηV/(k(2 − ηk)). Elsewhere the bias of averages is O(η²), where SGLD's is O(η). The noise
/// must match five moments.
///
/// Cost: one gradient, N draws, N words of state (the last draw). Choose it over [`Sgld`](super::Sgld)
/// whenever N words of RAM are there. The first step after a start has half the noise.
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
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeimkuhlerMatthews<const N: usize, M = Identity> {
    last: [f32; N],
    metric: M,
}

impl<const N: usize> LeimkuhlerMatthews<N> {
    /// Without preconditioning.
    pub const fn new() -> Self {
        Self::with_metric(Identity)
    }
}

impl<const N: usize> Default for LeimkuhlerMatthews<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, M> LeimkuhlerMatthews<N, M> {
    /// Preconditioned by `metric`.
    pub const fn with_metric(metric: M) -> Self {
        Self {
            last: [0.0; N],
            metric,
        }
    }

    /// The metric, to be refined between steps.
    pub const fn metric_mut(&mut self) -> &mut M {
        &mut self.metric
    }
}

impl<const N: usize, M: Preconditioner<N>, P: Potential<N>, Z: FiveMoments> Stepper<N, P, Z>
    for LeimkuhlerMatthews<N, M>
{
    #[inline]
    fn step(
        &mut self,
        theta: &mut [f32; N],
        potential: &mut P,
        pace: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut gradient = [0.0; N];
        finite_gradient(potential, theta, &mut gradient)?;
        self.metric.apply_transpose(&mut gradient);
        let mut fresh = [0.0; N];
        noise.fill(&mut fresh)?;
        let half = 0.5 * pace.noise_scale();
        let mut delta = self.last;
        for ((d, xi), g) in delta.iter_mut().zip(&fresh).zip(&gradient) {
            *d = half * (*d + *xi) - pace.eta() * *g;
        }
        displace(theta, &self.metric, &mut delta, pace)?;
        self.last = fresh;
        Ok(())
    }

    fn reset(&mut self) {
        self.last = [0.0; N];
    }

    fn noise_scale(&self, pace: &StepParameters) -> [f32; N] {
        scaled(self.metric.scale(), pace.noise_scale())
    }
}

crate::checkpoint!(impl[const N: usize, M: crate::Checkpoint] for LeimkuhlerMatthews<N, M> {
    last: [f32; N], metric: M
});

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;

    #[test]
    fn each_draw_moves_two_steps() {
        let pace = StepParameters::new(0.5, 4.0).unwrap(); // √(ηT/2) = 1
        let mut stepper = LeimkuhlerMatthews::new();
        let mut theta = [0.0];
        let mut at = [0.0; 3];
        let mut draws = Draws::new(&[1.0, 3.0, -2.0]);
        for x in &mut at {
            stepper
                .step(&mut theta, &mut [2.0], &pace, &mut draws)
                .unwrap();
            *x = theta[0];
        }
        assert_eq!(at, [0.0, 3.0, 3.0]);
    }

    #[test]
    fn size_is_one_draw() {
        assert_eq!(size_of::<LeimkuhlerMatthews<8>>(), 4 * 8);
    }
}
