//! Priors and likelihoods, and the posterior that they make with data.

mod control_variates;
mod flat;
mod gaussian;
mod generalized_linear;
mod laplace;
mod law;
mod linear;
mod location;
mod logistic;
mod minibatch;
mod multivariate_gaussian;
mod nonlinear;
mod poisson;
mod posterior;
mod robust;
mod student_t;

pub use control_variates::ControlVariates;
pub use flat::Flat;
pub use gaussian::GaussianPrior;
pub use generalized_linear::{GeneralizedLinear, LocationScale};
pub use laplace::LaplacePrior;
pub use law::Law;
pub use linear::{LinearRegression, LinearRegressionLogSigma};
pub use logistic::LogisticRegression;
pub use minibatch::Minibatch;
pub use multivariate_gaussian::MultivariateGaussianPrior;
pub use nonlinear::{NonlinearRegression, Response, UnknownSigma};
pub use poisson::PoissonRegression;
pub use posterior::Posterior;
pub use robust::RobustRegression;
pub use student_t::StudentTPrior;

pub(crate) use law::normal_tails;

use crate::{ConfigError, arithmetic::sqrt, potential::FunctionPotential};

/// A prior density of the parameters, known by −log p(θ).
///
/// A pair of priors is their product. The shipped priors are flat where their scale is infinite, so that a pair
/// gives each coordinate the kind of prior that it needs:
///
/// ```
/// use langevin::{GaussianPrior, model::{LaplacePrior, Prior}};
/// let inf = f32::INFINITY;
/// // A Gaussian offset, a sparse gain.
/// let prior = (
///     GaussianPrior::new([0.0, 0.0], [10.0, inf])?,
///     LaplacePrior::new([0.0, 0.0], [inf, 0.5])?,
/// );
/// assert_eq!(prior.negative_log_density(&[0.0, 1.0]), 2.0);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
pub trait Prior<const N: usize> {
    /// Adds ∇(−log p(θ)) to `gradient`.
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]);

    /// Returns −log p(θ), up to a constant.
    fn negative_log_density(&self, theta: &[f32; N]) -> f32;

    /// Returns the location and the scale of each coordinate, from which a [`Tracker`](crate::Tracker) starts.
    ///
    /// The scale is roughly the standard deviation, and infinite where the prior says nothing. The default looks for
    /// both from 0 with gradients alone, which finds those of a Gaussian. Override it in a prior that knows them.
    fn location_and_scale(&self) -> ([f32; N], [f32; N]) {
        location::search(|theta| {
            let mut gradient = [0.0; N];
            self.add_gradient(theta, &mut gradient);
            gradient
        })
    }
}

impl<const N: usize, A: Prior<N>, B: Prior<N>> Prior<N> for (A, B) {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        self.0.add_gradient(theta, gradient);
        self.1.add_gradient(theta, gradient);
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N]) -> f32 {
        self.0.negative_log_density(theta) + self.1.negative_log_density(theta)
    }

    /// Those of the product, were both priors normal.
    fn location_and_scale(&self) -> ([f32; N], [f32; N]) {
        let (mut location, mut scale) = self.0.location_and_scale();
        let (other, spread) = self.1.location_and_scale();
        let pairs = location.iter_mut().zip(&mut scale);
        for ((m, s), (n, t)) in pairs.zip(other.iter().zip(&spread)) {
            if !s.is_finite() {
                (*m, *s) = (*n, *t);
            } else if t.is_finite() {
                // The share of the second: its precision over the sum of both.
                let share = *s * *s / (*s * *s + t * t);
                *m += share * (n - *m);
                *s *= sqrt(1.0 - share);
            }
        }
        (location, scale)
    }
}

/// A prior of the caller's own, from closures for the gradient and the energy.
///
/// ```
/// use langevin::{model::Prior, potential::FunctionPotential};
/// // A half-Cauchy σ of scale 2.5, sampled as θ = log σ: the Jacobian takes θ off.
/// let prior = FunctionPotential {
///     gradient: |t: &[f32; 1]| [2.0 - 2.0 / (1.0 + (2.0 * t[0]).exp() / 6.25) - 1.0],
///     energy: |t: &[f32; 1]| ((2.0 * t[0]).exp() / 6.25).ln_1p() - t[0],
/// };
/// assert!((prior.negative_log_density(&[0.0]) - 0.148_420).abs() < 1e-6);
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
    fn negative_log_density(&self, theta: &[f32; N]) -> f32 {
        (self.energy)(theta)
    }
}

/// The likelihood of one observation of type `O`, known by −log p(observation | θ).
///
/// A regression with a linear predictor is easier to write as a [`GeneralizedLinear`], which implements this.
pub trait Likelihood<O, const N: usize> {
    /// Adds `weight` · ∇(−log p(observation | θ)) to `gradient`.
    fn add_gradient(&self, theta: &[f32; N], observation: &O, weight: f32, gradient: &mut [f32; N]);

