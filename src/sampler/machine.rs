//! A potential and a starting point in, the posterior and a verdict out.

use core::fmt;

use super::adaptive::{Adaptive, Outcome, evaluate};
use super::laplace::{Laplace, Locate};
use super::variants::variants;
use super::{Accuracy, Reason, Tuning, Verdict};
use crate::{
    Checkpoint, ConfigError, Potential, StepError,
    arithmetic::sqrt,
    chain::ErrorCounts,
    checkpoint::{CheckpointError, Reader, Writer, schema_hash},
    estimate::{SkewedMoments, StandardErrors, SteinMoments, central_normal, normal_intervals},
    noise::FiveMoments,
    preconditioner::Preconditioner,
    stepper::MaxStep,
};

/// Steps in a row that fail for lack of random numbers or by the potential, after which `step` is an error.
const PATIENCE: u16 = 1024;

/// A chain that tunes itself, watches itself, and owns its answer: a potential and a starting point in, the posterior's
/// mean, standard deviation, covariance and intervals out, with their standard errors and a verdict.
///
/// ```
/// use langevin::{BoxMuller, Pcg32, Sampler, SeedableRng};
/// // A posterior with standard deviations 0.001 and 100 about (3, -200).
/// let mut posterior = |x: &[f32; 2]| [(x[0] - 3.0) * 1e6, (x[1] + 200.0) * 1e-4];
/// let mut sampler = Sampler::new([0.0; 2], BoxMuller::new(Pcg32::seed_from_u64(7)));
/// while !sampler.converged() && sampler.evaluations() < 100_000 {
///     sampler.step(&mut posterior)?;
/// }
/// for (mean, sd) in sampler.mean().iter().zip(sampler.sd()) {
///     println!("{mean} ± {sd}");
/// }
/// println!("{} after {} gradients", sampler.verdict(), sampler.evaluations());
/// # assert!((sampler.mean()[0] - 3.0).abs() < 1e-5 && (sampler.sd()[1] - 100.0).abs() < 1.0);
/// # assert!(sampler.evaluations() < 4_000);
/// // To be stored, for the next boot to begin with `Sampler::resume`.
/// let tuning = sampler.tuning().unwrap();
/// # let _ = tuning;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It goes through these stages, one gradient a step:
///
/// 1. *Locating*: descent by the signs of the gradient (iRprop−), the scale of each coordinate, the Hessian by central
///    differences, Newton steps, and whether the gradient is that of any potential (it does no work along closed paths):
///    some 50 to 250 gradients. Then [`laplace`](Self::laplace) is known, and is the first
///    answer.
/// 2. *Warming up*: a chain in the metric that Laplace gave, over windows of 64, 128, ... draws, each of which sets
///    centre, metric and step size anew from its corrected moments ([`SteinMoments`]), until one has found the posterior
///    as round as it was told, or is 2048 draws long: 200 gradients for a bell shape.
/// 3. *Sampling*: the same chain, whose draws [`step`](Self::step) hands out, and whose corrected moments are the answer.
///
/// The chain is BAOAB in the metric's coordinates, friction 1.5 for a curvature of 1, whose step size η is the lesser of
/// 0.25 and 0.45 of what the curvature allows that it meets along the way (a quantile of about 0.99 of it); where the
/// gradient is noisy its momentum is drawn anew at each step, and the noise that is injected is less by what the gradient
/// brings. No step drifts further than one whitened unit times √N, and one across which the step size turns out to be
/// unstable is taken back.
///
/// When the metric turns out to be wrong it warms up again; when the target has moved it locates it again.
///
/// Memory: 6N² + 42N + 48 words with [`BoxMuller`](crate::BoxMuller): 912 bytes for N = 3, 3072 for N = 8. Stack of a step at
/// most, on a Cortex-M4F: 1.0 kB for N = 3, 2 kB for N = 8, 12 kB for N = 32.
#[derive(Clone, Debug)]
pub struct Sampler<const N: usize, Z> {
    noise: Z,
    // The last good position, and the gradient there.
    position: [f32; N],
    gradient: [f32; N],
    phase: Phase<N>,
    laplace: Option<Laplace<N>>,
    accuracy: Accuracy,
    max_step: MaxStep,
    counts: ErrorCounts,
    in_a_row: u16,
    evaluations: u32,
    warmups: u16,
}

#[derive(Clone, Copy, Debug)]
enum Phase<const N: usize> {
    /// The next step starts locating, from the position.
    Start,
    Locating(Locate<N>),
    Running(Adaptive<N>),
    Stopped(SamplerError),
}

