//! Derivatives by dual numbers: against f64 finite differences over hostile arguments, with the bits of `f32` alone as
//! value, and against every gradient that the crate has by hand.

use langevin::{
    GaussianPrior, Model, Potential, Sample,
    data::Measurement,
    dual::{Differentiated, Dual, Formula, ObservationFormula, Real},
    model::{
        Flat, GeneralizedLinear, LaplacePrior, Likelihood, LinearRegression,
        LinearRegressionLogSigma, LogisticRegression, MultivariateGaussianPrior,
        NonlinearRegression, PoissonRegression, Prior, Response, RobustRegression, StudentTPrior,
    },
    potential::{Energy, check_gradient, check_symmetry},
};
use proptest::{prelude::*, test_runner::RngSeed};

/// A function of two numbers in both arithmetics, and where it is defined.
struct Case {
    name: &'static str,
    dual: fn([Dual<2>; 2]) -> Dual<2>,
    float: fn([f32; 2]) -> f32,
    exact: fn([f64; 2]) -> f64,
    /// Brings any two numbers to where the function is smooth.
    domain: fn([f32; 2]) -> [f32; 2],
}

macro_rules! case {
    ($name:literal, |$x:ident, $y:ident| $formula:expr, |$a:ident, $b:ident| $exact:expr, |$p:ident, $q:ident| $domain:expr) => {
        Case {
            name: $name,
            dual: |[$x, $y]| {
                let _ = $y;
                $formula
            },
            float: |[$x, $y]| {
                // As in a generic function: without the methods of std.
                fn generic<T: Real>($x: T, $y: T) -> T {
                    let _ = $y;
                    $formula
                }
                generic($x, $y)
            },
            exact: |[$a, $b]| {
                let _ = $b;
                $exact
            },
            domain: |[$p, $q]| $domain,
        }
    };
}

/// Into ±bound.
fn within(x: f32, bound: f32) -> f32 {
    x % bound
}

/// Positive and neither tiny nor huge.
fn positive(x: f32) -> f32 {
    (x % 6.0).exp()
}

