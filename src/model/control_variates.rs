//! Control variates: minibatches of differences from a point whose full gradient is known.

use rand_core::TryRng;

use super::{BatchSampler, Likelihood, Minibatch, Prior, WithoutReplacement};
use crate::{Potential, StepError, data::Data, potential::GradientVariance};

/// A [`Minibatch`] with control variates: with gᵢ = −wᵢ∇log p(yᵢ | θ) and an anchor a, the gradient
/// is estimated as
///
/// ∇(−log p(θ)) + Σ gᵢ(a) + (N/B) Σ_batch (gᵢ(θ) − gᵢ(a)),
///
/// with the full sum Σ gᵢ(a) taken once. Unbiased as a minibatch is, and its variance shrinks with
/// |θ − a|²: with the anchor at the mode it is a small part of a plain minibatch's, and the batch that a
/// given accuracy needs hardly grows with the data. Exact at the anchor, and everywhere when the terms
/// are quadratics of equal curvature. Baker et al. (2019).
///
/// The anchor is chosen once (the mode, at best), moved on request by
/// [`set_centre`](Potential::set_centre), or every m gradients: [`refresh_every`](Self::refresh_every).
///
/// Cost: 2B gradients of single data at a call, N at a move of the anchor; 2 floats a parameter. The
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
pub struct ControlVariates<
    'a,
    const N: usize,
    P,
    L,
    D: ?Sized,
    R,
    const B: usize,
    S = WithoutReplacement,
> {
    batch: Minibatch<'a, P, L, D, R, B, S>,
    anchor: [f32; N],
    // Of the likelihood, summed over all data, at the anchor.
    full: [f32; N],
    // 0: only on request.
    every: u32,
    until: u32,
}

impl<'a, P, L, D: Data + ?Sized, R, const B: usize, S> Minibatch<'a, P, L, D, R, B, S> {
    /// The same with control variates, anchored at `anchor`.
    ///
    /// # Errors
    /// [`StepError::NonFiniteGradient`] when the full gradient there is not finite.
    pub fn control_variates<const N: usize>(
        self,
        anchor: &[f32; N],
    ) -> Result<ControlVariates<'a, N, P, L, D, R, B, S>, StepError>
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

impl<const N: usize, P, L, D, R, const B: usize, S> ControlVariates<'_, N, P, L, D, R, B, S>
where
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    /// Moves the anchor to the position by itself, at every `gradients`-th gradient: SVRG (Johnson &
    /// Zhang 2013; for Langevin dynamics Dubey et al. 2016). 0 leaves it to
    /// [`set_centre`](Potential::set_centre).
    #[must_use]
    pub const fn refresh_every(mut self, gradients: u32) -> Self {
        self.every = gradients;
        self.until = gradients;
        self
    }

    /// The anchor a.
    pub const fn anchor(&self) -> &[f32; N] {
        &self.anchor
    }

    #[inline(never)]
    fn anchor_at(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        let posterior = &self.batch.posterior;
        let mut full = [0.0; N];
        let likelihood = &posterior.model.likelihood;
        likelihood.add_gradients(theta, posterior.data.weighted(), &mut full);
        if full.iter().all(|g| g.is_finite()) {
            self.anchor = *theta;
            self.full = full;
            self.until = self.every;
            Ok(())
        } else {
            Err(StepError::NonFiniteGradient)
        }
    }

    /// Counts down to the next move of the anchor, and makes it.
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

impl<const N: usize, P, L, D, R, const B: usize, S> Potential<N>
    for ControlVariates<'_, N, P, L, D, R, B, S>
where
    P: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
    R: TryRng,
    S: BatchSampler,
{
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.refresh(theta)?;
        let Some(subset) = self.batch.draw()? else {
            return self.batch.posterior.gradient(theta, gradient);
        };
        let model = self.batch.posterior.model;
        *gradient = self.full;
        model.prior.add_gradient(theta, gradient);
        let terms = self.batch.scaled(&subset);
        model
            .likelihood
            .add_differences(theta, &self.anchor, terms, gradient);
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.batch.posterior.data.total_weight()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.anchor_at(theta)
    }
}

/// The variance is that of the differences, from the batch itself; `B` ≥ 2. 0 where all data are taken.
impl<const N: usize, P, L, D, R, const B: usize, S> GradientVariance<N>
    for ControlVariates<'_, N, P, L, D, R, B, S>
where
    P: Prior<N>,
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
        let Some(subset) = self.batch.draw()? else {
            return self.batch.posterior.gradient(theta, gradient);
        };
        let model = self.batch.posterior.model;
        *gradient = self.full;
        model.prior.add_gradient(theta, gradient);
        self.batch.add_terms(
            &subset,
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
