//! The curvature where the descent ended, and the metric in which it is 1.

use super::{SamplerError, tuning::Site};
use crate::{
    arithmetic::sqrt,
    preconditioner::{Dense, Preconditioner},
};

/// Trials to find the length on which a coordinate's energy changes by about 1.
const TRIALS: u8 = 16;

/// The first, diagonal metric: for each coordinate the length h on which curvature changes the energy
/// by about 1, h|Δgᵢ| ≈ 1, found by trying lengths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale<const N: usize> {
    index: u16,
    trials: u8,
    lengths: [f32; N],
}

impl<const N: usize> Scale<N> {
    /// All zeros, to be started in place.
    pub const BLANK: Self = Self {
        index: 0,
        trials: 0,
        lengths: [0.0; N],
    };

    /// Starts a blank one, from guesses of the lengths; none is taken to be below the resolution of the position.
    pub fn start(&mut self, site: &Site<N>, guesses: &[f32; N]) {
        for ((length, guess), x) in self.lengths.iter_mut().zip(guesses).zip(&site.theta) {
            *length = guess.max(1e-3 * (x.abs() + 0.01));
        }
    }

    pub fn probe(&self, site: &Site<N>) -> [f32; N] {
        let mut probe = site.theta;
        let index = usize::from(self.index);
        if let (Some(x), Some(length)) = (probe.get_mut(index), self.lengths.get(index)) {
            *x += *length;
        }
        probe
    }

    /// Takes the gradient at the probe; `Ok(true)` when done, the metric then being set.
    pub fn update(
        &mut self,
        site: &mut Site<N>,
        probe: &[f32; N],
        gradient: Option<&[f32; N]>,
    ) -> Result<bool, SamplerError> {
        let index = usize::from(self.index);
        let of = |array: &[f32; N]| array.get(index).copied().unwrap_or(0.0);
        let moved = of(probe) - of(&site.theta);
        let curvature = gradient.map_or(f32::NAN, |g| {
            if moved == 0.0 {
                0.0
            } else {
                ((of(g) - of(&site.gradient)) / moved).abs()
            }
        });
        let Some(length) = self.lengths.get_mut(index) else {
            return Ok(true);
        };
        self.trials = self.trials.saturating_add(1);
        let fits = if !curvature.is_finite() {
            *length *= 1.0 / 32.0;
            false
        } else if curvature == 0.0 {
            *length *= 32.0;
            false
        } else {
            let energy = *length * *length * curvature;
            let ideal = 1.0 / sqrt(curvature);
            *length = ideal.max(*length * 1e-3).min(*length * 1e3);
            (0.1..10.0).contains(&energy) || self.trials >= TRIALS
        };
        if fits {
            self.index += 1;
            self.trials = 0;
            if usize::from(self.index) >= N {
                // It was the unit matrix, and stays that where a length is not finite.
                let _ = site.metric.set_diagonal(&self.lengths);
                return Ok(true);
            }
        } else if self.trials >= TRIALS {
            return Err(if of(&site.theta).abs() * f32::EPSILON > *length {
                SamplerError::Resolution { coordinate: index }
            } else {
                SamplerError::Flat { coordinate: index }
            });
        }
        Ok(false)
    }
}

/// Damping of the Hessian, as part of its largest diagonal element: what curvature may be told from
/// the rounding of the gradients. A metric improves by its inverse square root at each round.
const DAMPING: f32 = 0.01;
/// Largest deviation of an element of the whitened Hessian from the unit matrix that is no reason
/// for another round.
const WHITE: f32 = 0.5;
/// Rounds after which the metric is taken as it is: the windows that follow do the rest.
const ROUNDS: u8 = 15;
/// Halvings of a probe that is not finite.
const RETREATS: u8 = 12;

/// How far the probes are to either side, in whitened units: far, to see past what is small and bent, and at the mode
/// close, for the second derivatives there.
const FAR: f32 = 1.0;
const CLOSE: f32 = 0.25;

