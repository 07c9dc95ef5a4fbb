//! A hash of the whole path of every stepper with every noise.

use core::fmt::{Result, Write};

use langevin::{Pcg32, SeedableRng};
use langevin_testing::{doubles::path, pairs};

/// Writes `stepper/noise hash` for each stepper with each noise, on the path of `steps` steps that they make.
///
/// # Errors
/// When `out` fails.
pub fn golden(steps: u32, out: &mut impl Write) -> Result {
    let rng = || Pcg32::seed_from_u64(2011);
    pairs!(rng(), |name, stepper, noise| {
        let hash = path(steps, stepper, noise);
        writeln!(out, "{}/{} {hash:016x}", name.0, name.1)?
    });
    Ok(())
}
