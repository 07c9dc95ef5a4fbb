//! Bayesian calibration of two real instruments, reading by reading.
//!
//!     cargo run --release --example calibrate
//!
//! The readings of NIST's "Chwirut2" and "DanWood" data sets arrive one at a time. After each a tracker
//! knows the posterior of every constant, which is shown. At the end the posterior of all
//! readings is compared with quadrature in f64 and with NIST's certified values, and drawn, beside the draws of a sampler.
//! The application itself is in `examples/apps`: a microcontroller runs the same code.

mod support;

use std::{ffi::OsString, path::Path, process::ExitCode};

use langevin::{
    BoxMuller, Pcg32, Sampler, SeedableRng, model::Response, noise::Noise, tracker::Reading,
};
use langevin_apps::{
    Marginal,
    calibrate::{
        CHWIRUT2, Calibration, DANWOOD, GRADIENTS, Instrument, LAST, calibration, constants,
        reading,
    },
};
use plotters::prelude::SeriesLabelPosition;
use support::{
    Outcome,
    args::Args,
    plot::{self, Area, BLUE, INK, ORANGE, Panel},
    table,
};

const USAGE: &str = "\
Bayesian calibration of an instrument from its readings.

    calibrate [options] [READINGS.csv]

READINGS.csv has columns x and y; an empty y is a missing reading. Without it, the readings are those
of both NIST data sets, chwirut2 and danwood.

    --instrument NAME   whose readings the file has: chwirut2 (default) or danwood
    --sigma SD          standard deviation of a reading's error (default: NIST's residual sd)
    --gradients N       gradients that a reading may cost (default 8)
    --last N            draws after the last reading (default 100)
    --seed N            seed of the noise (default 1)
    --output FILE.svg   the picture (default target/calibrate.svg)";

/// The number of the latest readings that are kept.
const CAPACITY: usize = 1024;

/// The number of draws that are drawn.
const DRAWS: usize = 100_000;

/// NIST's certified least-squares estimates and standard deviations.
const CERTIFIED: &str = include_str!("data/certified.csv");
/// Posterior means and standard deviations by quadrature in f64, which `tests/calibrate.rs` computes.
const REFERENCE: &str = include_str!("data/reference.csv");
/// Marginal densities, likewise.
const DENSITY: &str = include_str!("data/density.csv");

/// Seed, gradients a reading, and draws after the last.
#[derive(Clone, Copy)]
struct Run {
    seed: u64,
    gradients: u16,
    last: u16,
}

