//! Streams: their models, as the device sees them in f32, and their exact posteriors in f64.
//!
//! Every truth is drawn from the prior, which is normal with independent coordinates unless the case says otherwise.

use langevin::{
    GaussianPrior, Potential, Sample,
    constraint::{Constraint, Transform},
    data::Observation,
    model::{
        GeneralizedLinear, Law, Likelihood, LinearRegression, LogisticRegression,
        PoissonRegression, Prior,
    },
};
use langevin_testing::doubles::StudentScale;

use super::{
    quadrature::{Moments, inverse, last, line, plane},
    random::Random,
};

/// What is asked of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Linear,
    Curved,
    Drifting,
    Bent,
}

pub trait Case<const N: usize>: Sync {
    type Reading: Observation + Copy + Send;
    type Likelihood: Likelihood<Self::Reading, N>;
    type Prior: Prior<N>;

    fn name(&self) -> &'static str;
    fn kind(&self) -> Kind;
    fn length(&self) -> usize;
    /// Effective number of readings; unlimited without.
    fn memory(&self) -> Option<f64> {
        None
    }
    /// Means and standard deviations of the prior.
    fn prior(&self) -> Moments<N>;
    /// The prior for the tracker.
    fn device_prior(&self) -> Self::Prior;
    /// −log p(θ), up to a constant.
    fn prior_energy(&self, theta: &[f64; N]) -> f64 {
        let (mean, sd) = self.prior();
        let terms = (0..N).map(|k| 0.5 * ((theta[k] - mean[k]) / sd[k]).powi(2));
        terms.sum()
    }
    /// A truth from the prior.
    fn truth(&self, random: &mut Random) -> [f64; N] {
        let (mean, sd) = self.prior();
        core::array::from_fn(|k| mean[k] + sd[k] * random.normal())
    }
    fn likelihood(&self) -> Self::Likelihood;
    /// Moves the truth before a reading.
    fn drift(&self, _: &mut Random, _: &mut [f64; N]) {}
    fn reading(&self, random: &mut Random, truth: &[f64; N]) -> Self::Reading;
    /// Exact means and standard deviations after so many readings each.
    fn exact(&self, readings: &[Self::Reading], after: &[usize]) -> Vec<Moments<N>>;
    /// −log p(reading | θ), up to a constant.
    fn energy(&self, theta: &[f64; N], reading: &Self::Reading) -> f64;
    /// What a Kalman filter needs: residual, derivative of the mean and variance.
    fn linearised(&self, theta: &[f64; N], reading: &Self::Reading) -> (f64, [f64; N], f64);

    /// The factor of forgetting.
    fn factor(&self) -> f64 {
        self.memory().map_or(1.0, |n| 1.0 - 1.0 / n)
    }
}

/// The normal prior with these means and standard deviations, in f32.
fn normal<const N: usize>((mean, sd): Moments<N>) -> GaussianPrior<N> {
    GaussianPrior::new(mean.map(|m| m as f32), sd.map(|s| s as f32)).expect("a prior in range")
}

// Linear regression ---------------------------------------------------------------------------------------------

#[derive(Clone)]
pub struct Linear<const N: usize> {
    pub name: &'static str,
    pub sigma: f64,
    /// Powers of ten that the regressors span; 0 makes the first one an intercept.
    pub decades: f64,
    pub length: usize,
    pub memory: Option<f64>,
    pub drift: f64,
    /// Factor on the prior's standard deviations.
    pub spread: f64,
}

impl<const N: usize> Case<N> for Linear<N> {
    type Reading = Sample<N>;
    type Likelihood = LinearRegression;
    type Prior = GaussianPrior<N>;

