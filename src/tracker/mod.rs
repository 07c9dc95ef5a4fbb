//! A stream of readings in, the posterior out after each: nothing to set.

mod alarm;
mod batch;
mod belief;
mod draws;
mod estimate;
mod evidence;
mod folding;
mod forecast;
mod forgetting;
mod packed;
mod prediction;
mod skew;
mod state;

use core::fmt;

pub use alarm::Response;
pub use estimate::{Estimate, Reading, Shape};
pub use forecast::Forecast;
pub use state::TrackerState;

use draws::Draws;
use estimate::News;
use evidence::Evidence;
use folding::Folded;
use prediction::Outcome;
use skew::Skew;
use state::{Track, Working};

use crate::{
    Model, Window,
    data::{Data, Observation},
    model::{Likelihood, Prior, add_scaled},
    noise::FiveMoments,
};

/// The posterior of a model after every reading of a stream, in fixed memory and bounded time.
///
/// It starts from the prior and learns each reading in two parts. A *prediction* moves mean and covariance by the gradient
/// of that reading alone, as an extended Kalman filter would. Then *draws* of Langevin dynamics, in the
/// coordinates in which the posterior is close to N(0, I), correct both by Stein's identities: E(y − u) = 0 and
/// E y(y − u)ᵀ = 0, where u is the gradient at the draw y. Where the posterior is normal every single draw says that nothing is
/// left to correct, and the answer is exact; elsewhere mean and covariance tend to those of the true posterior.
///
/// Some of the gradients go to the posterior's *third derivatives*, from 2N + 1 points about the mean. They tell how the covariance changes
/// when a reading moves the mean, and by a further Stein identity they take their own part of the scatter out of every draw. It is done where it leaves
/// a quarter of the work for draws, so with a full window and the 16 gradients by default for 5 unknowns at most, and not with minibatches.
///
/// Nothing is to be set but the model, the memory and the work. The memory is the [`Window`]: unlimited or forgetting.
/// A reading that leaves it goes into a Gaussian term, exactly for a linear model, so that an unlimited memory
/// needs no unlimited window. For other models the term follows the posterior by N third derivatives: after 10 000 readings, of which
/// the window holds 32, half of the streams are within 0.03 standard deviations, and nine of ten within 0.25. A window of one reading
/// works too; at reading 1000 the errors are up to five times those of 32, and models with an unknown scale may be lost. The work is the number of gradients that a reading may cost with a full window, 16 unless
/// [`gradients`](Self::gradients) says otherwise; while the window fills there are more of them, for the same work.
///
/// ```
/// use langevin::{
///     BoxMuller, GaussianPrior, Model, Pcg32, Sample, SeedableRng, Tracker, Window,
///     model::LinearRegression,
/// };
///
/// /// Learns offset and gain of a sensor, y = offset + gain·x, whose readings are off by about `sigma`.
/// fn calibrate(
///     sigma: f32,
///     readings: impl Iterator<Item = Sample<2>>,
/// ) -> Result<[[f32; 2]; 2], Box<dyn std::error::Error>> {
///     let prior = GaussianPrior::new([0.0; 2], [10.0; 2])?; // what is known before the readings
///     let model = Model::new(prior, LinearRegression::new(sigma)?);
///     let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
///     let mut tracker = Tracker::new(model, Window::<_, 64>::new(), noise);
///     for reading in readings {
///         let estimate = tracker.update(reading)?;
///         let ([offset, gain], [_, gain_sd]) = (estimate.mean(), estimate.sd());
///         println!("offset {offset:.3}, gain {gain:.3} ± {gain_sd:.3}");
///     }
///     Ok(tracker.estimate().interval(0.95)?)
/// }
///
/// let readings = (0..200).map(|i| (i % 10) as f32 * 0.2 - 0.9).map(|x| Sample {
///     x: [1.0, x],
///     y: 1.0 + 3.0 * x, // your sensor here
/// });
/// let [_, [low, high]] = calibrate(0.5, readings)?;
/// assert!(low < 3.0 && 3.0 < high);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Cost of a reading: K · (72/(n + 8)) gradients of n readings in the window (K once it holds 64), then up to 2 · 32 + 2N + 1 gradients
/// of the new reading (mostly 8), and 4N + 1 of the one that leaves.
///
/// # What is refused
/// A reading with a NaN or an infinite field, one that the model cannot give, and one so far off that 32 moves of √N standard deviations do not
/// reach it, are refused and counted; [`Estimate::reading`] says so. A second wild reading in a row is learnt: something has changed.
///
/// # Missing readings
/// The memory counts readings, not time: when one is missing, [`missing`](Self::missing) draws on.
#[derive(Clone, Debug)]
pub struct Tracker<M, W, Z, const N: usize> {
    model: M,
    gradients: u16,
    terms: u16,
    response: Response,
    state: TrackerState<W, Z, N>,
}

