//! Nonlinear least squares from the caller's function and its Jacobian.

use super::{Likelihood, add_scaled, linear::precision};
use crate::{ConfigError, Sample};

/// Nonlinear regression with known σ: y ~ N(f(x, θ), σ²), −log p = (f(x, θ) − y)²/(2σ²).
///
/// The closure gives f(x, θ) and its derivatives by θ (a row of the Jacobian) together: they mostly
/// share their work.
///
/// ```
/// use langevin::{Model, Potential, Sample, model::{Flat, NonlinearLeastSquares}};
/// // Exponential decay: y = a e^(−kx).
/// let decay = |x: &[f32; 1], theta: &[f32; 2]| {
///     let [a, k] = *theta;
///     let e = (-k * x[0]).exp();
///     (a * e, [e, -a * x[0] * e])
/// };
/// let model = Model::new(Flat, NonlinearLeastSquares::new(decay, 0.1)?);
/// let data = [Sample { x: [0.0], y: 1.0 }];
/// let mut gradient = [0.0; 2];
/// model.posterior(&data).gradient(&[1.0, 2.0], &mut gradient)?;
/// assert_eq!(gradient, [0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NonlinearLeastSquares<F> {
    function: F,
    precision: f32,
}

impl<F> NonlinearLeastSquares<F> {
    /// With the model function `function`, (x, θ) ↦ (f, ∂f/∂θ), and noise of standard deviation `sigma`,
    /// in the units of y.
    ///
    /// # Errors
    /// When `sigma` is not finite and > 0, or so small that its square underflows.
    pub fn new<const D: usize, const N: usize>(function: F, sigma: f32) -> Result<Self, ConfigError>
    where
        F: Fn(&[f32; D], &[f32; N]) -> (f32, [f32; N]),
    {
        Ok(Self {
            function,
            precision: precision(sigma)?,
        })
    }
}

impl<const D: usize, const N: usize, F> Likelihood<Sample<D>, N> for NonlinearLeastSquares<F>
where
    F: Fn(&[f32; D], &[f32; N]) -> (f32, [f32; N]),
{
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Sample<D>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        let (prediction, jacobian) = (self.function)(&observation.x, theta);
        let residual = prediction - observation.y;
        add_scaled(gradient, weight * self.precision * residual, &jacobian);
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N], observation: &Sample<D>) -> f32 {
        let (prediction, _) = (self.function)(&observation.x, theta);
        let residual = prediction - observation.y;
        0.5 * self.precision * residual * residual
    }
}
