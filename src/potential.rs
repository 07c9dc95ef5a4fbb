//! What is sampled: the potential U(θ) = −log p(θ | data), up to a constant, and its gradient.

use crate::StepError;

/// A potential U(θ), known by its gradient.
///
/// U is the negative log posterior, *summed* over the data. The chain samples exp(−U/T).
///
/// Closures from position to gradient implement it, and so does an array: a gradient that is
/// already at hand.
///
/// ```
/// use langevin::Potential;
/// let mut quadratic = |theta: &[f32; 2]| [4.0 * theta[0], theta[1]];
/// let mut gradient = [0.0; 2];
/// quadratic.gradient(&[1.0, 2.0], &mut gradient)?;
/// assert_eq!(gradient, [4.0, 2.0]);
/// # Ok::<(), langevin::StepError>(())
/// ```
pub trait Potential<const N: usize> {
    /// Overwrites `gradient` with ∇U(θ), or an unbiased estimate of it.
    ///
    /// # Errors
    /// Only what the potential itself cannot compute, such as [`StepError::Random`] from a minibatch
    /// whose generator failed. Non-finite numbers are the stepper's to find.
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError>;

    /// Effective number of data that U sums over; schedules divide the step size by it.
    ///
    /// The default, 1, leaves the step size as it is.
    fn number_of_data(&self) -> f32 {
        1.0
    }

    /// Progress by whoever moved the position that the next gradients will be asked for near `theta`.
    ///
    /// A potential with a reference point, such as control variates, moves it there; then its gradient
    /// at `theta` itself is exact. The default does nothing.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient); the reference point is then as it was.
    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        let _ = theta;
        Ok(())
    }

    /// Turns a displacement in the coordinates of the gradient into one of θ.
    ///
    /// The default leaves it as it is: gradients are with respect to θ. A
    /// [`Preconditioned`](crate::stepper::Preconditioned) stepper's potential has the gradient Lᵀ∇U, and applies L here.
    #[inline(always)]
    fn displacement(&self, displacement: &mut [f32; N]) {
        let _ = displacement;
    }
}

/// A potential whose value U(θ), up to a constant, can be computed too.
pub trait Energy<const N: usize>: Potential<N> {
    /// U(θ), up to a constant that does not depend on θ.
    ///
    /// # Errors
    /// As [`Potential::gradient`].
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError>;
}

/// A potential whose gradient is an unbiased estimate with a variance that it estimates too, such as a
/// minibatch's.
pub trait GradientVariance<const N: usize>: Potential<N> {
    /// As [`gradient`](Potential::gradient), and overwrites `variance` with an unbiased estimate of the
    /// variance of each coordinate of that gradient, from the same batch: 0 for a full sum.
    ///
    /// # Errors
    /// As [`Potential::gradient`].
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError>;
}

impl<const N: usize, F: FnMut(&[f32; N]) -> [f32; N]> Potential<N> for F {
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        *gradient = self(theta);
        Ok(())
    }
}

impl<const N: usize> Potential<N> for [f32; N] {
    #[inline]
    fn gradient(&mut self, _: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        *gradient = *self;
        Ok(())
    }
}

/// A gradient and an energy, each a closure.
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