/// A calibration and its results, to be drawn.
struct Calibrated<const N: usize, R> {
    name: &'static str,
    axes: [&'static str; 2],
    instrument: Instrument<N, R>,
    published: bool,
    readings: Vec<[f64; 2]>,
    /// The constants after each reading.
    history: Vec<[Marginal; N]>,
    /// A sampler's draws of θ.
    draws: Vec<[f32; N]>,
}

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let known = ["instrument", "sigma", "gradients", "last", "seed", "output"];
    let Some(args) = Args::parse(arguments, &known, USAGE)? else {
        return Ok(());
    };
    let run = Run {
        seed: args.value("seed", 1)?,
        gradients: args.value("gradients", GRADIENTS)?,
        last: args.value("last", LAST)?,
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
    (1..=N).for_each(|i| print!("  {:<20}", format!("b{i}: mean ± sd")));
    println!();

    let app: Calibration<N, CAPACITY, R> = calibration(this.instrument, run.seed)?;
    let mut app = app.gradients(run.gradients);
    for (i, &[x, y]) in this.readings.iter().enumerate() {
        let estimate = app.update(reading([x as f32, y as f32]))?;
        let b = constants(&this.instrument.response, &estimate);
        this.history.push(b);

        let seen = i + 1;
        let mut line = format!("{seen:>9}{x:>9}{y:>9}");
        if estimate.reading() == Reading::Learnt {
            line.extend(b.iter().map(|b| format!("  {:<20}", shown(b))));
        } else {
            line += "  refused";
        }
        if estimate.reading() != Reading::Learnt || seen <= 4 || seen % 5 == 0 || seen == count {
            println!("{line}");
        }
    }
    let estimate = app.refine(run.last)?;
    let bits = estimate.mean().map(|t| format!("{:08x}", t.to_bits()));
    println!("means of the coordinates, in bits: {}", bits.join(" "));
    let b = constants(&this.instrument.response, &estimate);
    let start = estimate.mean();
    this.report(&b);

    // A sampler on the same posterior has draws, which are its shape.
    let noise = BoxMuller::new(Pcg32::seed_from_u64(run.seed));
    let mut sampler = Sampler::new(start, noise);
    let mut posterior = app.model().posterior(app.state().window());
    while this.draws.len() < DRAWS {
        if let Some(draw) = sampler.step(&mut posterior)? {
            this.draws.push(*draw.position);
        }
    }
    Ok(this)
}

/// Shows three digits of the standard deviation.
fn shown(Marginal { mean, sd }: &Marginal) -> String {
    let d = decimals((*sd).into());
    format!("{mean:.d$} ± {sd:.d$}")
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

/// Mean and standard deviation of a constant in such a table.
fn one(text: &str, instrument: &str, i: usize) -> Marginal {
    let [mean, sd] = published(text, instrument, i)[0].map(|x| x as f32);
    Marginal { mean, sd }
}

impl<const N: usize, R: Response<N, Input = [f32; 1]>> Calibrated<N, R> {
    /// Prints the final table.
    fn report(&self, b: &[Marginal; N]) {
        let mut heading = format!("\n{:<5}{:^22}", "", "tracker");
        if self.published {
            heading += &format!(" |{:^42} |{:^22}", "quadrature in f64", "NIST");
            heading += &format!(
                "\n{:<27} |{:>22}{:>11}{:>9} |",
                "", "", "off by", "sd ratio"
            );
        }
        println!("{heading}");
        for (i, b) in b.iter().enumerate() {
            let mut line = format!("b{:<4}{:>22}", i + 1, shown(b));
            if self.published {
                let quadrature = one(REFERENCE, self.name, i);
                let off = (b.mean - quadrature.mean) / quadrature.sd;
                let ratio = b.sd / quadrature.sd;
                line += &format!(" |{:>22}{off:>+8.3} sd{ratio:>9.4}", shown(&quadrature));
                line += &format!(" |{:>22}", shown(&one(CERTIFIED, self.name, i)));
            }
            println!("{line}");
        }
        println!();
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
        let stride = DRAWS / 4000;
        let mut curve = Vec::new();
        let mut predictive = Vec::new();
        for k in 0..=100 {
            let x = x0 - mx + (x1 - x0 + 2.0 * mx) * f64::from(k) / 100.0;
            let mut means = Vec::new();
            let mut readings = Vec::new();
            // The same errors at every x give smooth edges.
            let mut noise = BoxMuller::new(Pcg32::seed_from_u64(0));
            for theta in self.draws.iter().step_by(stride) {
                let constants = self.instrument.response.constants(theta);
                let y = self.instrument.response.response(&constants, &[x as f32]);
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
        let constant = |theta| f64::from(self.instrument.response.constants(theta)[i]);
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
        panel.histogram(&heights, range, BLUE, label("sampler"))?;
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
        let interval = |Marginal { mean, sd }: Marginal| {
            [mean - 1.96 * sd, mean, mean + 1.96 * sd].map(f64::from)
        };
        let [low, _, high] = interval(self.history[self.history.len().min(3) - 1][i]);
        let margin = 0.1 * (high - low);
        let mut panel = Panel::new(
            area,
            "as the readings come",
            ["readings", &format!("b{}", i + 1)],
            0.9..last + 0.1,
            low - margin..high + margin,
        )?;
        let label = |text| if i == 0 { text } else { "" };
        let clip = |v: f64| v.clamp(low - margin, high + margin);
        let history: Vec<_> = (1..)
            .zip(&self.history)
            .map(|(k, b)| (f64::from(k), interval(b[i]).map(clip)))
            .collect();
        panel.band(
            history.iter().map(|(k, [low, _, high])| [*k, *low, *high]),
            BLUE,
            0.3,
            label("95 % interval"),
        )?;
        panel.line(
            history.iter().map(|(k, [_, mean, _])| [*k, *mean]),
            BLUE,
            2,
            label("mean"),
        )?;
        panel.done(SeriesLabelPosition::UpperRight)
    }
}
