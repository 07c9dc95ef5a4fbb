//! Arithmetic whose quickest form depends on the core: the only file that asks for the target.
//!
//! Whatever form is taken, the bits of the result are the same.

mod exponential;
#[cfg(any(test, all(target_arch = "arm", not(target_abi = "eabihf"))))]
mod integer_sqrt;

/// Whether the ABI passes floats in registers: then there is a floating-point unit.
const FLOAT_REGISTERS: bool = cfg!(all(target_arch = "arm", target_abi = "eabihf"));

/// Whether floats are computed in software, where an operation costs a hundred instructions.
const EMULATED: bool = cfg!(any(
    all(target_arch = "arm", not(target_abi = "eabihf")),
    target_arch = "riscv32"
));

/// Whether there is an instruction for the 64-bit product of two 32-bit numbers.
///
/// Armv6-M, which has none, differs from the cores above it by its lack of atomics.
pub const LONG_MULTIPLICATION: bool = cfg!(target_has_atomic = "32");

/// Returns √x, correctly rounded.
///
/// A floating-point unit has an instruction for it.
#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
#[inline]
#[allow(
    unsafe_code,
    reason = "an instruction that no safe stable function reaches"
)]
pub fn sqrt(x: f32) -> f32 {
    let root: u32;
    // SAFETY: computes on registers alone, and s0 is declared as overwritten. The instruction exists:
    // every unit that implements this ABI has it. (Stable Rust takes no float operand here on
    // single-precision units, hence the way through a core register.)
    unsafe {
        core::arch::asm!(
            "vmov s0, {x}",
            "vsqrt.f32 s0, s0",
            "vmov {x}, s0",
            x = inlateout(reg) x.to_bits() => root,
            out("s0") _,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    f32::from_bits(root)
}

/// Returns √x, correctly rounded.
#[cfg(all(target_arch = "arm", not(target_abi = "eabihf")))]
#[inline]
pub fn sqrt(x: f32) -> f32 {
    integer_sqrt::sqrt(x)
}

/// Returns √x, correctly rounded.
#[cfg(not(target_arch = "arm"))]
#[inline]
pub fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// Returns eˣ, with the bits of libm's.
#[inline]
pub fn exp(x: f32) -> f32 {
    exponential::exp::<EMULATED>(x)
}

/// Returns 2⁻ᵏ, for k up to 126.
#[inline]
pub const fn halved(k: u32) -> f32 {
    f32::from_bits((127 - k) << 23)
}

/// Returns `scale`·ξ − `drift`.
///
/// Where floats are computed in software, a draw of three-point noise that is 0 is spared the work: 5 % of
/// a step on a Cortex-M0.
#[inline]
pub fn diffuse(scale: f32, xi: f32, drift: f32) -> f32 {
    if EMULATED && xi.to_bits() == 0 {
        zero_minus(drift)
    } else {
        scale * xi - drift
    }
}

/// Returns 0 − `value`, which is −`value` but for the sign of zero.
#[inline]
fn zero_minus(value: f32) -> f32 {
    if value.to_bits() << 1 == 0 {
        0.0
    } else {
        -value
    }
}

/// Whether all of `values` are finite.
///
/// Without a floating-point unit a sum of floats costs a hundred times what a test of their bits
/// does, and on a large core it waits for each addend; in registers of a unit of its own it is the
/// cheaper of the two.
#[inline(always)]
pub fn finite<const N: usize>(values: &[f32; N]) -> bool {
    if FLOAT_REGISTERS {
        // x·0 is 0 for every finite x and NaN for the others.
        values.iter().fold(0.0, |zero, x| zero + x * 0.0) == 0.0
    } else {
        all_below(values, f32::INFINITY.to_bits())
    }
}

/// Whether Σ values² ≤ `bound`. False if one of them is not finite.
#[inline(always)]
pub fn within<const N: usize>(values: &[f32; N], bound: f32) -> bool {
    if !FLOAT_REGISTERS && clearly_within(values, bound) {
        return true;
    }
    values.iter().fold(0.0, |sum, x| sum + x * x) <= bound
}

/// Whether each of `values` is so small that their squares sum, rounded or not, to at most `bound`.
#[inline(always)]
fn clearly_within<const N: usize>(values: &[f32; N], bound: f32) -> bool {
    // Each below the power of two 2⁻ᵏ√bound, or less, where 4ᵏ ≥ 4N: the sum is at most bound/4.
    let k = const { (usize::BITS - N.saturating_sub(1).leading_zeros()).div_ceil(2) + 1 };
    let exponent = bound.to_bits() >> 23;
    let half = ((exponent + 127) >> 1).saturating_sub(k);
    // A bound that is subnormal, zero or negative is left to the sum.
    (1..255).contains(&exponent) && all_below(values, half << 23)
}

/// Whether the bits of each of `values`, without their sign, are below `least`.
#[inline(always)]
fn all_below<const N: usize>(values: &[f32; N], least: u32) -> bool {
    if N < 4 {
        // By branches, which predict well: of so few values compilers make half a vector, and large cores
        // stall when they load as one what was stored piece by piece.
        return values.iter().all(|x| x.to_bits() << 1 < least << 1);
    }
    // Without a branch, four to a vector: the highest bit of a difference tells which is larger.
    let highest = least.wrapping_sub(1);
    let beyond = values.iter().fold(0, |beyond, x| {
        beyond | highest.wrapping_sub(x.to_bits() & 0x7fff_ffff)
    });
    beyond < 0x8000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: [f32; 12] = [
        0.0,
        -0.0,
        1.0,
        -3.5e18,
        f32::MIN_POSITIVE,
        1e-45,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        -f32::NAN,
    ];

    #[test]
    fn finite_is_finite() {
        for a in ODD {
            for b in ODD {
                assert_eq!(finite(&[a, b]), a.is_finite() && b.is_finite(), "{a} {b}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn what_is_clearly_within_is_within() {
        // Over all exponents of the bound, values on both sides of the quick test's limit.
        fn check<const N: usize>() {
            let mut clear = 0;
            for exponent in 0..=255 {
                for mantissa in [0, 0x40_0000, 0x7F_FFFF] {
                    let bound = f32::from_bits(exponent << 23 | mantissa);
                    for shift in 0..8 {
                        let x = libm::sqrtf(bound / N as f32) / (1 << shift) as f32;
                        let values = [x; N];
                        let exact = values.iter().fold(0.0, |sum, x| sum + x * x) <= bound;
                        clear += u32::from(clearly_within(&values, bound));
                        assert!(exact || !clearly_within(&values, bound), "{x:e} {bound:e}");
                        assert_eq!(within(&values, bound), exact, "{x:e} {bound:e}");
                    }
                }
            }
            // A quarter of the longest allowed is always clear, and so is all below it.
            assert!(clear >= 254 * 3 * 5, "{clear}");
        }
        check::<1>();
        check::<2>();
        check::<3>();
        check::<8>();
        check::<33>();
        for x in [f32::NAN, f32::INFINITY] {
            assert!(!within(&[0.0, x], f32::MAX));
        }
        assert!(!within(&[0.0], -1.0) && !within(&[0.0], f32::NAN));
        assert!(within(&[0.0], 0.0));
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn the_square_root_is_correctly_rounded() {
        // Over every exponent, the f64 root rounded once more is the correctly rounded f32 root.
        for bits in (0..0x7f80_0000_u32).step_by(2_099) {
            let x = f32::from_bits(bits);
            let exact = libm::sqrt(f64::from(x)) as f32;
            assert_eq!(sqrt(x).to_bits(), exact.to_bits(), "{x:e}");
        }
        assert_eq!(sqrt(-0.0).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(sqrt(f32::INFINITY), f32::INFINITY);
        assert!(sqrt(-1.0).is_nan() && sqrt(f32::NAN).is_nan());
    }

    #[test]
    fn a_draw_of_zero_leaves_the_drift() {
        for drift in [0.0, -0.0, 1.5, -1.5, 1e-45, f32::INFINITY] {
            let sum = 2.0 * 0.0 - drift;
            assert_eq!(zero_minus(drift).to_bits(), sum.to_bits(), "{drift}");
            assert_eq!(diffuse(2.0, 0.0, drift).to_bits(), sum.to_bits(), "{drift}");
        }
        assert!(zero_minus(f32::NAN).is_nan());
    }
}
