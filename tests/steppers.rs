//! What every stepper promises, whatever its rule: an error leaves no trace, a preconditioner is a change of
//! coordinates, and T = 0 descends.

use std::fmt::Debug;

use langevin::{
    BoxMuller, Chain, Pcg32, Potential, SeedableRng, StepError,
    noise::rand_core::TryRng,
    potential::{Energy, GradientVariance},
    preconditioner::{Dense, Preconditioner},
    schedule::Cyclical,
    stepper::{
        Badodab, Baoab, Dynamics, Ladder, LatticeWalk, LeimkuhlerMatthews, Mala, MaxStep,
        ModifiedSgld, Preconditioned, Psgld, ReplicaExchange, Sgd, Sghmc, Sgld, Sgnht,
        StepParameters, Stepper,
    },
};

/// A generator that fails once its fuse has burnt down.
#[derive(Clone, Debug, PartialEq)]
struct Fused {
    rng: Pcg32,
    left: u32,
}

#[derive(Debug)]
struct Burnt;

impl std::fmt::Display for Burnt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("burnt")
    }
}

impl std::error::Error for Burnt {}

impl TryRng for Fused {
    type Error = Burnt;

    fn try_next_u32(&mut self) -> Result<u32, Burnt> {
        self.left = self.left.checked_sub(1).ok_or(Burnt)?;
        Ok(self.rng.try_next_u32().unwrap())
    }

