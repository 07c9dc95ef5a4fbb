//! Robust linear regression: Student-t noise.

use super::{Likelihood, add_scaled, dot, student_t::StudentT};
use crate::{ConfigError, Sample};

/// Linear regression with Student-t noise: (y − xᵀθ)/σ ~ t with ν degrees of freedom,
/// −log p = ½(ν + 1) log(1 + r²/ν), r = (xᵀθ − y)/σ.
///
/// An outlier pulls less the farther out it is (Lange, Little & Taylor 1989); ν = 4 is a common choice.
/// The potential is not convex: far outliers may make modes of their own.
///
/// ```
/// use langevin::{Model, Potential, Sample, model::{Flat, RobustRegression}};
/// let model = Model::new(Flat, RobustRegression::new(4.0, 1.0)?);
/// let data = [Sample { x: [1.0], y: 1e6 }];
/// let mut gradient = [0.0];
/// model.posterior(&data).gradient(&[0.0], &mut gradient)?;
/// assert!(gradient[0].abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RobustRegression {
    t: StudentT,
    inverse_sigma: f32,
}

impl RobustRegression {
    /// With ν degrees of freedom and scale `sigma`, in the units of y; the standard deviation of the noise
    /// is σ√(ν/(ν − 2)) where ν > 2.
    ///
    /// # Errors
    /// When ν is not in [1e-3, 1e6], or `sigma` not finite and > 0, or so small that its square
    /// underflows.
    pub const fn new(degrees_of_freedom: f32, sigma: f32) -> Result<Self, ConfigError> {
        match (
            StudentT::new(degrees_of_freedom),
            super::linear::precision(sigma),
        ) {
            (Ok(t), Ok(_)) => Ok(Self {
                t,
                inverse_sigma: 1.0 / sigma,
            }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

impl<const N: usize> Likelihood<Sample<N>, N> for RobustRegression {
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Sample<N>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        let r = self.inverse_sigma * (dot(&observation.x, theta) - observation.y);
        let slope = weight * self.inverse_sigma * self.t.slope(r);
        add_scaled(gradient, slope, &observation.x);
    }

    #[inline]
    fn energy(&self, theta: &[f32; N], observation: &Sample<N>) -> f32 {
        self.t
            .energy(self.inverse_sigma * (dot(&observation.x, theta) - observation.y))
    }
}
