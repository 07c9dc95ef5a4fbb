//! Control variates: minibatches of differences from a point whose full gradient is known.

use rand_core::TryRng;

use super::{Likelihood, Minibatch, Posterior, Prior};
use crate::{
    Potential, StepError,
    arithmetic::finite,
    data::{BatchSampler, Data},
    potential::GradientVariance,
};

/// A [`Minibatch`] of differences from an anchor, a point whose full gradient is known.
///
/// With gᵢ = −wᵢ∇log p(yᵢ | θ) and an anchor a, the gradient is estimated as
///
/// ∇(−log p(θ)) + Σ gᵢ(a) + (N/B) Σ_batch (gᵢ(θ) − gᵢ(a)),
///
/// where the full sum Σ gᵢ(a) is taken once (Baker et al. 2019). It is unbiased as a minibatch is, and its
/// variance shrinks with |θ − a|²: with the anchor at the mode it is a small part of a plain minibatch's, and the
/// batch that a given accuracy needs hardly grows with the data. The gradient is exact at the anchor, and
/// everywhere when the terms are quadratics of equal curvature.
///
/// The anchor is chosen once (the mode, at best), and moved on request by
/// [`set_centre`](Potential::set_centre) or at every m-th gradient by [`refresh_every`](Self::refresh_every).
///
/// Cost: 2B gradients of single data at a call, N at a move of the anchor; two floats a parameter. The
/// data are borrowed: after a new observation, make a new one.
///
/// ```
/// use langevin::{Model, Pcg32, Potential, Sample, SeedableRng, model::{Flat, LinearRegression}};
/// let model = Model::new(Flat, LinearRegression::new(1.0)?);
/// let data: Vec<_> = (0..100).map(|i| Sample { x: [1.0], y: i as f32 }).collect();
/// let rng = Pcg32::seed_from_u64(7);
/// let mut posterior = model.posterior(&data[..]).minibatch::<8, _>(rng).control_variates(&[49.5])?;
/// let mut gradient = [0.0];
/// posterior.gradient(&[50.5], &mut gradient)?;
/// assert!((gradient[0] - 100.0).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ControlVariates<const N: usize, P> {
    batch: P,
    anchor: [f32; N],
    // Of the likelihood, summed over all data, at the anchor.
    full: [f32; N],
    // Gradients between moves of the anchor; 0 means only on request.
    every: u32,
    until: u32,
}

impl<Q, L, D: Data + ?Sized, R, const B: usize, S> Minibatch<Posterior<'_, Q, L, D>, R, B, S> {
    /// Returns the same minibatch with control variates, anchored at `anchor`.
    ///
    /// # Errors
    /// [`StepError::NonFiniteGradient`] when the full gradient there is not finite.
    pub fn control_variates<const N: usize>(
        self,
        anchor: &[f32; N],
    ) -> Result<ControlVariates<N, Self>, StepError>
    where
        L: Likelihood<D::Observation, N>,
    {
        let mut variates = ControlVariates {
            batch: self,
            anchor: *anchor,
            full: [0.0; N],
            every: 0,
            until: 0,
        };
        variates.anchor_at(anchor)?;
        Ok(variates)
    }
}

impl<const N: usize, P> ControlVariates<N, P> {
    /// Returns the same with the anchor moving to the position at every `gradients`-th gradient by itself: SVRG
    /// (Johnson & Zhang 2013; for Langevin dynamics Dubey et al. 2016). 0 leaves it to
    /// [`set_centre`](Potential::set_centre).
    #[must_use]
    pub const fn refresh_every(mut self, gradients: u32) -> Self {
        self.every = gradients;
        self.until = gradients;
        self
    }

    /// Returns the anchor.
    pub const fn anchor(&self) -> &[f32; N] {
        &self.anchor
    }
}

impl<const N: usize, Q, L, D, R, const B: usize, S>
    ControlVariates<N, Minibatch<Posterior<'_, Q, L, D>, R, B, S>>
where
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    #[inline(never)]
    fn anchor_at(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        let posterior = &self.batch.posterior;
        let mut full = [0.0; N];
        let likelihood = &posterior.model.likelihood;
        likelihood.add_gradients(theta, posterior.data.weighted(), &mut full);
        if finite(&full) {
            self.anchor = *theta;
            self.full = full;
            self.until = self.every;
            Ok(())
        } else {
            Err(StepError::NonFiniteGradient)
        }
    }

    /// Counts down to the next move of the anchor and makes it when it is due.
    #[inline]
    fn refresh(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        if self.every == 0 {
            return Ok(());
        }
        self.until = self.until.saturating_sub(1);
        if self.until == 0 {
            self.anchor_at(theta)?;
        }
        Ok(())
    }
}

impl<const N: usize, Q, L, D, R, const B: usize, S> Potential<N>
    for ControlVariates<N, Minibatch<Posterior<'_, Q, L, D>, R, B, S>>
where
    Q: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
    R: TryRng,
    S: BatchSampler,
{
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.refresh(theta)?;
        let Some(indices) = self.batch.draw()? else {
            return self.batch.posterior.gradient(theta, gradient);
        };
        let model = self.batch.posterior.model;
        *gradient = self.full;
        model.prior.add_gradient(theta, gradient);
        let terms = self.batch.scaled(&indices);
        model
            .likelihood
            .add_differences(theta, &self.anchor, terms, gradient);
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.batch.posterior.data.total_weight()
    }

    fn check(&self) -> Result<(), StepError> {
        self.batch.posterior.check()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.anchor_at(theta)
    }
}

/// The variance is that of the differences, estimated from the batch itself, which needs `B` ≥ 2. It is 0 where all
/// data are taken.
impl<const N: usize, Q, L, D, R, const B: usize, S> GradientVariance<N>
    for ControlVariates<N, Minibatch<Posterior<'_, Q, L, D>, R, B, S>>
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
        self.refresh(theta)?;
        *variance = [0.0; N];
        let Some(indices) = self.batch.draw()? else {
            return self.batch.posterior.gradient(theta, gradient);
        };
        let model = self.batch.posterior.model;
        *gradient = self.full;
        model.prior.add_gradient(theta, gradient);
        self.batch.add_terms(
            &indices,
            |observation, weight, term| {
                let likelihood = &model.likelihood;
                likelihood.add_gradient(theta, observation, weight, term);
                likelihood.add_gradient(&self.anchor, observation, -weight, term);
            },
            gradient,
            variance,
        );
        Ok(())
    }
}
