//! The chain that a sampler runs: windows that set centre, metric and step size, then the one whose draws count.

use super::secants::Secants;
use super::tuning::squared;
use super::{Accuracy, Monitor, Reason, SamplerError, Tuning, Verdict};
use crate::{
    Potential, StepError,
    arithmetic::{exp, halved, sqrt},
    chain::ErrorCounts,
    estimate::SkewedMoments,
    noise::FiveMoments,
    preconditioner::{Dense, Preconditioner},
    stepper::MaxStep,
};

/// The longest step size η, in whitened units, and the part of the curvature's high quantile that a step may span.
const LONGEST: f32 = 0.25;
const SAFETY: f32 = 0.45;
/// The least step size worth sampling with.
const LEAST: f32 = 1e-4;
/// What the step size is before anything is known.
const CAUTIOUS: f32 = 0.08;
/// Friction for each unit of time √(2η): a little more than what mixes squares best where the curvature is 1, for it is
/// more than that somewhere.
const FRICTION: f32 = 1.5;
/// A step across which the curvature k was such that ηk exceeds this is taken back: it is all but unstable.
const REFUSED: f32 = 1.9;
/// Steps taken back in a row after which the chain goes back to the centre.
const STUCK: u8 = 24;
/// Lengths of the first and of the last window.
const FIRST_WINDOW: u32 = 64;
const LAST_WINDOW: u32 = 2048;
/// Largest deviation of an element of a window's covariance from the unit matrix for the metric to be good enough; and
/// the same for it to stay, once there are draws in it.
const ROUND: f32 = 0.35;
const STAYS: f32 = 0.6;
/// A variance beyond this, or a mean, in the metric's coordinates: the metric is wrong.
const WRONG_VARIANCE: f32 = 3.0;
const WRONG_MEAN: f32 = 1.5;
/// Windows in a row that found the posterior wider by so much, after which it has no width.
const GROWING: u8 = 8;
/// Draws by which a metric is judged at first, and at most.
const JUDGED: u32 = 256;
const LONGEST_JUDGED: u32 = 1 << 16;
/// Squared distance from the centre, for each coordinate, beyond which a chain has left its metric.
const AWAY: f32 = 400.0;
/// Surprising batches in a row after which the target has moved.
const SURPRISES: u8 = 3;
/// How far apart, in whitened units, the two places of a pair of gradients are whose difference is noise: nothing to
/// curvature, but enough to round differently.
const APART: f32 = 1e-3;
/// Steps between two pairs: while warming up, where noise is little and where it limits the step size; and after.
const PAIR: u32 = 16;
const NOISY_PAIR: u32 = 4;
const SAMPLING_PAIR: u32 = 256;
/// Noise, of variance V, that counts as such.
const NOISY: f32 = 0.01;
/// The largest ηV: the gradient's noise adds half of it to a variance, before it is taken off what is injected.
const HEAT: f32 = 0.1;
/// Pairs that the mean of their differences goes back, in order of magnitude.
const MEMORY: u16 = 1024;
/// Part of the steps that may be taken back.
const FEW: f32 = 0.01;

/// What became of a step.
pub(super) enum Outcome {
    /// Nothing to hand out.
    Nothing,
    /// A draw.
    Drawn,
    /// It warms up again.
    WarmUp,
    /// The target has moved: locate it anew.
    Locate,
    /// Give up.
    Stop(SamplerError),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Adaptive<const N: usize> {
    pub monitor: Monitor<N>,
    momentum: [f32; N],
    eta: f32,
    // From a tuning: η for one observation, until the number of data is known.
    resumed: bool,
    secants: Secants,
    // Mean squared differences of pairs of gradients, halved, and their number.
    noise: [f32; N],
    pairs: u16,
    pairing: bool,
    // Whether the gradient at the position is known, and the potential centred.
    known: bool,
    // Draws of the window under way; 0 when it is the last, which is never complete.
    window: u32,
    // Steps until draws count.
    settle: u16,
    steps: u32,
    refused: u32,
    in_a_row: u8,
    growing: u8,
    // Draws of the last window before the metric is judged by them.
    judged: u32,
    data: f32,
}

impl<const N: usize> Adaptive<N> {
    /// All zeros, to be started in place.
    pub const BLANK: Self = Self {
        monitor: Monitor::BLANK,
        momentum: [0.0; N],
        eta: 0.0,
        resumed: false,
        secants: Secants::BLANK,
        noise: [0.0; N],
        pairs: 0,
        pairing: false,
        known: false,
        window: 0,
        settle: 0,
        steps: 0,
        refused: 0,
        in_a_row: 0,
        growing: 0,
        judged: 0,
        data: 0.0,
    };

