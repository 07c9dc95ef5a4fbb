//! A thermal filter for a control loop: one call a tick, in bounded time, with the posterior of every parameter.
//!
//! A heated body of temperature T above an ambient Tₐ obeys τT' = R·P − (T − Tₐ), with the heater's power
//! P. Its time constant τ and its thermal resistance R are not known: they depend on the mounting, the fan and the dust.
//! [`Filter::update`] takes a reading at each tick, estimates τ and R while it runs, and returns
//! the temperature, filtered by the model. While the sensor fails the temperature is the model's prediction.
//!
//! # Learning
//!
//! Over a block of [`BLOCK`] ticks, Δ seconds, the heat balance integrates to
//!
//! T₁ − T₀ = −(Δ/τ)·(mean of T − Tₐ) + (RΔ/τ)·(mean of P) + draughts,
//!
//! whatever the power does meanwhile. The error is mostly from draughts and not from the sensor's noise, so
//! that blocks are independent; and it has outliers: it is Student-t. This is the crate's robust
//! regression in the coefficients Δ/τ and RΔ/τ. The chain moves in θ = (log τ/10 s, log R/10 K/W), so that
//! both are positive. Its data are the latest blocks, with weights that decrease with their age.
//!
//! # Time
//!
//! Every tick makes [`STEPS`] steps of the chain. The window is full from the first tick on, with blocks that carry no
//! information, so that every tick takes about the same time.
//!
//! ```
//! use langevin_apps::{
//!     filter::{Filter, heater},
//!     plant::{Body, Plant},
//! };
//! let mut plant = Plant::new(21.0, Body::TYPICAL, 1);
//! let mut filter = Filter::new(21.0, 7)?;
//! let mut estimate = filter.estimate();
//! for tick in 0..10_000 {
//!     let sample = plant.step(2.0 * heater(tick)); // at each tick of a timer
//!     estimate = filter.update(sample);
//! }
//! let tau = estimate.time_constant;
//! assert!((tau.mean - 8.0).abs() < 3.0 * tau.sd && tau.sd < 1.0);
//! # Ok::<(), langevin::ConfigError>(())
//! ```

use core::ops::RangeInclusive;

use langevin::{
    Chain, ConfigError, GaussianPrior, Model, Moments, Pcg32, Potential, SeedableRng, StepError,
    Window,
    chain::ErrorCounts,
    model::{Flat, Prior, RobustRegression},
    noise::InverseCdf,
    preconditioner::Dense,
    schedule::Constant,
    stepper::{LeimkuhlerMatthews, MaxStep, Preconditioned},
};
use libm::{expf, sqrtf};

use crate::Marginal;

/// Ticks a second.
pub const RATE: f32 = 50.0;

/// Ticks in a block.
pub const BLOCK: u32 = 150;

/// Steps of the chain in a tick.
pub const STEPS: u32 = 1;

/// The memory of the window: the sum of the weights of the blocks.
pub const MEMORY: f32 = 16.0;

/// Scale of the effect of draughts in a block, in K.
pub const DRAUGHT: f32 = 0.3;

/// Degrees of freedom of the effect of draughts.
pub const DEGREES_OF_FREEDOM: f32 = 4.0;

/// The range of the sensor in °C. A value outside it, or at one of its ends, is not a reading.
pub const SENSOR: RangeInclusive<f32> = -40.0..=150.0;

/// The range of the heater's power in W.
pub const HEATER: RangeInclusive<f32> = 0.0..=20.0;

/// The number of ticks with the same reading after which the sensor is considered stuck.
pub const STUCK: u32 = 100;

/// Blocks in the window: five times the memory.
const WINDOW: usize = 80;

/// A block's length Δ in s.
const SECONDS: f32 = BLOCK as f32 / RATE;

/// τ and R at θ = 0.
const TYPICAL: [f32; 2] = [10.0, 10.0];

/// Standard deviation of the prior of θ, a factor of 1.65.
const PRIOR_SD: [f32; 2] = [0.5, 0.5];

/// The step size η in the coordinates of the preconditioner, where the curvature is about 1: draws are
/// independent after some 4 steps.
const ETA: f32 = 0.5;

/// The standard deviations from which the preconditioner is made before there are data, half of those of the prior: the
/// curvature of the prior's whole range differs much, and steps as wide as the prior would be unstable where τ is short.
const WIDEST: [f32; 2] = [0.25, 0.25];

/// The Fisher information of a block about its prediction: (ν + 1)/(ν + 3) for Student's t, divided by the square of its
/// scale.
const INFORMATION: f32 =
    (DEGREES_OF_FREEDOM + 1.0) / (DEGREES_OF_FREEDOM + 3.0) / (DRAUGHT * DRAUGHT);

/// The number of draws in the estimates, by weight: those of a block.
const DRAWS: f32 = 150.0;

