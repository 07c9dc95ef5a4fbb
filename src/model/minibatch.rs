//! Minibatches: an unbiased gradient from B data chosen at random.

use core::marker::PhantomData;

use rand_core::TryRng;

use super::{Likelihood, Posterior, Prior};
use crate::{Potential, StepError, data::Data, potential::GradientVariance};

/// How [`Minibatch`] chooses its data: [`WithoutReplacement`] or [`WithReplacement`].
pub trait BatchSampler {
    /// `B` indices below `count`, where `count` > `B`.
    ///
    /// # Errors
    /// [`StepError::Random`] when the generator fails.
    fn draw<const B: usize, R: TryRng>(rng: &mut R, count: u32) -> Result<[u32; B], StepError>;

    /// Expected variance of the estimated sum, as a multiple of count²/`batch` · s², where s² is the
    /// variance (with divisor `batch` − 1) among the terms of the batch.
    fn correction(batch: f32, count: f32) -> f32;
}

/// All different: every subset of B data is as likely as any other. Variance of the gradient:
/// N(N − B)/B · s², with s² the variance of the terms (with divisor N − 1).
///
/// Floyd's algorithm (Bentley & Floyd 1987): B random numbers, B²/2 comparisons, no memory but the
/// indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithoutReplacement;

/// Each chosen independently of the others; one may come twice. Variance of the gradient: N²/B · s²,
/// with s² the variance of the terms (with divisor N).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithReplacement;

/// A random integer below `bound`, by Lemire's multiplication without rejection: a value's
/// probability is off by at most 2⁻³², relatively by `bound`·2⁻³².
#[inline]
fn below<R: TryRng>(rng: &mut R, bound: u32) -> Result<u32, StepError> {
    let bits = rng.try_next_u32().map_err(|_| StepError::Random)?;
    Ok(((u64::from(bits) * u64::from(bound)) >> 32) as u32)
}

impl BatchSampler for WithoutReplacement {
    #[inline]
    fn draw<const B: usize, R: TryRng>(rng: &mut R, count: u32) -> Result<[u32; B], StepError> {
        let mut chosen = [0; B];
        let mut newest = count.saturating_sub(B as u32);
        for end in 1..=B {
            let candidate = below(rng, newest.saturating_add(1))?;
            if let Some((slot, earlier)) = chosen.get_mut(..end).and_then(|c| c.split_last_mut()) {
                // An index taken already stands for the newest, which is not.
                *slot = if earlier.contains(&candidate) {
                    newest
                } else {
                    candidate
                };
            }
            newest = newest.saturating_add(1);
        }
        Ok(chosen)
    }

    #[inline]
    fn correction(batch: f32, count: f32) -> f32 {
        1.0 - batch / count
    }
}

impl BatchSampler for WithReplacement {
    #[inline]
    fn draw<const B: usize, R: TryRng>(rng: &mut R, count: u32) -> Result<[u32; B], StepError> {
        let mut chosen = [0; B];
        for slot in &mut chosen {
            *slot = below(rng, count)?;
        }
        Ok(chosen)
    }

    #[inline]
    fn correction(_: f32, _: f32) -> f32 {
        1.0
    }
}

/// A [`Posterior`] whose gradient is estimated from `B` data, a fresh independent subset at each call:
/// ∇(−log p(θ)) − (N/B) Σ_batch wᵢ ∇log p(yᵢ | θ), for N data. Welling & Teh (2011).
///
/// The estimate is unbiased whatever the weights. Its variance V widens what is sampled: a step η of
/// [`Sgld`](crate::stepper::Sgld) adds ηV/2 to T = 1, and V is up to N/B times the curvature, where N counts what
/// the window holds, however faded. Take η that much smaller, or [`ModifiedSgld`](crate::stepper::ModifiedSgld), or
/// [`control_variates`](Self::control_variates). Of `B` data or fewer it takes all, which is exact;
/// without data it is the prior. [`Posterior::minibatch`] makes one; it has no energy.
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
pub struct Minibatch<'a, P, L, D: ?Sized, R, const B: usize, S = WithoutReplacement> {
    pub(super) posterior: Posterior<'a, P, L, D>,
    rng: R,
    subset: PhantomData<S>,
}

