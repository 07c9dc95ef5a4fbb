//! The experiments on which the steppers are compared, shared by the gallery and the tests.

use langevin::{
    BoxMuller, Chain, Pcg32, Potential, SeedableRng, StepError,
    noise::Noise,
    noise::rand_core::Rng,
    potential::{Energy, GradientVariance},
    schedule::{Constant, Cyclical, Polynomial, Schedule},
    stepper::{Ladder, LeimkuhlerMatthews, ReplicaExchange, Sgld, StepParameters, Stepper},
};

/// U = kθ²/2 in each coordinate, with Gaussian noise of known variance on its gradient.
pub struct Quadratic {
    pub k: f32,
    sd: f32,
    noise: BoxMuller<Pcg32>,
}

impl Quadratic {
    pub fn new(k: f32, variance: f32) -> Self {
        Self {
            k,
            sd: variance.sqrt(),
            noise: BoxMuller::new(Pcg32::seed_from_u64(0x5eed)),
        }
    }
}

impl<const N: usize> Potential<N> for Quadratic {
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        if self.sd > 0.0 {
            self.noise.fill(gradient)?;
        }
        for (g, t) in gradient.iter_mut().zip(theta) {
            *g = self.k * t + self.sd * *g;
        }
        Ok(())
    }
}

impl<const N: usize> Energy<N> for Quadratic {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        Ok(theta.iter().map(|t| 0.5 * self.k * t * t).sum())
    }
}

impl<const N: usize> GradientVariance<N> for Quadratic {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        *variance = [self.sd * self.sd; N];
        self.gradient(theta, gradient)
    }
}

/// U = −2θ² + θ⁴ in each coordinate, its gradient with Gaussian noise of standard deviation `sd`
/// (Chen, Fox & Guestrin 2014, figure 1).
pub struct Quartic {
    sd: f32,
    noise: BoxMuller<Pcg32>,
}

impl Quartic {
    pub fn new(sd: f32) -> Self {
        Self {
            sd,
            noise: BoxMuller::new(Pcg32::seed_from_u64(0x0dd)),
        }
    }
}

impl<const N: usize> Potential<N> for Quartic {
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        if self.sd > 0.0 {
            self.noise.fill(gradient)?;
        }
        for (g, t) in gradient.iter_mut().zip(theta) {
            *g = 4.0 * t * (t * t - 1.0) + self.sd * *g;
        }
        Ok(())
    }
}

impl<const N: usize> Energy<N> for Quartic {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        Ok(theta.iter().map(|t| t * t * (t * t - 2.0)).sum())
    }
}

impl<const N: usize> GradientVariance<N> for Quartic {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        *variance = [self.sd * self.sd; N];
        self.gradient(theta, gradient)
    }
}

/// Returns the mean of θ² over the coordinates of a chain at T = 1, over `steps` steps after a tenth as many of burn-in.
pub fn mean_square<const N: usize, S, P, Z>(
    stepper: S,
    potential: &mut P,
    eta: f32,
    steps: u32,
    noise: &mut Z,
) -> f64
where
    S: Stepper<N, P, Z>,
{
    let pace = StepParameters::new(eta, 1.0).expect("in range");
    let mut state = stepper.start();
    let mut theta = [1.0; N];
    let mut sum = 0.0;
    for step in 0..steps.saturating_add(steps / 10) {
        stepper
            .step(&mut state, &mut theta, potential, &pace, noise)
            .expect("these steps are stable");
        if step >= steps / 10 {
            sum += theta.iter().map(|t| f64::from(t * t)).sum::<f64>();
        }
    }
    sum / (N as f64 * f64::from(steps))
}

/// Returns the density exp(2θ² − θ⁴), not normalised.
pub fn quartic_density(theta: f64) -> f64 {
    (2.0 * theta.powi(2) - theta.powi(4)).exp()
}

/// Cells of the histogram: width 0.1 on [−3, 3].
pub const CELLS: usize = 60;

