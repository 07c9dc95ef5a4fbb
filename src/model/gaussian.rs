//! Independent Gaussian priors.

use super::{
    Prior, each, inverse_scales,
    multivariate_gaussian::{forgetting, process_variance},
};
use crate::{
    ConfigError,
    arithmetic::{finite, sqrt},
    estimate::Moments,
};

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

    /// Creates the prior with the means and the standard deviations of an estimate, such as yesterday's posterior,
    /// without its correlations: for these see
    /// [`MultivariateGaussianPrior`](crate::model::MultivariateGaussianPrior).
    ///
    /// # Errors
    /// When `estimate` has no samples, or a standard deviation of 0.
    pub fn from_estimate(estimate: &Moments<N>) -> Result<Self, ConfigError> {
        match (estimate.mean(), estimate.sd()) {
            (Some(mean), Some(sd)) => Self::new(mean, sd),
            _ => Err(ConfigError {
                field: "estimate",
                bound: "of one sample at least",
            }),
        }
    }

    /// Returns the prior with its variances divided by `forgetting_factor`: with 0.9 a tenth of what was known is
    /// forgotten.
    ///
    /// # Errors
    /// When `forgetting_factor` is not in (0, 1].
    pub fn with_forgetting(mut self, forgetting_factor: f32) -> Result<Self, ConfigError> {
        let root = sqrt(forgetting(forgetting_factor)?);
        self.inverse_sd = self.inverse_sd.map(|k| root * k);
        Ok(self)
    }

    /// Returns the prior of what each parameter becomes by an independent random change of standard deviation `sd`.
    ///
    /// # Errors
    /// When an `sd` is not finite or below 0.
    pub fn with_process_noise(mut self, sd: [f32; N]) -> Result<Self, ConfigError> {
        for (k, s) in self.inverse_sd.iter_mut().zip(sd) {
            *k /= sqrt(1.0 + process_variance(s)? * *k * *k);
        }
        Ok(self)
    }
}

impl<const N: usize> Prior<N> for GaussianPrior<N> {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        let terms = theta.iter().zip(&self.mean).zip(&self.inverse_sd);
        each(gradient.iter_mut().zip(terms), |(g, ((t, m), k))| {
            *g += k * k * (t - m);
        });
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

crate::checkpoint!(impl[const N: usize] for GaussianPrior<N> {
    mean: [f32; N], inverse_sd: [f32; N]
} if |prior| finite(&prior.mean) && prior.inverse_sd.iter().all(|k| (0.0..=1e18).contains(k)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_an_estimate_and_widened() {
        assert!(GaussianPrior::from_estimate(&Moments::<1>::new()).is_err());
        let mut estimate = Moments::new();
        estimate.push(&[1.0]);
        assert!(GaussianPrior::from_estimate(&estimate).is_err());
        estimate.push(&[5.0]);
        // Mean 3, sd 2.
        let prior = GaussianPrior::from_estimate(&estimate).unwrap();
        assert_eq!(prior.negative_log_density(&[5.0]), 0.5);
        let forgetful = prior.with_forgetting(0.25).unwrap();
        assert_eq!(forgetful.negative_log_density(&[7.0]), 0.5);
        let moved = prior.with_process_noise([1.5]).unwrap();
        assert!((moved.negative_log_density(&[5.5]) - 0.5).abs() < 1e-6);
        assert!(prior.with_forgetting(1.5).is_err());
        assert!(prior.with_process_noise([-1.0]).is_err());
    }
}
