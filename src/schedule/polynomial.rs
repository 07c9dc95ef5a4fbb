//! A step size that decays by a power law.

use libm::powf;

use super::{Schedule, shared};
use crate::{ConfigError, StepError, stepper::StepParameters};

/// A polynomial decay, η_t = a(b + t)^−γ for t = 0, 1, ..., at T = 1.
///
/// Welling & Teh (2011), section 3; for the chain to converge, ½ < γ ≤ 1. Weigh draws by η.
///
/// The power itself is computed at each of the first steps (while b + t < 16) and then at every
/// 64th; between, a recurrence of one division stays within a relative 1e-4 of it. After 2³² − 1 steps η
/// stays as it is.
///
/// ```
/// use langevin::schedule::{Polynomial, Schedule};
/// let schedule = Polynomial::between(0.01, 0.0001, 0.55, 10_000)?;
/// let first = schedule.step_parameters(&mut schedule.start(), 1.0)?;
/// assert!((first.eta() / 0.01 - 1.0).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Polynomial {
    a: f32,
    b: f32,
    gamma: f32,
}

impl Polynomial {
    /// Creates the decay η_t = a(b + t)^−γ.
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
        Ok(Self { a, b, gamma })
    }

    /// Creates the decay with exponent γ whose step 0 is `first` and whose step `length` is `last`.
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

/// The state of [`Polynomial`]: the number of the next step, and the last η.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PolynomialState {
    t: u32,
    eta: f32,
}

impl Schedule for Polynomial {
    type State = PolynomialState;

    const START: Self::State = PolynomialState { t: 0, eta: 0.0 };

    #[inline]
    fn step_parameters(
        &self,
        state: &mut Self::State,
        data: f32,
    ) -> Result<StepParameters, StepError> {
        let x = self.b + state.t as f32;
        if x < 16.0 || state.t & 63 == 0 {
            state.eta = self.a * powf(x, -self.gamma);
        } else {
            // (x/(x−1))^−γ by its Padé approximant; the relative error is γ(1 − γ²)/(12x³).
            let m = 2.0 * x - 1.0;
            state.eta *= (m - self.gamma) / (m + self.gamma);
        }
        state.t = state.t.saturating_add(1);
        StepParameters::checked(shared(state.eta, data), 1.0)
    }
}

crate::checkpoint!(impl[] for PolynomialState {
    t: u32, eta: f32
} if |state| state.eta >= 0.0 && state.eta.is_finite());

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
            let schedule = Polynomial::new(a, b, gamma).unwrap();
            let mut state = schedule.start();
            for t in 0..200_000 {
                let exact = f64::from(a) * (f64::from(b) + f64::from(t)).powf(-f64::from(gamma));
                let eta = f64::from(schedule.step_parameters(&mut state, 1.0).unwrap().eta());
                assert!((eta / exact - 1.0).abs() < 1e-4, "{b} {t}: {eta} {exact}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn decays_past_2_to_the_24_and_ends_at_the_last_count() {
        for gamma in [0.0, 0.33, 0.55, 1.0] {
            let schedule = Polynomial::new(1.0, 10.0, gamma).unwrap();
            let mut state = schedule.start();
            for start in [1 << 22, (1 << 24) - 200, 1 << 24, 1 << 31, u32::MAX - 200] {
                // Enter as a run would: at a refresh.
                state.t = start & !63;
                for _ in 0..300 {
                    let exact = (10.0 + f64::from(state.t)).powf(-f64::from(gamma));
                    let eta = f64::from(schedule.step_parameters(&mut state, 1.0).unwrap().eta());
                    assert!(
                        (eta / exact - 1.0).abs() < 1e-4,
                        "{gamma} {state:?}: {exact}"
                    );
                }
            }
            assert_eq!(state.t, u32::MAX);
        }
    }

    #[test]
    fn welling_and_teh_constants() {
        let schedule = Polynomial::between(0.01, 0.0001, 0.55, 1_000_000).unwrap();
        assert!((schedule.a / 0.199_55 - 1.0).abs() < 1e-3, "{schedule:?}");
        assert!((schedule.b / 231.07 - 1.0).abs() < 1e-3, "{schedule:?}");
    }
}
