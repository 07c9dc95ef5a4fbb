//! Experiments of the papers, as reproductions, and the order of each scheme's bias.

#[path = "../examples/support/experiments.rs"]
#[allow(dead_code, reason = "the gallery shows more of it")]
mod experiments;

mod common;

use common::stats::{Batches, Estimate};
use experiments::*;
use langevin::{BoxMuller, LeimkuhlerMatthews, Pace, Pcg32, SeedableRng, Sghmc, Sgld, Stepper};

/// Slope of log |error| over log η at 0.005, 0.01 and 0.02: least squares on equally spaced logs.
fn order(mean_square: fn(f64) -> f64) -> f64 {
    let truth = quartic_mean_square();
    let error = |eta: f64| (mean_square(eta) - truth).abs().ln();
    (error(0.02) - error(0.005)) / 4.0_f64.ln()
}

#[test]
fn truth_of_the_quartic() {
    assert!((quartic_mean_square() - 0.83275).abs() < 5e-6);
}

#[test]
fn sgld_is_of_first_order_and_leimkuhler_matthews_of_second() {
    for eta in [0.005, 0.01, 0.02, 0.04] {
        eprintln!(
            "{eta} {} {}",
            sgld_mean_square(eta) - quartic_mean_square(),
            leimkuhler_matthews_mean_square(eta) - quartic_mean_square()
        );
    }
    let sgld = order(sgld_mean_square);
    assert!((sgld - 1.0).abs() < 0.1, "{sgld}");
    let lm = order(leimkuhler_matthews_mean_square);
    assert!((lm - 2.0).abs() < 0.25, "{lm}");
}

/// E θ² along sixteen independent chains on the quartic.
fn mean_square<S>(mut stepper: S, eta: f32) -> Estimate
where
    S: Stepper<16, Quartic, BoxMuller<Pcg32>>,
{
    let mut noise = BoxMuller::new(Pcg32::seed_from_u64(0xcafe));
    let mut potential = Quartic::new(0.0);
    let pace = Pace::new(eta, 1.0).unwrap();
    let mut theta = [1.0; 16];
    let mut batches = Batches::default();
    for batch in 0..Batches::COUNT + 2 {
        let mut sum = 0.0;
        for _ in 0..1000 {
            stepper
                .step(&mut theta, &mut potential, &pace, &mut noise)
                .unwrap();
            sum += theta.iter().map(|t| f64::from(t * t)).sum::<f64>();
        }
        // The first two are burn-in.
        if batch >= 2 {
            batches.push(sum / 16_000.0);
        }
    }
    batches.estimate()
}

#[test]
fn chains_have_the_bias_that_quadrature_gives() {
    let sgld = mean_square(Sgld::new(), 0.04);
    let lm = mean_square(LeimkuhlerMatthews::new(), 0.04);
    eprintln!("{sgld:?} {lm:?}");
    for (chain, law, other) in [
        (
            sgld,
            sgld_mean_square(0.04),
            leimkuhler_matthews_mean_square(0.04),
        ),
        (
            lm,
            leimkuhler_matthews_mean_square(0.04),
            sgld_mean_square(0.04),
        ),
    ] {
        assert!(4.0 * chain.se < 0.01 * law, "{chain:?}");
        assert!(chain.agrees(law), "{chain:?} {law}: z = {}", chain.z(law));
        // Each is far from the other's: the test can tell.
        assert!(!chain.agrees(other), "{chain:?} {other}");
    }
}

#[test]
fn sghmc_on_the_quartic() {
    // dt = 0.1, C = 3, V = 4.
    let sghmc = Sghmc::with_mass(3.0, 1.0)
        .unwrap()
        .gradient_variance(4.0)
        .unwrap();
    let histogram = quartic_histogram(sghmc, 0.01, 1);
    eprintln!("{} {}", histogram.total_variation(), histogram.mean_square);
    assert!(histogram.total_variation() <= 0.015);
    assert!((histogram.mean_square / quartic_mean_square() - 1.0).abs() < 0.01);
    let naive = quartic_histogram(Sghmc::new(0.0).unwrap().refresh_every(50), 0.01, 1);
    eprintln!("{} {}", naive.total_variation(), naive.mean_square);
}

#[test]
fn twenty_five_modes() {
    let visits = |run: fn(u64, &mut dyn FnMut(&[f32; 2])), seed| {
        let mut visits = Visits::new();
        run(seed, &mut |theta| visits.push(theta));
        visits
    };
    let c: Vec<Visits> = (0..64).map(|s| visits(|s, f| cyclical(s, f), s)).collect();
    let d: Vec<usize> = (0..16)
        .map(|s| visits(|s, f| decreasing(s, f), s).count())
        .collect();
    eprintln!(
        "{:?} {:?}",
        c.iter().map(Visits::count).collect::<Vec<_>>(),
        d
    );
    let all: Vec<usize> = c
        .chunks(4)
        .map(|four| {
            (0..25)
                .filter(|m| four.iter().any(|v| v.visited()[*m]))
                .count()
        })
        .collect();
    eprintln!("{all:?}");
    for seed in 0..4 {
        let mut visits = Visits::new();
        let rates = tempered(5_000_000, seed, |theta| visits.push(theta));
        let near: u32 = visits.near.iter().sum();
        eprintln!(
            "{rates:?} {} {:.2?}",
            visits.draws,
            visits.near.map(|n| n as f32 * 25.0 / near as f32)
        );
    }
}