    /// Starts the first window of a blank one, from the mode.
    pub fn start(&mut self, mode: &[f32; N], metric: &Dense<N>) {
        self.about(mode, metric);
        self.begin(FIRST_WINDOW);
    }

    /// Starts the last window of a blank one at once.
    pub fn resume(&mut self, tuning: &Tuning<N>) {
        self.about(&tuning.centre, &tuning.metric);
        self.eta = tuning.step_size;
        self.resumed = true;
        self.noise = [tuning.gradient_noise; N];
        self.pairs = u16::from(tuning.gradient_noise > 0.0);
        self.begin(0);
        // From the centre to where draws are.
        self.settle = 64;
    }

    fn about(&mut self, centre: &[f32; N], metric: &Dense<N>) {
        self.monitor.start(centre, metric);
        self.eta = CAUTIOUS;
        self.judged = JUDGED;
        self.secants = Secants::new();
        self.data = 1.0;
    }

    /// Another window, of `length` draws.
    #[inline(never)]
    fn begin(&mut self, length: u32) {
        self.window = length;
        // Some relaxation times of the chain.
        self.settle = (8.0 / sqrt(2.0 * self.eta)) as u16;
        self.known = false;
        self.pairing = true;
        self.steps = 0;
        self.refused = 0;
    }

    pub const fn warming_up(&self) -> bool {
        self.window > 0
    }

    pub fn progress(&self, accuracy: Accuracy) -> f32 {
        let part = if self.window > 0 {
            self.monitor.moments().weight() / self.window as f32
        } else {
            let work = self.monitor.work(accuracy);
            1.0 / work.iter().copied().fold(1.0, f32::max)
        };
        part.clamp(0.0, 1.0)
    }

    pub fn tuning(&self) -> Tuning<N> {
        let moments = self.monitor.moments();
        Tuning {
            centre: moments.mean().unwrap_or(*moments.centre()),
            metric: *self.metric(),
            step_size: if self.resumed {
                self.eta
            } else {
                self.eta * self.data
            },
            gradient_noise: self.largest_noise(),
        }
    }

    fn metric(&self) -> &Dense<N> {
        self.monitor.moments().factor()
    }

    /// Variance of the whitened gradient's noise, of the coordinate that has most of it.
    #[inline(never)]
    fn largest_noise(&self) -> f32 {
        self.noise.iter().fold(0.0, |a: f32, b| a.max(*b))
    }

    pub fn verdict(&self, accuracy: Accuracy, counts: &ErrorCounts) -> Verdict {
        self.suspicion()
            .unwrap_or_else(|| self.monitor.judge(counts, accuracy))
    }

    pub fn verdict_with(
        &self,
        accuracy: Accuracy,
        counts: &ErrorCounts,
        skewed: &SkewedMoments<N>,
    ) -> Verdict {
        self.suspicion()
            .unwrap_or_else(|| self.monitor.judge_with(counts, accuracy, skewed))
    }

    /// What the steps themselves speak against.
    fn suspicion(&self) -> Option<Verdict> {
        if self.steps >= 1024 && self.refused as f32 > FEW * self.steps as f32 {
            return Some(Verdict::Suspect(Reason::Unstable));
        }
        if self.eta * self.largest_noise() > 2.0 * HEAT {
            return Some(Verdict::Suspect(Reason::GradientNoise));
        }
        None
    }

