//! Batch means: the standard error of a mean of correlated draws.

use super::Sum;
use crate::arithmetic::{finite, within};

/// Number of batches at which their size doubles. A quarter as many of the doubled size exist then.
const MAX_BATCHES: u32 = 96;

/// The largest squared distance of a draw from the first one: [`MAX_BATCHES`] of them can be summed.
const FARTHEST: f32 = f32::MAX / 1024.0;

/// The variance of the means of batches of draws. The size of the batches doubles as the run gets longer.
///
/// Per coordinate 8 floats are kept: the sum of the current batch, and the mean and sum of squares of the batch means at
/// the current size and at twice that size. At the 96th batch the doubled size becomes the current one. So there are 24
/// to 95 batches (the estimate's relative variance lies between 2/23 and 2/94), which cover at least the later half of the
/// run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BatchMeans<const N: usize> {
    // The first draw. All sums are relative to it.
    origin: [f32; N],
    sum: [Sum; N],
    filled: u32,
    series: Doubling<N>,
}

/// Means of consecutive batches of one size and of twice that size, which takes over once there are enough.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Doubling<const N: usize> {
    size: u32,
    fine: Spread<N>,
    coarse: Spread<N>,
    first_of_pair: [f32; N],
}

/// Mean and sum of squared deviations of a few numbers (Welford).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Spread<const N: usize> {
    count: u32,
    mean: [f32; N],
    squares: [f32; N],
}

impl<const N: usize> Spread<N> {
    const fn new() -> Self {
        Self {
            count: 0,
            mean: [0.0; N],
            squares: [0.0; N],
        }
    }

    fn push(&mut self, x: &[f32; N]) {
        self.count += 1;
        let share = 1.0 / self.count as f32;
        for ((m, s), x) in self.mean.iter_mut().zip(&mut self.squares).zip(x) {
            let d = x - *m;
            *m += share * d;
            *s += d * (x - *m);
        }
    }
}

impl<const N: usize> BatchMeans<N> {
    pub const fn new() -> Self {
        Self {
            origin: [0.0; N],
            sum: [Sum::ZERO; N],
            filled: 0,
            series: Doubling::new(1),
        }
    }

    /// Returns whether the draw is near enough to the first one for the sums not to overflow.
    #[inline]
    pub fn accepts(&self, draw: &[f32; N]) -> bool {
        let mut distance = *draw;
        for (x, o) in distance.iter_mut().zip(&self.origin) {
            *x -= o;
        }
        within(&distance, FARTHEST)
    }

    #[inline]
    pub fn push(&mut self, draw: &[f32; N]) {
        if self.series.fine.count == 0 && self.filled == 0 {
            self.origin = *draw;
        }
        for ((s, x), o) in self.sum.iter_mut().zip(draw).zip(&self.origin) {
            s.add(x - o);
        }
        self.filled += 1;
        if self.filled >= self.series.size {
            let share = 1.0 / self.filled as f32;
            let mean = self.sum.map(|s| s.hi * share);
            self.sum = [Sum::ZERO; N];
            self.filled = 0;
            self.series.push(mean);
        }
    }

    /// Returns the long-run variance, as [`Doubling::long_run_variance`].
    pub fn long_run_variance(&self) -> [f32; N] {
        self.series.long_run_variance()
    }
}

impl<const N: usize> Doubling<N> {
    /// Creates an empty series of batches of `size` draws each.
    pub const fn new(size: u32) -> Self {
        Self {
            size,
            fine: Spread::new(),
            coarse: Spread::new(),
            first_of_pair: [0.0; N],
        }
    }

    /// Takes in the mean of the next batch.
    pub fn push(&mut self, mut mean: [f32; N]) {
        self.fine.push(&mean);
        if self.fine.count & 1 == 1 {
            self.first_of_pair = mean;
            return;
        }
        for (b, a) in mean.iter_mut().zip(&self.first_of_pair) {
            *b = 0.5 * (*a + *b);
        }
        self.coarse.push(&mean);
        if self.fine.count >= MAX_BATCHES {
            self.fine = self.coarse;
            self.coarse = Spread::new();
            self.size = self.size.saturating_mul(2);
        }
    }

    /// Returns the number of draws per batch, and the number of full batches.
    #[cfg(test)]
    pub const fn size_and_count(&self) -> (u32, u32) {
        (self.size, self.fine.count)
    }

    /// Returns the long-run variance, n times the variance of the mean of n draws for large n.
    ///
    /// It is the batch size times the variance of the batch means, or infinite if there are fewer than two batches.
    pub fn long_run_variance(&self) -> [f32; N] {
        if self.fine.count < 2 {
            return [f32::INFINITY; N];
        }
        let factor = self.size as f32 / (self.fine.count - 1) as f32;
        self.fine.squares.map(|s| factor * s)
    }
}

crate::checkpoint!(impl[const N: usize] for Spread<N> {
    count: u32, mean: [f32; N], squares: [f32; N]
} if |spread| within(&spread.mean, 1.01 * FARTHEST)
    && finite(&spread.squares) && spread.squares.iter().all(|s| *s >= 0.0));

crate::checkpoint!(impl[const N: usize] for Doubling<N> {
    size: u32, fine: Spread<N>, coarse: Spread<N>, first_of_pair: [f32; N]
} if |series| within(&series.first_of_pair, 1.01 * FARTHEST)
    && series.fine.count < MAX_BATCHES && series.coarse.count <= series.fine.count && series.size > 0);

crate::checkpoint!(impl[const N: usize] for BatchMeans<N> {
    origin: [f32; N], sum: [Sum; N], filled: u32, series: Doubling<N>
} if |batches| {
    let share = 1.0 / batches.filled.max(1) as f32;
    finite(&batches.origin)
        && within(&batches.sum.map(|s| s.hi * share), 1.01 * FARTHEST)
        && batches.filled < batches.series.size
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn between_a_quarter_and_all_of_the_batches() {
        let mut batches = BatchMeans::<1>::new();
        for n in 1..1_000_000_u32 {
            batches.push(&[0.0]);
            let (size, count) = batches.series.size_and_count();
            assert!(
                count < MAX_BATCHES && (size == 1 || count >= 24),
                "{n}: {count} of {size}"
            );
            assert!(2 * size * (count + 1) > n, "{n}: {count} of {size}");
        }
    }

    #[test]
    fn means_are_those_of_consecutive_draws() {
        // Draw n is n: the means of 32 to 95 consecutive batches of b are b apart.
        let mut batches = BatchMeans::<1>::new();
        for n in 0..3000_u16 {
            batches.push(&[f32::from(n)]);
            let (size, count) = batches.series.size_and_count();
            if count >= 2 {
                let (b, k) = (f64::from(size), f64::from(count));
                let exact = b * b * b * k * (k + 1.0) / 12.0;
                let seen = f64::from(batches.long_run_variance()[0]);
                assert!((seen / exact - 1.0).abs() < 1e-5, "{n}: {seen} {exact}");
            }
        }
    }
}