    fn name(&self) -> &'static str {
        self.name
    }
    fn kind(&self) -> Kind {
        Kind::Linear
    }
    fn length(&self) -> usize {
        self.length
    }
    fn memory(&self) -> Option<f64> {
        self.memory
    }
    fn prior(&self) -> Moments<N> {
        ([0.0; N], [10.0 * self.spread; N])
    }
    fn device_prior(&self) -> GaussianPrior<N> {
        normal(self.prior())
    }
    fn likelihood(&self) -> LinearRegression {
        LinearRegression::new(self.sigma as f32).expect("sigma is in range")
    }
    fn drift(&self, random: &mut Random, truth: &mut [f64; N]) {
        for t in truth {
            *t += self.drift * random.normal();
        }
    }
    fn reading(&self, random: &mut Random, truth: &[f64; N]) -> Sample<N> {
        let x: [f32; N] = core::array::from_fn(|k| {
            if k == 0 && self.decades == 0.0 {
                return 1.0;
            }
            let scale = 10_f64.powf(self.decades * k as f64 / (N.max(2) - 1) as f64);
            (scale * random.normal()) as f32
        });
        let mean: f64 = x.iter().zip(truth).map(|(x, t)| f64::from(*x) * t).sum();
        Sample {
            x,
            y: (mean + self.sigma * random.normal()) as f32,
        }
    }
    fn exact(&self, readings: &[Sample<N>], after: &[usize]) -> Vec<Moments<N>> {
        let (mean, sd) = self.prior();
        let (mut h, mut b) = ([[0.0; N]; N], [0.0; N]);
        let (weight, factor) = (self.sigma.powi(-2), self.factor());
        let mut exact = vec![];
        for (i, o) in readings.iter().enumerate() {
            let x = o.x.map(f64::from);
            for r in 0..N {
                b[r] = factor * b[r] + weight * x[r] * f64::from(o.y);
                for c in 0..N {
                    h[r][c] = factor * h[r][c] + weight * x[r] * x[c];
                }
            }
            if after.contains(&(i + 1)) {
                let (mut h, mut b) = (h, b);
                for k in 0..N {
                    h[k][k] += sd[k].powi(-2);
                    b[k] += mean[k] * sd[k].powi(-2);
                }
                let covariance = inverse(&h);
                exact.push((
                    core::array::from_fn(|r| (0..N).map(|c| covariance[r][c] * b[c]).sum()),
                    core::array::from_fn(|k| covariance[k][k].sqrt()),
                ));
            }
        }
        exact
    }
    fn energy(&self, theta: &[f64; N], o: &Sample<N>) -> f64 {
        let (residual, _, variance) = self.linearised(theta, o);
        0.5 * residual * residual / variance
    }
    fn linearised(&self, theta: &[f64; N], o: &Sample<N>) -> (f64, [f64; N], f64) {
        let x = o.x.map(f64::from);
        let mean: f64 = x.iter().zip(theta).map(|(x, t)| x * t).sum();
        (f64::from(o.y) - mean, x, self.sigma.powi(2))
    }
}

// Curves with normal noise --------------------------------------------------------------------------------------

/// Value and derivatives of a curve at x.
pub type Function<const N: usize> = fn(f32, &[f32; N]) -> (f32, [f32; N]);

/// A curve read with normal noise, for the tracker.
pub struct Curve<const N: usize> {
    function: Function<N>,
    sigma: f32,
}

impl<const N: usize> Likelihood<Sample<1>, N> for Curve<N> {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], o: &Sample<1>, weight: f32, gradient: &mut [f32; N]) {
        let (value, slope) = (self.function)(o.x[0], theta);
        let r = weight * (value - o.y) / (self.sigma * self.sigma);
        for (g, s) in gradient.iter_mut().zip(&slope) {
            *g += r * s;
        }
    }
    fn negative_log_density(&self, theta: &[f32; N], o: &Sample<1>) -> f32 {
        let z = ((self.function)(o.x[0], theta).0 - o.y) / self.sigma;
        0.5 * z * z
    }
    fn law(&self, theta: &[f32; N], o: &Sample<1>) -> Option<Law> {
        let residual = o.y - (self.function)(o.x[0], theta).0;
        Some(Law::Normal {
            residual,
            sd: self.sigma,
        })
    }
}

/// y = a + b e^(−t/τ), θ = (a, b, ln τ): something warms or cools towards its surroundings.
#[derive(Clone)]
pub struct Approach {
    pub name: &'static str,
    pub kind: Kind,
    pub longest: f64,
    pub sigma: f64,
    pub length: usize,
    pub memory: Option<f64>,
    pub drift: [f64; 3],
    /// Factor on the prior's standard deviations.
    pub spread: f64,
}

fn approach(t: f32, theta: &[f32; 3]) -> (f32, [f32; 3]) {
    let z = t * (-theta[2].clamp(-30.0, 30.0)).exp();
    let e = (-z).exp();
    (theta[0] + theta[1] * e, [1.0, e, theta[1] * e * z])
}

impl Case<3> for Approach {
    type Reading = Sample<1>;
    type Likelihood = Curve<3>;
    type Prior = GaussianPrior<3>;

