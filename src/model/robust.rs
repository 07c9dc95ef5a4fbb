//! Robust linear regression: Student-t noise.

use super::{GeneralizedLinear, Law, LocationScale, linear::precision, student_t::StudentT};
use crate::ConfigError;

/// Linear regression with Student-t noise: (y − z)/σ ~ t with ν degrees of freedom, z = xᵀθ,
/// −log p = ½(ν + 1) log(1 + r²/ν), r = (z − y)/σ.
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
    /// Creates the likelihood with ν = `degrees_of_freedom` and scale `sigma`, in the units of y. The standard
    /// deviation of the noise is σ√(ν/(ν − 2)) where ν > 2.
    ///
    /// # Errors
    /// When `degrees_of_freedom` is not in [1e-3, 1e6], or `sigma` not in (1e-19, 1e19).
    pub const fn new(degrees_of_freedom: f32, sigma: f32) -> Result<Self, ConfigError> {
        match (StudentT::new(degrees_of_freedom), precision(sigma)) {
            (Ok(t), Ok(_)) => Ok(Self {
                t,
                inverse_sigma: 1.0 / sigma,
            }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

impl GeneralizedLinear for RobustRegression {
    #[inline]
    fn slope(&self, z: f32, y: f32) -> f32 {
        self.inverse_sigma * self.t.slope(self.inverse_sigma * (z - y))
    }

    #[inline]
    fn energy(&self, z: f32, y: f32) -> f32 {
        self.t.energy(self.inverse_sigma * (z - y))
    }

    fn law(&self, z: f32, y: f32) -> Option<Law> {
        Some(self.t.law(self.inverse_sigma * (y - z), self.inverse_sigma))
    }
}

impl LocationScale for RobustRegression {}
