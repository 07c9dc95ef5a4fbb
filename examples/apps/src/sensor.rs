//! Monitors an analogue input reading by reading: the chip's own temperature sensor, or a pin.
//!
//! The codes of a 12-bit converter are modelled as a line over the latest readings plus noise: the reading that has k
//! newer ones is offset − slope·k + ε. Offset (now), slope (drift per reading) and the standard
//! deviation of ε are unknown. The weight of a reading decreases with its age, so that all three may change. What is known
//! also predicts the next reading: one outside the predictive interval raises an [`Alarm`].
//!
//! Given the noise's standard deviation, the posterior of offset and slope has a closed form, which a recursion keeps. What a
//! reading differs from its prediction by, in units of what the prediction adds to the noise, is a reading of the noise alone,
//! whose posterior has no closed form: a [`Tracker`] knows it.
//!
//! Rounding to a code adds a variance of 1/12, which is the least that the model's noise can have. (With less noise than a
//! third of a code the rounding errors of consecutive readings are correlated, and the offset is known no
//! better than to a code, whatever its standard deviation says.)

use langevin::{
    BoxMuller, ConfigError, Model, Pcg32, SeedableRng, Tracker, Window,
    dual::{Differentiated, Formula, ObservationFormula, Real},
};

use crate::Marginal;