/// The fraction of the difference between a reading and the predicted temperature by which that is corrected: about the
/// Kalman gain for these draughts and a sensor's noise of 0.05 K.
const GAIN: f32 = 0.4;

/// The largest difference in K that counts in the correction, so that an outlier has a bounded effect.
const FARTHEST: f32 = 1.0;

/// The two-sided 99.9 % point of Student's t with 4 degrees of freedom, and that of the normal.
const QUANTILES: [f32; 2] = [8.610, 3.291];

/// Returns the duty of the heater at a tick, 0 or 1, for trials: it changes every 11 s.
pub const fn heater(tick: u32) -> f32 {
    if (tick / 550).is_multiple_of(2) {
        1.0
    } else {
        0.0
    }
}

/// The input of a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The sensor's reading in °C. NaN or a value outside its range is not a reading.
    pub temperature: f32,
    /// The heater's power since the last tick, in W.
    pub power: f32,
}

/// The reason of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// There is no reading, or it is outside the sensor's range. The temperature is the model's.
    NoReading,
    /// The sensor has read the same value for too long. The temperature is the model's.
    Stuck,
    /// The heater's power is not known. The last known power is used.
    Power,
    /// The latest block was outside its 99.9 % predictive interval: there was a strong draught, or the body has changed.
    Surprise,
}

/// The estimates after a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The body's temperature in °C.
    pub temperature: f32,
    /// Its time constant τ in s.
    pub time_constant: Marginal,
    /// Its thermal resistance R in K/W.
    pub resistance: Marginal,
    /// The most important alarm, if there is one.
    pub alarm: Option<Alarm>,
}

/// A block, with y = T₁ − T₀ and x = (−mean of T − Tₐ, mean of P).
type Block = langevin::Sample<2>;

/// A block without information: it equals its prediction, whatever τ and R are.
const BLANK: Block = Block {
    x: [0.0; 2],
    y: 0.0,
};

/// The thermal filter.
#[derive(Debug)]
pub struct Filter {
    ambient: f32,
    sensor: Sensor,
    power: f32,
    partial: PartialBlock,
    blocks: Window<Block, WINDOW>,
    prior: GaussianPrior<2>,
    model: Model<Flat, RobustRegression>,
    chain: Chain<2, Preconditioned<LeimkuhlerMatthews, Dense<2>>, Constant, InverseCdf<Pcg32>>,
    information: Information,
    posterior: Moments<2>,
    surprised: bool,
    estimate: Estimate,
}

impl Filter {
    /// Creates a filter for surroundings of the temperature `ambient`, in °C.
    ///
    /// # Errors
    /// When the ambient is outside the sensor's range.
    pub fn new(ambient: f32, seed: u64) -> Result<Self, ConfigError> {
        if !SENSOR.contains(&ambient) {
            return Err(ConfigError {
                field: "ambient",
                bound: "in the sensor's range",
            });
        }
        let chain = Chain::new(
            [0.0; 2],
            Preconditioned::new(LeimkuhlerMatthews::new(), Dense::diagonal(WIDEST)?),
            Constant::new(ETA)?,
            InverseCdf::new(Pcg32::seed_from_u64(seed)),
        )
        // No step from one end of the prior to the other.
        .max_step(MaxStep::new(2.0)?);
        let mut blocks = Window::forgetting(MEMORY)?;
        for _ in 0..WINDOW {
            // It is finite.
            let _ = blocks.push(BLANK);
        }
        let posterior = prior_moments()?;
        let [time_constant, resistance] = marginals(&posterior);
        Ok(Self {
            ambient,
            sensor: Sensor::new(),
            power: 0.0,
            partial: PartialBlock::new(None),
            blocks,
            prior: GaussianPrior::new([0.0; 2], PRIOR_SD)?,
            model: Model::new(Flat, RobustRegression::new(DEGREES_OF_FREEDOM, DRAUGHT)?),
            chain,
            information: Information::default(),
            posterior,
            surprised: false,
            estimate: Estimate {
                temperature: ambient,
                time_constant,
                resistance,
                alarm: None,
            },
        })
    }

    /// Adds the sample of a tick, and returns the estimates. Its time is bounded and it does not wait, so that it can be
    /// called in the control loop itself or in its timer's interrupt.
    pub fn update(&mut self, sample: Sample) -> Estimate {
        let reading = self.sensor.read(sample.temperature);
        let power = HEATER.contains(&sample.power).then_some(sample.power);
        self.power = power.unwrap_or(self.power);

        self.predict();
        if let Ok(reading) = reading {
            let off = reading - self.estimate.temperature;
            self.estimate.temperature += GAIN * off.clamp(-FARTHEST, FARTHEST);
        }

        let above = reading.ok().map(|reading| reading - self.ambient);
        self.partial.add(above, power);
        // In two different ticks, so that all ticks take about the same time.
        if self.partial.ticks == BLOCK {
            self.learn();
            self.partial = PartialBlock::new(above);
        } else if self.partial.ticks == 2 {
            self.adapt();
        }

        self.sample();
        self.estimate.alarm = match (reading, power) {
            (Err(alarm), _) => Some(alarm),
            (Ok(_), None) => Some(Alarm::Power),
            (Ok(_), Some(_)) => self.surprised.then_some(Alarm::Surprise),
        };
        self.estimate
    }

