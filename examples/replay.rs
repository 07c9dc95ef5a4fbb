//! Replays a board's recording on the host: the same readings must give the same bits.
//!
//!     cargo run --release --example replay -- LOG
//!
//! The log is the output of the board's console. Lines that are not part of a recording are ignored, and so is the text around
//! those that are, such as time and level. See `langevin_apps::record` for the format.

mod support;

use std::{ffi::OsString, path::Path, process::ExitCode};

use langevin_apps::{
    calibrate::{CHWIRUT2, constants},
    record::Line,
    replay::{Application, Replay},
};
use support::{Outcome, args::Args};

const USAGE: &str = "\
Replays a board's recording, and compares the bits.

    replay LOG

LOG is the output of the board's console. Prints application, seed, number of readings and final
estimates of each recording in it. Exit code 1 if any bit differs.";

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let Some(args) = Args::parse(arguments, &[], USAGE)? else {
        return Ok(());
    };
    let path = args.file.ok_or("which log? see --help")?;
    let name = Path::new(&path).display();
    // The output of a console may have other bytes in between.
    let bytes = std::fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let recordings = replay(&text).map_err(|error| format!("{name}: {error}"))?;
    for recording in recordings {
        print(&recording);
    }
    Ok(())
}

/// A recording that was replayed to its end.
pub struct Recording {
    /// The application's name.
    pub application: String,
    /// The seed of its noise.
    pub seed: u64,
    /// The replay at its end.
    pub replay: Replay,
}

/// Replays all recordings in a log. The bits of each are compared at least once, or an error is returned.
pub fn replay(log: &str) -> Outcome<Vec<Recording>> {
    let mut recordings: Vec<Recording> = Vec::new();
    for (index, text) in log.lines().enumerate() {
        play(&mut recordings, text).map_err(|error| format!("line {}: {error}", index + 1))?;
    }
    compared(recordings.last().ok_or("no recording")?)?;
    Ok(recordings)
}

fn play(recordings: &mut Vec<Recording>, text: &str) -> Outcome {
    let Some(line) = Line::find(text)? else {
        return Ok(());
    };
    if let (Line::Reading(_) | Line::Hash { .. }, Some(last)) = (&line, recordings.last_mut()) {
        return Ok(last.replay.play(&line)?);
    }
    // A board that has been reset starts another recording.
    if let Some(last) = recordings.last() {
        compared(last)?;
    }
    let replay = Replay::start(&line)?;
    if let Line::Start {
        application, seed, ..
    } = line
    {
        recordings.push(Recording {
            application: application.into(),
            seed,
            replay,
        });
    }
    Ok(())
}

fn compared(recording: &Recording) -> Outcome {
    if recording.replay.compared() == 0 {
        return Err("the recording ends without a hash".into());
    }
    Ok(())
}

fn print(recording: &Recording) {
    let Recording {
        application,
        seed,
        replay,
    } = recording;
    println!("{application}, seed {seed}, {} readings", replay.readings());
    let row = |name: &str, mean: f32, sd: f32| println!("    {name:<20}{mean:>12.5} ± {sd:.5}");
    match replay.application() {
        Application::Battery(battery) => {
            let known = battery.parameters();
            row("R0, mΩ", known.r0.mean, known.r0.sd);
            row("R1, mΩ", known.r1.mean, known.r1.sd);
            row("time constant, s", known.tau.mean, known.tau.sd);
            let open = known.open_circuit;
            row("open circuit, V", open.mean, open.sd);
        }
        Application::Calibrate(calibration) => {
            let b = constants(&CHWIRUT2.response, &calibration.estimate());
            for (i, b) in (1..).zip(b) {
                row(&format!("b{i}"), b.mean, b.sd);
            }
        }
        Application::Compass(_, None) => println!("    no pose that could be used"),
        Application::Compass(_, Some(report)) => {
            let [x, y, z, ..] = report.mean;
            let [x_sd, y_sd, z_sd, .., log_noise_sd] = report.sd;
            row("offset x, µT", x, x_sd);
            row("offset y, µT", y, y_sd);
            row("offset z, µT", z, z_sd);
            row("noise, µT", report.noise(), report.noise() * log_noise_sd);
            let [good_to, worst] = [report.good_to(), report.worst()].map(f32::to_degrees);
            println!("    headings good to {good_to:.1}° (95 %), at worst to {worst:.1}°");
        }
        Application::Filter(filter) => {
            let estimate = filter.estimate();
            println!("    temperature {:.2} °C", estimate.temperature);
            let (tau, resistance) = (estimate.time_constant, estimate.resistance);
            row("time constant, s", tau.mean, tau.sd);
            row("resistance, K/W", resistance.mean, resistance.sd);
        }
        Application::Sensor(sensor) => {
            let report = sensor.report(None);
            row("offset", report.offset.mean, report.offset.sd);
            row("slope a reading", report.slope.mean, report.slope.sd);
            row("noise", report.noise.mean, report.noise.sd);
            let [low, high] = report.next;
            println!("    next reading between {low:.1} and {high:.1}");
        }
    }
    match replay.readings() - replay.compared() {
        0 => println!("same bits"),
        rest => println!("same bits, except for the last {rest} readings, which no hash follows"),
    }
}
