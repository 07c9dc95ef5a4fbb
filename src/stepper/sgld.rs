//! Stochastic gradient Langevin dynamics (Welling & Teh 2011), or the unadjusted Langevin algorithm.

use super::{Dynamics, StepParameters, Stepper, finite_gradient};
use crate::{Potential, StepError, arithmetic::diffuse, noise::Noise};

/// SGLD, θ' = θ − η ∇U(θ) + √(2ηT) ξ.
///
/// Welling & Teh (2011), equation (4), whose ε is 2η; with a full gradient it is the unadjusted
/// Langevin algorithm. On U = kθ²/2 the stationary variance is T/(k(1 − ηk/2)) and the lag-one
/// autocorrelation 1 − ηk; stable for ηk < 2. Cost: one gradient and N draws a step, no state.
///
/// Bare, with a gradient of your own:
///
/// ```
/// use langevin::{BoxMuller, Pcg32, SeedableRng, stepper::{Sgld, StepParameters, Stepper}};
/// let mut noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut theta = [1.0, 2.0];
/// let parameters = StepParameters::new(0.01, 1.0)?;
/// for _ in 0..100 {
///     let mut gradient = theta; // of U = |θ|²/2
///     Sgld::new().step(&mut (), &mut theta, &mut gradient, &parameters, &mut noise)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Sgld;

impl Sgld {
    /// Creates the stepper.
    pub const fn new() -> Self {
        Self
    }
}

impl<const N: usize> Dynamics<N> for Sgld {
    type State = ();

    const START: Self::State = ();
}

impl<const N: usize, P: Potential<N>, Z: Noise> Stepper<N, P, Z> for Sgld {
    // Always: the parameters then need not be stored to be passed.
    #[inline(always)]
    fn step(
        &self,
        (): &mut (),
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut gradient = [0.0; N];
        finite_gradient(potential, theta, &mut gradient)?;
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        for (d, g) in delta.iter_mut().zip(&gradient) {
            *d = diffuse(parameters.noise_scale(), *d, parameters.eta() * *g);
        }
        parameters.displace(theta, potential, &mut delta)
    }
}
