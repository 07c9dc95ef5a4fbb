//! Running quantiles.

use super::{Sum, Weights};
use crate::{ConfigError, arithmetic::finite};

/// Ratio of the gain of the window's width to the gain of the quantile.
const WIDTH_GAIN: f32 = 4.0;

/// The largest half-width of a window. Samples beyond it are moved to it, so that nothing overflows.
const MAX_HALF_WIDTH: f32 = 1e37;

/// K quantiles of each of N coordinates in fixed memory, for credible intervals of any distribution.
///
/// The method is stochastic approximation (Robbins & Monro 1951) with a running estimate of the density (Tierney 1983). A
/// sample x enters with the share α as in [`Moments`](crate::Moments). For the quantile q of probability p,
///
/// q ← q + (α/f)(p − 1{x ≤ q}).
///
/// For every f > 0, q is at rest only where P(x ≤ q) = p. If f is the density at q, the variance of q is the smallest
/// possible, p(1 − p)/(n f²) for n independent samples. Here f = π/2s, where s is the half-width of a window around q
/// that holds the share π = min(p, 1 − p) of the samples: each sample outside the window multiplies s by 1 + 4α, each
/// sample inside makes it smaller. So neither moments nor the scale of the distribution need to be known. A single step is
/// never longer than s. q is held as two floats and does not stall.
///
/// If the estimate forgets, α tends to 1/horizon. The variance of q then tends to p(1 − p)/(2 f² horizon). After a jump of
/// the posterior the window grows by a factor e every quarter of a horizon until it reaches the new place. An estimate that
/// does not forget must be [`clear`](Self::clear)ed after a jump.
///
/// Each quantile of each coordinate takes 12 bytes. As any estimate of a quantile it needs about a hundred independent
/// samples beyond the quantile, 100/π in all; before that it tends to lie too far in the middle.
///
/// ```
/// use langevin::estimate::Quantiles;
/// let mut interval = Quantiles::<1>::central(0.9)?;
/// let mut x = 0.0_f32;
/// for _ in 0..20_000 {
///     x = (x + 0.618_034) % 1.0; // evenly spread over [0, 1)
///     interval.push(&[x]);
/// }
/// let [[lo, hi]] = interval.values().ok_or("no samples yet")?;
/// assert!((lo - 0.05).abs() < 0.01 && (hi - 0.95).abs() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Quantiles<const N: usize, const K: usize = 2> {
    weights: Weights,
    probabilities: [f32; K],
    quantiles: [[RunningQuantile; K]; N],
}

/// One quantile of one coordinate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct RunningQuantile {
    value: Sum,
    // Of the window around the value; 0 until two samples differ.
    half_width: f32,
}

impl RunningQuantile {
    const NEW: Self = Self {
        value: Sum::ZERO,
        half_width: 0.0,
    };

    #[inline]
    fn push(&mut self, x: f32, share: f32, p: f32) {
        let x = x.clamp(-MAX_HALF_WIDTH, MAX_HALF_WIDTH);
        if share >= 1.0 {
            *self = Self {
                value: Sum::new(x),
                half_width: 0.0,
            };
            return;
        }
        let d = self.value.distance_to(x);
        let distance = d.abs();
        if self.half_width == 0.0 {
            self.half_width = distance;
        }
        let inside = p.min(1.0 - p);
        let gain = 2.0 * share / inside;
        let below = if d <= 0.0 { p - 1.0 } else { p };
        let step = (gain * below).clamp(-1.0, 1.0) * self.half_width;
        self.value.add(step);
        if distance > self.half_width {
            self.half_width *= 1.0 + WIDTH_GAIN * share;
        } else if distance > 0.0 {
            self.half_width /= 1.0 + WIDTH_GAIN * share * (1.0 - inside) / inside;
        }
        self.half_width = self.half_width.min(MAX_HALF_WIDTH);
    }
}

impl<const N: usize> Quantiles<N> {
    /// Creates an empty estimate of the two ends of the central interval that holds the probability `level`.
    ///
    /// # Errors
    /// Returns an error unless `level` is between 0 and 1 (0.95, not 95), and far enough from both for an `f32`.
    pub const fn central(level: f32) -> Result<Self, ConfigError> {
        match Self::ends(level) {
            Ok(ends) => Self::new(ends),
            Err(error) => Err(error),
        }
    }

