//! Diagnostics compared with the theory of autoregressive chains.

use langevin::{
    BoxMuller, Chain, Moments, Pcg32, SeedableRng,
    estimate::{Diagnostics, Predictive, r_hat},
    noise::Noise,
    schedule::Constant,
    stepper::Sgld,
};

type Sampler = Chain<1, Sgld, Constant, BoxMuller<Pcg32>>;

fn sampler(eta: f32, seed: u64) -> Sampler {
    let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
    Chain::new(
        [0.0],
        Sgld::new(),
        Constant::new(eta).expect("valid"),
        noise,
    )
    .burn_in(500)
}

/// Diagnostics after `draws` draws of U = θ²/2.
fn diagnosed(chain: &mut Sampler, draws: u32) -> Diagnostics<1> {
    let mut diagnostics = Diagnostics::new();
    while diagnostics.draws() < draws as f32 {
        if let Some(theta) = chain.step(&mut |x: &[f32; 1]| *x).expect("a good step") {
            diagnostics.push(theta);
        }
    }
    diagnostics
}

/// Returns two numbers over many chains: the difference between the mean autocorrelation time and `law` in standard errors, and
/// the mean square of the error of each chain's mean in its own standard errors.
fn against_theory(eta: f32, draws: u32, law: f64) -> (f64, f64) {
    let chains = 256;
    let (mut sum, mut squares, mut mean_squares) = (0.0, 0.0, 0.0);
    for seed in 0..chains {
        let diagnostics = diagnosed(&mut sampler(eta, 1000 + seed), draws);
        let time = f64::from(diagnostics.autocorrelation_time()[0]);
        sum += time;
        squares += time * time;
        let z = f64::from(diagnostics.moments().mean().expect("draws")[0] / diagnostics.mcse()[0]);
        mean_squares += z * z;
        // The effective sample size says the same.
        let ess = f64::from(diagnostics.min_ess());
        assert!((ess * time / f64::from(draws) - 1.0).abs() < 1e-5);
    }
    let n = f64::from(chains as u32);
    let mean = sum / n;
    let se = ((squares / n - mean * mean) / n).sqrt();
    ((mean - law) / se, mean_squares / n)
}

#[test]
fn autocorrelation_time_is_that_of_sgld() {
    // (2 − η)/η at curvature 1. Batches of b draws see 1 − (1 − ρ²)⁻¹·2ρ/b of it (the first order of the exact law);
    // 4 standard errors of 256 chains, alpha 6.3e-5 each.
    for eta in [1.0_f32, 0.5, 0.1] {
        let draws = 16_384;
        let rho = f64::from(1.0 - eta);
        let size = 256.0;
        let law = (1.0 + rho) / (1.0 - rho) - 2.0 * rho / (size * (1.0 - rho) * (1.0 - rho));
        let (z, mean_square) = against_theory(eta, draws, law);
        println!("eta {eta}: time {z:.2} se off, mean squared z {mean_square:.3}");
        assert!(z.abs() < 4.0, "eta {eta}: {z}");
        // A squared t of 42 to 63 degrees of freedom has mean 1.03 to 1.05 and sd 1.5.
        assert!(
            (mean_square - 1.04).abs() < 4.0 * 1.5 / 16.0,
            "eta {eta}: {mean_square}"
        );
    }
    // The test can fail: it does for a law that is 10 % off.
    let (z, _) = against_theory(0.5, 16_384, 3.3);
    assert!(z < -4.0, "{z}");
}

#[test]
fn a_short_run_does_not_pass() {
    // The autocorrelation time is 2000 draws, so 2000 to 6000 draws are not enough. No chain may report 200 effective draws and
    // segments that agree.
    for seed in 0..200 {
        let diagnostics = diagnosed(&mut sampler(0.001, seed), 2000 + 20 * seed as u32);
        let (ess, r_hat) = (diagnostics.min_ess(), diagnostics.split_r_hat());
        assert!(ess < 200.0 || r_hat > 1.05, "{seed}: {ess} {r_hat}");
    }
}

