//! A constant step size.

use super::{Schedule, shared};
use crate::{ConfigError, StepError, stepper::StepParameters};

/// A constant step size at a constant temperature.
///
/// ```
/// use langevin::schedule::{Constant, Schedule};
/// let schedule = Constant::new(0.5)?;
/// let mut state = schedule.start();
/// assert_eq!(schedule.step_parameters(&mut state, 1.0)?.eta(), 0.5);
/// assert_eq!(schedule.step_parameters(&mut state, 64.0)?.eta(), 0.5 / 64.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Constant {
    eta: f32,
    temperature: f32,
}

impl Constant {
    /// Creates a schedule of step size `eta` at T = 1.
    ///
    /// # Errors
    /// When `eta` is not finite and > 0.
    pub const fn new(eta: f32) -> Result<Self, ConfigError> {
        match ConfigError::positive("step size", eta) {
            Ok(eta) => Ok(Self::known(eta)),
            Err(error) => Err(error),
        }
    }

    /// Creates a schedule of step size `eta`, known to be finite and > 0, at T = 1.
    pub(crate) const fn known(eta: f32) -> Self {
        Self {
            eta,
            temperature: 1.0,
        }
    }

    /// Returns the same schedule at another temperature; 0 is descent.
    ///
    /// # Errors
    /// When `temperature` is not finite and ≥ 0.
    pub const fn with_temperature(self, temperature: f32) -> Result<Self, ConfigError> {
        match ConfigError::non_negative("temperature", temperature) {
            Ok(temperature) => Ok(Self {
                temperature,
                ..self
            }),
            Err(error) => Err(error),
        }
    }

    #[inline(never)]
    fn prepare(&self, state: &mut ConstantState, data: f32) -> Result<(), StepError> {
        let parameters = StepParameters::checked(shared(self.eta, data), self.temperature)?;
        *state = ConstantState { data, parameters };
        Ok(())
    }
}

/// The state of [`Constant`]: the last step's parameters, so that they need not be computed again.
///
/// A checkpoint does not keep them.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConstantState {
    // The number of data that the parameters are for; NaN for none.
    data: f32,
    parameters: StepParameters,
}

/// All are equal: they are what the schedule makes of the number of data.
impl PartialEq for ConstantState {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Schedule for Constant {
    type State = ConstantState;

    const START: Self::State = ConstantState {
        data: f32::NAN,
        parameters: StepParameters::NONE,
    };

    #[inline]
    fn step_parameters(
        &self,
        state: &mut Self::State,
        data: f32,
    ) -> Result<StepParameters, StepError> {
        if state.data != data {
            self.prepare(state, data)?;
        }
        Ok(state.parameters)
    }
}

impl crate::Checkpoint for ConstantState {
    const SIZE: usize = 0;
    const SCHEMA: u32 = crate::checkpoint::schema_hash("ConstantState", &[]);

    fn write(&self, _: &mut crate::checkpoint::Writer<'_>) {}

    fn read(
        _: &mut crate::checkpoint::Reader<'_>,
    ) -> Result<Self, crate::checkpoint::CheckpointError> {
        Ok(Constant::START)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_underflow_is_an_error() {
        let tiny = Constant::new(1e-38).unwrap();
        let mut state = tiny.start();
        let mut eta = |data| tiny.step_parameters(&mut state, data).map(|p| p.eta());
        assert!(eta(1.0).is_err() == (1e-38 < f32::MIN_POSITIVE));
        assert_eq!(eta(1e6), Err(StepError::StepSize));
        assert_eq!(eta(f32::NAN), eta(1.0));
    }
}
