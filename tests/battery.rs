//! The battery: its predictions of real pulse tests and the intervals around them, its alarms, and what it survives.
#![allow(
    clippy::duplicate_mod,
    reason = "each example brings its support along"
)]

#[allow(dead_code, reason = "its main is not called here")]
#[path = "../examples/battery.rs"]
mod battery;

use std::{ffi::OsString, fs, path::PathBuf};

use battery::{Predicted, Tracked, covered, published, rms, track};
use langevin_apps::{
    battery::{Alarm, Battery, LOWEST, Reading},
    cell::{Cell, TEST, pulse_test},
};

/// The tests that come with the example, tracked with a seed.
fn tracked(seed: u64) -> Vec<Tracked> {
    let all = published().unwrap();
    let tracked = all.iter().map(|series| track(series, seed).unwrap());
    tracked.collect()
}

fn all(tracked: &[Tracked], of: impl Fn(&Tracked) -> &[Predicted]) -> Vec<Predicted> {
    tracked.iter().flat_map(|t| of(t).to_vec()).collect()
}

/// The bars are what least squares leave that have seen all of a test, the pulse to be predicted included.
///
/// Ten tests at each temperature, the first of each included. The 1020 readings of the charge pulses are far from
/// independent: what is asserted is that these data are covered. Without the correlation of the model's errors
/// (tried: `CORRELATION` of 1 s) 51 % of them are, and no bar of the three holds.
#[test]
fn charge_pulses_are_predicted() {
    let tracked = tracked(1);
    for (t, bar) in tracked.iter().zip([1.9, 1.8, 1.5]) {
        let ours = rms(t.pulses.iter().map(|p| p.residual));
        let least_squares = rms(t.pulses.iter().map(|p| p.least_squares[0]));
        println!(
            "{} °C: {ours:.2} mV, least squares {least_squares:.2}",
            t.temperature
        );
        assert!(ours <= bar && ours < 0.5 * least_squares);
        // Of 860 readings less than 1 % raise an alarm.
        assert!(t.ahead.len() == 860 && t.alarms <= 8, "{}", t.alarms);
    }
    let pulses = covered(&all(&tracked, |t| &t.pulses));
    let ahead = covered(&all(&tracked, |t| &t.ahead));
    println!("{pulses:.1} % of the pulses, {ahead:.1} % one ahead");
    assert!((93.0..=97.0).contains(&pulses) && (93.0..=97.0).contains(&ahead));
    // Of 30, 28.5 are expected, and fewer than 25 once in 65 times.
    let left = all(&tracked, |t| &t.left);
    assert!(left.len() == 30 && left.iter().filter(|p| p.within()).count() >= 25);
}

/// Twenty seeds, of which none loses the posterior: the bars of the residuals hold for each, and the intervals cover what they
/// promise on average. (Of one seed they hold 97.4 %.)
#[test]
#[ignore = "twenty seconds in debug"]
fn no_seed_loses_the_posterior() {
    let mut pulses = Vec::new();
    for seed in 2..22 {
        let tracked = tracked(seed);
        for (t, bar) in tracked.iter().zip([1.9, 1.8, 1.5]) {
            assert!(
                rms(t.pulses.iter().map(|p| p.residual)) <= bar,
                "seed {seed}, {} °C",
                t.temperature
            );
        }
        pulses.extend(all(&tracked, |t| &t.pulses));
    }
    let pulses = covered(&pulses);
    println!("{pulses:.1} % of the pulses");
    assert!((93.0..=97.0).contains(&pulses), "{pulses}");
}

/// Pulse tests of a simulated cell.
fn observed(battery: &mut Battery, cell: &mut Cell, tests: u32) -> u32 {
    let readings = (0..tests * TEST).map(|i| battery.update(cell.step(pulse_test(i))));
    readings.filter(|report| report.alarm.is_some()).count() as u32
}

#[test]
fn a_contact_that_fails_raises_an_alarm_and_is_learnt() {
    let (mut battery, mut cell) = (Battery::new(1).unwrap(), Cell::new(2));
    assert!(observed(&mut battery, &mut cell, 4) <= 2);
    let known = battery.parameters();
    // The fast part of the simulated cell goes to one of the resistances or to the errors.
    assert!((1.5..2.0).contains(&known.r0.mean), "{known:?}");
    cell.r0 += 1.0;
    let mut alarms = 0;
    for i in 0..31 {
        let report = battery.update(cell.step(pulse_test(i)));
        alarms += u32::from(report.alarm == Some(Alarm::Surprise));
        // At rest nothing is expected.
        assert_eq!(report.expected.is_none(), i == 0);
    }
    assert!(alarms >= 1);
    observed(&mut battery, &mut cell, 4);
    let after = battery.parameters();
    println!("{known:?}\n{after:?}");
    assert!((after.r0.mean - known.r0.mean - 1.0).abs() < 0.2);
}

