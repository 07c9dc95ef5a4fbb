//! Watches an analogue input.

use heapless::spsc::{Consumer, Producer, Queue};
use langevin_apps::{
    record::Recorder,
    sensor::{Alarm, Report, Sensor},
};

use crate::{
    AnalogInput, Console, OnTick, Ticker,
    log::{Line, Log},
    stop, wait_for_interrupt,
};

/// Readings a second.
pub const RATE: u32 = 10;

/// Readings between two lines of the log, as long as there is no new alarm.
const EVERY: u32 = 10;

/// A queue of readings from the interrupt to the main program, with room for more than a second of them.
pub type Codes = Queue<u16, 16>;

/// The interrupt's part: takes a reading at every tick.
pub struct Sampling<T, I> {
    ticker: T,
    input: I,
    codes: Producer<'static, u16>,
}

impl<T: Ticker, I: AnalogInput> Sampling<T, I> {
    /// Starts `ticker`, and creates the part that reads `input` and sends to the other end of `codes`.
    pub fn new(mut ticker: T, input: I, codes: Producer<'static, u16>) -> Self {
        ticker.start(RATE);
        Self {
            ticker,
            input,
            codes,
        }
    }
}

impl<T: Ticker, I: AnalogInput> OnTick for Sampling<T, I> {
    fn tick(&mut self) {
        self.ticker.acknowledge();
        // When the main program is behind by more than a second, readings are lost.
        let _ = self.codes.enqueue(self.input.read());
    }
}

/// Runs the main program's part for ever: learns from each reading, records it, and logs the estimates.
pub fn sensor(seed: u64, mut codes: Consumer<'static, u16>, console: impl Console) -> ! {
    let mut log = Log(console);
    let recorder = Recorder::start("sensor", seed, &[], &mut log);
    let (Ok(mut sensor), Ok(mut recorder)) = (Sensor::new(seed), recorder) else {
        stop("no sensor");
    };
    let mut count = 0;
    let mut alarm = None;
    loop {
        while let Some(code) = codes.dequeue() {
            let report = sensor.update(code);
            count += 1;
            // The log does not fail.
            let _ = recorder.reading(&[code.into()], &sensor.mean(), &mut log);
            if report.alarm != alarm || count % EVERY == 0 {
                alarm = report.alarm;
                show(count, &report, &mut log);
            }
        }
        // Until the next tick.
        wait_for_interrupt();
    }
}

fn show(count: u32, report: &Report, log: &mut Log<impl Console>) {
    let line = Line::new()
        .count(count)
        .text(" readings: offset, slope, noise = ")
        .numbers([report.offset, report.slope, report.noise].map(|known| known.mean))
        .text(", sd ")
        .numbers([report.offset, report.slope, report.noise].map(|known| known.sd));
    match report.alarm.map(Alarm::name) {
        None => log.info(&line),
        Some(name) => log.warn(&line.text("; ").text(name)),
    }
}
