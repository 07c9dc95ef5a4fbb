//! Experiments of the papers, as reproductions, and the order of each scheme's bias.

#[path = "../examples/support/experiments.rs"]
#[allow(dead_code, reason = "the gallery shows more of it")]
mod experiments;

use experiments::*;
use langevin::{
    BoxMuller, Pcg32, SeedableRng,
    stepper::{LeimkuhlerMatthews, Sghmc, Sgld, StepParameters, Stepper},
};
use langevin_testing::stats::{Batches, Estimate};

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
    let sgld = order(sgld_mean_square);
    assert!((sgld - 1.0).abs() < 0.1, "{sgld}");
    let lm = order(leimkuhler_matthews_mean_square);
    assert!((lm - 2.0).abs() < 0.25, "{lm}");
}

/// E θ² along sixteen independent chains on the quartic.
fn mean_square<S>(stepper: S, eta: f32) -> Estimate
where
    S: Stepper<16, Quartic, BoxMuller<Pcg32>>,
{
    let mut noise = BoxMuller::new(Pcg32::seed_from_u64(0xcafe));
    let mut potential = Quartic::new(0.0);
    let parameters = StepParameters::new(eta, 1.0).unwrap();
    let mut state = stepper.start();
    let mut theta = [1.0; 16];
    let mut batches = Batches::default();
    for batch in 0..Batches::COUNT + 2 {
        let mut sum = 0.0;
        for _ in 0..1000 {
            stepper
                .step(
                    &mut state,
                    &mut theta,
                    &mut potential,
                    &parameters,
                    &mut noise,
                )
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
    // Chen, Fox & Guestrin's figure 1: dt = 0.1, C = 3, gradient noise of sd 2, B̂ = dt·V/2. With 80 000
    // independent draws chance alone gives a total variation of 0.008.
    let sghmc = Sghmc::with_mass(3.0, 1.0)
        .unwrap()
        .gradient_variance(4.0)
        .unwrap();
    let histogram = quartic_histogram(sghmc, 80_000);
    let distance = histogram.total_variation();
    assert!(distance <= 0.015, "{distance}");
    let ratio = histogram.mean_square / quartic_mean_square();
    assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
    // The same bounds notice the gradient's noise left in (0.017), and the naive method (0.14).
    let whole = quartic_histogram(Sghmc::with_mass(3.0, 1.0).unwrap(), 80_000);
    let naive = quartic_histogram(Sghmc::new(0.0).unwrap().refresh_every(50), 80_000);
    for broken in [whole, naive] {
        let ratio = broken.mean_square / quartic_mean_square();
        assert!(broken.total_variation() > 0.015 || (ratio - 1.0).abs() > 0.01);
    }
}

fn visits(run: impl FnOnce(&mut dyn FnMut(&[f32; 2]))) -> Visits {
    let mut visits = Visits::new();
    run(&mut |theta| visits.push(theta));
    visits
}

#[test]
fn cyclical_chains_find_the_modes_where_sgld_stays_in_one() {
    let chains: Vec<Visits> = (0..64)
        .map(|seed| visits(|see| cyclical(seed, see)))
        .collect();
    let mean = chains[..16].iter().map(Visits::count).sum::<usize>() as f64 / 16.0;
    assert!(mean >= 17.0, "{mean}");
    // Four chains' draws together.
    let complete = chains
        .chunks(4)
        .filter(|four| (0..25).all(|mode| four.iter().map(|c| c.near[mode]).sum::<u32>() >= 100))
        .count();
    assert!(complete >= 12, "{complete}");
    for seed in 0..16 {
        let count = visits(|see| decreasing(seed, see)).count();
        assert!(count <= 2, "{count}");
    }
}

#[test]
fn replica_exchange_weighs_the_modes_right() {
    let mut rates = [0.0; HOT];
    let found = visits(|see| rates = tempered(5_000_000, 0, see));
    assert!(rates.iter().all(|rate| *rate > 0.5), "{rates:?}");
    let near: u32 = found.near.iter().sum();
    for n in found.near {
        let share = 25.0 * f64::from(n) / f64::from(near);
        assert!((share - 1.0).abs() < 0.2, "{:?}", found.near);
    }
}
