//! Stochastic gradient descent: SGLD at T = 0, without drawing noise.

use super::{Dynamics, StepParameters, Stepper, finite_gradient};
use crate::{Potential, StepError};

/// Stochastic gradient descent, θ' = θ − η ∇U(θ).
///
/// Robbins & Monro (1951). The schedule's temperature is ignored and no noise is drawn: any noise source will
/// do, `()` among them. Cost: one gradient a step, no state.
///
/// ```
/// use langevin::stepper::{Sgd, StepParameters, Stepper};
/// let mut theta = [1.0_f32];
/// let parameters = StepParameters::new(0.5, 0.0)?;
/// Sgd::new().step(&mut (), &mut theta, &mut |x: &[f32; 1]| *x, &parameters, &mut ())?;
/// assert_eq!(theta, [0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Sgd;

impl Sgd {
    /// Creates the stepper.
    pub const fn new() -> Self {
        Self
    }
}

impl<const N: usize> Dynamics<N> for Sgd {
    type State = ();

    const START: Self::State = ();

    fn noise_scale(&self, (): &(), _: &StepParameters) -> [f32; N] {
        [0.0; N]
    }
}

impl<const N: usize, P: Potential<N>, Z> Stepper<N, P, Z> for Sgd {
    // Always: the parameters then need not be stored to be passed.
    #[inline(always)]
    fn step(
        &self,
        (): &mut (),
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        _: &mut Z,
    ) -> Result<(), StepError> {
        let mut delta = [0.0; N];
        finite_gradient(potential, theta, &mut delta)?;
        for d in &mut delta {
            *d *= -parameters.eta();
        }
        parameters.displace(theta, potential, &mut delta)
    }
}
