//! The stochastic gradient Nosé–Hoover thermostat (Ding et al. 2014), by Euler's rule.

use super::{StepParameters, Stepper, displace, finite_gradient, scaled};
use crate::{
    ConfigError, Potential, StepError,
    noise::Noise,
    preconditioner::{Identity, Preconditioner},
    sqrt::sqrt,
};

/// SGNHT: momentum whose friction is found by a thermostat, so that gradient noise of an unknown
/// variance does not heat the chain.
///
/// With g = Lᵀ∇U(θ), L the metric, and d = N:
///
/// ```text
/// r' = (1 − α) r − √η g + √(2aT) ξ
/// θ' = θ + √η L r'
/// α' = α + η (‖r'‖²/d − T)
/// ```
///
/// Ding et al. (2014), *Bayesian sampling using stochastic gradient thermostats*, algorithm 1, in steps
/// instead of time: η = h², a = Ah, α = ξh, √η r = u (the paper has T = 1; A is aT/h). It is the
/// mean of *squares* ‖r‖²/d that is held at T.
///
/// | here | in the paper |
/// |---|---|
/// | η | h² |
/// | `diffusion` a, 0 to 1: the friction if the gradient had no noise | a = Ah |
/// | [`friction`](Self::friction) α, found by the thermostat | α = ξh |
///
/// Σ(‖r‖²/d − T) over any run of steps is (α_n − α_0)/η, an identity. For gradient noise of variance V the
/// mean of α goes to a + ηV/(2T) as η → 0, and the law to exp(−U/T). Euler's rule is of first order in
/// √η: α is 3 % off at √η = 0.05, a = 0.05, and on U = kθ²/2 the variance is 21 % too small at ηk = 0.05,
/// a = 0.3. [`Badodab`](super::Badodab) is off by 1 % there.
///
/// Cost: one gradient, N draws, N + 2 words of state. Choose it when the gradient's noise is large,
/// unknown and the same everywhere, and N is not 1 (a thermostat on one quadratic degree of freedom is
/// slow to mix).
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::Sgnht};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0; 2], Sgnht::new(0.1)?, Constant::new(0.001)?, noise);
/// for _ in 0..1000 {
///     chain.step(&mut |theta: &[f32; 2]| *theta)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgnht<const N: usize, M = Identity> {
    momentum: [f32; N],
    friction: f32,
    diffusion: f32,
    metric: M,
}

impl<const N: usize> Sgnht<N> {
    /// With a diffusion a per step; the friction starts there.
    ///
    /// # Errors
    /// When a is not in [0, 1].
    pub const fn new(diffusion: f32) -> Result<Self, ConfigError> {
        match ConfigError::share("diffusion", diffusion) {
            Ok(diffusion) => Ok(Self {
                momentum: [0.0; N],
                friction: diffusion,
                diffusion,
                metric: Identity,
            }),
            Err(error) => Err(error),
        }
    }

    /// The same, preconditioned by `metric`.
    #[must_use]
    pub const fn with_metric<M: Copy>(self, metric: M) -> Sgnht<N, M> {
        Sgnht {
            momentum: self.momentum,
            friction: self.friction,
            diffusion: self.diffusion,
            metric,
        }
    }
}

impl<const N: usize, M> Sgnht<N, M> {
    /// The thermostat's friction α per step.
    pub const fn friction(&self) -> f32 {
        self.friction
    }

    /// The momentum r, of variance T in each coordinate.
    pub const fn momentum(&self) -> &[f32; N] {
        &self.momentum
    }
}

impl<const N: usize, M: Preconditioner<N>, P: Potential<N>, Z: Noise> Stepper<N, P, Z>
    for Sgnht<N, M>
{
    #[inline]
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
        let root = sqrt(pace.eta());
        let sd = sqrt(2.0 * self.diffusion * pace.temperature());
        let mut momentum = self.momentum;
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        let mut squares = 0.0;
        for ((d, r), g) in delta.iter_mut().zip(&mut momentum).zip(&gradient) {
            *r = (1.0 - self.friction) * *r - root * *g + sd * *d;
            squares += *r * *r;
            *d = root * *r;
        }
        let friction = self.friction + pace.eta() * (squares / N as f32 - pace.temperature());
        if !friction.is_finite() {
            return Err(StepError::StepTooLong);
        }
        displace(theta, &self.metric, &mut delta, pace)?;
        self.momentum = momentum;
        self.friction = friction;
        Ok(())
    }

    fn reset(&mut self) {
        self.momentum = [0.0; N];
        self.friction = self.diffusion;
    }

    fn noise_scale(&self, pace: &StepParameters) -> [f32; N] {
        scaled(self.metric.scale(), pace.noise_scale())
    }
}

crate::checkpoint!(impl[const N: usize, M: crate::Checkpoint] for Sgnht<N, M> {
    momentum: [f32; N], friction: f32, diffusion: f32, metric: M
});

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;

    #[test]
    fn one_step_by_hand() {
        let pace = StepParameters::new(0.25, 2.0).unwrap(); // √η = ½
        let mut sgnht = Sgnht::new(0.25).unwrap(); // √(2aT) = 1
        let mut theta = [1.0, 1.0];
        sgnht
            .step(
                &mut theta,
                &mut [2.0, 0.0],
                &pace,
                &mut Draws::new(&[3.0, 1.0]),
            )
            .unwrap();
        // r = (−1 + 3, 1), ‖r‖²/d = 5/2.
        assert_eq!(theta, [2.0, 1.5]);
        assert_eq!(sgnht.friction(), 0.25 + 0.25 * (2.5 - 2.0));
    }

    #[test]
    fn size_is_the_momentum_and_two_words() {
        assert_eq!(size_of::<Sgnht<8>>(), 4 * (8 + 2));
    }
}
