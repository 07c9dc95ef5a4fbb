//! Nonlinear regression from a response alone.

use super::{
    GeneralizedLinear, Law, Likelihood, LinearRegression, LocationScale, RobustRegression,
    add_scaled,
};
use crate::{
    ConfigError, Sample,
    arithmetic::exp,
    data::Measurement,
    dual::{Dual, Real},
};

/// A response curve with N parameters θ: what an instrument shows at an input, without its error.
///
/// It is written once, generic over [`Real`]: the energy takes its value, and the gradient its derivatives by
/// [`Dual`] numbers. Where the curve's constants are other numbers than the unknowns, say exponentials of them to
/// be positive, [`constants`](Self::constants) computes them once for all readings.
///
/// ```
/// use langevin::{dual::Real, model::Response};
/// /// A body that cools: ambient + excess·exp(−rate·t), with the rate exp(−log τ) > 0.
/// struct Cooling;
/// impl Response<3> for Cooling {
///     type Input = f32;
///     fn constants<T: Real>(&self, &[ambient, excess, log_tau]: &[T; 3]) -> [T; 3] {
///         [ambient, excess, (-log_tau).exp()]
///     }
///     fn response<T: Real>(&self, &[ambient, excess, rate]: &[T; 3], t: &f32) -> T {
///         ambient + excess * (rate * -*t).exp()
///     }
/// }
/// let (y, slopes) = Cooling.with_derivatives(&[20.0, 80.0, 0.0])(&0.0);
/// assert_eq!((y, slopes), (100.0, [1.0, 1.0, 0.0]));
/// ```
pub trait Response<const N: usize> {
    /// What the response is measured at: a number, an array of regressors, or any other type.
    type Input;

    /// Returns the curve's constants at θ, which do not depend on the input: θ itself by default.
    #[inline]
    fn constants<T: Real>(&self, theta: &[T; N]) -> [T; N] {
        *theta
    }

    /// Returns the response at `input`, given the constants.
    fn response<T: Real>(&self, constants: &[T; N], input: &Self::Input) -> T;

    /// Returns the function of the input that gives the response at θ and its derivatives by θ.
    ///
    /// Override it where derivatives by hand are worth their risk; [`check_gradient`](crate::potential::check_gradient)
    /// finds mistakes.
    #[inline]
    fn with_derivatives(&self, theta: &[f32; N]) -> impl Fn(&Self::Input) -> (f32, [f32; N]) {
        let constants = self.constants(&Dual::variables(theta));
        move |input| {
            let Dual { value, gradient } = self.response(&constants, input);
            (value, gradient)
        }
    }
}

/// The response at θ.
#[inline]
fn value<const N: usize, R: Response<N>>(response: &R, theta: &[f32; N], input: &R::Input) -> f32 {
    response.response(&response.constants(theta), input)
}

/// Nonlinear regression: the predictor is a [`Response`] f(x, θ), and L the law of y given it.
///
/// | constructor | law of y | θ |
/// |---|---|---|
/// | [`new`](Self::new) | N(f, σ²) | of the response |
/// | [`robust`](NonlinearRegression::robust) | Student-t about f, of scale σ | of the response |
/// | [`with_unknown_sigma`](NonlinearRegression::with_unknown_sigma) | N(f, σ²) | then log σ |
/// | [`robust_with_unknown_sigma`](NonlinearRegression::robust_with_unknown_sigma) | Student-t about f, of scale σ | then log σ |
/// | [`with_law`](NonlinearRegression::with_law) | any [`GeneralizedLinear`], say Poisson counts of rate eᶠ | of the response |
///
/// An observation is a [`Measurement`] of the response's input, with a standard deviation of its own, or a
/// [`Sample`] where the input is an array. For a prior on log σ see
/// [`LinearRegressionLogSigma`](super::LinearRegressionLogSigma).
///
/// ```
/// use langevin::{GaussianPrior, Model, Potential, Sample, dual::Real, model::{NonlinearRegression, Response}};
/// struct Decay;
/// impl Response<2> for Decay {
///     type Input = [f32; 1];
///     fn response<T: Real>(&self, &[a, k]: &[T; 2], &[x]: &[f32; 1]) -> T {
///         a * (k * -x).exp()
///     }
/// }
/// let prior = GaussianPrior::new([1.0, 2.0], [1.0, 1.0])?;
/// let model = Model::new(prior, NonlinearRegression::new(Decay, 0.1)?);
/// let data = [Sample { x: [0.0], y: 1.0 }];
/// let mut gradient = [0.0; 2];
/// model.posterior(&data).gradient(&[1.0, 2.0], &mut gradient)?;
/// assert_eq!(gradient, [0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonlinearRegression<R, L = LinearRegression> {
    response: R,
    law: L,
}

