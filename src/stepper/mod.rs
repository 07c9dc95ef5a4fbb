//! Update rules: one stepper a file, and nothing but the rule in it.
//!
//! Every stepper has the same shape of call, [`Stepper::step`], and can be used bare, without a
//! chain, a window or a model: see [`Sgld`].

mod badodab;
mod baoab;
mod lattice_walk;
mod leimkuhler_matthews;
mod mala;
mod modified_sgld;
mod proportion;
mod psgld;
mod replica_exchange;
mod sgd;
mod sghmc;
mod sgld;
mod sgnht;

pub use badodab::Badodab;
pub use baoab::Baoab;
pub use lattice_walk::LatticeWalk;
pub use leimkuhler_matthews::LeimkuhlerMatthews;
pub use mala::Mala;
pub use modified_sgld::ModifiedSgld;
pub use proportion::Proportion;
pub use psgld::Psgld;
pub use replica_exchange::{Ladder, ReplicaExchange};
pub use sgd::Sgd;
pub use sghmc::Sghmc;
pub use sgld::Sgld;
pub use sgnht::Sgnht;

use crate::{
    ConfigError, Potential, StepError, barrier, preconditioner::Preconditioner, sqrt::sqrt,
};

/// The size of one step: η, T, and what follows from them.
///
/// A [`Schedule`](crate::schedule::Schedule) makes one for each step of a chain.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StepParameters {
    eta: f32,
    temperature: f32,
    noise: f32,
    max_step: MaxStep,
}

impl StepParameters {
    /// No step at all.
    pub(crate) const NONE: Self = Self {
        eta: 0.0,
        temperature: 0.0,
        noise: 0.0,
        max_step: MaxStep::NONE,
    };

    /// Step size η and temperature T.
    ///
    /// # Errors
    /// When η is not finite and > 0, or T not finite and ≥ 0.
    pub fn new(eta: f32, temperature: f32) -> Result<Self, ConfigError> {
        ConfigError::positive("step size", eta)?;
        ConfigError::non_negative("temperature", temperature)?;
        Ok(Self::from_parts(eta, temperature))
    }

    /// As [`new`](Self::new), for schedules: what is out of range, or underflowed, is a fault.
    #[inline]
    pub(crate) fn checked(eta: f32, temperature: f32) -> Result<Self, StepError> {
        let pace = Self::from_parts(eta, temperature);
        let usable = eta >= f32::MIN_POSITIVE
            && temperature >= 0.0
            && pace.noise < f32::INFINITY
            && (pace.noise > 0.0 || temperature == 0.0);
        if usable {
            Ok(pace)
        } else {
            Err(StepError::StepSize)
        }
    }

    #[inline]
    fn from_parts(eta: f32, temperature: f32) -> Self {
        Self {
            eta,
            temperature,
            noise: sqrt(2.0 * eta * temperature),
            max_step: MaxStep::NONE,
        }
    }

    /// The same pace, refusing steps longer than `bound`.
    #[inline]
    #[must_use]
    pub const fn with_max_step(mut self, bound: MaxStep) -> Self {
        self.max_step = bound;
        self
    }

    /// The same pace at another temperature.
    #[inline]
    pub(crate) fn with_temperature(&self, temperature: f32) -> Self {
        Self::from_parts(self.eta, temperature).with_max_step(self.max_step)
    }

    /// Step size η.
    #[inline]
    pub const fn eta(&self) -> f32 {
        self.eta
    }

    /// Temperature T.
    #[inline]
    pub const fn temperature(&self) -> f32 {
        self.temperature
    }

    /// √(2ηT), the standard deviation of a Langevin step's noise.
    #[inline]
    pub const fn noise_scale(&self) -> f32 {
        self.noise
    }

    /// Whether a displacement may be made: finite, and no longer than the bound.
    ///
    /// This is the barrier that every stepper's proposals pass before anything is changed.
    ///
    /// # Errors
    /// [`StepError::StepTooLong`].
    #[inline]
    pub fn check<const N: usize>(&self, displacement: &[f32; N]) -> Result<(), StepError> {
        if barrier::within(displacement, self.max_step.squared) {
            Ok(())
        } else {
            Err(StepError::StepTooLong)
        }
    }
}

/// A bound on the length of a step, Euclidean and in the units of θ.
///
/// A step as long as the whole prior is wide is never right: take that width.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MaxStep {
    squared: f32,
}

impl MaxStep {
    /// No bound but that a step is finite and no longer than 1e18, which keeps positions finite: a
    /// step of 1e18 drowns in rounding long before the position overflows.
    pub const NONE: Self = Self { squared: 1e36 };

