//! Running mean and standard deviation (Welford 1962).
#![allow(clippy::needless_range_loop, reason = "three arrays in step")]

/// Mean and standard deviation of N numbers.
#[derive(Clone, Copy, Debug)]
pub struct Moments<const N: usize> {
    count: u32,
    mean: [f32; N],
    squares: [f32; N],
}

impl<const N: usize> Moments<N> {
    /// Of no draws yet.
    pub const fn new() -> Self {
        Self {
            count: 0,
            mean: [0.0; N],
            squares: [0.0; N],
        }
    }

    /// Takes in a draw.
    pub fn push(&mut self, draw: &[f32; N]) {
        self.count += 1;
        for i in 0..N {
            let before = draw[i] - self.mean[i];
            self.mean[i] += before / self.count as f32;
            self.squares[i] += before * (draw[i] - self.mean[i]);
        }
    }

    /// The mean.
    pub const fn mean(&self) -> [f32; N] {
        self.mean
    }

    /// The standard deviation.
    pub fn sd(&self) -> [f32; N] {
        self.squares
            .map(|s| libm::sqrtf(s / (self.count.max(2) - 1) as f32))
    }

    /// Equal-tailed intervals of this probability, were the law normal.
    pub fn interval(&self, probability: f32) -> [[f32; 2]; N] {
        let _ = probability;
        let mut out = [[0.0; 2]; N];
        let sd = self.sd();
        for i in 0..N {
            out[i] = [self.mean[i] - 1.96 * sd[i], self.mean[i] + 1.96 * sd[i]];
        }
        out
    }
}
