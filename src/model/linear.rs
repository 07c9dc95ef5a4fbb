//! Linear regression, with the noise's standard deviation known or a parameter.

use super::{GeneralizedLinear, Law, Likelihood, LocationScale, dot};
use crate::{
    ConfigError, Sample,
    arithmetic::{exp, sqrt},
};

/// Linear regression with known σ: y ~ N(z, σ²), z = xᵀθ, −log p = (z − y)²/(2σ²).
///
/// With a Gaussian prior the posterior is Gaussian, and exact recursive least squares is cheaper than any
/// sampler.
///
/// ```
/// use langevin::{GaussianPrior, Model, Sample, model::LinearRegression, potential::Energy};
/// let prior = GaussianPrior::new([0.0; 2], [100.0; 2])?;
/// let model = Model::new(prior, LinearRegression::new(0.5)?);
/// let data = [Sample { x: [1.0, 2.0], y: 5.0 }];
/// assert!(model.posterior(&data).energy(&[1.0, 2.0])? < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearRegression {
    precision: f32,
}

impl LinearRegression {
    /// With σ = 1.
    pub(super) const UNIT: Self = Self { precision: 1.0 };

    /// Creates the likelihood with noise of standard deviation `sigma`, in the units of y.
    ///
    /// # Errors
    /// When `sigma` is not in (1e-19, 1e19), the range in which its square neither underflows nor overflows.
    pub const fn new(sigma: f32) -> Result<Self, ConfigError> {
        match precision(sigma) {
            Ok(precision) => Ok(Self { precision }),
            Err(error) => Err(error),
        }
    }
}

impl GeneralizedLinear for LinearRegression {
    #[inline]
    fn slope(&self, z: f32, y: f32) -> f32 {
        self.precision * (z - y)
    }

    #[inline]
    fn energy(&self, z: f32, y: f32) -> f32 {
        let residual = z - y;
        0.5 * self.precision * residual * residual
    }

    #[inline]
    fn slope_difference(&self, z: f32, anchor: f32, _: f32) -> f32 {
        self.precision * (z - anchor)
    }

    fn law(&self, z: f32, y: f32) -> Option<Law> {
        Some(Law::Normal {
            residual: y - z,
            sd: 1.0 / sqrt(self.precision),
        })
    }
}

impl LocationScale for LinearRegression {}

/// Linear regression with unknown σ: θ = [β, log σ], N = K + 1, y ~ N(xᵀβ, σ²),
/// −log p = (xᵀβ − y)²/(2σ²) + log σ.
///
/// A prior on σ becomes one on log σ by the Jacobian: p(log σ) = σ p(σ). A [`GaussianPrior`] on
/// log σ (a log-normal σ) needs nothing more.
///
/// ```
/// use langevin::{Model, Potential, Sample, model::{Flat, LinearRegressionLogSigma}};
/// let model = Model::new(Flat, LinearRegressionLogSigma);
/// let data = [Sample { x: [1.0], y: 2.0 }];
/// let mut gradient = [0.0; 2];
/// model.posterior(&data).gradient(&[3.0, 0.0], &mut gradient)?;
/// assert_eq!(gradient, [1.0, 0.0]);
/// # Ok::<(), langevin::StepError>(())
/// ```
///
/// [`GaussianPrior`]: crate::GaussianPrior
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinearRegressionLogSigma;

impl LinearRegressionLogSigma {
    /// Returns 1/σ and log σ.
    #[inline]
    fn inverse_sigma<const N: usize>(theta: &[f32; N]) -> (f32, f32) {
        let log_sigma = theta.last().copied().unwrap_or_default();
        (exp(-log_sigma), log_sigma)
    }

    /// Returns (xᵀβ − y)/σ. Squares come last, so that they overflow last.
    #[inline]
    fn residual<const K: usize, const N: usize>(
        theta: &[f32; N],
        observation: &Sample<K>,
        inverse_sigma: f32,
    ) -> f32 {
        const {
            assert!(
                N == K + 1,
                "one parameter for each regressor, then log sigma"
            );
        };
        let prediction = dot(&observation.x, theta.first_chunk().unwrap_or(&[0.0; K]));
        inverse_sigma * (prediction - observation.y)
    }
}

impl<const K: usize, const N: usize> Likelihood<Sample<K>, N> for LinearRegressionLogSigma {
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Sample<K>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        self.add_gradients(theta, core::iter::once((observation, weight)), gradient);
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N], observation: &Sample<K>) -> f32 {
        let (inverse_sigma, log_sigma) = Self::inverse_sigma(theta);
        let z = Self::residual(theta, observation, inverse_sigma);
        0.5 * z * z + log_sigma
    }

    // One exponential for all observations.
    #[inline]
    fn add_gradients<'o>(
        &self,
        theta: &[f32; N],
        data: impl Iterator<Item = (&'o Sample<K>, f32)>,
        gradient: &mut [f32; N],
    ) {
        let (inverse_sigma, _) = Self::inverse_sigma(theta);
        data.for_each(|(observation, weight)| {
            let z = Self::residual(theta, observation, inverse_sigma);
            if let Some((last, beta)) = gradient.split_last_mut() {
                *last += weight * (1.0 - z * z);
                let slope = weight * inverse_sigma * z;
                for (g, x) in beta.iter_mut().zip(&observation.x) {
                    *g += slope * x;
                }
            }
        });
    }

    fn law(&self, theta: &[f32; N], observation: &Sample<K>) -> Option<Law> {
        let (inverse_sigma, _) = Self::inverse_sigma(theta);
        let sd = 1.0 / inverse_sigma;
        let residual = -sd * Self::residual(theta, observation, inverse_sigma);
        Some(Law::Normal { residual, sd })
    }
}

/// Returns 1/σ².
pub(super) const fn precision(sigma: f32) -> Result<f32, ConfigError> {
    let precision = 1.0 / (sigma * sigma);
    ConfigError::check(
        sigma > 0.0 && precision > 0.0 && precision.is_finite(),
        "sigma",
        "in (1e-19, 1e19)",
        precision,
    )
}
