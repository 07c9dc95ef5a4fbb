//! What a warm-up finds, and what its phases share.

use crate::{
    Chain, ConfigError,
    preconditioner::{Dense, Preconditioner},
    schedule::Constant,
    stepper::{LeimkuhlerMatthews, Preconditioned},
};

/// What a warm-up found: where the posterior is, in which metric it is round, and how long a step may
/// be. A plain value, to be kept in flash for the next boot.
///
/// For N = 8 it takes 184 bytes: N(N + 3)/2 + 2 floats, as a [`Checkpoint`](crate::Checkpoint).
///
/// ```
/// use langevin::{BoxMuller, Pcg32, SeedableRng, preconditioner::Dense, sampler::Tuning};
/// let metric = Dense::from_covariance(&[[1.0, 0.9], [0.9, 1.0]])?;
/// let tuning = Tuning::new([0.0, 0.0], metric, 0.3)?;
/// let mut chain = tuning.chain(BoxMuller::new(Pcg32::seed_from_u64(7)));
/// # let mut posterior = |x: &[f32; 2]| [x[0], x[1]];
/// chain.step(&mut posterior)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tuning<const N: usize> {
    pub(super) centre: [f32; N],
    pub(super) metric: Dense<N>,
    pub(super) step_size: f32,
    pub(super) gradient_noise: f32,
}

/// Autocorrelation times of burn-in, of 1/η steps each, for a chain that starts at the centre.
const BURN_IN: f32 = 16.0;

impl<const N: usize> Tuning<N> {
    /// A tuning known from elsewhere: the posterior's mean, a metric, and the step size η *for one
    /// observation*: see [`Schedule`](crate::schedule::Schedule).
    ///
    /// # Errors
    /// When a coordinate is not finite, or the step size not finite and > 0.
    pub fn new(centre: [f32; N], metric: Dense<N>, step_size: f32) -> Result<Self, ConfigError> {
        for x in &centre {
            ConfigError::check(x.is_finite(), "centre", "finite", *x)?;
        }
        Ok(Self {
            centre,
            metric,
            step_size: ConfigError::positive("step size", step_size)?,
            gradient_noise: 0.0,
        })
    }

    /// The same with another step size η for one observation.
    ///
    /// # Errors
    /// When it is not finite and > 0.
    pub fn with_step_size(mut self, step_size: f32) -> Result<Self, ConfigError> {
        self.step_size = ConfigError::positive("step size", step_size)?;
        Ok(self)
    }

    /// The posterior's mean, roughly.
    pub const fn centre(&self) -> &[f32; N] {
        &self.centre
    }

    /// The metric.
    pub const fn metric(&self) -> &Dense<N> {
        &self.metric
    }

    /// The step size η for one observation, in the metric's coordinates.
    pub const fn step_size(&self) -> f32 {
        self.step_size
    }

    /// Variance V of the gradient's noise in the metric's coordinates, of the coordinate that has most of
    /// it: that of a minibatch, or of rounding. Where the curvature is 1 it adds about ηV/2 to a
    /// variance.
    pub const fn gradient_noise(&self) -> f32 {
        self.gradient_noise
    }

    /// The chain to sample with: Leimkuhler–Matthews steps in the metric, at constant step size, from
    /// the centre, with a burn-in of 16 autocorrelation times.
    pub fn chain<Z>(
        &self,
        noise: Z,
    ) -> Chain<N, Preconditioned<LeimkuhlerMatthews, Dense<N>>, Constant, Z> {
        Chain::new(
            self.centre,
            Preconditioned::new(LeimkuhlerMatthews::new(), self.metric),
            Constant::known(self.step_size),
            noise,
        )
        .burn_in((BURN_IN / self.step_size) as u32)
    }
}

crate::checkpoint!(impl[const N: usize] for Tuning<N> {
    centre: [f32; N], metric: Dense<N>, step_size: f32, gradient_noise: f32
} if |t| t.step_size > 0.0 && t.step_size.is_finite());

/// The chain's last good position, the gradient there, and the metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<const N: usize> {
    pub(super) theta: [f32; N],
    pub(super) gradient: [f32; N],
    pub(super) metric: Dense<N>,
}

crate::checkpoint!(impl[const N: usize] for Site<N> {
    theta: [f32; N], gradient: [f32; N], metric: Dense<N>
});

impl<const N: usize> Site<N> {
    /// The whitened gradient Lᵀ∇U.
    pub(super) fn pulled(&self) -> [f32; N] {
        let mut gradient = self.gradient;
        self.metric.apply_transpose(&mut gradient);
        gradient
    }

    /// |Lᵀ∇U|²/N: twice the energy above the mode, a coordinate's on average, in a metric in which the
    /// curvature is 1. On the typical set that is about 1.
    pub(super) fn energy(&self) -> f32 {
        squared(&self.pulled()) / N as f32
    }

    /// θ + `fraction`·δ.
    pub(super) fn displaced(&self, displacement: &[f32; N], fraction: f32) -> [f32; N] {
        let mut theta = self.theta;
        for (x, d) in theta.iter_mut().zip(displacement) {
            *x += fraction * d;
        }
        theta
    }
}

/// |x|².
pub(super) fn squared<const N: usize>(x: &[f32; N]) -> f32 {
    let mut sum = 0.0;
    for x in x {
        sum += x * x;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::Sampler;
    use crate::{BoxMuller, Checkpoint, Pcg32};

    #[test]
    fn memory_is_bounded() {
        type Draws = BoxMuller<Pcg32>;
        // Warm-up, chain, metric, answer, verdict: all there is, in one value.
        assert!(size_of::<Sampler<3, Draws>>() <= 1024);
        assert!(size_of::<Sampler<8, Draws>>() <= 3072);
        assert_eq!(size_of::<Sampler<3, Draws>>(), 912);
        assert_eq!(size_of::<Sampler<8, Draws>>(), 3072);
        // What is stored, but for the header and checksum of an image.
        assert_eq!(Tuning::<8>::SIZE, 184);
    }

    #[test]
    fn a_stored_tuning_comes_back() {
        let metric = Dense::from_covariance(&[[4.0, 1.0], [1.0, 2.0]]).unwrap();
        let tuning = Tuning::new([1.0, -2.0], metric, 0.3).unwrap();
        let mut image = [0; Tuning::<2>::IMAGE];
        tuning.save(&mut image).unwrap();
        assert_eq!(Tuning::load(&image), Ok(tuning));
        assert!(Tuning::new([f32::NAN, 0.0], metric, 0.3).is_err());
        assert!(tuning.with_step_size(0.0).is_err());
    }
}
