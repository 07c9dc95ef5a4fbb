//! Tracks a battery's resistances and open-circuit voltage, and predicts its voltage under load.
//!
//!     cargo run --release --example battery
//!
//! Pulse tests of a cell of a Nissan Leaf at 10, 25 and 40 °C: at ten states of charge, after an hour of rest, the cell is
//! discharged for 30 s, rests for 40 s and is charged for 10 s. Reading by reading the posterior of Thevenin's model is
//! updated. Before each charge pulse all of it is predicted, from the discharge pulse and the rest just before and from
//! what the earlier tests left; before each discharge pulse, the voltage at its end. Recursive least squares with the same memory
//! predicts the same, without and with the tracker's knowledge of the errors, which is what matters most here. The model is
//! in `examples/apps`.

mod support;

use std::{ffi::OsString, path::Path, process::ExitCode};

use langevin_apps::{
    Marginal,
    battery::{
        Battery, CORRELATION, DRIFT, IDLE, LOWEST, Load, MEMORY, PRIOR_SD, Parameters, REST,
        Reading, SWITCHED, TYPICAL,
    },
};
use nalgebra::{Matrix4, Vector4};
use plotters::prelude::SeriesLabelPosition;
use support::{
    Outcome,
    args::Args,
    plot::{self, BLUE, GREY, INK, ORANGE, Panel},
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
    /// The same residual with least squares, and with those that know of the errors what the tracker knows.
    pub least_squares: [f32; 2],
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
    least_squares: [f32; 2],
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
    let mut rls = [false, true].map(LeastSquares::new);
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
        rls.iter_mut().for_each(LeastSquares::rest);
        let in_mv = |voltage: f32| 1000.0 * (voltage - rest.voltage);
        let predicted = |row: &Row, expected: Marginal, least_squares: [f64; 2]| Predicted {
            residual: 1000.0 * (row.voltage - expected.mean),
            sd: 1000.0 * expected.sd,
            least_squares: least_squares.map(|y| in_mv(row.voltage) - y as f32),
        };
        if let Some(first) = rows.first() {
            let pulse = rows.iter().take_while(|row| row.current == first.current);
            if let Some(end) = pulse.last() {
                let left = battery.left(first.current, end.time - rest.time);
                let mean = left.mean + LOWEST;
                let ahead = rls.each_ref().map(|rls| {
                    let switched = rls.after(first.current, 0.0);
                    switched
                        .after(first.current, end.time - rest.time)
                        .predict()
                });
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
                    least = least.map(|rls| rls.after(row.current, row.time - last));
                    last = row.time;
                    let Some(expected) = battery.forecast(&load) else {
                        continue;
                    };
                    let least = least.each_ref().map(LeastSquares::predict);
                    result.pulses.push(predicted(row, expected, least));
                    shown.push(Shown {
                        time: row.time,
                        voltage: row.voltage,
                        expected,
                        least_squares: least.map(|y| rest.voltage + 0.001 * y as f32),
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
            rls = rls.map(|rls| rls.after(row.current, seconds));
            if let Some(expected) = report.expected {
                let least = rls.each_ref().map(LeastSquares::predict);
                result.ahead.push(predicted(row, expected, least));
            }
            result.alarms += usize::from(report.alarm.is_some());
            for rls in &mut rls {
                rls.learn(in_mv(row.voltage).into());
            }
        }
        let known = (rest.voltage, battery.parameters(), rls[0].resistances());
        result.known.push(known);
    }
    Ok(result)
}

/// Recursive least squares with forgetting for offset, slope, R₀ and R₁, with the prior's median as τ.
///
/// With `correlated` it knows of the errors and of the drift what the tracker knows. It is then a Kalman filter.
#[derive(Clone)]
struct LeastSquares {
    correlated: bool,
    theta: Vector4<f64>,
    /// Of `theta`, divided by σ².
    covariance: Matrix4<f64>,
    now: State,
    /// The latest reading during which nothing was switched.
    before: State,
    switched: bool,
}

/// What a reading depends on, and itself.
#[derive(Clone)]
struct State {
    /// Since the rest in s.
    seconds: f64,
    /// 1, charge in Ah, current and filtered current in A.
    x: Vector4<f64>,
    /// The voltage since the rest in mV.
    y: f64,
}

impl LeastSquares {
    /// Starts from the prior, with the prior's median of σ.
    fn new(correlated: bool) -> Self {
        let [slope, r0, r1, ..] = TYPICAL.map(f64::from);
        let theta = Vector4::new(0.0, slope, r0, r1);
        let none = State {
            seconds: 0.0,
            x: Vector4::zeros(),
            y: 0.0,
        };
        Self {
            correlated,
            theta,
            covariance: Matrix4::from_diagonal(&Self::widest(&theta)),
            now: none.clone(),
            before: none,
            switched: false,
        }
    }

    /// The prior's variances about `theta`, divided by σ².
    fn widest(theta: &Vector4<f64>) -> Vector4<f64> {
        let [offset, slope, r0, r1, ..] = PRIOR_SD.map(f64::from);
        let [.., sigma] = TYPICAL.map(f64::from);
        let sd = Vector4::new(offset, slope * theta[1], r0 * theta[2], r1 * theta[3]) / sigma;
        sd.component_mul(&sd)
    }

    fn rest(&mut self) {
        for state in [&mut self.now, &mut self.before] {
            *state = State {
                seconds: 0.0,
                x: Vector4::zeros(),
                y: 0.0,
            };
        }
        self.now.x[0] = 1.0;
        if self.correlated {
            self.theta[0] = 0.0;
            let widest = Self::widest(&self.theta);
            let [.., sigma] = TYPICAL.map(f64::from);
            let drift = self.theta * (f64::from(DRIFT) / sigma);
            let wider = self.covariance.diagonal() + drift.component_mul(&drift);
            let mut variances = wider.inf(&widest);
            (variances[0], variances[1]) = (widest[0], widest[1]);
            self.covariance = Matrix4::from_diagonal(&variances);
        }
    }

    /// Returns the state after some time with a current.
    fn after(&self, current: f32, seconds: f32) -> Self {
        let [.., tau, _] = TYPICAL.map(f64::from);
        let (current, seconds) = (f64::from(current), f64::from(seconds));
        let mut next = self.clone();
        let x = &mut next.now.x;
        next.switched = (current - x[2]).abs() > SWITCHED.into();
        x[1] += current * seconds / 3600.0;
        x[2] = current;
        x[3] += (current - x[3]) * (1.0 - (-seconds / tau).exp());
        next.now.seconds += seconds;
        next
    }

    /// The share of the error before that is in this one.
    fn share(&self) -> f64 {
        if self.switched || !self.correlated {
            return 0.0;
        }
        ((self.before.seconds - self.now.seconds) / f64::from(CORRELATION)).exp()
    }

    /// Returns the predicted voltage since the rest in mV.
    fn predict(&self) -> f64 {
        let share = self.share();
        self.theta.dot(&(self.now.x - self.before.x * share)) + share * self.before.y
    }

    fn learn(&mut self, y: f64) {
        let share = self.share();
        let factor = 1.0 - 1.0 / f64::from(MEMORY);
        let x = self.now.x - self.before.x * share;
        let spread = self.covariance * x / factor;
        let gain = spread / (1.0 - share * share + spread.dot(&x));
        self.theta += gain * (y - self.predict());
        self.covariance = self.covariance / factor - gain * spread.transpose();
        self.now.y = y;
        if !self.switched {
            self.before = self.now.clone();
        }
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
        "least squares: recursive, with {MEMORY} readings remembered as the tracker has; and given as well that errors are correlated\n\
         over {CORRELATION} s and what drifts at a rest\n"
    );
    println!(
        "{:>4} |{:^46} |{:^46} |{:^30}",
        "",
        "charge pulses, all of a pulse ahead: rms, mV",
        "end of discharge, at the rest before: rms, mV",
        "all readings, one ahead"
    );
    let columns = format!(
        "{:>9}{:>15}{:>9}{:>13} |",
        "tracker", "least squares", "given", "in 95 %, %"
    );
    println!(
        "{:>4} |{columns}{columns}{:>12}{:>9}{:>9}",
        "°C", "in 95 %, %", "alarms", "readings",
    );
    let columns = |predicted: &[Predicted]| {
        let [plain, given] = [0, 1].map(|i| rms(predicted.iter().map(|p| p.least_squares[i])));
        format!(
            "{:>9.2}{plain:>15.2}{given:>9.2}{:>13.1}",
            rms(predicted.iter().map(|p| p.residual)),
            covered(predicted)
        )
    };
    let row = |name: String, pulses: &[_], left: &[_], ahead: &[_], alarms: usize| {
        println!(
            "{name:>4} |{} |{} |{:>12.1}{alarms:>9}{:>9}",
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
    println!();
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
            0.0..1.6 * tops.fold(0.0, f64::max),
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

        let Some(pulse) = t.shown.last() else {
            continue;
        };
        let times = pulse.iter().map(|s| f64::from(s.time));
        let (start, end) = times.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
        let edges = pulse.iter().map(|s| {
            let Marginal { mean, sd } = s.expected;
            [s.time, mean - 1.96 * sd, mean + 1.96 * sd].map(f64::from)
        });
        let least = pulse.iter().flat_map(|s| s.least_squares.map(f64::from));
        let ends = edges.clone().flat_map(|[_, low, high]| [low, high]);
        let [bottom, top] = ends
            .chain(least)
            .fold([f64::MAX, f64::MIN], |[a, b], v| [a.min(v), b.max(v)]);
        let mut panel = Panel::new(
            &right,
            "the last charge pulse, predicted before it",
            ["s since the rest", "V"],
            start - 0.2..end + 0.2,
            bottom - 0.003..top + 0.003,
        )?;
        panel.band(edges, BLUE, 0.3, "95 %")?;
        let readings = pulse.iter().map(|s| [s.time, s.voltage].map(f64::from));
        panel.points(readings, INK, 3, "readings")?;
        for (i, colour, name) in [
            (0, ORANGE, "least squares"),
            (1, GREY, "the same, given how errors are correlated"),
        ] {
            let least = pulse
                .iter()
                .map(|s| [s.time, s.least_squares[i]].map(f64::from));
            panel.line(least, colour, 2, name)?;
        }
        panel.done(SeriesLabelPosition::LowerRight)?;
    }
    plot::finish(&area, path)
}