    /// Advances the temperature by a tick with the model. Crank and Nicolson's rule is stable for every τ > 0.
    fn predict(&mut self) {
        let target = self.ambient + self.estimate.resistance.mean * self.power;
        let half = 0.5 / (RATE * self.estimate.time_constant.mean);
        let next = self.estimate.temperature
            + 2.0 * half / (1.0 + half) * (target - self.estimate.temperature);
        self.estimate.temperature = next.clamp(*SENSOR.start(), *SENSOR.end());
    }

    /// Adds the block that has just ended, if it is complete.
    fn learn(&mut self) {
        let Some(block) = self.partial.close() else {
            return;
        };
        let (tau, r) = (self.estimate.time_constant, self.estimate.resistance);
        let [cooler, power] = block.x;
        let heated = SECONDS / tau.mean * r.mean * power;
        let change = SECONDS / tau.mean * cooler + heated;
        // An upper bound of the prediction's standard deviation, whatever the correlation of τ and R is.
        let sd = change.abs() * tau.sd / tau.mean + heated * r.sd / r.mean;
        let [draught, normal] = QUANTILES;
        self.surprised = (block.y - change).abs() > draught * DRAUGHT + normal * sd;
        // It is finite: made of readings.
        let _ = self.blocks.push(block);
        self.information.add([-change, heated]);
    }

    /// Adapts the preconditioner of the chain to the data.
    fn adapt(&mut self) {
        let preconditioner = self.chain.stepper_mut().preconditioner_mut();
        // A matrix that has no factor leaves the preconditioner unchanged.
        let _ = preconditioner.refactor(&self.information.covariance());
    }

    /// Makes the steps of a tick, and updates the estimates.
    fn sample(&mut self) {
        let mut potential = Thermal {
            prior: &self.prior,
            model: &self.model,
            blocks: &self.blocks,
            weight: self.information.weight,
        };
        for _ in 0..STEPS {
            // A step that fails leaves the position unchanged, and is counted.
            if let Ok(Some(theta)) = self.chain.step(&mut potential) {
                self.posterior.push(&parameters(theta));
            }
        }
        [self.estimate.time_constant, self.estimate.resistance] = marginals(&self.posterior);
    }

    /// Returns the estimates after the last tick.
    pub const fn estimate(&self) -> Estimate {
        self.estimate
    }

    /// Returns the chain's position θ.
    pub const fn position(&self) -> &[f32; 2] {
        self.chain.position()
    }

    /// Returns how often each error of the chain occurred.
    pub const fn error_counts(&self) -> ErrorCounts {
        self.chain.error_counts()
    }
}

/// Creates the estimates that the prior implies, from two draws: the mean of each log-normal parameter minus and plus its
/// standard deviation.
fn prior_moments() -> Result<Moments<2>, ConfigError> {
    let (mut low, mut high) = (TYPICAL, TYPICAL);
    for ((low, high), s) in low.iter_mut().zip(&mut high).zip(PRIOR_SD) {
        let mean = *low * expf(0.5 * s * s);
        let sd = mean * sqrtf(expf(s * s) - 1.0);
        (*low, *high) = (mean - sd, mean + sd);
    }
    let mut moments = Moments::forgetting(DRAWS)?;
    moments.push_weighted(&low, 0.5 * DRAWS);
    moments.push_weighted(&high, 0.5 * DRAWS);
    Ok(moments)
}

/// Returns the marginal posteriors of τ and R.
fn marginals(posterior: &Moments<2>) -> [Marginal; 2] {
    let [tau, r] = posterior.mean().unwrap_or_default();
    let [tau_sd, r_sd] = posterior.sd().unwrap_or([f32::INFINITY; 2]);
    [(tau, tau_sd), (r, r_sd)].map(|(mean, sd)| Marginal { mean, sd })
}

/// Returns τ and R at θ.
fn parameters(theta: &[f32; 2]) -> [f32; 2] {
    let ([t, r], [tau, resistance]) = (*theta, TYPICAL);
    [tau * expf(t), resistance * expf(r)]
}

/// The potential of θ: a normal prior, and the likelihood of the blocks in the coefficients that θ implies.
struct Thermal<'a> {
    prior: &'a GaussianPrior<2>,
    model: &'a Model<Flat, RobustRegression>,
    blocks: &'a Window<Block, WINDOW>,
    weight: f32,
}

