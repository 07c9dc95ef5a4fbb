//! Tracks a drifting series under forgetting: level, slope and season of the CO₂ at Mauna Loa.
//!
//!     cargo run --release --example track
//!
//! The weight of a reading decreases with its age, and a tracker knows the posterior after each week's. For a linear model
//! with normal errors, as here, recursive least squares with the same forgetting is exact and cheaper. It runs in
//! parallel, to show how close the tracker is, which is for other models, too: see the README.

mod support;

use std::{array, ffi::OsString, path::Path, process::ExitCode};

use langevin::{
    BoxMuller, GaussianPrior, Model, Pcg32, Sample, SeedableRng, Tracker, Window,
    model::LinearRegression,
};
use plotters::prelude::SeriesLabelPosition;
use support::{
    Outcome,
    args::Args,
    plot::{self, BLUE, GREY, ORANGE, Panel},
    table,
};

const USAGE: &str = "\
Level, slope and season of a series, tracked under forgetting.

    track [options] [SERIES.csv]

SERIES.csv has columns time and value: times increase, in years or as YYYYMMDD; an empty value is a
missing one. Without it, the series is the weekly CO2 at Mauna Loa, 1958 to 2001.

    --memory N          effective number of readings (default 100)
    --sigma SD          standard deviation of a reading's error (default 0.5)
    --gradients N       gradients that a reading may cost (default 16)
    --seed N            seed of the noise (default 1)
    --output FILE.svg   the picture (default target/track.svg)";

/// Unknowns: level, slope, and two harmonics of the year.
const N: usize = 6;
/// The capacity of the window: older readings count as a Gaussian term, which is exact here.
const CAPACITY: usize = 64;

/// A reading: 1, the time since the series began in units of the memory, √2 times the sines and cosines of one and
/// two turns a year, and the value.
type Reading = Sample<N>;

fn reading(origin: f64, rate: f64, [time, value]: [f64; 2]) -> Reading {
    let turn = |k: f64| (std::f64::consts::TAU * k * time).sin_cos();
    let ((s1, c1), (s2, c2)) = (turn(1.0), turn(2.0));
    let [c1, s1, c2, s2] = [c1, s1, c2, s2].map(|v| std::f64::consts::SQRT_2 * v);
    Sample {
        x: [1.0, rate * (time - origin), c1, s1, c2, s2].map(|x| x as f32),
        y: value as f32,
    }
}

/// Returns the weights of the unknowns in the present level, slope per year, and season.
fn wanted(&[one, time, ref season @ ..]: &[f32; N], rate: f64) -> [[f64; N]; 3] {
    let mut weights = [[0.0; N]; 3];
    (weights[0][0], weights[0][1]) = (one.into(), time.into());
    weights[1][1] = rate;
    for (weight, x) in weights[2][2..].iter_mut().zip(season) {
        *weight = (*x).into();
    }
    weights
}

/// Mean and standard deviation of wᵀθ.
fn linear(w: &[f64; N], mean: &[f64; N], covariance: &[[f64; N]; N]) -> [f64; 2] {
    let variance = dot(&covariance.map(|row| dot(&row, w)), w);
    [dot(mean, w), variance.sqrt()]
}

/// Means and standard deviations of the three, after a reading.
#[derive(Clone, Copy)]
pub struct Known {
    pub time: f64,
    pub value: f64,
    /// The difference between the reading and its prediction by least squares.
    pub surprise: f64,
    pub tracker: [[f64; 2]; 3],
    pub exact: [[f64; 2]; 3],
}

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let known = ["memory", "sigma", "gradients", "seed", "output"];
    let Some(args) = Args::parse(arguments, &known, USAGE)? else {
        return Ok(());
    };
    let columns = ["time", "value"];
    let rows = match &args.file {
        Some(path) => table::read(path, columns)?,
        None => table::parse(include_str!("data/co2.csv"), columns)?,
    };
    let series = rows
        .into_iter()
        .map(|[time, value]| Ok([years(time)?, value]));
    let series = series.collect::<Outcome<Vec<_>>>()?;
    let memory: f32 = args.value("memory", 100.0)?;
    if !(2.0..f32::INFINITY).contains(&memory) {
        return Err("--memory is at least 2".into());
    }
    let history = track(
        &series,
        memory,
        args.value("sigma", 0.5)?,
        args.value("gradients", 16)?,
        args.value("seed", 1)?,
    )?;
    report(&history, memory);
    let unit = if args.file.is_some() {
        "value"
    } else {
        "CO₂ in ppm"
    };
    draw(
        &history,
        memory,
        unit,
        Path::new(args.text("output").unwrap_or("target/track.svg")),
    )
}

