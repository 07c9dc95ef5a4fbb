//! The loop's state: position, stepper, schedule and noise; burn-in, thinning and recovery.

use crate::{
    Potential, StepError,
    error::ErrorCounts,
    schedule::Schedule,
    stepper::{MaxStep, StepParameters, Stepper},
};

/// How many steps pass between two looks for a frozen chain.
const WATCH: u32 = 64;

/// A Markov chain: a stepper with all it needs to step, and the barrier that keeps it finite.
///
/// Each [`step`](Self::step) gives the new position, or `None` while burning in or thinning, or the
/// [`StepError`] that kept the position where it was. After [`patience`](Self::patience) faults in a row
/// that the position may be to blame for (gradient, energy, length of the step) it goes back to the
/// anchor (where the chain started, unless told otherwise), and burn-in starts again. Until a return
/// has led to 64 good steps, each further one goes half as far from the origin, should the anchor itself
/// be no place to step from: from 1e20 to 1 in 67 returns, each when patience has run out again.
///
/// What the estimates see of an excursion is up to two settings. [`max_step`](Self::max_step) ends it:
/// without a bound, a diverging chain makes a few ever longer, finite steps before it faults.
/// [`burn_in`](Self::burn_in) drops the way back: make it long enough to descend from the anchor.
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, schedule::Constant, stepper::{MaxStep, Sgld}};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0; 2], Sgld::new(), Constant::new(0.05)?, noise)
///     .burn_in(100)
///     .max_step(MaxStep::new(10.0)?);
/// let mut posterior = |theta: &[f32; 2]| [theta[0] - 1.0, 4.0 * theta[1]];
/// for _ in 0..1000 {
///     if let Some(theta) = chain.step(&mut posterior)? {
///         assert!(theta.iter().all(|t| t.is_finite()));
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chain<const N: usize, S, H, Z> {
    theta: [f32; N],
    anchor: [f32; N],
    stepper: S,
    schedule: H,
    noise: Z,
    max_step: MaxStep,
    burn_in: u32,
    // Draws dropped for each that is kept.
    skip: u32,
    // Steps until the next position is kept.
    wait: u32,
    // Steps until the next look for frost, after those of `calm`.
    watch: u32,
    // Good steps to come that are kept and ask for nothing else, so that a step counts once. A fault ends them.
    calm: u32,
    patience: u32,
    // Faults since the last good step that the position may be to blame for.
    in_a_row: u32,
    // Returns that did not lead to `WATCH` good steps yet.
    returns: u32,
    counts: ErrorCounts,
}

impl<const N: usize, S, H, Z> Chain<N, S, H, Z> {
    /// A chain at `theta`, which is its anchor too.
    ///
    /// Without burn-in, keeping every draw, with no bound on a step but that it is finite, and
    /// a patience of 8 faults. A coordinate of `theta` that is not finite is taken as 0.
    pub const fn new(theta: [f32; N], stepper: S, schedule: H, noise: Z) -> Self {
        const { assert!(N > 0, "a chain needs at least one parameter") };
        let theta = shrunk(theta, 1.0);
        Self {
            theta,
            anchor: theta,
            stepper,
            schedule,
            noise,
            max_step: MaxStep::NONE,
            burn_in: 0,
            skip: 0,
            wait: 0,
            watch: 0,
            calm: 0,
            patience: 8,
            in_a_row: 0,
            returns: 0,
            counts: ErrorCounts::new(),
        }
    }

    /// Drops the first `steps` good steps, and as many again after every return to the anchor.
    ///
    /// Steps that the schedule does not keep are dropped anyway: burn-in and thinning do not count them.
    #[must_use]
    pub const fn burn_in(mut self, steps: u32) -> Self {
        self.burn_in = steps;
        self.wait = steps;
        self.end_calm();
        self
    }

    /// Keeps one draw in `every`; 0 is read as 1.
    #[must_use]
    pub const fn thin(mut self, every: u32) -> Self {
        self.skip = every.saturating_sub(1);
        self.end_calm();
        self
    }

    /// Refuses steps longer than `bound`.
    #[must_use]
    pub const fn max_step(mut self, bound: MaxStep) -> Self {
        self.max_step = bound;
        self
    }

    /// Goes back to the anchor after `faults` in a row that the position may be to blame for:
    /// [`StepError::NonFiniteGradient`], [`StepError::NonFiniteEnergy`] and [`StepError::StepTooLong`]. 0 is read as 1.
    #[must_use]
    pub const fn patience(mut self, faults: u32) -> Self {
        self.patience = if faults == 0 { 1 } else { faults };
        self
    }

    /// Comes back to `anchor` rather than to where the chain started: a known good point.
    ///
    /// A coordinate that is not finite is taken as 0.
    #[must_use]
    pub const fn anchor(mut self, anchor: [f32; N]) -> Self {
        self.anchor = shrunk(anchor, 1.0);
        self
    }

    /// The position θ. Always finite.
    pub const fn position(&self) -> &[f32; N] {
        &self.theta
    }

    /// How often each fault occurred.
    pub const fn error_counts(&self) -> ErrorCounts {
        self.counts
    }

    /// The stepper.
    pub const fn stepper(&self) -> &S {
        &self.stepper
    }

    /// The stepper, to change its parameters between steps.
    pub const fn stepper_mut(&mut self) -> &mut S {
        &mut self.stepper
    }

