//! Parallel tempering: replicas at higher temperatures, which exchange positions with the chain.

use core::mem::swap;

use libm::powf;

use super::{Dynamics, Proportion, StepParameters, Stepper, mala::exponential};
use crate::{ConfigError, StepError, arithmetic::finite, noise::Gaussian, potential::Energy};

/// After how many errors in a row a hot replica starts anew from the chain's position.
const PATIENCE: u8 = 8;

/// The temperatures of `HOT` replicas, each hotter than the last, as multiples of the chain's own.
///
/// ```
/// use langevin::stepper::Ladder;
/// let ladder = Ladder::<3>::geometric(8.0)?;
/// for (found, t) in ladder.temperatures().iter().zip([2.0, 4.0, 8.0]) {
///     assert!((found - t).abs() < 1e-5);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ladder<const HOT: usize>([f32; HOT]);

impl<const HOT: usize> Ladder<HOT> {
    /// Creates a ladder of these temperatures.
    ///
    /// # Errors
    /// When they are not finite, not above 1, or not rising.
    pub const fn new(temperatures: [f32; HOT]) -> Result<Self, ConfigError> {
        let mut rest: &[f32] = &temperatures;
        let mut below = 1.0;
        while let [first, tail @ ..] = rest {
            if !(*first > below && first.is_finite()) {
                return Err(ConfigError {
                    field: "temperatures",
                    bound: "finite and rising from above 1",
                });
            }
            below = *first;
            rest = tail;
        }
        Ok(Self(temperatures))
    }

    /// Creates a ladder of equal ratios up to `hottest`.
    ///
    /// Swap rates are then equal where the spread of the energy is proportional to T.
    ///
    /// # Errors
    /// When `hottest` is not finite and > 1, or so near 1 that the rungs coincide.
    pub fn geometric(hottest: f32) -> Result<Self, ConfigError> {
        let ratio = powf(hottest, 1.0 / HOT as f32);
        let mut temperatures = [1.0; HOT];
        let mut temperature = 1.0;
        for t in &mut temperatures {
            temperature *= ratio;
            *t = temperature;
        }
        Self::new(temperatures)
    }

    /// Returns the temperatures, coldest first.
    pub const fn temperatures(&self) -> &[f32; HOT] {
        &self.0
    }
}

/// Replica exchange: the chain, and `HOT` replicas of it at higher temperatures.
///
/// All of them step, by the same rule and with the same η and noise. After every few steps,
/// neighbours on the [`Ladder`] exchange positions with probability min(1, e^ρ), hottest pair first:
///
/// ```text
/// ρ = (1/Tᵢ − 1/Tⱼ)(U(θᵢ) − U(θⱼ))
/// ```
///
/// Swendsen & Wang (1986); Geyer (1991). Hot replicas cross the barriers between modes, and what they find
/// comes down the ladder in proportion to its mass. The position of the chain is always the one at the chain's own
/// temperature, so the whole is a stepper like any other. U must be exact and the noise Gaussian; where the
/// inner stepper's gradients are noisy, its law is a little off and so is this one's. Momenta stay with their
/// temperature; steppers without any ([`Sgld`](super::Sgld), [`LeimkuhlerMatthews`](super::LeimkuhlerMatthews),
/// [`Mala`](super::Mala)) serve best.
///
/// Choose the hottest T so that it crosses the highest barrier, U_barrier/T ≈ 2, and as many replicas as keep every
/// one of [`swap_rates`](ReplicaExchangeState::swap_rates) above 0.2 or so.
///
/// A hot replica's error is not reported: the replica stays where it is, and after 8 errors in a row starts anew
/// from the chain's position. A swap that cannot be computed is not made. At T = 0 nothing is swapped.
///
/// Cost: `HOT` + 1 gradients and (`HOT` + 1) N draws a step; `HOT` + 1 energies and 2 `HOT`
/// draws an exchange. State: N + 3 words and the inner stepper's for each hot replica, two words more, and the inner
/// stepper's for the chain. Configuration, a preconditioner included, is kept once. Choose it when modes are
/// separate and their weights matter.
///
/// ```
/// use langevin::{
///     BoxMuller, Chain, Pcg32, SeedableRng, potential::FunctionPotential, schedule::Constant,
///     stepper::{Ladder, ReplicaExchange, Sgld},
/// };
/// // Wells at −1 and 1, a barrier of 8 between them.
/// let mut wells = FunctionPotential {
///     gradient: |x: &[f32; 1]| [32.0 * x[0] * (x[0] * x[0] - 1.0)],
///     energy: |x: &[f32; 1]| 8.0 * (x[0] * x[0] - 1.0) * (x[0] * x[0] - 1.0),
/// };
/// let stepper = ReplicaExchange::new(Sgld::new(), Ladder::<2>::geometric(8.0)?, 10);
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([1.0], stepper, Constant::new(0.003)?, noise);
/// let mut left = 0;
/// for _ in 0..100_000 {
///     if let Some([x]) = chain.step(&mut wells)? {
///         left += u32::from(*x < 0.0);
///     }
/// }
/// assert!((40_000..60_000).contains(&left));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReplicaExchange<const HOT: usize, S> {
    stepper: S,
    ladder: Ladder<HOT>,
    every: u32,
}

