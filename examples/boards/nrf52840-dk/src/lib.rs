//! The nRF52840-DK, as far as the applications use it.
//!
//! | pin | |
//! |---|---|
//! | P0.03 (A0, AIN1) | analogue thermometer |
//! | P1.08 (D7) | heater, through a transistor |

#![no_std]
#![deny(missing_docs)]

use cortex_m::peripheral::NVIC;
pub use cortex_m_rt::entry;
use defmt_rtt as _;
use embedded_hal::digital::OutputPin;
use langevin_boards::{Handover, NoConsole, Ticking, hash, stop};
use nrf52840_hal::{
    Clocks, Rng, Saadc, Temp, Timer,
    gpio::{Disconnected, Level, Output, PushPull, p0, p1},
    pac::{Interrupt, Peripherals, TIMER0, interrupt},
    saadc::{Gain, Oversample, Reference, Resistor, Resolution, SaadcConfig, Time},
    timer::Periodic,
};
use panic_probe as _;

/// The board after start-up, at 64 MHz.
pub struct Board {
    /// There is only the debugger's log.
    pub console: NoConsole,
    random: Rng,
    temperature: Temp,
    adc: Saadc,
    ticker: Ticker,
    thermometer: p0::P0_03<Disconnected>,
    heater: p1::P1_08<Disconnected>,
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
        Self {
            console: NoConsole,
            random: Rng::new(p.RNG),
            temperature: Temp::new(p.TEMP),
            adc: Saadc::new(p.SAADC, config),
            ticker: Ticker(Timer::periodic(p.TIMER0)),
            thermometer: p0::Parts::new(p.P0).p0_03,
            heater: p1::Parts::new(p.P1).p1_08,
        }
    }

    /// A number from the chip's random number generator.
    pub fn entropy(&mut self) -> u64 {
        hash([self.random.random_u32(), self.random.random_u32()])
    }

    /// The chip's own thermometer, `rate` times a second; and the console.
    pub fn chip(mut self, rate: u32) -> (Chip, NoConsole) {
        self.ticker.start(rate);
        let chip = Chip {
            ticker: self.ticker,
            temperature: self.temperature,
        };
        (chip, self.console)
    }

    /// Thermometer and heater on their pins, `rate` times a second; and the console.
    pub fn bench(mut self, rate: u32) -> (Bench, NoConsole) {
        self.ticker.start(rate);
        let bench = Bench {
            ticker: self.ticker,
            adc: self.adc,
            thermometer: self.thermometer,
            heater: self.heater.into_push_pull_output(Level::Low),
        };
        (bench, self.console)
    }
}

/// Timer 0, interrupt `TIMER0`.
struct Ticker(Timer<TIMER0, Periodic>);

impl Ticker {
    fn start(&mut self, rate: u32) {
        self.0.enable_interrupt();
        self.0.start(1_000_000 / rate.max(1));
    }

    fn acknowledge(&mut self) {
        self.0.reset_event();
    }
}

/// On its way to the timer's interrupt.
static TICKING: Handover<Ticking> = Handover::new();

/// Hands `ticking` over to the timer's interrupt, and lets that in.
pub fn start_ticks(ticking: Ticking) {
    TICKING.give(ticking);
    // SAFETY: no critical section relies on this mask.
    unsafe { NVIC::unmask(Interrupt::TIMER0) };
}

#[interrupt]
fn TIMER0() {
    // Owned by the interrupt alone: no lock while it ticks.
    static mut OWN: Option<Ticking> = None;
    if let Some(ticking) = TICKING.owned(OWN) {
        ticking.tick();
    }
}

/// The chip's own thermometer. It is not on the converter: its quarters of a degree above -40 °C, eight of
/// them added, make a code of 1/32 °C.
pub struct Chip {
    ticker: Ticker,
    temperature: Temp,
}

impl langevin_boards::Sampler for Chip {
    fn acknowledge(&mut self) {
        self.ticker.acknowledge();
    }

    fn read(&mut self) -> u16 {
        let sum: i32 = (0..8)
            .map(|_| self.temperature.measure().to_bits() + 4 * 40)
            .sum();
        code(sum)
    }
}

/// Thermometer and heater on their pins.
pub struct Bench {
    ticker: Ticker,
    adc: Saadc,
    thermometer: p0::P0_03<Disconnected>,
    heater: p1::P1_08<Output<PushPull>>,
}

impl langevin_boards::Sampler for Bench {
    fn acknowledge(&mut self) {
        self.ticker.acknowledge();
    }

    fn read(&mut self) -> u16 {
        // Of one channel no conversion fails.
        code(
            self.adc
                .read_channel(&mut self.thermometer)
                .map_or(4095, i32::from),
        )
    }
}

impl langevin_boards::Bench for Bench {
    const FULL_SCALE: f32 = 3.6;

    fn heat(&mut self, on: bool) {
        // Cannot fail.
        let _ = self.heater.set_state(on.into());
    }
}

/// What is off the scale reads as the end of it: noise near 0 V as less than zero, say.
fn code(value: i32) -> u16 {
    value.clamp(0, 4095) as u16
}
