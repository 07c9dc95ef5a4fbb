//! Sums of potentials.

use super::{Energy, GradientVariance, Potential};
use crate::StepError;

/// The sum of two potentials of the same parameters, such as two windows of two instruments. The data of both count.
///
/// Give the prior to one of two posteriors, and [`Flat`](crate::model::Flat) to the other, or it counts twice.
///
/// ```
/// use langevin::{GaussianPrior, Model, Potential, Sample, model::{Flat, LinearRegression}};
/// let precise = Model::new(GaussianPrior::new([0.0], [10.0])?, LinearRegression::new(0.1)?);
/// let coarse = Model::new(Flat, LinearRegression::new(2.0)?);
/// let (few, many) = ([Sample { x: [1.0], y: 3.0 }], [Sample { x: [1.0], y: 3.5 }; 20]);
/// let mut both = (precise.posterior(&few), coarse.posterior(&many));
/// assert_eq!(both.number_of_data(), 21.0);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
impl<const N: usize, A: Potential<N>, B: Potential<N>> Potential<N> for (A, B) {
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        let mut other = [0.0; N];
        self.0.gradient(theta, gradient)?;
        self.1.gradient(theta, &mut other)?;
        add(gradient, &other);
        Ok(())
    }

    #[inline]
    fn number_of_data(&self) -> f32 {
        self.0.number_of_data() + self.1.number_of_data()
    }

    fn check(&self) -> Result<(), StepError> {
        self.0.check()?;
        self.1.check()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.0.set_centre(theta)?;
        self.1.set_centre(theta)
    }
}

impl<const N: usize, A: Energy<N>, B: Energy<N>> Energy<N> for (A, B) {
    #[inline]
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        Ok(self.0.energy(theta)? + self.1.energy(theta)?)
    }
}

/// The two batches are independent, so that their variances add up.
impl<const N: usize, A: GradientVariance<N>, B: GradientVariance<N>> GradientVariance<N>
    for (A, B)
{
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        let (mut other, mut other_variance) = ([0.0; N], [0.0; N]);
        self.0.gradient_and_variance(theta, gradient, variance)?;
        self.1
            .gradient_and_variance(theta, &mut other, &mut other_variance)?;
        add(gradient, &other);
        add(variance, &other_variance);
        Ok(())
    }
}

#[inline]
fn add<const N: usize>(sum: &mut [f32; N], terms: &[f32; N]) {
    for (s, t) in sum.iter_mut().zip(terms) {
        *s += t;
    }
}