    fn name(&self) -> &'static str {
        self.name
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn length(&self) -> usize {
        self.length
    }
    fn memory(&self) -> Option<f64> {
        self.memory
    }
    fn prior(&self) -> Moments<3> {
        ([0.0, 5.0, 0.0], [3.0, 2.0, 0.5].map(|sd| self.spread * sd))
    }
    fn device_prior(&self) -> GaussianPrior<3> {
        normal(self.prior())
    }
    fn likelihood(&self) -> Curve<3> {
        Curve {
            function: approach,
            sigma: self.sigma as f32,
        }
    }
    fn drift(&self, random: &mut Random, truth: &mut [f64; 3]) {
        for (t, sd) in truth.iter_mut().zip(&self.drift) {
            *t += sd * random.normal();
        }
    }
    fn reading(&self, random: &mut Random, truth: &[f64; 3]) -> Sample<1> {
        let t = (self.longest * random.uniform()) as f32;
        let mean = truth[0] + truth[1] * (-f64::from(t) * (-truth[2]).exp()).exp();
        Sample {
            x: [t],
            y: (mean + self.sigma * random.normal()) as f32,
        }
    }
    fn exact(&self, readings: &[Sample<1>], after: &[usize]) -> Vec<Moments<3>> {
        let (m, s) = self.prior();
        let (w, factor) = (self.sigma.powi(-2), self.factor());
        let (pa, pb) = (s[0].powi(-2), s[1].powi(-2));
        after
            .iter()
            .map(|&n| {
                let from = if factor < 1.0 {
                    n.saturating_sub(3500)
                } else {
                    0
                };
                let readings = &readings[from..n];
                // a and b are normal given ln τ.
                let given = |log_tau: f64| {
                    let rate = (-log_tau).exp();
                    let mut sums = [0.0; 5];
                    for o in readings {
                        let (e, y) = ((-f64::from(o.x[0]) * rate).exp(), f64::from(o.y));
                        for (sum, term) in sums.iter_mut().zip([1.0, e, e * e, y, y * e]) {
                            *sum = factor * *sum + term;
                        }
                    }
                    let [n, e, ee, y, ye] = sums.map(|x| w * x);
                    let (haa, hab, hbb) = (n + pa, e, ee + pb);
                    let (ba, bb) = (y + pa * m[0], ye + pb * m[1]);
                    let det = haa * hbb - hab * hab;
                    let (caa, cab, cbb) = (hbb / det, -hab / det, haa / det);
                    let (ma, mb) = (caa * ba + cab * bb, cab * ba + cbb * bb);
                    let log = 0.5 * (ma * ba + mb * bb)
                        - 0.5 * det.ln()
                        - 0.5 * ((log_tau - m[2]) / s[2]).powi(2);
                    (log, [ma, mb, 0.0], [caa, cbb, 0.0])
                };
                last(given, m[2], s[2])
            })
            .collect()
    }
    fn energy(&self, theta: &[f64; 3], o: &Sample<1>) -> f64 {
        let (residual, _, variance) = self.linearised(theta, o);
        0.5 * residual * residual / variance
    }
    fn linearised(&self, theta: &[f64; 3], o: &Sample<1>) -> (f64, [f64; 3], f64) {
        let z = f64::from(o.x[0]) * (-theta[2].clamp(-30.0, 30.0)).exp();
        let e = (-z).exp();
        let residual = f64::from(o.y) - theta[0] - theta[1] * e;
        (residual, [1.0, e, theta[1] * e * z], self.sigma.powi(2))
    }
}

/// y = a x/(x + e^k), θ = (a, k): a sensor that saturates, or never does where x is always small.
#[derive(Clone)]
pub struct Saturating {
    pub name: &'static str,
    pub kind: Kind,
    pub largest: f64,
    pub sigma: f64,
    pub length: usize,
}

fn saturating(x: f32, theta: &[f32; 2]) -> (f32, [f32; 2]) {
    let e = theta[1].clamp(-30.0, 30.0).exp();
    let s = x / (x + e);
    (theta[0] * s, [s, -theta[0] * s * e / (x + e)])
}

impl Case<2> for Saturating {
    type Reading = Sample<1>;
    type Likelihood = Curve<2>;
    type Prior = GaussianPrior<2>;

