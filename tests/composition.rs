//! Models that are composed: two instruments, parts of θ, readings with their own standard deviation, correlated priors,
//! and yesterday's posterior as today's prior; against closed forms in f64, or against all data at once.
//!
//! Leimkuhler–Matthews at curvature 1 and η = 1 samples a Gaussian exactly, with a correlation of ½ between successive
//! draws and 0 beyond: 800 000 steps are worth 400 000 draws for a mean and 530 000 for a variance, standard errors
//! of 0.0016 sd and 0.1 %. The bounds, 0.01 sd and 1 %, are six and ten of them.

use langevin::{
    BoxMuller, Chain, GaussianPrior, Model, Pcg32, Potential, Sample, SeedableRng,
    data::Measurement,
    dual::Real,
    estimate::Covariance,
    model::{Flat, LinearRegression, MultivariateGaussianPrior, NonlinearRegression, Response},
    noise::Noise,
    potential::{ByRef, Part},
    preconditioner::Dense,
    schedule::Constant,
    stepper::{LeimkuhlerMatthews, Preconditioned},
};

/// Step size and steps for a linear model, and for one that is not.
const EXACTLY: (f32, u32) = (1.0, 800_000);
const CURVED: (f32, u32) = (0.5, 200_000);

type Matrix<const N: usize> = [[f64; N]; N];

/// The posterior of a linear Gaussian model: information matrix and vector.
#[derive(Clone, Copy)]
struct Exact<const N: usize> {
    matrix: Matrix<N>,
    vector: [f64; N],
}

impl<const N: usize> Exact<N> {
    /// From a prior of this mean and precision.
    fn new(mean: [f64; N], precision: Matrix<N>) -> Self {
        let vector = precision.map(|row| row.iter().zip(mean).map(|(p, m)| p * m).sum());
        Self {
            matrix: precision,
            vector,
        }
    }

    fn add(&mut self, x: [f32; N], y: f32, sd: f32) {
        let (x, y, weight) = (x.map(f64::from), f64::from(y), f64::from(sd).powi(-2));
        for i in 0..N {
            for j in 0..N {
                self.matrix[i][j] += weight * x[i] * x[j];
            }
            self.vector[i] += weight * x[i] * y;
        }
    }

    /// Mean and covariance.
    fn posterior(&self) -> ([f64; N], Matrix<N>) {
        let covariance = inverse(self.matrix);
        let mean = covariance.map(|row| row.iter().zip(self.vector).map(|(c, v)| c * v).sum());
        (mean, covariance)
    }
}

/// By Gauss and Jordan; positive definite matrices need no pivots.
fn inverse<const N: usize>(mut a: Matrix<N>) -> Matrix<N> {
    let mut b = diagonal([1.0; N]);
    for i in 0..N {
        let pivot = a[i][i];
        a[i] = a[i].map(|x| x / pivot);
        b[i] = b[i].map(|x| x / pivot);
        for j in (0..N).filter(|j| *j != i) {
            let f = a[j][i];
            for k in 0..N {
                a[j][k] -= f * a[i][k];
                b[j][k] -= f * b[i][k];
            }
        }
    }
    b
}

fn diagonal<const N: usize>(of: [f64; N]) -> Matrix<N> {
    std::array::from_fn(|i| std::array::from_fn(|j| if i == j { of[i] } else { 0.0 }))
}

/// Draws of a posterior of about this mean and covariance.
fn sample<const N: usize>(
    potential: &mut impl Potential<N>,
    (mean, covariance): ([f64; N], Matrix<N>),
    (eta, steps): (f32, u32),
    seed: u64,
) -> Covariance<N> {
    let covariance = covariance.map(|row| row.map(|c| c as f32));
    let stepper = Preconditioned::new(
        LeimkuhlerMatthews::new(),
        Dense::from_covariance(&covariance).unwrap(),
    );
    // The schedule divides by the number of data.
    let schedule = Constant::new(eta * potential.number_of_data().max(1.0)).unwrap();
    let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
    let mut chain = Chain::new(mean.map(|m| m as f32), stepper, schedule, noise).burn_in(100);
    let mut draws = Covariance::new();
    for _ in 0..steps {
        if let Some(theta) = chain.step(potential).unwrap() {
            draws.push(theta);
        }
    }
    draws
}

fn agrees<const N: usize>(
    name: &str,
    draws: &Covariance<N>,
    mean: [f64; N],
    sd: [f64; N],
    bounds: [f64; 2],
) {
    let (seen_mean, seen_sd) = (
        draws.moments().mean().unwrap(),
        draws.moments().sd().unwrap(),
    );
    for i in 0..N {
        let z = (f64::from(seen_mean[i]) - mean[i]) / sd[i];
        let ratio = f64::from(seen_sd[i]) / sd[i];
        println!("{name} {i}: mean off by {z:+.4} sd, sd ratio {ratio:.4}");
        assert!(z.abs() < bounds[0] && (ratio - 1.0).abs() < bounds[1]);
    }
}

