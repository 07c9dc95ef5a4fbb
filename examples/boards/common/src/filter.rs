//! A thermal filter inside a control loop.

use heapless::spsc::{Consumer, Producer, Queue};
pub use langevin_apps::{filter::Estimate, latest::Latest};
use langevin_apps::{
    filter::{self, Alarm, Filter, Sample, heater},
    record::Recorder,
};

use crate::{
    Bench, Console, OnTick,
    log::{Line, Log},
    stop,
};

/// Ticks a second.
pub const RATE: u32 = filter::RATE as u32;

/// What the heater gives when it is on, W: a resistor of 12 Ω on 5 V.
pub const WATTS: f32 = 25.0 / 12.0;

/// Taken as the ambient, °C, where the thermometer says nothing.
const ROOM: f32 = 20.0;

/// What the interrupt was given, and where the filter's chain was then: for the recording.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    number: u32,
    sample: Sample,
    position: [f32; 2],
}

/// Ticks on their way from the interrupt to the main program.
pub type Ticks = Queue<Tick, 32>;

/// The interrupt's part: a control loop with the filter in it.
pub struct Control<B: 'static> {
    bench: B,
    filter: Filter,
    number: u32,
    /// The heater's power since the last tick.
    power: f32,
    latest: &'static Latest<Estimate>,
    ticks: Producer<'static, Tick>,
}

impl<B: Bench> OnTick for Control<B> {
    fn tick(&mut self) {
        self.bench.acknowledge();
        let sample = Sample {
            temperature: celsius(&mut self.bench),
            power: self.power,
        };
        let estimate = self.filter.update(sample);
        self.latest.put(estimate);
        let duty = match estimate.alarm {
            // Without a thermometer no heat.
            Some(Alarm::NoReading | Alarm::Stuck) => 0.0,
            _ => heater(self.number),
        };
        self.bench.heat(duty > 0.5);
        self.power = WATTS * duty;

        // When the main program is far behind, ticks are missing from the recording.
        let _ = self.ticks.enqueue(Tick {
            number: self.number,
            sample,
            position: *self.filter.position(),
        });
        self.number = self.number.wrapping_add(1);
    }
}

/// The main program's part: records each tick, and logs the latest estimate once a second.
pub struct Watch<C> {
    log: Log<C>,
    recorder: Option<Recorder>,
    latest: &'static Latest<Estimate>,
    ticks: Consumer<'static, Tick>,
}

/// Makes both parts, in surroundings as warm as the thermometer is now: the heater has to be cold.
pub fn filter<B: Bench, C: Console>(
    seed: u64,
    mut bench: B,
    latest: &'static Latest<Estimate>,
    ticks: &'static mut Ticks,
    console: C,
) -> (Control<B>, Watch<C>) {
    let mut log = Log(console);
    let ambient = ambient(&mut bench).unwrap_or_else(|| {
        log.warn(&Line::new().text("the thermometer says nothing"));
        ROOM
    });
    let recorder = Recorder::start("filter", seed, &[ambient.to_bits()], &mut log).ok();
    let Ok(filter) = Filter::new(ambient, seed) else {
        stop("no filter");
    };
    let (to_main, ticks) = ticks.split();
    let control = Control {
        bench,
        filter,
        number: 0,
        power: 0.0,
        latest,
        ticks: to_main,
    };
    let watch = Watch {
        log,
        recorder,
        latest,
        ticks,
    };
    (control, watch)
}

impl<C: Console> Watch<C> {
    /// For ever.
    pub fn run(mut self) -> ! {
        let mut next: u32 = 0;
        let mut second = 0;
        let mut alarm = None;
        loop {
            while let Some(tick) = self.ticks.dequeue() {
                self.record(&tick, tick.number == next);
                next = tick.number.wrapping_add(1);
            }
            if let Some(estimate) = self.latest.take()
                && (estimate.alarm != alarm || next / RATE != second)
            {
                second = next / RATE;
                alarm = estimate.alarm;
                self.show(next, &estimate);
            }
            // Until the next tick.
            cortex_m::asm::wfi();
        }
    }

    fn record(&mut self, tick: &Tick, in_order: bool) {
        let Self { log, recorder, .. } = self;
        let Some(recording) = recorder else {
            return;
        };
        if !in_order {
            log.warn(&Line::new().text("ticks were lost: the recording ends here"));
            *recorder = None;
            return;
        }
        let words = [tick.sample.temperature, tick.sample.power].map(f32::to_bits);
        // The log does not fail.
        let _ = recording.reading(&words, &tick.position, log);
    }

    fn show(&mut self, count: u32, estimate: &Estimate) {
        let known = [estimate.time_constant, estimate.resistance];
        let line = Line::new()
            .count(count)
            .text(" ticks: ")
            .number(estimate.temperature)
            .text(" C; tau, R = ")
            .numbers(known.map(|k| k.mean))
            .text(", sd ")
            .numbers(known.map(|k| k.sd));
        match estimate.alarm {
            None => self.log.info(&line),
            Some(alarm) => self.log.warn(&line.text("; ").text(name(alarm))),
        }
    }
}

const fn name(alarm: Alarm) -> &'static str {
    match alarm {
        Alarm::NoReading => "no reading",
        Alarm::Stuck => "stuck",
        Alarm::Power => "power",
        Alarm::Surprise => "surprise",
    }
}

/// An analogue thermometer such as the TMP36: 10 mV/K, and 500 mV at 0 °C.
fn celsius<B: Bench>(bench: &mut B) -> f32 {
    100.0 * (f32::from(bench.read()) * (B::FULL_SCALE / 4096.0) - 0.5)
}

/// The mean of some readings, of those that are in the sensor's range.
fn ambient<B: Bench>(bench: &mut B) -> Option<f32> {
    let (mut sum, mut count) = (0.0, 0.0);
    for _ in 0..64 {
        let reading = celsius(bench);
        if filter::SENSOR.contains(&reading) {
            sum += reading;
            count += 1.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}
