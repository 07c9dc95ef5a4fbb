//! Every prior and likelihood against finite differences of its energy in f64, and far out.

use langevin::{
    GaussianPrior, Model, Pcg32, Potential, Sample, SeedableRng,
    data::Data,
    dual::Real,
    model::{
        Flat, LaplacePrior, Likelihood, LinearRegression, LinearRegressionLogSigma,
        LogisticRegression, NonlinearRegression, PoissonRegression, Prior, Response,
        RobustRegression, StudentTPrior,
    },
    noise::rand_core::Rng,
    potential::Energy,
};

/// Uniform on (−1, 1).
fn uniform(rng: &mut Pcg32) -> f32 {
    rng.next_u32().cast_signed() as f32 / 2_147_483_648.0
}

/// ∂`energy`/∂θᵢ by a five-point stencil, truncation error O(h⁴).
fn slope<const N: usize>(energy: &impl Fn(&[f64; N]) -> f64, theta: &[f64; N], i: usize) -> f64 {
    let h = 1e-3 * (1.0 + theta[i].abs());
    let at = |k: f64| {
        let mut moved = *theta;
        moved[i] += k * h;
        energy(&moved)
    };
    (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h)
}

/// `potential`'s gradient against the slopes of `exact`, and its energy against `exact` up to a
/// constant, at `points`; errors relative to the largest slope.
fn agrees<const N: usize>(
    mut potential: impl Energy<N>,
    exact: impl Fn(&[f64; N]) -> f64,
    points: impl Iterator<Item = [f32; N]>,
) {
    let mut offset = None;
    for theta in points {
        let exact_theta = theta.map(f64::from);
        let mut gradient = [0.0; N];
        potential.gradient(&theta, &mut gradient).unwrap();
        let slopes: [f64; N] = std::array::from_fn(|i| slope(&exact, &exact_theta, i));
        let largest = slopes.iter().fold(1.0_f64, |m, s| m.max(s.abs()));
        for (g, s) in gradient.iter().zip(slopes) {
            let error = (f64::from(*g) - s).abs() / largest;
            assert!(error < 1e-5, "{theta:?}: {gradient:?} for {slopes:?}");
        }
        let (energy, exact) = (
            f64::from(potential.energy(&theta).unwrap()),
            exact(&exact_theta),
        );
        let offset = *offset.get_or_insert(energy - exact);
        let error = (energy - exact - offset).abs() / (1.0 + exact.abs());
        assert!(error < 1e-5, "{theta:?}: {energy} for {exact} + {offset}");
    }
}

/// 200 points of scale 2.
fn points<const N: usize>() -> impl Iterator<Item = [f32; N]> {
    let mut rng = Pcg32::seed_from_u64(7);
    (0..200).map(move |_| std::array::from_fn(|_| 2.0 * uniform(&mut rng)))
}

/// Twelve observations, with `y` from a draw on (−1, 1).
fn samples<const D: usize>(y: impl Fn(f32) -> f32) -> [Sample<D>; 12] {
    let mut rng = Pcg32::seed_from_u64(8);
    std::array::from_fn(|_| Sample {
        x: std::array::from_fn(|_| uniform(&mut rng)),
        y: y(uniform(&mut rng)),
    })
}

fn prior_agrees<const N: usize>(prior: impl Prior<N>, exact: impl Fn(&[f64; N]) -> f64) {
    // No data: the posterior is the prior.
    let model = Model::new(prior, LinearRegression::new(1.0).unwrap());
    let none: [Sample<N>; 0] = [];
    agrees(model.posterior(&none), exact, points());
}

fn likelihood_agrees<const D: usize, const N: usize>(
    likelihood: impl Likelihood<Sample<D>, N>,
    data: [Sample<D>; 12],
    exact: impl Fn(&[f64; D], f64, &[f64; N]) -> f64,
) {
    let model = Model::new(Flat, likelihood);
    let exact = |theta: &[f64; N]| {
        (data.iter())
            .map(|s| exact(&s.x.map(f64::from), f64::from(s.y), theta))
            .sum()
    };
    agrees(model.posterior(&data), exact, points());
}

fn dot(x: &[f64], theta: &[f64]) -> f64 {
    x.iter().zip(theta).map(|(x, t)| x * t).sum()
}

