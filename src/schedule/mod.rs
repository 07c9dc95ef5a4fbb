//! Step size η and temperature T, step by step.

mod cyclical;

pub use cyclical::Cyclical;

use libm::powf;

use crate::{ConfigError, StepError, stepper::StepParameters};

/// Gives each step its η and T.
///
/// A step size here is meant for *one* observation. The potential sums over its data, so its
/// curvature grows with every observation; each schedule therefore divides η by the effective
/// number of data, [`Potential::number_of_data`](crate::Potential::number_of_data), when that is above 1.
pub trait Schedule {
    /// The pace of the next step over `data` effective observations.
    ///
    /// A chain asks once for each step that it tries: one that is then refused has had its turn, so that
    /// a decay also leads out of steps that are too long.
    ///
    /// # Errors
    /// [`StepError::StepSize`] when η or T is not finite, negative, or has underflowed.
    fn pace(&mut self, data: f32) -> Result<StepParameters, StepError>;

    /// Whether the position after the step just paced is a draw to keep.
    fn keeps(&self) -> bool {
        true
    }
}

/// η for `data` observations.
#[inline]
fn shared(eta: f32, data: f32) -> f32 {
    if data > 1.0 { eta / data } else { eta }
}

/// A constant step size at a constant temperature.
///
/// ```
/// use langevin::schedule::{Constant, Schedule};
/// let mut schedule = Constant::new(0.5)?;
/// assert_eq!(schedule.pace(1.0)?.eta(), 0.5);
/// assert_eq!(schedule.pace(64.0)?.eta(), 0.5 / 64.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Constant {
    eta: f32,
    temperature: f32,
    last: Last,
}

/// A pace, and the number of data it holds for.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Last {
    data: f32,
    pace: StepParameters,
}

impl Last {
    /// Holds for no number.
    const NONE: Self = Self {
        data: f32::NAN,
        pace: StepParameters::NONE,
    };
}

impl Constant {
    /// Step size `eta` at T = 1.
    ///
    /// # Errors
    /// When `eta` is not finite and > 0.
    pub const fn new(eta: f32) -> Result<Self, ConfigError> {
        match ConfigError::positive("step size", eta) {
            Ok(eta) => Ok(Self {
                eta,
                temperature: 1.0,
                last: Last::NONE,
            }),
            Err(error) => Err(error),
        }
    }

    /// Step size `eta`, known to be finite and > 0, at T = 1.
    pub(crate) const fn known(eta: f32) -> Self {
        Self {
            eta,
            temperature: 1.0,
            last: Last::NONE,
        }
    }

    #[inline(never)]
    fn prepare(&mut self, data: f32) -> Result<(), StepError> {
        let pace = StepParameters::checked(shared(self.eta, data), self.temperature)?;
        self.last = Last { data, pace };
        Ok(())
    }

    /// The same at another temperature; 0 is descent.
    ///
    /// # Errors
    /// When `temperature` is not finite and ≥ 0.
    pub const fn with_temperature(self, temperature: f32) -> Result<Self, ConfigError> {
        match ConfigError::non_negative("temperature", temperature) {
            Ok(temperature) => Ok(Self {
                temperature,
                last: Last::NONE,
                ..self
            }),
            Err(error) => Err(error),
        }
    }
}

/// By what is given, whether used or not.
impl PartialEq for Constant {
    fn eq(&self, other: &Self) -> bool {
        self.eta == other.eta && self.temperature == other.temperature
    }
}

impl Schedule for Constant {
    #[inline]
    fn pace(&mut self, data: f32) -> Result<StepParameters, StepError> {
        if self.last.data != data {
            self.prepare(data)?;
        }
        Ok(self.last.pace)
    }
}

