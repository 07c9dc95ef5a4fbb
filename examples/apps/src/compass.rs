//! Calibration of a magnetometer, with the distribution of the heading error that it leaves.
//!
//! A magnetometer in a constant field reads points on an ellipsoid: iron near it shifts its zero and distorts its
//! axes. With the offset c and the symmetric matrix W of the ellipsoid a reading m becomes W(m − c), which has the
//! length 1 and the direction of the field. c and W are unknown, and so is the noise.
//!
//! The residual of a reading is its distance from the ellipsoid, to first order: (|h| − 1)/|W h/|h||, with h = W(m − c).
//! It is in µT. (A relative residual |h| − 1 is not: a huge sphere that is far off makes it small everywhere.)
//!
//! What matters is the heading, not c and W. Each draw from their posterior is a calibration that may be the true one,
//! and the angle between the headings by it and by the posterior mean is a draw of the heading error. [`Advice`] follows from
//! that distribution.

mod gravity;
mod heading;
mod learner;
mod mode;
mod turned;

use langevin::{
    ConfigError, GaussianPrior, Model, Sample,
    dual::Real,
    model::{NonlinearRegression, Response, UnknownSigma},
};

pub use heading::{Advice, GOOD, ORIENTATIONS, Orientations, SUSPECT};
pub use learner::{CAPACITY, Compass, DRAWS, FEWEST, Report};
pub use turned::Turned;

/// The number of unknowns: offset, logarithm of the field, shape, and logarithm of the noise.
pub const UNKNOWNS: usize = 10;

/// The prior's median of the field in µT, and the standard deviation of its logarithm: the Earth's field is between 22
/// and 67 µT.
pub const FIELD: f32 = 45.0;
const FIELD_SD: f32 = 0.3;
/// Prior standard deviation of the offset in µT, mostly from magnets and iron in the device.
const OFFSET_SD: f32 = 60.0;
/// Prior standard deviation of the relative sensitivity of an axis: data sheets allow some percent.
const SENSITIVITY_SD: f32 = 0.03;
/// Prior standard deviation of the relative sensitivity to the field along another axis.
const CROSS_SD: f32 = 0.02;
/// Prior median of the noise in µT, and the standard deviation of its logarithm.
const NOISE: f32 = 0.3;
const NOISE_SD: f32 = 0.5;

/// A reading of the magnetometer in µT. Its `y` is the residual, 0.
pub type Reading = Sample<3>;

/// Creates a reading from the field along the three axes, in µT.
pub const fn reading(field: [f32; 3]) -> Reading {
    Sample { x: field, y: 0.0 }
}

/// A calibration of a magnetometer.
#[derive(Clone, Copy, Debug)]
pub struct Calibration<T> {
    /// The reading without a field, in µT.
    pub offset: [T; 3],
    /// The symmetric matrix W, in 1/µT.
    pub matrix: [[T; 3]; 3],
}

impl<T: Real> Calibration<T> {
    /// Creates the calibration that the first nine unknowns stand for.
    pub fn new(&[x, y, z, log_field, a, b, xy, xz, yz]: &[T; 9]) -> Self {
        let scale = (-log_field).exp() * (1.0 / FIELD);
        let matrix = [
            [a + 1.0, xy, xz],
            [xy, b + 1.0, yz],
            [xz, yz, -(a + b) + 1.0],
        ];
        Self {
            offset: [x, y, z],
            matrix: matrix.map(|row| row.map(|element| element * scale)),
        }
    }

    /// Returns the calibrated reading, whose length is about 1.
    pub fn apply(&self, reading: &[f32; 3]) -> [T; 3] {
        let [x, y, z] = *reading;
        let [cx, cy, cz] = self.offset;
        self.multiply([-(cx - x), -(cy - y), -(cz - z)])
    }

    /// Returns Wv.
    fn multiply(&self, v: [T; 3]) -> [T; 3] {
        self.matrix.map(|row| dot(row, v))
    }
}

fn dot<T: Real>([a, b, c]: [T; 3], [x, y, z]: [T; 3]) -> T {
    a * x + b * y + c * z
}

/// The distance of a reading from the ellipsoid, in µT.
#[derive(Clone, Copy, Debug)]
pub struct Distance;

impl Response<9> for Distance {
    type Input = [f32; 3];

    fn response<T: Real>(&self, theta: &[T; 9], reading: &[f32; 3]) -> T {
        let calibration = Calibration::new(theta);
        let h = calibration.apply(reading);
        let normal = calibration.multiply(h);
        let length = dot(h, h).sqrt();
        (length - 1.0) * length / dot(normal, normal).sqrt()
    }