#[test]
fn gaussian_prior() {
    let prior = GaussianPrior::new([0.5, -0.25, 1.0], [1.0, 0.5, 3.0]).unwrap();
    prior_agrees(prior, |[a, b, c]| {
        (a - 0.5).powi(2) / 2.0 + (b + 0.25).powi(2) / 0.5 + (c - 1.0).powi(2) / 18.0
    });
}

#[test]
fn laplace_prior() {
    // Kinks outside the points: a stencil across one is no derivative.
    let prior = LaplacePrior::new([4.0, -3.0], [0.5, 2.0]).unwrap();
    prior_agrees(prior, |[a, b]| {
        (a - 4.0).abs() / 0.5 + (b + 3.0).abs() / 2.0
    });
    let mut gradient = [0.0; 2];
    prior.add_gradient(&[4.0, -3.0], &mut gradient);
    assert_eq!(gradient, [0.0; 2]);
}

#[test]
fn student_t_prior() {
    let prior = StudentTPrior::new(4.0, [0.5, -1.0], [0.5, 2.0]).unwrap();
    prior_agrees(prior, |[a, b]| {
        let part = |z: f64| 2.5 * (z * z / 4.0).ln_1p();
        part((a - 0.5) / 0.5) + part((b + 1.0) / 2.0)
    });
    let cauchy = StudentTPrior::cauchy([0.0], [0.5]).unwrap();
    prior_agrees(cauchy, |[a]| (a * a * 4.0).ln_1p());
}

#[test]
fn product_of_priors() {
    let inf = f32::INFINITY;
    let prior = (
        GaussianPrior::new([1.0, 0.0], [2.0, inf]).unwrap(),
        StudentTPrior::cauchy([0.0, 0.0], [inf, 1.0]).unwrap(),
    );
    prior_agrees(prior, |[a, b]| (a - 1.0).powi(2) / 8.0 + (b * b).ln_1p());
}

#[test]
fn linear_regression() {
    // Every remainder of the four lanes.
    fn holds<const N: usize>() {
        let likelihood = LinearRegression::new(0.5).unwrap();
        likelihood_agrees::<N, N>(likelihood, samples(|u| 3.0 * u), |x, y, theta| {
            (dot(x, theta) - y).powi(2) * 2.0
        });
    }
    holds::<1>();
    holds::<2>();
    holds::<3>();
    holds::<4>();
    holds::<7>();
    holds::<8>();
    holds::<17>();
}

#[test]
fn linear_regression_log_sigma() {
    likelihood_agrees::<2, 3>(
        LinearRegressionLogSigma,
        samples(|u| 3.0 * u),
        |x, y, &[a, b, s]| (dot(x, &[a, b]) - y).powi(2) / (2.0 * (2.0 * s).exp()) + s,
    );
}

/// Chwirut's: y = exp(−b₁x)/(b₂ + b₃x), moved away from its pole.
struct Ratio;

impl Response<3> for Ratio {
    type Input = [f32; 1];

    fn response<T: Real>(&self, b: &[T; 3], x: &[f32; 1]) -> T {
        (b[0] * -x[0]).exp() / (b[1] + 5.0 + b[2] * x[0])
    }
}

#[test]
fn nonlinear_regression() {
    likelihood_agrees::<1, 3>(
        NonlinearRegression::new(Ratio, 0.25).unwrap(),
        samples(|u| u),
        |x, y, b| {
            let f = (-b[0] * x[0]).exp() / (5.0 + b[1] + b[2] * x[0]);
            (f - y).powi(2) * 8.0
        },
    );
}

#[test]
fn logistic_regression() {
    likelihood_agrees::<3, 3>(
        LogisticRegression,
        samples(|u| if u > 0.0 { 1.0 } else { 0.0 }),
        |x, y, theta| {
            let z = dot(x, theta);
            z.exp().ln_1p() - y * z
        },
    );
}

#[test]
fn poisson_regression() {
    likelihood_agrees::<3, 3>(
        PoissonRegression,
        samples(|u| (5.0 + 5.0 * u).floor()),
        |x, y, theta| {
            let z = dot(x, theta);
            z.exp() - y * z
        },
    );
}

