//! Weak noise: its moments, and what a chain driven by it shares with a Gaussian chain and what not.
//!
//! Each statistic must be within 4 standard errors of its law (two-sided alpha 6.3e-5; 8.4e-5 where the
//! standard error is measured by batch means). Seeds are fixed.

use std::f64::consts::PI;

use langevin::{
    BoxMuller, Chain, Pcg32, SeedableRng,
    noise::{Noise, Rademacher, ThreePoint},
    schedule::Constant,
    stepper::Sgld,
};
use langevin_testing::{
    doubles::Scaled,
    stats::{self, Batches, Check, Draws, Estimate, normal_cdf},
};

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(1995)
}

/// What is wrong with draws whose even moments are E z², E z⁴ ... = `even`, after 2²² pairs.
fn wrong(mut noise: impl Noise, even: [f64; 6]) -> Vec<(Check, f64)> {
    let draws = Draws::take(&mut noise, 1 << 22);
    let moments = draws
        .moments::<6>()
        .into_iter()
        .enumerate()
        .map(|(i, check)| {
            let law = if i % 2 == 0 { 0.0 } else { even[i / 2] };
            // Var zᵏ = E z²ᵏ − (E zᵏ)².
            let variance = even[i] - law * law;
            Check {
                law,
                // Where a power of the draws cannot vary, rounding is all there is.
                se: (variance / 2_f64.powi(23)).sqrt().max(1e-7),
                ..check
            }
        });
    // Correlations of the draws; those of their squares are for the variance of a normal's.
    let correlations = draws.correlations().into_iter().step_by(2);
    stats::failures(moments.chain(correlations))
}

/// E z^2j of the three points.
const THREE_POINT: [f64; 6] = [1.0, 3.0, 9.0, 27.0, 81.0, 243.0];
const RADEMACHER: [f64; 6] = [1.0; 6];

#[test]
fn moments() {
    assert_eq!(wrong(ThreePoint::new(rng()), THREE_POINT).len(), 0);
    assert_eq!(wrong(Rademacher::new(rng()), RADEMACHER).len(), 0);
}

#[test]
fn moments_notice_what_is_wrong() {
    // 1 % off: 40 standard errors of the variance, and more of the higher moments.
    assert_ne!(
        wrong(Scaled(ThreePoint::new(rng()), 1.01), THREE_POINT).len(),
        0
    );
    assert_ne!(
        wrong(Scaled(Rademacher::new(rng()), 0.99), RADEMACHER).len(),
        0
    );
    // The other law.
    assert_ne!(wrong(ThreePoint::new(rng()), RADEMACHER).len(), 0);
    assert_ne!(wrong(Rademacher::new(rng()), THREE_POINT).len(), 0);
}

const N: usize = 16;

/// θ² and, of all draws, how many lie beyond 3, of SGLD on U = |θ|²/2 at step size `eta`.
fn chain(noise: impl Noise, eta: f32, batch: usize) -> (Estimate, Estimate) {
    let mut chain = Chain::new([0.0; N], Sgld::new(), Constant::new(eta).unwrap(), noise);
    let mut potential = |theta: &[f32; N]| *theta;
    for _ in 0..1000 {
        chain.step(&mut potential).unwrap();
    }
    let (mut squares, mut beyond) = (Batches::default(), Batches::default());
    for _ in 0..Batches::COUNT {
        let (mut square, mut count) = (0.0, 0_u32);
        for _ in 0..batch {
            for x in chain.step(&mut potential).unwrap().expect("all are kept") {
                square += f64::from(x * x);
                count += u32::from(x.abs() > 3.0);
            }
        }
        squares.push(square / (batch * N) as f64);
        beyond.push(f64::from(count) / (batch * N) as f64);
    }
    (squares.estimate(), beyond.estimate())
}

/// The stationary variance, T/(k(1 − ηk/2)), is the Gaussian chain's: 4 standard errors are ≤ 1 %.
#[test]
fn variance_law_is_exact() {
    for (eta, batch) in [(0.1, 2000), (0.5, 500), (1.5, 500)] {
        let law = 1.0 / (1.0 - f64::from(eta) / 2.0);
        let three = chain(ThreePoint::new(rng()), eta, batch).0;
        let two = chain(Rademacher::new(rng()), eta, batch).0;
        for found in [three, two] {
            assert!(4.0 * found.se <= 0.01 * law, "run too short: {found:?}");
            assert!(found.agrees(law), "{eta}: {found:?} {law}");
        }
        // Noise off by 1 %, the variance by 2 %: 14 to 18 standard errors.
        let broken = chain(Scaled(ThreePoint::new(rng()), 1.01), eta, batch).0;
        assert!(!broken.agrees(law), "{eta}: {broken:?}");
    }
}

/// P(|θ| > 3) of the stationary θ = √(2η) Σⱼ (1 − η)ʲ ξⱼ, by inverting its characteristic function
/// (Gil-Pelaez), where `xi` is that of a draw.
fn beyond(eta: f64, xi: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 0.01;
    let theta = |t: f64| {
        let mut scale = (2.0 * eta).sqrt() * t;
        let mut product = 1.0;
        while scale > 1e-9 {
            product *= xi(scale);
            scale *= 1.0 - eta;
        }
        product
    };
    // By the midpoint rule; the integrand is smooth and, from 60 on, oscillates below 1e-10.
    assert!((6000..6100).all(|i| theta(f64::from(i) * STEP).abs() < 6e-9));
    let integral: f64 = (0..6000)
        .map(|i| (f64::from(i) + 0.5) * STEP)
        .map(|t| (3.0 * t).sin() / t * theta(t) * STEP)
        .sum();
    1.0 - 2.0 / PI * integral
}

/// The tails beyond 3 at ηk = 0.1 relative to the Gaussian chain's, as the documentation has them, and
/// in chains.
#[test]
fn tails_are_lighter() {
    let eta = 0.1;
    let gaussian = beyond(eta, |t| (-0.5 * t * t).exp());
    let sd = (1.0 / (1.0 - eta / 2.0)).sqrt();
    assert!((gaussian / (2.0 * normal_cdf(-3.0 / sd)) - 1.0).abs() < 1e-6);
    let three = beyond(eta, |t| (2.0 + (3_f64.sqrt() * t).cos()) / 3.0);
    let two = beyond(eta, f64::cos);
    assert!(
        (three / gaussian - 0.99).abs() < 0.005,
        "{}",
        three / gaussian
    );
    assert!((two / gaussian - 0.51).abs() < 0.005, "{}", two / gaussian);

    let batch = 8000;
    for (found, law) in [
        (chain(BoxMuller::new(rng()), 0.1, batch).1, gaussian),
        (chain(ThreePoint::new(rng()), 0.1, batch).1, three),
        (chain(Rademacher::new(rng()), 0.1, batch).1, two),
    ] {
        // So tight that ±1 is told from a normal by 115 standard errors.
        assert!(found.se < 0.01 * gaussian, "run too short: {found:?}");
        assert!(found.agrees(law), "{found:?} {law}");
    }
}
