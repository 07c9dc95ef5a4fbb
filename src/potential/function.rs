//! A potential of two closures.

use super::{Energy, Potential};
use crate::StepError;

/// A potential whose gradient and energy are closures.
///
/// ```
/// use langevin::potential::{Energy, FunctionPotential};
/// let mut well = FunctionPotential {
///     gradient: |x: &[f32; 1]| [4.0 * x[0] * (x[0] * x[0] - 1.0)],
///     energy: |x: &[f32; 1]| x[0] * x[0] * (x[0] * x[0] - 2.0),
/// };
/// assert_eq!(well.energy(&[1.0])?, -1.0);
/// # Ok::<(), langevin::StepError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FunctionPotential<G, E> {
    /// θ ↦ ∇U(θ).
    pub gradient: G,
    /// θ ↦ U(θ).
    pub energy: E,
}

impl<const N: usize, G, E> Potential<N> for FunctionPotential<G, E>
where
    G: FnMut(&[f32; N]) -> [f32; N],
{
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        *gradient = (self.gradient)(theta);
        Ok(())
    }
}

impl<const N: usize, G, E> Energy<N> for FunctionPotential<G, E>
where
    G: FnMut(&[f32; N]) -> [f32; N],
    E: FnMut(&[f32; N]) -> f32,
{
    #[inline]
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        Ok((self.energy)(theta))
    }
}
