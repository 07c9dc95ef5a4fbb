//! The sum of the weights behind every estimate, and the share of a sample in it.

use super::Sum;
use crate::ConfigError;

/// The sum of weights W ← λW + w, and the count of rejected samples.
///
/// A sample of weight w enters an estimate with the share α = w/W. With λ = 1 nothing is forgotten; with
/// λ = 1 − 1/horizon W tends to the horizon times the mean weight, and α no longer tends to 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Weights {
    total: Sum,
    // 1 − λ.
    forgetting: f32,
    rejected: u32,
}

impl Weights {
    /// Creates an empty sum that forgets nothing.
    pub const fn new() -> Self {
        Self {
            total: Sum::ZERO,
            forgetting: 0.0,
            rejected: 0,
        }
    }

    /// Creates an empty sum that forgets.
    ///
    /// # Errors
    /// Returns an error unless `horizon` is finite and ≥ 1.
    pub const fn forgetting(horizon: f32) -> Result<Self, ConfigError> {
        match ConfigError::check(
            horizon >= 1.0 && horizon.is_finite(),
            "horizon",
            "finite and >= 1",
            horizon,
        ) {
            Ok(horizon) => Ok(Self {
                forgetting: 1.0 / horizon,
                ..Self::new()
            }),
            Err(error) => Err(error),
        }
    }

    /// Returns the sum with one more weight, and the share of that weight. Returns `None` if the weight is not finite
    /// and > 0, or if the sum would overflow.
    #[inline]
    pub fn with(mut self, weight: f32) -> Option<(Self, f32)> {
        // One after the other, so that a small weight is not lost in a large one that is forgotten at once.
        self.total.add(-self.forgetting * self.total.hi);
        self.total.add(weight);
        // False for NaN too.
        if weight > 0.0 && self.total.hi > 0.0 && self.total.hi < f32::INFINITY {
            Some((self, (weight / self.total.hi).min(1.0)))
        } else {
            None
        }
    }

    /// Returns both sums together, and the share of the other one. Returns `None` if the other one is empty or if the sum
    /// would overflow.
    pub fn merged(mut self, other: &Self) -> Option<(Self, f32)> {
        self.total.add(other.total.hi);
        self.total.add(other.total.lo);
        if other.total.hi > 0.0 && self.total.hi < f32::INFINITY {
            Some((self, (other.total.hi / self.total.hi).min(1.0)))
        } else {
            None
        }
    }

    pub const fn total(&self) -> f32 {
        self.total.hi
    }

    /// Returns (Σw)²/Σw² for samples of weight 1: their number, or with forgetting up to twice the horizon.
    pub const fn equivalent(&self) -> f32 {
        let total = self.total.hi;
        total * (2.0 - self.forgetting) / (2.0 - total * self.forgetting)
    }

    pub const fn is_empty(&self) -> bool {
        self.total.hi == 0.0
    }

    pub const fn rejected(&self) -> u32 {
        self.rejected
    }

    #[cold]
    pub const fn reject(&mut self) {
        self.rejected = self.rejected.saturating_add(1);
    }

    pub const fn clear(&mut self) {
        self.total = Sum::ZERO;
    }
}

crate::checkpoint!(impl[] for Weights { total: Sum, forgetting: f32, rejected: u32 }
    if |weights| weights.total.hi >= 0.0 && (0.0..=1.0).contains(&weights.forgetting));
