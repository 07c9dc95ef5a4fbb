//! Which observations a minibatch consists of.

use rand_core::TryRng;

use crate::StepError;

/// A rule by which a [`Minibatch`](crate::model::Minibatch) chooses its data: [`WithoutReplacement`] or
/// [`WithReplacement`].
pub trait BatchSampler {
    /// Returns `B` indices below `count`, where `count` is more than `B`.
    ///
    /// # Errors
    /// [`StepError::Random`] when the generator fails.
    fn draw<const B: usize, R: TryRng>(rng: &mut R, count: u32) -> Result<[u32; B], StepError>;

    /// Returns the expected variance of the estimated sum as a multiple of count²/`batch` · s², where s² is
    /// the variance (with divisor `batch` − 1) among the terms of the batch.
    fn correction(batch: f32, count: f32) -> f32;
}

/// Chooses data that are all different: every subset of B data is as likely as any other.
///
/// The variance of the gradient is N(N − B)/B · s², with s² the variance of the terms (with divisor N − 1).
/// By Floyd's algorithm (Bentley & Floyd 1987): B random numbers, B²/2 comparisons and no memory but the
/// indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithoutReplacement;

/// Chooses each datum independently of the others, so that one may come twice.
///
/// The variance of the gradient is N²/B · s², with s² the variance of the terms (with divisor N).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithReplacement;

/// Returns a random integer below `bound`, by Lemire's multiplication without rejection: a value's
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
