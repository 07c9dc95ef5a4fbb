//! The reference posteriors as f32 potentials, from the raw data beside their references.
//!
//! The folder is `shared/fixtures` beside the repository, or `LANGEVIN_FIXTURES`. [`each`] visits all of them, and
//! says so when the folder is not there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use langevin::{
    GaussianPrior, Model, Potential, Sample, StepError,
    data::Data,
    model::{
        Flat, Likelihood, LinearRegressionLogSigma, LogisticRegression, Minibatch,
        PoissonRegression, Posterior, Prior,
    },
    potential::{Energy, FunctionPotential},
};
use serde_json::Value;

/// A posterior, and what is known about it. θ is unconstrained.
pub struct Fixture<const N: usize, P> {
    pub name: &'static str,
    pub potential: P,
    pub parameters: [String; N],
    /// Mean and standard deviation of each coordinate, to 1e-4 or better, from a long run of another sampler.
    pub mean: [f64; N],
    pub sd: [f64; N],
    pub covariance: [[f64; N]; N],
    pub checks: Vec<Check<N>>,
}

/// The potential in f64 at a point.
pub struct Check<const N: usize> {
    pub theta: [f32; N],
    pub energy: f64,
    pub gradient: [f64; N],
}

/// Something to do with each posterior.
pub trait Visitor {
    fn visit<const N: usize, P: Energy<N>>(&mut self, fixture: Fixture<N, P>);
}

/// Takes `visitor` to every posterior; `false` when the fixtures are not there.
pub fn each(visitor: &mut impl Visitor) -> bool {
    if !present() {
        return false;
    }
    visitor.visit(sblri());
    visitor.visit(kidscore());
    visitor.visit(arma11());
    visitor.visit(low_dim_gauss_mix());
    visitor.visit(ark());
    visitor.visit(wells_logistic());
    visitor.visit(glm_poisson());
    true
}

/// Whether the fixtures are there; says so when not.
pub fn present() -> bool {
    let there = folder().is_dir();
    if !there {
        eprintln!("skipped: no reference posteriors in {}", folder().display());
    }
    there
}

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("LANGEVIN_FIXTURES") {
        return PathBuf::from(folder);
    }
    // Beside the repository.
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    above
        .map(|folder| folder.join("shared/fixtures"))
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| PathBuf::from("../shared/fixtures"))
}

