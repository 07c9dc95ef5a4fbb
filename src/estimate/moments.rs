//! Running mean and variance.

use super::{Sum, Weights, central_normal};
use crate::{ConfigError, sqrt::sqrt};

/// Mean, variance and normal interval of each coordinate: plain, weighted or forgetting.
///
/// A sample x of weight w enters with the share α = w/W, W ← λW + w (West 1979; λ = 1 unless forgetting):
///
/// d = x − m,  m ← m + αd,  v ← v + α((1 − α)d² − v).
///
/// The variance is the weighted mean of squared deviations: the sum of squares is divided by W, not by
/// W − 1. W, m and v are each held as two floats, so that nothing stalls or cancels: a count past 2²⁴, a
/// mean whose increments are far below its ulp, a variance of 1 around a mean of 10⁴. A standard deviation
/// should be within 10⁻¹⁸ to 10¹⁸.
///
/// ```
/// use langevin::Moments;
/// let mut posterior = Moments::<1>::new();
/// for x in [1.0, 2.0, 3.0, 4.0] {
///     posterior.push(&[x]);
/// }
/// posterior.push(&[f32::NAN]); // refused
/// assert_eq!((posterior.mean(), posterior.variance()), ([2.5], [1.25]));
/// assert_eq!((posterior.weight(), posterior.refused()), (4.0, 1));
/// let [[lo, hi]] = posterior.interval(0.95);
/// assert!((hi - lo - 2.0 * 1.96 * 1.25_f32.sqrt()).abs() < 1e-3);
/// ```
///
/// Draws from yesterday's posterior make today's estimate too wide, for ever if nothing forgets them:
///
/// ```
/// use langevin::Moments;
/// static LATEST: Moments<2> = match Moments::forgetting(256.0) {
///     Ok(moments) => moments,
///     Err(_) => panic!(),
/// };
/// let mut posterior = LATEST;
/// posterior.push(&[1.0, 2.0]);
/// # assert_eq!(posterior.mean(), [1.0, 2.0]);
/// ```
///
/// Any trace has moments: the energy U of the draws is a `Moments<1>`, whose mean for N parameters, were
/// the posterior normal, is NT/2 above the lowest and whose variance is NT²/2.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Moments<const N: usize> {
    weights: Weights,
    mean: [Sum; N],
    variance: [Sum; N],
}

/// How a sample moved the mean.
pub(crate) struct Innovation<const N: usize> {
    /// The sample's share α.
    pub share: f32,
    /// Sample minus mean, before.
    pub before: [f32; N],
    /// Sample minus mean, after.
    pub after: [f32; N],
}

impl<const N: usize> Moments<N> {
    /// Of no samples yet; all will count the same.
    pub const fn new() -> Self {
        Self::with_weights(Weights::PLAIN)
    }

    /// Of no samples yet; the one that has k newer ones will weigh λᵏ, λ = 1 − 1/`horizon`, so that all
    /// weights together are `horizon`.
    ///
    /// # Errors
    /// When `horizon` is not finite and ≥ 1.
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

    /// Takes in a sample.
    ///
    /// One that is not finite, or whose squared distance from the mean overflows, is refused: counted,
    /// without any other trace.
    #[inline]
    pub fn push(&mut self, sample: &[f32; N]) {
        self.push_weighted(sample, 1.0);
    }

    /// Takes in a sample of some weight, such as the step size of a decreasing schedule.
    ///
    /// A weight that is not finite and > 0 is refused as a non-finite sample is.
    #[inline]
    pub fn push_weighted(&mut self, sample: &[f32; N], weight: f32) {
        let _ = self.update(sample, weight);
    }

    #[inline]
    pub(crate) fn update(&mut self, sample: &[f32; N], weight: f32) -> Option<Innovation<N>> {
        let mut before = *sample;
        let mut zero = 0.0;
        for (d, m) in before.iter_mut().zip(&self.mean) {
            *d = m.from(*d);
            // x·0 is 0 for every finite x and NaN for the others.
            zero += *d * *d * 0.0;
        }
        let Some((weights, share)) = self.weights.with(weight).filter(|_| zero == 0.0) else {
            self.weights.refuse();
            return None;
        };
        self.weights = weights;
        let mut after = before;
        for ((d, m), v) in after.iter_mut().zip(&mut self.mean).zip(&mut self.variance) {
            let step = share * *d;
            m.add(step);
            let rest = *d - step;
            v.add(share * (*d * rest - v.hi));
            *d = rest;
        }
        Some(Innovation {
            share,
            before,
            after,
        })
    }

    /// Takes in all that the other has: several chains pooled, or an estimate carried on.
    ///
    /// When both are not small enough to be pooled without overflow the other is refused, and counted.
    pub fn merge(&mut self, other: &Self) {
        if other.weight() == 0.0 {
            return;
        }
        if self.weight() == 0.0 {
            self.mean = other.mean;
            self.variance = other.variance;
        }
        let mut zero = 0.0;
        for d in self.mean_to(other) {
            zero += d * d * 0.0;
        }
        let Some((weights, share)) = self.weights.merged(&other.weights).filter(|_| zero == 0.0)
        else {
            self.weights.refuse();
            return;
        };
        self.weights = weights;
        let means = self.mean.iter_mut().zip(&other.mean);
        let variances = self.variance.iter_mut().zip(&other.variance);
        for ((m, other_m), (v, other_v)) in means.zip(variances) {
            let d = m.to(*other_m);
            let step = share * d;
            m.add(step);
            v.add(share * (v.to(*other_v) + d * (d - step)));
        }
    }

