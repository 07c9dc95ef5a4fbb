//! The micro:bit v2 as far as the applications use it.
//!
//! | pin | |
//! |---|---|
//! | P0.06 | serial console through the USB connector, 115200 baud |
//! | P0.08, P0.16 | clock and data of the I²C bus, with the LSM303AGR on the board |
//! | P0.02 (ring 0) | analogue thermometer |
//! | P0.03 (ring 1) | heater, through a transistor |

#![no_std]
#![deny(missing_docs)]

use defmt_rtt as _;
use microbit::hal;
use panic_probe as _;

use hal::{
    gpio::{Disconnected, Level, Output, PushPull, p0, p1},
    pac::{P0, P1, interrupt},
    twim,
};

#[path = "../../common/chips/nrf52.rs"]
mod nrf52;

pub use cortex_m_rt::entry;
pub use nrf52::{Board, Chip, Console, Plant, Ticker};

type ThermometerPin = p0::P0_02<Disconnected>;
type HeaterPin = p0::P0_03<Output<PushPull>>;

fn pins(p0: P0, p1: P1) -> nrf52::Pins {
    let (p0, p1) = (p0::Parts::new(p0), p1::Parts::new(p1));
    nrf52::Pins {
        thermometer: p0.p0_02,
        heater: p0.p0_03.into_push_pull_output(Level::Low),
        send: p0.p0_06.into_push_pull_output(Level::High).degrade(),
        receive: p1.p1_08.into_floating_input().degrade(),
        bus: twim::Pins {
            scl: p0.p0_08.into_floating_input().degrade(),
            sda: p0.p0_16.into_floating_input().degrade(),
        },
    }
}

langevin_boards::ticks!(crate::hal::pac, TIMER0);
