//! What can go wrong: [`ConfigError`] once, in a constructor; [`StepError`] at any step.

use core::fmt;

/// A constructor's argument was out of range.
///
/// ```
/// use langevin::schedule::Constant;
/// let error = Constant::new(-0.1).unwrap_err();
/// assert_eq!(error.to_string(), "step size must be finite and > 0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConfigError {
    /// The argument, in the words of the constructor's documentation.
    pub field: &'static str,
    /// What it must be.
    pub bound: &'static str,
}

impl ConfigError {
    pub(crate) const FINITE_POSITIVE: &'static str = "finite and > 0";
    pub(crate) const FINITE_NON_NEGATIVE: &'static str = "finite and >= 0";
    pub(crate) const POSITIVE_COUNT: &'static str = "> 0";

    /// `value` when it is finite and > 0.
    pub(crate) const fn positive(field: &'static str, value: f32) -> Result<f32, Self> {
        Self::check(
            value > 0.0 && value.is_finite(),
            field,
            Self::FINITE_POSITIVE,
            value,
        )
    }

    /// `value` when it is finite and >= 0.
    pub(crate) const fn non_negative(field: &'static str, value: f32) -> Result<f32, Self> {
        Self::check(
            value >= 0.0 && value.is_finite(),
            field,
            Self::FINITE_NON_NEGATIVE,
            value,
        )
    }

    /// `value` when it is in [0, 1].
    pub(crate) const fn share(field: &'static str, value: f32) -> Result<f32, Self> {
        Self::check(value >= 0.0 && value <= 1.0, field, "in [0, 1]", value)
    }

    /// `value` when `holds`, else the error that names `field` and `bound`.
    pub(crate) const fn check(
        holds: bool,
        field: &'static str,
        bound: &'static str,
        value: f32,
    ) -> Result<f32, Self> {
        if holds {
            Ok(value)
        } else {
            Err(Self { field, bound })
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.field, self.bound)
    }
}

impl core::error::Error for ConfigError {}

/// Why a step was not made (or, for [`StepError::Stalled`], made in vain).
///
/// The position and every estimate are as they were before the step, except after
/// [`StepError::ReturnedToAnchor`]. Nothing needs to be done: the next good step carries on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StepError {
    /// An observation has a NaN or an infinite field. The window refused it.
    NonFiniteObservation,
    /// The gradient has a NaN or an infinite coordinate. No random number was drawn.
    NonFiniteGradient,
    /// The energy is NaN or infinite at the position or at the proposal.
    NonFiniteEnergy,
    /// The step is not finite, or longer than [`Chain::max_step`](crate::Chain::max_step):
    /// the step size is too large for the curvature here, or the position is far out.
    StepTooLong,
    /// The schedule gave a step size or a temperature that is not finite, negative, or underflowed.
    StepSize,
    /// The random number generator reported a failure.
    Random,
    /// Too many faults in a row: the position is back at the anchor and burn-in starts again.
    ReturnedToAnchor,
    /// The random part of a step is below one unit in the last place of the position: the chain
    /// no longer samples. Take a larger step, centre and scale the parameters, or end the annealing.
    Stalled,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NonFiniteObservation => "observation is not finite; refused",
            Self::NonFiniteGradient => "gradient is not finite; position kept",
            Self::NonFiniteEnergy => "energy is not finite; position kept",
            Self::StepTooLong => {
                "step is longer than the bound; position kept; lower the step size if this recurs"
            }
            Self::StepSize => "schedule gave no usable step size or temperature; position kept",
            Self::Random => "random number generator failed; position kept",
            Self::ReturnedToAnchor => "too many faults in a row; position is back at the anchor",
            Self::Stalled => {
                "noise is below the resolution of the position; raise the step size or rescale"
            }
        })
    }
}

impl core::error::Error for StepError {}

/// How often each [`StepError`] occurred; the counts saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ErrorCounts {
    /// [`StepError::NonFiniteObservation`].
    pub observation: u32,
    /// [`StepError::NonFiniteGradient`].
    pub gradient: u32,
    /// [`StepError::NonFiniteEnergy`].
    pub energy: u32,
    /// [`StepError::StepTooLong`].
    pub too_long: u32,
    /// [`StepError::StepSize`].
    pub step_size: u32,
    /// [`StepError::Random`].
    pub random: u32,
    /// [`StepError::ReturnedToAnchor`].
    pub returned: u32,
    /// [`StepError::Stalled`].
    pub stalled: u32,
}

impl ErrorCounts {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            observation: 0,
            gradient: 0,
            energy: 0,
            too_long: 0,
            step_size: 0,
            random: 0,
            returned: 0,
            stalled: 0,
        }
    }

    /// Counts one fault.
    pub fn count(&mut self, fault: StepError) {
        let count = match fault {
            StepError::NonFiniteObservation => &mut self.observation,
            StepError::NonFiniteGradient => &mut self.gradient,
            StepError::NonFiniteEnergy => &mut self.energy,
            StepError::StepTooLong => &mut self.too_long,
            StepError::StepSize => &mut self.step_size,
            StepError::Random => &mut self.random,
            StepError::ReturnedToAnchor => &mut self.returned,
            StepError::Stalled => &mut self.stalled,
        };
        *count = count.saturating_add(1);
    }

    /// All faults together.
    pub const fn total(&self) -> u32 {
        self.observation
            .saturating_add(self.gradient)
            .saturating_add(self.energy)
            .saturating_add(self.too_long)
            .saturating_add(self.step_size)
            .saturating_add(self.random)
            .saturating_add(self.returned)
            .saturating_add(self.stalled)
    }
}

crate::checkpoint!(impl[] for ErrorCounts {
    observation: u32, gradient: u32, energy: u32, too_long: u32, step_size: u32, random: u32,
    returned: u32, stalled: u32
});
