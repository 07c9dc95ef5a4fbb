//! Golden vectors: the same seed gives the same bits, from release to release and on every target.
//!
//! A change here is value-breaking and goes into the changelog as such. When it is meant,
//! `GOLDEN=write cargo test --test golden` writes the new ones.

use std::{env, fmt::Write, fs};

use langevin::{Pcg32, SeedableRng, noise::Noise, schedule::Schedule};
use langevin_testing::{Hash, doubles::path, noises, pairs, schedules};

const STEPS: u32 = 1000;

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(2011)
}

/// Draws, three at a time.
fn draws(mut noise: impl Noise) -> u64 {
    let mut hash = Hash::new();
    for _ in 0..STEPS {
        let mut z = [0.0_f32; 3];
        noise.fill(&mut z).expect("the generator does not fail");
        z.iter().for_each(|z| hash.write(z.to_bits()));
    }
    hash.value()
}

/// Step sizes and temperatures, over 1 to 4 data.
fn parameters(schedule: impl Schedule) -> u64 {
    let mut state = schedule.start();
    let mut hash = Hash::new();
    for step in 0..STEPS {
        let data = (1 + step % 4) as f32;
        let given = schedule
            .step_parameters(&mut state, data)
            .expect("in range");
        for x in [given.eta(), given.temperature(), given.noise_scale()] {
            hash.write(x.to_bits());
        }
        hash.write(u32::from(schedule.keeps(&state)));
    }
    hash.value()
}

fn bits() -> String {
    let mut out = String::new();
    let mut line = |name: &str, bits: u64| writeln!(out, "{name} {bits:016x}").unwrap();
    noises!(rng(), |name, noise| line(name, draws(noise)));
    schedules!(|name, schedule| line(name, parameters(schedule)));
    pairs!(rng(), |name, stepper, noise| {
        line(
            &format!("{}/{}", name.0, name.1),
            path(STEPS, stepper, noise),
        )
    });
    out
}

#[test]
fn the_bits_are_those_that_they_were() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.txt");
    let now = bits();
    if env::var_os("GOLDEN").is_some() {
        fs::write(file, &now).unwrap();
    }
    let before = fs::read_to_string(file).unwrap();
    let changed: Vec<_> = now
        .lines()
        .filter(|now| !before.lines().any(|line| line == *now))
        .collect();
    assert!(
        changed.is_empty(),
        "the bits changed; they are now\n{}",
        changed.join("\n")
    );
    assert_eq!(
        now.lines().count(),
        before.lines().count(),
        "lines are gone"
    );
}
