//! Priors and likelihoods with analytic gradients, and the posterior they make with data.

use crate::{Data, Energy, Fault, Potential};

/// A prior: −log p(θ), up to a constant.
pub trait Prior<const N: usize> {
    /// gradient += ∇(−log p(θ)).
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]);

    /// −log p(θ), up to a constant.
    fn energy(&self, theta: &[f32; N]) -> f32;
}

/// A likelihood of one observation of type `O`: −log p(observation | θ), up to a constant.
pub trait Likelihood<O, const N: usize> {
    /// gradient += weight · ∇(−log p(observation | θ)).
    fn add_gradient(&self, theta: &[f32; N], observation: &O, weight: f32, gradient: &mut [f32; N]);

    /// −log p(observation | θ), up to a constant.
    fn energy(&self, theta: &[f32; N], observation: &O) -> f32;
}

/// A prior and a likelihood: all that is known before the data.
#[derive(Clone, Copy, Debug)]
pub struct Model<P, L> {
    prior: P,
    likelihood: L,
}

impl<P, L> Model<P, L> {
    /// The model with this prior and this likelihood.
    pub const fn new(prior: P, likelihood: L) -> Self {
        Self { prior, likelihood }
    }

    /// The posterior given `data`: its potential sums over all of them, with their weights.
    pub const fn on<'a, D: ?Sized>(&'a self, data: &'a D) -> Posterior<'a, P, L, D> {
        Posterior { model: self, data }
    }
}

/// The potential of a [`Model`] given data: −log p(θ) − Σ wᵢ log p(yᵢ | θ), all data at every call.
///
/// Without data it is the prior's.
#[derive(Debug)]
pub struct Posterior<'a, P, L, D: ?Sized> {
    model: &'a Model<P, L>,
    data: &'a D,
}

impl<const N: usize, P, L, D> Potential<N> for Posterior<'_, P, L, D>
where
    P: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), Fault> {
        *gradient = [0.0; N];
        self.model.prior.add_gradient(theta, gradient);
        self.data.for_each(|observation, weight| {
            self.model
                .likelihood
                .add_gradient(theta, observation, weight, gradient);
        });
        Ok(())
    }

    #[inline]
    fn data(&self) -> f32 {
        self.data.effective()
    }
}

impl<const N: usize, P, L, D> Energy<N> for Posterior<'_, P, L, D>
where
    P: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, Fault> {
        let mut energy = self.model.prior.energy(theta);
        self.data.for_each(|observation, weight| {
            energy += weight * self.model.likelihood.energy(theta, observation);
        });
        Ok(energy)
    }
}