/// The Hessian by central differences, column by column.
///
/// What it finds is composed with the metric it was found in, L ← LK with KKᵀ = (LᵀHL + μI)⁻¹. So each
/// round refines the last, and condition numbers far beyond what f32 differences resolve come out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curvature<const N: usize> {
    rounds: u8,
    column: u16,
    retreats: u8,
    span: f32,
    reach: f32,
    backward: bool,
    forward: [f32; N],
    hessian: [[f32; N]; N],
}

impl<const N: usize> Curvature<N> {
    /// All zeros, to be started in place.
    pub const BLANK: Self = Self {
        rounds: 0,
        column: 0,
        retreats: 0,
        span: 0.0,
        reach: 0.0,
        backward: false,
        forward: [0.0; N],
        hessian: [[0.0; N]; N],
    };

    /// The first round.
    pub const fn start(&mut self) {
        self.rounds = 0;
        self.span = FAR;
        self.again();
    }

    /// Another round, at the mode.
    pub const fn close(&mut self) {
        self.span = CLOSE;
        self.again();
    }

    /// Another round, at a new site.
    pub const fn again(&mut self) {
        self.column = 0;
        self.retreats = 0;
        self.reach = self.span;
        self.backward = false;
    }

    pub fn probe(&self, site: &Site<N>) -> [f32; N] {
        let mut displacement = [0.0; N];
        if let Some(d) = displacement.get_mut(usize::from(self.column)) {
            *d = if self.backward {
                -self.reach
            } else {
                self.reach
            };
        }
        site.metric.apply(&mut displacement);
        site.displaced(&displacement, 1.0)
    }

    /// Takes the gradient at the probe; `Ok(true)` when the Hessian is complete.
    pub fn update(
        &mut self,
        site: &Site<N>,
        gradient: Option<&[f32; N]>,
    ) -> Result<bool, SamplerError> {
        let Some(gradient) = gradient else {
            self.reach *= 0.25;
            self.backward = false;
            self.retreats = self.retreats.saturating_add(1);
            return if self.retreats > RETREATS {
                Err(SamplerError::NonFinite)
            } else {
                Ok(false)
            };
        };
        let mut pulled = *gradient;
        site.metric.apply_transpose(&mut pulled);
        if !self.backward {
            self.forward = pulled;
            self.backward = true;
            return Ok(false);
        }
        if let Some(row) = self.hessian.get_mut(usize::from(self.column)) {
            for ((h, f), b) in row.iter_mut().zip(&self.forward).zip(&pulled) {
                *h = (f - b) / (2.0 * self.reach);
            }
        }
        self.column += 1;
        self.retreats = 0;
        self.reach = self.span;
        self.backward = false;
        Ok(usize::from(self.column) >= N)
    }

    /// Refines the metric by the Hessian; `true` when another round is worth its gradients.
    pub fn refine(&mut self, site: &mut Site<N>) -> bool {
        self.rounds = self.rounds.saturating_add(1);
        let (largest, deviation) = self.symmetrise();
        self.damped(site, largest);
        // False for NaN too.
        let white = deviation < WHITE;
        self.rounds < ROUNDS && !(white && site.energy() < 2.0)
    }

    /// Refines the metric by the Hessian for the last time, as it is; `false` when it is not positive definite, and had to
    /// be damped.
    pub fn conclude(&mut self, site: &mut Site<N>) -> bool {
        let (largest, _) = self.symmetrise();
        let positive = self.compose(site);
        if !positive {
            self.damped(site, largest);
        }
        positive
    }

    /// Refines the metric by the Hessian as it is; `false` when that is not positive definite.
    #[inline(never)]
    fn compose(&self, site: &mut Site<N>) -> bool {
        let mut found = Dense::BLANK;
        let positive = found.invert(&self.hessian).is_ok();
        if positive {
            site.metric.compose(&found);
        }
        positive
    }

