//! Tracks a drifting series under forgetting: level, slope and season of the CO₂ at Mauna Loa.
//!
//!     cargo run --release --example track
//!
//! Each week's reading enters a window in which the weight of a reading decreases with its age; the chain makes some
//! steps, and the posterior follows. For a linear model with normal errors, as here, recursive least squares
//! with the same forgetting is exact and cheaper. It runs in parallel, to show how close the
//! chain is. The chain is for other models: see the README.

mod support;

use std::{array, ffi::OsString, path::Path, process::ExitCode};

use langevin::{
    BoxMuller, Chain, GaussianPrior, Model, Moments, Pcg32, Sample, SeedableRng, Window,
    data::Data,
    dual::Real,
    model::{NonlinearRegression, Response},
    preconditioner::Diagonal,
    schedule::Constant,
    stepper::{Preconditioned, Sgld},
};
use plotters::prelude::SeriesLabelPosition;
use support::{
    Outcome,
    args::Args,
    plot::{self, BLUE, GREY, ORANGE, Panel},
    progress, table,
};

const USAGE: &str = "\
Level, slope and season of a series, tracked under forgetting.

    track [options] [SERIES.csv]

SERIES.csv has columns time and value: times increase, in years or as YYYYMMDD; an empty value is a
missing one. Without it, the series is the weekly CO2 at Mauna Loa, 1958 to 2001.

    --memory N          effective number of readings, at most 100 (default 100)
    --sigma SD          standard deviation of a reading's error (default 0.5)
    --steps N           steps after each reading (default 2000)
    --seed N            seed of the noise (default 1)
    --output FILE.svg   the picture (default target/track.svg)";

/// Unknowns: level, slope, and two harmonics of the year.
const N: usize = 6;
/// The capacity of the window, ten times the memory. Five times would cut off only 1 % of the weight, but the trend has
/// bent most there, which shifts the slope by 0.7 standard deviations; with ten times, by 0.02.
const CAPACITY: usize = 1000;
/// Step size for one reading in units of sigma. Variances come out too large by a factor of 1/(1 − η/2), or 2 %, and
/// draws are independent after 2/η, or 50 steps.
const ETA: f32 = 0.04;

/// A reading: the time in years since the series began, √2 times the sines and cosines of one and
/// two turns a year, and the value.
type Reading = Sample<5>;

fn reading(origin: f64, [time, value]: [f64; 2]) -> Reading {
    let turn = |k: f64| (std::f64::consts::TAU * k * time).sin_cos();
    let ((s1, c1), (s2, c2)) = (turn(1.0), turn(2.0));
    let season = [c1, s1, c2, s2].map(|v| (std::f64::consts::SQRT_2 * v) as f32);
    let [c1, s1, c2, s2] = season;
    Sample {
        x: [(time - origin) as f32, c1, s1, c2, s2],
        y: value as f32,
    }
}

/// Returns the regressors of a reading as seen at the time `now`. Each has mean square 1 over the memory, and those of
/// level and slope are uncorrelated, because the level is that of the memory's centre, 1/`rate` years ago.
fn regressors(&[time, c1, s1, c2, s2]: &[f32; 5], now: f32, rate: f32) -> [f32; N] {
    [1.0, (time - now) * rate + 1.0, c1, s1, c2, s2]
}

/// The response: level, slope and season, relative to the time `now`.
struct Curve {
    now: f32,
    rate: f32,
}

impl Response<N> for Curve {
    type Input = [f32; 5];

    fn response<T: Real>(&self, theta: &[T; N], x: &[f32; 5]) -> T {
        let regressors = regressors(x, self.now, self.rate);
        theta.iter().zip(regressors).map(|(t, x)| *t * x).sum()
    }
}

/// Returns the present level, slope per year, and season.
fn wanted(theta: &[f32; N], season: &[f32; 5], rate: f32) -> [f32; 3] {
    let [level, slope, ..] = *theta;
    let season: f32 = season[1..]
        .iter()
        .zip(&theta[2..])
        .map(|(x, t)| x * t)
        .sum();
    [level + slope, slope * rate, season]
}