    fn name(&self) -> &'static str {
        self.name
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn length(&self) -> usize {
        self.length
    }
    fn prior(&self) -> Moments<2> {
        ([5.0, 0.0], [2.0, 0.7])
    }
    fn device_prior(&self) -> GaussianPrior<2> {
        normal(self.prior())
    }
    fn likelihood(&self) -> Curve<2> {
        Curve {
            function: saturating,
            sigma: self.sigma as f32,
        }
    }
    fn reading(&self, random: &mut Random, truth: &[f64; 2]) -> Sample<1> {
        let x = (self.largest * random.uniform()) as f32;
        let mean = truth[0] * f64::from(x) / (f64::from(x) + truth[1].exp());
        Sample {
            x: [x],
            y: (mean + self.sigma * random.normal()) as f32,
        }
    }
    fn exact(&self, readings: &[Sample<1>], after: &[usize]) -> Vec<Moments<2>> {
        let (m, s) = self.prior();
        let (w, p) = (self.sigma.powi(-2), s[0].powi(-2));
        after
            .iter()
            .map(|&n| {
                let given = |k: f64| {
                    let (mut ss, mut sy) = (0.0, 0.0);
                    for o in &readings[..n] {
                        let s = f64::from(o.x[0]) / (f64::from(o.x[0]) + k.exp());
                        ss += s * s;
                        sy += s * f64::from(o.y);
                    }
                    let (h, b) = (w * ss + p, w * sy + p * m[0]);
                    let log = 0.5 * b * b / h - 0.5 * h.ln() - 0.5 * ((k - m[1]) / s[1]).powi(2);
                    (log, [b / h, 0.0], [1.0 / h, 0.0])
                };
                last(given, m[1], s[1])
            })
            .collect()
    }
    fn energy(&self, theta: &[f64; 2], o: &Sample<1>) -> f64 {
        let (residual, _, variance) = self.linearised(theta, o);
        0.5 * residual * residual / variance
    }
    fn linearised(&self, theta: &[f64; 2], o: &Sample<1>) -> (f64, [f64; 2], f64) {
        let (x, e) = (f64::from(o.x[0]), theta[1].clamp(-30.0, 30.0).exp());
        let s = x / (x + e);
        let residual = f64::from(o.y) - theta[0] * s;
        (
            residual,
            [s, -theta[0] * s * e / (x + e)],
            self.sigma.powi(2),
        )
    }
}

// Laws of other shapes ------------------------------------------------------------------------------------------

pub struct Logistic {
    pub length: usize,
}

impl Case<2> for Logistic {
    type Reading = Sample<2>;
    type Likelihood = LogisticRegression;
    type Prior = GaussianPrior<2>;

    fn name(&self) -> &'static str {
        "logistic"
    }
    fn kind(&self) -> Kind {
        Kind::Curved
    }
    fn length(&self) -> usize {
        self.length
    }
    fn prior(&self) -> Moments<2> {
        ([0.0; 2], [2.5; 2])
    }
    fn device_prior(&self) -> GaussianPrior<2> {
        normal(self.prior())
    }
    fn likelihood(&self) -> LogisticRegression {
        LogisticRegression
    }
    fn reading(&self, random: &mut Random, truth: &[f64; 2]) -> Sample<2> {
        let x = random.normal() as f32;
        let p = 1.0 / (1.0 + (-(truth[0] + truth[1] * f64::from(x))).exp());
        let y = if random.uniform() < p { 1.0 } else { 0.0 };
        Sample { x: [1.0, x], y }
    }
    fn exact(&self, readings: &[Sample<2>], after: &[usize]) -> Vec<Moments<2>> {
        exact_in_plane(self, readings, after, |_| ([0.0; 2], [2.5; 2]))
    }
    fn energy(&self, theta: &[f64; 2], o: &Sample<2>) -> f64 {
        let z = theta[0] + theta[1] * f64::from(o.x[1]);
        let log = if z > 0.0 {
            z + (-z).exp().ln_1p()
        } else {
            z.exp().ln_1p()
        };
        log - f64::from(o.y) * z
    }
    fn linearised(&self, theta: &[f64; 2], o: &Sample<2>) -> (f64, [f64; 2], f64) {
        let x = f64::from(o.x[1]);
        let p = 1.0 / (1.0 + (-(theta[0] + theta[1] * x)).exp());
        let variance = (p * (1.0 - p)).max(1e-6);
        (f64::from(o.y) - p, [variance, variance * x], variance)
    }
}

pub struct Poisson {
    pub length: usize,
}

