//! Batch means: how far the mean of correlated draws may be off.

use super::Sum;

/// Batches when their size doubles; of the doubled size there are then a quarter as many or more.
const MOST: u32 = 96;

/// Spread of the means of batches of draws, whose size doubles as the run goes on.
///
/// Of each coordinate 8 floats are kept: the sum of the batch under way, and mean and squares of the batch means at
/// the present size and at twice that. At the 96th batch the doubled size takes over, and the next one is
/// started. So there are 24 to 95 batches (a relative variance of the estimate between 2/23 and 2/94) from the latest
/// half of the run or more.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BatchMeans<const N: usize> {
    // The first draw: all is counted from there.
    origin: [f32; N],
    sum: [Sum; N],
    size: u32,
    filled: u32,
    fine: Spread<N>,
    coarse: Spread<N>,
    first_of_pair: [f32; N],
}

/// Welford's mean and sum of squares, of few numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Spread<const N: usize> {
    count: u32,
    mean: [f32; N],
    squares: [f32; N],
}

impl<const N: usize> Spread<N> {
    const NONE: Self = Self {
        count: 0,
        mean: [0.0; N],
        squares: [0.0; N],
    };

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
    pub const NONE: Self = Self {
        origin: [0.0; N],
        sum: [Sum::ZERO; N],
        size: 1,
        filled: 0,
        fine: Spread::NONE,
        coarse: Spread::NONE,
        first_of_pair: [0.0; N],
    };

    /// Whether the draw can be taken in without overflow.
    #[inline]
    pub fn admits(&self, draw: &[f32; N]) -> bool {
        let mut zero = 0.0;
        for (x, o) in draw.iter().zip(&self.origin) {
            // Squares of MOST differences are to be summed.
            let d = 32.0 * (x - o);
            zero += d * d * 0.0;
        }
        zero == 0.0
    }

    #[inline]
    pub fn push(&mut self, draw: &[f32; N]) {
        if self.fine.count == 0 && self.filled == 0 {
            self.origin = *draw;
        }
        for ((s, x), o) in self.sum.iter_mut().zip(draw).zip(&self.origin) {
            s.add(x - o);
        }
        self.filled += 1;
        if self.filled >= self.size {
            self.close();
        }
    }

    fn close(&mut self) {
        let share = 1.0 / self.filled as f32;
        let mut mean = self.sum.map(|s| s.hi * share);
        self.sum = [Sum::ZERO; N];
        self.filled = 0;
        self.fine.push(&mean);
        if self.fine.count & 1 == 1 {
            self.first_of_pair = mean;
            return;
        }
        for (b, a) in mean.iter_mut().zip(&self.first_of_pair) {
            *b = 0.5 * (*a + *b);
        }
        self.coarse.push(&mean);
        // A batch as long as a u32 counts is never full: there the size stays.
        if self.fine.count >= MOST {
            self.fine = self.coarse;
            self.coarse = Spread::NONE;
            self.size = self.size.saturating_mul(2);
        }
    }

    /// Draws per batch, and full batches.
    pub const fn shape(&self) -> (u32, u32) {
        (self.size, self.fine.count)
    }

    /// Mean of the draws in those batches; 0 while there are none.
    pub fn mean(&self) -> [f32; N] {
        let mut mean = self.fine.mean;
        for (m, o) in mean.iter_mut().zip(&self.origin) {
            *m += o;
        }
        mean
    }

    /// n times the variance of the mean of n draws, for large n: size times the variance of batch means.
    /// Infinite while there are less than two.
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
});

crate::checkpoint!(impl[const N: usize] for BatchMeans<N> {
    origin: [f32; N], sum: [Sum; N], size: u32, filled: u32, fine: Spread<N>, coarse: Spread<N>,
    first_of_pair: [f32; N]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn between_a_quarter_and_all_of_the_batches() {
        let mut batches = BatchMeans::<1>::NONE;
        for n in 1..1_000_000_u32 {
            batches.push(&[0.0]);
            let (size, count) = batches.shape();
            assert!(
                count < MOST && (size == 1 || count >= 24),
                "{n}: {count} of {size}"
            );
            assert!(2 * size * (count + 1) > n, "{n}: {count} of {size}");
        }
    }

    #[test]
    fn means_are_those_of_consecutive_draws() {
        // Draw n is n: the means of 32 to 95 consecutive batches of b are b apart.
        let mut batches = BatchMeans::<1>::NONE;
        for n in 0..3000_u16 {
            batches.push(&[f32::from(n)]);
            let (size, count) = batches.shape();
            if count >= 2 {
                let (b, k) = (f64::from(size), f64::from(count));
                let exact = b * b * b * k * (k + 1.0) / 12.0;
                let seen = f64::from(batches.long_run_variance()[0]);
                assert!((seen / exact - 1.0).abs() < 1e-5, "{n}: {seen} {exact}");
            }
        }
    }
}
