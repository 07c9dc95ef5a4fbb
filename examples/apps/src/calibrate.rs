//! Bayesian calibration of an instrument from readings that come one by one.
//!
//! An [`Instrument`] has a response curve with N constants b, and Gaussian reading errors of known
//! standard deviation. The chain moves in coordinates θ that suit the curve, with a normal prior. Its draws are
//! transformed to b.

use langevin::{
    BoxMuller, Chain, ConfigError, GaussianPrior, Model, Moments, Pcg32, Sample, SeedableRng,
    StepError, Window,
    dual::Real,
    chain::ErrorCounts,
    model::{NonlinearRegression, Response},
    preconditioner::Dense,
    schedule::Constant,
    stepper::{MaxStep, Preconditioned, Sgld},
};
use libm::expf;

/// A reading: the response `y` at the setting `x[0]`.
pub type Reading = Sample<1>;

/// Creates the reading y at x from a row of [`readings`](crate::readings).
pub const fn reading([x, y]: [f32; 2]) -> Reading {
    Sample { x: [x], y }
}

/// Steps after each reading on a microcontroller. For 54 readings, these are 108 000 steps.
pub const STEPS: u32 = 2_000;

/// The step size η for one reading, in the preconditioner's coordinates. The curvature there is about 1, so that
/// variances come out too large by a factor of 1/(1 − η/2), or 1 %, and draws are independent after 2/η, or 100 steps.
pub const ETA: f32 = 0.02;

/// An instrument with N constants to calibrate.
#[derive(Clone, Copy, Debug)]
pub struct Instrument<const N: usize, R = Chwirut2> {
    /// Standard deviation of a reading's error.
    pub sigma: f32,
    /// The response curve, in the chain's coordinates.
    pub response: R,
    /// The constants b that θ stands for.
    pub constants: fn(theta: &[f32; N]) -> [f32; N],
    /// Mean of the normal prior of each coordinate.
    pub mean: [f32; N],
    /// Standard deviation of the normal prior of each coordinate.
    pub sd: [f32; N],
    /// The preconditioner's lower triangular factor L: LLᵀ is about the posterior covariance of θ after one reading,
    /// and LLᵀ/n that after n readings.
    pub factor: [[f32; N]; N],
}

/// NIST StRD "Chwirut2", an ultrasonic reference block study: y = exp(−b₁x)/(b₂ + b₃x).
///
/// The coordinates are b₁ and the logarithms of the denominator at the nearest distance, 0.5, and at
/// the farthest, 6. The denominator is then positive between these, whatever θ is.
#[derive(Clone, Copy, Debug)]
pub struct Chwirut2;

impl Response<3> for Chwirut2 {
    type Input = [f32; 1];

    fn response<T: Real>(&self, &[b1, log_near, log_far]: &[T; 3], &[x]: &[f32; 1]) -> T {
        let share = (x - 0.5) / 5.5;
        (b1 * -x).exp() / (log_near.exp() * (1.0 - share) + log_far.exp() * share)
    }
}

/// The instrument with the response [`Chwirut2`].
pub const CHWIRUT2: Instrument<3> = Instrument {
    // The certified residual standard deviation.
    sigma: 3.171_713_3,
    response: Chwirut2,
    constants: |&[b1, log_near, log_far]| {
        let (near, far) = (expf(log_near), expf(log_far));
        [b1, (6.0 * near - 0.5 * far) / 5.5, (far - near) / 5.5]
    },
    // NIST's first starting values b = (0.1, 0.01, 0.02), with a standard deviation of a factor of e.
    mean: [0.1, -3.912_023, -2.040_220_8],
    sd: [0.3, 1.0, 1.0],
    factor: [[0.28, 0.0, 0.0], [-0.10, 0.10, 0.0], [-0.74, -0.10, 0.24]],
};

/// NIST StRD "DanWood", the energy radiated by a carbon filament at x thousand kelvin: y = b₁x^b₂.
///
/// The coordinates are log b₁ and b₂, in which log y is linear.
#[derive(Clone, Copy, Debug)]
pub struct DanWood;

