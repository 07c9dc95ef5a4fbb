//! Likelihoods that depend on the parameters through one number, the predictor.

use super::{Law, Likelihood, add_scaled, dot};
use crate::{Sample, data::Measurement};

/// The law of a response y given its predictor z.
///
/// In a generalised linear model the predictor is linear, z = xᵀθ: whatever implements this trait is a
/// [`Likelihood`] of a [`Sample`], with differences for control variates. With a
/// [`Response`](super::Response) as predictor it is a [`NonlinearRegression`](super::NonlinearRegression).
///
/// A law of one's own is two functions:
///
/// ```
/// use langevin::{Model, Potential, Sample, model::{Flat, GeneralizedLinear}};
/// /// Waiting times y with the rate eᶻ.
/// struct Exponential;
/// impl GeneralizedLinear for Exponential {
///     fn slope(&self, z: f32, y: f32) -> f32 {
///         libm::expf(z) * y - 1.0
///     }
///     fn energy(&self, z: f32, y: f32) -> f32 {
///         libm::expf(z) * y - z
///     }
///     fn accepts(&self, y: f32) -> bool {
///         y > 0.0
///     }
/// }
/// let model = Model::new(Flat, Exponential);
/// let data = [Sample { x: [1.0, 2.0], y: 3.0 }];
/// let mut gradient = [0.0; 2];
/// model.posterior(&data).gradient(&[0.0, 0.0], &mut gradient)?;
/// assert_eq!(gradient, [2.0, 4.0]);
/// # Ok::<(), langevin::StepError>(())
/// ```
pub trait GeneralizedLinear {
    /// Returns ∂(−log p(y | z))/∂z.
    fn slope(&self, z: f32, y: f32) -> f32;

    /// Returns −log p(y | z), up to a constant.
    fn energy(&self, z: f32, y: f32) -> f32;

    /// Returns the slope at `z` less the slope at `anchor`, for control variates.
    ///
    /// Override it where y cancels.
    #[inline]
    fn slope_difference(&self, z: f32, anchor: f32, y: f32) -> f32 {
        self.slope(z, y) - self.slope(anchor, y)
    }

    /// Returns whether `y` is a response that this law can give. The default accepts every finite number.
    #[inline]
    fn accepts(&self, y: f32) -> bool {
        y.is_finite()
    }

    /// Returns the law of the response, seen from its value `y`, or `None` where it is not known (the default).
    ///
    /// Only the predictions of a [`Tracker`](crate::Tracker) need it.
    fn law(&self, z: f32, y: f32) -> Option<Law> {
        let _ = (z, y);
        None
    }
}

/// A law of the error y − z, of a shape that does not depend on z, whose scale is σ.
///
/// Whatever implements this trait takes observations with a standard deviation of their own, each a
/// [`Measurement`], and can have an [`UnknownSigma`](super::UnknownSigma).
pub trait LocationScale: GeneralizedLinear {}

impl<const N: usize, L: GeneralizedLinear> Likelihood<Sample<N>, N> for L {
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Sample<N>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        let slope = self.slope(dot(&observation.x, theta), observation.y);
        add_scaled(gradient, weight * slope, &observation.x);
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N], observation: &Sample<N>) -> f32 {
        self.energy(dot(&observation.x, theta), observation.y)
    }

    #[inline]
    fn accepts(&self, observation: &Sample<N>) -> bool {
        GeneralizedLinear::accepts(self, observation.y)
    }

    fn law(&self, theta: &[f32; N], observation: &Sample<N>) -> Option<Law> {
        GeneralizedLinear::law(self, dot(&observation.x, theta), observation.y)
    }

    // Out of line: compilers then keep the sum where vector instructions reach it.
    #[inline(never)]
    fn add_differences<'o>(
        &self,
        theta: &[f32; N],
        anchor: &[f32; N],
        data: impl Iterator<Item = (&'o Sample<N>, f32)> + Clone,
        gradient: &mut [f32; N],
    ) {
        for (observation, weight) in data {
            let z = dot(&observation.x, theta);
            let at_anchor = dot(&observation.x, anchor);
            let difference = self.slope_difference(z, at_anchor, observation.y);
            add_scaled(gradient, weight * difference, &observation.x);
        }
    }
}

impl<const N: usize, L: LocationScale> Likelihood<Measurement<[f32; N]>, N> for L {
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Measurement<[f32; N]>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        let inverse_sd = 1.0 / observation.sd;
        let residual = inverse_sd * (dot(&observation.x, theta) - observation.y);
        let slope = inverse_sd * self.slope(residual, 0.0);
        add_scaled(gradient, weight * slope, &observation.x);
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N], observation: &Measurement<[f32; N]>) -> f32 {
        let residual = dot(&observation.x, theta) - observation.y;
        self.energy(residual / observation.sd, 0.0)
    }

    fn law(&self, theta: &[f32; N], observation: &Measurement<[f32; N]>) -> Option<Law> {
        let residual = observation.y - dot(&observation.x, theta);
        let law = GeneralizedLinear::law(self, 0.0, residual / observation.sd)?;
        Some(law.stretched(observation.sd))
    }
}