fn cases() -> Vec<Case> {
    vec![
        case!("add", |x, y| x + y, |a, b| a + b, |p, q| [p, q]),
        case!("subtract", |x, y| x - y, |a, b| a - b, |p, q| [p, q]),
        case!("multiply", |x, y| x * y, |a, b| a * b, |p, q| [p, q]),
        case!("divide", |x, y| x / y, |a, b| a / b, |p, q| [
            p,
            positive(q)
        ]),
        case!("negate", |x, y| -x, |a, b| -a, |p, q| [p, q]),
        case!(
            "with floats",
            |x, y| (x * 2.5 - 1.0) / 3.0 + 0.5,
            |a, b| (a * 2.5 - 1.0) / 3.0 + 0.5,
            |p, q| [p, q]
        ),
        case!("recip", |x, y| x.recip(), |a, b| 1.0 / a, |p, q| [
            -positive(p),
            q
        ]),
        case!("powi", |x, y| x.powi(5), |a, b| a.powi(5), |p, q| [
            within(p, 50.0),
            q
        ]),
        case!(
            "powi below",
            |x, y| x.powi(-3),
            |a, b| a.powi(-3),
            |p, q| [positive(within(p, 5.0)), q]
        ),
        case!(
            "powf",
            |x, y| x.powf(1.7),
            |a, b| a.powf(f64::from(1.7_f32)),
            |p, q| [positive(p), q]
        ),
        case!("pow", |x, y| x.pow(y), |a, b| a.powf(b), |p, q| [
            positive(within(p, 5.0)),
            within(q, 4.0)
        ]),
        case!("exp", |x, y| x.exp(), |a, b| a.exp(), |p, q| [
            within(p, 80.0),
            q
        ]),
        case!("exp_m1", |x, y| x.exp_m1(), |a, b| a.exp_m1(), |p, q| [
            within(p, 80.0),
            q
        ]),
        case!("ln", |x, y| x.ln(), |a, b| a.ln(), |p, q| [positive(p), q]),
        case!("ln_1p", |x, y| x.ln_1p(), |a, b| a.ln_1p(), |p, q| [
            positive(p),
            q
        ]),
        case!("sqrt", |x, y| x.sqrt(), |a, b| a.sqrt(), |p, q| [
            positive(p),
            q
        ]),
        case!("sin", |x, y| x.sin(), |a, b| a.sin(), |p, q| [
            within(p, 1e5),
            q
        ]),
        case!("cos", |x, y| x.cos(), |a, b| a.cos(), |p, q| [
            within(p, 1e5),
            q
        ]),
        case!("tan", |x, y| x.tan(), |a, b| a.tan(), |p, q| [
            within(p, 1.4),
            q
        ]),
        case!("atan2", |x, y| x.atan2(y), |a, b| a.atan2(b), |p, q| [
            within(p, 1e6),
            positive(q)
        ]),
        case!("tanh", |x, y| x.tanh(), |a, b| a.tanh(), |p, q| [
            within(p, 8.0),
            q
        ]),
        case!("hypot", |x, y| x.hypot(y), |a, b| a.hypot(b), |p, q| [
            p,
            positive(q)
        ]),
        case!("abs", |x, y| x.abs(), |a, b| a.abs(), |p, q| [
            if p.abs() < 1e-3 { 1.0 } else { p },
            q
        ]),
        case!(
            "min",
            |x, y| x.min(y * 0.5),
            |a, b| a.min(b * 0.5),
            |p, q| if (p - 0.5 * q).abs() < 1e-2 * (1.0 + p.abs()) {
                [1.0, 0.0]
            } else {
                [p, q]
            }
        ),
        case!(
            "max",
            |x, y| x.max(y * 0.5),
            |a, b| a.max(b * 0.5),
            |p, q| if (p - 0.5 * q).abs() < 1e-2 * (1.0 + p.abs()) {
                [1.0, 0.0]
            } else {
                [p, q]
            }
        ),
        case!(
            "a decay",
            |x, y| x * (-(y * 0.3)).exp() + (x - y) * (x - y),
            |a, b| a * (-(b * f64::from(0.3_f32))).exp() + (a - b).powi(2),
            |p, q| [within(p, 1e3), within(q, 1e2)]
        ),
    ]
}

