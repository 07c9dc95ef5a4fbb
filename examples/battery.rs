//! Tracks a battery's resistances and open-circuit voltage, and predicts its voltage under load.
//!
//!     cargo run --release --example battery
//!
//! Pulse tests of a cell of a Nissan Leaf at 10, 25 and 40 °C: at ten states of charge, after an hour of rest, the cell is
//! discharged for 30 s, rests for 40 s and is charged for 10 s. Reading by reading the posterior of Thevenin's model is
//! updated. Before each charge pulse all of it is predicted, from the discharge pulse and the rest just before and from
//! what the earlier tests left; before each discharge pulse, the voltage at its end. Recursive least squares with the same memory
//! predicts the same. The model is in `examples/apps`.

mod support;

use std::{ffi::OsString, path::Path, process::ExitCode};

use langevin_apps::{
    Marginal,
    battery::{
        Battery, CORRELATION, IDLE, LOWEST, Load, MEMORY, PRIOR_SD, Parameters, REST, Reading,
        TYPICAL,
    },
};
use nalgebra::{Matrix4, Vector4};
use plotters::prelude::SeriesLabelPosition;
use support::{
    Outcome,
    args::Args,
    plot::{self, BLUE, INK, ORANGE, Panel},
    table,
};

const USAGE: &str = "\
Resistances and open-circuit voltage of a battery, tracked over pulse tests.

    battery [options] [TESTS.csv]

TESTS.csv has the columns temperature, test, time, current and voltage. A test begins with the last reading of a rest; its
time in s counts from there. Current in A, positive when it charges; voltage in V. A pulse that charges after one that
discharges is predicted before it is used. Without it, the tests are those of a cell of a Nissan Leaf.

    --seed N            seed of the noise (default 1)
    --output FILE.svg   the picture (default target/battery.svg)";

const TESTS: &str = include_str!("data/battery.csv");

/// The current in A of a pulse that charges, at least.
const CHARGING: f32 = 1.0;

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let Some(args) = Args::parse(arguments, &["seed", "output"], USAGE)? else {
        return Ok(());
    };
    let series = match &args.file {
        Some(path) => {
            let name = path.display();
            let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
            parse(&text).map_err(|error| format!("{name}: {error}"))?
        }
        None => published()?,
    };
    let seed = args.value("seed", 1)?;
    let tracked = series.iter().map(|series| track(series, seed));
    let tracked = tracked.collect::<Outcome<Vec<_>>>()?;
    report(&tracked);
    let output = Path::new(args.text("output").unwrap_or("target/battery.svg"));
    draw(&tracked, output)
}

// ------------------------------------------------------------------------------------------ tests

/// The tests at one temperature, one after another.
pub struct Series {
    /// In °C.
    pub temperature: f64,
    /// Each with the last reading of a rest as its first.
    pub tests: Vec<Vec<Row>>,
}

/// A reading of a test.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Time since the rest in s.
    pub time: f32,
    /// In A.
    pub current: f32,
    /// In V.
    pub voltage: f32,
}

/// Returns the tests that come with the example.
pub fn published() -> Outcome<Vec<Series>> {
    parse(TESTS)
}

fn parse(text: &str) -> Outcome<Vec<Series>> {
    let columns = ["temperature", "test", "time", "current", "voltage"];
    let mut all: Vec<Series> = Vec::new();
    let mut last = None;
    for row in table::parse(text, columns)? {
        let [temperature, test, time, current, voltage] = row;
        let complain = |what: &str| Err(format!("test {test} at {temperature} °C: {what}").into());
        if !row.iter().all(|x| x.is_finite()) {
            return complain(&format!("a number is missing at {time} s"));
        }
        if all
            .last()
            .is_none_or(|series| series.temperature != temperature)
        {
            let tests = Vec::new();
            all.push(Series { temperature, tests });
            last = None;
        }
        let Some(Series { tests, .. }) = all.last_mut() else {
            continue;
        };
        if last != Some(test) {
            if current.abs() >= IDLE.into() {
                return complain(&format!("begins with {current} A, not with a rest"));
            }
            tests.push(Vec::new());
            last = Some(test);
        }
        let [time, current, voltage] = [time, current, voltage].map(|x| x as f32);
        if let Some(rows) = tests.last_mut() {
            if rows.last().is_some_and(|before| before.time >= time) {
                return complain(&format!("times must increase, up to {time} s"));
            }
            rows.push(Row {
                time,
                current,
                voltage,
            });
        }
    }
    let charges = |rows: &Vec<Row>| rows.iter().any(|row| row.current >= CHARGING);
    if !all.iter().flat_map(|series| &series.tests).any(charges) {
        return Err("no pulse that charges: nothing to predict".into());
    }
    Ok(all)
}

