//! Priors and likelihoods with analytic gradients, and the posterior they make with data.

mod control_variates;
mod flat;
mod gaussian;
mod laplace;
mod linear;
mod logistic;
mod minibatch;
mod nonlinear;
mod poisson;
mod robust;
mod student_t;

pub use control_variates::ControlVariates;
pub use flat::Flat;
pub use gaussian::GaussianPrior;
pub use laplace::LaplacePrior;
pub use linear::{LinearRegression, LinearRegressionLogSigma};
pub use logistic::LogisticRegression;
pub use minibatch::{BatchSampler, Minibatch, WithReplacement, WithoutReplacement};
pub use nonlinear::NonlinearLeastSquares;
pub use poisson::PoissonRegression;
pub use robust::RobustRegression;
pub use student_t::StudentTPrior;

use crate::{
    ConfigError, Potential, StepError,
    data::Data,
    potential::{Energy, FunctionPotential, GradientVariance},
};

/// A prior: −log p(θ), up to a constant.
///
/// A pair of priors is their product. With the shipped priors, whose infinite scales are flat, a pair
/// gives each coordinate the kind it needs:
///
/// ```
/// use langevin::{GaussianPrior, model::{LaplacePrior, Prior}};
/// let inf = f32::INFINITY;
/// // A Gaussian offset, a sparse gain.
/// let prior = (
///     GaussianPrior::new([0.0, 0.0], [10.0, inf])?,
///     LaplacePrior::new([0.0, 0.0], [inf, 0.5])?,
/// );
/// assert_eq!(prior.energy(&[0.0, 1.0]), 2.0);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
pub trait Prior<const N: usize> {
    /// gradient += ∇(−log p(θ)).
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]);

    /// −log p(θ), up to a constant.
    fn energy(&self, theta: &[f32; N]) -> f32;
}

impl<const N: usize, A: Prior<N>, B: Prior<N>> Prior<N> for (A, B) {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        self.0.add_gradient(theta, gradient);
        self.1.add_gradient(theta, gradient);
    }

    #[inline]
    fn energy(&self, theta: &[f32; N]) -> f32 {
        self.0.energy(theta) + self.1.energy(theta)
    }
}

/// A prior of the caller's own: closures for the gradient and the energy.
///
/// ```
/// use langevin::{model::Prior, potential::FunctionPotential};
/// // A half-Cauchy σ of scale 2.5, sampled as θ = log σ: the Jacobian takes θ off.
/// let prior = FunctionPotential {
///     gradient: |t: &[f32; 1]| [2.0 - 2.0 / (1.0 + (2.0 * t[0]).exp() / 6.25) - 1.0],
///     energy: |t: &[f32; 1]| ((2.0 * t[0]).exp() / 6.25).ln_1p() - t[0],
/// };
/// assert!((prior.energy(&[0.0]) - 0.148_420).abs() < 1e-6);
/// ```
impl<const N: usize, G, E> Prior<N> for FunctionPotential<G, E>
where
    G: Fn(&[f32; N]) -> [f32; N],
    E: Fn(&[f32; N]) -> f32,
{
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        add_scaled(gradient, 1.0, &(self.gradient)(theta));
    }

    #[inline]
    fn energy(&self, theta: &[f32; N]) -> f32 {
        (self.energy)(theta)
    }
}

/// A likelihood of one observation of type `O`: −log p(observation | θ), up to a constant.
pub trait Likelihood<O, const N: usize> {
    /// gradient += weight · ∇(−log p(observation | θ)).
    fn add_gradient(&self, theta: &[f32; N], observation: &O, weight: f32, gradient: &mut [f32; N]);

    /// −log p(observation | θ), up to a constant.
    fn energy(&self, theta: &[f32; N], observation: &O) -> f32;

    /// [`add_gradient`](Self::add_gradient) of each weighted observation.
    ///
    /// To be overridden where observations share work, such as an exponential of a parameter.
    #[inline]
    fn add_gradients<'o>(
        &self,
        theta: &[f32; N],
        data: impl Iterator<Item = (&'o O, f32)>,
        gradient: &mut [f32; N],
    ) where
        O: 'o,
    {
        // Not `for`: of a window, which is a ring, this makes two plain loops.
        data.for_each(|(observation, weight)| {
            self.add_gradient(theta, observation, weight, gradient);
        });
    }

