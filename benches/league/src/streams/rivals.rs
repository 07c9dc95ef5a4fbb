//! What else a firmware engineer would take.

use std::cell::Cell;

use super::{
    cases::Case,
    quadrature::{Moments, inverse},
    random::Random,
};

/// The extended Kalman filter in f32: recursive least squares where the model is linear.
pub struct Kalman<const N: usize> {
    mean: [f32; N],
    covariance: [[f32; N]; N],
}

impl<const N: usize> Kalman<N> {
    pub fn new((mean, sd): Moments<N>) -> Self {
        let mut covariance = [[0.0; N]; N];
        for k in 0..N {
            covariance[k][k] = (sd[k] * sd[k]) as f32;
        }
        Self {
            mean: mean.map(|m| m as f32),
            covariance,
        }
    }

    pub fn update<C: Case<N>>(&mut self, case: &C, reading: &C::Reading) {
        let (residual, slope, variance) = case.linearised(&self.mean.map(f64::from), reading);
        let slope = slope.map(|x| x as f32);
        let factor = case.factor() as f32;
        let p: [f32; N] = core::array::from_fn(|r| {
            (0..N)
                .map(|c| self.covariance[r][c] * slope[c])
                .sum::<f32>()
                / factor
        });
        let total = variance as f32 + slope.iter().zip(&p).map(|(s, p)| s * p).sum::<f32>();
        for r in 0..N {
            self.mean[r] += p[r] * residual as f32 / total;
            for c in 0..N {
                self.covariance[r][c] = self.covariance[r][c] / factor - p[r] * p[c] / total;
            }
        }
    }

    pub fn moments(&self) -> Moments<N> {
        (
            self.mean.map(f64::from),
            core::array::from_fn(|k| f64::from(self.covariance[k][k]).max(0.0).sqrt()),
        )
    }
}

/// Mode and curvature of the whole posterior, in f64: Laplace's approximation.
pub struct Laplace<const N: usize> {
    mode: [f64; N],
    /// Likelihood terms so far.
    pub terms: u64,
}

impl<const N: usize> Laplace<N> {
    pub fn new((mean, _): Moments<N>) -> Self {
        Self {
            mode: mean,
            terms: 0,
        }
    }

    /// From the last mode, with all readings so far.
    pub fn moments<C: Case<N>>(&mut self, case: &C, readings: &[C::Reading]) -> Moments<N> {
        let (_, sd) = case.prior();
        let factor = case.factor();
        let from = if factor < 1.0 {
            readings.len().saturating_sub(2000)
        } else {
            0
        };
        let terms = Cell::new(0);
        let energy = |theta: &[f64; N]| {
            let mut sum = 0.0;
            terms.set(terms.get() + (readings.len() - from) as u64);
            for o in &readings[from..] {
                sum = factor * sum + case.energy(theta, o);
            }
            sum + case.prior_energy(theta)
        };
        // Differences over a tenth of the standard deviations that were found last.
        let mut scale = sd;
        let mut covariance = [[0.0; N]; N];
        let mut damping = 0.0;
        for _ in 0..100 {
            let step = scale.map(|s| 0.1 * s);
            let here = energy(&self.mode);
            let (slope, curvature) = derivatives(energy, &self.mode, &step);
            let damped = loop {
                let mut damped = curvature;
                for k in 0..N {
                    damped[k][k] += damping * (curvature[k][k].abs() + sd[k].powi(-2));
                }
                if is_positive(&damped) {
                    break damped;
                }
                damping = (4.0 * damping).max(0.01);
            };
            covariance = inverse(&damped);
            let own: [f64; N] = core::array::from_fn(|k| covariance[k][k].sqrt());
            scale = core::array::from_fn(|k| own[k].clamp(0.1 * scale[k], sd[k]));
            let mut next = self.mode;
            let mut length: f64 = 0.0;
            for k in 0..N {
                let step: f64 = (0..N).map(|l| covariance[k][l] * slope[l]).sum();
                next[k] -= step;
                length = length.max((step / own[k]).abs());
            }
            let settled = (0..N).all(|k| (scale[k] / own[k] - 1.0).abs() < 0.01);
            if length < 1e-3 && damping == 0.0 && settled {
                break;
            }
            if energy(&next) <= here + 1e-7 * (1.0 + here.abs()) {
                self.mode = next;
                damping = if damping > 1e-6 { 0.1 * damping } else { 0.0 };
            } else {
                damping = (damping * 10.0_f64).max(0.1);
            }
        }
        self.terms += terms.get();
        (
            self.mode,
            core::array::from_fn(|k| covariance[k][k].max(0.0).sqrt()),
        )
    }
}