impl<const HOT: usize, S> ReplicaExchange<HOT, S> {
    /// Creates replicas that all step by `stepper`, with exchanges after each `every` steps (0 is read as 1).
    ///
    /// The hot replicas start where the chain's first step ends.
    pub const fn new(stepper: S, ladder: Ladder<HOT>, every: u32) -> Self {
        const { assert!(HOT > 0, "there is nothing to exchange with") };
        Self {
            stepper,
            ladder,
            every,
        }
    }

    /// Exchanges positions between neighbours, hottest pair first.
    fn exchange<const N: usize, X, P: Energy<N>, Z: Gaussian>(
        &self,
        hot: &mut [Replica<N, X>; HOT],
        theta: &mut [f32; N],
        potential: &mut P,
        temperature: f32,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut energy = potential.energy(theta)?;
        let mut energies = [0.0; HOT];
        for (u, replica) in energies.iter_mut().zip(hot.iter()) {
            *u = potential.energy(&replica.theta)?;
        }
        let mut replicas: &mut [Replica<N, X>] = hot;
        let mut us: &mut [f32] = &mut energies;
        let mut temperatures: &[f32] = self.ladder.temperatures();
        while let ([below @ .., hot], [us_below @ .., u_hot], [ts_below @ .., t_hot]) =
            (replicas, us, temperatures)
        {
            let threshold = exponential(noise)?;
            let (cold, u, t) = match (below.last_mut(), us_below.last_mut(), ts_below.last()) {
                (Some(replica), Some(u), Some(t)) => (&mut replica.theta, u, *t),
                _ => (&mut *theta, &mut energy, 1.0),
            };
            let ratio = (1.0 / t - 1.0 / *t_hot) * (*u - *u_hot) / temperature;
            // False for NaN.
            let accept = ratio + threshold > 0.0;
            if accept {
                swap(cold, &mut hot.theta);
                swap(u, u_hot);
            }
            hot.swaps.push(accept);
            replicas = below;
            us = us_below;
            temperatures = ts_below;
        }
        Ok(())
    }
}

/// The state of [`ReplicaExchange`]: the hot replicas, and the state `X` of each one's stepper.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReplicaExchangeState<const N: usize, const HOT: usize, X> {
    cold: X,
    hot: [Replica<N, X>; HOT],
    // Steps since the last exchange.
    elapsed: u32,
    // Whether the hot replicas have a position yet.
    placed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Replica<const N: usize, X> {
    theta: [f32; N],
    stepper: X,
    // Exchanges with the next colder one.
    swaps: Proportion,
    // Errors in a row.
    errors: u8,
}

