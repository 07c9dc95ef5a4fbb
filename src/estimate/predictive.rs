//! What the next measurement will be.

use super::{Moments, Sum, central_normal};
use crate::{ConfigError, sqrt::sqrt};

/// Posterior predictive mean, standard deviation and interval of K measurements.
///
/// Each draw θ of the chain predicts a measurement with mean f(θ) and noise of standard deviation σ, which may be a
/// parameter itself. Over the draws the measurement has mean E(f) and variance Var f + E(σ²) (the law of total
/// variance): what is not known of θ, and noise. A measurement that leaves the interval is an alarm.
///
/// ```
/// use langevin::estimate::Predictive;
/// let mut next = Predictive::<1>::new();
/// for gain in [0.9, 1.0, 1.1] {
///     next.push(&[gain * 20.0], &[0.5]); // a draw's reading at 20 °C, and the sensor's noise
/// }
/// let [[lo, hi]] = next.interval(0.95);
/// assert!((lo..hi).contains(&22.0) && !(lo..hi).contains(&25.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Predictive<const K: usize> {
    predictions: Moments<K>,
    // E(σ²).
    noise: [Sum; K],
    refused: u32,
}

impl<const K: usize> Predictive<K> {
    /// Of no draws yet; all will count the same.
    pub const fn new() -> Self {
        Self {
            predictions: Moments::new(),
            noise: [Sum::ZERO; K],
            refused: 0,
        }
    }

    /// Of no draws yet, forgetting as [`Moments::forgetting`].
    ///
    /// # Errors
    /// When `horizon` is not finite and ≥ 1.
    pub const fn forgetting(horizon: f32) -> Result<Self, ConfigError> {
        match Moments::forgetting(horizon) {
            Ok(predictions) => Ok(Self {
                predictions,
                noise: [Sum::ZERO; K],
                refused: 0,
            }),
            Err(error) => Err(error),
        }
    }

    /// Takes in what one draw predicts: the mean of each measurement and the standard deviation of its noise.
    ///
    /// Numbers that are not finite are refused: counted, without any other trace.
    pub fn push(&mut self, mean: &[f32; K], sd: &[f32; K]) {
        let mut zero = 0.0;
        for s in sd {
            zero += s * s * 0.0;
        }
        let innovation = if zero == 0.0 {
            self.predictions.update(mean, 1.0)
        } else {
            None
        };
        let Some(innovation) = innovation else {
            self.refused = self.refused.saturating_add(1);
            return;
        };
        for (n, s) in self.noise.iter_mut().zip(sd) {
            n.add(innovation.share * (s * s - n.hi));
        }
    }

    /// Forgets all draws; the horizon and the count of refused ones stay.
    pub const fn clear(&mut self) {
        self.predictions.clear();
        self.noise = [Sum::ZERO; K];
    }

    /// How many draws were refused; saturates.
    pub const fn refused(&self) -> u32 {
        self.refused
    }

    /// Mean and variance of the predictions without the noise: the posterior of f(θ).
    pub const fn predictions(&self) -> &Moments<K> {
        &self.predictions
    }

    /// The mean of each measurement.
    pub fn mean(&self) -> [f32; K] {
        self.predictions.mean()
    }

    /// The standard deviation of each measurement, √(Var f + E(σ²)).
    pub fn sd(&self) -> [f32; K] {
        let mut sd = self.predictions.variance();
        for (s, n) in sd.iter_mut().zip(&self.noise) {
            *s = sqrt(*s + n.hi.max(0.0));
        }
        sd
    }

    /// The intervals [lo, hi] that a measurement is in with the probability `level`, were its law normal.
    ///
    /// Levels are read as by [`Moments::interval`].
    pub fn interval(&self, level: f32) -> [[f32; 2]; K] {
        let z = central_normal(level);
        let mut intervals = [[0.0; 2]; K];
        let moments = self.mean().into_iter().zip(self.sd());
        for (interval, (mean, sd)) in intervals.iter_mut().zip(moments) {
            *interval = [mean - z * sd, mean + z * sd];
        }
        intervals
    }
}

impl<const K: usize> Default for Predictive<K> {
    fn default() -> Self {
        Self::new()
    }
}

crate::checkpoint!(impl[const K: usize] for Predictive<K> {
    predictions: Moments<K>, noise: [Sum; K], refused: u32
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variances_add() {
        let mut next = Predictive::<2>::new();
        next.push(&[1.0, 0.0], &[1.0, 0.0]);
        next.push(&[3.0, 0.0], &[2.0, 0.0]);
        // Var f = 1, E(σ²) = 2.5.
        assert_eq!(next.mean(), [2.0, 0.0]);
        assert_eq!(next.sd(), [3.5_f32.sqrt(), 0.0]);
        assert_eq!(size_of::<Predictive<2>>(), 16 + 4 + 24 * 2);
    }

    #[test]
    fn what_is_refused_leaves_no_trace() {
        let mut next = Predictive::<1>::forgetting(4.0).unwrap();
        next.push(&[1.0], &[1.0]);
        let good = next;
        next.push(&[2.0], &[f32::NAN]);
        next.push(&[2.0], &[1e30]);
        next.push(&[f32::INFINITY], &[1.0]);
        assert_eq!(next.refused(), 3);
        assert_eq!((next.mean(), next.sd()), (good.mean(), good.sd()));
        next.clear();
        assert_eq!(next.sd(), [0.0]);
    }
}