/// Tracks the series with the tracker and with recursive least squares.
pub fn track(
    series: &[[f64; 2]],
    memory: f32,
    sigma: f32,
    gradients: u16,
    seed: u64,
) -> Outcome<Vec<Known>> {
    let [origin, _] = series[0];
    let Some(first) = series.iter().map(|r| r[1]).find(|v| v.is_finite()) else {
        return Err("no finite value".into());
    };
    if let Some(pair) = series.windows(2).find(|pair| pair[0][0] >= pair[1][0]) {
        return Err(format!("times must increase: {} follows {}", pair[1][0], pair[0][0]).into());
    }
    let typical = (series[series.len() - 1][0] - origin) / (series.len() - 1).max(1) as f64;
    let rate = 1.0 / (typical * f64::from(memory));

    let prior = ([first as f32, 0.0, 0.0, 0.0, 0.0, 0.0], [100.0 * sigma; N]);
    let model = Model::new(
        GaussianPrior::new(prior.0, prior.1)?,
        LinearRegression::new(sigma)?,
    );
    let window: Window<Reading, CAPACITY> = Window::forgetting(memory)?;
    let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
    let mut tracker = Tracker::new(model, window, noise).gradients(gradients);
    let mut rls = LeastSquares::new(prior, memory, sigma);

    println!(
        "{} readings, {memory} of them remembered, sd {sigma} each",
        series.len()
    );
    println!(
        "{:>9}{:>9} |{:^38} |{:^38}",
        "", "", "tracker, mean ± sd", "least squares, mean ± sd"
    );
    println!(
        "{:>9}{:>9} |{:>19}{:>19} |{:>19}{:>19}",
        "time", "value", "level", "slope a year", "level", "slope a year"
    );
    let mut history: Vec<Known> = Vec::new();
    for row in series {
        let [time, value] = *row;
        let new = reading(origin, rate, *row);
        let x = new.x.map(f64::from);
        let surprise = value - dot(&rls.theta, &x);
        // A missing value is refused.
        let estimate = tracker.update(new)?;
        if value.is_finite() {
            rls.push(x, value);
        }
        let mean = estimate.mean().map(f64::from);
        let covariance = estimate.covariance().map(|row| row.map(f64::from));
        let weights = wanted(&new.x, rate);
        let known = Known {
            time,
            value,
            surprise,
            tracker: weights.map(|w| linear(&w, &mean, &covariance)),
            exact: weights.map(|w| linear(&w, &rls.theta, &rls.covariance)),
        };
        // Every second year, once the memory is full.
        let full = history.len() >= memory as usize;
        let biennium = |time: f64| (time / 2.0).floor();
        if full
            && history
                .last()
                .is_none_or(|last| biennium(time) > biennium(last.time))
        {
            let text = |[m, s]: [f64; 2]| format!("{m:.3} ± {s:.3}");
            let ([level, slope, _], [exact_level, exact_slope, _]) =
                (known.tracker.map(text), known.exact.map(text));
            println!(
                "{time:>9.2}{value:>9.2} |{level:>19}{slope:>19} |{exact_level:>19}{exact_slope:>19}"
            );
        }
        history.push(known);
    }
    let estimate = tracker.estimate();
    println!();
    println!(
        "refused: {} missing readings; effective number of readings: {:.1}",
        estimate.refused(),
        estimate.readings()
    );
    Ok(history)
}

/// Least squares with exponential forgetting, exact and recursive: a Kalman filter whose covariance
/// grows by 1/λ with each reading.
struct LeastSquares {
    theta: [f64; N],
    covariance: [[f64; N]; N],
    forgetting: f64,
    variance: f64,
}

