//! A thermal filter for a control loop: one call a tick, in bounded time, and every parameter with its posterior.
//!
//! A heated body of temperature T above an ambient Tₐ obeys τT' = R·P − (T − Tₐ), with the heater's power
//! P. Its time constant τ and its thermal resistance R are not known: the mounting, the fan and the dust
//! decide. [`Filter::update`] takes in a reading at each tick, learns τ and R while it runs, and gives
//! the temperature, filtered through the model; where the sensor fails it coasts on the model.
//!
//! Learning. Over a block of [`BLOCK`] ticks, Δ seconds, the heat balance integrates to
//!
//! T₁ − T₀ = −(Δ/τ)·(mean of T − Tₐ) + (RΔ/τ)·(mean of P) + draughts,
//!
//! whatever the power does meanwhile. Draughts, not the sensor's noise, are what makes this uncertain, so
//! that blocks are independent; and they have outliers: Student-t. This is the crate's robust
//! regression in the coefficients Δ/τ and RΔ/τ. The chain moves in θ = (log τ/10 s, log R/10 K/W), where
//! both are positive, over the latest blocks, of which old ones fade.
//!
//! Time. Every tick makes [`STEPS`] steps of the chain, and from the first on the window is full, of
//! blocks that tell nothing: what a tick takes is always about the same.
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
    error::ErrorCounts,
    model::{Flat, Prior, RobustRegression},
    noise::InverseCdf,
    preconditioner::Dense,
    schedule::Constant,
    stepper::{LeimkuhlerMatthews, MaxStep},
};
use libm::{expf, sqrtf};

use crate::Marginal;

/// Ticks a second.
pub const RATE: f32 = 50.0;

/// Ticks in a block.
pub const BLOCK: u32 = 150;

/// Steps of the chain in a tick.
pub const STEPS: u32 = 1;

/// How many blocks are remembered, by weight.
pub const MEMORY: f32 = 16.0;

/// Scale of what draughts do in a block, K.
pub const DRAUGHT: f32 = 0.3;

/// Degrees of freedom of what draughts do.
pub const DEGREES_OF_FREEDOM: f32 = 4.0;

/// What the sensor can read, °C; anything else is no reading, and neither are the ends.
pub const SENSOR: RangeInclusive<f32> = -40.0..=150.0;

/// What the heater can give, W.
pub const HEATER: RangeInclusive<f32> = 0.0..=20.0;

/// After so many ticks with the very same reading the sensor is stuck.
pub const STUCK: u32 = 100;

/// Blocks in the window: five times the memory.
const WINDOW: usize = 80;

/// A block's length Δ, s.
const SECONDS: f32 = BLOCK as f32 / RATE;

/// τ and R at θ = 0.
const TYPICAL: [f32; 2] = [10.0, 10.0];

/// Standard deviation of the prior of θ: give or take 65 %.
const PRIOR_SD: [f32; 2] = [0.5, 0.5];

/// The step size η in the coordinates of the metric, where the curvature is about 1: draws are
/// independent after some 4 steps.
const ETA: f32 = 0.5;

/// The metric is as if the prior were half as wide: while little is known the curvature is far from the same
/// everywhere, and steps as wide as the prior would be unstable where τ is short.
const WIDEST: [f32; 2] = [0.25, 0.25];

/// What a block tells of its prediction, beside one with Gaussian draughts of the same scale: the Fisher
/// information (ν + 1)/(ν + 3) of Student's t, over the variance of that scale.
const INFORMATION: f32 =
    (DEGREES_OF_FREEDOM + 1.0) / (DEGREES_OF_FREEDOM + 3.0) / (DRAUGHT * DRAUGHT);

/// How many draws the estimates are made of, by weight: those of a block.
const DRAWS: f32 = 150.0;

/// What share of the way to a reading the predicted temperature is corrected: about the Kalman gain of
/// these draughts and a sensor's noise of 0.05 K...
const GAIN: f32 = 0.4;

/// ... when it is no farther away than this, K: a wild one moves it no further.
const FARTHEST: f32 = 1.0;

/// The two-sided 99.9 % point of Student's t with 4 degrees of freedom, and that of the normal.
const QUANTILES: [f32; 2] = [8.610, 3.291];

/// Duty of the heater at a tick, 0 or 1: half periods of 11 s, for trials.
pub const fn heater(tick: u32) -> f32 {
    if (tick / 550).is_multiple_of(2) {
        1.0
    } else {
        0.0
    }
}

/// What a tick brings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The sensor's reading, °C; NaN or a value off its range is none.
    pub temperature: f32,
    /// The heater's power since the last tick, W.
    pub power: f32,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// There is no reading, or one off the sensor's range: the temperature is the model's.
    NoReading,
    /// The sensor reads the very same for too long: the temperature is the model's.
    Stuck,
    /// The heater's power is not known: taken as the last one that was.
    Power,
    /// The latest block left its 99.9 % predictive interval: a strong draught, or the body has changed.
    Surprise,
}

