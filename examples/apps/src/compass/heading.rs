//! The heading error of a calibration, and the advice that follows from it.

use langevin::dual::Real;

use super::{Calibration, add, dot, scaled};

/// The number of orientations in which the heading error is computed: each axis up and down, with eight headings.
pub const ORIENTATIONS: usize = 48;

/// The headings of an axis that points up or down.
const HEADINGS: usize = 8;

/// The largest heading error that is called good, in radians: 5°.
pub const GOOD: f32 = 0.087_266_46;

/// The noise in µT above which a calibration is suspect: the readings are not on one ellipsoid, because iron has moved
/// or the field is not the same everywhere.
pub const SUSPECT: f32 = 1.0;

/// The orientations, with the readings that a calibration expects in them.
#[derive(Clone, Copy, Debug)]
pub struct Orientations {
    calibration: Calibration<f32>,
    inverse: [[f32; 3]; 3],
    /// Sine and cosine of the field's inclination.
    dip: (f32, f32),
}

impl Orientations {
    /// Creates the orientations at a place with this inclination of the field, in radians.
    pub fn new(calibration: &Calibration<f32>, inclination: f32) -> Self {
        Self {
            calibration: *calibration,
            inverse: calibration.inverse(),
            dip: Real::sin_cos(inclination),
        }
    }

    /// Returns the heading errors of the calibration in radians if `truth` is the true one: the heading by `truth` minus
    /// the heading by the calibration.
    pub fn errors(&self, truth: &Calibration<f32>) -> [f32; ORIENTATIONS] {
        let mut errors = [0.0; ORIENTATIONS];
        self.each_error(truth, |index, error| {
            if let Some(x) = errors.get_mut(index) {
                *x = error;
            }
        });
        errors
    }

    /// Calls `each` with the number of each orientation and the heading error in it.
    pub(super) fn each_error(&self, truth: &Calibration<f32>, mut each: impl FnMut(usize, f32)) {
        const HALF: f32 = core::f32::consts::FRAC_1_SQRT_2;
        /// Sine and cosine of the headings.
        const DIRECTIONS: [(f32, f32); HEADINGS] = [
            (0.0, 1.0),
            (HALF, HALF),
            (1.0, 0.0),
            (HALF, -HALF),
            (0.0, -1.0),
            (-HALF, -HALF),
            (-1.0, 0.0),
            (-HALF, HALF),
        ];
        const X: [f32; 3] = [1.0, 0.0, 0.0];
        const Y: [f32; 3] = [0.0, 1.0, 0.0];
        const Z: [f32; 3] = [0.0, 0.0, 1.0];
        /// The axis, which points up or down, and the two others.
        const FRAMES: [[[f32; 3]; 3]; 3] = [[X, Y, Z], [Y, Z, X], [Z, X, Y]];
        const { assert!(ORIENTATIONS == 2 * FRAMES.len() * HEADINGS) };
        let (dip_sin, dip_cos) = self.dip;
        let mut index = 0;
        for &[axis, a, b] in &FRAMES {
            for sign in [1.0, -1.0] {
                for &(sin, cos) in &DIRECTIONS {
                    // The horizontal axes of the device: magnetic north, and 90° from it.
                    let north = add(scaled(a, cos), scaled(b, sin));
                    let east = add(scaled(b, cos), scaled(a, -sin));
                    let field = add(scaled(north, dip_cos), scaled(axis, -sign * dip_sin));
                    let reading = add(
                        self.calibration.offset,
                        self.inverse.map(|row| dot(row, field)),
                    );
                    let by_truth = truth.apply(&reading);
                    each(
                        index,
                        Real::atan2(dot(by_truth, east), dot(by_truth, north)),
                    );
                    index += 1;
                }
            }
        }
    }
}

/// The answer to the question whether the device has been turned enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The heading error is at most [`GOOD`] in every orientation.
    Good,
    /// The device should be held so that this axis points up, and turned.
    Turn(&'static str),
    /// The noise is surely above [`SUSPECT`].
    Suspect,
}

impl Advice {
    /// Returns the advice that follows from an upper bound of the heading error in each orientation, in radians, and from
    /// a lower bound of the noise, in µT.
    pub fn new(bounds: &[f32; ORIENTATIONS], noise: f32) -> Self {
        const UP: [&str; 6] = ["x up", "x down", "y up", "y down", "z up", "z down"];
        let worst = bounds.chunks(HEADINGS).zip(UP).map(|(bounds, up)| {
            let bound = bounds.iter().copied().fold(0.0, Real::max);
            (bound, up)
        });
        let worst = worst.reduce(|a, b| if b.0 > a.0 { b } else { a });
        match worst {
            _ if noise > SUSPECT => Self::Suspect,
            Some((bound, up)) if bound > GOOD || bound.is_nan() => Self::Turn(up),
            _ => Self::Good,
        }
    }
}
