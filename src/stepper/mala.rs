//! The Metropolis-adjusted Langevin algorithm (Roberts & Tweedie 1996).

use super::{Dynamics, Proportion, StepParameters, Stepper, finite_gradient};
use crate::{
    StepError,
    noise::Gaussian,
    potential::Energy,
    preconditioner::{Identity, Preconditioner},
};

/// MALA: a Langevin step, accepted or rejected so that the law is exp(−U/T) at every step size.
///
/// The proposal is [`Sgld`](super::Sgld)'s, θ' = θ − η ∇U(θ) + √(2ηT) ξ, and it is accepted with probability
/// min(1, e^ρ):
///
/// ```text
/// ρ = [U(θ) − U(θ') + ½(θ' − θ)ᵀ(∇U(θ) + ∇U(θ')) + ¼η(|∇U(θ)|² − |∇U(θ')|²)] / T
/// ```
///
/// Roberts & Tweedie (1996), *Exponential convergence of Langevin distributions and their discrete
/// approximations*, whose h is 2η. Here the ratio is written so that on a quadratic all but the last term cancel
/// exactly. At T = 0 a proposal is accepted unless it raises U.
///
/// On U = kθ²/2 the variance is T/k at every η, and half the proposals are accepted at ηk = 2 for N = 1. Choose
/// η for an acceptance of 0.5 to 0.7. A proposal of infinite energy is rejected (a wall); one of NaN energy
/// is a [`StepError::NonFiniteEnergy`]. A rejected proposal leaves the position to be counted once more: it
/// is a step, not an error.
///
/// U and ∇U must be exact and the noise Gaussian. Energies are differences of `f32` sums: shift U so that
/// it is small near the mode (|U| < 1e4 keeps the error of ρ near 1e-3).
///
/// Cost: two gradients and two energies (nothing is kept between steps, so that the potential may
/// change between them), N + 2 draws (two make the exponential variate of the test), two words of state.
/// Choose it when the energy of the whole window is affordable and no bias is acceptable.
///
/// The same test serves to judge any Langevin chain without rejecting anything: see
/// [`log_ratio`](Self::log_ratio).
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, potential::FunctionPotential, schedule::Constant, stepper::Mala};
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0], Mala::new(), Constant::new(0.9)?, noise);
/// let mut potential = FunctionPotential {
///     gradient: |x: &[f32; 1]| *x,
///     energy: |x: &[f32; 1]| 0.5 * x[0] * x[0],
/// };
/// for _ in 0..1000 {
///     chain.step(&mut potential)?;
/// }
/// assert!(chain.stepper_state().acceptance().value() > Some(0.6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Mala;

impl Mala {
    /// Creates the stepper.
    pub const fn new() -> Self {
        Self
    }

    /// Returns the log acceptance ratio ρ of a Langevin step that went from `from` to `to`, for any chain whose
    /// steps are SGLD's; nothing is rejected.
    ///
    /// The mean of min(1, e^ρ) over steps is the acceptance rate that MALA would have at this η: near 1,
    /// the unadjusted chain is sound; below 0.8 or so, its bias shows. At T = 0 the result has no meaning.
    /// For preconditioned SGLD ask [`Preconditioned`](super::Preconditioned)`<Mala, _>`.
    ///
    /// ```
    /// use langevin::{BoxMuller, Pcg32, SeedableRng, potential::FunctionPotential, stepper::{Mala, Sgld, StepParameters, Stepper}};
    /// let mut noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    /// let mut potential = FunctionPotential {
    ///     gradient: |x: &[f32; 1]| *x,
    ///     energy: |x: &[f32; 1]| 0.5 * x[0] * x[0],
    /// };
    /// let parameters = StepParameters::new(0.2, 1.0)?;
    /// let mut theta = [0.0];
    /// for _ in 0..100 {
    ///     let from = theta;
    ///     Sgld::new().step(&mut (), &mut theta, &mut potential, &parameters, &mut noise)?;
    ///     assert!(Mala::new().log_ratio(&from, &theta, &mut potential, &parameters)? > -1.0);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StepError::NonFiniteGradient`] and [`StepError::NonFiniteEnergy`], at either end; what the potential
    /// reports.
    pub fn log_ratio<const N: usize, P: Energy<N>>(
        &self,
        from: &[f32; N],
        to: &[f32; N],
        potential: &mut P,
        parameters: &StepParameters,
    ) -> Result<f32, StepError> {
        log_ratio(&Identity, from, to, potential, parameters)
    }
}

/// The state of [`Mala`]: a diagnostic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MalaState {
    accepted: Proportion,
}

