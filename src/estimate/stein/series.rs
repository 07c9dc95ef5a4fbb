//! Long-run variances of several series at once, by the means of batches that double.

use crate::arithmetic::{finite, within};

/// Draws of the first batches.
const BATCH: u32 = 16;
/// Batches of one size.
const BATCHES: u32 = 96;
/// How many batches the variance by those of half the size is worth.
const WORTH: u32 = 16;
/// Batches that make a standard error.
const LEAST: u32 = 24;

/// K numbers for each coordinate: the variance of their batch means, by batches of one size, and by those before of half
/// the size.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Series<const K: usize, const N: usize> {
    size: u32,
    count: u32,
    mean: [[f32; K]; N],
    // Sums of squared deviations.
    squares: [[f32; K]; N],
    // Long-run variances by the smaller batches.
    before: [[f32; K]; N],
}

impl<const K: usize, const N: usize> Series<K, N> {
    /// All zeros, to be cleared in place.
    pub const BLANK: Self = Self {
        size: 0,
        count: 0,
        mean: [[0.0; K]; N],
        squares: [[0.0; K]; N],
        before: [[0.0; K]; N],
    };

    pub const fn new() -> Self {
        let mut series = Self::BLANK;
        series.size = BATCH;
        series
    }

    pub const fn clear(&mut self) {
        self.before = [[0.0; K]; N];
        self.resize(BATCH);
    }

    /// Begins with batches of another size.
    const fn resize(&mut self, size: u32) {
        self.size = size;
        self.count = 0;
        self.mean = [[0.0; K]; N];
        self.squares = [[0.0; K]; N];
    }

    /// Draws of the next batch.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// How many batches the variances are worth.
    pub const fn count(&self) -> u32 {
        self.count + self.worth()
    }

    const fn worth(&self) -> u32 {
        if self.size > BATCH { WORTH } else { 0 }
    }

    /// Whether there are batches enough for a standard error.
    pub const fn is_enough(&self) -> bool {
        self.size > BATCH || self.count >= LEAST
    }

    /// Takes in the means of a batch.
    pub fn push(&mut self, means: &[[f32; K]; N]) {
        self.count += 1;
        let share = 1.0 / self.count as f32;
        for ((mean, sum), x) in (self.mean.as_flattened_mut().iter_mut())
            .zip(self.squares.as_flattened_mut())
            .zip(means.as_flattened())
        {
            let from_mean = x - *mean;
            *mean += share * from_mean;
            *sum += from_mean * (x - *mean);
        }
        if self.count >= BATCHES {
            self.before = self.long_run_variances();
            self.resize(self.size.saturating_mul(2));
        }
    }

    /// n times the variances of the means of n draws, for large n; infinite before there are two batches.
    pub fn long_run_variances(&self) -> [[f32; K]; N] {
        let worth = self.worth() as f32;
        let others = self.count.saturating_sub(1) as f32;
        let total = worth + others;
        if total == 0.0 {
            return [[f32::INFINITY; K]; N];
        }
        let (of_before, of_squares) = (worth / total, self.size as f32 / total);
        let mut variances = self.before;
        for (v, squares) in
            (variances.as_flattened_mut().iter_mut()).zip(self.squares.as_flattened())
        {
            *v = of_before * *v + of_squares * squares;
        }
        variances
    }
}

crate::checkpoint!(impl[const K: usize, const N: usize] for Series<K, N> {
    size: u32, count: u32, mean: [[f32; K]; N], squares: [[f32; K]; N], before: [[f32; K]; N]
} if |series| series.size >= BATCH && series.count < BATCHES
    && series.mean.iter().all(|mean| within(mean, f32::MAX))
    && series.squares.iter().chain(&series.before).all(finite));

#[cfg(test)]
mod tests {
    use super::*;

    /// Batch means of white noise of variance 1: the long-run variance is 1, by batches of any size.
    #[test]
    fn white_noise_has_its_variance() {
        let mut series = Series::<1, 2>::new();
        let mut state = 1_u32;
        for _ in 0..2_000 {
            // Twelve uniform numbers of variance 1/12, in place of as many draws as the batch has.
            let mut normal = -6.0;
            for _ in 0..12 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                normal += (state >> 8) as f32 / (1 << 24) as f32;
            }
            let mean = normal / (series.size() as f32).sqrt();
            series.push(&[[mean], [2.0 * mean]]);
            let [[one], [four]] = series.long_run_variances();
            if series.is_enough() {
                assert!((0.4..2.2).contains(&one), "{one}");
                assert!((four / one - 4.0).abs() < 1e-3);
            }
        }
        assert!(series.size() > 16 << 10);
    }
}
