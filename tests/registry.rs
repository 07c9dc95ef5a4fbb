//! Nothing is left out: what the source implements is in the registry, so in all that visits it.
//!
//! The proof that nothing panics needs no such test: its calls are listed from the same enumeration of the source.

use std::{collections::BTreeSet, fs, path::Path};

use langevin_testing::surface::{self, Source, implementing};

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