/// Returns the probability of each cell under the quartic's law, by the midpoint rule.
pub fn quartic_shares() -> [f64; CELLS] {
    let mut shares = std::array::from_fn(|i| {
        (0..100)
            .map(|j| quartic_density(-3.0 + 0.1 * (i as f64 + (j as f64 + 0.5) / 100.0)))
            .sum()
    });
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|s| *s /= sum);
    shares
}

/// Returns E θ² under the quartic's law.
pub fn quartic_mean_square() -> f64 {
    let grid = || (0..8000).map(|i| -4.0 + 0.001 * (f64::from(i) + 0.5));
    let weighted: f64 = grid().map(|t| t * t * quartic_density(t)).sum();
    weighted / grid().map(quartic_density).sum::<f64>()
}

/// The fraction of a chain's draws in each cell, and their mean square.
pub struct Histogram {
    pub shares: [f64; CELLS],
    pub mean_square: f64,
}

impl Histogram {
    /// Returns the total variation distance from the quartic's law: half the sum of the absolute differences.
    pub fn total_variation(&self) -> f64 {
        let truth = quartic_shares();
        let sum: f64 = self
            .shares
            .iter()
            .zip(&truth)
            .map(|(a, b)| (a - b).abs())
            .sum();
        0.5 * sum
    }
}

/// Returns the histogram of `draws` (80 000 in the paper), each after 50 steps of size η = 0.01, on the quartic with
/// gradient noise of standard deviation 2.
pub fn quartic_histogram<S>(stepper: S, draws: u32) -> Histogram
where
    S: Stepper<1, Quartic, BoxMuller<Pcg32>>,
{
    let mut noise = BoxMuller::new(Pcg32::seed_from_u64(1));
    let mut potential = Quartic::new(2.0);
    let pace = StepParameters::new(0.01, 1.0).expect("in range");
    let mut state = stepper.start();
    let mut theta = [0.0];
    let mut histogram = Histogram {
        shares: [0.0; CELLS],
        mean_square: 0.0,
    };
    for _ in 0..draws {
        for _ in 0..50 {
            stepper
                .step(&mut state, &mut theta, &mut potential, &pace, &mut noise)
                .expect("the quartic is finite");
        }
        let cell = ((theta[0] + 3.0) * 10.0).max(0.0) as usize;
        if let Some(share) = histogram.shares.get_mut(cell) {
            *share += 1.0 / f64::from(draws);
        }
        histogram.mean_square += f64::from(theta[0] * theta[0]) / f64::from(draws);
    }
    histogram
}

/// Returns E θ² on the quartic under the invariant law of a scheme's transition kernel, by quadrature in f64 without
/// sampling.
///
/// `kernel(x, y)` is the density of going from x to y, smooth over the grid's spacing.
fn invariant_mean_square(spacing: f64, kernel: impl Fn(f64, f64) -> f64) -> f64 {
    let n = (5.6 / spacing).ceil() as usize;
    let grid: Vec<f64> = (0..=n)
        .map(|i| spacing * (i as f64 - 0.5 * n as f64))
        .collect();
    // Row y has the densities of coming to y. The trapezoidal rule converges exponentially on Gaussians.
    let rows: Vec<Vec<f64>> = grid
        .iter()
        .map(|y| grid.iter().map(|x| spacing * kernel(*x, *y)).collect())
        .collect();
    let mut density: Vec<f64> = grid.iter().map(|x| quartic_density(*x)).collect();
    // From a symmetric start the slow exchange between the wells does not matter: the slowest other mode relaxes
    // at a rate of about 8η.
    let mut mean_square = 0.0;
    for _ in 0..100_000 {
        let mut next: Vec<f64> = rows
            .iter()
            .map(|row| row.iter().zip(&density).map(|(k, p)| k * p).sum())
            .collect();
        let mass: f64 = next.iter().sum();
        next.iter_mut().for_each(|p| *p /= mass);
        let last = mean_square;
        mean_square = grid.iter().zip(&next).map(|(x, p)| x * x * p).sum();
        density = next;
        if (mean_square - last).abs() < 1e-13 {
            break;
        }
    }
    mean_square
}

fn quartic_force(theta: f64) -> f64 {
    -4.0 * theta * (theta * theta - 1.0)
}