/// Gradient and second derivatives by differences over `step`.
fn derivatives<const N: usize>(
    energy: impl Fn(&[f64; N]) -> f64,
    at: &[f64; N],
    step: &[f64; N],
) -> ([f64; N], [[f64; N]; N]) {
    let moved = |k: usize, s: f64, l: usize, t: f64| {
        let mut theta = *at;
        theta[k] += s * step[k];
        theta[l] += t * step[l];
        energy(&theta)
    };
    let here = energy(at);
    let (mut slope, mut curvature) = ([0.0; N], [[0.0; N]; N]);
    for k in 0..N {
        let (up, down) = (moved(k, 1.0, k, 0.0), moved(k, -1.0, k, 0.0));
        slope[k] = (up - down) / (2.0 * step[k]);
        curvature[k][k] = (up - 2.0 * here + down) / (step[k] * step[k]);
        for l in 0..k {
            let cross = moved(k, 1.0, l, 1.0) - moved(k, 1.0, l, -1.0) - moved(k, -1.0, l, 1.0)
                + moved(k, -1.0, l, -1.0);
            curvature[k][l] = cross / (4.0 * step[k] * step[l]);
            curvature[l][k] = curvature[k][l];
        }
    }
    (slope, curvature)
}

/// Whether a symmetric matrix is positive definite, by elimination.
fn is_positive<const N: usize>(matrix: &[[f64; N]; N]) -> bool {
    let mut m = *matrix;
    for k in 0..N {
        if m[k][k] <= 0.0 {
            return false;
        }
        for r in k + 1..N {
            let factor = m[r][k] / m[k][k];
            for c in k..N {
                m[r][c] -= factor * m[k][c];
            }
        }
    }
    true
}

/// A particle filter with 500 particles and the kernel of Liu and West (2001).
pub struct Particles<const N: usize> {
    random: Random,
    particles: Vec<([f64; N], f64)>,
}

impl<const N: usize> Particles<N> {
    pub fn new<C: Case<N>>(case: &C, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let particles = (0..500).map(|_| (case.truth(&mut random), 0.0)).collect();
        Self { random, particles }
    }

    pub fn update<C: Case<N>>(&mut self, case: &C, reading: &C::Reading) {
        for (theta, log) in &mut self.particles {
            *log = case.factor() * *log - case.energy(theta, reading);
        }
        let most = self.particles.iter().map(|p| p.1).fold(f64::MIN, f64::max);
        let (mut sum, mut squares) = (0.0, 0.0);
        for (_, log) in &mut self.particles {
            *log -= most;
            sum += log.exp();
            squares += (2.0 * *log).exp();
        }
        if sum * sum / squares < 250.0 {
            self.resample(sum);
        }
    }

    fn resample(&mut self, sum: f64) {
        let (mean, sd) = self.moments();
        let (keep, spread) = (0.98_f64, (1.0 - 0.98_f64 * 0.98).sqrt());
        let count = self.particles.len();
        let (mut pointer, mut total, mut index) = (self.random.uniform(), 0.0, 0);
        let mut next = Vec::with_capacity(count);
        for (theta, log) in &self.particles {
            total += log.exp() / sum * count as f64;
            while pointer < total && index < count {
                next.push((*theta, 0.0));
                pointer += 1.0;
                index += 1;
            }
        }
        for (theta, _) in &mut next {
            for k in 0..N {
                theta[k] = keep * theta[k]
                    + (1.0 - keep) * mean[k]
                    + spread * sd[k] * self.random.normal();
            }
        }
        if !next.is_empty() {
            self.particles = next;
        }
    }

    pub fn moments(&self) -> Moments<N> {
        let (mut total, mut mean, mut square) = (0.0, [0.0; N], [0.0; N]);
        for (theta, log) in &self.particles {
            let weight = log.exp();
            total += weight;
            for k in 0..N {
                mean[k] += weight * theta[k];
            }
        }
        mean = mean.map(|m| m / total);
        for (theta, log) in &self.particles {
            for k in 0..N {
                square[k] += log.exp() / total * (theta[k] - mean[k]).powi(2);
            }
        }
        (mean, square.map(f64::sqrt))
    }
}
