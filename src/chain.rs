//! Chains: a stepper with its schedule, noise, burn-in, thinning and recovery.

use crate::{
    Potential, StepError,
    arithmetic::{finite, halved},
    checkpoint::Checkpoint,
    schedule::Schedule,
    stepper::{Dynamics, MaxStep, StepParameters, Stepper},
};

pub use crate::error::ErrorCounts;

/// How many good steps pass from one check for a stalled chain to the next.
const CHECK_EVERY: u32 = 64;

/// A Markov chain: a stepper with all that it needs to step, kept finite.
///
/// Each [`step`](Self::step) gives the new position, or `None` during burn-in and thinning, or the
/// [`StepError`] that kept the position where it was. After [`patience`](Self::patience) errors in a row
/// that may be due to the position (gradient, energy, length of the step) the chain returns to its
/// anchor, which is where it started unless [set](Self::anchor), and burn-in starts again. In case the anchor
/// itself is a point from which no step succeeds, each further return goes half as far from the origin, until one has led to
/// 64 good steps: from 1e20 to 1 in 67 returns.
///
/// Two settings keep an excursion out of the estimates. [`max_step`](Self::max_step) ends it early:
/// without a bound, a diverging chain makes a few finite steps of growing length before one fails.
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
///
/// A chain is configuration, which the program sets, and a [`ChainState`], which changes with every step and can
/// be kept in a [`Checkpoint`]:
///
/// ```
/// use langevin::{BoxMuller, Chain, Checkpoint, SeedableRng, chain::ChainState, checkpoint::CountedPcg32};
/// use langevin::{schedule::Constant, stepper::Sgld};
/// type State = ChainState<2, Sgld, Constant, BoxMuller<CountedPcg32>>;
/// let start = || {
///     let noise = BoxMuller::new(CountedPcg32::seed_from_u64(7));
///     Ok::<_, langevin::ConfigError>(Chain::new([0.0; 2], Sgld::new(), Constant::new(0.05)?, noise).burn_in(100))
/// };
/// let mut flash = [0; State::IMAGE];
/// start()?.state().save(&mut flash)?;
/// // After a reset:
/// let mut chain = start()?;
/// if let Ok(state) = State::load(&flash) {
///     chain.resume(state);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chain<const N: usize, S: Dynamics<N>, H: Schedule, Z> {
    stepper: S,
    schedule: H,
    anchor: [f32; N],
    max_step: MaxStep,
    burn_in: u32,
    // Draws dropped for each that is kept.
    skip: u32,
    patience: u32,
    state: ChainState<N, S, H, Z>,
}

/// The state of a [`Chain`]: its position and all else that a step changes, the noise included.
///
/// It holds no configuration: a chain that [resumes](Chain::resume) it carries on under the configuration that
/// the chain has. An image of another number of parameters, or of a stepper, schedule or noise that
/// keeps something else, is refused by its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainState<const N: usize, S: Dynamics<N>, H: Schedule, Z> {
    theta: [f32; N],
    stepper: S::State,
    schedule: H::State,
    noise: Z,
    // Good steps until a position is kept.
    to_drop: u32,
    // Steps to come that, if good, are kept and need nothing else done, so that a step counts once. An error ends
    // them.
    plain: u32,
    // Good steps until the next check for a stalled chain, beyond the plain ones.
    until_check: u32,
    // Errors since the last good step that may be due to the position.
    errors_in_a_row: u32,
    // Returns that have not led to `CHECK_EVERY` good steps yet.
    returns: u32,
    error_counts: ErrorCounts,
}

impl<const N: usize, S: Dynamics<N>, H: Schedule, Z> Chain<N, S, H, Z> {
    /// Creates a chain at `theta`, which is its anchor too.
    ///
    /// It has no burn-in, keeps every draw, has no bound on a step but that it is finite, and a patience of 8
    /// errors. A coordinate of `theta` that is not finite is taken as 0.
    pub const fn new(theta: [f32; N], stepper: S, schedule: H, noise: Z) -> Self {
        const { assert!(N > 0, "a chain needs at least one parameter") };
        let theta = sanitised(theta);
        Self {
            stepper,
            schedule,
            anchor: theta,
            max_step: MaxStep::NONE,
            burn_in: 0,
            skip: 0,
            patience: 8,
            state: ChainState {
                theta,
                stepper: S::START,
                schedule: H::START,
                noise,
                to_drop: 0,
                plain: 0,
                until_check: 0,
                errors_in_a_row: 0,
                returns: 0,
                error_counts: ErrorCounts::new(),
            },
        }
    }

