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
#[derive(Clone, Copy, Debug)]
pub(super) struct Locate<const N: usize> {
    pub site: Site<N>,
    probe: [f32; N],
    curvature: Curvature<N>,
    phase: Phase<N>,
}

#[derive(Clone, Copy, Debug)]
enum Phase<const N: usize> {
    Descent(Descent<N>),
    Scale(Scale<N>),
    Curvature,
    Search(Search<N>),
    /// A Newton step in a metric that is good already: steps made, and twice the energy before this one.
    Newton(Search<N>, u8, f32),
    /// The curvature at the mode.
    Last,
    /// The gradient at the mode once more: whether it is the same. The curvature was positive definite, or not.
    Again(bool),
    /// Whether the gradient is that of a potential. The curvature was positive definite, or not.
    Circuit(Circuit, bool),
}

impl<const N: usize> Locate<N> {
    /// All zeros, to be started in place.
    pub const BLANK: Self = Self {
        site: Site {
            theta: [0.0; N],
            gradient: [0.0; N],
            metric: Dense::BLANK,
        },
        probe: [0.0; N],
        curvature: Curvature::BLANK,
        phase: Phase::Descent(Descent::BLANK),
    };

    /// Starts a blank one.
    pub fn start(&mut self, at: &[f32; N]) {
        self.site.theta = *at;
        self.site.metric.set_identity();
        self.probe = *at;
        self.curvature.start();
        if let Phase::Descent(descent) = &mut self.phase {
            descent.start();
        }
    }

    /// Where the next gradient is wanted.
    pub const fn probe(&self) -> &[f32; N] {
        &self.probe
    }

    /// Takes the gradient at the probe (`None`: not finite); gives the approximation when done.
    pub fn update(
        &mut self,
        gradient: Option<&[f32; N]>,
    ) -> Result<Option<Laplace<N>>, SamplerError> {
        let (site, curvature) = (&mut self.site, &mut self.curvature);
        match &mut self.phase {
            Phase::Descent(descent) => {
                if gradient.is_none() && descent.untried() {
                    return Err(SamplerError::NonFinite);
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
                    resolved(site)?;
                    self.measure(Phase::Curvature);
                } else {
                    self.probe = scale.probe(site);
                }
            }
            Phase::Curvature => {
                if !curvature.update(site, gradient)? {
                    self.probe = curvature.probe(site);
                } else if curvature.refine(site) {
                    let search = Search::new(site);
                    self.probe = search.probe(site);
                    self.phase = Phase::Search(search);
                } else {
                    self.newton(0);
                }
            }
            Phase::Search(search) => {
                if search.update(site, &self.probe, gradient) {
                    self.curvature.again();
                    self.measure(Phase::Curvature);
                } else {
                    self.probe = search.probe(site);
                }
            }
            Phase::Newton(search, steps, before) => {
                if search.update(site, &self.probe, gradient) {
                    let (steps, gained) = (*steps, site.energy() < 0.9 * *before);
                    // No gain is rounding, or no mode.
                    self.newton(if gained { steps } else { NEWTON_STEPS });
                } else {
                    self.probe = search.probe(site);
                }
            }
            Phase::Last => {
                if !curvature.update(site, gradient)? {
                    self.probe = curvature.probe(site);
                } else {
                    let positive = curvature.conclude(site);
                    resolved(site)?;
                    self.probe = site.theta;
                    self.phase = Phase::Again(positive);
                }
            }
            Phase::Again(positive) => {
                let positive = *positive;
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
                    return Ok(Some(self.found(positive)));
                }
                let circuit = Circuit::new(site);
                self.probe = circuit.probe(site);
                self.phase = Phase::Circuit(circuit, positive);
            }
            Phase::Circuit(circuit, positive) => {
                let positive = *positive;
                if circuit.update(site, gradient)? {
                    return Ok(Some(self.found(positive)));
                }
                self.probe = circuit.probe(site);
            }
        }
        Ok(None)
    }

    fn found(&self, positive: bool) -> Laplace<N> {
        Laplace {
            mode: self.site.theta,
            sd: self.site.metric.row_norms(),
            is_mode: positive && self.site.energy() < NO_MODE,
        }
    }

    fn measure(&mut self, phase: Phase<N>) {
        self.probe = self.curvature.probe(&self.site);
        self.phase = phase;
    }

    /// Another Newton step, or the last look at the curvature.
    fn newton(&mut self, steps: u8) {
        let energy = self.site.energy();
        if steps < NEWTON_STEPS && energy > AT_THE_MODE {
            let search = Search::new(&self.site);
            self.probe = search.probe(&self.site);
            self.phase = Phase::Newton(search, steps + 1, energy);
        } else {
            self.curvature.close();
            self.measure(Phase::Last);
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

variants!(impl[const N: usize] for Phase<N> {
    0 Descent(descent: Descent<N>),
    1 Scale(scale: Scale<N>),
    2 Curvature,
    3 Search(search: Search<N>),
    4 Newton(search: Search<N>, steps: u8, before: f32),
    5 Last,
    6 Again(positive: bool),
    7 Circuit(circuit: Circuit, positive: bool)
});

crate::checkpoint!(impl[const N: usize] for Locate<N> {
    site: Site<N>, probe: [f32; N], curvature: Curvature<N>, phase: Phase<N>
} if |locate| crate::arithmetic::finite(&locate.site.theta));
