//! A potential of some of the parameters.

use super::{Energy, GradientVariance, Potential};
use crate::{ConfigError, StepError};

/// A potential of M of the N parameters, as one term of a sum.
///
/// ```
/// use langevin::{Model, Potential, Sample, model::{Flat, LinearRegression}, potential::Part};
/// // Two scales with an offset each, one weight: θ = [weight, offset, offset].
/// let model = Model::new(Flat, LinearRegression::new(1.0)?);
/// let (left, right) = ([Sample { x: [1.0, 1.0], y: 5.0 }], [Sample { x: [1.0, 1.0], y: 7.0 }]);
/// let mut both = (
///     Part::new(model.posterior(&left), [0, 1])?,
///     Part::new(model.posterior(&right), [0, 2])?,
/// );
/// let mut gradient = [0.0; 3];
/// both.gradient(&[5.0, 0.0, 1.0], &mut gradient)?;
/// assert_eq!(gradient, [-1.0, 0.0, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Part<P, const N: usize, const M: usize> {
    potential: P,
    coordinates: [usize; M],
}

impl<P, const N: usize, const M: usize> Part<P, N, M> {
    /// Creates the potential that takes these coordinates of θ, in this order.
    ///
    /// # Errors
    /// When one of the `coordinates` is not below N, or comes twice.
    pub fn new(potential: P, coordinates: [usize; M]) -> Result<Self, ConfigError> {
        let mut rest: &[usize] = &coordinates;
        while let [first, others @ ..] = rest {
            if *first >= N || others.contains(first) {
                return Err(ConfigError {
                    field: "coordinates",
                    bound: "different from each other and below N",
                });
            }
            rest = others;
        }
        Ok(Self {
            potential,
            coordinates,
        })
    }

    #[inline]
    fn gather(&self, theta: &[f32; N]) -> [f32; M] {
        self.coordinates
            .map(|index| theta.get(index).copied().unwrap_or_default())
    }

    #[inline]
    fn scatter(&self, part: &[f32; M], whole: &mut [f32; N]) {
        *whole = [0.0; N];
        for (index, value) in self.coordinates.iter().zip(part) {
            if let Some(element) = whole.get_mut(*index) {
                *element = *value;
            }
        }
    }
}

impl<const N: usize, const M: usize, P: Potential<M>> Potential<N> for Part<P, N, M> {
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        let mut own = [0.0; M];
        self.potential.gradient(&self.gather(theta), &mut own)?;
        self.scatter(&own, gradient);
        Ok(())
    }

    #[inline]
    fn number_of_data(&self) -> f32 {
        self.potential.number_of_data()
    }

    fn check(&self) -> Result<(), StepError> {
        self.potential.check()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.potential.set_centre(&self.gather(theta))
    }
}

impl<const N: usize, const M: usize, P: Energy<M>> Energy<N> for Part<P, N, M> {
    #[inline]
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        self.potential.energy(&self.gather(theta))
    }
}

impl<const N: usize, const M: usize, P: GradientVariance<M>> GradientVariance<N> for Part<P, N, M> {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        let (mut own, mut own_variance) = ([0.0; M], [0.0; M]);
        self.potential
            .gradient_and_variance(&self.gather(theta), &mut own, &mut own_variance)?;
        self.scatter(&own, gradient);
        self.scatter(&own_variance, variance);
        Ok(())
    }
}
