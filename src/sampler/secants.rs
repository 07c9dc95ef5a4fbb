//! The curvature a chain meets, from the gradients of successive steps.

use crate::arithmetic::sqrt;

/// Steps of a block, of which the largest curvature counts: the mean of its logarithm over blocks is
/// that of a quantile of about 0.99.
const BLOCK: u8 = 64;
/// How many times its expectation the noise of a step's change of gradient is taken to be, at worst.
///
/// What this hides is stable all the same: where gradient noise of variance V may add at most 2.5 %
/// to a variance, ηV ≤ 0.05, a curvature k that drowns in five times the expectation has
/// ηk ≤ √(5ηV) = 0.5.
const WORST: f32 = 5.0;
/// Blocks that the mean goes back, in order of magnitude.
const MEMORY: u8 = 64;

/// Geometric mean of the largest secant curvatures, |Δg|/|Δφ| in whitened coordinates, of blocks of 64
/// steps: a high quantile, in three words.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Secants {
    largest: f32,
    logarithm: f32,
    in_block: u8,
    blocks: u8,
}

impl Secants {
    /// All zeros, to be set in place.
    pub const BLANK: Self = Self {
        largest: 0.0,
        logarithm: 0.0,
        in_block: 0,
        blocks: 0,
    };

    /// Of no step yet: as if one block had met a curvature of 2.
    pub const fn new() -> Self {
        Self {
            largest: 0.0,
            logarithm: core::f32::consts::LN_2,
            in_block: 0,
            blocks: 1,
        }
    }

    /// In other coordinates: what was seen counts as one block.
    pub const fn carry(&mut self) {
        self.blocks = 1;
        self.largest = 0.0;
        self.in_block = 0;
    }

    /// Takes in a step: the squared change of its gradient, how much of that is noise on average, and
    /// the step's squared length. Gives the curvature; NaN or infinite where there is none.
    pub fn push(&mut self, changed: f32, noise: f32, length: f32) -> f32 {
        let curvature = sqrt((changed - WORST * noise).max(0.0) / length);
        if curvature.is_finite() {
            self.largest = self.largest.max(curvature);
            self.in_block += 1;
            if self.in_block >= BLOCK {
                self.close();
            }
        }
        curvature
    }

    fn close(&mut self) {
        self.blocks = self.blocks.saturating_add(1).min(MEMORY);
        // No curvature at all is a flat or drowned one.
        let logarithm = libm::logf(self.largest.max(1e-6));
        self.logarithm += (logarithm - self.logarithm) / f32::from(self.blocks);
        self.largest = 0.0;
        self.in_block = 0;
    }

    /// Whether a block has just been completed.
    pub const fn at_block(&self) -> bool {
        self.in_block == 0
    }

    /// The high quantile.
    pub fn curvature(&self) -> f32 {
        crate::arithmetic::exp(self.logarithm)
    }
}

crate::checkpoint!(impl[] for Secants { largest: f32, logarithm: f32, in_block: u8, blocks: u8 });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn quantile_of_a_known_law_is_about_the_99th() {
        // Curvatures u = 1/1024, 2/1024, ... in a scattered order: the 0.99 quantile is 0.99.
        let mut secants = Secants::new();
        for i in 0..64 * 64_u32 {
            let u = ((i * 661) % 1024 + 1) as f32 / 1024.0;
            secants.push(u * u * 4.0 + 0.5, 0.1, 4.0);
        }
        let curvature = secants.curvature();
        assert!((0.97..1.02).contains(&curvature), "{curvature}");
    }

    #[test]
    fn noise_alone_is_no_curvature() {
        let mut secants = Secants::new();
        for _ in 0..64 {
            assert_eq!(secants.push(1.0, 0.3, 4.0), 0.0);
        }
        assert!(secants.curvature() < 2e-3);
        assert!(!secants.push(1.0, 0.0, 0.0).is_finite());
        assert!(!secants.push(f32::NAN, 0.0, 0.0).is_normal());
    }
}