    fn try_next_u64(&mut self) -> Result<u64, Burnt> {
        let low = u64::from(self.try_next_u32()?);
        Ok(low | u64::from(self.try_next_u32()?) << 32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Burnt> {
        for byte in bytes {
            *byte = self.try_next_u32()? as u8;
        }
        Ok(())
    }
}

fn fused(left: u32) -> Fused {
    Fused {
        rng: Pcg32::seed_from_u64(77),
        left,
    }
}

/// The same generator for the steppers' normals and for the lattice walk.
trait Source {
    fn new(rng: Fused) -> Self;
}

impl Source for Fused {
    fn new(rng: Fused) -> Self {
        rng
    }
}

impl Source for BoxMuller<Fused> {
    fn new(rng: Fused) -> Self {
        BoxMuller::new(rng)
    }
}

/// U(φ) = (4φ₀² + φ₁² + φ₀φ₁ + 2φ₂²)/2 + φ₂⁴/4, in coordinates φ = `map` θ; its gradient broken on request.
struct Bowl {
    map: Dense<3>,
    broken: bool,
}

impl Bowl {
    fn new(map: Dense<3>) -> Self {
        Self { map, broken: false }
    }
}

impl Potential<3> for Bowl {
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

impl Energy<3> for Bowl {
    fn energy(&mut self, theta: &[f32; 3]) -> Result<f32, StepError> {
        let mut phi = *theta;
        self.map.apply(&mut phi);
        let [x, y, z] = phi;
        Ok(0.5 * (4.0 * x * x + y * y + x * y + 2.0 * z * z) + 0.25 * z * z * z * z)
    }
}

impl GradientVariance<3> for Bowl {
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

fn unit() -> Dense<3> {
    Dense::from_covariance(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).unwrap()
}

fn skewed() -> Dense<3> {
    Dense::from_covariance(&[[0.5, 0.2, 0.1], [0.2, 1.5, -0.3], [0.1, -0.3, 0.8]]).unwrap()
}

const START: [f32; 3] = [0.5, -1.0, 0.25];

fn parameters() -> StepParameters {
    StepParameters::new(0.05, 1.0).unwrap()
}

/// An error of the gradient, of the generator at any word, or of the step's length changes nothing.
fn leaves_no_trace<S, Z>(name: &str, stepper: S)
where
    S: Stepper<3, Bowl, Z>,
    S::State: PartialEq + Debug,
    Z: Source + Clone,
{
    let mut bowl = Bowl::new(unit());
    let mut noise = Z::new(fused(u32::MAX));
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
        let mut noise = Z::new(fused(left));
        match stepper.step(&mut hit, &mut theta, &mut bowl, &parameters(), &mut noise) {
            Ok(()) => break,
            Err(error) => assert_eq!(error, StepError::Random, "{name}"),
        }
        assert_eq!((hit, theta), (before, from), "{name}: word {left}");
        assert!(left < 100, "{name}");
    }

    let short = parameters().with_max_step(MaxStep::new(1e-4).unwrap());
    let (before, from) = (hit, theta);
    let error = stepper.step(&mut hit, &mut theta, &mut bowl, &short, &mut noise);
    assert_eq!(error, Err(StepError::StepTooLong), "{name}");
    assert_eq!((hit, theta), (before, from), "{name}");
}

/// With preconditioner L on U(θ) it makes the steps that it makes without one on U(Lφ), θ = Lφ.
fn changes_coordinates<S, Z>(name: &str, stepper: S)
where
    S: Stepper<3, Bowl, Z> + Copy,
    Preconditioned<S, Dense<3>>: Stepper<3, Bowl, Z>,
    Z: Source + Clone,
{
    let preconditioned = Preconditioned::new(stepper, skewed());
    let (mut first, mut second) = (preconditioned.start(), stepper.start());
    let (mut curved, mut straight) = (Bowl::new(unit()), Bowl::new(skewed()));
    let (mut noise, mut same) = (Z::new(fused(u32::MAX)), Z::new(fused(u32::MAX)));
    let mut phi = START;
    let mut theta = START;
    skewed().apply(&mut theta);
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
        skewed().apply(&mut image);
        for (a, b) in theta.iter().zip(&image) {
            assert!(
                (a - b).abs() < 1e-4,
                "{name}, step {step}: {theta:?} {image:?}"
            );
        }
    }
}

/// In the exploration of a cyclical schedule, T = 0, it comes to rest at the mode; then it moves again.
fn explores_and_samples<S, Z>(name: &str, stepper: S)
where
    S: Stepper<3, Bowl, Z>,
    Z: Source,
{
    let schedule = Cyclical::new(0.1, 6000).unwrap().exploring(3000);
    let mut chain = Chain::new(START, stepper, schedule, Z::new(fused(u32::MAX)));
    let mut bowl = Bowl::new(unit());
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

macro_rules! every_stepper {
    ($check:ident) => {
        $check::<_, BoxMuller<Fused>>("SGLD", Sgld::new());
        $check::<_, BoxMuller<Fused>>("SGHMC", Sghmc::new(0.2).unwrap());
        $check::<_, BoxMuller<Fused>>(
            "SGHMC, refreshed",
            Sghmc::with_mass(1.0, 1.0).unwrap().refresh_every(2),
        );
        $check::<_, BoxMuller<Fused>>("BAOAB", Baoab::new(0.2).unwrap());
        $check::<_, BoxMuller<Fused>>("Leimkuhler-Matthews", LeimkuhlerMatthews::new());
        $check::<_, BoxMuller<Fused>>("pSGLD", Psgld::new(0.9, 0.5).unwrap());
        $check::<_, BoxMuller<Fused>>("SGNHT", Sgnht::new(0.2).unwrap());
        $check::<_, BoxMuller<Fused>>("BADODAB", Badodab::new(0.2).unwrap());
        $check::<_, BoxMuller<Fused>>("noise-corrected SGLD", ModifiedSgld::new());
        $check::<_, BoxMuller<Fused>>("MALA", Mala::new());
        $check::<_, Fused>("lattice walk", LatticeWalk::new());
    };
}

#[test]
fn an_error_leaves_no_trace() {
    every_stepper!(leaves_no_trace);
}

#[test]
fn the_cyclical_schedule_works_with_every_stepper() {
    every_stepper!(explores_and_samples);
    explores_and_samples::<_, BoxMuller<Fused>>(
        "replica exchange",
        ReplicaExchange::new(Sgld::new(), Ladder::<2>::geometric(4.0).unwrap(), 5),
    );
}

#[test]
fn a_preconditioner_is_a_change_of_coordinates() {
    type Normals = BoxMuller<Fused>;
    changes_coordinates::<_, Normals>("SGD", Sgd::new());
    changes_coordinates::<_, Normals>("SGLD", Sgld::new());
    changes_coordinates::<_, Normals>("SGHMC", Sghmc::new(0.2).unwrap());
    changes_coordinates::<_, Normals>("BAOAB", Baoab::new(0.2).unwrap());
    changes_coordinates::<_, Normals>("Leimkuhler-Matthews", LeimkuhlerMatthews::new());
    changes_coordinates::<_, Normals>("pSGLD", Psgld::new(0.9, 0.5).unwrap());
    changes_coordinates::<_, Normals>("SGNHT", Sgnht::new(0.2).unwrap());
    changes_coordinates::<_, Normals>("BADODAB", Badodab::new(0.2).unwrap());
    changes_coordinates::<_, Normals>("MALA", Mala::new());
    changes_coordinates::<_, Fused>("lattice walk", LatticeWalk::new());
    let ladder = Ladder::<2>::geometric(4.0).unwrap();
    changes_coordinates::<_, Normals>(
        "replica exchange",
        ReplicaExchange::new(Sgld::new(), ladder, 5),
    );
    // Nested, inside is first.
    changes_coordinates::<_, Normals>("nested", Preconditioned::new(Sgld::new(), skewed()));
}

/// All replicas share one preconditioner, inside or outside.
#[test]
fn replicas_may_be_preconditioned_on_either_side() {
    let ladder = Ladder::<2>::geometric(4.0).unwrap();
    let outside = Preconditioned::new(ReplicaExchange::new(Sgld::new(), ladder, 5), skewed());
    let inside = ReplicaExchange::new(Preconditioned::new(Sgld::new(), skewed()), ladder, 5);
    let mut bowl = Bowl::new(unit());
    let (mut first, mut second) = (outside.start(), inside.start());
    let (mut theta, mut other) = (START, START);
    let mut noise = BoxMuller::new(fused(u32::MAX));
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
