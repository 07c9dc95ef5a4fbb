//! Running mean and variance.

use super::{Sum, Weights, central_normal, normal_intervals};
use crate::{
    ConfigError,
    arithmetic::{sqrt, within},
};

/// The mean, variance and normal interval of each coordinate.
///
/// All samples can have the same weight, weights of their own, or weights that are forgotten. A sample x of weight w
/// enters with the share α = w/W, where W ← λW + w and λ = 1 unless the estimate forgets (West 1979):
///
/// d = x − m,  m ← m + αd,  v ← v + α((1 − α)d² − v).
///
/// The variance is the weighted mean of squared deviations: the sum of squares is divided by W, not by W − 1. W, m and
/// v are each held as two floats, so that nothing stalls or cancels: not a count beyond 2²⁴, not a mean whose
/// increments are far below its ulp, not a variance of 1 around a mean of 10⁴. Standard deviations should lie
/// between 10⁻¹⁸ and 10¹⁸.
///
/// ```
/// use langevin::Moments;
/// let mut posterior = Moments::<1>::new();
/// assert_eq!(posterior.mean(), None); // no samples yet
/// for x in [1.0, 2.0, 3.0, 4.0] {
///     posterior.push(&[x]);
/// }
/// posterior.push(&[f32::NAN]); // rejected
/// assert_eq!(posterior.mean(), Some([2.5]));
/// assert_eq!(posterior.variance(), Some([1.25]));
/// assert_eq!((posterior.weight(), posterior.rejected()), (4.0, 1));
/// let [[lo, hi]] = posterior.interval(0.95)?;
/// assert!((hi - lo - 2.0 * 1.96 * 1.25_f32.sqrt()).abs() < 1e-3);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
///
/// While data stream in, the posterior moves. Draws from old posteriors make an estimate that never forgets too wide, so
/// let it forget:
///
/// ```
/// use langevin::Moments;
/// static LATEST: Moments<2> = match Moments::forgetting(256.0) {
///     Ok(moments) => moments,
///     Err(_) => panic!(),
/// };
/// let mut posterior = LATEST;
/// posterior.push(&[1.0, 2.0]);
/// # assert_eq!(posterior.mean(), Some([1.0, 2.0]));
/// ```
///
/// Any trace has moments. The energy U of the draws is a `Moments<1>`; if the posterior of N parameters is normal, its
/// mean is NT/2 above the lowest energy and its variance is NT²/2.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Moments<const N: usize> {
    weights: Weights,
    mean: [Sum; N],
    variance: [Sum; N],
}

/// The effect of a sample on the mean.
pub(crate) struct Innovation<const N: usize> {
    /// The share α of the sample.
    pub share: f32,
    /// The sample minus the mean before the update.
    pub before: [f32; N],
    /// The sample minus the mean after the update.
    pub after: [f32; N],
}

impl<const N: usize> Moments<N> {
    /// Creates an empty estimate in which all samples have the same weight.
    pub const fn new() -> Self {
        Self::with_weights(Weights::new())
    }

    /// Creates an empty estimate that forgets: a sample followed by k newer ones has the weight λᵏ, λ = 1 − 1/`horizon`.
    ///
    /// The weights together tend to `horizon`.
    ///
    /// # Errors
    /// Returns an error unless `horizon` is finite and ≥ 1.
    pub const fn forgetting(horizon: f32) -> Result<Self, ConfigError> {
        match Weights::forgetting(horizon) {
            Ok(weights) => Ok(Self::with_weights(weights)),
            Err(error) => Err(error),
        }
    }

    const fn with_weights(weights: Weights) -> Self {
        const { assert!(N > 0, "an estimate needs at least one coordinate") };
        Self {
            weights,
            mean: [Sum::ZERO; N],
            variance: [Sum::ZERO; N],
        }
    }

    /// Adds a sample.
    ///
    /// A sample is rejected if it is not finite or if its squared distance from the mean overflows. Rejected samples
    /// are counted and change nothing else.
    #[inline]
    pub fn push(&mut self, sample: &[f32; N]) {
        self.push_weighted(sample, 1.0);
    }

    /// Adds a sample with a weight, such as the step size of a decreasing schedule.
    ///
    /// The sample is also rejected if its weight is not finite and > 0.
    #[inline]
    pub fn push_weighted(&mut self, sample: &[f32; N], weight: f32) {
        let _ = self.update(sample, weight);
    }

