//! Independent Gaussian priors.

use super::{Prior, inverse_scales};
use crate::ConfigError;

/// Each coordinate θᵢ ~ N(mᵢ, sᵢ²): −log p = Σ (θᵢ − mᵢ)²/(2sᵢ²).
///
/// A standard deviation of infinity leaves its coordinate flat, so that another prior can take it: see
/// [`Prior`].
///
/// ```
/// use langevin::{GaussianPrior, model::Prior};
/// let prior = GaussianPrior::new([0.0, 3.0], [10.0, 0.5])?;
/// assert_eq!(prior.negative_log_density(&[0.0, 4.0]), 2.0);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianPrior<const N: usize> {
    mean: [f32; N],
    inverse_sd: [f32; N],
}

impl<const N: usize> GaussianPrior<N> {
    /// Creates the prior with these means and standard deviations.
    ///
    /// # Errors
    /// When a `mean` is not finite, or an `sd` not > 1e-18.
    pub const fn new(mean: [f32; N], sd: [f32; N]) -> Result<Self, ConfigError> {
        match inverse_scales(&mean, sd, ["mean", "sd"]) {
            Ok(inverse_sd) => Ok(Self { mean, inverse_sd }),
            Err(error) => Err(error),
        }
    }
}

impl<const N: usize> Prior<N> for GaussianPrior<N> {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        let terms = theta.iter().zip(&self.mean).zip(&self.inverse_sd);
        for (g, ((t, m), k)) in gradient.iter_mut().zip(terms) {
            *g += k * k * (t - m);
        }
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N]) -> f32 {
        let mut energy = 0.0;
        for ((t, m), k) in theta.iter().zip(&self.mean).zip(&self.inverse_sd) {
            let z = k * (t - m);
            energy += 0.5 * z * z;
        }
        energy
    }

    fn location_and_scale(&self) -> ([f32; N], [f32; N]) {
        (self.mean, self.inverse_sd.map(|k| 1.0 / k))
    }
}
