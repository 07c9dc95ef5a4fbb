//! Independent Laplace priors.

use super::{Prior, inverse_scales};
use crate::ConfigError;

/// Each coordinate θᵢ ~ Laplace(mᵢ, bᵢ): −log p = Σ |θᵢ − mᵢ|/bᵢ. The prior of sparse coefficients (the
/// Bayesian lasso; Park & Casella 2008).
///
/// The gradient at mᵢ itself is taken as 0. A scale of infinity leaves its coordinate flat, so that another
/// prior can take it: see [`Prior`].
///
/// ```
/// use langevin::model::{LaplacePrior, Prior};
/// let prior = LaplacePrior::new([0.0], [0.5])?;
/// assert_eq!(prior.negative_log_density(&[-3.0]), 6.0);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaplacePrior<const N: usize> {
    location: [f32; N],
    inverse_scale: [f32; N],
}

impl<const N: usize> LaplacePrior<N> {
    /// Creates the prior with these locations and scales. The standard deviation is √2 times the scale.
    ///
    /// # Errors
    /// When a `location` is not finite, or a `scale` not > 1e-18.
    pub const fn new(location: [f32; N], scale: [f32; N]) -> Result<Self, ConfigError> {
        match inverse_scales(&location, scale, ["location", "scale"]) {
            Ok(inverse_scale) => Ok(Self {
                location,
                inverse_scale,
            }),
            Err(error) => Err(error),
        }
    }
}

impl<const N: usize> Prior<N> for LaplacePrior<N> {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        let terms = theta.iter().zip(&self.location).zip(&self.inverse_scale);
        for (g, ((t, m), k)) in gradient.iter_mut().zip(terms) {
            let d = t - m;
            // NaN goes through; ±0 has no sign.
            *g += if d == 0.0 { 0.0 } else { k * d.signum() };
        }
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N]) -> f32 {
        let mut energy = 0.0;
        for ((t, m), k) in theta.iter().zip(&self.location).zip(&self.inverse_scale) {
            energy += k * (t - m).abs();
        }
        energy
    }

    fn location_and_scale(&self) -> ([f32; N], [f32; N]) {
        let scale = self.inverse_scale.map(|k| core::f32::consts::SQRT_2 / k);
        (self.location, scale)
    }
}
