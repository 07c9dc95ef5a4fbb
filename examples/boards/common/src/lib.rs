//! What the boards have in common: the applications, logged by defmt.

#![no_std]
#![deny(unsafe_code, missing_docs)]

use langevin_apps::{
    calibrate::{CHWIRUT2, Calibration, STEPS, reading},
    readings,
};

/// Calibrates the ultrasonic instrument of NIST's "Chwirut2" from its 54 readings, one after the other,
/// and logs what is known of its constants after each.
///
/// The same seed gives the same bits on every board and on the host: the last line has the position's.
pub fn calibrate(seed: u64) {
    let calibration = Calibration::<3, { readings::CHWIRUT2.len() }>::new(CHWIRUT2, seed);
    let Ok(mut calibration) = calibration else {
        defmt::error!("the instrument's metric is not triangular");
        return;
    };
    for (count, at) in readings::CHWIRUT2.into_iter().enumerate() {
        if let Err(fault) = calibration.observe(reading(at), STEPS) {
            defmt::warn!("reading {}: {}", count, fault);
            continue;
        }
        let posterior = calibration.posterior();
        defmt::info!(
            "{} readings: b = {}, sd {}",
            count + 1,
            posterior.mean(),
            posterior.sd()
        );
    }
    defmt::info!(
        "faults: {}; position: {:#010x}",
        calibration.faults(),
        calibration.position().map(f32::to_bits)
    );
}
