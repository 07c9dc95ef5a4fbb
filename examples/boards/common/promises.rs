//! What `langevin` promises, checked on the board itself: `cargo test --release --test promises` with the board connected.

#![no_std]
#![no_main]

use board as _;

#[embedded_test::tests]
mod tests {
    use langevin_apps::{
        calibrate::{CHWIRUT2_MEANS, chwirut2_means},
        compass::{Advice, Compass, Turned},
    };

    /// The means after each reading have the host's bits, with the seed 7.
    #[test]
    fn the_same_bits_as_on_the_host() {
        assert_eq!(chwirut2_means(), Some(CHWIRUT2_MEANS));
    }

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
