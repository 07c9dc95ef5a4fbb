//! The compass that runs on boards: its heading errors are what it says, and it says when it does not know.

use langevin::{BoxMuller, Pcg32, SeedableRng, noise::Noise};
use langevin_apps::compass::{
    Advice, CAPACITY, Calibration, Compass, FEWEST, GOOD, ORIENTATIONS, Orientations, Report,
    Turned, UNKNOWNS, prior,
};

const INCLINATION: f32 = 1.1;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    /// In all directions.
    Full,
    /// In all directions with the z axis above the horizon.
    Half,
    /// About the z axis, which points upwards within 3°.
    Flat,
}

/// An instrument from the prior.
fn instrument(number: u64) -> [f32; UNKNOWNS] {
    let mut xi = [0.0; UNKNOWNS];
    BoxMuller::new(Pcg32::seed_from_u64(number))
        .fill(&mut xi)
        .unwrap();
    let (mean, sd) = prior();
    std::array::from_fn(|i| mean[i] + sd[i] * xi[i])
}

/// The last report of a compass whose instrument is turned so until it has `poses`.
fn calibrated(theta: &[f32; UNKNOWNS], turn: Turn, number: u64, poses: usize) -> Report {
    let mut compass = Compass::new(number).unwrap();
    let mut device = Turned::new(theta, INCLINATION, 1000 + number);
    let mut tilt = BoxMuller::new(Pcg32::seed_from_u64(2000 + number));
    loop {
        let mut up = [0.0; 3];
        tilt.fill(&mut up).unwrap();
        match turn {
            Turn::Full => {}
            Turn::Half => up[2] = up[2].abs(),
            Turn::Flat => up = [0.05 * up[0], 0.05 * up[1], 1.0],
        }
        let length = up.iter().map(|x| x * x).sum::<f32>().sqrt();
        let (field, acceleration) = device.reading_with(up.map(|x| x / length));
        let report = compass.update(field, acceleration);
        if let Some(report) = report.filter(|report| report.poses == poses) {
            return report;
        }
    }
}

/// The true heading errors of the reported calibration.
fn errors(report: &Report, theta: &[f32; UNKNOWNS]) -> [f32; ORIENTATIONS] {
    Orientations::new(&report.calibration(), INCLINATION).errors(&Calibration::of(theta))
}

fn rms(errors: &[f32; ORIENTATIONS]) -> f32 {
    (errors.iter().map(|e| e * e).sum::<f32>() / ORIENTATIONS as f32).sqrt()
}

#[derive(Debug, Default)]
struct Outcome {
    /// The fraction of heading errors in their 90 % interval.
    coverage: f64,
    /// Calibrations whose heading error exceeds 5°, and those of them with the advice to turn more.
    bad: u32,
    turned: u32,
    good: u32,
}

fn outcome(turn: Turn, poses: usize, count: u64) -> Outcome {
    let mut outcome = Outcome::default();
    for number in 0..count {
        let theta = instrument(number);
        let report = calibrated(&theta, turn, number, poses);
        let errors = errors(&report, &theta);
        let within = errors
            .iter()
            .zip(report.errors)
            .filter(|(e, sd)| e.abs() < 1.645 * sd);
        outcome.coverage += within.count() as f64 / (ORIENTATIONS as f64 * count as f64);
        if rms(&errors) > GOOD {
            outcome.bad += 1;
            outcome.turned += u32::from(matches!(report.advice, Advice::Turn(_)));
        }
        outcome.good += u32::from(report.advice == Advice::Good);
    }
    println!("{turn:?}, {poses} poses: {outcome:?}");
    outcome
}

#[test]
fn heading_errors_are_in_their_intervals_and_bad_calibrations_are_not_called_good() {
    let full = outcome(Turn::Full, 24, 16);
    assert!(
        (0.8..=0.99).contains(&full.coverage) && full.good >= 14,
        "{full:?}"
    );
    // A circle does not have room for many poses.
    let flat = outcome(Turn::Flat, FEWEST, 16);
    assert!(
        flat.bad >= 10 && flat.turned == flat.bad && flat.good == 0,
        "{flat:?}"
    );
}

