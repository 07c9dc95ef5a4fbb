//! Calibrates magnetometers, and says how far off their headings can be.
//!
//!     cargo run --release --example compass
//!
//! Nine recordings of real instruments, each with a magnetometer and an accelerometer in 24 poses. A chain samples the
//! posterior of offset, shape and noise; from its draws follows the distribution of the heading error in 48
//! orientations, and the advice to turn more, or that the calibration is good or suspect. The fit of the package that the
//! recordings are from stands beside it. The model is in `examples/apps`.

mod support;

#[path = "support/fits.rs"]
mod fits;

use std::{ffi::OsString, fmt::Write, path::Path, process::ExitCode};

use fits::{Alignment, Fit, Vector};
use langevin::{BoxMuller, Moments, Pcg32, Sampler, SeedableRng, noise::Noise};
use langevin_apps::compass::{
    Advice, Calibration, GOOD, ORIENTATIONS, Orientations, Reading, UNKNOWNS, model, prior,
    reading, starts,
};
use plotters::prelude::SeriesLabelPosition;
use support::{
    Outcome,
    args::Args,
    plot::{self, BLUE, INK, ORANGE, Panel, RED},
    progress, table,
};

const USAGE: &str = "\
Calibrates a magnetometer, and says how far off its headings can be.

    compass [options] [RECORDING]

RECORDING is a CSV file with the columns mx, my, mz in µT, and optionally gx, gy, gz of an accelerometer in
any unit; or a .json file of the package circuitpython-mag-cal. Without it, the recordings are the nine that
come with that package.

    --inclination DEG   inclination of the field below the horizon, where there is no accelerometer (default 65)
    --steps N           steps of each chain, of which there are two for each posterior (default 40000)
    --seed N            seed of the noise (default 1)
    --simulate N        instead, N simulated calibrations of each kind of turn (400 are about 5 minutes)
    --output FILE.svg   the picture (default target/compass.svg)";

const RECORDINGS: &str = include_str!("data/compass.csv");

/// The fewest readings of which a posterior is shown.
const FEWEST: usize = 6;

/// The readings of one instrument.
pub struct Recording {
    pub name: String,
    /// In µT.
    pub magnetometer: Vec<Vector>,
    /// Empty, or one for each reading of the magnetometer.
    pub accelerometer: Vec<Vector>,
}

/// The settings of the chains.
#[derive(Clone, Copy)]
pub struct Run {
    pub steps: u32,
    pub seed: u64,
}

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let known = ["inclination", "steps", "seed", "simulate", "output"];
    let Some(args) = Args::parse(arguments, &known, USAGE)? else {
        return Ok(());
    };
    let run = Run {
        steps: args.value("steps", 40_000)?,
        seed: args.value("seed", 1)?,
    };
    let inclination = args.value("inclination", 65.0_f64)?.to_radians();
    if args.text("simulate").is_some() {
        return simulate(args.value("simulate", 0)?, inclination, run);
    }
    let recordings = match &args.file {
        Some(path) => vec![read(path)?],
        None => published()?,
    };
    report(&recordings, inclination, run)?;
    let output = Path::new(args.text("output").unwrap_or("target/compass.svg"));
    draw(&recordings[0], inclination, run, output)
}

// ------------------------------------------------------------------------------------- recordings

/// Returns the nine recordings.
pub fn published() -> Outcome<Vec<Recording>> {
    let mut recordings: Vec<Recording> = Vec::new();
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(RECORDINGS.as_bytes());
    for row in reader.deserialize() {
        let (name, m, g): (String, [f64; 3], [f64; 3]) = row?;
        if recordings.last().is_none_or(|last| last.name != name) {
            recordings.push(Recording {
                name,
                magnetometer: Vec::new(),
                accelerometer: Vec::new(),
            });
        }
        if let Some(last) = recordings.last_mut() {
            last.magnetometer.push(m.into());
            last.accelerometer.push(g.into());
        }
    }
    Ok(recordings)
}

