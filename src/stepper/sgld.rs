//! Stochastic gradient Langevin dynamics (Welling & Teh 2011), or the unadjusted Langevin algorithm.

use super::{StepParameters, Stepper, diffuse, displace, finite_gradient, scaled};
use crate::{
    Potential, StepError,
    noise::Noise,
    preconditioner::{Identity, Preconditioner},
};

/// SGLD, θ' = θ − η L Lᵀ ∇U(θ) + √(2ηT) L ξ, with a metric L.
///
/// Welling & Teh (2011), equation (4), whose ε is 2η; with a full gradient it is the unadjusted
/// Langevin algorithm. On U = kθ²/2 the stationary variance is T/(k(1 − ηk/2)), the lag-one
/// autocorrelation 1 − ηk; stable for ηk < 2. Cost: one gradient and N draws a step, no state.
///
/// Bare, with a gradient of one's own:
///
/// ```
/// use langevin::{BoxMuller, Pcg32, SeedableRng, stepper::{Sgld, StepParameters, Stepper}};
/// let mut noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut theta = [1.0, 2.0];
/// let pace = StepParameters::new(0.01, 1.0)?;
/// for _ in 0..100 {
///     let mut gradient = theta; // of U = |θ|²/2
///     Sgld::new().step(&mut theta, &mut gradient, &pace, &mut noise)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgld<M = Identity> {
    metric: M,
}

impl Sgld {
    /// Without preconditioning.
    pub const fn new() -> Self {
        Self { metric: Identity }
    }
}

impl<M> Sgld<M> {
    /// Preconditioned by `metric`.
    pub const fn with_metric(metric: M) -> Self {
        Self { metric }
    }
}

impl<const N: usize, M: Preconditioner<N>, P: Potential<N>, Z: Noise> Stepper<N, P, Z> for Sgld<M> {
    // Always: the pace then need not be stored to be passed.
    #[inline(always)]
    fn step(
        &mut self,
        theta: &mut [f32; N],
        potential: &mut P,
        pace: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut gradient = [0.0; N];
        finite_gradient(potential, theta, &mut gradient)?;
        self.metric.apply_transpose(&mut gradient);
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        for (d, g) in delta.iter_mut().zip(&gradient) {
            *d = diffuse(pace.noise_scale(), *d, pace.eta() * *g);
        }
        displace(theta, &self.metric, &mut delta, pace)?;
        Ok(())
    }

    fn noise_scale(&self, pace: &StepParameters) -> [f32; N] {
        scaled(self.metric.scale(), pace.noise_scale())
    }
}

crate::checkpoint!(impl[M: crate::Checkpoint] for Sgld<M> { metric: M });
