//! An analogue input under watch.

use heapless::spsc::{Consumer, Producer, Queue};
use langevin_apps::{
    record::Recorder,
    sensor::{Alarm, Report, Sensor},
};

use crate::{
    Console, OnTick, Sampler,
    log::{Line, Log},
    stop,
};

/// Readings a second.
pub const RATE: u32 = 10;

/// Readings between two lines of the log, while nothing is wrong.
const EVERY: u32 = 10;

/// Readings on their way from the interrupt to the main program: room for those of a second and more.
pub type Codes = Queue<u16, 16>;

/// The interrupt's part: a reading at every tick.
pub struct Sampling<S> {
    sampler: S,
    codes: Producer<'static, u16>,
}

impl<S: Sampler> Sampling<S> {
    /// Of `sampler`, for whoever has the other end of `codes`.
    pub const fn new(sampler: S, codes: Producer<'static, u16>) -> Self {
        Self { sampler, codes }
    }
}

impl<S: Sampler> OnTick for Sampling<S> {
    fn tick(&mut self) {
        self.sampler.acknowledge();
        // When the main program is behind by more than a second, readings are lost.
        let _ = self.codes.enqueue(self.sampler.read());
    }
}

/// The main program's part: learns from each reading, records it, and logs what is known.
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
            let _ = recorder.reading(&[code.into()], sensor.position(), &mut log);
            if report.alarm != alarm || count % EVERY == 0 {
                alarm = report.alarm;
                show(count, &report, &mut log);
            }
        }
        // Until the next tick.
        cortex_m::asm::wfi();
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