/// The law L of an error whose scale σ is unknown: log σ is a parameter, after the N of the response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnknownSigma<const N: usize, L = LinearRegression> {
    // With σ = 1.
    law: L,
}

impl<R> NonlinearRegression<R> {
    /// Creates the regression with normal errors of standard deviation `sigma`, in the units of y.
    ///
    /// # Errors
    /// When `sigma` is not in (1e-19, 1e19).
    pub fn new(response: R, sigma: f32) -> Result<Self, ConfigError> {
        Ok(Self::with_law(response, LinearRegression::new(sigma)?))
    }
}

impl<R> NonlinearRegression<R, RobustRegression> {
    /// Creates the regression with Student-t errors, as [`RobustRegression`].
    ///
    /// # Errors
    /// As [`RobustRegression::new`].
    pub fn robust(response: R, degrees_of_freedom: f32, sigma: f32) -> Result<Self, ConfigError> {
        let law = RobustRegression::new(degrees_of_freedom, sigma)?;
        Ok(Self::with_law(response, law))
    }
}

impl<const N: usize, R: Response<N>> NonlinearRegression<R, UnknownSigma<N>> {
    /// Creates the regression with normal errors of unknown standard deviation: log σ is one parameter more, the
    /// last.
    pub const fn with_unknown_sigma(response: R) -> Self {
        let law = LinearRegression::UNIT;
        Self::with_law(response, UnknownSigma { law })
    }
}

impl<const N: usize, R: Response<N>> NonlinearRegression<R, UnknownSigma<N, RobustRegression>> {
    /// Creates the regression with Student-t errors of unknown scale: log σ is one parameter more, the last.
    ///
    /// # Errors
    /// When `degrees_of_freedom` is not in [1e-3, 1e6].
    pub fn robust_with_unknown_sigma(
        response: R,
        degrees_of_freedom: f32,
    ) -> Result<Self, ConfigError> {
        let law = RobustRegression::new(degrees_of_freedom, 1.0)?;
        Ok(Self::with_law(response, UnknownSigma { law }))
    }
}

impl<R, L> NonlinearRegression<R, L> {
    /// Creates the regression with any law of y given the response.
    pub const fn with_law(response: R, law: L) -> Self {
        Self { response, law }
    }

    /// Returns the response, for predictions.
    pub const fn response(&self) -> &R {
        &self.response
    }
}

impl<const K: usize, const N: usize, R, L> Likelihood<Sample<K>, N> for NonlinearRegression<R, L>
where
    R: Response<N, Input = [f32; K]>,
    L: GeneralizedLinear,
{
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Sample<K>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        self.add_gradients(theta, core::iter::once((observation, weight)), gradient);
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N], Sample { x, y }: &Sample<K>) -> f32 {
        self.law.energy(value(&self.response, theta, x), *y)
    }

    #[inline]
    fn accepts(&self, observation: &Sample<K>) -> bool {
        self.law.accepts(observation.y)
    }

    fn law(&self, theta: &[f32; N], Sample { x, y }: &Sample<K>) -> Option<Law> {
        self.law.law(value(&self.response, theta, x), *y)
    }

    #[inline]
    fn add_gradients<'o>(
        &self,
        theta: &[f32; N],
        data: impl Iterator<Item = (&'o Sample<K>, f32)>,
        gradient: &mut [f32; N],
    ) {
        let response = self.response.with_derivatives(theta);
        data.for_each(|(Sample { x, y }, weight)| {
            let (z, derivatives) = response(x);
            add_scaled(gradient, weight * self.law.slope(z, *y), &derivatives);
        });
    }
}