    /// One step.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a sampler, each borrowed by itself"
    )]
    pub fn step<P: Potential<N>, Z: FiveMoments>(
        &mut self,
        position: &mut [f32; N],
        gradient: &mut [f32; N],
        potential: &mut P,
        noise: &mut Z,
        max_step: MaxStep,
        counts: &mut ErrorCounts,
        evaluations: &mut u32,
    ) -> Result<Outcome, StepError> {
        if !self.known {
            potential.set_centre(self.monitor.moments().centre())?;
            self.data = potential.number_of_data().max(1.0);
            if self.resumed {
                self.eta = (self.eta / self.data).min(LONGEST);
                self.resumed = false;
            }
            evaluate(potential, position, gradient, evaluations)?;
            self.known = true;
            return Ok(Outcome::Nothing);
        }
        let mut fresh = [0.0; N];
        noise.fill(&mut fresh)?;
        let noisy = self.largest_noise() > NOISY;
        let mut u = *gradient;
        self.metric().apply_transpose(&mut u);
        let momentum = if self.pairing {
            for xi in &mut fresh {
                *xi *= APART;
            }
            self.momentum
        } else {
            self.propose(&u, &mut fresh, noisy)
        };
        let displacement = fresh;
        let mut probe = displacement;
        self.metric().apply(&mut probe);
        if !self.pairing && !max_step.admits(&probe) {
            counts.count(StepError::StepTooLong);
            return Ok(self.refuse(position));
        }
        for (p, x) in probe.iter_mut().zip(position.iter()) {
            *p += x;
        }
        let mut found = [0.0; N];
        match evaluate(potential, &probe, &mut found, evaluations) {
            Err(error @ StepError::NonFiniteGradient) if !self.pairing => {
                counts.count(error);
                return Ok(self.refuse(position));
            }
            done => done?,
        }
        if self.pairing {
            self.pairing = false;
            self.compare(gradient, &found);
            return Ok(Outcome::Nothing);
        }
        let mut next = found;
        self.metric().apply_transpose(&mut next);
        let mut change = next;
        for (c, u) in change.iter_mut().zip(&u) {
            *c -= u;
        }
        // Noise makes a difference where there is no curvature.
        let of_noise = 2.0 * self.noise.iter().sum::<f32>();
        let curvature = self
            .secants
            .push(squared(&change), of_noise, squared(&displacement));
        self.steps = self.steps.saturating_add(1);
        // False for NaN too.
        let stable = self.eta * curvature <= REFUSED;
        if stable {
            *position = probe;
            *gradient = found;
            u = next;
            self.momentum = momentum;
            self.in_a_row = 0;
        } else {
            let outcome = self.refuse(position);
            if !matches!(outcome, Outcome::Nothing) || !self.known {
                return Ok(outcome);
            }
        }
        if self.secants.at_block() {
            self.set_step();
            if self.eta < LEAST {
                return Ok(self.give_up());
            }
            if self.window == 0 && self.left(position) {
                return Ok(self.warm_up());
            }
        }
        let every = if self.window == 0 {
            SAMPLING_PAIR
        } else if noisy {
            NOISY_PAIR
        } else {
            PAIR
        };
        self.pairing = self.steps & (every - 1) == 0;
        if self.settle > 0 {
            self.settle -= 1;
            return Ok(Outcome::Nothing);
        }
        self.monitor.push_whitened(position, &u);
        Ok(self.after_draw())
    }

    /// BAOAB: turns fresh noise into the whitened displacement, and gives the momentum after it.
    fn propose(&self, u: &[f32; N], fresh: &mut [f32; N], noisy: bool) -> [f32; N] {
        // Shorter and shorter after refusals.
        let eta = self.eta * halved(self.in_a_row.into());
        let time = sqrt(2.0 * eta);
        let keep = if noisy { 0.0 } else { exp(-FRICTION * time) };
        let renew = sqrt(1.0 - keep * keep);
        // The drift is bounded by one whitened unit for each coordinate.
        let drift = eta * (1.0 + keep) * sqrt(squared(u) / N as f32);
        let kick = time / drift.max(1.0);
        let mut momentum = self.momentum;
        for (((d, r), u), noise) in (fresh.iter_mut())
            .zip(&mut momentum)
            .zip(u)
            .zip(&self.noise)
        {
            // What the gradient's noise brings is not injected.
            let renew = if noisy {
                sqrt((1.0 - 0.5 * eta * noise).max(0.1))
            } else {
                renew
            };
            let kicked = *r - kick * u;
            *r = keep * kicked + renew * *d;
            *d = 0.5 * time * (kicked + *r);
        }
        momentum
    }

    /// Stays, and turns round.
    fn refuse(&mut self, position: &mut [f32; N]) -> Outcome {
        self.refused = self.refused.saturating_add(1);
        for r in &mut self.momentum {
            *r = -*r;
        }
        self.in_a_row += 1;
        if self.in_a_row < STUCK {
            return Outcome::Nothing;
        }
        // No step from here is stable: from the centre, with shorter ones.
        self.in_a_row = 0;
        self.momentum = [0.0; N];
        *position = *self.monitor.moments().centre();
        self.known = false;
        self.eta *= 0.5;
        if self.eta < LEAST {
            self.give_up()
        } else {
            Outcome::Nothing
        }
    }

    /// No step size is left. A chain that had one is on another target now; one that is warming up has no hope.
    fn give_up(&self) -> Outcome {
        if self.window == 0 {
            Outcome::Locate
        } else if self.largest_noise() > NOISY {
            Outcome::Stop(SamplerError::Noisy)
        } else {
            Outcome::Stop(SamplerError::Unstable)
        }
    }

    /// Takes in a second gradient close by.
    fn compare(&mut self, gradient: &[f32; N], again: &[f32; N]) {
        let mut difference = *again;
        for (d, g) in difference.iter_mut().zip(gradient) {
            *d -= g;
        }
        self.metric().apply_transpose(&mut difference);
        self.pairs = self.pairs.saturating_add(1).min(MEMORY);
        let share = 1.0 / f32::from(self.pairs);
        for (n, d) in self.noise.iter_mut().zip(&difference) {
            *n += share * (0.5 * d * d - *n);
        }
    }

    /// Sets the step size by the curvature and the noise met so far.
    fn set_step(&mut self) {
        self.eta = LONGEST
            .min(SAFETY / self.secants.curvature())
            .min(HEAT / self.largest_noise());
    }

    /// Whether the position is where the metric says nothing can be.
    fn left(&self, position: &[f32; N]) -> bool {
        let mut y = *position;
        for (x, c) in y.iter_mut().zip(self.monitor.moments().centre()) {
            *x -= c;
        }
        self.metric().solve(&mut y);
        // False for NaN too.
        let within = squared(&y) < AWAY * N as f32;
        !within
    }

    /// After a draw: ends a window, looks whether the metric is right, or hands out the draw.
    #[inline(never)]
    fn after_draw(&mut self) -> Outcome {
        let moments = self.monitor.moments();
        let draws = moments.weight() as u32;
        if self.window > 0 {
            return if draws >= self.window {
                self.end_window()
            } else {
                Outcome::Nothing
            };
        }
        if moments.surprises() >= SURPRISES {
            return Outcome::Locate;
        }
        if draws >= self.judged && draws.is_power_of_two() && self.is_wrong(draws) {
            // Where draws depend on many before them few look wrong by chance: the next time more of them are asked.
            self.judged = (2 * self.judged).min(LONGEST_JUDGED);
            self.warm_up()
        } else {
            Outcome::Drawn
        }
    }

    /// Whether the metric is wrong, by what so many draws say.
    fn is_wrong(&self, draws: u32) -> bool {
        let (deviation, largest) = self.deviation();
        let early = draws <= 1024;
        largest > WRONG_VARIANCE
            || self.monitor.moments().off_centre() > WRONG_MEAN
            || (early && deviation > STAYS)
    }

    /// How far the draws are from what was presumed.
    #[inline(never)]
    fn deviation(&self) -> (f32, f32) {
        let mut found = Dense::BLANK;
        self.monitor.moments().whitened_covariance(&mut found);
        from_unit(found.rows())
    }

    /// Warms up again, from what is known.
    fn warm_up(&mut self) -> Outcome {
        self.refine();
        self.begin(4 * FIRST_WINDOW);
        Outcome::WarmUp
    }

    fn end_window(&mut self) -> Outcome {
        let (deviation, largest) = self.refine();
        self.growing = if largest > WRONG_VARIANCE {
            self.growing + 1
        } else {
            0
        };
        if self.growing >= GROWING {
            return Outcome::Stop(SamplerError::Diverging);
        }
        let round = deviation < ROUND && self.window > FIRST_WINDOW;
        let longest = self.window >= LAST_WINDOW && largest <= WRONG_VARIANCE;
        self.begin(if round || longest {
            0
        } else {
            (2 * self.window).min(LAST_WINDOW)
        });
        Outcome::Nothing
    }

    /// Moves centre and metric to what the draws say; gives how far that was from what was presumed.
    fn refine(&mut self) -> (f32, f32) {
        let moments = self.monitor.moments();
        let finite = (moments.mean()).filter(|mean| mean.iter().all(|x| x.is_finite()));
        let centre = finite.unwrap_or(*moments.centre());
        self.refine_about(&centre)
    }

    /// The same once the centre is known, whose matrix is off the stack by now.
    #[inline(never)]
    fn refine_about(&mut self, centre: &[f32; N]) -> (f32, f32) {
        let mut found = Dense::BLANK;
        self.monitor.moments().whitened_covariance(&mut found);
        let far = from_unit(found.rows());
        let inner = found.factorise().is_ok().then_some(&found);
        if inner.is_some() {
            // What is known of noise and curvature was in other coordinates.
            self.secants.carry();
            self.pairs = self.pairs.min(16);
            self.momentum = [0.0; N];
        }
        self.monitor.refine(centre, inner);
        far
    }
}

