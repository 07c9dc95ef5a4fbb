//! How deep the stack gets, by painting it.

use core::{
    arch::asm,
    hint::black_box,
    ptr::{read_volatile, write_volatile},
};

const PAINT: u32 = 0xA5A5_5A5A;
/// How far down is painted, in words.
const DEPTH: usize = 16_384;

/// Bytes of stack that `region` takes, beyond what calling it does.
pub fn high_water(mut region: impl FnMut()) -> u32 {
    let used = painted(&mut region);
    used.saturating_sub(painted(&mut || {}))
}

#[inline(never)]
fn painted(region: &mut dyn FnMut()) -> u32 {
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
    for word in 1..=DEPTH {
        // SAFETY: below the stack pointer, in RAM (its size exceeds what is painted many times), where
        // nothing lives: no interrupt is enabled and no call is under way.
        unsafe { write_volatile(at(word), PAINT) };
    }
    black_box(region)();
    let mut word = DEPTH;
    // SAFETY: as above; only reads.
    while word > 0 && unsafe { read_volatile(at(word)) } == PAINT {
        word -= 1;
    }
    4 * word as u32
}