#[test]
fn robust_regression() {
    likelihood_agrees::<3, 3>(
        RobustRegression::new(4.0, 0.5).unwrap(),
        samples(|u| 3.0 * u),
        |x, y, theta| 2.5 * (((dot(x, theta) - y) / 0.5).powi(2) / 4.0).ln_1p(),
    );
}

/// Linear predictors from tiny to far beyond what a chain should see.
#[test]
fn finite_at_extremes() {
    fn holds<L: Likelihood<Sample<1>, 1>>(likelihood: L, y: f32) {
        let model = Model::new(Flat, likelihood);
        let data = [Sample { x: [1.0], y }];
        for z in [0.0, 1e-30, 1.0, 30.0, 90.0, 100.0, 1e4, 1e10] {
            for z in [z, -z] {
                let mut posterior = model.posterior(&data);
                let mut gradient = [f32::NAN];
                posterior.gradient(&[z], &mut gradient).unwrap();
                let energy = posterior.energy(&[z]).unwrap();
                assert!(gradient[0].is_finite() && energy.is_finite(), "{z}");
            }
        }
    }
    for y in [0.0, 1.0] {
        holds(LogisticRegression, y);
        holds(PoissonRegression, y);
        holds(LinearRegression::new(1.0).unwrap(), y);
        holds(RobustRegression::new(1.0, 1.0).unwrap(), y);
    }
    // The logistic values themselves, at ±100.
    let model = Model::new(Flat, LogisticRegression);
    for (x, y, slope, energy) in [
        (100.0, 0.0, 100.0, 100.0),
        (100.0, 1.0, 0.0, 0.0),
        (-100.0, 0.0, 0.0, 0.0),
        (-100.0, 1.0, 100.0, 100.0),
    ] {
        let data = [Sample { x: [x], y }];
        let mut gradient = [0.0];
        model
            .posterior(&data)
            .gradient(&[1.0], &mut gradient)
            .unwrap();
        // Right and sure: e^−100 and the like, not 0.
        assert!((gradient[0] - slope).abs() < 1e-35);
        let error = model.posterior(&data).energy(&[1.0]).unwrap() - energy;
        assert!((0.0..1e-40).contains(&error), "{error}");
    }
}

#[test]
fn constructors_refuse_what_makes_no_sense() {
    for bad in [0.0, -1.0, f32::NAN, 1e-30] {
        assert!(GaussianPrior::new([0.0], [bad]).is_err());
        assert!(LaplacePrior::new([0.0], [bad]).is_err());
        assert!(StudentTPrior::cauchy([0.0], [bad]).is_err());
        assert!(LinearRegression::new(bad).is_err());
        assert!(RobustRegression::new(4.0, bad).is_err());
        assert!(NonlinearRegression::new(Ratio, bad).is_err());
        assert!(NonlinearRegression::robust(Ratio, 4.0, bad).is_err());
        assert!(NonlinearRegression::robust(Ratio, bad, 1.0).is_err());
        assert!(NonlinearRegression::robust_with_unknown_sigma(Ratio, bad).is_err());
    }
    assert!(LinearRegression::new(f32::INFINITY).is_err());
    assert!(GaussianPrior::new([f32::NAN], [1.0]).is_err());
    assert!(GaussianPrior::new([0.0, f32::INFINITY], [1.0; 2]).is_err());
}

#[test]
fn posterior_sums_over_weighted_data() {
    let model = Model::new(Flat, LinearRegression::new(1.0).unwrap());
    let mut window: langevin::Window<Sample<1>, 4> = langevin::Window::forgetting(2.0).unwrap();
    for y in [9.0, 4.0, 2.0, 1.0, 3.0] {
        window.push(Sample { x: [1.0], y }).unwrap();
    }
    let mut posterior = model.posterior(&window);
    let mut gradient = [0.0];
    posterior.gradient(&[0.0], &mut gradient).unwrap();
    assert_eq!(gradient, [-(3.0 + 0.5 + 0.5 + 0.5)]);
    assert_eq!(
        posterior.energy(&[0.0]),
        Ok(0.5 * (9.0 + 0.5 + 1.0 + 16.0 / 8.0))
    );
    assert_eq!(Potential::number_of_data(&posterior), window.total_weight());
}
