//! Potentials, priors and likelihoods from a formula.

use super::{Dual, Real};
use crate::{
    Potential, StepError,
    model::{Likelihood, Prior},
    potential::{Energy, GradientVariance},
};

/// A potential written as a formula, U(θ).
///
/// [`Differentiated`] makes a [`Potential`] of it, or a [`Prior`]:
///
/// ```
/// use langevin::{Potential, dual::{Differentiated, Formula, Real}};
/// /// A double well.
/// struct Well;
/// impl Formula<1> for Well {
///     fn evaluate<T: Real>(&self, &[x]: &[T; 1]) -> T {
///         (x * x - 1.0).powi(2)
///     }
/// }
/// let mut gradient = [0.0];
/// Differentiated(Well).gradient(&[0.5], &mut gradient)?;
/// assert_eq!(gradient, [-1.5]);
/// # Ok::<(), langevin::StepError>(())
/// ```
pub trait Formula<const N: usize> {
    /// Returns U(θ), up to a constant.
    fn evaluate<T: Real>(&self, theta: &[T; N]) -> T;

    /// Returns the effective number of data that U sums over: see [`Potential::number_of_data`].
    fn number_of_data(&self) -> f32 {
        1.0
    }
}

/// The likelihood of one observation written as a formula, −log p(observation | θ).
///
/// [`Differentiated`] makes a [`Likelihood`] of it. A regression is shorter as a
/// [`Response`](crate::model::Response), and cheaper where the predictor is linear, as a
/// [`GeneralizedLinear`](crate::model::GeneralizedLinear).
///
/// ```
/// use langevin::{Model, Potential, dual::{Differentiated, ObservationFormula, Real}, model::Flat};
/// /// Waiting times of an exponential law of rate eᶿ.
/// struct WaitingTime;
/// impl ObservationFormula<f32, 1> for WaitingTime {
///     fn negative_log_density<T: Real>(&self, &[log_rate]: &[T; 1], time: &f32) -> T {
///         log_rate.exp() * *time - log_rate
///     }
/// }
/// let model = Model::new(Flat, Differentiated(WaitingTime));
/// let mut gradient = [0.0];
/// model.posterior(&[2.0, 3.0]).gradient(&[0.0], &mut gradient)?;
/// assert_eq!(gradient, [3.0]);
/// # Ok::<(), langevin::StepError>(())
/// ```
pub trait ObservationFormula<O, const N: usize> {
    /// Returns −log p(observation | θ), up to a constant.
    fn negative_log_density<T: Real>(&self, theta: &[T; N], observation: &O) -> T;

    /// Returns whether `observation` is one that this likelihood can give: see [`Likelihood::accepts`].
    fn accepts(&self, observation: &O) -> bool {
        let _ = observation;
        true
    }
}

/// A [`Formula`] or an [`ObservationFormula`] with its gradient by [`Dual`] numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differentiated<F>(pub F);

impl<const N: usize, F: Formula<N>> Potential<N> for Differentiated<F> {
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        *gradient = self.0.evaluate(&Dual::variables(theta)).gradient;
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.0.number_of_data()
    }
}

impl<const N: usize, F: Formula<N>> Energy<N> for Differentiated<F> {
    #[inline]
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        Ok(self.0.evaluate(theta))
    }
}

/// The gradient is exact, so that the variance is 0.
impl<const N: usize, F: Formula<N>> GradientVariance<N> for Differentiated<F> {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        *variance = [0.0; N];
        self.gradient(theta, gradient)
    }
}

impl<const N: usize, F: Formula<N>> Prior<N> for Differentiated<F> {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        let own = self.0.evaluate(&Dual::variables(theta)).gradient;
        for (g, own) in gradient.iter_mut().zip(&own) {
            *g += own;
        }
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N]) -> f32 {
        self.0.evaluate(theta)
    }
}

impl<O, const N: usize, F: ObservationFormula<O, N>> Likelihood<O, N> for Differentiated<F> {
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &O,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        let term = self
            .0
            .negative_log_density(&Dual::variables(theta), observation);
        for (g, own) in gradient.iter_mut().zip(&term.gradient) {
            *g += weight * own;
        }
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N], observation: &O) -> f32 {
        self.0.negative_log_density(theta, observation)
    }

    #[inline]
    fn accepts(&self, observation: &O) -> bool {
        self.0.accepts(observation)
    }
}