impl<const N: usize> Phase<N> {
    /// Becomes a chain, blank, to be started in place: by value it would be on the stack as well.
    fn run(&mut self) -> Option<&mut Adaptive<N>> {
        *self = Self::Running(Adaptive::BLANK);
        match self {
            Self::Running(chain) => Some(chain),
            _ => None,
        }
    }

    /// From locating to the chain.
    #[inline(never)]
    fn warm_up(&mut self) {
        if let Self::Locating(locate) = self {
            let (mode, metric) = (locate.site.theta, locate.site.metric);
            if let Some(chain) = self.run() {
                chain.start(&mode, &metric);
            }
        }
    }

    /// Starts locating, in place too.
    fn locate(&mut self, start: &[f32; N]) {
        *self = Self::Locating(Locate::BLANK);
        if let Self::Locating(locate) = self {
            locate.start(start);
        }
    }
}

/// What a [`Sampler`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Stage {
    /// On the way to the mode: no answer yet.
    Locating,
    /// Running chains that set metric and step size: the answer is Laplace's, then theirs.
    WarmingUp,
    /// Sampling: the answer is the chain's.
    Sampling,
    /// Stopped for good: each further step gives the error.
    Stopped,
}

/// A draw from the posterior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw<'a, const N: usize> {
    /// The position θ.
    pub position: &'a [f32; N],
    /// The gradient ∇U(θ).
    pub gradient: &'a [f32; N],
    /// The moments of all draws so far, this one included.
    pub moments: &'a SteinMoments<N>,
}

/// How far Laplace's approximation is from the sampler's answer: whether sampling was needed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LaplaceDistance<const N: usize> {
    /// Laplace's mean less the answer's, in the answer's standard deviations.
    pub mean: [f32; N],
    /// Laplace's standard deviation over the answer's.
    pub sd_ratio: [f32; N],
}

/// Why a [`Sampler`] has stopped, or what fails time and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SamplerError {
    /// The gradient is not finite at the start, or all around where the search got to.
    NonFinite,
    /// The gradient does not depend on a coordinate, as far as its resolution goes: the posterior is
    /// improper, or the parameter is not used.
    Flat {
        /// Which coordinate.
        coordinate: usize,
    },
    /// A coordinate's standard deviation is less than the distance between two floats there: subtract an offset from
    /// the parameter.
    Resolution {
        /// Which coordinate.
        coordinate: usize,
    },
    /// No step size is stable: the curvature varies too much over the posterior. In a hierarchical model, whose
    /// posterior is a funnel, sample the standardised effects zᵢ in θᵢ = μ + τzᵢ instead of the effects θᵢ.
    Unstable,
    /// The gradient is not that of any potential: it does work along a closed path about the mode.
    /// [`check_symmetry`](crate::potential::check_symmetry) tells in which coordinate, and
    /// [`check_gradient`](crate::potential::check_gradient) what is wrong with it.
    NotAGradient,
    /// The gradient's noise is so large that only hopelessly short steps would drown it: take larger
    /// minibatches, or [`ControlVariates`](crate::model::ControlVariates).
    Noisy,
    /// The chain goes ever further out: the posterior is improper, or nearly flat.
    Diverging,
    /// The potential or the random number generator has failed 1024 times in a row, or
    /// [`Potential::check`] fails at the first step. Alone among these it is not for good: when what failed works again,
    /// so does `step`.
    Failing(StepError),
}

impl fmt::Display for SamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite => f.write_str("gradient is not finite"),
            Self::Flat { coordinate } => {
                write!(f, "gradient does not depend on coordinate {coordinate}")
            }
            Self::Resolution { coordinate } => write!(
                f,
                "coordinate {coordinate} is too large for its spread; subtract an offset"
            ),
            Self::Unstable => f.write_str(
                "no step size is stable; where the posterior is a funnel, sample standardised effects",
            ),
            Self::NotAGradient => {
                f.write_str("gradient is not that of any potential; run check_gradient on it")
            }
            Self::Noisy => {
                f.write_str("gradient is too noisy; take larger minibatches or control variates")
            }
            Self::Diverging => f.write_str("chain goes ever further out; the posterior is flat"),
            Self::Failing(error) => write!(f, "cannot go on: {error}"),
        }
    }
}

impl core::error::Error for SamplerError {}

