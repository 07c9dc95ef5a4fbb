//! What watches a chain while it samples.

use super::{Accuracy, Reason, Tuning, Verdict};
use crate::{
    arithmetic::sqrt,
    chain::ErrorCounts,
    estimate::{Observer, SkewedMoments, StandardErrors, SteinMoments, Watched},
    preconditioner::{Dense, Preconditioner},
};

/// Effective draws that a chain must have made of each coordinate, whatever the corrected estimates know.
const EXPLORED: f32 = 200.0;
/// A converged chain's largest split R-hat.
const RHAT: f32 = 1.03;
/// Relative bias of a variance, before correction, that is not suspect, however well it is known; and standard
/// errors of it beyond which it is suspect.
const BIAS: f32 = 0.04;
const ERRORS: f32 = 4.0;
/// A converged chain's largest such bias, unless it is within so many of its standard errors: for one coordinate, and more
/// for each further one, for one of many is always the worst.
const CONVERGED_BIAS: f32 = 0.02;
const CONVERGED_ERRORS: f32 = 2.5;
const MORE_ERRORS: f32 = 0.1;
/// The part of a bias that the correction is taken to leave.
const LEFT: f32 = 0.1;
/// The part of one more excursion into a tail that counts as an error.
const REACH: f32 = 0.5;
/// A chain of so many draws is slow when it needs this many times as many to have explored, and drifts when its split R-hat
/// is beyond this.
const LONG: f32 = 65_536.0;
const SLOW: f32 = 4.0;
const DRIFT: f32 = 1.05;

/// Watches a chain through its draws and their gradients: what the answer is, and whether to believe it.
///
/// ```
/// use langevin::sampler::{Monitor, Tuning, Verdict};
/// use langevin::{BoxMuller, Pcg32, SeedableRng, chain::ErrorCounts, preconditioner::Dense};
/// let mut posterior = |x: &[f32; 2]| [x[0], x[1]];
/// let tuning = Tuning::new([0.0; 2], Dense::identity(), 0.3)?;
/// let mut chain = tuning.chain(BoxMuller::new(Pcg32::seed_from_u64(7)));
/// let mut monitor = Monitor::new(&tuning);
/// for _ in 0..4_000 {
///     chain.step(&mut monitor.watch(&mut posterior))?;
/// }
/// assert_eq!(monitor.verdict(&ErrorCounts::new()), Verdict::Converged);
/// assert!(monitor.moments().mean().unwrap()[0].abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// - **Precision** is that of the corrected estimates, [`moments`](Self::moments): their standard errors must be
///   within the [`Accuracy`] asked for, with room for one more excursion into a tail as long as the longest so far.
/// - **Exploration** is the chain's own, for a small standard error of a corrected estimate says nothing of it: 200
///   effective draws of each coordinate, and halves that agree ([`split_r_hat`](Self::split_r_hat)).
/// - **Bias**: under the posterior, E\[φᵢ ∂U/∂φᵢ\] = T exactly, whatever its shape. A chain that is too wide because
///   its steps are too long, or too narrow because it has not been everywhere, is off by the relative error of its
///   variance, before correction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Monitor<const N: usize> {
    moments: SteinMoments<N>,
    halves: Halves<N>,
    accuracy: Accuracy,
}

impl<const N: usize> Monitor<N> {
    /// Creates a monitor of the chain made from `tuning`.
    pub fn new(tuning: &Tuning<N>) -> Self {
        let mut monitor = Self::BLANK;
        monitor.start(&tuning.centre, &tuning.metric);
        monitor
    }

    /// All zeros, to be started in place.
    pub(super) const BLANK: Self = Self {
        moments: SteinMoments::BLANK,
        halves: Halves {
            first: Half::NONE,
            second: Half::NONE,
            at_doubling: 0.0,
        },
        accuracy: Accuracy { mean: 0.0, sd: 0.0 },
    };

    /// Starts it, about a centre, in a metric.
    pub(super) fn start(&mut self, centre: &[f32; N], factor: &Dense<N>) {
        self.moments.restart(centre, factor);
        self.halves = Halves::NONE;
        self.accuracy = Accuracy::DEFAULT;
    }

    /// Starts it anew about another centre, in the metric that is refined by what was found in its coordinates.
    pub(super) fn refine(&mut self, centre: &[f32; N], found: Option<&Dense<N>>) {
        self.moments.refine(centre, found);
        self.halves = Halves::NONE;
    }

    /// Sets the accuracy that counts as converged.
    #[must_use]
    pub const fn with_accuracy(mut self, accuracy: Accuracy) -> Self {
        self.accuracy = accuracy;
        self
    }

