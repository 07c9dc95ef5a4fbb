//! A hash of the whole path of every stepper with every noise.

use langevin::{
    Chain, Potential, StepError,
    potential::{Energy, GradientVariance},
    schedule::Constant,
    stepper::Stepper,
};

use langevin_apps::hash::Hash;

use crate::every;

/// Number of unknowns: odd, so that a pair's spare draw is carried over.
const N: usize = 3;

/// No product, and not quadratic: U = |θ|²/2 + θ₀²θ₁²/2 + θ₂⁴/4.
struct Tangle;

impl Potential<N> for Tangle {
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        let [x, y, z] = *theta;
        *gradient = [x + x * y * y, y + x * x * y, z + z * z * z];
        Ok(())
    }
}

impl Energy<N> for Tangle {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        let [x, y, z] = *theta;
        Ok(0.5 * (x * x + y * y + z * z + x * x * y * y) + 0.25 * z * z * z * z)
    }
}

impl GradientVariance<N> for Tangle {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        // As if the gradient were noisy far out: enough to clip now and then.
        *variance = theta.map(|t| 10.0 * t * t);
        self.gradient(theta, gradient)
    }
}

/// Gives `row` each stepper, each noise, and a hash of the path of `steps` steps that they make.
pub fn golden(steps: u32, row: impl FnMut(&'static str, &'static str, u64)) {
    every::pairs(&mut Rows { steps, row });
}

struct Rows<F> {
    steps: u32,
    row: F,
}

impl<F: FnMut(&'static str, &'static str, u64)> every::Visitor<N, Tangle> for Rows<F> {
    fn visit<S: Stepper<N, Tangle, Z>, Z>(
        &mut self,
        (stepper_name, noise_name): (&'static str, &'static str),
        stepper: S,
        noise: Z,
    ) {
        (self.row)(stepper_name, noise_name, path(self.steps, stepper, noise));
    }
}

/// Hash of the positions after each step, and of the faults on the way.
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
