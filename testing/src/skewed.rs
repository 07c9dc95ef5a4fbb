//! Posteriors that are no bells, with moments that are known: in closed form, or by quadrature in f64.

use langevin::Potential;

/// Something to do with each posterior: its name, its gradient, and mean and standard deviation of each coordinate.
pub trait Visitor {
    fn visit<const N: usize>(
        &mut self,
        name: &'static str,
        potential: impl Potential<N>,
        mean: [f64; N],
        sd: [f64; N],
    );
}

/// Takes `visitor` to every posterior.
pub fn each(visitor: &mut impl Visitor) {
    let shape = 1.5;
    let (mean, sd) = log_gamma(shape);
    visitor.visit(
        "log of a gamma",
        move |x: &[f32; 1]| [libm::expf(x[0]) - shape as f32],
        [mean],
        [sd],
    );
    let shapes = [0.7, 2.0, 5.0, 20.0];
    visitor.visit(
        "logs of four gammas",
        move |x: &[f32; 4]| std::array::from_fn(|i| libm::expf(x[i]) - shapes[i] as f32),
        shapes.map(|shape| log_gamma(shape).0),
        shapes.map(|shape| log_gamma(shape).1),
    );
    // x₂ = (x₁² − 1)/2 and noise of variance 0.49.
    visitor.visit(
        "banana",
        |x: &[f32; 2]| {
            let off = (x[1] - 0.5 * (x[0] * x[0] - 1.0)) / 0.49;
            [x[0] - off * x[0], off]
        },
        [0.0; 2],
        [1.0, 0.99_f64.sqrt()],
    );
    // y = 1 − exp(−kt) by ten readings, all of them early: logarithms of the end and of the rate.
    let (mean, sd) = in_the_plane(saturation_energy);
    visitor.visit("saturation", saturation, mean, sd);
    let (mean, sd) = schools_moments();
    visitor.visit("eight schools, standardised", schools, mean, sd);
    visitor.visit(
        "Student's t, 5 degrees",
        |x: &[f32; 2]| {
            let square = x[0] * x[0] + x[1] * x[1];
            x.map(|x| 7.0 * x / (5.0 + square))
        },
        [0.0; 2],
        [(5.0_f64 / 3.0).sqrt(); 2],
    );
    let half = 1.5;
    visitor.visit(
        "two modes, 3 apart",
        move |x: &[f32; 2]| {
            let from_middle = x[0] + 0.1;
            [from_middle - half * libm::tanhf(half * from_middle), x[1]]
        },
        [-0.1, 0.0],
        [(1.0 + f64::from(half * half)).sqrt(), 1.0],
    );
}

/// Mean and standard deviation of the logarithm of a gamma variable: digamma, and the root of trigamma.
fn log_gamma(shape: f64) -> (f64, f64) {
    let (mut mean, mut variance, mut x) = (0.0, 0.0, shape);
    while x < 20.0 {
        mean -= 1.0 / x;
        variance += 1.0 / (x * x);
        x += 1.0;
    }
    let q = 1.0 / (x * x);
    mean += x.ln() - 0.5 / x - q / 12.0 + q * q / 120.0 - q * q * q / 252.0;
    variance += 1.0 / x + 0.5 * q + (q / 6.0 - q * q / 30.0 + q * q * q / 42.0) / x;
    (mean, variance.sqrt())
}

/// Times and readings, σ = 0.1, of an end of 2 and a rate of 1.5.
const SATURATION: [(f64, f64); 10] = [
    (0.1, 0.34),
    (0.2, 0.44),
    (0.3, 0.82),
    (0.4, 0.83),
    (0.5, 1.05),
    (0.6, 1.26),
    (0.7, 1.22),
    (0.8, 1.49),
    (0.9, 1.41),
    (1.0, 1.6),
];

/// With standard normal priors.
fn saturation_energy(x: [f64; 2]) -> f64 {
    let (end, rate) = (x[0].exp(), x[1].exp());
    SATURATION
        .iter()
        .fold(0.5 * (x[0] * x[0] + x[1] * x[1]), |energy, (t, y)| {
            let off = (y - end * (1.0 - (-t * rate).exp())) / 0.1;
            energy + 0.5 * off * off
        })
}