fn read(path: &Path) -> Outcome<Recording> {
    let name = path.display().to_string();
    let recording = if path.extension().is_some_and(|e| e == "json") {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        from_json(&text, name.clone()).map_err(|error| format!("{name}: {error}"))?
    } else {
        let (magnetometer, accelerometer) = if table::width(path)? < 6 {
            let rows = table::read(path, ["mx", "my", "mz"])?;
            (rows.into_iter().map(Vector::from).collect(), Vec::new())
        } else {
            let rows = table::read(path, ["mx", "my", "mz", "gx", "gy", "gz"])?;
            rows.into_iter()
                .map(|[a, b, c, d, e, f]| (Vector::new(a, b, c), Vector::new(d, e, f)))
                .unzip()
        };
        Recording {
            name: name.clone(),
            magnetometer,
            accelerometer,
        }
    };
    let finite = |v: &Vector| v.iter().all(|x| x.is_finite());
    if !recording.magnetometer.iter().all(finite) {
        return Err(format!("{name}: a reading is not finite").into());
    }
    if recording.magnetometer.len() < FEWEST {
        let found = recording.magnetometer.len();
        return Err(format!("{name}: {found} readings, of at least {FEWEST} needed").into());
    }
    Ok(recording)
}

/// Parses a recording of the package. It has rows of NaN, which is no JSON, after the data.
pub fn from_json(text: &str, name: String) -> Outcome<Recording> {
    let value: serde_json::Value = serde_json::from_str(&text.replace("NaN", "null"))?;
    let vectors = |key: &str| -> Outcome<Vec<Vector>> {
        let numbers = value["shots"][key]
            .as_array()
            .ok_or_else(|| format!("no shots.{key}"))?;
        let numbers: Vec<f64> = numbers.iter().filter_map(|x| x.as_f64()).collect();
        Ok(numbers
            .chunks_exact(3)
            .map(|v| Vector::new(v[0], v[1], v[2]))
            .collect())
    };
    let (magnetometer, accelerometer) = (vectors("mag")?, vectors("grav")?);
    if magnetometer.len() != accelerometer.len() {
        return Err("as many readings of shots.mag as of shots.grav are needed".into());
    }
    Ok(Recording {
        name,
        magnetometer,
        accelerometer,
    })
}

// -------------------------------------------------------------------------------------- posterior

/// The posterior of a calibration.
pub struct Posterior {
    draws: Vec<Calibration<f32>>,
    /// The posterior mean.
    pub mean: Calibration<f32>,
    /// The noise in µT, in increasing order.
    noise: Vec<f32>,
}

fn calibration(theta: &[f32; UNKNOWNS]) -> Calibration<f32> {
    Calibration::new(theta.first_chunk().expect("nine of ten"))
}

/// Samples the posterior of the calibration by two chains.
pub fn sample(magnetometer: &[Vector], run: Run) -> Outcome<Posterior> {
    let readings: Vec<Reading> = magnetometer
        .iter()
        .map(|v| reading([v.x as f32, v.y as f32, v.z as f32]))
        .collect();
    let model = model()?;
    let (centre, normal) = fits::plane(magnetometer);
    let starts = starts(centre, normal);
    let mut moments = Moments::<UNKNOWNS>::new();
    let mut draws = Vec::new();
    for (start, seed) in starts.into_iter().zip(2 * run.seed..) {
        let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
        let mut sampler = Sampler::new(start, noise);
        for step in 0..run.steps {
            // A chain whose warm-up fails has no draws.
            if let Ok(Some(draw)) = sampler.step(&mut model.posterior(&readings[..]))
                && step % 8 == 0
            {
                moments.push(draw.position);
                draws.push(*draw.position);
            }
        }
    }
    let mean = moments.mean().ok_or("no chain found the posterior")?;
    let noise = draws.iter().map(|theta| theta[UNKNOWNS - 1].exp());
    let mut noise: Vec<f32> = noise.collect();
    noise.sort_by(f32::total_cmp);
    Ok(Posterior {
        noise,
        mean: calibration(&mean),
        draws: draws.iter().map(calibration).collect(),
    })
}