impl<const N: usize, Z> Sampler<N, Z> {
    /// Creates a sampler that starts at `start`. A coordinate of it that is not finite is taken as 0.
    #[inline(never)]
    pub const fn new(start: [f32; N], noise: Z) -> Self {
        const { assert!(N > 0, "a sampler needs at least one parameter") };
        Self {
            noise,
            position: crate::chain::sanitised(start),
            gradient: [0.0; N],
            phase: Phase::Start,
            laplace: None,
            accuracy: Accuracy::DEFAULT,
            max_step: MaxStep::NONE,
            counts: ErrorCounts::new(),
            in_a_row: 0,
            evaluations: 0,
            warmups: 0,
        }
    }

    /// Creates a sampler that skips locating and warming up, with what an earlier one found.
    #[inline(never)]
    pub fn resume(tuning: &Tuning<N>, noise: Z) -> Self {
        let mut sampler = Self::new(tuning.centre, noise);
        if let Some(chain) = sampler.phase.run() {
            chain.resume(tuning);
        }
        sampler
    }

    /// Sets the accuracy that counts as converged.
    #[must_use]
    pub const fn with_accuracy(mut self, accuracy: Accuracy) -> Self {
        self.accuracy = accuracy;
        self
    }

    /// Refuses steps longer than `bound`, in the units of θ; none is refused for its length otherwise.
    #[must_use]
    pub const fn with_max_step(mut self, bound: MaxStep) -> Self {
        self.max_step = bound;
        self
    }

