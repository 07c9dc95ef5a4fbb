//! The random part ξ of a step.
//!
//! Not every stepper needs normal noise. Three traits say what a source of noise has in common with N(0, 1), and the bounds
//! of a stepper say what it needs:
//!
//! | trait | agrees with N(0, 1) in | sufficient for |
//! |---|---|---|
//! | [`Noise`] | mean, variance and third moment | steppers of weak order one |
//! | [`FiveMoments`] | the first five moments | steppers of weak order two |
//! | [`Gaussian`] | the distribution itself | Metropolis tests, tail probabilities |
//!
//! Each trait includes those above it.
//!
//! # Random number generators
//!
//! Every source draws its bits from a generator with the traits of [`rand_core`] 0.10, such as
//! [`Pcg32`](crate::Pcg32). [`FromFn`] makes one from a closure: for a hardware generator, which may fail, and for a
//! generator of an older `rand_core`. If the compiler says that a generator does not implement `TryRng` although it
//! implements `RngCore`, it is such an older one.

mod box_muller;
mod fixed_inverse_cdf;
mod from_fn;
mod inverse_cdf;
#[cfg(test)]
mod quantile;
mod rademacher;
mod three_point;

pub(crate) use box_muller::quarter_turn;
pub use box_muller::{Backend, BoxMuller, Libm, Micromath, Minimax};
pub use fixed_inverse_cdf::FixedInverseCdf;
pub use from_fn::{FromFn, GeneratorError};
pub use inverse_cdf::InverseCdf;
pub use rademacher::Rademacher;
pub use three_point::ThreePoint;

/// The version of `rand_core` with whose generators the noise works.
pub use rand_core;

use crate::StepError;

/// A source of independent draws that agree with N(0, 1) at least in mean, variance and third moment.
///
/// | type | distribution | `u32` per draw | use it for |
/// |---|---|---|---|
/// | [`BoxMuller`] | normal, up to 6.66 sd | 1 | the default |
/// | [`InverseCdf`] | normal, up to 6.23 sd | 1 | cores with a floating-point unit; a table of 4 kB |
/// | [`FixedInverseCdf`] | normal, up to 6.34 sd | 1 | cores without one; a table of 2 kB |
/// | [`ThreePoint`] | −√3, 0, √3 | 1/4 | steppers of weak order two and one |
/// | [`Rademacher`] | −1, 1 | 1/32 | steppers of weak order one |
pub trait Noise {
    /// Fills `out` with fresh draws.
    ///
    /// # Errors
    /// Returns [`StepError::Random`] if the generator fails; the contents of `out` are then unspecified.
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError>;
}

/// Noise that agrees with N(0, 1) in the first five moments.
///
/// A stepper that needs them does not compile with less:
///
/// ```compile_fail,E0277
/// use langevin::{Pcg32, SeedableRng, noise::{FiveMoments, Rademacher}};
/// fn second_order(noise: impl FiveMoments) {}
/// second_order(Rademacher::new(Pcg32::seed_from_u64(7)));
/// ```
pub trait FiveMoments: Noise {}

/// Noise whose distribution is N(0, 1).
pub trait Gaussian: FiveMoments {}

impl<Z: Noise> Noise for &mut Z {
    #[inline]
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        (**self).fill(out)
    }
}
impl<Z: FiveMoments> FiveMoments for &mut Z {}
impl<Z: Gaussian> Gaussian for &mut Z {}
