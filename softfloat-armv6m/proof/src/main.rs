//! On an emulated Cortex-M0, computes hashes of results and counts instructions; on the host, compares.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod checks;
#[cfg(target_os = "none")]
mod core_side;
#[cfg(not(target_os = "none"))]
mod host;
#[cfg(not(target_os = "none"))]
#[allow(dead_code, reason = "the rest is for the build script")]
mod mistakes;
#[rustfmt::skip]
mod operands;

/// Any of the functions: bits in, bits out. Those of one operand ignore the second.
type Function = extern "C" fn(u32, u32) -> u32;

#[cfg(not(target_os = "none"))]
fn main() -> std::process::ExitCode {
    host::main()
}
