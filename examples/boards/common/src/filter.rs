//! A thermal filter inside a control loop.

use heapless::spsc::{Consumer, Producer, Queue};
pub use langevin_apps::{filter::Estimate, latest::Latest};
use langevin_apps::{
    filter::{self, Alarm, Filter, Sample, heater},
    record::Recorder,
};

use crate::{
    Console, OnTick, PlantIo, Ticker,
    log::{Line, Log},
    stop, wait_for_interrupt,
};

/// Ticks a second.
pub const RATE: u32 = filter::RATE as u32;

/// The heater's power when it is on, in W: a resistor of 12 Ω on 5 V.
pub const WATTS: f32 = 25.0 / 12.0;

/// The ambient temperature, in °C, that is assumed where the thermometer gives no reading.
const ROOM: f32 = 20.0;

/// A tick's sample and the filter's mean after it, for the recording.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    number: u32,
    sample: Sample,
    mean: [f32; 2],
}

/// A queue of ticks from the interrupt to the main program.
pub type Ticks = Queue<Tick, 32>;

/// The interrupt's part: a control loop with the filter in it.
pub struct Control<T, P> {
    ticker: T,
    plant: P,
    filter: Filter,
    number: u32,
    /// The heater's power since the last tick.
    power: f32,
    latest: &'static Latest<Estimate>,
    ticks: Producer<'static, Tick>,
}

impl<T: Ticker, P: PlantIo> OnTick for Control<T, P> {
    fn tick(&mut self) {
        self.ticker.acknowledge();
        let sample = Sample {
            temperature: celsius(&mut self.plant),
            power: self.power,
        };
        let estimate = self.filter.update(sample);
        self.latest.put(estimate);
        let duty = match estimate.alarm {
            // Without a thermometer no heat.
            Some(Alarm::NoReading | Alarm::Stuck) => 0.0,
            _ => heater(self.number),
        };
        self.plant.heat(duty > 0.5);
        self.power = WATTS * duty;

        // When the main program is far behind, ticks are missing from the recording.
        let _ = self.ticks.enqueue(Tick {
            number: self.number,
            sample,
            mean: self.filter.mean(),
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

/// Starts `ticker`, and creates both parts. The thermometer's present temperature is taken for the ambient, so that the
/// heater has to be cold.
pub fn filter<T: Ticker, P: PlantIo, C: Console>(
    seed: u64,
    mut ticker: T,
    mut plant: P,
    latest: &'static Latest<Estimate>,
    ticks: &'static mut Ticks,
    console: C,
) -> (Control<T, P>, Watch<C>) {
    ticker.start(RATE);
    let mut log = Log(console);
    let ambient = ambient(&mut plant).unwrap_or_else(|| {
        log.warn(&Line::new().text("the thermometer says nothing"));
        ROOM
    });
    let recorder = Recorder::start("filter", seed, &[ambient.to_bits()], &mut log).ok();
    let Ok(filter) = Filter::new(ambient, seed) else {
        stop("no filter");
    };
    let (to_main, ticks) = ticks.split();
    let control = Control {
        ticker,
        plant,
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
    /// Records and logs for ever.
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
            wait_for_interrupt();
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
        let _ = recording.reading(&words, &tick.mean, log);
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

/// Reads an analogue thermometer such as the TMP36, with 10 mV/K and 500 mV at 0 °C. In °C.
fn celsius<P: PlantIo>(plant: &mut P) -> f32 {
    100.0 * (f32::from(plant.read()) * (P::FULL_SCALE / 4096.0) - 0.5)
}

/// Returns the mean of some readings, those outside the thermometer's range left out; `None` if that leaves none.
fn ambient<P: PlantIo>(plant: &mut P) -> Option<f32> {
    let (mut sum, mut count) = (0.0, 0.0);
    for _ in 0..64 {
        let reading = celsius(plant);
        if filter::SENSOR.contains(&reading) {
            sum += reading;
            count += 1.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}
