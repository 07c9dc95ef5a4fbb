//! Running quantiles.

use super::{Sum, Weights};
use crate::{ConfigError, barrier::finite};

/// How much faster than the quantile its window moves.
const HASTE: f32 = 4.0;

/// Half the width of the widest window; samples further out are taken to be there, so that nothing overflows.
const WIDEST: f32 = 1e37;

/// K quantiles of each of N coordinates in fixed memory, for credible intervals of any law.
///
/// GradientVariance approximation (Robbins & Monro 1951) with the density estimated on the way (Tierney 1983). A sample
/// x enters with the share α as in [`Moments`](crate::Moments): for the quantile q of probability p,
///
/// q ← q + (α/f)(p − 1{x ≤ q}).
///
/// Whatever f is, q rests only where P(x ≤ q) = p; with f the density at q its variance is the smallest that
/// any estimate has, p(1 − p)/(n f²) for n independent samples. f is π/2s, s the half-width of a window around q
/// that is steered to hold the part π = min(p, 1 − p) of the samples: s is made longer by the factor 1 + 4α by each
/// sample outside and shorter by each inside. So the law needs no moments and no scale to be known. A single
/// step is never longer than s. q is held as two floats and does not stall.
///
/// Forgetting, α tends to 1/horizon: the variance at rest is p(1 − p)/(2 f² horizon), and a posterior that
/// has jumped away is caught up with: the window grows by a factor e every quarter of a horizon until it
/// reaches. Plain, the estimate never forgets: [`clear`](Self::clear) it when the target jumps.
///
/// 12 bytes a quantile and coordinate. As any estimate of a quantile it needs some hundred independent
/// samples beyond the quantile, 100/π in all; before that it tends to lie towards the middle.
///
/// ```
/// use langevin::estimate::Quantiles;
/// let mut interval = Quantiles::<1>::central(0.9)?;
/// let mut x = 0.0_f32;
/// for _ in 0..20_000 {
///     x = (x + 0.618_034) % 1.0; // evenly spread over [0, 1)
///     interval.push(&[x]);
/// }
/// let [[lo, hi]] = interval.values();
/// assert!((lo - 0.05).abs() < 0.01 && (hi - 0.95).abs() < 0.01);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Quantiles<const N: usize, const K: usize = 2> {
    weights: Weights,
    probabilities: [f32; K],
    trackers: [[Tracker; K]; N],
}

/// One quantile of one coordinate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Tracker {
    quantile: Sum,
    // Of the window around the quantile; 0 until two samples differ.
    half_width: f32,
}

impl Tracker {
    const NEW: Self = Self {
        quantile: Sum::ZERO,
        half_width: 0.0,
    };

    #[inline]
    fn push(&mut self, x: f32, share: f32, p: f32) {
        let x = x.clamp(-WIDEST, WIDEST);
        if share >= 1.0 {
            *self = Self {
                quantile: Sum::new(x),
                half_width: 0.0,
            };
            return;
        }
        let d = self.quantile.from(x);
        let distance = d.abs();
        if self.half_width == 0.0 {
            self.half_width = distance;
        }
        let inside = p.min(1.0 - p);
        let gain = 2.0 * share / inside;
        let below = if d <= 0.0 { p - 1.0 } else { p };
        let step = (gain * below).clamp(-1.0, 1.0) * self.half_width;
        self.quantile.add(step);
        if distance > self.half_width {
            self.half_width *= 1.0 + HASTE * share;
        } else if distance > 0.0 {
            self.half_width /= 1.0 + HASTE * share * (1.0 - inside) / inside;
        }
        self.half_width = self.half_width.min(WIDEST);
    }
}

impl<const N: usize> Quantiles<N> {
    /// The ends of the central intervals that hold the probability `level`.
    ///
    /// # Errors
    /// When `level` is not between 0 and 1, or so near to an end that f32 cannot tell.
    pub const fn central(level: f32) -> Result<Self, ConfigError> {
        Self::new(Self::ends(level))
    }

    /// The same, forgetting as [`Moments::forgetting`](crate::Moments::forgetting).
    ///
    /// # Errors
    /// As [`central`](Self::central), and when `horizon` is not finite and ≥ 1.
    pub const fn central_forgetting(level: f32, horizon: f32) -> Result<Self, ConfigError> {
        Self::forgetting(Self::ends(level), horizon)
    }

    const fn ends(level: f32) -> [f32; 2] {
        let p = 0.5 * (1.0 - level);
        [p, 1.0 - p]
    }
}

impl<const N: usize, const K: usize> Quantiles<N, K> {
    /// Quantiles of these probabilities, of no samples yet; all will count the same.
    ///
    /// # Errors
    /// When a probability is not between 0 and 1, or they do not increase.
    pub const fn new(probabilities: [f32; K]) -> Result<Self, ConfigError> {
        Self::with_weights(probabilities, Weights::PLAIN)
    }

    /// The same, forgetting as [`Moments::forgetting`](crate::Moments::forgetting).
    ///
    /// # Errors
    /// As [`new`](Self::new), and when `horizon` is not finite and ≥ 1.
    pub const fn forgetting(probabilities: [f32; K], horizon: f32) -> Result<Self, ConfigError> {
        match Weights::forgetting(horizon) {
            Ok(weights) => Self::with_weights(probabilities, weights),
            Err(error) => Err(error),
        }
    }

