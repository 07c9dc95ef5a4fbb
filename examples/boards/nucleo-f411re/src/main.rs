//! The applications on the STM32 Nucleo-F411RE.

#![no_std]
#![no_main]

use defmt_rtt as _;
use panic_probe as _;
use stm32f4xx_hal::{pac, prelude::*, rcc::Config};

#[cortex_m_rt::entry]
fn main() -> ! {
    if let Some(peripherals) = pac::Peripherals::take() {
        // From 16 MHz to the fastest that the chip allows.
        let _rcc = peripherals.RCC.freeze(Config::hsi().sysclk(100.MHz()));
    }
    langevin_boards::calibrate(7);
    loop {
        cortex_m::asm::wfi();
    }
}
