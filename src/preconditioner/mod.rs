//! Fixed linear preconditioning: which direction is how long.
//!
//! A metric is a matrix L. A stepper with metric L samples in coordinates φ, θ = Lφ: gradients
//! become Lᵀ∇U and displacements Lδ, so that any stepper's law holds with the curvature LᵀHL in
//! place of H. Ideal is LLᵀ = the posterior covariance: then every direction has curvature 1.

mod dense;

pub use dense::{Dense, NotPositiveDefinite};

use crate::ConfigError;

/// A linear preconditioner L: [`Identity`], [`Diagonal`] or [`Dense`].
pub trait Preconditioner<const N: usize> {
    /// g ← Lᵀg.
    fn apply_transpose(&self, gradient: &mut [f32; N]);
    /// δ ← Lδ.
    fn apply(&self, displacement: &mut [f32; N]);
    /// Length of each row of L: how far one unit of isotropic noise moves each coordinate.
    fn scale(&self) -> [f32; N];
}

/// A metric that mixes no coordinates: L is diagonal.
pub trait DiagonalPreconditioner<const N: usize>: Preconditioner<N> {}

impl<const N: usize> DiagonalPreconditioner<N> for Identity {}
impl<const N: usize> DiagonalPreconditioner<N> for Diagonal<N> {}

/// No preconditioning: L = I. Costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity;

impl<const N: usize> Preconditioner<N> for Identity {
    #[inline]
    fn apply_transpose(&self, _: &mut [f32; N]) {}
    #[inline]
    fn apply(&self, _: &mut [f32; N]) {}
    fn scale(&self) -> [f32; N] {
        [1.0; N]
    }
}

/// A scale s for each parameter, its posterior standard deviation at best: η sᵢ² multiplies the
/// gradient and √(2ηT) sᵢ the noise.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Diagonal<const N: usize>([f32; N]);

impl<const N: usize> Diagonal<N> {
    /// The metric with these scales.
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
    fn scale(&self) -> [f32; N] {
        self.0
    }
}

crate::checkpoint!(impl[const N: usize] for Diagonal<N> { 0: [f32; N] });