    /// The potential, watched: to be handed to the chain's step.
    pub const fn watch<'a, P>(&'a mut self, potential: &'a mut P) -> Watched<'a, P, Self> {
        Watched::new(potential, self)
    }

    /// The answer so far: corrected moments, with their standard errors.
    pub const fn moments(&self) -> &SteinMoments<N> {
        &self.moments
    }

    /// Takes in a draw with its whitened gradient.
    pub(super) fn push_whitened(&mut self, position: &[f32; N], u: &[f32; N]) {
        let rejected = self.moments.rejected();
        self.moments.push_whitened(position, u);
        if self.moments.rejected() == rejected {
            self.halves.push(position, self.moments.centre());
        }
    }

    /// Standard errors of the answer: to those of the batch means they add what these cannot know, half the effect of one
    /// more excursion as far as the furthest so far, and a tenth of the draws' bias, where that is beyond chance.
    pub fn errors(&self) -> StandardErrors<N> {
        let mut errors = self.moments.standard_errors();
        let tail = REACH * self.moments.tail_error();
        for ((error, sd), (bias, chance)) in (errors.sd.iter_mut())
            .zip(&self.moments.sd_or_zero())
            .zip(&self.moments.biases())
        {
            let left = LEFT * 0.5 * (bias.abs() - chance).max(0.0);
            *error = sqrt(*error * *error + sd * sd * (left * left + tail * tail));
        }
        errors
    }

    /// Split R-hat of the draws, of means and of variances, the largest of all coordinates; infinite before there are
    /// halves.
    pub fn split_r_hat(&self) -> f32 {
        self.halves.r_hat()
    }

    /// For each coordinate, how many times the draws made so far it takes to know mean and standard deviation well
    /// enough.
    pub(super) fn work(&self, accuracy: Accuracy) -> [f32; N] {
        let errors = self.errors();
        let mut work = [f32::INFINITY; N];
        for (((w, sd), (of_mean, of_sd)), effective) in (work.iter_mut())
            .zip(&self.moments.sd_or_zero())
            .zip(errors.mean.iter().zip(&errors.sd))
            .zip(&self.moments.effective_draws())
        {
            let square = |x: f32| x * x;
            *w = square(of_mean / (sd * accuracy.mean))
                .max(square(of_sd / (sd * accuracy.sd)))
                .max(EXPLORED / effective);
            // NaN, of an sd of 0, is as good as nothing known.
            if w.is_nan() {
                *w = f32::INFINITY;
            }
        }
        work
    }

    /// Whether to believe the chain, whose errors are counted in `counts`.
    pub fn verdict(&self, counts: &ErrorCounts) -> Verdict {
        self.judge(counts, self.accuracy)
    }

    pub(super) fn judge(&self, counts: &ErrorCounts, accuracy: Accuracy) -> Verdict {
        match self.suspicion(counts) {
            Some(reason) => Verdict::Suspect(reason),
            None if self.converged(accuracy) => Verdict::Converged,
            None => Verdict::NotYet,
        }
    }

    fn suspicion(&self, counts: &ErrorCounts) -> Option<Reason> {
        let draws = self.moments.weight();
        let failed = counts
            .gradient
            .saturating_add(counts.energy)
            .saturating_add(counts.too_long);
        if counts.returned > 0 || failed as f32 > draws * (1.0 / 1024.0) {
            return Some(Reason::Errors);
        }
        if counts.stalled > 0 {
            return Some(Reason::Stalled);
        }
        for (coordinate, (bias, error)) in self.moments.biases().iter().enumerate() {
            if bias.abs() > BIAS + ERRORS * error {
                return Some(Reason::Biased { coordinate });
            }
        }
        if draws >= LONG {
            if self.split_r_hat() > DRIFT {
                return Some(Reason::Drift);
            }
            for (coordinate, effective) in self.moments.effective_draws().iter().enumerate() {
                if EXPLORED > SLOW * effective {
                    return Some(Reason::Slow { coordinate });
                }
            }
        }
        None
    }

    /// As [`judge`](Self::judge), precision being that of other estimates from the same draws.
    pub(super) fn judge_with(
        &self,
        counts: &ErrorCounts,
        accuracy: Accuracy,
        skewed: &SkewedMoments<N>,
    ) -> Verdict {
        if let Some(reason) = self.suspicion(counts) {
            return Verdict::Suspect(reason);
        }
        let errors = skewed.standard_errors(&self.moments);
        // False for NaN too.
        let precise = (skewed.sd().iter())
            .zip(errors.mean.iter().zip(&errors.sd))
            .all(|(sd, (of_mean, of_sd))| {
                *of_mean <= sd * accuracy.mean && *of_sd <= sd * accuracy.sd
            });
        let moved = (self.moments.effective_draws().iter()).all(|draws| *draws >= EXPLORED);
        if precise && moved && self.explored() {
            Verdict::Converged
        } else {
            Verdict::NotYet
        }
    }

