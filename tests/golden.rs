//! Golden vectors: the same seed gives the same bits, from release to release and on every target.
//!
//! A change here is value-breaking and goes into the changelog as such. When it is meant, the failing test
//! prints the table to put in place of the old one.

use langevin_testing::Hash as Fnv;
use std::convert::identity;

use langevin::{
    BoxMuller, Chain, Pcg32, Potential, SeedableRng, StepError,
    noise::{FixedInverseCdf, InverseCdf, Libm, Micromath, Noise, Rademacher, ThreePoint},
    potential::{Energy, GradientVariance},
    preconditioner::{Dense, Diagonal},
    schedule::{Annealed, Constant, Cyclical, Polynomial, Schedule},
    stepper::{
        Badodab, Baoab, Ladder, LatticeWalk, LeimkuhlerMatthews, Mala, ModifiedSgld,
        Preconditioned, Psgld, ReplicaExchange, Sgd, Sghmc, Sgld, Sgnht, Stepper,
    },
};

/// A hash of all words, and the last three.
type Golden = (u64, [u32; 3]);

const STEPS: usize = 1000;

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(2011)
}

/// U = |θ|²/2 + θ₀²θ₁²/2 + θ₂⁴/4: no product, and not quadratic.
struct Tangle;

impl Potential<3> for Tangle {
    fn gradient(&mut self, theta: &[f32; 3], gradient: &mut [f32; 3]) -> Result<(), StepError> {
        let [x, y, z] = *theta;
        *gradient = [x + x * y * y, y + x * x * y, z + z * z * z];
        Ok(())
    }
}

impl Energy<3> for Tangle {
    fn energy(&mut self, theta: &[f32; 3]) -> Result<f32, StepError> {
        let [x, y, z] = *theta;
        Ok(0.5 * (x * x + y * y + z * z + x * x * y * y) + 0.25 * z * z * z * z)
    }
}

impl GradientVariance<3> for Tangle {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; 3],
        gradient: &mut [f32; 3],
        variance: &mut [f32; 3],
    ) -> Result<(), StepError> {
        *variance = [0.5, 3.0, 10.0];
        self.gradient(theta, gradient)
    }
}

/// The path of a chain.
fn path<S: Stepper<3, Tangle, Z>, Z>(stepper: S, noise: Z) -> Golden {
    let schedule = Constant::new(0.05).expect("in range");
    let mut chain = Chain::new([1.0, -0.5, 0.25], stepper, schedule, noise);
    let mut hash = Fnv::new();
    for _ in 0..STEPS {
        chain.step(&mut Tangle).expect("the chain is well");
        chain
            .position()
            .iter()
            .for_each(|t| hash.write(t.to_bits()));
    }
    (hash.value(), chain.position().map(f32::to_bits))
}

/// Draws, three at a time.
fn draws(mut noise: impl Noise) -> Golden {
    let mut hash = Fnv::new();
    let mut z = [0.0_f32; 3];
    for _ in 0..STEPS {
        noise.fill(&mut z).expect("the generator does not fail");
        z.iter().for_each(|z| hash.write(z.to_bits()));
    }
    (hash.value(), z.map(f32::to_bits))
}

/// Step sizes and temperatures, over 1 to 4 data.
fn parameters(schedule: impl Schedule) -> Golden {
    let mut state = schedule.start();
    let mut hash = Fnv::new();
    let mut last = [0; 3];
    for step in 0..STEPS {
        let data = (1 + step % 4) as f32;
        let parameters = schedule
            .step_parameters(&mut state, data)
            .expect("in range");
        last = [
            parameters.eta(),
            parameters.temperature(),
            parameters.noise_scale(),
        ]
        .map(f32::to_bits);
        last.iter().for_each(|word| hash.write(*word));
        hash.write(u32::from(schedule.keeps(&state)));
    }
    (hash.value(), last)
}

fn compare(table: &[(&str, Golden, Golden)]) {
    let mut paste = String::new();
    for (expression, (hash, [a, b, c]), _) in table {
        paste +=
            &format!("    {expression} => ({hash:#018x}, [{a:#010x}, {b:#010x}, {c:#010x}]),\n");
    }
    let same = table.iter().all(|(_, found, golden)| found == golden);
    assert!(same, "the bits changed; they are now\n{paste}");
}

/// One line for each: `expression => golden vector`.
macro_rules! golden {
    ($test:ident: $with:expr; $($expression:expr => $golden:expr),* $(,)?) => {
        #[test]
        fn $test() {
            compare(&[$((stringify!($expression), $with($expression), $golden)),*]);
        }
    };
}

fn diagonal() -> Diagonal<3> {
    Diagonal::new([0.5, 1.0, 2.0]).expect("positive")
}

fn dense() -> Dense<3> {
    Dense::from_covariance(&[[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 0.5]])
        .expect("definite")
}

/// With the default noise.
fn chained<S: Stepper<3, Tangle, BoxMuller<Pcg32>>>(stepper: S) -> Golden {
    path(stepper, BoxMuller::new(rng()))
}

