//! The dense preconditioner: a lower triangle, as Cholesky's factorisation gives it.

use core::fmt;

use super::Preconditioner;
use crate::{
    ConfigError,
    arithmetic::{finite, sqrt},
};

/// A lower-triangular L: with LLᵀ the posterior covariance, every direction has curvature 1.
///
/// A step costs N² multiplications more than without it, and N² floats are kept: sensible up to N = 16.
///
/// ```
/// use langevin::preconditioner::{Dense, Preconditioner};
/// let mut preconditioner = Dense::from_covariance(&[[4.0, 2.0], [2.0, 2.0]])?;
/// let mut displacement = [1.0, 1.0];
/// preconditioner.apply(&mut displacement);
/// assert_eq!(displacement, [2.0, 2.0]);
///
/// // A matrix that is not positive definite changes nothing.
/// let before = preconditioner;
/// assert!(preconditioner.refactor(&[[1.0, 1.0], [1.0, 1.0]]).is_err());
/// assert_eq!(preconditioner, before);
/// # Ok::<(), langevin::preconditioner::NotPositiveDefinite>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dense<const N: usize> {
    // Row by row; zero above the diagonal.
    lower: [[f32; N]; N],
}

/// What remains of a pivot must be more than this part of its diagonal element: below it is rounding.
const LEAST_PIVOT: f32 = 4.0 * f32::EPSILON;

impl<const N: usize> Dense<N> {
    /// All zeros, to be set in place.
    pub(crate) const BLANK: Self = Self {
        lower: [[0.0; N]; N],
    };

    /// Creates the preconditioner that changes nothing, L = I.
    pub const fn identity() -> Self {
        let mut identity = Self::BLANK;
        identity.set_identity();
        identity
    }

    /// Becomes the one that changes nothing.
    pub(crate) const fn set_identity(&mut self) {
        self.lower = [[0.0; N]; N];
        let mut rows: &mut [[f32; N]] = &mut self.lower;
        let mut index = 0;
        while let [row, rest @ ..] = rows {
            if let Some((_, [diagonal, ..])) = row.split_at_mut_checked(index) {
                *diagonal = 1.0;
            }
            index += 1;
            rows = rest;
        }
    }

    /// Creates the preconditioner with these rows; what stands above the diagonal is ignored.
    ///
    /// # Errors
    /// When an element is not finite, or one on the diagonal not > 0.
    pub const fn new(mut lower: [[f32; N]; N]) -> Result<Self, ConfigError> {
        let mut rows: &mut [[f32; N]] = &mut lower;
        let mut index = 0;
        while let [row, rest @ ..] = rows {
            let mut elements: &mut [f32] = row;
            let mut column = 0;
            while let [x, right @ ..] = elements {
                if column > index {
                    *x = 0.0;
                }
                let checked = if column == index {
                    ConfigError::positive("diagonal element", *x)
                } else {
                    ConfigError::check(x.is_finite(), "element", "finite", *x)
                };
                if let Err(error) = checked {
                    return Err(error);
                }
                column += 1;
                elements = right;
            }
            index += 1;
            rows = rest;
        }
        Ok(Self { lower })
    }

    /// Creates the preconditioner with these scales on its diagonal: a
    /// [`Diagonal`](crate::preconditioner::Diagonal) that can be refined.
    ///
    /// # Errors
    /// When a scale is not finite and > 0.
    pub fn diagonal(scale: [f32; N]) -> Result<Self, ConfigError> {
        let mut preconditioner = Self::identity();
        preconditioner.set_diagonal(&scale)?;
        Ok(preconditioner)
    }

    /// Sets the elements on the diagonal; after an error they are as they were.
    pub(crate) fn set_diagonal(&mut self, scale: &[f32; N]) -> Result<(), ConfigError> {
        for s in scale {
            ConfigError::positive("scale", *s)?;
        }
        for ((index, row), s) in self.lower.iter_mut().enumerate().zip(scale) {
            if let Some(x) = row.get_mut(index) {
                *x = *s;
            }
        }
        Ok(())
    }