/// ∂f/∂xᵢ by a five-point stencil in f64.
fn slope<const N: usize>(f: impl Fn([f64; N]) -> f64, at: [f64; N], i: usize) -> f64 {
    let h = 1e-4 * at[i].abs().clamp(2e-3, 1.0);
    let moved = |k: f64| {
        let mut moved = at;
        moved[i] += k * h;
        f(moved)
    };
    (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / (12.0 * h)
}

/// Ordinary, large, tiny, or any magnitude.
fn hostile() -> impl Strategy<Value = f32> {
    prop_oneof![
        -4.0_f32..4.0,
        -1e4_f32..1e4,
        (-1.0_f32..1.0).prop_map(|x| x * 1e-6),
        Just(0.0),
        Just(1.0),
        (-1.0_f32..1.0, -12..8).prop_map(|(x, e)| x * 10.0_f32.powi(e)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn functions_have_their_derivatives(x in hostile(), y in hostile()) {
        for case in cases() {
            let at = (case.domain)([x, y]);
            let exact_at = at.map(f64::from);
            let d = (case.dual)(Dual::variables(&at));
            prop_assert_eq!(d.value.to_bits(), (case.float)(at).to_bits(), "{} {:?}", case.name, at);
            for i in 0..2 {
                let exact = slope(case.exact, exact_at, i);
                // Of sums the terms may cancel, and angles and exponents lose what their argument is rounded by.
                let scale = exact.abs() + 1e-3 * (case.exact)(exact_at).abs() / exact_at[i].abs().max(1e-3);
                let error = (f64::from(d.gradient[i]) - exact).abs();
                prop_assert!(
                    error <= 1e-5 * scale + 3e-7 + 1e-9 * exact_at[i].abs() + 1e-11 * (case.exact)(exact_at).abs(),
                    "{} {:?}: {:?}, {}", case.name, at, d, exact
                );
            }
        }
    }

    #[test]
    fn nothing_panics_and_values_are_those_of_floats(x in any::<f32>(), y in any::<f32>()) {
        for case in cases() {
            let d = (case.dual)(Dual::variables(&[x, y]));
            let value = (case.float)([x, y]);
            prop_assert!(d.value.to_bits() == value.to_bits() || d.value.is_nan() && value.is_nan(), "{} {x} {y}", case.name);
        }
    }
}

// Every shipped model as a formula.

/// The density of errors or responses y given the predictor z.
trait Law {
    fn energy<T: Real>(&self, z: T, y: f32) -> T;
}

struct Normal(f32);
struct StudentT(f32, f32);
struct Bernoulli;
struct Counts;

impl Law for Normal {
    fn energy<T: Real>(&self, z: T, y: f32) -> T {
        ((z - y) / self.0).powi(2) * 0.5
    }
}
impl Law for StudentT {
    fn energy<T: Real>(&self, z: T, y: f32) -> T {
        (((z - y) / self.1).powi(2) / self.0).ln_1p() * (0.5 * (self.0 + 1.0))
    }
}
impl Law for Bernoulli {
    fn energy<T: Real>(&self, z: T, y: f32) -> T {
        z.exp().ln_1p() - z * y
    }
}
impl Law for Counts {
    fn energy<T: Real>(&self, z: T, y: f32) -> T {
        z.exp() - z * y
    }
}

struct Linear<L>(L);

impl<const N: usize, L: Law> ObservationFormula<Sample<N>, N> for Linear<L> {
    fn negative_log_density<T: Real>(&self, theta: &[T; N], Sample { x, y }: &Sample<N>) -> T {
        self.0
            .energy(theta.iter().zip(x).map(|(t, x)| *t * *x).sum(), *y)
    }
}

struct LogSigma;

impl ObservationFormula<Sample<2>, 3> for LogSigma {
    fn negative_log_density<T: Real>(&self, &[a, b, l]: &[T; 3], Sample { x, y }: &Sample<2>) -> T {
        let r = (a * x[0] + b * x[1] - *y) * (-l).exp();
        r * r * 0.5 + l
    }
}

/// A response with every kind of parameter.
#[derive(Clone, Copy)]
struct Curve;

impl Response<3> for Curve {
    type Input = [f32; 2];
    fn response<T: Real>(&self, &[a, b, c]: &[T; 3], x: &[f32; 2]) -> T {
        a * (b * -x[0]).exp() + (c * x[1]).tanh()
    }
}

/// What a nonlinear regression is, from its definition; with unknown σ when there is a parameter more.
struct Nonlinear<L>(L);

impl<L: Law> ObservationFormula<Measurement<[f32; 2]>, 3> for Nonlinear<L> {
    fn negative_log_density<T: Real>(&self, theta: &[T; 3], m: &Measurement<[f32; 2]>) -> T {
        let error = (Curve.response(theta, &m.x) - m.y) / m.sd;
        self.0.energy(error, 0.0)
    }
}

impl<L: Law> ObservationFormula<Measurement<[f32; 2]>, 4> for Nonlinear<L> {
    fn negative_log_density<T: Real>(
        &self,
        &[a, b, c, l]: &[T; 4],
        m: &Measurement<[f32; 2]>,
    ) -> T {
        let error = (Curve.response(&[a, b, c], &m.x) - m.y) / m.sd;
        self.0.energy(error * (-l).exp(), 0.0) + l
    }
}

/// The two gradients within rounding: relatively to the sum of the terms' sizes.
fn same_likelihood<O, const N: usize>(
    name: &str,
    by_hand: &impl Likelihood<O, N>,
    formula: impl ObservationFormula<O, N>,
    theta: &[f32; N],
    data: &[O],
) -> Result<(), TestCaseError> {
    let formula = Differentiated(formula);
    let (mut hand, mut dual, mut size) = ([0.0; N], [0.0; N], [1e-6_f32; N]);
    for observation in data {
        let mut term = [0.0; N];
        by_hand.add_gradient(theta, observation, 0.75, &mut hand);
        formula.add_gradient(theta, observation, 0.75, &mut dual);
        formula.add_gradient(theta, observation, 0.75, &mut term);
        for (s, t) in size.iter_mut().zip(term) {
            *s += t.abs();
        }
        let energies = [
            by_hand.negative_log_density(theta, observation),
            formula.negative_log_density(theta, observation),
        ];
        let error = (energies[0] - energies[1]).abs();
        prop_assert!(
            error <= 1e-5 * (1.0 + energies[0].abs()),
            "{name} {theta:?} {energies:?}"
        );
    }
    for i in 0..N {
        let error = (hand[i] - dual[i]).abs();
        prop_assert!(
            error <= 2e-5 * size[i],
            "{name} {theta:?}: {hand:?} {dual:?}"
        );
    }
    Ok(())
}

struct PriorFormula<L>(L, [f32; 2], [f32; 2]);

impl<L: Law> Formula<2> for PriorFormula<L> {
    fn evaluate<T: Real>(&self, theta: &[T; 2]) -> T {
        let Self(law, m, s) = self;
        law.energy((theta[0] - m[0]) / s[0], 0.0) + law.energy((theta[1] - m[1]) / s[1], 0.0)
    }
}

struct Laplace;

impl Law for Laplace {
    fn energy<T: Real>(&self, z: T, y: f32) -> T {
        (z - y).abs()
    }
}

struct Correlated;

impl Formula<2> for Correlated {
    fn evaluate<T: Real>(&self, &[a, b]: &[T; 2]) -> T {
        // Σ = [[2, 1], [1, 1]], Σ⁻¹ = [[1, −1], [−1, 2]].
        let (x, y) = (a - 0.5, b + 1.0);
        (x * x - x * y * 2.0 + y * y * 2.0) * 0.5
    }
}

fn same_prior(
    name: &str,
    prior: &impl Prior<2>,
    formula: impl Formula<2>,
    theta: &[f32; 2],
) -> Result<(), TestCaseError> {
    let formula = Differentiated(formula);
    let (mut hand, mut dual) = ([0.0; 2], [0.0; 2]);
    prior.add_gradient(theta, &mut hand);
    Prior::add_gradient(&formula, theta, &mut dual);
    for (h, d) in hand.iter().zip(dual) {
        let size = 1.0 + h.abs() + theta[0].abs() + theta[1].abs();
        prop_assert!(
            (h - d).abs() <= 2e-5 * size,
            "{name} {theta:?}: {hand:?} {dual:?}"
        );
    }
    Ok(())
}

/// Regressors and errors of the scale of 1, as data are that were centred and scaled.
fn samples() -> [Sample<2>; 6] {
    std::array::from_fn(|i| Sample {
        x: [1.0, (i as f32 * 0.618).fract() * 2.0 - 1.0],
        y: f32::from(u8::from(i % 3 == 0)),
    })
}

fn measurements() -> [Measurement<[f32; 2]>; 6] {
    samples().map(|Sample { x, y }| Measurement {
        x,
        y,
        sd: 0.5 + 0.25 * x[1],
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn shipped_models_have_the_gradients_of_their_formulas(a in hostile(), b in hostile(), c in -5.0_f32..5.0, l in -3.0_f32..3.0) {
        let data = samples();
        let theta = [a, b];
        same_likelihood("linear", &LinearRegression::new(0.5).unwrap(), Linear(Normal(0.5)), &theta, &data)?;
        same_likelihood("robust", &RobustRegression::new(4.0, 0.5).unwrap(), Linear(StudentT(4.0, 0.5)), &theta, &data)?;
        // Where the exponentials of the formula do not overflow.
        let small = [within(a, 20.0), within(b, 20.0)];
        same_likelihood("logistic", &LogisticRegression, Linear(Bernoulli), &small, &data)?;
        same_likelihood("Poisson", &PoissonRegression, Linear(Counts), &small, &data)?;
        same_likelihood("log sigma", &LinearRegressionLogSigma, LogSigma, &[a, b, l], &data)?;

        let data = measurements();
        let curve = [within(a, 100.0), within(b, 5.0), c];
        let with_sigma = [curve[0], curve[1], curve[2], l];
        same_likelihood("nonlinear", &NonlinearRegression::new(Curve, 0.5).unwrap(), Nonlinear(Normal(0.5)), &curve, &data)?;
        same_likelihood("nonlinear robust", &NonlinearRegression::robust(Curve, 4.0, 0.5).unwrap(), Nonlinear(StudentT(4.0, 0.5)), &curve, &data)?;
        same_likelihood("unknown sigma", &NonlinearRegression::with_unknown_sigma(Curve), Nonlinear(Normal(1.0)), &with_sigma, &data)?;
        same_likelihood("robust, unknown sigma", &NonlinearRegression::robust_with_unknown_sigma(Curve, 4.0).unwrap(), Nonlinear(StudentT(4.0, 1.0)), &with_sigma, &data)?;

        let (m, s) = ([0.5, -1.0], [2.0, 0.25]);
        same_prior("Gaussian", &GaussianPrior::new(m, s).unwrap(), PriorFormula(Normal(1.0), m, s), &theta)?;
        same_prior("Laplace", &LaplacePrior::new(m, s).unwrap(), PriorFormula(Laplace, m, s), &theta)?;
        same_prior("Student-t", &StudentTPrior::new(4.0, m, s).unwrap(), PriorFormula(StudentT(4.0, 1.0), m, s), &theta)?;
        let correlated = MultivariateGaussianPrior::from_covariance(m, &[[2.0, 1.0], [1.0, 1.0]]).unwrap();
        same_prior("correlated", &correlated, Correlated, &theta)?;
    }
}

/// Nonlinear laws of counts, and that a sample is a measurement of standard deviation 1.
#[test]
fn laws_and_observations_agree() {
    let counts = NonlinearRegression::with_law(Curve, PoissonRegression);
    let theta = [0.3, 0.2, -0.4];
    let data = samples();
    let model = Model::new(Flat, counts);
    check_gradient(&mut model.posterior(&data), &theta).unwrap();
    check_symmetry(&mut model.posterior(&data), &theta).unwrap();
    let as_measurements = data.map(|Sample { x, y }| Measurement { x, y, sd: 1.0 });
    let model = Model::new(Flat, NonlinearRegression::new(Curve, 0.5).unwrap());
    let (mut a, mut b) = ([0.0; 3], [0.0; 3]);
    model.posterior(&data).gradient(&theta, &mut a).unwrap();
    model
        .posterior(&as_measurements)
        .gradient(&theta, &mut b)
        .unwrap();
    assert_eq!(a, b);
    assert_eq!(
        model.posterior(&data).energy(&theta),
        model.posterior(&as_measurements).energy(&theta)
    );
}

/// What no instrument or experiment can give is refused.
#[test]
fn impossible_observations_are_refused() {
    let at = |y| Sample { x: [1.0], y };
    for y in [-0.1, 1.5, 7.0, 95.0, f32::NAN] {
        assert!(
            !Likelihood::<Sample<1>, 1>::accepts(&LogisticRegression, &at(y)),
            "{y}"
        );
    }
    for y in [0.0, 0.95, 1.0] {
        assert!(Likelihood::<Sample<1>, 1>::accepts(
            &LogisticRegression,
            &at(y)
        ));
    }
    assert!(!GeneralizedLinear::accepts(&PoissonRegression, -1.0));
    assert!(!GeneralizedLinear::accepts(
        &PoissonRegression,
        f32::INFINITY
    ));
    assert!(GeneralizedLinear::accepts(&PoissonRegression, 7.0));
    let counts = NonlinearRegression::with_law(Curve, PoissonRegression);
    assert!(!Likelihood::<Sample<2>, 3>::accepts(
        &counts,
        &Sample {
            x: [1.0; 2],
            y: -2.0
        }
    ));
}
