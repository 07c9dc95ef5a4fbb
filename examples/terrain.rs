//! Shows the idea of the crate: gradient descent and Langevin dynamics on the same double well.
//!
//!     cargo run --release --example terrain
//!
//! U(x) = 2(x² − 1)² + 0.3x has two wells, and every run starts in the shallower one, at x = 1. Gradient descent
//! stays there. Langevin dynamics leaves it after a time, and then visits both wells with the probabilities of exp(−U/T):
//! occupancies and escape times are compared with quadrature. When it is cooled slowly, it ends in the
//! deeper well.

mod support;

use std::{ffi::OsString, path::Path, process::ExitCode};

use langevin::{
    BoxMuller, Chain, Pcg32, SeedableRng,
    schedule::{Annealed, Constant, Schedule},
    stepper::{Sgd, Sgld},
};
use plotters::prelude::SeriesLabelPosition;
use support::{
    Outcome,
    args::Args,
    plot::{self, Area, BLUE, INK, ORANGE, Panel, RED},
    progress,
};

const USAGE: &str = "\
Descent and Langevin dynamics on one double well: a table and a picture.

    terrain [options]

    --runs N            runs for each escape time (default 1000); a quarter for annealing
    --steps N           steps for each occupancy (default 40000000)
    --seed N            seed of the noise (default 1)
    --output FILE.svg   the picture (default target/terrain.svg)";

/// The step size. It is small compared with the inverse curvature of the wells, 1/16, so that the law of the chain is
/// within 2 % of exp(−U/T).
const ETA: f32 = 0.002;
const START: [f32; 1] = [1.0];
const TEMPERATURES: [f32; 3] = [0.3, 0.6, 1.2];
/// Annealing starts at this temperature and ends at 0 after this number of steps.
const HOT: f32 = 0.8;
const COOLING: u32 = 300_000;
/// The number of steps in the picture.
const SHOWN: usize = 150_000;

fn energy(x: f64) -> f64 {
    2.0 * (x * x - 1.0).powi(2) + 0.3 * x
}

fn gradient([x]: &[f32; 1]) -> [f32; 1] {
    [8.0 * x * (x * x - 1.0) + 0.3]
}

type Langevin<H> = Chain<1, Sgld, H, BoxMuller<Pcg32>>;

/// Creates a chain at the start.
fn langevin<H: Schedule>(schedule: H, seed: u64) -> Langevin<H> {
    Chain::new(
        START,
        Sgld::new(),
        schedule,
        BoxMuller::new(Pcg32::seed_from_u64(seed)),
    )
}

/// A mean and its Monte Carlo standard error.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub mean: f64,
    pub error: f64,
}

impl Measured {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        Self {
            mean,
            error: (squares / (n * (n - 1.0))).sqrt(),
        }
    }
}

/// Returns the fraction of time in the deeper well, left of the barrier, and all positions for a histogram.
pub fn occupancy(temperature: f32, steps: u64, seed: u64) -> Outcome<(Measured, Vec<f64>)> {
    const BATCHES: u64 = 40;
    let barrier = barrier() as f32;
    let mut chain = langevin(Constant::new(ETA)?.with_temperature(temperature)?, seed);
    let mut shares = Vec::new();
    let mut positions = Vec::new();
    for _ in 0..BATCHES {
        let mut left = 0;
        for step in 0..steps / BATCHES {
            chain.step(&mut gradient)?;
            let [x] = *chain.position();
            left += u64::from(x < barrier);
            if step % 50 == 0 {
                positions.push(x.into());
            }
        }
        shares.push(left as f64 / (steps / BATCHES) as f64);
    }
    Ok((Measured::of(&shares), positions))
}

/// Returns the mean time from the start to the bottom of the deeper well.
pub fn escape_time(temperature: f32, runs: u64, seed: u64) -> Outcome<Measured> {
    let bottom = deeper_well() as f32;
    let mut times = Vec::new();
    for run in 0..runs {
        let mut chain = langevin(
            Constant::new(ETA)?.with_temperature(temperature)?,
            seed + run,
        );
        let mut steps = 0_u64;
        while chain.position()[0] > bottom {
            chain.step(&mut gradient)?;
            steps += 1;
        }
        times.push(steps as f64 * f64::from(ETA));
    }
    Ok(Measured::of(&times))
}

/// Returns the last positions of annealed runs.
pub fn annealed(runs: u64, seed: u64) -> Outcome<Vec<f64>> {
    let schedule = Annealed::new(Constant::new(ETA)?, HOT, 0.0, COOLING)?;
    let mut ends = Vec::new();
    for run in 0..runs {
        let mut chain = langevin(schedule, seed + run);
        for _ in 0..COOLING + 5_000 {
            // The last noise is below the resolution of x, which is an error elsewhere.
            let _ = chain.step(&mut gradient);
        }
        ends.push(chain.position()[0].into());
    }
    Ok(ends)
}

