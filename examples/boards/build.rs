//! Gives the linker the memory layout in the folder of the board, and the scripts of the start-up code and of defmt.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
    // The script of cortex-m-rt includes the memory layout, that of riscv-rt does not.
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "riscv32") {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    // Of the tests that run on a board.
    println!("cargo:rustc-check-cfg=cfg(rust_analyzer)");
    if env::var("CARGO_PKG_NAME").is_ok_and(|name| name == "langevin-microbit-v2") {
        for script in ["link.x", "defmt.x", "embedded-test.x"] {
            println!("cargo:rustc-link-arg-tests=-T{script}");
        }
    }
}
