//! Bayesian calibration of two real instruments, reading by reading.
//!
//!     cargo run --release --example calibrate
//!
//! The readings of NIST's "Chwirut2" and "DanWood" data sets arrive one at a time. After each the chain
//! makes some steps, and the posterior of every constant is shown. At the end the posterior of all
//! readings is compared with quadrature in f64 and with NIST's certified values, and drawn. The
//! application itself is in `examples/apps`: a microcontroller runs the same code.

mod support;

use std::{ffi::OsString, path::Path, process::ExitCode};

use langevin::model::Response;
use langevin::{BoxMuller, Pcg32, SeedableRng, estimate::Quantiles, noise::Noise};
use langevin_apps::calibrate::{CHWIRUT2, Calibration, DANWOOD, ETA, Instrument, reading};
use plotters::prelude::SeriesLabelPosition;
use support::{
    Outcome,
    args::Args,
    plot::{self, Area, BLUE, INK, ORANGE, Panel},
    progress, table,
};

const USAGE: &str = "\
Bayesian calibration of an instrument from its readings.

    calibrate [options] [READINGS.csv]

READINGS.csv has columns x and y; an empty y is a missing reading. Without it, the readings are those
of both NIST data sets, chwirut2 and danwood.

    --instrument NAME   whose readings the file has: chwirut2 (default) or danwood
    --sigma SD          standard deviation of a reading's error (default: NIST's residual sd)
    --steps N           steps after each reading (default 40000)
    --final N           steps after the last (default 2000000)
    --seed N            seed of the noise (default 1)
    --output FILE.svg   the picture (default target/calibrate.svg)";

/// The number of the latest readings that are kept.
const CAPACITY: usize = 1024;

/// NIST's certified least-squares estimates and standard deviations.
const CERTIFIED: &str = include_str!("data/certified.csv");
/// Posterior means and standard deviations by quadrature in f64, which `tests/calibrate.rs` computes.
const REFERENCE: &str = include_str!("data/reference.csv");
/// Marginal densities, likewise.
const DENSITY: &str = include_str!("data/density.csv");

/// Seed, steps after each reading, and steps after the last.
#[derive(Clone, Copy)]
struct Run {
    seed: u64,
    steps: u32,
    last: u32,
}

/// A calibration and its results, to be drawn.
struct Calibrated<const N: usize, R> {
    name: &'static str,
    axes: [&'static str; 2],
    instrument: Instrument<N, R>,
    published: bool,
    readings: Vec<[f64; 2]>,
    /// After each reading, mean and 95 % interval of each constant.
    history: Vec<([f32; N], [[f32; 2]; N])>,
    /// Draws of θ.
    draws: Vec<[f32; N]>,
}

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let known = ["instrument", "sigma", "steps", "final", "seed", "output"];
    let Some(args) = Args::parse(arguments, &known, USAGE)? else {
        return Ok(());
    };
    let run = Run {
        seed: args.value("seed", 1)?,
        steps: args.value("steps", 40_000)?,
        last: args.value("final", 2_000_000)?,
    };
    let output = Path::new(args.text("output").unwrap_or("target/calibrate.svg"));
    let only = match args.text("instrument") {
        None if args.file.is_some() => Some("chwirut2"),
        only => only,
    };
    if only.is_some_and(|name| name != "chwirut2" && name != "danwood") {
        return Err("--instrument is chwirut2 or danwood".into());
    }

    let readings = |published: &str| -> Outcome<Vec<[f64; 2]>> {
        match &args.file {
            Some(path) => table::read(path, ["x", "y"]),
            None => table::parse(published, ["x", "y"]),
        }
    };
    let published = args.file.is_none() && args.text("sigma").is_none();
    let chwirut2 = Calibrated {
        name: "chwirut2",
        axes: ["metal distance x", "ultrasonic response y"],
        instrument: Instrument {
            sigma: args.value("sigma", CHWIRUT2.sigma)?,
            ..CHWIRUT2
        },
        published,
        readings: readings(include_str!("data/chwirut2.csv"))?,
        history: Vec::new(),
        draws: Vec::new(),
    };
    let danwood = Calibrated {
        name: "danwood",
        axes: ["temperature x in 1000 K", "energy radiated y"],
        instrument: Instrument {
            sigma: args.value("sigma", DANWOOD.sigma)?,
            ..DANWOOD
        },
        published,
        readings: readings(include_str!("data/danwood.csv"))?,
        history: Vec::new(),
        draws: Vec::new(),
    };
    let area = plot::picture(output, (1400, if only.is_some() { 500 } else { 1000 }))?;
    let (upper, lower) = match only {
        Some(_) => (area.clone(), area.clone()),
        None => area.split_vertically(500),
    };
    if only != Some("danwood") {
        calibrate(chwirut2, run)?.draw(&upper)?;
    }
    if only != Some("chwirut2") {
        calibrate(danwood, run)?.draw(&lower)?;
    }
    plot::finish(&area, output)
}