fn normal_density(x: f64, variance: f64) -> f64 {
    (-0.5 * x * x / variance).exp() / (2.0 * std::f64::consts::PI * variance).sqrt()
}

/// Returns E θ² under SGLD's invariant law at step size η on the quartic.
pub fn sgld_mean_square(eta: f64) -> f64 {
    let variance = 2.0 * eta;
    invariant_mean_square(0.5 * variance.sqrt(), |x, y| {
        normal_density(y - x - eta * quartic_force(x), variance)
    })
}

/// Returns E θ² under the Leimkuhler–Matthews scheme's invariant law at step size η on the quartic.
///
/// With s = √(η/2), θ = y + sξ defines y that is independent of ξ and a Markov chain of its own:
/// y' = 2θ − y + ηF(θ). Its kernel is the normal density of θ at the root of 2θ + ηF(θ) = y + y',
/// times dθ/dy'. The root is single for |θ| < 2.12 at η = 0.04 (further out the law has less than 1e-5 of its mass);
/// E θ² = E y² + s².
pub fn leimkuhler_matthews_mean_square(eta: f64) -> f64 {
    let variance = 0.5 * eta;
    let edge = ((2.0 / eta + 4.0) / 12.0).sqrt();
    let slope = |theta: f64| 2.0 + eta * (4.0 - 12.0 * theta * theta);
    let y = invariant_mean_square(variance.sqrt() * 0.5, |x, y| {
        // Newton's method from where the force is weak; the map is concave or convex on either side.
        let mut theta = 0.5 * (x + y);
        for _ in 0..50 {
            let step = (2.0 * theta + eta * quartic_force(theta) - x - y) / slope(theta);
            theta = (theta - step).clamp(-0.999 * edge, 0.999 * edge);
            if step.abs() < 1e-14 {
                break;
            }
        }
        let miss = 2.0 * theta + eta * quartic_force(theta) - x - y;
        if miss.abs() > 1e-9 {
            return 0.0;
        }
        normal_density(theta - x, variance) / slope(theta)
    });
    y + variance
}

/// A mixture of 25 normals of variance 0.03 at {−4, −2, 0, 2, 4}², with noise N(0, I) on its gradient
/// (Zhang et al. 2020, section 5.1).
pub struct Modes {
    noise: BoxMuller<Pcg32>,
}

const VARIANCE: f32 = 0.03;

impl Modes {
    pub fn new(seed: u64) -> Self {
        Self {
            noise: BoxMuller::new(Pcg32::seed_from_u64(seed)),
        }
    }
}

/// Returns −log of the mixture in one coordinate and its derivative. The two coordinates are independent.
fn comb(x: f32) -> (f32, f32) {
    let distances = [-4.0, -2.0, 0.0, 2.0, 4.0].map(|mean| x - mean);
    let nearest = distances.iter().fold(f32::INFINITY, |m, d| m.min(d * d));
    let (mut sum, mut slope) = (0.0, 0.0);
    for d in distances {
        let weight = (-0.5 / VARIANCE * (d * d - nearest)).exp();
        sum += weight;
        slope += weight * d;
    }
    (
        0.5 / VARIANCE * nearest - sum.ln(),
        slope / (sum * VARIANCE),
    )
}

impl Potential<2> for Modes {
    fn gradient(&mut self, theta: &[f32; 2], gradient: &mut [f32; 2]) -> Result<(), StepError> {
        self.noise.fill(gradient)?;
        for (g, t) in gradient.iter_mut().zip(theta) {
            *g += comb(*t).1;
        }
        Ok(())
    }
}

impl Energy<2> for Modes {
    fn energy(&mut self, theta: &[f32; 2]) -> Result<f32, StepError> {
        Ok(theta.iter().map(|t| comb(*t).0).sum())
    }
}

/// Counts of draws within 0.25 of each mode.
#[derive(Clone, Copy)]
pub struct Visits {
    pub near: [u32; 25],
    pub draws: u32,
}

impl Visits {
    pub fn new() -> Self {
        Self {
            near: [0; 25],
            draws: 0,
        }
    }

