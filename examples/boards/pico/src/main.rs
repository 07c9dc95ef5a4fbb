//! The applications on the Raspberry Pi Pico.

#![no_std]
#![no_main]

use defmt_rtt as _;
use panic_probe as _;
use rp2040_hal as hal;

/// What copies itself to RAM and sets up the flash, before all else.
#[unsafe(link_section = ".boot2")]
#[used]
pub static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_GENERIC_03H;

#[hal::entry]
fn main() -> ! {
    langevin_boards::calibrate(7);
    loop {
        cortex_m::asm::wfi();
    }
}