/// Streams the readings through the application, and shows the posterior after each.
fn calibrate<const N: usize, R: Response<N, Input = [f32; 1]> + Copy>(
    mut this: Calibrated<N, R>,
    run: Run,
) -> Outcome<Calibrated<N, R>> {
    let count = this.readings.len();
    if this.readings.iter().all(|[_, y]| !y.is_finite()) {
        return Err("no finite reading".into());
    }
    println!(
        "{}: {count} readings, sd {} each",
        this.name, this.instrument.sigma
    );
    print!("{:>9}{:>9}{:>9}", "reading", "x", "y");
    (1..=N).for_each(|i| print!("  {:<40}", format!("b{i}: mean ± sd, 95 % interval")));
    println!();

    let progress = progress::bar(
        "sampling",
        count as u64 * u64::from(run.steps) + u64::from(run.last),
    );
    let mut app = Calibration::<N, CAPACITY, R>::new(this.instrument, run.seed)?;
    for (i, &[x, y]) in this.readings.iter().enumerate() {
        let outcome = app.observe(reading([x as f32, y as f32]), run.steps);
        let posterior = app.posterior();
        let mean = posterior.mean().unwrap_or([f32::NAN; N]);
        let sd = posterior.sd().unwrap_or([f32::INFINITY; N]);
        let interval = posterior.interval(0.95)?;
        this.history.push((mean, interval));

        let seen = i + 1;
        let mut line = format!("{seen:>9}{x:>9}{y:>9}");
        if let Err(error) = &outcome {
            line += &format!("  {error}");
        } else {
            for i in 0..N {
                let [low, high] = interval[i];
                let (mean, sd, d) = (mean[i], sd[i], decimals(sd[i].into()));
                let text = format!("{mean:.d$} ± {sd:.d$} [{low:.d$}, {high:.d$}]");
                line += &format!("  {text:<40}");
            }
        }
        if outcome.is_err() || seen <= 4 || seen % 5 == 0 || seen == count {
            progress.suspend(|| println!("{line}"));
        }
        progress.inc(run.steps.into());
    }

    let bits = app.position().map(|t| format!("{:08x}", t.to_bits()));
    let bits = bits.join(" ");
    progress.suspend(|| println!("position after the last reading, in bits: {bits}"));

    // More steps on the same posterior, in batches, whose scatter gives the Monte Carlo error.
    const BATCHES: u32 = 40;
    let mut ends = Quantiles::<N>::central(0.95)?;
    let mut batches = vec![[0.0; N]; BATCHES as usize];
    let constants = this.instrument.constants;
    let length = (run.last / BATCHES).max(1);
    for batch in &mut batches {
        let mut step = 0;
        app.sample(length, |theta| {
            let b = constants(theta);
            ends.push(&b);
            for (sum, b) in batch.iter_mut().zip(b) {
                *sum += f64::from(b) / f64::from(length);
            }
            if step % 20 == 0 {
                this.draws.push(*theta);
            }
            step += 1;
        });
        progress.inc(length.into());
    }
    drop(progress);
    let error: [f64; N] = std::array::from_fn(|i| {
        let mean = batches.iter().map(|b| b[i]).sum::<f64>() / f64::from(BATCHES);
        let squares: f64 = batches.iter().map(|b| (b[i] - mean).powi(2)).sum();
        (squares / f64::from(BATCHES * (BATCHES - 1))).sqrt()
    });
    this.report(&app, error, ends.values().ok_or("no draws")?);
    Ok(this)
}

