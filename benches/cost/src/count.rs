//! Counting instructions with SysTick.
//!
//! QEMU's `-icount shift=7` makes one instruction 128 virtual nanoseconds, several ticks of SysTick
//! on the core clock. How many is measured, with a loop of known length; what an empty region takes
//! is subtracted. Instructions are not cycles.

use core::{
    arch::asm,
    hint::black_box,
    ptr::{read_volatile, write_volatile},
    sync::atomic::{AtomicU32, Ordering},
};

use cortex_m_rt::exception;

const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
const VALUE: *mut u32 = 0xE000_E018 as *mut u32;

/// An instruction counter, calibrated.
#[derive(Clone, Copy)]
pub struct Counter {
    ticks_per_instruction: f32,
    empty: u32,
}

/// Ticks that `region` takes. At most 2²⁴, some 5 million instructions.
#[inline(never)]
fn ticks(region: &mut dyn FnMut()) -> u32 {
    // SAFETY: SysTick's value register is readable on every Cortex-M.
    let before = unsafe { read_volatile(VALUE) };
    region();
    // SAFETY: as above.
    let after = unsafe { read_volatile(VALUE) };
    before.wrapping_sub(after) & 0x00FF_FFFF
}

/// How often SysTick has reached 0 while its interrupt was enabled.
static WRAPS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // Armv6-M has no atomic addition; nothing else writes.
    WRAPS.store(WRAPS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// A loop of 2 · `rounds` instructions.
fn known(rounds: u32) {
    // SAFETY: counts a register down to zero, and touches nothing else but the flags.
    unsafe {
        asm!("1:", "subs {n}, #1", "bne 1b", n = inout(reg) rounds => _);
    }
}

impl Counter {
    /// Starts SysTick and calibrates.
    pub fn new() -> Self {
        // SAFETY: nothing else in this image uses SysTick: free running on the core clock, no interrupt.
        unsafe {
            write_volatile(RELOAD, 0x00FF_FFFF);
            write_volatile(VALUE, 0);
            write_volatile(CONTROL, 0b101);
        }
        let short = ticks(&mut || known(black_box(1_000)));
        let long = ticks(&mut || known(black_box(101_000)));
        Self {
            ticks_per_instruction: (long - short) as f32 / 200_000.0,
            empty: ticks(&mut || {}),
        }
    }

    /// Instructions that `region` takes.
    pub fn count(&self, mut region: impl FnMut()) -> f32 {
        let ticks = ticks(&mut region).saturating_sub(self.empty);
        ticks as f32 / self.ticks_per_instruction
    }

    /// Instructions that a `region` takes that may be longer than [`count`](Self::count) can tell. An interrupt's few instructions for
    /// some five millions are counted too.
    pub fn count_long(&self, mut region: impl FnMut()) -> f32 {
        WRAPS.store(0, Ordering::Relaxed);
        // SAFETY: as in `new`; the handler only counts.
        unsafe {
            write_volatile(VALUE, 0);
            write_volatile(CONTROL, 0b111);
        }
        let ticks = ticks(&mut region);
        // SAFETY: as in `new`.
        unsafe { write_volatile(CONTROL, 0b101) };
        let whole = WRAPS.load(Ordering::Relaxed) as f32 * 16_777_216.0;
        (whole + ticks.saturating_sub(self.empty) as f32) / self.ticks_per_instruction
    }

    /// Ticks an instruction takes.
    pub fn resolution(&self) -> f32 {
        self.ticks_per_instruction
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}