#[test]
#[ignore = "slow: a minute"]
fn heading_errors_are_in_their_intervals_in_400_calibrations() {
    for turn in [Turn::Full, Turn::Half] {
        let outcome = outcome(turn, 24, 400);
        assert!((0.87..=0.93).contains(&outcome.coverage), "{outcome:?}");
        assert_eq!(outcome.turned, outcome.bad);
    }
    let outcome = outcome(Turn::Flat, FEWEST, 400);
    assert!(
        f64::from(outcome.turned) >= 0.99 * f64::from(outcome.bad),
        "{outcome:?}"
    );
    assert_eq!(outcome.good, 0);
}

#[test]
fn after_one_flat_turn_others_lead_to_the_truth() {
    for number in 0..4 {
        let mut compass = Compass::new(number).unwrap();
        let mut device = Turned::typical(number);
        let mut last = None;
        for i in 0..60 {
            let (field, acceleration) = if i < 20 {
                device.reading_with([0.0, 0.0, 1.0])
            } else {
                device.reading()
            };
            let Some(report) = compass.update(field, acceleration) else {
                continue;
            };
            if i < 20 {
                assert!(matches!(report.advice, Advice::Turn(_)), "{report:?}");
            }
            last = Some(report);
        }
        let report = last.unwrap();
        assert_eq!(report.poses, CAPACITY);
        assert_eq!(report.advice, Advice::Good);
        let inclination = 1.134_464;
        let orientations = Orientations::new(&report.calibration(), inclination);
        let error = rms(&orientations.errors(device.calibration()));
        assert!(
            error < 0.02 && error < 3.0 * report.good_to() / 1.96,
            "{error}"
        );
        assert!(report.good_to() < report.worst() && report.worst() < GOOD);
        assert!((report.noise() - 0.3).abs() < 0.1, "{}", report.noise());
    }
}

#[test]
fn what_says_nothing_new_changes_nothing() {
    let mut compass = Compass::new(1).unwrap();
    let mut device = Turned::typical(1);
    let (field, acceleration) = device.reading();
    assert_eq!(compass.update(field, acceleration).unwrap().poses, 1);
    let before = format!("{compass:?}");
    assert!(compass.update(field, acceleration).is_none());
    for wrong in [f32::NAN, f32::INFINITY, -1e5] {
        assert!(compass.update([wrong, 0.0, 0.0], acceleration).is_none());
    }
    assert_eq!(format!("{compass:?}"), before);
    // Without gravity there is a posterior, too.
    for _ in 0..30 {
        let (field, _) = device.reading();
        compass.update(field, [f32::NAN; 3]);
    }
    let (field, _) = device.reading();
    let report = compass.update(field, [0.0; 3]).unwrap();
    assert!(
        report
            .mean
            .iter()
            .chain(&report.sd)
            .chain(&report.errors)
            .all(|x| x.is_finite())
    );
    assert_eq!(report.advice, Advice::Good);
}

/// Readings of anything but a magnetometer: no panic, nothing that is not a number, and nothing good.
#[test]
fn whatever_is_read_the_report_is_finite() {
    let mut noise = BoxMuller::new(Pcg32::seed_from_u64(3));
    for scale in [1e-3_f32, 10.0, 1e4, 1e12, 1e30] {
        let mut compass = Compass::new(3).unwrap();
        for _ in 0..12 {
            let mut field = [0.0; 3];
            noise.fill(&mut field).unwrap();
            if let Some(report) = compass.update(field.map(|x| scale * x), [0.0, 0.0, 1.0]) {
                let numbers = report.mean.iter().chain(&report.sd).chain(&report.errors);
                assert!(
                    numbers.into_iter().all(|x| x.is_finite()),
                    "{scale}: {report:?}"
                );
                assert!(report.advice != Advice::Good, "{scale}: {report:?}");
            }
            assert!(compass.position().iter().all(|x| x.is_finite()));
        }
    }
}

/// Iron that moves in the middle of the calibration is noticed.
#[test]
fn a_field_that_changes_is_suspect() {
    let mut compass = Compass::new(1).unwrap();
    let mut device = Turned::typical(1);
    let mut last = None;
    for i in 0..32 {
        let ([x, y, z], acceleration) = device.reading();
        let moved = if i < 16 { 0.0 } else { 25.0 };
        last = compass
            .update([x + moved, y, z - moved], acceleration)
            .or(last);
    }
    assert_eq!(last.unwrap().advice, Advice::Suspect);
}
