//! The chain that corrects the belief: one gradient of the whole posterior a draw.

use super::{belief::Belief, packed::rotate, skew::Skew};
use crate::{
    arithmetic::sqrt,
    model::{add_scaled, dot, each, scale},
};

/// Step size where the posterior is normal: consecutive positions of the chain then are uncorrelated but for shared noise.
const STEP: f32 = 1.0;
/// Bound on |y|² and |y − u|² in the updates, per dimension.
const LONGEST: f32 = 4.0;
/// Bound on the squared move by the gradient, per dimension.
const LONGEST_MOVE: f32 = 4.0;
/// Bounds on |y − u|² in the measures of stiffness and of deviation from normality, per dimension.
const STIFFEST: f32 = 100.0;
const MOST_DEVIATION: f32 = 9.0;
/// Draws that stiffness and normality are averaged over.
const AVERAGED: f32 = 64.0;
/// Averaging time of the residual, in draws, and the squared length at which the gain starts again.
const RESIDUAL: f32 = 8.0;
const RESTART: f32 = 2.25;
/// The gain is GAIN/(draws + GAIN · FIRST) until it has fallen to that of the averaging window.
const GAIN: f32 = 4.0;
const FIRST: f32 = 12.0;
/// Averaging window of the updates: WINDOW · √(effective readings · draws a reading), longer where draws scatter more: by 1 + stiffness
/// or, where third derivatives are known, shorter and by 1 + SCATTER · deviation.
const WINDOW: f32 = 2.5;
const SHORT_WINDOW: f32 = 0.5;
const SCATTER: f32 = 16.0;
const MOST_STRETCH: f32 = 8.0;

/// A Leimkuhler–Matthews chain in whitened coordinates y, and what it has seen.
///
/// θ = mean + L y moves with the belief, so that the chain never lags behind the posterior. Kept is x = y − √(η/2) ξ,
/// the position before the half of the noise that a draw shares with the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Draws<const N: usize> {
    position: [f32; N],
    residual: [f32; N],
    /// Since the gain started.
    count: f32,
    stiffness: f32,
    deviation: f32,
}

crate::checkpoint!(impl[const N: usize] for Draws<N> {
    position: [f32; N], residual: [f32; N], count: f32, stiffness: f32, deviation: f32
} if |draws| draws.is_finite());

impl<const N: usize> Draws<N> {
    pub(super) const NOTHING: Self = Self {
        position: [0.0; N],
        residual: [0.0; N],
        count: 0.0,
        stiffness: 0.0,
        deviation: 0.0,
    };

    fn is_finite(&self) -> bool {
        let scalars = [self.count, self.stiffness, self.deviation];
        let vectors = self.position.iter().chain(&self.residual);
        vectors.chain(&scalars).all(|x| x.is_finite())
    }

    /// The mean of |y − u|²/N, bounded, over some 64 draws, without what third derivatives explain of it where they are known: 0 where the
    /// posterior is normal and the belief right.
    pub(super) const fn deviation(&self) -> f32 {
        self.deviation
    }

    /// Rotates coordinates `i` < `j`.
    pub(super) fn rotate(&mut self, i: usize, j: usize, turn: [f32; 2]) {
        rotate(&mut self.position, i, j, turn);
        rotate(&mut self.residual, i, j, turn);
    }

    #[cfg(test)]
    pub(super) const fn at(position: [f32; N]) -> Self {
        let mut draws = Self::NOTHING;
        draws.position = position;
        draws
    }

    #[cfg(test)]
    pub(super) const fn position(&self) -> &[f32; N] {
        &self.position
    }

    /// Starts the gain again: the belief is no longer to be trusted.
    pub(super) const fn restart(&mut self) {
        self.count = 0.0;
        self.residual = [0.0; N];
    }

    /// The averaging window of the updates for so many effective readings and draws a reading.
    pub(super) fn window(readings: f32, draws: f32) -> f32 {
        WINDOW * sqrt(readings.max(1.0) * draws)
    }