/// Why a [`Tracker`] cannot track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TrackerError {
    /// The prior says nothing of some unknown: before the first readings there is no posterior.
    ImproperPrior,
    /// The random number generator failed; what was learnt until then stays.
    Random,
}

impl fmt::Display for TrackerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ImproperPrior => "prior says nothing of some unknown; give it a finite scale",
            Self::Random => "random number generator failed",
        })
    }
}

impl core::error::Error for TrackerError {}

/// The share that the readings from before a change keep by [`Response::Widen`].
const WIDENED: f32 = 0.1;

impl<M, W, Z, const N: usize> Tracker<M, W, Z, N> {
    /// Creates a tracker that knows the prior of `model` and has seen no reading; `window` is its memory.
    pub const fn new(model: M, window: W, noise: Z) -> Self {
        const { assert!(N > 0, "a tracker needs an unknown") };
        Self::resume(
            model,
            TrackerState {
                window,
                noise,
                track: Track::NOTHING,
            },
        )
    }

    /// Creates a tracker that goes on from `state`.
    pub const fn resume(model: M, state: TrackerState<W, Z, N>) -> Self {
        Self {
            model,
            gradients: 16,
            terms: u16::MAX,
            response: Response::Keep,
            state,
        }
    }

    /// Sets the number of gradients that a reading may cost, at least 1; 16 by default.
    ///
    /// The error that they leave falls with its square root; from 4 (2N + 1)/3 on it is smaller by a factor of two and more.
    #[must_use]
    pub const fn gradients(mut self, gradients: u16) -> Self {
        self.gradients = if gradients > 0 { gradients } else { 1 };
        self
    }

    /// Sets the number of readings that a gradient may sum, at least 2; all of them by default.
    ///
    /// With more of them in the window a gradient is that at the mean, summed over all once a reading, and the differences of half as
    /// many readings as are allowed: a minibatch with control variates. It adds noise, and linear models are no longer exact.
    #[must_use]
    pub const fn terms(mut self, terms: u16) -> Self {
        self.terms = if terms > 2 { terms } else { 2 };
        self
    }

    /// Sets what an alarm does; nothing by default.
    #[must_use]
    pub const fn on_alarm(mut self, response: Response) -> Self {
        self.response = response;
        self
    }

    /// The posterior as it is known now. Before the first reading all is 0.
    pub const fn estimate(&self) -> Estimate<'_, N> {
        self.estimate_after(News::NOTHING)
    }

    const fn estimate_after(&self, news: News) -> Estimate<'_, N> {
        Estimate {
            track: &self.state.track,
            news,
        }
    }

    /// The model.
    pub const fn model(&self) -> &M {
        &self.model
    }

    /// What has been learnt, to be kept.
    pub const fn state(&self) -> &TrackerState<W, Z, N> {
        &self.state
    }
}

/// So many readings cost as much beside their own terms as a draw costs beside the gradient.
const OVERHEAD: usize = 8;
/// Window above which a reading costs no more draws than it was given.
const FULL: usize = 64;

