//! What every stepper promises, whatever its rule: an error leaves no trace, a preconditioner is a change of
//! coordinates, and T = 0 descends.

use std::{cell::Cell, fmt::Debug};

use langevin::{
    BoxMuller, Chain, Potential, StepError,
    potential::{Energy, GradientVariance},
    preconditioner::{Dense, Diagonal, Identity, Preconditioner},
    schedule::Cyclical,
    stepper::{
        Dynamics, Ladder, LeimkuhlerMatthews, MaxStep, Preconditioned, ReplicaExchange, Sghmc,
        Sgld, StepParameters, Stepper,
    },
};
use langevin_testing::{doubles::Fused, noises, pairs, steppers};

/// U(φ) = (4φ₀² + φ₁² + φ₀φ₁ + 2φ₂²)/2 + φ₂⁴/4, in coordinates φ = `map` θ; its gradient broken on request.
struct Bowl<M = Identity> {
    map: M,
    broken: bool,
}

impl<M> Bowl<M> {
    fn new(map: M) -> Self {
        Self { map, broken: false }
    }
}

impl<M: Preconditioner<3>> Potential<3> for Bowl<M> {
    fn gradient(&mut self, theta: &[f32; 3], gradient: &mut [f32; 3]) -> Result<(), StepError> {
        let mut phi = *theta;
        self.map.apply(&mut phi);
        let [x, y, z] = phi;
        *gradient = [4.0 * x + 0.5 * y, y + 0.5 * x, 2.0 * z + z * z * z];
        self.map.apply_transpose(gradient);
        if self.broken {
            gradient[1] = f32::NAN;
        }
        Ok(())
    }
}

impl<M: Preconditioner<3>> Energy<3> for Bowl<M> {
    fn energy(&mut self, theta: &[f32; 3]) -> Result<f32, StepError> {
        let mut phi = *theta;
        self.map.apply(&mut phi);
        let [x, y, z] = phi;
        Ok(0.5 * (4.0 * x * x + y * y + x * y + 2.0 * z * z) + 0.25 * z * z * z * z)
    }
}

impl<M: Preconditioner<3>> GradientVariance<3> for Bowl<M> {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; 3],
        gradient: &mut [f32; 3],
        variance: &mut [f32; 3],
    ) -> Result<(), StepError> {
        *variance = [0.5; 3];
        self.gradient(theta, gradient)
    }
}

fn skewed() -> Dense<3> {
    Dense::from_covariance(&[[0.5, 0.2, 0.1], [0.2, 1.5, -0.3], [0.1, -0.3, 0.8]]).unwrap()
}

const START: [f32; 3] = [0.5, -1.0, 0.25];

fn parameters() -> StepParameters {
    StepParameters::new(0.05, 1.0).unwrap()
}

/// A fault of the gradient, of the generator at any word, or of the step's length changes nothing.
fn leaves_no_trace<S, Z>(name: &str, stepper: S, mut noise: Z, words: &Cell<u32>)
where
    S: Stepper<3, Bowl, Z>,
    S::State: PartialEq + Debug,
    Z: Clone,
{
    let mut bowl = Bowl::new(Identity);
    let unused = noise.clone();
    let mut spared_noise = noise.clone();
    let (mut hit, mut spared) = (stepper.start(), stepper.start());
    let (mut theta, mut other) = (START, START);
    for step in 0..200 {
        bowl.broken = true;
        if step % 3 == 0 {
            let before = hit;
            let error = stepper.step(&mut hit, &mut theta, &mut bowl, &parameters(), &mut noise);
            assert_eq!(error, Err(StepError::NonFiniteGradient), "{name}");
            assert_eq!(hit, before, "{name}");
        }
        bowl.broken = false;
        stepper
            .step(&mut hit, &mut theta, &mut bowl, &parameters(), &mut noise)
            .unwrap();
        stepper
            .step(
                &mut spared,
                &mut other,
                &mut bowl,
                &parameters(),
                &mut spared_noise,
            )
            .unwrap();
        // So nothing was drawn for the broken ones either.
        assert_eq!((theta, hit), (other, spared), "{name}");
    }

    for left in 0.. {
        let (before, from) = (hit, theta);
        words.set(left);
        let mut noise = unused.clone();
        match stepper.step(&mut hit, &mut theta, &mut bowl, &parameters(), &mut noise) {
            Ok(()) => break,
            Err(error) => assert_eq!(error, StepError::Random, "{name}"),
        }
        assert_eq!((hit, theta), (before, from), "{name}: word {left}");
        assert!(left < 100, "{name}");
    }

    words.set(u32::MAX);
    let short = parameters().with_max_step(MaxStep::new(1e-4).unwrap());
    let (before, from) = (hit, theta);
    let error = stepper.step(&mut hit, &mut theta, &mut bowl, &short, &mut noise);
    assert_eq!(error, Err(StepError::StepTooLong), "{name}");
    assert_eq!((hit, theta), (before, from), "{name}");
}

