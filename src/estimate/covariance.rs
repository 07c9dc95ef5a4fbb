//! Running covariance.

use super::Moments;
use crate::ConfigError;

/// The mean and the covariance matrix of N coordinates.
///
/// Samples enter with the share α as in [`Moments`], which keep the mean and the variances here too. If d is the distance
/// of a sample from the mean before the update and d' after it, then c_ij ← c_ij + α(d_i d'_j − c_ij). Each
/// covariance is held as two floats.
///
/// ```
/// use langevin::{estimate::Covariance, preconditioner::Dense};
/// let mut draws = Covariance::<2>::new();
/// for x in [[1.0, 2.0], [-1.0, -2.0], [1.0, 0.0], [-1.0, 0.0]] {
///     draws.push(&x);
/// }
/// let matrix = draws.matrix().ok_or("no draws yet")?;
/// assert_eq!(matrix, [[1.0, 1.0], [1.0, 2.0]]);
/// let preconditioner = Dense::from_covariance(&matrix)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Covariance<const N: usize> {
    moments: Moments<N>,
    // For i > j, element (i, j) is a covariance and element (j, i) the part that its rounding left out. The diagonal
    // is unused.
    cross: [[f32; N]; N],
}

impl<const N: usize> Covariance<N> {
    /// Creates an empty estimate in which all samples have the same weight.
    pub const fn new() -> Self {
        Self {
            moments: Moments::new(),
            cross: [[0.0; N]; N],
        }
    }

    /// Creates an empty estimate that forgets as [`Moments::forgetting`] does.
    ///
    /// # Errors
    /// Returns an error unless `horizon` is finite and ≥ 1.
    pub const fn forgetting(horizon: f32) -> Result<Self, ConfigError> {
        match Moments::forgetting(horizon) {
            Ok(moments) => Ok(Self {
                moments,
                cross: [[0.0; N]; N],
            }),
            Err(error) => Err(error),
        }
    }

    /// Adds a sample, or rejects it as [`Moments::push`] does.
    #[inline]
    pub fn push(&mut self, sample: &[f32; N]) {
        self.push_weighted(sample, 1.0);
    }

    /// Adds a sample with a weight, or rejects it as [`Moments::push_weighted`] does.
    #[inline]
    pub fn push_weighted(&mut self, sample: &[f32; N], weight: f32) {
        let Some(innovation) = self.moments.update(sample, weight) else {
            return;
        };
        let mut rows: &mut [[f32; N]] = &mut self.cross;
        let mut column = 0;
        // The rows below a row hold its column, so both elements of each pair are at hand.
        while let [row, below @ ..] = rows {
            let after = innovation.after.get(column).copied().unwrap_or(0.0);
            let remainders = row.iter_mut().skip(column + 1);
            let before = innovation.before.iter().skip(column + 1);
            for ((lower, lo), d) in below.iter_mut().zip(remainders).zip(before) {
                if let Some(hi) = lower.get_mut(column) {
                    let mut sum = super::Sum { hi: *hi, lo: *lo };
                    sum.add(innovation.share * (d * after - *hi));
                    *hi = sum.hi;
                    *lo = sum.lo;
                }
            }
            column += 1;
            rows = below;
        }
    }

    /// Removes all samples. The horizon and the count of rejected samples stay.
    pub const fn clear(&mut self) {
        self.moments.clear();
        self.cross = [[0.0; N]; N];
    }

    /// Returns the mean, the variances, and the normal intervals.
    pub const fn moments(&self) -> &Moments<N> {
        &self.moments
    }

    /// Returns the covariance matrix, which is symmetric, or `None` if there are no samples.
    pub fn matrix(&self) -> Option<[[f32; N]; N]> {
        let mut matrix = self.cross;
        let mut diagonal = self.moments.variance()?.into_iter();
        let mut rows: &mut [[f32; N]] = &mut matrix;
        let mut column = 0;
        while let [row, below @ ..] = rows {
            let mut row = row.iter_mut().skip(column);
            if let (Some(element), Some(variance)) = (row.next(), diagonal.next()) {
                *element = variance;
            }
            for (upper, lower) in row.zip(below.iter()) {
                *upper = lower.get(column).copied().unwrap_or(0.0);
            }
            column += 1;
            rows = below;
        }
        Some(matrix)
    }

    /// Returns the correlation matrix, or `None` if there are no samples.
    ///
    /// Its elements are between −1 and 1, those on the diagonal are 1, and those of coordinates without variance are 0.
    pub fn correlation(&self) -> Option<[[f32; N]; N]> {
        let mut matrix = self.matrix()?;
        let sd = self.moments.sd()?;
        for (i, (row, a)) in matrix.iter_mut().zip(&sd).enumerate() {
            for (j, (element, b)) in row.iter_mut().zip(&sd).enumerate() {
                *element = if i == j {
                    1.0
                } else if *a > 0.0 && *b > 0.0 {
                    // Divided one after the other, since the product could overflow.
                    (*element / *a / *b).clamp(-1.0, 1.0)
                } else {
                    0.0
                };
            }
        }
        Some(matrix)
    }
}

impl<const N: usize> Default for Covariance<N> {
    fn default() -> Self {
        Self::new()
    }
}

crate::checkpoint!(impl[const N: usize] for Covariance<N> {
    moments: Moments<N>, cross: [[f32; N]; N]
} if |covariance| covariance.cross.iter().all(crate::arithmetic::finite));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size_of::<Covariance<2>>(), 48 + 16);
        assert_eq!(size_of::<Covariance<8>>(), 144 + 256);
    }

    #[test]
    fn symmetric_and_consistent_with_moments() {
        let mut covariance = Covariance::<4>::forgetting(20.0).unwrap();
        for i in 0..100_u8 {
            let x = f32::from(i);
            covariance.push(&[x, 7.0 - 2.0 * x, f32::from(i % 7), 5.0]);
        }
        let matrix = covariance.matrix().unwrap();
        let variance = covariance.moments().variance().unwrap();
        for (i, row) in matrix.iter().enumerate() {
            assert_eq!(row[i], variance[i]);
            for (j, element) in row.iter().enumerate() {
                assert_eq!(*element, matrix[j][i]);
            }
        }
        let correlation = covariance.correlation().unwrap();
        assert!((correlation[0][1] + 1.0).abs() < 1e-6);
        assert_eq!(correlation[3], [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn rejected_samples_change_nothing() {
        let mut covariance = Covariance::<2>::new();
        assert_eq!(
            (covariance.matrix(), covariance.correlation()),
            (None, None)
        );
        covariance.push(&[1.0, 2.0]);
        covariance.push(&[2.0, -2.0]);
        let good = covariance;
        covariance.push(&[f32::NAN, 0.0]);
        covariance.push(&[0.0, f32::INFINITY]);
        assert_eq!(covariance.moments().rejected(), 2);
        assert_eq!(covariance.matrix(), good.matrix());
        assert_eq!(covariance.cross, good.cross);
    }
}