impl<const N: usize, const HOT: usize, X: Copy> ReplicaExchangeState<N, HOT, X> {
    const fn new(stepper: X) -> Self {
        Self {
            cold: stepper,
            hot: [Replica {
                theta: [0.0; N],
                stepper,
                swaps: Proportion::new(),
                errors: 0,
            }; HOT],
            elapsed: 0,
            placed: false,
        }
    }

    /// Returns the state of the chain's own stepper.
    pub const fn stepper_state(&self) -> &X {
        &self.cold
    }

    /// Returns for each hot replica, coldest first, how often it exchanged positions with the next colder one.
    pub fn swap_rates(&self) -> [Proportion; HOT] {
        self.hot.map(|replica| replica.swaps)
    }

    /// Returns the positions of the hot replicas, coldest first.
    pub fn positions(&self) -> [[f32; N]; HOT] {
        self.hot.map(|replica| replica.theta)
    }
}

impl<const N: usize, const HOT: usize, S: Dynamics<N>> Dynamics<N> for ReplicaExchange<HOT, S> {
    type State = ReplicaExchangeState<N, HOT, S::State>;

    const START: Self::State = ReplicaExchangeState::new(S::START);

    fn reset(&self, state: &mut Self::State) {
        self.stepper.reset(&mut state.cold);
        for replica in &mut state.hot {
            self.stepper.reset(&mut replica.stepper);
        }
        state.placed = false;
        state.elapsed = 0;
    }

    fn noise_scale(&self, state: &Self::State, parameters: &StepParameters) -> [f32; N] {
        self.stepper.noise_scale(&state.cold, parameters)
    }
}

impl<const N: usize, const HOT: usize, S, P, Z> Stepper<N, P, Z> for ReplicaExchange<HOT, S>
where
    S: Stepper<N, P, Z>,
    P: Energy<N>,
    Z: Gaussian,
{
    fn step(
        &self,
        state: &mut Self::State,
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        self.stepper
            .step(&mut state.cold, theta, potential, parameters, noise)?;
        if !state.placed {
            state.placed = true;
            for replica in &mut state.hot {
                replica.theta = *theta;
            }
        }
        for (replica, t) in state.hot.iter_mut().zip(self.ladder.temperatures()) {
            let hotter = parameters.with_temperature(*t * parameters.temperature());
            match self.stepper.step(
                &mut replica.stepper,
                &mut replica.theta,
                potential,
                &hotter,
                noise,
            ) {
                Ok(()) => replica.errors = 0,
                Err(_) if replica.errors < PATIENCE => replica.errors += 1,
                Err(_) => {
                    replica.errors = 0;
                    replica.theta = *theta;
                    self.stepper.reset(&mut replica.stepper);
                }
            }
        }
        state.elapsed = state.elapsed.saturating_add(1);
        if state.elapsed >= self.every {
            state.elapsed = 0;
            let temperature = parameters.temperature();
            if temperature > 0.0 {
                // An error here leaves every position a valid one.
                let _ = self.exchange(&mut state.hot, theta, potential, temperature, noise);
            }
        }
        Ok(())
    }
}

crate::checkpoint!(impl[const N: usize, X: crate::Checkpoint] for Replica<N, X> {
    theta: [f32; N], stepper: X, swaps: Proportion, errors: u8
} if |replica| finite(&replica.theta) && replica.errors <= PATIENCE);

