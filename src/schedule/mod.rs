//! Schedules: the step size η and temperature T of each step.
//!
//! A schedule is configuration; what changes from step to step, such as a counter, is its
//! [`State`](Schedule::State).

mod annealed;
mod constant;
mod cyclical;
mod polynomial;

pub use annealed::{Annealed, AnnealedState};
pub use constant::{Constant, ConstantState};
pub use cyclical::{Cyclical, CyclicalState};
pub use polynomial::{Polynomial, PolynomialState};

use core::fmt::Debug;

use crate::{StepError, stepper::StepParameters};

/// Gives each step its η and T.
///
/// A step size here is meant for *one* observation. The potential sums over its data, so its
/// curvature grows with every observation; each schedule therefore divides η by the effective
/// number of data, [`Potential::number_of_data`](crate::Potential::number_of_data), when that is above 1.
pub trait Schedule {
    /// What changes from step to step; `()` when nothing does.
    type State: Copy + Debug;

    /// The state before the first step.
    const START: Self::State;

    /// Returns the state before the first step, [`START`](Self::START).
    fn start(&self) -> Self::State {
        Self::START
    }

    /// Returns the parameters of the next step over `data` effective observations.
    ///
    /// A chain asks once for each step that it tries, whether the step is then made or refused, so that
    /// a decay also leads out of steps that are too long.
    ///
    /// # Errors
    /// [`StepError::StepSize`] when η or T is not finite, negative, or has underflowed.
    fn step_parameters(
        &self,
        state: &mut Self::State,
        data: f32,
    ) -> Result<StepParameters, StepError>;

    /// Whether the position after the step whose parameters were given last is a draw to keep.
    fn keeps(&self, state: &Self::State) -> bool {
        let _ = state;
        true
    }
}

/// Returns η for `data` observations.
#[inline]
fn shared(eta: f32, data: f32) -> f32 {
    if data > 1.0 { eta / data } else { eta }
}
