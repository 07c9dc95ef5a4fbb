//! eˣ with the bits of libm's `expf` in fewer operations.

/// 1/ln 2, and ln 2 in two parts, of which k multiples of the first are exact.
const INVERSE_LN_2: f32 = f32::from_bits(0x3fb8_aa3b);
const LN_2_HIGH: f32 = f32::from_bits(0x3f31_7200);
const LN_2_LOW: f32 = f32::from_bits(0x35bf_be8e);

/// The magnitudes, as bits, from which on eˣ is infinite, and is 0 for x < 0.
const INFINITE: u32 = 0x42b1_7218;
const ZERO: u32 = 0x42cf_f1b5;

/// Returns eˣ, within 1 ulp.
///
/// As in libm, eˣ = 2ᵏ eʳ, where r = x − k ln 2 = high − low; but 2ᵏ is added to the exponent. With `INTEGERS` k, high and
/// low come from integers, for cores where a product of floats costs fifty times one of integers.
pub fn exp<const INTEGERS: bool>(x: f32) -> f32 {
    let magnitude = x.to_bits() & 0x7fff_ffff;
    let negative = x.is_sign_negative();
    if magnitude >= INFINITE {
        if x.is_nan() {
            return x;
        }
        if magnitude >= ZERO || !negative {
            return if negative { 0.0 } else { f32::INFINITY };
        }
    }
    // Up to 2⁻¹⁴, ½ ln 2 and 1½ ln 2.
    let (k, high, low) = if magnitude <= 0x3900_0000 {
        return 1.0 + x;
    } else if magnitude <= 0x3eb1_7218 {
        (0, x, 0.0)
    } else if magnitude <= 0x3f85_1592 {
        if negative {
            (-1, x + LN_2_HIGH, -LN_2_LOW)
        } else {
            (1, x - LN_2_HIGH, LN_2_LOW)
        }
    } else if INTEGERS {
        in_integers(x)
    } else {
        let k = (INVERSE_LN_2 * x + if negative { -0.5 } else { 0.5 }) as i32;
        let whole = k as f32;
        (k, x - whole * LN_2_HIGH, whole * LN_2_LOW)
    };
    let r = high - low;
    let square = r * r;
    let c = r - square * (1.666_662_5e-1 + square * -2.766_733_3e-3);
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    if k == 0 {
        y
    } else if k.unsigned_abs() < 126 {
        times_power(y, k)
    } else {
        // In two parts, of which the last may lead out of the normal numbers.
        let last = if negative { -64 } else { 64 };
        times_power(y, k.wrapping_sub(last)) * times_power(1.0, last)
    }
}

/// Returns y·2ᵏ, for results that are normal.
#[inline]
const fn times_power(y: f32, k: i32) -> f32 {
    f32::from_bits(y.to_bits().wrapping_add(k.cast_unsigned() << 23))
}

/// Returns k, the integer that is nearest to x/ln 2, and x − k ln 2 in its two parts, for 1 < |x| < 128.
#[inline]
fn in_integers(x: f32) -> (i32, f32, f32) {
    let negative = x.is_sign_negative();
    let mantissa = |x: f32| x.to_bits() & 0x007f_ffff | 0x0080_0000;
    let exponent = |x: f32| (x.to_bits() >> 23) & 0xff;
    let quotient = INVERSE_LN_2 * x;
    let halves = mantissa(quotient).wrapping_shr(149_u32.wrapping_sub(exponent(quotient)));
    let k = (halves.wrapping_add(1) >> 1).cast_signed();
    // In units of 2⁻²³ and of 2⁻⁴³.
    let magnitude = mantissa(x).wrapping_shl(exponent(x).wrapping_sub(127));
    let high = magnitude
        .cast_signed()
        .wrapping_sub(k.wrapping_mul(0x0058_b900));
    let high = if high == 0 {
        0.0
    } else {
        times_power(high as f32, -23)
    };
    let low = times_power(k.wrapping_mul(0x00bf_be8e) as f32, -43);
    if negative {
        (k.wrapping_neg(), -high, -low)
    } else {
        (k, high, low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_bits(bits: u32) {
        let x = f32::from_bits(bits);
        let expected = libm::expf(x);
        for y in [exp::<false>(x), exp::<true>(x)] {
            assert_eq!(y.to_bits(), expected.to_bits(), "{x:e} ({bits:08x})");
        }
    }

    #[test]
    fn has_the_bits_of_libm() {
        let step = if cfg!(miri) { 1 << 24 } else { 4099 };
        for bits in (0..=u32::MAX).step_by(step) {
            same_bits(bits);
        }
        // About each border.
        for border in [
            0,
            0x3900_0000,
            0x3eb1_7218,
            0x3f85_1592,
            0x42ae_ac50,
            INFINITE,
            ZERO,
            0x7f80_0000,
        ] {
            for sign in [0, 1 << 31] {
                for bits in border.max(8) - 8..border + 8 {
                    same_bits(sign | bits);
                }
            }
        }
    }

    #[test]
    #[ignore = "minutes: all numbers"]
    fn has_the_bits_of_libm_for_all_numbers() {
        for bits in 0..=u32::MAX {
            same_bits(bits);
        }
    }
}