    /// Creates an empty estimate of a central interval that forgets as [`Moments::forgetting`](crate::Moments::forgetting)
    /// does.
    ///
    /// # Errors
    /// Returns an error unless `level` is as in [`central`](Self::central) and `horizon` is finite and ≥ 1.
    pub const fn central_forgetting(level: f32, horizon: f32) -> Result<Self, ConfigError> {
        match Self::ends(level) {
            Ok(ends) => Self::forgetting(ends, horizon),
            Err(error) => Err(error),
        }
    }

    const fn ends(level: f32) -> Result<[f32; 2], ConfigError> {
        match ConfigError::probability("level", level) {
            Ok(level) => {
                let p = 0.5 * (1.0 - level);
                Ok([p, 1.0 - p])
            }
            Err(error) => Err(error),
        }
    }
}

impl<const N: usize, const K: usize> Quantiles<N, K> {
    /// Creates an empty estimate of the quantiles of some probabilities, in which all samples have the same weight.
    ///
    /// # Errors
    /// Returns an error unless the probabilities are between 0 and 1 and increase.
    pub const fn new(probabilities: [f32; K]) -> Result<Self, ConfigError> {
        Self::with_weights(probabilities, Weights::new())
    }

    /// Creates an empty estimate of quantiles that forgets as [`Moments::forgetting`](crate::Moments::forgetting) does.
    ///
    /// # Errors
    /// Returns an error unless the probabilities are as in [`new`](Self::new) and `horizon` is finite and ≥ 1.
    pub const fn forgetting(probabilities: [f32; K], horizon: f32) -> Result<Self, ConfigError> {
        match Weights::forgetting(horizon) {
            Ok(weights) => Self::with_weights(probabilities, weights),
            Err(error) => Err(error),
        }
    }

    const fn with_weights(probabilities: [f32; K], weights: Weights) -> Result<Self, ConfigError> {
        const { assert!(N > 0 && K > 0, "an estimate needs something to estimate") };
        if !increase_within_0_and_1(&probabilities) {
            return Err(ConfigError {
                field: "probabilities",
                bound: "between 0 and 1, such as 0.95, and in increasing order",
            });
        }
        Ok(Self {
            weights,
            probabilities,
            quantiles: [[RunningQuantile::NEW; K]; N],
        })
    }

    /// Adds a sample.
    ///
    /// A sample is rejected if it is not finite. Rejected samples are counted and change nothing else.
    #[inline]
    pub fn push(&mut self, sample: &[f32; N]) {
        self.push_weighted(sample, 1.0);
    }

    /// Adds a sample with a weight. The sample is also rejected if its weight is not finite and > 0.
    #[inline]
    pub fn push_weighted(&mut self, sample: &[f32; N], weight: f32) {
        let weights = self.weights.with(weight).filter(|_| finite(sample));
        let Some((weights, share)) = weights else {
            self.weights.reject();
            return;
        };
        self.weights = weights;
        for (quantiles, x) in self.quantiles.iter_mut().zip(sample) {
            for (quantile, p) in quantiles.iter_mut().zip(&self.probabilities) {
                quantile.push(*x, share, *p);
            }
        }
    }

    /// Removes all samples, for when the posterior has jumped. The horizon and the count of rejected samples stay.
    pub const fn clear(&mut self) {
        self.weights.clear();
        self.quantiles = [[RunningQuantile::NEW; K]; N];
    }

    /// Returns the quantiles of each coordinate in increasing order, or `None` if there are no samples.
    pub fn values(&self) -> Option<[[f32; K]; N]> {
        (!self.weights.is_empty()).then(|| self.quantiles.map(sorted))
    }

    /// Returns the probabilities of the quantiles.
    pub const fn probabilities(&self) -> &[f32; K] {
        &self.probabilities
    }

    /// Returns the sum of the weights: the number of samples, if all have weight 1 and nothing is forgotten.
    pub const fn weight(&self) -> f32 {
        self.weights.total()
    }

    /// Returns how many samples were rejected. The count saturates.
    pub const fn rejected(&self) -> u32 {
        self.weights.rejected()
    }
}

/// Returns the values in increasing order. Each is estimated on its own, so early on they may cross.
fn sorted<const K: usize>(quantiles: [RunningQuantile; K]) -> [f32; K] {
    let mut values = quantiles.map(|quantile| quantile.value.hi);
    let mut rest: &mut [f32] = &mut values;
    while let [least, others @ ..] = rest {
        for other in others.iter_mut() {
            (*least, *other) = (least.min(*other), least.max(*other));
        }
        rest = others;
    }
    values
}

