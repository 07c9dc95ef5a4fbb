//! From a potential and a starting point to a chain that nobody needs to tune, and to a verdict on
//! whether to believe it.
//!
//! [`Sampler`] does all of it. [`Warmup`] finds a [`Tuning`], a plain value, from which a chain and a
//! [`Monitor`] are made, at once or after the next boot.

mod adaptation_window;
mod descent;
mod monitor;
mod secants;
mod tuning;
mod verdict;
mod warmup;
mod whitening;

pub use monitor::{Monitor, Watched};
pub use tuning::Tuning;
pub use verdict::{Reason, Verdict};
pub use warmup::{Stage, Warmup, WarmupError};

use tuning::{Options, Site, squared};

use core::fmt;

use crate::{
    Chain, Potential, StepError,
    chain::ErrorCounts,
    noise::FiveMoments,
    preconditioner::Dense,
    schedule::Constant,
    stepper::{LeimkuhlerMatthews, Preconditioned},
};

/// A chain that tunes itself and watches itself: a [`Warmup`], then the chain made from its
/// [`Tuning`] and a [`Monitor`] of it, in one value and one gradient a step.
///
/// ```
/// use langevin::{BoxMuller, Pcg32, Sampler, SeedableRng, sampler::Verdict};
/// // A posterior with standard deviations 0.001 and 100 about (3, -200).
/// let mut posterior = |x: &[f32; 2]| [(x[0] - 3.0) * 1e6, (x[1] + 200.0) * 1e-4];
/// let mut sampler = Sampler::new([0.0; 2], BoxMuller::new(Pcg32::seed_from_u64(7)));
/// let mut sum = [0.0; 2];
/// let mut count = 0.0;
/// for _ in 0..100_000 {
///     if let Some(theta) = sampler.step(&mut posterior)? {
///         sum[0] += theta[0];
///         sum[1] += theta[1];
///         count += 1.0;
///     }
/// }
/// assert_eq!(sampler.verdict(), Verdict::Converged);
/// assert!((sum[0] / count - 3.0).abs() < 0.0001 && (sum[1] / count + 200.0).abs() < 10.0);
/// // To be stored, for the next boot to begin with `Sampler::resume`.
/// let tuning = sampler.tuning().unwrap();
/// # let _ = tuning;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sampler<const N: usize, Z> {
    state: State<N, Z>,
    // Whether the potential is centred where the chain is.
    centred: bool,
}

#[derive(Clone, Debug)]
enum State<const N: usize, Z> {
    // The noise is there until the chain takes it.
    WarmingUp(Warmup<N>, Option<Z>),
    Sampling(
        Chain<N, Preconditioned<LeimkuhlerMatthews, Dense<N>>, Constant, Z>,
        Monitor<N>,
    ),
}

impl<const N: usize, Z> Sampler<N, Z> {
    /// A sampler that begins with a default warm-up from `start`.
    pub const fn new(start: [f32; N], noise: Z) -> Self {
        Self::after(Warmup::new(start), noise)
    }

    /// A sampler that begins with `warmup`.
    pub const fn after(warmup: Warmup<N>, noise: Z) -> Self {
        Self {
            state: State::WarmingUp(warmup, Some(noise)),
            centred: false,
        }
    }

    /// A sampler that skips the warm-up.
    pub fn resume(tuning: &Tuning<N>, noise: Z) -> Self {
        Self {
            state: State::Sampling(tuning.chain(noise), Monitor::new(tuning)),
            centred: false,
        }
    }

    /// What the warm-up found; `None` before.
    pub const fn tuning(&self) -> Option<&Tuning<N>> {
        match &self.state {
            State::WarmingUp(..) => None,
            State::Sampling(_, monitor) => Some(monitor.tuning()),
        }
    }

    /// The monitor; `None` before the warm-up is done.
    pub const fn monitor(&self) -> Option<&Monitor<N>> {
        match &self.state {
            State::WarmingUp(..) => None,
            State::Sampling(_, monitor) => Some(monitor),
        }
    }

    /// The position. Always finite.
    pub const fn position(&self) -> &[f32; N] {
        match &self.state {
            State::WarmingUp(warmup, _) => warmup.position(),
            State::Sampling(chain, _) => chain.position(),
        }
    }

    /// How often each fault occurred since the warm-up.
    pub const fn error_counts(&self) -> ErrorCounts {
        match &self.state {
            State::WarmingUp(..) => ErrorCounts::new(),
            State::Sampling(chain, _) => chain.error_counts(),
        }
    }

    /// Whether to believe the draws so far; while warming up, not yet.
    pub fn verdict(&self) -> Verdict {
        match &self.state {
            State::WarmingUp(warmup, _) => match warmup.error() {
                Some(error) => Verdict::Suspect(Reason::Warmup(error)),
                None => Verdict::NotYet,
            },
            State::Sampling(chain, monitor) => monitor.verdict(&chain.error_counts()),
        }
    }
}

impl<const N: usize, Z: FiveMoments> Sampler<N, Z> {
    fn begin(&mut self, tuning: &Tuning<N>) {
        if let State::WarmingUp(_, noise) = &mut self.state {
            if let Some(noise) = noise.take() {
                self.state = State::Sampling(tuning.chain(noise), Monitor::new(tuning));
            }
        }
    }

    /// Makes one step and gives the new position, or `None` while warming up or burning in.
    ///
    /// # Errors
    /// [`SamplerError::Warmup`] when the warm-up was given up, then at every call;
    /// [`SamplerError::Step`] when a step was not made, as of [`Chain::step`].
    pub fn step<P: Potential<N>>(
        &mut self,
        potential: &mut P,
    ) -> Result<Option<&[f32; N]>, SamplerError> {
        if let State::WarmingUp(warmup, Some(noise)) = &mut self.state {
            if let Some(tuning) = warmup
                .step(potential, noise)
                .map_err(SamplerError::Warmup)?
            {
                self.begin(&tuning);
            }
            return Ok(None);
        }
        match &mut self.state {
            State::WarmingUp(..) => Ok(None),
            State::Sampling(chain, monitor) => {
                if !self.centred {
                    potential
                        .set_centre(monitor.tuning().centre())
                        .map_err(SamplerError::Step)?;
                    self.centred = true;
                }
                chain
                    .step(&mut monitor.watch(potential))
                    .map_err(SamplerError::Step)
            }
        }
    }
}

/// Why a [`Sampler`] made no step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SamplerError {
    /// The warm-up was given up.
    Warmup(WarmupError),
    /// The chain's step failed; the next carries on.
    Step(StepError),
}

impl fmt::Display for SamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Warmup(error) => write!(f, "warm-up: {error}"),
            Self::Step(fault) => write!(f, "{fault}"),
        }
    }
}

impl core::error::Error for SamplerError {}