    /// Its largest diagonal element, and how far it is from the unit matrix.
    fn symmetrise(&mut self) -> (f32, f32) {
        let mut deviation: f32 = 0.0;
        let mut largest = f32::MIN_POSITIVE;
        for i in 0..N {
            for j in 0..=i {
                let mean = 0.5 * (at(&self.hessian, i, j) + at(&self.hessian, j, i));
                if let Some(h) = self.hessian.get_mut(i).and_then(|row| row.get_mut(j)) {
                    *h = mean;
                }
                if i == j {
                    largest = largest.max(mean.abs());
                    deviation = deviation.max((mean - 1.0).abs());
                } else {
                    deviation = deviation.max(mean.abs());
                }
            }
        }
        (largest, deviation)
    }

    /// Levenberg and Marquardt: damped until it is positive definite.
    fn damped(&mut self, site: &mut Site<N>, largest: f32) {
        let mut damping = DAMPING * largest;
        let mut added = 0.0;
        while damping.is_finite() && damping < 1e6 * largest {
            for (index, row) in self.hessian.iter_mut().enumerate() {
                if let Some(h) = row.get_mut(index) {
                    *h += damping - added;
                }
            }
            added = damping;
            if self.compose(site) {
                break;
            }
            damping *= 4.0;
        }
    }
}

fn at<const N: usize>(matrix: &[[f32; N]; N], row: usize, column: usize) -> f32 {
    matrix
        .get(row)
        .and_then(|r| r.get(column))
        .copied()
        .unwrap_or(0.0)
}

/// A step is at most this many whitened units, times √N.
const LONGEST: f32 = 3.0;
/// Shortenings of a step before it is given up.
const SHORTENINGS: u8 = 8;

/// A Newton step: in a whitened metric, one against the gradient, shortened until the energy falls.
///
/// The change of energy is that of the trapezoidal rule along the step, δᵀ(∇U + ∇U')/2: it needs no
/// energy, and suffers none of the rounding of large energies' differences.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<const N: usize> {
    direction: [f32; N],
    fraction: f32,
    shortenings: u8,
}

impl<const N: usize> Search<N> {
    /// All zeros, to be started in place.
    pub const BLANK: Self = Self {
        direction: [0.0; N],
        fraction: 0.0,
        shortenings: 0,
    };

    /// Starts a step from the site.
    #[inline(never)]
    pub fn start(&mut self, site: &Site<N>) {
        self.direction = site.pulled();
        let mut squared = 0.0;
        for w in &mut self.direction {
            squared += *w * *w;
            *w = -*w;
        }
        site.metric.apply(&mut self.direction);
        let longest = LONGEST * sqrt(N as f32);
        self.fraction = (longest / sqrt(squared)).min(1.0);
        self.shortenings = 0;
    }

    pub fn probe(&self, site: &Site<N>) -> [f32; N] {
        site.displaced(&self.direction, self.fraction)
    }

    /// Takes the gradient at the probe; `true` when done, with the site moved unless all was in vain.
    pub fn update(
        &mut self,
        site: &mut Site<N>,
        probe: &[f32; N],
        gradient: Option<&[f32; N]>,
    ) -> bool {
        if let Some(gradient) = gradient {
            let mut change = 0.0;
            for ((d, g), before) in self.direction.iter().zip(gradient).zip(&site.gradient) {
                change += d * (g + before);
            }
            if change < 0.0 {
                site.theta = *probe;
                site.gradient = *gradient;
                return true;
            }
        }
        self.fraction *= 0.4;
        self.shortenings = self.shortenings.saturating_add(1);
        self.shortenings >= SHORTENINGS
    }
}

crate::checkpoint!(impl[const N: usize] for Scale<N> { index: u16, trials: u8, lengths: [f32; N] }
    if |scale| usize::from(scale.index) <= N);

crate::checkpoint!(impl[const N: usize] for Curvature<N> {
    rounds: u8, column: u16, retreats: u8, span: f32, reach: f32, backward: bool, forward: [f32; N],
    hessian: [[f32; N]; N]
} if |curvature| usize::from(curvature.column) <= N);

crate::checkpoint!(impl[const N: usize] for Search<N> {
    direction: [f32; N], fraction: f32, shortenings: u8
});