impl MalaState {
    /// Returns the proportion of proposals that were accepted.
    pub const fn acceptance(&self) -> Proportion {
        self.accepted
    }
}

/// [`Mala::log_ratio`], for SGLD with a preconditioner.
pub(super) fn log_ratio<const N: usize, P: Energy<N>>(
    preconditioner: &impl Preconditioner<N>,
    from: &[f32; N],
    to: &[f32; N],
    potential: &mut P,
    parameters: &StepParameters,
) -> Result<f32, StepError> {
    let [before, after] = [potential.energy(from)?, potential.energy(to)?];
    let mut here = EvaluatedPoint::new(potential, from, before)?;
    let mut there = EvaluatedPoint::new(potential, to, after)?;
    let mut delta = *to;
    for (d, f) in delta.iter_mut().zip(from) {
        *d -= *f;
    }
    // The work is the same in any coordinates.
    let work = work(&here, &there, &delta);
    preconditioner.apply_transpose(&mut here.gradient);
    preconditioner.apply_transpose(&mut there.gradient);
    Ok(ratio(&here, &there, work, parameters))
}

/// (θ' − θ)ᵀ(∇U(θ) + ∇U(θ')).
#[inline]
fn work<const N: usize>(
    here: &EvaluatedPoint<N>,
    there: &EvaluatedPoint<N>,
    delta: &[f32; N],
) -> f32 {
    let mut work = 0.0;
    for ((d, g), h) in delta.iter().zip(&here.gradient).zip(&there.gradient) {
        work += *d * (*g + *h);
    }
    work
}

#[inline]
fn ratio<const N: usize>(
    here: &EvaluatedPoint<N>,
    there: &EvaluatedPoint<N>,
    work: f32,
    parameters: &StepParameters,
) -> f32 {
    let mut squares = 0.0;
    for (g, h) in here.gradient.iter().zip(&there.gradient) {
        squares += (*g - *h) * (*g + *h);
    }
    (here.energy - there.energy + 0.5 * work + 0.25 * parameters.eta() * squares)
        / parameters.temperature()
}

/// What the test asks of a position.
struct EvaluatedPoint<const N: usize> {
    gradient: [f32; N],
    energy: f32,
}

impl<const N: usize> EvaluatedPoint<N> {
    /// Evaluates the gradient at `theta`, where `energy` is U(θ), and checks both.
    #[inline]
    fn new<P: Energy<N>>(
        potential: &mut P,
        theta: &[f32; N],
        energy: f32,
    ) -> Result<Self, StepError> {
        let mut gradient = [0.0; N];
        finite_gradient(potential, theta, &mut gradient)?;
        if energy.is_finite() {
            Ok(Self { gradient, energy })
        } else {
            Err(StepError::NonFiniteEnergy)
        }
    }
}

impl<const N: usize> Dynamics<N> for Mala {
    type State = MalaState;

    const START: Self::State = MalaState {
        accepted: Proportion::new(),
    };

    fn reset(&self, _: &mut Self::State) {}
}

impl<const N: usize, P: Energy<N>, Z: Gaussian> Stepper<N, P, Z> for Mala {
    #[inline]
    fn step(
        &self,
        state: &mut Self::State,
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let energy = potential.energy(theta)?;
        let here = EvaluatedPoint::new(potential, theta, energy)?;
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        let threshold = exponential(noise)?;
        for (d, g) in delta.iter_mut().zip(&here.gradient) {
            *d = parameters.noise_scale() * *d - parameters.eta() * *g;
        }
        let mut proposal = *theta;
        // In the coordinates of the gradient, as the ratio needs it.
        let step = delta;
        parameters.displace(&mut proposal, potential, &mut delta)?;
        let energy = potential.energy(&proposal)?;
        let wall = energy == f32::INFINITY;
        let accept = !wall && {
            let there = EvaluatedPoint::new(potential, &proposal, energy)?;
            if parameters.temperature() > 0.0 {
                let work = work(&here, &there, &step);
                ratio(&here, &there, work, parameters) + threshold > 0.0
            } else {
                there.energy <= here.energy
            }
        };
        if accept {
            *theta = proposal;
        }
        state.accepted.push(accept);
        Ok(())
    }
}

/// Draws from the exponential law of mean 1, −ln u: half the sum of the squares of two normals.
#[inline]
pub(super) fn exponential<Z: Gaussian>(noise: &mut Z) -> Result<f32, StepError> {
    let mut pair = [0.0; 2];
    noise.fill(&mut pair)?;
    let [a, b] = pair;
    Ok(0.5 * (a * a + b * b))
}

