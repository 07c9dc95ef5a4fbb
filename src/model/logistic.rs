//! Logistic regression.

use super::{Likelihood, add_scaled, dot};
use crate::Sample;

/// Logistic regression: y is 1 with probability p = 1/(1 + e^−z), z = xᵀθ, else 0;
/// −log p = log(1 + eᶻ) − yz.
///
/// Gradient and energy are finite for every finite z. A y between 0 and 1 is taken as a fraction of
/// successes.
///
/// ```
/// use langevin::{Flat, LogisticRegression, Model, Potential, Sample};
/// let model = Model::new(Flat, LogisticRegression);
/// let data = [Sample { x: [100.0], y: 0.0 }];
/// let mut gradient = [0.0];
/// model.on(&data).gradient(&[1.0], &mut gradient)?;
/// assert_eq!(gradient, [100.0]);
/// # Ok::<(), langevin::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogisticRegression;

impl<const N: usize> Likelihood<Sample<N>, N> for LogisticRegression {
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Sample<N>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        let z = dot(&observation.x, theta);
        // e^−z may overflow: the probability is then 0, as it should be.
        let p = 1.0 / (1.0 + libm::expf(-z));
        add_scaled(gradient, weight * (p - observation.y), &observation.x);
    }

    #[inline]
    fn energy(&self, theta: &[f32; N], observation: &Sample<N>) -> f32 {
        let z = dot(&observation.x, theta);
        // The linear part apart, so that a sure and right prediction costs exactly 0.
        let linear = if z > 0.0 {
            (1.0 - observation.y) * z
        } else {
            -observation.y * z
        };
        linear + libm::log1pf(libm::expf(-z.abs()))
    }
}
