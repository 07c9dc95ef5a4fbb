//! The parameters of one step, and the test that every displacement passes.

use crate::{
    ConfigError, Potential, StepError,
    arithmetic::{sqrt, within},
};

/// The parameters of one step: the step size η, the temperature T, and a bound on the step's length.
///
/// A [`Schedule`](crate::schedule::Schedule) gives them to each step of a chain.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StepParameters {
    eta: f32,
    temperature: f32,
    noise: f32,
    max_step: MaxStep,
}

impl StepParameters {
    /// A placeholder: no step at all.
    pub(crate) const NONE: Self = Self {
        eta: 0.0,
        temperature: 0.0,
        noise: 0.0,
        max_step: MaxStep::NONE,
    };

    /// Creates the parameters of a step of size η at temperature T, without a bound on its length.
    ///
    /// # Errors
    /// When η is not finite and > 0, or T not finite and ≥ 0.
    pub fn new(eta: f32, temperature: f32) -> Result<Self, ConfigError> {
        ConfigError::positive("step size", eta)?;
        ConfigError::non_negative("temperature", temperature)?;
        Ok(Self::from_parts(eta, temperature))
    }

    /// Does what [`new`](Self::new) does, for schedules: values out of range, or so small that they have
    /// underflowed, are a [`StepError`].
    #[inline]
    pub(crate) fn checked(eta: f32, temperature: f32) -> Result<Self, StepError> {
        let parameters = Self::from_parts(eta, temperature);
        let usable = eta >= f32::MIN_POSITIVE
            && temperature >= 0.0
            && parameters.noise < f32::INFINITY
            && (parameters.noise > 0.0 || temperature == 0.0);
        if usable {
            Ok(parameters)
        } else {
            Err(StepError::StepSize)
        }
    }

    #[inline]
    fn from_parts(eta: f32, temperature: f32) -> Self {
        Self {
            eta,
            temperature,
            noise: sqrt(2.0 * eta * temperature),
            max_step: MaxStep::NONE,
        }
    }

    /// Returns the same parameters with `bound` as the greatest length of a step.
    #[inline]
    #[must_use]
    pub const fn with_max_step(mut self, bound: MaxStep) -> Self {
        self.max_step = bound;
        self
    }

    /// Returns the same parameters at another temperature.
    #[inline]
    pub(crate) fn with_temperature(&self, temperature: f32) -> Self {
        Self::from_parts(self.eta, temperature).with_max_step(self.max_step)
    }

    /// Returns the step size η.
    #[inline]
    pub const fn eta(&self) -> f32 {
        self.eta
    }

    /// Returns the temperature T.
    #[inline]
    pub const fn temperature(&self) -> f32 {
        self.temperature
    }

    /// Returns √(2ηT), the standard deviation of the noise in a Langevin step.
    #[inline]
    pub const fn noise_scale(&self) -> f32 {
        self.noise
    }

    /// Checks that a displacement of θ is finite and no longer than the bound.
    ///
    /// # Errors
    /// [`StepError::StepTooLong`].
    #[inline]
    pub fn check<const N: usize>(&self, displacement: &[f32; N]) -> Result<(), StepError> {
        if self.max_step.admits(displacement) {
            Ok(())
        } else {
            Err(StepError::StepTooLong)
        }
    }

    /// Moves `theta` by `displacement`, which is in the coordinates of `potential`'s gradient and is turned
    /// into one of θ in place.
    ///
    /// Every stepper moves by this and nothing else: here a step too long is refused, and a
    /// [`Preconditioned`](super::Preconditioned) stepper's displacement is turned back into one of θ.
    ///
    /// # Errors
    /// [`StepError::StepTooLong`] from [`check`](Self::check); `theta` is then as it was.
    #[inline(always)]
    pub fn displace<const N: usize, P: Potential<N>>(
        &self,
        theta: &mut [f32; N],
        potential: &P,
        displacement: &mut [f32; N],
    ) -> Result<(), StepError> {
        potential.displacement(displacement);
        self.check(displacement)?;
        for (t, d) in theta.iter_mut().zip(displacement) {
            *t += *d;
        }
        Ok(())
    }
}

/// A bound on the length of a step: Euclidean, in the units of θ.
///
/// No step needs to be longer than the prior is wide: take that width.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MaxStep {
    squared: f32,
}

impl MaxStep {
    /// Returns whether a displacement is within the bound. It is not when it is not finite.
    #[inline]
    pub(crate) fn admits<const N: usize>(self, displacement: &[f32; N]) -> bool {
        within(displacement, self.squared)
    }

    /// Allows every step that is finite and no longer than 1e18.
    ///
    /// That keeps positions finite: a step of 1e18 is lost in rounding long before the position overflows.
    pub const NONE: Self = Self { squared: 1e36 };

    /// Creates a bound that refuses steps longer than `length`.
    ///
    /// # Errors
    /// When `length` is not finite and > 0.
    pub const fn new(length: f32) -> Result<Self, ConfigError> {
        match ConfigError::positive("longest step", length) {
            Ok(length) if length < 1e18 => Ok(Self {
                squared: length * length,
            }),
            Ok(_) => Ok(Self::NONE),
            Err(error) => Err(error),
        }
    }
}
crate::checkpoint!(impl[] for MaxStep { squared: f32 } if |bound| bound.squared > 0.0 && bound.squared <= 1e36);
