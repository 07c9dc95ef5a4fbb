//! The calibration of an instrument.

use langevin_apps::{
    calibrate::{CHWIRUT2, Calibration, STEPS, reading},
    readings,
    record::Recorder,
};

use crate::{
    Console, fixed_seed,
    log::{Line, Log},
    sleep, stop,
};

/// Calibrates the ultrasonic instrument of NIST's "Chwirut2" from its 54 readings, one after the other,
/// and logs the posterior of its constants after each.
///
/// The seed is 7 unless the image was built with another. The same seed gives the same bits on every board and on the
/// host; the last line of the log shows the bits of the chain's position.
pub fn calibrate(console: impl Console) -> ! {
    let mut log = Log(console);
    let seed = fixed_seed().unwrap_or(7);
    let calibration = Calibration::<3, { readings::CHWIRUT2.len() }>::new(CHWIRUT2, seed);
    let recorder = Recorder::start("calibrate", seed, &[STEPS], &mut log);
    let (Ok(mut calibration), Ok(mut recorder)) = (calibration, recorder) else {
        stop("the instrument's factor is not triangular");
    };
    for (count, at) in (1..).zip(readings::CHWIRUT2) {
        let observed = calibration.observe(reading(at), STEPS);
        // The log does not fail.
        let _ = recorder.reading(&at.map(f32::to_bits), calibration.position(), &mut log);
        let _ = recorder.hash(&mut log);
        let line = Line::new().count(count);
        if observed.is_err() {
            log.warn(&line.text(" readings: the last is not finite"));
            continue;
        }
        let posterior = calibration.posterior();
        if let (Some(mean), Some(sd)) = (posterior.mean(), posterior.sd()) {
            let line = line.text(" readings: b = ").numbers(mean);
            log.info(&line.text(", sd ").numbers(sd));
        }
    }
    let line = Line::new()
        .text("errors: ")
        .count(calibration.error_counts().total());
    let position = calibration.position().map(f32::to_bits);
    log.info(&line.text("; position: ").words(position));
    sleep()
}
