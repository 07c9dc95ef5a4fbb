//! The reference posteriors in f64: energy and gradient.

use serde_json::Value;

use langevin_testing::posteriors::{json, numbers, present, text};

/// Overwrites the gradient of U, and gives U up to a constant.
pub type Potential = Box<dyn FnMut(&[f64], &mut [f64]) -> f64>;

/// The potential of a reference posterior.
pub fn potential(name: &str) -> Potential {
    match name {
        "sblri" => sblri(),
        "kidscore_interaction_z" => kidscore(),
        "arma11" => arma11(),
        "low_dim_gauss_mix" => low_dim_gauss_mix(),
        "arK" => ark(),
        "wells_logistic" => wells_logistic(),
        "glm_poisson" => glm_poisson(),
        _ => panic!("no such posterior: {name}"),
    }
}

/// Compares gradients with those of the fixtures.
pub fn check() {
    let names = [
        "sblri",
        "kidscore_interaction_z",
        "arma11",
        "low_dim_gauss_mix",
        "arK",
        "wells_logistic",
        "glm_poisson",
    ];
    for name in names {
        if !present() {
            return;
        }
        let mut potential = potential(name);
        for point in json(name, "gradcheck.json")["points"]
            .as_array()
            .expect("points")
        {
            let (theta, exact) = (numbers(&point["theta"]), numbers(&point["grad"]));
            let mut gradient = vec![0.0; theta.len()];
            potential(&theta, &mut gradient);
            let scale = exact.iter().fold(1.0_f64, |a, b| a.max(b.abs()));
            for (g, e) in gradient.iter().zip(&exact) {
                assert!(
                    (g - e).abs() <= 1e-6 * scale,
                    "{name}: {gradient:?} {exact:?}"
                );
            }
        }
    }
}

/// Linear regression with unknown log σ, the last parameter.
fn regression(x: &[Vec<f64>], y: &[f64], theta: &[f64], gradient: &mut [f64]) -> f64 {
    let last = theta.len() - 1;
    let precision = (-2.0 * theta[last]).exp();
    gradient.fill(0.0);
    let mut energy = 0.0;
    for (x, y) in x.iter().zip(y) {
        let error = y - x.iter().zip(theta).map(|(x, b)| x * b).sum::<f64>();
        energy += 0.5 * precision * error * error + theta[last];
        for (g, x) in gradient.iter_mut().zip(x) {
            *g -= precision * error * x;
        }
        gradient[last] += 1.0 - precision * error * error;
    }
    energy
}

/// log(1 + (σ/2.5)²) − log σ by log σ.
fn half_cauchy(log_sigma: f64) -> (f64, f64) {
    let q = (2.0 * log_sigma).exp() / 6.25;
    (q.ln_1p() - log_sigma, 2.0 * q / (1.0 + q) - 1.0)
}

/// Normal priors of the standard deviations `sd` on the first parameters.
fn normal_priors(sd: &[f64], theta: &[f64], gradient: &mut [f64]) -> f64 {
    let mut energy = 0.0;
    for ((sd, x), g) in sd.iter().zip(theta).zip(gradient) {
        energy += 0.5 * (x / sd).powi(2);
        *g += x / (sd * sd);
    }
    energy
}

fn sblri() -> Potential {
    let raw = json("sblri", "data.json");
    let x: Vec<Vec<f64>> = raw["X"]
        .as_array()
        .expect("rows")
        .iter()
        .map(numbers)
        .collect();
    let y = numbers(&raw["y"]);
    Box::new(move |theta, gradient| {
        let mut energy = regression(&x, &y, theta, gradient);
        energy += normal_priors(&[10.0; 5], theta, gradient);
        let variance = (2.0 * theta[5]).exp();
        gradient[5] += variance / 100.0 - 1.0;
        energy + variance / 200.0 - theta[5]
    })
}

