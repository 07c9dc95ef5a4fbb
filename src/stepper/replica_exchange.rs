//! Parallel tempering: replicas at higher temperatures, which trade places with the chain.

use core::mem::swap;

use libm::powf;

use super::{Proportion, StepParameters, Stepper, mala::exponential};
use crate::{ConfigError, StepError, noise::Gaussian, potential::Energy};

/// After how many faults in a row a hot replica starts anew from the chain's position.
const PATIENCE: u8 = 8;

/// Temperatures of `HOT` replicas, each hotter than the last, as multiples of the chain's own.
///
/// ```
/// use langevin::stepper::Ladder;
/// let ladder = Ladder::<3>::geometric(8.0)?;
/// for (rung, t) in ladder.temperatures().iter().zip([2.0, 4.0, 8.0]) {
///     assert!((rung - t).abs() < 1e-5);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ladder<const HOT: usize>([f32; HOT]);

impl<const HOT: usize> Ladder<HOT> {
    /// These temperatures.
    ///
    /// # Errors
    /// Unless they are finite and rise from above 1.
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

    /// Equal ratios, up to `hottest`: equal swap rates where the energy's spread is T times the same number.
    ///
    /// # Errors
    /// When `hottest` is not finite and > 1, or so near 1 that the rungs coincide.
    pub fn geometric(hottest: f32) -> Result<Self, ConfigError> {
        let ratio = powf(hottest, 1.0 / HOT as f32);
        let mut temperatures = [1.0; HOT];
        let mut rung = 1.0;
        for t in &mut temperatures {
            rung *= ratio;
            *t = rung;
        }
        Self::new(temperatures)
    }

