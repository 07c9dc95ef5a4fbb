//! The Raspberry Pi Pico as far as the applications use it.
//!
//! | pin | |
//! |---|---|
//! | GP0 | serial console, 115200 baud |
//! | GP15 | heater, through a transistor |
//! | GP26 (ADC0) | analogue thermometer |

#![no_std]
#![deny(missing_docs)]

use defmt_rtt as _;
use panic_probe as _;
use rp2040_hal as hal;
#[cfg(feature = "softfloat")]
use softfloat_armv6m as _;

use hal::{pac::interrupt, timer::Alarm0 as Alarm};

macro_rules! timer {
    ($p:ident, $resets:expr, $clocks:expr) => {
        crate::hal::Timer::new($p.TIMER, $resets, $clocks)
    };
}

#[path = "../../common/chips/rp2.rs"]
mod rp2;

pub use hal::entry;
pub use rp2::{Board, Chip, Console, Plant, Ticker};

/// The second boot stage, which the boot ROM runs: it copies itself to RAM and sets up the flash.
#[unsafe(link_section = ".boot2")]
#[used]
pub static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_GENERIC_03H;

langevin_boards::ticks!(crate::hal::pac, TIMER_IRQ_0);
