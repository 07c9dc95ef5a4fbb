//! The calibration of a board's magnetometer.

use embedded_hal::{delay::DelayNs, i2c::I2c};
use langevin_apps::{
    compass::{Advice, Compass, Report},
    record::Recorder,
};

use crate::{
    Console,
    log::{Line, Log},
    magnetometer::Magnetometer,
    stop,
};

/// Milliseconds between two readings.
const PERIOD: u32 = 500;

/// Calibrates the magnetometer on `i2c` for ever: learns from each reading in a new pose, and logs how far off headings may be and what to
/// do about it.
///
/// The readings are in the log, so that they can be replayed.
pub fn compass(seed: u64, i2c: impl I2c, mut delay: impl DelayNs, console: impl Console) -> ! {
    let mut log = Log(console);
    let mut magnetometer = match Magnetometer::start(i2c, &mut delay) {
        Ok(magnetometer) => magnetometer,
        Err(failure) => {
            log.warn(&Line::new().text(failure.message()));
            stop(failure.message())
        }
    };
    // Not moved: it is used where it was made.
    let mut compass = Compass::new(seed);
    let Ok(compass) = &mut compass else {
        stop("no compass");
    };
    let Ok(mut recorder) = Recorder::start("compass", seed, &[], &mut log) else {
        stop("no compass");
    };
    log.info(&Line::new().text("turn the board slowly, in all directions"));
    let mut failed = false;
    loop {
        delay.delay_ms(PERIOD);
        match magnetometer.read() {
            Ok((field, acceleration)) => {
                failed = false;
                learn(compass, field, acceleration, &mut recorder, &mut log);
            }
            Err(failure) => {
                if !failed {
                    log.warn(&Line::new().text(failure.message()));
                }
                failed = true;
            }
        }
    }
}

/// Learns from a reading; records it and logs the posterior if it is of a new pose.
#[inline(never)]
fn learn(
    compass: &mut Compass,
    field: [f32; 3],
    acceleration: [f32; 3],
    recorder: &mut Recorder,
    log: &mut Log<impl Console>,
) {
    if let Some(report) = compass.update(field, acceleration) {
        let ([x, y, z], [gx, gy, gz]) = (field, acceleration);
        let words = [x, y, z, gx, gy, gz].map(f32::to_bits);
        // The log does not fail. A hash after each: poses are few.
        let _ = recorder.reading(&words, compass.position(), log);
        let _ = recorder.hash(log);
        show(&report, log);
    }
}

#[inline(never)]
fn show(report: &Report, log: &mut Log<impl Console>) {
    log.info(&unknowns(report));
    let line = verdict(report);
    if report.advice == Advice::Suspect {
        log.warn(&line);
    } else {
        log.info(&line);
    }
}

/// Offset and noise in µT, with their standard deviations.
fn unknowns(report: &Report) -> Line {
    let [x, y, z, ..] = report.mean;
    let [x_sd, y_sd, z_sd, .., log_noise_sd] = report.sd;
    let noise = report.noise();
    Line::new()
        .count(report.poses as u32)
        .text(" readings: x, y, z, noise = ")
        .numbers([x, y, z, noise].map(rounded))
        .text(", sd ")
        .numbers([x_sd, y_sd, z_sd, noise * log_noise_sd].map(rounded))
}

/// The heading error, and what to do.
fn verdict(report: &Report) -> Line {
    let tenths = |error: f32| (10.0 * error.to_degrees() + 0.5) as u32;
    let line = Line::new()
        .text("good to ")
        .tenths(tenths(report.good_to()))
        .text(" deg (95 %), at worst to ")
        .tenths(tenths(report.worst()))
        .text(" deg: ");
    match report.advice {
        Advice::Good => line.text("done"),
        Advice::Turn(up) => line.text("turn more, with ").text(up),
        Advice::Suspect => {
            line.text("suspect, the field is not the same everywhere; start again elsewhere")
        }
    }
}

/// Rounds to hundredths.
fn rounded(x: f32) -> f32 {
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    sign * ((100.0 * x * sign + 0.5) as u32) as f32 / 100.0
}

#[cfg(test)]
mod tests {
    use std::{borrow::ToOwned, string::String};

    use langevin_apps::compass::{ORIENTATIONS, Turned, prior};

    use super::*;

    /// The log of a simulated board that is turned about the vertical first, and then in all directions. The README has some of its
    /// lines.
    #[test]
    fn the_readme_shows_what_is_logged() {
        let mut compass = Compass::new(7).unwrap();
        let mut device = Turned::typical(2);
        let mut log = String::new();
        for reading in 0..40 {
            let (field, acceleration) = if reading < 20 {
                device.reading_with([0.0, 0.0, 1.0])
            } else {
                device.reading()
            };
            if let Some(report) = compass.update(field, acceleration) {
                for line in [unknowns(&report), verdict(&report)] {
                    log += line.as_str();
                    log += "\n";
                }
            }
        }
        let readme = include_str!("../../README.md");
        let (_, shown) = readme
            .split_once("first turned about the vertical only")
            .unwrap();
        let (shown, _) = shown.split_once("`suspect`").unwrap();
        let lines = shown.lines().filter_map(|line| line.strip_prefix("    "));
        let lines: std::vec::Vec<&str> = lines.filter(|line| *line != "...").collect();
        assert!(lines.len() >= 6);
        for line in lines {
            assert!(log.lines().any(|logged| logged == line), "{line}\n{log}");
        }
    }

    fn report(error: f32, advice: Advice) -> Report {
        let (mut mean, sd) = prior();
        mean[1] = -12.3456;
        Report {
            poses: 24,
            mean,
            sd,
            errors: [error; ORIENTATIONS],
            advice,
        }
    }

    #[test]
    fn the_log_says_what_a_user_wants_to_know() {
        let line = |error, advice| verdict(&report(error, advice)).as_str().to_owned();
        assert_eq!(
            line(0.016, Advice::Good),
            "good to 1.8 deg (95 %), at worst to 1.8 deg: done"
        );
        assert_eq!(
            line(7.0, Advice::Turn("x down")),
            "good to 180.0 deg (95 %), at worst to 180.0 deg: turn more, with x down"
        );
        assert!(line(0.0, Advice::Suspect).ends_with("elsewhere"));
        assert_eq!(
            unknowns(&report(0.1, Advice::Good)).as_str(),
            "24 readings: x, y, z, noise = [0, -12.35, 0, 0.3], sd [60, 60, 60, 0.15]"
        );
    }
}
