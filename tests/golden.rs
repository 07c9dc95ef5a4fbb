//! Golden vectors: the same seed gives the same bits, from release to release and on every target.
//!
//! A change here is value-breaking and goes into the changelog as such. When it is meant, the failing test
//! prints the table to put in place of the old one.

mod common;

use common::Fnv;
use langevin::{
    BoxMuller, Chain, Constant, Diagonal, Energy, Fault, FixedInverseCdf, InverseCdf, Libm,
    Micromath, Noise, Pcg32, Potential, Rademacher, SeedableRng, Sgd, Sgld, Stepper, ThreePoint,
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
    fn gradient(&mut self, theta: &[f32; 3], gradient: &mut [f32; 3]) -> Result<(), Fault> {
        let [x, y, z] = *theta;
        *gradient = [x + x * y * y, y + x * x * y, z + z * z * z];
        Ok(())
    }
}

impl Energy<3> for Tangle {
    fn energy(&mut self, theta: &[f32; 3]) -> Result<f32, Fault> {
        let [x, y, z] = *theta;
        Ok(0.5 * (x * x + y * y + z * z + x * x * y * y) + 0.25 * z * z * z * z)
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
    Sgd::with_metric(Diagonal::new([0.5, 1.0, 2.0]).unwrap()) => (0x00581dbe94e3a290, [0x36631760, 0x987f4e58, 0x00000004]),
    Sgld::new() => (0x68c1e6fccf3f230e, [0xbf18edda, 0xbffab7c1, 0xbf297d0d]),
    Sgld::with_metric(Diagonal::new([0.5, 1.0, 2.0]).unwrap()) => (0x1ee618f290febe83, [0xbe8045b2, 0xbffdee80, 0x3e72871c]),
}