/// Returns a quantile of sorted values.
fn quantile(sorted: &[f32], p: f64) -> f32 {
    sorted[((sorted.len() - 1) as f64 * p).round() as usize]
}

/// The distribution of the heading error in each orientation.
pub struct Errors(Vec<Vec<f32>>);

impl Posterior {
    /// Returns the distribution of the heading error of the posterior mean, at a place with this inclination.
    pub fn errors(&self, inclination: f64) -> Errors {
        let orientations = Orientations::new(&self.mean, inclination as f32);
        let mut errors = vec![Vec::new(); ORIENTATIONS];
        for draw in &self.draws {
            for (errors, error) in errors.iter_mut().zip(orientations.errors(draw)) {
                errors.push(error);
            }
        }
        for errors in &mut errors {
            errors.sort_by(f32::total_cmp);
        }
        Errors(errors)
    }

    /// Returns the answer to the question whether the device has been turned enough.
    pub fn advice(&self, errors: &Errors) -> Advice {
        Advice::new(&errors.bounds(0.95), quantile(&self.noise, 0.05))
    }

    /// Returns the transformation of a magnetometer's readings to unit length.
    pub fn fit(&self) -> Fit {
        let to = |v: [f32; 3]| Vector::from(v.map(f64::from));
        Fit {
            centre: to(self.mean.offset),
            matrix: fits::Matrix::from_columns(&self.mean.matrix.map(to)),
        }
    }
}

impl Errors {
    /// Returns the interval of the error in each orientation, in radians.
    pub fn intervals(&self, level: f64) -> impl Iterator<Item = [f32; 2]> {
        let tail = 0.5 * (1.0 - level);
        self.0
            .iter()
            .map(move |errors| [quantile(errors, tail), quantile(errors, 1.0 - tail)])
    }

    /// Returns a bound of the absolute error in each orientation, in radians.
    pub fn bounds(&self, level: f64) -> [f32; ORIENTATIONS] {
        std::array::from_fn(|i| {
            let mut sizes: Vec<f32> = self.0[i].iter().map(|e| e.abs()).collect();
            sizes.sort_by(f32::total_cmp);
            quantile(&sizes, level)
        })
    }

    /// Returns a bound of the absolute error in a random orientation, and in the worst, in degrees.
    pub fn good_to(&self, level: f64) -> [f32; 2] {
        let mut all: Vec<f32> = self.0.iter().flatten().map(|e| e.abs()).collect();
        all.sort_by(f32::total_cmp);
        let any = quantile(&all, level);
        let worst = self.bounds(level).into_iter().fold(0.0, f32::max);
        [any.to_degrees(), worst.to_degrees()]
    }
}

fn text(advice: Advice) -> String {
    match advice {
        Advice::Good => "good".into(),
        Advice::Turn(up) => format!("turn more, with {up}"),
        Advice::Suspect => "suspect: the readings are not on one ellipsoid".into(),
    }
}

// ----------------------------------------------------------------------------------------- report

/// Even rows train, odd rows score: uniformity in percent, and axis error in degrees.
#[derive(Clone, Copy, Debug)]
pub struct Scores {
    pub uniformity: f64,
    /// NaN where the recording has no accelerometer, or another number of poses.
    pub axis: f64,
}

/// Returns every second element.
fn every_second(vectors: &[Vector], from: usize) -> Vec<Vector> {
    vectors.iter().skip(from).step_by(2).copied().collect()
}

