//! Welling & Teh (2011), section 5.1: the posterior of a mixture with tied means, by SGLD on one datum at
//! a time.
//!
//! θ₁ ~ N(0, 10), θ₂ ~ N(0, 1), x ~ ½N(θ₁, 2) + ½N(θ₁ + θ₂, 2); 100 data from (0, 1), with a second mode
//! near (1, −1). 10 000 sweeps, the paper's ε from 0.01 to 0.0001 with exponent 0.55, and its ε is 2η.
//! Draws are weighted by ε. Single chains scatter, as they seldom change modes: 16 seeds in a row together.

use std::{env, fs, path::PathBuf};

use langevin::{
    BoxMuller, Chain, Pcg32, SeedableRng,
    noise::rand_core::Rng,
    schedule::{Polynomial, Schedule},
    stepper::Sgld,
};

const DATA: usize = 100;
const SWEEPS: usize = 10_000;

/// The data, and the posterior's mean and variance by quadrature.
struct Fixture {
    data: [f32; DATA],
    mean: [f64; 2],
    variance: [f64; 2],
}

/// `None` where the fixtures are not at hand.
fn fixture() -> Option<Fixture> {
    let folder = env::var_os("LANGEVIN_FIXTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures")),
        PathBuf::from,
    );
    let folder = folder.join("welling_teh_mixture");
    let data = fs::read_to_string(folder.join("data.csv")).ok()?;
    let data: Vec<f32> = data.lines().map(|x| x.trim().parse().unwrap()).collect();
    let reference = fs::read_to_string(folder.join("reference.json")).unwrap();
    let pair = |name: &str| {
        let (_, rest) = reference.split_once(&format!("\"{name}\"")).unwrap();
        let (_, rest) = rest.split_once('[').unwrap();
        let (list, _) = rest.split_once(']').unwrap();
        let numbers: Vec<f64> = list.split(',').map(|x| x.trim().parse().unwrap()).collect();
        <[f64; 2]>::try_from(numbers).unwrap()
    };
    Some(Fixture {
        data: data.try_into().unwrap(),
        mean: pair("mean"),
        variance: pair("sd").map(|sd| sd * sd),
    })
}

/// ∇U by one datum x of 100: −∇log p(θ) − 100 ∇log p(x | θ).
fn gradient(theta: &[f32; 2], x: f32) -> [f32; 2] {
    let first = x - theta[0];
    let second = first - theta[1];
    // P(x is of the first component).
    let p = 1.0 / (1.0 + ((first * first - second * second) / 4.0).exp());
    let n = DATA as f32;
    let (first, second) = (n * p * first / 2.0, n * (1.0 - p) * second / 2.0);
    [theta[0] / 10.0 - first - second, theta[1] - second]
}

#[test]
#[ignore = "slow: 3 s in release"]
fn mixture() {
    let Some(fixture) = fixture() else {
        eprintln!("skipped: no fixtures here; set LANGEVIN_FIXTURES");
        return;
    };
    let (mut weights, mut sums, mut squares) = (0.0, [0.0; 2], [0.0; 2]);
    for seed in 0..16 {
        let steps = (SWEEPS * DATA) as u32;
        let schedule = Polynomial::between(0.01 / 2.0, 0.0001 / 2.0, 0.55, steps).unwrap();
        let mut weight = schedule.start();
        let mut batch = Pcg32::seed_from_u64(1000 + seed);
        let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
        let mut chain = Chain::new([0.0; 2], Sgld::new(), schedule, noise);
        let mut potential = |theta: &[f32; 2]| {
            let i = (u64::from(batch.next_u32()) * DATA as u64) >> 32;
            gradient(theta, fixture.data[i as usize])
        };
        let (mut w, mut s, mut q) = (0.0, [0.0; 2], [0.0; 2]);
        for _ in 0..steps {
            let theta = chain.step(&mut potential).unwrap().unwrap().map(f64::from);
            let epsilon =
                2.0 * f64::from(schedule.step_parameters(&mut weight, 1.0).unwrap().eta());
            w += epsilon;
            for i in 0..2 {
                s[i] += epsilon * theta[i];
                q[i] += epsilon * theta[i] * theta[i];
            }
        }
        println!("seed {seed}: mean {:.3} {:.3}", s[0] / w, s[1] / w);
        weights += w;
        for i in 0..2 {
            sums[i] += s[i];
            squares[i] += q[i];
        }
    }
    for i in 0..2 {
        let mean = sums[i] / weights;
        let variance = squares[i] / weights - mean * mean;
        println!(
            "θ{}: mean {mean:.4} ({:.4}), variance {variance:.4} ({:.4})",
            i + 1,
            fixture.mean[i],
            fixture.variance[i]
        );
        assert!((mean - fixture.mean[i]).abs() < 0.06);
        assert!((variance / fixture.variance[i] - 1.0).abs() < 0.15);
    }
}
