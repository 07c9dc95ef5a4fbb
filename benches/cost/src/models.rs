//! Every prior and every likelihood, on a window of observations.

use core::hint::black_box;

use langevin::{
    Model, Pcg32, Potential, Sample, SeedableRng, Window,
    model::{Likelihood, LinearRegression, Prior},
    potential::Energy,
};
use langevin_testing::{likelihoods, priors};

/// How many observations the window holds.
pub const OBSERVATIONS: usize = 16;
/// How many of them a minibatch takes.
pub const BATCH: usize = 4;

/// Is shown posteriors.
pub trait Visitor {
    /// One that sums over all data.
    fn whole<const N: usize, P: Energy<N>>(&mut self, name: (&str, &str), posterior: P);
    /// One that takes minibatches.
    fn minibatch<const N: usize, P: Potential<N>>(&mut self, name: (&str, &str), posterior: P);
}

/// Shows each likelihood with a Gaussian prior, and linear regression with each other prior.
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
    if let Ok(linear) = LinearRegression::new(black_box(0.5)) {
        priors!(|name, prior| if name != "Gaussian prior" {
            let name = ("linear regression", name);
            show(visitor, name, &Model::new(prior, linear), &window);
        });
    }
    likelihoods!(|name, model| show(visitor, (name, ""), &model, &window));
}

fn show<const N: usize, P: Prior<N>, L: Likelihood<Sample<2>, N>>(
    visitor: &mut impl Visitor,
    name: (&str, &str),
    model: &Model<P, L>,
    window: &Window<Sample<2>, OBSERVATIONS>,
) {
    visitor.whole(name, model.posterior(window));
    let rng = Pcg32::seed_from_u64(7);
    visitor.minibatch(name, model.posterior(window).minibatch::<BATCH, _>(rng));
}
