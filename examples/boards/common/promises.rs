//! What `langevin` promises, checked on the board itself: `cargo test --release --test promises` with the board connected.

#![no_std]
#![no_main]

use board as _;

#[embedded_test::tests]
mod tests {
    use langevin_apps::{
        calibrate::{CHWIRUT2, Calibration, reading},
        compass::{Advice, Compass, Turned},
        hash::Hash,
        readings,
    };

    /// The bits of the chain's path with the seed 7 are those of the host.
    #[test]
    fn the_same_bits_as_on_the_host() {
        let mut calibration =
            Calibration::<3, { readings::CHWIRUT2.len() }>::new(CHWIRUT2, 7).expect("in range");
        let mut path = Hash::new();
        for at in readings::CHWIRUT2 {
            calibration.observe(reading(at), 100).expect("finite");
            for x in calibration.position() {
                path.write(x.to_bits());
            }
        }
        assert_eq!(path.value(), PATH);
    }
    const PATH: u64 = 0x36690be3d1d97bc2;

    /// A compass finds its calibration, and a reading that is none leaves no trace.
    #[test]
    #[timeout(60)]
    fn a_compass_is_calibrated_and_nan_never_sticks() {
        let mut compass = Compass::new(7).expect("in range");
        let mut device = Turned::typical(1);
        let mut advice = None;
        for _ in 0..40 {
            assert!(compass.update([f32::NAN; 3], [f32::NAN; 3]).is_none());
            let (field, acceleration) = device.reading();
            if let Some(report) = compass.update(field, acceleration) {
                assert!(
                    report
                        .mean
                        .iter()
                        .chain(&report.errors)
                        .all(|x| x.is_finite())
                );
                advice = Some(report.advice);
            }
        }
        assert_eq!(advice, Some(Advice::Good));
    }
}