/// Scores a fit of the even rows on the odd rows.
pub fn score(fit: &Fit, recording: &Recording) -> Scores {
    let m = &recording.magnetometer;
    let axis = Alignment::new(&recording.magnetometer, &recording.accelerometer)
        .map_or(f64::NAN, |poses| poses.error(fit));
    Scores {
        uniformity: 100.0 * fit.uniformity(&every_second(m, 1)),
        axis,
    }
}

/// Returns the scores of the posterior mean, and of the package's algebraic fit.
pub fn scores(recording: &Recording, run: Run) -> Outcome<[Scores; 2]> {
    let even = every_second(&recording.magnetometer, 0);
    let algebraic = Fit::algebraic(&even).ok_or("no ellipsoid through the even rows")?;
    let posterior = sample(&even, run)?;
    Ok([&posterior.fit(), &algebraic].map(|fit| score(fit, recording)))
}

/// Returns the mean inclination of the field by both sensors, in radians.
fn inclination_of(recording: &Recording, posterior: &Posterior) -> Option<f64> {
    let fit = posterior.fit();
    let pairs = recording.magnetometer.iter().zip(&recording.accelerometer);
    let sines = pairs.map(|(m, g)| fit.apply(m).normalize().dot(&g.normalize()));
    let count = recording.accelerometer.len();
    (count > 0).then(|| (sines.sum::<f64>() / count as f64).abs().asin())
}

fn report(recordings: &[Recording], inclination: f64, run: Run) -> Outcome {
    println!(
        "{:<12}|{:^27}|{:^29}|",
        "", "uniformity of odd rows, %", "axis error of odd rows, °"
    );
    println!(
        "{:<12}|{:>13}{:>14}|{:>14}{:>15}| {:>9}{:>8}{:>8}  advice",
        "recording",
        "posterior",
        "package",
        "posterior",
        "package",
        "noise, µT",
        "95 %, °",
        "worst"
    );
    let bar = progress::bar("sampling", recordings.len() as u64);
    let mut sums = [[0.0; 2]; 2];
    for recording in recordings {
        let [ours, package] = scores(recording, run)?;
        for (sums, scores) in sums.iter_mut().zip([ours, package]) {
            sums[0] += scores.uniformity / recordings.len() as f64;
            sums[1] += scores.axis / recordings.len() as f64;
        }
        let posterior = sample(&recording.magnetometer, run)?;
        let inclination = inclination_of(recording, &posterior).unwrap_or(inclination);
        let errors = posterior.errors(inclination);
        let [any, worst] = errors.good_to(0.95);
        let advice = text(posterior.advice(&errors));
        let mut line = format!("{:<12}|", recording.name);
        let (u, v, a, b) = (ours.uniformity, package.uniformity, ours.axis, package.axis);
        write!(line, "{u:>13.2}{v:>14.2}|{a:>14.2}{b:>15.2}|")?;
        write!(
            line,
            "{:>10.2}{any:>8.1}{worst:>8.1}  {advice}",
            quantile(&posterior.noise, 0.5)
        )?;
        bar.suspend(|| println!("{line}"));
        bar.inc(1);
    }
    drop(bar);
    if recordings.len() > 1 {
        let [[u, a], [v, b]] = sums;
        println!("{:<12}|{u:>13.2}{v:>14.2}|{a:>14.2}{b:>15.2}|", "mean");
    }
    println!(
        "\n95 %: the heading error of all rows in a random orientation; worst: in the worst orientation"
    );
    Ok(())
}

// ------------------------------------------------------------------------------------- simulation

/// How a simulated device is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// In all directions.
    Full,
    /// In all directions with the z component of the field positive.
    Half,
    /// Once around, nearly level.
    Flat,
}

/// The results of simulated calibrations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Simulated {
    /// The fraction of heading errors in their 90 % interval.
    pub coverage: f64,
    /// The calibrations whose true heading error, root mean square over the orientations, exceeds 5°.
    pub bad: u32,
    /// Those of them with the advice to turn more.
    pub turned: u32,
    /// The calibrations that an autopilot's rules accept, and those of them whose true error exceeds 5°.
    pub accepted: u32,
    pub accepted_bad: u32,
}

