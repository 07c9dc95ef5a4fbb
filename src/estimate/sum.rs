//! A running sum that does not stall: Kahan's compensated summation.

use crate::arithmetic::finite;

/// A number held as the unevaluated sum of two floats, some 48 bits together.
///
/// In a plain `f32` an addend below half an ulp of the sum is lost, and so are all that follow: a count stops at
/// 2²⁴, a mean stops as soon as its increments are that small. Here the rounding error is kept and added the next time
/// (Kahan 1965).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sum {
    /// The sum, rounded.
    pub hi: f32,
    /// The part of the sum that the rounding left out.
    pub lo: f32,
}

impl Sum {
    pub const ZERO: Self = Self::new(0.0);

    pub const fn new(hi: f32) -> Self {
        Self { hi, lo: 0.0 }
    }

    #[inline]
    pub const fn add(&mut self, x: f32) {
        let y = x + self.lo;
        let hi = self.hi + y;
        self.lo = y - (hi - self.hi);
        self.hi = hi;
    }

    /// Makes a sum that rounding has left below 0, such as a variance, 0.
    #[inline]
    pub const fn clear_sign(&mut self) {
        // The sign bit: a comparison of floats costs more where they are emulated.
        if self.hi.to_bits().cast_signed() < 0 {
            self.hi = 0.0;
        }
    }

    /// Returns `x` − self.
    #[inline]
    pub const fn distance_to(self, x: f32) -> f32 {
        (x - self.hi) - self.lo
    }

    /// Returns `other` − self.
    #[inline]
    pub const fn distance_to_sum(self, other: Self) -> f32 {
        (other.hi - self.hi) + (other.lo - self.lo)
    }
}

crate::checkpoint!(impl[] for Sum { hi: f32, lo: f32 } if |sum| finite(&[sum.hi, sum.lo]));

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn counts_past_the_last_odd_float() {
        let mut plain = 16_777_215.0_f32;
        let mut sum = Sum::new(plain);
        for _ in 0..1001 {
            plain += 1.0;
            sum.add(1.0);
        }
        assert_eq!(plain, 16_777_216.0);
        assert_eq!(f64::from(sum.hi) + f64::from(sum.lo), 16_778_216.0);
    }
}