impl<Q, L, O, Z, const N: usize, const CAP: usize> Tracker<Model<Q, L>, Window<O, CAP>, Z, N>
where
    Q: Prior<N>,
    L: Likelihood<O, N>,
    O: Observation,
    Z: FiveMoments,
{
    /// Learns a reading and returns the posterior after it.
    ///
    /// # Errors
    /// [`TrackerError`]. A reading that is refused is not an error: see [`Estimate::reading`].
    pub fn update(&mut self, reading: O) -> Result<Estimate<'_, N>, TrackerError> {
        let news = self.take(reading)?;
        if self.state.track.is_lost() {
            self.start_again()?;
        } else {
            self.draw(self.draws())?;
        }
        self.state.track.judge();
        Ok(self.estimate_after(news))
    }

    /// Draws on without a reading, as much as a reading costs, and returns the posterior after that.
    ///
    /// # Errors
    /// [`TrackerError`].
    pub fn missing(&mut self) -> Result<Estimate<'_, N>, TrackerError> {
        self.refine(self.draws())
    }

    /// Learns a reading by its own gradient alone, without a draw: the part of [`update`](Self::update) that cannot wait.
    ///
    /// # Errors
    /// [`TrackerError::ImproperPrior`].
    pub fn learn(&mut self, reading: O) -> Result<Estimate<'_, N>, TrackerError> {
        let news = self.take(reading)?;
        Ok(self.estimate_after(news))
    }

    /// Makes `draws` draws, each with one gradient of the whole posterior, and returns the posterior after them.
    ///
    /// After [`learn`](Self::learn) it spreads the work of a reading over time. After the last reading of a stream many draws, in one
    /// call, make the estimate as precise as it is needed: its error falls with the square root of their number.
    ///
    /// Of 4 (2N + 1)/3 draws or more, 2N + 1 are not drawn: their gradients, at the mean and 1.5 standard deviations from it, tell
    /// third derivatives.
    ///
    /// # Errors
    /// [`TrackerError`].
    pub fn refine(&mut self, draws: u16) -> Result<Estimate<'_, N>, TrackerError> {
        self.draw(draws)?;
        Ok(self.estimate())
    }

    /// Returns the number of draws that [`update`](Self::update) makes with the window as it is.
    pub fn draws(&self) -> u16 {
        let capacity = CAP.min(FULL);
        let share = (capacity + OVERHEAD) as f32
            / (self.state.window.count().min(capacity) + OVERHEAD) as f32;
        (f32::from(self.gradients) * share) as u16
    }

    /// Returns what is expected of a reading, without learning it; `None` where the model does not know the law of its readings.
    ///
    /// # Errors
    /// [`TrackerError::ImproperPrior`].
    pub fn forecast(&self, reading: &O) -> Result<Option<Forecast>, TrackerError> {
        let belief = self.state.track.unpack(self.model.prior())?.belief;
        let likelihood = self.model.likelihood();
        Ok(forecast::forecast(&belief, |theta| {
            likelihood.law(theta, reading)
        }))
    }

    /// Takes in a reading.
    fn take(&mut self, reading: O) -> Result<News, TrackerError> {
        let (prior, likelihood) = (self.model.prior(), self.model.likelihood());
        let TrackerState { window, track, .. } = &mut self.state;
        let mut working = track.unpack(prior)?;
        let mut news = News::NOTHING;
        if !(reading.is_finite() && likelihood.accepts(&reading)) {
            track.refused = track.refused.saturating_add(1);
            news.reading = Reading::Impossible;
            return Ok(news);
        }
        let factor = window.forgetting_factor();
        let mut belief = working.belief;
        let pull = track.discount(&mut belief, prior, factor);
        news.forecast = forecast::forecast(&belief, |theta| likelihood.law(theta, &reading));
        let evidence = Evidence::Reading(likelihood, &reading, 1.0);
        let outcome = evidence.predict(&mut belief, &pull);
        let refused = outcome == Outcome::OutOfReach && !track.out_of_reach;
        track.out_of_reach = outcome == Outcome::OutOfReach;
        let surprise = news.forecast.map_or(1.0, |forecast| forecast.surprise());
        let alarm = track
            .alarm
            .push(if refused { 0.0 } else { surprise }, !refused);
        news.alarm = alarm.is_some();
        if refused {
            track.refused = track.refused.saturating_add(1);
            news.reading = Reading::Wild;
            return Ok(news);
        }
        news.reading = Reading::Learnt;
        let log_density = news.forecast.map_or(0.0, |forecast| forecast.log_density());
        track.score = (factor * track.score + log_density).clamp(f32::MIN, f32::MAX);
        let lasting = factor >= 1.0;
        if window.count() == CAP {
            if let Some((oldest, weight)) = window.get(CAP - 1) {
                let evidence = Evidence::Reading(likelihood, oldest, weight);
                evidence.fold(&mut working, lasting);
                track.misfit += working.draws.deviation();
            }
        }
        working.folded.discount(factor);
        track.misfit *= factor;
        // It is finite: the window takes it.
        let _ = window.push(reading);
        // The reference of both is the same.
        let by = belief.displacement().iter();
        let by = by.zip(working.belief.displacement());
        for (moved, (new, old)) in track.moved.iter_mut().zip(by) {
            *moved += new - old;
        }
        working.adopt(belief);
        track.effective = 1.0 + factor * track.effective;
        if let Some(run) = alarm {
            self.respond(&mut working, usize::from(run))?;
        }
        self.state.track.pack(working);
        Ok(news)
    }

    /// Does what an alarm calls for, of which the `run` newest readings are the cause.
    fn respond(&mut self, working: &mut Working<N>, run: usize) -> Result<(), TrackerError> {
        let (prior, likelihood) = (self.model.prior(), self.model.likelihood());
        let TrackerState { window, track, .. } = &mut self.state;
        let run = run.clamp(1, CAP);
        let lasting = window.forgetting_factor() >= 1.0;
        match self.response {
            Response::Keep => {}
            Response::Widen => {
                for age in (run..window.count()).rev() {
                    if let Some((old, weight)) = window.get(age) {
                        Evidence::Reading(likelihood, old, weight).fold(working, lasting);
                    }
                }
                window.keep_newest(run);
                working.folded.discount(WIDENED);
                track.misfit *= WIDENED;
                forgetting::widen(&mut working.belief, prior, WIDENED);
                let new = window.total_weight();
                track.effective = new + WIDENED * (track.effective - new).max(0.0);
                working.draws.restart();
            }
            Response::Restart => {
                window.keep_newest(run);
                working.folded = Folded::NOTHING;
                track.misfit = 0.0;
                working.draws = Draws::NOTHING;
                track.effective = 0.0;
                working.adopt(Track::prior(prior)?);
                let factor = window.forgetting_factor();
                for age in (0..window.count()).rev() {
                    if let Some((reading, _)) = window.get(age) {
                        let evidence = Evidence::Reading(likelihood, reading, 1.0);
                        track.relearn(working, prior, factor, &evidence);
                    }
                }
            }
        }
        Ok(())
    }

    /// Starts from the prior again, and learns what has left the window, then the window from the newest reading to the oldest.
    ///
    /// In place of the draws of a reading, of which it costs about as much. The order is another than the first time: a
    /// first reading that led astray now comes last.
    fn start_again(&mut self) -> Result<(), TrackerError> {
        let (prior, likelihood) = (self.model.prior(), self.model.likelihood());
        let TrackerState { window, track, .. } = &mut self.state;
        let mut working = track.unpack(prior)?;
        let (folded, reference) = (working.folded, *working.belief.reference());
        let mut belief = Track::prior(prior)?;
        let readings = window.iter();
        let readings =
            readings.map(|(reading, weight)| Evidence::Reading(likelihood, reading, weight));
        for evidence in core::iter::once(Evidence::Folded(&folded, &reference)).chain(readings) {
            evidence.predict(&mut belief, &[0.0; N]);
        }
        working.folded.rebase(&belief.distance(&reference), &belief);
        working.belief = belief;
        working.adopt(belief);
        working.draws = Draws::NOTHING;
        track.pack(working);
        Ok(())
    }

    /// Makes `draws` draws.
    fn draw(&mut self, draws: u16) -> Result<(), TrackerError> {
        let (prior, likelihood) = (self.model.prior(), self.model.likelihood());
        let a_reading = self.draws();
        let TrackerState {
            window,
            noise,
            track,
        } = &mut self.state;
        let Working {
            mut belief,
            folded,
            draws: mut chain,
        } = track.unpack(prior)?;
        let averaged = Draws::<N>::window(track.effective, f32::from(a_reading));
        let reference = *belief.reference();
        let gaussian = folded.averaged(&belief);
        let count = window.count();
        let batch = self.terms >> 1;
        let sampled = count > usize::from(self.terms);
        let (anchor, mut sum) = (belief.mean(), [0.0; N]);
        if sampled {
            likelihood.add_gradients(&anchor, window.weighted(), &mut sum);
        }
        let scale = count as f32 / f32::from(batch);
        let mut result = Ok(());
        let batches = &mut track.batch;
        let mut gradient = |theta: &[f32; N]| {
            let mut gradient = [0.0; N];
            prior.add_gradient(theta, &mut gradient);
            if sampled {
                add_scaled(&mut gradient, 1.0, &sum);
                let readings = batch::indices(batches, count, batch)
                    .filter_map(|index| window.get(index))
                    .map(|(reading, weight)| (reading, scale * weight));
                likelihood.add_differences(theta, &anchor, readings, &mut gradient);
            } else {
                likelihood.add_gradients(theta, window.weighted(), &mut gradient);
            }
            gaussian.add_gradient(&reference, theta, &mut gradient);
            gradient
        };
        // At least a quarter of the work is left for the draws.
        let affordable = !sampled && 3 * usize::from(draws) >= 4 * Skew::<N>::GRADIENTS;
        let skew = affordable.then(|| Skew::measure(&belief, &mut gradient));
        let mut left = draws;
        if let Some(skew) = &skew {
            skew.follow(&mut belief, &track.moved);
            left = left.saturating_sub(Skew::<N>::GRADIENTS as u16);
        }
        track.moved = [0.0; N];
        for made in 0..left {
            // After the draws of a reading the posterior rests, and all further ones count the same.
            let further = f32::from(made.saturating_sub(a_reading));
            let mut xi = [0.0; N];
            if noise.fill(&mut xi).is_err() {
                result = Err(TrackerError::Random);
                break;
            }
            let skew = skew.as_ref();
            chain.step(&mut belief, averaged, further, &xi, skew, &mut gradient);
        }
        track.pack(Working {
            belief,
            folded,
            draws: chain,
        });
        result
    }
}
