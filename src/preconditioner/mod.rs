//! Preconditioners: fixed linear maps that say how long each direction of the posterior is.
//!
//! A preconditioner is a matrix L. A [`Preconditioned`](crate::stepper::Preconditioned) stepper samples in
//! coordinates φ with θ = Lφ: its gradient is Lᵀ∇U and its displacements move θ by Lδ, so that every stepper's law
//! holds with the curvature LᵀHL in place of H. Best is LLᵀ = the posterior covariance: then every direction
//! has curvature 1.

mod dense;

pub use dense::{Dense, NotPositiveDefinite};

use crate::ConfigError;

/// A linear preconditioner L: [`Identity`], [`Diagonal`] or [`Dense`].
///
/// L must be invertible, and its elements finite.
pub trait Preconditioner<const N: usize> {
    /// Replaces g by Lᵀg.
    fn apply_transpose(&self, gradient: &mut [f32; N]);
    /// Replaces δ by Lδ.
    fn apply(&self, displacement: &mut [f32; N]);
    /// Returns the Euclidean norm of each row of L: how far one unit of isotropic noise moves each coordinate.
    fn row_norms(&self) -> [f32; N];
}

/// A preconditioner that mixes no coordinates: L is diagonal.
pub trait DiagonalPreconditioner<const N: usize>: Preconditioner<N> {}

impl<const N: usize> DiagonalPreconditioner<N> for Identity {}
impl<const N: usize> DiagonalPreconditioner<N> for Diagonal<N> {}
impl<const N: usize, M: DiagonalPreconditioner<N>> DiagonalPreconditioner<N> for &M {}

/// A preconditioner that is kept elsewhere, such as in a `static` in flash.
impl<const N: usize, M: Preconditioner<N>> Preconditioner<N> for &M {
    #[inline]
    fn apply_transpose(&self, gradient: &mut [f32; N]) {
        (**self).apply_transpose(gradient);
    }
    #[inline]
    fn apply(&self, displacement: &mut [f32; N]) {
        (**self).apply(displacement);
    }
    fn row_norms(&self) -> [f32; N] {
        (**self).row_norms()
    }
}

/// No preconditioning: L = I. It costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity;

impl<const N: usize> Preconditioner<N> for Identity {
    #[inline]
    fn apply_transpose(&self, _: &mut [f32; N]) {}
    #[inline]
    fn apply(&self, _: &mut [f32; N]) {}
    fn row_norms(&self) -> [f32; N] {
        [1.0; N]
    }
}

/// A scale sᵢ for each parameter, best its posterior standard deviation: η sᵢ² multiplies the
/// gradient and √(2ηT) sᵢ the noise.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Diagonal<const N: usize>([f32; N]);

impl<const N: usize> Diagonal<N> {
    /// Creates the preconditioner with these scales on its diagonal.
    ///
    /// # Errors
    /// When a scale is not finite and > 0.
    pub const fn new(scale: [f32; N]) -> Result<Self, ConfigError> {
        let mut rest: &[f32] = &scale;
        while let [first, tail @ ..] = rest {
            if let Err(error) = ConfigError::positive("scale", *first) {
                return Err(error);
            }
            rest = tail;
        }
        Ok(Self(scale))
    }
}

impl<const N: usize> Preconditioner<N> for Diagonal<N> {
    #[inline]
    fn apply_transpose(&self, gradient: &mut [f32; N]) {
        for (g, s) in gradient.iter_mut().zip(&self.0) {
            *g *= *s;
        }
    }
    #[inline]
    fn apply(&self, displacement: &mut [f32; N]) {
        self.apply_transpose(displacement);
    }
    fn row_norms(&self) -> [f32; N] {
        self.0
    }
}

crate::checkpoint!(impl[const N: usize] for Diagonal<N> {
    0: [f32; N]
} if |diagonal| Self::new(diagonal.0).is_ok());
