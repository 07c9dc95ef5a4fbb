//! Normal noise by the inverse distribution function in floats: one `u32`, one row of a table, one quadratic.

use rand_core::TryRng;

use super::{FiveMoments, Gaussian, Noise};
use crate::StepError;

mod table;
use table::TABLE;

/// Normal noise by the inverse distribution function in floats, for cores with a floating-point unit.
///
/// A word x gives the odd integer f = x | 1, read as signed and rounded to `f32`, and the draw ±Φ⁻¹(|f|·2⁻³²). Φ⁻¹ is
/// approximated by quadratics in |f|, eight for each power of two, so that the exponent and the three highest bits of the
/// mantissa select the piece. The table takes 4 kB.
///
/// Over all 2³² words the variance is within 1e-6 of 1, the distribution function within 5e-6 of Φ, the odd moments are
/// exactly 0, and the largest draw is 6.23.
///
/// Each draw takes one `u32` and the same few operations, so the worst case equals the average.
///
/// ```
/// use langevin::{Pcg32, SeedableRng, noise::{InverseCdf, Noise}};
/// let mut noise = InverseCdf::new(Pcg32::seed_from_u64(7));
/// let mut xi = [0.0; 3];
/// noise.fill(&mut xi)?;
/// # Ok::<(), langevin::StepError>(())
/// ```
#[derive(Clone, Debug)]
pub struct InverseCdf<R> {
    rng: R,
}

impl<R> InverseCdf<R> {
    /// Creates normal noise from a generator.
    pub const fn new(rng: R) -> Self {
        Self { rng }
    }

    /// Returns the generator, for other draws from the same stream.
    pub const fn rng_mut(&mut self) -> &mut R {
        &mut self.rng
    }
}

/// One piece a + b|f| + c|f|², padded to four words so that a shift finds it, which saves five instructions per draw on a
/// Cortex-M4.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Piece([f32; 3]);

/// Returns the draw that belongs to a word.
#[inline]
fn normal(word: u32) -> f32 {
    let f = (word | 1).cast_signed() as f32;
    // The low five bits of the exponent and the high three of the mantissa.
    let row = (f.to_bits() >> 20) & 0xff;
    // Never the default: the table has 256 rows.
    let Piece([a, b, c]) = TABLE.get(row as usize).copied().unwrap_or(Piece([0.0; 3]));
    let size = f.abs();
    ((c * size + b) * size + a).copysign(f)
}

impl<R: TryRng> Noise for InverseCdf<R> {
    #[inline]
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        for z in out {
            *z = normal(self.rng.try_next_u32().map_err(|_| StepError::Random)?);
        }
        Ok(())
    }
}

impl<R: TryRng> FiveMoments for InverseCdf<R> {}
impl<R: TryRng> Gaussian for InverseCdf<R> {}

crate::checkpoint!(impl[R: crate::Checkpoint] for InverseCdf<R> { rng: R });

#[cfg(test)]
mod tests {
    use std::{format, string::String};

    use super::super::quantile::{self, upper_tail};
    use super::*;

    /// Row r holds the floats whose exponent E has E + 127 ≡ r / 8 (mod 32), E from 0 to 31; of the
    /// last only 2³¹ occurs, whose normal is 0.
    fn generate() -> String {
        let mut text = String::from(
            "//! Written by the test `table_is_what_its_generator_makes`: run it with \
             `LANGEVIN_WRITE_TABLES=1`.\n\n\
             use super::Piece;\n\n\
             /// Each piece is one eighth of one power of two.\n\
             #[rustfmt::skip]\n\
             pub(super) static TABLE: [Piece; 256] = [\n",
        );
        for row in 0..256 {
            let exponent = ((row >> 3) + 1) & 31;
            let [a, b, c] = if exponent == 31 {
                [0.0; 3]
            } else {
                let width = libm::exp2(f64::from(exponent - 3));
                let low = width * f64::from(8 + (row & 7));
                quantile::fit(low, low + width).map(|c| c as f32)
            };
            text += &format!("    Piece([{a:?}, {b:?}, {c:?}]),\n");
        }
        text + "];\n"
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn table_is_what_its_generator_makes() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/noise/inverse_cdf/table.rs"
        );
        let text = generate();
        if std::env::var_os("LANGEVIN_WRITE_TABLES").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn signs_mirror_each_other() {
        for word in (0..1_000_000).map(|i: u32| i * 4099) {
            let mirrored = (word | 1).wrapping_neg();
            assert_eq!(normal(mirrored), -normal(word), "{word:#x}");
        }
    }

    #[test]
    fn ends_of_the_range() {
        assert!((f64::from(normal(0)) - quantile::of(1.0)).abs() < 1e-5);
        assert!((normal(1) - 6.23).abs() < 0.01);
        assert!(normal(0x7fff_ffff).abs() < 1e-5);
        assert!(normal(0x8000_0000).abs() < 1e-5);
    }

    #[test]
    #[ignore = "slow: all 2³⁰ positive words that differ"]
    fn law_over_all_inputs() {
        let mut squares = 0.0;
        let mut worst: f64 = 0.0;
        let mut last = f32::NAN;
        for word in (1..1_u32 << 31).step_by(2) {
            let z = normal(word);
            squares += f64::from(z) * f64::from(z);
            if z != last {
                last = z;
                // When no draw's own probability is off by more than ε, then the distribution
                // function is not off by more than ε and half a step of 2⁻³¹.
                worst = worst.max((upper_tail(z.into()) - f64::from(word) / 4_294_967_296.0).abs());
            }
        }
        let variance = squares / f64::from(1 << 30);
        std::eprintln!("variance - 1 = {:e}, worst = {worst:e}", variance - 1.0);
        assert!((variance - 1.0).abs() < 1e-6, "{variance}");
        assert!(worst < 5e-6, "{worst}");
    }
}
