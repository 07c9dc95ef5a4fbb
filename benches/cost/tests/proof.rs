//! What is, and what is not, in the images.

use std::process::Command;

use langevin_cost::images::{CORES, Core, Image, build, package};

/// The cores whose images differ.
fn cores() -> Vec<Core> {
    let mut cores = CORES.to_vec();
    cores.dedup_by_key(|core| (core.target, core.features));
    cores
}

/// Whether one of `parts` is in the name.
fn has(name: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| name.contains(part))
}

fn panics(name: &str) -> bool {
    const PARTS: [&str; 6] = [
        "panic",
        "unwind",
        "bounds_check",
        "slice_index",
        "unwrap_failed",
        "expect_failed",
    ];
    has(name, &PARTS)
}

fn allocates(name: &str) -> bool {
    const PARTS: [&str; 6] = [
        "__rust_alloc",
        "__rust_realloc",
        "__rdl_",
        "__rg_",
        "malloc",
        "alloc_error",
    ];
    has(name, &PARTS)
}

/// Arithmetic in double precision, in software: Arm's names and those of the compiler's runtime.
fn doubles(name: &str) -> bool {
    let arm = name.strip_prefix("__aeabi_");
    arm.is_some_and(|rest| {
        rest.starts_with('d') && !rest.starts_with("div") || rest.ends_with("2d")
    }) || name.starts_with("__") && name.contains("df")
}

#[test]
fn nothing_panics_or_allocates_and_only_the_reference_backend_is_in_double_precision() {
    for core in cores() {
        let name = core.name;
        let all = Image::of(core, "release", "all");
        assert_eq!(all.symbols(panics), [""; 0], "{name}");
        assert_eq!(all.symbols(allocates), [""; 0], "{name}");
        assert!(!all.symbols(doubles).is_empty(), "{name}");
        let default = Image::of(core, "release", "default");
        assert_eq!(default.symbols(doubles), [""; 0], "{name}");
        // What can panic is found.
        let control = Image::of(core, "release", "control");
        assert!(!control.symbols(panics).is_empty(), "{name}");
    }
}

/// What the linker says of an image for the host, if it refuses it.
fn refusal(image: &str) -> Option<String> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet", "--locked", "--profile", "proof"])
        .args(["--bin", "image"])
        .current_dir(package())
        .env("IMAGE", image)
        .env("CARGO_TARGET_DIR", package().join("../../target/proof"))
        // Names that tell which function it is.
        .env("RUSTFLAGS", "-Csymbol-mangling-version=v0");
    build(&mut cargo).err()
}

#[test]
fn on_the_host_what_can_panic_is_not_linked() {
    if let Some(refusal) = refusal("all") {
        panic!("{refusal}");
    }
    let refusal = refusal("control").expect("an index out of bounds");
    assert!(refusal.contains("ERROR[no-panic]"), "{refusal}");
}
