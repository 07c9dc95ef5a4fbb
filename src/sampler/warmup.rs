//! Warm-up, driven one gradient at a time.

use core::fmt;

use super::adaptation_window::{AdaptationWindow, Progress};
use super::descent::Descent;
use super::whitening::{Curvature, Scale, Search};
use super::{Options, Site, Tuning};
use crate::{ConfigError, Potential, StepError, noise::FiveMoments, preconditioner::Dense};

/// Faults in a row after which a warm-up is given up.
const PATIENCE: u8 = 64;

/// Finds a [`Tuning`] from nothing but a potential and a starting point, one gradient at a time, in
/// fixed memory.
///
/// ```
/// use langevin::{BoxMuller, Pcg32, SeedableRng, sampler::Warmup};
/// // A posterior with standard deviations 0.001 and 100 about (3, -200).
/// let mut posterior = |x: &[f32; 2]| [(x[0] - 3.0) * 1e6, (x[1] + 200.0) * 1e-4];
/// let mut noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut warmup = Warmup::new([0.0; 2]);
/// let tuning = loop {
///     if let Some(tuning) = warmup.step(&mut posterior, &mut noise)? {
///         break tuning;
///     }
/// };
/// let mut chain = tuning.chain(noise);
/// chain.step(&mut posterior)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It goes through these stages:
///
/// 1. Descent by the signs of the gradient (iRprop−), until a round gains less than N units of energy.
/// 2. The scale of each coordinate, then the Hessian by central differences, refined in the metric it
///    gives; Newton steps between, checked by the energy along them.
/// 3. Chains (Leimkuhler–Matthews) over windows of 256, 512, ... 4096 steps, each of which refines the
///    metric by the covariance of its draws, and sets the step size anew.
/// 4. A last window of 2048 steps for the step size in the final metric.
///
/// The step size is the least of: 0.3, which keeps the bias of a bell-shaped posterior below 1 % and
/// wastes little; 0.5/k̂, k̂ a high quantile of the curvature between successive steps, for posteriors
/// that are sharper in places; and what keeps the variance that gradient noise adds below 2.5 %.
/// Curvature is told from that noise, of rounding or of minibatches, by pairs of gradients at one place.
///
/// All in all about 8 000 to 10 500 gradients. With control variates the stages 1 and 2 use the exact
/// gradient, through [`Potential::set_centre`]; each window then begins by recentring once.
///
/// Every step makes one evaluation of the gradient and takes bounded time; about 100 floats + 2N²
/// floats of memory.
#[derive(Clone, Copy, Debug)]
pub struct Warmup<const N: usize> {
    options: Options,
    site: Site<N>,
    probe: [f32; N],
    // Where the potential is recentred before the next gradient.
    set_centre: Option<[f32; N]>,
    phase: Phase<N>,
    faults: u8,
    evaluations: u32,
}

#[derive(Clone, Copy, Debug)]
enum Phase<const N: usize> {
    Descent(Descent<N>),
    Scale(Scale<N>),
    Curvature(Curvature<N>),
    Search(Search<N>, Curvature<N>),
    Covariance(AdaptationWindow<N>),
    StepSize(AdaptationWindow<N>),
    Done(Tuning<N>),
    Failed(WarmupError),
}

/// What a warm-up is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Stage {
    /// On the way to where the posterior is.
    Descent,
    /// Finding the scale of each coordinate and the curvature.
    Curvature,
    /// Running chains for the covariance.
    Covariance,
    /// Running a chain for the step size.
    StepSize,
    /// Done: each further step gives the tuning.
    Done,
    /// Given up: each further step gives the error.
    Failed,
}

/// Why a warm-up was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WarmupError {
    /// The gradient is not finite where the warm-up starts, or all around where it got to.
    NonFinite,
    /// The gradient does not depend on a coordinate, as far as its resolution goes: the posterior is
    /// improper, or the parameter is not used.
    Flat {
        /// Which coordinate.
        coordinate: usize,
    },
    /// No step size is stable: the curvature varies too much, or the gradient is not that of any
    /// potential.
    Unstable,
    /// The gradient's noise is so large that only hopelessly short steps would drown it: take larger
    /// minibatches, or control variates.
    Noisy,
    /// The potential or the random number generator failed time and again.
    Step(StepError),
}

