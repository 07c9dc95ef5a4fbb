//! Stochastic gradient descent: SGLD at T = 0, without drawing noise.

use super::{Pace, Stepper, displace, finite_gradient};
use crate::{Fault, Metric, Potential, Unit};

/// Stochastic gradient descent, θ' = θ − η L Lᵀ ∇U(θ), with a metric L.
///
/// The schedule's temperature is ignored and no noise is drawn: any noise source will do, `()`
/// among them. Robbins & Monro (1951).
///
/// ```
/// use langevin::{Pace, Sgd, Stepper};
/// let mut theta = [1.0_f32];
/// let pace = Pace::new(0.5, 0.0)?;
/// Sgd::new().step(&mut theta, &mut |x: &[f32; 1]| *x, &pace, &mut ())?;
/// assert_eq!(theta, [0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sgd<M = Unit> {
    metric: M,
}

impl Sgd {
    /// Without preconditioning.
    pub const fn new() -> Self {
        Self { metric: Unit }
    }
}

impl<M> Sgd<M> {
    /// Preconditioned by `metric`.
    pub const fn with_metric(metric: M) -> Self {
        Self { metric }
    }
}

impl<const N: usize, M: Metric<N>, P: Potential<N>, Z> Stepper<N, P, Z> for Sgd<M> {
    // Always: the pace then need not be stored to be passed.
    #[inline(always)]
    fn step(
        &mut self,
        theta: &mut [f32; N],
        potential: &mut P,
        pace: &Pace,
        _: &mut Z,
    ) -> Result<(), Fault> {
        let mut delta = [0.0; N];
        finite_gradient(potential, theta, &mut delta)?;
        self.metric.pull(&mut delta);
        for d in &mut delta {
            *d *= -pace.eta();
        }
        displace(theta, &self.metric, &mut delta, pace)?;
        Ok(())
    }

    fn reach(&self, _: &Pace) -> [f32; N] {
        [0.0; N]
    }
}

crate::checkpoint!(impl[M: crate::Checkpoint] for Sgd<M> { metric: M });