impl Case<2> for Poisson {
    type Reading = Sample<2>;
    type Likelihood = PoissonRegression;
    type Prior = GaussianPrior<2>;

    fn name(&self) -> &'static str {
        "poisson"
    }
    fn kind(&self) -> Kind {
        Kind::Curved
    }
    fn length(&self) -> usize {
        self.length
    }
    fn prior(&self) -> Moments<2> {
        ([1.0, 0.0], [1.0, 0.5])
    }
    fn device_prior(&self) -> GaussianPrior<2> {
        normal(self.prior())
    }
    fn likelihood(&self) -> PoissonRegression {
        PoissonRegression
    }
    fn reading(&self, random: &mut Random, truth: &[f64; 2]) -> Sample<2> {
        let x = random.normal() as f32;
        let y = random.poisson((truth[0] + truth[1] * f64::from(x)).exp()) as f32;
        Sample { x: [1.0, x], y }
    }
    fn exact(&self, readings: &[Sample<2>], after: &[usize]) -> Vec<Moments<2>> {
        exact_in_plane(self, readings, after, |_| ([1.0, 0.0], [1.0, 0.5]))
    }
    fn energy(&self, theta: &[f64; 2], o: &Sample<2>) -> f64 {
        let z = theta[0] + theta[1] * f64::from(o.x[1]);
        z.exp() - f64::from(o.y) * z
    }
    fn linearised(&self, theta: &[f64; 2], o: &Sample<2>) -> (f64, [f64; 2], f64) {
        let x = f64::from(o.x[1]);
        let rate = (theta[0] + theta[1] * x).min(60.0).exp();
        (f64::from(o.y) - rate, [rate, rate * x], rate)
    }
}

/// Student-t with four degrees of freedom, θ = (location, ln scale).
pub struct StudentT {
    pub length: usize,
    /// Factor on the prior's standard deviations.
    pub spread: f64,
}

impl Case<2> for StudentT {
    type Reading = Sample<1>;
    type Likelihood = StudentScale;
    type Prior = GaussianPrior<2>;

    fn name(&self) -> &'static str {
        "student-t"
    }
    fn kind(&self) -> Kind {
        Kind::Curved
    }
    fn length(&self) -> usize {
        self.length
    }
    fn prior(&self) -> Moments<2> {
        ([0.0; 2], [10.0 * self.spread, self.spread])
    }
    fn device_prior(&self) -> GaussianPrior<2> {
        normal(self.prior())
    }
    fn likelihood(&self) -> StudentScale {
        StudentScale
    }
    fn reading(&self, random: &mut Random, truth: &[f64; 2]) -> Sample<1> {
        let y = truth[0] + truth[1].exp() * random.student4();
        Sample {
            x: [0.0],
            y: y as f32,
        }
    }
    fn exact(&self, readings: &[Sample<1>], after: &[usize]) -> Vec<Moments<2>> {
        exact_in_plane(self, readings, after, |readings| {
            // Near the median, so that a coarse grid sees the peak.
            let mut y: Vec<f64> = readings.iter().map(|o| f64::from(o.y)).collect();
            y.sort_by(f64::total_cmp);
            let n = y.len();
            if n < 8 {
                return ([0.5 * y[n / 2], 0.0], [10.0, 1.0]);
            }
            let spread = 3.0 * (y[3 * n / 4] - y[n / 4]).max(0.01);
            ([y[n / 2], 0.0], [spread.min(10.0), 1.0])
        })
    }
    fn energy(&self, theta: &[f64; 2], o: &Sample<1>) -> f64 {
        let z = (f64::from(o.y) - theta[0]) * (-theta[1]).exp();
        theta[1] + 2.5 * (z * z / 4.0).ln_1p()
    }
    fn linearised(&self, theta: &[f64; 2], o: &Sample<1>) -> (f64, [f64; 2], f64) {
        // A Kalman filter learns no scale.
        (
            f64::from(o.y) - theta[0],
            [1.0, 0.0],
            2.0 * (2.0 * theta[1]).exp(),
        )
    }
}

/// Counts over a background of 1, y ~ Poisson(1 + rate), whose rate has an exponential prior: θ = ln rate.
///
/// Where the rate is small against what so many readings can tell, the posterior piles up at 0.
pub struct Rate {
    pub length: usize,
    /// Mean of the prior.
    pub mean: f64,
}

