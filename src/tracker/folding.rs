//! Readings that have left the window, as a Gaussian term.

use super::{belief::Belief, prediction::symmetrise};
use crate::model::{add_scaled, dot};

/// A term of the potential with the gradient b + H (θ − r), where r is the reference of the belief.
///
/// For a linear model with Gaussian noise it is exact. Otherwise gradient and curvature of a reading are averaged over
/// the belief at the time it leaves the window (statistical linearisation).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Folded<const N: usize> {
    slope: [f32; N],
    curvature: [[f32; N]; N],
}

/// How much of the precision a reading's curvature may take away in any direction.
const MOST_NEGATIVE: f32 = 0.1;

impl<const N: usize> Folded<N> {
    pub(super) const NOTHING: Self = Self {
        slope: [0.0; N],
        curvature: [[0.0; N]; N],
    };

    /// The term with this b and H.
    pub(super) const fn new(slope: [f32; N], curvature: [[f32; N]; N]) -> Self {
        Self { slope, curvature }
    }

    /// b.
    pub(super) const fn slope(&self) -> &[f32; N] {
        &self.slope
    }

    /// H.
    pub(super) const fn curvature(&self) -> &[[f32; N]; N] {
        &self.curvature
    }

    fn is_finite(&self) -> bool {
        let mut rows = core::iter::once(&self.slope).chain(&self.curvature);
        rows.all(|row| row.iter().all(|x| x.is_finite()))
    }

    /// Adds the gradient at θ; `reference` is r.
    #[inline]
    pub(super) fn add_gradient(
        &self,
        reference: &[f32; N],
        theta: &[f32; N],
        gradient: &mut [f32; N],
    ) {
        let from_reference = difference(theta, reference);
        let terms = self.slope.iter().zip(&self.curvature);
        for (g, (b, row)) in gradient.iter_mut().zip(terms) {
            *g += b + dot(row, &from_reference);
        }
    }

    /// Follows the reference, which has moved by `moved`.
    pub(super) fn rebase(&mut self, moved: &[f32; N]) {
        for (b, row) in self.slope.iter_mut().zip(&self.curvature) {
            *b += dot(row, moved);
        }
    }

    /// Multiplies the term by `factor`.
    pub(super) fn discount(&mut self, factor: f32) {
        let rows = core::iter::once(&mut self.slope).chain(&mut self.curvature);
        for row in rows {
            for x in row {
                *x *= factor;
            }
        }
    }

    /// Adds a reading with this `gradient` of −wᵢ log p(reading | θ). Cost: 4N + 1 gradients.
    ///
    /// A curvature that would take away more than a tenth of the precision in some direction is left out: the belief
    /// was too wide for its average to mean anything. A reading whose gradients are not finite is dropped.
    pub(super) fn push(&mut self, belief: &Belief<N>, gradient: impl Fn(&[f32; N]) -> [f32; N]) {
        let mean = belief.mean();
        let centre = gradient(&mean);
        let mut slope = centre;
        for k in 0..N {
            let up = belief.column(k);
            let above = gradient(&belief.offset(&up));
            let below = gradient(&belief.offset(&up.map(|x| -x)));
            for (b, ((a, c), o)) in slope.iter_mut().zip(above.iter().zip(&below).zip(&centre)) {
                *b += 0.5 * ((a - o) + (c - o));
            }
        }
        let mut curvature = [[0.0; N]; N];
        for (k, (row, sd)) in curvature.iter_mut().zip(belief.sd()).enumerate() {
            let side = |side: f32| {
                let mut theta = mean;
                if let Some(x) = theta.get_mut(k) {
                    *x += side * sd;
                }
                (theta, gradient(&theta))
            };
            let ((high, above), (low, below)) = (side(1.0), side(-1.0));
            // The distance that there is after rounding.
            let distance = dot(&difference(&high, &low), &[1.0; N]);
            for (x, d) in row.iter_mut().zip(difference(&above, &below)) {
                *x = d / distance;
            }
        }
        symmetrise(&mut curvature);
        let folded = Self { slope, curvature };
        if !folded.is_finite() {
            return;
        }
        if is_harmless(belief, &curvature) {
            // The average gradient is that at the mean: b is for the reference.
            for (b, row) in slope.iter_mut().zip(&curvature) {
                *b -= dot(row, belief.displacement());
            }
            for (sum, row) in self.curvature.iter_mut().zip(&curvature) {
                add_scaled(sum, 1.0, row);
            }
        }
        add_scaled(&mut self.slope, 1.0, &slope);
    }
}

