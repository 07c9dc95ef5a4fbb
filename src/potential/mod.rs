//! What is sampled: the potential U(θ) = −log p(θ | data), up to a constant, and its gradient.

mod by_ref;
mod function;
mod gradient_check;
mod part;
mod sum;

pub use by_ref::ByRef;
pub use function::FunctionPotential;
pub use gradient_check::{GradientError, Mistake, check_gradient, check_symmetry};
pub use part::Part;

use crate::StepError;

/// A potential U(θ), known by its gradient.
///
/// U is the negative log posterior, *summed* over the data. The chain samples exp(−U/T).
///
/// | what is known | what to write |
/// |---|---|
/// | a prior and a likelihood | [`Model::posterior`](crate::Model::posterior) |
/// | a formula for U | [`Formula`](crate::dual::Formula), whose gradient comes by itself |
/// | the gradient | a closure from θ to it; with the energy a [`FunctionPotential`] |
/// | a gradient that is already at hand | the array |
/// | several potentials of one θ | a pair, which is their sum; each may take a [`Part`] of θ |
///
/// [`check_gradient`] finds mistakes in a gradient that was derived by hand.
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
    /// When the potential itself cannot compute it, such as [`StepError::Random`] from a minibatch whose
    /// generator failed. Whether the numbers are finite is checked by the stepper.
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError>;

    /// Returns the effective number of data that U sums over, by which schedules divide the step size.
    ///
    /// The default, 1, leaves the step size as it is.
    fn number_of_data(&self) -> f32 {
        1.0
    }

    /// Checks what can be wrong before the first step and does not depend on θ, such as an observation that the
    /// likelihood cannot give. Call it once the data are there.
    ///
    /// The default accepts.
    ///
    /// # Errors
    /// [`StepError::ImpossibleObservation`], for instance.
    fn check(&self) -> Result<(), StepError> {
        Ok(())
    }

    /// Moves the reference point of the potential, if it has one, to `theta`, near which the next gradients will
    /// be asked for.
    ///
    /// The gradient of control variates, for instance, is exact at their reference point. The default does nothing.
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
    /// Returns U(θ), up to a constant that does not depend on θ.
    ///
    /// # Errors
    /// As [`Potential::gradient`].
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError>;
}

/// A potential whose gradient is an unbiased estimate, such as a minibatch's, and which estimates the variance of
/// it too.
pub trait GradientVariance<const N: usize>: Potential<N> {
    /// Overwrites `gradient` as [`Potential::gradient`] does, and `variance` with an unbiased estimate of the
    /// variance of each of its coordinates, from the same batch. The variance of a full sum is 0.
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
