//! The calibration of an instrument.

use langevin::tracker::{Estimate, Reading};
use langevin_apps::{
    calibrate::{CHWIRUT2, Calibration, LAST, calibration, constants, reading},
    readings,
    record::Recorder,
};

use crate::{
    Console, fixed_seed,
    log::{Line, Log},
    sleep, stop,
};

/// Calibrates the ultrasonic instrument of NIST's "Chwirut2" from its 54 readings, one after the other,
/// and logs the posterior of its constants after each, and a more precise one after the last.
///
/// The seed is 7 unless the image was built with another. The same seed gives the same bits on every board and on the
/// host; the last line of the log shows those of the coordinates' means.
pub fn calibrate(console: impl Console) -> ! {
    let mut log = Log(console);
    let seed = fixed_seed().unwrap_or(7);
    let calibration: Result<Calibration, _> = calibration(CHWIRUT2, seed);
    let recorder = Recorder::start("calibrate", seed, &[], &mut log);
    let (Ok(mut calibration), Ok(mut recorder)) = (calibration, recorder) else {
        stop("a number of the instrument is out of range");
    };
    for (count, at) in (1..).zip(readings::CHWIRUT2) {
        let Ok(estimate) = calibration.update(reading(at)) else {
            stop("no random numbers");
        };
        // The log does not fail.
        let _ = recorder.reading(&at.map(f32::to_bits), &estimate.mean(), &mut log);
        let _ = recorder.hash(&mut log);
        let line = line(Line::new().count(count).text(" readings: b = "), &estimate);
        if estimate.reading() == Reading::Learnt {
            log.info(&line);
        } else {
            log.warn(&line.text("; the last was refused"));
        }
    }
    let Ok(estimate) = calibration.refine(LAST) else {
        stop("no random numbers");
    };
    log.info(&line(Line::new().text("at last: b = "), &estimate));
    let means = estimate.mean().map(f32::to_bits);
    log.info(&Line::new().text("means of the coordinates: ").words(means));
    sleep()
}

fn line(line: Line, estimate: &Estimate<'_, 3>) -> Line {
    let b = constants(&CHWIRUT2.response, estimate);
    let line = line.numbers(b.map(|b| b.mean)).text(", sd ");
    line.numbers(b.map(|b| b.sd))
}