    /// What the next step is about.
    pub fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Start | Phase::Locating(_) => Stage::Locating,
            Phase::Running(chain) if chain.warming_up() => Stage::WarmingUp,
            Phase::Running(_) => Stage::Sampling,
            Phase::Stopped(_) => Stage::Stopped,
        }
    }

    /// How far the stage has got, from 0 to 1: of warming up, the part of the window; of sampling, the part of the draws
    /// that convergence takes, by the present standard errors.
    pub fn progress(&self) -> f32 {
        match &self.phase {
            Phase::Running(chain) => chain.progress(self.accuracy),
            _ => 0.0,
        }
    }

    /// Gradients evaluated so far; saturates.
    pub const fn evaluations(&self) -> u32 {
        self.evaluations
    }

    /// How often it warmed up: once, unless the first turned out to be wrong or the target moved.
    pub const fn warmups(&self) -> u16 {
        self.warmups
    }

    /// How often each error occurred that did not end the run.
    pub const fn error_counts(&self) -> ErrorCounts {
        self.counts
    }

    /// The position. Always finite.
    pub const fn position(&self) -> &[f32; N] {
        &self.position
    }

    /// The corrected moments of the draws, for covariances, functions of θ and quantiles; `None` while locating.
    pub const fn moments(&self) -> Option<&SteinMoments<N>> {
        match &self.phase {
            Phase::Running(chain) => Some(chain.monitor.moments()),
            _ => None,
        }
    }

    /// The moments, if there are draws enough to speak of.
    fn answer(&self) -> Option<&SteinMoments<N>> {
        self.moments().filter(|moments| moments.weight() >= 32.0)
    }

    /// The posterior's mean: the position while locating, then Laplace's, then that of the draws' corrected moments.
    pub fn mean(&self) -> [f32; N] {
        match (self.answer(), self.moments()) {
            (Some(moments), _) => moments.mean().unwrap_or(*moments.centre()),
            (None, Some(moments)) => *moments.centre(),
            (None, None) => self.position,
        }
    }

    /// The posterior's standard deviation, as [`mean`](Self::mean); infinite while locating.
    pub fn sd(&self) -> [f32; N] {
        let moments = self.moments();
        (self.answer().and_then(SteinMoments::sd))
            .or_else(|| moments.map(|moments| moments.factor().row_norms()))
            .unwrap_or([f32::INFINITY; N])
    }

    /// The posterior's covariance matrix, as [`mean`](Self::mean); infinite while locating.
    pub fn covariance(&self) -> [[f32; N]; N] {
        let moments = self.moments();
        (self.answer().and_then(SteinMoments::covariance))
            .or_else(|| moments.map(|moments| moments.factor().covariance()))
            .unwrap_or([[f32::INFINITY; N]; N])
    }

    /// The intervals \[lo, hi\] = mean ± z·sd, which hold the probability `level` if the posterior is normal.
    ///
    /// For a posterior that is not, take the draws' quantiles and correct them: [`SteinMoments::corrected`].
    ///
    /// # Errors
    /// Returns an error unless `level` is between 0 and 1 (0.95, not 95).
    pub fn interval(&self, level: f32) -> Result<[[f32; 2]; N], ConfigError> {
        central_normal(level).map(|z| normal_intervals(z, Some(self.mean()), Some(self.sd())))
    }

    /// Standard errors of [`mean`](Self::mean) and [`sd`](Self::sd); infinite before there are 384 draws.
    ///
    /// They know what the chain has seen: whether that is all there is, is the verdict's business.
    pub fn error(&self) -> StandardErrors<N> {
        match &self.phase {
            Phase::Running(chain) if !chain.warming_up() => chain.monitor.errors(),
            _ => StandardErrors {
                mean: [f32::INFINITY; N],
                sd: [f32::INFINITY; N],
            },
        }
    }

    /// Laplace's approximation; `None` while locating, or when that was skipped.
    pub const fn laplace(&self) -> Option<&Laplace<N>> {
        self.laplace.as_ref()
    }

    /// How far Laplace's approximation is from the answer: about 0 and 1 where it is as good; `None` where there is none.
    /// Where [`Laplace::is_mode`] is false the numbers mean nothing.
    pub fn laplace_distance(&self) -> Option<LaplaceDistance<N>> {
        let laplace = self.laplace.as_ref()?;
        let mut distance = LaplaceDistance {
            mean: laplace.mode,
            sd_ratio: laplace.sd,
        };
        for ((of_mean, ratio), (mean, sd)) in (distance.mean.iter_mut())
            .zip(&mut distance.sd_ratio)
            .zip(self.mean().iter().zip(self.sd()))
        {
            *of_mean = (*of_mean - mean) / sd;
            *ratio /= sd;
        }
        Some(distance)
    }

    /// R-hat between this sampler's answer and another's, of means and of variances, for each coordinate: about 1 when they
    /// agree, beyond 1.1 when they have found different posteriors, as two starts near different modes do.
    pub fn compare<Y>(&self, other: &Sampler<N, Y>) -> [f32; N] {
        let mut r_hat = [0.0; N];
        for ((r, (mean, sd)), (other_mean, other_sd)) in (r_hat.iter_mut())
            .zip(self.mean().into_iter().zip(self.sd()))
            .zip(other.mean().into_iter().zip(other.sd()))
        {
            let (variance, other_variance) = (sd * sd, other_sd * other_sd);
            let gap = mean - other_mean;
            let of_means = gap * gap / (variance + other_variance);
            let of_variances = (variance - other_variance) / (variance + other_variance);
            *r = sqrt(1.0 + of_means.max(of_variances * of_variances));
        }
        r_hat
    }

    /// What locating and warming up found, to be kept in flash for the next boot; `None` before.
    pub fn tuning(&self) -> Option<Tuning<N>> {
        match &self.phase {
            Phase::Running(chain) if !chain.warming_up() => Some(chain.tuning()),
            _ => None,
        }
    }

    /// The chain's monitor; `None` before sampling.
    pub fn monitor(&self) -> Option<&super::Monitor<N>> {
        match &self.phase {
            Phase::Running(chain) if !chain.warming_up() => Some(&chain.monitor),
            _ => None,
        }
    }

    /// Whether to believe the answer.
    pub fn verdict(&self) -> Verdict {
        match &self.phase {
            Phase::Stopped(error) => Verdict::Suspect(Reason::Stopped(*error)),
            Phase::Running(chain) if !chain.warming_up() => {
                chain.verdict(self.accuracy, &self.counts)
            }
            _ => Verdict::NotYet,
        }
    }

    /// Whether to believe the answer of `skewed`, which was given all draws of this sampler: exploration and bias as in
    /// [`verdict`](Self::verdict), precision by its standard errors.
    pub fn verdict_with(&self, skewed: &SkewedMoments<N>) -> Verdict {
        match &self.phase {
            Phase::Running(chain) if !chain.warming_up() => {
                chain.verdict_with(self.accuracy, &self.counts, skewed)
            }
            _ => self.verdict(),
        }
    }

    /// Whether the verdict is [`Verdict::Converged`].
    pub fn converged(&self) -> bool {
        self.verdict() == Verdict::Converged
    }
}

