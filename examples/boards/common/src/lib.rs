//! What the boards have in common: the applications' loops, logged by defmt and to a serial console.

#![no_std]
#![deny(unsafe_code, missing_docs)]

#[cfg(test)]
extern crate std;

mod calibrate;
pub mod filter;
mod handover;
pub mod log;
mod seed;
pub mod sensor;

pub use calibrate::calibrate;
pub use handover::{Handover, Ticking};
pub use log::{Console, NoConsole};
pub use seed::{fixed_seed, hash, seed};

/// What a timer's interrupt does.
pub trait OnTick {
    /// To be called at every tick.
    fn tick(&mut self);
}

/// What a timer's interrupt does with an analogue input, at a fixed rate.
pub trait Sampler {
    /// Readies the timer for its next interrupt.
    fn acknowledge(&mut self);

    /// A reading: 0 to 4095.
    fn read(&mut self) -> u16;
}

/// A sampler of an analogue thermometer next to a heater.
pub trait Bench: Sampler {
    /// The voltage that would read 4096.
    const FULL_SCALE: f32;

    /// Switches the heater.
    fn heat(&mut self, on: bool);
}

/// Says why nothing goes on, and sleeps.
pub fn stop(why: &str) -> ! {
    defmt::error!("{=str}", why);
    sleep()
}

/// Nothing but interrupts from here on.
pub fn sleep() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