// --------------------------------------------------------------------------------------- tracking

/// A prediction beside what came.
#[derive(Clone, Copy, Debug)]
pub struct Predicted {
    /// The reading less its prediction, in mV.
    pub residual: f32,
    /// The standard deviation of the prediction in mV.
    pub sd: f32,
    /// The same residual with least squares.
    pub least_squares: f32,
}

impl Predicted {
    /// Whether the reading is in its 95 % interval.
    pub fn within(&self) -> bool {
        self.residual.abs() <= 1.96 * self.sd
    }
}

/// A pulse beside its prediction: time in s, and voltages in V.
struct Shown {
    time: f32,
    voltage: f32,
    expected: Marginal,
    least_squares: f32,
}

/// The results at one temperature.
pub struct Tracked {
    /// In °C.
    pub temperature: f64,
    /// Of each reading, one ahead.
    pub ahead: Vec<Predicted>,
    /// Of each reading of the charge pulses, all of a pulse ahead.
    pub pulses: Vec<Predicted>,
    /// Of the voltage at the end of the first pulse of each test, at the rest before it.
    pub left: Vec<Predicted>,
    /// The number of readings with an alarm.
    pub alarms: usize,
    /// After each test: voltage at its rest in V, what is known, and R₀ and R₁ by least squares in mΩ.
    known: Vec<(f32, Parameters, [f64; 2])>,
    /// The charge pulse of each test.
    shown: Vec<Vec<Shown>>,
}

/// Tracks the tests at one temperature.
pub fn track(series: &Series, seed: u64) -> Outcome<Tracked> {
    let mut battery = Battery::new(seed)?;
    let mut rls = LeastSquares::new();
    let mut result = Tracked {
        temperature: series.temperature,
        ahead: Vec::new(),
        pulses: Vec::new(),
        left: Vec::new(),
        alarms: 0,
        known: Vec::new(),
        shown: Vec::new(),
    };
    for test in &series.tests {
        let [rest, rows @ ..] = &test[..] else {
            continue;
        };
        battery.update(Reading {
            seconds: REST,
            current: rest.current,
            voltage: rest.voltage,
        });
        rls.rest();
        let in_mv = |voltage: f32| 1000.0 * (voltage - rest.voltage);
        let predicted = |row: &Row, expected: Marginal, least_squares: f64| Predicted {
            residual: 1000.0 * (row.voltage - expected.mean),
            sd: 1000.0 * expected.sd,
            least_squares: in_mv(row.voltage) - least_squares as f32,
        };
        if let Some(first) = rows.first() {
            let pulse = rows.iter().take_while(|row| row.current == first.current);
            if let Some(end) = pulse.last() {
                let left = battery.left(first.current, end.time - rest.time);
                let mean = left.mean + LOWEST;
                let ahead = rls.after(first.current, end.time - rest.time).predict();
                let expected = Marginal { mean, ..left };
                result.left.push(predicted(end, expected, ahead));
            }
        }
        let charge = rows.iter().position(|row| row.current >= CHARGING);
        let mut before = rest.time;
        for (index, row) in rows.iter().enumerate() {
            if Some(index) == charge {
                let (mut load, mut least): (Load, _) = (battery.load(), rls.clone());
                let mut last = before;
                let mut shown = Vec::new();
                for row in &rows[index..] {
                    load.add(row.current, row.time - last);
                    least = least.after(row.current, row.time - last);
                    last = row.time;
                    let Some(expected) = battery.forecast(&load) else {
                        continue;
                    };
                    let least = least.predict();
                    result.pulses.push(predicted(row, expected, least));
                    shown.push(Shown {
                        time: row.time,
                        voltage: row.voltage,
                        expected,
                        least_squares: rest.voltage + 0.001 * least as f32,
                    });
                }
                result.shown.push(shown);
            }
            let seconds = row.time - before;
            before = row.time;
            let report = battery.update(Reading {
                seconds,
                current: row.current,
                voltage: row.voltage,
            });
            rls = rls.after(row.current, seconds);
            if let Some(expected) = report.expected {
                result.ahead.push(predicted(row, expected, rls.predict()));
            }
            result.alarms += usize::from(report.alarm.is_some());
            rls.learn(in_mv(row.voltage).into());
        }
        let known = (rest.voltage, battery.parameters(), rls.resistances());
        result.known.push(known);
    }
    Ok(result)
}

