//! Command lines: `[--name value]... [FILE]`, and `--help`.

use std::{ffi::OsString, path::PathBuf, str::FromStr};

use lexopt::{
    Arg::{Long, Short, Value},
    Parser, ValueExt,
};

use super::Outcome;

/// The arguments: at most one file, and options by name.
#[derive(Debug, Default)]
pub struct Args {
    pub file: Option<PathBuf>,
    options: Vec<(&'static str, String)>,
}

impl Args {
    /// Parses the command line. Returns `None` after `--help`, for which `usage` is printed.
    pub fn parse(
        arguments: Vec<OsString>,
        known: &[&'static str],
        usage: &str,
    ) -> Outcome<Option<Self>> {
        let mut args = Self::default();
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => {
                    println!("{usage}");
                    return Ok(None);
                }
                Long(name) => {
                    let Some(&name) = known.iter().find(|k| **k == name) else {
                        return Err(format!("no option --{name}; see --help").into());
                    };
                    args.options.push((name, parser.value()?.string()?));
                }
                Value(file) if args.file.is_none() => args.file = Some(file.into()),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Some(args))
    }

    /// Returns the text given for an option.
    pub fn text(&self, name: &str) -> Option<&str> {
        let last = self.options.iter().rev().find(|(n, _)| *n == name);
        last.map(|(_, value)| value.as_str())
    }

    /// Returns the value given for an option, or `default`.
    pub fn value<T: FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| format!("--{name}: \"{text}\" is not a number it can be").into()),
        }
    }
}
