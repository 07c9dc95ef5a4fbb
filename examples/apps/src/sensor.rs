//! Monitors an analogue input reading by reading: the chip's own temperature sensor, or a pin.
//!
//! The codes of a 12-bit converter are modelled as a line over the latest readings plus noise: the reading that has k
//! newer ones is offset − slope·k + ε. Offset (now), slope (drift per reading) and the standard
//! deviation of ε are unknown. The weight of a reading decreases with its age, so that all three may change. Each draw of
//! the chain also predicts the next reading: one outside the predictive interval raises an [`Alarm`].
//!
//! Given the noise's standard deviation, the posterior of offset and slope has a closed form, and the chain moves in its
//! coordinates. The posterior of that deviation and the predictive interval have none. For a sensor of another kind
//! replace `Posterior`; nothing else changes.
//!
//! Rounding to a code adds a variance of 1/12, which is the least that the model's noise can have. (With less noise than a
//! third of a code the rounding errors of consecutive readings are correlated, and the offset is known no
//! better than to a code, whatever its standard deviation says.)

use langevin::{
    Chain, ConfigError, Moments, Pcg32, Potential, SeedableRng, StepError, Window,
    data::Data,
    chain::ErrorCounts,
    estimate::Predictive,
    noise::FixedInverseCdf,
    preconditioner::Dense,
    schedule::Constant,
    stepper::{LeimkuhlerMatthews, MaxStep, Preconditioned},
};
use libm::{expf, logf, sqrtf};

use crate::Marginal;

/// The highest code of the converter.
pub const HIGHEST: u16 = 4095;
/// The memory in readings: the one that has k newer ones has the weight (1 − 1/`MEMORY`)ᵏ.
pub const MEMORY: f32 = 32.0;
/// The capacity of the window, five times the memory: the older readings would weigh less than 1 %.
pub const CAPACITY: usize = 160;
/// Steps of the chain at each reading.
pub const STEPS: u32 = 64;
/// The step size η for one reading, in the preconditioner's coordinates, where the curvature is about 1: draws
/// are independent after 2/η, or 8 steps.
pub const ETA: f32 = 0.25;
/// The memory of the estimates in draws. Every second step makes a draw, so that these are the draws of 4 readings.
pub const HORIZON: f32 = 128.0;
/// The probability of the predictive interval of the next reading.
pub const LEVEL: f32 = 0.999;
/// The number of consecutive surprises that are taken for a jump of the signal: the earlier readings are then forgotten.
pub const JUMP: u8 = 4;
/// A run of the same code raises an alarm when its probability is below exp(−`CHANCE`), or 1e-6.
pub const CHANCE: f32 = 14.0;

/// Variance of the error of rounding to a code.
const ROUNDING: f32 = 1.0 / 12.0;

/// The prior standard deviation of the slope, in standard deviations of the noise; its mean is 0. The offset has a flat
/// prior.
pub const SLOPE: f32 = 10.0;
/// The mean of the normal prior of the logarithm of the noise's standard deviation (before rounding): that of 2 codes.
pub const LOG_SD: f32 = core::f32::consts::LN_2;
/// The standard deviation of that prior: a 95 % interval from 20 times less to 20 times more.
pub const LOG_SD_SD: f32 = 1.5;

/// The reason of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The reading is outside its predictive interval: an outlier, or the first reading after a jump.
    Surprise,
    /// The reading is at an end of the converter's range, or above: a short circuit, or a broken wire.
    Rail,
    /// The code has been the same for longer than the noise allows: the sensor is dead.
    Stuck,
}

impl Alarm {
    /// Returns the name of the alarm, for a log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Surprise => "surprise",
            Self::Rail => "rail",
            Self::Stuck => "stuck",
        }
    }
}

/// The estimates after a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The signal now, in codes.
    pub offset: Marginal,
    /// Its drift, in codes per reading.
    pub slope: Marginal,
    /// Standard deviation of a reading's noise in codes, rounding included.
    pub noise: Marginal,
    /// The interval that contains the next reading with probability [`LEVEL`].
    pub next: [f32; 2],
    /// The alarm of this reading, if there is one. The reading is then not used, unless it is the [`JUMP`]th surprise.
    pub alarm: Option<Alarm>,
}

/// A monitored sensor.
#[derive(Debug)]
pub struct Sensor {
    readings: Window<f32, CAPACITY>,
    posterior: Posterior,
    chain: Chain<3, Preconditioned<LeimkuhlerMatthews, Dense<3>>, Constant, FixedInverseCdf<Pcg32>>,
    /// Of offset and slope minus those of the least-squares line, and of the noise.
    estimates: Moments<3>,
    /// Of the next reading minus the line's prediction.
    next: Predictive<1>,
    /// The number of consecutive surprises.
    surprises: u8,
    run: Run,
}

