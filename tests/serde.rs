//! A chain that was stored and restored goes on as if it had not been, bit by bit.
#![cfg(feature = "serde")]

use langevin::{
    Annealed, Badodab, Baoab, BoxMuller, Chain, Constant, Cyclical, Dense, Diagonal, Fault,
    FixedInverseCdf, Function, InverseCdf, Ladder, LatticeWalk, LeimkuhlerMatthews, Mala, MaxStep,
    Pcg32, Polynomial, Psgld, Rademacher, ReplicaExchange, Schedule, SeedableRng, Sgd, Sghmc, Sgld,
    Sgnht, Stepper, ThreePoint,
};
use serde::{Serialize, de::DeserializeOwned};

type Well = Function<fn(&[f32; 3]) -> [f32; 3], fn(&[f32; 3]) -> f32>;

/// Σ θ⁴/4 − θ²/2, and no gradient beyond 1.5: faults to count, and returns.
fn well() -> Well {
    Function {
        gradient: |x| {
            x.map(|x| {
                if x.abs() > 1.5 {
                    f32::NAN
                } else {
                    x * (x * x - 1.0)
                }
            })
        },
        energy: |x| x.iter().map(|x| x * x * (0.25 * x * x - 0.5)).sum(),
    }
}

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(3)
}

fn resumes<S, H, Z>(stepper: S, schedule: H, noise: Z)
where
    S: Stepper<3, Well, Z> + Serialize + DeserializeOwned,
    H: Schedule + Serialize + DeserializeOwned,
    Z: Serialize + DeserializeOwned,
{
    let mut chain = Chain::new([0.5, -0.5, 0.1], stepper, schedule, noise)
        .burn_in(3)
        .thin(2)
        .patience(2)
        .max_step(MaxStep::new(2.0).unwrap());
    let mut potential = well();
    // An odd number of draws, so that there is a spare normal.
    for _ in 0..201 {
        let _ = chain.step(&mut potential);
    }
    let stored = serde_json::to_string(&chain).unwrap();
    let mut restored: Chain<3, S, H, Z> = serde_json::from_str(&stored).unwrap();
    type Outcome = Result<Option<[u32; 3]>, Fault>;
    let bits = |theta: Option<&[f32; 3]>| theta.map(|theta| theta.map(f32::to_bits));
    for _ in 0..500 {
        let one: Outcome = chain.step(&mut potential).map(bits);
        let other: Outcome = restored.step(&mut potential).map(bits);
        assert_eq!(one, other);
    }
    assert_eq!(chain.faults(), restored.faults());
    assert_eq!(
        serde_json::to_string(&chain).unwrap(),
        serde_json::to_string(&restored).unwrap()
    );
}

fn constant() -> Constant {
    Constant::new(0.05).unwrap()
}

#[test]
fn with_every_stepper() {
    let noise = || BoxMuller::new(rng());
    resumes(Sgd::new(), constant(), noise());
    resumes(Sgld::new(), constant(), noise());
    resumes(Sghmc::new(0.2).unwrap(), constant(), noise());
    resumes(Baoab::new(0.2).unwrap(), constant(), noise());
    resumes(LeimkuhlerMatthews::new(), constant(), noise());
    resumes(Psgld::new(0.99, 0.1).unwrap(), constant(), noise());
    resumes(Sgnht::new(0.2).unwrap(), constant(), noise());
    resumes(Badodab::new(0.2).unwrap(), constant(), noise());
    resumes(Mala::new(), constant(), noise());
    resumes(LatticeWalk::new(), constant(), rng());
    let ladder = Ladder::new([2.0, 4.0]).unwrap();
    resumes(
        ReplicaExchange::new(Sgld::new(), ladder, 5),
        constant(),
        noise(),
    );
    let diagonal = Diagonal::new([0.5, 1.0, 2.0]).unwrap();
    resumes(Sgld::with_metric(diagonal), constant(), noise());
    let dense = Dense::new([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, -0.5, 1.0]]).unwrap();
    resumes(Sgld::with_metric(dense), constant(), noise());
}

#[test]
fn with_every_noise() {
    resumes(Sgld::new(), constant(), InverseCdf::new(rng()));
    resumes(Sgld::new(), constant(), FixedInverseCdf::new(rng()));
    resumes(Sgld::new(), constant(), ThreePoint::new(rng()));
    resumes(Sgld::new(), constant(), Rademacher::new(rng()));
}

#[test]
fn with_every_schedule() {
    let noise = || BoxMuller::new(rng());
    let decay = Polynomial::new(0.5, 10.0, 0.55).unwrap();
    resumes(Sgld::new(), decay, noise());
    resumes(
        Sgld::new(),
        Annealed::new(decay, 2.0, 0.5, 400).unwrap(),
        noise(),
    );
    resumes(
        Sgld::new(),
        Cyclical::new(0.1, 30).unwrap().exploring(5).burn_in(9),
        noise(),
    );
}
