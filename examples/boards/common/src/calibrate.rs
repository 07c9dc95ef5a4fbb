//! The calibration of an instrument.

use langevin_apps::{
    calibrate::{CHWIRUT2, Calibration, STEPS, reading},
    readings,
};

use crate::{
    fixed_seed,
    log::{Console, Line, info, warn},
    sleep, stop,
};

/// Calibrates the ultrasonic instrument of NIST's "Chwirut2" from its 54 readings, one after the other,
/// and logs what is known of its constants after each.
///
/// The same seed, 7 unless the image was built with another, gives the same bits on every board and on the
/// host: the last line has the position's.
pub fn calibrate(console: &mut impl Console) -> ! {
    let seed = fixed_seed().unwrap_or(7);
    let calibration = Calibration::<3, { readings::CHWIRUT2.len() }>::new(CHWIRUT2, seed);
    let Ok(mut calibration) = calibration else {
        stop("the instrument's metric is not triangular");
    };
    for (count, at) in (1..).zip(readings::CHWIRUT2) {
        let line = Line::new().count(count);
        if calibration.observe(reading(at), STEPS).is_err() {
            warn(console, &line.text(" readings: the last is not finite"));
            continue;
        }
        let posterior = calibration.posterior();
        let line = line.text(" readings: b = ").numbers(posterior.mean());
        info(console, &line.text(", sd ").numbers(posterior.sd()));
    }
    let line = Line::new()
        .text("faults: ")
        .count(calibration.faults().total());
    let position = calibration.position().map(f32::to_bits);
    info(console, &line.text("; position: ").words(position));
    sleep()
}
