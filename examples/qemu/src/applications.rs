//! The applications on their readings: the bits of the position and of the estimates at the end.

use core::fmt::{Result, Write};

use langevin_apps::{
    calibrate::{CHWIRUT2, Calibration, DANWOOD, Instrument, reading},
    readings,
};

use crate::hash::Hash;

/// Calibrates both instruments with `steps` steps a reading.
///
/// # Errors
/// When `out` fails.
pub fn calibrate(steps: u32, out: &mut impl Write) -> Result {
    instrument("Chwirut2", CHWIRUT2, &readings::CHWIRUT2, steps, out)?;
    instrument("DanWood", DANWOOD, &readings::DANWOOD, steps, out)
}

fn instrument<const N: usize, const CAP: usize>(
    name: &str,
    instrument: Instrument<N>,
    readings: &[[f32; 2]; CAP],
    steps: u32,
    out: &mut impl Write,
) -> Result {
    let mut calibration =
        Calibration::<N, CAP>::new(instrument, 7).expect("the metric is triangular");
    let mut path = Hash::new();
    for &at in readings {
        calibration
            .observe(reading(at), steps)
            .expect("readings are finite");
        for t in calibration.position() {
            path.write(t.to_bits());
        }
    }
    writeln!(out, "{name}/after-each-reading {:016x}", path.value())?;
    for (i, t) in calibration.position().iter().enumerate() {
        writeln!(out, "{name}/position[{i}] {:08x}", t.to_bits())?;
    }
    let posterior = calibration.posterior();
    for (i, (mean, sd)) in posterior.mean().iter().zip(posterior.sd()).enumerate() {
        writeln!(out, "{name}/mean[{i}] {:08x}", mean.to_bits())?;
        writeln!(out, "{name}/sd[{i}] {:08x}", sd.to_bits())?;
    }
    Ok(())
}
