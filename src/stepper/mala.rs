//! The Metropolis-adjusted Langevin algorithm (Roberts & Tweedie 1996).

use super::{Proportion, StepParameters, Stepper, displace, finite_gradient, scaled};
use crate::{
    StepError,
    noise::Gaussian,
    potential::Energy,
    preconditioner::{Identity, Preconditioner},
};

/// MALA: a Langevin step, accepted or rejected so that the law is exp(−U/T) at every step size.
///
/// With a metric L, the proposal is [`Sgld`](super::Sgld)'s, θ' = θ − η L Lᵀ∇U(θ) + √(2ηT) L ξ, and
/// it is accepted with probability min(1, e^ρ),
///
/// ```text
/// ρ = [U(θ) − U(θ') + ½(θ' − θ)ᵀ(∇U(θ) + ∇U(θ')) + ¼η(|Lᵀ∇U(θ)|² − |Lᵀ∇U(θ')|²)] / T
/// ```
///
/// Roberts & Tweedie (1996), *Exponential convergence of Langevin distributions and their discrete
/// approximations*, whose h is 2η; written so that what cancels exactly on
/// a quadratic (all but the last term) is apart. At T = 0 a proposal is accepted unless it raises U.
///
/// On U = kθ²/2 the variance is T/k at every η, and half the proposals are accepted at ηk = 2 for N = 1. Take
/// η for an acceptance of 0.5 to 0.7. A proposal of infinite energy is rejected (a wall); one of NaN energy
/// is a [`StepError::NonFiniteEnergy`]. A rejected proposal leaves the position to be counted once more: it
/// is a step, not a fault.
///
/// U and ∇U must be exact and the noise Gaussian. Energies are differences of `f32` sums: shift U so that
/// it is small near the mode (|U| < 1e4 keeps the error of ρ near 1e-3).
///
/// Cost: two gradients and two energies (nothing is kept between steps, so that the potential may
/// change between them), N + 2 draws (a pair makes the exponential variate of the test), two words of state.
/// Choose it when the whole window's energy is affordable and no bias will do.
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
/// assert!(chain.stepper().acceptance().value() > Some(0.6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mala<M = Identity> {
    accepted: Proportion,
    metric: M,
}

impl Mala {
    /// Without preconditioning.
    pub const fn new() -> Self {
        Self::with_metric(Identity)
    }
}

/// A position with what the test asks of it.
struct EvaluatedPoint<const N: usize> {
    gradient: [f32; N],
    energy: f32,
}

impl<M> Mala<M> {
    /// Preconditioned by `metric`.
    pub const fn with_metric(metric: M) -> Self {
        Self {
            accepted: Proportion::new(),
            metric,
        }
    }

    /// The share of proposals that were accepted.
    pub const fn acceptance(&self) -> Proportion {
        self.accepted
    }

    /// The log acceptance ratio ρ of a Langevin step of size `pace` that went from `from` to `to`,
    /// for any chain whose steps are SGLD's; nothing is rejected.
    ///
    /// The mean of min(1, e^ρ) over steps is the acceptance rate that MALA would have at this η: near 1,
    /// the unadjusted chain is sound; below 0.8 or so, its bias shows. At T = 0 the result has no meaning.
    ///
    /// ```
    /// use langevin::{BoxMuller, Pcg32, SeedableRng, potential::FunctionPotential, stepper::{Mala, Sgld, StepParameters, Stepper}};
    /// let mut noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    /// let mut potential = FunctionPotential {
    ///     gradient: |x: &[f32; 1]| *x,
    ///     energy: |x: &[f32; 1]| 0.5 * x[0] * x[0],
    /// };
    /// let pace = StepParameters::new(0.2, 1.0)?;
    /// let mut theta = [0.0];
    /// for _ in 0..100 {
    ///     let from = theta;
    ///     Sgld::new().step(&mut theta, &mut potential, &pace, &mut noise)?;
    ///     assert!(Mala::new().log_ratio(&from, &theta, &mut potential, &pace)? > -1.0);
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
        pace: &StepParameters,
    ) -> Result<f32, StepError>
    where
        M: Preconditioner<N>,
    {
        let (mut here, mut there) = (EvaluatedPoint::UNEVALUATED, EvaluatedPoint::UNEVALUATED);
        here.evaluate(potential, from)?;
        there.evaluate(potential, to)?;
        let mut delta = *to;
        for (d, f) in delta.iter_mut().zip(from) {
            *d -= *f;
        }
        Ok(self.ratio(&here, &there, &delta, pace))
    }

    #[inline]
    fn ratio<const N: usize>(
        &self,
        here: &EvaluatedPoint<N>,
        there: &EvaluatedPoint<N>,
        delta: &[f32; N],
        pace: &StepParameters,
    ) -> f32
    where
        M: Preconditioner<N>,
    {
        let mut work = 0.0;
        for ((d, g), h) in delta.iter().zip(&here.gradient).zip(&there.gradient) {
            work += *d * (*g + *h);
        }
        let (mut g, mut h) = (here.gradient, there.gradient);
        self.metric.apply_transpose(&mut g);
        self.metric.apply_transpose(&mut h);
        let mut squares = 0.0;
        for (g, h) in g.iter().zip(&h) {
            squares += (*g - *h) * (*g + *h);
        }
        (here.energy - there.energy + 0.5 * work + 0.25 * pace.eta() * squares) / pace.temperature()
    }
}

impl<const N: usize> EvaluatedPoint<N> {
    const UNEVALUATED: Self = Self {
        gradient: [0.0; N],
        energy: 0.0,
    };

