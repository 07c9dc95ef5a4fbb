//! An analogue input watched reading by reading: the chip's own temperature sensor, or a pin.
//!
//! The codes of a 12-bit converter are a line over the latest readings plus noise: the reading that has k
//! newer ones is offset − slope·k + ε. Offset (now), slope (drift a reading) and the standard
//! deviation of ε are unknown, and readings fade, so that all three may change. Each draw of the chain
//! also foretells the next reading: one that leaves the interval foretold is an [`Alarm`].
//!
//! Given the noise's standard deviation, offset and slope have a closed form, and the chain moves in its
//! coordinates; that deviation and the interval foretold have none. A sensor of another kind has another
//! `Posterior`, and nothing else changes.
//!
//! Rounding to a code adds a variance of 1/12, the floor of the model's noise. (With less noise than a third
//! of a code the errors of rounding are alike from one reading to the next, and the offset is known no
//! better than to a code, whatever its standard deviation says.)

use langevin::{
    Chain, ConfigError, Moments, Pcg32, Potential, SeedableRng, StepError, Window,
    data::Data,
    error::ErrorCounts,
    estimate::Predictive,
    noise::FixedInverseCdf,
    preconditioner::Dense,
    schedule::Constant,
    stepper::{LeimkuhlerMatthews, MaxStep},
};
use libm::{expf, logf, sqrtf};

use crate::Marginal;

/// The highest code of the converter.
pub const HIGHEST: u16 = 4095;
/// Readings remembered: the one that has k newer ones weighs (1 − 1/`MEMORY`)ᵏ.
pub const MEMORY: f32 = 32.0;
/// Room for five times as many: what is cut off weighs less than 1 %.
pub const CAPACITY: usize = 160;
/// Steps of the chain at each reading.
pub const STEPS: u32 = 64;
/// The step size η, for one reading in the metric's coordinates, where the curvature is about 1: draws
/// are independent after 2/η or 8 steps.
pub const ETA: f32 = 0.25;
/// Draws that an estimate remembers. Every second step gives one: of 4 readings.
pub const HORIZON: f32 = 128.0;
/// The probability with which the next reading of a healthy sensor is in the interval foretold.
pub const LEVEL: f32 = 0.999;
/// So many alarms in a row are no outliers: the signal has jumped, and what was before is forgotten.
pub const JUMP: u8 = 4;
/// A run of one and the same code is no chance when its probability is below exp(−`CHANCE`), 1e-6.
pub const CHANCE: f32 = 14.0;

/// Variance of the error of rounding to a code.
const ROUNDING: f32 = 1.0 / 12.0;

/// What is known before the first reading. The slope is normal with mean 0 and so many standard
/// deviations of the noise as its own; the offset may be anything.
pub const SLOPE: f32 = 10.0;
/// The logarithm of the noise's standard deviation (before rounding) is normal with this mean, that of 2
/// codes,
pub const LOG_SD: f32 = core::f32::consts::LN_2;
/// and this standard deviation: twenty times less or more.
pub const LOG_SD_SD: f32 = 1.5;

/// Why a reading is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// It left the interval foretold: an outlier, or a jump, which is then followed.
    Surprise,
    /// It is at an end of the converter's range, or above: a short circuit, a broken wire.
    Rail,
    /// For longer than the noise allows the code has been the very same: the sensor is dead.
    Stuck,
}

impl Alarm {
    /// Its name, for a log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Surprise => "surprise",
            Self::Rail => "rail",
            Self::Stuck => "stuck",
        }
    }
}

/// What is known after a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The signal now, in codes.
    pub offset: Marginal,
    /// Its drift, in codes a reading.
    pub slope: Marginal,
    /// Standard deviation of a reading's noise in codes, rounding included.
    pub noise: Marginal,
    /// Ends of the interval that holds the next reading with probability [`LEVEL`].
    pub next: [f32; 2],
    /// What is wrong with this reading, which is then not learnt from (unless it is the [`JUMP`]th surprise).
    pub alarm: Option<Alarm>,
}

/// A sensor under watch.
#[derive(Debug)]
pub struct Sensor {
    readings: Window<f32, CAPACITY>,
    posterior: Posterior,
    chain: Chain<3, LeimkuhlerMatthews<3, Dense<3>>, Constant, FixedInverseCdf<Pcg32>>,
    // Of offset and slope, less those of the line, and noise.
    estimates: Moments<3>,
    // Of the next reading, less the line's.
    next: Predictive<1>,
    // Surprises in a row.
    surprises: u8,
    run: Run,
}

