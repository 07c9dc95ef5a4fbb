//! What is run on every core, emulated or not, to be compared bit by bit.

#![no_std]

pub mod applications;
pub mod golden;
pub mod recording;
pub mod tuning;

use core::fmt::{self, Write};

/// Does what the command line says and writes its results to `out`, one a line.
///
/// `golden STEPS` writes `stepper/noise hash` for every stepper and noise; `calibrate DRAWS` what is
/// left of the calibration of both instruments, with so many draws after the last reading; `steppers STEPS` the
/// path of every stepper on one of them;
/// `filter TICKS` what becomes of the thermal filter on a simulated body;
/// `tune STEPS` what a sampler that tunes itself comes to in so many steps, warm-up included;
/// `record APPLICATION READINGS` a recording, for the host's example `replay`.
///
/// # Errors
/// When `out` fails, and when the command is not understood.
pub fn run<'a>(mut arguments: impl Iterator<Item = &'a str>, out: &mut impl Write) -> fmt::Result {
    let mut word = || arguments.next().ok_or(fmt::Error);
    let command = word()?;
    let application = if command == "record" { word()? } else { "" };
    let count = word()?.parse().map_err(|_| fmt::Error)?;
    match command {
        "calibrate" => {
            let draws = u16::try_from(count).map_err(|_| fmt::Error)?;
            applications::calibrate(draws, out)
        }
        "filter" => applications::filter(count, out),
        "steppers" => applications::every_stepper(count, out),
        "tune" => tuning::tune(count, out),
        "record" => recording::record(application, count, out),
        "golden" => golden::golden(count, out),
        _ => Err(fmt::Error),
    }
}
