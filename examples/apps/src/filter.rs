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
//! that blocks are independent; and it has outliers: it is Student-t. This is robust regression with a response in
//! θ = (log τ/10 s, log R/10 K/W), so that both are positive; a [`Tracker`] that forgets knows its posterior.
//!
//! # Time
//!
//! The tick that ends a block learns it; every other tick makes one draw. On average a tick takes 0.05 ms on a Cortex-M4F with
//! 100 MHz, and at worst 0.7 ms.
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
    ConfigError, GaussianPrior, Model, Pcg32, SeedableRng, Tracker, Window,
    dual::{Dual, Real},
    model::{Law, Likelihood, NonlinearRegression, Response, RobustRegression},
    noise::InverseCdf,
};

use crate::Marginal;

/// Ticks a second.
pub const RATE: f32 = 50.0;

/// Ticks in a block.
pub const BLOCK: u32 = 150;

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

/// Blocks in the window, five times the memory: with fewer, those from before a change would count as a Gaussian term, which
/// does not see that they have become outliers.
const WINDOW: usize = 80;

/// A block's length Δ in s.
const SECONDS: f32 = BLOCK as f32 / RATE;

/// τ and R at θ = 0.
const TYPICAL: [f32; 2] = [10.0, 10.0];

/// Standard deviation of the prior of θ, a factor of 1.65.
const PRIOR_SD: [f32; 2] = [0.5, 0.5];

/// The fraction of the difference between a reading and the predicted temperature by which that is corrected: about the
/// Kalman gain for these draughts and a sensor's noise of 0.05 K.
const GAIN: f32 = 0.4;

/// The largest difference in K that counts in the correction, so that an outlier has a bounded effect.
const FARTHEST: f32 = 1.0;

/// The probability below which a block is a surprise.
const UNLIKELY: f32 = 1e-3;

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

/// The heat balance: T₁ − T₀ = −a·(mean of T − Tₐ) + b·(mean of P), with the constants a = Δ/τ and b = RΔ/τ.
#[derive(Clone, Copy, Debug)]
struct Balance;

impl Response<2> for Balance {
    type Input = [f32; 2];

    fn constants<T: Real>(&self, &[log_tau, log_r]: &[T; 2]) -> [T; 2] {
        let [_, r] = TYPICAL;
        let a = cooling(log_tau);
        [a, a * log_r.exp() * r]
    }

    fn response<T: Real>(&self, &[a, b]: &[T; 2], &[cooler, power]: &[f32; 2]) -> T {
        a * cooler + b * power
    }
}

/// a = Δ/τ.
fn cooling<T: Real>(log_tau: T) -> T {
    let [tau, _] = TYPICAL;
    (-log_tau).exp() * (SECONDS / tau)
}

/// The likelihood of a block.
///
/// Draughts raise the temperature at a block's end and, half as much, the block's mean, so that the density of readings is that of
/// draughts times a/(1 − e⁻ᵃ), whose logarithm is a/2 − a²/24 + ...
#[derive(Debug)]
struct Blocks(NonlinearRegression<Balance, RobustRegression>);

impl Blocks {
    fn log_jacobian<T: Real>(&[log_tau, _]: &[T; 2]) -> T {
        let a = cooling(log_tau);
        a * 0.5 - a * a / 24.0
    }
}

impl Likelihood<Block, 2> for Blocks {
    fn add_gradient(&self, theta: &[f32; 2], block: &Block, weight: f32, gradient: &mut [f32; 2]) {
        self.add_gradients(theta, core::iter::once((block, weight)), gradient);
    }

    fn negative_log_density(&self, theta: &[f32; 2], block: &Block) -> f32 {
        self.0.negative_log_density(theta, block) - Self::log_jacobian(theta)
    }

    fn law(&self, theta: &[f32; 2], block: &Block) -> Option<Law> {
        self.0.law(theta, block)
    }

    fn add_gradients<'o>(
        &self,
        theta: &[f32; 2],
        blocks: impl Iterator<Item = (&'o Block, f32)>,
        gradient: &mut [f32; 2],
    ) {
        let mut sum = 0.0;
        let counted = blocks.inspect(|(_, weight)| sum += weight);
        self.0.add_gradients(theta, counted, gradient);
        let slopes = Self::log_jacobian(&Dual::variables(theta)).gradient;
        for (gradient, slope) in gradient.iter_mut().zip(slopes) {
            *gradient -= sum * slope;
        }
    }
}

/// The thermal filter.
#[derive(Debug)]
pub struct Filter {
    ambient: f32,
    sensor: Sensor,
    power: f32,
    partial: PartialBlock,
    tracker: Tracker<Model<GaussianPrior<2>, Blocks>, Window<Block, WINDOW>, InverseCdf<Pcg32>, 2>,
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
        let regression = NonlinearRegression::robust(Balance, DEGREES_OF_FREEDOM, DRAUGHT)?;
        let prior = GaussianPrior::new([0.0; 2], PRIOR_SD)?;
        let tracker = Tracker::new(
            Model::new(prior, Blocks(regression)),
            Window::forgetting(MEMORY)?,
            InverseCdf::new(Pcg32::seed_from_u64(seed)),
        );
        let [time_constant, resistance] = marginals([0.0; 2], PRIOR_SD);
        Ok(Self {
            ambient,
            sensor: Sensor::new(),
            power: 0.0,
            partial: PartialBlock::new(None),
            // One at each tick.
            tracker: tracker.gradients(BLOCK as u16),
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
        if self.partial.ticks == BLOCK {
            if let Some(block) = self.partial.close() {
                self.surprised =
                    (self.tracker.learn(block)).is_ok_and(|known| known.surprise() < UNLIKELY);
            }
            self.partial = PartialBlock::new(above);
        } else {
            // The generator does not fail.
            let _ = self.tracker.refine(1);
        }
        let known = self.tracker.estimate();
        [self.estimate.time_constant, self.estimate.resistance] =
            marginals(known.mean(), known.sd());
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

    /// Returns the estimates after the last tick.
    pub const fn estimate(&self) -> Estimate {
        self.estimate
    }

    /// Returns the mean of θ.
    pub fn mean(&self) -> [f32; 2] {
        self.tracker.estimate().mean()
    }
}

/// Returns the marginal posteriors of τ and R for normal ones of their logarithms.
fn marginals(mean: [f32; 2], sd: [f32; 2]) -> [Marginal; 2] {
    core::array::from_fn(|k| {
        let variance = sd[k] * sd[k];
        let mean = TYPICAL[k] * Real::exp(mean[k] + 0.5 * variance);
        let sd = mean * Real::sqrt(Real::exp_m1(variance));
        Marginal { mean, sd }
    })
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
