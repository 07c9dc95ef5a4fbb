//! SGLD that counts the minibatch's noise as part of the noise that it injects.

use super::{Dynamics, Proportion, StepParameters, Stepper};
use crate::{
    StepError,
    arithmetic::{finite, sqrt},
    noise::Noise,
    potential::GradientVariance,
};

/// Modified SGLD: the noise that the minibatch gradient brings is taken off the noise that is injected.
///
/// With g = ∇U(θ) and V the variance of each coordinate of g, as the minibatch itself estimates it:
///
/// ```text
/// θ' = θ − η g + √(max(0, 2ηT − η²V)) ξ
/// ```
///
/// The modified SGLD of Vollmer, Zygalakis & Teh (2016), *Exploration of the (non-)asymptotic bias and
/// variance of SGLD*, with the variance of the noise as it stands instead of expanded in η; also Chen, Fox &
/// Guestrin (2014), equation (15), at α = 1, whose β̂ is ηV/2.
///
/// On U = kθ²/2 the stationary variance is T/(k(1 − ηk/2)): V drops out, as long as ηV ≤ 2T. Beyond that
/// no noise is injected and the coordinate is counted as [`clipped`](ModifiedSgldState::clipped): lower η or take a
/// larger minibatch. V is unbiased, not exact; one from two observations is poor and clips early.
///
/// Cost: one gradient with its variance, N draws, N square roots, two words of state. Choose it for minibatches
/// over windows that are not too noisy; for noise that it cannot take off, see [`Sgnht`](super::Sgnht).
/// [`Preconditioned`](super::Preconditioned), it needs a diagonal preconditioner.
///
/// ```
/// use langevin::{
///     BoxMuller, Chain, Pcg32, Potential, SeedableRng, StepError, potential::GradientVariance,
///     schedule::Constant, stepper::ModifiedSgld,
/// };
///
/// /// The mean of readings, one drawn at a time: here with a variance that is known.
/// struct Readings(BoxMuller<Pcg32>);
///
/// impl Potential<1> for Readings {
///     fn gradient(&mut self, theta: &[f32; 1], gradient: &mut [f32; 1]) -> Result<(), StepError> {
///         langevin::noise::Noise::fill(&mut self.0, gradient)?;
///         gradient[0] += theta[0];
///         Ok(())
///     }
/// }
///
/// impl GradientVariance<1> for Readings {
///     fn gradient_and_variance(
///         &mut self,
///         theta: &[f32; 1],
///         gradient: &mut [f32; 1],
///         variance: &mut [f32; 1],
///     ) -> Result<(), StepError> {
///         *variance = [1.0];
///         self.gradient(theta, gradient)
///     }
/// }
///
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut readings = Readings(BoxMuller::new(Pcg32::seed_from_u64(8)));
/// let mut chain = Chain::new([0.0], ModifiedSgld::new(), Constant::new(0.1)?, noise);
/// for _ in 0..1000 {
///     chain.step(&mut readings)?;
/// }
/// assert_eq!(chain.stepper_state().clipped().hits(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ModifiedSgld;

impl ModifiedSgld {
    /// Creates the stepper.
    pub const fn new() -> Self {
        Self
    }
}

/// The state of [`ModifiedSgld`]: a diagnostic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ModifiedSgldState {
    clipped: Proportion,
}

impl ModifiedSgldState {
    /// Returns the proportion of coordinate steps at T > 0 in which the gradient's noise was more than all that
    /// was to be injected.
    pub const fn clipped(&self) -> Proportion {
        self.clipped
    }
}

impl<const N: usize> Dynamics<N> for ModifiedSgld {
    type State = ModifiedSgldState;

    const START: Self::State = ModifiedSgldState {
        clipped: Proportion::new(),
    };

    fn reset(&self, _: &mut Self::State) {}
}

impl<const N: usize, P: GradientVariance<N>, Z: Noise> Stepper<N, P, Z> for ModifiedSgld {
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
        let mut variance = [0.0; N];
        potential.gradient_and_variance(theta, &mut gradient, &mut variance)?;
        if !(finite(&gradient) && finite(&variance)) {
            return Err(StepError::NonFiniteGradient);
        }
        let mut clipped = state.clipped;
        let inject = parameters.noise_scale() * parameters.noise_scale();
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        for ((d, g), v) in delta.iter_mut().zip(&gradient).zip(&variance) {
            let left = inject - parameters.eta() * (parameters.eta() * *v);
            if inject > 0.0 {
                clipped.push(left < 0.0);
            }
            *d = sqrt(left.max(0.0)) * *d - parameters.eta() * *g;
        }
        parameters.displace(theta, potential, &mut delta)?;
        state.clipped = clipped;
        Ok(())
    }
}

crate::checkpoint!(impl[] for ModifiedSgldState { clipped: Proportion });

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;
    use crate::{Potential, preconditioner::Diagonal, stepper::Preconditioned};

    struct Given([f32; 2], [f32; 2]);

    impl Potential<2> for Given {
        fn gradient(&mut self, _: &[f32; 2], gradient: &mut [f32; 2]) -> Result<(), StepError> {
            *gradient = self.0;
            Ok(())
        }
    }

    impl GradientVariance<2> for Given {
        fn gradient_and_variance(
            &mut self,
            theta: &[f32; 2],
            gradient: &mut [f32; 2],
            variance: &mut [f32; 2],
        ) -> Result<(), StepError> {
            *variance = self.1;
            self.gradient(theta, gradient)
        }
    }

    #[test]
    fn one_step_by_hand() {
        // s = (1, 2): s²V = (7, 16); 2ηT − η²s²V = 4 − (1.75, 4) = (2.25, 0).
        let preconditioner = Diagonal::new([1.0, 2.0]).unwrap();
        let stepper = Preconditioned::new(ModifiedSgld::new(), preconditioner);
        let mut state = ModifiedSgldState::default();
        let parameters = StepParameters::new(0.5, 4.0).unwrap();
        let mut theta = [0.0, 0.0];
        let mut given = Given([1.0, 1.0], [7.0, 4.0]);
        stepper
            .step(
                &mut state,
                &mut theta,
                &mut given,
                &parameters,
                &mut Draws::new(&[1.0, 9.0]),
            )
            .unwrap();
        assert_eq!(theta, [1.5 - 0.5, -0.5 * 4.0]);
        assert_eq!(state.clipped().hits(), 0);
        // A little more, and it clips.
        given.1 = [7.0, 4.1];
        stepper
            .step(
                &mut state,
                &mut theta,
                &mut given,
                &parameters,
                &mut Draws::new(&[0.0, 9.0]),
            )
            .unwrap();
        assert_eq!((state.clipped().hits(), state.clipped().trials()), (1, 4));
    }

    #[test]
    fn a_variance_that_is_not_finite_leaves_no_trace() {
        let mut state = ModifiedSgldState::default();
        let parameters = StepParameters::new(0.5, 4.0).unwrap();
        let mut theta = [0.0, 0.0];
        let mut given = Given([1.0, 1.0], [f32::NAN, 4.0]);
        let mut draws = Draws::new(&[]);
        let error =
            ModifiedSgld::new().step(&mut state, &mut theta, &mut given, &parameters, &mut draws);
        assert_eq!(error, Err(StepError::NonFiniteGradient));
        assert_eq!((theta, state.clipped().trials()), ([0.0, 0.0], 0));
    }

    #[test]
    fn the_state_is_two_words() {
        assert_eq!(size_of::<ModifiedSgldState>(), 8);
        assert_eq!(size_of::<ModifiedSgld>(), 0);
    }
}
