//! Noise with two values, for steppers of weak order one.

use rand_core::TryRng;

use super::Noise;
use crate::StepError;

/// Noise that is −1 or 1 with probability ½ each, which has the first three moments of N(0, 1) for one random bit per draw.
///
/// A stepper of weak order one keeps its order with this noise (Milstein & Tretyakov 2004, section 2.1), and on a quadratic
/// potential the stationary variance of SGLD is the same as with normal noise. The distribution of the chain is not normal,
/// however: for U = kθ²/2 and ηk = 0.1, P(|θ| > 3 sd) is half of what normal noise gives. The fourth moment is 1 instead
/// of 3, so this noise is neither [`FiveMoments`](crate::noise::FiveMoments) nor [`Gaussian`](crate::noise::Gaussian).
///
/// One `u32` lasts for 32 draws. Remaining bits are dropped if they are too few for the next call.
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
    // The unused bits, of which the highest is the next one, and their number.
    bits: u32,
    left: u32,
}

impl<R> Rademacher<R> {
    /// Creates this noise from a generator.
    pub const fn new(rng: R) -> Self {
        Self {
            rng,
            bits: 0,
            left: 0,
        }
    }

    /// Returns the generator, for other draws from the same stream.
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

crate::checkpoint!(impl[R: crate::Checkpoint] for Rademacher<R> { rng: R, bits: u32, left: u32 }
    if |noise| noise.left <= 32);
