//! A generator from a closure, for hardware and for older versions of `rand_core`.

use core::fmt;

use rand_core::{TryRng, utils};

/// A random number generator from a closure that returns the next `u32`.
///
/// Use it for a hardware generator, and for a generator with the traits of an older `rand_core` (0.6 or 0.9), on which most
/// hardware abstraction layers still depend. The error of the closure may be of any type; a step then returns
/// [`StepError::Random`](crate::StepError::Random).
///
/// ```
/// use langevin::{BoxMuller, noise::{FromFn, Noise}};
/// # struct Trng(u32);
/// # impl Trng { fn read(&mut self) -> Result<u32, ()> { self.0 = self.0.wrapping_mul(747_796_405).wrapping_add(1); Ok(self.0) } }
/// # struct Old(u32);
/// # impl Old { fn next_u32(&mut self) -> u32 { self.0 += 1; self.0 } }
/// # let (mut trng, mut old) = (Trng(1), Old(1));
/// // A register that may fail.
/// let mut noise = BoxMuller::new(FromFn::new(|| trng.read()));
/// # noise.fill(&mut [0.0; 3])?;
/// // `RngCore` of rand_core 0.6 or 0.9.
/// let mut noise = BoxMuller::new(FromFn::new(|| Ok::<u32, ()>(old.next_u32())));
/// # noise.fill(&mut [0.0; 3])?;
/// # Ok::<(), langevin::StepError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FromFn<F> {
    next: F,
}

impl<F> FromFn<F> {
    /// Creates a generator from a closure.
    pub const fn new(next: F) -> Self {
        Self { next }
    }
}

/// The error of a [`FromFn`] whose closure failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GeneratorError;

impl fmt::Display for GeneratorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("random number generator failed")
    }
}

impl core::error::Error for GeneratorError {}

impl<F: FnMut() -> Result<u32, E>, E> TryRng for FromFn<F> {
    type Error = GeneratorError;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, GeneratorError> {
        (self.next)().map_err(|_| GeneratorError)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, GeneratorError> {
        utils::next_u64_via_u32(self)
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), GeneratorError> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pcg32, SeedableRng, StepError, noise::Noise};

    #[test]
    fn returns_the_words_of_the_closure_and_its_failure() {
        let mut plain = Pcg32::seed_from_u64(7);
        let mut inner = Pcg32::seed_from_u64(7);
        let mut left = 12;
        let mut rng = FromFn::new(|| {
            left -= 1;
            if left < 0 {
                Err("empty")
            } else {
                Ok(inner.try_next_u32().unwrap_or(0))
            }
        });
        assert_eq!(rng.try_next_u32(), Ok(plain.try_next_u32().unwrap()));
        assert_eq!(rng.try_next_u64(), Ok(plain.try_next_u64().unwrap()));
        let (mut a, mut b) = ([0; 7], [0; 7]);
        rng.try_fill_bytes(&mut a).unwrap();
        plain.try_fill_bytes(&mut b).unwrap();
        assert_eq!(a, b);
        let mut noise = crate::BoxMuller::new(rng);
        let mut draws = [0.0; 4];
        assert_eq!(noise.fill(&mut draws), Ok(()));
        assert_eq!(noise.fill(&mut draws), Err(StepError::Random));
    }
}
