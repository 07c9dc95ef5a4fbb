//! Resistances and open-circuit voltage of a battery from its current and voltage, and the voltage that a load leaves.
//!
//! The model is Thevenin's with one time constant. After a rest, at whose end the voltage was V₀,
//!
//! V = V₀ + offset + slope·q + R₀·I + R₁·x,  τx' = I − x,
//!
//! with the current I, positive when it charges, and the charge q since the rest. Slope, resistances and τ are positive: the
//! unknowns are their logarithms, the offset, and the logarithm of the errors' standard deviation σ.
//!
//! # Errors of the model
//! The cell has more time constants than one, so that the model is off by a millivolt or two for seconds on end. Its errors
//! are an Ornstein–Uhlenbeck process: two of them t seconds apart have a correlation of exp(−t/[`CORRELATION`]).
//! A reading is used less the same share of the one before it, scaled so that what is left has the standard deviation σ and
//! is independent of all before. Readings that follow each other quickly then count for little, as they should. A reading
//! during whose interval the current was switched is compared with none, because voltage and current are not
//! sampled at the same instant.
//!
//! # Filtered current
//! x depends on τ and on all of the current before. A [`Load`] therefore has three low-pass filters at fixed time constants, and
//! the model interpolates between them, to 1 % of the current for τ from 7 s to 32 s. A reading takes the same work whatever
//! the current did.
//!
//! # Drift
//! Resistances change with charge, temperature and age. A reading after a rest of [`REST`] seconds starts a new window, whose
//! prior is the posterior until then, wider by [`DRIFT`] but never wider than the first prior; the slope of
//! the open-circuit voltage, which changes most, gets back the first prior's width. Between rests the window forgets.
//!
//! # Settings
//! The constants below were chosen on the pulse tests of the example, whose results depend little on them: with a correlation over 10 s or
//! 25 s charge pulses are predicted to 1.73 mV and 1.64 mV at 10 °C, where 15 s give 1.64 mV. With 1 s, next to
//! none, it is 2.42 mV, and half of the readings are outside their 95 % intervals. Least squares that are given the same
//! correlation and drift predict nearly as well; the tracker adds τ, σ and an interval that needs no σ.
//!
//! ```
//! use langevin_apps::battery::{Battery, Reading};
//! let mut battery = Battery::new(7)?;
//! // A cell at rest, and a load of 30 A.
//! battery.update(Reading { seconds: 3600.0, current: 0.0, voltage: 3.900 });
//! for second in 1..=20 {
//!     let sagged = 0.060 + 0.024 * (1.0 - (-second as f32 / 15.0).exp());
//!     battery.update(Reading { seconds: 1.0, current: -30.0, voltage: 3.900 - sagged });
//! }
//! // What 60 A would leave above 3 V after 10 s.
//! let left = battery.left(-60.0, 10.0);
//! assert!(left.mean > 0.6 && left.mean < 0.8 && left.sd < 0.02);
//! # Ok::<(), langevin::ConfigError>(())
//! ```

use langevin::{
    BoxMuller, ConfigError, GaussianPrior, Model, Pcg32, Sample, SeedableRng, Tracker, Window,
    dual::Real,
    model::{NonlinearRegression, Response, UnknownSigma},
};

use crate::Marginal;

/// The number of unknowns: the offset in mV, and the logarithms of the slope in mV/Ah, R₀ and R₁ in mΩ, τ in s and σ in mV.
pub const UNKNOWNS: usize = 6;

/// The medians of the first prior, for a cell of some tens of ampere-hours: slope, R₀, R₁, τ and σ.
pub const TYPICAL: [f32; 5] = [60.0, 2.0, 0.8, 15.0, 2.0];

/// The standard deviations of the first prior: the offset's, which is what the rest has not settled, and those of the logarithms.
pub const PRIOR_SD: [f32; UNKNOWNS] = [0.5, 0.5, 0.5, 0.5, 0.2, 0.3];

/// The standard deviation of the change of the logarithms from one rest to the next. The slope keeps nothing.
pub const DRIFT: f32 = 0.05;

/// The time in s after which a battery without current is at rest.
pub const REST: f32 = 600.0;

/// The current in A below which there is none.
pub const IDLE: f32 = 0.1;

/// The change of the current in A between two readings from which on it was switched.
pub const SWITCHED: f32 = 1.0;