/// The highest code of the converter.
pub const HIGHEST: u16 = 4095;
/// The memory in readings: the one that has k newer ones has the weight (1 − 1/`MEMORY`)ᵏ.
pub const MEMORY: f32 = 32.0;
/// The capacity of the noise's window: older readings, which have a third of the weight, count as a Gaussian term.
pub const CAPACITY: usize = 32;
/// The number of gradients that a reading may cost.
pub const GRADIENTS: u16 = 8;
/// The probability of the predictive interval of the next reading.
pub const LEVEL: f32 = 0.999;
/// The same in standard deviations.
const WIDTH: f32 = 3.290_527;
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
    seed: u64,
    /// Of the readings, if there were any.
    line: Option<Line>,
    noise: NoiseTracker,
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
        Ok(Self {
            seed,
            line: None,
            noise: noise_tracker(seed)?,
            surprises: 0,
            run: Run::default(),
        })
    }

    /// Adds a reading, which is about the same work whatever the reading is.
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
        if let (true, Ok(noise)) = (jump, noise_tracker(self.seed)) {
            (self.surprises, self.line, self.noise) = (0, None, noise);
        }
        // The generator does not fail.
        let _ = if alarm.is_none() || jump {
            let y = f32::from(code);
            let residual = match &mut self.line {
                Some(line) => line.update(y),
                None => {
                    self.line = Some(Line::through(y));
                    0.0
                }
            };
            self.noise.update(residual)
        } else {
            self.noise.missing()
        };
        self.report(alarm)
    }

    /// Makes more draws on the same posterior, for more precise estimates.
    pub fn refine(&mut self, draws: u16) {
        // The generator does not fail.
        let _ = self.noise.refine(draws);
    }

    /// Returns the estimates, with `alarm`. Before the first reading all of them are zero.
    pub fn report(&self, alarm: Option<Alarm>) -> Report {
        let line = self.line.unwrap_or(Line::NOTHING);
        let variance = self.variance();
        let spread = Real::sqrt(variance);
        let known = |mean: f32, variance: f32| Marginal {
            mean,
            sd: spread * Real::sqrt(variance),
        };
        Report {
            offset: known(line.offset, line.covariance[0]),
            slope: known(line.slope, line.covariance[2]),
            noise: self.spread(variance),
            next: self.interval(variance),
            alarm,
        }
    }

    /// Returns the means: offset, slope, and the logarithm of the noise's standard deviation before rounding.
    pub fn mean(&self) -> [f32; 3] {
        let line = self.line.unwrap_or(Line::NOTHING);
        let [l] = self.noise.estimate().mean();
        [line.offset, line.slope, l]
    }

    /// Returns the mean of the variance of a reading's noise, which is log-normal but for the rounding; 0 before the first
    /// reading.
    fn variance(&self) -> f32 {
        let estimate = self.noise.estimate();
        let ([l], [sd]) = (estimate.mean(), estimate.sd());
        let known = if self.line.is_some() { 1.0 } else { 0.0 };
        known * (Real::exp(2.0 * (l + sd * sd)) + ROUNDING)
    }

    /// Returns the posterior of the standard deviation of a reading's noise, the square of which has the mean `variance`.
    fn spread(&self, variance: f32) -> Marginal {
        let estimate = self.noise.estimate();
        let [mean, _] = estimate.function(|[l]| Real::sqrt(Real::exp(2.0 * l) + ROUNDING));
        Marginal {
            mean,
            sd: Real::sqrt((variance - mean * mean).max(0.0)),
        }
    }

    /// Returns the alarm of a reading, if there is one.
    fn judge(&mut self, code: u16) -> Option<Alarm> {
        // A lower bound of the noise, once the window is half full.
        let variance = self.variance();
        let known = self.noise.estimate().readings() >= 0.5 * MEMORY;
        let least = if known {
            let Marginal { mean, sd } = self.spread(variance);
            mean - 3.0 * sd
        } else {
            0.0
        };
        let stuck = self.run.push(code, least);
        let [low, high] = self.interval(variance);
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

    /// Returns the predictive interval of the next reading, whose noise has this variance: the whole range before the first.
    fn interval(&self, variance: f32) -> [f32; 2] {
        let Some(line) = &self.line else {
            return [0.0, f32::from(HIGHEST)];
        };
        let (next, covariance) = line.next();
        let half = WIDTH * Real::sqrt(variance * (1.0 + covariance[0]));
        [next - half, next + half]
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
            let improbability = Real::ln((2.506_628_3 * noise).max(1.0));
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

/// A line through the readings, whose weights decrease with their age: a least-squares estimate with two unknowns, recursively.
#[derive(Clone, Copy, Debug)]
struct Line {
    offset: f32,
    slope: f32,
    /// The covariance of offset and slope, [[p, q], [q, r]] as [p, q, r], in units of the noise's variance.
    covariance: [f32; 3],
}

impl Line {
    const NOTHING: Self = Self {
        offset: 0.0,
        slope: 0.0,
        covariance: [0.0; 3],
    };

    /// The line after the first reading.
    const fn through(first: f32) -> Self {
        Self {
            offset: first,
            slope: 0.0,
            covariance: [1.0, 0.0, SLOPE * SLOPE],
        }
    }

    /// Returns the offset at the next reading, and the covariance there.
    fn next(&self) -> (f32, [f32; 3]) {
        const FORGETTING: f32 = 1.0 / (1.0 - 1.0 / MEMORY);
        let [p, q, r] = self.covariance;
        let covariance = [p + 2.0 * q + r, q + r, r].map(|c| FORGETTING * c);
        (self.offset + self.slope, covariance)
    }

    /// Adds a reading, and returns by how much it differs from its prediction, less what the prediction's error makes of that.
    fn update(&mut self, y: f32) -> f32 {
        let (offset, [p, q, r]) = self.next();
        let (error, share) = (y - offset, 1.0 / (1.0 + p));
        *self = Self {
            offset: offset + share * p * error,
            slope: self.slope + share * q * error,
            covariance: [share * p, share * q, r - share * q * q],
        };
        error * Real::sqrt(share)
    }
}

/// Knows l, where the variance of a reading's noise is v = exp(2l) + 1/12.
type NoiseTracker = Tracker<
    Model<Differentiated<Belief>, Differentiated<Residual>>,
    Window<f32, CAPACITY>,
    BoxMuller<Pcg32>,
    1,
>;

fn noise_tracker(seed: u64) -> Result<NoiseTracker, ConfigError> {
    let model = Model::new(Differentiated(Belief), Differentiated(Residual));
    let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
    let tracker = Tracker::new(model, Window::forgetting(MEMORY)?, noise);
    Ok(tracker.gradients(GRADIENTS))
}

/// What is known of l without readings. The line takes one of n readings: with the residuals' n log √v there are n − 1.
#[derive(Clone, Copy, Debug)]
struct Belief;

impl Formula<1> for Belief {
    fn evaluate<T: Real>(&self, &[l]: &[T; 1]) -> T {
        ((l - LOG_SD) / LOG_SD_SD).powi(2) * 0.5 - variance(l).ln() * 0.5
    }
}

/// A residual is normal with variance v.
#[derive(Clone, Copy, Debug)]
struct Residual;

impl ObservationFormula<f32, 1> for Residual {
    fn negative_log_density<T: Real>(&self, &[l]: &[T; 1], residual: &f32) -> T {
        let v = variance(l);
        (v.ln() + v.recip() * (residual * residual)) * 0.5
    }
}

fn variance<T: Real>(l: T) -> T {
    (l * 2.0).exp() + ROUNDING
}