/// Returns the number of decimals that show three digits of `sd`.
fn decimals(sd: f64) -> usize {
    (2.0 - sd.log10().floor()).clamp(0.0, 9.0) as usize
}

/// Returns the two numbers of each row of the table `text` that is for the constant b`i` of an instrument, counted from 0.
fn published(text: &str, instrument: &str, i: usize) -> Vec<[f64; 2]> {
    let constant = format!("b{}", i + 1);
    csv::Reader::from_reader(text.as_bytes())
        .deserialize::<(String, String, f64, f64)>()
        .flatten()
        .filter(|(name, of, ..)| name == instrument && *of == constant)
        .map(|(_, _, x, y)| [x, y])
        .collect()
}

impl<const N: usize, R: Response<N, Input = [f32; 1]>> Calibrated<N, R> {
    /// Prints the final table.
    fn report(&self, app: &Calibration<N, CAPACITY, R>, error: [f64; N], interval: [[f32; 2]; N]) {
        let mean = app.posterior().mean().unwrap_or([f32::NAN; N]);
        let sd = app.posterior().sd().unwrap_or([f32::INFINITY; N]);
        let mut heading = format!("\n{:<5}{:^45}", "", "SGLD, with Monte Carlo error");
        let mut columns = format!("{:<5}{:>10}{:>10}{:>22}", "", "mean", "sd", "95 % interval");
        columns += &format!("{:>11}", "MC error");
        if self.published {
            heading += &format!("{:>2} |{:^40} |{:^20}", "", "quadrature in f64", "NIST");
            columns += &format!(" |{:>10}{:>10}{:>11}", "mean", "sd", "off by");
            columns += &format!("{:>9} |{:>10}{:>10}", "sd ratio", "estimate", "sd");
        }
        println!("{heading}\n{columns}");
        for i in 0..N {
            let (mean, sd) = (f64::from(mean[i]), f64::from(sd[i]));
            let [low, high] = interval[i];
            let d = decimals(sd);
            let mut line = format!("b{:<4}{mean:>10.d$}{sd:>10.d$}", i + 1);
            line += &format!("{:>22}", format!("[{low:.d$}, {high:.d$}]"));
            line += &format!("{:>11.*}", d + 2, error[i]);
            if self.published {
                let [m, s] = published(REFERENCE, self.name, i)[0];
                let (off, ratio) = ((mean - m) / s, sd / s);
                line += &format!(" |{m:>10.d$}{s:>10.d$}{off:>+8.3} sd{ratio:>9.4}");
                let [m, s] = published(CERTIFIED, self.name, i)[0];
                line += &format!(" |{m:>10.d$}{s:>10.d$}");
            }
            println!("{line}");
        }
        let excess = 100.0 * (1.0 / (1.0 - ETA / 2.0).sqrt() - 1.0);
        let errors = app.error_counts().total();
        println!("a step of {ETA} makes sds {excess:.1} % too large; errors: {errors}\n");
    }

    /// Draws the readings and the predictive band on the left, and the marginal posterior of each constant and
    /// its history on the right.
    fn draw(&self, area: &Area) -> Outcome {
        let (left, right) = area.split_horizontally(560);
        self.draw_curve(&left)?;
        for (i, column) in right.split_evenly((1, N)).iter().enumerate() {
            let (upper, lower) = column.split_vertically(265);
            self.draw_marginal(i, &upper)?;
            self.draw_history(i, &lower)?;
        }
        Ok(())
    }