    /// Steps no longer than `length`.
    ///
    /// # Errors
    /// When `length` is not finite and > 0.
    pub const fn new(length: f32) -> Result<Self, ConfigError> {
        match ConfigError::positive("longest step", length) {
            Ok(length) if length < 1e18 => Ok(Self {
                squared: length * length,
            }),
            Ok(_) => Ok(Self::NONE),
            Err(error) => Err(error),
        }
    }
}

/// An update rule.
///
/// `P` and `Z` are the potential and the noise; an implementation's bounds on them say what the rule
/// needs: [`Energy`](crate::potential::Energy) for a Metropolis test, [`FiveMoments`](crate::noise::FiveMoments) for a
/// scheme of second order.
pub trait Stepper<const N: usize, P, Z> {
    /// Makes one step of size `pace` from `theta`.
    ///
    /// # Errors
    /// A [`StepError`]; `theta` and the stepper's own state are then as they were.
    fn step(
        &mut self,
        theta: &mut [f32; N],
        potential: &mut P,
        pace: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError>;

    /// Forgets what belongs to the path so far (momenta, running averages): the position was moved
    /// from outside.
    fn reset(&mut self) {}

    /// How far the random part of a step moves each coordinate, in order of magnitude; zero when
    /// there is none. A chain whose reach is below the resolution of its position is frozen.
    fn noise_scale(&self, pace: &StepParameters) -> [f32; N];
}

/// Overwrites `gradient` with ∇U(θ), known to be finite.
#[inline(always)]
pub(crate) fn finite_gradient<const N: usize, P: Potential<N>>(
    potential: &mut P,
    theta: &[f32; N],
    gradient: &mut [f32; N],
) -> Result<(), StepError> {
    potential.gradient(theta, gradient)?;
    if barrier::finite(gradient) {
        Ok(())
    } else {
        Err(StepError::NonFiniteGradient)
    }
}

/// `noise`·ξ − `drift`. Where floats are computed in software, a draw of weak noise that is 0 is spared
/// the work: 5 % of a step on a Cortex-M0. The bits are the same.
#[inline]
pub(crate) fn diffuse(noise: f32, xi: f32, drift: f32) -> f32 {
    const EMULATED: bool = cfg!(any(
        all(target_arch = "arm", not(target_abi = "eabihf")),
        target_arch = "riscv32"
    ));
    if EMULATED && xi.to_bits() == 0 {
        minus(drift)
    } else {
        noise * xi - drift
    }
}

/// 0 − `value`.
#[inline]
fn minus(value: f32) -> f32 {
    if value.to_bits() << 1 == 0 {
        0.0
    } else {
        -value
    }
}

/// θ ← θ + Lδ, unless the barrier refuses it.
#[inline(always)]
pub(crate) fn displace<const N: usize>(
    theta: &mut [f32; N],
    metric: &impl Preconditioner<N>,
    delta: &mut [f32; N],
    pace: &StepParameters,
) -> Result<(), StepError> {
    metric.apply(delta);
    pace.check(delta)?;
    for (t, d) in theta.iter_mut().zip(delta) {
        *t += *d;
    }
    Ok(())
}

/// Each coordinate's reach: a metric's scale times the standard deviation of isotropic noise.
pub(crate) fn scaled<const N: usize>(mut scale: [f32; N], noise: f32) -> [f32; N] {
    for s in &mut scale {
        *s *= noise;
    }
    scale
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::{
        StepError,
        noise::{FiveMoments, Gaussian, Noise},
    };
    use std::collections::VecDeque;

    /// Noise that is told what to draw, and fails when it has run out.
    pub struct Draws(VecDeque<f32>);

    impl Draws {
        pub fn new(draws: &[f32]) -> Self {
            Self(draws.iter().copied().collect())
        }
    }

    impl Noise for Draws {
        fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
            for x in out {
                *x = self.0.pop_front().ok_or(StepError::Random)?;
            }
            Ok(())
        }
    }
    impl FiveMoments for Draws {}
    impl Gaussian for Draws {}
}

crate::checkpoint!(impl[] for MaxStep { squared: f32 });

#[cfg(test)]
mod tests {
    use super::minus;

    #[test]
    fn minus_is_a_difference() {
        for value in [0.0, -0.0, 1.5, -1.5, 1e-45, f32::INFINITY] {
            assert_eq!(minus(value).to_bits(), (0.0 - value).to_bits(), "{value}");
        }
        assert!(minus(f32::NAN).is_nan());
    }
}