crate::checkpoint!(impl[] for MalaState { accepted: Proportion });

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;
    use crate::{potential::FunctionPotential, preconditioner::Diagonal, stepper::Preconditioned};

    fn well() -> impl Energy<2> {
        FunctionPotential {
            gradient: |x: &[f32; 2]| [3.0 * x[0], x[1] * x[1] * x[1]],
            energy: |x: &[f32; 2]| 1.5 * x[0] * x[0] + 0.25 * x[1].powi(4),
        }
    }

    #[test]
    fn ratio_is_that_of_the_proposal_densities() {
        // In f64, from the definition, with the preconditioner diag(2, 0.5).
        let (eta, t) = (0.1_f64, 2.0_f64);
        let s = [2.0_f64, 0.5];
        let (from, to) = ([0.5_f32, -0.3], [-0.2_f32, 0.4]);
        let energy = |x: [f64; 2]| 1.5 * x[0] * x[0] + 0.25 * x[1].powi(4);
        let gradient = |x: [f64; 2]| [3.0 * x[0], x[1].powi(3)];
        let log_q = |x: [f64; 2], y: [f64; 2]| {
            let g = gradient(x);
            let mut sum = 0.0;
            for i in 0..2 {
                let mean = x[i] - eta * s[i] * s[i] * g[i];
                sum -= (y[i] - mean).powi(2) / (4.0 * eta * t * s[i] * s[i]);
            }
            sum
        };
        let (x, y) = (from.map(f64::from), to.map(f64::from));
        let exact = (energy(x) - energy(y)) / t + log_q(y, x) - log_q(x, y);
        let mala = Preconditioned::new(Mala::new(), Diagonal::new([2.0, 0.5]).unwrap());
        let parameters = StepParameters::new(0.1, 2.0).unwrap();
        let ratio = mala
            .log_ratio(&from, &to, &mut well(), &parameters)
            .unwrap();
        assert!((f64::from(ratio) - exact).abs() < 1e-6, "{ratio} {exact}");
    }

    #[test]
    fn on_a_quadratic_the_ratio_is_the_closed_form() {
        let (k, eta, t) = (3.0_f32, 0.2_f32, 0.5_f32);
        let mut quadratic = FunctionPotential {
            gradient: |x: &[f32; 1]| [k * x[0]],
            energy: |x: &[f32; 1]| 0.5 * k * x[0] * x[0],
        };
        let parameters = StepParameters::new(eta, t).unwrap();
        for (a, b) in [(1.0, -0.5), (0.2, 0.9), (-2.0, -1.9)] {
            let ratio = Mala::new()
                .log_ratio(&[a], &[b], &mut quadratic, &parameters)
                .unwrap();
            let law = k * k * eta / (4.0 * t) * (a * a - b * b);
            assert!((ratio - law).abs() < 1e-4, "{ratio} {law}");
        }
    }

    #[test]
    fn a_wall_rejects_and_a_nan_is_an_error() {
        let parameters = StepParameters::new(0.5, 1.0).unwrap();
        for (beyond, outcome, trials) in [
            (f32::INFINITY, Ok(()), 1),
            (f32::NAN, Err(StepError::NonFiniteEnergy), 0),
            (f32::NEG_INFINITY, Err(StepError::NonFiniteEnergy), 0),
        ] {
            let mut walled = FunctionPotential {
                gradient: |_: &[f32; 1]| [0.0],
                energy: |x: &[f32; 1]| if x[0] > 0.5 { beyond } else { 0.0 },
            };
            let mut state = MalaState::default();
            let mut theta = [0.0];
            let got = Mala::new().step(
                &mut state,
                &mut theta,
                &mut walled,
                &parameters,
                &mut Draws::new(&[1.0, 1.0, 1.0]),
            );
            assert_eq!((got, theta), (outcome, [0.0]));
            assert_eq!(
                (state.acceptance().hits(), state.acceptance().trials()),
                (0, trials)
            );
        }
    }

    #[test]
    fn at_zero_temperature_it_descends() {
        let parameters = StepParameters::new(0.1, 0.0).unwrap();
        let mut theta = [1.0, 1.0];
        let mut draws = Draws::new(&[0.1; 400]);
        for _ in 0..100 {
            Mala::new()
                .step(
                    &mut MalaState::default(),
                    &mut theta,
                    &mut well(),
                    &parameters,
                    &mut draws,
                )
                .unwrap();
        }
        assert!(theta[0].abs() < 1e-3 && theta[1].abs() < 0.3, "{theta:?}");
    }

    #[test]
    fn the_state_is_two_words() {
        assert_eq!(size_of::<MalaState>(), 8);
        assert_eq!(size_of::<Mala>(), 0);
    }
}
