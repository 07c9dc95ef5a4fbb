//! Warm-up's first part: down to the mode, and the curvature there.

use super::SamplerError;
use super::circuit::Circuit;
use super::descent::Descent;
use super::tuning::{Site, squared};
use super::variants::variants;
use super::whitening::{Curvature, Scale, Search};
use crate::preconditioner::{Dense, Preconditioner};

/// Newton steps at most, once the curvature is known.
const NEWTON_STEPS: u8 = 12;
/// Twice the energy above the mode, a coordinate's on average, below which a Newton step is not worth its gradient:
/// 0.003 standard deviations.
const AT_THE_MODE: f32 = 1e-5;
/// The same, above which this is no mode.
const NO_MODE: f32 = 1e-2;
/// Squared difference of two gradients at the mode, for each coordinate in whitened units, beyond which the curvature found
/// is that of noise.
const NOISY: f32 = 0.02;
/// A standard deviation below this many units in the last place of its coordinate cannot be sampled.
const RESOLUTION: f32 = 2.0;

/// Laplace's approximation of a posterior: the mode, and the normal law of the curvature there.
///
/// It is what a [`Sampler`](crate::Sampler) knows before its chain has run, and what its answer is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Laplace<const N: usize> {
    pub(super) mode: [f32; N],
    pub(super) sd: [f32; N],
    pub(super) is_mode: bool,
}

impl<const N: usize> Laplace<N> {
    /// The mode: where the posterior's density is largest. Laplace's mean.
    pub const fn mode(&self) -> &[f32; N] {
        &self.mode
    }

    /// Laplace's standard deviations: from the inverse of the second derivatives of U.
    pub const fn sd(&self) -> &[f32; N] {
        &self.sd
    }

    /// Whether this is a mode: the gradient vanishes and the second derivatives are positive definite. Where it is not,
    /// the numbers say only where the search ended.
    pub const fn is_mode(&self) -> bool {
        self.is_mode
    }
}

crate::checkpoint!(impl[const N: usize] for Laplace<N> {
    mode: [f32; N], sd: [f32; N], is_mode: bool
});

/// Finds the mode and the curvature, one gradient at a time.
///
/// What each phase keeps has a place of its own: the chain that follows takes more memory than all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Locate<const N: usize> {
    pub site: Site<N>,
    phase: Phase,
    descent: Descent<N>,
    scale: Scale<N>,
    curvature: Curvature<N>,
    search: Search<N>,
    circuit: Circuit,
    // Newton steps made, and twice the energy before the last.
    steps: u8,
    before: f32,
    // Whether the curvature at the mode was positive definite.
    positive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Descent,
    Scale,
    Curvature,
    Search,
    /// A Newton step in a metric that is good already.
    Newton,
    /// The curvature at the mode.
    Last,
    /// The gradient at the mode once more: whether it is the same.
    Again,
    /// Whether the gradient is that of a potential.
    Circuit,
}

impl<const N: usize> Locate<N> {
    /// All zeros, to be started in place.
    pub const BLANK: Self = Self {
        site: Site {
            theta: [0.0; N],
            gradient: [0.0; N],
            metric: Dense::BLANK,
        },
        phase: Phase::Descent,
        descent: Descent::BLANK,
        scale: Scale::BLANK,
        curvature: Curvature::BLANK,
        search: Search::BLANK,
        circuit: Circuit::BLANK,
        steps: 0,
        before: 0.0,
        positive: false,
    };

    /// Starts a blank one.
    pub fn start(&mut self, at: &[f32; N]) {
        self.site.theta = *at;
        self.site.metric.set_identity();
        self.descent.start();
        self.curvature.start();
    }

    /// Where the next gradient is wanted.
    pub fn probe(&self) -> [f32; N] {
        let site = &self.site;
        match self.phase {
            Phase::Descent => self.descent.probe(site),
            Phase::Scale => self.scale.probe(site),
            Phase::Curvature | Phase::Last => self.curvature.probe(site),
            Phase::Search | Phase::Newton => self.search.probe(site),
            Phase::Again => site.theta,
            Phase::Circuit => self.circuit.probe(site),
        }
    }

