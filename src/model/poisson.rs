//! Poisson regression.

use super::{Likelihood, add_scaled, dot};
use crate::Sample;

/// Poisson regression with the logarithm as link: y ~ Poisson(eᶻ), z = xᵀθ; −log p = eᶻ − yz, up to a
/// constant.
///
/// Above z = 64, a rate of 6e27, the exponential goes on as its tangent: gradients stay finite where a
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

/// The last linear predictor whose exponential is taken.
const LAST: f32 = 64.0;

impl<const N: usize> Likelihood<Sample<N>, N> for PoissonRegression {
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Sample<N>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        let z = dot(&observation.x, theta);
        let rate = libm::expf(at_most_last(z));
        add_scaled(gradient, weight * (rate - observation.y), &observation.x);
    }

    #[inline]
    fn energy(&self, theta: &[f32; N], observation: &Sample<N>) -> f32 {
        let z = dot(&observation.x, theta);
        let bounded = at_most_last(z);
        libm::expf(bounded) * (1.0 + (z - bounded)) - observation.y * z
    }
}

/// `z`, or [`LAST`] when it is more; NaN stays NaN.
#[inline]
fn at_most_last(z: f32) -> f32 {
    if z > LAST { LAST } else { z }
}
