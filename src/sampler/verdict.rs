//! Whether to believe a chain, in one line.

use core::fmt;

use super::WarmupError;

/// What a [`Monitor`](crate::sampler::Monitor) makes of a chain so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// Means are known to within 1/80 of a standard deviation and standard deviations to within 1 %
    /// (standard errors), and nothing speaks against them.
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
    /// There is no chain: the warm-up was given up.
    Warmup(WarmupError),
    /// It returned to its anchor, or more than one step in a thousand failed.
    StepErrors,
    /// Steps are below the resolution of the position.
    Stalled,
    /// The step size is close to the limit of stability, or beyond: η times the curvature met along
    /// the way exceeds 1.5, where 2 is the limit.
    Unstable,
    /// The gradient's noise is not drowned by the injected noise: it adds more than 10 % to a variance.
    GradientNoise,
    /// A coordinate does not satisfy E\[φ ∂U/∂φ\] = 1, as it does under the posterior: the step is too long
    /// for the shape of the posterior there, or the chain has not seen all of it.
    Biased {
        /// Which coordinate, in the metric's order.
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
            Self::Warmup(error) => write!(f, "warm-up: {error}"),
            Self::StepErrors => f.write_str("too many faults"),
            Self::Stalled => f.write_str("steps below the resolution of the position"),
            Self::Unstable => f.write_str("step size at the limit of stability"),
            Self::GradientNoise => f.write_str("gradient noise is not drowned"),
            Self::Biased { coordinate } => {
                write!(f, "coordinate {coordinate} has the wrong spread")
            }
            Self::Drift => f.write_str("earlier and later draws disagree"),
            Self::Slow { coordinate } => write!(f, "coordinate {coordinate} mixes too slowly"),
        }
    }
}