impl fmt::Display for WarmupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite => f.write_str("gradient is not finite"),
            Self::Flat { coordinate } => {
                write!(f, "gradient does not depend on coordinate {coordinate}")
            }
            Self::Unstable => f.write_str("no step size is stable"),
            Self::Noisy => {
                f.write_str("gradient is too noisy; take larger minibatches or control variates")
            }
            Self::Step(fault) => write!(f, "{fault}, time and again"),
        }
    }
}

impl core::error::Error for WarmupError {}

impl<const N: usize> Warmup<N> {
    /// A warm-up from `start`, with the defaults described above. A coordinate of `start` that is not
    /// finite is taken as 0.
    pub const fn new(start: [f32; N]) -> Self {
        const { assert!(N > 0, "a warm-up needs at least one parameter") };
        let start = crate::chain::sanitised(start);
        Self {
            options: Options {
                step_size: 0.3,
                safety: 0.5,
                bias: 0.025,
                first_window: 256,
                last_window: 4096,
            },
            site: Site {
                theta: start,
                gradient: [0.0; N],
                metric: Dense::identity(),
            },
            probe: start,
            set_centre: Some(start),
            phase: Phase::Descent(Descent::new()),
            faults: 0,
            evaluations: 0,
        }
    }

    /// The longest step size η in whitened coordinates; 0.3 by default.
    ///
    /// # Errors
    /// When it is not finite and > 0.
    pub const fn step_size(mut self, longest: f32) -> Result<Self, ConfigError> {
        match ConfigError::positive("step size", longest) {
            Ok(longest) => {
                self.options.step_size = longest;
                Ok(self)
            }
            Err(error) => Err(error),
        }
    }

    /// ηk̂, the part of the curvature's high quantile that a step may span; 0.5 by default.
    ///
    /// # Errors
    /// When it is not finite and > 0.
    pub const fn safety(mut self, part: f32) -> Result<Self, ConfigError> {
        match ConfigError::positive("safety", part) {
            Ok(part) => {
                self.options.safety = part;
                Ok(self)
            }
            Err(error) => Err(error),
        }
    }

    /// Relative bias of the variance that gradient noise may cause; 0.025 by default.
    ///
    /// # Errors
    /// When it is not finite and > 0.
    pub const fn bias(mut self, relative: f32) -> Result<Self, ConfigError> {
        match ConfigError::positive("bias", relative) {
            Ok(relative) => {
                self.options.bias = relative;
                Ok(self)
            }
            Err(error) => Err(error),
        }
    }

    /// Steps of the first window and the most that a window may have, each twice as long as the last;
    /// 256 and 4096 by default, which makes five of them. Lengths below 64 are taken as 64.
    #[must_use]
    pub const fn windows(mut self, first: u32, longest: u32) -> Self {
        self.options.first_window = if first < 64 { 64 } else { first };
        self.options.last_window = longest;
        self
    }

    /// What the next step is about.
    pub const fn stage(&self) -> Stage {
        match self.phase {
            Phase::Descent(_) => Stage::Descent,
            Phase::Scale(_) | Phase::Curvature(_) | Phase::Search(..) => Stage::Curvature,
            Phase::Covariance(_) => Stage::Covariance,
            Phase::StepSize(_) => Stage::StepSize,
            Phase::Done(_) => Stage::Done,
            Phase::Failed(_) => Stage::Failed,
        }
    }