    /// Fills in what there is at `theta`.
    #[inline]
    fn evaluate<P: Energy<N>>(
        &mut self,
        potential: &mut P,
        theta: &[f32; N],
    ) -> Result<(), StepError> {
        finite_gradient(potential, theta, &mut self.gradient)?;
        self.energy = potential.energy(theta)?;
        if self.energy.is_finite() {
            Ok(())
        } else {
            Err(StepError::NonFiniteEnergy)
        }
    }
}

impl<const N: usize, M: Preconditioner<N>, P: Energy<N>, Z: Gaussian> Stepper<N, P, Z> for Mala<M> {
    #[inline]
    fn step(
        &mut self,
        theta: &mut [f32; N],
        potential: &mut P,
        pace: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let mut here = EvaluatedPoint::UNEVALUATED;
        here.evaluate(potential, theta)?;
        let mut pulled = here.gradient;
        self.metric.apply_transpose(&mut pulled);
        let mut delta = [0.0; N];
        noise.fill(&mut delta)?;
        let lead = exponential(noise)?;
        for (d, g) in delta.iter_mut().zip(&pulled) {
            *d = pace.noise_scale() * *d - pace.eta() * *g;
        }
        let mut proposal = *theta;
        displace(&mut proposal, &self.metric, &mut delta, pace)?;
        let wall = potential.energy(&proposal)? == f32::INFINITY;
        let accept = !wall && {
            let mut there = EvaluatedPoint::UNEVALUATED;
            there.evaluate(potential, &proposal)?;
            if pace.temperature() > 0.0 {
                self.ratio(&here, &there, &delta, pace) + lead > 0.0
            } else {
                there.energy <= here.energy
            }
        };
        if accept {
            *theta = proposal;
        }
        self.accepted.push(accept);
        Ok(())
    }

    fn noise_scale(&self, pace: &StepParameters) -> [f32; N] {
        scaled(self.metric.scale(), pace.noise_scale())
    }
}

/// A draw from the exponential law of mean 1, −ln u: half the square of a pair of normals.
#[inline]
pub(crate) fn exponential<Z: Gaussian>(noise: &mut Z) -> Result<f32, StepError> {
    let mut pair = [0.0; 2];
    noise.fill(&mut pair)?;
    let [a, b] = pair;
    Ok(0.5 * (a * a + b * b))
}

crate::checkpoint!(impl[M: crate::Checkpoint] for Mala<M> { accepted: Proportion, metric: M });

#[cfg(test)]
mod tests {
    use super::super::testing::Draws;
    use super::*;
    use crate::{potential::FunctionPotential, preconditioner::Diagonal};

    fn well() -> impl Energy<2> {
        FunctionPotential {
            gradient: |x: &[f32; 2]| [3.0 * x[0], x[1] * x[1] * x[1]],
            energy: |x: &[f32; 2]| 1.5 * x[0] * x[0] + 0.25 * x[1].powi(4),
        }
    }

    #[test]
    fn ratio_is_that_of_the_proposal_densities() {
        // In f64, from the definition, with the metric diag(2, 0.5).
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
        let mala = Mala::with_metric(Diagonal::new([2.0, 0.5]).unwrap());
        let pace = StepParameters::new(0.1, 2.0).unwrap();
        let ratio = mala.log_ratio(&from, &to, &mut well(), &pace).unwrap();
        assert!((f64::from(ratio) - exact).abs() < 1e-6, "{ratio} {exact}");
    }

    #[test]
    fn on_a_quadratic_the_ratio_is_the_closed_form() {
        let (k, eta, t) = (3.0_f32, 0.2_f32, 0.5_f32);
        let mut quadratic = FunctionPotential {
            gradient: |x: &[f32; 1]| [k * x[0]],
            energy: |x: &[f32; 1]| 0.5 * k * x[0] * x[0],
        };
        let pace = StepParameters::new(eta, t).unwrap();
        for (a, b) in [(1.0, -0.5), (0.2, 0.9), (-2.0, -1.9)] {
            let ratio = Mala::new()
                .log_ratio(&[a], &[b], &mut quadratic, &pace)
                .unwrap();
            let law = k * k * eta / (4.0 * t) * (a * a - b * b);
            assert!((ratio - law).abs() < 1e-4, "{ratio} {law}");
        }
    }

    #[test]
    fn a_wall_rejects_and_a_nan_is_a_fault() {
        let pace = StepParameters::new(0.5, 1.0).unwrap();
        for (beyond, outcome, trials) in [
            (f32::INFINITY, Ok(()), 1),
            (f32::NAN, Err(StepError::NonFiniteEnergy), 0),
            (f32::NEG_INFINITY, Err(StepError::NonFiniteEnergy), 0),
        ] {
            let mut walled = FunctionPotential {
                gradient: |_: &[f32; 1]| [0.0],
                energy: |x: &[f32; 1]| if x[0] > 0.5 { beyond } else { 0.0 },
            };
            let mut mala = Mala::new();
            let mut theta = [0.0];
            let got = mala.step(
                &mut theta,
                &mut walled,
                &pace,
                &mut Draws::new(&[1.0, 1.0, 1.0]),
            );
            assert_eq!((got, theta), (outcome, [0.0]));
            assert_eq!(
                (mala.acceptance().hits(), mala.acceptance().trials()),
                (0, trials)
            );
        }
    }

    #[test]
    fn at_zero_temperature_it_descends() {
        let pace = StepParameters::new(0.1, 0.0).unwrap();
        let mut theta = [1.0, 1.0];
        let mut draws = Draws::new(&[0.1; 400]);
        for _ in 0..100 {
            Mala::new()
                .step(&mut theta, &mut well(), &pace, &mut draws)
                .unwrap();
        }
        assert!(theta[0].abs() < 1e-3 && theta[1].abs() < 0.3, "{theta:?}");
    }

    #[test]
    fn size_is_two_words() {
        assert_eq!(size_of::<Mala>(), 8);
    }
}
