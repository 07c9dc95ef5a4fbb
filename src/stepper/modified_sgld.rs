//! SGLD that counts the minibatch's own noise as part of the noise it is to inject.

use super::{Proportion, StepParameters, Stepper, displace, scaled};
use crate::{
    StepError,
    noise::Noise,
    potential::GradientVariance,
    preconditioner::{DiagonalPreconditioner, Identity},
    sqrt::sqrt,
};

/// Noise-corrected SGLD: the variance V of the minibatch gradient, as the batch itself estimates it, is
/// taken off the noise that is injected.
///
/// With g = Lᵀ∇U(θ), L a diagonal metric, and V the variance of each coordinate of g:
///
/// ```text
/// θ' = θ − η L g + √(max(0, 2ηT − η²V)) L ξ
/// ```
///
/// The modified SGLD of Vollmer, Zygalakis & Teh (2016), *Exploration of the (non-)asymptotic bias and
/// variance of SGLD*, with the noise's variance as it stands instead of expanded; also Chen, Fox & Guestrin (2014), equation (15), at α = 1,
/// whose β̂ is ηV/2.
///
/// On U = kθ²/2 the stationary variance is T/(k(1 − ηk/2)): V drops out, as long as ηV ≤ 2T. Beyond that
/// no noise is injected and the coordinate is counted as [`clipped`](Self::clipped): lower η or take a
/// larger batch. V is unbiased, not exact; a batch of two has a poor one and clips early.
///
/// Cost: one gradient with its variance, N draws, N square roots, two words of state. Choose it for minibatches
/// over windows that are not too noisy; for noise that it cannot take off, see [`Sgnht`](super::Sgnht).
///
/// ```
/// use langevin::{
///     BoxMuller, Chain, Pcg32, Potential, SeedableRng, StepError, potential::GradientVariance,
///     schedule::Constant, stepper::ModifiedSgld,
/// };
///
/// /// The mean of readings, one drawn at a time: here with a variance that is known.
/// struct Readings(BoxMuller<Pcg32>);
///
/// impl Potential<1> for Readings {
///     fn gradient(&mut self, theta: &[f32; 1], gradient: &mut [f32; 1]) -> Result<(), StepError> {
///         langevin::noise::Noise::fill(&mut self.0, gradient)?;
///         gradient[0] += theta[0];
///         Ok(())
///     }
/// }
///
/// impl GradientVariance<1> for Readings {
///     fn gradient_and_variance(
///         &mut self,
///         theta: &[f32; 1],
///         gradient: &mut [f32; 1],
///         variance: &mut [f32; 1],
///     ) -> Result<(), StepError> {
///         *variance = [1.0];
///         self.gradient(theta, gradient)
///     }
/// }
///
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut readings = Readings(BoxMuller::new(Pcg32::seed_from_u64(8)));
/// let mut chain = Chain::new([0.0], ModifiedSgld::new(), Constant::new(0.1)?, noise);
/// for _ in 0..1000 {
///     chain.step(&mut readings)?;
/// }
/// assert_eq!(chain.stepper().clipped().hits(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ModifiedSgld<M = Identity> {
    clipped: Proportion,
    metric: M,
}

impl ModifiedSgld {
    /// Without preconditioning.
    pub const fn new() -> Self {
        Self::with_metric(Identity)
    }
}

impl<M> ModifiedSgld<M> {
    /// Preconditioned by `metric`, which must not mix coordinates.
    pub const fn with_metric(metric: M) -> Self {
        Self {
            clipped: Proportion::new(),
            metric,
        }
    }

    /// The share of coordinate steps at T > 0 where the gradient's noise was more than all that was to be injected.
    pub const fn clipped(&self) -> Proportion {
        self.clipped
    }
}

