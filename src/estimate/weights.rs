//! The sum of weights behind every estimate, and a sample's share in it.

use super::Sum;
use crate::ConfigError;

/// W ← λW + w, and the share α = w/W with which a sample of weight w enters.
///
/// With λ = 1 estimates are plain, with λ = 1 − 1/horizon they forget: W then ends at the horizon
/// times the mean weight, and α no longer tends to 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Weights {
    total: Sum,
    // 1 − λ.
    fade: f32,
    refused: u32,
}

impl Weights {
    pub const PLAIN: Self = Self {
        total: Sum::ZERO,
        fade: 0.0,
        refused: 0,
    };

    pub const fn forgetting(horizon: f32) -> Result<Self, ConfigError> {
        match ConfigError::check(
            horizon >= 1.0 && horizon.is_finite(),
            "horizon",
            "finite and >= 1",
            horizon,
        ) {
            Ok(horizon) => Ok(Self {
                fade: 1.0 / horizon,
                ..Self::PLAIN
            }),
            Err(error) => Err(error),
        }
    }

    /// The weights with one more, and its share; `None` when the weight is not finite and > 0, or
    /// the sum would overflow.
    #[inline]
    pub fn with(mut self, weight: f32) -> Option<(Self, f32)> {
        // One after the other: a small weight is not lost in a large one that fades at once.
        self.total.add(-self.fade * self.total.hi);
        self.total.add(weight);
        // False for NaN too.
        if weight > 0.0 && self.total.hi > 0.0 && self.total.hi < f32::INFINITY {
            Some((self, (weight / self.total.hi).min(1.0)))
        } else {
            None
        }
    }

    /// Adds the other's total, and gives its share in the sum; `None` when the other's is 0, or the
    /// sum overflows.
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

    pub const fn refused(&self) -> u32 {
        self.refused
    }

    #[cold]
    pub const fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    pub const fn clear(&mut self) {
        self.total = Sum::ZERO;
    }
}

crate::checkpoint!(impl[] for Weights { total: Sum, fade: f32, refused: u32 });