pub fn text(name: &str, file: &str) -> String {
    let path = folder().join(name).join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn json(name: &str, file: &str) -> Value {
    serde_json::from_str(&text(name, file)).unwrap()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().expect("a list of numbers");
    list.iter().map(|x| x.as_f64().unwrap()).collect()
}

fn array<const N: usize>(values: &[f64]) -> [f64; N] {
    values.try_into().unwrap()
}

/// `potential` with its references: `table` is the one in unconstrained coordinates.
fn fixture<const N: usize, P: Energy<N>>(
    name: &'static str,
    table: &str,
    potential: P,
) -> Fixture<N, P> {
    let reference = text(name, "exact.csv");
    let rows: Vec<Vec<&str>> = reference
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(rows.len(), N);
    let column = |i: usize| -> [f64; N] { std::array::from_fn(|j| rows[j][i].parse().unwrap()) };
    let covariance = text(name, &table.replace("reference", "cov"));
    let covariance: Vec<[f64; N]> = covariance
        .lines()
        .skip(1)
        .map(|line| {
            array(
                &line
                    .split(',')
                    .map(|x| x.parse().unwrap())
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    let points = json(name, "gradcheck.json");
    let checks = points["points"].as_array().unwrap().iter();
    Fixture {
        name,
        potential,
        parameters: std::array::from_fn(|j| rows[j][0].to_owned()),
        mean: column(1),
        sd: column(2),
        covariance: covariance.try_into().unwrap(),
        checks: checks
            .map(|point| Check {
                theta: array::<N>(&numbers(&point["theta"])).map(|x| x as f32),
                energy: point["U"].as_f64().unwrap(),
                gradient: array(&numbers(&point["grad"])),
            })
            .collect(),
    }
}

/// A model and its data.
pub struct Regression<P, L, O> {
    pub model: Model<P, L>,
    pub data: Vec<O>,
}

impl<const N: usize, P: Prior<N>, L: Likelihood<O, N>, O> Potential<N> for Regression<P, L, O> {
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.model
            .posterior(&self.data[..])
            .gradient(theta, gradient)
    }

    fn number_of_data(&self) -> f32 {
        self.data.total_weight()
    }
}

impl<const N: usize, P: Prior<N>, L: Likelihood<O, N>, O> Energy<N> for Regression<P, L, O> {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        self.model.posterior(&self.data[..]).energy(theta)
    }
}

impl<P, L, O> Regression<P, L, O> {
    pub fn minibatch<const B: usize, R>(
        &self,
        rng: R,
    ) -> Minibatch<Posterior<'_, P, L, [O]>, R, B> {
        self.model.posterior(&self.data[..]).minibatch(rng)
    }
}

/// A prior on the last coordinate, log σ, from the derivative and the value of −log p(log σ).
fn on_log_sigma<const N: usize>(
    slope: impl Fn(f32) -> f32,
    energy: impl Fn(f32) -> f32,
) -> impl Prior<N> {
    FunctionPotential {
        gradient: move |theta: &[f32; N]| {
            let mut gradient = [0.0; N];
            gradient[N - 1] = slope(theta[N - 1]);
            gradient
        },
        energy: move |theta: &[f32; N]| energy(theta[N - 1]),
    }
}

/// σ ~ half-Cauchy(0, 2.5), by its logarithm.
fn half_cauchy<const N: usize>() -> impl Prior<N> {
    // log(1 + q) − log σ with q = (σ/2.5)².
    let q = |t: f32| libm::expf(2.0 * t) / 6.25;
    on_log_sigma(
        move |t| 1.0 - 2.0 / (1.0 + q(t)),
        move |t| libm::log1pf(q(t)) - t,
    )
}

pub fn sblri() -> Fixture<6, impl Energy<6>> {
    let raw = json("sblri", "data.json");
    let rows = raw["X"].as_array().unwrap().iter();
    let data = rows
        .zip(numbers(&raw["y"]))
        .map(|(x, y)| Sample {
            x: array::<5>(&numbers(x)).map(|x| x as f32),
            y: y as f32,
        })
        .collect();
    let mut sd = [10.0; 6];
    sd[5] = f32::INFINITY;
    let prior = (
        GaussianPrior::new([0.0; 6], sd).unwrap(),
        on_log_sigma(
            |t| libm::expf(2.0 * t) / 100.0 - 1.0,
            |t| libm::expf(2.0 * t) / 200.0 - t,
        ),
    );
    let model = Model::new(prior, LinearRegressionLogSigma);
    let potential = Regression { model, data };
    fixture("sblri", "reference_unconstrained.csv", potential)
}

pub fn kidscore() -> Fixture<5, impl Energy<5>> {
    let name = "kidscore_interaction_z";
    let raw = json(name, "data.json");
    let standardised = |field: &str| {
        let v = numbers(&raw[field]);
        let n = v.len() as f64;
        let mean = v.iter().sum::<f64>() / n;
        let sd = (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        v.into_iter()
            .map(move |x| (x - mean) / (2.0 * sd))
            .collect::<Vec<_>>()
    };
    let (hs, iq) = (standardised("mom_hs"), standardised("mom_iq"));
    let data = (hs.iter().zip(&iq))
        .zip(numbers(&raw["kid_score"]))
        .map(|((hs, iq), y)| Sample {
            x: [1.0, *hs, *iq, hs * iq].map(|x| x as f32),
            y: y as f32,
        })
        .collect();
    let model = Model::new(on_log_sigma(|_| -1.0, |t| -t), LinearRegressionLogSigma);
    let potential = Regression { model, data };
    fixture(name, "reference_unconstrained.csv", potential)
}

pub fn ark() -> Fixture<7, impl Energy<7>> {
    let y = numbers(&json("arK", "data.json")["y"]);
    let data = y
        .windows(6)
        .map(|w| Sample {
            x: [1.0, w[4], w[3], w[2], w[1], w[0]].map(|x| x as f32),
            y: w[5] as f32,
        })
        .collect();
    let mut sd = [10.0; 7];
    sd[6] = f32::INFINITY;
    let prior = (GaussianPrior::new([0.0; 7], sd).unwrap(), half_cauchy());
    let model = Model::new(prior, LinearRegressionLogSigma);
    let potential = Regression { model, data };
    fixture("arK", "reference_unconstrained.csv", potential)
}

/// Moving-average errors hang together: not a sum over independent data.
pub fn arma11() -> Fixture<4, impl Energy<4>> {
    let y = numbers(&json("arma11", "data.json")["y"]);
    let potential = Arma11 {
        y: y.into_iter().map(|y| y as f32).collect(),
    };
    fixture("arma11", "reference_unconstrained.csv", potential)
}

struct Arma11 {
    y: Vec<f32>,
}

impl Arma11 {
    const PRIOR_SD: [f32; 4] = [10.0, 2.0, 2.0, f32::INFINITY];

    /// Calls `f` with each error and its derivatives by μ, φ and ϑ.
    fn errors(&self, [mu, phi, theta, _]: [f32; 4], mut f: impl FnMut(f32, [f32; 3])) {
        // Before the first: no error, at the mean.
        let (mut before, mut error, mut slopes) = (mu, 0.0_f32, [0.0_f32; 3]);
        for (t, y) in self.y.iter().enumerate() {
            let mean_slope = if t == 0 { 1.0 + phi } else { 1.0 };
            let next = y - (mu + phi * before + theta * error);
            slopes = [
                -mean_slope - theta * slopes[0],
                -before - theta * slopes[1],
                -error - theta * slopes[2],
            ];
            f(next, slopes);
            (before, error) = (*y, next);
        }
    }
}

impl Potential<4> for Arma11 {
    fn gradient(&mut self, theta: &[f32; 4], gradient: &mut [f32; 4]) -> Result<(), StepError> {
        let precision = libm::expf(-2.0 * theta[3]);
        let mut sums = [0.0; 4];
        self.errors(*theta, |e, slopes| {
            for (sum, slope) in sums.iter_mut().zip(slopes) {
                *sum += precision * e * slope;
            }
            sums[3] += 1.0 - precision * e * e;
        });
        *gradient = sums;
        let prior = GaussianPrior::new([0.0; 4], Self::PRIOR_SD).unwrap();
        prior.add_gradient(theta, gradient);
        half_cauchy().add_gradient(theta, gradient);
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.y.len() as f32
    }
}

impl Energy<4> for Arma11 {
    fn energy(&mut self, theta: &[f32; 4]) -> Result<f32, StepError> {
        let precision = libm::expf(-2.0 * theta[3]);
        let mut energy = 0.0;
        self.errors(*theta, |e, _| energy += 0.5 * precision * e * e + theta[3]);
        let prior = GaussianPrior::new([0.0; 4], Self::PRIOR_SD).unwrap();
        Ok(energy + prior.negative_log_density(theta) + half_cauchy().negative_log_density(theta))
    }
}

pub fn low_dim_gauss_mix() -> Fixture<5, impl Energy<5>> {
    let y = numbers(&json("low_dim_gauss_mix", "data.json")["y"]);
    let potential = GaussMix {
        y: y.into_iter().map(|y| y as f32).collect(),
    };
    fixture(
        "low_dim_gauss_mix",
        "reference_unconstrained.csv",
        potential,
    )
}

struct GaussMix {
    y: Vec<f32>,
}

/// The mixture's natural parameters at a θ.
struct Components {
    mean: [f32; 2],
    gap: f32,
    inverse_sd: [f32; 2],
    log_sd: [f32; 2],
    /// log w and log(1 − w).
    log_weight: [f32; 2],
    weight: f32,
}

impl Components {
    fn at([mu, log_gap, log_sd_1, log_sd_2, logit]: [f32; 5]) -> Self {
        let gap = libm::expf(log_gap);
        let softplus = |x: f32| x.max(0.0) + libm::log1pf(libm::expf(-x.abs()));
        Self {
            mean: [mu, mu + gap],
            gap,
            inverse_sd: [libm::expf(-log_sd_1), libm::expf(-log_sd_2)],
            log_sd: [log_sd_1, log_sd_2],
            log_weight: [-softplus(-logit), -softplus(logit)],
            weight: 1.0 / (1.0 + libm::expf(-logit)),
        }
    }

    /// Each component's standardised distance and log density times weight.
    fn logs(&self, y: f32) -> ([f32; 2], [f32; 2]) {
        let z: [f32; 2] = std::array::from_fn(|k| (y - self.mean[k]) * self.inverse_sd[k]);
        let log = std::array::from_fn(|k| self.log_weight[k] - self.log_sd[k] - 0.5 * z[k] * z[k]);
        (z, log)
    }
}

impl Potential<5> for GaussMix {
    fn gradient(&mut self, theta: &[f32; 5], gradient: &mut [f32; 5]) -> Result<(), StepError> {
        let c = Components::at(*theta);
        // By the two means, the two log sd and the logit.
        let (mut mean, mut log_sd, mut logit) = ([0.0; 2], [0.0; 2], 0.0);
        for y in &self.y {
            let (z, log) = c.logs(*y);
            let first = 1.0 / (1.0 + libm::expf(log[1] - log[0]));
            for (k, share) in [first, 1.0 - first].into_iter().enumerate() {
                mean[k] -= share * z[k] * c.inverse_sd[k];
                log_sd[k] -= share * (z[k] * z[k] - 1.0);
            }
            logit -= first - c.weight;
        }
        for k in 0..2 {
            mean[k] += c.mean[k] / 4.0;
            // Half-normal with scale 2, and the Jacobian.
            log_sd[k] += 0.25 / (c.inverse_sd[k] * c.inverse_sd[k]) - 1.0;
        }
        // Beta(5, 5), Jacobian included.
        logit -= 5.0 * (1.0 - 2.0 * c.weight);
        *gradient = [
            mean[0] + mean[1],
            mean[1] * c.gap - 1.0,
            log_sd[0],
            log_sd[1],
            logit,
        ];
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.y.len() as f32
    }
}

impl Energy<5> for GaussMix {
    fn energy(&mut self, theta: &[f32; 5]) -> Result<f32, StepError> {
        let c = Components::at(*theta);
        let mut energy = 0.0;
        for y in &self.y {
            let (_, [a, b]) = c.logs(*y);
            energy -= a.max(b) + libm::log1pf(libm::expf(-(a - b).abs()));
        }
        for k in 0..2 {
            energy += c.mean[k] * c.mean[k] / 8.0;
            energy += 0.125 / (c.inverse_sd[k] * c.inverse_sd[k]) - c.log_sd[k];
        }
        Ok(energy - theta[1] - 5.0 * (c.log_weight[0] + c.log_weight[1]))
    }
}

/// The data of [`wells_logistic`], for minibatches.
pub fn wells() -> Regression<Flat, LogisticRegression, Sample<6>> {
    let rows: Vec<[f64; 5]> = text("wells_logistic", "data.csv")
        .lines()
        .skip(1)
        .map(|line| {
            array(
                &line
                    .split(',')
                    .map(|x| x.parse().unwrap())
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    let mean = |i: usize| rows.iter().map(|r| r[i]).sum::<f64>() / rows.len() as f64;
    let (mean_distance, mean_arsenic) = (mean(1), mean(2));
    let data = rows
        .iter()
        .map(|&[switched, distance, arsenic, assoc, educ]| {
            let (d, a) = ((distance - mean_distance) / 100.0, arsenic - mean_arsenic);
            Sample {
                x: [1.0, d, a, d * a, assoc, educ / 4.0].map(|x| x as f32),
                y: switched as f32,
            }
        })
        .collect();
    let model = Model::new(Flat, LogisticRegression);
    Regression { model, data }
}

pub fn wells_logistic() -> Fixture<6, Regression<Flat, LogisticRegression, Sample<6>>> {
    fixture("wells_logistic", "reference.csv", wells())
}

pub fn glm_poisson() -> Fixture<4, impl Energy<4>> {
    let raw = json("glm_poisson", "data.json");
    let data = (numbers(&raw["year"]).into_iter())
        .zip(numbers(&raw["C"]))
        .map(|(t, y)| Sample {
            x: [1.0, t, t * t, t * t * t].map(|x| x as f32),
            y: y as f32,
        })
        .collect();
    let model = Model::new(Flat, PoissonRegression);
    let potential = Regression { model, data };
    fixture("glm_poisson", "reference.csv", potential)
}