    /// Creates the Cholesky factor of `covariance`, of which only the lower triangle is read.
    ///
    /// # Errors
    /// [`NotPositiveDefinite`], for NaN and infinities too.
    pub fn from_covariance(covariance: &[[f32; N]; N]) -> Result<Self, NotPositiveDefinite> {
        let mut factor = Self { lower: *covariance };
        factor.factorise()?;
        Ok(factor)
    }

    /// Becomes the Cholesky factor of the matrix that `fill` sets, row by row with its index, whatever it was; the unit
    /// matrix where that has none.
    pub(crate) fn set_covariance(&mut self, fill: impl Fn(usize, &mut [f32; N])) {
        for (index, row) in self.lower.iter_mut().enumerate() {
            fill(index, row);
        }
        if self.factorise().is_err() {
            self.set_identity();
        }
    }

    /// The rows, to be set to a matrix that [`factorise`](Self::factorise) then makes a factor.
    pub(crate) const fn rows_mut(&mut self) -> &mut [[f32; N]; N] {
        &mut self.lower
    }

    /// Replaces a matrix, of which only the lower triangle is read, by its Cholesky factor. After an error it is neither.
    pub(crate) fn factorise(&mut self) -> Result<(), NotPositiveDefinite> {
        for index in 0..N {
            let Some((done, [row, ..])) = self.lower.split_at_mut_checked(index) else {
                break;
            };
            let mut pivot = 0.0;
            let mut least = f32::INFINITY;
            for column in 0..=index {
                let above = done.get(column);
                let a = row.get(column).copied().unwrap_or(0.0);
                let mut rest = a;
                for (x, y) in row.iter().zip(above.unwrap_or(row)).take(column) {
                    rest -= x * y;
                }
                match (row.get_mut(column), above.and_then(|r| r.get(column))) {
                    (Some(x), Some(diagonal)) => *x = rest / diagonal,
                    _ => {
                        pivot = rest;
                        least = LEAST_PIVOT * a;
                    }
                }
            }
            // False for NaN too.
            if !(pivot > least && pivot.is_finite() && pivot >= f32::MIN_POSITIVE) {
                return Err(NotPositiveDefinite { row: index });
            }
            for (column, x) in row.iter_mut().enumerate().skip(index) {
                *x = if column == index { sqrt(pivot) } else { 0.0 };
            }
        }
        Ok(())
    }

    /// Replaces the factor by that of `covariance`, as [`from_covariance`](Self::from_covariance) does.
    ///
    /// # Errors
    /// [`NotPositiveDefinite`]; the factor is then as it was.
    pub fn refactor(&mut self, covariance: &[[f32; N]; N]) -> Result<(), NotPositiveDefinite> {
        *self = Self::from_covariance(covariance)?;
        Ok(())
    }

    /// Creates a factor of the inverse of `precision`, LLᵀ = A⁻¹, without forming the inverse; only the lower
    /// triangle is read.
    ///
    /// # Errors
    /// [`NotPositiveDefinite`], for NaN and infinities too.
    pub fn from_precision(precision: &[[f32; N]; N]) -> Result<Self, NotPositiveDefinite> {
        let mut factor = Self::BLANK;
        factor.invert(precision)?;
        Ok(factor)
    }

