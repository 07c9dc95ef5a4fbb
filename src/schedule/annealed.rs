//! A temperature that changes.

use super::Schedule;
use crate::{ConfigError, StepError, stepper::StepParameters};

/// Another schedule, at a temperature that goes linearly from one value to another and stays there.
///
/// Raise T to explore, lower it to exploit; at T = 0 the chain descends.
///
/// ```
/// use langevin::schedule::{Annealed, Constant, Schedule};
/// let schedule = Annealed::new(Constant::new(0.1)?, 4.0, 0.0, 100)?;
/// let first = schedule.step_parameters(&mut schedule.start(), 1.0)?;
/// assert_eq!(first.temperature(), 4.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Annealed<H> {
    schedule: H,
    from: f32,
    to: f32,
    length: u32,
}

impl<H: Copy> Annealed<H> {
    /// Creates `schedule` with T from `from` at step 0 to `to` at step `length` and ever after.
    ///
    /// # Errors
    /// When a temperature is not finite and ≥ 0, or `length` is 0.
    pub const fn new(schedule: H, from: f32, to: f32, length: u32) -> Result<Self, ConfigError> {
        if let Err(error) = ConfigError::non_negative("first temperature", from) {
            return Err(error);
        }
        if let Err(error) = ConfigError::non_negative("last temperature", to) {
            return Err(error);
        }
        if let Err(error) =
            ConfigError::check(length > 0, "length", ConfigError::POSITIVE_COUNT, 0.0)
        {
            return Err(error);
        }
        Ok(Self {
            schedule,
            from,
            to,
            length,
        })
    }
}

/// The state of [`Annealed`]: the state `Y` of its schedule, and the number of the next step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AnnealedState<Y> {
    schedule: Y,
    t: u32,
}

impl<H: Schedule> Schedule for Annealed<H> {
    type State = AnnealedState<H::State>;

    const START: Self::State = AnnealedState {
        schedule: H::START,
        t: 0,
    };

    fn step_parameters(
        &self,
        state: &mut Self::State,
        data: f32,
    ) -> Result<StepParameters, StepError> {
        let eta = self
            .schedule
            .step_parameters(&mut state.schedule, data)?
            .eta();
        let temperature = if state.t < self.length {
            let done = state.t as f32 / self.length as f32;
            state.t = state.t.saturating_add(1);
            self.from + (self.to - self.from) * done
        } else {
            self.to
        };
        StepParameters::checked(eta, temperature)
    }

    fn keeps(&self, state: &Self::State) -> bool {
        self.schedule.keeps(&state.schedule)
    }
}

crate::checkpoint!(impl[Y: crate::Checkpoint] for AnnealedState<Y> { schedule: Y, t: u32 });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Constant;

    #[test]
    fn annealing_ends_at_its_last_temperature() {
        let schedule = Annealed::new(Constant::new(0.1).unwrap(), 2.0, 0.0, 4).unwrap();
        let mut state = schedule.start();
        let seen = [0; 6].map(|_| {
            let parameters = schedule.step_parameters(&mut state, 1.0);
            parameters.unwrap().temperature()
        });
        assert_eq!(seen, [2.0, 1.5, 1.0, 0.5, 0.0, 0.0]);
    }
}