impl LeastSquares {
    fn new((mean, sd): ([f32; N], [f32; N]), memory: f32, sigma: f32) -> Self {
        let mut covariance = [[0.0; N]; N];
        for (i, s) in sd.iter().enumerate() {
            covariance[i][i] = f64::from(*s).powi(2);
        }
        Self {
            theta: mean.map(f64::from),
            covariance,
            forgetting: 1.0 - 1.0 / f64::from(memory),
            variance: f64::from(sigma).powi(2),
        }
    }

    fn push(&mut self, x: [f64; N], y: f64) {
        let spread: [f64; N] = array::from_fn(|i| dot(&self.covariance[i], &x) / self.forgetting);
        let variance = self.variance + dot(&spread, &x);
        let error = (y - dot(&self.theta, &x)) / variance;
        for i in 0..N {
            self.theta[i] += spread[i] * error;
            // Both halves stay equal to the bit, because their difference would grow by 1/λ at every reading.
            for j in 0..=i {
                let new =
                    self.covariance[i][j] / self.forgetting - spread[i] * spread[j] / variance;
                self.covariance[i][j] = new;
                self.covariance[j][i] = new;
            }
        }
    }
}

fn dot(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Returns a time in years, which is given in years or as YYYYMMDD.
fn years(time: f64) -> Outcome<f64> {
    if time.abs() < 1e6 {
        return Ok(time);
    }
    let (year, month, day) = (
        (time / 1e4).floor(),
        (time / 100.0).floor() % 100.0,
        time % 100.0,
    );
    if !(1.0..=12.0).contains(&month) || !(1.0..=31.0).contains(&day) {
        return Err(format!("{time} is no date YYYYMMDD").into());
    }
    // Exact to a day or two, which does not matter for a season.
    Ok(year + (month - 1.0) / 12.0 + (day - 1.0) / 365.25)
}

/// Prints how close the tracker is to exact least squares, once its memory is full.
fn report(history: &[Known], memory: f32) {
    let settled = history.get(2 * memory as usize..).unwrap_or(&[]);
    if settled.is_empty() {
        println!("too short a series to compare: twice the memory is needed");
        return;
    }
    let surprises = settled.iter().map(|k| k.surprise).filter(|s| s.is_finite());
    let (sum, count) = surprises.fold((0.0, 0.0), |(sum, n), s| (sum + s * s, n + 1.0));
    let scatter = f64::sqrt(sum / count);
    println!("readings are {scatter:.2} from their forecasts (root mean square)");
    println!(
        "The tracker beside exact discounted least squares, over the last {} readings:",
        settled.len()
    );
    println!(
        "{:<14}{:>22}{:>22}{:>14}",
        "", "difference of means", "rms", "ratio of sds"
    );
    for (k, name) in ["level", "slope a year", "season now"]
        .into_iter()
        .enumerate()
    {
        let n = settled.len() as f64;
        let off = settled
            .iter()
            .map(|s| (s.tracker[k][0] - s.exact[k][0]) / s.exact[k][1]);
        let mean = off.clone().sum::<f64>() / n;
        let rms = (off.map(|z| z * z).sum::<f64>() / n).sqrt();
        let ratio = settled
            .iter()
            .map(|s| s.tracker[k][1] / s.exact[k][1])
            .sum::<f64>()
            / n;
        println!("{name:<14}{mean:>+19.3} sd{rms:>19.3} sd{ratio:>14.4}");
    }
    println!();
}

fn draw(history: &[Known], memory: f32, unit: &str, output: &Path) -> Outcome {
    let area = plot::picture(output, (1400, 1000))?;
    let (upper, lower) = area.split_vertically(540);
    let (upper_left, upper_right) = upper.split_horizontally(760);
    let (lower_left, lower_right) = lower.split_horizontally(760);

    // A quantity of each reading over time; NaN where there is none.
    let over_time = |part: &[Known], of: &dyn Fn(&Known) -> f64| -> Vec<[f64; 2]> {
        part.iter().map(|k| [k.time, of(k)]).collect()
    };
    let band = |part: &[Known], of: &dyn Fn(&Known) -> [f64; 2]| -> Vec<[f64; 3]> {
        let edges = |k: &Known, [mean, sd]: [f64; 2]| [k.time, mean - 1.96 * sd, mean + 1.96 * sd];
        part.iter().map(|k| edges(k, of(k))).collect()
    };
    let readings = |part: &[Known]| {
        let mut readings = over_time(part, &|k| k.value);
        readings.retain(|[_, value]| value.is_finite());
        readings
    };
    let times = |part: &[Known]| part[0].time..part[part.len() - 1].time.max(part[0].time + 1e-3);
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let ends = values.fold([f64::MAX, f64::MIN], |[a, b], v| [a.min(v), b.max(v)]);
        let margin = (0.06 * (ends[1] - ends[0])).max(1e-6);
        ends[0] - margin..ends[1] + margin
    };

    // Before the memory is full, level and slope are uncertain.
    let settled = &history[(history.len() - 1).min(memory as usize)..];
    let values = range(&mut readings(history).iter().map(|r| r[1]));
    let title = "readings and tracked level";
    let mut panel = Panel::new(&upper_left, title, ["year", unit], times(history), values)?;
    let points = readings(history).into_iter().step_by(2);
    panel.points(points, GREY, 1, "readings")?;
    panel.line(
        over_time(settled, &|k| k.tracker[0][0]),
        BLUE,
        2,
        "level, tracker",
    )?;
    panel.done(SeriesLabelPosition::UpperLeft)?;

    // The last part closer: level and season together.
    let end = &history[history.len().saturating_sub(260)..];
    let tracked = over_time(end, &|k| k.tracker[0][0] + k.tracker[2][0]);
    let exact = over_time(end, &|k| k.exact[0][0] + k.exact[2][0]);
    let values = range(&mut readings(end).iter().chain(&tracked).map(|r| r[1]));
    let mut panel = Panel::new(&upper_right, "its end", ["year", unit], times(end), values)?;
    panel.band(
        band(end, &|k| k.tracker[0]),
        BLUE,
        0.3,
        "level, 95 %, tracker",
    )?;
    panel.points(readings(end), GREY, 2, "readings")?;
    panel.line(tracked, BLUE, 3, "level + season, tracker")?;
    panel.line(exact, ORANGE, 1, "the same, least squares")?;
    panel.done(SeriesLabelPosition::UpperLeft)?;

    let exact = band(settled, &|k| k.exact[1]);
    let values = range(&mut exact.iter().flat_map(|e| [e[1], e[2]]));
    let labels = ["year", &format!("{unit} a year")];
    let mut panel = Panel::new(&lower_left, "slope", labels, times(settled), values)?;
    panel.band(band(settled, &|k| k.tracker[1]), BLUE, 0.3, "95 %, tracker")?;
    panel.line(
        over_time(settled, &|k| k.tracker[1][0]),
        BLUE,
        2,
        "mean, tracker",
    )?;
    let edge = |i: usize| exact.iter().map(move |e| [e[0], e[i]]);
    panel.line(edge(1), ORANGE, 1, "95 %, least squares")?;
    panel.line(edge(2), ORANGE, 1, "")?;
    panel.done(SeriesLabelPosition::UpperLeft)?;

    let mut sd = over_time(settled, &|k| k.tracker[0][1]);
    let top = 1.2 * sd.iter().map(|c| c[1]).fold(1e-6, f64::max);
    // Every fourth: as many as the eye can tell apart.
    sd = sd.into_iter().step_by(4).collect();
    let title = "standard deviation of the level";
    let mut panel = Panel::new(
        &lower_right,
        title,
        ["year", unit],
        times(settled),
        0.0..top,
    )?;
    panel.line(sd, BLUE, 1, "tracker")?;
    panel.line(
        over_time(settled, &|k| k.exact[0][1]),
        ORANGE,
        2,
        "least squares",
    )?;
    panel.done(SeriesLabelPosition::UpperRight)?;
    plot::finish(&area, output)
}