fn difference<const N: usize>(a: &[f32; N], b: &[f32; N]) -> [f32; N] {
    let mut out = *a;
    for (o, b) in out.iter_mut().zip(b) {
        *o -= b;
    }
    out
}

/// Whether LᵀHL + 0.1 I is positive definite, by elimination.
fn is_harmless<const N: usize>(belief: &Belief<N>, curvature: &[[f32; N]; N]) -> bool {
    let mut matrix = [[0.0; N]; N];
    for (k, row) in matrix.iter_mut().enumerate() {
        let column = belief.column(k);
        let mut image = [0.0; N];
        for (image, h) in image.iter_mut().zip(curvature) {
            *image = dot(h, &column);
        }
        *row = belief.apply_transpose(&image);
        if let Some(diagonal) = row.get_mut(k) {
            *diagonal += MOST_NEGATIVE;
        }
    }
    let mut rows: &mut [[f32; N]] = &mut matrix;
    let mut index = 0;
    while let [pivot, rest @ ..] = rows {
        let Some(diagonal) = pivot.get(index).copied().filter(|d| *d > 0.0) else {
            return false;
        };
        for row in rest.iter_mut() {
            let factor = row.get(index).copied().unwrap_or_default() / diagonal;
            add_scaled(row, -factor, pivot);
        }
        index += 1;
        rows = rest;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_reading_is_folded_exactly() {
        let gradient = |theta: &[f32; 2]| {
            let r = 4.0 * (theta[0] + 2.0 * theta[1] - 3.0);
            [r, 2.0 * r]
        };
        let mut belief = Belief::independent(&[1.0, 2.0], &[0.5, 2.0]);
        belief.shift(&[0.25, -0.5]);
        let mut folded = Folded::NOTHING;
        folded.push(&belief, gradient);
        // The belief moves on, and the reference with it.
        belief.shift(&[3.0, 1.0]);
        folded.rebase(&belief.rebase());
        for theta in [[0.0, 0.0], [4.0, -3.0], [-20.0, 7.0]] {
            let mut sum = [0.0; 2];
            folded.add_gradient(belief.reference(), &theta, &mut sum);
            let exact = gradient(&theta);
            for (a, b) in sum.iter().zip(&exact) {
                assert!((a - b).abs() < 1e-3 * (1.0 + b.abs()), "{a} {b}");
            }
        }
        folded.discount(0.5);
        let mut half = [0.0; 2];
        folded.add_gradient(belief.reference(), &[0.0; 2], &mut half);
        assert!((half[0] + 6.0).abs() < 1e-3);
    }

    #[test]
    fn a_curvature_that_would_undo_the_belief_is_left_out() {
        let belief = Belief::independent(&[0.0], &[1.0]);
        let mut folded = Folded::NOTHING;
        folded.push(&belief, |theta: &[f32; 1]| [1.0 - 0.5 * theta[0]]);
        assert_eq!(folded.curvature, [[0.0]]);
        folded.push(&belief, |theta: &[f32; 1]| [1.0 - 0.05 * theta[0]]);
        let [[curvature]] = folded.curvature;
        assert!((curvature + 0.05).abs() < 1e-6);
        folded.push(&belief, |_: &[f32; 1]| [f32::NAN]);
        assert!((folded.slope[0] - 2.0).abs() < 1e-6);
    }
}
