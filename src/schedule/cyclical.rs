//! Cyclical step sizes: large steps to find a mode, small ones to describe it, and again.

use super::{Schedule, shared};
use crate::{ConfigError, StepError, noise::quarter_turn, stepper::StepParameters};

/// A cyclical step size, η_t = ½η₀[cos(πt/L) + 1] for t = 0, 1, ..., L − 1, and again.
///
/// Zhang, Li, Zhang, Chen & Wilson (2020), *Cyclical stochastic gradient MCMC for Bayesian deep
/// learning*, equation (1), whose K/M is the cycle's length L. Each cycle begins with large steps,
/// which find another mode, and ends with small ones, which sample it.
///
/// The first steps of each cycle may be made at T = 0, plain [descent](Self::exploring): the paper's exploration
/// stage, whose β is their share of the cycle. Draws of the exploration, and of the cycle's
/// [`burn_in`](Self::burn_in), are not kept. It works with every stepper; thin with
/// [`Chain::thin`](crate::Chain::thin). Each cycle visits the modes it meets, not in proportion to their
/// mass: for that see [`ReplicaExchange`](crate::stepper::ReplicaExchange).
///
/// The cosine is a polynomial in `f32`: η is within a relative 1e-6 of its formula, down to
/// the cycle's last step. A step costs one division.
///
/// ```
/// use langevin::schedule::{Cyclical, Schedule};
/// let schedule = Cyclical::new(0.08, 4)?.exploring(1).burn_in(2);
/// let mut state = schedule.start();
/// let cycle = [0; 4].map(|_| {
///     let parameters = schedule.step_parameters(&mut state, 1.0).unwrap();
///     (parameters.eta(), parameters.temperature(), schedule.keeps(&state))
/// });
/// assert_eq!(cycle[0], (0.08, 0.0, false));
/// assert_eq!((cycle[1].1, cycle[1].2), (1.0, false));
/// assert!((cycle[2].0 - 0.04).abs() < 1e-7 && cycle[2].2);
/// assert_eq!(schedule.step_parameters(&mut state, 1.0)?.eta(), 0.08);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cyclical {
    eta: f32,
    temperature: f32,
    length: u32,
    explore: u32,
    drop: u32,
}

impl Cyclical {
    /// Creates cycles of `length` steps that begin at `eta`, at T = 1.
    ///
    /// # Errors
    /// When `eta` is not finite and > 0, or `length` is 0.
    pub const fn new(eta: f32, length: u32) -> Result<Self, ConfigError> {
        if let Err(error) =
            ConfigError::check(length > 0, "length", ConfigError::POSITIVE_COUNT, 0.0)
        {
            return Err(error);
        }
        match ConfigError::positive("first step size", eta) {
            Ok(eta) => Ok(Self {
                eta,
                temperature: 1.0,
                length,
                explore: 0,
                drop: 0,
            }),
            Err(error) => Err(error),
        }
    }

    /// Returns the same schedule at another temperature.
    ///
    /// # Errors
    /// When `temperature` is not finite and ≥ 0.
    pub const fn with_temperature(self, temperature: f32) -> Result<Self, ConfigError> {
        match ConfigError::non_negative("temperature", temperature) {
            Ok(temperature) => Ok(Self {
                temperature,
                ..self
            }),
            Err(error) => Err(error),
        }
    }

    /// Returns the same schedule with the first `steps` of each cycle at T = 0.
    #[must_use]
    pub const fn exploring(self, steps: u32) -> Self {
        Self {
            explore: steps,
            ..self
        }
    }

    /// Returns the same schedule, not keeping the first `steps` draws of each cycle, exploration included.
    #[must_use]
    pub const fn burn_in(self, steps: u32) -> Self {
        Self {
            drop: steps,
            ..self
        }
    }
}

/// The state of [`Cyclical`]: the number of the next step within its cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CyclicalState {
    t: u32,
}

impl Schedule for Cyclical {
    type State = CyclicalState;

    const START: Self::State = CyclicalState { t: 0 };

    #[inline]
    fn step_parameters(
        &self,
        state: &mut Self::State,
        data: f32,
    ) -> Result<StepParameters, StepError> {
        // A state may come from a configuration whose cycles were longer.
        let t = if state.t < self.length { state.t } else { 0 };
        let left = self.length.saturating_sub(t);
        state.t = if left > 1 { t + 1 } else { 0 };
        // ½(1 + cos πx) = cos²(πx/2) = sin²(π(1 − x)/2), each where it keeps its digits.
        let length = self.length as f32;
        let root = if t < left {
            quarter_turn(t as f32 / length).0
        } else {
            quarter_turn(left as f32 / length).1
        };
        let temperature = if t < self.explore {
            0.0
        } else {
            self.temperature
        };
        StepParameters::checked(shared(self.eta * root * root, data), temperature)
    }

    #[inline]
    fn keeps(&self, state: &Self::State) -> bool {
        let last = state
            .t
            .checked_sub(1)
            .unwrap_or(self.length.saturating_sub(1));
        last >= self.explore && last >= self.drop
    }
}

crate::checkpoint!(impl[] for CyclicalState { t: u32 });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn follows_the_cosine() {
        for length in [1_u32, 2, 3, 7, 1667, 100_000] {
            let schedule = Cyclical::new(0.07, length).unwrap();
            let mut state = schedule.start();
            for cycle in 0..2 {
                for t in 0..length {
                    let x = core::f64::consts::FRAC_PI_2 * f64::from(t) / f64::from(length);
                    let exact = f64::from(0.07_f32) * x.cos().powi(2);
                    let eta = f64::from(schedule.step_parameters(&mut state, 1.0).unwrap().eta());
                    assert!(
                        (eta / exact - 1.0).abs() < 1e-6,
                        "{length} {cycle} {t}: {eta} {exact}"
                    );
                }
            }
        }
    }

    #[test]
    fn explores_and_drops_in_each_cycle() {
        let schedule = Cyclical::new(0.1, 5)
            .unwrap()
            .with_temperature(2.0)
            .unwrap()
            .exploring(2)
            .burn_in(3);
        let mut state = schedule.start();
        for _ in 0..3 {
            let cycle = [0; 5].map(|_| {
                let temperature = schedule
                    .step_parameters(&mut state, 1.0)
                    .unwrap()
                    .temperature();
                (temperature, schedule.keeps(&state))
            });
            assert_eq!(
                cycle,
                [
                    (0.0, false),
                    (0.0, false),
                    (2.0, false),
                    (2.0, true),
                    (2.0, true)
                ]
            );
        }
    }
}
