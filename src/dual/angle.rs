//! Sine and cosine in `f32` alone.
//!
//! Those of libm are computed in `f64`, which a Cortex-M must emulate: some 1 500 instructions on an M4F. Here the
//! angle is reduced in integers, exactly, and what remains goes through the polynomials of
//! [`BoxMuller`](crate::BoxMuller).

use core::f32::consts::FRAC_2_PI;

use crate::noise::quarter_turn;

/// 2/π·2⁶⁴.
const TWO_OVER_PI: u64 = 0xa2f9_836e_4e44_1529;

/// Returns (sin x, cos x), within 2e-7; the sine relatively where |x| < ½.
///
/// Beyond |x| = 2²⁴, where neighbouring numbers are more than a radian apart, the result is some point of the unit
/// circle. Without end or NaN, it is NaN.
#[inline]
pub fn sin_cos(x: f32) -> (f32, f32) {
    let bits = x.to_bits();
    let exponent = (bits >> 23) & 0xff;
    if exponent < 126 {
        let (cos, sin) = quarter_turn(x * FRAC_2_PI);
        return (sin, cos);
    }
    if exponent == 255 {
        return (f32::NAN, f32::NAN);
    }
    let (quarter, rest) = quarter_turns(bits, exponent);
    let (c, s) = quarter_turn(rest);
    let (sin, cos) = match quarter & 3 {
        0 => (s, c),
        1 => (c, -s),
        2 => (-s, -c),
        _ => (-c, s),
    };
    (if x < 0.0 { -sin } else { sin }, cos)
}

/// Returns |x| in quarter turns: the nearest integer modulo 4, and what is left of it.
#[inline]
fn quarter_turns(bits: u32, exponent: u32) -> (u32, f32) {
    // |x| = mantissa · 2^(exponent − 150).
    let mantissa = u64::from((bits & 0x007f_ffff) | 0x0080_0000);
    let low = mantissa.wrapping_mul(TWO_OVER_PI & 0xffff_ffff) >> 32;
    let product = mantissa.wrapping_mul(TWO_OVER_PI >> 32).wrapping_add(low);
    // In units of 2⁻³⁰ quarter turns; whole turns overflow.
    let phase = if exponent < 152 {
        product.wrapping_shr(152_u32.wrapping_sub(exponent))
    } else {
        product.checked_shl(exponent.wrapping_sub(152)).unwrap_or(0)
    } as u32;
    let quarter = phase.wrapping_add(1 << 29) >> 30;
    let rest = (phase << 2).cast_signed() as f32 * (1.0 / 4_294_967_296.0);
    (quarter, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn is_accurate_over_the_whole_range() {
        let last = 16_777_216.0_f32.to_bits();
        for bits in (0..=last).step_by(997) {
            for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
                let (sin, cos) = sin_cos(x);
                let (s, c) = f64::from(x).sin_cos();
                let error = (f64::from(sin) - s).abs();
                assert!(error < 2e-7, "sin {x:e}: {sin} for {s}");
                assert!(
                    x.abs() >= 0.5 || error <= 2.5e-7 * s.abs() + 1e-44,
                    "sin {x:e}: {sin} for {s}"
                );
                assert!(
                    (f64::from(cos) - c).abs() < 2e-7,
                    "cos {x:e}: {cos} for {c}"
                );
            }
        }
    }

    #[test]
    fn is_bounded_beyond_and_nan_without_end() {
        for exponent in 24..128 {
            let (sin, cos) = sin_cos(1.3 * 2.0_f32.powi(exponent));
            assert!((sin * sin + cos * cos - 1.0).abs() < 1e-6);
        }
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (sin, cos) = sin_cos(x);
            assert!(sin.is_nan() && cos.is_nan());
        }
        assert_eq!(sin_cos(-0.0).0.to_bits(), (-0.0_f32).to_bits());
    }
}
