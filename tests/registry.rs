//! Nothing is left out: what the source implements is in the registry, so in all that visits it.
//!
//! The proof that nothing panics needs no such test: its calls are listed from the same enumeration of the source.

use std::{collections::BTreeSet, fs, path::Path};

use langevin::{
    Model, Sample, Window,
    model::{Likelihood, LinearRegression, Prior},
    potential::check_gradient,
};
use langevin_testing::{
    likelihoods, priors,
    surface::{self, Source, implementing},
};

fn path(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn source() -> Source {
    surface::read(&path("src"))
}

fn names(files: &[&str]) -> BTreeSet<String> {
    let text = |file: &&str| fs::read_to_string(path(file)).expect(file);
    files
        .iter()
        .flat_map(|file| surface::names(&text(file)))
        .collect()
}

/// Types that implement one of `traits` and are not named in `files`.
fn missing(source: &Source, traits: &[&str], files: &[&str]) -> Vec<String> {
    let named = names(files);
    let all = implementing(source, traits).into_iter();
    all.filter(|name| !named.contains(name)).collect()
}

const REGISTRY: [&str; 1] = ["testing/src/registry.rs"];
const LISTED: [&str; 6] = [
    "Stepper",
    "Noise",
    "Schedule",
    "Prior",
    "Likelihood",
    "GeneralizedLinear",
];

#[test]
fn the_registry_has_all() {
    // A caller's own.
    assert_eq!(
        missing(&source(), &LISTED, &REGISTRY),
        ["Differentiated", "FunctionPotential"]
    );
}

#[test]
fn every_stepper_is_held_to_its_law() {
    let laws = ["tests/family_law.rs", "tests/sgld_law.rs"];
    // Descent has no law.
    assert_eq!(missing(&source(), &["Stepper"], &laws), ["Sgd"]);
}

#[test]
fn what_is_left_out_is_found() {
    let mut source = source();
    let lib = source.get_mut("lib.rs").expect("the root");
    for of in LISTED {
        *lib += &format!("pub struct Planted{of};\nimpl {of} for Planted{of} {{}}\n");
    }
    let missing = missing(&source, &LISTED, &REGISTRY);
    for of in LISTED {
        assert!(missing.contains(&format!("Planted{of}")), "{missing:?}");
    }
}

/// Some observations that every likelihood accepts.
fn window() -> Window<Sample<2>, 4> {
    let mut window = Window::new();
    for x in [-1.0, 0.25, 0.5, 2.0] {
        let y = if x > 0.4 { 1.0 } else { 0.0 };
        window.push(Sample { x: [1.0, x], y }).expect("finite");
    }
    window
}

#[test]
fn every_gradient_is_that_of_its_energy() {
    fn check<const N: usize, Q: Prior<N>, L: Likelihood<Sample<2>, N>>(
        name: &str,
        model: &Model<Q, L>,
    ) {
        let theta = [0.3, -0.7, 0.2]
            .first_chunk()
            .copied()
            .expect("at most three");
        let checked = check_gradient(&mut model.posterior(&window()), &theta);
        checked.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let linear = LinearRegression::new(0.5).expect("in range");
    priors!(|name, prior| check(name, &Model::new(prior, linear)));
    likelihoods!(|name, model| check(name, &model));
}