/// A polynomial decay, η_t = a(b + t)^−γ for t = 0, 1, ..., at T = 1.
///
/// Welling & Teh (2011), section 3; for the chain to converge, ½ < γ ≤ 1. Weigh draws by η.
///
/// The power itself is computed at each of the first steps (while b + t < 16) and then at every
/// 64th; between, a recurrence of one division keeps to it within a relative 1e-4. After 2³² − 1 steps η
/// stays as it is.
///
/// ```
/// use langevin::schedule::{Polynomial, Schedule};
/// let mut schedule = Polynomial::between(0.01, 0.0001, 0.55, 10_000)?;
/// assert!((schedule.pace(1.0)?.eta() / 0.01 - 1.0).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Polynomial {
    a: f32,
    b: f32,
    gamma: f32,
    t: u32,
    eta: f32,
}

impl Polynomial {
    /// η_t = a(b + t)^−γ.
    ///
    /// # Errors
    /// When a or b is not finite and > 0, or γ not between 0 and 1.
    pub const fn new(a: f32, b: f32, gamma: f32) -> Result<Self, ConfigError> {
        if let Err(error) = ConfigError::positive("scale a", a) {
            return Err(error);
        }
        if let Err(error) = ConfigError::positive("offset b", b) {
            return Err(error);
        }
        if let Err(error) =
            ConfigError::check(gamma >= 0.0 && gamma <= 1.0, "exponent", "0 to 1", gamma)
        {
            return Err(error);
        }
        Ok(Self {
            a,
            b,
            gamma,
            t: 0,
            eta: 0.0,
        })
    }

    /// The decay with exponent γ whose step 0 is `first` and whose step `length` is `last`.
    ///
    /// # Errors
    /// When `first` or `last` is not finite and > 0, `last` not below `first`, γ not above 0 and at
    /// most 1, or `length` 0; and when a or b then is out of range.
    pub fn between(first: f32, last: f32, gamma: f32, length: u32) -> Result<Self, ConfigError> {
        ConfigError::positive("first step size", first)?;
        ConfigError::positive("last step size", last)?;
        ConfigError::check(last < first, "last step size", "below the first", last)?;
        ConfigError::positive("exponent", gamma)?;
        ConfigError::check(length > 0, "length", ConfigError::POSITIVE_COUNT, 0.0)?;
        let b = length as f32 / (powf(first / last, 1.0 / gamma) - 1.0);
        Self::new(first * powf(b, gamma), b, gamma)
    }
}

impl Schedule for Polynomial {
    #[inline]
    fn pace(&mut self, data: f32) -> Result<StepParameters, StepError> {
        let x = self.b + self.t as f32;
        if x < 16.0 || self.t & 63 == 0 {
            self.eta = self.a * powf(x, -self.gamma);
        } else {
            // (x/(x−1))^−γ by its Padé approximant; the relative error is γ(1 − γ²)/(12x³).
            let m = 2.0 * x - 1.0;
            self.eta *= (m - self.gamma) / (m + self.gamma);
        }
        self.t = self.t.saturating_add(1);
        StepParameters::checked(shared(self.eta, data), 1.0)
    }
}

/// Another schedule at a temperature that goes linearly from one value to another, and stays there.
///
/// Raise T to explore, lower it to exploit; T = 0 ends as descent.
///
/// ```
/// use langevin::schedule::{Annealed, Constant, Schedule};
/// let mut schedule = Annealed::new(Constant::new(0.1)?, 4.0, 0.0, 100)?;
/// assert_eq!(schedule.pace(1.0)?.temperature(), 4.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Annealed<H> {
    schedule: H,
    from: f32,
    to: f32,
    length: u32,
    t: u32,
}

impl<H: Copy> Annealed<H> {
    /// `schedule` with T from `from` at step 0 to `to` at step `length` and ever after.
    ///
    /// # Errors
    /// When a temperature is not finite and ≥ 0, or `length` is 0.
    pub const fn new(schedule: H, from: f32, to: f32, length: u32) -> Result<Self, ConfigError> {
        if let Err(error) = ConfigError::non_negative("first temperature", from) {
            return Err(error);
        }
        if let Err(error) = ConfigError::non_negative("last temperature", to) {
            return Err(error);
        }
        if let Err(error) =
            ConfigError::check(length > 0, "length", ConfigError::POSITIVE_COUNT, 0.0)
        {
            return Err(error);
        }
        Ok(Self {
            schedule,
            from,
            to,
            length,
            t: 0,
        })
    }
}

