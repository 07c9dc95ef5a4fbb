//! Every stepper and every noise, named: the one list that whatever runs them all goes through.

use langevin::{
    BoxMuller, Pcg32, SeedableRng,
    noise::{FixedInverseCdf, InverseCdf, Libm, Micromath, Noise, Rademacher, ThreePoint},
    potential::{Energy, GradientVariance},
    stepper::{
        Badodab, Baoab, Ladder, LatticeWalk, LeimkuhlerMatthews, Mala, ModifiedSgld, Psgld,
        ReplicaExchange, Sgd, Sghmc, Sgld, Sgnht, Stepper,
    },
};

/// Is shown steppers, each with a noise that its rule admits.
pub trait Visitor<const N: usize, P> {
    /// Whether it wants to be shown this one: what it does not is not even made.
    #[inline(always)]
    fn wants(&self, _: (&'static str, &'static str)) -> bool {
        true
    }

    /// One of them.
    fn visit<S: Stepper<N, P, Z>, Z>(
        &mut self,
        name: (&'static str, &'static str),
        stepper: S,
        noise: Z,
    );
}

/// Is shown noises.
pub trait NoiseVisitor {
    /// One of them.
    fn visit<Z: Noise>(&mut self, name: &'static str, noise: Z);
}

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(20_110_628)
}

/// Calls `$with!($arguments..., name, noise)` for noises whose law is normal...
macro_rules! gaussian {
    ($with:ident, $($argument:expr),*) => {
        $with!($($argument,)* "Box-Muller", BoxMuller::new(rng()));
        $with!($($argument,)* "Box-Muller libm", BoxMuller::with_backend(rng(), Libm));
        $with!($($argument,)* "Box-Muller micromath", BoxMuller::with_backend(rng(), Micromath));
        $with!($($argument,)* "inverse CDF", InverseCdf::new(rng()));
        $with!($($argument,)* "fixed inverse CDF", FixedInverseCdf::new(rng()));
    };
}

/// ... for those with the first five moments of a normal...
macro_rules! five_moments {
    ($with:ident, $($argument:expr),*) => {
        gaussian!($with, $($argument),*);
        $with!($($argument,)* "three-point", ThreePoint::new(rng()));
    };
}

/// ... and for all.
macro_rules! any {
    ($with:ident, $($argument:expr),*) => {
        five_moments!($with, $($argument),*);
        $with!($($argument,)* "Rademacher", Rademacher::new(rng()));
    };
}

/// Calls `$with!(visitor, noises it admits, name, stepper)` for each stepper that takes noise.
macro_rules! steppers {
    ($with:ident, $visitor:expr) => {
        $with!($visitor, any, "SGLD", Some(Sgld::new()));
        $with!(
            $visitor,
            any,
            "noise-corrected SGLD",
            Some(ModifiedSgld::new())
        );
        $with!($visitor, any, "SGHMC", Sghmc::new(0.2).ok());
        $with!($visitor, any, "pSGLD", Psgld::new(0.99, 0.1).ok());
        $with!($visitor, any, "SGNHT", Sgnht::new(0.2).ok());
        $with!($visitor, five_moments, "BADODAB", Badodab::new(0.2).ok());
        $with!($visitor, five_moments, "BAOAB", Baoab::new(0.2).ok());
        $with!(
            $visitor,
            five_moments,
            "Leimkuhler-Matthews",
            Some(LeimkuhlerMatthews::new())
        );
        $with!($visitor, gaussian, "MALA", Some(Mala::new()));
        $with!(
            $visitor,
            gaussian,
            "replica exchange",
            (Ladder::new([2.0, 4.0]).ok()).map(|ladder| ReplicaExchange::new(
                Sgld::new(),
                ladder,
                5
            ))
        );
    };
}

macro_rules! visit {
    ($visitor:expr, $stepper_name:expr, $stepper:expr, $name:expr, $noise:expr) => {
        if $visitor.wants(($stepper_name, $name)) {
            if let Some(stepper) = $stepper {
                $visitor.visit(($stepper_name, $name), stepper, $noise);
            }
        }
    };
}

macro_rules! with_each {
    ($visitor:expr, $noises:ident, $name:expr, $stepper:expr) => {
        $noises!(visit, $visitor, $name, $stepper);
    };
}

macro_rules! with_default {
    ($visitor:expr, $noises:ident, $name:expr, $stepper:expr) => {
        visit!(
            $visitor,
            $name,
            $stepper,
            "Box-Muller",
            BoxMuller::new(rng())
        );
    };
}

macro_rules! without_noise {
    ($visitor:expr) => {
        visit!($visitor, "SGD", Some(Sgd::new()), "none", ());
        visit!(
            $visitor,
            "lattice walk",
            Some(LatticeWalk::new()),
            "Pcg32",
            rng()
        );
    };
}

macro_rules! visit_noise {
    ($visitor:expr, $name:expr, $noise:expr) => {
        $visitor.visit($name, $noise);
    };
}

/// Shows each stepper with each noise.
pub fn pairs<const N: usize, P: Energy<N> + GradientVariance<N>>(visitor: &mut impl Visitor<N, P>) {
    without_noise!(visitor);
    steppers!(with_each, visitor);
}

/// Shows each stepper with the default noise.
pub fn steppers<const N: usize, P: Energy<N> + GradientVariance<N>>(
    visitor: &mut impl Visitor<N, P>,
) {
    without_noise!(visitor);
    steppers!(with_default, visitor);
}

/// Shows each noise.
pub fn noises(visitor: &mut impl NoiseVisitor) {
    any!(visit_noise, visitor);
}