impl<const N: usize, R: Response<N>, L: LocationScale> Likelihood<Measurement<R::Input>, N>
    for NonlinearRegression<R, L>
{
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; N],
        observation: &Measurement<R::Input>,
        weight: f32,
        gradient: &mut [f32; N],
    ) {
        self.add_gradients(theta, core::iter::once((observation, weight)), gradient);
    }

    #[inline]
    fn negative_log_density(
        &self,
        theta: &[f32; N],
        Measurement { x, y, sd }: &Measurement<R::Input>,
    ) -> f32 {
        let residual = value(&self.response, theta, x) - y;
        self.law.energy(residual / sd, 0.0)
    }

    fn law(
        &self,
        theta: &[f32; N],
        Measurement { x, y, sd }: &Measurement<R::Input>,
    ) -> Option<Law> {
        let residual = y - value(&self.response, theta, x);
        Some(self.law.law(0.0, residual / sd)?.stretched(*sd))
    }

    #[inline]
    fn add_gradients<'o>(
        &self,
        theta: &[f32; N],
        data: impl Iterator<Item = (&'o Measurement<R::Input>, f32)>,
        gradient: &mut [f32; N],
    ) where
        R::Input: 'o,
    {
        let response = self.response.with_derivatives(theta);
        data.for_each(|(Measurement { x, y, sd }, weight)| {
            let inverse_sd = 1.0 / sd;
            let (z, derivatives) = response(x);
            let slope = inverse_sd * self.law.slope(inverse_sd * (z - y), 0.0);
            add_scaled(gradient, weight * slope, &derivatives);
        });
    }
}

/// An observation of a response: its input, its value and its standard deviation.
trait Measured {
    type Input;
    fn parts(&self) -> (&Self::Input, f32, f32);
}

impl<const K: usize> Measured for Sample<K> {
    type Input = [f32; K];
    #[inline]
    fn parts(&self) -> (&Self::Input, f32, f32) {
        (&self.x, self.y, 1.0)
    }
}

impl<X> Measured for Measurement<X> {
    type Input = X;
    #[inline]
    fn parts(&self) -> (&Self::Input, f32, f32) {
        (&self.x, self.y, self.sd)
    }
}

impl<const N: usize, const M: usize, O, R, L> Likelihood<O, M>
    for NonlinearRegression<R, UnknownSigma<N, L>>
where
    O: Measured,
    R: Response<N, Input = O::Input>,
    L: LocationScale,
{
    #[inline]
    fn add_gradient(
        &self,
        theta: &[f32; M],
        observation: &O,
        weight: f32,
        gradient: &mut [f32; M],
    ) {
        self.add_gradients(theta, core::iter::once((observation, weight)), gradient);
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; M], observation: &O) -> f32 {
        let (theta, log_sigma) = split::<N, M>(theta);
        let (x, y, sd) = observation.parts();
        let residual = (value(&self.response, theta, x) - y) / sd;
        let law = &self.law.law;
        law.energy(exp(-log_sigma) * residual, 0.0) + log_sigma
    }

    fn law(&self, theta: &[f32; M], observation: &O) -> Option<Law> {
        let (theta, log_sigma) = split::<N, M>(theta);
        let (x, y, sd) = observation.parts();
        let scale = exp(log_sigma) * sd;
        let residual = y - value(&self.response, theta, x);
        Some(self.law.law.law(0.0, residual / scale)?.stretched(scale))
    }

    // One exponential of log σ for all observations.
    #[inline]
    fn add_gradients<'o>(
        &self,
        theta: &[f32; M],
        data: impl Iterator<Item = (&'o O, f32)>,
        gradient: &mut [f32; M],
    ) where
        O: 'o,
    {
        let (theta, log_sigma) = split::<N, M>(theta);
        let inverse_sigma = exp(-log_sigma);
        let response = self.response.with_derivatives(theta);
        data.for_each(|(observation, weight)| {
            let (x, y, sd) = observation.parts();
            let scale = inverse_sigma / sd;
            let (z, derivatives) = response(x);
            let residual = scale * (z - y);
            let slope = self.law.law.slope(residual, 0.0);
            if let Some((last, own)) = gradient.split_last_mut() {
                *last += weight * (1.0 - residual * slope);
                for (g, d) in own.iter_mut().zip(&derivatives) {
                    *g += weight * scale * slope * d;
                }
            }
        });
    }
}

/// Returns the parameters of the response, and log σ.
#[inline]
fn split<const N: usize, const M: usize>(theta: &[f32; M]) -> (&[f32; N], f32) {
    const { assert!(M == N + 1, "the parameters of the response, then log sigma") };
    let log_sigma = theta.last().copied().unwrap_or_default();
    (theta.first_chunk().unwrap_or(&[0.0; N]), log_sigma)
}