/// The time in s over which the errors of the model are correlated.
pub const CORRELATION: f32 = 15.0;

/// Readings remembered between two rests, by weight.
pub const MEMORY: f32 = 200.0;

/// The capacity of the window. What leaves it is folded into a Gaussian term. With half as many, one of 177 runs over the tests of
/// the example lost the posterior; with these, none of 600.
pub const CAPACITY: usize = 64;

/// The lowest voltage of the cell in V.
pub const LOWEST: f32 = 3.0;

/// A reading less likely than this raises an alarm.
pub const SURPRISE: f32 = 1e-3;

/// Time constants of the filters in s.
const FILTERS: [f32; 3] = [7.5, 15.0, 30.0];

/// What a reading's voltage depends on: 1, charge in Ah, current in A, and the filtered currents in A.
const REGRESSORS: usize = 6;

/// A reading of current and voltage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Time since the last reading in s.
    pub seconds: f32,
    /// Current since the last reading in A, positive when it charges.
    pub current: f32,
    /// Voltage in V.
    pub voltage: f32,
}

/// The current since a rest, as far as the model needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    seconds: f32,
    current: f32,
    charge: f32,
    filtered: [f32; 3],
    switched: bool,
}

impl Load {
    /// Adds a current in A over some seconds.
    pub fn add(&mut self, current: f32, seconds: f32) {
        self.switched = (current - self.current).abs() > SWITCHED;
        self.seconds += seconds;
        self.current = current;
        self.charge += current * seconds * (1.0 / 3600.0);
        for (x, tau) in self.filtered.iter_mut().zip(FILTERS) {
            *x += (current - *x) * (1.0 - Real::exp(-seconds / tau));
        }
    }

    const fn regressors(&self) -> [f32; REGRESSORS] {
        let [a, b, c] = self.filtered;
        [1.0, self.charge, self.current, a, b, c]
    }
}

/// Thevenin's model: the voltage since the rest in mV.
#[derive(Clone, Copy, Debug)]
pub struct Thevenin;

impl Response<5> for Thevenin {
    type Input = [f32; REGRESSORS];

    fn constants<T: Real>(&self, &[offset, log_slope, log_r0, log_r1, log_tau]: &[T; 5]) -> [T; 5] {
        let octaves = (log_tau - 2.708_050_2) * core::f32::consts::LOG2_E;
        [offset, log_slope.exp(), log_r0.exp(), log_r1.exp(), octaves]
    }

    fn response<T: Real>(
        &self,
        &[offset, slope, r0, r1, octaves]: &[T; 5],
        &[one, charge, current, a, b, c]: &[f32; REGRESSORS],
    ) -> T {
        // Lagrange's polynomial in log₂(τ/15 s), with the filters at −1, 0 and 1.
        let x = octaves * (octaves * (0.5 * (a + c) - b) + 0.5 * (c - a)) + b;
        offset * one + slope * charge + r0 * current + r1 * x
    }
}

/// A reading as the model takes it, with `y` in mV: less what the one before it explains, and scaled.
type Whitened = Sample<REGRESSORS>;

type Thevenins = Model<GaussianPrior<UNKNOWNS>, NonlinearRegression<Thevenin, UnknownSigma<5>>>;

/// The reading with which the next one is compared.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    seconds: f32,
    x: [f32; REGRESSORS],
    y: f32,
}

/// The reason of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A number of the reading is not finite, or no time has passed.
    NoReading,
    /// The voltage was less likely than [`SURPRISE`].
    Surprise,
}

/// What the update with a reading returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The voltage in V that was expected, before it was used. `None` at rest, and before the first rest.
    pub expected: Option<Marginal>,
    /// The alarm, if there is one.
    pub alarm: Option<Alarm>,
}

/// What is known of a battery.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// The open-circuit voltage now, in V.
    pub open_circuit: Marginal,
    /// Its slope in mV/Ah.
    pub slope: Marginal,
    /// R₀ in mΩ.
    pub r0: Marginal,
    /// R₁ in mΩ.
    pub r1: Marginal,
    /// τ in s.
    pub tau: Marginal,
    /// The standard deviation of the model's errors in mV.
    pub sigma: Marginal,
}

type Unknowns = Tracker<Thevenins, Window<Whitened, CAPACITY>, BoxMuller<Pcg32>, UNKNOWNS>;

