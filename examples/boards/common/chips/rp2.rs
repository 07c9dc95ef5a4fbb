//! The RP2040 and the RP2350 as far as the applications use them.
//!
//! The Picos include this file. Each defines `hal`, its `Alarm`, and the macro `timer`.

use embedded_hal::digital::OutputPin;
use fugit::ExtU64;
use langevin_boards::{AnalogInput, PlantIo, hash, stop};

use crate::{
    Alarm,
    hal::{
        Clock, Sio, Watchdog,
        adc::{Adc, AdcPin, TempSense},
        clocks::init_clocks_and_plls,
        gpio::{
            FunctionNull, FunctionSio, FunctionUart, Pin, Pins, PullDown, PullNone, SioOutput,
            bank0::{Gpio0, Gpio1, Gpio15, Gpio26},
        },
        pac::{Peripherals, UART0},
        rosc::{Enabled, RingOscillator},
        timer::{Alarm as _, Instant},
        uart::{self, UartConfig, UartPeripheral},
    },
};

/// Frequency of the crystal in Hz.
const CRYSTAL: u32 = 12_000_000;

/// A conversion that failed reads as the upper end of the range.
const FAILED: u16 = 4095;

/// The board after start-up, at the clock of its data sheet.
pub struct Board {
    /// The serial console.
    pub console: Console,
    noise: RingOscillator<Enabled>,
    adc: Adc,
    ticker: Ticker,
    thermometer: Pin<Gpio26, FunctionNull, PullDown>,
    heater: Pin<Gpio15, FunctionNull, PullDown>,
}

impl Board {
    /// Starts clocks, serial port, converter and timer.
    pub fn start() -> Self {
        let Some(p) = Peripherals::take() else {
            stop("started twice");
        };
        let mut resets = p.RESETS;
        let mut watchdog = Watchdog::new(p.WATCHDOG);
        let clocks = init_clocks_and_plls(
            CRYSTAL,
            p.XOSC,
            p.CLOCKS,
            p.PLL_SYS,
            p.PLL_USB,
            &mut resets,
            &mut watchdog,
        );
        let Ok(clocks) = clocks else {
            stop("no clock");
        };
        let pins = Pins::new(
            p.IO_BANK0,
            p.PADS_BANK0,
            Sio::new(p.SIO).gpio_bank0,
            &mut resets,
        );
        let serial = UartPeripheral::new(
            p.UART0,
            (pins.gpio0.into_function(), pins.gpio1.into_function()),
            &mut resets,
        );
        let Ok(serial) = serial.enable(
            // 115200 baud, 8 data bits, no parity, 1 stop bit.
            UartConfig::default(),
            clocks.peripheral_clock.freq(),
        ) else {
            stop("no serial port");
        };
        let mut timer = timer!(p, &mut resets, &clocks);
        let Some(alarm) = timer.alarm_0() else {
            stop("no timer");
        };
        Self {
            console: Console(serial),
            noise: RingOscillator::new(p.ROSC).initialize(),
            adc: Adc::new(p.ADC, &mut resets),
            ticker: Ticker {
                alarm,
                next: timer.get_counter(),
                period: 0,
            },
            thermometer: pins.gpio26,
            heater: pins.gpio15,
        }
    }

    /// Returns a number from the ring oscillator, whose phase is random to the processor.
    pub fn entropy(&mut self) -> u64 {
        hash((0..1024).map(|_| u32::from(self.noise.get_random_bit())))
    }

    /// Returns the timer, the chip's own thermometer, and the console.
    pub fn chip(mut self) -> (Ticker, Chip, Console) {
        let Some(sense) = self.adc.take_temp_sensor() else {
            stop("no thermometer");
        };
        let chip = Chip {
            adc: self.adc,
            sense,
        };
        (self.ticker, chip, self.console)
    }

    /// Returns the timer, thermometer and heater on their pins, and the console.
    pub fn plant(self) -> (Ticker, Plant, Console) {
        let Ok(thermometer) = AdcPin::new(self.thermometer.into_pull_type()) else {
            stop("no thermometer");
        };
        let plant = Plant {
            adc: self.adc,
            thermometer,
            heater: self.heater.into_function(),
        };
        (self.ticker, plant, self.console)
    }
}

/// The pins of serial port 0, output and input.
type SerialPins = (
    Pin<Gpio0, FunctionUart, PullDown>,
    Pin<Gpio1, FunctionUart, PullDown>,
);

/// Serial port 0.
pub struct Console(UartPeripheral<uart::Enabled, UART0, SerialPins>);

impl langevin_boards::Console for Console {
    fn send(&mut self, bytes: &[u8]) {
        self.0.write_full_blocking(bytes);
    }
}

/// Alarm 0 of the timer, or of timer 0 where there are two.
pub struct Ticker {
    alarm: Alarm,
    next: Instant,
    period: u64,
}

impl Ticker {
    fn schedule(&mut self) {
        // Not from now, so that no delay adds up.
        self.next += self.period.micros();
        // An error is a time more than an hour away.
        let _ = self.alarm.schedule_at(self.next);
    }
}

impl langevin_boards::Ticker for Ticker {
    fn start(&mut self, rate: u32) {
        self.period = u64::from(1_000_000 / rate.max(1));
        self.schedule();
        self.alarm.enable_interrupt();
    }

    fn acknowledge(&mut self) {
        self.alarm.clear_interrupt();
        self.schedule();
    }
}

/// The chip's own thermometer.
pub struct Chip {
    adc: Adc,
    sense: TempSense,
}

impl AnalogInput for Chip {
    fn read(&mut self) -> u16 {
        self.adc.read(&mut self.sense).unwrap_or(FAILED)
    }
}

/// Thermometer and heater on their pins.
pub struct Plant {
    adc: Adc,
    thermometer: AdcPin<Pin<Gpio26, FunctionNull, PullNone>>,
    heater: Pin<Gpio15, FunctionSio<SioOutput>, PullDown>,
}

impl AnalogInput for Plant {
    fn read(&mut self) -> u16 {
        self.adc.read(&mut self.thermometer).unwrap_or(FAILED)
    }
}

impl PlantIo for Plant {
    const FULL_SCALE: f32 = 3.3;

    fn heat(&mut self, on: bool) {
        // Cannot fail.
        let _ = self.heater.set_state(on.into());
    }
}