    /// By hand, backwards from the distance: a tenth of the work of derivatives by dual numbers.
    fn with_derivatives(&self, theta: &[f32; 9]) -> impl Fn(&[f32; 3]) -> (f32, [f32; 9]) {
        let calibration = Calibration::new(theta);
        let [_, _, _, log_field, a, b, c, d, e] = *theta;
        let scale = Real::exp(-log_field) * (1.0 / FIELD);
        move |reading| {
            let from_offset = add(*reading, scaled(calibration.offset, -1.0));
            let h = calibration.multiply(from_offset);
            let normal = calibration.multiply(h);
            let (length, steepness) = (dot(h, h).sqrt(), dot(normal, normal).sqrt());
            let per_steepness = 1.0 / steepness;
            let distance = (length - 1.0) * length * per_steepness;
            // What a change of Wh, of h and of W changes.
            let by_normal = scaled(normal, -distance * per_steepness * per_steepness);
            let by_length = (2.0 * length - 1.0) * per_steepness / length;
            let by_h = add(scaled(h, by_length), calibration.multiply(by_normal));
            let row = |i: usize| {
                let part = |v: [f32; 3]| v.get(i).copied().unwrap_or_default();
                add(scaled(h, part(by_normal)), scaled(from_offset, part(by_h)))
            };
            let [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = [row(0), row(1), row(2)];
            let [ox, oy, oz] = calibration.multiply(by_h);
            let shape = [xx - zz, yy - zz, xy + yx, xz + zx, yz + zy].map(|x| scale * x);
            // W is linear in its scale.
            let [by_a, by_b, by_c, by_d, by_e] = shape;
            let by_scale =
                scale * (xx + yy + zz) + a * by_a + b * by_b + c * by_c + d * by_d + e * by_e;
            let slopes = [-ox, -oy, -oz, -by_scale, by_a, by_b, by_c, by_d, by_e];
            (distance, slopes)
        }
    }
}

/// The model of a magnetometer.
pub type Magnetometer =
    Model<GaussianPrior<UNKNOWNS>, NonlinearRegression<Distance, UnknownSigma<9>>>;

/// Returns mean and standard deviation of the prior of each unknown.
pub fn prior() -> ([f32; UNKNOWNS], [f32; UNKNOWNS]) {
    let mut mean = [0.0; UNKNOWNS];
    let [.., noise] = &mut mean;
    *noise = Real::ln(NOISE);
    let (o, s, c) = (OFFSET_SD, SENSITIVITY_SD, CROSS_SD);
    (mean, [o, o, o, FIELD_SD, s, s, c, c, c, NOISE_SD])
}

/// Returns the model with this prior.
///
/// # Errors
/// None, because the constants are in range.
pub fn model() -> Result<Magnetometer, ConfigError> {
    let (mean, sd) = prior();
    Ok(Model::new(
        GaussianPrior::new(mean, sd)?,
        NonlinearRegression::with_unknown_sigma(Distance),
    ))
}

fn scaled(v: [f32; 3], factor: f32) -> [f32; 3] {
    v.map(|x| factor * x)
}

fn add([a, b, c]: [f32; 3], [x, y, z]: [f32; 3]) -> [f32; 3] {
    [a + x, b + y, c + z]
}

fn cross([a, b, c]: [f32; 3], [x, y, z]: [f32; 3]) -> [f32; 3] {
    [b * z - c * y, c * x - a * z, a * y - b * x]
}

impl Calibration<f32> {
    /// Creates the calibration that the unknowns stand for.
    pub fn of([calibration @ .., _]: &[f32; UNKNOWNS]) -> Self {
        Self::new(calibration)
    }

    /// Returns the reading in µT of a field, in units of the Earth's: c + W⁻¹u.
    pub fn reading(&self, field: [f32; 3]) -> [f32; 3] {
        add(self.offset, self.inverse().map(|row| dot(row, field)))
    }

    /// Returns W⁻¹, in µT.
    fn inverse(&self) -> [[f32; 3]; 3] {
        let [a, b, c] = self.matrix;
        let (bc, ca, ab) = (cross(b, c), cross(c, a), cross(a, b));
        let scale = 1.0 / dot(a, bc);
        // Its columns are bc, ca and ab; it is symmetric, as W is.
        [bc, ca, ab].map(|row| scaled(row, scale))
    }
}

/// Returns two places to start from: the centre of the readings, moved along `normal` by the field's strength to one side
/// and to the other.
///
/// After turns about one axis only, all readings are in a plane, and the offset may be on either side of it. A chain finds
/// one side only. `normal` is the direction in which the readings differ least.
pub fn starts(centre: [f32; 3], normal: [f32; 3]) -> [[f32; UNKNOWNS]; 2] {
    [-FIELD, FIELD].map(|distance| {
        let [x, y, z] = add(centre, scaled(normal, distance));
        [x, y, z, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, Real::ln(NOISE)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin::dual::Dual;

    #[test]
    fn derivatives_by_hand_are_those_of_the_formula() {
        let theta = [30.0, -20.0, 50.0, 0.2, 0.03, -0.02, 0.01, 0.02, -0.03];
        for reading in [
            [70.0, 10.0, 20.0],
            [-5.0, -60.0, 55.0],
            [30.0, -25.0, 160.0],
        ] {
            let (distance, slopes) = Distance.with_derivatives(&theta)(&reading);
            let exact = Distance.response(&Dual::variables(&theta), &reading);
            assert!((distance - exact.value).abs() < 1e-5 * (1.0 + distance.abs()));
            for (slope, exact) in slopes.iter().zip(exact.gradient) {
                assert!(
                    (slope - exact).abs() < 1e-4 * (1.0 + exact.abs()),
                    "{slopes:?}"
                );
            }
        }
    }
}
