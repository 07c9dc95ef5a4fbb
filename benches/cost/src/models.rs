//! Every prior and every likelihood, on a window of observations.

use core::hint::black_box;

use langevin::{
    GaussianPrior, Model, Pcg32, Potential, Sample, SeedableRng, Window,
    dual::Real,
    model::{
        Flat, LaplacePrior, Likelihood, LinearRegression, LinearRegressionLogSigma,
        LogisticRegression, NonlinearRegression, PoissonRegression, Prior, Response,
        RobustRegression, StudentTPrior,
    },
    potential::Energy,
};

/// How many observations the window holds.
pub const OBSERVATIONS: usize = 16;
/// How many of them a minibatch takes.
pub const BATCH: usize = 4;

/// Is shown posteriors.
pub trait Visitor {
    /// One that sums over all data.
    fn whole<const N: usize, P: Energy<N>>(&mut self, name: &'static str, posterior: P);
    /// One that takes minibatches.
    fn minibatch<const N: usize, P: Potential<N>>(&mut self, name: &'static str, posterior: P);
}

/// Shows each likelihood with a Gaussian prior, and each other prior with linear regression.
pub fn all(visitor: &mut impl Visitor) {
    let mut window = Window::<Sample<2>, OBSERVATIONS>::new();
    let mut next = 0.0;
    for _ in 0..OBSERVATIONS {
        next += 0.125;
        let _ = window.push(black_box(Sample {
            x: [1.0, next],
            y: 1.0,
        }));
    }
    let Ok(gaussian) = GaussianPrior::new([0.0; 2], black_box([1.0; 2])) else {
        return;
    };
    if let Ok(linear) = LinearRegression::new(black_box(0.5)) {
        show(
            visitor,
            "linear regression, flat prior",
            Flat,
            linear,
            &window,
        );
        show(visitor, "linear regression", gaussian, linear, &window);
        if let Ok(laplace) = LaplacePrior::new([0.0; 2], black_box([1.0; 2])) {
            show(
                visitor,
                "linear regression, Laplace prior",
                laplace,
                linear,
                &window,
            );
        }
        if let Ok(cauchy) = StudentTPrior::cauchy([0.0; 2], black_box([1.0; 2])) {
            show(
                visitor,
                "linear regression, Cauchy prior",
                cauchy,
                linear,
                &window,
            );
        }
    }
    if let Ok(gaussian) = GaussianPrior::new([0.0; 3], black_box([1.0; 3])) {
        let likelihood = LinearRegressionLogSigma;
        show(
            visitor,
            "linear regression, unknown sigma",
            gaussian,
            likelihood,
            &window,
        );
    }
    show(
        visitor,
        "logistic regression",
        gaussian,
        LogisticRegression,
        &window,
    );
    show(
        visitor,
        "Poisson regression",
        gaussian,
        PoissonRegression,
        &window,
    );
    if let Ok(robust) = RobustRegression::new(black_box(4.0), black_box(0.5)) {
        show(visitor, "robust regression", gaussian, robust, &window);
    }
    if let Ok(decay) = NonlinearRegression::new(Decay, black_box(0.5)) {
        show(visitor, "exponential decay", gaussian, decay, &window);
    }
}

/// y = a·exp(−kx).
struct Decay;

impl Response<2> for Decay {
    type Input = [f32; 2];

    fn response<T: Real>(&self, &[a, k]: &[T; 2], &[_, x]: &[f32; 2]) -> T {
        a * (k * -x).exp()
    }
}

fn show<const N: usize, P: Prior<N>, L: Likelihood<Sample<2>, N>>(
    visitor: &mut impl Visitor,
    name: &'static str,
    prior: P,
    likelihood: L,
    window: &Window<Sample<2>, OBSERVATIONS>,
) {
    let model = Model::new(prior, likelihood);
    visitor.whole(name, model.posterior(window));
    let rng = Pcg32::seed_from_u64(7);
    visitor.minibatch(name, model.posterior(window).minibatch::<BATCH, _>(rng));
}
