//! The nRF52833 and the nRF52840 as far as the applications use them.
//!
//! The boards include this file. Each defines `hal`, the types `ThermometerPin` and `HeaterPin`, and the function `pins`.

use embedded_hal::digital::OutputPin;
use langevin_boards::{AnalogInput, PlantIo, hash, stop};

use crate::{
    HeaterPin, ThermometerPin,
    hal::{
        Clocks, Rng, Saadc, Temp, Timer, Uarte,
        gpio::{Floating, Input, Output, Pin, PushPull},
        pac::{Peripherals, TIMER0, TIMER1, TWIM0, UARTE0},
        saadc::{Gain, Oversample, Reference, Resistor, Resolution, SaadcConfig, Time},
        timer::Periodic,
        twim::{self, Frequency, Twim},
        uarte::{self, Baudrate, Parity},
    },
    pins,
};

/// The pins that are used.
pub struct Pins {
    /// The thermometer.
    pub thermometer: ThermometerPin,
    /// The heater, switched off.
    pub heater: HeaterPin,
    /// The serial port's output.
    pub send: Pin<Output<PushPull>>,
    /// The serial port's input.
    pub receive: Pin<Input<Floating>>,
    /// The I²C bus of the magnetometer.
    pub bus: twim::Pins,
}

/// The board after start-up, at 64 MHz.
pub struct Board {
    /// The serial console.
    pub console: Console,
    random: Rng,
    temperature: Temp,
    adc: Saadc,
    ticker: Ticker,
    thermometer: ThermometerPin,
    heater: HeaterPin,
    delay: Timer<TIMER1>,
    bus: (TWIM0, twim::Pins),
}

impl Board {
    /// Starts clock, converter and timer.
    pub fn start() -> Self {
        let Some(p) = Peripherals::take() else {
            stop("started twice");
        };
        // The crystal, for exact ticks.
        Clocks::new(p.CLOCK).enable_ext_hfosc();
        let config = SaadcConfig {
            resolution: Resolution::_12BIT,
            oversample: Oversample::BYPASS,
            // 0.6 V over a gain of 1/6: 3.6 V, whatever the supply is.
            reference: Reference::INTERNAL,
            gain: Gain::GAIN1_6,
            resistor: Resistor::BYPASS,
            time: Time::_20US,
        };
        let pins = pins(p.P0, p.P1);
        let serial = uarte::Pins {
            txd: pins.send,
            rxd: pins.receive,
            cts: None,
            rts: None,
        };
        Self {
            console: Console(Uarte::new(
                p.UARTE0,
                serial,
                Parity::EXCLUDED,
                Baudrate::BAUD115200,
            )),
            random: Rng::new(p.RNG),
            temperature: Temp::new(p.TEMP),
            adc: Saadc::new(p.SAADC, config),
            ticker: Ticker(Timer::periodic(p.TIMER0)),
            thermometer: pins.thermometer,
            heater: pins.heater,
            delay: Timer::new(p.TIMER1),
            bus: (p.TWIM0, pins.bus),
        }
    }

    /// Returns a number from the chip's random number generator.
    pub fn entropy(&mut self) -> u64 {
        hash([self.random.random_u32(), self.random.random_u32()])
    }

    /// Returns the timer, the chip's own thermometer, and the console.
    pub fn chip(self) -> (Ticker, Chip, Console) {
        (self.ticker, Chip(self.temperature), self.console)
    }

    /// Returns the I²C bus of the magnetometer at 100 kHz, a delay, and the console.
    pub fn bus(self) -> (Twim<TWIM0>, Timer<TIMER1>, Console) {
        let (twim, pins) = self.bus;
        (
            Twim::new(twim, pins, Frequency::K100),
            self.delay,
            self.console,
        )
    }

    /// Returns the timer, thermometer and heater on their pins, and the console.
    pub fn plant(self) -> (Ticker, Plant, Console) {
        let plant = Plant {
            adc: self.adc,
            thermometer: self.thermometer,
            heater: self.heater,
        };
        (self.ticker, plant, self.console)
    }
}

/// The serial port.
pub struct Console(Uarte<UARTE0>);

impl langevin_boards::Console for Console {
    fn send(&mut self, bytes: &[u8]) {
        // The port reads RAM only.
        let mut buffer = [0; 32];
        for part in bytes.chunks(buffer.len()) {
            for (to, from) in buffer.iter_mut().zip(part) {
                *to = *from;
            }
            if let Some(part) = buffer.get(..part.len()) {
                // Cannot fail: it is short, and in RAM.
                let _ = self.0.write(part);
            }
        }
    }
}

/// Timer 0.
pub struct Ticker(Timer<TIMER0, Periodic>);

impl langevin_boards::Ticker for Ticker {
    fn start(&mut self, rate: u32) {
        self.0.enable_interrupt();
        self.0.start(1_000_000 / rate.max(1));
    }

    fn acknowledge(&mut self) {
        self.0.reset_event();
    }
}

/// The chip's own thermometer. It is not on the converter: a reading is the sum of eight of its readings, in quarters
/// of a degree above -40 °C, so that a code is 1/32 °C.
pub struct Chip(Temp);

impl AnalogInput for Chip {
    fn read(&mut self) -> u16 {
        code((0..8).map(|_| self.0.measure().to_bits() + 4 * 40).sum())
    }
}

/// Thermometer and heater on their pins.
pub struct Plant {
    adc: Saadc,
    thermometer: ThermometerPin,
    heater: HeaterPin,
}

impl AnalogInput for Plant {
    fn read(&mut self) -> u16 {
        // A conversion of a single channel does not fail.
        let reading = self.adc.read_channel(&mut self.thermometer);
        code(reading.map_or(4095, i32::from))
    }
}

impl PlantIo for Plant {
    const FULL_SCALE: f32 = 3.6;

    fn heat(&mut self, on: bool) {
        // Cannot fail.
        let _ = self.heater.set_state(on.into());
    }
}

/// Returns the end of the scale for what is outside it: noise near 0 V may convert to less than zero.
fn code(value: i32) -> u16 {
    value.clamp(0, 4095) as u16
}