/// Means and standard deviations of the three, after a reading.
#[derive(Clone, Copy)]
pub struct Known {
    pub time: f64,
    pub value: f64,
    /// The difference between the reading and its prediction by least squares.
    pub surprise: f64,
    pub chain: [[f64; 2]; 3],
    pub exact: [[f64; 2]; 3],
}

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let known = ["memory", "sigma", "steps", "seed", "output"];
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
    if !(2.0..=CAPACITY as f32 / 10.0).contains(&memory) {
        return Err("--memory is from 2 to 100".into());
    }
    let history = track(
        &series,
        memory,
        args.value("sigma", 0.5)?,
        args.value("steps", 2000)?,
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

/// Tracks the series with the chain and with recursive least squares.
pub fn track(
    series: &[[f64; 2]],
    memory: f32,
    sigma: f32,
    steps: u32,
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
    let rate = (1.0 / (typical * f64::from(memory))) as f32;

    let prior = ([first as f32, 0.0, 0.0, 0.0, 0.0, 0.0], [100.0 * sigma; N]);
    let mut window: Window<Reading, CAPACITY> = Window::forgetting(memory)?;
    let mut chain = Chain::new(
        prior.0,
        Preconditioned::new(Sgld::new(), Diagonal::new([sigma; N])?),
        Constant::new(ETA)?,
        BoxMuller::new(Pcg32::seed_from_u64(seed)),
    );
    let mut rls = LeastSquares::new(prior, memory, sigma);

    println!(
        "{} readings, {memory} of them remembered, sd {sigma} each",
        series.len()
    );
    println!(
        "{:>9}{:>9} |{:^38} |{:^38}",
        "", "", "SGLD, mean ± sd", "least squares, mean ± sd"
    );
    println!(
        "{:>9}{:>9} |{:>19}{:>19} |{:>19}{:>19}",
        "time", "value", "level", "slope a year", "level", "slope a year"
    );
    let progress = progress::bar("tracking", series.len() as u64);
    let mut history: Vec<Known> = Vec::new();
    let mut before = 0.0;
    for row in series {
        let [time, value] = *row;
        let new = reading(origin, *row);
        let now = new.x[0];
        rls.advance((now - before) * rate);
        before = now;
        let x = regressors(&new.x, now, rate).map(f64::from);
        let surprise = value - dot(&rls.theta, &x);
        // A missing value is refused here, but time goes on.
        if window.push(new).is_ok() {
            rls.push(x, value);
        }

        let model = Model::new(
            GaussianPrior::new(prior.0, prior.1)?,
            NonlinearRegression::new(Curve { now, rate }, sigma)?,
        );
        let mut posterior = Moments::new();
        for step in 0..steps {
            // The first steps are burn-in.
            if let Some(theta) = chain
                .step(&mut model.posterior(&window))?
                .filter(|_| step >= steps / 8)
            {
                posterior.push(&wanted(theta, &new.x, rate));
            }
        }

        let (mean, sd) = posterior.mean().zip(posterior.sd()).ok_or("no draws")?;
        let weights: [[f64; N]; 3] = array::from_fn(|k| {
            array::from_fn(|i| {
                let mut unit = [0.0; N];
                unit[i] = 1.0;
                wanted(&unit, &new.x, rate)[k].into()
            })
        });
        let known = Known {
            time,
            value,
            surprise,
            chain: array::from_fn(|k| [mean[k].into(), sd[k].into()]),
            exact: weights.map(|w| rls.linear(&w)),
        };
        progress.inc(1);
        // Every second year, once the memory is full. Before, the posterior is as wide as the prior in
        // some directions, and so few steps do not explore that.
        let full = history.len() >= memory as usize;
        let biennium = |time: f64| (time / 2.0).floor();
        if full
            && history
                .last()
                .is_none_or(|last| biennium(time) > biennium(last.time))
        {
            let text = |[m, s]: [f64; 2]| format!("{m:.3} ± {s:.3}");
            let ([level, slope, _], [exact_level, exact_slope, _]) =
                (known.chain.map(text), known.exact.map(text));
            progress.suspend(|| {
                println!(
                    "{time:>9.2}{value:>9.2} |{level:>19}{slope:>19} |{exact_level:>19}{exact_slope:>19}"
                );
            });
        }
        history.push(known);
    }
    drop(progress);
    println!();
    println!(
        "refused: {} missing readings; errors: {}; effective number of readings: {:.1}",
        window.refused(),
        chain.error_counts().total(),
        window.total_weight()
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

    /// Advances the time by `spans`, in which the level moves along the slope.
    fn advance(&mut self, spans: f32) {
        let spans = f64::from(spans);
        self.theta[0] += spans * self.theta[1];
        for i in 0..N {
            self.covariance[0][i] += spans * self.covariance[1][i];
        }
        for row in &mut self.covariance {
            row[0] += spans * row[1];
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

    /// Mean and standard deviation of wᵀθ.
    fn linear(&self, w: &[f64; N]) -> [f64; 2] {
        let variance = dot(&self.covariance.map(|row| dot(&row, w)), w);
        [dot(&self.theta, w), variance.sqrt()]
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

/// Prints how close the chain is to exact least squares, once its memory is full.
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
        "SGLD beside exact discounted least squares, over the last {} readings:",
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
            .map(|s| (s.chain[k][0] - s.exact[k][0]) / s.exact[k][1]);
        let mean = off.clone().sum::<f64>() / n;
        let rms = (off.map(|z| z * z).sum::<f64>() / n).sqrt();
        let ratio = settled
            .iter()
            .map(|s| s.chain[k][1] / s.exact[k][1])
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
        over_time(settled, &|k| k.chain[0][0]),
        BLUE,
        2,
        "level, SGLD",
    )?;
    panel.done(SeriesLabelPosition::UpperLeft)?;

    // The last part closer: level and season together.
    let end = &history[history.len().saturating_sub(260)..];
    let chain = over_time(end, &|k| k.chain[0][0] + k.chain[2][0]);
    let exact = over_time(end, &|k| k.exact[0][0] + k.exact[2][0]);
    let values = range(&mut readings(end).iter().chain(&chain).map(|r| r[1]));
    let mut panel = Panel::new(&upper_right, "its end", ["year", unit], times(end), values)?;
    panel.band(band(end, &|k| k.chain[0]), BLUE, 0.3, "level, 95 %, SGLD")?;
    panel.points(readings(end), GREY, 2, "readings")?;
    panel.line(chain, BLUE, 3, "level + season, SGLD")?;
    panel.line(exact, ORANGE, 1, "the same, least squares")?;
    panel.done(SeriesLabelPosition::UpperLeft)?;

    let exact = band(settled, &|k| k.exact[1]);
    let values = range(&mut exact.iter().flat_map(|e| [e[1], e[2]]));
    let labels = ["year", &format!("{unit} a year")];
    let mut panel = Panel::new(&lower_left, "slope", labels, times(settled), values)?;
    panel.band(band(settled, &|k| k.chain[1]), BLUE, 0.3, "95 %, SGLD")?;
    panel.line(
        over_time(settled, &|k| k.chain[1][0]),
        BLUE,
        2,
        "mean, SGLD",
    )?;
    let edge = |i: usize| exact.iter().map(move |e| [e[0], e[i]]);
    panel.line(edge(1), ORANGE, 1, "95 %, least squares")?;
    panel.line(edge(2), ORANGE, 1, "")?;
    panel.done(SeriesLabelPosition::UpperLeft)?;

    let mut chain = over_time(settled, &|k| k.chain[0][1]);
    let top = 1.2 * chain.iter().map(|c| c[1]).fold(1e-6, f64::max);
    // Every fourth: as many as the eye can tell apart.
    chain = chain.into_iter().step_by(4).collect();
    let title = "standard deviation of the level";
    let mut panel = Panel::new(
        &lower_right,
        title,
        ["year", unit],
        times(settled),
        0.0..top,
    )?;
    panel.line(chain, BLUE, 1, "SGLD")?;
    panel.line(
        over_time(settled, &|k| k.exact[0][1]),
        ORANGE,
        2,
        "least squares",
    )?;
    panel.done(SeriesLabelPosition::UpperRight)?;
    plot::finish(&area, output)
}