impl Sensor {
    /// A sensor before its first reading.
    ///
    /// # Errors
    /// None: the constants above are in range.
    pub fn new(seed: u64) -> Result<Self, ConfigError> {
        let chain = Chain::new(
            [0.0, 0.0, LOG_SD],
            LeimkuhlerMatthews::with_metric(Dense::identity()),
            Constant::new(ETA)?,
            FixedInverseCdf::new(Pcg32::seed_from_u64(seed)),
        )
        // Neighbours are much alike: every second draw tells as much.
        .thin(2)
        // No step from one end of the prior to the other.
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

    /// Takes in a reading and makes [`STEPS`] steps: about the same work whatever the reading is.
    ///
    /// Time stands still for readings that are not learnt from.
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
            self.posterior.look(&self.readings);
            if let Some(metric) = self.posterior.metric() {
                *self.chain.stepper_mut().metric_mut() = metric;
            }
        }
        // Without a reading there is no posterior: any offset is as good as another.
        if self.readings.count() > 0 {
            self.sample(STEPS, |_| ());
        }
        self.report(alarm)
    }

    /// Makes `steps` more steps on the same posterior, for finer estimates, and calls `each` with
    /// offset, slope and noise of every draw.
    pub fn sample(&mut self, steps: u32, mut each: impl FnMut(&[f32; 3])) {
        for _ in 0..steps {
            // A fault leaves the position as it is and is counted; the next step carries on.
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

    /// What is known, beside `alarm`: before the first reading nothing, all zeros.
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

    /// The chain's position: how far offset and slope are from those of least squares, in units of the noise, and
    /// the logarithm of the noise's standard deviation before rounding.
    pub const fn position(&self) -> &[f32; 3] {
        self.chain.position()
    }

    /// How often each fault occurred while stepping.
    pub const fn error_counts(&self) -> ErrorCounts {
        self.chain.error_counts()
    }

    /// The readings that are remembered.
    pub const fn readings(&self) -> &Window<f32, CAPACITY> {
        &self.readings
    }

    /// What is wrong with a reading.
    fn judge(&mut self, code: u16) -> Option<Alarm> {
        // What the noise surely is, once the window is half full.
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

    /// The interval that the next reading is in: before the first, any.
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

/// A run of readings of one and the same code.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    code: u16,
    length: f32,
    /// How long it may become.
    limit: f32,
}

impl Run {
    /// Takes in a code, at a time when the noise has a standard deviation of `noise` at least; says whether
    /// the run is too long for chance.
    ///
    /// A code is 1 wide, and the density of normal noise at most 1/(√(2π)·sd): this bounds the
    /// probability that the next reading has the same code. When it is no bound, any run may be chance.
    fn push(&mut self, code: u16, noise: f32) -> bool {
        if code == self.code && self.length > 0.0 {
            // Above 2²⁴ it stays as it is.
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

/// The posterior of a line through the readings, from sums that are made once a reading: a step costs the
/// same however many readings there are.
///
/// The unknowns are (a, b, l): offset and slope are those of the least-squares line plus s·a and s·b, where
/// s² = v = exp(2l) + 1/12 is the variance of a reading's noise. Then
///
/// U = ½(n·a² − 2K·ab + M·b²) + (n − 1) log s + ½R/v + (l − l₀)²/2τ²
///
/// with n = Σw, K = Σwk, M = Σwk² and R = Σwr² over the readings, of weight w, age k and residual r about that
/// line. a and b have the same law whatever s is: no scale has to be found, and when a reading
/// moves the line the chain moves along.
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
    /// Makes the sums anew, after a reading more.
    fn look(&mut self, readings: &Window<f32, CAPACITY>) {
        // About a line near by, so that they do not cancel: what the last line foretold.
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
        // The prior of the slope, as if it were a reading.
        let precision = 1.0 / (SLOPE * SLOPE);
        kk += precision;
        ke -= precision * slope;
        ee += precision * slope * slope;

        // Not below what it is for one reading.
        let determinant = (n * kk - k * k).max(precision);
        let a = (kk * e - k * ke) / determinant;
        let b = (k * e - n * ke) / determinant;
        *self = Self {
            line: [offset + a, slope + b],
            ages: [n, k, kk],
            squares: (ee - a * e + b * ke).max(0.0),
        };
    }

    /// The metric in which the curvature is the number of readings: along l, nowhere more.
    fn metric(&self) -> Option<Dense<3>> {
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
        // Where the noise is far too small for the residuals, U rises as 1/v. There, where no draws are, its
        // slope is bounded, so that no step throws the noise by more than a factor.
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