/// What is known after a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The body's temperature, °C.
    pub temperature: f32,
    /// Its time constant τ, s.
    pub time_constant: Marginal,
    /// Its thermal resistance R, K/W.
    pub resistance: Marginal,
    /// The gravest alarm, if any.
    pub alarm: Option<Alarm>,
}

/// A block: y = T₁ − T₀, x = (−mean of T − Tₐ, mean of P).
type Block = langevin::Sample<2>;

/// No block: whatever τ and R are, it is what they predict.
const BLANK: Block = Block {
    x: [0.0; 2],
    y: 0.0,
};

/// The filter.
#[derive(Debug)]
pub struct Filter {
    ambient: f32,
    sensor: Sensor,
    power: f32,
    open: Open,
    blocks: Window<Block, WINDOW>,
    prior: GaussianPrior<2>,
    model: Model<Flat, RobustRegression>,
    chain: Chain<2, LeimkuhlerMatthews<2, Dense<2>>, Constant, InverseCdf<Pcg32>>,
    told: Progress,
    posterior: Moments<2>,
    surprised: bool,
    estimate: Estimate,
}

impl Filter {
    /// A filter before its first tick, in surroundings of a temperature, °C.
    ///
    /// # Errors
    /// When the ambient is off the sensor's range.
    pub fn new(ambient: f32, seed: u64) -> Result<Self, ConfigError> {
        if !SENSOR.contains(&ambient) {
            return Err(ConfigError {
                field: "ambient",
                bound: "in the sensor's range",
            });
        }
        let chain = Chain::new(
            [0.0; 2],
            LeimkuhlerMatthews::with_metric(Dense::diagonal(WIDEST)?),
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
            open: Open::new(None),
            blocks,
            prior: GaussianPrior::new([0.0; 2], PRIOR_SD)?,
            model: Model::new(Flat, RobustRegression::new(DEGREES_OF_FREEDOM, DRAUGHT)?),
            chain,
            told: Progress::default(),
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

    /// Takes in the sample of a tick. Bounded time, no waiting: for the control loop itself or its timer's
    /// interrupt.
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
        self.open.add(above, power);
        // Not all at once: a tick should take as long as any other.
        if self.open.ticks == BLOCK {
            self.learn();
            self.open = Open::new(above);
        } else if self.open.ticks == 2 {
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

    /// The model's temperature a tick later. By Crank and Nicolson's rule: stable for every τ > 0.
    fn predict(&mut self) {
        let target = self.ambient + self.estimate.resistance.mean * self.power;
        let half = 0.5 / (RATE * self.estimate.time_constant.mean);
        let next = self.estimate.temperature
            + 2.0 * half / (1.0 + half) * (target - self.estimate.temperature);
        self.estimate.temperature = next.clamp(*SENSOR.start(), *SENSOR.end());
    }

    /// Takes in the block that has just ended, if it is whole.
    fn learn(&mut self) {
        let Some(block) = self.open.close() else {
            return;
        };
        let (tau, r) = (self.estimate.time_constant, self.estimate.resistance);
        let [cooler, power] = block.x;
        let heated = SECONDS / tau.mean * r.mean * power;
        let change = SECONDS / tau.mean * cooler + heated;
        // However τ and R are correlated, the prediction's standard deviation is at most this.
        let sd = change.abs() * tau.sd / tau.mean + heated * r.sd / r.mean;
        let [draught, normal] = QUANTILES;
        self.surprised = (block.y - change).abs() > draught * DRAUGHT + normal * sd;
        // It is finite: made of readings.
        let _ = self.blocks.push(block);
        self.told.add([-change, heated]);
    }

    /// Gives the chain the metric that suits what is known.
    fn adapt(&mut self) {
        let metric = self.chain.stepper_mut().metric_mut();
        // A matrix that has no factor leaves the metric as it is.
        let _ = metric.refactor(&self.told.covariance());
    }

    /// Steps of the chain, and what they tell.
    fn sample(&mut self) {
        let mut potential = Thermal {
            prior: &self.prior,
            model: &self.model,
            blocks: &self.blocks,
            weight: self.told.weight,
        };
        for _ in 0..STEPS {
            // A fault leaves the position as it is and is counted; the next step carries on.
            if let Ok(Some(theta)) = self.chain.step(&mut potential) {
                self.posterior.push(&parameters(theta));
            }
        }
        [self.estimate.time_constant, self.estimate.resistance] = marginals(&self.posterior);
    }

    /// What is known after the last tick.
    pub const fn estimate(&self) -> Estimate {
        self.estimate
    }

    /// The chain's position θ.
    pub const fn position(&self) -> &[f32; 2] {
        self.chain.position()
    }

    /// How often each fault of the chain occurred.
    pub const fn error_counts(&self) -> ErrorCounts {
        self.chain.error_counts()
    }
}

/// Estimates that know the prior only, as if from draws: of a log-normal law, each parameter's mean less and
/// plus its standard deviation.
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

/// What is known of τ and of R.
fn marginals(posterior: &Moments<2>) -> [Marginal; 2] {
    let [tau, r] = posterior.mean().unwrap_or_default();
    let [tau_sd, r_sd] = posterior.sd().unwrap_or([f32::INFINITY; 2]);
    [(tau, tau_sd), (r, r_sd)].map(|(mean, sd)| Marginal { mean, sd })
}

/// τ and R at θ.
fn parameters(theta: &[f32; 2]) -> [f32; 2] {
    let ([t, r], [tau, resistance]) = (*theta, TYPICAL);
    [tau * expf(t), resistance * expf(r)]
}

/// The potential of θ: a normal prior, and the blocks through the coefficients that θ stands for.
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
        // Draughts raise the temperature at a block's end and, half as much, the block's mean: the
        // density of readings is that of draughts times a/(1 − e⁻ᵃ), whose logarithm is a/2 − a²/24 + ...
        by_a -= self.weight * (0.5 - a * (1.0 / 12.0));
        // a and b fall as τ rises; b rises with R.
        *gradient = [-(a * by_a + b * by_b), b * by_b];
        self.prior.add_gradient(theta, gradient);
        Ok(())
    }
    // The metric is that of the whole posterior: nothing to divide the step size by.
}

/// What the blocks tell, from which the metric is made: how strongly the heater excites the body decides
/// on it, and may change at any time.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// Sum of the weights.
    weight: f32,
    /// About the likelihood's curvature in θ: the matrix [[p, q], [q, r]] as [p, q, r].
    curvature: [f32; 3],
}

