//! What the host benches run: a sampler from this crate, and the loop that one writes by hand.
//!
//! Both use the same generator, the same f32, the same data and the same subsets' law. The loop by hand
//! draws its normals from `rand_distr`, and has no barrier, no schedule and no counters.

#![allow(
    clippy::needless_range_loop,
    reason = "loops as one writes them by hand"
)]

use langevin::{
    Chain, GaussianPrior, Model, Pcg32, Potential, Sample, SeedableRng, StepError,
    model::{Likelihood, LinearRegression, LogisticRegression},
    noise::InverseCdf,
    schedule::Constant,
    stepper::Sgld,
};
use rand::RngExt;
use rand_distr::StandardNormal;

/// Steps of something: how many to make.
pub type Steps = Box<dyn FnMut(u32)>;

/// The crate's steps and the hand-written ones.
pub type Rivals = (Steps, Steps);

/// Sets one up.
pub type Setup = fn() -> Rivals;

/// What there is to do.
pub const ALL: [(&str, Setup); 5] = [
    ("2-D Gaussian, full gradient", gaussian),
    ("linear regression, 8 parameters, batch 1", || linear(false)),
    ("the same with control variates, batch 1", || linear(true)),
    ("logistic regression, 16 parameters, batch 8", || {
        logistic(false)
    }),
    ("the same with control variates, batch 8", || logistic(true)),
];

const ROWS: usize = 10_000;
const PRIOR_SD: f32 = 10.0;
/// A step that is stable for all data at once.
const ETA: f32 = 1e-5;

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(2011)
}

/// One chain for all: SGLD at a constant step.
fn sampler<const N: usize>(eta: f32, mut potential: impl Potential<N> + 'static) -> Steps {
    let schedule = Constant::new(eta).expect("in range");
    let mut chain = Chain::new([0.1; N], Sgld::new(), schedule, InverseCdf::new(rng()));
    Box::new(move |steps| {
        for _ in 0..steps {
            chain.step(&mut potential).expect("the chain is well");
        }
        std::hint::black_box(chain.position());
    })
}

/// The same by hand: θ ← θ − ηg + √(2η) ξ.
fn by_hand<const N: usize>(
    eta: f32,
    mut gradient: impl FnMut(&mut Pcg32, &[f32; N]) -> [f32; N] + 'static,
) -> Steps {
    let mut rng = rng();
    let mut theta = [0.1; N];
    let scale = (2.0 * eta).sqrt();
    Box::new(move |steps| {
        for _ in 0..steps {
            let g = gradient(&mut rng, &theta);
            for i in 0..N {
                let xi: f32 = rng.sample(StandardNormal);
                theta[i] += -eta * g[i] + scale * xi;
            }
        }
        std::hint::black_box(&theta);
    })
}

/// (a) A Gaussian in two dimensions, full gradient.
fn gaussian() -> Rivals {
    struct Correlated;
    impl Potential<2> for Correlated {
        fn gradient(&mut self, theta: &[f32; 2], gradient: &mut [f32; 2]) -> Result<(), StepError> {
            gradient[0] = 2.0 * theta[0] - theta[1];
            gradient[1] = 2.0 * theta[1] - theta[0];
            Ok(())
        }
    }
    let by_hand = by_hand(0.1, |_, x: &[f32; 2]| {
        [2.0 * x[0] - x[1], 2.0 * x[1] - x[0]]
    });
    (sampler(0.1, Correlated), by_hand)
}

/// Rows whose responses are made of xᵀ1.
fn rows<const N: usize>(response: impl Fn(&mut Pcg32, f32) -> f32) -> &'static [Sample<N>] {
    let mut rng = rng();
    let data: Vec<Sample<N>> = (0..ROWS)
        .map(|_| {
            let x = [(); N].map(|()| rng.sample(StandardNormal));
            let y = response(&mut rng, x.iter().sum());
            Sample { x, y }
        })
        .collect();
    data.leak()
}

/// (b) Linear regression, 8 parameters, 10 000 rows, one at a time.
fn linear(control_variates: bool) -> Rivals {
    let data = rows::<8>(|rng, z| z + rng.sample::<f32, _>(StandardNormal));
    let likelihood = LinearRegression::new(1.0).expect("in range");
    let residual = |x: &[f32; 8], y: f32, theta: &[f32; 8]| {
        let mut z = 0.0;
        for i in 0..8 {
            z += x[i] * theta[i];
        }
        z - y
    };
    regression::<8, 1>(data, likelihood, residual, control_variates)
}

/// (c) Logistic regression, 16 parameters, 10 000 rows, eight at a time.
fn logistic(control_variates: bool) -> Rivals {
    let data = rows::<16>(|rng, z| f32::from(rng.random::<f32>() < 1.0 / (1.0 + (-z).exp())));
    let residual = |x: &[f32; 16], y: f32, theta: &[f32; 16]| {
        let mut z = 0.0;
        for i in 0..16 {
            z += x[i] * theta[i];
        }
        1.0 / (1.0 + (-z).exp()) - y
    };
    regression::<16, 8>(data, LogisticRegression, residual, control_variates)
}

/// A generalised linear model: the gradient of a datum is its residual times x.
fn regression<const N: usize, const B: usize>(
    data: &'static [Sample<N>],
    likelihood: impl Likelihood<Sample<N>, N> + 'static,
    residual: impl Fn(&[f32; N], f32, &[f32; N]) -> f32 + 'static,
    control_variates: bool,
) -> Rivals {
    let prior = GaussianPrior::new([0.0; N], [PRIOR_SD; N]).expect("in range");
    let model: &'static Model<_, _> = Box::leak(Box::new(Model::new(prior, likelihood)));
    let minibatch = model
        .posterior(data)
        .minibatch::<B, _>(rng())
        .with_replacement();
    // A schedule divides by the number of data.
    let eta = ETA * ROWS as f32;
    let ours = if control_variates {
        let anchored = minibatch.control_variates(&[1.0; N]);
        sampler(eta, anchored.expect("the gradient is finite"))
    } else {
        sampler(eta, minibatch)
    };

    let mut full = [0.0; N];
    for row in data {
        let r = residual(&row.x, row.y, &[1.0; N]);
        for i in 0..N {
            full[i] += r * row.x[i];
        }
    }
    let naive = by_hand(ETA, move |rng, theta: &[f32; N]| {
        let mut g = [0.0; N];
        for _ in 0..B {
            let row = &data[rng.random_range(0..ROWS)];
            let mut r = residual(&row.x, row.y, theta);
            if control_variates {
                r -= residual(&row.x, row.y, &[1.0; N]);
            }
            for i in 0..N {
                g[i] += r * row.x[i];
            }
        }
        for i in 0..N {
            g[i] = g[i] * (ROWS as f32 / B as f32) + theta[i] / (PRIOR_SD * PRIOR_SD);
            if control_variates {
                g[i] += full[i];
            }
        }
        g
    });
    (ours, naive)
}