/// Evaluates the gradient, which is finite unless this is an error, and counts that.
pub(super) fn evaluate<const N: usize, P: Potential<N>>(
    potential: &mut P,
    at: &[f32; N],
    gradient: &mut [f32; N],
    evaluations: &mut u32,
) -> Result<(), StepError> {
    *evaluations = evaluations.saturating_add(1);
    *gradient = [0.0; N];
    potential.gradient(at, gradient)?;
    if at.iter().chain(gradient.iter()).all(|x| x.is_finite()) {
        Ok(())
    } else {
        Err(StepError::NonFiniteGradient)
    }
}

/// Largest deviation of an element from the unit matrix, and largest diagonal element; infinite for NaN.
fn from_unit<const N: usize>(matrix: &[[f32; N]; N]) -> (f32, f32) {
    let (mut deviation, mut largest) = (0.0_f32, 0.0_f32);
    for (i, row) in matrix.iter().enumerate() {
        for (j, x) in row.iter().enumerate() {
            let unit = if i == j { 1.0 } else { 0.0 };
            if x.is_nan() {
                return (f32::INFINITY, f32::INFINITY);
            }
            deviation = deviation.max((x - unit).abs());
            if i == j {
                largest = largest.max(*x);
            }
        }
    }
    (deviation, largest)
}

crate::checkpoint!(impl[const N: usize] for Adaptive<N> {
    monitor: Monitor<N>, momentum: [f32; N], eta: f32, resumed: bool, secants: Secants, noise: [f32; N], pairs: u16,
    pairing: bool, known: bool, window: u32, settle: u16, steps: u32, refused: u32, in_a_row: u8, growing: u8,
    judged: u32, data: f32
} if |chain| chain.in_a_row < STUCK && chain.growing < GROWING && chain.judged.is_power_of_two()
    && chain.eta > 0.0 && chain.eta.is_finite());
