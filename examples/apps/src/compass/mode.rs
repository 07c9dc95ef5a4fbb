//! A mode of the posterior.

use langevin::{
    Window, data,
    dual::Real,
    model::Response,
    preconditioner::{Dense, Preconditioner},
};

use super::{
    CAPACITY, Distance, Reading, UNKNOWNS,
    learner::{element, squared_length},
    prior,
};

/// Sums over the readings that a search makes, at most.
const ITERATIONS: usize = 16;
/// The search ends when the next step is shorter than this, squared, in standard deviations.
const FOUND: f32 = 1e-3;
/// Two modes that are closer than this, squared, in standard deviations, are the same.
const SAME: f32 = 4.0;
/// A mode with a smaller share of the posterior is left out.
const LEAST_SHARE: f32 = 0.01;

/// A mode of the posterior, and the normal distribution around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    pub(super) theta: [f32; UNKNOWNS],
    /// L, where LLᵀ is about the covariance.
    pub(super) factor: Dense<UNKNOWNS>,
    /// Minus the logarithm of the probability around the mode, up to a constant.
    pub(super) energy: f32,
}

impl Mode {
    /// Creates the place where a search starts.
    #[inline(never)]
    pub(super) fn new(start: [f32; UNKNOWNS]) -> Self {
        Self {
            theta: start,
            factor: Dense::identity(),
            energy: f32::INFINITY,
        }
    }

    /// Finds a mode by Gauss-Newton steps.
    ///
    /// The logarithm of the noise is at the maximum of its marginal distribution, in which the other unknowns take away
    /// degrees of freedom: at the joint mode it would be far too small while there are few readings.
    #[inline(never)]
    pub(super) fn find(&mut self, readings: &Window<Reading, CAPACITY>) {
        let (prior_mean, prior_sd) = prior();
        let precision = prior_sd.map(|sd| 1.0 / (sd * sd));
        let mut sums = Sums::default();
        let mut trial = self.theta;
        // At the last good position: Σr², and that of all but the noise in standard deviations of the prior.
        let (mut squares, mut penalty) = (f32::INFINITY, 0.0);
        // The degrees of freedom that the other unknowns leave to the noise.
        let mut freedom = 1.0_f32;
        for _ in 0..ITERATIONS {
            sums.set(&trial, readings);
            let mut from_prior = trial;
            let mut pull = precision;
            for ((x, pull), mean) in from_prior.iter_mut().zip(&mut pull).zip(prior_mean) {
                *x -= mean;
                *pull *= *x;
            }
            let ([from @ .., noise], [pulls @ .., noise_pull]) = (from_prior, pull);
            let products = from.iter().zip(&pulls);
            let here = products.fold(0.0, |sum, (x, pull)| sum + x * pull);
            let [.., log_noise] = trial;
            let weight = Real::exp(-2.0 * log_noise);
            let falls = sums.squares * weight + here <= squares * weight + penalty;
            if !falls {
                // Too far, or not a number: half as far, with the same noise.
                for (x, last) in trial.iter_mut().zip(self.theta).take(UNKNOWNS - 1) {
                    *x = 0.5 * (*x + last);
                }
                continue;
            }
            (squares, penalty) = (sums.squares, here);

            for (index, row) in sums.products.iter_mut().enumerate() {
                for x in row.iter_mut() {
                    *x *= weight;
                }
                if let Some(x) = row.get_mut(index) {
                    // The last row is the noise's, whose information is twice its freedom.
                    *x += if index == UNKNOWNS - 1 {
                        2.0 * freedom
                    } else {
                        0.0
                    };
                    *x += precision.get(index).copied().unwrap_or_default();
                }
            }
            let mut step = sums.slopes;
            for (g, pull) in step.iter_mut().zip(pull) {
                *g = *g * weight + pull;
            }
            let [.., g] = &mut step;
            *g += freedom - squares * weight;
            self.theta = trial;
            if !self.take_precision(&sums.products) {
                break;
            }
            let factor = &self.factor;
            let mut log_volume = 0.0;
            for index in 0..UNKNOWNS {
                log_volume += Real::ln(element(factor.rows(), index, index));
            }
            self.energy = 0.5 * (squares * weight + penalty + noise * noise_pull)
                + freedom * log_noise
                - log_volume;
            factor.apply_transpose(&mut step);
            if squared_length(&step) < FOUND {
                break;
            }
            factor.apply(&mut step);
            let rows = factor.rows().iter().zip(&precision).take(UNKNOWNS - 1);
            let known = rows.fold(0.0, |sum, (row, p)| sum + p * squared_length(row));
            freedom = (data::Data::total_weight(readings) - (UNKNOWNS - 1) as f32 + known).max(0.0);
            let [.., change] = &mut step;
            *change = change.clamp(-1.0, 1.0);
            for (x, step) in trial.iter_mut().zip(step) {
                *x -= step;
            }
        }
    }

    /// Makes L the factor of the inverse of this matrix, or leaves it and returns false.
    // Its temporaries are not on the stack with those of the sums.
    #[inline(never)]
    fn take_precision(&mut self, precision: &[[f32; UNKNOWNS]; UNKNOWNS]) -> bool {
        let factor = Dense::from_precision(precision);
        if let Ok(factor) = factor {
            self.factor = factor;
        }
        factor.is_ok()
    }

    /// Returns θ in coordinates in which the normal distribution around the mode is N(0, I).
    pub(super) fn coordinates(&self, theta: &[f32; UNKNOWNS]) -> [f32; UNKNOWNS] {
        let mut y = *theta;
        for (y, mode) in y.iter_mut().zip(self.theta) {
            *y -= mode;
        }
        self.factor.solve(&mut y);
        y
    }

    /// Returns the standard deviations of the unknowns.
    pub(super) fn sd(&self) -> [f32; UNKNOWNS] {
        let mut sd = [0.0; UNKNOWNS];
        for (sd, row) in sd.iter_mut().zip(self.factor.rows()) {
            *sd = Real::sqrt(squared_length(row));
        }
        sd
    }

    /// Returns the other mode's share of the posterior: 0 when it is this one, or has less than [`LEAST_SHARE`].
    pub(super) fn share_of(&self, other: &Self) -> f32 {
        let same = squared_length(&self.coordinates(&other.theta)) < SAME;
        let share = 1.0 / (1.0 + Real::exp(other.energy - self.energy));
        if !same && share >= LEAST_SHARE {
            share
        } else {
            0.0
        }
    }
}

/// Sums over the readings, of the distances r and their derivatives J.
#[derive(Default)]
struct Sums {
    /// Σr².
    squares: f32,
    /// ΣrJ, and 0 for the noise.
    slopes: [f32; UNKNOWNS],
    /// ΣJJᵀ, on and below the diagonal.
    products: [[f32; UNKNOWNS]; UNKNOWNS],
}

impl Sums {
    #[inline(never)]
    fn set(&mut self, [theta @ .., _]: &[f32; UNKNOWNS], readings: &Window<Reading, CAPACITY>) {
        *self = Self::default();
        let distance_at = Distance.with_derivatives(theta);
        for (reading, _) in readings.iter() {
            let (distance, slopes) = distance_at(&reading.x);
            self.squares += distance * distance;
            let rows = self.products.iter_mut().zip(&mut self.slopes);
            for (index, ((row, sum), slope)) in rows.zip(slopes).enumerate() {
                *sum += distance * slope;
                for (x, other) in row.iter_mut().zip(slopes).take(index + 1) {
                    *x += slope * other;
                }
            }
        }
    }
}