    /// Becomes what [`from_precision`](Self::from_precision) gives, whatever it was. After an error it is no factor.
    pub(crate) fn invert(&mut self, precision: &[[f32; N]; N]) -> Result<(), NotPositiveDefinite> {
        // With both orders reversed A = CCᵀ; then, reversed back, A = RRᵀ with R upper triangular, and
        // L = R⁻ᵀ is C⁻¹ reflected in its antidiagonal.
        let last = N.saturating_sub(1);
        for (index, row) in precision.iter().enumerate() {
            for (column, a) in row.iter().enumerate().take(index + 1) {
                if let Some(x) =
                    self.element_mut(last.saturating_sub(column), last.saturating_sub(index))
                {
                    *x = *a;
                }
            }
        }
        self.factorise()?;
        for column in 0..N {
            let mut inverse = [0.0; N];
            if let Some(x) = inverse.get_mut(column) {
                *x = 1.0;
            }
            // Columns to the left are those of the inverse by now, and meet zeros.
            self.solve(&mut inverse);
            for (row, value) in self.lower.iter_mut().zip(inverse) {
                if let Some(x) = row.get_mut(column) {
                    *x = value;
                }
            }
        }
        for row in 0..N {
            for column in 0..last.saturating_sub(row) {
                let (other, across) = (last.saturating_sub(column), last.saturating_sub(row));
                let here = self.element_mut(row, column).copied().unwrap_or(0.0);
                let there = match self.element_mut(other, across) {
                    Some(x) => core::mem::replace(x, here),
                    None => 0.0,
                };
                if let Some(x) = self.element_mut(row, column) {
                    *x = there;
                }
            }
        }
        if self.lower.iter().all(finite) {
            Ok(())
        } else {
            Err(NotPositiveDefinite { row: 0 })
        }
    }

    fn element_mut(&mut self, row: usize, column: usize) -> Option<&mut f32> {
        self.lower.get_mut(row).and_then(|row| row.get_mut(column))
    }

    /// Replaces L by LK: refines it by what was found in its coordinates.
    pub fn compose(&mut self, inner: &Self) {
        for (index, row) in self.lower.iter_mut().enumerate() {
            for column in 0..=index {
                let mut sum = 0.0;
                for (l, k) in row.iter().zip(&inner.lower).skip(column) {
                    sum += l * k.get(column).copied().unwrap_or(0.0);
                }
                if let Some(x) = row.get_mut(column) {
                    *x = sum;
                }
            }
        }
    }

    /// Returns L, row by row, with zeros above the diagonal.
    pub const fn rows(&self) -> &[[f32; N]; N] {
        &self.lower
    }

    /// Returns the covariance LLᵀ, symmetric.
    pub fn covariance(&self) -> [[f32; N]; N] {
        let mut covariance = [[0.0; N]; N];
        for (elements, row) in covariance.iter_mut().zip(&self.lower) {
            for (x, other) in elements.iter_mut().zip(&self.lower) {
                *x = row.iter().zip(other).fold(0.0, |sum, (a, b)| sum + a * b);
            }
        }
        covariance
    }

    /// Replaces x by L⁻¹x: the inverse of [`apply`](Preconditioner::apply).
    pub fn solve(&self, x: &mut [f32; N]) {
        for (index, row) in self.lower.iter().enumerate() {
            let Some((done, [value, ..])) = x.split_at_mut_checked(index) else {
                break;
            };
            let mut diagonal = 1.0;
            let mut known = done.iter();
            for l in row.iter().take(index + 1) {
                match known.next() {
                    Some(y) => *value -= l * y,
                    None => diagonal = *l,
                }
            }
            *value /= diagonal;
        }
    }

    /// Replaces x by L⁻ᵀx: the inverse of [`apply_transpose`](Preconditioner::apply_transpose).
    pub fn solve_transpose(&self, x: &mut [f32; N]) {
        for (index, row) in self.lower.iter().enumerate().rev() {
            let Some((above, [value, ..])) = x.split_at_mut_checked(index) else {
                continue;
            };
            if let Some((column, [diagonal, ..])) = row.split_at_checked(index) {
                *value /= diagonal;
                for (y, l) in above.iter_mut().zip(column) {
                    *y -= l * *value;
                }
            }
        }
    }
}

impl<const N: usize> Default for Dense<N> {
    fn default() -> Self {
        Self::identity()
    }
}

