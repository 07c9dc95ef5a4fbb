//! What the host's examples share: tables in, progress, pictures out.
#![allow(dead_code, reason = "no example uses all of it")]

pub mod args;
pub mod plot;
pub mod progress;
pub mod table;

use std::{error::Error, ffi::OsString, process::ExitCode};

/// What goes wrong in an example is for the person in front of it.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs an example on the command line's arguments: exit code 1 and one line on stderr when it fails.
pub fn main(run: fn(Vec<OsString>) -> Outcome) -> ExitCode {
    match run(std::env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
