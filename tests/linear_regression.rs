//! The covariance of SGLD on a linear regression is that of the exact law of the constant-step chain.
//!
//! Three coefficients, 12 readings, a Gaussian prior: U = λ|θ|²/2 + Σᵢ(xᵢᵀθ − yᵢ)²/2σ². With the full
//! gradient Σ = T[H(I − ηH/2)]⁻¹. With minibatches the gradient's covariance C depends on θ; U is
//! quadratic, so that Σ = (I − ηH)Σ(I − ηH) + 2ηT·I + η²E[C(θ)] closes: solved here in f64.
//!
//! Every entry must be within 4 standard errors (batch means; two-sided alpha 8e-5 each), with 4 standard
//! errors ≤ 1 % of √(ΣᵢᵢΣⱼⱼ). Seeds are fixed.

#![allow(clippy::needless_range_loop, reason = "matrices read best by index")]

use langevin::{
    BoxMuller, Chain, GaussianPrior, Model, Pcg32, Potential, Sample, SeedableRng,
    model::LinearRegression, noise::Noise, schedule::Constant, stepper::Sgld,
};
use langevin_testing::{
    doubles::Scaled,
    stats::{Batches, Estimate},
};

const N: usize = 3;
const M: usize = 12;
const BATCH: usize = 4;
const LAMBDA: f32 = 0.5;
const SIGMA: f32 = 1.5;

type Matrix = [[f64; N]; N];

/// Regressors 1, a ramp and a kink; responses that no line fits.
const X: [[f32; N]; M] = {
    let mut x = [[1.0, 0.0, 0.0]; M];
    let mut i = 0;
    while i < M {
        x[i][1] = i as f32 / 4.0 - 1.5;
        x[i][2] = if i % 5 == 0 { 1.5 } else { -0.5 };
        i += 1;
    }
    x
};
const Y: [f32; M] = [0.3, -1.9, 2.2, 0.8, 1.4, 3.9, -0.6, 2.5, 4.4, 1.1, 3.0, 6.2];

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..N).map(|k| a[i][k] * b[k][j]).sum()))
}

/// Solves Az = b by elimination.
fn solve(mut a: Matrix, mut b: [f64; N]) -> [f64; N] {
    for p in 0..N {
        for i in 0..N {
            if i != p {
                let factor = a[i][p] / a[p][p];
                for j in 0..N {
                    a[i][j] -= factor * a[p][j];
                }
                b[i] -= factor * b[p];
            }
        }
    }
    std::array::from_fn(|i| b[i] / a[i][i])
}

/// xᵢ/σ and yᵢ/σ.
fn whitened() -> [([f64; N], f64); M] {
    let sigma = f64::from(SIGMA);
    std::array::from_fn(|i| {
        let x = X[i].map(|x| f64::from(x) / sigma);
        (x, f64::from(Y[i]) / sigma)
    })
}

fn hessian() -> Matrix {
    let mut h = [[0.0; N]; N];
    for i in 0..N {
        h[i][i] = f64::from(LAMBDA);
        for j in 0..N {
            h[i][j] += whitened().iter().map(|(x, _)| x[i] * x[j]).sum::<f64>();
        }
    }
    h
}

/// The mode, which is the stationary mean.
fn mode() -> [f64; N] {
    let right = std::array::from_fn(|i| whitened().iter().map(|(x, y)| x[i] * y).sum());
    solve(hessian(), right)
}

/// E[C(θ)] for θ of this covariance around the mode: the covariance of the minibatch gradient.
fn gradient_covariance(sigma: &Matrix, replacement: bool) -> Matrix {
    let (n, m) = (BATCH as f64, M as f64);
    let factor = m * m / n
        * if replacement {
            1.0
        } else {
            (m - n) / (m - 1.0)
        };
    let mode = mode();
    let mut second = [[0.0; N]; N];
    let mut mean = [0.0; N];
    let mut a = [[0.0; N]; N];
    for (x, y) in whitened() {
        let residual = (0..N).map(|i| x[i] * mode[i]).sum::<f64>() - y;
        let mut spread = 0.0;
        for i in 0..N {
            for j in 0..N {
                spread += x[i] * sigma[i][j] * x[j];
            }
        }
        for i in 0..N {
            mean[i] += x[i] * residual / m;
            for j in 0..N {
                second[i][j] += x[i] * x[j] * (residual * residual + spread) / m;
                a[i][j] += x[i] * x[j] / m;
            }
        }
    }
    let moved = product(&product(&a, sigma), &a);
    std::array::from_fn(|i| {
        std::array::from_fn(|j| factor * (second[i][j] - mean[i] * mean[j] - moved[i][j]))
    })
}

/// The stationary covariance, by iterating its equation. `replacement` is `None` for full gradients.
fn stationary(eta: f64, temperature: f64, replacement: Option<bool>) -> Matrix {
    let h = hessian();
    let shrink: Matrix =
        std::array::from_fn(|i| std::array::from_fn(|j| f64::from(i == j) - eta * h[i][j]));
    let mut sigma = [[0.0; N]; N];
    for _ in 0..100_000 {
        let noise = replacement.map_or([[0.0; N]; N], |r| gradient_covariance(&sigma, r));
        let moved = product(&product(&shrink, &sigma), &shrink);
        sigma = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                moved[i][j] + 2.0 * eta * temperature * f64::from(i == j) + eta * eta * noise[i][j]
            })
        });
    }
    sigma
}