#[test]
fn a_chain_that_started_far_away_is_detected() {
    // The start is 100 sd away and the autocorrelation time is 20: after 100 draws it is forgotten by the chain, but never by
    // the mean. The means of the segments differ too little for the variance that the start itself causes, but the variances
    // differ.
    let noise = BoxMuller::new(Pcg32::seed_from_u64(9));
    let mut chain = Chain::new(
        [100.0],
        Sgld::new(),
        Constant::new(0.1).expect("valid"),
        noise,
    );
    let mut diagnostics = Diagnostics::new();
    for draws in 1..=10_000 {
        let theta = chain
            .step(&mut |x: &[f32; 1]| *x)
            .expect("a good step")
            .expect("kept");
        diagnostics.push(theta);
        if draws >= 200 {
            assert!(
                diagnostics.split_r_hat() > 1.1,
                "{draws}: {}",
                diagnostics.split_r_hat()
            );
        }
    }
    let means_alone = r_hat(diagnostics.segments())[0];
    assert!(means_alone < 1.1, "{means_alone}");
}

#[test]
fn split_r_hat_of_a_good_chain_and_of_bad_ones() {
    // For independent draws, n/2 in each segment, R² − 1 is (Δm)²/2 = 2χ²₁/n for means and (Δv/2)² = 2χ²₁/n for variances. So
    // R is below 1 + 16/n (alpha 6e-5 each), or below 1 + 18/n if one segment is twice as long as the other.
    for (seed, draws) in (0..).zip([4096_u32, 5000, 6144, 8000, 8191]) {
        let mut chain = sampler(1.0, seed);
        let good = diagnosed(&mut chain, draws).split_r_hat();
        assert!(
            (1.0..1.0 + 18.0 / draws as f32).contains(&good),
            "{draws}: {good}"
        );
    }
    // A drift of 2 sd over the run: halves 1 sd apart, variance within 1 + 1/12. A jump to a second mode.
    let drift = |i: f32| 2.0 * i / 8192.0;
    let jump = |i: f32| if i < 5000.0 { 0.0 } else { 3.0 };
    for (name, path) in [("drift", drift as fn(f32) -> f32), ("jump", jump)] {
        let mut noise = BoxMuller::new(Pcg32::seed_from_u64(40));
        let mut diagnostics = Diagnostics::<1>::new();
        for i in 0..8192_u16 {
            let mut z = [0.0];
            noise.fill(&mut z).expect("never fails");
            diagnostics.push(&[z[0] + path(f32::from(i))]);
        }
        let seen = diagnostics.split_r_hat();
        assert!(seen > 1.15, "{name}: {seen}");
        if name == "drift" {
            let law = (1.0_f32 + 0.5 / (1.0 + 1.0 / 12.0)).sqrt();
            // The difference of two means of 4096 draws has standard error 0.022, and R moves by 0.38 of it.
            assert!((seen - law).abs() < 4.0 * 0.022 * 0.38, "{seen} {law}");
        }
    }
}

#[test]
fn r_hat_finds_the_chain_in_another_mode() {
    // Four chains, each within a well of its own draws; one sits 2 sd away.
    let mut chains: Vec<_> = (0..4)
        .map(|seed| diagnosed(&mut sampler(0.5, seed), 5000))
        .collect();
    let together = r_hat(chains.iter().flat_map(|c| c.segments()))[0];
    assert!(together < 1.01, "{together}");
    let mut chain = sampler(0.5, 77);
    let mut elsewhere = Diagnostics::new();
    for _ in 0..5500 {
        if let Some(theta) = chain.step(&mut |x: &[f32; 1]| *x).expect("a good step") {
            elsewhere.push(&[theta[0] + 2.0]);
        }
    }
    assert!(elsewhere.split_r_hat() < 1.01);
    chains[3] = elsewhere;
    let apart = r_hat(chains.iter().flat_map(|c| c.segments()))[0];
    // Means 0, 0, 0 and 2, variance 4/3 (1 + ½·½)⁻¹: of eight halves (8/7)·(2·6·4/64) = 6/7.
    let law = (1.0 + (8.0 / 7.0) * 0.75 / (4.0_f32 / 3.0)).sqrt();
    assert!((apart - law).abs() < 0.05, "{apart} {law}");
}