/// Simulates calibrations of instruments from the prior.
pub fn simulated(turn: Turn, count: u64, inclination: f64, run: Run) -> Outcome<Simulated> {
    const READINGS: usize = 24;
    let mut result = Simulated::default();
    let rms = |errors: [f32; ORIENTATIONS]| {
        let squares = errors.into_iter().map(|e| e * e).sum::<f32>();
        (squares / ORIENTATIONS as f32).sqrt()
    };
    let bar = progress::bar("simulating", count);
    for number in 0..count {
        bar.inc(1);
        let mut noise = BoxMuller::new(Pcg32::seed_from_u64(number));
        let mut normals = || -> Outcome<[f32; UNKNOWNS]> {
            let mut xi = [0.0; UNKNOWNS];
            noise.fill(&mut xi)?;
            Ok(xi)
        };
        let (mean, sd) = prior();
        let xi = normals()?;
        let theta: [f32; UNKNOWNS] = std::array::from_fn(|i| mean[i] + sd[i] * xi[i]);
        let truth = calibration(&theta);
        let sigma = theta[UNKNOWNS - 1].exp();
        let mut readings = Vec::new();
        for i in 0..READINGS {
            let [a, b, c, x, y, z, tilt, ..] = normals()?;
            let length = (a * a + b * b + c * c).sqrt();
            let mut field = [a, b, c].map(|v| v / length);
            match turn {
                Turn::Full => {}
                Turn::Half => field[2] = field[2].abs(),
                Turn::Flat => {
                    let heading = std::f32::consts::TAU * i as f32 / READINGS as f32;
                    let (sin, cos) = (inclination as f32 + 0.05 * tilt).sin_cos();
                    field = [cos * heading.cos(), cos * heading.sin(), -sin];
                }
            }
            let m = truth.reading(field);
            let reading: [f32; 3] = std::array::from_fn(|k| m[k] + sigma * [x, y, z][k]);
            readings.push(Vector::from(reading.map(f64::from)));
        }
        let seed = run.seed + number;
        let posterior = sample(&readings, Run { seed, ..run })?;
        let errors = posterior.errors(inclination);
        let truths = Orientations::new(&posterior.mean, inclination as f32).errors(&truth);
        let within = errors.intervals(0.9).zip(truths);
        let within = within.filter(|([low, high], error)| (low..=high).contains(&error));
        result.coverage += within.count() as f64 / (ORIENTATIONS as f64 * count as f64);
        if rms(truths) > GOOD {
            result.bad += 1;
            result.turned += u32::from(matches!(posterior.advice(&errors), Advice::Turn(_)));
        }
        if let Some(fit) = fits::autopilot(&readings) {
            result.accepted += 1;
            let fit = Calibration {
                offset: fit.centre.map(|x| x as f32).into(),
                matrix: fit.matrix.map(|x| x as f32).into(),
            };
            let errors = Orientations::new(&fit, inclination as f32).errors(&truth);
            result.accepted_bad += u32::from(rms(errors) > GOOD);
        }
    }
    Ok(result)
}

fn simulate(count: u64, inclination: f64, run: Run) -> Outcome {
    println!(
        "{count} simulated calibrations of each kind, 24 readings; bad: heading error above 5° (root mean square)"
    );
    println!(
        "{:<12}{:>18}{:>8}{:>18}{:>28}{:>8}",
        "", "90 % intervals", "", "\"turn more\"", "autopilot's rules", ""
    );
    println!(
        "{:<12}{:>18}{:>8}{:>18}{:>28}{:>8}",
        "turns", "coverage, %", "bad", "of the bad, %", "accept, %", "of these bad, %"
    );
    for turn in [Turn::Full, Turn::Half, Turn::Flat] {
        let result = simulated(turn, count, inclination, run)?;
        let percent = |part: u32, of: u64| match of {
            0 => "-".into(),
            of => format!("{:.1}", 100.0 * f64::from(part) / of as f64),
        };
        println!(
            "{:<12}{:>18.1}{:>8}{:>18}{:>28}{:>8}",
            format!("{turn:?}").to_lowercase(),
            100.0 * result.coverage,
            result.bad,
            percent(result.turned, result.bad.into()),
            percent(result.accepted, count),
            percent(result.accepted_bad, result.accepted.into()),
        );
    }
    Ok(())
}

