//! The Box–Muller transform: two uniform numbers give two normal ones, √(−2 ln u₁)·(cos 2πu₂, sin 2πu₂).

use core::f32::consts::{LN_2, TAU};

use micromath::F32;
use rand_core::TryRng;

use super::{FiveMoments, Gaussian, Noise};
use crate::{StepError, arithmetic::sqrt};

/// The arithmetic by which [`BoxMuller`] computes radius and direction.
pub trait Backend {
    /// Returns √(−2 ln u), where u = (`bits` | 1)·2⁻³² is in (0, 1].
    fn radius(bits: u32) -> f32;
    /// Returns cosine and sine of an angle that is uniform over the turn if `bits` are uniform.
    fn direction(bits: u32) -> (f32, f32);
}

/// The default backend of [`BoxMuller`]: short minimax polynomials in `f32`.
///
/// The logarithm has a relative error below 4e-7 and no special cases, since u is never 0, subnormal or above 1. Sine
/// and cosine have an absolute error below 1.5e-7 and need no range reduction, since two bits of the integer are the
/// quadrant. The square root is exact.
#[derive(Clone, Copy, Debug, Default)]
pub struct Minimax;

/// A backend of [`BoxMuller`] that uses `logf`, `sqrtf` and `sincosf` of libm.
///
/// It follows the formula literally and serves as a reference. libm's `sincosf` computes in `f64`, which a Cortex-M must
/// emulate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Libm;

/// A backend of [`BoxMuller`] that uses the approximations of micromath.
///
/// It computes ln(1/u), where micromath's `ln` is accurate, and an exact square root, since micromath's own makes the
/// variance 12 % too large. The variance is still 6e-4 too large, and the distribution function is off by up to 3e-4.
/// [`Minimax`] is as fast and more accurate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Micromath;

/// Returns u = (`bits` | 1)·2⁻³², at least 2⁻³²: the longest radius is 6.66.
#[inline]
fn unit(bits: u32) -> f32 {
    (bits | 1) as f32 * (1.0 / 4_294_967_296.0)
}

/// Returns −2 ln u, where u = (`bits` | 1)·2⁻³².
#[inline]
fn minus_two_ln(bits: u32) -> f32 {
    // u = 2^k (1 + x) with 1 + x in [√½, √2). Adding the difference between the bits of 1 and of √½ makes the exponent
    // change at √½.
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let shifted = ((bits | 1) as f32)
        .to_bits()
        .wrapping_add(0x3f80_0000 - SQRT_HALF);
    let k = (shifted >> 23).cast_signed().wrapping_sub(159) as f32;
    let x = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(SQRT_HALF)) - 1.0;
    // Minimax polynomial of −2 ln(1 + x)/x.
    let p = -0.322_524_96 + x * 0.197_907_02;
    let p = -0.398_266_97 + x * (0.345_564_13 + x * p);
    let p = -0.666_692_14 + x * (0.499_378_14 + x * p);
    let p = -1.999_999_9 + x * (1.000_007_5 + x * p);
    x * p + k * (-2.0 * LN_2)
}

/// Returns cos πv/2 and sin πv/2 for |v| ≤ ½, within 1.5e-7 (relative for the sine).
#[inline]
pub(crate) fn quarter_turn(v: f32) -> (f32, f32) {
    let w = v * v;
    let s = v * (1.570_796_4 + w * (-0.645_963_5 + w * (0.079_680_23 + w * -0.004_602_177)));
    let c = 1.0 + w * (-1.233_697 + w * (0.253_598_63 + w * -0.020_408_353));
    (c, s)
}

impl Backend for Minimax {
    #[inline]
    fn radius(bits: u32) -> f32 {
        sqrt(minus_two_ln(bits))
    }

    #[inline]
    fn direction(bits: u32) -> (f32, f32) {
        // Two bits are the quarter turn, the others v in [-1/2, 1/2) around its middle. The middle of the first quarter is
        // taken as angle 0, which makes no difference for a uniform angle.
        let v = ((bits << 2).cast_signed()) as f32 * (1.0 / 4_294_967_296.0);
        let (c, s) = quarter_turn(v);
        // Bit 30 turns by a quarter, bit 31 by a half.
        let half = bits & 0x8000_0000;
        let (c, s) = if bits & 0x4000_0000 == 0 {
            (c, s)
        } else {
            (-s, c)
        };
        (
            f32::from_bits(c.to_bits() ^ half),
            f32::from_bits(s.to_bits() ^ half),
        )
    }
}

impl Backend for Libm {
    #[inline]
    fn radius(bits: u32) -> f32 {
        libm::sqrtf(-2.0 * libm::logf(unit(bits)))
    }

    #[inline]
    fn direction(bits: u32) -> (f32, f32) {
        let (s, c) = libm::sincosf(bits as f32 * (TAU / 4_294_967_296.0));
        (c, s)
    }
}

impl Backend for Micromath {
    #[inline]
    fn radius(bits: u32) -> f32 {
        sqrt(2.0 * F32(1.0 / unit(bits)).ln().0.max(0.0))
    }