    /// Drops the first `steps` good steps, and as many again after every return to the anchor.
    ///
    /// Steps that the schedule does not keep are dropped anyway: burn-in and thinning do not count them.
    #[must_use]
    pub const fn burn_in(mut self, steps: u32) -> Self {
        self.burn_in = steps;
        self.state.to_drop = steps;
        self.state.end_plain_steps();
        self
    }

    /// Keeps one draw in `every`; 0 is read as 1.
    #[must_use]
    pub const fn thin(mut self, every: u32) -> Self {
        self.skip = every.saturating_sub(1);
        self.state.end_plain_steps();
        self
    }

    /// Refuses steps longer than `bound`.
    #[must_use]
    pub const fn max_step(mut self, bound: MaxStep) -> Self {
        self.max_step = bound;
        self
    }

    /// Returns to the anchor after this many `errors` in a row that may be due to the position:
    /// [`StepError::NonFiniteGradient`], [`StepError::NonFiniteEnergy`] and [`StepError::StepTooLong`]. 0 is read as 1.
    #[must_use]
    pub const fn patience(mut self, errors: u32) -> Self {
        self.patience = if errors == 0 { 1 } else { errors };
        self
    }

    /// Returns to `anchor`, a point known to be good, instead of where the chain started.
    ///
    /// A coordinate that is not finite is taken as 0.
    #[must_use]
    pub const fn anchor(mut self, anchor: [f32; N]) -> Self {
        self.anchor = sanitised(anchor);
        self
    }

    /// Carries on from `state`, under the configuration that this chain has.
    pub fn resume(&mut self, state: ChainState<N, S, H, Z>) {
        self.state = state;
        if self.skip > 0 {
            self.state.end_plain_steps();
        }
    }

    /// Returns the state, to be kept.
    pub const fn state(&self) -> &ChainState<N, S, H, Z> {
        &self.state
    }

    /// Returns the position θ, which is always finite.
    pub const fn position(&self) -> &[f32; N] {
        &self.state.theta
    }

    /// Returns how often each error occurred.
    pub const fn error_counts(&self) -> ErrorCounts {
        self.state.error_counts
    }

    /// Returns the stepper.
    pub const fn stepper(&self) -> &S {
        &self.stepper
    }

    /// Returns the stepper, to change its configuration between steps.
    pub const fn stepper_mut(&mut self) -> &mut S {
        &mut self.stepper
    }

    /// Returns the stepper's state, with its diagnostics.
    pub const fn stepper_state(&self) -> &S::State {
        &self.state.stepper
    }

    /// Returns the noise.
    pub const fn noise_mut(&mut self) -> &mut Z {
        &mut self.state.noise
    }

    /// Makes one step and returns the new position, or `None` when it is not one to keep: during burn-in,
    /// thinning, or a phase that the schedule does not keep.
    ///
    /// # Errors
    /// The [`StepError`] that kept the position where it was ([`StepError::ReturnedToAnchor`]: that brought it
    /// back; [`StepError::Stalled`]: that steps no longer change it). The next step carries on.
    #[inline]
    pub fn step<P>(&mut self, potential: &mut P) -> Result<Option<&[f32; N]>, StepError>
    where
        P: Potential<N>,
        S: Stepper<N, P, Z>,
    {
        match self.attempt(potential) {
            Ok(true) => Ok(Some(&self.state.theta)),
            Ok(false) => Ok(None),
            Err(error) => Err(self.recover(error)),
        }
    }

    /// Makes one step, and tells whether its position is to be kept.
    // Always: the parameters then stay in registers.
    #[inline(always)]
    fn attempt<P>(&mut self, potential: &mut P) -> Result<bool, StepError>
    where
        P: Potential<N>,
        S: Stepper<N, P, Z>,
    {
        let state = &mut self.state;
        let parameters = self
            .schedule
            .step_parameters(&mut state.schedule, potential.number_of_data())?
            .with_max_step(self.max_step);
        self.stepper.step(
            &mut state.stepper,
            &mut state.theta,
            potential,
            &parameters,
            &mut state.noise,
        )?;
        match state.plain.checked_sub(1) {
            Some(plain) if self.schedule.keeps(&state.schedule) => {
                state.plain = plain;
                Ok(true)
            }
            _ => self.count_step(&parameters),
        }
    }

