//! The Raspberry Pi Pico 2 as far as the applications use it.
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
use rp235x_hal as hal;

use hal::{
    block::ImageDef,
    pac::interrupt,
    timer::{Alarm0, CopyableTimer0},
};

type Alarm = Alarm0<CopyableTimer0>;

macro_rules! timer {
    ($p:ident, $resets:expr, $clocks:expr) => {
        crate::hal::Timer::new_timer0($p.TIMER0, $resets, $clocks)
    };
}

#[path = "../../common/chips/rp2.rs"]
mod rp2;

pub use hal::entry;
pub use rp2::{Board, Chip, Console, Plant, Ticker};

/// The block that tells the boot ROM what this image is.
#[unsafe(link_section = ".start_block")]
#[used]
pub static IMAGE_DEF: ImageDef = ImageDef::secure_exe();

langevin_boards::ticks!(crate::hal::pac, TIMER0_IRQ_0);
