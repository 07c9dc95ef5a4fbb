//! How far a chain's answer can be relied on.

use super::{BatchMeans, Moments, r_hat};
use crate::sqrt::sqrt;

/// Effective sample size, Monte Carlo standard error and split R-hat of one chain, in fixed memory.
///
/// The standard error is from batch means (Flegal & Jones 2010): 24 to 95 batches whose size doubles as the run
/// goes on, from its latest half or more, so that it is itself known within 7 to 15 %. While batches are shorter than
/// the chain's memory each looks like one draw, so that an effective sample size of some hundreds cannot come from
/// a stationary chain that has not earned it.
///
/// Whether the chain is stationary is for split R-hat to say (Gelman et al. 2013, section 11.4), which compares the first
/// 2^k draws with those after them, once there are half as many; until then it is that of the last two equal halves.
/// Of means and of variances (after Vehtari et al. 2021, who fold the draws) the worse is given: a chain that drifts, that jumped
/// once, or that came from far away shows here.
///
/// All draws count the same: give it the draws of one chain on one target after burn-in, and
/// [`clear`](Self::clear) it when the target changes. Of another trace, such as the energy U of each draw, a
/// `Diagnostics<1>` says the same. 64 bytes a coordinate and 56 in all.
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, estimate::Diagnostics, schedule::Constant, stepper::Sgld};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0], Sgld::new(), Constant::new(0.5)?, noise);
/// let mut diagnostics = Diagnostics::new();
/// for _ in 0..10_000 {
///     if let Some(theta) = chain.step(&mut |x: &[f32; 1]| *x)? {
///         diagnostics.push(theta);
///     }
/// }
/// // The law: 10 000 draws with an autocorrelation time of (2 − 0.5)/0.5 = 3.
/// assert!((2000.0..6000.0).contains(&diagnostics.min_ess()));
/// assert!(diagnostics.split_r_hat() < 1.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Diagnostics<const N: usize> {
    batches: BatchMeans<N>,
    // The first 2^k draws, and those since.
    first: Moments<N>,
    second: Moments<N>,
    // Split R-hat when the second was last as long as the first.
    at_doubling: f32,
    refused: u32,
}

impl<const N: usize> Diagnostics<N> {
    /// Of no draws yet.
    pub const fn new() -> Self {
        Self {
            batches: BatchMeans::NONE,
            first: Moments::new(),
            second: Moments::new(),
            at_doubling: f32::INFINITY,
            refused: 0,
        }
    }

    /// Takes in the next draw of the chain; one that is not finite, or so far out that squares overflow, is
    /// refused: counted, without any other trace.
    pub fn push(&mut self, draw: &[f32; N]) {
        if !self.batches.admits(draw) || self.second.update(draw, 1.0).is_none() {
            self.refused = self.refused.saturating_add(1);
            return;
        }
        self.batches.push(draw);
        if self.second.weight() >= self.first.weight() {
            self.at_doubling = self.live_r_hat();
            self.first.merge(&self.second);
            self.second.clear();
        }
    }

    fn live_r_hat(&self) -> f32 {
        let means = r_hat(self.halves()).into_iter().fold(1.0, f32::max);
        let variances = self.first.variance().into_iter();
        variances
            .zip(self.second.variance())
            .map(|(a, b)| {
                // Of the two variances: B = (a − b)²/2 and, for a normal law, W = 2((a + b)/2)².
                let ratio = (a - b) / (a + b);
                sqrt(1.0 + ratio * ratio)
            })
            .fold(means, f32::max)
    }

    /// Forgets all draws; the count of refused ones stays.
    pub const fn clear(&mut self) {
        let refused = self.refused;
        *self = Self::new();
        self.refused = refused;
    }

    /// Number of draws.
    pub const fn draws(&self) -> f32 {
        self.first.weight() + self.second.weight()
    }

