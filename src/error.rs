//! Error types: [`ConfigError`] is returned by constructors, [`StepError`] by steps.

use core::fmt;

/// An argument was out of range.
///
/// Its message names the argument and the range.
///
/// ```
/// use langevin::schedule::Constant;
/// let error = Constant::new(-0.1).unwrap_err();
/// assert_eq!(error.to_string(), "step size must be finite and > 0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConfigError {
    /// The argument, as the documentation of the function names it.
    pub field: &'static str,
    /// The range in which it must be.
    pub bound: &'static str,
}

impl ConfigError {
    pub(crate) const FINITE_POSITIVE: &'static str = "finite and > 0";
    pub(crate) const FINITE_NON_NEGATIVE: &'static str = "finite and >= 0";
    pub(crate) const POSITIVE_COUNT: &'static str = "> 0";

    /// Returns `value` if it is finite and > 0.
    pub(crate) const fn positive(field: &'static str, value: f32) -> Result<f32, Self> {
        Self::check(
            value > 0.0 && value.is_finite(),
            field,
            Self::FINITE_POSITIVE,
            value,
        )
    }

    /// Returns `value` if it is finite and >= 0.
    pub(crate) const fn non_negative(field: &'static str, value: f32) -> Result<f32, Self> {
        Self::check(
            value >= 0.0 && value.is_finite(),
            field,
            Self::FINITE_NON_NEGATIVE,
            value,
        )
    }

    /// Returns `value` if it is between 0 and 1, both excluded.
    pub(crate) const fn probability(field: &'static str, value: f32) -> Result<f32, Self> {
        let bound = "a probability between 0 and 1, such as 0.95";
        Self::check(value > 0.0 && value < 1.0, field, bound, value)
    }

    /// Returns `value` if it is in [0, 1].
    pub(crate) const fn share(field: &'static str, value: f32) -> Result<f32, Self> {
        Self::check(value >= 0.0 && value <= 1.0, field, "in [0, 1]", value)
    }

    /// Returns `value` if `holds`, otherwise the error that names `field` and `bound`.
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

/// The reason why a step was not made.
///
/// The position is as it was before the step, except after [`StepError::ReturnedToAnchor`] and
/// [`StepError::Stalled`]. No action is required: the next good step continues the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StepError {
    /// An observation has a field that is NaN or infinite. The window refused it.
    NonFiniteObservation,
    /// An observation is none that the likelihood can give, such as y = 7 in a logistic regression.
    ImpossibleObservation,
    /// The gradient has a coordinate that is NaN or infinite. No random number was drawn.
    NonFiniteGradient,
    /// The energy at the position or at the proposal is NaN or infinite.
    NonFiniteEnergy,
    /// The step is not finite, or longer than [`Chain::max_step`](crate::Chain::max_step):
    /// the step size is too large for the curvature here, or the position is far out.
    StepTooLong,
    /// The step size or the temperature of the schedule is not finite, is negative, or has underflowed to zero.
    StepSize,
    /// The random number generator failed.
    Random,
    /// Too many steps failed in succession. The position is back at the anchor, and burn-in starts again.
    ReturnedToAnchor,
    /// The random part of the step is below one unit in the last place of the position, so the chain no longer
    /// samples. Use a larger step size, centre and scale the parameters, or end the annealing.
    Stalled,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NonFiniteObservation => "observation is not finite and was refused",
            Self::ImpossibleObservation => "observation is none that the likelihood can give",
            Self::NonFiniteGradient => "gradient is not finite; position kept",
            Self::NonFiniteEnergy => "energy is not finite; position kept",
            Self::StepTooLong => {
                "step is longer than the bound; position kept; use a smaller step size if this recurs"
            }
            Self::StepSize => "schedule has no usable step size or temperature; position kept",
            Self::Random => "random number generator failed; position kept",
            Self::ReturnedToAnchor => "too many failed steps in succession; position is back at the anchor",
            Self::Stalled => {
                "noise is below the resolution of the position; use a larger step size or rescale the parameters"
            }
        })
    }
}

impl core::error::Error for StepError {}

/// The number of times that each [`StepError`] occurred. The counts saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ErrorCounts {
    /// [`StepError::NonFiniteObservation`] and [`StepError::ImpossibleObservation`].
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
    /// Creates counts that are all zero.
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

    /// Counts one error.
    pub const fn count(&mut self, error: StepError) {
        let count = match error {
            StepError::NonFiniteObservation | StepError::ImpossibleObservation => {
                &mut self.observation
            }
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

    /// Returns the number of all errors together.
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
