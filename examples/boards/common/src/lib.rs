//! What the boards have in common: the applications' loops, logged by defmt and to a serial console.
//!
//! A board brings a [`Ticker`], two inputs ([`AnalogInput`], [`PlantIo`]), a [`Console`], and with [`ticks!`] its
//! timer's interrupt handler. The binaries in `bin` put these together, the same way on every board.

#![no_std]
#![deny(unsafe_code, missing_docs)]

#[cfg(test)]
extern crate std;

mod calibrate;
mod compass;
pub mod filter;
mod handover;
pub mod log;
pub mod magnetometer;
mod seed;
pub mod sensor;

pub use calibrate::calibrate;
pub use compass::compass;
pub use handover::{Handover, Ticking};
pub use log::{Console, NoConsole};
pub use seed::{fixed_seed, hash, seed};

/// The part of an application that runs in the timer's interrupt.
pub trait OnTick {
    /// Runs once at every tick.
    fn tick(&mut self);
}

/// A timer that interrupts at a fixed rate.
pub trait Ticker {
    /// Starts the timer, with `rate` interrupts a second.
    fn start(&mut self, rate: u32);

    /// Acknowledges the interrupt, so that the next one can come.
    fn acknowledge(&mut self);
}

/// An analogue input behind a 12-bit converter.
pub trait AnalogInput {
    /// Returns a reading, from 0 to 4095. A conversion that fails reads as 4095.
    fn read(&mut self) -> u16;
}

/// An analogue thermometer next to a heater.
pub trait PlantIo: AnalogInput {
    /// The voltage that would read as 4096.
    const FULL_SCALE: f32;

    /// Switches the heater.
    fn heat(&mut self, on: bool);
}

/// Logs why the program cannot go on, and sleeps.
pub fn stop(why: &str) -> ! {
    defmt::error!("{=str}", why);
    sleep()
}

/// Leaves the processor to interrupts.
pub fn sleep() -> ! {
    loop {
        wait_for_interrupt();
    }
}

/// Waits until an interrupt has been handled. A host, where only tests run, does not wait.
fn wait_for_interrupt() {
    #[cfg(target_arch = "arm")]
    cortex_m::asm::wfi();
    #[cfg(target_arch = "riscv32")]
    riscv::asm::wfi();
}