fn model() -> Model<GaussianPrior<N>, LinearRegression> {
    Model::new(
        GaussianPrior::new([0.0; N], [LAMBDA.sqrt().recip(); N]).unwrap(),
        LinearRegression::new(SIGMA).unwrap(),
    )
}

fn data() -> [Sample<N>; M] {
    std::array::from_fn(|i| Sample { x: X[i], y: Y[i] })
}

/// Covariance around the mode, the upper triangle, relative to √(ΣᵢᵢΣⱼⱼ) of the law.
fn covariance(
    mut potential: impl Potential<N>,
    noise: impl Noise,
    (eta, temperature): (f32, f32),
    law: &Matrix,
) -> [[Estimate; N]; N] {
    const STEPS: usize = 8_000;
    let mode = mode();
    // Schedules take the step of one datum.
    let schedule = Constant::new(eta * potential.number_of_data())
        .unwrap()
        .with_temperature(temperature)
        .unwrap();
    let start = mode.map(|m| m as f32);
    let mut chain = Chain::new(start, Sgld::new(), schedule, noise).burn_in(1000);
    let mut batches: [[Batches; N]; N] = Default::default();
    while chain.step(&mut potential).unwrap().is_none() {}
    for _ in 0..Batches::COUNT {
        let mut sums = [[0.0; N]; N];
        for _ in 0..STEPS {
            let theta = chain
                .step(&mut potential)
                .unwrap()
                .expect("every draw is kept");
            let e: [f64; N] = std::array::from_fn(|i| f64::from(theta[i]) - mode[i]);
            for i in 0..N {
                for j in i..N {
                    sums[i][j] += e[i] * e[j];
                }
            }
        }
        for i in 0..N {
            for j in i..N {
                let scale = (law[i][i] * law[j][j]).sqrt() * STEPS as f64;
                batches[i][j].push(sums[i][j] / scale);
                batches[j][i].push(sums[i][j] / scale);
            }
        }
    }
    batches
        .each_ref()
        .map(|row| row.each_ref().map(Batches::estimate))
}

/// The entry that is the most standard errors away from the law.
fn worst(found: &[[Estimate; N]; N], law: &Matrix) -> f64 {
    let mut worst = 0.0_f64;
    for i in 0..N {
        for j in 0..N {
            assert!(4.0 * found[i][j].se <= 0.01, "run too short: {found:?}");
            let correlation = law[i][j] / (law[i][i] * law[j][j]).sqrt();
            worst = worst.max(found[i][j].z(correlation).abs());
        }
    }
    worst
}

fn normals() -> BoxMuller<Pcg32> {
    BoxMuller::new(Pcg32::seed_from_u64(12))
}

#[test]
fn full_gradient() {
    // The largest curvature is about 12: ηk up to 1.2.
    for pace @ (eta, temperature) in [(0.02, 1.0), (0.1, 0.25), (0.1, 4.0)] {
        let law = stationary(f64::from(eta), f64::from(temperature), None);
        // The fixed point is T[H(I − ηH/2)]⁻¹: their product is T·I.
        let h = hessian();
        let inverse: Matrix = std::array::from_fn(|i| {
            std::array::from_fn(|j| h[i][j] - f64::from(eta) / 2.0 * product(&h, &h)[i][j])
        });
        let unit = product(&inverse, &law);
        for i in 0..N {
            for j in 0..N {
                let t = f64::from(temperature) * f64::from(i == j);
                assert!((unit[i][j] - t).abs() < 1e-9, "{unit:?}");
            }
        }
        let found = covariance(model().posterior(&data()), normals(), pace, &law);
        assert!(worst(&found, &law) <= 4.0, "{pace:?}: {found:?} {law:?}");
    }
}

#[test]
fn minibatches() {
    for replacement in [false, true] {
        let (eta, temperature) = (0.04, 1.0);
        let law = stationary(f64::from(eta), f64::from(temperature), Some(replacement));
        let pace = (eta, temperature);
        let (model, data) = (model(), data());
        let batch = model
            .posterior(&data)
            .minibatch::<BATCH, _>(Pcg32::seed_from_u64(11));
        let found = if replacement {
            covariance(batch.with_replacement(), normals(), pace, &law)
        } else {
            covariance(batch, normals(), pace, &law)
        };
        assert!(
            worst(&found, &law) <= 4.0,
            "{replacement}: {found:?} {law:?}"
        );
        // The other way of sampling has another law, and the check tells them apart.
        let other = stationary(f64::from(eta), f64::from(temperature), Some(!replacement));
        let relative = |i: usize| other[i][i] / law[i][i];
        assert!(
            (0..N).any(|i| !found[i][i].agrees(relative(i))),
            "{found:?}"
        );
    }
}

#[test]
fn noise_one_percent_off_is_noticed() {
    let pace @ (eta, temperature) = (0.04, 1.0);
    let law = stationary(f64::from(eta), f64::from(temperature), None);
    let found = covariance(
        model().posterior(&data()),
        Scaled(normals(), 1.01),
        pace,
        &law,
    );
    assert!(worst(&found, &law) > 4.0, "{found:?}");
}