    /// How many draws were refused; saturates.
    pub const fn refused(&self) -> u32 {
        self.refused
    }

    /// Mean and variance of all draws.
    pub fn moments(&self) -> Moments<N> {
        let mut all = self.first;
        all.merge(&self.second);
        all
    }

    /// The first 2^k draws and those after them: segments for [`r_hat`] over several chains.
    pub const fn halves(&self) -> [&Moments<N>; 2] {
        [&self.first, &self.second]
    }

    /// Standard error of each coordinate's mean; infinite before there are two draws.
    pub fn mcse(&self) -> [f32; N] {
        let draws = self.draws();
        self.batches.long_run_variance().map(|v| sqrt(v / draws))
    }

    /// Effective sample size of each coordinate: its variance over the square of its standard error. 0 for a
    /// coordinate that never moved.
    ///
    /// It is more than the number of draws when successive draws are opposed.
    pub fn ess(&self) -> [f32; N] {
        let draws = self.draws();
        self.autocorrelation_time().map(|time| {
            if time > 0.0 {
                draws / time
            } else {
                f32::INFINITY
            }
        })
    }

    /// Integrated autocorrelation time of each coordinate: draws that are worth one independent draw. Infinite for
    /// a coordinate that never moved.
    ///
    /// Of SGLD on U = kθ²/2 it is (2 − ηk)/(ηk).
    pub fn autocorrelation_time(&self) -> [f32; N] {
        let variance = self.moments().variance();
        let mut time = self.batches.long_run_variance();
        for (t, v) in time.iter_mut().zip(variance) {
            *t = if v > 0.0 { *t / v } else { f32::INFINITY };
        }
        time
    }

    /// The smallest effective sample size of all coordinates.
    pub fn min_ess(&self) -> f32 {
        self.ess().into_iter().fold(f32::INFINITY, f32::min)
    }

    /// The largest split R-hat of all coordinates: 1 when both halves agree, infinite when one never moved.
    pub fn split_r_hat(&self) -> f32 {
        if self.second.weight() >= 0.5 * self.first.weight() {
            self.live_r_hat()
        } else {
            self.at_doubling
        }
    }
}

impl<const N: usize> Default for Diagnostics<N> {
    fn default() -> Self {
        Self::new()
    }
}

crate::checkpoint!(impl[const N: usize] for Diagnostics<N> {
    batches: BatchMeans<N>, first: Moments<N>, second: Moments<N>, at_doubling: f32, refused: u32
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size_of::<Diagnostics<1>>(), 64 + 56);
        assert_eq!(size_of::<Diagnostics<8>>(), 8 * 64 + 56);
    }

    #[test]
    fn nothing_known_of_no_draws() {
        let mut diagnostics = Diagnostics::<2>::new();
        assert_eq!(diagnostics.min_ess(), 0.0);
        assert_eq!(diagnostics.split_r_hat(), f32::INFINITY);
        assert_eq!(diagnostics.mcse(), [f32::INFINITY; 2]);
        for _ in 0..1000 {
            // One coordinate moves, the other is stuck.
            diagnostics.push(&[diagnostics.draws() % 7.0, 1.0]);
        }
        assert_eq!(diagnostics.min_ess(), 0.0);
        assert_eq!(diagnostics.split_r_hat(), f32::INFINITY);
        let fresh = Diagnostics::new();
        diagnostics.clear();
        assert_eq!(diagnostics, fresh);
    }

    #[test]
    fn what_is_refused_leaves_no_trace() {
        let mut diagnostics = Diagnostics::<2>::new();
        for x in [1.0, 2.0, -3.0] {
            diagnostics.push(&[x, 1.0]);
        }
        let good = diagnostics;
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e19, f32::MAX] {
            diagnostics.push(&[0.0, x]);
        }
        assert_eq!(diagnostics.refused(), 5);
        diagnostics.refused = 0;
        assert_eq!(diagnostics, good);
    }
}