    /// The temperatures, coldest first.
    pub const fn temperatures(&self) -> &[f32; HOT] {
        &self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Replica<const N: usize, S> {
    theta: [f32; N],
    stepper: S,
    temperature: f32,
    // Exchanges with the next colder one.
    swaps: Proportion,
    faults: u8,
}

/// Replica exchange: the chain, and `HOT` replicas of it at higher temperatures.
///
/// All of them step, by the same rule and with the same η and noise; after every few steps,
/// neighbours on the [`Ladder`] trade positions with probability min(1, e^ρ), hottest pair first:
///
/// ```text
/// ρ = (1/Tᵢ − 1/Tⱼ)(U(θᵢ) − U(θⱼ))
/// ```
///
/// Swendsen & Wang (1986); Geyer (1991). Hot replicas cross the barriers between modes, and what they find
/// comes down the ladder in proportion to its mass. The position of the chain is always the one at the chain's own
/// temperature; the whole is a stepper like any other, and its gradients may be noisy (then so slightly
/// is the law), but U must be exact and the noise Gaussian. Momenta stay with their temperature; steppers without
/// any ([`Sgld`](super::Sgld), [`LeimkuhlerMatthews`](super::LeimkuhlerMatthews),
/// [`Mala`](super::Mala)) serve best.
///
/// Take the hottest T so that it crosses the highest barrier, U_barrier/T ≈ 2, and as many replicas as keep every
/// [`swap_rates`](Self::swap_rates) above 0.2 or so.
///
/// A hot replica's fault is its own: it stays where it is, and after 8 in a row starts anew from the chain's
/// position. A swap that cannot be computed is not made. At T = 0 nothing is swapped.
///
/// Cost: `HOT` + 1 gradients and (`HOT` + 1) N draws a step, `HOT` + 1 energies and 2 `HOT`
/// draws a swap; for each hot replica N + 4 words and the inner stepper's state. Choose it when modes are separate
/// and their weights matter.
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
pub struct ReplicaExchange<const N: usize, const HOT: usize, S> {
    cold: S,
    hot: [Replica<N, S>; HOT],
    every: u32,
    wait: u32,
    // Whether the hot replicas have a place yet.
    placed: bool,
}

impl<const N: usize, const HOT: usize, S: Copy> ReplicaExchange<N, HOT, S> {
    /// Replicas that all step by `stepper`, with swaps after each `every` steps (0 is read as 1).
    ///
    /// The hot replicas start where the chain's first step ends.
    pub const fn new(stepper: S, ladder: Ladder<HOT>, every: u32) -> Self {
        const { assert!(HOT > 0, "there is nothing to exchange with") };
        let mut hot = [Replica {
            theta: [0.0; N],
            stepper,
            temperature: 1.0,
            swaps: Proportion::new(),
            faults: 0,
        }; HOT];
        let mut rest: &mut [Replica<N, S>] = &mut hot;
        let mut rungs: &[f32] = &ladder.0;
        while let ([replica, replicas @ ..], [rung, higher @ ..]) = (rest, rungs) {
            replica.temperature = *rung;
            rest = replicas;
            rungs = higher;
        }
        Self {
            cold: stepper,
            hot,
            every,
            wait: every,
            placed: false,
        }
    }

    /// For each hot replica, coldest first, how often it traded places with the next colder one.
    pub fn swap_rates(&self) -> [Proportion; HOT] {
        self.hot.map(|replica| replica.swaps)
    }

    /// Positions of the hot replicas, coldest first.
    pub fn positions(&self) -> [[f32; N]; HOT] {
        self.hot.map(|replica| replica.theta)
    }

    /// The chain's own stepper.
    pub const fn stepper(&self) -> &S {
        &self.cold
    }

    fn exchange<P: Energy<N>, Z: Gaussian>(
        &mut self,
        theta: &mut [f32; N],
        potential: &mut P,
        temperature: f32,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut energy = potential.energy(theta)?;
        let mut energies = [0.0; HOT];
        for (u, replica) in energies.iter_mut().zip(&self.hot) {
            *u = potential.energy(&replica.theta)?;
        }
        let mut replicas: &mut [Replica<N, S>] = &mut self.hot;
        let mut us: &mut [f32] = &mut energies;
        while let ([below @ .., hot], [us_below @ .., u_hot]) = (replicas, us) {
            let lead = exponential(noise)?;
            let (cold, t, u) = match (below.last_mut(), us_below.last_mut()) {
                (Some(replica), Some(u)) => (&mut replica.theta, replica.temperature, u),
                _ => (&mut *theta, 1.0, &mut energy),
            };
            let ratio = (1.0 / t - 1.0 / hot.temperature) * (*u - *u_hot) / temperature;
            // False for NaN.
            let accept = ratio + lead > 0.0;
            if accept {
                swap(cold, &mut hot.theta);
                swap(u, u_hot);
            }
            hot.swaps.push(accept);
            replicas = below;
            us = us_below;
        }
        Ok(())
    }
}

impl<const N: usize, const HOT: usize, S, P, Z> Stepper<N, P, Z> for ReplicaExchange<N, HOT, S>
where
    S: Stepper<N, P, Z> + Copy,
    P: Energy<N>,
    Z: Gaussian,
{
    fn step(
        &mut self,
        theta: &mut [f32; N],
        potential: &mut P,
        pace: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        self.cold.step(theta, potential, pace, noise)?;
        if !self.placed {
            self.placed = true;
            for replica in &mut self.hot {
                replica.theta = *theta;
            }
        }
        for replica in &mut self.hot {
            let pace = pace.with_temperature(replica.temperature * pace.temperature());
            match replica
                .stepper
                .step(&mut replica.theta, potential, &pace, noise)
            {
                Ok(()) => replica.faults = 0,
                Err(_) if replica.faults < PATIENCE => replica.faults += 1,
                Err(_) => {
                    replica.faults = 0;
                    replica.theta = *theta;
                    replica.stepper.reset();
                }
            }
        }
        self.wait = self.wait.saturating_sub(1);
        if self.wait == 0 {
            self.wait = self.every;
            if pace.temperature() > 0.0 {
                // What fails here leaves every position a valid one.
                let _ = self.exchange(theta, potential, pace.temperature(), noise);
            }
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.cold.reset();
        for replica in &mut self.hot {
            replica.stepper.reset();
        }
        self.placed = false;
        self.wait = self.every;
    }

    fn noise_scale(&self, pace: &StepParameters) -> [f32; N] {
        self.cold.noise_scale(pace)
    }
}

crate::checkpoint!(impl[const N: usize, S: crate::Checkpoint] for Replica<N, S> {
    theta: [f32; N], stepper: S, temperature: f32, swaps: Proportion, faults: u8
});

crate::checkpoint!(impl[
    const N: usize, const HOT: usize, S: crate::Checkpoint + Copy
] for ReplicaExchange<N, HOT, S> {
    cold: S, hot: [Replica<N, S>; HOT], every: u32, wait: u32, placed: bool
} if |exchange| exchange.hot.iter().all(|replica| crate::barrier::finite(&replica.theta)));

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;
    use crate::{
        potential::FunctionPotential,
        stepper::{LeimkuhlerMatthews, Sgld},
    };

    #[test]
    fn swaps_by_the_ratio_of_both_energies() {
        // Flat forces, so that θ moves by the draws alone: η = ½, T = 2 and 8, noise 1.414 and 2.83.
        // U = x: with ρ = (1/2 − 1/8)(U_cold − U_hot), a swap needs ρ + (a² + b²)/2 > 0.
        let pace = StepParameters::new(0.5, 2.0).unwrap();
        let step = |cold: f32, hot: f32, a: f32| {
            let mut exchange = ReplicaExchange::new(Sgld::new(), Ladder::new([4.0]).unwrap(), 1);
            let mut theta = [0.0];
            let mut potential = FunctionPotential {
                gradient: |_: &[f32; 1]| [0.0],
                energy: |x: &[f32; 1]| x[0],
            };
            let from = 2.0_f32.sqrt() * cold;
            let mut draws = Draws::new(&[cold, hot, a, 0.0]);
            exchange
                .step(&mut theta, &mut potential, &pace, &mut draws)
                .unwrap();
            let swapped = exchange.swap_rates()[0].hits() == 1;
            assert_eq!(exchange.positions()[0][0] == from, swapped);
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
        let pace = StepParameters::new(0.5, 1.0).unwrap();
        let ladder = Ladder::new([100.0]).unwrap();
        let mut exchange = ReplicaExchange::new(Sgld::new(), ladder, 1000);
        let mut theta = [0.0];
        let mut step = |exchange: &mut ReplicaExchange<1, 1, _>, draws: &[f32]| {
            exchange
                .step(&mut theta, &mut potential, &pace, &mut Draws::new(draws))
                .unwrap();
        };
        step(&mut exchange, &[0.0, 0.5]);
        assert_eq!(exchange.positions(), [[5.0]]);
        for _ in 0..PATIENCE {
            step(&mut exchange, &[0.0]);
            assert_eq!(exchange.positions(), [[5.0]]);
        }
        step(&mut exchange, &[0.0]);
        assert_eq!(exchange.positions(), [[0.0]]);
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
    fn size_is_that_of_the_replicas() {
        // Four words and the position each, and three for all.
        assert_eq!(
            size_of::<ReplicaExchange<8, 4, Sgld>>(),
            4 * (4 * (8 + 4) + 3)
        );
        type Inner = LeimkuhlerMatthews<8>;
        assert_eq!(
            size_of::<ReplicaExchange<8, 4, Inner>>(),
            4 * (4 * (2 * 8 + 4) + 8 + 3)
        );
    }
}
