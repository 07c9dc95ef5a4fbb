//! The Gaussian that the tracker keeps of the posterior: a mean and a factor of the covariance.

use super::packed::rotate;
use crate::{
    arithmetic::sqrt,
    model::{add_scaled, dot, each, scale},
};

/// A mean r + c and a square factor L with LLᵀ the covariance.
///
/// The mean is kept as a reference r, which moves once a reading, and a displacement c from it. The
/// draws move c only, so that corrections below the resolution of r are not lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Belief<const N: usize> {
    reference: [f32; N],
    displacement: [f32; N],
    factor: [[f32; N]; N],
}

impl<const N: usize> Belief<N> {
    /// Everything 0, for a tracker that has not started.
    pub(super) const NOTHING: Self = Self {
        reference: [0.0; N],
        displacement: [0.0; N],
        factor: [[0.0; N]; N],
    };

    /// Independent coordinates with these means and standard deviations.
    pub(super) fn independent(mean: &[f32; N], sd: &[f32; N]) -> Self {
        let mut belief = Self::NOTHING;
        belief.reference = *mean;
        for (k, (row, sd)) in belief.factor.iter_mut().zip(sd).enumerate() {
            if let Some(diagonal) = row.get_mut(k) {
                *diagonal = *sd;
            }
        }
        belief
    }

    /// The belief with this reference, displacement and factor.
    pub(super) const fn new(
        reference: [f32; N],
        displacement: [f32; N],
        factor: [[f32; N]; N],
    ) -> Self {
        Self {
            reference,
            displacement,
            factor,
        }
    }

    /// The reference r.
    pub(super) const fn reference(&self) -> &[f32; N] {
        &self.reference
    }

    /// How far the reference is from `other`.
    pub(super) fn distance(&self, other: &[f32; N]) -> [f32; N] {
        let mut out = self.reference;
        add_scaled(&mut out, -1.0, other);
        out
    }

    /// The factor L.
    pub(super) const fn factor(&self) -> &[[f32; N]; N] {
        &self.factor
    }

    /// Elements `i` and `j` of row `i` of the factor.
    pub(super) fn pair(&self, i: usize, j: usize) -> (f32, f32) {
        let row = self.factor.get(i);
        let element = |k: usize| row.and_then(|row| row.get(k)).copied().unwrap_or_default();
        (element(i), element(j))
    }

    /// Rotates columns `i` < `j` of the factor.
    pub(super) fn rotate(&mut self, i: usize, j: usize, turn: [f32; 2]) {
        for row in &mut self.factor {
            rotate(row, i, j, turn);
        }
    }

    /// L y.
    #[inline]
    pub(super) fn apply(&self, y: &[f32; N]) -> [f32; N] {
        let mut out = [0.0; N];
        each(out.iter_mut().zip(&self.factor), |(out, row)| {
            *out = dot(row, y);
        });
        out
    }

    /// Lᵀ g.
    #[inline]
    pub(super) fn apply_transpose(&self, g: &[f32; N]) -> [f32; N] {
        let mut out = [0.0; N];
        each(g.iter().zip(&self.factor), |(g, row)| {
            add_scaled(&mut out, *g, row);
        });
        out
    }

    /// L⁻¹ x for a lower triangular L.
    pub(super) fn whitened(&self, x: &[f32; N]) -> [f32; N] {
        let mut out = [0.0; N];
        for (k, (row, x)) in self.factor.iter().zip(x).enumerate() {
            // What is not known yet is 0.
            let known = dot(row, &out);
            if let Some((out, diagonal)) = out.get_mut(k).zip(row.get(k)) {
                *out = (x - known) / diagonal;
            }
        }
        out
    }

    /// The point r + (c + offset).
    #[inline]
    pub(super) fn offset(&self, offset: &[f32; N]) -> [f32; N] {
        let mut theta = self.reference;
        let terms = self.displacement.iter().zip(offset);
        each(theta.iter_mut().zip(terms), |(t, (c, o))| *t += c + o);
        theta
    }

    /// The point r + (c + L y).
    #[inline]
    pub(super) fn point(&self, y: &[f32; N]) -> [f32; N] {
        self.offset(&self.apply(y))
    }

    /// The mean.
    pub(super) fn mean(&self) -> [f32; N] {
        self.offset(&[0.0; N])
    }

    /// The displacement of the mean from the reference.
    pub(super) const fn displacement(&self) -> &[f32; N] {
        &self.displacement
    }

    /// The standard deviations.
    pub(super) fn sd(&self) -> [f32; N] {
        let mut out = [0.0; N];
        for (out, row) in out.iter_mut().zip(&self.factor) {
            *out = sqrt(dot(row, row));
        }
        out
    }

    /// The covariance.
    pub(super) fn covariance(&self) -> [[f32; N]; N] {
        let mut out = [[0.0; N]; N];
        for (out, a) in out.iter_mut().zip(&self.factor) {
            for (out, b) in out.iter_mut().zip(&self.factor) {
                *out = dot(a, b);
            }
        }
        out
    }

    /// Column `k` of L: one standard deviation along a direction of its own.
    pub(super) fn column(&self, k: usize) -> [f32; N] {
        let mut out = [0.0; N];
        for (out, row) in out.iter_mut().zip(&self.factor) {
            *out = row.get(k).copied().unwrap_or_default();
        }
        out
    }