impl Potential<2> for Thermal<'_> {
    fn gradient(&mut self, theta: &[f32; 2], gradient: &mut [f32; 2]) -> Result<(), StepError> {
        let [tau, r] = parameters(theta);
        let a = SECONDS / tau;
        let b = r * a;
        let mut slopes = [0.0; 2];
        self.model
            .posterior(self.blocks)
            .gradient(&[a, b], &mut slopes)?;
        let [mut by_a, by_b] = slopes;
        // Draughts raise the temperature at a block's end and, half as much, the block's mean, so that the
        // density of readings is that of draughts times a/(1 − e⁻ᵃ), whose logarithm is a/2 − a²/24 + ...
        by_a -= self.weight * (0.5 - a * (1.0 / 12.0));
        // The derivatives: a and b decrease with log τ, and b increases with log R.
        *gradient = [-(a * by_a + b * by_b), b * by_b];
        self.prior.add_gradient(theta, gradient);
        Ok(())
    }
    // The preconditioner is that of the whole posterior: the step size is not divided by the number of data.
}

/// The information of the blocks about θ, from which the preconditioner is made. It depends on how strongly the heater
/// excites the body, which may change at any time.
#[derive(Clone, Copy, Debug, Default)]
struct Information {
    /// Sum of the weights of the blocks.
    weight: f32,
    /// Approximate curvature of the likelihood in θ: the matrix [[p, q], [q, r]] as [p, q, r].
    curvature: [f32; 3],
}

impl Information {
    /// Adds a block by the gradient of its prediction in θ, and reduces the weight of older ones.
    fn add(&mut self, [x, y]: [f32; 2]) {
        const FORGETTING: f32 = 1.0 - 1.0 / MEMORY;
        self.weight = FORGETTING * self.weight + 1.0;
        for (sum, product) in self.curvature.iter_mut().zip([x * x, x * y, y * y]) {
            *sum = FORGETTING * *sum + INFORMATION * product;
        }
    }

    /// Returns the approximate posterior covariance of θ.
    fn covariance(&self) -> [[f32; 2]; 2] {
        let ([p, q, r], [a, b]) = (self.curvature, WIDEST);
        let (p, r) = (p + 1.0 / (a * a), r + 1.0 / (b * b));
        let scale = 1.0 / (p * r - q * q);
        [[r * scale, -q * scale], [-q * scale, p * scale]]
    }
}

/// The block that has not ended yet.
#[derive(Clone, Copy, Debug)]
struct PartialBlock {
    ticks: u32,
    /// T − Tₐ at the start, if there was a reading.
    first: Option<f32>,
    /// The same at the latest tick.
    last: f32,
    /// Sum over the ticks of T − Tₐ, for the trapezoidal rule.
    above: f32,
    /// Sum over the ticks of P.
    power: f32,
    complete: bool,
}

impl PartialBlock {
    /// Starts a block at a temperature above the ambient, if it is known.
    const fn new(first: Option<f32>) -> Self {
        Self {
            ticks: 0,
            first,
            last: 0.0,
            above: 0.0,
            power: 0.0,
            complete: true,
        }
    }

    /// Adds a tick. If one of its numbers is missing the block will not be used.
    fn add(&mut self, above: Option<f32>, power: Option<f32>) {
        self.ticks += 1;
        match (above, power) {
            (Some(above), Some(power)) => {
                self.last = above;
                self.above += above;
                self.power += power;
            }
            _ => self.complete = false,
        }
    }

    /// Returns the block, if nothing is missing.
    fn close(&self) -> Option<Block> {
        let first = self.first.filter(|_| self.complete)?;
        let share = 1.0 / self.ticks as f32;
        let mean = share * (self.above + 0.5 * (first - self.last));
        Some(Block {
            x: [-mean, share * self.power],
            y: self.last - first,
        })
    }
}

/// The latest reading of the sensor, and how often it was the same.
#[derive(Clone, Copy, Debug)]
struct Sensor {
    last: f32,
    same: u32,
}

impl Sensor {
    const fn new() -> Self {
        Self {
            last: f32::NAN,
            same: 0,
        }
    }

    /// Returns the value if it is a reading, or else the alarm.
    fn read(&mut self, reading: f32) -> Result<f32, Alarm> {
        self.same = if reading == self.last {
            self.same.saturating_add(1)
        } else {
            0
        };
        self.last = reading;
        // This is false for NaN too.
        if !(reading > *SENSOR.start() && reading < *SENSOR.end()) {
            Err(Alarm::NoReading)
        } else if self.same >= STUCK {
            Err(Alarm::Stuck)
        } else {
            Ok(reading)
        }
    }
}
