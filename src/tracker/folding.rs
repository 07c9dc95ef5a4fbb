//! Readings that have left the window, as a Gaussian term.

use super::{
    belief::Belief,
    prediction::{second_difference, symmetrise},
};
use crate::{
    arithmetic::sqrt,
    model::{add_scaled, dot, each, scale},
};

/// A term of the potential with the gradient b + H (θ − r) + ½ T (θ − r)(θ − r) near r, the reference of the belief.
///
/// For a linear model with Gaussian noise b and H are exact and T is 0. Otherwise H is a reading's curvature averaged over the belief at
/// the time the reading leaves the window. Where the belief moves afterwards, T brings b and H along: what the belief at that time did
/// not know yet would be an error of the same size in every octave of the readings.
///
/// Of the third derivatives only their trace is kept, as N numbers: Tᵢⱼₖ = Hᵢⱼ tₖ + Hⱼₖ tᵢ + Hᵢₖ tⱼ, which is exact for one unknown. t is
/// a mean over the readings, not a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Folded<const N: usize> {
    slope: [f32; N],
    curvature: [[f32; N]; N],
    trend: [f32; N],
}

/// How much of the precision a reading's curvature may take away in any direction.
const MOST_NEGATIVE: f32 = 0.1;
/// Largest change of the curvature by a move, in parts of the precision, largest t and largest average of ½ T, in whitened coordinates.
const MOST_CHANGE: f32 = 0.25;
const MOST_TREND: f32 = 0.5;
const MOST_AVERAGE: f32 = 0.5;

impl<const N: usize> Folded<N> {
    pub(super) const NOTHING: Self = Self {
        slope: [0.0; N],
        curvature: [[0.0; N]; N],
        trend: [0.0; N],
    };

    /// The term with this b, H and t.
    pub(super) const fn new(slope: [f32; N], curvature: [[f32; N]; N], trend: [f32; N]) -> Self {
        Self {
            slope,
            curvature,
            trend,
        }
    }

    /// b.
    pub(super) const fn slope(&self) -> &[f32; N] {
        &self.slope
    }

    /// H.
    pub(super) const fn curvature(&self) -> &[[f32; N]; N] {
        &self.curvature
    }

    /// t.
    pub(super) const fn trend(&self) -> &[f32; N] {
        &self.trend
    }

    /// Adds the gradient b + H (θ − r); `reference` is r.
    #[inline]
    pub(super) fn add_gradient(
        &self,
        reference: &[f32; N],
        theta: &[f32; N],
        gradient: &mut [f32; N],
    ) {
        let from_reference = difference(theta, reference);
        let terms = self.slope.iter().zip(&self.curvature);
        each(gradient.iter_mut().zip(terms), |(g, (b, row))| {
            *g += b + dot(row, &from_reference);
        });
    }

    /// Puts the average of ½ T over the belief into b, for the draws.
    pub(super) fn averaged(mut self, belief: &Belief<N>) -> Self {
        let average = contraction(belief, &self.curvature, &self.trend).map(|x| 0.5 * x);
        if let Some(share) = share_within(belief, &average, MOST_AVERAGE) {
            add_scaled(&mut self.slope, share, &average);
        }
        self
    }

    /// Follows the reference of `belief`, which has moved by `moved`.
    pub(super) fn rebase(&mut self, moved: &[f32; N], belief: &Belief<N>) {
        let pull = self.curvature.map(|row| dot(&row, moved));
        add_scaled(&mut self.slope, 1.0, &pull);
        // H + T d with an error of second order, as A H Aᵀ with A = (1 + ½ t·d) I + t dᵀ: what was positive definite stays so.
        let turn = dot(&self.trend, moved);
        let (p, t) = (
            belief.whitened_square(&pull),
            belief.whitened_square(&self.trend),
        );
        let change = turn.abs() + 2.0 * sqrt(p * t);
        if !(change > 0.0 && change.is_finite()) {
            return;
        }
        let share = (MOST_CHANGE / change).min(1.0);
        let trend = self.trend.map(|x| share * x);
        let stay = 1.0 + 0.5 * share * turn;
        let work = dot(moved, &pull);
        let before = self.curvature;
        for (row, (t, p)) in self.curvature.iter_mut().zip(trend.iter().zip(&pull)) {
            scale(row, stay * stay);
            add_scaled(row, stay * t, &pull);
            add_scaled(row, stay * p + work * t, &trend);
        }
        let rows = self.curvature.iter().zip(&before);
        for (b, (new, old)) in self.slope.iter_mut().zip(rows) {
            *b += 0.5 * dot(&difference(new, old), moved);
        }
    }

    /// Multiplies the term by `factor`.
    pub(super) fn discount(&mut self, factor: f32) {
        let rows = core::iter::once(&mut self.slope).chain(&mut self.curvature);
        for row in rows {
            scale(row, factor);
        }
    }