    /// Returns −log p(observation | θ), up to a constant.
    fn negative_log_density(&self, theta: &[f32; N], observation: &O) -> f32;

    /// Returns whether `observation` is one that this likelihood can give: a logistic regression, for
    /// instance, refuses y = 7. The default accepts everything.
    #[inline]
    fn accepts(&self, observation: &O) -> bool {
        let _ = observation;
        true
    }

    /// Returns the law of the observation given θ, or `None` where it is not known (the default).
    ///
    /// Only the predictions of a [`Tracker`](crate::Tracker) need it: surprise, score and alarm.
    fn law(&self, theta: &[f32; N], observation: &O) -> Option<Law> {
        let _ = (theta, observation);
        None
    }

    /// Does [`add_gradient`](Self::add_gradient) for each weighted observation.
    ///
    /// Override it where observations share work, such as an exponential of a parameter.
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

    /// Adds the gradients at θ and subtracts those at `anchor`, for control variates.
    ///
    /// Override it where the two have a factor in common.
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
pub struct Model<Q, L> {
    prior: Q,
    likelihood: L,
}

impl<Q, L> Model<Q, L> {
    /// Creates a model of a prior and a likelihood.
    pub const fn new(prior: Q, likelihood: L) -> Self {
        Self { prior, likelihood }
    }

    /// Returns the prior.
    pub(crate) const fn prior(&self) -> &Q {
        &self.prior
    }

    /// Returns the likelihood.
    pub(crate) const fn likelihood(&self) -> &L {
        &self.likelihood
    }

    /// Returns the posterior given `data`: its potential sums over all of them, with their weights.
    pub const fn posterior<'a, D: ?Sized>(&'a self, data: &'a D) -> Posterior<'a, Q, L, D> {
        Posterior { model: self, data }
    }
}

/// Calls `f` for every item, four to a round and the last three without a loop.
///
/// Compilers that optimise for size unroll no loop: one over three numbers then takes three times the instructions.
#[inline(always)]
pub(crate) fn each<T>(mut items: impl ExactSizeIterator<Item = T>, mut f: impl FnMut(T)) {
    while items.len() >= 4 {
        items.next().map(&mut f);
        items.next().map(&mut f);
        items.next().map(&mut f);
        items.next().map(&mut f);
    }
    items.next().map(&mut f);
    items.next().map(&mut f);
    items.next().map(&mut f);
}

/// Returns aᵀb, summed in four lanes: an order that compilers turn into vector instructions where there are
/// any, with the same bits where there are none.
#[inline(always)]
pub(crate) fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    // −0 is the neutral element of addition: starting there costs nothing.
    let (mut p, mut q, mut r, mut s) = (-0.0, -0.0, -0.0, -0.0);
    let (mut a, mut b): (&[f32], &[f32]) = (a, b);
    while let ([a0, a1, a2, a3, a_rest @ ..], [b0, b1, b2, b3, b_rest @ ..]) = (a, b) {
        p += a0 * b0;
        q += a1 * b1;
        r += a2 * b2;
        s += a3 * b3;
        (a, b) = (a_rest, b_rest);
    }
    let mut sum = (p + q) + (r + s);
    each(a.iter().zip(b), |(a, b)| sum += a * b);
    sum
}

/// Adds `factor` · `x` to `sum`.
#[inline(always)]
pub(crate) fn add_scaled<const N: usize>(sum: &mut [f32; N], factor: f32, x: &[f32; N]) {
    each(sum.iter_mut().zip(x), |(s, x)| *s += factor * x);
}

/// Multiplies `x` by `factor`.
#[inline(always)]
pub(crate) fn scale<const N: usize>(x: &mut [f32; N], factor: f32) {
    each(x.iter_mut(), |x| *x *= factor);
}

/// Returns 1/sᵢ of a prior with scales s, which is 0 for an infinite one. `names` are those of the two arguments.
const fn inverse_scales<const N: usize>(
    location: &[f32; N],
    mut scale: [f32; N],
    names: [&'static str; 2],
) -> Result<[f32; N], ConfigError> {
    let [location_name, scale_name] = names;
    let (mut locations, mut scales): (&[f32], &mut [f32]) = (location, &mut scale);
    while let ([m, rest @ ..], [s, tail @ ..]) = (locations, scales) {
        if let Err(error) = ConfigError::check(m.is_finite(), location_name, "finite", *m) {
            return Err(error);
        }
        // Below 1e-18 the square of 1/s overflows.
        if let Err(error) = ConfigError::check(*s > 1e-18, scale_name, "> 1e-18", *s) {
            return Err(error);
        }
        *s = 1.0 / *s;
        (locations, scales) = (rest, tail);
    }
    Ok(scale)
}
