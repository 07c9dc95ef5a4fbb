//! What watches a chain while it samples.

use super::secants::Secants;
use super::{Reason, Tuning, Verdict, squared};
use crate::estimate::BatchMeans;
use crate::{
    Potential, StepError, arithmetic::sqrt, chain::ErrorCounts, estimate::Diagnostics,
    potential::Energy, preconditioner::Preconditioner,
};

/// Looks between two pairs of gradients at one place, whose difference is noise.
const PAIR: u32 = 64;
/// Pairs that the mean of their differences goes back, in order of magnitude.
const MEMORY: u32 = 1024;
/// Pairs without any difference after which the gradient is known to be exact.
const EXACT: u32 = 4;
/// Numbers of the series are bounded by this, for squares of sums to be finite.
const BOUND: f32 = 1e8;
/// Batches that make a standard error.
const BATCHES: u32 = 24;

/// Largest ηk̂ that is not suspect; 2 is the limit of stability.
const STABLE: f32 = 1.5;
/// Largest part that gradient noise may add to a variance.
const DROWNED: f32 = 0.1;
/// Relative bias of a variance that is not suspect, however well it is known.
const BIAS: f32 = 0.03;
/// Standard errors of the bias beyond which it is suspect.
const ERRORS: f32 = 4.0;
/// A converged chain's largest bias, known to within two standard errors, and that error's bound.
const CONVERGED_BIAS: f32 = 0.02;
const CONVERGED_ERROR: f32 = 0.02;
/// A converged chain's standard errors: of a mean, in standard deviations, and of a standard
/// deviation, relative.
const MEAN_ERROR: f32 = 1.0 / 80.0;
const SD_ERROR: f32 = 0.01;
/// A converged chain's largest split R-hat (Vehtari et al. 2021).
const RHAT: f32 = 1.01;
/// A chain that has made so many steps is slow when it needs this many times as many, and drifts when its
/// split R-hat is beyond this.
const LONG: u32 = 1 << 16;
const SLOW: f32 = 4.0;
const DRIFT: f32 = 1.05;

/// Watches a chain through the gradients it asks for, and says whether to believe it.
///
/// ```
/// use langevin::{BoxMuller, Pcg32, SeedableRng, preconditioner::Dense, sampler::{Monitor, Tuning, Verdict}};
/// let mut posterior = |x: &[f32; 2]| [x[0], x[1]];
/// let tuning = Tuning::new([0.0; 2], Dense::identity(), 0.3)?;
/// let mut chain = tuning.chain(BoxMuller::new(Pcg32::seed_from_u64(7)));
/// let mut monitor = Monitor::new(&tuning);
/// for _ in 0..100_000 {
///     chain.step(&mut monitor.watch(&mut posterior))?;
/// }
/// assert_eq!(monitor.verdict(&chain.error_counts()), Verdict::Converged);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It looks at one step in N, so that the work, N² multiplications in the metric's coordinates φ, is
/// O(N) a step on average. What it keeps track of:
///
/// - **Stability**, [`curvature`](Self::curvature): ηk̂, k̂ a high quantile of |Δ∇U|/|Δφ| between successive
///   steps. A step is unstable where ηk > 2.
/// - **Bias**, [`bias`](Self::bias): under the posterior, E\[φᵢ ∂U/∂φᵢ\] = T exactly, whatever its shape
///   (the virial theorem, or Stein's identity). A chain that is too wide because its steps are too
///   long, or too narrow because it has not been everywhere, is off by the relative error of its
///   variance: exactly so for a bell-shaped posterior, in order of magnitude for others.
/// - **Phase**, [`noise_ratio`](Self::noise_ratio): the variance of the gradient's noise against that
///   injected (Welling & Teh 2011, section 4.2), from pairs of gradients at one place. That is one
///   evaluation more in 64N, and none for a gradient found to be exact.
/// - **Length**, [`diagnostics`](Self::diagnostics): effective sample size by batch means, for means and
///   for standard deviations, and split R-hat.
///
/// Meant for steppers that evaluate the gradient once a step, at the position, at T = 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Monitor<const N: usize> {
    tuning: Tuning<N>,
    // The position of the last look, and its gradient.
    theta: [f32; N],
    gradient: [f32; N],
    looked: bool,
    wait: u32,
    steps: u32,
    looks: u32,
    data: f32,
    secants: Secants,
    // Mean squared differences of pairs.
    noise: [f32; N],
    pairs: u32,
    // Of the positions looked at; of φᵢ² and φᵢ∂U/∂φᵢ.
    draws: Diagnostics<N>,
    squares: BatchMeans<N>,
    virials: BatchMeans<N>,
}