    /// Forgets all samples, as when the target has jumped; the horizon and the count of refused samples stay.
    pub const fn clear(&mut self) {
        self.weights.clear();
        self.mean = [Sum::ZERO; N];
        self.variance = [Sum::ZERO; N];
    }

    /// Sum of the weights: of plain unweighted samples their number.
    pub const fn weight(&self) -> f32 {
        self.weights.total()
    }

    /// How many samples were refused; saturates.
    pub const fn refused(&self) -> u32 {
        self.weights.refused()
    }

    /// The mean; 0 without samples.
    pub fn mean(&self) -> [f32; N] {
        self.mean.map(|m| m.hi)
    }

    /// What the mean is more than [`mean`](Self::mean), which is rounded to an f32.
    ///
    /// Of use where a mean of 10⁴ is wanted to 10⁻⁴: the floats there are 10⁻³ apart.
    pub fn mean_remainder(&self) -> [f32; N] {
        self.mean.map(|m| m.lo)
    }

    /// The variance; 0 without samples.
    pub fn variance(&self) -> [f32; N] {
        self.variance.map(|v| v.hi.max(0.0))
    }

    /// The standard deviation; 0 without samples.
    pub fn sd(&self) -> [f32; N] {
        self.variance().map(sqrt)
    }

    /// The intervals [lo, hi] that hold the probability `level`, were the law normal: mean ± z·sd.
    ///
    /// For laws that are not, see [`Quantiles`](crate::estimate::Quantiles). A level below 0 is read as 0, one above
    /// 1 − 2⁻²⁴ (z = 5.3) or NaN as that.
    pub fn interval(&self, level: f32) -> [[f32; 2]; N] {
        let z = central_normal(level);
        let mut intervals = [[0.0; 2]; N];
        let moments = self.mean.iter().zip(self.sd());
        for (interval, (m, sd)) in intervals.iter_mut().zip(moments) {
            *interval = [m.hi - z * sd, m.hi + z * sd];
        }
        intervals
    }

    /// mean(other) − mean(self), exact where both are large.
    pub(crate) fn mean_to(&self, other: &Self) -> [f32; N] {
        let mut difference = [0.0; N];
        let means = self.mean.iter().zip(&other.mean);
        for (d, (a, b)) in difference.iter_mut().zip(means) {
            *d = a.to(*b);
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
});

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
    fn what_is_refused_leaves_no_trace() {
        let mut moments = Moments::<2>::forgetting(10.0).unwrap();
        for x in [1.0, 2.0, -3.0] {
            moments.push(&[x, 1.0]);
        }
        let good = moments;
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e19, f32::MAX];
        for (count, x) in (1..).zip(bad) {
            moments.push(&[0.0, x]);
            assert_eq!(moments.refused(), count);
        }
        for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            moments.push_weighted(&[0.0; 2], weight);
        }
        assert_eq!(moments.refused(), 9);
        moments.weights = good.weights;
        assert_eq!(moments, good);
    }

    #[test]
    fn weights_near_overflow_and_underflow() {
        let mut heavy = Moments::<1>::new();
        heavy.push_weighted(&[1.0], f32::MAX);
        heavy.push_weighted(&[2.0], f32::MAX);
        assert_eq!((heavy.mean(), heavy.refused()), ([1.0], 1));
        let mut light = Moments::<1>::new();
        light.push_weighted(&[1.0], f32::from_bits(1));
        light.push_weighted(&[2.0], f32::from_bits(1));
        assert_eq!((light.mean(), light.variance()), ([1.5], [0.25]));
    }

    #[test]
    fn horizon_of_one_keeps_the_last() {
        let mut last = Moments::<1>::forgetting(1.0).unwrap();
        for x in [3.0, -5.5, 1000.0, 7.25] {
            last.push(&[x]);
            assert_eq!((last.mean(), last.variance()), ([x], [0.0]));
        }
        assert!(Moments::<1>::forgetting(0.99).is_err());
        assert!(Moments::<1>::forgetting(f32::NAN).is_err());
        assert!(Moments::<1>::forgetting(f32::INFINITY).is_err());
    }

    #[test]
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
            assert!(error.abs() < 1e-6 * whole.sd()[0], "{cut}: {error:e}");
            let ratio = a.variance()[0] / whole.variance()[0];
            assert!((ratio - 1.0).abs() < 1e-6, "{cut}: {ratio}");
        }
    }

    #[test]
    fn clear_starts_anew() {
        let mut moments = Moments::<1>::forgetting(8.0).unwrap();
        let fresh = moments;
        moments.push(&[4.0]);
        moments.clear();
        assert_eq!(moments, fresh);
    }
}
