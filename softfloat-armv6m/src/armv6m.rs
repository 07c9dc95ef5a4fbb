//! The assembly, and the one function that is called by name.

use core::arch::global_asm;

// Each function replaces the compiler's of the same name, and keeps the calling convention of the Arm run-time ABI
// (floats in core registers; r0 to r3 and r12 may change). None touches memory but tables of constants and its own
// stack frame, and none calls anything that is not here.
global_asm!(
    ".syntax unified",
    ".thumb",
    include_str!("asm/add.s"),
    include_str!("asm/mul.s"),
    include_str!("asm/div.s"),
    include_str!("asm/slow.s"),
    include_str!("asm/compare.s"),
    include_str!("asm/convert.s"),
    include_str!("asm/sqrt.s"),
    include_str!("asm/multiply.s"),
    ".text",
    options(raw)
);

// SAFETY: the function is defined above with this signature, and computes on registers for every argument.
unsafe extern "C" {
    safe fn __softfloat_armv6m_sqrt(x: u32) -> u32;
}

/// Returns √x, correctly rounded: the bits of IEEE 754.
///
/// Returns NaN for negative numbers, and -0 for -0. Takes 50 instructions; only on Armv6-M targets.
#[inline]
pub fn sqrt(x: f32) -> f32 {
    f32::from_bits(__softfloat_armv6m_sqrt(x.to_bits()))
}