/// Against the closed form: means within 0.01 sd, sds within 1 %.
fn is_exact<const N: usize>(name: &str, potential: &mut impl Potential<N>, exact: &Exact<N>) {
    let (mean, covariance) = exact.posterior();
    let draws = sample(potential, (mean, covariance), EXACTLY, 7);
    let sd = std::array::from_fn(|i| covariance[i][i].sqrt());
    agrees(name, &draws, mean, sd, [0.01, 0.01]);
}

/// Standard normals.
struct World(BoxMuller<Pcg32>);

impl World {
    fn new(seed: u64) -> Self {
        Self(BoxMuller::new(Pcg32::seed_from_u64(seed)))
    }

    fn normal(&mut self) -> f32 {
        let mut z = [0.0];
        self.0.fill(&mut z).unwrap();
        z[0]
    }
}

/// Readings of the line 1 − 2x.
fn line(world: &mut World, n: usize, sd: f32) -> Vec<Sample<2>> {
    (0..n)
        .map(|i| {
            let x = (i as f32 * 0.618).fract() * 2.0 - 1.0;
            let y = 1.0 - 2.0 * x + sd * world.normal();
            Sample { x: [1.0, x], y }
        })
        .collect()
}

#[test]
fn two_instruments_of_different_noise() {
    let mut world = World::new(1);
    let (precise, coarse) = (line(&mut world, 4, 0.2), line(&mut world, 60, 1.5));
    let prior = GaussianPrior::new([0.5, 0.0], [2.0, 3.0]).unwrap();
    let first = Model::new(prior, LinearRegression::new(0.2).unwrap());
    let second = Model::new(Flat, LinearRegression::new(1.5).unwrap());
    let mut exact = Exact::new([0.5, 0.0], diagonal([0.25, 1.0 / 9.0]));
    for (data, sd) in [(&precise, 0.2), (&coarse, 1.5)] {
        for s in data {
            exact.add(s.x, s.y, sd);
        }
    }
    let mut both = (first.posterior(&precise[..]), second.posterior(&coarse[..]));
    assert_eq!(Potential::<2>::number_of_data(&both), 64.0);
    is_exact("fusion", &mut both, &exact);

    // Lent, the same gradient.
    let theta = [0.3, -1.0];
    let (mut gradient, mut lent) = ([0.0; 2], [0.0; 2]);
    both.gradient(&theta, &mut gradient).unwrap();
    let (a, b) = (&mut both.0, &mut both.1);
    (ByRef(a), ByRef(b)).gradient(&theta, &mut lent).unwrap();
    assert_eq!(gradient, lent);
}

/// Two instruments with an offset each, of one slope: θ = [offset, offset, slope].
#[test]
fn parts_of_the_parameters() {
    let mut world = World::new(2);
    let (left, right) = (line(&mut world, 10, 0.3), line(&mut world, 20, 0.6));
    let prior = GaussianPrior::new([0.0; 3], [3.0; 3]).unwrap();
    let first = Model::new(Flat, LinearRegression::new(0.3).unwrap());
    let second = Model::new(Flat, LinearRegression::new(0.6).unwrap());
    let mut exact = Exact::new([0.0; 3], diagonal([1.0 / 9.0; 3]));
    for s in &left {
        exact.add([1.0, 0.0, s.x[1]], s.y, 0.3);
    }
    for s in &right {
        exact.add([0.0, 1.0, s.x[1]], s.y, 0.6);
    }
    // Without data a posterior is its prior.
    let none: [Sample<3>; 0] = [];
    let prior = Model::new(prior, LinearRegression::new(1.0).unwrap());
    let mut whole = (
        prior.posterior(&none),
        (
            Part::new(first.posterior(&left[..]), [0, 2]).unwrap(),
            Part::new(second.posterior(&right[..]), [1, 2]).unwrap(),
        ),
    );
    assert_eq!(Potential::<3>::number_of_data(&whole), 30.0);
    is_exact("parts", &mut whole, &exact);
    for bad in [[0, 0], [0, 3]] {
        assert!(Part::<_, 3, 2>::new(first.posterior(&left[..]), bad).is_err());
    }
}