    fn converged(&self, accuracy: Accuracy) -> bool {
        // The standard errors have a part of one more excursion; here it counts whole.
        let tail = self.moments.tail_error() / accuracy.sd;
        self.work(accuracy)
            .iter()
            .all(|work| work + tail * tail <= 1.0)
            && self.explored()
    }

    /// Whether halves agree, and the draws show no bias.
    fn explored(&self) -> bool {
        let errors = (CONVERGED_ERRORS + MORE_ERRORS * N as f32).min(3.4);
        self.split_r_hat() <= RHAT
            && (self.moments.biases().iter())
                .all(|(bias, error)| bias.abs() <= CONVERGED_BIAS.max(errors * error))
    }
}

impl<const N: usize> Observer<N> for Monitor<N> {
    fn observe(&mut self, position: &[f32; N], gradient: &[f32; N]) {
        let mut u = *gradient;
        self.moments.factor().apply_transpose(&mut u);
        self.push_whitened(position, &u);
    }
}

/// Means and variances of the first 2^k draws and of those since, to compare.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Halves<const N: usize> {
    first: Half<N>,
    second: Half<N>,
    // R-hat when the second was last as long as the first.
    at_doubling: f32,
}

/// Mean and variance of one half.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Half<const N: usize> {
    draws: f32,
    mean: [f32; N],
    variance: [f32; N],
}

impl<const N: usize> Half<N> {
    const NONE: Self = Self {
        draws: 0.0,
        mean: [0.0; N],
        variance: [0.0; N],
    };
}

impl<const N: usize> Halves<N> {
    const NONE: Self = Self {
        first: Half::NONE,
        second: Half::NONE,
        at_doubling: f32::INFINITY,
    };

    fn push(&mut self, position: &[f32; N], centre: &[f32; N]) {
        let half = &mut self.second;
        half.draws += 1.0;
        let share = 1.0 / half.draws;
        for (((m, v), x), c) in (half.mean.iter_mut())
            .zip(&mut half.variance)
            .zip(position)
            .zip(centre)
        {
            let before = (x - c) - *m;
            *m += share * before;
            *v += share * ((1.0 - share) * before * before - *v);
        }
        if self.second.draws >= self.first.draws {
            self.at_doubling = self.live();
            let (first, second) = (&mut self.first, &self.second);
            let both = first.draws + second.draws;
            let share = second.draws / both;
            for (((m, v), other_m), other_v) in (first.mean.iter_mut())
                .zip(&mut first.variance)
                .zip(&second.mean)
                .zip(&second.variance)
            {
                let between = other_m - *m;
                *m += share * between;
                *v += share * (other_v - *v + (1.0 - share) * between * between);
            }
            first.draws = both;
            self.second = Half::NONE;
        }
    }

    /// √(1 + B/W) of means, and the like of variances.
    fn live(&self) -> f32 {
        let mut worst = 0.0_f32;
        for ((m, v), (other_m, other_v)) in (self.first.mean.iter())
            .zip(&self.first.variance)
            .zip(self.second.mean.iter().zip(&self.second.variance))
        {
            let within = 0.5 * (v + other_v);
            if within.is_nan() || within <= 0.0 {
                return f32::INFINITY;
            }
            let of_means = 0.5 * (m - other_m) * (m - other_m) / within;
            let of_variances = (v - other_v) / (v + other_v);
            worst = worst.max(of_means).max(of_variances * of_variances);
        }
        sqrt(1.0 + worst)
    }

    fn r_hat(&self) -> f32 {
        if self.second.draws >= 0.5 * self.first.draws && self.second.draws > 0.0 {
            self.live()
        } else {
            self.at_doubling
        }
    }
}

crate::checkpoint!(impl[const N: usize] for Half<N> { draws: f32, mean: [f32; N], variance: [f32; N] });

crate::checkpoint!(impl[const N: usize] for Halves<N> {
    first: Half<N>, second: Half<N>, at_doubling: f32
});

crate::checkpoint!(impl[const N: usize] for Monitor<N> {
    moments: SteinMoments<N>, halves: Halves<N>, accuracy: Accuracy
});