/// The exponential prior of a rate, which [`Constraint::POSITIVE`] keeps above 0.
pub struct Exponential {
    mean: f32,
}

impl Prior<1> for Exponential {
    fn add_gradient(&self, theta: &[f32; 1], gradient: &mut [f32; 1]) {
        let transform = Transform::new([Constraint::POSITIVE]);
        let mut own = [0.0];
        let mut potential = transform.wrap(|_: &[f32; 1]| [1.0 / self.mean]);
        if potential.gradient(theta, &mut own).is_ok() {
            gradient[0] += own[0];
        }
    }
    fn negative_log_density(&self, theta: &[f32; 1]) -> f32 {
        theta[0].exp() / self.mean - theta[0]
    }
}

pub struct OverBackground;

impl Likelihood<Sample<1>, 1> for OverBackground {
    #[inline]
    fn add_gradient(&self, theta: &[f32; 1], o: &Sample<1>, weight: f32, gradient: &mut [f32; 1]) {
        let [rate] = Transform::new([Constraint::POSITIVE]).constrain(theta);
        gradient[0] += weight * rate * (1.0 - o.y / (1.0 + rate));
    }
    fn negative_log_density(&self, theta: &[f32; 1], o: &Sample<1>) -> f32 {
        let rate = theta[0].exp();
        rate - o.y * rate.ln_1p()
    }
    fn law(&self, theta: &[f32; 1], o: &Sample<1>) -> Option<Law> {
        let z = theta[0].min(30.0).exp().ln_1p();
        GeneralizedLinear::law(&PoissonRegression, z, o.y)
    }
}

impl Case<1> for Rate {
    type Reading = Sample<1>;
    type Likelihood = OverBackground;
    type Prior = Exponential;

    fn name(&self) -> &'static str {
        "rate at 0"
    }
    fn kind(&self) -> Kind {
        Kind::Curved
    }
    fn length(&self) -> usize {
        self.length
    }
    fn prior(&self) -> Moments<1> {
        // Of the logarithm of an exponential variable: Euler's constant and π/√6.
        ([self.mean.ln() - 0.577_215_664_9], [1.282_549_830_2])
    }
    fn device_prior(&self) -> Exponential {
        Exponential {
            mean: self.mean as f32,
        }
    }
    fn prior_energy(&self, theta: &[f64; 1]) -> f64 {
        theta[0].exp() / self.mean - theta[0]
    }
    fn truth(&self, random: &mut Random) -> [f64; 1] {
        [(-self.mean * random.uniform().ln()).ln()]
    }
    fn likelihood(&self) -> OverBackground {
        OverBackground
    }
    fn reading(&self, random: &mut Random, truth: &[f64; 1]) -> Sample<1> {
        let y = random.poisson(1.0 + truth[0].exp()) as f32;
        Sample { x: [0.0], y }
    }
    fn exact(&self, readings: &[Sample<1>], after: &[usize]) -> Vec<Moments<1>> {
        after
            .iter()
            .map(|&n| {
                let sum: f64 = readings[..n].iter().map(|o| f64::from(o.y)).sum();
                let log = |t: f64| {
                    let rate = t.exp();
                    sum * rate.ln_1p() - n as f64 * rate - self.prior_energy(&[t])
                };
                line(log, -24.0, 6.0)
            })
            .collect()
    }
    fn energy(&self, theta: &[f64; 1], o: &Sample<1>) -> f64 {
        let rate = theta[0].exp();
        rate - f64::from(o.y) * rate.ln_1p()
    }
    fn linearised(&self, theta: &[f64; 1], o: &Sample<1>) -> (f64, [f64; 1], f64) {
        let rate = theta[0].min(30.0).exp();
        (f64::from(o.y) - 1.0 - rate, [rate], 1.0 + rate)
    }
}

/// The exact posterior in two dimensions, by quadrature of the case's energy from a start that depends on the readings.
fn exact_in_plane<C: Case<2>>(
    case: &C,
    readings: &[C::Reading],
    after: &[usize],
    start: impl Fn(&[C::Reading]) -> Moments<2>,
) -> Vec<Moments<2>> {
    after
        .iter()
        .map(|&n| {
            let readings = &readings[..n];
            let (centre, spread) = start(readings);
            let energy = |theta: &[f64; 2]| {
                case.prior_energy(theta)
                    + readings.iter().map(|o| case.energy(theta, o)).sum::<f64>()
            };
            plane(energy, centre, spread)
        })
        .collect()
}