/// With preconditioner L on U(θ) it makes the steps that it makes without one on U(Lφ), θ = Lφ.
fn changes_coordinates<S, M, Z>(name: &str, stepper: S, l: M, mut noise: Z)
where
    S: Stepper<3, Bowl<M>, Z> + Copy,
    Preconditioned<S, M>: Stepper<3, Bowl, Z>,
    M: Preconditioner<3> + Copy,
    Z: Clone,
{
    let mut same = noise.clone();
    let preconditioned = Preconditioned::new(stepper, l);
    let (mut first, mut second) = (preconditioned.start(), stepper.start());
    let (mut curved, mut straight) = (Bowl::new(Identity), Bowl::new(l));
    let mut phi = START;
    let mut theta = START;
    l.apply(&mut theta);
    // Rounding makes the paths part; a wrong power of L does at the first steps.
    for step in 0..50 {
        preconditioned
            .step(
                &mut first,
                &mut theta,
                &mut curved,
                &parameters(),
                &mut noise,
            )
            .unwrap();
        stepper
            .step(
                &mut second,
                &mut phi,
                &mut straight,
                &parameters(),
                &mut same,
            )
            .unwrap();
        let mut image = phi;
        l.apply(&mut image);
        for (a, b) in theta.iter().zip(&image) {
            assert!(
                (a - b).abs() < 1e-4,
                "{name}, step {step}: {theta:?} {image:?}"
            );
        }
    }
}

/// In the exploration of a cyclical schedule, T = 0, it comes to rest at the mode; then it moves again.
fn explores_and_samples<S: Stepper<3, Bowl, Z>, Z>(name: &str, stepper: S, noise: Z) {
    let schedule = Cyclical::new(0.1, 6000).unwrap().exploring(3000);
    let mut chain = Chain::new(START, stepper, schedule, noise);
    let mut bowl = Bowl::new(Identity);
    let mut squares = 0.0;
    for step in 0..6000 {
        match chain.step(&mut bowl) {
            Ok(None) => assert!(step < 3000, "{name}"),
            Ok(Some(theta)) => {
                assert!(step >= 3000, "{name}");
                squares += theta.iter().map(|t| t * t).sum::<f32>() / 3000.0;
            }
            error => panic!("{name}: {error:?}"),
        }
        if step == 2999 {
            let rest = chain.position().iter().all(|t| t.abs() < 1e-3);
            assert!(rest, "{name}: {:?}", chain.position());
        }
    }
    // E|θ|² is about 0.27 + 1.07 + 0.4; the end of a cycle has few independent draws.
    assert!(squares > 0.5 && squares < 5.0, "{name}: {squares}");
}

#[test]
fn an_error_leaves_no_trace() {
    let words = Cell::new(u32::MAX);
    pairs!(Fused::new(&words), |name, stepper, noise| {
        leaves_no_trace(&format!("{name:?}"), stepper, noise, &words);
    });
    let refreshed = Sghmc::with_mass(1.0, 1.0).unwrap().refresh_every(2);
    noises!(default, Fused::new(&words), |name, noise| {
        leaves_no_trace(name, refreshed, noise, &words);
    });
}

#[test]
fn the_cyclical_schedule_works_with_every_stepper() {
    let words = Cell::new(u32::MAX);
    steppers!(Fused::new(&words), |name, stepper, noise| {
        explores_and_samples(name.0, stepper, noise);
    });
}

#[test]
fn a_preconditioner_is_a_change_of_coordinates() {
    let words = Cell::new(u32::MAX);
    steppers!(Fused::new(&words), |name, stepper, noise| {
        let diagonal = Diagonal::new([0.5, 1.0, 2.0]).unwrap();
        changes_coordinates(name.0, stepper, diagonal, noise);
    });
    noises!(default, Fused::new(&words), |name, noise| {
        changes_coordinates(name, Sgld::new(), skewed(), noise.clone());
        changes_coordinates(name, LeimkuhlerMatthews::new(), skewed(), noise);
    });
}

/// All replicas share one preconditioner, inside or outside.
#[test]
fn replicas_may_be_preconditioned_on_either_side() {
    let ladder = Ladder::<2>::geometric(4.0).unwrap();
    let outside = Preconditioned::new(ReplicaExchange::new(Sgld::new(), ladder, 5), skewed());
    let inside = ReplicaExchange::new(Preconditioned::new(Sgld::new(), skewed()), ladder, 5);
    let mut bowl = Bowl::new(Identity);
    let (mut first, mut second) = (outside.start(), inside.start());
    let (mut theta, mut other) = (START, START);
    let words = Cell::new(u32::MAX);
    let mut noise = BoxMuller::new(Fused::new(&words));
    let mut same = noise.clone();
    for _ in 0..200 {
        outside
            .step(&mut first, &mut theta, &mut bowl, &parameters(), &mut noise)
            .unwrap();
        inside
            .step(&mut second, &mut other, &mut bowl, &parameters(), &mut same)
            .unwrap();
        assert_eq!((theta, first), (other, second));
    }
}
