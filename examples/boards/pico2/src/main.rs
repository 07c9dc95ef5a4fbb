//! The applications on the Raspberry Pi Pico 2.

#![no_std]
#![no_main]

use defmt_rtt as _;
use panic_probe as _;
use rp235x_hal as hal;

/// Tells the boot ROM what this is.
#[unsafe(link_section = ".start_block")]
#[used]
pub static IMAGE_DEF: hal::block::ImageDef = hal::block::ImageDef::secure_exe();

#[hal::entry]
fn main() -> ! {
    langevin_boards::calibrate(7);
    loop {
        cortex_m::asm::wfi();
    }
}