    #[inline]
    pub(crate) fn update(&mut self, sample: &[f32; N], weight: f32) -> Option<Innovation<N>> {
        let mut before = *sample;
        for (d, m) in before.iter_mut().zip(&self.mean) {
            *d = m.distance_to(*d);
        }
        let weights = self.weights.with(weight);
        let Some((weights, share)) = weights.filter(|_| within(&before, f32::MAX)) else {
            self.weights.reject();
            return None;
        };
        self.weights = weights;
        let mut after = before;
        for ((d, m), v) in after.iter_mut().zip(&mut self.mean).zip(&mut self.variance) {
            let step = share * *d;
            m.add(step);
            let rest = *d - step;
            v.add(share * (*d * rest - v.hi));
            v.clear_sign();
            *d = rest;
        }
        Some(Innovation {
            share,
            before,
            after,
        })
    }

    /// Adds all samples of another estimate, such as that of another chain.
    ///
    /// If the two cannot be combined without overflow, the other estimate is rejected, which counts as one rejected
    /// sample.
    pub fn merge(&mut self, other: &Self) {
        if other.weights.is_empty() {
            return;
        }
        if self.weights.is_empty() {
            self.mean = other.mean;
            self.variance = other.variance;
        }
        let distance = self.mean_to(other);
        let weights = self.weights.merged(&other.weights);
        let Some((weights, share)) = weights.filter(|_| within(&distance, f32::MAX)) else {
            self.weights.reject();
            return;
        };
        self.weights = weights;
        let means = self.mean.iter_mut().zip(distance);
        let variances = self.variance.iter_mut().zip(&other.variance);
        for ((m, d), (v, other_v)) in means.zip(variances) {
            let step = share * d;
            m.add(step);
            v.add(share * (v.distance_to_sum(*other_v) + d * (d - step)));
            v.clear_sign();
        }
    }

    /// Removes all samples, for when the posterior has jumped. The horizon and the count of rejected samples stay.
    pub const fn clear(&mut self) {
        self.weights.clear();
        self.mean = [Sum::ZERO; N];
        self.variance = [Sum::ZERO; N];
    }

    /// Returns the sum of the weights: the number of samples, if all have weight 1 and nothing is forgotten.
    pub const fn weight(&self) -> f32 {
        self.weights.total()
    }

    /// Returns how many samples were rejected. The count saturates.
    pub const fn rejected(&self) -> u32 {
        self.weights.rejected()
    }

    /// Returns the mean, or `None` if there are no samples.
    pub fn mean(&self) -> Option<[f32; N]> {
        (!self.weights.is_empty()).then(|| self.mean.map(|m| m.hi))
    }

    /// Returns the part of the mean that rounding to [`mean`](Self::mean) leaves out, or `None` if there are no samples.
    ///
    /// It matters where a mean of 10⁴ is needed to 10⁻⁴: the floats there are 10⁻³ apart.
    pub fn mean_remainder(&self) -> Option<[f32; N]> {
        (!self.weights.is_empty()).then(|| self.mean.map(|m| m.lo))
    }

    /// Returns the variance, or `None` if there are no samples.
    pub fn variance(&self) -> Option<[f32; N]> {
        (!self.weights.is_empty()).then(|| self.variance_or_zero())
    }

    /// Returns the standard deviation, or `None` if there are no samples.
    pub fn sd(&self) -> Option<[f32; N]> {
        self.variance().map(|variance| variance.map(sqrt))
    }

    /// Returns the intervals \[lo, hi\] = mean ± z·sd, which hold the probability `level` if the distribution is normal.
    ///
    /// Without samples every interval is \[−∞, ∞\]. For other distributions see
    /// [`Quantiles`](crate::estimate::Quantiles).
    ///
    /// # Errors
    /// Returns an error unless `level` is between 0 and 1 (0.95, not 95).
    pub fn interval(&self, level: f32) -> Result<[[f32; 2]; N], ConfigError> {
        central_normal(level).map(|z| normal_intervals(z, self.mean(), self.sd()))
    }

    pub(super) fn variance_or_zero(&self) -> [f32; N] {
        self.variance.map(|v| v.hi)
    }

    /// Returns mean(other) − mean(self), exact where both are large.
    pub(crate) fn mean_to(&self, other: &Self) -> [f32; N] {
        let mut difference = [0.0; N];
        let means = self.mean.iter().zip(&other.mean);
        for (d, (a, b)) in difference.iter_mut().zip(means) {
            *d = a.distance_to_sum(*b);
        }
        difference
    }
}

