//! The calibration that the boards run.

use langevin_apps::{calibrate::Calibration, readings};

/// How many readings its window holds.
pub const READINGS: usize = readings::CHWIRUT2.len();
/// NIST's "Chwirut2".
pub type Chwirut2 = Calibration<3, READINGS>;