impl<const N: usize> Preconditioner<N> for Dense<N> {
    fn apply_transpose(&self, gradient: &mut [f32; N]) {
        // Column sums, row by row and in place: row i adds to the elements up to i, none of which is
        // read again.
        for (index, row) in self.lower.iter().enumerate() {
            let Some((done, [g, ..])) = gradient.split_at_mut_checked(index) else {
                break;
            };
            let mut elements = row.iter();
            for (sum, l) in done.iter_mut().zip(&mut elements) {
                *sum += l * *g;
            }
            if let Some(diagonal) = elements.next() {
                *g *= diagonal;
            }
        }
    }

    fn apply(&self, displacement: &mut [f32; N]) {
        // Last row first: it needs all elements as they were.
        for (index, row) in self.lower.iter().enumerate().rev() {
            let mut sum = 0.0;
            for (l, d) in row.iter().zip(displacement.iter()).take(index + 1) {
                sum += l * d;
            }
            if let Some(d) = displacement.get_mut(index) {
                *d = sum;
            }
        }
    }

    fn row_norms(&self) -> [f32; N] {
        let mut scale = [0.0; N];
        for (s, row) in scale.iter_mut().zip(&self.lower) {
            for l in row {
                *s += l * l;
            }
            *s = sqrt(*s);
        }
        scale
    }
}

/// A matrix has no Cholesky factor: it is singular to working precision, indefinite or not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NotPositiveDefinite {
    /// The first row whose pivot is not positive.
    pub row: usize,
}

impl fmt::Display for NotPositiveDefinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "matrix is not positive definite at row {}", self.row)
    }
}

impl core::error::Error for NotPositiveDefinite {}

/// Keeps the triangle alone, row by row.
impl<const N: usize> crate::Checkpoint for Dense<N> {
    // N(N + 1)/2 floats.
    const SIZE: usize = N * (N + 1) * (f32::SIZE >> 1);
    const SCHEMA: u32 = crate::checkpoint::schema_hash("Dense", &[N as u32]);

    fn write(&self, out: &mut crate::checkpoint::Writer<'_>) {
        for (index, row) in self.lower.iter().enumerate() {
            for element in row.iter().take(index + 1) {
                element.write(out);
            }
        }
    }

