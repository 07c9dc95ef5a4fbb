//! The Raspberry Pi Pico 2, as far as the applications use it.
//!
//! | pin | |
//! |---|---|
//! | GP0 | serial console, 115200 baud: the same lines as in the debugger's log |
//! | GP15 | heater, through a transistor |
//! | GP26 (ADC0) | analogue thermometer |

#![no_std]
#![deny(missing_docs)]

use cortex_m::peripheral::NVIC;
use defmt_rtt as _;
use embedded_hal::digital::OutputPin;
use fugit::ExtU64;
use langevin_boards::{Handover, Ticking, hash, stop};
use panic_probe as _;
pub use rp235x_hal::entry;
use rp235x_hal::{
    Clock, Sio, Timer, Watchdog,
    adc::{Adc, AdcPin, TempSense},
    clocks::init_clocks_and_plls,
    gpio::{
        FunctionNull, FunctionSio, FunctionUart, Pin, Pins, PullDown, PullNone, SioOutput,
        bank0::{Gpio0, Gpio1, Gpio15, Gpio26},
    },
    pac::{self, Interrupt, UART0, interrupt},
    rosc::{Enabled, RingOscillator},
    timer::{Alarm, Alarm0, CopyableTimer0, Instant},
    uart::{self, UartConfig, UartPeripheral},
};

/// Tells the boot ROM what this is.
#[unsafe(link_section = ".start_block")]
#[used]
pub static IMAGE_DEF: rp235x_hal::block::ImageDef = rp235x_hal::block::ImageDef::secure_exe();

/// Frequency of the crystal in Hz.
const CRYSTAL: u32 = 12_000_000;

/// The board after start-up, at 150 MHz.
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
        let Some(p) = pac::Peripherals::take() else {
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
        let mut timer = Timer::new_timer0(p.TIMER0, &mut resets, &clocks);
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

    /// A number from the ring oscillator, whose phase is random to the processor.
    pub fn entropy(&mut self) -> u64 {
        hash((0..1024).map(|_| u32::from(self.noise.get_random_bit())))
    }

    /// The chip's own thermometer, `rate` times a second; and the console.
    pub fn chip(mut self, rate: u32) -> (Chip, Console) {
        let Some(sense) = self.adc.take_temp_sensor() else {
            stop("no thermometer");
        };
        self.ticker.start(rate);
        (
            Chip {
                ticker: self.ticker,
                adc: self.adc,
                sense,
            },
            self.console,
        )
    }

    /// Thermometer and heater on their pins, `rate` times a second; and the console.
    pub fn bench(mut self, rate: u32) -> (Bench, Console) {
        let Ok(thermometer) = AdcPin::new(self.thermometer.into_pull_type()) else {
            stop("no thermometer");
        };
        self.ticker.start(rate);
        let bench = Bench {
            ticker: self.ticker,
            adc: self.adc,
            thermometer,
            heater: self.heater.into_function(),
        };
        (bench, self.console)
    }
}

/// Pins of serial port 0: out and in.
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

/// Alarm 0, interrupt `TIMER0_IRQ_0`.
struct Ticker {
    alarm: Alarm0<CopyableTimer0>,
    next: Instant,
    period: u64,
}

impl Ticker {
    fn start(&mut self, rate: u32) {
        self.period = u64::from(1_000_000 / rate.max(1));
        self.schedule();
        self.alarm.enable_interrupt();
    }

    fn schedule(&mut self) {
        // Not from now, so that no delay adds up.
        self.next += self.period.micros();
        // An error is a time more than an hour away.
        let _ = self.alarm.schedule_at(self.next);
    }

    fn acknowledge(&mut self) {
        self.alarm.clear_interrupt();
        self.schedule();
    }
}

/// On its way to the timer's interrupt.
static TICKING: Handover<Ticking> = Handover::new();

/// Hands `ticking` over to the timer's interrupt, and lets that in.
pub fn start_ticks(ticking: Ticking) {
    TICKING.give(ticking);
    // SAFETY: no critical section relies on this mask.
    unsafe { NVIC::unmask(Interrupt::TIMER0_IRQ_0) };
}

#[interrupt]
fn TIMER0_IRQ_0() {
    // Owned by the interrupt alone: no lock while it ticks.
    static mut OWN: Option<Ticking> = None;
    if let Some(ticking) = TICKING.owned(OWN) {
        ticking.tick();
    }
}

/// The chip's own thermometer.
pub struct Chip {
    ticker: Ticker,
    adc: Adc,
    sense: TempSense,
}

impl langevin_boards::Sampler for Chip {
    fn acknowledge(&mut self) {
        self.ticker.acknowledge();
    }

    fn read(&mut self) -> u16 {
        self.adc.read(&mut self.sense).unwrap_or(FAILED)
    }
}

/// Thermometer and heater on their pins.
pub struct Bench {
    ticker: Ticker,
    adc: Adc,
    thermometer: AdcPin<Pin<Gpio26, FunctionNull, PullNone>>,
    heater: Pin<Gpio15, FunctionSio<SioOutput>, PullDown>,
}

impl langevin_boards::Sampler for Bench {
    fn acknowledge(&mut self) {
        self.ticker.acknowledge();
    }

    fn read(&mut self) -> u16 {
        self.adc.read(&mut self.thermometer).unwrap_or(FAILED)
    }
}

impl langevin_boards::Bench for Bench {
    const FULL_SCALE: f32 = 3.3;

    fn heat(&mut self, on: bool) {
        // Cannot fail.
        let _ = self.heater.set_state(on.into());
    }
}

/// A conversion that failed reads as the upper rail.
const FAILED: u16 = 4095;