impl<const N: usize> Default for Moments<N> {
    fn default() -> Self {
        Self::new()
    }
}

crate::checkpoint!(impl[const N: usize] for Moments<N> {
    weights: Weights, mean: [Sum; N], variance: [Sum; N]
} if |moments| moments.variance.iter().all(|v| v.hi >= 0.0));

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size_of::<Moments<1>>(), 32);
        assert_eq!(size_of::<Moments<8>>(), 16 + 16 * 8);
    }

    #[test]
    fn rejected_samples_change_nothing() {
        let mut moments = Moments::<2>::forgetting(10.0).unwrap();
        for x in [1.0, 2.0, -3.0] {
            moments.push(&[x, 1.0]);
        }
        let good = moments;
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e19, f32::MAX];
        for (count, x) in (1..).zip(bad) {
            moments.push(&[0.0, x]);
            assert_eq!(moments.rejected(), count);
        }
        for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            moments.push_weighted(&[0.0; 2], weight);
        }
        assert_eq!(moments.rejected(), 9);
        moments.weights = good.weights;
        assert_eq!(moments, good);
    }

    #[test]
    fn weights_near_overflow_and_underflow() {
        let mut heavy = Moments::<1>::new();
        heavy.push_weighted(&[1.0], f32::MAX);
        heavy.push_weighted(&[2.0], f32::MAX);
        assert_eq!((heavy.mean(), heavy.rejected()), (Some([1.0]), 1));
        let mut light = Moments::<1>::new();
        light.push_weighted(&[1.0], f32::from_bits(1));
        light.push_weighted(&[2.0], f32::from_bits(1));
        assert_eq!(
            (light.mean(), light.variance()),
            (Some([1.5]), Some([0.25]))
        );
    }

    #[test]
    fn horizon_of_one_keeps_the_last() {
        let mut last = Moments::<1>::forgetting(1.0).unwrap();
        for x in [3.0, -5.5, 1000.0, 7.25] {
            last.push(&[x]);
            assert_eq!((last.mean(), last.variance()), (Some([x]), Some([0.0])));
        }
        assert!(Moments::<1>::forgetting(0.99).is_err());
        assert!(Moments::<1>::forgetting(f32::NAN).is_err());
        assert!(Moments::<1>::forgetting(f32::INFINITY).is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn merged_parts_are_the_whole() {
        let samples: Vec<[f32; 1]> = (0..1000_u16)
            .map(|i| [1e4 + f32::from(i % 37) * 0.1 - f32::from(i) * 0.01])
            .collect();
        let mut whole = Moments::new();
        samples.iter().for_each(|x| whole.push(x));
        for cut in [0, 1, 10, 500, 999, 1000] {
            let (mut a, mut b) = (Moments::new(), Moments::new());
            samples.iter().take(cut).for_each(|x| a.push(x));
            samples.iter().skip(cut).for_each(|x| b.push(x));
            a.merge(&b);
            assert_eq!(a.weight(), 1000.0);
            let error = whole.mean_to(&a)[0];
            assert!(
                error.abs() < 1e-6 * whole.sd().unwrap()[0],
                "{cut}: {error:e}"
            );
            let ratio = a.variance_or_zero()[0] / whole.variance_or_zero()[0];
            assert!((ratio - 1.0).abs() < 1e-6, "{cut}: {ratio}");
        }
    }

    #[test]
    fn nothing_is_known_without_samples() {
        let mut moments = Moments::<2>::new();
        let whole_line = Ok([[f32::NEG_INFINITY, f32::INFINITY]; 2]);
        for _ in 0..2 {
            assert_eq!((moments.mean(), moments.mean_remainder()), (None, None));
            assert_eq!((moments.variance(), moments.sd()), (None, None));
            assert_eq!(moments.interval(0.95), whole_line);
            moments.push(&[1.0, 2.0]);
            assert_eq!(moments.interval(0.95), Ok([[1.0; 2], [2.0; 2]]));
            moments.clear();
        }
    }

    #[test]
    fn clear_restarts() {
        let mut moments = Moments::<1>::forgetting(8.0).unwrap();
        let fresh = moments;
        moments.push(&[4.0]);
        moments.clear();
        assert_eq!(moments, fresh);
    }
}