const fn increase_within_0_and_1(probabilities: &[f32]) -> bool {
    let mut rest = probabilities;
    let mut last = 0.0;
    while let [p, tail @ ..] = rest {
        // False for NaN too.
        if !(*p > last && *p < 1.0) {
            return false;
        }
        last = *p;
        rest = tail;
    }
    true
}

crate::checkpoint!(impl[] for RunningQuantile { value: Sum, half_width: f32 }
    if |quantile| (0.0..=MAX_HALF_WIDTH).contains(&quantile.half_width)
        && quantile.value.hi.abs() <= 4.0 * MAX_HALF_WIDTH);

crate::checkpoint!(impl[const N: usize, const K: usize] for Quantiles<N, K> {
    weights: Weights, probabilities: [f32; K], quantiles: [[RunningQuantile; K]; N]
} if |quantiles| increase_within_0_and_1(&quantiles.probabilities));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size_of::<Quantiles<1>>(), 16 + 8 + 2 * 12);
        assert_eq!(size_of::<Quantiles<8>>(), 16 + 8 + 2 * 8 * 12);
    }

    #[test]
    fn probabilities_are_checked() {
        assert!(Quantiles::<1, 3>::new([0.1, 0.5, 0.9]).is_ok());
        for bad in [[0.5, 0.5], [0.9, 0.1], [0.0, 0.5], [0.5, 1.0]] {
            assert!(Quantiles::<1, 2>::new(bad).is_err());
        }
        assert!(Quantiles::<1, 1>::new([f32::NAN]).is_err());
        for level in [0.0, 1.0, -0.5, 95.0, f32::NAN] {
            let error = Quantiles::<1>::central(level).unwrap_err();
            assert_eq!(error.field, "level", "{level}");
        }
        assert!(Quantiles::<1>::central_forgetting(0.5, 0.5).is_err());
    }

    #[test]
    fn rejected_samples_change_nothing() {
        let mut quantiles = Quantiles::<2>::central(0.5).unwrap();
        for x in [1.0, 2.0, -3.0] {
            quantiles.push(&[x, 1.0]);
        }
        let good = quantiles;
        for (count, x) in (1..).zip([f32::NAN, f32::INFINITY, f32::NEG_INFINITY]) {
            quantiles.push(&[0.0, x]);
            assert_eq!(quantiles.rejected(), count);
        }
        quantiles.push_weighted(&[0.0; 2], -1.0);
        quantiles.weights = good.weights;
        assert_eq!(quantiles, good);
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn finite_for_any_finite_sample() {
        let hostile = [0.0, f32::MAX, f32::MIN, 1e-45, -1e-38, 1e37, -3e38, 1.0];
        for horizon in [1.0, 2.0, 100.0, 1e30] {
            let mut quantiles = Quantiles::<1, 3>::forgetting([1e-6, 0.5, 0.999], horizon).unwrap();
            for i in 0..100_000_usize {
                quantiles.push(&[hostile[(i * i + i / 7) % 8]]);
                assert!(quantiles.values().unwrap()[0].iter().all(|q| q.is_finite()));
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn a_chain_that_was_stuck_is_followed() {
        // A position repeated says nothing about the density around it.
        let mut quantiles = Quantiles::<1>::central(0.5).unwrap();
        for _ in 0..1000 {
            quantiles.push(&[5.0]);
        }
        assert_eq!(quantiles.values(), Some([[5.0; 2]]));
        let mut x = 0.0_f32;
        for _ in 0..100_000 {
            x = (x + 0.618_034) % 1.0;
            quantiles.push(&[x]);
        }
        // 1000 of 101 000 at 5, the others uniform: quantiles at 0.2525 and 0.7575.
        let [[lo, hi]] = quantiles.values().unwrap();
        assert!(
            (lo - 0.2525).abs() < 0.01 && (hi - 0.7575).abs() < 0.01,
            "{lo} {hi}"
        );
    }

    #[test]
    fn clear_restarts() {
        let mut quantiles = Quantiles::<1>::central_forgetting(0.5, 8.0).unwrap();
        let fresh = quantiles;
        quantiles.push(&[4.0]);
        quantiles.push(&[5.0]);
        quantiles.clear();
        assert_eq!(quantiles, fresh);
        assert_eq!(quantiles.values(), None);
    }
}