/// A battery under observation.
#[derive(Debug)]
pub struct Battery {
    tracker: Unknowns,
    seed: u64,
    load: Load,
    before: Before,
    /// The voltage at the last rest in V.
    rest: Option<f32>,
    /// The time without current in s.
    idle: f32,
    /// Whether the tracker has learnt a reading since the last rest.
    learnt: bool,
    position: [f32; UNKNOWNS],
}

impl Battery {
    /// Creates a battery of which only the prior is known. It is used from its first rest on.
    ///
    /// # Errors
    /// None, because the constants are in range.
    // Out of line: what it is made from takes no stack afterwards.
    #[inline(never)]
    pub fn new(seed: u64) -> Result<Self, ConfigError> {
        let [slope, r0, r1, tau, sigma] = TYPICAL.map(Real::ln);
        let position = [0.0, slope, r0, r1, tau, sigma];
        Ok(Self {
            tracker: tracker(position, PRIOR_SD, seed)?,
            seed,
            load: Load::default(),
            before: Before::default(),
            rest: None,
            idle: 0.0,
            learnt: false,
            position,
        })
    }

    /// Takes a reading.
    ///
    /// Without a current the last one is taken to have flowed on; without a voltage nothing is learnt.
    pub fn update(&mut self, reading: Reading) -> Report {
        let Reading {
            seconds, voltage, ..
        } = reading;
        let mut report = Report {
            expected: None,
            alarm: Some(Alarm::NoReading),
        };
        if !(seconds > 0.0 && seconds < f32::INFINITY) {
            return report;
        }
        let known = reading.current.is_finite() && voltage.is_finite();
        let current = if reading.current.is_finite() {
            reading.current
        } else {
            self.load.current
        };
        if known {
            report.alarm = None;
        }
        self.idle = if current.abs() < IDLE {
            self.idle + seconds
        } else {
            0.0
        };
        if self.idle >= REST {
            if known {
                self.start(voltage);
            }
            return report;
        }
        let Some(rest) = self.rest else {
            return report;
        };
        self.load.add(current, seconds);
        report.expected = self.forecast(&self.load);
        if !known {
            return report;
        }
        let y = 1000.0 * (voltage - rest);
        let (whitened, _) = self.whitened(&self.load, y);
        // A prior with a scale and a generator without failures: there is no error.
        if let Ok(estimate) = self.tracker.update(whitened) {
            report.alarm = (estimate.surprise() < SURPRISE).then_some(Alarm::Surprise);
            self.position = estimate.mean();
            self.learnt = true;
        }
        if !self.load.switched {
            self.before = Before {
                seconds: self.load.seconds,
                x: self.load.regressors(),
                y,
            };
        }
        report
    }

    /// Starts again from a rest.
    // Out of line: the new tracker takes no stack while a reading is learnt.
    #[inline(never)]
    fn start(&mut self, voltage: f32) {
        self.rest = Some(voltage);
        self.load = Load::default();
        self.before = Before::default();
        if !self.learnt {
            return;
        }
        let (mut mean, mut sd) = (self.tracker.estimate().mean(), self.tracker.estimate().sd());
        for (sd, widest) in sd.iter_mut().zip(PRIOR_SD) {
            *sd = Real::sqrt(*sd * *sd + DRIFT * DRIFT).min(widest);
        }
        let ([offset, ..], [offset_sd, slope_sd, ..]) = (&mut mean, &mut sd);
        let [offset_widest, slope_widest, ..] = PRIOR_SD;
        (*offset, *offset_sd, *slope_sd) = (0.0, offset_widest, slope_widest);
        self.seed = self.seed.wrapping_add(1);
        // A posterior that is not finite is not taken over.
        if let Ok(tracker) = tracker(mean, sd, self.seed) {
            self.tracker = tracker;
        }
        self.learnt = false;
    }

    /// Returns the reading of `y` mV under a load as the model takes it, and its scale.
    fn whitened(&self, load: &Load, y: f32) -> (Whitened, f32) {
        let share = if load.switched {
            0.0
        } else {
            Real::exp((self.before.seconds - load.seconds) * (1.0 / CORRELATION))
        };
        // As if readings were a millisecond apart at least.
        let scale = 1.0 / Real::sqrt((1.0 - share * share).max(1e-4));
        let mut x = load.regressors();
        for (x, before) in x.iter_mut().zip(self.before.x) {
            *x = scale * (*x - share * before);
        }
        let y = scale * (y - share * self.before.y);
        (Sample { x, y }, scale)
    }

