//! Shared by the host's examples: arguments, tables, progress bars and pictures.
#![allow(dead_code, reason = "no example uses all of it")]

pub mod args;
pub mod plot;
pub mod progress;
pub mod table;

use std::{error::Error, ffi::OsString, process::ExitCode};

/// The result of an example, whose error is a message for its user.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs an example on the command line's arguments. An error is one line on stderr and exit code 1.
pub fn main(run: fn(Vec<OsString>) -> Outcome) -> ExitCode {
    match run(std::env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
