//! Convergence diagnostics of one chain.

use super::{BatchMeans, Moments, r_hat};
use crate::arithmetic::sqrt;

/// Effective sample size, Monte Carlo standard error and split R-hat of one chain, in fixed memory.
///
/// The standard error comes from batch means (Flegal & Jones 2010): 24 to 95 batches, whose size doubles as the run gets
/// longer, from at least its later half. It is itself known within 7 to 15 %. As long as batches are shorter than the
/// autocorrelation time, each of them looks like a single draw, so a stationary chain does not reach an effective sample
/// size of some hundreds too early.
///
/// Split R-hat (Gelman et al. 2013, section 11.4) shows whether the chain is stationary. It compares the first 2ᵏ draws
/// with those after them once there are half as many; until then it is the value for the last two equal halves. It is the
/// larger of the R-hat of means and the R-hat of variances (as Vehtari et al. 2021 fold the draws), so it detects chains
/// that drift, that jumped once, or that started far away.
///
/// All draws have the same weight. Use the draws of one chain on one posterior after burn-in, and
/// [`clear`](Self::clear) the diagnostics when the posterior changes. For another trace, such as the energy U of each draw,
/// use a `Diagnostics<1>`. The size is 64 bytes per coordinate plus 56.
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
/// // Expected: 10 000 draws with an autocorrelation time of (2 − 0.5)/0.5 = 3.
/// assert!((2000.0..6000.0).contains(&diagnostics.min_ess()));
/// assert!(diagnostics.split_r_hat() < 1.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Diagnostics<const N: usize> {
    batches: BatchMeans<N>,
    // The first 2^k draws, and those after them.
    first: Moments<N>,
    second: Moments<N>,
    // Split R-hat at the time when `second` was last as long as `first`.
    at_doubling: f32,
    rejected: u32,
}

impl<const N: usize> Diagnostics<N> {
    /// Creates diagnostics without draws.
    pub const fn new() -> Self {
        Self {
            batches: BatchMeans::new(),
            first: Moments::new(),
            second: Moments::new(),
            at_doubling: f32::INFINITY,
            rejected: 0,
        }
    }

    /// Adds the next draw of the chain.
    ///
    /// A draw is rejected if it is not finite or so far away that squares overflow. Rejected draws are counted and change
    /// nothing else.
    pub fn push(&mut self, draw: &[f32; N]) {
        if !self.batches.accepts(draw) || self.second.update(draw, 1.0).is_none() {
            self.rejected = self.rejected.saturating_add(1);
            return;
        }
        self.batches.push(draw);
        if self.second.weight() >= self.first.weight() {
            self.at_doubling = self.current_r_hat();
            self.first.merge(&self.second);
            self.second.clear();
        }
    }

    fn current_r_hat(&self) -> f32 {
        let means = r_hat(self.segments()).into_iter().fold(1.0, f32::max);
        let variances = self.first.variance_or_zero().into_iter();
        variances
            .zip(self.second.variance_or_zero())
            .map(|(a, b)| {
                // R-hat of two variances: B = (a − b)²/2 and, for a normal distribution, W = 2((a + b)/2)².
                let ratio = (a - b) / (a + b);
                sqrt(1.0 + ratio * ratio)
            })
            .fold(means, f32::max)
    }

    /// Removes all draws. The count of rejected draws stays.
    pub const fn clear(&mut self) {
        let rejected = self.rejected;
        *self = Self::new();
        self.rejected = rejected;
    }

    /// Returns the number of draws.
    pub const fn draws(&self) -> f32 {
        self.first.weight() + self.second.weight()
    }

    /// Returns how many draws were rejected. The count saturates.
    pub const fn rejected(&self) -> u32 {
        self.rejected
    }

    /// Returns the mean and variance of all draws.
    pub fn moments(&self) -> Moments<N> {
        let mut all = self.first;
        all.merge(&self.second);
        all
    }

    /// Returns the moments of the first 2ᵏ draws and of those after them, for [`r_hat`] over several chains.
    pub const fn segments(&self) -> [&Moments<N>; 2] {
        [&self.first, &self.second]
    }

    /// Returns the Monte Carlo standard error of each coordinate's mean, or infinity before there are two draws.
    pub fn mcse(&self) -> [f32; N] {
        let draws = self.draws();
        self.batches.long_run_variance().map(|v| sqrt(v / draws))
    }

    /// Returns the effective sample size of each coordinate: its variance over the square of its standard error.
    ///
    /// It is 0 for a coordinate that never moved, and exceeds the number of draws if successive draws are negatively
    /// correlated.
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

    /// Returns the integrated autocorrelation time of each coordinate: how many draws are worth one independent draw.
    ///
    /// It is infinite for a coordinate that never moved. For SGLD on U = kθ²/2 it is (2 − ηk)/(ηk).
    pub fn autocorrelation_time(&self) -> [f32; N] {
        let variance = self.moments().variance_or_zero();
        let mut time = self.batches.long_run_variance();
        for (t, v) in time.iter_mut().zip(variance) {
            *t = if v > 0.0 { *t / v } else { f32::INFINITY };
        }
        time
    }

    /// Returns the smallest effective sample size of all coordinates.
    pub fn min_ess(&self) -> f32 {
        self.ess().into_iter().fold(f32::INFINITY, f32::min)
    }

    /// Returns the largest split R-hat of all coordinates.
    ///
    /// It is near 1 if both segments agree, and infinite if a coordinate never moved.
    pub fn split_r_hat(&self) -> f32 {
        if self.second.weight() >= 0.5 * self.first.weight() {
            self.current_r_hat()
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
    batches: BatchMeans<N>, first: Moments<N>, second: Moments<N>, at_doubling: f32, rejected: u32
} if |diagnostics| diagnostics.at_doubling >= 1.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size_of::<Diagnostics<1>>(), 64 + 56);
        assert_eq!(size_of::<Diagnostics<8>>(), 8 * 64 + 56);
    }

    #[test]
    fn nothing_is_known_without_draws() {
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
    fn rejected_draws_change_nothing() {
        let mut diagnostics = Diagnostics::<2>::new();
        for x in [1.0, 2.0, -3.0] {
            diagnostics.push(&[x, 1.0]);
        }
        let good = diagnostics;
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e19, f32::MAX] {
            diagnostics.push(&[0.0, x]);
        }
        assert_eq!(diagnostics.rejected(), 5);
        diagnostics.rejected = 0;
        assert_eq!(diagnostics, good);
    }
}
