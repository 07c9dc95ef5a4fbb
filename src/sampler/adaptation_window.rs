//! Warm-up's third phase: a chain whose metric and step size are set anew after each of a row of
//! growing windows.

use super::secants::Secants;
use super::{Options, Site, WarmupError, squared};
use crate::{
    StepError,
    arithmetic::sqrt,
    noise::FiveMoments,
    preconditioner::{Dense, Preconditioner},
};

/// The part of a window that is not yet used for its covariance, as 1/2^k.
const SETTLE: u32 = 3;
/// Steps between two pairs of gradients at one place, whose difference is noise: where that is
/// little, and where it limits the step size and is worth knowing well.
const PAIR: u32 = 16;
const NOISY_PAIR: u32 = 4;
const NOISY: f32 = 0.01;
/// How far apart, in whitened units, the two places of a pair are: nothing to curvature, but enough to
/// round differently.
const APART: f32 = 1e-3;
/// A step across which the curvature k was such that ηk exceeds this is taken back: it is all but
/// unstable.
const REFUSED: f32 = 1.9;
/// Refusals after which a warm-up is given up.
const REFUSALS: u16 = 2000;
/// The least step size worth sampling with, in whitened units.
const LEAST: f32 = 1e-4;

/// One window. In the coordinates φ of the metric it came with, it keeps the running covariance of the
/// chain, whose Cholesky factor K refines the metric, L ← LK.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdaptationWindow<const N: usize> {
    /// Steps of this window, and those made.
    length: u32,
    done: u32,
    eta: f32,
    /// Where φ = 0.
    origin: [f32; N],
    phi: [f32; N],
    /// The last draw, and the step that led to the probe.
    last: [f32; N],
    step: [f32; N],
    mean: [f32; N],
    comoment: [[f32; N]; N],
    secants: Secants,
    /// Sums of the squared differences of pairs, and their number.
    noise: [f32; N],
    pairs: u32,
    pairing: bool,
    refusals: u16,
}

/// What became of a step, or of a window.
pub(super) enum Progress {
    /// Go on.
    On,
    /// This window is complete, and the metric refined.
    Complete,
}

impl<const N: usize> AdaptationWindow<N> {
    /// The first window, with a cautious step size.
    pub fn new(site: &Site<N>, options: &Options) -> Self {
        let mut window = Self {
            length: 0,
            done: 0,
            eta: options.step_size / 3.0,
            origin: site.theta,
            phi: [0.0; N],
            last: [0.0; N],
            step: [0.0; N],
            mean: [0.0; N],
            comoment: [[0.0; N]; N],
            secants: Secants::new(),
            noise: [0.0; N],
            pairs: 0,
            pairing: false,
            refusals: 0,
        };
        window.begin(site, options.first_window);
        window
    }

    /// Another window, of `length` steps from here.
    pub fn begin(&mut self, site: &Site<N>, length: u32) {
        self.length = length;
        self.done = 0;
        self.origin = site.theta;
        self.phi = [0.0; N];
        self.mean = [0.0; N];
        self.comoment = [[0.0; N]; N];
        self.secants = Secants::new();
        self.noise = [0.0; N];
        self.pairs = 0;
        self.pairing = true;
    }

    pub const fn length(&self) -> u32 {
        self.length
    }

    pub const fn eta(&self) -> f32 {
        self.eta
    }

    /// Variance of the whitened gradient's noise, of the coordinate that has most of it.
    pub fn gradient_noise(&self) -> f32 {
        let largest = self.noise.iter().fold(0.0, |a: f32, b| a.max(*b));
        0.5 * largest / self.pairs.max(1) as f32
    }

    /// Mean position of this window.
    pub fn centre(&self, site: &Site<N>) -> [f32; N] {
        let mut centre = self.mean;
        site.metric.apply(&mut centre);
        for (c, origin) in centre.iter_mut().zip(&self.origin) {
            *c += origin;
        }
        centre
    }

    /// The next place to ask for a gradient: beside the site, for a pair, or the chain's next.
    pub fn probe<Z: FiveMoments>(
        &mut self,
        site: &Site<N>,
        noise: &mut Z,
    ) -> Result<[f32; N], StepError> {
        let mut fresh = [0.0; N];
        noise.fill(&mut fresh)?;
        let mut displacement = [0.0; N];
        if self.pairing {
            for (d, xi) in displacement.iter_mut().zip(&fresh) {
                *d = APART * xi;
            }
        } else {
            let half = sqrt(0.5 * self.eta);
            for (((d, g), last), xi) in displacement
                .iter_mut()
                .zip(&site.pulled())
                .zip(&mut self.last)
                .zip(&fresh)
            {
                *d = half * (*last + xi) - self.eta * g;
                *last = *xi;
            }
            self.step = displacement;
        }
        site.metric.apply(&mut displacement);
        Ok(site.displaced(&displacement, 1.0))
    }