    /// Counts a good step that is not a plain one: checks for a stalled chain when it is time, and tells whether
    /// the position is to be kept.
    #[inline(never)]
    fn count_step(&mut self, parameters: &StepParameters) -> Result<bool, StepError> {
        let state = &mut self.state;
        state.end_plain_steps();
        if state.until_check == 0 {
            state.until_check = CHECK_EVERY;
            state.returns = 0;
            let noise_scale = self.stepper.noise_scale(&state.stepper, parameters);
            if stalled(&state.theta, &noise_scale) {
                return Err(StepError::Stalled);
            }
        }
        state.until_check -= 1;
        state.errors_in_a_row = 0;
        if !self.schedule.keeps(&state.schedule) {
            return Ok(false);
        }
        if state.to_drop > 0 {
            state.to_drop -= 1;
            return Ok(false);
        }
        state.to_drop = self.skip;
        if self.skip == 0 {
            state.plain = state.until_check;
            state.until_check = 0;
        }
        Ok(true)
    }

    /// Counts an error, and returns to the anchor when patience has run out.
    #[cold]
    fn recover(&mut self, error: StepError) -> StepError {
        let state = &mut self.state;
        state.end_plain_steps();
        state.error_counts.count(error);
        // Another position helps no schedule and no generator, and a stalled chain has made its step.
        if !matches!(
            error,
            StepError::NonFiniteGradient | StepError::NonFiniteEnergy | StepError::StepTooLong
        ) {
            return error;
        }
        state.errors_in_a_row = state.errors_in_a_row.saturating_add(1);
        if state.errors_in_a_row < self.patience {
            return error;
        }
        state.errors_in_a_row = 0;
        // The anchor itself at first, then 2^-returns of it.
        state.theta = scaled(self.anchor, halved(state.returns.min(126)));
        state.returns = state.returns.saturating_add(1);
        state.until_check = CHECK_EVERY;
        state.to_drop = self.burn_in;
        self.stepper.reset(&mut state.stepper);
        state.error_counts.count(StepError::ReturnedToAnchor);
        StepError::ReturnedToAnchor
    }
}

impl<const N: usize, S: Dynamics<N>, H: Schedule, Z> ChainState<N, S, H, Z> {
    const fn end_plain_steps(&mut self) {
        // One of them is 0.
        self.until_check |= self.plain;
        self.plain = 0;
    }
}

/// Whether steps no longer change a coordinate of `theta`: the random part of a step is below its resolution.
#[inline(always)]
fn stalled<const N: usize>(theta: &[f32; N], noise_scale: &[f32; N]) -> bool {
    // Only where the exponents are 24 apart or more can a sum not differ from its first term.
    let exponent = |x: &f32| x.to_bits() << 1 >> 24;
    theta
        .iter()
        .zip(noise_scale)
        .any(|(t, sd)| exponent(t) >= exponent(sd).saturating_add(24) && *sd > 0.0 && t + sd == *t)
}

/// Returns `theta` with 0 in place of what is not finite.
pub(crate) const fn sanitised<const N: usize>(mut theta: [f32; N]) -> [f32; N] {
    let mut rest: &mut [f32] = &mut theta;
    while let [first, tail @ ..] = rest {
        if !first.is_finite() {
            *first = 0.0;
        }
        rest = tail;
    }
    theta
}

/// Returns `theta` times `factor`.
fn scaled<const N: usize>(mut theta: [f32; N], factor: f32) -> [f32; N] {
    for t in &mut theta {
        *t *= factor;
    }
    theta
}

crate::checkpoint!(impl[
    const N: usize, S: Dynamics<N, State: Checkpoint>, H: Schedule<State: Checkpoint>, Z: Checkpoint
] for ChainState<N, S, H, Z> {
    theta: [f32; N], stepper: S::State, schedule: H::State, noise: Z, to_drop: u32, plain: u32, until_check: u32,
    errors_in_a_row: u32, returns: u32, error_counts: ErrorCounts
} if |state| finite(&state.theta)
    && state.plain.min(state.until_check) == 0
    && state.plain.max(state.until_check) <= CHECK_EVERY
    && (state.plain == 0 || state.to_drop == 0));