impl Response<2> for DanWood {
    type Input = [f32; 1];

    fn response<T: Real>(&self, &[log_b1, b2]: &[T; 2], &[x]: &[f32; 1]) -> T {
        (log_b1 + b2 * Real::ln(x)).exp()
    }
}

/// The instrument with the response [`DanWood`].
pub const DANWOOD: Instrument<2, DanWood> = Instrument {
    // The certified residual standard deviation.
    sigma: 0.032_853_114,
    response: DanWood,
    constants: |&[log_b1, b2]| [expf(log_b1), b2],
    // NIST's first starting value for b₁, with a standard deviation of a factor of e; for b₂ the fourth power of
    // the Stefan-Boltzmann law, with one of 10 %.
    mean: [0.0, 4.0],
    sd: [1.0, 0.4],
    factor: [[0.058, 0.0], [-0.124, 0.017]],
};

/// A calibration in progress: the readings so far, the chain, and the posterior of b.
#[derive(Debug)]
pub struct Calibration<const N: usize, const CAP: usize, R = Chwirut2> {
    model: Model<GaussianPrior<N>, NonlinearRegression<R>>,
    readings: Window<Reading, CAP>,
    chain: Chain<N, Preconditioned<Sgld, Dense<N>>, Constant, BoxMuller<Pcg32>>,
    constants: fn(&[f32; N]) -> [f32; N],
    posterior: Moments<N>,
}

impl<const N: usize, const CAP: usize, R: Response<N, Input = [f32; 1]>> Calibration<N, CAP, R> {
    /// Creates a calibration without readings.
    ///
    /// # Errors
    /// When a number of the instrument is out of range, such as a standard deviation that is not > 0.
    pub fn new(instrument: Instrument<N, R>, seed: u64) -> Result<Self, ConfigError> {
        let prior = GaussianPrior::new(instrument.mean, instrument.sd)?;
        let likelihood = NonlinearRegression::new(instrument.response, instrument.sigma)?;
        let chain = Chain::new(
            instrument.mean,
            Preconditioned::new(Sgld::new(), Dense::new(instrument.factor)?),
            Constant::new(ETA)?,
            BoxMuller::new(Pcg32::seed_from_u64(seed)),
        )
        // A step cannot lead from one end of the prior to the other.
        .max_step(MaxStep::new(4.0)?);
        Ok(Self {
            model: Model::new(prior, likelihood),
            readings: Window::new(),
            chain,
            constants: instrument.constants,
            posterior: Moments::new(),
        })
    }

    /// Adds one reading, and makes `steps` steps on the new posterior. The first quarter of the steps is burn-in; the
    /// others make the new estimates.
    ///
    /// # Errors
    /// [`StepError::NonFiniteObservation`] when the reading is refused. Nothing has changed then.
    pub fn observe(&mut self, reading: Reading, steps: u32) -> Result<(), StepError> {
        self.readings.push(reading)?;
        let settle = steps / 4;
        self.sample(settle, |_| ());
        self.posterior.clear();
        self.sample(steps - settle, |_| ());
        Ok(())
    }

    /// Makes `steps` more steps on the same posterior, for more precise estimates, and calls `each` with
    /// every draw of θ.
    pub fn sample(&mut self, steps: u32, mut each: impl FnMut(&[f32; N])) {
        for _ in 0..steps {
            // A step that fails leaves the position unchanged, and is counted.
            if let Ok(Some(theta)) = self.chain.step(&mut self.model.posterior(&self.readings)) {
                self.posterior.push(&(self.constants)(theta));
                each(theta);
            }
        }
    }

    /// Returns the running estimates of b.
    pub const fn posterior(&self) -> &Moments<N> {
        &self.posterior
    }

    /// Returns the chain's position θ.
    pub const fn position(&self) -> &[f32; N] {
        self.chain.position()
    }

    /// Returns how often each error occurred while stepping.
    pub const fn error_counts(&self) -> ErrorCounts {
        self.chain.error_counts()
    }
}
