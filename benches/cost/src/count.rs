//! Counting instructions with SysTick, or with RISC-V's counter of them.
//!
//! QEMU's `-icount shift=7` makes one instruction 128 virtual nanoseconds, several ticks of SysTick
//! on the core clock. How many is measured, with a loop of known length; what an empty region takes
//! is subtracted. Instructions are not cycles.

use core::{arch::asm, hint::black_box};

#[cfg(target_arch = "arm")]
mod timer {
    use core::ptr::{read_volatile, write_volatile};

    const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
    const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
    const VALUE: *mut u32 = 0xE000_E018 as *mut u32;

    pub fn start() {
        // SAFETY: nothing else in this image uses SysTick: free running on the core clock, no interrupt.
        unsafe {
            write_volatile(RELOAD, 0x00FF_FFFF);
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
}

#[cfg(target_arch = "riscv32")]
mod timer {
    use core::arch::asm;

    pub const fn start() {}

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

/// Ticks that `region` takes. At most 2²⁴, some 5 million instructions.
#[inline(never)]
fn ticks(region: &mut dyn FnMut()) -> u32 {
    let before = timer::value();
    region();
    let after = timer::value();
    before.wrapping_sub(after) & 0x00FF_FFFF
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