    #[inline]
    fn direction(bits: u32) -> (f32, f32) {
        let (s, c) = F32(bits as f32 * (TAU / 4_294_967_296.0)).sin_cos();
        (c.0, s.0)
    }
}

/// Normal noise by the method of Box and Muller (1958).
///
/// Draws come in pairs. The second draw of a pair is kept for the next call, so nothing is wasted if N is odd. A failure of
/// the generator is reported as [`StepError::Random`].
///
/// ```
/// use langevin::{BoxMuller, Pcg32, SeedableRng, noise::Noise};
/// let mut noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut xi = [0.0; 3];
/// noise.fill(&mut xi)?;
/// # Ok::<(), langevin::StepError>(())
/// ```
///
/// A draw costs half a logarithm, square root and direction, and one `u32`.
#[derive(Clone, Debug)]
pub struct BoxMuller<R, B = Minimax> {
    rng: R,
    spare: Option<f32>,
    backend: core::marker::PhantomData<B>,
}

impl<R> BoxMuller<R> {
    /// Creates normal noise from a generator, with the default backend [`Minimax`].
    pub const fn new(rng: R) -> Self {
        Self::with_backend(rng, Minimax)
    }
}

impl<R, B: Copy> BoxMuller<R, B> {
    /// Creates normal noise from a generator, with the backend [`Minimax`], [`Libm`] or [`Micromath`].
    pub const fn with_backend(rng: R, _: B) -> Self {
        Self {
            rng,
            spare: None,
            backend: core::marker::PhantomData,
        }
    }
}

impl<R, B> BoxMuller<R, B> {
    /// Returns the generator, for other draws from the same stream.
    pub const fn rng_mut(&mut self) -> &mut R {
        &mut self.rng
    }
}

impl<R: TryRng, B: Backend> BoxMuller<R, B> {
    // Always, so that the state of the generator and the constants stay in registers during `fill`.
    #[inline(always)]
    fn pair(&mut self) -> Result<(f32, f32), StepError> {
        let radius = self.rng.try_next_u32().map_err(|_| StepError::Random)?;
        let turn = self.rng.try_next_u32().map_err(|_| StepError::Random)?;
        let r = B::radius(radius);
        let (c, s) = B::direction(turn);
        Ok((r * c, r * s))
    }
}

impl<R: TryRng, B: Backend> Noise for BoxMuller<R, B> {
    #[inline]
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        let mut out = out.iter_mut();
        if let Some(spare) = self.spare {
            if let Some(first) = out.next() {
                *first = spare;
                self.spare = None;
            }
        }
        while let Some(even) = out.next() {
            let (a, b) = self.pair()?;
            *even = a;
            match out.next() {
                Some(odd) => *odd = b,
                None => self.spare = Some(b),
            }
        }
        Ok(())
    }
}

impl<R: TryRng, B: Backend> FiveMoments for BoxMuller<R, B> {}
impl<R: TryRng, B: Backend> Gaussian for BoxMuller<R, B> {}

crate::checkpoint!(impl[R: crate::Checkpoint, B: crate::Checkpoint] for BoxMuller<R, B> {
    rng: R, spare: Option<f32>, backend: core::marker::PhantomData<B>
} if |noise| noise.spare.is_none_or(f32::is_finite));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn direction_is_a_unit_vector_at_the_right_angle() {
        // Every 4099th word: 1e6 angles over the whole turn, and the words around the quadrant edges.
        let edges = (0..4u32)
            .flat_map(|q| (0..64).map(move |d| (q << 30).wrapping_add(d).wrapping_sub(32)));
        for bits in (0..1_047_000u32).map(|i| i * 4099).chain(edges) {
            // The polynomial's turn starts in the middle of a quarter: angles are those of the
            // signed remainder, plus the quarter.
            let v = f64::from((bits << 2).cast_signed()) / 4_294_967_296.0;
            let angle = (f64::from(bits >> 30) + v) * core::f64::consts::FRAC_PI_2;
            let (c, s) = Minimax::direction(bits);
            assert!((f64::from(c) - angle.cos()).abs() < 1.5e-7, "{bits:#x}");
            assert!((f64::from(s) - angle.sin()).abs() < 1.5e-7, "{bits:#x}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn logarithm_is_right_at_every_float() {
        let mut last = 0.0;
        for bits in (0..u32::MAX).step_by(257).chain(0..100_000) {
            let f = (bits | 1) as f32;
            if f != last {
                last = f;
                let exact = -2.0 * libm::log(f64::from(f) / 4_294_967_296.0);
                let error = f64::from(minus_two_ln(bits)) - exact;
                assert!(error.abs() <= 4e-7 * exact, "{bits:#x} {error:e} {exact:e}");
            }
        }
    }

    #[test]
    fn radius_is_finite_at_the_ends() {
        assert_eq!(Minimax::radius(u32::MAX), 0.0);
        assert!((Minimax::radius(0) - 6.66).abs() < 0.01);
        assert!(Micromath::radius(u32::MAX).is_finite());
        assert!((Micromath::radius(0) - 6.66).abs() < 0.01);
    }
}
