//! What one new reading does to the belief, before any draw.
//!
//! An iterated extended Kalman filter whose derivatives are differences of the reading's own gradient.
//! Newton's method for the reading against the present Gaussian, in whitened coordinates z, with a
//! rank-one secant along the reading's gradient for its curvature; then one pass that averages gradient and
//! curvature of the reading over the new belief.

use super::belief::Belief;
use crate::{
    arithmetic::sqrt,
    model::{add_scaled, dot, each, scale},
};

/// Moves at most, each of at most √N standard deviations.
const MOVES: u32 = 32;
/// Moves at most that are not cut short.
const FREE_MOVES: u32 = 4;
/// A reading is out of reach when the moves are still cut short this many times √N standard deviations away.
const REACH: f32 = 8.0;
/// Squared length of a move that ends the iteration.
const SETTLED: f32 = 1e-6;
/// Length of a secant in standard deviations.
const SECANT: f32 = 0.5;
/// Longest correction by the averages, in standard deviations and in parts of the precision.
const MOST_CORRECTION: f32 = 0.5;

/// What a reading did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The belief has met it.
    Met,
    /// The moves did not reach it: the mean has moved as far as they go, and the factor is as it was.
    OutOfReach,
}

/// Curvature w j jᵀ of one reading.
struct Curvature<const N: usize> {
    weight: f32,
    direction: [f32; N],
}

impl<const N: usize> Curvature<N> {
    /// The secant along the whitened gradient `v` = Lᵀ`here`; `None` where there is no direction or no positive curvature.
    fn secant(
        belief: &Belief<N>,
        z: &[f32; N],
        here: &[f32; N],
        v: &[f32; N],
        gradient: &impl Fn(&[f32; N]) -> [f32; N],
    ) -> Option<Self> {
        let length = sqrt(dot(v, v));
        if length == 0.0 {
            return None;
        }
        let mut back = *z;
        for (b, v) in back.iter_mut().zip(v) {
            *b -= SECANT * (v / length);
        }
        let there = gradient(&belief.point(&back));
        let mut direction = *here;
        for (d, t) in direction.iter_mut().zip(&there) {
            *d = (*d - t) / SECANT;
        }
        let whitened = belief.apply_transpose(&direction);
        let along = dot(&whitened, v) / length;
        // The whitened secant must point along the gradient: cos² > 0.04.
        let positive = along > 0.0 && along * along > 0.04 * dot(&whitened, &whitened);
        positive.then_some(Self {
            weight: 1.0 / along,
            direction,
        })
    }

    /// Solves (I + w q qᵀ) p = v, q = Lᵀj, in place.
    fn solve(&self, belief: &Belief<N>, p: &mut [f32; N]) {
        let q = belief.apply_transpose(&self.direction);
        let (qq, qp, pp) = (dot(&q, &q), dot(&q, p), dot(p, p));
        if qp * qp > 0.9999 * qq * pp {
            // Parallel: the subtraction below would leave rounding only.
            for p in p {
                *p /= 1.0 + self.weight * qq;
            }
        } else {
            let share = self.weight * qp / (1.0 + self.weight * qq);
            add_scaled(p, -share, &q);
        }
    }
}

/// Moves and sharpens `belief` by a reading with this `gradient` of −log p(reading | θ).
///
/// `pull` is a further gradient, in whitened coordinates, that the Newton steps balance: what forgetting gives back
/// to the prior. Cost: 2 gradients a move and 2N + 1 for the averages.
pub(super) fn predict<const N: usize>(
    belief: &mut Belief<N>,
    pull: &[f32; N],
    gradient: impl Fn(&[f32; N]) -> [f32; N],
) -> Outcome {
    let mut bound = N as f32;
    let mut z = [0.0; N];
    let mut last = [0.0; N];
    let mut curvature: Option<Curvature<N>> = None;
    let mut outcome = Outcome::OutOfReach;
    let mut free = 0;
    for _ in 0..MOVES {
        let here = gradient(&belief.point(&z));
        let v = belief.apply_transpose(&here);
        let secant = Curvature::secant(belief, &z, &here, &v, &gradient);
        // Without a new one the last secant stays.
        curvature = secant.or(curvature);
        let mut p = v;
        for (p, (z, pull)) in p.iter_mut().zip(z.iter().zip(pull)) {
            *p += z + pull;
        }
        if let Some(curvature) = &curvature {
            curvature.solve(belief, &mut p);
        }
        let length = dot(&p, &p);
        if !length.is_finite() {
            outcome = Outcome::OutOfReach;
            break;
        }
        if dot(&p, &last) < 0.0 {
            // There and back: what is looked for lies between.
            bound *= 0.25;
        }
        last = p;
        let cut = length > bound;
        let share = if cut { sqrt(bound / length) } else { 1.0 };
        add_scaled(&mut z, -share, &p);
        if cut {
            let far = dot(&z, &z) > REACH * REACH * N as f32;
            outcome = if far {
                Outcome::OutOfReach
            } else {
                Outcome::Met
            };
        } else {
            outcome = Outcome::Met;
            free += 1;
            if length < SETTLED || free >= FREE_MOVES {
                break;
            }
        }
    }
    let step = belief.apply(&z);
    belief.shift(&step);
    if outcome == Outcome::Met {
        let known = curvature.map(|curvature| {
            belief.observe(curvature.weight, &curvature.direction);
            let q = belief.apply_transpose(&curvature.direction);
            (curvature.weight, q)
        });
        average(belief, known, gradient);
    }
    outcome
}