impl Sensor {
    /// Creates a sensor without readings.
    ///
    /// # Errors
    /// None, because the constants above are in range.
    pub fn new(seed: u64) -> Result<Self, ConfigError> {
        let chain = Chain::new(
            [0.0, 0.0, LOG_SD],
            Preconditioned::new(LeimkuhlerMatthews::new(), Dense::identity()),
            Constant::new(ETA)?,
            FixedInverseCdf::new(Pcg32::seed_from_u64(seed)),
        )
        // Consecutive draws are strongly correlated, so that every second one is about as good as all.
        .thin(2)
        // A step cannot lead from one end of the prior to the other.
        .max_step(MaxStep::new(4.0 * SLOPE)?);
        Ok(Self {
            readings: Window::forgetting(MEMORY)?,
            posterior: Posterior::default(),
            chain,
            estimates: Moments::forgetting(HORIZON)?,
            next: Predictive::forgetting(HORIZON)?,
            surprises: 0,
            run: Run::default(),
        })
    }

    /// Adds a reading and makes [`STEPS`] steps, which is about the same work whatever the reading is.
    ///
    /// A reading that is not used does not count in the age of the others.
    pub fn update(&mut self, code: u16) -> Report {
        let alarm = self.judge(code);
        if alarm == Some(Alarm::Surprise) {
            self.surprises = self.surprises.saturating_add(1);
        } else {
            self.surprises = 0;
        }
        let jump = self.surprises >= JUMP;
        if jump {
            self.surprises = 0;
            self.readings.clear();
            self.estimates.clear();
            self.next.clear();
        }
        if alarm.is_none() || jump {
            // It is finite.
            let _ = self.readings.push(code.into());
            self.posterior.update(&self.readings);
            if let Some(preconditioner) = self.posterior.preconditioner() {
                *self.chain.stepper_mut().preconditioner_mut() = preconditioner;
            }
        }
        // Without a reading the posterior of the offset is flat.
        if self.readings.count() > 0 {
            self.sample(STEPS, |_| ());
        }
        self.report(alarm)
    }

    /// Makes `steps` more steps on the same posterior, for more precise estimates, and calls `each` with
    /// offset, slope and noise of every draw.
    pub fn sample(&mut self, steps: u32, mut each: impl FnMut(&[f32; 3])) {
        for _ in 0..steps {
            // A step that fails leaves the position unchanged, and is counted.
            if let Ok(Some(&[a, b, log_sd])) = self.chain.step(&mut self.posterior) {
                let noise = sqrtf(expf(2.0 * log_sd) + ROUNDING);
                let (offset, slope) = (noise * a, noise * b);
                self.estimates.push(&[offset, slope, noise]);
                self.next.push(&[offset + slope], &[noise]);
                let [line_offset, line_slope] = self.posterior.line;
                each(&[line_offset + offset, line_slope + slope, noise]);
            }
        }
    }

    /// Returns the estimates, with `alarm`. Before the first reading all of them are zero.
    pub fn report(&self, alarm: Option<Alarm>) -> Report {
        let [line_offset, line_slope] = self.posterior.line;
        let [offset, slope, noise] = self.estimates.mean().unwrap_or_default();
        let [offset_sd, slope_sd, noise_sd] = self.estimates.sd().unwrap_or_default();
        Report {
            offset: Marginal {
                mean: line_offset + offset,
                sd: offset_sd,
            },
            slope: Marginal {
                mean: line_slope + slope,
                sd: slope_sd,
            },
            noise: Marginal {
                mean: noise,
                sd: noise_sd,
            },
            next: self.interval(),
            alarm,
        }
    }

    /// Returns the chain's position: offset and slope minus those of least squares, in units of the noise, and
    /// the logarithm of the noise's standard deviation before rounding.
    pub const fn position(&self) -> &[f32; 3] {
        self.chain.position()
    }

    /// Returns how often each error occurred while stepping.
    pub const fn error_counts(&self) -> ErrorCounts {
        self.chain.error_counts()
    }

    /// Returns the readings in the window.
    pub const fn readings(&self) -> &Window<f32, CAPACITY> {
        &self.readings
    }

    /// Returns the alarm of a reading, if there is one.
    fn judge(&mut self, code: u16) -> Option<Alarm> {
        // A lower bound of the noise, once the window is half full.
        let marginals = self.estimates.mean().zip(self.estimates.sd());
        let ([.., noise], [.., sd]) = marginals.unwrap_or_default();
        let known = self.readings.total_weight() >= 0.5 * MEMORY;
        let stuck = self
            .run
            .push(code, if known { noise - 3.0 * sd } else { 0.0 });
        let [low, high] = self.interval();
        if code == 0 || code >= HIGHEST {
            Some(Alarm::Rail)
        } else if stuck {
            Some(Alarm::Stuck)
        } else if (low..=high).contains(&f32::from(code)) {
            None
        } else {
            Some(Alarm::Surprise)
        }
    }

    /// Returns the predictive interval of the next reading: the whole range before the first.
    fn interval(&self) -> [f32; 2] {
        if self.readings.count() == 0 {
            return [0.0, f32::from(HIGHEST)];
        }
        let [offset, slope] = self.posterior.line;
        match self.next.interval(LEVEL) {
            Ok([interval]) => interval.map(|end| offset + slope + end),
            Err(_) => [0.0, f32::from(HIGHEST)],
        }
    }
}

