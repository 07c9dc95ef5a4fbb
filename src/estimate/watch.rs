//! A potential whose gradients enter an estimate.

use crate::{Potential, StepError, potential::Energy};

/// Something that takes in draws with their gradients, such as [`SteinMoments`](super::SteinMoments).
pub trait Observer<const N: usize> {
    /// Takes in a position and the gradient ∇U at it.
    fn observe(&mut self, position: &[f32; N], gradient: &[f32; N]);
}

/// A potential that is watched: each gradient asked of it is shown to an observer, with its position.
#[derive(Debug)]
pub struct Watched<'a, P, O> {
    potential: &'a mut P,
    observer: &'a mut O,
}

impl<'a, P, O> Watched<'a, P, O> {
    /// Shows the gradients of `potential` to `observer`.
    pub const fn new(potential: &'a mut P, observer: &'a mut O) -> Self {
        Self {
            potential,
            observer,
        }
    }
}

impl<const N: usize, P: Potential<N>, O: Observer<N>> Potential<N> for Watched<'_, P, O> {
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.potential.gradient(theta, gradient)?;
        self.observer.observe(theta, gradient);
        Ok(())
    }

    #[inline]
    fn number_of_data(&self) -> f32 {
        self.potential.number_of_data()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.potential.set_centre(theta)
    }
}

impl<const N: usize, P: Energy<N>, O: Observer<N>> Energy<N> for Watched<'_, P, O> {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        self.potential.energy(theta)
    }
}