    fn read(
        input: &mut crate::checkpoint::Reader<'_>,
    ) -> Result<Self, crate::checkpoint::CheckpointError> {
        let mut lower = [[0.0; N]; N];
        for (index, row) in lower.iter_mut().enumerate() {
            for element in row.iter_mut().take(index + 1) {
                *element = f32::read(input)?;
            }
        }
        Self::new(lower).map_err(|_| crate::checkpoint::CheckpointError::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A covariance of scales from 1e-3 to 1e3 with strong correlations, and its exact factor.
    fn example() -> ([[f32; 4]; 4], [[f32; 4]; 4]) {
        let lower = [
            [1e-3, 0.0, 0.0, 0.0],
            [0.9, 0.5, 0.0, 0.0],
            [-30.0, 20.0, 7.0, 0.0],
            [900.0, -100.0, 50.0, 200.0],
        ];
        let mut covariance = [[0.0; 4]; 4];
        for i in 0..4 {
            for j in 0..4 {
                covariance[i][j] = (0..4).map(|k| lower[i][k] * lower[j][k]).sum();
            }
        }
        (covariance, lower)
    }

    #[test]
    fn factor_is_the_matrix_it_came_from() {
        let (covariance, lower) = example();
        let preconditioner = Dense::from_covariance(&covariance).unwrap();
        for (row, expected) in preconditioner.rows().iter().zip(&lower) {
            for (x, y) in row.iter().zip(expected) {
                assert!((x - y).abs() <= 1e-4 * y.abs(), "{x} {y}");
            }
        }
    }

    #[test]
    fn applying_and_solving_agree_with_the_matrix() {
        let (_, lower) = example();
        let preconditioner = Dense::new(lower).unwrap();
        let x = [0.3, -1.2, 0.7, 2.1];
        let mut transposed_x = x;
        preconditioner.apply_transpose(&mut transposed_x);
        let mut applied = x;
        preconditioner.apply(&mut applied);
        for i in 0..4 {
            let transposed: f32 = (0..4).map(|k| lower[k][i] * x[k]).sum();
            let straight: f32 = (0..4).map(|k| lower[i][k] * x[k]).sum();
            assert!((transposed_x[i] / transposed - 1.0).abs() < 1e-5);
            assert!((applied[i] / straight - 1.0).abs() < 1e-5);
            let length: f32 = lower[i].iter().map(|l| l * l).sum();
            assert!((preconditioner.row_norms()[i] / length.sqrt() - 1.0).abs() < 1e-6);
        }
        preconditioner.solve(&mut applied);
        for (a, b) in applied.iter().zip(&x) {
            assert!((a / b - 1.0).abs() < 1e-3, "{a} {b}");
        }
    }

    #[test]
    fn precision_is_the_inverse_of_covariance() {
        let (_, lower) = example();
        let preconditioner = Dense::new(lower).unwrap();
        // A = L⁻ᵀL⁻¹, column by column: LᵀAL must be I for it, so the factor found is L itself.
        let mut precision = [[0.0; 4]; 4];
        for j in 0..4 {
            let mut x = [0.0; 4];
            x[j] = 1.0;
            preconditioner.solve(&mut x);
            for i in (0..4).rev() {
                for k in i + 1..4 {
                    x[i] -= lower[k][i] * x[k];
                }
                x[i] /= lower[i][i];
            }
            for i in 0..4 {
                precision[i][j] = x[i];
            }
        }
        let found = Dense::from_precision(&precision).unwrap();
        for (row, expected) in found.rows().iter().zip(&lower) {
            for (x, y) in row.iter().zip(expected) {
                assert!((x - y).abs() <= 1e-3 * y.abs(), "{x} {y}");
            }
        }
        assert!(Dense::from_precision(&[[1.0, 1.0], [1.0, 1.0]]).is_err());

        let mut squared = preconditioner;
        squared.compose(&preconditioner);
        let x = [0.3, -1.2, 0.7, 2.1];
        let (mut once, mut twice) = (x, x);
        squared.apply(&mut once);
        preconditioner.apply(&mut twice);
        preconditioner.apply(&mut twice);
        for (a, b) in once.iter().zip(&twice) {
            assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn what_has_no_factor_is_refused_and_changes_nothing() {
        let (covariance, _) = example();
        let good = Dense::from_covariance(&covariance).unwrap();
        let mut preconditioner = good;
        for (row, bad) in [
            (0, f32::NAN),
            (0, f32::INFINITY),
            (0, 0.0),
            (0, -1.0),
            (2, f32::NAN),
            (2, 0.0),
            (3, 1.0),
            (3, -1e30),
        ] {
            let mut broken = covariance;
            broken[row][row] = bad;
            assert!(preconditioner.refactor(&broken).is_err(), "{row} {bad}");
            broken = covariance;
            broken[3][1] = f32::NAN;
            assert_eq!(
                preconditioner.refactor(&broken),
                Err(NotPositiveDefinite { row: 3 })
            );
            assert_eq!(preconditioner, good);
        }
        // Semi-definite: of rank one, up to rounding.
        let v = [1.0, 0.3, 7.7, 1e-3];
        let singular = v.map(|a| v.map(|b| a * b));
        assert_eq!(
            preconditioner.refactor(&singular),
            Err(NotPositiveDefinite { row: 1 })
        );
        assert_eq!(preconditioner, good);
    }

    #[test]
    fn constructor_checks_its_triangle() {
        assert_eq!(
            Dense::new([[1.0, f32::NAN], [0.0, 1.0]]).unwrap(),
            Dense::identity()
        );
        assert!(Dense::new([[1.0, 0.0], [f32::NAN, 1.0]]).is_err());
        assert!(Dense::new([[1.0, 0.0], [0.0, 0.0]]).is_err());
        assert_eq!(core::mem::size_of::<Dense<8>>(), 256);
    }
}