impl<const N: usize> Monitor<N> {
    /// A monitor of the chain made from `tuning`.
    pub const fn new(tuning: &Tuning<N>) -> Self {
        Self {
            tuning: *tuning,
            theta: [0.0; N],
            gradient: [0.0; N],
            looked: false,
            wait: 0,
            steps: 0,
            looks: 0,
            data: 1.0,
            secants: Secants::new(),
            noise: [0.0; N],
            pairs: 0,
            draws: Diagnostics::new(),
            squares: BatchMeans::new(),
            virials: BatchMeans::new(),
        }
    }

    /// What it watches for.
    pub const fn tuning(&self) -> &Tuning<N> {
        &self.tuning
    }

    /// The potential, watched: to be handed to the chain's step.
    pub const fn watch<'a, P>(&'a mut self, potential: &'a mut P) -> Watched<'a, P, N> {
        Watched {
            potential,
            monitor: self,
        }
    }

    /// Steps watched so far; saturates.
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// η, at the current number of data.
    fn eta(&self) -> f32 {
        self.tuning.step_size / self.data.max(1.0)
    }

    /// Takes in a position and its gradient; `true` when a second gradient there is wanted.
    #[inline]
    fn observe(&mut self, theta: &[f32; N], gradient: &[f32; N]) -> bool {
        self.steps = self.steps.saturating_add(1);
        if self.looked {
            self.looked = false;
            self.compare(theta, gradient);
        }
        if self.wait > 0 {
            self.wait -= 1;
            return false;
        }
        self.wait = const { (N as u32).saturating_sub(1) };
        self.look(theta, gradient)
    }

    /// The step since the last look.
    #[inline(never)]
    fn compare(&mut self, theta: &[f32; N], gradient: &[f32; N]) {
        let (mut step, mut change) = (*theta, *gradient);
        for (((d, x), c), g) in step
            .iter_mut()
            .zip(&self.theta)
            .zip(&mut change)
            .zip(&self.gradient)
        {
            *d -= x;
            *c -= g;
        }
        self.tuning.metric.solve(&mut step);
        self.tuning.metric.apply_transpose(&mut change);
        let noise = 2.0 * self.noise.iter().sum::<f32>();
        self.secants.push(squared(&change), noise, squared(&step));
    }

    #[inline(never)]
    fn look(&mut self, theta: &[f32; N], gradient: &[f32; N]) -> bool {
        self.theta = *theta;
        self.gradient = *gradient;
        self.looked = true;
        let mut phi = *theta;
        for (x, c) in phi.iter_mut().zip(&self.tuning.centre) {
            *x -= c;
        }
        let mut virial = *gradient;
        self.tuning.metric.solve(&mut phi);
        self.tuning.metric.apply_transpose(&mut virial);
        for (v, x) in virial.iter_mut().zip(&mut phi) {
            *v = bounded(*v * *x);
            *x = bounded(*x * *x);
        }
        self.draws.push(theta);
        self.squares.push(&phi);
        self.virials.push(&virial);
        self.looks = self.looks.saturating_add(1);
        // The last looks of a block, for the chain to have settled by the first.
        self.looks & (PAIR - 1) == 0 && !self.exact()
    }

    fn exact(&self) -> bool {
        self.pairs >= EXACT && self.noise.iter().all(|n| *n == 0.0)
    }

    /// Takes in a second gradient at the place just looked at.
    fn pair(&mut self, again: &[f32; N]) {
        let mut difference = *again;
        for (d, g) in difference.iter_mut().zip(&self.gradient) {
            *d -= g;
        }
        self.tuning.metric.apply_transpose(&mut difference);
        self.pairs = self.pairs.saturating_add(1);
        let weight = 1.0 / self.pairs.min(MEMORY) as f32;
        for (n, d) in self.noise.iter_mut().zip(&difference) {
            *n += weight * (0.5 * bounded(d * d) - *n);
        }
    }

    /// ηk̂: the step size times a high quantile (about 0.99) of the curvature along the way. Unstable
    /// beyond 2; biased, somewhere, beyond 1. 0 before the first 64 looks.
    pub fn curvature(&self) -> f32 {
        self.eta() * self.secants.curvature().unwrap_or(0.0)
    }

    /// Relative bias of each variance, in the metric's coordinates: E\[φᵢ ∂U/∂φᵢ\] − 1, and its standard
    /// error.
    pub fn bias(&self) -> [(f32, f32); N] {
        let (size, count) = self.virials.size_and_count();
        let mut bias = [(0.0, f32::INFINITY); N];
        if count >= BATCHES {
            let draws = size as f32 * count as f32;
            for ((b, mean), variance) in bias
                .iter_mut()
                .zip(self.virials.mean())
                .zip(self.virials.long_run_variance())
            {
                *b = (mean - 1.0, sqrt(variance / draws));
            }
        }
        bias
    }