impl Progress {
    /// Takes in a block by the slopes of its prediction in θ; older ones fade.
    fn add(&mut self, [x, y]: [f32; 2]) {
        const FADE: f32 = 1.0 - 1.0 / MEMORY;
        self.weight = FADE * self.weight + 1.0;
        for (told, product) in self.curvature.iter_mut().zip([x * x, x * y, y * y]) {
            *told = FADE * *told + INFORMATION * product;
        }
    }

    /// About the posterior covariance of θ.
    fn covariance(&self) -> [[f32; 2]; 2] {
        let ([p, q, r], [a, b]) = (self.curvature, WIDEST);
        let (p, r) = (p + 1.0 / (a * a), r + 1.0 / (b * b));
        let scale = 1.0 / (p * r - q * q);
        [[r * scale, -q * scale], [-q * scale, p * scale]]
    }
}

/// The block that is not over yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    ticks: u32,
    /// T − Tₐ at the start, if it was read.
    first: Option<f32>,
    /// The same at the latest tick.
    last: f32,
    /// Sums over the ticks of T − Tₐ (by the trapezoidal rule, without the first half) and of P.
    above: f32,
    power: f32,
    whole: bool,
}

impl Open {
    /// A block that starts at a temperature above the ambient.
    const fn new(first: Option<f32>) -> Self {
        Self {
            ticks: 0,
            first,
            last: 0.0,
            above: 0.0,
            power: 0.0,
            whole: true,
        }
    }

    /// Takes in a tick; without all its numbers the block will not be learnt from.
    fn add(&mut self, above: Option<f32>, power: Option<f32>) {
        self.ticks += 1;
        match (above, power) {
            (Some(above), Some(power)) => {
                self.last = above;
                self.above += above;
                self.power += power;
            }
            _ => self.whole = false,
        }
    }

    /// The block, if nothing of it is missing.
    fn close(&self) -> Option<Block> {
        let first = self.first.filter(|_| self.whole)?;
        let share = 1.0 / self.ticks as f32;
        let mean = share * (self.above + 0.5 * (first - self.last));
        Some(Block {
            x: [-mean, share * self.power],
            y: self.last - first,
        })
    }
}

/// The sensor, watched.
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

    /// The reading, if it is one.
    fn read(&mut self, reading: f32) -> Result<f32, Alarm> {
        self.same = if reading == self.last {
            self.same.saturating_add(1)
        } else {
            0
        };
        self.last = reading;
        // False for NaN too.
        if !(reading > *SENSOR.start() && reading < *SENSOR.end()) {
            Err(Alarm::NoReading)
        } else if self.same >= STUCK {
            Err(Alarm::Stuck)
        } else {
            Ok(reading)
        }
    }
}