    /// Takes the gradient at `probe` (`None`: not finite); `Ok(true)` when done.
    pub fn update(
        &mut self,
        probe: &[f32; N],
        gradient: Option<&[f32; N]>,
    ) -> Result<bool, SamplerError> {
        let site = &mut self.site;
        match self.phase {
            Phase::Descent => {
                if gradient.is_none() && self.descent.untried() {
                    return Err(SamplerError::NonFinite);
                }
                if self.descent.update(site, probe, gradient) {
                    self.scale.start(site, self.descent.lengths());
                    self.phase = Phase::Scale;
                }
            }
            Phase::Scale => {
                if self.scale.update(site, probe, gradient)? {
                    resolved(site)?;
                    self.phase = Phase::Curvature;
                }
            }
            Phase::Curvature | Phase::Last => {
                if !self.curvature.update(site, gradient)? {
                    return Ok(false);
                }
                if self.phase == Phase::Last {
                    self.positive = self.curvature.conclude(site);
                    resolved(site)?;
                    self.phase = Phase::Again;
                } else if self.curvature.refine(site) {
                    self.search.start(site);
                    self.phase = Phase::Search;
                } else {
                    self.newton();
                }
            }
            Phase::Search | Phase::Newton => {
                if !self.search.update(site, probe, gradient) {
                    return Ok(false);
                }
                if self.phase == Phase::Search {
                    self.curvature.again();
                    self.phase = Phase::Curvature;
                } else {
                    // False for NaN too.
                    let gained = site.energy() < 0.9 * self.before;
                    // No gain is rounding, or no mode.
                    if !gained {
                        self.steps = NEWTON_STEPS;
                    }
                    self.newton();
                }
            }
            Phase::Again => {
                let mut difference = *gradient.unwrap_or(&site.gradient);
                for (d, g) in difference.iter_mut().zip(&site.gradient) {
                    *d -= g;
                }
                site.metric.apply_transpose(&mut difference);
                if squared(&difference) > NOISY * N as f32 {
                    return Err(SamplerError::Noisy);
                }
                // A single coordinate's is always one.
                if N == 1 {
                    return Ok(true);
                }
                self.circuit.begin(site);
                self.phase = Phase::Circuit;
            }
            Phase::Circuit => return self.circuit.update(site, gradient),
        }
        Ok(false)
    }

    /// The approximation, once it is done.
    pub fn laplace(&self) -> Laplace<N> {
        Laplace {
            mode: self.site.theta,
            sd: self.site.metric.row_norms(),
            is_mode: self.positive && self.site.energy() < NO_MODE,
        }
    }

    /// Another Newton step, or the last look at the curvature.
    #[inline(never)]
    fn newton(&mut self) {
        self.before = self.site.energy();
        if self.steps < NEWTON_STEPS && self.before > AT_THE_MODE {
            self.steps += 1;
            self.search.start(&self.site);
            self.phase = Phase::Newton;
        } else {
            self.curvature.close();
            self.phase = Phase::Last;
        }
    }
}

/// Whether each coordinate has floats enough for its standard deviation.
fn resolved<const N: usize>(site: &Site<N>) -> Result<(), SamplerError> {
    for (coordinate, (x, sd)) in site.theta.iter().zip(site.metric.row_norms()).enumerate() {
        let unit = x.abs() * f32::EPSILON;
        if sd < RESOLUTION * unit {
            return Err(SamplerError::Resolution { coordinate });
        }
    }
    Ok(())
}

variants!(impl[] for Phase {
    0 Descent,
    1 Scale,
    2 Curvature,
    3 Search,
    4 Newton,
    5 Last,
    6 Again,
    7 Circuit
});

crate::checkpoint!(impl[const N: usize] for Locate<N> {
    site: Site<N>, phase: Phase, descent: Descent<N>, scale: Scale<N>, curvature: Curvature<N>, search: Search<N>,
    circuit: Circuit, steps: u8, before: f32, positive: bool
} if |locate| crate::arithmetic::finite(&locate.site.theta));