    /// The two points `distance` standard deviations from the mean along that direction, the one above first.
    pub(super) fn sides(&self, k: usize, distance: f32) -> [[f32; N]; 2] {
        let mut along = self.column(k);
        scale(&mut along, distance);
        let above = self.offset(&along);
        scale(&mut along, -1.0);
        [above, self.offset(&along)]
    }

    /// The squared length of Lᵀ g: that of a gradient in whitened coordinates.
    pub(super) fn whitened_square(&self, g: &[f32; N]) -> f32 {
        let whitened = self.apply_transpose(g);
        dot(&whitened, &whitened)
    }

    /// Moves the mean by `step`.
    pub(super) fn shift(&mut self, step: &[f32; N]) {
        add_scaled(&mut self.displacement, 1.0, step);
    }

    /// Moves the reference to the mean and returns how far it moved; what rounding leaves stays in the
    /// displacement.
    pub(super) fn rebase(&mut self) -> [f32; N] {
        let mut moved = [0.0; N];
        let pairs = self.reference.iter_mut().zip(&mut self.displacement);
        for (moved, (r, c)) in moved.iter_mut().zip(pairs) {
            let new = *r + *c;
            *moved = new - *r;
            *c -= *moved;
            *r = new;
        }
        moved
    }

    /// L ← f L.
    pub(super) fn scale(&mut self, f: f32) {
        for row in &mut self.factor {
            scale(row, f);
        }
    }

    /// L ← L (I + a v vᵀ).
    fn rank_one(&mut self, a: f32, v: &[f32; N]) {
        for row in &mut self.factor {
            let along = a * dot(row, v);
            add_scaled(row, along, v);
        }
    }

    /// Adds w j jᵀ to the precision: L ← L (I − α v vᵀ), v = Lᵀ j (Potter).
    pub(super) fn observe(&mut self, w: f32, j: &[f32; N]) {
        let v = self.apply_transpose(j);
        let q = dot(&v, &v);
        let s = w * q;
        if !(s > 1e-12 && s.is_finite()) {
            return;
        }
        self.rank_one((1.0 / sqrt(1.0 + s) - 1.0) / q, &v);
        if s > 1e3 {
            // What rounding left: along v the variance of the reading is to be s/(1 + s).
            let v = self.apply_transpose(j);
            let q = dot(&v, &v);
            if w * q > 0.0 {
                self.rank_one((sqrt(s / ((1.0 + s) * (w * q))) - 1.0) / q, &v);
            }
        }
    }

    /// L ← L − ½ L S for a small symmetric S: adds S, in whitened coordinates, to the precision.
    pub(super) fn sharpen(&mut self, s: &[[f32; N]; N]) {
        for row in &mut self.factor {
            let old = *row;
            // S is symmetric: its rows are its columns.
            each(row.iter_mut().zip(s), |(x, column)| {
                *x -= 0.5 * dot(&old, column);
            });
        }
    }

    /// One Stein update with gain γ: c ← c + γ L d, L ← L + s γ/4 (L y dᵀ + L d yᵀ), with a share s ≤ 1.
    ///
    /// E d = 0 makes c the mean, E y dᵀ = 0 makes LLᵀ the covariance.
    #[inline]
    pub(super) fn learn(
        &mut self,
        gain: f32,
        share: f32,
        ly: &[f32; N],
        y: &[f32; N],
        d: &[f32; N],
    ) {
        let ld = self.apply(d);
        add_scaled(&mut self.displacement, gain, &ld);
        let quarter = 0.25 * gain * share;
        for ((row, ly), ld) in self.factor.iter_mut().zip(ly).zip(&ld) {
            add_scaled(row, quarter * ly, d);
            add_scaled(row, quarter * ld, y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_adds_to_the_precision() {
        let mut belief = Belief::independent(&[1.0, 2.0], &[2.0, 0.5]);
        belief.observe(0.25, &[1.0, -1.0]);
        // (diag(1/4, 4) + ¼ [1, −1][1, −1]ᵀ)⁻¹ = [[4.25, −0.25], [−0.25, 0.5]]⁻¹ …
        let [[a, b], [_, c]] = belief.covariance();
        let det = 0.5 * 4.25 - 0.0625;
        assert!((a - 4.25 / det).abs() < 1e-5);
        assert!((b - 0.25 / det).abs() < 1e-5);
        assert!((c - 0.5 / det).abs() < 1e-5);
    }

    #[test]
    fn a_very_sharp_observation_keeps_the_other_directions() {
        let mut belief = Belief::independent(&[0.0; 2], &[10.0; 2]);
        belief.observe(4e8, &[1.0, 1.0]);
        let [[a, b], [_, c]] = belief.covariance();
        // Along (1, 1) nothing is left, along (1, −1) everything.
        assert!(((a - 2.0 * b + c) / 2.0 - 100.0).abs() < 1e-3);
        assert!(((a + 2.0 * b + c) / 4e-9 / 2.0 - 0.5).abs() < 1e3);
    }

    #[test]
    fn the_reference_takes_what_it_can_hold() {
        let mut belief = Belief::independent(&[1000.0], &[1.0]);
        belief.shift(&[0.123_456_7]);
        let before = f64::from(belief.reference[0]) + f64::from(belief.displacement[0]);
        let [moved] = belief.rebase();
        let after = f64::from(belief.reference[0]) + f64::from(belief.displacement[0]);
        assert_eq!(before, after);
        assert!((moved - 0.123_456_7).abs() < 1e-4);
        assert!(belief.displacement[0].abs() < 1e-4);
    }
}