impl<const N: usize, M: DiagonalPreconditioner<N>, P: GradientVariance<N>, Z: Noise>
    Stepper<N, P, Z> for ModifiedSgld<M>
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
        let mut variance = [0.0; N];
        potential.gradient_and_variance(theta, &mut gradient, &mut variance)?;
        // x·0 is 0 for every finite x and NaN for the others.
        let mut zero = 0.0;
        for (g, v) in gradient.iter().zip(&variance) {
            zero += (*g + *v) * 0.0;
        }
        if zero != 0.0 {
            return Err(StepError::NonFiniteGradient);
        }
        self.metric.apply_transpose(&mut gradient);
        // A diagonal metric's pull is a factor for each coordinate: once for each side of the variance.
        self.metric.apply_transpose(&mut variance);
        self.metric.apply_transpose(&mut variance);
        let mut clipped = self.clipped;
        let inject = pace.noise_scale() * pace.noise_scale();
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        for ((d, g), v) in delta.iter_mut().zip(&gradient).zip(&variance) {
            let left = inject - pace.eta() * (pace.eta() * *v);
            if inject > 0.0 {
                clipped.push(left < 0.0);
            }
            *d = sqrt(left.max(0.0)) * *d - pace.eta() * *g;
        }
        displace(theta, &self.metric, &mut delta, pace)?;
        self.clipped = clipped;
        Ok(())
    }

    fn noise_scale(&self, pace: &StepParameters) -> [f32; N] {
        scaled(self.metric.scale(), pace.noise_scale())
    }
}

crate::checkpoint!(impl[M: crate::Checkpoint] for ModifiedSgld<M> { clipped: Proportion, metric: M });

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;
    use crate::{Potential, preconditioner::Diagonal};

    struct Given([f32; 2], [f32; 2]);

    impl Potential<2> for Given {
        fn gradient(&mut self, _: &[f32; 2], gradient: &mut [f32; 2]) -> Result<(), StepError> {
            *gradient = self.0;
            Ok(())
        }
    }

    impl GradientVariance<2> for Given {
        fn gradient_and_variance(
            &mut self,
            theta: &[f32; 2],
            gradient: &mut [f32; 2],
            variance: &mut [f32; 2],
        ) -> Result<(), StepError> {
            *variance = self.1;
            self.gradient(theta, gradient)
        }
    }

    #[test]
    fn one_step_by_hand() {
        // s = (1, 2): s²V = (7, 16); 2ηT − η²s²V = 4 − (1.75, 4) = (2.25, 0).
        let metric = Diagonal::new([1.0, 2.0]).unwrap();
        let mut stepper = ModifiedSgld::with_metric(metric);
        let pace = StepParameters::new(0.5, 4.0).unwrap();
        let mut theta = [0.0, 0.0];
        let mut given = Given([1.0, 1.0], [7.0, 4.0]);
        stepper
            .step(&mut theta, &mut given, &pace, &mut Draws::new(&[1.0, 9.0]))
            .unwrap();
        assert_eq!(theta, [1.5 - 0.5, -0.5 * 4.0]);
        assert_eq!(stepper.clipped().hits(), 0);
        // A little more, and it clips.
        given.1 = [7.0, 4.1];
        stepper
            .step(&mut theta, &mut given, &pace, &mut Draws::new(&[0.0, 9.0]))
            .unwrap();
        assert_eq!(
            (stepper.clipped().hits(), stepper.clipped().trials()),
            (1, 4)
        );
    }

    #[test]
    fn a_variance_that_is_not_finite_leaves_no_trace() {
        let mut stepper = ModifiedSgld::new();
        let pace = StepParameters::new(0.5, 4.0).unwrap();
        let mut theta = [0.0, 0.0];
        let mut given = Given([1.0, 1.0], [f32::NAN, 4.0]);
        let fault = stepper.step(&mut theta, &mut given, &pace, &mut Draws::new(&[]));
        assert_eq!(fault, Err(StepError::NonFiniteGradient));
        assert_eq!((theta, stepper.clipped().trials()), ([0.0, 0.0], 0));
    }

    #[test]
    fn size_is_two_words() {
        assert_eq!(size_of::<ModifiedSgld>(), 8);
    }
}