fn kidscore() -> Potential {
    let raw = json("kidscore_interaction_z", "data.json");
    let standardised = |value: &Value| {
        let v = numbers(value);
        let n = v.len() as f64;
        let mean = v.iter().sum::<f64>() / n;
        let sd = (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        v.into_iter()
            .map(|x| (x - mean) / (2.0 * sd))
            .collect::<Vec<_>>()
    };
    let (hs, iq) = (standardised(&raw["mom_hs"]), standardised(&raw["mom_iq"]));
    let x: Vec<Vec<f64>> = hs
        .iter()
        .zip(&iq)
        .map(|(hs, iq)| vec![1.0, *hs, *iq, hs * iq])
        .collect();
    let y = numbers(&raw["kid_score"]);
    Box::new(move |theta, gradient| {
        let energy = regression(&x, &y, theta, gradient);
        gradient[4] -= 1.0;
        energy - theta[4]
    })
}

fn ark() -> Potential {
    let series = numbers(&json("arK", "data.json")["y"]);
    let x: Vec<Vec<f64>> = series
        .windows(6)
        .map(|w| vec![1.0, w[4], w[3], w[2], w[1], w[0]])
        .collect();
    let y: Vec<f64> = series[5..].to_vec();
    Box::new(move |theta, gradient| {
        let mut energy = regression(&x, &y, theta, gradient);
        energy += normal_priors(&[10.0; 6], theta, gradient);
        let (prior, slope) = half_cauchy(theta[6]);
        gradient[6] += slope;
        energy + prior
    })
}

fn arma11() -> Potential {
    let y = numbers(&json("arma11", "data.json")["y"]);
    Box::new(move |theta, gradient| {
        let (mu, phi, moving) = (theta[0], theta[1], theta[2]);
        let precision = (-2.0 * theta[3]).exp();
        gradient.fill(0.0);
        let mut energy = 0.0;
        let (mut before, mut error, mut slopes) = (mu, 0.0, [0.0; 3]);
        for (t, y) in y.iter().enumerate() {
            let mean_slope = if t == 0 { 1.0 + phi } else { 1.0 };
            let next = y - (mu + phi * before + moving * error);
            slopes = [
                -mean_slope - moving * slopes[0],
                -before - moving * slopes[1],
                -error - moving * slopes[2],
            ];
            energy += 0.5 * precision * next * next + theta[3];
            for (g, slope) in gradient.iter_mut().zip(slopes) {
                *g += precision * next * slope;
            }
            gradient[3] += 1.0 - precision * next * next;
            (before, error) = (*y, next);
        }
        energy += normal_priors(&[10.0, 2.0, 2.0], theta, gradient);
        let (prior, slope) = half_cauchy(theta[3]);
        gradient[3] += slope;
        energy + prior
    })
}

fn low_dim_gauss_mix() -> Potential {
    let y = numbers(&json("low_dim_gauss_mix", "data.json")["y"]);
    Box::new(move |theta, gradient| {
        let gap = theta[1].exp();
        let mean = [theta[0], theta[0] + gap];
        let inverse_sd = [(-theta[2]).exp(), (-theta[3]).exp()];
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let log_weight = [-softplus(-theta[4]), -softplus(theta[4])];
        let weight = log_weight[0].exp();
        let (mut by_mean, mut by_log_sd, mut by_logit, mut energy) = ([0.0; 2], [0.0; 2], 0.0, 0.0);
        for y in &y {
            let z: [f64; 2] = std::array::from_fn(|k| (y - mean[k]) * inverse_sd[k]);
            let log: [f64; 2] =
                std::array::from_fn(|k| log_weight[k] - theta[2 + k] - 0.5 * z[k] * z[k]);
            let most = log[0].max(log[1]);
            energy -= most + (-(log[0] - log[1]).abs()).exp().ln_1p();
            let first = 1.0 / (1.0 + (log[1] - log[0]).exp());
            for (k, share) in [first, 1.0 - first].into_iter().enumerate() {
                by_mean[k] -= share * z[k] * inverse_sd[k];
                by_log_sd[k] -= share * (z[k] * z[k] - 1.0);
            }
            by_logit -= first - weight;
        }
        for k in 0..2 {
            by_mean[k] += mean[k] / 4.0;
            by_log_sd[k] += 0.25 / (inverse_sd[k] * inverse_sd[k]) - 1.0;
            energy +=
                mean[k] * mean[k] / 8.0 + 0.125 / (inverse_sd[k] * inverse_sd[k]) - theta[2 + k];
        }
        by_logit -= 5.0 * (1.0 - 2.0 * weight);
        gradient.copy_from_slice(&[
            by_mean[0] + by_mean[1],
            by_mean[1] * gap - 1.0,
            by_log_sd[0],
            by_log_sd[1],
            by_logit,
        ]);
        energy - theta[1] - 5.0 * (log_weight[0] + log_weight[1])
    })
}

fn wells_logistic() -> Potential {
    let rows: Vec<Vec<f64>> = text("wells_logistic", "data.csv")
        .lines()
        .skip(1)
        .map(|line| {
            line.split(',')
                .map(|x| x.parse().expect("a number"))
                .collect()
        })
        .collect();
    let mean = |i: usize| rows.iter().map(|row| row[i]).sum::<f64>() / rows.len() as f64;
    let (distance, arsenic) = (mean(1), mean(2));
    let data: Vec<([f64; 6], f64)> = rows
        .iter()
        .map(|row| {
            let (d, a) = ((row[1] - distance) / 100.0, row[2] - arsenic);
            ([1.0, d, a, d * a, row[3], row[4] / 4.0], row[0])
        })
        .collect();
    Box::new(move |theta, gradient| {
        gradient.fill(0.0);
        let mut energy = 0.0;
        for (x, y) in &data {
            let z: f64 = x.iter().zip(theta).map(|(x, b)| x * b).sum();
            energy += z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z;
            let off = 1.0 / (1.0 + (-z).exp()) - y;
            for (g, x) in gradient.iter_mut().zip(x) {
                *g += off * x;
            }
        }
        energy
    })
}

fn glm_poisson() -> Potential {
    let raw = json("glm_poisson", "data.json");
    let (year, count) = (numbers(&raw["year"]), numbers(&raw["C"]));
    Box::new(move |theta, gradient| {
        gradient.fill(0.0);
        let mut energy = 0.0;
        for (t, y) in year.iter().zip(&count) {
            let x = [1.0, *t, t * t, t * t * t];
            let z: f64 = x.iter().zip(theta).map(|(x, b)| x * b).sum();
            let rate = z.exp();
            energy += rate - y * z;
            for (g, x) in gradient.iter_mut().zip(x) {
                *g += (rate - y) * x;
            }
        }
        energy
    })
}
