//! A potential that is lent.

use super::{Energy, GradientVariance, Potential};
use crate::StepError;

/// A borrowed potential, for a sum or a wrapper that should not keep it.
///
/// A `&mut` to a potential is not one itself, because closures are potentials and a `&mut` to a closure is a closure.
///
/// ```
/// use langevin::{Potential, StepError, potential::ByRef};
/// fn total(first: &mut impl Potential<1>, second: &mut impl Potential<1>) -> Result<f32, StepError> {
///     let mut gradient = [0.0];
///     (ByRef(first), ByRef(second)).gradient(&[1.0], &mut gradient)?;
///     Ok(gradient[0])
/// }
/// assert_eq!(total(&mut |x: &[f32; 1]| *x, &mut [2.0])?, 3.0);
/// # Ok::<(), StepError>(())
/// ```
#[derive(Debug)]
pub struct ByRef<'a, P: ?Sized>(pub &'a mut P);

impl<const N: usize, P: Potential<N> + ?Sized> Potential<N> for ByRef<'_, P> {
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.0.gradient(theta, gradient)
    }

    #[inline]
    fn number_of_data(&self) -> f32 {
        self.0.number_of_data()
    }

    #[inline]
    fn displacement(&self, displacement: &mut [f32; N]) {
        self.0.displacement(displacement);
    }

    fn check(&self) -> Result<(), StepError> {
        self.0.check()
    }

    #[inline]
    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.0.set_centre(theta)
    }
}

impl<const N: usize, P: Energy<N> + ?Sized> Energy<N> for ByRef<'_, P> {
    #[inline]
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        self.0.energy(theta)
    }
}

impl<const N: usize, P: GradientVariance<N> + ?Sized> GradientVariance<N> for ByRef<'_, P> {
    #[inline]
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        self.0.gradient_and_variance(theta, gradient, variance)
    }
}