/// Returns the path of gradient descent.
pub fn descent(steps: usize) -> Outcome<Vec<f64>> {
    let mut chain = Chain::new(START, Sgd::new(), Constant::new(ETA)?, ());
    let mut path = Vec::new();
    for _ in 0..steps {
        chain.step(&mut gradient)?;
        path.push(chain.position()[0].into());
    }
    Ok(path)
}

/// Exact values, by Simpson's rule in f64: U is so steep that exp(−U/T) vanishes at ±3.
pub mod exact {
    use super::{START, barrier, deeper_well, energy};

    const END: f64 = 3.0;

    fn integral(f: impl Fn(f64) -> f64, from: f64, to: f64, intervals: usize) -> f64 {
        let width = (to - from) / intervals as f64;
        let inner: f64 = (1..intervals)
            .map(|i| f(from + i as f64 * width) * if i % 2 == 1 { 4.0 } else { 2.0 })
            .sum();
        (f(from) + inner + f(to)) * width / 3.0
    }

    fn gibbs(temperature: f64) -> impl Fn(f64) -> f64 {
        move |x| (-energy(x) / temperature).exp()
    }

    /// Returns exp(−U/T) at x.
    pub fn density(temperature: f64, x: f64) -> f64 {
        gibbs(temperature)(x) / integral(gibbs(temperature), -END, END, 2000)
    }

    /// Returns the probability of the deeper well, left of the barrier.
    pub fn occupancy(temperature: f64) -> f64 {
        integral(gibbs(temperature), -END, barrier(), 2000)
            / integral(gibbs(temperature), -END, END, 2000)
    }

    /// Returns the mean first passage time of dx = −U′dt + √(2T)dW from the start to the deeper well:
    /// (1/T) ∫ exp(U(y)/T) ∫_y^∞ exp(−U(z)/T) dz dy, with y from there to the start.
    pub fn escape_time(temperature: f64) -> f64 {
        let above = |y: f64| integral(gibbs(temperature), y, END, 400);
        let outer = |y: f64| (energy(y) / temperature).exp() * above(y);
        integral(outer, deeper_well(), START[0].into(), 800) / temperature
    }
}

/// Returns the zero of U′ between two points with different signs of U′, by bisection.
fn stationary(mut low: f64, mut high: f64) -> f64 {
    let slope = |x: f64| 8.0 * x * (x * x - 1.0) + 0.3;
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle) * slope(low) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

fn deeper_well() -> f64 {
    stationary(-2.0, -0.5)
}

fn barrier() -> f64 {
    stationary(-0.5, 0.5)
}

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let Some(args) = Args::parse(arguments, &["runs", "steps", "seed", "output"], USAGE)? else {
        return Ok(());
    };
    if let Some(file) = &args.file {
        return Err(format!("no file is read; what is {}?", file.display()).into());
    }
    let runs: u64 = args.value("runs", 1000)?;
    let steps: u64 = args.value("steps", 40_000_000)?;
    let seed: u64 = args.value("seed", 1)?;
    let output = Path::new(args.text("output").unwrap_or("target/terrain.svg"));
    if runs < 2 || steps < 40 {
        return Err("at least 2 runs and 40 steps, for their scatter".into());
    }

    let descent = descent(SHOWN)?;
    let area = plot::picture(output, (1400, 1150))?;
    let (top, rows) = area.split_vertically(370);
    println!("U(x) = 2(x² − 1)² + 0.3x from x = 1, η = {ETA}");
    println!(
        "descent, after {SHOWN} steps: x = {:.4}, no well left",
        descent[SHOWN - 1]
    );
    println!();
    println!(
        "{:>5} |{:^35}|{:^35}",
        "", "time in the deeper well", "mean time of escape"
    );
    println!(
        "{:>5} |{:>10}{:>12}{:>12} |{:>10}{:>12}{:>12}",
        "T", "SGLD", "MC error", "quadrature", "SGLD", "MC error", "quadrature"
    );
    let progress = progress::bar("sampling", 2 * TEMPERATURES.len() as u64 + 1);
    let rows = rows.split_evenly((TEMPERATURES.len(), 1));
    for (temperature, row) in TEMPERATURES.into_iter().zip(rows) {
        let (share, positions) = occupancy(temperature, steps, seed)?;
        progress.inc(1);
        let time = escape_time(temperature, runs, seed)?;
        progress.inc(1);
        let t = f64::from(temperature);
        progress.suspend(|| {
            println!(
                "{t:>5.1} |{:>10.4}{:>12.4}{:>12.4} |{:>10.2}{:>12.2}{:>12.2}",
                share.mean,
                share.error,
                exact::occupancy(t),
                time.mean,
                time.error,
                exact::escape_time(t)
            );
        });
        draw_paths(&row, temperature, seed, &descent, &positions)?;
    }
    let ends = annealed((runs / 4).max(1), seed)?;
    drop(progress);
    let deeper = ends.iter().filter(|x| **x < barrier()).count();
    println!();
    println!(
        "ending in the deeper well, of {} runs with noise of their own:",
        ends.len()
    );
    println!("  descent                                         {:>6}", 0);
    println!("  annealed, T from {HOT} to 0 in {COOLING} steps       {deeper:>6}");
    println!();
    draw_landscape(&top, &descent, &ends)?;
    plot::finish(&area, output)
}

