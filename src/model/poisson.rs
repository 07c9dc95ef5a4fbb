//! Poisson regression.

use super::{GeneralizedLinear, Law, law};
use crate::arithmetic::exp;

/// Poisson regression with the logarithm as link: y ~ Poisson(eᶻ), z = xᵀθ; −log p = eᶻ − yz, up to a
/// constant.
///
/// Above z = 64, a rate of 6e27, the exponential continues as its tangent: gradients stay finite where a
/// proposal went astray, and the way back stays downhill.
///
/// ```
/// use langevin::{Model, Potential, Sample, model::{Flat, PoissonRegression}};
/// let model = Model::new(Flat, PoissonRegression);
/// let data = [Sample { x: [1.0], y: 3.0 }];
/// let mut gradient = [0.0];
/// model.posterior(&data).gradient(&[0.0], &mut gradient)?;
/// assert_eq!(gradient, [-2.0]);
/// # Ok::<(), langevin::StepError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoissonRegression;

/// The last predictor whose exponential is taken.
const LAST: f32 = 64.0;

impl GeneralizedLinear for PoissonRegression {
    #[inline]
    fn slope(&self, z: f32, y: f32) -> f32 {
        exp(at_most_last(z)) - y
    }

    #[inline]
    fn energy(&self, z: f32, y: f32) -> f32 {
        let bounded = at_most_last(z);
        exp(bounded) * (1.0 + (z - bounded)) - y * z
    }

    #[inline]
    fn slope_difference(&self, z: f32, anchor: f32, _: f32) -> f32 {
        exp(at_most_last(z)) - exp(at_most_last(anchor))
    }

    /// Accepts every finite y ≥ 0.
    #[inline]
    fn accepts(&self, y: f32) -> bool {
        y >= 0.0 && y.is_finite()
    }

    fn law(&self, z: f32, y: f32) -> Option<Law> {
        Some(law::poisson(exp(at_most_last(z)), y))
    }
}

/// Returns `z`, or [`LAST`] when it is more. NaN stays NaN.
#[inline]
fn at_most_last(z: f32) -> f32 {
    if z > LAST { LAST } else { z }
}
