//! The nRF52833 and the nRF52840 as far as the applications use them.
//!
//! The boards include this file. Each defines `hal`, the types `ThermometerPin` and `HeaterPin`, and `pins`, which
//! returns those.

use embedded_hal::digital::OutputPin;
use langevin_boards::{AnalogInput, NoConsole, PlantIo, hash, stop};

use crate::{
    HeaterPin, ThermometerPin,
    hal::{
        Clocks, Rng, Saadc, Temp, Timer,
        pac::{Peripherals, TIMER0},
        saadc::{Gain, Oversample, Reference, Resistor, Resolution, SaadcConfig, Time},
        timer::Periodic,
    },
    pins,
};

/// The board after start-up, at 64 MHz.
pub struct Board {
    /// The console: only the debugger shows the log.
    pub console: NoConsole,
    random: Rng,
    temperature: Temp,
    adc: Saadc,
    ticker: Ticker,
    thermometer: ThermometerPin,
    heater: HeaterPin,
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
        let (thermometer, heater) = pins(p.P0, p.P1);
        Self {
            console: NoConsole,
            random: Rng::new(p.RNG),
            temperature: Temp::new(p.TEMP),
            adc: Saadc::new(p.SAADC, config),
            ticker: Ticker(Timer::periodic(p.TIMER0)),
            thermometer,
            heater,
        }
    }

    /// Returns a number from the chip's random number generator.
    pub fn entropy(&mut self) -> u64 {
        hash([self.random.random_u32(), self.random.random_u32()])
    }

    /// Returns the timer, the chip's own thermometer, and the console.
    pub fn chip(self) -> (Ticker, Chip, NoConsole) {
        (self.ticker, Chip(self.temperature), self.console)
    }

    /// Returns the timer, thermometer and heater on their pins, and the console.
    pub fn plant(self) -> (Ticker, Plant, NoConsole) {
        let plant = Plant {
            adc: self.adc,
            thermometer: self.thermometer,
            heater: self.heater,
        };
        (self.ticker, plant, self.console)
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