crate::checkpoint!(impl[
    const N: usize, const HOT: usize, X: crate::Checkpoint + Copy
] for ReplicaExchangeState<N, HOT, X> {
    cold: X, hot: [Replica<N, X>; HOT], elapsed: u32, placed: bool
});

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;
    use crate::{
        potential::FunctionPotential,
        preconditioner::Dense,
        stepper::{LeimkuhlerMatthews, Preconditioned, Sgld},
    };

    #[test]
    fn swaps_by_the_ratio_of_both_energies() {
        // Flat forces, so that θ moves by the draws alone: η = ½, T = 2 and 8, noise 1.414 and 2.83.
        // U = x: with ρ = (1/2 − 1/8)(U_cold − U_hot), a swap needs ρ + (a² + b²)/2 > 0.
        let parameters = StepParameters::new(0.5, 2.0).unwrap();
        let step = |cold: f32, hot: f32, a: f32| {
            let exchange = ReplicaExchange::new(Sgld::new(), Ladder::new([4.0]).unwrap(), 1);
            let mut state = exchange.start();
            let mut theta = [0.0];
            let mut potential = FunctionPotential {
                gradient: |_: &[f32; 1]| [0.0],
                energy: |x: &[f32; 1]| x[0],
            };
            let from = 2.0_f32.sqrt() * cold;
            let mut draws = Draws::new(&[cold, hot, a, 0.0]);
            exchange
                .step(
                    &mut state,
                    &mut theta,
                    &mut potential,
                    &parameters,
                    &mut draws,
                )
                .unwrap();
            let swapped = state.swap_rates()[0].hits() == 1;
            assert_eq!(state.positions()[0][0] == from, swapped);
            swapped
        };
        // Cold at 1.414, hot at 1.414 + 2.83·h: ρ = −0.375·2.83·h = −1.0607h.
        assert!(step(1.0, -0.1, 0.0), "downhill is always taken");
        assert!(!step(1.0, 1.0, 1.45), "2.1/2 is below 1.06");
        assert!(step(1.0, 1.0, 1.46), "2.13/2 is above");
    }

    #[test]
    fn a_hot_replica_that_is_lost_starts_anew() {
        // Beyond 1 the gradient is not finite: the hot replica gets there, the cold one does not.
        let mut potential = FunctionPotential {
            gradient: |x: &[f32; 1]| [if x[0] > 1.0 { f32::NAN } else { 0.0 }],
            energy: |_: &[f32; 1]| 0.0,
        };
        let parameters = StepParameters::new(0.5, 1.0).unwrap();
        let ladder = Ladder::new([100.0]).unwrap();
        let exchange = ReplicaExchange::new(Sgld::new(), ladder, 1000);
        let mut state = exchange.start();
        let mut theta = [0.0];
        let mut step = |state: &mut ReplicaExchangeState<1, 1, ()>, draws: &[f32]| {
            let mut draws = Draws::new(draws);
            exchange
                .step(state, &mut theta, &mut potential, &parameters, &mut draws)
                .unwrap();
        };
        step(&mut state, &[0.0, 0.5]);
        assert_eq!(state.positions(), [[5.0]]);
        for _ in 0..PATIENCE {
            step(&mut state, &[0.0]);
            assert_eq!(state.positions(), [[5.0]]);
        }
        step(&mut state, &[0.0]);
        assert_eq!(state.positions(), [[0.0]]);
    }

    #[test]
    fn ladders_must_rise() {
        assert!(Ladder::new([2.0, 2.0]).is_err());
        assert!(Ladder::new([1.0]).is_err());
        assert!(Ladder::new([2.0, f32::INFINITY]).is_err());
        assert!(Ladder::<4>::geometric(f32::NAN).is_err());
        assert!(Ladder::<4>::geometric(1.0).is_err());
    }

    #[test]
    fn configuration_is_kept_once() {
        // The ladder and a word; for each hot replica three words and its position, and two words for all.
        type State<const N: usize, S> = <ReplicaExchange<4, S> as Dynamics<N>>::State;
        assert_eq!(size_of::<ReplicaExchange<4, Sgld>>(), 4 * (4 + 1));
        assert_eq!(size_of::<State<8, Sgld>>(), 4 * (4 * (8 + 3) + 2));
        assert_eq!(
            size_of::<State<8, LeimkuhlerMatthews>>(),
            4 * (4 * (2 * 8 + 3) + 8 + 2)
        );
        type Dense8 = Preconditioned<ReplicaExchange<4, Sgld>, Dense<8>>;
        let all = size_of::<Dense8>() + size_of::<<Dense8 as Dynamics<8>>::State>();
        assert_eq!(all, 256 + 4 * 5 + 4 * 46);
        assert!(all <= 600);
    }
}
