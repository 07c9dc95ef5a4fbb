//! Preconditioned SGLD (Li, Chen, Carlson & Carin 2016).

use super::{Dynamics, StepParameters, Stepper, finite_gradient};
use crate::{
    ConfigError, Potential, StepError,
    arithmetic::{finite, sqrt},
    noise::Noise,
};

/// pSGLD: SGLD with RMSprop's running scale for each parameter.
///
/// With ḡ = ∇U(θ)/n, n the effective number of data (at least 1):
///
/// ```text
/// V' = αV + (1 − α) ḡ²
/// G  = 1/(λ + √V')
/// θ' = θ − η G ∇U(θ) + √(2ηTG) ξ
/// ```
///
/// Li et al. (2016), *Preconditioned stochastic gradient Langevin dynamics for deep neural
/// networks*, algorithm 1, whose ε is 2η; `decay` is its α, `floor` its λ, V starts at 0. Its ḡ leaves
/// out the prior, here 1/n of it is in.
///
/// **What it costs.** G depends on θ, and the term Γ = ∇·G that makes up for that is dropped, as in
/// the paper's algorithm: the law is not exp(−U/T), not even as η → 0. G is small where the
/// gradient is large, so the chain dwells there and its tails are too heavy. On U = kθ²/2 the variance is
/// too large by a relative 1/(1 + 2ηkG/(1 − α)) (measured, within 0.02 while that is below ½): by 5 % when V
/// remembers ten times longer than θ, by nearly all when it forgets faster. For the right
/// posterior, freeze the scales that V has settled to: √G is [`scale`](Self::scale), the
/// [`Diagonal`](crate::preconditioner::Diagonal) preconditioner for another stepper.
///
/// Cost: one gradient, N draws, two square roots and a division a coordinate, N words of
/// state. Choose it to get near the posterior when parameters differ by orders of magnitude and nothing is known
/// of their scales. With a `floor` near the size of the gradients per datum, a start at a stationary point does
/// not leap by √(2ηT/λ).
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::Psgld};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([3.0; 2], Psgld::new(0.99, 0.1)?, Constant::new(0.01)?, noise);
/// let mut potential = |theta: &[f32; 2]| [0.01 * theta[0], 100.0 * theta[1]];
/// for _ in 0..1000 {
///     chain.step(&mut potential)?;
/// }
/// let [wide, narrow] = chain.stepper().scale(chain.stepper_state());
/// assert!(wide > narrow);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Psgld {
    decay: f32,
    floor: f32,
}

impl Psgld {
    /// Creates the stepper with RMSprop's decay α and the floor λ beside the root of the mean square (the paper
    /// takes 0.99 and 1e-5).
    ///
    /// # Errors
    /// When α is not in [0, 1], or λ not finite and > 0.
    pub const fn new(decay: f32, floor: f32) -> Result<Self, ConfigError> {
        match (
            ConfigError::share("decay", decay),
            ConfigError::positive("floor", floor),
        ) {
            (Ok(decay), Ok(floor)) => Ok(Self { decay, floor }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Returns √G of each parameter: as a [`Diagonal`](crate::preconditioner::Diagonal), the preconditioner that V
    /// has found so far.
    pub fn scale<const N: usize>(&self, state: &PsgldState<N>) -> [f32; N] {
        let mut scale = state.mean_square;
        for s in &mut scale {
            *s = self.root(*s);
        }
        scale
    }

    /// √G = (λ + √V)^−½.
    #[inline]
    fn root(&self, mean_square: f32) -> f32 {
        1.0 / sqrt(self.floor + sqrt(mean_square))
    }
}

/// The state of [`Psgld`]: the running mean square V of each gradient coordinate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PsgldState<const N: usize> {
    mean_square: [f32; N],
}

impl<const N: usize> Dynamics<N> for Psgld {
    type State = PsgldState<N>;

    const START: Self::State = PsgldState {
        mean_square: [0.0; N],
    };

    fn noise_scale(&self, state: &Self::State, parameters: &StepParameters) -> [f32; N] {
        let mut scale = self.scale(state);
        for s in &mut scale {
            *s *= parameters.noise_scale();
        }
        scale
    }
}

impl<const N: usize, P: Potential<N>, Z: Noise> Stepper<N, P, Z> for Psgld {
    #[inline]
    fn step(
        &self,
        state: &mut Self::State,
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut gradient = [0.0; N];
        finite_gradient(potential, theta, &mut gradient)?;
        let share = 1.0 / potential.number_of_data().max(1.0);
        let mut mean_square = state.mean_square;
        for (v, g) in mean_square.iter_mut().zip(&gradient) {
            let mean = share * *g;
            *v = self.decay * *v + (1.0 - self.decay) * mean * mean;
        }
        // An infinite mean square would never decay.
        if !finite(&mean_square) {
            return Err(StepError::NonFiniteGradient);
        }
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        for ((d, v), g) in delta.iter_mut().zip(&mean_square).zip(&gradient) {
            let s = self.root(*v);
            *d = s * (parameters.noise_scale() * *d - parameters.eta() * (s * *g));
        }
        parameters.displace(theta, potential, &mut delta)?;
        state.mean_square = mean_square;
        Ok(())
    }
}

crate::checkpoint!(impl[const N: usize] for PsgldState<N> {
    mean_square: [f32; N]
} if |state| finite(&state.mean_square) && state.mean_square.iter().all(|v| *v >= 0.0));

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let parameters = StepParameters::new(0.5, 1.0).unwrap(); // √(2ηT) = 1
        let psgld = Psgld::new(0.75, 0.5).unwrap();
        let mut state = psgld.start();
        let mut theta = [0.0];
        // V = 4, G = 1/2.5.
        psgld
            .step(
                &mut state,
                &mut theta,
                &mut [4.0],
                &parameters,
                &mut Draws::new(&[1.0]),
            )
            .unwrap();
        let first = -0.5 * 4.0 / 2.5 + (1.0_f32 / 2.5).sqrt();
        assert!((theta[0] - first).abs() < 1e-6, "{theta:?}");
        // V = 3 + 0.25, G = 1/(0.5 + √3.25).
        psgld
            .step(
                &mut state,
                &mut theta,
                &mut [1.0],
                &parameters,
                &mut Draws::new(&[0.0]),
            )
            .unwrap();
        let second = first - 0.5 / (0.5 + 3.25_f32.sqrt());
        assert!((theta[0] - second).abs() < 1e-6, "{theta:?}");
    }

    #[test]
    fn a_square_that_overflows_leaves_no_trace() {
        let parameters = StepParameters::new(0.5, 1.0).unwrap();
        let psgld = Psgld::new(0.9, 0.1).unwrap();
        let before = psgld.start();
        let mut state = before;
        let mut theta = [0.0];
        let error = psgld.step(
            &mut state,
            &mut theta,
            &mut [1e30],
            &parameters,
            &mut Draws::new(&[1.0]),
        );
        assert_eq!(error, Err(StepError::NonFiniteGradient));
        assert_eq!((state, theta), (before, [0.0]));
    }

    #[test]
    fn the_state_is_the_mean_squares() {
        assert_eq!(size_of::<PsgldState<8>>(), 4 * 8);
        assert_eq!(size_of::<Psgld>(), 8);
    }
}
