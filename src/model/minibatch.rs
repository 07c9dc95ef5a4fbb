//! Minibatches: an unbiased gradient from B data chosen at random.

use core::marker::PhantomData;

use rand_core::TryRng;

use super::{Likelihood, Posterior, Prior};
use crate::{
    Potential, StepError,
    data::{BatchSampler, Data, WithReplacement, WithoutReplacement},
    potential::GradientVariance,
};

/// A [`Posterior`] whose gradient is estimated from `B` data, a fresh independent choice at each call.
///
/// The gradient is ∇(−log p(θ)) − (N/B) Σ_batch wᵢ ∇log p(yᵢ | θ), for N data (Welling & Teh 2011). It is unbiased
/// whatever the weights are. Its variance V widens what is sampled: a step η of [`Sgld`](crate::stepper::Sgld) adds
/// ηV/2 to T = 1, and V is up to N/B times the curvature, where N counts what the window holds, however small
/// its weight. Take η that much smaller, or [`ModifiedSgld`](crate::stepper::ModifiedSgld), or
/// [`control_variates`](Self::control_variates).
///
/// When there are at most `B` data the sum takes all of them and is exact; without data it is the prior's.
/// [`Posterior::minibatch`] makes a minibatch. It has no energy.
///
/// ```
/// use langevin::{Model, Pcg32, Potential, Sample, SeedableRng, model::{Flat, LinearRegression}};
/// let mut rng = Pcg32::seed_from_u64(7);
/// let model = Model::new(Flat, LinearRegression::new(1.0)?);
/// let data: Vec<_> = (0..100).map(|i| Sample { x: [1.0], y: i as f32 }).collect();
/// let mut gradient = [0.0];
/// model.posterior(&data[..]).minibatch::<8, _>(&mut rng).gradient(&[0.0], &mut gradient)?;
/// assert!(gradient[0] < 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Minibatch<P, R, const B: usize, S = WithoutReplacement> {
    pub(super) posterior: P,
    rng: R,
    sampler: PhantomData<S>,
}

impl<Q, L, D: ?Sized> Posterior<'_, Q, L, D> {
    /// Returns the same posterior with its gradient estimated from `B` data at a time, all different, which
    /// `rng` chooses: any generator, or a `&mut` to one.
    #[inline]
    pub const fn minibatch<const B: usize, R>(self, rng: R) -> Minibatch<Self, R, B> {
        const { assert!(B > 0, "a minibatch has at least one datum") };
        Minibatch {
            posterior: self,
            rng,
            sampler: PhantomData,
        }
    }
}

impl<P, R, const B: usize> Minibatch<P, R, B> {
    /// Returns the same minibatch with each datum chosen independently of the others. This is cheaper for
    /// large `B`, and noisier when `B` is not small beside N.
    #[inline]
    pub fn with_replacement(self) -> Minibatch<P, R, B, WithReplacement> {
        Minibatch {
            posterior: self.posterior,
            rng: self.rng,
            sampler: PhantomData,
        }
    }
}

impl<Q, L, D: Data + ?Sized, R: TryRng, const B: usize, S: BatchSampler>
    Minibatch<Posterior<'_, Q, L, D>, R, B, S>
{
    /// Returns a fresh choice of indices, or `None` when that is all data.
    #[inline]
    pub(super) fn draw(&mut self) -> Result<Option<[u32; B]>, StepError> {
        let count = self.posterior.data.count();
        if count <= B {
            return Ok(None);
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        S::draw::<B, R>(&mut self.rng, count).map(Some)
    }

    /// Returns the data at `indices` with their weights, scaled to stand for all data.
    #[inline]
    pub(super) fn scaled<'s>(
        &'s self,
        indices: &'s [u32; B],
    ) -> impl Iterator<Item = (&'s D::Observation, f32)> + Clone {
        let data = self.posterior.data;
        let scale = data.count() as f32 / B as f32;
        indices
            .iter()
            .filter_map(|index| data.get(*index as usize))
            .map(move |(observation, weight)| (observation, scale * weight))
    }

    /// Adds the terms at `indices` to `gradient` and overwrites `variance` with the variance of their sum. `add`
    /// adds one term, as [`scaled`](Self::scaled) gives it, to its last argument.
    pub(super) fn add_terms<const N: usize>(
        &self,
        indices: &[u32; B],
        add: impl Fn(&D::Observation, f32, &mut [f32; N]),
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) {
        const { assert!(B >= 2, "a variance needs at least two data") };
        // Sums of the terms and of their squares, both relative to the first term: of like terms
        // the squares alone would cancel.
        let mut first = None;
        let mut sum = [0.0; N];
        *variance = [0.0; N];
        self.scaled(indices).for_each(|(observation, weight)| {
            let mut term = [0.0; N];
            add(observation, weight, &mut term);
            let first = first.get_or_insert(term);
            let sums = sum.iter_mut().zip(variance.iter_mut());
            for ((t, f), (s, v)) in term.iter().zip(first).zip(sums) {
                let d = t - *f;
                *s += d;
                *v += d * d;
            }
        });
        let batch = B as f32;
        // The terms carry count/B each already.
        let count = self.posterior.data.count() as f32;
        let factor = batch / (batch - 1.0) * S::correction(batch, count);
        let first = first.unwrap_or([0.0; N]);
        for (g, ((f, s), v)) in gradient
            .iter_mut()
            .zip(first.iter().zip(&sum).zip(variance))
        {
            *g += batch * f + s;
            let squares = *v - s * s / batch;
            *v = factor * if squares < 0.0 { 0.0 } else { squares };
        }
    }
}

impl<const N: usize, Q, L, D, R, const B: usize, S> Potential<N>
    for Minibatch<Posterior<'_, Q, L, D>, R, B, S>
where
    Q: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
    R: TryRng,
    S: BatchSampler,
{
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        let Some(indices) = self.draw()? else {
            return self.posterior.gradient(theta, gradient);
        };
        let model = self.posterior.model;
        *gradient = [0.0; N];
        model.prior.add_gradient(theta, gradient);
        model
            .likelihood
            .add_gradients(theta, self.scaled(&indices), gradient);
        Ok(())
    }

    /// Returns that of the full sum, for which the minibatch stands.
    #[inline]
    fn number_of_data(&self) -> f32 {
        self.posterior.data.total_weight()
    }

    fn check(&self) -> Result<(), StepError> {
        self.posterior.check()
    }
}

/// The variance is that over all choices, estimated from the batch itself, which needs `B` ≥ 2. It is 0 where all
/// data are taken.
impl<const N: usize, Q, L, D, R, const B: usize, S> GradientVariance<N>
    for Minibatch<Posterior<'_, Q, L, D>, R, B, S>
where
    Q: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
    R: TryRng,
    S: BatchSampler,
{
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        *variance = [0.0; N];
        let Some(indices) = self.draw()? else {
            return self.posterior.gradient(theta, gradient);
        };
        let model = self.posterior.model;
        *gradient = [0.0; N];
        model.prior.add_gradient(theta, gradient);
        self.add_terms(
            &indices,
            |observation, weight, term| {
                model
                    .likelihood
                    .add_gradient(theta, observation, weight, term);
            },
            gradient,
            variance,
        );
        Ok(())
    }
}
