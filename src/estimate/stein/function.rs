//! A function of θ: its posterior mean and standard deviation, from draws and the gradients at them.

use super::{SteinMoments, advance, blend, bounded, dot, series::Series};
use crate::{
    arithmetic::sqrt,
    preconditioner::{Dense, Preconditioner},
};

/// Mean and standard deviation of a function of θ, corrected by the gradients as [`SteinMoments`] are.
///
/// It takes each value together with the gradient, and is read with the moments of the same draws. The mean is
/// regressed on u; the variance changes by what the corrected covariance of θ says of the function's linear part. When the moments start anew, so does it.
///
/// ```
/// use langevin::estimate::{SteinFunction, SteinMoments};
/// use langevin::{BoxMuller, Pcg32, Sampler, SeedableRng};
/// let mut posterior = |x: &[f32; 2]| [x[0] - 3.0, 4.0 * (x[1] - 1.0)];
/// let mut sampler = Sampler::new([0.0; 2], BoxMuller::new(Pcg32::seed_from_u64(7)));
/// let mut sum = SteinFunction::new();
/// for _ in 0..2000 {
///     if let Some(draw) = sampler.step(&mut posterior)? {
///         sum.push(draw.position[0] + draw.position[1], draw.gradient, draw.moments);
///     }
/// }
/// let moments = sampler.moments().unwrap();
/// assert!((sum.mean(moments) - 4.0).abs() < 1e-3);
/// assert!((sum.sd(moments) - 1.25_f32.sqrt()).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SteinFunction<const N: usize> {
    weight: f32,
    mean: f32,
    variance: f32,
    mean_u: [f32; N],
    with_u: [f32; N],
    origin: f32,
    batch: f32,
    batch_u: [f32; N],
    filled: u32,
    series: Series<1, 1>,
}

impl<const N: usize> SteinFunction<N> {
    /// Creates an empty estimate.
    pub const fn new() -> Self {
        Self {
            weight: 0.0,
            mean: 0.0,
            variance: 0.0,
            mean_u: [0.0; N],
            with_u: [0.0; N],
            origin: 0.0,
            batch: 0.0,
            batch_u: [0.0; N],
            filled: 0,
            series: Series::new(),
        }
    }

    /// Takes in the function's value at a draw, the gradient ∇U there, and the moments that have that draw.
    ///
    /// A value that is not finite is rejected without a trace.
    pub fn push(&mut self, value: f32, gradient: &[f32; N], moments: &SteinMoments<N>) {
        if moments.weight() < self.weight {
            *self = Self::new();
        }
        let mut u = *gradient;
        for g in &mut u {
            *g /= moments.temperature;
        }
        moments.factor.apply_transpose(&mut u);
        if !(bounded(&u) && value.is_finite()) {
            return;
        }
        if self.weight == 0.0 {
            self.origin = value;
        }
        // With the moments' own share, so that it forgets as they do.
        let share = 1.0 / (self.weight + 1.0).min(moments.weight()).max(1.0);
        self.weight = (self.weight + 1.0).min(moments.weight().max(1.0));
        let before = value - self.mean;
        self.mean += share * before;
        self.variance += share * (before * (value - self.mean) - self.variance);
        let mut u_before = u;
        let after = advance(&mut self.mean_u, &mut u_before, share);
        blend(&mut self.with_u, before, &after, share);
        self.batch += value - self.origin;
        for (sum, u) in self.batch_u.iter_mut().zip(&u) {
            *sum += u;
        }
        self.filled += 1;
        if self.filled >= self.series.size() {
            let share = 1.0 / self.filled as f32;
            let slope = self.slope(moments);
            let u = self.batch_u.map(|u| share * u);
            self.series.push(&[[share * self.batch - dot(&slope, &u)]]);
            self.batch = 0.0;
            self.batch_u = [0.0; N];
            self.filled = 0;
        }
    }

    /// Coefficients of the regression on u.
    fn slope(&self, moments: &SteinMoments<N>) -> [f32; N] {
        let mut covariance_u = Dense::BLANK;
        moments.covariance_u(&mut covariance_u);
        let mut slope = self.with_u;
        covariance_u.solve(&mut slope);
        covariance_u.solve_transpose(&mut slope);
        slope
    }

    /// The corrected mean; 0 without draws.
    pub fn mean(&self, moments: &SteinMoments<N>) -> f32 {
        self.mean - dot(&self.slope(moments), &self.mean_u)
    }

    /// The corrected standard deviation; 0 without draws.
    pub fn sd(&self, moments: &SteinMoments<N>) -> f32 {
        let mut corrected = Dense::BLANK;
        moments.whitened_covariance(&mut corrected);
        // f is bᵀu and more; where y is Cu and more, that is (C⁻¹b)ᵀy.
        let mut slope = self.slope(moments);
        if let Ok(factor) = Dense::from_covariance(corrected.rows()) {
            factor.solve(&mut slope);
            factor.solve_transpose(&mut slope);
        }
        let mut variance = self.variance;
        for (i, (row, slope_i)) in corrected.rows().iter().zip(&slope).enumerate() {
            for (j, (c, slope_j)) in row.iter().zip(&slope).enumerate() {
                variance += slope_i * slope_j * (c - moments.covariance_y(i, j));
            }
        }
        sqrt(variance.max(0.0))
    }

    /// Standard error of the mean; infinite before there are 24 batches of 16 draws.
    pub fn standard_error(&self) -> f32 {
        let [[variance]] = self.series.long_run_variances();
        if self.series.is_enough() {
            sqrt(variance / self.weight)
        } else {
            f32::INFINITY
        }
    }
}

impl<const N: usize> Default for SteinFunction<N> {
    fn default() -> Self {
        Self::new()
    }
}

crate::checkpoint!(impl[const N: usize] for SteinFunction<N> {
    weight: f32, mean: f32, variance: f32, mean_u: [f32; N], with_u: [f32; N], origin: f32, batch: f32, batch_u: [f32; N],
    filled: u32, series: Series<1, 1>
});
