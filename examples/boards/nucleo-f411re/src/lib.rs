//! The STM32 Nucleo-F411RE as far as the applications use it.
//!
//! | pin | |
//! |---|---|
//! | PA0 (A0) | analogue thermometer |
//! | PA8 (D7) | heater, through a transistor |

#![no_std]
#![deny(missing_docs)]

pub use cortex_m_rt::entry;
use defmt_rtt as _;
use langevin_boards::{AnalogInput, NoConsole, PlantIo, hash, stop};
use panic_probe as _;
use stm32f4xx_hal::{
    adc::{
        Adc, Temperature,
        config::{AdcConfig, Clock, SampleTime},
    },
    gpio::{Analog, Output, PA0, PA8, PinState},
    pac::{ADC1, Peripherals, TIM2, interrupt},
    prelude::*,
    rcc::Config,
    signature::Uid,
    timer::{CounterUs, Event, Flag},
};

/// The board after start-up, at 100 MHz.
pub struct Board {
    /// The console: only the debugger shows the log.
    pub console: NoConsole,
    adc: Adc<ADC1>,
    ticker: Ticker,
    thermometer: PA0<Analog>,
    heater: PA8<Output>,
}

impl Board {
    /// Starts clock, converter and timer.
    pub fn start() -> Self {
        let Some(p) = Peripherals::take() else {
            stop("started twice");
        };
        // From 16 MHz to the fastest that the chip allows.
        let mut rcc = p.RCC.freeze(Config::hsi().sysclk(100.MHz()));
        let pins = p.GPIOA.split(&mut rcc);
        let mut adc = Adc::new(
            p.ADC1,
            true,
            AdcConfig::default().clock(Clock::Pclk2_div_4),
            &mut rcc,
        );
        adc.enable_temperature_and_vref();
        Self {
            console: NoConsole,
            adc,
            ticker: Ticker(p.TIM2.counter_us(&mut rcc)),
            thermometer: pins.pa0.into_analog(),
            heater: pins.pa8.into_push_pull_output(),
        }
    }

    /// Returns a number from the chip's identity, which no other chip has, and from the noise of its thermometer,
    /// which is never the same: this chip has no random number generator.
    pub fn entropy(&mut self) -> u64 {
        let id = Uid::get();
        let lot = id.lot_num().bytes().map(u32::from);
        let id = [id.x().into(), id.y().into(), id.waf_num().into()];
        let noise = (0..1024).map(|_| self.adc.convert(&Temperature, SampleTime::Cycles_3).into());
        hash(id.into_iter().chain(lot).chain(noise))
    }

    /// Returns the timer, the chip's own thermometer, and the console.
    pub fn chip(self) -> (Ticker, Chip, NoConsole) {
        (self.ticker, Chip(self.adc), self.console)
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

/// Timer 2.
pub struct Ticker(CounterUs<TIM2>);

impl langevin_boards::Ticker for Ticker {
    fn start(&mut self, rate: u32) {
        self.0.listen(Event::Update);
        if self.0.start((1_000_000 / rate.max(1)).micros()).is_err() {
            stop("no timer");
        }
    }

    fn acknowledge(&mut self) {
        self.0.clear_flags(Flag::Update);
    }
}

/// The chip's own thermometer.
pub struct Chip(Adc<ADC1>);

impl AnalogInput for Chip {
    fn read(&mut self) -> u16 {
        // It needs 10 µs; these are 19.
        self.0.convert(&Temperature, SampleTime::Cycles_480)
    }
}

/// Thermometer and heater on their pins.
pub struct Plant {
    adc: Adc<ADC1>,
    thermometer: PA0<Analog>,
    heater: PA8<Output>,
}

impl AnalogInput for Plant {
    fn read(&mut self) -> u16 {
        self.adc.convert(&self.thermometer, SampleTime::Cycles_480)
    }
}

impl PlantIo for Plant {
    const FULL_SCALE: f32 = 3.3;

    fn heat(&mut self, on: bool) {
        self.heater.set_state(PinState::from(on));
    }
}

langevin_boards::ticks!(stm32f4xx_hal::pac, TIM2);
