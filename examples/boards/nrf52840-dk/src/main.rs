//! The applications on the nRF52840-DK.

#![no_std]
#![no_main]

use defmt_rtt as _;
use panic_probe as _;
use nrf52840_hal as _; // its interrupt vectors

#[cortex_m_rt::entry]
fn main() -> ! {
    langevin_boards::calibrate(7);
    loop {
        cortex_m::asm::wfi();
    }
}
