//! The gradient that every step is measured with: next to nothing, as it is not what is measured.

use core::hint::black_box;

use langevin::{
    Potential, StepError,
    potential::{Energy, GradientVariance},
};

/// Linear regression on one observation with a Gaussian prior, g = s(xᵀθ − y)x + λθ.
#[repr(C)]
pub struct Linear<const N: usize> {
    x: [f32; N],
    y: f32,
    s: f32,
    lambda: f32,
}

impl<const N: usize> Linear<N> {
    /// Some observation, not known to the compiler.
    pub fn new() -> Self {
        let mut x = [0.0; N];
        let mut next = 0.1;
        for x in &mut x {
            *x = next;
            next += 0.05;
        }
        black_box(Self {
            x,
            y: 0.5,
            s: 1.0,
            lambda: 1.0,
        })
    }

    #[inline(always)]
    fn residual(&self, theta: &[f32; N]) -> f32 {
        let mut sum = 0.0;
        for (x, t) in self.x.iter().zip(theta) {
            sum += x * t;
        }
        sum - self.y
    }
}

impl<const N: usize> Default for Linear<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Potential<N> for Linear<N> {
    #[inline(always)]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        let r = self.s * self.residual(theta);
        for ((g, x), t) in gradient.iter_mut().zip(&self.x).zip(theta) {
            *g = r * x + self.lambda * t;
        }
        Ok(())
    }
}

impl<const N: usize> Energy<N> for Linear<N> {
    #[inline]
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        let r = self.residual(theta);
        let mut sum = self.s * r * r;
        for t in theta {
            sum += self.lambda * t * t;
        }
        Ok(0.5 * sum)
    }
}

impl<const N: usize> GradientVariance<N> for Linear<N> {
    #[inline]
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        *variance = [0.0; N];
        self.gradient(theta, gradient)
    }
}
