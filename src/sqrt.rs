//! The square root, by the floating-point unit where stable Rust can reach it.

#[cfg(any(test, all(target_arch = "arm", not(target_abi = "eabihf"))))]
#[path = "integer_sqrt.rs"]
mod integer;

/// √x, correctly rounded: the same bits on every target.
///
/// Where the ABI passes floats in registers there is a floating-point unit with an instruction for it.
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

/// √x, correctly rounded: the same bits on every target.
#[cfg(all(target_arch = "arm", not(target_abi = "eabihf")))]
#[inline]
pub fn sqrt(x: f32) -> f32 {
    integer::sqrt(x)
}

/// √x, correctly rounded: the same bits on every target.
#[cfg(not(target_arch = "arm"))]
#[inline]
pub fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

#[cfg(test)]
mod tests {
    use super::sqrt;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn is_correctly_rounded() {
        // Over every exponent, the f64 root rounded once more is the correctly rounded f32 root.
        for bits in (0..0x7f80_0000_u32).step_by(2_099) {
            let x = f32::from_bits(bits);
            let exact = libm::sqrt(f64::from(x)) as f32;
            assert_eq!(sqrt(x).to_bits(), exact.to_bits(), "{x:e}");
        }
    }

    #[test]
    fn special_values() {
        assert_eq!(sqrt(-0.0).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(sqrt(f32::INFINITY), f32::INFINITY);
        assert!(sqrt(-1.0).is_nan() && sqrt(f32::NAN).is_nan());
    }
}
