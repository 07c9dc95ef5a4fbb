//! Stochastic gradient descent: SGLD at T = 0, without drawing noise.

use super::{StepParameters, Stepper, displace, finite_gradient};
use crate::{
    Potential, StepError,
    preconditioner::{Identity, Preconditioner},
};

/// Stochastic gradient descent, θ' = θ − η L Lᵀ ∇U(θ), with a metric L.
///
/// The schedule's temperature is ignored and no noise is drawn: any noise source will do, `()`
/// among them. Robbins & Monro (1951).
///
/// ```
/// use langevin::stepper::{Sgd, StepParameters, Stepper};
/// let mut theta = [1.0_f32];
/// let pace = StepParameters::new(0.5, 0.0)?;
/// Sgd::new().step(&mut theta, &mut |x: &[f32; 1]| *x, &pace, &mut ())?;
/// assert_eq!(theta, [0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgd<M = Identity> {
    metric: M,
}

impl Sgd {
    /// Without preconditioning.
    pub const fn new() -> Self {
        Self { metric: Identity }
    }
}

impl<M> Sgd<M> {
    /// Preconditioned by `metric`.
    pub const fn with_metric(metric: M) -> Self {
        Self { metric }
    }
}

impl<const N: usize, M: Preconditioner<N>, P: Potential<N>, Z> Stepper<N, P, Z> for Sgd<M> {
    // Always: the pace then need not be stored to be passed.
    #[inline(always)]
    fn step(
        &mut self,
        theta: &mut [f32; N],
        potential: &mut P,
        pace: &StepParameters,
        _: &mut Z,
    ) -> Result<(), StepError> {
        let mut delta = [0.0; N];
        finite_gradient(potential, theta, &mut delta)?;
        self.metric.apply_transpose(&mut delta);
        for d in &mut delta {
            *d *= -pace.eta();
        }
        displace(theta, &self.metric, &mut delta, pace)?;
        Ok(())
    }

    fn noise_scale(&self, _: &StepParameters) -> [f32; N] {
        [0.0; N]
    }
}

crate::checkpoint!(impl[M: crate::Checkpoint] for Sgd<M> { metric: M });