/// A run of readings with the same code.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    code: u16,
    length: f32,
    /// The largest length that is not an alarm.
    limit: f32,
}

impl Run {
    /// Adds a code, and returns whether the run is too long to be chance, given that the standard deviation of the noise is
    /// at least `noise`.
    ///
    /// A code is 1 wide, and the density of normal noise is at most 1/(√(2π)·sd), which bounds the
    /// probability that the next reading has the same code. If the bound is not below 1, any run may be chance.
    fn push(&mut self, code: u16, noise: f32) -> bool {
        if code == self.code && self.length > 0.0 {
            // It stops at 2²⁴.
            self.length += 1.0;
        } else {
            let improbability = logf((2.506_628_3 * noise).max(1.0));
            *self = Self {
                code,
                length: 1.0,
                limit: if improbability > 0.0 {
                    1.0 + CHANCE / improbability
                } else {
                    f32::INFINITY
                },
            };
        }
        self.length > self.limit
    }
}

/// The posterior of a line through the readings, from sums that are computed once per reading: the cost of a step does
/// not depend on the number of readings.
///
/// The unknowns are (a, b, l): offset and slope are those of the least-squares line plus s·a and s·b, where
/// s² = v = exp(2l) + 1/12 is the variance of a reading's noise. Then
///
/// U = ½(n·a² − 2K·ab + M·b²) + (n − 1) log s + ½R/v + (l − l₀)²/2τ²
///
/// with n = Σw, K = Σwk, M = Σwk² and R = Σwr² over the readings, with weight w, age k and residual r from that
/// line. The law of a and b does not depend on s, so that no scale has to be found; and when a reading
/// moves the line the chain moves with it.
#[derive(Clone, Copy, Debug, Default)]
struct Posterior {
    /// Offset and slope of the least-squares line.
    line: [f32; 2],
    /// n, K and M.
    ages: [f32; 3],
    /// R.
    squares: f32,
}

impl Posterior {
    /// Recomputes the sums after a new reading.
    fn update(&mut self, readings: &Window<f32, CAPACITY>) {
        // Residuals are taken from the prediction of the last line, so that the sums do not cancel.
        let [offset, slope] = match (self.line, readings.get(0)) {
            ([offset, slope], Some(_)) if readings.count() > 1 => [offset + slope, slope],
            (_, Some((first, _))) => [*first, 0.0],
            (line, None) => line,
        };
        // Σw, Σwk, Σwk²; and with the errors e, Σwe, Σwke, Σwe².
        let [mut n, mut k, mut kk, mut e, mut ke, mut ee] = [0.0; 6];
        let mut age = 0.0;
        for (reading, weight) in readings.weighted() {
            let error = *reading - (offset - slope * age);
            let (weighted_age, weighted_error) = (weight * age, weight * error);
            n += weight;
            k += weighted_age;
            kk += weighted_age * age;
            e += weighted_error;
            ke += weighted_error * age;
            ee += weighted_error * error;
            age += 1.0;
        }
        // The prior of the slope acts as a reading.
        let precision = 1.0 / (SLOPE * SLOPE);
        kk += precision;
        ke -= precision * slope;
        ee += precision * slope * slope;

        // It is at least that of one reading.
        let determinant = (n * kk - k * k).max(precision);
        let a = (kk * e - k * ke) / determinant;
        let b = (k * e - n * ke) / determinant;
        *self = Self {
            line: [offset + a, slope + b],
            ages: [n, k, kk],
            squares: (ee - a * e + b * ke).max(0.0),
        };
    }

    /// Returns the preconditioner in whose coordinates the curvature is the number of readings, or along l at most that.
    fn preconditioner(&self) -> Option<Dense<3>> {
        let [n, k, kk] = self.ages;
        let each = 1.0 / n;
        let along_l = 2.0 * n + 1.0 / (LOG_SD_SD * LOG_SD_SD);
        Dense::from_precision(&[
            [1.0, 0.0, 0.0],
            [-k * each, kk * each, 0.0],
            [0.0, 0.0, along_l * each],
        ])
        .ok()
    }
}

impl Potential<3> for Posterior {
    fn gradient(&mut self, theta: &[f32; 3], gradient: &mut [f32; 3]) -> Result<(), StepError> {
        let [a, b, l] = *theta;
        let [n, k, kk] = self.ages;
        let variance = expf(2.0 * l);
        let inverse = 1.0 / (variance + ROUNDING);
        // Where the noise is far too small for the residuals, U rises as 1/v. Draws are never there, and its
        // slope is bounded, so that a step cannot change the noise by more than a factor.
        let misfit = (self.squares * inverse).min(6.0 * n);
        *gradient = [
            n * a - k * b,
            kk * b - k * a,
            variance * inverse * (n - 1.0 - misfit)
                + (l - LOG_SD) * (1.0 / (LOG_SD_SD * LOG_SD_SD)),
        ];
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        let [n, ..] = self.ages;
        n
    }
}