    /// Adds a reading with this `gradient` of −wᵢ log p(reading | θ). Cost: 4N + 1 gradients.
    ///
    /// A curvature that would take away more than a tenth of the precision in some direction is left out: the belief
    /// was too wide for its average to mean anything. A reading whose gradients are not finite is dropped.
    ///
    /// Without `lasting` T is left alone. Under forgetting the belief stays wide and soon forgets what T would correct: the trace of T
    /// does more harm than good there.
    pub(super) fn push(
        &mut self,
        belief: &Belief<N>,
        lasting: bool,
        gradient: impl Fn(&[f32; N]) -> [f32; N],
    ) {
        let mean = belief.mean();
        let centre = gradient(&mean);
        // The average of the gradient less that at the mean, and the mean of the points after rounding less the mean.
        let (mut excess, mut rounding) = ([0.0; N], [0.0; N]);
        for k in 0..N {
            let [high, low] = belief.sides(k, 1.0);
            let of_gradient = second_difference(&gradient(&high), &centre, &gradient(&low));
            add_scaled(&mut excess, 0.5, &of_gradient);
            add_scaled(&mut rounding, 0.5, &second_difference(&high, &mean, &low));
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
        let rows = [&centre, &excess].into_iter().chain(&curvature);
        if !rows.flatten().all(|x| x.is_finite()) {
            return;
        }
        add_scaled(&mut self.slope, 1.0, &centre);
        if !is_harmless(belief, &curvature) {
            add_scaled(&mut self.slope, 1.0, &excess);
            return;
        }
        // The gradient is that at the mean after rounding: b is for the reference.
        let from_reference = difference(&mean, belief.reference());
        let terms = self.slope.iter_mut().zip(&mut excess);
        for ((b, e), row) in terms.zip(&curvature) {
            *b -= dot(row, &from_reference);
            *e -= dot(row, &rounding);
        }
        for (sum, row) in self.curvature.iter_mut().zip(&curvature) {
            add_scaled(sum, 1.0, row);
        }
        if lasting {
            self.learn_trend(belief, &curvature, &excess);
        } else {
            add_scaled(&mut self.slope, 1.0, &excess);
        }
    }

    /// Makes t that of the sum with a reading of which `excess` is the average of ½ T.
    fn learn_trend(&mut self, belief: &Belief<N>, curvature: &[[f32; N]; N], excess: &[f32; N]) {
        let known = trace(belief, &self.curvature);
        // The trace of the precision's part that is known is N once the window is a small part of all.
        let scale = known * (1.0 + 2.0 / N as f32);
        let already = contraction(belief, curvature, &self.trend);
        let mut trend = self.trend;
        for (t, (e, a)) in trend.iter_mut().zip(excess.iter().zip(&already)) {
            *t += (2.0 * e - a) / scale;
        }
        let share = share_within(belief, &trend, MOST_TREND);
        if let Some(share) = share.filter(|_| known > 0.0) {
            self.trend = trend.map(|t| share * t);
        }
    }
}

/// The average over `belief`, from its mean, of T θθ with the T of this H and t: tr(SH) t + 2 H S t, S the covariance.
fn contraction<const N: usize>(
    belief: &Belief<N>,
    curvature: &[[f32; N]; N],
    trend: &[f32; N],
) -> [f32; N] {
    let spread = belief.apply(&belief.apply_transpose(trend));
    let mut out = curvature.map(|row| 2.0 * dot(&row, &spread));
    add_scaled(&mut out, trace(belief, curvature), trend);
    out
}

/// tr(SH) with the covariance S.
fn trace<const N: usize>(belief: &Belief<N>, curvature: &[[f32; N]; N]) -> f32 {
    let mut trace = 0.0;
    for k in 0..N {
        let column = belief.column(k);
        let image = curvature.map(|row| dot(&row, &column));
        trace += dot(&image, &column);
    }
    trace
}

/// The share of a gradient that is at most so long in whitened coordinates; `None` where it is not finite.
fn share_within<const N: usize>(
    belief: &Belief<N>,
    gradient: &[f32; N],
    longest: f32,
) -> Option<f32> {
    let length = sqrt(belief.whitened_square(gradient));
    length.is_finite().then(|| (longest / length).min(1.0))
}

fn difference<const N: usize>(a: &[f32; N], b: &[f32; N]) -> [f32; N] {
    let mut out = *a;
    add_scaled(&mut out, -1.0, b);
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
        folded.push(&belief, true, gradient);
        // The belief moves on, and the reference with it.
        belief.shift(&[3.0, 1.0]);
        let moved = belief.rebase();
        folded.rebase(&moved, &belief);
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
    fn the_term_follows_the_belief_by_third_derivatives() {
        let mut belief = Belief::independent(&[0.0], &[0.01]);
        let mut folded = Folded::NOTHING;
        folded.push(&belief, true, |theta: &[f32; 1]| [1000.0 * theta[0].exp()]);
        for _ in 0..10 {
            belief.shift(&[0.1]);
            let moved = belief.rebase();
            folded.rebase(&moved, &belief);
        }
        // The term is exponential: gradient and curvature at 1 are 2718, not 2000 and 1000.
        assert!((folded.slope[0] / 2718.0 - 1.0).abs() < 0.05);
        assert!((folded.curvature[0][0] / 2718.0 - 1.0).abs() < 0.05);
        // Over the belief the average gradient is larger by half of the third derivative times the variance.
        let average = folded.averaged(&belief).slope[0] - folded.slope[0];
        assert!((average / (0.5 * 2718.0 * 1e-4) - 1.0).abs() < 0.1);
        // A move that is too long to say anything leaves a term that can be worked with.
        folded.rebase(&[-1e9], &belief);
        assert!(folded.curvature[0][0] > 1000.0 && folded.slope[0].is_finite());
    }

    #[test]
    fn a_curvature_that_would_undo_the_belief_is_left_out() {
        let belief = Belief::independent(&[0.0], &[1.0]);
        let mut folded = Folded::NOTHING;
        folded.push(&belief, true, |theta: &[f32; 1]| [1.0 - 0.5 * theta[0]]);
        assert_eq!(folded.curvature, [[0.0]]);
        folded.push(&belief, true, |theta: &[f32; 1]| [1.0 - 0.05 * theta[0]]);
        let [[curvature]] = folded.curvature;
        assert!((curvature + 0.05).abs() < 1e-6);
        folded.push(&belief, true, |_: &[f32; 1]| [f32::NAN]);
        assert!((folded.slope[0] - 2.0).abs() < 1e-6);
    }
}
