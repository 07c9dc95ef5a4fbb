//! Noise with three values, for steppers of weak order two and one.

use rand_core::TryRng;

use super::{FiveMoments, Noise};
use crate::{StepError, arithmetic::LONG_MULTIPLICATION};

/// Noise that is −√3, 0 or √3 with probabilities 1/6, 2/3 and 1/6, which has the first five moments of N(0, 1).
///
/// A stepper of weak order two keeps its order with this noise (Milstein & Tretyakov 2004, section 2.1), and on a quadratic
/// potential the stationary variance of SGLD is the same as with normal noise. The distribution of the chain is not normal,
/// however; its tails are those of a sum of many small steps. For U = kθ²/2 and ηk = 0.1, P(|θ| > 3 sd) is 0.99 of what
/// normal noise gives, and less for larger ηk. This noise does not suit a Metropolis test, so it is not
/// [`Gaussian`](crate::noise::Gaussian).
///
/// Each `u32` gives four draws, its four highest digits in base 6. Each of the 1296 quadruples has the probability 1/1296
/// within 2⁻³². Since √3 is rounded, the variance is 4e-8 too small; the odd moments are within 3e-8 of 0, and the fourth
/// moment is within 3e-7 of 3. Draws left over at the end of a call are dropped.
///
/// ```
/// use langevin::{Pcg32, SeedableRng, noise::{Noise, ThreePoint}};
/// let mut noise = ThreePoint::new(Pcg32::seed_from_u64(7));
/// let mut xi = [9.0; 3];
/// noise.fill(&mut xi)?;
/// assert!(xi.iter().all(|x| *x == 0.0 || x.abs() == 3.0_f32.sqrt()));
/// # Ok::<(), langevin::StepError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ThreePoint<R> {
    rng: R,
}

impl<R> ThreePoint<R> {
    /// Creates this noise from a generator.
    pub const fn new(rng: R) -> Self {
        Self { rng }
    }

    /// Returns the generator, for other draws from the same stream.
    pub const fn rng_mut(&mut self) -> &mut R {
        &mut self.rng
    }
}

/// Number of draws from one word.
const DIGITS: usize = 4;

const SQRT_3: f32 = 1.732_050_8;

/// The draws that belong to the digits in base 6, padded to eight.
const POINTS: [f32; 8] = [SQRT_3, 0.0, 0.0, 0.0, 0.0, -SQRT_3, 0.0, 0.0];

/// Returns the highest digit of `word`·2⁻³² in base 6 and the digits after it, as the halves of a 64-bit product.
#[inline]
fn split_wide(word: u32) -> (u32, u32) {
    let product = u64::from(word) * 6;
    ((product >> 32) as u32, product as u32)
}

/// Returns the same as [`split_wide`] by 32-bit products, for cores without a long multiplication.
#[inline]
fn split_narrow(word: u32) -> (u32, u32) {
    let low = (word & 0xffff) * 6;
    let high = (word >> 16) * 6 + (low >> 16);
    (high >> 16, word.wrapping_mul(6))
}

/// Returns the draw that belongs to the highest digit of `word`, and the digits after it.
#[inline]
fn draw(word: u32) -> (f32, u32) {
    let (digit, rest) = if LONG_MULTIPLICATION {
        split_wide(word)
    } else {
        split_narrow(word)
    };
    // Never the default: there are 8 points.
    let point = POINTS.get(digit as usize & 7).copied();
    (point.unwrap_or(0.0), rest)
}

impl<R: TryRng> Noise for ThreePoint<R> {
    #[inline]
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        for chunk in out.chunks_mut(DIGITS) {
            let mut word = self.rng.try_next_u32().map_err(|_| StepError::Random)?;
            for z in chunk {
                (*z, word) = draw(word);
            }
        }
        Ok(())
    }
}

impl<R: TryRng> FiveMoments for ThreePoint<R> {}

crate::checkpoint!(impl[R: crate::Checkpoint] for ThreePoint<R> { rng: R });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn both_ways_to_split_agree() {
        for word in (0..1_000_000_u32)
            .map(|i| i.wrapping_mul(4099))
            .chain([u32::MAX])
        {
            assert_eq!(split_wide(word), split_narrow(word), "{word:#x}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn digits_are_independent_and_have_the_moments() {
        const ALL: u64 = 6_u64.pow(DIGITS as u32);
        // The digits change only where word·6⁴ passes a multiple of 2³²: the number of words with
        // each quadruple is the distance between two such places.
        let start = |tuple: u64| (tuple << 32).div_ceil(ALL);
        let mut moments = [[0.0; 5]; DIGITS];
        for tuple in 0..ALL {
            let first = digits(start(tuple) as u32);
            assert_eq!(first, digits((start(tuple + 1) - 1) as u32));
            let number = first.iter().fold(0, |n, digit| 6 * n + u64::from(*digit));
            assert_eq!(number, tuple);
            let probability = (start(tuple + 1) - start(tuple)) as f64 / 4_294_967_296.0;
            assert!((probability - 1.0 / ALL as f64).abs() < 1.0 / 4_294_967_296.0);
            for (digit, moments) in first.into_iter().zip(&mut moments) {
                for (power, moment) in (1..).zip(moments) {
                    *moment += probability * f64::from(POINTS[digit as usize]).powi(power);
                }
            }
        }
        for [one, two, three, four, five] in moments {
            assert!(one.abs() < 3e-8 && three.abs() < 3e-8 && five.abs() < 3e-8);
            assert!((two - 1.0).abs() < 4e-8 && (four - 3.0).abs() < 3e-7);
        }
    }

    fn digits(mut word: u32) -> [u32; DIGITS] {
        [(); DIGITS].map(|()| {
            let digit;
            (digit, word) = split_wide(word);
            digit
        })
    }
}
