//! How the curvature of the posterior changes over its width.

use super::{
    belief::Belief,
    draws::shorten,
    prediction::{second_difference, symmetrise},
};
use crate::{
    arithmetic::sqrt,
    model::{add_scaled, dot, each, scale},
};

/// Distance of the gradients from the mean, in standard deviations.
const SECANT: f32 = 1.5;
/// Longest row, and the length below which a row is rounding, or of no consequence.
const MOST: f32 = 1.0;
const LEAST: f32 = 0.02;
/// Longest move that is followed, in standard deviations.
const FARTHEST: f32 = 4.0;
/// Largest part of the precision that a move takes away.
const MOST_TAKEN: f32 = 0.5;

/// Third derivatives A of the potential in the coordinates in which mean and covariance are 0 and I, with at least
/// two indices equal: row i has ∂²u/∂yᵢ², where u is the gradient.
///
/// Derivatives with three different indices count as 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skew<const N: usize>([[f32; N]; N]);

impl<const N: usize> Skew<N> {
    /// The number of gradients that [`measure`](Self::measure) takes.
    pub(super) const GRADIENTS: usize = 2 * N + 1;

    /// Second differences of the `gradient` of the whole posterior along the columns of the factor.
    pub(super) fn measure(
        belief: &Belief<N>,
        mut gradient: impl FnMut(&[f32; N]) -> [f32; N],
    ) -> Self {
        let centre = gradient(&belief.mean());
        let mut rows = [[0.0; N]; N];
        for (k, row) in rows.iter_mut().enumerate() {
            let [above, below] = belief.sides(k, SECANT).map(|theta| gradient(&theta));
            let mut second = second_difference(&above, &centre, &below);
            each(second.iter_mut(), |s| *s /= SECANT * SECANT);
            let second = belief.apply_transpose(&second);
            let length = sqrt(dot(&second, &second));
            if length.is_finite() && length > LEAST {
                let share = if length > MOST { MOST / length } else { 1.0 };
                *row = second;
                scale(row, share);
            }
        }
        Self(rows)
    }

    /// The matrix A v, and its squared norm.
    pub(super) fn along(&self, v: &[f32; N]) -> ([[f32; N]; N], f32) {
        let mut matrix = self.0;
        for (k, (row, v_k)) in matrix.iter_mut().zip(v).enumerate() {
            let diagonal = dot(row, v);
            // Twice, because the mirror's is added and the sum halved.
            scale(row, 2.0 * v_k);
            if let Some(x) = row.get_mut(k) {
                *x = diagonal;
            }
        }
        let norm = symmetrise(&mut matrix);
        (matrix, norm)
    }

    /// ½ A (y uᵀ − I), whose mean over the posterior is 0 and which takes from y − u what the third derivatives make of it.
    pub(super) fn correction(&self, y: &[f32; N], u: &[f32; N]) -> [f32; N] {
        let mut out = [0.0; N];
        for (k, (row, (y_k, u_k))) in self.0.iter().zip(y.iter().zip(u)).enumerate() {
            let product = y_k * u_k;
            add_scaled(&mut out, 0.5 * (product - 1.0), row);
            if let Some((out, own)) = out.get_mut(k).zip(row.get(k)) {
                *out += 0.5 * (y_k * dot(row, u) + u_k * dot(row, y)) - own * product;
            }
        }
        out
    }

    /// Gives `belief` the curvature of the place to which it has moved by `moved`: what a third derivative is.
    pub(super) fn follow(&self, belief: &mut Belief<N>, moved: &[f32; N]) {
        let mut z = belief.whitened(moved);
        shorten(&mut z, FARTHEST * FARTHEST);
        let (mut change, norm) = self.along(&z);
        let norm = sqrt(norm);
        if !(norm > 0.0 && norm.is_finite()) {
            return;
        }
        let trace: f32 = (change.iter().enumerate())
            .filter_map(|(k, row)| row.get(k))
            .sum();
        // L (I + S)^−½ for an S of rank one, as which a large one is taken.
        let share = if trace > 0.0 {
            2.0 * (1.0 - 1.0 / sqrt(1.0 + norm)) / norm
        } else {
            (MOST_TAKEN / norm).min(1.0)
        };
        for row in &mut change {
            scale(row, share);
        }
        belief.sharpen(&change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// U = ½ y₁² + ½ y₂² + ½ y₁ y₂² + ⅙ y₁³.
    fn gradient(y: &[f32; 2]) -> [f32; 2] {
        let [a, b] = *y;
        [a + 0.5 * (b * b + a * a), b + a * b]
    }

    #[test]
    fn a_cubic_is_taken_away() {
        let belief = Belief::independent(&[0.0; 2], &[1.0; 2]);
        let skew = Skew::measure(&belief, gradient);
        assert_eq!(skew.0, [[1.0, 0.0], [1.0, 0.0]]);
        for y in [[1.0, 2.0], [-0.5, 0.25], [0.0, -3.0]] {
            // With u = y, what is left of y − u is the constant −½ tr A.
            let u = gradient(&y);
            let correction = skew.correction(&y, &y);
            assert!((y[0] - u[0] + correction[0] + 1.0).abs() < 1e-5);
            assert!((y[1] - u[1] + correction[1]).abs() < 1e-5);
        }
        let (matrix, norm) = skew.along(&[2.0, 3.0]);
        assert_eq!(matrix, [[2.0, 3.0], [3.0, 2.0]]);
        assert_eq!(norm, 26.0);
    }

    #[test]
    fn curvature_is_followed() {
        let belief = |sd: f32| Belief::independent(&[0.0; 2], &[sd; 2]);
        let skew = Skew::measure(&belief(0.1), |y| gradient(y).map(|g| 100.0 * g));
        let mut moved = belief(0.1);
        skew.follow(&mut moved, &[0.02, 0.0]);
        // The curvature at y₁ = 0.02 is 102.
        for sd in moved.sd() {
            assert!((sd * sd * 102.0 - 1.0).abs() < 1e-3, "{sd}");
        }
        // A move that is too long to say anything leaves a factor that can be worked with.
        skew.follow(&mut moved, &[-1e9, 1e9]);
        assert!(moved.sd().iter().all(|sd| *sd > 0.01 && *sd < 1.0));
        skew.follow(&mut moved, &[f32::NAN, 0.0]);
        assert!(moved.sd().iter().all(|sd| sd.is_finite()));
    }
}