/// Draws the potential, and the ends of descent and annealing.
fn draw_landscape(area: &Area, descent: &[f64], ends: &[f64]) -> Outcome {
    let (left, right) = area.split_horizontally(700);
    let curve = (-160..=160)
        .map(|i| f64::from(i) / 100.0)
        .map(|x| [x, energy(x)]);
    let mut panel = Panel::new(&left, "the landscape", ["x", "U(x)"], -1.6..1.6, -0.8..4.0)?;
    panel.line(curve, INK, 2, "")?;
    panel.points(
        [[START[0].into(), energy(START[0].into())]],
        ORANGE,
        8,
        "start of every run",
    )?;
    let end = descent[descent.len() - 1];
    panel.points([[end, energy(end)]], RED, 5, "descent ends")?;
    let well = deeper_well();
    panel.points([[well, energy(well)]], BLUE, 5, "deeper well")?;
    panel.done(SeriesLabelPosition::UpperMiddle)?;

    let range = -1.6..1.6;
    let mut heights = plot::density(ends.iter().copied(), &range, 64);
    for height in &mut heights {
        *height *= 3.2 / 64.0;
    }
    let top = heights.iter().fold(0.0_f64, |a, b| a.max(*b)) * 1.15;
    let title = format!("where {} annealed runs end", ends.len());
    let mut panel = Panel::new(
        &right,
        &title,
        ["x", "share of runs"],
        range.clone(),
        0.0..top,
    )?;
    panel.histogram(&heights, range, BLUE, "annealed SGLD")?;
    panel.line([[end, 0.0], [end, top]], RED, 2, "descent")?;
    panel.done(SeriesLabelPosition::UpperMiddle)
}

/// Draws one path, and the histogram of a long one.
fn draw_paths(
    area: &Area,
    temperature: f32,
    seed: u64,
    descent: &[f64],
    positions: &[f64],
) -> Outcome {
    let (left, right) = area.split_horizontally(900);
    // As many points as the picture can show.
    const EVERY: usize = 150;
    let mut chain = langevin(Constant::new(ETA)?.with_temperature(temperature)?, seed);
    let mut path = Vec::new();
    for step in 0..SHOWN {
        chain.step(&mut gradient)?;
        if step % EVERY == 0 {
            path.push([step as f64, chain.position()[0].into()]);
        }
    }
    let title = format!("T = {temperature}: one path");
    let range = 0.0..SHOWN as f64;
    let mut panel = Panel::new(&left, &title, ["step", "x"], range, -1.9..1.9)?;
    panel.line(path, BLUE, 1, "SGLD")?;
    let still = descent.iter().step_by(EVERY).enumerate();
    panel.line(still.map(|(i, x)| [(i * EVERY) as f64, *x]), RED, 2, "SGD")?;
    panel.done(SeriesLabelPosition::UpperRight)?;

    let range = -1.9..1.9;
    let heights = plot::density(positions.iter().copied(), &range, 76);
    let exact = (-190..=190).map(|i| f64::from(i) / 100.0);
    let exact: Vec<_> = exact
        .map(|x| [x, exact::density(temperature.into(), x)])
        .collect();
    let top = exact.iter().fold(0.0_f64, |a, p| a.max(p[1])) * 1.25;
    let title = format!("T = {temperature}: occupancy");
    let mut panel = Panel::new(&right, &title, ["x", "density"], range.clone(), 0.0..top)?;
    panel.histogram(&heights, range, BLUE, "SGLD")?;
    panel.line(exact, INK, 2, "exp(−U/T)")?;
    panel.done(SeriesLabelPosition::UpperRight)
}
