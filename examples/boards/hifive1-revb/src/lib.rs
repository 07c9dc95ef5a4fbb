//! The HiFive1 rev B as far as the applications use it.
//!
//! | pin | |
//! |---|---|
//! | GPIO 17 | serial console through the debugger's USB connector, 115200 baud |

#![no_std]
#![deny(missing_docs)]

use core::panic::PanicInfo;

use defmt_rtt as _;
use hifive1::{
    configure_clocks,
    hal::{
        DeviceResources,
        e310x::Uart0,
        gpio::{IOF0, NoInvert, gpio0::Pin17},
        prelude::{embedded_io::Write, *},
        serial::{Serial, Tx},
    },
};
use langevin_boards::stop;

pub use riscv_rt::entry;

/// The board after start-up, at 320 MHz.
pub struct Board {
    /// The serial console.
    pub console: Console,
}

impl Board {
    /// Starts clock and serial port.
    pub fn start() -> Self {
        let Some(resources) = DeviceResources::take() else {
            stop("started twice");
        };
        let p = resources.peripherals;
        let clocks = configure_clocks(p.PRCI, p.AONCLK, 320.mhz().into());
        let (send, receive) = (resources.pins.pin17, resources.pins.pin16);
        let pins = (send.into_iof0(), receive.into_iof0());
        let (serial, _) = Serial::new(p.UART0, pins, 115_200.bps(), clocks).split();
        Self {
            console: Console(serial),
        }
    }
}

/// Serial port 0.
pub struct Console(Tx<Uart0, Pin17<IOF0<NoInvert>>>);

impl langevin_boards::Console for Console {
    fn send(&mut self, bytes: &[u8]) {
        // The port does not fail.
        let _ = self.0.write_all(bytes);
    }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    stop("panicked")
}
