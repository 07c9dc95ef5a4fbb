//! No prior.

use super::Prior;

/// The improper flat prior, −log p = 0: the posterior is the likelihood, if that can be normalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flat;

impl<const N: usize> Prior<N> for Flat {
    #[inline]
    fn add_gradient(&self, _: &[f32; N], _: &mut [f32; N]) {}

    #[inline]
    fn negative_log_density(&self, _: &[f32; N]) -> f32 {
        0.0
    }

    fn location_and_scale(&self) -> ([f32; N], [f32; N]) {
        ([0.0; N], [f32::INFINITY; N])
    }
}
