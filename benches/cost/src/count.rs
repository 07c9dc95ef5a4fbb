//! Counting instructions with SysTick, or with RISC-V's counter of them.
//!
//! QEMU's `-icount shift=7` makes one instruction 128 virtual nanoseconds, several ticks of SysTick
//! on the core clock. How many is measured, with a loop of known length; what an empty region takes
//! is subtracted. Instructions are not cycles.

use core::{arch::asm, hint::black_box};

#[cfg(target_arch = "arm")]
mod timer {
    use core::{
        ptr::{read_volatile, write_volatile},
        sync::atomic::{AtomicU32, Ordering},
    };

    use cortex_m_rt::exception;

    /// The bits of a value.
    pub const MASK: u32 = 0x00FF_FFFF;

    const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
    const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
    const VALUE: *mut u32 = 0xE000_E018 as *mut u32;

    pub fn start() {
        // SAFETY: nothing else in this image uses SysTick: free running on the core clock, no interrupt.
        unsafe {
            write_volatile(RELOAD, MASK);
            write_volatile(VALUE, 0);
            write_volatile(CONTROL, 0b101);
        }
    }

    /// Counts down.
    #[inline(always)]
    pub fn value() -> u32 {
        // SAFETY: SysTick's value register is readable on every Cortex-M.
        unsafe { read_volatile(VALUE) }
    }

    /// How often the value has reached 0 while the interrupt was enabled.
    static WRAPS: AtomicU32 = AtomicU32::new(0);

    #[exception]
    fn SysTick() {
        // Armv6-M has no atomic addition; nothing else writes.
        WRAPS.store(WRAPS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Starts from the highest value, and counts from then on how often 0 is reached.
    pub fn count_wraps() {
        WRAPS.store(0, Ordering::Relaxed);
        // SAFETY: as in `start`; the handler only counts.
        unsafe {
            write_volatile(VALUE, 0);
            write_volatile(CONTROL, 0b111);
        }
    }

    /// Ends `count_wraps`.
    pub fn wraps() -> u32 {
        // SAFETY: as in `start`.
        unsafe { write_volatile(CONTROL, 0b101) };
        WRAPS.load(Ordering::Relaxed)
    }
}

#[cfg(target_arch = "riscv32")]
mod timer {
    use core::arch::asm;

    /// The bits of a value.
    pub const MASK: u32 = u32::MAX;

    pub const fn start() {}

    pub const fn count_wraps() {}

    pub const fn wraps() -> u32 {
        0
    }

    /// Counts down.
    #[inline(always)]
    pub fn value() -> u32 {
        let instructions: u32;
        // SAFETY: reads a counter.
        unsafe { asm!("csrr {instructions}, minstret", instructions = out(reg) instructions) };
        0_u32.wrapping_sub(instructions)
    }
}

/// An instruction counter, calibrated.
#[derive(Clone, Copy)]
pub struct Counter {
    ticks_per_instruction: f32,
    empty: u32,
}

/// Ticks that `region` takes: with SysTick at most 2²⁴, some 5 million instructions.
#[inline(never)]
fn ticks(region: &mut dyn FnMut()) -> u32 {
    let before = timer::value();
    region();
    let after = timer::value();
    before.wrapping_sub(after) & timer::MASK
}

/// A loop of 2 · `rounds` instructions.
fn known(rounds: u32) {
    // SAFETY: counts a register down to zero, and touches nothing else but the flags.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("1:", "subs {n}, #1", "bne 1b", n = inout(reg) rounds => _);
    }
    // SAFETY: counts a register down to zero.
    #[cfg(target_arch = "riscv32")]
    unsafe {
        asm!("1:", "addi {n}, {n}, -1", "bnez {n}, 1b", n = inout(reg) rounds => _);
    }
}

impl Counter {
    /// Starts the timer and calibrates.
    pub fn new() -> Self {
        timer::start();
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
        timer::count_wraps();
        let ticks = ticks(&mut region);
        let whole = timer::wraps() as f32 * 16_777_216.0;
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