impl<'a, P, L, D: ?Sized> Posterior<'a, P, L, D> {
    /// The same posterior with its gradient estimated from `B` data at a time, all different, chosen
    /// by `rng`: any generator, or `&mut` one.
    #[inline]
    pub const fn minibatch<const B: usize, R>(self, rng: R) -> Minibatch<'a, P, L, D, R, B> {
        const { assert!(B > 0, "a minibatch has at least one datum") };
        Minibatch {
            posterior: self,
            rng,
            subset: PhantomData,
        }
    }
}

impl<'a, P, L, D: ?Sized, R, const B: usize> Minibatch<'a, P, L, D, R, B> {
    /// The same, each datum chosen independently of the others: cheaper to choose for large `B`, noisier
    /// when `B` is not small beside N.
    #[inline]
    pub fn with_replacement(self) -> Minibatch<'a, P, L, D, R, B, WithReplacement> {
        Minibatch {
            posterior: self.posterior,
            rng: self.rng,
            subset: PhantomData,
        }
    }
}

impl<P, L, D: Data + ?Sized, R: TryRng, const B: usize, S: BatchSampler>
    Minibatch<'_, P, L, D, R, B, S>
{
    /// A fresh subset; `None` when that is all data.
    #[inline]
    pub(super) fn draw(&mut self) -> Result<Option<[u32; B]>, StepError> {
        let count = self.posterior.data.count();
        if count <= B {
            return Ok(None);
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        S::draw::<B, R>(&mut self.rng, count).map(Some)
    }

    /// The data of `subset` and their weights, scaled to stand for all data.
    #[inline]
    pub(super) fn scaled<'s>(
        &'s self,
        subset: &'s [u32; B],
    ) -> impl Iterator<Item = (&'s D::Observation, f32)> + Clone {
        let data = self.posterior.data;
        let scale = data.count() as f32 / B as f32;
        subset
            .iter()
            .filter_map(|index| data.get(*index as usize))
            .map(move |(observation, weight)| (observation, scale * weight))
    }

    /// `gradient` += the terms of `subset`, as [`scaled`](Self::scaled) gives them, which `add` adds
    /// to its last argument; `variance` becomes that of their sum.
    pub(super) fn add_terms<const N: usize>(
        &self,
        subset: &[u32; B],
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
        self.scaled(subset).for_each(|(observation, weight)| {
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

impl<const N: usize, P, L, D, R, const B: usize, S> Potential<N> for Minibatch<'_, P, L, D, R, B, S>
where
    P: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
    R: TryRng,
    S: BatchSampler,
{
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        let Some(subset) = self.draw()? else {
            return self.posterior.gradient(theta, gradient);
        };
        let model = self.posterior.model;
        *gradient = [0.0; N];
        model.prior.add_gradient(theta, gradient);
        model
            .likelihood
            .add_gradients(theta, self.scaled(&subset), gradient);
        Ok(())
    }

    /// As of the full sum: the minibatch stands for all data.
    #[inline]
    fn number_of_data(&self) -> f32 {
        self.posterior.data.total_weight()
    }
}

/// The variance is that of the subset's law, from the batch itself; `B` ≥ 2. 0 where all data are
/// taken.
impl<const N: usize, P, L, D, R, const B: usize, S> GradientVariance<N>
    for Minibatch<'_, P, L, D, R, B, S>
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
        *variance = [0.0; N];
        let Some(subset) = self.draw()? else {
            return self.posterior.gradient(theta, gradient);
        };
        let model = self.posterior.model;
        *gradient = [0.0; N];
        model.prior.add_gradient(theta, gradient);
        self.add_terms(
            &subset,
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