#[test]
fn the_voltage_left_is_that_of_the_load() {
    let (mut battery, mut cell) = (Battery::new(1).unwrap(), Cell::new(3));
    assert_eq!(battery.left(-45.0, 10.0).sd, f32::INFINITY);
    observed(&mut battery, &mut cell, 5);
    for second in 0..40 {
        battery.update(cell.step([if second == 0 { 3600.0 } else { 1.0 }, 0.0]));
    }
    // More than any current before.
    let left = battery.left(-45.0, 10.0);
    let mut voltage = 0.0;
    for _ in 0..10 {
        voltage = cell.step([1.0, -45.0]).voltage;
    }
    println!("{voltage} {left:?}");
    let off = voltage - LOWEST - left.mean;
    assert!(
        left.sd < 0.01 && off.abs() < 3.0 * left.sd,
        "{off}, {left:?}"
    );
}

/// Readings that are none, and values far beyond a cell's, leave everything finite, and the battery recovers.
#[test]
fn wrong_readings_are_refused() {
    let (mut battery, mut cell) = (Battery::new(1).unwrap(), Cell::new(4));
    observed(&mut battery, &mut cell, 2);
    let before = *battery.position();
    for (seconds, current, voltage) in [
        (f32::NAN, 0.0, 3.9),
        (1.0, f32::INFINITY, 3.9),
        (1.0, 0.0, f32::NAN),
        (0.0, 0.0, 3.9),
        (-1.0, 0.0, 3.9),
    ] {
        let report = battery.update(Reading {
            seconds,
            current,
            voltage,
        });
        assert_eq!(report.alarm, Some(Alarm::NoReading));
        assert_eq!(*battery.position(), before);
    }
    for voltage in [1e30, -1e30, 0.0, 3.9] {
        for current in [1e20, -30.0] {
            battery.update(Reading {
                seconds: 1.0,
                current,
                voltage,
            });
            assert!(battery.position().iter().all(|x| x.is_finite()));
        }
    }
    observed(&mut battery, &mut cell, 3);
    let r0 = battery.parameters().r0;
    assert!((1.2..2.4).contains(&r0.mean), "{r0:?}");
}

// ---------------------------------------------------------------------------------------- example

fn arguments<const K: usize>(words: [&str; K]) -> Vec<OsString> {
    words.map(OsString::from).to_vec()
}

/// A file of its own for each test.
fn file(name: &str, content: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[test]
fn the_example_takes_other_tests() {
    let mut cell = Cell::new(5);
    let mut rows = String::from("temperature,test,time,current,voltage\n");
    let mut time = 0.0;
    for i in 0..2 * TEST {
        let Reading {
            seconds,
            current,
            voltage,
        } = cell.step(pulse_test(i));
        time = if i % TEST == 0 { 0.0 } else { time + seconds };
        rows += &format!("20,{},{time},{current},{voltage}\n", i / TEST);
    }
    let (tests, picture) = (file("tests.csv", &rows), file("battery.svg", ""));
    battery::run(arguments([&tests, "--output", &picture])).unwrap();
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(svg.contains("20 °C: resistances") && svg.trim_end().ends_with("</svg>"));
}

#[test]
fn what_is_wrong_with_tests_is_said() {
    for (content, complaint) in [
        ("", "no rows"),
        (
            "10,1,0,0\n",
            "line 1: 4 of the 5 columns needed (temperature, test, time, current, voltage)",
        ),
        (
            "10,1,0,0,3.9\n10,1,x,0,3.9\n",
            "line 2: \"x\" is not a number (column time)",
        ),
        (
            "10,1,0,0,3.9\n10,1,1,-30,\n",
            "test 1 at 10 °C: a number is missing at 1 s",
        ),
        (
            "10,1,0,0,3.9\n10,1,1,-30,3.8\n10,1,1,-30,3.8\n",
            "test 1 at 10 °C: times must increase, up to 1 s",
        ),
        (
            "10,1,0,-30,3.9\n",
            "test 1 at 10 °C: begins with -30 A, not with a rest",
        ),
        (
            "10,1,0,0,3.9\n10,1,1,-30,3.8\n",
            "no pulse that charges: nothing to predict",
        ),
    ] {
        let path = file("wrong-tests.csv", content);
        let error = battery::run(arguments([&path])).unwrap_err().to_string();
        assert_eq!(error, format!("{path}: {complaint}"));
    }
    let error = battery::run(arguments(["no/such.csv"])).unwrap_err();
    assert!(error.to_string().starts_with("no/such.csv: "), "{error}");
}