    /// Returns the voltage in V that is expected at the end of `load`, which continues the one of now. `None` before the first
    /// rest.
    pub fn forecast(&self, load: &Load) -> Option<Marginal> {
        let rest = self.rest?;
        let (asked, scale) = self.whitened(load, 0.0);
        let forecast = self.tracker.forecast(&asked).ok()??;
        // Of a reading of 0 mV, scaled.
        let [residual, sd] = forecast.residual()?;
        Some(Marginal {
            mean: rest - 0.001 * residual / scale,
            sd: 0.001 * sd / scale,
        })
    }

    /// Returns the voltage in V above [`LOWEST`] after `seconds` more with this current in A. Infinitely uncertain before the
    /// first rest.
    pub fn left(&self, current: f32, seconds: f32) -> Marginal {
        let mut load = self.load;
        load.add(current, 0.0);
        load.add(current, seconds);
        let voltage = self.forecast(&load);
        let Marginal { mean, sd } = voltage.unwrap_or(Marginal {
            mean: LOWEST,
            sd: f32::INFINITY,
        });
        Marginal {
            mean: mean - LOWEST,
            sd,
        }
    }

    /// Returns the current since the last rest, to be continued for a [`forecast`](Self::forecast).
    pub const fn load(&self) -> Load {
        self.load
    }

    /// Returns what is known of the battery.
    pub fn parameters(&self) -> Parameters {
        let estimate = self.tracker.estimate();
        let of = |f: &dyn Fn(&[f32; UNKNOWNS]) -> f32| {
            let [mean, sd] = estimate.function(f);
            Marginal { mean, sd }
        };
        let charge = self.load.charge;
        let open_circuit = of(&|&[offset, slope, ..]| offset + Real::exp(slope) * charge);
        Parameters {
            open_circuit: Marginal {
                mean: self.rest.unwrap_or(0.0) + 0.001 * open_circuit.mean,
                sd: 0.001 * open_circuit.sd,
            },
            slope: of(&|&[_, slope, ..]| Real::exp(slope)),
            r0: of(&|&[_, _, r0, ..]| Real::exp(r0)),
            r1: of(&|&[_, _, _, r1, ..]| Real::exp(r1)),
            tau: of(&|&[.., tau, _]| Real::exp(tau)),
            sigma: of(&|&[.., sigma]| Real::exp(sigma)),
        }
    }

    /// Returns the mean of the unknowns after the last reading.
    pub const fn position(&self) -> &[f32; UNKNOWNS] {
        &self.position
    }
}

/// Creates a tracker that starts from this prior.
fn tracker(mean: [f32; UNKNOWNS], sd: [f32; UNKNOWNS], seed: u64) -> Result<Unknowns, ConfigError> {
    let model = Model::new(
        GaussianPrior::new(mean, sd)?,
        NonlinearRegression::with_unknown_sigma(Thevenin),
    );
    let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
    Ok(Tracker::new(model, Window::forgetting(MEMORY)?, noise))
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::{expf, logf};

    /// The model's voltage is that of its equations, whatever τ is near the prior.
    #[test]
    fn a_time_constant_between_the_filters() {
        for tau in [7.5, 9.0, 12.0, 15.0, 20.0, 30.0] {
            let theta = [1.0, logf(50.0), logf(2.0), logf(1.0), logf(tau)];
            let (mut load, current, mut x, mut charge) = (Load::default(), -30.0, 0.0, 0.0);
            for _ in 0..90 {
                load.add(current, 1.0);
                x += (current - x) * (1.0 - expf(-1.0 / tau));
                charge += current / 3600.0;
                let exact = 1.0 + 50.0 * charge + 2.0 * current + x;
                let found = Thevenin.response(&Thevenin.constants(&theta), &load.regressors());
                assert!(
                    (found - exact).abs() < 0.01 * 30.0,
                    "{tau}: {found} {exact}"
                );
            }
        }
    }

    #[test]
    fn a_battery_is_small() {
        assert!(size_of::<Battery>() <= 2500, "{}", size_of::<Battery>());
    }
}