fn saturation(x: &[f32; 2]) -> [f32; 2] {
    let (end, rate) = (libm::expf(x[0]), libm::expf(x[1]));
    let mut gradient = *x;
    for (t, y) in SATURATION {
        let (t, y) = (t as f32, y as f32);
        let left = libm::expf(-t * rate);
        let off = 100.0 * (end * (1.0 - left) - y);
        gradient[0] += off * end * (1.0 - left);
        gradient[1] += off * end * left * t * rate;
    }
    gradient
}

/// Moments of a density in the plane, by sums over a grid.
fn in_the_plane(energy: impl Fn([f64; 2]) -> f64) -> ([f64; 2], [f64; 2]) {
    let (mut total, mut first, mut second) = (0.0, [0.0; 2], [0.0; 2]);
    for i in -800..=800 {
        for j in -800..=800 {
            let x = [f64::from(i) / 100.0, f64::from(j) / 100.0];
            let weight = (-energy(x)).exp();
            total += weight;
            for k in 0..2 {
                first[k] += weight * x[k];
                second[k] += weight * x[k] * x[k];
            }
        }
    }
    let mean = first.map(|sum| sum / total);
    let sd = std::array::from_fn(|k| (second[k] / total - mean[k] * mean[k]).sqrt());
    (mean, sd)
}

/// Effects of coaching in eight schools, and their standard errors (Rubin 1981).
const EFFECTS: [f64; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
const ERRORS: [f64; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];

/// Effects μ + τzᵢ: the eight z, μ ~ N(0, 5), and log τ, τ ~ half-Cauchy(5).
fn schools(x: &[f32; 10]) -> [f32; 10] {
    let (mu, tau) = (x[8], libm::expf(x[9]));
    let mut gradient = *x;
    gradient[8] = mu / 25.0;
    gradient[9] = 2.0 * tau * tau / (25.0 + tau * tau) - 1.0;
    for i in 0..8 {
        let off = (mu + tau * x[i] - EFFECTS[i] as f32) / (ERRORS[i] * ERRORS[i]) as f32;
        gradient[i] += off * tau;
        gradient[8] += off;
        gradient[9] += off * tau * x[i];
    }
    gradient
}

/// Given τ, the posterior of μ is normal; given both, that of each z.
fn schools_moments() -> ([f64; 10], [f64; 10]) {
    let (mut total, mut first, mut second) = (0.0, [0.0; 10], [0.0; 10]);
    for step in -3000..1000 {
        let log_tau = f64::from(step) / 200.0;
        let tau = log_tau.exp();
        let (mut precision, mut sum, mut log) = (1.0 / 25.0, 0.0, 0.0);
        for (y, s) in EFFECTS.iter().zip(ERRORS) {
            let variance = s * s + tau * tau;
            precision += 1.0 / variance;
            sum += y / variance;
            log -= 0.5 * (variance.ln() + y * y / variance);
        }
        let mu = sum / precision;
        log += 0.5 * (sum * mu - precision.ln()) + log_tau - (1.0 + tau * tau / 25.0).ln();
        let weight = log.exp();
        total += weight;
        let mut add = |index: usize, mean: f64, variance: f64| {
            first[index] += weight * mean;
            second[index] += weight * (variance + mean * mean);
        };
        add(8, mu, 1.0 / precision);
        add(9, log_tau, 0.0);
        for (index, (y, s)) in EFFECTS.iter().zip(ERRORS).enumerate() {
            let share = tau / (s * s + tau * tau);
            let left = s * s / (s * s + tau * tau);
            add(index, share * (y - mu), left + share * share / precision);
        }
    }
    let mean = first.map(|sum| sum / total);
    let sd = std::array::from_fn(|k| (second[k] / total - mean[k] * mean[k]).sqrt());
    (mean, sd)
}
