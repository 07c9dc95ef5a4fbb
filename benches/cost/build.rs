//! Gives the linker the memory layout of the machine that a target is run on, and the program the
//! compiler's name.

use std::{env, fs, path::PathBuf, process::Command};

fn main() {
    let layouts = "../../examples/qemu/memory";
    println!("cargo:rerun-if-changed={layouts}");
    let compiler = Command::new(env::var("RUSTC").unwrap())
        .arg("--version")
        .output()
        .unwrap();
    let compiler = String::from_utf8(compiler.stdout).unwrap();
    // Name and version, without where it was built.
    let compiler: Vec<&str> = compiler.split_whitespace().take(2).collect();
    println!("cargo:rustc-env=COMPILER={}", compiler.join(" "));
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    // Version 6 code runs on the board with a Cortex-M3: the same instructions, and a finer clock.
    let target = match env::var("TARGET").unwrap().as_str() {
        "thumbv6m-none-eabi" => "thumbv7m-none-eabi".to_string(),
        other => other.to_string(),
    };
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let layout = format!("{layouts}/{target}.x");
    fs::copy(&layout, out.join("memory.x")).unwrap_or_else(|e| panic!("{layout}: {e}"));
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
}