impl<H: Schedule> Schedule for Annealed<H> {
    fn pace(&mut self, data: f32) -> Result<StepParameters, StepError> {
        let eta = self.schedule.pace(data)?.eta();
        let temperature = if self.t < self.length {
            let done = self.t as f32 / self.length as f32;
            self.t = self.t.saturating_add(1);
            self.from + (self.to - self.from) * done
        } else {
            self.to
        };
        StepParameters::checked(eta, temperature)
    }

    fn keeps(&self) -> bool {
        self.schedule.keeps()
    }
}

crate::checkpoint!(impl[] for Constant { eta: f32, temperature: f32; last = Last::NONE });

crate::checkpoint!(impl[] for Polynomial { a: f32, b: f32, gamma: f32, t: u32, eta: f32 });

crate::checkpoint!(impl[H: crate::Checkpoint] for Annealed<H> {
    schedule: H, from: f32, to: f32, length: u32, t: u32
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn recurrence_keeps_to_the_power() {
        for (a, b, gamma) in [
            (0.2, 231.07, 0.55),
            (1.0, 1.0, 0.55),
            (0.5, 17.3, 1.0),
            (2.0, 0.01, 0.9),
        ] {
            let mut schedule = Polynomial::new(a, b, gamma).unwrap();
            for t in 0..200_000 {
                let exact = f64::from(a) * (f64::from(b) + f64::from(t)).powf(-f64::from(gamma));
                let eta = f64::from(schedule.pace(1.0).unwrap().eta());
                assert!((eta / exact - 1.0).abs() < 1e-4, "{b} {t}: {eta} {exact}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn decays_past_2_to_the_24_and_ends_at_the_last_count() {
        for gamma in [0.0, 0.33, 0.55, 1.0] {
            let mut schedule = Polynomial::new(1.0, 10.0, gamma).unwrap();
            for start in [1 << 22, (1 << 24) - 200, 1 << 24, 1 << 31, u32::MAX - 200] {
                // Enter as a run would: at a refresh.
                schedule.t = start & !63;
                for _ in 0..300 {
                    let exact = (10.0 + f64::from(schedule.t)).powf(-f64::from(gamma));
                    let eta = f64::from(schedule.pace(1.0).unwrap().eta());
                    assert!(
                        (eta / exact - 1.0).abs() < 1e-4,
                        "{gamma} {schedule:?}: {exact}"
                    );
                }
            }
            assert_eq!(schedule.t, u32::MAX);
        }
    }

    #[test]
    fn welling_and_teh_constants() {
        let schedule = Polynomial::between(0.01, 0.0001, 0.55, 1_000_000).unwrap();
        assert!((schedule.a / 0.199_55 - 1.0).abs() < 1e-3, "{schedule:?}");
        assert!((schedule.b / 231.07 - 1.0).abs() < 1e-3, "{schedule:?}");
    }

    #[test]
    fn underflow_is_a_fault() {
        let mut tiny = Constant::new(1e-38).unwrap();
        assert!(tiny.pace(1.0).is_err() == (1e-38 < f32::MIN_POSITIVE));
        assert_eq!(tiny.pace(1e6), Err(StepError::StepSize));
        assert_eq!(
            tiny.pace(f32::NAN).map(|p| p.eta()),
            tiny.pace(1.0).map(|p| p.eta())
        );
    }

    #[test]
    fn equal_whether_used_or_not() {
        let mut used = Constant::new(0.1).unwrap();
        used.pace(3.0).unwrap();
        assert_eq!(used, Constant::new(0.1).unwrap());
        assert_ne!(used, Constant::new(0.2).unwrap());
    }

    #[test]
    fn annealing_ends_at_its_last_temperature() {
        let mut schedule = Annealed::new(Constant::new(0.1).unwrap(), 2.0, 0.0, 4).unwrap();
        let seen = [0; 6].map(|_| schedule.pace(1.0).unwrap().temperature());
        assert_eq!(seen, [2.0, 1.5, 1.0, 0.5, 0.0, 0.0]);
    }
}
