//! Normal noise by the inverse distribution function in integers.

use rand_core::TryRng;

use super::{FiveMoments, Gaussian, Noise};
use crate::StepError;

mod table;
use table::TABLE;

/// Normal noise by the inverse distribution function in integers, for cores without a floating-point unit (M0+, M3).
///
/// The highest bit of a word is the sign. The other 31 bits, plus half a step, are the probability p of a tail. Φ⁻¹(p) is
/// approximated by quadratics, eight for each power of two, in 16-bit products. The result is assembled as a float without
/// a float operation. The table takes 2 kB.
///
/// Over all 2³² words the variance is within 1e-6 of 1, the distribution function within 5e-6 of Φ, the odd moments are
/// exactly 0, and the largest draw is 6.34.
///
/// Each draw takes one `u32` and the same few operations, so the worst case equals the average.
///
/// ```
/// use langevin::{Pcg32, SeedableRng, noise::{FixedInverseCdf, Noise}};
/// let mut noise = FixedInverseCdf::new(Pcg32::seed_from_u64(7));
/// let mut xi = [0.0; 3];
/// noise.fill(&mut xi)?;
/// # Ok::<(), langevin::StepError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FixedInverseCdf<R> {
    rng: R,
}

impl<R> FixedInverseCdf<R> {
    /// Creates normal noise from a generator.
    pub const fn new(rng: R) -> Self {
        Self { rng }
    }

    /// Returns the generator, for other draws from the same stream.
    pub const fn rng_mut(&mut self) -> &mut R {
        &mut self.rng
    }
}

/// Returns (b − (c·t >> 19))·t >> 7, by which a quadratic has fallen from its start, in units of 2⁻²⁸.
#[inline]
const fn fall(b: u16, c: u16, t: u32) -> u32 {
    (b as u32)
        .wrapping_sub((c as u32).wrapping_mul(t) >> 19)
        .wrapping_mul(t)
        >> 7
}

/// Returns the draw that belongs to a word.
#[inline]
fn normal(word: u32) -> f32 {
    // p = u·2⁻³³.
    let u = (word << 1) | 1;
    let octave = u.leading_zeros();
    let mantissa = u.wrapping_shl(octave);
    let row = (octave << 3) | ((mantissa >> 28) & 7);
    // Never the default: the table has 256 rows.
    let (a, b, c) = TABLE.get(row as usize).copied().unwrap_or((1, 0, 0));
    // In units of 2⁻²⁸, and never 0.
    let z = a.wrapping_sub(fall(b, c, (mantissa >> 12) & 0xffff));
    let shift = z.leading_zeros();
    // The mantissa's leading bit adds one to the exponent.
    let exponent = 129_u32.wrapping_sub(shift) << 23;
    let magnitude = exponent.wrapping_add(z.wrapping_shl(shift) >> 8);
    f32::from_bits(magnitude | (word & 0x8000_0000))
}

impl<R: TryRng> Noise for FixedInverseCdf<R> {
    #[inline]
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        for z in out {
            *z = normal(self.rng.try_next_u32().map_err(|_| StepError::Random)?);
        }
        Ok(())
    }
}

impl<R: TryRng> FiveMoments for FixedInverseCdf<R> {}
impl<R: TryRng> Gaussian for FixedInverseCdf<R> {}

crate::checkpoint!(impl[R: crate::Checkpoint] for FixedInverseCdf<R> { rng: R });

#[cfg(test)]
mod tests {
    use std::{format, string::String};

    use super::super::quantile::{self, upper_tail};
    use super::*;

    /// Units of the result in 1.
    const ONE: f64 = 268_435_456.0;

    /// a, b and c of the row whose tails p·2³² lie in [low, high).
    fn row(low: f64, high: f64) -> (u32, u16, u16) {
        let width = high - low;
        let [_, slope, bend] = quantile::fit(low, high);
        // Per t²·2⁻³² in units of 2⁻²² and per t·2⁻¹⁶ in units of 2⁻¹⁹; half a unit more on the
        // slope for the product that is rounded down.
        let c = libm::round(bend * width * width * ONE / 64.0) as u16;
        let b = libm::round(-(slope + 2.0 * bend * low) * width * ONE / 512.0 + 0.5) as u16;
        // The start that makes the largest error up as large as the largest down, with t in the
        // middle of its step.
        let starts = (0..=512_u32).map(|i| (i * 128).min(65_535)).map(|t| {
            quantile::of(low + width * (f64::from(t) + 0.5) / 65_536.0) * ONE
                + f64::from(fall(b, c, t))
        });
        let (lowest, highest) = starts.fold((f64::INFINITY, 0.0_f64), |(low, high), start| {
            (low.min(start), high.max(start))
        });
        (libm::round(0.5 * (lowest + highest)) as u32, b, c)
    }

    fn generate() -> String {
        let mut text = String::from(
            "//! Written by the test `table_is_what_its_generator_makes`: run it with \
             `LANGEVIN_WRITE_TABLES=1`.\n\n\
             /// Rows (a, b, c): one eighth of one power of two, in units of 2⁻²⁸, 2⁻¹⁹ and 2⁻²².\n\
             #[rustfmt::skip]\n\
             pub const TABLE: [(u32, u16, u16); 256] = [\n",
        );
        for index in 0..256 {
            let width = libm::exp2(f64::from(27 - (index >> 3)));
            let low = width * f64::from(8 + (index & 7));
            let (a, b, c) = row(low, low + width);
            text += &format!("    ({a}, {b}, {c}),\n");
        }
        text + "];\n"
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn table_is_what_its_generator_makes() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/noise/fixed_inverse_cdf/table.rs"
        );
        let text = generate();
        if std::env::var_os("LANGEVIN_WRITE_TABLES").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    }

    #[test]
    fn ends_of_the_range() {
        assert!(
            (f64::from(normal(0)) - quantile::of(0.5)).abs() < 1e-4,
            "{}",
            normal(0)
        );
        let least = normal(0x7fff_ffff);
        assert!(least > 0.0 && least < 1e-5);
        assert_eq!(normal(u32::MAX), -least);
    }

    #[test]
    #[ignore = "slow: all 2³¹ positive words"]
    fn law_over_all_inputs() {
        let mut squares = 0.0;
        let mut worst: f64 = 0.0;
        let mut last = f32::NAN;
        for word in 0..1_u32 << 31 {
            let z = normal(word);
            squares += f64::from(z) * f64::from(z);
            // Both ends of each run of equal draws.
            if z != last {
                let p = f64::from(word) / 4_294_967_296.0;
                let ends = (upper_tail(z.into()) - p).abs();
                worst = worst.max(ends).max((upper_tail(last.into()) - p).abs());
                last = z;
            }
            assert!(z > 0.0 && z < 6.4);
        }
        let variance = squares / f64::from(1_u32 << 31);
        std::eprintln!("variance - 1 = {:e}, worst = {worst:e}", variance - 1.0);
        assert!((variance - 1.0).abs() < 1e-6, "{variance}");
        assert!(worst < 5e-6, "{worst}");
    }
}
