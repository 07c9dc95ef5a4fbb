//! Simulation-based calibration (Talts et al. 2018): θ from the prior, data from θ, draws from the
//! posterior by warm-up and chain with nothing set. Then θ's rank among the draws is uniform.
//!
//! For each model and parameter the ranks, in 20 bins, pass a chi-square test, and over all of them the
//! intervals that should hold 50, 90 and 95 % of the truths do.

use langevin::{
    BoxMuller, GaussianPrior, Model, Pcg32, Sample, Sampler, SeedableRng,
    dual::Real,
    model::{
        LaplacePrior, Likelihood, LinearRegression, LinearRegressionLogSigma, LogisticRegression,
        NonlinearRegression, PoissonRegression, Prior, Response, RobustRegression, StudentTPrior,
    },
    noise::Noise,
    noise::rand_core::Rng,
};

/// Posteriors of each model.
const REPLICATES: usize = 400;
/// Draws of each posterior: with the truth 200 numbers.
const DRAWS: usize = 199;
/// Steps between draws: at η = 0.3 the correlation between them is 0.7¹⁶ = 0.003. A smaller step size
/// takes more of them.
const THIN: f32 = 4.8;
const BINS: usize = 20;

/// Of 19 degrees of freedom, alpha = 1e-3: P(χ² > 43.82). With 18 parameters a test that is right fails
/// once in 56 choices of the seed; the seed is fixed.
const CHI_SQUARE: f64 = 43.82;

/// What is random in the world outside.
struct World {
    noise: BoxMuller<Pcg32>,
}

impl World {
    fn normal(&mut self) -> f32 {
        let mut z = [0.0];
        self.noise.fill(&mut z).unwrap();
        z[0]
    }

    /// In (0, 1).
    fn uniform(&mut self) -> f32 {
        (self.noise.rng_mut().next_u32() >> 8) as f32 / 16_777_216.0 + 1e-8
    }

    fn laplace(&mut self) -> f32 {
        let size = -self.uniform().ln();
        if self.uniform() < 0.5 { size } else { -size }
    }

    /// Student's t: a normal over the root of a mean of squares.
    fn student(&mut self, degrees: u32) -> f32 {
        let squares: f32 = (0..degrees).map(|_| self.normal().powi(2)).sum();
        self.normal() / (squares / degrees as f32).sqrt()
    }

    /// By multiplication of uniforms (Knuth).
    fn poisson(&mut self, rate: f32) -> f32 {
        let (limit, mut product, mut count) = (f64::from(-rate).exp(), 1.0, -1.0);
        while product > limit {
            product *= f64::from(self.uniform());
            count += 1.0;
        }
        count
    }
}

/// What all models and parameters came to.
#[derive(Default)]
struct Outcome {
    failures: Vec<String>,
    /// For each replicate, which part of its parameters lies in each interval.
    covered: Vec<[f64; 3]>,
}

/// The intervals' probabilities, of which the ranks are exact: 0 to 199 for 199 draws.
const INTERVALS: [f64; 3] = [0.5, 0.9, 0.95];

impl Outcome {
    /// `truth` draws θ from the prior, `response` an observation's y from θ and x.
    fn calibrate<const N: usize, const D: usize, P: Prior<N>, L: Likelihood<Sample<D>, N>>(
        &mut self,
        name: &str,
        model: &Model<P, L>,
        observations: usize,
        mut truth: impl FnMut(&mut World) -> [f32; N],
        mut response: impl FnMut(&mut World, &[f32; N], &[f32; D]) -> f32,
    ) {
        let seed = name.bytes().map(u64::from).sum();
        let mut world = World {
            noise: BoxMuller::new(Pcg32::seed_from_u64(seed)),
        };
        let mut histogram = [[0.0; BINS]; N];
        for replicate in 0..REPLICATES as u64 {
            let theta = truth(&mut world);
            let data: Vec<Sample<D>> = (0..observations)
                .map(|_| {
                    // An intercept, and regressors about 0.
                    let x = std::array::from_fn(|i| if i == 0 { 1.0 } else { world.normal() });
                    let y = response(&mut world, &theta, &x);
                    Sample { x, y }
                })
                .collect();
            let ranks = ranks(model, &data, &theta, replicate);
            let mut covered = [0.0; 3];
            for (histogram, rank) in histogram.iter_mut().zip(ranks) {
                histogram[rank * BINS / (DRAWS + 1)] += 1.0;
                for (c, p) in covered.iter_mut().zip(INTERVALS) {
                    let inside = (rank as f64 - 99.5).abs() < 100.0 * p;
                    *c += f64::from(u8::from(inside)) / N as f64;
                }
            }
            self.covered.push(covered);
        }
        for (i, bins) in histogram.iter().enumerate() {
            let expected = REPLICATES as f64 / BINS as f64;
            let chi_square: f64 = bins.iter().map(|b| (b - expected).powi(2) / expected).sum();
            println!("{name:28} parameter {i}: chi-square {chi_square:.1}");
            if chi_square > CHI_SQUARE {
                self.failures
                    .push(format!("{name} {i}: {chi_square}, {bins:?}"));
            }
        }
    }
}

/// How many draws of each parameter are below the truth.
fn ranks<const N: usize, const D: usize, P: Prior<N>, L: Likelihood<Sample<D>, N>>(
    model: &Model<P, L>,
    data: &[Sample<D>],
    theta: &[f32; N],
    seed: u64,
) -> [usize; N] {
    let mut posterior = model.posterior(data);
    let mut sampler = Sampler::new([0.0; N], BoxMuller::new(Pcg32::seed_from_u64(seed)));
    let mut ranks = [0; N];
    let (mut draws, mut wait) = (0, 0);
    while draws < DRAWS {
        let draw = match sampler.step(&mut posterior) {
            Ok(draw) => draw.map(|draw| *draw.position),
            Err(error) => panic!("{error}"),
        };
        let Some(draw) = draw else { continue };
        if wait > 0 {
            wait -= 1;
            continue;
        }
        let eta = sampler.tuning().unwrap().step_size() / data.len() as f32;
        wait = (THIN / eta) as u32;
        draws += 1;
        for ((rank, x), t) in ranks.iter_mut().zip(&draw).zip(theta) {
            *rank += usize::from(x < t);
        }
    }
    ranks
}

