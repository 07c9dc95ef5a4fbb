//! The random part ξ of a step, and what it must be for which stepper.
//!
//! | trait | what a draw matches of N(0, 1) | good for |
//! |---|---|---|
//! | [`Noise`] | mean, variance and third moment | steppers of weak order one |
//! | [`FiveMoments`] | the first five moments | schemes of weak order two |
//! | [`Gaussian`] | the law itself | Metropolis tests, tails |
//!
//! Each trait includes the ones above it, and a stepper's bounds say what may drive it.

mod box_muller;
mod fixed_inverse_cdf;
mod inverse_cdf;
#[cfg(test)]
mod quantile;
mod rademacher;
mod three_point;

pub(crate) use box_muller::quarter_turn;
pub use box_muller::{Backend, BoxMuller, Libm, Micromath, Minimax};
pub use fixed_inverse_cdf::FixedInverseCdf;
pub use inverse_cdf::InverseCdf;
pub use rademacher::Rademacher;
pub use three_point::ThreePoint;

use crate::StepError;

/// A source of independent draws that match N(0, 1) in mean, variance and third moment at least.
///
/// | type | law | words a draw | for |
/// |---|---|---|---|
/// | [`BoxMuller`] | normal, to 6.66 sd | 1 | whoever has no reason to choose |
/// | [`InverseCdf`] | normal, to 6.23 sd | 1 | cores with a floating-point unit; 4 kB of table |
/// | [`FixedInverseCdf`] | normal, to 6.34 sd | 1 | cores without; 2 kB of table |
/// | [`ThreePoint`] | −√3, 0, √3 | 1/4 | weak order two |
/// | [`Rademacher`] | ±1 | 1/32 | weak order one |
pub trait Noise {
    /// Fills `out` with fresh draws.
    ///
    /// # Errors
    /// [`StepError::Random`] when the generator underneath fails; `out` is then unspecified.
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError>;
}

/// Noise that matches N(0, 1) in its first five moments.
///
/// What needs them does not compile with less:
///
/// ```compile_fail,E0277
/// use langevin::{Pcg32, SeedableRng, noise::{FiveMoments, Rademacher}};
/// fn second_order(noise: impl FiveMoments) {}
/// second_order(Rademacher::new(Pcg32::seed_from_u64(7)));
/// ```
pub trait FiveMoments: Noise {}

/// Noise whose law is N(0, 1).
pub trait Gaussian: FiveMoments {}

impl<Z: Noise> Noise for &mut Z {
    #[inline]
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        (**self).fill(out)
    }
}
impl<Z: FiveMoments> FiveMoments for &mut Z {}
impl<Z: Gaussian> Gaussian for &mut Z {}
