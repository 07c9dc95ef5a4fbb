//! Whether to believe a chain, in one line.

use core::fmt;

use super::SamplerError;
use crate::ConfigError;

/// What a [`Monitor`](crate::sampler::Monitor) makes of a chain so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// Means and standard deviations are known as well as [`Accuracy`] asks, and nothing speaks against them.
    ///
    /// One chain from one start cannot see a mode that it never visited: where there may be several, run a second
    /// [`Sampler`](crate::Sampler) from elsewhere and [`compare`](crate::Sampler::compare) them.
    Converged,
    /// Nothing speaks against the chain, but it is too short yet.
    NotYet,
    /// The chain does not sample the posterior, or not in any reasonable time.
    Suspect(Reason),
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// There is no chain: the sampler has stopped.
    Stopped(SamplerError),
    /// It returned to its anchor, or more than one step in a thousand failed.
    Errors,
    /// Steps are below the resolution of the position.
    Stalled,
    /// More than one step in a hundred had to be taken back because the curvature along it was beyond what the step
    /// size is stable for: the posterior has a funnel, a wall or a thin bent ridge. In a hierarchical model sample the
    /// standardised effects zᵢ in θᵢ = μ + τzᵢ instead of the effects θᵢ; a positive parameter, by its logarithm.
    Unstable,
    /// The gradient's noise is not drowned by the injected noise: it adds more than 10 % to a variance. Take larger
    /// minibatches or [`ControlVariates`](crate::model::ControlVariates).
    GradientNoise,
    /// A coordinate does not satisfy E\[φ ∂U/∂φ\] = 1, as it does under the posterior: the step is too long
    /// for the shape of the posterior there, or the chain has not seen all of it.
    Biased {
        /// Which coordinate.
        coordinate: usize,
    },
    /// Earlier and later draws disagree, after many steps: split R-hat is above 1.05.
    Drift,
    /// A coordinate mixes so slowly that convergence would take more than four times the steps made.
    Slow {
        /// Which coordinate.
        coordinate: usize,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Converged => f.write_str("converged"),
            Self::NotYet => f.write_str("not yet converged"),
            Self::Suspect(reason) => write!(f, "suspect: {reason}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(error) => write!(f, "{error}"),
            Self::Errors => f.write_str("too many errors"),
            Self::Stalled => f.write_str("steps below the resolution of the position"),
            Self::Unstable => f.write_str(
                "no step size suits all of the posterior; where it is a funnel, sample standardised effects",
            ),
            Self::GradientNoise => {
                f.write_str("gradient noise is not drowned; larger minibatches or control variates")
            }
            Self::Biased { coordinate } => {
                write!(f, "coordinate {coordinate} has the wrong spread")
            }
            Self::Drift => f.write_str("earlier and later draws disagree"),
            Self::Slow { coordinate } => write!(f, "coordinate {coordinate} mixes too slowly"),
        }
    }
}

/// How well means and standard deviations must be known for a chain to count as converged: standard errors, relative
/// to the standard deviation.
///
/// ```
/// use langevin::sampler::Accuracy;
/// let rough = Accuracy::new(0.05, 0.03)?;
/// # let _ = rough;
/// # Ok::<(), langevin::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Accuracy {
    pub(super) mean: f32,
    pub(super) sd: f32,
}

impl Accuracy {
    /// The default: standard errors of a mean of 1/80 of a standard deviation, and of a standard deviation of 0.75 %. So
    /// a converged answer is within 0.05 standard deviations and 3 %, four standard errors.
    pub const DEFAULT: Self = Self {
        mean: 0.0125,
        sd: 0.0075,
    };

    /// Creates an accuracy: the largest standard error of a mean, in standard deviations, and of a standard deviation,
    /// relative.
    ///
    /// # Errors
    /// When one of them is not finite and > 0.
    pub const fn new(mean: f32, sd: f32) -> Result<Self, ConfigError> {
        match (
            ConfigError::positive("mean", mean),
            ConfigError::positive("sd", sd),
        ) {
            (Ok(mean), Ok(sd)) => Ok(Self { mean, sd }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

impl Default for Accuracy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

crate::checkpoint!(impl[] for Accuracy { mean: f32, sd: f32 } if |a| a.mean > 0.0 && a.sd > 0.0);