    /// One draw, with fresh noise `xi`, averaged over `window` and so many `further` draws.
    #[inline]
    pub(super) fn step(
        &mut self,
        belief: &mut Belief<N>,
        window: f32,
        further: f32,
        xi: &[f32; N],
        skew: Option<&Skew<N>>,
        gradient: impl FnOnce(&[f32; N]) -> [f32; N],
    ) {
        let dimensions = N as f32;
        // Across a bent ridge the curvature is larger than in the metric of the covariance.
        let step = STEP / (1.0 + 2.0 * self.stiffness);
        let half = sqrt(0.5 * step);
        let mut y = self.position;
        add_scaled(&mut y, half, xi);
        let ly = belief.apply(&y);
        let theta = belief.offset(&ly);
        let u = belief.apply_transpose(&gradient(&theta));
        let uu = dot(&u, &u);
        if !uu.is_finite() {
            // Nothing is known here: back towards the mean.
            scale(&mut self.position, 0.5);
            return;
        }
        let mut d = y;
        add_scaled(&mut d, -1.0, &u);
        // What the third derivatives leave of it.
        let mut rest = d;
        if let Some(skew) = skew {
            add_scaled(&mut rest, 1.0, &skew.correction(&y, &u));
        }
        let stiffness = dot(&d, &d) / dimensions;
        self.stiffness += (stiffness.min(STIFFEST) - self.stiffness) / AVERAGED;
        let deviation = dot(&rest, &rest) / dimensions;
        self.deviation += (deviation.min(MOST_DEVIATION) - self.deviation) / AVERAGED;

        self.count += 1.0;
        let stretch = match skew {
            Some(_) => SHORT_WINDOW * (1.0 + SCATTER * self.deviation).min(MOST_STRETCH),
            None => (1.0 + self.stiffness).min(MOST_STRETCH),
        };
        let gain = (1.0 / (window * stretch + further)).max(GAIN / (self.count + GAIN * FIRST));
        let bound = LONGEST * dimensions;
        shorten(&mut d, bound);
        shorten(&mut rest, bound);
        each(self.residual.iter_mut().zip(&d), |(m, d)| {
            *m += (d - *m) / RESIDUAL;
        });
        if dot(&self.residual, &self.residual) > RESTART * (1.0 + self.stiffness) {
            self.restart();
        }
        let yy = dot(&y, &y);
        let share = if yy > bound { sqrt(bound / yy) } else { 1.0 };
        belief.learn(gain, share, &ly, &y, &rest);
        if let Some(skew) = skew {
            let (mut change, _) = skew.along(&d);
            for row in &mut change {
                scale(row, 0.5 * gain * share);
            }
            belief.sharpen(&change);
        }

        let mut along = step;
        if step * step * uu > LONGEST_MOVE * dimensions {
            along = sqrt(LONGEST_MOVE * dimensions / uu);
        }
        each(self.position.iter_mut().zip(&u).zip(xi), |((x, u), xi)| {
            *x += 2.0 * half * xi - along * u;
        });
    }
}

/// Shortens a vector to a squared length of at most `bound`.
pub(super) fn shorten<const N: usize>(v: &mut [f32; N], bound: f32) {
    let length = dot(v, v);
    if length > bound {
        let share = sqrt(bound / length);
        scale(v, share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BoxMuller, Pcg32, SeedableRng, noise::Noise};

    /// Draws of a normal posterior with covariance diag(4, 0.25) about (1, −1), from a belief that is wrong.
    fn learn(draws: usize) -> (Belief<2>, Draws<2>) {
        let mut noise = BoxMuller::new(Pcg32::seed_from_u64(7));
        let mut belief = Belief::independent(&[0.0; 2], &[1.0; 2]);
        let mut chain = Draws::NOTHING;
        for _ in 0..draws {
            let mut xi = [0.0; 2];
            noise.fill(&mut xi).unwrap();
            let gradient = |t: &[f32; 2]| [(t[0] - 1.0) / 4.0, 4.0 * (t[1] + 1.0)];
            chain.step(&mut belief, 100.0, 0.0, &xi, None, gradient);
        }
        (belief, chain)
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn the_belief_becomes_the_posterior_exactly() {
        let (belief, chain) = learn(4000);
        let ([a, b], [p, q]) = (belief.mean(), belief.sd());
        assert!((a - 1.0).abs() < 1e-4 && (b + 1.0).abs() < 1e-4, "{a} {b}");
        assert!((p - 2.0).abs() < 1e-4 && (q - 0.5).abs() < 1e-4, "{p} {q}");
        // Exact means exact: the draws themselves no longer scatter the answer.
        assert!(chain.deviation() < 1e-6);
        // It was not so from the start.
        assert!((learn(4).0.sd()[0] - 2.0).abs() > 0.1);
    }

    #[test]
    fn a_gradient_that_is_not_finite_leaves_the_belief() {
        let (mut belief, mut chain) = learn(100);
        let before = belief;
        chain.step(&mut belief, 100.0, 0.0, &[1.0; 2], None, |_| {
            [f32::NAN, 0.0]
        });
        assert_eq!(belief, before);
        assert!(chain.is_finite());
    }
}