    const fn with_weights(probabilities: [f32; K], weights: Weights) -> Result<Self, ConfigError> {
        const { assert!(N > 0 && K > 0, "an estimate needs something to estimate") };
        let mut rest: &[f32] = &probabilities;
        let mut last = 0.0;
        while let [p, tail @ ..] = rest {
            if let Err(error) = ConfigError::check(
                *p > last && *p < 1.0,
                "probability",
                "between 0 and 1 and above the one before",
                *p,
            ) {
                return Err(error);
            }
            last = *p;
            rest = tail;
        }
        Ok(Self {
            weights,
            probabilities,
            trackers: [[Tracker::NEW; K]; N],
        })
    }

    /// Takes in a sample; one that is not finite is refused: counted, without any other trace.
    #[inline]
    pub fn push(&mut self, sample: &[f32; N]) {
        self.push_weighted(sample, 1.0);
    }

    /// Takes in a sample of some weight; a weight that is not finite and > 0 is refused too.
    #[inline]
    pub fn push_weighted(&mut self, sample: &[f32; N], weight: f32) {
        let weights = self.weights.with(weight).filter(|_| finite(sample));
        let Some((weights, share)) = weights else {
            self.weights.refuse();
            return;
        };
        self.weights = weights;
        for (trackers, x) in self.trackers.iter_mut().zip(sample) {
            for (tracker, p) in trackers.iter_mut().zip(&self.probabilities) {
                tracker.push(*x, share, *p);
            }
        }
    }

    /// Forgets all samples, as when the target has jumped; the horizon and the count of refused samples stay.
    pub const fn clear(&mut self) {
        self.weights.clear();
        self.trackers = [[Tracker::NEW; K]; N];
    }

    /// Each coordinate's quantiles, in increasing order; 0 without samples.
    pub fn values(&self) -> [[f32; K]; N] {
        self.trackers.map(|trackers| {
            let mut values = trackers.map(|tracker| tracker.quantile.hi);
            // Each is estimated on its own: early on they may cross.
            let mut rest: &mut [f32] = &mut values;
            while let [least, others @ ..] = rest {
                for other in others.iter_mut() {
                    (*least, *other) = (least.min(*other), least.max(*other));
                }
                rest = others;
            }
            values
        })
    }

    /// The probabilities.
    pub const fn probabilities(&self) -> &[f32; K] {
        &self.probabilities
    }

    /// Sum of the weights: of plain unweighted samples their number.
    pub const fn weight(&self) -> f32 {
        self.weights.total()
    }

    /// How many samples were refused; saturates.
    pub const fn refused(&self) -> u32 {
        self.weights.refused()
    }
}

crate::checkpoint!(impl[] for Tracker { quantile: Sum, half_width: f32 });

crate::checkpoint!(impl[const N: usize, const K: usize] for Quantiles<N, K> {
    weights: Weights, probabilities: [f32; K], trackers: [[Tracker; K]; N]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size_of::<Quantiles<1>>(), 16 + 8 + 2 * 12);
        assert_eq!(size_of::<Quantiles<8>>(), 16 + 8 + 2 * 8 * 12);
    }

    #[test]
    fn probabilities_must_be_some() {
        assert!(Quantiles::<1, 3>::new([0.1, 0.5, 0.9]).is_ok());
        for bad in [[0.5, 0.5], [0.9, 0.1], [0.0, 0.5], [0.5, 1.0]] {
            assert!(Quantiles::<1, 2>::new(bad).is_err());
        }
        assert!(Quantiles::<1, 1>::new([f32::NAN]).is_err());
        for level in [0.0, 1.0, -0.5, f32::NAN] {
            assert!(Quantiles::<1>::central(level).is_err(), "{level}");
        }
        assert!(Quantiles::<1>::central_forgetting(0.5, 0.5).is_err());
    }

    #[test]
    fn what_is_refused_leaves_no_trace() {
        let mut quantiles = Quantiles::<2>::central(0.5).unwrap();
        for x in [1.0, 2.0, -3.0] {
            quantiles.push(&[x, 1.0]);
        }
        let good = quantiles;
        for (count, x) in (1..).zip([f32::NAN, f32::INFINITY, f32::NEG_INFINITY]) {
            quantiles.push(&[0.0, x]);
            assert_eq!(quantiles.refused(), count);
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
                assert!(quantiles.values()[0].iter().all(|q| q.is_finite()));
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
        assert_eq!(quantiles.values(), [[5.0; 2]]);
        let mut x = 0.0_f32;
        for _ in 0..100_000 {
            x = (x + 0.618_034) % 1.0;
            quantiles.push(&[x]);
        }
        // 1000 of 101 000 at 5, the others uniform: quantiles at 0.2525 and 0.7575.
        let [[lo, hi]] = quantiles.values();
        assert!(
            (lo - 0.2525).abs() < 0.01 && (hi - 0.7575).abs() < 0.01,
            "{lo} {hi}"
        );
    }

    #[test]
    fn clear_starts_anew() {
        let mut quantiles = Quantiles::<1>::central_forgetting(0.5, 8.0).unwrap();
        let fresh = quantiles;
        quantiles.push(&[4.0]);
        quantiles.push(&[5.0]);
        quantiles.clear();
        assert_eq!(quantiles, fresh);
    }
}