#[test]
fn energy_trace_of_a_normal_posterior() {
    // U = |θ|²/2 over 4 parameters: mean N/2, variance N/2, each times that of a step of η = 0.1, 1/(1 − η/2), and
    // its square.
    let noise = BoxMuller::new(Pcg32::seed_from_u64(50));
    let mut chain = Chain::new(
        [0.0; 4],
        Sgld::new(),
        Constant::new(0.1).expect("valid"),
        noise,
    )
    .burn_in(500);
    let mut energy = Diagnostics::<1>::new();
    let mut squares = Moments::<1>::new();
    while energy.draws() < 400_000.0 {
        if let Some(theta) = chain.step(&mut |x: &[f32; 4]| *x).expect("a good step") {
            energy.push(&[0.5 * theta.iter().map(|t| t * t).sum::<f32>()]);
            squares.push(&[theta[0]]);
        }
    }
    let factor = 1.0_f32 / 0.95;
    let (mean, variance) = (
        energy.moments().mean().expect("draws")[0],
        energy.moments().variance().expect("draws")[0],
    );
    assert!(
        (mean - 2.0 * factor).abs() < 4.0 * energy.mcse()[0],
        "{mean}"
    );
    // Energies are Gamma(2): the squared deviation has a relative sd of √(2 + 6/2), and remembers as long as energy.
    let se = (5.0 / energy.min_ess()).sqrt();
    assert!(
        (variance / (2.0 * factor * factor) - 1.0).abs() < 4.0 * se,
        "{variance}"
    );
    // Squares of an autoregression with ρ remember by ρ²: time (1 + ρ²)/(1 − ρ²), known to 15 % or better.
    let time = energy.autocorrelation_time()[0];
    assert!((time / (1.81 / 0.19) - 1.0).abs() < 0.6, "{time}");
    assert!((squares.variance().expect("draws")[0] / factor - 1.0).abs() < 0.05);
}

#[test]
fn predictive_intervals_cover() {
    // Gain known to N(2, 0.1²), reading at x = 3 with noise 0.4: predictive N(6, 0.3² + 0.4²).
    let mut noise = BoxMuller::new(Pcg32::seed_from_u64(60));
    let mut draw = || {
        let mut z = [0.0_f32; 2];
        noise.fill(&mut z).expect("never fails");
        z
    };
    let mut next = Predictive::<1>::new();
    for _ in 0..100_000 {
        next.push(&[3.0 * (2.0 + 0.1 * draw()[0])], &[0.4]);
    }
    for level in [0.5_f32, 0.9, 0.99] {
        let [[lo, hi]] = next.interval(level).expect("a level");
        let length = hi - lo;
        let trials = 100_000;
        let inside = (0..trials)
            .filter(|_| {
                let [gain, reading] = draw();
                (lo..hi).contains(&(3.0 * (2.0 + 0.1 * gain) + 0.4 * reading))
            })
            .count();
        let se = (level * (1.0 - level) / trials as f32).sqrt();
        let z = (inside as f32 / trials as f32 - level) / se;
        // The interval itself is known to a part in √(1e5): together within 4 of √2 standard errors.
        assert!(z.abs() < 4.0 * 2.0_f32.sqrt(), "{level}: {z}");
        // Without the noise's part the intervals are too short by 0.6.
        let [[lo, hi]] = next.predictions().interval(level).expect("a level");
        assert!((hi - lo) / length < 0.61);
    }
}