    fn draw_curve(&self, area: &Area) -> Outcome {
        let finite = self.readings.iter().filter(|r| r[1].is_finite());
        let range = |k: usize| {
            let values = finite.clone().map(|r| r[k]);
            values.fold([f64::MAX, f64::MIN], |[a, b], v| [a.min(v), b.max(v)])
        };
        let ([x0, x1], [y0, y1]) = (range(0), range(1));
        let (mx, my) = ((0.05 * (x1 - x0)).max(1e-3), (0.1 * (y1 - y0)).max(1e-3));
        let title = format!("{}: {} readings", self.name, self.readings.len());
        let mut panel = Panel::new(area, &title, self.axes, x0 - mx..x1 + mx, y0 - my..y1 + my)?;

        // Quantiles of the curve, and of a new reading, which is the curve plus an error.
        let stride = (self.draws.len() / 4000).max(1);
        let mut curve = Vec::new();
        let mut predictive = Vec::new();
        for k in 0..=100 {
            let x = x0 - mx + (x1 - x0 + 2.0 * mx) * f64::from(k) / 100.0;
            let mut means = Vec::new();
            let mut readings = Vec::new();
            // The same errors at every x give smooth edges.
            let mut noise = BoxMuller::new(Pcg32::seed_from_u64(0));
            for theta in self.draws.iter().step_by(stride) {
                let y = self.instrument.response.response(theta, &[x as f32]);
                let mut xi = [0.0];
                noise.fill(&mut xi)?;
                means.push(y);
                readings.push(y + self.instrument.sigma * xi[0]);
            }
            let quantile = |values: &mut Vec<f32>, p: f64| {
                values.sort_by(f32::total_cmp);
                f64::from(values[((values.len() - 1) as f64 * p) as usize])
            };
            curve.push([x, quantile(&mut means, 0.025), quantile(&mut means, 0.975)]);
            predictive.push([
                x,
                quantile(&mut readings, 0.025),
                quantile(&mut readings, 0.975),
            ]);
        }
        panel.band(predictive, BLUE, 0.18, "95 % of new readings")?;
        panel.band(curve, BLUE, 0.55, "95 % of response curves")?;
        panel.points(finite.copied(), INK, 3, "readings")?;
        let falling = self.readings[0][1] > self.readings[self.readings.len() - 1][1];
        panel.done(if falling {
            SeriesLabelPosition::UpperRight
        } else {
            SeriesLabelPosition::UpperLeft
        })
    }

    fn draw_marginal(&self, i: usize, area: &Area) -> Outcome {
        let constant = |theta| f64::from((self.instrument.constants)(theta)[i]);
        let draws = || self.draws.iter().map(constant);
        let mean = draws().sum::<f64>() / self.draws.len() as f64;
        let sd =
            (draws().map(|b| (b - mean).powi(2)).sum::<f64>() / self.draws.len() as f64).sqrt();
        let range = mean - 4.0 * sd..mean + 4.0 * sd;
        let heights = plot::density(draws(), &range, 48);
        let top = heights.iter().fold(0.0_f64, |a, b| a.max(*b)) * 1.8;
        let title = format!("posterior of b{}", i + 1);
        let mut panel = Panel::new(area, &title, ["", ""], range.clone(), 0.0..top)?;
        let label = |text| if i == 0 { text } else { "" };
        panel.histogram(&heights, range, BLUE, label("SGLD"))?;
        if self.published {
            let density = published(DENSITY, self.name, i);
            panel.line(density, INK, 2, label("quadrature, f64"))?;
            let [m, s] = published(CERTIFIED, self.name, i)[0];
            panel.line(
                [[m - s, 0.06 * top], [m + s, 0.06 * top]],
                ORANGE,
                3,
                label("NIST ± sd"),
            )?;
            panel.points([[m, 0.06 * top]], ORANGE, 4, "")?;
        }
        panel.done(SeriesLabelPosition::UpperRight)
    }

    fn draw_history(&self, i: usize, area: &Area) -> Outcome {
        let last = self.history.len() as f64;
        // The first interval may be as wide as the prior, so that the range is that of the third one.
        let [low, high] = self.history[self.history.len().min(3) - 1].1[i].map(f64::from);
        let margin = 0.1 * (high - low);
        let mut panel = Panel::new(
            area,
            "as the readings come",
            ["readings", &format!("b{}", i + 1)],
            0.9..last + 0.1,
            low - margin..high + margin,
        )?;
        let label = |text| if i == 0 { text } else { "" };
        let clip = |v: f32| f64::from(v).clamp(low - margin, high + margin);
        let edges = self.history.iter().enumerate();
        panel.band(
            edges.map(|(k, h)| [k as f64 + 1.0, clip(h.1[i][0]), clip(h.1[i][1])]),
            BLUE,
            0.3,
            label("95 % interval"),
        )?;
        let means = self.history.iter().enumerate();
        panel.line(
            means.map(|(k, h)| [k as f64 + 1.0, clip(h.0[i])]),
            BLUE,
            2,
            label("mean"),
        )?;
        panel.done(SeriesLabelPosition::UpperRight)
    }
}