// ---------------------------------------------------------------------------------------- picture

/// Left, the readings before and after calibration; right, the heading error as the readings come.
fn draw(recording: &Recording, inclination: f64, run: Run, path: &Path) -> Outcome {
    let all = sample(&recording.magnetometer, run)?;
    let inclination = inclination_of(recording, &all).unwrap_or(inclination);
    let count = recording.magnetometer.len();
    let bar = progress::bar("as the readings come", (count - FEWEST + 1) as u64);
    let mut bounds = Vec::new();
    for readings in FEWEST..=count {
        bar.inc(1);
        // A few readings may leave a posterior that no chain finds: then there is no bound.
        let Ok(posterior) = sample(&recording.magnetometer[..readings], run) else {
            continue;
        };
        let [any, worst] = posterior.errors(inclination).good_to(0.95);
        bounds.push([readings as f64, any.into(), worst.into()]);
    }
    drop(bar);

    let area = plot::picture(path, (1500, 520))?;
    let (left, right) = area.split_horizontally(960);
    let (before, after) = left.split_horizontally(480);
    let fit = all.fit();
    let field = 1.0 / (fit.matrix.trace() / 3.0);
    let title = format!("{}: as read", recording.name);
    let mut panel = Panel::new(
        &before,
        &title,
        ["x in µT", "y, z in µT"],
        -120.0..120.0,
        -120.0..120.0,
    )?;
    let m = &recording.magnetometer;
    panel.points(m.iter().map(|v| [v.x, v.y]), BLUE, 4, "x, y")?;
    panel.points(m.iter().map(|v| [v.x, v.z]), ORANGE, 4, "x, z")?;
    panel.done(SeriesLabelPosition::UpperRight)?;
    let calibrated: Vec<Vector> = m.iter().map(|v| field * fit.apply(v)).collect();
    let mut panel = Panel::new(
        &after,
        "calibrated",
        ["x in µT", "y, z in µT"],
        -120.0..120.0,
        -120.0..120.0,
    )?;
    let circle = (0..=100).map(|i| (f64::from(i) * std::f64::consts::TAU / 100.0).sin_cos());
    panel.line(
        circle.map(|(s, c)| [field * c, field * s]),
        INK,
        1,
        "the field's strength",
    )?;
    panel.points(calibrated.iter().map(|v| [v.x, v.y]), BLUE, 4, "x, y")?;
    panel.points(calibrated.iter().map(|v| [v.x, v.z]), ORANGE, 4, "x, z")?;
    panel.done(SeriesLabelPosition::UpperRight)?;

    let labels = ["readings", "heading error in °, 95 %"];
    let mut panel = Panel::new(
        &right,
        "as the readings come",
        labels,
        5.0..count as f64 + 1.0,
        0.0..20.0,
    )?;
    let shown = |i: usize| bounds.iter().map(move |b| [b[0], b[i].min(20.0)]);
    panel.line(shown(2), RED, 2, "in the worst orientation")?;
    panel.line(shown(1), BLUE, 2, "in a random orientation")?;
    let good = f64::from(GOOD.to_degrees());
    panel.line([[5.0, good], [count as f64 + 1.0, good]], INK, 1, "good")?;
    panel.done(SeriesLabelPosition::UpperRight)?;
    plot::finish(&area, path)
}