/// Corrects the belief by the averages over itself of the reading's gradient and curvature, of which it knows
/// the gradient at its mean and the curvature w q qᵀ (whitened).
///
/// Differences over one standard deviation along each column of L.
fn average<const N: usize>(
    belief: &mut Belief<N>,
    known: Option<(f32, [f32; N])>,
    gradient: impl Fn(&[f32; N]) -> [f32; N],
) {
    let centre = gradient(&belief.mean());
    let mut excess = [0.0; N];
    let mut rest = [[0.0; N]; N];
    for (k, row) in rest.iter_mut().enumerate() {
        let [above, below] = belief.sides(k, 1.0).map(|theta| gradient(&theta));
        add_scaled(
            &mut excess,
            0.5,
            &second_difference(&above, &centre, &below),
        );
        let mut slope = above;
        add_scaled(&mut slope, -1.0, &below);
        scale(&mut slope, 0.5);
        *row = belief.apply_transpose(&slope);
        if let Some((weight, q)) = &known {
            let along = weight * q.get(k).copied().unwrap_or_default();
            add_scaled(row, -along, q);
        }
    }
    // As in Newton's method: c ← c − L Lᵀ (averaged gradient − gradient at the mean).
    let mut step = belief.apply_transpose(&excess);
    let length = dot(&step, &step);
    let norm = symmetrise(&mut rest);
    if !(length.is_finite() && norm.is_finite()) {
        return;
    }
    let share = shortening(length);
    step = belief.apply(&step.map(|s| -share * s));
    belief.shift(&step);
    let share = shortening(norm);
    for row in &mut rest {
        scale(row, share);
    }
    belief.sharpen(&rest);
}

/// The factor that brings something of this squared length to [`MOST_CORRECTION`] at most.
fn shortening(squared: f32) -> f32 {
    if squared > MOST_CORRECTION * MOST_CORRECTION {
        MOST_CORRECTION / sqrt(squared)
    } else {
        1.0
    }
}

/// The sum of the differences of two places from the one between them.
pub(super) fn second_difference<const N: usize>(
    above: &[f32; N],
    centre: &[f32; N],
    below: &[f32; N],
) -> [f32; N] {
    let mut second = *above;
    let places = centre.iter().zip(below);
    each(second.iter_mut().zip(places), |(a, (c, b))| {
        *a = (*a - c) + (b - c);
    });
    second
}

/// Replaces a matrix by its symmetric part and returns the sum of the squares.
pub(super) fn symmetrise<const N: usize>(matrix: &mut [[f32; N]; N]) -> f32 {
    let mut sum = 0.0;
    let mut rows: &mut [[f32; N]] = matrix;
    let mut index = 0;
    while let [row, rest @ ..] = rows {
        if let Some((_, [diagonal, right @ ..])) = row.split_at_mut_checked(index) {
            sum += *diagonal * *diagonal;
            for (x, below) in right.iter_mut().zip(rest.iter_mut()) {
                if let Some(mirror) = below.get_mut(index) {
                    let mean = 0.5 * (*x + *mirror);
                    (*x, *mirror) = (mean, mean);
                    sum += 2.0 * mean * mean;
                }
            }
        }
        index += 1;
        rows = rest;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = x·θ + noise: the gradient of its energy.
    fn linear(x: [f32; 2], y: f32, sigma: f32) -> impl Fn(&[f32; 2]) -> [f32; 2] {
        move |theta| {
            let r = (dot(&x, theta) - y) / (sigma * sigma);
            x.map(|x| r * x)
        }
    }

    #[test]
    fn a_linear_reading_is_a_kalman_update() {
        for sigma in [0.5, 0.05, 0.005_f32] {
            let mut belief = Belief::independent(&[0.0; 2], &[10.0; 2]);
            let outcome = predict(&mut belief, &[0.0; 2], linear([1.0, 2.0], 30.0, sigma));
            assert_eq!(outcome, Outcome::Met);
            // The gain of the exact update: P x / (xᵀPx + σ²) = 100 x/(500 + σ²).
            let gain = 100.0 / (500.0 + sigma * sigma);
            let [a, b] = belief.mean();
            assert!((a - 30.0 * gain).abs() < 1e-3 && (b - 60.0 * gain).abs() < 1e-3);
            let [[p, q], [_, r]] = belief.covariance();
            assert!((p - (100.0 - 100.0 * gain)).abs() < 1e-2);
            assert!((q + 200.0 * gain).abs() < 1e-2);
            assert!((r - (100.0 - 400.0 * gain)).abs() < 1e-2);
        }
    }

    #[test]
    fn a_far_reading_is_out_of_reach_and_leaves_the_factor() {
        let mut belief = Belief::independent(&[0.0; 2], &[0.1; 2]);
        let before = belief.covariance();
        let outcome = predict(&mut belief, &[0.0; 2], linear([1.0, 0.0], 1e6, 1.0));
        assert_eq!(outcome, Outcome::OutOfReach);
        assert_eq!(belief.covariance(), before);
    }

    #[test]
    fn a_gradient_that_is_not_finite_moves_nothing() {
        let mut belief = Belief::independent(&[1.0; 2], &[1.0; 2]);
        let before = belief;
        let outcome = predict(&mut belief, &[0.0; 2], |_| [f32::NAN, 0.0]);
        assert_eq!((outcome, belief), (Outcome::OutOfReach, before));
    }

    #[test]
    fn a_matrix_is_symmetrised() {
        let mut matrix = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]];
        let sum = symmetrise(&mut matrix);
        assert_eq!(matrix, [[1.0, 3.0, 5.0], [3.0, 5.0, 7.0], [5.0, 7.0, 9.0]]);
        assert_eq!(sum, 1.0 + 25.0 + 81.0 + 2.0 * (9.0 + 25.0 + 49.0));
    }
}