/// Recursive least squares with forgetting for offset, slope, R₀ and R₁, with the prior's median as τ.
#[derive(Clone)]
struct LeastSquares {
    theta: Vector4<f64>,
    covariance: Matrix4<f64>,
    /// 1, charge in Ah, current and filtered current in A.
    x: Vector4<f64>,
}

impl LeastSquares {
    /// Starts from the prior, with σ as the standard deviation of a reading.
    fn new() -> Self {
        let [slope, r0, r1, _, sigma] = TYPICAL.map(f64::from);
        let [offset_sd, slope_sd, r0_sd, r1_sd, ..] = PRIOR_SD.map(f64::from);
        let sd = Vector4::new(offset_sd, slope * slope_sd, r0 * r0_sd, r1 * r1_sd) / sigma;
        Self {
            theta: Vector4::new(0.0, slope, r0, r1),
            covariance: Matrix4::from_diagonal(&sd.component_mul(&sd)),
            x: Vector4::new(1.0, 0.0, 0.0, 0.0),
        }
    }

    fn rest(&mut self) {
        self.x = Vector4::new(1.0, 0.0, 0.0, 0.0);
    }

    /// Returns the state after some time with a current.
    fn after(&self, current: f32, seconds: f32) -> Self {
        let [.., tau, _] = TYPICAL.map(f64::from);
        let (current, seconds) = (f64::from(current), f64::from(seconds));
        let mut next = self.clone();
        next.x[1] += current * seconds / 3600.0;
        next.x[2] = current;
        next.x[3] += (current - self.x[3]) * (1.0 - (-seconds / tau).exp());
        next
    }

    /// Returns the predicted voltage since the rest in mV.
    fn predict(&self) -> f64 {
        self.theta.dot(&self.x)
    }

    fn learn(&mut self, y: f64) {
        let factor = 1.0 - 1.0 / f64::from(MEMORY);
        let spread = self.covariance * self.x / factor;
        let gain = spread / (1.0 + spread.dot(&self.x));
        self.theta += gain * (y - self.predict());
        self.covariance = self.covariance / factor - gain * spread.transpose();
    }

    fn resistances(&self) -> [f64; 2] {
        [self.theta[2], self.theta[3]]
    }
}

// ---------------------------------------------------------------------------------------- results

/// Returns the root mean square.
pub fn rms(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let count = values.clone().count() as f32;
    (values.map(|x| x * x).sum::<f32>() / count).sqrt()
}

/// Returns how many in 100 readings are in their 95 % intervals.
pub fn covered(predicted: &[Predicted]) -> f64 {
    let within = predicted.iter().filter(|p| p.within()).count();
    100.0 * within as f64 / predicted.len() as f64
}

fn report(all: &[Tracked]) {
    println!(
        "{:>4} |{:^42} |{:^42} |{:^30} |",
        "",
        "charge pulses, all of a pulse ahead",
        "end of discharge, at the rest before",
        "all readings, one ahead"
    );
    println!(
        "{:>4} |{:>12}{:>16}{:>14} |{:>12}{:>16}{:>14} |{:>12}{:>9}{:>9} |",
        "°C",
        "rms, mV",
        "least squares",
        "in 95 %, %",
        "rms, mV",
        "least squares",
        "in 95 %, %",
        "in 95 %, %",
        "alarms",
        "readings",
    );
    let columns = |predicted: &[Predicted]| {
        format!(
            "{:>12.2}{:>16.2}{:>14.1}",
            rms(predicted.iter().map(|p| p.residual)),
            rms(predicted.iter().map(|p| p.least_squares)),
            covered(predicted)
        )
    };
    let row = |name: String, pulses: &[_], left: &[_], ahead: &[_], alarms: usize| {
        println!(
            "{name:>4} |{} |{} |{:>12.1}{alarms:>9}{:>9} |",
            columns(pulses),
            columns(left),
            covered(ahead),
            ahead.len()
        );
    };
    for t in all {
        row(
            t.temperature.to_string(),
            &t.pulses,
            &t.left,
            &t.ahead,
            t.alarms,
        );
    }
    let every = |of: &dyn Fn(&Tracked) -> &[Predicted]| -> Vec<Predicted> {
        all.iter().flat_map(|t| of(t).iter().copied()).collect()
    };
    row(
        "all".into(),
        &every(&|t| &t.pulses),
        &every(&|t| &t.left),
        &every(&|t| &t.ahead),
        all.iter().map(|t| t.alarms).sum(),
    );
    println!(
        "\nthe errors of the model are correlated over {CORRELATION} s; least squares with {MEMORY} readings remembered, as the tracker\n"
    );
    println!(
        "{:>4}{:>9}{:>16}{:>14}{:>14}{:>14}{:>14}",
        "°C", "rest, V", "slope, mV/Ah", "R0, mΩ", "R1, mΩ", "τ, s", "σ, mV"
    );
    for t in all {
        for (rest, known, _) in &t.known {
            let text = |Marginal { mean, sd }| format!("{mean:.2} ± {sd:.2}");
            println!(
                "{:>4}{rest:>9.3}{:>16}{:>14}{:>14}{:>14}{:>14}",
                t.temperature,
                text(known.slope),
                text(known.r0),
                text(known.r1),
                text(known.tau),
                text(known.sigma)
            );
        }
    }
    println!();
}