golden! { every_noise: draws;
    BoxMuller::new(rng()) => (0xdaafd2fbb1e559b6, [0xbefc9ad5, 0xbf929f9b, 0x3f86ef0e]),
    BoxMuller::with_backend(rng(), Libm) => (0xcfa9ab38178a73a3, [0xbdbdd481, 0xbf86ef0d, 0xbf929f9b]),
    BoxMuller::with_backend(rng(), Micromath) => (0xb3f4c4ffee2737bc, [0xbdbcae25, 0xbf870f5c, 0xbf92c4a5]),
    InverseCdf::new(rng()) => (0x6ee5b69228f93b37, [0xbff194d8, 0x3f07f414, 0xbeac1568]),
    FixedInverseCdf::new(rng()) => (0xcfa24a142e78fd93, [0xbd97df20, 0x3f07f41b, 0xbf8f364b]),
    ThreePoint::new(rng()) => (0xffb42dc3df43517f, [0xbfddb3d7, 0x00000000, 0x00000000]),
    Rademacher::new(rng()) => (0x21afca0795464b85, [0xbf800000, 0xbf800000, 0x3f800000]),
}

golden! { every_stepper: chained;
    Sgd::new() => (0x98dee2dd5730a282, [0x1a6a9842, 0x999b99be, 0x1977a845]),
    Sgld::new() => (0x68c1e6fccf3f230e, [0xbf18edda, 0xbffab7c1, 0xbf297d0d]),
    Sghmc::new(0.2).unwrap() => (0xcfc025dbc543b10f, [0xbf0e29c6, 0xbfaea3d1, 0x3cbbf700]),
    Baoab::new(0.2).unwrap() => (0x76778932120435a7, [0xbf3a1326, 0xbf920b88, 0x3e0f2f06]),
    LeimkuhlerMatthews::new() => (0x7f6dc6bf4d327975, [0xbf131e89, 0xbfecf129, 0xbf665048]),
    Psgld::new(0.99, 0.1).unwrap() => (0x529bb7028dffbbbd, [0xbf1089d4, 0xbff38b13, 0xbf81e6d7]),
    Sgnht::new(0.2).unwrap() => (0x72b787ccfd5c7af8, [0xbf052746, 0xbf8becd1, 0x3e3050c0]),
    Badodab::new(0.2).unwrap() => (0xaf84d8ae84138800, [0xbf5a1ade, 0xbf6d8b13, 0x3efe3496]),
    ModifiedSgld::new() => (0x01e8071daf6fad3c, [0xbf18e09b, 0xbff132f7, 0xbf2a163a]),
    Mala::new() => (0xe9d88bd19e758e0e, [0xbf696642, 0xbeab7fbe, 0xbe596fa4]),
    ReplicaExchange::new(Sgld::new(), Ladder::new([2.0, 4.0]).unwrap(), 5) => (0x952f641b70d5a70b, [0xbdc7683c, 0xbf34b944, 0xbf9c5993]),
}

golden! { without_normals: identity;
    path(LatticeWalk::new(), rng()) => (0xd1fdcf70280660f3, [0x3ebc2ecd, 0x4001e89c, 0x3f61e89c]),
    path(Sgld::new(), ThreePoint::new(rng())) => (0x7b92c3a5a04a163a, [0xbe7a3c6c, 0xbee0d234, 0xbda05e12]),
    path(Sgld::new(), Rademacher::new(rng())) => (0xe4e74ff3098daa96, [0xbf4adf52, 0xbfe6ac44, 0x3f45ec78]),
}

golden! { preconditioned: chained;
    Preconditioned::new(Sgd::new(), diagonal()) => (0x00581dbe94e3a290, [0x36631760, 0x987f4e58, 0x00000004]),
    Preconditioned::new(Sgld::new(), diagonal()) => (0x1ee618f290febe83, [0xbe8045b2, 0xbffdee80, 0x3e72871c]),
    Preconditioned::new(Sgld::new(), dense()) => (0x7ded1ebeb4b8bf14, [0xbebe2110, 0xc01a2b95, 0xbf40c015]),
}

golden! { every_schedule: parameters;
    Constant::new(0.1).unwrap().with_temperature(2.0).unwrap() => (0x50cffe8e028cdfed, [0x3ccccccd, 0x40000000, 0x3ea1e89b]),
    Polynomial::new(0.2, 231.07, 0.55).unwrap() => (0x2536bf77865c7866, [0x3a82ec6f, 0x3f800000, 0x3d37132f]),
    Polynomial::between(0.01, 0.0001, 0.55, 1000).unwrap() => (0x7c5177ddc09583db, [0x37d1d48a, 0x3f800000, 0x3be7c4ae]),
    Polynomial::new(1.0, 0.5, 1.0).unwrap() => (0x69d51687d4112e88, [0x3983233a, 0x3f800000, 0x3cb7397a]),
    Cyclical::new(0.08, 70).unwrap().exploring(20).burn_in(30) => (0x51867699ef8ab660, [0x3c87d17f, 0x00000000, 0x00000000]),
    Annealed::new(Constant::new(0.1).unwrap(), 4.0, 0.5, 700).unwrap() => (0xdae48d94412cd8ea, [0x3ccccccd, 0x3f000000, 0x3e21e89b]),
}
