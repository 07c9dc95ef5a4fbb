//! Stand-ins: a generator that fails, noise that is wrong, a posterior that is nothing simple, noise with a tail.

use core::{array, cell::Cell, cmp::Ordering, fmt, hint::black_box};

use langevin::{
    Chain, GaussianPrior, Model, Pcg32, Potential, Sample, SeedableRng, StepError,
    dual::Real,
    model::{Likelihood, Response},
    noise::rand_core::TryRng,
    noise::{FiveMoments, Gaussian, Noise},
    potential::{Energy, GradientVariance},
    preconditioner::Dense,
    schedule::Constant,
    stepper::Stepper,
};

use crate::Hash;

/// A generator that fails once the words that are left, for it and all its clones, are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Fused<'a> {
    rng: Pcg32,
    left: &'a Cell<u32>,
}

impl<'a> Fused<'a> {
    /// Gives as many words as `left` says.
    pub fn new(left: &'a Cell<u32>) -> Self {
        Self {
            rng: Pcg32::seed_from_u64(77),
            left,
        }
    }
}

/// What [`Fused`] fails with.
#[derive(Debug)]
pub struct Burnt;

impl fmt::Display for Burnt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("burnt")
    }
}

impl core::error::Error for Burnt {}

impl TryRng for Fused<'_> {
    type Error = Burnt;

    fn try_next_u32(&mut self) -> Result<u32, Burnt> {
        self.left.set(self.left.get().checked_sub(1).ok_or(Burnt)?);
        self.rng.try_next_u32().map_err(|_| Burnt)
    }

    fn try_next_u64(&mut self) -> Result<u64, Burnt> {
        let low = u64::from(self.try_next_u32()?);
        Ok(low | u64::from(self.try_next_u32()?) << 32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Burnt> {
        for byte in bytes {
            *byte = self.try_next_u32()? as u8;
        }
        Ok(())
    }
}

/// A fault of the kind the laws must notice: noise times a factor.
#[derive(Clone, Debug)]
pub struct Scaled<Z>(pub Z, pub f32);

impl<Z: Noise> Noise for Scaled<Z> {
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        self.0.fill(out)?;
        for x in out {
            *x *= self.1;
        }
        Ok(())
    }
}
impl<Z: Gaussian> FiveMoments for Scaled<Z> {}
impl<Z: Gaussian> Gaussian for Scaled<Z> {}

/// Another: every draw given out twice, as by a spare that is not cleared.
#[derive(Clone, Debug)]
pub struct Twice<Z> {
    noise: Z,
    spare: Option<f32>,
}

impl<Z> Twice<Z> {
    /// Each draw of `noise` twice.
    pub fn new(noise: Z) -> Self {
        Self { noise, spare: None }
    }
}

impl<Z: Noise> Noise for Twice<Z> {
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        for x in out {
            *x = match self.spare.take() {
                Some(spare) => spare,
                None => {
                    let mut fresh = [0.0];
                    self.noise.fill(&mut fresh)?;
                    *self.spare.insert(fresh[0])
                }
            };
        }
        Ok(())
    }
}
impl<Z: Gaussian> FiveMoments for Twice<Z> {}
impl<Z: Gaussian> Gaussian for Twice<Z> {}

/// No product, and not quadratic: U = |θ|²/2 + θ₀²θ₁²/2 + θ₂⁴/4, as if its gradient had the variance given here.
#[derive(Clone, Copy, Debug)]
pub struct Tangle;

impl Potential<3> for Tangle {
    fn gradient(&mut self, theta: &[f32; 3], gradient: &mut [f32; 3]) -> Result<(), StepError> {
        let [x, y, z] = *theta;
        *gradient = [x + x * y * y, y + x * x * y, z + z * z * z];
        Ok(())
    }
}

impl Energy<3> for Tangle {
    fn energy(&mut self, theta: &[f32; 3]) -> Result<f32, StepError> {
        let [x, y, z] = *theta;
        Ok(0.5 * (x * x + y * y + z * z + x * x * y * y) + 0.25 * z * z * z * z)
    }
}

impl GradientVariance<3> for Tangle {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; 3],
        gradient: &mut [f32; 3],
        variance: &mut [f32; 3],
    ) -> Result<(), StepError> {
        *variance = [0.5, 3.0, 10.0];
        self.gradient(theta, gradient)
    }
}

/// Location and logarithm of the scale of Student-t noise with four degrees of freedom.
pub struct StudentScale;

impl Likelihood<Sample<1>, 2> for StudentScale {
    #[inline]
    fn add_gradient(&self, theta: &[f32; 2], o: &Sample<1>, weight: f32, gradient: &mut [f32; 2]) {
        let inverse = Real::exp(-theta[1].clamp(-30.0, 30.0));
        let z = (o.y - theta[0]) * inverse;
        let q = 5.0 * z / (4.0 + z * z);
        gradient[0] -= weight * q * inverse;
        gradient[1] += weight * (1.0 - q * z);
    }
    fn negative_log_density(&self, theta: &[f32; 2], o: &Sample<1>) -> f32 {
        let z = (o.y - theta[0]) * Real::exp(-theta[1]);
        theta[1] + 2.5 * Real::ln_1p(z * z / 4.0)
    }
}

/// A preconditioner that is not diagonal.
pub fn dense<const N: usize>() -> Option<Dense<N>> {
    let element = |i: usize, j: usize| match i.cmp(&j) {
        Ordering::Less => 0.0,
        Ordering::Equal => 0.5,
        Ordering::Greater => 0.05,
    };
    Dense::new(array::from_fn(|i| array::from_fn(|j| element(i, j)))).ok()
}

/// The path of a chain on [`Tangle`]: a hash of its positions and errors, step by step.
pub fn path<S: Stepper<3, Tangle, Z>, Z>(steps: u32, stepper: S, noise: Z) -> u64 {
    let mut hash = Hash::new();
    // An odd number of unknowns: a pair's second draw is carried over to the next step.
    if let Ok(schedule) = Constant::new(0.05) {
        let mut chain = Chain::new([1.0, -0.5, 0.25], stepper, schedule, noise);
        for _ in 0..steps {
            if chain.step(&mut Tangle).is_err() {
                hash.write(u32::MAX);
            }
            for t in chain.position() {
                hash.write(t.to_bits());
            }
        }
    }
    hash.value()
}

/// A response for nonlinear regression, y = a·exp(−kx).
#[derive(Clone, Copy, Debug)]
pub struct Decay;

impl Response<2> for Decay {
    type Input = [f32; 2];

    fn response<T: Real>(&self, &[a, k]: &[T; 2], &[_, x]: &[f32; 2]) -> T {
        a * (k * -x).exp()
    }
}

/// A likelihood with a Gaussian prior.
pub fn model<const N: usize, L>(likelihood: Option<L>) -> Option<Model<GaussianPrior<N>, L>> {
    let prior = GaussianPrior::new([0.0; N], black_box([1.0; N])).ok()?;
    Some(Model::new(prior, likelihood?))
}
