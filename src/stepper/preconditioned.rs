//! Any stepper in other coordinates.

use super::{Dynamics, Mala, StepParameters, Stepper, mala};
use crate::{
    Potential, StepError,
    potential::{Energy, GradientVariance},
    preconditioner::{DiagonalPreconditioner, Preconditioner},
};

/// Runs a stepper in the coordinates φ of a preconditioner L, where θ = Lφ.
///
/// The stepper sees the gradient Lᵀ∇U, and its displacements δ move θ by Lδ. So its law holds with the curvature
/// LᵀHL in place of H; with LLᵀ the posterior's covariance every direction has curvature 1.
/// Positions, and the bound on a step's length, stay in the units of θ.
///
/// Cost: one product with Lᵀ for each gradient and one with L for each proposal; no state. L is kept by value, or
/// by reference where it is a `static` in flash.
///
/// [`ReplicaExchange`](super::ReplicaExchange) may stand inside or outside, and either way keeps one L for all
/// replicas. [`ModifiedSgld`](super::ModifiedSgld) needs an L that is
/// [diagonal](DiagonalPreconditioner).
///
/// ```
/// use langevin::{
///     BoxMuller, Chain, Pcg32, SeedableRng, preconditioner::Diagonal, schedule::Constant,
///     stepper::{Preconditioned, Sgld},
/// };
/// // Standard deviations of 0.01 and 100.
/// let mut posterior = |theta: &[f32; 2]| [1e4 * theta[0], 1e-4 * theta[1]];
/// let sgld = Preconditioned::new(Sgld::new(), Diagonal::new([0.01, 100.0])?);
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0; 2], sgld, Constant::new(0.1)?, noise);
/// for _ in 0..1000 {
///     chain.step(&mut posterior)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Preconditioned<S, M> {
    stepper: S,
    preconditioner: M,
}

impl<S, M> Preconditioned<S, M> {
    /// Creates `stepper` in the coordinates of `preconditioner`.
    pub const fn new(stepper: S, preconditioner: M) -> Self {
        Self {
            stepper,
            preconditioner,
        }
    }

    /// Returns the stepper.
    pub const fn stepper(&self) -> &S {
        &self.stepper
    }

    /// Returns the preconditioner.
    pub const fn preconditioner(&self) -> &M {
        &self.preconditioner
    }

    /// Returns the preconditioner, to be refined between steps.
    pub const fn preconditioner_mut(&mut self) -> &mut M {
        &mut self.preconditioner
    }
}

impl<M> Preconditioned<Mala, M> {
    /// Does what [`Mala::log_ratio`] does, for steps of preconditioned SGLD.
    ///
    /// # Errors
    /// As [`Mala::log_ratio`].
    pub fn log_ratio<const N: usize, P: Energy<N>>(
        &self,
        from: &[f32; N],
        to: &[f32; N],
        potential: &mut P,
        parameters: &StepParameters,
    ) -> Result<f32, StepError>
    where
        M: Preconditioner<N>,
    {
        mala::log_ratio(&self.preconditioner, from, to, potential, parameters)
    }
}

impl<const N: usize, S: Dynamics<N>, M: Preconditioner<N>> Dynamics<N> for Preconditioned<S, M> {
    type State = S::State;

    const START: Self::State = S::START;

    fn reset(&self, state: &mut Self::State) {
        self.stepper.reset(state);
    }

    fn noise_scale(&self, state: &Self::State, parameters: &StepParameters) -> [f32; N] {
        let mut scale = self.preconditioner.row_norms();
        for (s, inner) in scale
            .iter_mut()
            .zip(self.stepper.noise_scale(state, parameters))
        {
            *s *= inner;
        }
        scale
    }
}

impl<const N: usize, S, M, P, Z> Stepper<N, P, Z> for Preconditioned<S, M>
where
    S: for<'a> Stepper<N, InCoordinates<'a, P, M>, Z>,
    M: Preconditioner<N>,
    P: Potential<N>,
{
    #[inline(always)]
    fn step(
        &self,
        state: &mut Self::State,
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut potential = InCoordinates {
            potential,
            preconditioner: &self.preconditioner,
        };
        self.stepper
            .step(state, theta, &mut potential, parameters, noise)
    }
}

/// A potential whose gradient is in the coordinates of a preconditioner: what a [`Preconditioned`] stepper's
/// inner stepper sees.
#[derive(Debug)]
pub struct InCoordinates<'a, P, M> {
    potential: &'a mut P,
    preconditioner: &'a M,
}

impl<const N: usize, P: Potential<N>, M: Preconditioner<N>> Potential<N>
    for InCoordinates<'_, P, M>
{
    #[inline(always)]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.potential.gradient(theta, gradient)?;
        self.preconditioner.apply_transpose(gradient);
        Ok(())
    }

    #[inline]
    fn number_of_data(&self) -> f32 {
        self.potential.number_of_data()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.potential.set_centre(theta)
    }

    // What is outside is applied last: L may be one of several.
    #[inline(always)]
    fn displacement(&self, displacement: &mut [f32; N]) {
        self.preconditioner.apply(displacement);
        self.potential.displacement(displacement);
    }
}

impl<const N: usize, P: Energy<N>, M: Preconditioner<N>> Energy<N> for InCoordinates<'_, P, M> {
    #[inline]
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        self.potential.energy(theta)
    }
}

impl<const N: usize, P: GradientVariance<N>, M: DiagonalPreconditioner<N>> GradientVariance<N>
    for InCoordinates<'_, P, M>
{
    #[inline(always)]
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        self.potential
            .gradient_and_variance(theta, gradient, variance)?;
        self.preconditioner.apply_transpose(gradient);
        // A diagonal L multiplies each coordinate by a factor: a variance by its square.
        self.preconditioner.apply_transpose(variance);
        self.preconditioner.apply_transpose(variance);
        Ok(())
    }
}
