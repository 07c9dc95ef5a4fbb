//! Weak noise of two points, for schemes of weak order one.

use rand_core::TryRng;

use super::Noise;
use crate::StepError;

/// −1 and 1 with probability ½ each: the first three moments of N(0, 1), for one random bit a draw.
///
/// A scheme of weak order one keeps its order with it (Milstein & Tretyakov 2004, section 2.1), and
/// the stationary variance of SGLD on a quadratic is exactly what it is with Gaussian noise. The law
/// of a chain itself is not Gaussian: on U = kθ²/2 at ηk = 0.1, P(|θ| > 3 sd) is half the Gaussian
/// chain's. The fourth moment is 1, not 3, so that it is neither [`FiveMoments`](crate::noise::FiveMoments) nor
/// [`Gaussian`](crate::noise::Gaussian).
///
/// A `u32` lasts for 32 draws. Bits that are too few for the next call are dropped.
///
/// ```
/// use langevin::{Pcg32, SeedableRng, noise::{Noise, Rademacher}};
/// let mut noise = Rademacher::new(Pcg32::seed_from_u64(7));
/// let mut xi = [9.0_f32; 3];
/// noise.fill(&mut xi)?;
/// assert!(xi.iter().all(|x| x.abs() == 1.0));
/// # Ok::<(), langevin::StepError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rademacher<R> {
    rng: R,
    // Unused bits, the next one highest, and their number.
    bits: u32,
    left: u32,
}

impl<R> Rademacher<R> {
    /// Draws from `rng`.
    pub const fn new(rng: R) -> Self {
        Self {
            rng,
            bits: 0,
            left: 0,
        }
    }

    /// The generator, for other draws of the same stream.
    pub const fn rng_mut(&mut self) -> &mut R {
        &mut self.rng
    }
}

impl<R: TryRng> Noise for Rademacher<R> {
    #[inline]
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        for chunk in out.chunks_mut(32) {
            let needed = chunk.len() as u32;
            if self.left < needed {
                self.bits = self.rng.try_next_u32().map_err(|_| StepError::Random)?;
                self.left = 32;
            }
            let mut bits = self.bits;
            for sign in chunk {
                *sign = f32::from_bits(1.0_f32.to_bits() | (bits & 0x8000_0000));
                bits <<= 1;
            }
            self.bits = bits;
            self.left = self.left.wrapping_sub(needed);
        }
        Ok(())
    }
}

crate::checkpoint!(impl[R: crate::Checkpoint] for Rademacher<R> { rng: R, bits: u32, left: u32 });
