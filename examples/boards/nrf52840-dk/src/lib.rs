//! The nRF52840-DK as far as the applications use it.
//!
//! | pin | |
//! |---|---|
//! | P0.06 | serial console through the debugger's USB connector, 115200 baud |
//! | P0.27, P0.26 (D15, D14) | clock and data of an I²C bus |
//! | P0.03 (A0, AIN1) | analogue thermometer |
//! | P1.08 (D7) | heater, through a transistor |

#![no_std]
#![deny(missing_docs)]

use defmt_rtt as _;
use nrf52840_hal as hal;
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

type ThermometerPin = p0::P0_03<Disconnected>;
type HeaterPin = p1::P1_08<Output<PushPull>>;

fn pins(p0: P0, p1: P1) -> nrf52::Pins {
    let (p0, p1) = (p0::Parts::new(p0), p1::Parts::new(p1));
    nrf52::Pins {
        thermometer: p0.p0_03,
        heater: p1.p1_08.into_push_pull_output(Level::Low),
        send: p0.p0_06.into_push_pull_output(Level::High).degrade(),
        receive: p0.p0_08.into_floating_input().degrade(),
        bus: twim::Pins {
            scl: p0.p0_27.into_floating_input().degrade(),
            sda: p0.p0_26.into_floating_input().degrade(),
        },
    }
}

langevin_boards::ticks!(crate::hal::pac, TIMER0);