impl<const N: usize, Z: FiveMoments> Sampler<N, Z> {
    /// Makes one step, of one gradient mostly, and gives the draw, or `None` while there is none.
    ///
    /// What fails in passing (a gradient that is not finite, a generator without random numbers, a step too long) is counted
    /// in [`error_counts`](Self::error_counts) and leaves everything else as it was.
    ///
    /// # Errors
    /// Why it has stopped, from then on at every call; and [`SamplerError::Failing`].
    #[inline(never)]
    pub fn step<P: Potential<N>>(
        &mut self,
        potential: &mut P,
    ) -> Result<Option<Draw<'_, N>>, SamplerError> {
        if self.evaluations == 0 {
            potential.check().map_err(SamplerError::Failing)?;
        }
        if let Phase::Start = self.phase {
            self.phase.locate(&self.position);
        }
        let outcome = match &mut self.phase {
            Phase::Stopped(error) => return Err(*error),
            Phase::Start | Phase::Locating(_) => self.locate(potential),
            Phase::Running(chain) => chain.step(
                &mut self.position,
                &mut self.gradient,
                potential,
                &mut self.noise,
                self.max_step,
                &mut self.counts,
                &mut self.evaluations,
            ),
        };
        match outcome {
            Ok(Outcome::Nothing) => {}
            Ok(Outcome::Drawn) => {
                self.in_a_row = 0;
                return Ok(match &self.phase {
                    Phase::Running(chain) => Some(Draw {
                        position: &self.position,
                        gradient: &self.gradient,
                        moments: chain.monitor.moments(),
                    }),
                    _ => None,
                });
            }
            Ok(Outcome::WarmUp) => self.warmups = self.warmups.saturating_add(1),
            Ok(Outcome::Locate) => self.phase = Phase::Start,
            Ok(Outcome::Stop(error)) => {
                self.phase = Phase::Stopped(error);
                return Err(error);
            }
            Err(error) => {
                self.counts.count(error);
                self.in_a_row = self.in_a_row.saturating_add(1);
                return if self.in_a_row >= PATIENCE {
                    Err(SamplerError::Failing(error))
                } else {
                    Ok(None)
                };
            }
        }
        self.in_a_row = 0;
        Ok(None)
    }

    /// One step of locating.
    #[inline(never)]
    fn locate<P: Potential<N>>(&mut self, potential: &mut P) -> Result<Outcome, StepError> {
        let Phase::Locating(locate) = &mut self.phase else {
            return Ok(Outcome::Nothing);
        };
        // On the way gradients are exact, where the potential can make them so.
        let probe = locate.probe();
        potential.set_centre(&probe)?;
        let mut gradient = [0.0; N];
        let evaluated = match evaluate(potential, &probe, &mut gradient, &mut self.evaluations) {
            Err(StepError::NonFiniteGradient) => None,
            done => {
                done?;
                Some(&gradient)
            }
        };
        let found = locate.update(&probe, evaluated);
        self.position = locate.site.theta;
        self.gradient = locate.site.gradient;
        Ok(match found {
            Ok(false) => Outcome::Nothing,
            Ok(true) => {
                self.laplace = Some(locate.laplace());
                self.phase.warm_up();
                Outcome::WarmUp
            }
            Err(error) => Outcome::Stop(error),
        })
    }
}

variants!(impl[const N: usize] for Phase<N> {
    0 Locating(locate: Locate<N>),
    1 Running(chain: Adaptive<N>),
    2 Stopped(error: SamplerError),
    3 Start
});

/// A kind and a coordinate. [`SamplerError::Failing`] is never kept.
impl Checkpoint for SamplerError {
    const SIZE: usize = <(u8, u32)>::SIZE;
    const SCHEMA: u32 = schema_hash("SamplerError", &[]);

    fn write(&self, out: &mut Writer<'_>) {
        let (kind, coordinate) = match self {
            Self::NonFinite => (0_u8, 0),
            Self::Flat { coordinate } => (1, *coordinate),
            Self::Resolution { coordinate } => (2, *coordinate),
            Self::Unstable | Self::Failing(_) => (3, 0),
            Self::Noisy => (4, 0),
            Self::Diverging => (5, 0),
            Self::NotAGradient => (6, 0),
        };
        (kind, coordinate as u32).write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError> {
        let (kind, coordinate) = <(u8, u32)>::read(input)?;
        let coordinate = coordinate as usize;
        Ok(match kind {
            0 => Self::NonFinite,
            1 => Self::Flat { coordinate },
            2 => Self::Resolution { coordinate },
            3 => Self::Unstable,
            4 => Self::Noisy,
            5 => Self::Diverging,
            6 => Self::NotAGradient,
            _ => return Err(CheckpointError::Invalid),
        })
    }
}

crate::checkpoint!(impl[const N: usize, Z: Checkpoint] for Sampler<N, Z> {
    noise: Z, position: [f32; N], gradient: [f32; N], phase: Phase<N>, laplace: Option<Laplace<N>>, accuracy: Accuracy,
    max_step: MaxStep, counts: ErrorCounts, in_a_row: u16, evaluations: u32, warmups: u16
} if |sampler| crate::arithmetic::finite(&sampler.position));