    /// [`add_gradients`](Self::add_gradients) at θ less the same at `anchor`: control variates.
    ///
    /// To be overridden where the two have a factor in common.
    #[inline]
    fn add_differences<'o>(
        &self,
        theta: &[f32; N],
        anchor: &[f32; N],
        data: impl Iterator<Item = (&'o O, f32)> + Clone,
        gradient: &mut [f32; N],
    ) where
        O: 'o,
    {
        self.add_gradients(theta, data.clone(), gradient);
        let opposite = data.map(|(observation, weight)| (observation, -weight));
        self.add_gradients(anchor, opposite, gradient);
    }
}

/// A prior and a likelihood: all that is known before the data.
#[derive(Clone, Copy, Debug)]
pub struct Model<P, L> {
    prior: P,
    likelihood: L,
}

impl<P, L> Model<P, L> {
    /// The model with this prior and this likelihood.
    pub const fn new(prior: P, likelihood: L) -> Self {
        Self { prior, likelihood }
    }

    /// The posterior given `data`: its potential sums over all of them, with their weights.
    pub const fn posterior<'a, D: ?Sized>(&'a self, data: &'a D) -> Posterior<'a, P, L, D> {
        Posterior { model: self, data }
    }
}

/// The potential of a [`Model`] given data: −log p(θ) − Σ wᵢ log p(yᵢ | θ), all data at every call.
///
/// Without data it is the prior's.
#[derive(Debug)]
pub struct Posterior<'a, P, L, D: ?Sized> {
    model: &'a Model<P, L>,
    data: &'a D,
}

impl<const N: usize, P, L, D> Potential<N> for Posterior<'_, P, L, D>
where
    P: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        *gradient = [0.0; N];
        self.model.prior.add_gradient(theta, gradient);
        self.model
            .likelihood
            .add_gradients(theta, self.data.weighted(), gradient);
        Ok(())
    }

    #[inline]
    fn number_of_data(&self) -> f32 {
        self.data.total_weight()
    }
}

impl<const N: usize, P, L, D> Energy<N> for Posterior<'_, P, L, D>
where
    P: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        let mut energy = self.model.prior.energy(theta);
        self.data.weighted().for_each(|(observation, weight)| {
            energy += weight * self.model.likelihood.energy(theta, observation);
        });
        Ok(energy)
    }
}

/// Exact: the variance is 0.
impl<const N: usize, P, L, D> GradientVariance<N> for Posterior<'_, P, L, D>
where
    P: Prior<N>,
    D: Data + ?Sized,
    L: Likelihood<D::Observation, N>,
{
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        *variance = [0.0; N];
        self.gradient(theta, gradient)
    }
}

/// aᵀb, summed in four lanes: an order that compilers turn into vector instructions where there are
/// any, with the same bits where there are none.
#[inline]
fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    // −0 is the neutral element of addition: starting there costs nothing.
    let mut lanes = [-0.0; 4];
    let (mut a, mut b) = (a.chunks_exact(4), b.chunks_exact(4));
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let [p, q, r, s] = lanes;
    let mut sum = (p + q) + (r + s);
    for (a, b) in a.remainder().iter().zip(b.remainder()) {
        sum += a * b;
    }
    sum
}

/// `sum` += `factor` · `x`.
#[inline]
fn add_scaled<const N: usize>(sum: &mut [f32; N], factor: f32, x: &[f32; N]) {
    for (s, x) in sum.iter_mut().zip(x) {
        *s += factor * x;
    }
}

/// 1/sᵢ of a prior with scales s; 0 for an infinite one.
const fn inverse_scales<const N: usize>(
    location: &[f32; N],
    mut scale: [f32; N],
) -> Result<[f32; N], ConfigError> {
    let (mut locations, mut scales): (&[f32], &mut [f32]) = (location, &mut scale);
    while let ([m, rest @ ..], [s, tail @ ..]) = (locations, scales) {
        if !m.is_finite() {
            return Err(ConfigError {
                field: "location",
                bound: "finite",
            });
        }
        // Below 1e-18 the square of 1/s overflows.
        if let Err(error) = ConfigError::check(*s > 1e-18, "scale", "> 1e-18", *s) {
            return Err(error);
        }
        *s = 1.0 / *s;
        (locations, scales) = (rest, tail);
    }
    Ok(scale)
}
