//! A model given its data.

use super::{Likelihood, Model, Prior};
use crate::{
    Potential, StepError,
    data::Data,
    potential::{Energy, GradientVariance},
};

/// The potential of a [`Model`] given data, −log p(θ) − Σ wᵢ log p(yᵢ | θ), summed over all data at every call.
///
/// [`Model::posterior`] makes one. Without data it is the potential of the prior.
#[derive(Debug)]
pub struct Posterior<'a, Q, L, D: ?Sized> {
    pub(super) model: &'a Model<Q, L>,
    pub(super) data: &'a D,
}

impl<const N: usize, Q, L, D> Potential<N> for Posterior<'_, Q, L, D>
where
    Q: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        *gradient = [0.0; N];
        let Model { prior, likelihood } = self.model;
        prior.add_gradient(theta, gradient);
        likelihood.add_gradients(theta, self.data.weighted(), gradient);
        Ok(())
    }

    #[inline]
    fn number_of_data(&self) -> f32 {
        self.data.total_weight()
    }

    fn check(&self) -> Result<(), StepError> {
        let likelihood = &self.model.likelihood;
        if self.data.weighted().all(|(o, _)| likelihood.accepts(o)) {
            Ok(())
        } else {
            Err(StepError::ImpossibleObservation)
        }
    }
}

impl<const N: usize, Q, L, D> Energy<N> for Posterior<'_, Q, L, D>
where
    Q: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        let Model { prior, likelihood } = self.model;
        let mut energy = prior.negative_log_density(theta);
        self.data.weighted().for_each(|(observation, weight)| {
            energy += weight * likelihood.negative_log_density(theta, observation);
        });
        Ok(energy)
    }
}

/// The sum is exact, so that the variance is 0.
impl<const N: usize, Q, L, D> GradientVariance<N> for Posterior<'_, Q, L, D>
where
    Q: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
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
