//! A board's recording played again on the host: the same readings, and the same bits.
//!
//!     cargo run --release --example replay -- LOG
//!
//! The log is what the board's console showed: lines that are no part of a recording, and what surrounds
//! those that are, such as time and level, are ignored. See `langevin_apps::record` for the format.

mod support;

use std::{ffi::OsString, path::Path, process::ExitCode};

use langevin_apps::{
    record::Line,
    replay::{Application, Replay},
};
use support::{Outcome, args::Args};

const USAGE: &str = "\
Plays a board's recording again, and compares the bits.

    replay LOG

LOG is what the board's console showed. Prints application, seed, number of readings and final
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
    // A console's log may have other bytes in between.
    let bytes = std::fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let recordings = replay(&text).map_err(|error| format!("{name}: {error}"))?;
    for recording in recordings {
        print(&recording);
    }
    Ok(())
}

/// A recording, played to its end.
pub struct Recording {
    /// What it starts with.
    pub application: String,
    pub seed: u64,
    /// What it came to.
    pub replay: Replay,
}

/// Plays all recordings in a log. Each has its bits compared at least once.
pub fn replay(log: &str) -> Outcome<Vec<Recording>> {
    let mut recordings: Vec<Recording> = Vec::new();
    for (index, text) in log.lines().enumerate() {
        let line = |error: &dyn std::fmt::Display| format!("line {}: {error}", index + 1);
        let Some(found) = Line::find(text).map_err(|error| line(&error))? else {
            continue;
        };
        let result = match (found, recordings.last_mut()) {
            (
                Line::Start {
                    application,
                    seed,
                    settings,
                },
                last,
            ) => {
                last.map_or(Ok(()), |last| compared(last))
                    .map_err(|error| line(&error))?;
                Replay::new(application, seed, &settings).map(|replay| {
                    recordings.push(Recording {
                        application: application.into(),
                        seed,
                        replay,
                    });
                })
            }
            (_, None) => return Err(line(&"the start of the recording is missing").into()),
            (Line::Reading(words), Some(last)) => last.replay.reading(&words),
            (Line::Hash { readings, hash }, Some(last)) => last.replay.compare(readings, hash),
        };
        result.map_err(|error| line(&error))?;
    }
    compared(recordings.last().ok_or("no recording")?)?;
    Ok(recordings)
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
        Application::Calibrate(calibration, _) => {
            let posterior = calibration.posterior();
            for (i, (mean, sd)) in posterior.mean().into_iter().zip(posterior.sd()).enumerate() {
                row(&format!("b{}", i + 1), mean, sd);
            }
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
        rest => println!("same bits, but for the last {rest} readings, which no hash follows"),
    }
}
