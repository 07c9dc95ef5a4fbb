//! Every stepper with every noise that may drive it: a hash of the whole path.

use langevin::{
    BoxMuller, Chain, Constant, Energy, Fault, Libm, Micromath, Pcg32, Potential, SeedableRng, Sgd,
    Sgld, Stepper,
};

use crate::hash::Hash;

/// Number of unknowns: odd, so that a pair's spare draw is carried over.
const N: usize = 3;

/// No product, and not quadratic: U = |θ|²/2 + θ₀²θ₁²/2 + θ₂⁴/4.
struct Tangle;

impl Potential<N> for Tangle {
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), Fault> {
        let [x, y, z] = *theta;
        *gradient = [x + x * y * y, y + x * x * y, z + z * z * z];
        Ok(())
    }
}

impl Energy<N> for Tangle {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, Fault> {
        let [x, y, z] = *theta;
        Ok(0.5 * (x * x + y * y + z * z + x * x * y * y) + 0.25 * z * z * z * z)
    }
}

/// Hash of the positions after each of `steps` steps, and of the faults on the way.
// Not inlined: an image holds each path once.
#[inline(never)]
fn path<S: Stepper<N, Tangle, Z>, Z>(steps: u32, stepper: S, noise: Z) -> u64 {
    let Ok(schedule) = Constant::new(0.05) else {
        return 0;
    };
    let mut chain = Chain::new([1.0, -0.5, 0.25], stepper, schedule, noise);
    let mut hash = Hash::new();
    for _ in 0..steps {
        if chain.step(&mut Tangle).is_err() {
            hash.write(u32::MAX);
        }
        for t in chain.position() {
            hash.write(t.to_bits());
        }
    }
    hash.value()
}

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(20110628)
}

/// A stepper with the noises that its rule admits: `any`, `five_moments` or `gaussian`.
macro_rules! with {
    ($steps:ident, $row:ident, any, $name:literal, $stepper:expr) => {
        with!($steps, $row, five_moments, $name, $stepper);
    };
    ($steps:ident, $row:ident, five_moments, $name:literal, $stepper:expr) => {
        with!($steps, $row, gaussian, $name, $stepper);
    };
    ($steps:ident, $row:ident, gaussian, $name:literal, $stepper:expr) => {
        with!(
            $steps,
            $row,
            $name,
            $stepper,
            "Box-Muller",
            BoxMuller::new(rng())
        );
        with!(
            $steps,
            $row,
            $name,
            $stepper,
            "Box-Muller, libm",
            BoxMuller::with_backend(rng(), Libm)
        );
        with!(
            $steps,
            $row,
            $name,
            $stepper,
            "Box-Muller, micromath",
            BoxMuller::with_backend(rng(), Micromath)
        );
    };
    ($steps:ident, $row:ident, $name:literal, $stepper:expr, $noise_name:literal, $noise:expr) => {
        $row($name, $noise_name, &|| path($steps, $stepper, $noise));
    };
}

/// Gives `row` each stepper, each noise, and the way to compute their hash after `steps` steps.
pub fn golden(steps: u32, mut row: impl FnMut(&'static str, &'static str, &dyn Fn() -> u64)) {
    row("SGD", "none", &|| path(steps, Sgd::new(), ()));
    with!(steps, row, any, "SGLD", Sgld::new());
}
