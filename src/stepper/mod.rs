//! Update rules: each file holds one stepper, and nothing but its rule.
//!
//! A stepper is configuration: a small, immutable value that a constructor has checked. What it carries from
//! one step to the next, such as a momentum, is its [`State`](Dynamics::State), which the caller keeps. Every
//! stepper can be used bare, without a chain, a window or a model: see [`Sgld`].
//!
//! [`Preconditioned`] runs any of them in other coordinates.

mod badodab;
mod baoab;
mod lattice_walk;
mod leimkuhler_matthews;
mod mala;
mod modified_sgld;
mod parameters;
mod preconditioned;
mod proportion;
mod psgld;
mod replica_exchange;
mod sgd;
mod sghmc;
mod sgld;
mod sgnht;
mod thermostat;

pub use badodab::Badodab;
pub use baoab::{Baoab, BaoabState};
pub use lattice_walk::{LatticeWalk, LatticeWalkState};
pub use leimkuhler_matthews::{LeimkuhlerMatthews, LeimkuhlerMatthewsState};
pub use mala::{Mala, MalaState};
pub use modified_sgld::{ModifiedSgld, ModifiedSgldState};
pub use parameters::{MaxStep, StepParameters};
pub use preconditioned::Preconditioned;
pub use proportion::Proportion;
pub use psgld::{Psgld, PsgldState};
pub use replica_exchange::{Ladder, ReplicaExchange, ReplicaExchangeState};
pub use sgd::Sgd;
pub use sghmc::{Sghmc, SghmcState};
pub use sgld::Sgld;
pub use sgnht::Sgnht;
pub use thermostat::ThermostatState;

use core::fmt::Debug;

use crate::{Potential, StepError, arithmetic::finite};

/// What can be said of an update rule without knowing its potential and its noise.
pub trait Dynamics<const N: usize> {
    /// What a step leaves for the next one; `()` for rules that keep nothing.
    type State: Copy + Debug;

    /// The state in which a path begins.
    const START: Self::State;

    /// Returns the state in which a path begins, [`START`](Self::START).
    fn start(&self) -> Self::State {
        Self::START
    }

    /// Forgets what belongs to the path so far, such as a momentum: the position was moved from outside.
    ///
    /// The default starts again; rules whose state counts something override it to keep their counts.
    fn reset(&self, state: &mut Self::State) {
        *state = Self::START;
    }

    /// Returns how far the random part of a step moves each coordinate of θ, in order of magnitude; 0 when there
    /// is none.
    ///
    /// A chain reports [`StepError::Stalled`] when that is below the resolution of its position.
    /// The default is √(2ηT) in every coordinate.
    fn noise_scale(&self, state: &Self::State, parameters: &StepParameters) -> [f32; N] {
        let _ = state;
        [parameters.noise_scale(); N]
    }
}

/// An update rule.
///
/// `P` is the potential and `Z` the noise. The bounds of an implementation say what its rule needs of them:
/// [`Energy`](crate::potential::Energy) for a Metropolis test, [`FiveMoments`](crate::noise::FiveMoments) for a
/// scheme of second order.
///
/// A rule asks for the gradient by [`finite_gradient`] and moves by [`StepParameters::displace`]; then it is
/// safe from non-finite numbers and can be [`Preconditioned`].
pub trait Stepper<const N: usize, P, Z>: Dynamics<N> {
    /// Makes one step from `theta`.
    ///
    /// # Errors
    /// A [`StepError`]; `theta` and `state` are then as they were.
    fn step(
        &self,
        state: &mut Self::State,
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError>;
}

/// Overwrites `gradient` with ∇U(θ) and checks that it is finite.
///
/// # Errors
/// [`StepError::NonFiniteGradient`], and what the potential reports.
#[inline(always)]
pub fn finite_gradient<const N: usize, P: Potential<N>>(
    potential: &mut P,
    theta: &[f32; N],
    gradient: &mut [f32; N],
) -> Result<(), StepError> {
    potential.gradient(theta, gradient)?;
    if finite(gradient) {
        Ok(())
    } else {
        Err(StepError::NonFiniteGradient)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::{
        StepError,
        noise::{FiveMoments, Gaussian, Noise},
    };
    use std::collections::VecDeque;

    /// Noise that is told what to draw, and fails when it has run out.
    pub struct Draws(VecDeque<f32>);

    impl Draws {
        pub fn new(draws: &[f32]) -> Self {
            Self(draws.iter().copied().collect())
        }
    }

    impl Noise for Draws {
        fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
            for x in out {
                *x = self.0.pop_front().ok_or(StepError::Random)?;
            }
            Ok(())
        }
    }
    impl FiveMoments for Draws {}
    impl Gaussian for Draws {}
}