    /// Why it was given up, if it was.
    pub const fn error(&self) -> Option<WarmupError> {
        match self.phase {
            Phase::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Gradients evaluated so far, saturating.
    pub const fn evaluations(&self) -> u32 {
        self.evaluations
    }

    /// The last good position. Always finite.
    pub const fn position(&self) -> &[f32; N] {
        &self.site.theta
    }

    /// Evaluates the gradient once and goes on from there; gives the tuning when done, and ever after.
    ///
    /// # Errors
    /// Why the warm-up was given up, from then on at every call.
    pub fn step<P: Potential<N>, Z: FiveMoments>(
        &mut self,
        potential: &mut P,
        noise: &mut Z,
    ) -> Result<Option<Tuning<N>>, WarmupError> {
        match self.phase {
            Phase::Done(tuning) => return Ok(Some(tuning)),
            Phase::Failed(error) => return Err(error),
            _ => {}
        }
        let next = self.evaluate(potential).and_then(|gradient| {
            self.advance(gradient.as_ref(), potential.number_of_data(), noise)
        });
        match next {
            Ok(()) => self.faults = 0,
            Err(WarmupError::Step(fault)) => {
                self.faults = self.faults.saturating_add(1);
                if self.faults >= PATIENCE {
                    self.phase = Phase::Failed(WarmupError::Step(fault));
                }
            }
            Err(error) => self.phase = Phase::Failed(error),
        }
        match self.phase {
            Phase::Done(tuning) => Ok(Some(tuning)),
            Phase::Failed(error) => Err(error),
            _ => Ok(None),
        }
    }

    /// The gradient at the probe; `None` when either is not finite.
    fn evaluate<P: Potential<N>>(
        &mut self,
        potential: &mut P,
    ) -> Result<Option<[f32; N]>, WarmupError> {
        self.evaluations = self.evaluations.saturating_add(1);
        let mut gradient = [0.0; N];
        let found = match self.set_centre.take() {
            Some(centre) => potential.set_centre(&centre),
            None => Ok(()),
        }
        .and_then(|()| potential.gradient(&self.probe, &mut gradient));
        match found {
            Ok(()) => {
                let mut numbers = gradient.iter().chain(&self.probe);
                Ok(numbers.all(|x| x.is_finite()).then_some(gradient))
            }
            Err(StepError::NonFiniteGradient) => Ok(None),
            Err(fault) => Err(WarmupError::Step(fault)),
        }
    }

    /// Hands the gradient to the phase, and sets the next probe.
    fn advance<Z: FiveMoments>(
        &mut self,
        gradient: Option<&[f32; N]>,
        data: f32,
        noise: &mut Z,
    ) -> Result<(), WarmupError> {
        let site = &mut self.site;
        match &mut self.phase {
            Phase::Descent(descent) => {
                if gradient.is_none() && descent.untried() {
                    return Err(WarmupError::NonFinite);
                }
                match descent.update(site, &self.probe, gradient) {
                    Some(probe) => self.probe = probe,
                    None => {
                        let scale = Scale::new(site, *descent.lengths());
                        self.probe = scale.probe(site);
                        self.phase = Phase::Scale(scale);
                    }
                }
            }
            Phase::Scale(scale) => {
                if scale.update(site, &self.probe, gradient)? {
                    let curvature = Curvature::new();
                    self.probe = curvature.probe(site);
                    self.phase = Phase::Curvature(curvature);
                } else {
                    self.probe = scale.probe(site);
                }
            }
            Phase::Curvature(curvature) => {
                if !curvature.update(site, gradient)? {
                    self.probe = curvature.probe(site);
                } else if curvature.refine(site) {
                    let search = Search::new(site);
                    self.probe = search.probe(site);
                    self.phase = Phase::Search(search, *curvature);
                } else {
                    let mut window = AdaptationWindow::new(site, &self.options);
                    self.set_centre = Some(site.theta);
                    self.probe = window.probe(site, noise).map_err(WarmupError::Step)?;
                    self.phase = Phase::Covariance(window);
                }
            }
            Phase::Search(search, curvature) => {
                if search.update(site, &self.probe, gradient) {
                    curvature.again();
                    self.probe = curvature.probe(site);
                    self.phase = Phase::Curvature(*curvature);
                } else {
                    self.probe = search.probe(site);
                }
            }
            Phase::Covariance(window) => {
                if let Progress::Complete = window.update(site, &self.probe, gradient)? {
                    window.set_step(&self.options)?;
                    self.set_centre = Some(window.centre(site));
                    window.refine(site);
                    let longer = window.length().saturating_mul(2);
                    let last = longer > self.options.last_window;
                    window.begin(
                        site,
                        if last {
                            self.options.last_window >> 1
                        } else {
                            longer
                        },
                    );
                    self.probe = window.probe(site, noise).map_err(WarmupError::Step)?;
                    if last {
                        self.phase = Phase::StepSize(*window);
                    }
                } else {
                    self.probe = window.probe(site, noise).map_err(WarmupError::Step)?;
                }
            }
            Phase::StepSize(window) => {
                if let Progress::Complete = window.update(site, &self.probe, gradient)? {
                    window.set_step(&self.options)?;
                    self.phase = Phase::Done(Tuning {
                        centre: window.centre(site),
                        metric: site.metric,
                        step_size: window.eta() * data.max(1.0),
                        gradient_noise: window.gradient_noise(),
                    });
                } else {
                    self.probe = window.probe(site, noise).map_err(WarmupError::Step)?;
                }
            }
            Phase::Done(_) | Phase::Failed(_) => {}
        }
        // On the way to the posterior gradients are exact, where the potential can make them so.
        if matches!(self.stage(), Stage::Descent | Stage::Curvature) {
            self.set_centre = Some(self.probe);
        }
        Ok(())
    }
}