    /// Welling & Teh's test: the variance of the gradient's noise over that of the injected noise,
    /// ηVᵢ/2, for each coordinate of the metric. It is the part that it adds to a variance; far below
    /// 1 the chain is in its Langevin phase.
    pub fn noise_ratio(&self) -> [f32; N] {
        let mut ratio = self.noise;
        for r in &mut ratio {
            *r *= 0.5 * self.eta();
        }
        ratio
    }

    /// Effective sample size and split R-hat of the positions, and their moments, from one step in N:
    /// all steps do better.
    pub const fn diagnostics(&self) -> &Diagnostics<N> {
        &self.draws
    }

    /// For each coordinate, how many times the steps made so far it takes to know mean and standard
    /// deviation well enough.
    fn work(&self) -> [f32; N] {
        let mut work = [f32::INFINITY; N];
        if self.squares.size_and_count().1 < BATCHES {
            return work;
        }
        for (((w, ess), square), variance) in work
            .iter_mut()
            .zip(self.draws.ess())
            .zip(self.squares.mean())
            .zip(self.squares.long_run_variance())
        {
            // Relative squared standard error of a standard deviation, in the metric's coordinates.
            let of_sd = variance / (4.0 * square * square * self.draws.draws());
            *w = (of_sd / (SD_ERROR * SD_ERROR)).max(1.0 / (ess * MEAN_ERROR * MEAN_ERROR));
        }
        work
    }

    /// Whether to believe the chain, whose fault counts are `faults`.
    pub fn verdict(&self, faults: &ErrorCounts) -> Verdict {
        match self.suspicion(faults) {
            Some(reason) => Verdict::Suspect(reason),
            None if self.converged() => Verdict::Converged,
            None => Verdict::NotYet,
        }
    }

    fn suspicion(&self, faults: &ErrorCounts) -> Option<Reason> {
        let failed = faults
            .gradient
            .saturating_add(faults.energy)
            .saturating_add(faults.too_long);
        if faults.returned > 0 || failed > self.steps >> 10 {
            return Some(Reason::StepErrors);
        }
        if faults.stalled > 0 {
            return Some(Reason::Stalled);
        }
        if self.curvature() > STABLE {
            return Some(Reason::Unstable);
        }
        if self.noise_ratio().iter().any(|r| *r > DROWNED) {
            return Some(Reason::GradientNoise);
        }
        for (coordinate, (bias, error)) in self.bias().iter().enumerate() {
            if bias.abs() > BIAS + ERRORS * error {
                return Some(Reason::Biased { coordinate });
            }
        }
        if self.steps >= LONG {
            if self.draws.split_r_hat() > DRIFT {
                return Some(Reason::Drift);
            }
            for (coordinate, work) in self.work().into_iter().enumerate() {
                if work > SLOW {
                    return Some(Reason::Slow { coordinate });
                }
            }
        }
        None
    }

    fn converged(&self) -> bool {
        self.work().iter().all(|work| *work <= 1.0)
            && self.draws.split_r_hat() <= RHAT
            && self.bias().iter().all(|(bias, error)| {
                *error <= CONVERGED_ERROR && bias.abs() <= CONVERGED_BIAS + 2.0 * error
            })
    }
}

crate::checkpoint!(impl[const N: usize] for Monitor<N> {
    tuning: Tuning<N>, theta: [f32; N], gradient: [f32; N], looked: bool, wait: u32, steps: u32, looks: u32,
    data: f32, secants: Secants, noise: [f32; N], pairs: u32, draws: Diagnostics<N>, squares: BatchMeans<N>,
    virials: BatchMeans<N>
});

/// `x`, but finite.
fn bounded(x: f32) -> f32 {
    // False for NaN too.
    if x.abs() < BOUND { x } else { BOUND }
}

/// A potential that a [`Monitor`] watches; see [`Monitor::watch`].
#[derive(Debug)]
pub struct Watched<'a, P, const N: usize> {
    potential: &'a mut P,
    monitor: &'a mut Monitor<N>,
}

impl<const N: usize, P: Potential<N>> Potential<N> for Watched<'_, P, N> {
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.potential.gradient(theta, gradient)?;
        self.monitor.data = self.potential.number_of_data();
        // What is not finite is the stepper's to refuse, and the chain's to count.
        if gradient.iter().all(|g| g.is_finite()) && self.monitor.observe(theta, gradient) {
            let mut again = [0.0; N];
            self.potential.gradient(theta, &mut again)?;
            self.monitor.pair(&again);
        }
        Ok(())
    }

    #[inline]
    fn number_of_data(&self) -> f32 {
        self.potential.number_of_data()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.potential.set_centre(theta)
    }
}

impl<const N: usize, P: Energy<N>> Energy<N> for Watched<'_, P, N> {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        self.potential.energy(theta)
    }
}
