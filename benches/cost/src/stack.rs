//! How deep the stack gets, by painting it.

use core::{
    arch::asm,
    hint::black_box,
    ptr::{read_volatile, write_volatile},
};

const PAINT: u32 = 0xA5A5_5A5A;
/// How far down is painted, in words: 64 kB, which a simulated RP2040 has, too.
const DEPTH: usize = 16_384;
/// The same for what takes more.
pub const DEEP: usize = 131_072;

/// Bytes of stack that `region` takes, beyond what calling it does.
pub fn high_water(region: impl FnMut()) -> u32 {
    high_water_within(DEPTH, region)
}

/// The same of a region that takes up to so many words.
pub fn high_water_within(depth: usize, mut region: impl FnMut()) -> u32 {
    let used = painted(depth, &mut region);
    assert!(used < 4 * depth as u32, "the stack is deeper");
    used.saturating_sub(painted(depth, &mut || {}))
}

#[inline(never)]
fn painted(depth: usize, region: &mut dyn FnMut()) -> u32 {
    let top: usize;
    // SAFETY: reads the stack pointer.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("mov {top}, sp", top = out(reg) top, options(nomem, nostack))
    };
    // SAFETY: as above.
    #[cfg(target_arch = "riscv32")]
    unsafe {
        asm!("mv {top}, sp", top = out(reg) top, options(nomem, nostack))
    };
    let at = |word: usize| (top - 4 * word) as *mut u32;
    for word in 1..=depth {
        // SAFETY: below the stack pointer, in RAM (its size exceeds what is painted many times), where
        // nothing lives: no interrupt is enabled and no call is under way.
        unsafe { write_volatile(at(word), PAINT) };
    }
    black_box(region)();
    let mut word = depth;
    // SAFETY: as above; only reads.
    while word > 0 && unsafe { read_volatile(at(word)) } == PAINT {
        word -= 1;
    }
    4 * word as u32
}
