//! What one would write without the crate.

use core::f32::consts::TAU;

use langevin::{Pcg32, Potential, noise::Noise};
use rand_distr::{Distribution, StandardNormal};

use crate::linear::Linear;

/// SGLD by hand: the stepper's arithmetic and its barrier, in a loop, with the crate's noise.
#[inline(always)]
pub fn step_by_hand<const N: usize>(
    theta: &mut [f32; N],
    potential: &mut Linear<N>,
    eta: f32,
    sigma: f32,
    longest_squared: f32,
    noise: &mut impl Noise,
) -> bool {
    let mut gradient = [0.0; N];
    if potential.gradient(theta, &mut gradient).is_err() {
        return false;
    }
    let mut zero = 0.0;
    for g in &gradient {
        zero += g * 0.0;
    }
    if zero != 0.0 {
        return false;
    }
    let mut delta = [0.0; N];
    if noise.fill(&mut delta).is_err() {
        return false;
    }
    let mut length_squared = 0.0;
    for (d, g) in delta.iter_mut().zip(&gradient) {
        *d = sigma * *d - eta * *g;
        length_squared += *d * *d;
    }
    if length_squared <= longest_squared {
        for (t, d) in theta.iter_mut().zip(&delta) {
            *t += *d;
        }
        true
    } else {
        false
    }
}

/// SGLD by hand without a barrier, each draw from `draw`.
#[inline(always)]
pub fn naive_step<const N: usize>(
    theta: &mut [f32; N],
    potential: &mut Linear<N>,
    eta: f32,
    sigma: f32,
    mut draw: impl FnMut() -> f32,
) {
    let mut gradient = [0.0; N];
    let _ = potential.gradient(theta, &mut gradient);
    for (t, g) in theta.iter_mut().zip(&gradient) {
        *t += sigma * draw() - eta * *g;
    }
}

/// Box–Muller as in the textbook, all of libm, one draw of each pair kept.
#[inline(always)]
pub fn textbook_normal(rng: &mut Pcg32, spare: &mut Option<f32>) -> f32 {
    use langevin::noise::rand_core::Rng;
    if let Some(z) = spare.take() {
        return z;
    }
    let u = (rng.next_u32() | 1) as f32 * (1.0 / 4_294_967_296.0);
    let v = rng.next_u32() as f32 * (TAU / 4_294_967_296.0);
    let r = libm::sqrtf(-2.0 * libm::logf(u));
    let (sin, cos) = libm::sincosf(v);
    *spare = Some(r * sin);
    r * cos
}

/// `rand_distr`'s ziggurat.
#[inline(always)]
pub fn rand_distr_normal(rng: &mut Pcg32) -> f32 {
    StandardNormal.sample(rng)
}

/// SGLD in C on newlib: `alternatives.c`.
#[cfg(newlib)]
pub mod newlib {
    use crate::linear::Linear;

    /// What a draw leaves behind: the generator, and the second of a pair.
    #[repr(C)]
    pub struct Normal {
        state: u64,
        increment: u64,
        spare: f32,
        has_spare: bool,
    }

    impl Normal {
        /// Seeded somehow.
        pub const fn new() -> Self {
            Self {
                state: 0x853c_49e6_748f_ea9b,
                increment: 0xda3e_39cb_94b9_5bdb,
                spare: 0.0,
                has_spare: false,
            }
        }
    }

    impl Default for Normal {
        fn default() -> Self {
            Self::new()
        }
    }

    unsafe extern "C" {
        fn c_sgld_steps(
            steps: u32,
            theta: &mut [f32; 8],
            linear: &Linear<8>,
            eta: f32,
            sigma: f32,
            normal: &mut Normal,
        );
    }

    /// Makes `n` steps.
    pub fn steps(
        n: u32,
        theta: &mut [f32; 8],
        linear: &Linear<8>,
        eta: f32,
        sigma: f32,
        normal: &mut Normal,
    ) {
        // SAFETY: the structs are laid out as C's, and the loop writes only to `theta` and `normal`.
        unsafe { c_sgld_steps(n, theta, linear, eta, sigma, normal) }
    }
}