    pub fn push(&mut self, theta: &[f32; 2]) {
        self.draws += 1;
        let [i, j] = theta.map(|t| (0.5 * t + 2.0).round().clamp(0.0, 4.0));
        let (dx, dy) = (theta[0] - 2.0 * i + 4.0, theta[1] - 2.0 * j + 4.0);
        if dx * dx + dy * dy <= 0.0625 {
            self.near[(5.0 * i + j) as usize] += 1;
        }
    }

    /// Returns which modes have at least 100 draws near them.
    pub fn visited(&self) -> [bool; 25] {
        self.near.map(|n| n >= 100)
    }

    pub fn count(&self) -> usize {
        self.visited().iter().filter(|v| **v).count()
    }
}

/// The number of steps of a chain on the modes.
pub const LENGTH: u32 = 50_000;

/// Runs a chain on the 25 modes from a uniform start in [−10, 10]², and calls `see` with each draw.
fn on_modes<S, H>(
    stepper: S,
    schedule: H,
    steps: u32,
    seed: u64,
    mut see: impl FnMut(&[f32; 2]),
) -> Chain<2, S, H, BoxMuller<Pcg32>>
where
    S: Stepper<2, Modes, BoxMuller<Pcg32>>,
    H: Schedule,
{
    let mut rng = Pcg32::seed_from_u64(seed);
    let start = [0; 2].map(|_| rng.next_u32() as f32 / u32::MAX as f32 * 20.0 - 10.0);
    let mut chain = Chain::new(start, stepper, schedule, BoxMuller::new(rng));
    let mut modes = Modes::new(seed ^ 0x005e_ed0f_9a5e);
    for _ in 0..steps {
        // A chain is expected to stall at the end of a cycle.
        if let Ok(Some(theta)) = chain.step(&mut modes) {
            see(theta);
        }
    }
    chain
}

/// Runs 30 cycles from η₀ = 0.07. The first 50 steps of each are burn-in.
pub fn cyclical(seed: u64, see: impl FnMut(&[f32; 2])) {
    let schedule = Cyclical::new(0.07, LENGTH.div_ceil(30))
        .expect("in range")
        .burn_in(50);
    on_modes(Sgld::new(), schedule, LENGTH, seed, see);
}

/// Runs the same number of steps of SGLD with η = 0.043 for 500 steps and then 0.043(t − 500)^−0.55.
pub fn decreasing(seed: u64, see: impl FnMut(&[f32; 2])) {
    struct Then(u32, Constant, Polynomial);
    impl Schedule for Then {
        type State = (
            u32,
            <Constant as Schedule>::State,
            <Polynomial as Schedule>::State,
        );
        const START: Self::State = (0, Constant::START, Polynomial::START);
        fn step_parameters(
            &self,
            (t, first, second): &mut Self::State,
            data: f32,
        ) -> Result<StepParameters, StepError> {
            if *t < self.0 {
                *t += 1;
                self.1.step_parameters(first, data)
            } else {
                self.2.step_parameters(second, data)
            }
        }
    }
    let schedule = Then(
        500,
        Constant::new(0.043).expect("in range"),
        Polynomial::new(0.043, 1.0, 0.55).expect("in range"),
    );
    on_modes(Sgld::new(), schedule, LENGTH, seed, see);
}

/// The number of hot replicas; there are five in all.
pub const HOT: usize = 4;

/// Runs replica exchange with `gradients` gradients in all, and returns its swap rates.
pub fn tempered(gradients: u32, seed: u64, see: impl FnMut(&[f32; 2])) -> [f32; HOT] {
    let stepper = ReplicaExchange::new(
        LeimkuhlerMatthews::new(),
        Ladder::geometric(10.0).expect("in range"),
        2,
    );
    let steps = gradients / (HOT as u32 + 1);
    let schedule = Constant::new(0.015).expect("in range");
    let chain = on_modes(stepper, schedule, steps, seed, see);
    chain
        .stepper_state()
        .swap_rates()
        .map(|rate| rate.value().unwrap_or(0.0))
}
