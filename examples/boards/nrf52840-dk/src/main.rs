//! The applications on the nRF52840-DK.

#![no_std]
#![no_main]

use defmt_rtt as _;
// For its interrupt vectors.
use nrf52840_hal as _;
use panic_probe as _;

#[cortex_m_rt::entry]
fn main() -> ! {
    langevin_boards::calibrate(7);
    loop {
        cortex_m::asm::wfi();
    }
}
