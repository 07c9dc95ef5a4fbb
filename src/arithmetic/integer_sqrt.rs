//! The square root in integers, for cores that have a multiplier of 32 bits and no floating-point unit.

/// 512 / √x − 255 in the middle of each 32nd of [1, 4).
static RECIPROCALS: [u8; 96] = [
    253, 245, 238, 231, 224, 218, 212, 206, 200, 195, 189, 184, 179, 174, 170, 165, //
    161, 157, 153, 149, 145, 141, 137, 134, 130, 127, 124, 120, 117, 114, 111, 108, //
    106, 103, 100, 98, 95, 92, 90, 88, 85, 83, 81, 78, 76, 74, 72, 70, //
    68, 66, 64, 62, 60, 58, 56, 55, 53, 51, 49, 48, 46, 45, 43, 41, //
    40, 38, 37, 35, 34, 32, 31, 30, 28, 27, 26, 24, 23, 22, 21, 19, //
    18, 17, 16, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, //
];

/// Returns √x, correctly rounded.
///
/// 1/√x from a table, to 6 bits, and one step of Newton's method, to 12, give the first 15 bits of the root; what
/// the square of those lacks gives the other 9. The result is then off by less than one unit in the last place, and
/// the sign of (n + ½)² − x decides between n and n + 1. That is never zero: no square root lies midway between two
/// floats. On a Cortex-M0 it takes 60 instructions, libm's 414.
#[inline]
pub fn sqrt(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = bits >> 23;
    if exponent.wrapping_sub(1) >= 254 {
        return unusual(x);
    }
    // The root's exponent is half of it, less one for the implicit bit of what is added there.
    let exponent = exponent + 125;
    // x · 2²³ with an even exponent, in [2²³, 2²⁵).
    let x = (bits & 0x007f_ffff | 0x0080_0000) << (exponent & 1);
    let place = (x >> 18).wrapping_sub(32) as usize;
    let r = u32::from(RECIPROCALS.get(place).copied().unwrap_or(0)) + 255;
    // xr² · 2³² is 2³² more than what it is off by, and so wraps to that.
    let high = x >> 9;
    let excess = (r * r).wrapping_mul(high).cast_signed() >> 9;
    let r = r.cast_signed();
    // 2¹⁷ / √x, and the root in 2⁻¹⁴.
    let reciprocal = (r << 8) - ((excess * r) >> 16);
    let root = high.wrapping_mul(reciprocal.cast_unsigned()) >> 17;
    // What is left is small: it does not matter that higher bits are lost.
    let x = x << 5;
    let rest = x.wrapping_sub(root * root).cast_signed() >> 4;
    let n = (root << 9).wrapping_add_signed((rest * reciprocal) >> 19);
    let middle = 2 * n + 1;
    let up = middle.wrapping_mul(middle).wrapping_sub(x << 20) >> 31;
    f32::from_bits(((exponent >> 1) << 23) + n + up)
}

/// √x of a number that is zero, subnormal, negative, infinite or not a number.
#[cold]
fn unusual(x: f32) -> f32 {
    const INFINITY: u32 = f32::INFINITY.to_bits();
    match x.to_bits() {
        // ±0, and what is its own root.
        0 | 0x8000_0000 | INFINITY => x,
        // Subnormal: a power of four less and its root more are exact.
        bits if bits < INFINITY => sqrt(x * 16_777_216.0) * (1.0 / 4096.0),
        _ => f32::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::sqrt;

    /// Over every mantissa and either parity of the exponent, the f64 root rounded once more is the correctly
    /// rounded f32 root; other exponents only shift it.
    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn every_mantissa_is_correctly_rounded() {
        for bits in 0x3f80_0000..0x4080_0000 {
            let x = f32::from_bits(bits);
            let exact = f64::from(x).sqrt() as f32;
            assert_eq!(sqrt(x).to_bits(), exact.to_bits(), "{x:e}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn every_exponent_is_correctly_rounded() {
        for bits in (0..0x7f80_0000_u32).step_by(2_099) {
            let x = f32::from_bits(bits);
            let exact = f64::from(x).sqrt() as f32;
            assert_eq!(sqrt(x).to_bits(), exact.to_bits(), "{x:e}");
        }
    }

    #[test]
    fn special_values() {
        assert_eq!(sqrt(-0.0).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(sqrt(0.0).to_bits(), 0);
        assert_eq!(sqrt(f32::INFINITY), f32::INFINITY);
        for x in [-1e-45, -1.0, f32::NEG_INFINITY, f32::NAN, -f32::NAN] {
            assert!(sqrt(x).is_nan(), "{x}");
        }
    }
}