#[test]
fn readings_with_their_own_sd_and_a_correlated_prior() {
    let mut world = World::new(3);
    let data: Vec<_> = (0..40)
        .map(|i| {
            let sd = 0.1 * 1.1_f32.powi(i);
            let x = [1.0, (i as f32 * 0.618).fract() * 2.0 - 1.0];
            let y = 1.0 - 2.0 * x[1] + sd * world.normal();
            Measurement { x, y, sd }
        })
        .collect();
    let covariance = [[0.04, -0.03], [-0.03, 0.09]];
    let prior = MultivariateGaussianPrior::from_covariance([1.2, -2.3], &covariance).unwrap();
    let precision = inverse(covariance.map(|row| row.map(f64::from)));
    let mut exact = Exact::new([1.2_f32, -2.3].map(f64::from), precision);
    for m in &data {
        exact.add(m.x, m.y, m.sd);
    }
    let model = Model::new(prior, LinearRegression::new(1.0).unwrap());
    is_exact("own sd", &mut model.posterior(&data[..]), &exact);

    // As a response: the same.
    struct Line;
    impl Response<2> for Line {
        type Input = [f32; 2];
        fn response<T: Real>(&self, &[a, b]: &[T; 2], x: &[f32; 2]) -> T {
            a * x[0] + b * x[1]
        }
    }
    let model = Model::new(prior, NonlinearRegression::new(Line, 1.0).unwrap());
    is_exact("own sd, response", &mut model.posterior(&data[..]), &exact);
}

/// The posterior of each of ten days is the next day's prior; in the end it is that of all data at once.
#[test]
fn ten_days_linear() {
    let mut world = World::new(4);
    let start = [[1.0, 0.2], [0.2, 2.0]];
    let mut prior = MultivariateGaussianPrior::from_covariance([0.0; 2], &start).unwrap();
    let mut exact = Exact::new([0.0; 2], inverse(start.map(|row| row.map(f64::from))));
    for day in 0..10 {
        let data = line(&mut world, 6, 0.5);
        for s in &data {
            exact.add(s.x, s.y, 0.5);
        }
        let model = Model::new(prior, LinearRegression::new(0.5).unwrap());
        let (mean, covariance) = exact.posterior();
        let draws = sample(
            &mut model.posterior(&data[..]),
            (mean, covariance),
            EXACTLY,
            day + 10,
        );
        let sd = std::array::from_fn(|i| covariance[i][i].sqrt());
        agrees(&format!("day {day}"), &draws, mean, sd, [0.01, 0.01]);
        prior = MultivariateGaussianPrior::from_estimate(&draws).unwrap();
    }
}

/// Ambient + excess·exp(−t/τ).
struct Cooling;

impl Response<3> for Cooling {
    type Input = f32;
    fn response<T: Real>(&self, &[ambient, excess, log_tau]: &[T; 3], t: &f32) -> T {
        ambient + excess * (log_tau.exp().recip() * -*t).exp()
    }
}

/// The same for a cooling curve: within 0.05 sd and 3 % of all data at once.
#[test]
fn ten_days_cooling() {
    let mut world = World::new(5);
    let truth = [20.0, 60.0, 1.2];
    let prior = GaussianPrior::new([18.0, 65.0, 1.0], [5.0, 20.0, 0.5]).unwrap();
    let days: [Vec<_>; 10] = std::array::from_fn(|_| {
        (0..12)
            .map(|i| {
                let x = i as f32 * 0.8;
                let y = Cooling.response(&truth, &x) + 0.5 * world.normal();
                Measurement { x, y, sd: 1.0 }
            })
            .collect()
    });
    let likelihood = || NonlinearRegression::new(Cooling, 0.5).unwrap();
    // About the covariance, by the curvature at the truth.
    let about = |days: &[Vec<Measurement<f32>>]| {
        let mut exact = Exact::new([0.0; 3], diagonal([0.04, 0.0025, 4.0]));
        for m in days.iter().flatten() {
            let (_, slopes) = Cooling.with_derivatives(&truth)(&m.x);
            exact.add(slopes, 0.0, 0.5);
        }
        (truth.map(f64::from), exact.posterior().1)
    };
    let all: Vec<_> = days.iter().flatten().copied().collect();
    let model = Model::new(prior, likelihood());
    let whole = sample(&mut model.posterior(&all[..]), about(&days), CURVED, 3);

    let mut draws = sample(
        &mut model.posterior(&days[0][..]),
        about(&days[..1]),
        CURVED,
        4,
    );
    for day in 1..10 {
        let prior = MultivariateGaussianPrior::from_estimate(&draws).unwrap();
        let model = Model::new(prior, likelihood());
        let covariance = about(&days[..=day]);
        draws = sample(
            &mut model.posterior(&days[day][..]),
            covariance,
            CURVED,
            day as u64 + 5,
        );
    }
    let mean = whole.moments().mean().unwrap().map(f64::from);
    let sd = whole.moments().sd().unwrap().map(f64::from);
    agrees("cooling", &draws, mean, sd, [0.05, 0.03]);
}