    /// Takes the gradient at the probe.
    pub fn update(
        &mut self,
        site: &mut Site<N>,
        probe: &[f32; N],
        gradient: Option<&[f32; N]>,
    ) -> Result<Progress, WarmupError> {
        let Some(gradient) = gradient else {
            return self.refuse(0.5);
        };
        // The whitened gradient's change, squared, and the step's length, squared.
        let mut change = *gradient;
        for (c, g) in change.iter_mut().zip(&site.gradient) {
            *c -= g;
        }
        site.metric.apply_transpose(&mut change);
        if self.pairing {
            self.pairing = false;
            for (n, c) in self.noise.iter_mut().zip(&change) {
                *n += c * c;
            }
            self.pairs += 1;
            return Ok(Progress::On);
        }
        // Noise, of rounding at least, makes a difference where there is no curvature.
        let noise = self.noise.iter().sum::<f32>() / self.pairs.max(1) as f32;
        let curvature = self
            .secants
            .push(squared(&change), noise, squared(&self.step));
        let within = self.eta * curvature <= REFUSED; // false for NaN too
        if !within {
            return self.refuse((1.0 / (self.eta * curvature)).min(0.5));
        }
        site.theta = *probe;
        site.gradient = *gradient;
        for (x, d) in self.phi.iter_mut().zip(&self.step) {
            *x += d;
        }
        self.done += 1;
        let every = if self.gradient_noise() > NOISY {
            NOISY_PAIR
        } else {
            PAIR
        };
        self.pairing = self.done & (every - 1) == 0;
        let settling = self.length >> SETTLE;
        if self.done > settling {
            self.count((self.done - settling) as f32);
        }
        Ok(if self.done >= self.length {
            Progress::Complete
        } else {
            Progress::On
        })
    }

    /// Stays, and goes on with steps shortened by `factor`.
    fn refuse(&mut self, factor: f32) -> Result<Progress, WarmupError> {
        // An infinite curvature gives 0.
        self.eta *= factor.max(0.1);
        self.last = [0.0; N];
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals > REFUSALS || self.eta < LEAST {
            Err(WarmupError::Unstable)
        } else {
            Ok(Progress::On)
        }
    }

    /// Welford's update, with φ the `count`th.
    fn count(&mut self, count: f32) {
        let mut before = self.phi;
        for ((d, x), m) in before.iter_mut().zip(&self.phi).zip(&mut self.mean) {
            *d -= *m;
            *m += (x - *m) / count;
        }
        for (index, (row, d)) in self.comoment.iter_mut().zip(&before).enumerate() {
            for ((c, x), m) in row
                .iter_mut()
                .zip(&self.phi)
                .zip(&self.mean)
                .take(index + 1)
            {
                *c += d * (x - m);
            }
        }
    }

    /// Refines the metric by the covariance, shrunk towards 1 as if that had been seen in N/2 + 5
    /// effective draws.
    pub fn refine(&mut self, site: &mut Site<N>) {
        let counted = (self.length - (self.length >> SETTLE)) as f32;
        let effective = 0.5 * self.eta * counted;
        let prior = 5.0 + 0.5 * N as f32;
        for (index, row) in self.comoment.iter_mut().enumerate() {
            for (column, c) in row.iter_mut().enumerate().take(index + 1) {
                *c *= effective / counted;
                if column == index {
                    *c += prior;
                }
                *c /= effective + prior;
            }
        }
        if let Ok(found) = Dense::from_covariance(&self.comoment) {
            site.metric.compose(&found);
        }
    }

    /// Sets the step size by what this window saw.
    pub fn set_step(&mut self, options: &Options) -> Result<(), WarmupError> {
        let noise = self.gradient_noise();
        let stable = options.safety / self.secants.curvature().unwrap_or(1.0);
        // Gradient noise of variance V adds about ηV/2 to a variance of 1.
        let quiet = 2.0 * options.bias / noise;
        self.eta = options.step_size.min(stable).min(quiet);
        if self.eta >= LEAST {
            Ok(())
        } else if quiet < stable {
            Err(WarmupError::Noisy)
        } else {
            Err(WarmupError::Unstable)
        }
    }
}
