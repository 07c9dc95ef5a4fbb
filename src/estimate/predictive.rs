//! Prediction of the next measurement.

use super::{Moments, Sum, central_normal, normal_intervals};
use crate::{
    ConfigError,
    arithmetic::{sqrt, within},
};

/// The posterior predictive mean, standard deviation and interval of K measurements.
///
/// Each draw θ of the chain predicts a measurement with mean f(θ) and noise of standard deviation σ, which may be a
/// parameter itself. Over all draws the measurement has mean E(f) and variance Var f + E(σ²) (law of total variance):
/// the first term is the uncertainty of θ, the second is noise. A measurement outside the interval can raise an alarm.
///
/// ```
/// use langevin::estimate::Predictive;
/// let mut next = Predictive::<1>::new();
/// for gain in [0.9, 1.0, 1.1] {
///     next.push(&[gain * 20.0], &[0.5]); // a draw's reading at 20 °C, and the sensor's noise
/// }
/// let [[lo, hi]] = next.interval(0.95)?;
/// assert!((lo..hi).contains(&22.0) && !(lo..hi).contains(&25.0));
/// # Ok::<(), langevin::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Predictive<const K: usize> {
    predictions: Moments<K>,
    // E(σ²).
    noise_variance: [Sum; K],
    rejected: u32,
}

impl<const K: usize> Predictive<K> {
    /// Creates an empty estimate in which all draws have the same weight.
    pub const fn new() -> Self {
        Self {
            predictions: Moments::new(),
            noise_variance: [Sum::ZERO; K],
            rejected: 0,
        }
    }

    /// Creates an empty estimate that forgets as [`Moments::forgetting`] does.
    ///
    /// # Errors
    /// Returns an error unless `horizon` is finite and ≥ 1.
    pub const fn forgetting(horizon: f32) -> Result<Self, ConfigError> {
        match Moments::forgetting(horizon) {
            Ok(predictions) => Ok(Self {
                predictions,
                noise_variance: [Sum::ZERO; K],
                rejected: 0,
            }),
            Err(error) => Err(error),
        }
    }

    /// Adds the prediction of one draw: the mean of each measurement and the standard deviation of its noise.
    ///
    /// A prediction is rejected if it is not finite or if its square overflows. Rejected predictions are counted and change
    /// nothing else.
    pub fn push(&mut self, mean: &[f32; K], sd: &[f32; K]) {
        let innovation = if within(sd, f32::MAX) {
            self.predictions.update(mean, 1.0)
        } else {
            None
        };
        let Some(innovation) = innovation else {
            self.rejected = self.rejected.saturating_add(1);
            return;
        };
        for (n, s) in self.noise_variance.iter_mut().zip(sd) {
            n.add(innovation.share * (s * s - n.hi));
            n.clear_sign();
        }
    }

    /// Removes all draws. The horizon and the count of rejected predictions stay.
    pub const fn clear(&mut self) {
        self.predictions.clear();
        self.noise_variance = [Sum::ZERO; K];
    }

    /// Returns how many predictions were rejected. The count saturates.
    pub const fn rejected(&self) -> u32 {
        self.rejected
    }

    /// Returns the mean and variance of the predictions without the noise, which is the posterior of f(θ).
    pub const fn predictions(&self) -> &Moments<K> {
        &self.predictions
    }

    /// Returns the mean of each measurement, or `None` if there are no draws.
    pub fn mean(&self) -> Option<[f32; K]> {
        self.predictions.mean()
    }

    /// Returns the standard deviation √(Var f + E(σ²)) of each measurement, or `None` if there are no draws.
    pub fn sd(&self) -> Option<[f32; K]> {
        let mut sd = self.predictions.variance()?;
        for (s, n) in sd.iter_mut().zip(&self.noise_variance) {
            *s = sqrt(*s + n.hi);
        }
        Some(sd)
    }

    /// Returns the intervals \[lo, hi\] that hold a measurement with the probability `level` if its distribution is
    /// normal.
    ///
    /// Without draws every interval is \[−∞, ∞\].
    ///
    /// # Errors
    /// Returns an error unless `level` is between 0 and 1 (0.95, not 95).
    pub fn interval(&self, level: f32) -> Result<[[f32; 2]; K], ConfigError> {
        central_normal(level).map(|z| normal_intervals(z, self.mean(), self.sd()))
    }
}

impl<const K: usize> Default for Predictive<K> {
    fn default() -> Self {
        Self::new()
    }
}

crate::checkpoint!(impl[const K: usize] for Predictive<K> {
    predictions: Moments<K>, noise_variance: [Sum; K], rejected: u32
} if |predictive| predictive.noise_variance.iter().all(|n| n.hi >= 0.0));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variances_add() {
        let mut next = Predictive::<2>::new();
        next.push(&[1.0, 0.0], &[1.0, 0.0]);
        next.push(&[3.0, 0.0], &[2.0, 0.0]);
        // Var f = 1, E(σ²) = 2.5.
        assert_eq!(next.mean(), Some([2.0, 0.0]));
        assert_eq!(next.sd(), Some([3.5_f32.sqrt(), 0.0]));
        assert_eq!(size_of::<Predictive<2>>(), 16 + 4 + 24 * 2);
    }

    #[test]
    fn rejected_predictions_change_nothing() {
        let mut next = Predictive::<1>::forgetting(4.0).unwrap();
        next.push(&[1.0], &[1.0]);
        let good = next;
        next.push(&[2.0], &[f32::NAN]);
        next.push(&[2.0], &[1e30]);
        next.push(&[f32::INFINITY], &[1.0]);
        assert_eq!(next.rejected(), 3);
        assert_eq!((next.mean(), next.sd()), (good.mean(), good.sd()));
        next.clear();
        assert_eq!((next.mean(), next.sd()), (None, None));
        assert_eq!(next.interval(0.5), Ok([[f32::NEG_INFINITY, f32::INFINITY]]));
        assert!(next.interval(95.0).is_err());
    }
}
