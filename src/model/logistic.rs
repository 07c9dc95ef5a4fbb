//! Logistic regression.

use super::{GeneralizedLinear, Law};
use crate::arithmetic::exp;

/// Logistic regression: y is 1 with probability p = 1/(1 + e^−z), z = xᵀθ, else 0;
/// −log p = log(1 + eᶻ) − yz.
///
/// Gradient and energy are finite for every finite z. A y between 0 and 1 is a fraction of successes.
///
/// ```
/// use langevin::{Model, Potential, Sample, StepError, model::{Flat, LogisticRegression}};
/// let model = Model::new(Flat, LogisticRegression);
/// let data = [Sample { x: [100.0], y: 0.0 }];
/// let mut gradient = [0.0];
/// model.posterior(&data).gradient(&[1.0], &mut gradient)?;
/// assert_eq!(gradient, [100.0]);
/// // What is neither 0 nor 1, nor between: refused.
/// let wrong = [Sample { x: [1.0], y: 7.0 }];
/// assert_eq!(model.posterior(&wrong).check(), Err(StepError::ImpossibleObservation));
/// # Ok::<(), StepError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogisticRegression;

impl GeneralizedLinear for LogisticRegression {
    #[inline]
    fn slope(&self, z: f32, y: f32) -> f32 {
        probability(z) - y
    }

    #[inline]
    fn energy(&self, z: f32, y: f32) -> f32 {
        // The linear part apart, so that a sure and right prediction costs exactly 0.
        let linear = if z > 0.0 { (1.0 - y) * z } else { -y * z };
        linear + libm::log1pf(exp(-z.abs()))
    }

    #[inline]
    fn slope_difference(&self, z: f32, anchor: f32, _: f32) -> f32 {
        probability(z) - probability(anchor)
    }

    /// Accepts y from 0 to 1.
    #[inline]
    fn accepts(&self, y: f32) -> bool {
        (0.0..=1.0).contains(&y)
    }

    fn law(&self, z: f32, y: f32) -> Option<Law> {
        // y is 0 or 1: what is observed, or nothing beyond it.
        let (at_most, at_least) = if y > 0.5 {
            (1.0, probability(z))
        } else {
            (probability(-z), 1.0)
        };
        Some(Law::Tails {
            at_most,
            at_least,
            log_density: -self.energy(z, y),
        })
    }
}

/// Returns 1/(1 + e^−z) within 1.2e-7, with z clamped to ±87. A polynomial without branches, because this is
/// most of the gradient's cost.
#[inline]
fn probability(z: f32) -> f32 {
    // e^−z = 2ᵏ·2ᶠ, k the nearest integer and |f| ≤ ½. Adding 1.5·2²³ rounds, and leaves k in the
    // lowest bits. NaN passes.
    const ROUND: f32 = 12_582_912.0;
    let t = z.clamp(-87.0, 87.0) * -core::f32::consts::LOG2_E;
    let rounded = t + ROUND;
    let f = t - (rounded - ROUND);
    // 2ᶠ: minimax with the constant term 1, relative error 1e-7.
    let p = 0.009_671_513 + f * 0.001_326_472_7;
    let p = 1.0 + f * (core::f32::consts::LN_2 + f * (0.240_222_42 + f * (0.055_507_336 + f * p)));
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000));
    1.0 / (1.0 + p * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn probability_is_accurate_everywhere() {
        for k in -1_000_000..=1_000_000_i32 {
            let z = k as f32 * 1e-4;
            let exact = 1.0 / (1.0 + (-f64::from(z)).exp());
            let error = f64::from(probability(z)) - exact;
            assert!(error.abs() < 1.2e-7, "{z}: off by {error}");
        }
        assert_eq!(probability(0.0), 0.5);
        assert_eq!(probability(f32::INFINITY), 1.0);
        assert!(probability(f32::NEG_INFINITY) < 1e-37);
        assert!(probability(f32::NAN).is_nan());
    }
}