/// Left, resistances over the voltage at rest; right, a charge pulse and its prediction.
fn draw(all: &[Tracked], path: &Path) -> Outcome {
    let area = plot::picture(path, (1400, 400 * all.len() as u32))?;
    let rows = area.split_evenly((all.len(), 1));
    for (t, row) in all.iter().zip(rows) {
        let (left, right) = row.split_horizontally(700);
        let rests = t.known.iter().map(|(rest, ..)| f64::from(*rest));
        let (low, high) = rests.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
        let resistances = |known: &Parameters| [known.r0, known.r1];
        let tops = t.known.iter().flat_map(|(_, known, least)| {
            let ends = resistances(known).map(|r| f64::from(r.mean + 1.96 * r.sd));
            ends.into_iter().chain(*least)
        });
        let mut panel = Panel::new(
            &left,
            &format!("{} °C: resistances, test by test", t.temperature),
            ["voltage at rest in V", "mΩ"],
            low - 0.02..high + 0.02,
            0.0..1.2 * tops.fold(0.0, f64::max),
        )?;
        for (i, colour, names) in [
            (0, BLUE, ["R0, 95 %", "R0, least squares"]),
            (1, ORANGE, ["R1, 95 %", "R1, least squares"]),
        ] {
            let edges = t.known.iter().map(|(rest, known, _)| {
                let Marginal { mean, sd } = resistances(known)[i];
                [*rest, mean - 1.96 * sd, mean + 1.96 * sd].map(f64::from)
            });
            panel.band(edges, colour, 0.5, names[0])?;
            let least = t.known.iter().map(|(rest, _, r)| [f64::from(*rest), r[i]]);
            panel.line(least, colour, 1, names[1])?;
        }
        panel.done(SeriesLabelPosition::UpperRight)?;

        let Some(pulse) = t.shown.get(t.shown.len() / 2) else {
            continue;
        };
        let times = pulse.iter().map(|s| f64::from(s.time));
        let (start, end) = times.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
        let edges = pulse.iter().map(|s| {
            let Marginal { mean, sd } = s.expected;
            [s.time, mean - 1.96 * sd, mean + 1.96 * sd].map(f64::from)
        });
        let [bottom, top] = edges
            .clone()
            .fold([f64::MAX, f64::MIN], |[a, b], e| [a.min(e[1]), b.max(e[2])]);
        let mut panel = Panel::new(
            &right,
            "a charge pulse, predicted before it",
            ["s since the rest", "V"],
            start - 0.2..end + 0.2,
            bottom - 0.003..top + 0.003,
        )?;
        panel.band(edges, BLUE, 0.3, "95 %")?;
        let readings = pulse.iter().map(|s| [s.time, s.voltage].map(f64::from));
        panel.points(readings, INK, 3, "readings, 1 mV apart at least")?;
        let least = pulse
            .iter()
            .map(|s| [s.time, s.least_squares].map(f64::from));
        panel.line(least, ORANGE, 2, "least squares")?;
        panel.done(SeriesLabelPosition::LowerRight)?;
    }
    plot::finish(&area, path)
}
