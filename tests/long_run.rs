//! 1e8 steps of one chain: no stall, no NaN, no drift.

use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::Sgld};
use langevin_testing::stats::Batches;

/// U = 50(θ − 1)²/2 at η = 0.01: one unit in the last place of the mean matters as little after 1e8 steps as
/// after 1e3, counters go past 2²⁴, and each tenth of the run has the law's mean and variance.
#[test]
#[ignore = "slow: 5 s in release"]
fn hundred_million_steps() {
    const TENTH: usize = 10_000_000;
    let (eta, k) = (0.01_f32, 50.0_f32);
    let noise = BoxMuller::new(Pcg32::seed_from_u64(8));
    let mut chain = Chain::new([1.0], Sgld::new(), Constant::new(eta).unwrap(), noise).burn_in(100);
    let mut potential = |theta: &[f32; 1]| [k * (theta[0] - 1.0)];
    while chain.step(&mut potential).unwrap().is_none() {}
    let law = 1.0 / (f64::from(k) * (1.0 - f64::from(eta * k) / 2.0));
    let mut latest = 0;
    for tenth in 0..10 {
        let (mut means, mut squares) = (Batches::default(), Batches::default());
        for _ in 0..Batches::COUNT {
            let n = TENTH / Batches::COUNT;
            let (mut mean, mut square) = (0.0, 0.0);
            let mut still = 0;
            for _ in 0..n {
                let [theta] = *chain
                    .step(&mut potential)
                    .unwrap()
                    .expect("every draw is kept");
                still = if theta.to_bits() == latest {
                    still + 1
                } else {
                    0
                };
                assert!(still < 3, "stalled at {theta}");
                latest = theta.to_bits();
                let x = f64::from(theta) - 1.0;
                mean += x;
                square += x * x;
            }
            means.push(mean / n as f64);
            squares.push(square / n as f64);
        }
        let (mean, variance) = (means.estimate(), squares.estimate());
        println!(
            "tenth {tenth}: mean {:.1}, variance {:.1} se off",
            mean.z(0.0),
            variance.z(law)
        );
        assert!(4.0 * variance.se <= 0.01 * law);
        assert!(
            mean.agrees(0.0) && variance.agrees(law),
            "{tenth}: {mean:?} {variance:?}"
        );
    }
    assert_eq!(chain.error_counts().total(), 0);
}