    /// The schedule.
    pub const fn schedule(&self) -> &H {
        &self.schedule
    }

    /// The schedule, to change its parameters between steps.
    pub const fn schedule_mut(&mut self) -> &mut H {
        &mut self.schedule
    }

    /// The noise.
    pub const fn noise_mut(&mut self) -> &mut Z {
        &mut self.noise
    }

    /// Makes one step and gives the new position, or `None` when it is not one to keep: burn-in,
    /// thinning, or a phase that the schedule does not keep.
    ///
    /// # Errors
    /// The [`StepError`] that kept the position where it was ([`StepError::ReturnedToAnchor`]: brought it
    /// back; [`StepError::Stalled`]: found that steps no longer change it). The next step carries on.
    #[inline]
    pub fn step<P>(&mut self, potential: &mut P) -> Result<Option<&[f32; N]>, StepError>
    where
        P: Potential<N>,
        S: Stepper<N, P, Z>,
        H: Schedule,
    {
        match self.attempt(potential) {
            Ok(true) => Ok(Some(&self.theta)),
            Ok(false) => Ok(None),
            Err(fault) => Err(self.failed::<P>(fault)),
        }
    }

    /// Makes one step, and tells whether its position is to be kept.
    // Always: the pace then stays in registers.
    #[inline(always)]
    fn attempt<P>(&mut self, potential: &mut P) -> Result<bool, StepError>
    where
        P: Potential<N>,
        S: Stepper<N, P, Z>,
        H: Schedule,
    {
        let pace = self
            .schedule
            .pace(potential.number_of_data())?
            .with_max_step(self.max_step);
        self.stepper
            .step(&mut self.theta, potential, &pace, &mut self.noise)?;
        match self.calm.checked_sub(1) {
            Some(calm) if self.schedule.keeps() => {
                self.calm = calm;
                Ok(true)
            }
            _ => self.take_stock::<P>(&pace),
        }
    }

    /// After a good step that is not one of many alike: looks for frost when it is time, and tells whether the
    /// position is to be kept.
    #[inline(never)]
    fn take_stock<P>(&mut self, pace: &StepParameters) -> Result<bool, StepError>
    where
        S: Stepper<N, P, Z>,
        H: Schedule,
    {
        self.end_calm();
        if self.watch == 0 {
            self.watch = WATCH;
            self.returns = 0;
            self.look_for_frost(&self.stepper.noise_scale(pace))?;
        }
        self.watch -= 1;
        self.in_a_row = 0;
        if !self.schedule.keeps() {
            return Ok(false);
        }
        if self.wait > 0 {
            self.wait -= 1;
            return Ok(false);
        }
        self.wait = self.skip;
        if self.skip == 0 {
            self.calm = self.watch;
            self.watch = 0;
        }
        Ok(true)
    }

    const fn end_calm(&mut self) {
        // One of them is 0.
        self.watch |= self.calm;
        self.calm = 0;
    }

    fn look_for_frost(&self, reach: &[f32; N]) -> Result<(), StepError> {
        // Only where the exponents are 24 apart or more can a sum not differ from its first term.
        let exponent = |x: &f32| x.to_bits() << 1 >> 24;
        let frozen =
            self.theta.iter().zip(reach).any(|(t, r)| {
                exponent(t) >= exponent(r).saturating_add(24) && *r > 0.0 && t + r == *t
            });
        if frozen {
            Err(StepError::Stalled)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn failed<P>(&mut self, fault: StepError) -> StepError
    where
        S: Stepper<N, P, Z>,
    {
        self.end_calm();
        self.counts.count(fault);
        // Going elsewhere heals no schedule and no random number generator, and a frozen chain moved.
        if !matches!(
            fault,
            StepError::NonFiniteGradient | StepError::NonFiniteEnergy | StepError::StepTooLong
        ) {
            return fault;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row < self.patience {
            return fault;
        }
        self.in_a_row = 0;
        // 2^-returns; the anchor itself at first.
        let exponent = self.returns.min(126);
        self.theta = shrunk(self.anchor, f32::from_bits((127 - exponent) << 23));
        self.returns = self.returns.saturating_add(1);
        self.watch = WATCH;
        self.wait = self.burn_in;
        self.stepper.reset();
        self.counts.count(StepError::ReturnedToAnchor);
        StepError::ReturnedToAnchor
    }
}

/// `theta` times `factor`; 0 where it is not finite.
pub(crate) const fn shrunk<const N: usize>(mut theta: [f32; N], factor: f32) -> [f32; N] {
    let mut rest: &mut [f32] = &mut theta;
    while let [first, tail @ ..] = rest {
        *first = if first.is_finite() {
            *first * factor
        } else {
            0.0
        };
        rest = tail;
    }
    theta
}

crate::checkpoint!(impl[
    const N: usize, S: crate::Checkpoint, H: crate::Checkpoint, Z: crate::Checkpoint
] for Chain<N, S, H, Z> {
    theta: [f32; N], anchor: [f32; N], stepper: S, schedule: H, noise: Z, max_step: MaxStep,
    burn_in: u32, skip: u32, wait: u32, watch: u32, calm: u32, patience: u32, in_a_row: u32, returns: u32,
    counts: ErrorCounts
} if |chain| crate::barrier::finite(&chain.theta) && crate::barrier::finite(&chain.anchor));