/// A line, and a saturating response to the second regressor whose size is e^b.
#[derive(Clone, Copy)]
struct Curve;

impl Response<3> for Curve {
    type Input = [f32; 3];

    fn response<T: Real>(&self, &[a, b, c]: &[T; 3], x: &[f32; 3]) -> T {
        a + b.exp() * Real::tanh(x[1]) + c * x[2]
    }
}

fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Was seen to fail with noise 10 % too large (the 50, 90 and 95 % intervals hold 54, 93 and 97 %, z = 7
/// to 10) and with the Gaussian priors 20 % too narrow in the model (a chi-square of 55, and z = -4.2 at 90 %).
#[test]
#[ignore = "slow: a minute"]
fn ranks_are_uniform_and_intervals_hold_what_they_say() {
    let mut outcome = Outcome::default();
    let gaussian = GaussianPrior::new([0.5; 3], [1.0, 2.0, 0.5]).unwrap();
    let normal = |world: &mut World| [1.0, 2.0, 0.5].map(|sd| 0.5 + sd * world.normal());

    outcome.calibrate(
        "linear regression",
        &Model::new(gaussian, LinearRegression::new(0.7).unwrap()),
        10,
        normal,
        |world, theta, x| dot(theta, x) + 0.7 * world.normal(),
    );
    outcome.calibrate(
        "linear regression, log sigma",
        &Model::new(gaussian, LinearRegressionLogSigma),
        15,
        normal,
        |world, theta, x: &[f32; 2]| {
            theta[0] * x[0] + theta[1] * x[1] + theta[2].exp() * world.normal()
        },
    );
    outcome.calibrate(
        "logistic regression",
        &Model::new(gaussian, LogisticRegression),
        40,
        normal,
        |world, theta, x| {
            let p = 1.0 / (1.0 + (-dot(theta, x)).exp());
            f32::from(u8::from(world.uniform() < p))
        },
    );
    let small = GaussianPrior::new([0.5; 3], [0.5; 3]).unwrap();
    outcome.calibrate(
        "Poisson regression",
        &Model::new(small, PoissonRegression),
        20,
        |world| [0.0; 3].map(|_: f32| 0.5 + 0.5 * world.normal()),
        |world, theta, x| world.poisson(dot(theta, x).exp()),
    );
    let laplace = LaplacePrior::new([0.0; 3], [1.0, 2.0, 0.5]).unwrap();
    outcome.calibrate(
        "robust regression, Laplace",
        &Model::new(laplace, RobustRegression::new(4.0, 0.7).unwrap()),
        20,
        |world| [1.0, 2.0, 0.5].map(|scale| scale * world.laplace()),
        |world, theta, x| dot(theta, x) + 0.7 * world.student(4),
    );
    let student = StudentTPrior::new(5.0, [0.0; 3], [0.5; 3]).unwrap();
    outcome.calibrate(
        "nonlinear regression, Student-t",
        &Model::new(student, NonlinearRegression::new(Curve, 0.5).unwrap()),
        10,
        |world| [0.5; 3].map(|scale| scale * world.student(5)),
        |world, theta, x| Curve.response(theta, x) + 0.5 * world.normal(),
    );
    let four = GaussianPrior::new([0.5; 4], [1.0, 0.5, 1.0, 0.5]).unwrap();
    let normal = |world: &mut World| [1.0, 0.5, 1.0, 0.5].map(|sd| 0.5 + sd * world.normal());
    outcome.calibrate(
        "nonlinear, unknown sigma",
        &Model::new(four, NonlinearRegression::with_unknown_sigma(Curve)),
        15,
        normal,
        |world, &[a, b, c, l], x| Curve.response(&[a, b, c], x) + l.exp() * world.normal(),
    );
    let robust = NonlinearRegression::robust(Curve, 4.0, 0.5).unwrap();
    let small = GaussianPrior::new([0.5; 3], [0.5; 3]).unwrap();
    outcome.calibrate(
        "nonlinear, Student-t errors",
        &Model::new(small, robust),
        15,
        |world| [0.5; 3].map(|sd| 0.5 + sd * world.normal()),
        |world, theta, x| Curve.response(theta, x) + 0.5 * world.student(4),
    );
    let robust = NonlinearRegression::robust_with_unknown_sigma(Curve, 4.0).unwrap();
    outcome.calibrate(
        "nonlinear, Student-t, sigma",
        &Model::new(four, robust),
        20,
        normal,
        |world, &[a, b, c, l], x| Curve.response(&[a, b, c], x) + l.exp() * world.student(4),
    );

    let n = outcome.covered.len() as f64;
    for (i, p) in INTERVALS.into_iter().enumerate() {
        let mean = outcome.covered.iter().map(|c| c[i]).sum::<f64>() / n;
        let variance = outcome
            .covered
            .iter()
            .map(|c| (c[i] - mean).powi(2))
            .sum::<f64>()
            / (n - 1.0);
        let z = (mean - p) / (variance / n).sqrt();
        println!("{p} intervals hold {mean:.4}, z = {z:.2}");
        if z.abs() > 4.0 {
            outcome.failures.push(format!("{p} intervals hold {mean}"));
        }
    }
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
}
