//! A simulated device that is turned in the field, to test the [compass](crate::compass) on.

use langevin::{BoxMuller, Pcg32, SeedableRng, dual::Real, noise::Noise};
use libm::{expf, sqrtf};

use super::{Calibration, UNKNOWNS, add, dot, scaled};

/// A resting device in a random orientation at each reading.
#[derive(Clone, Debug)]
pub struct Turned {
    calibration: Calibration<f32>,
    /// Standard deviation of the magnetometer's noise in µT.
    sd: f32,
    /// Sine and cosine of the field's inclination.
    dip: (f32, f32),
    noise: BoxMuller<Pcg32>,
}

impl Turned {
    /// Creates a device with these unknowns, at a place where the field has this inclination in radians.
    pub fn new(unknowns: &[f32; UNKNOWNS], inclination: f32, seed: u64) -> Self {
        let [.., log_noise] = *unknowns;
        Self {
            calibration: Calibration::of(unknowns),
            sd: expf(log_noise),
            dip: Real::sin_cos(inclination),
            noise: BoxMuller::new(Pcg32::seed_from_u64(seed)),
        }
    }

    /// Creates a device among iron: an offset of 88 µT, axes that differ by 3 %, a noise of 0.3 µT, an inclination of 65°.
    pub fn typical(seed: u64) -> Self {
        let unknowns = [30.0, -20.0, 80.0, 0.1, 0.02, -0.01, 0.01, 0.0, -0.02, -1.2];
        Self::new(&unknowns, 1.134_464, seed)
    }

    /// Returns the calibration that is to be found.
    pub const fn calibration(&self) -> &Calibration<f32> {
        &self.calibration
    }

    /// Turns the device, and returns the field in µT and the acceleration in g along its axes.
    pub fn reading(&mut self) -> ([f32; 3], [f32; 3]) {
        let up = normalised(self.normals());
        self.reading_with(up)
    }

    /// Turns the device to another heading with the axis `up`, of length 1, pointing upwards.
    pub fn reading_with(&mut self, up: [f32; 3]) -> ([f32; 3], [f32; 3]) {
        let across = self.normals();
        let north = normalised(add(across, scaled(up, -dot(across, up))));
        let (sin, cos) = self.dip;
        let field = add(scaled(north, cos), scaled(up, -sin));
        let error = scaled(self.normals(), self.sd);
        (add(self.calibration.reading(field), error), up)
    }

    fn normals(&mut self) -> [f32; 3] {
        let mut normals = [0.0; 3];
        // The generator cannot fail.
        let _ = self.noise.fill(&mut normals);
        normals
    }
}

fn normalised(v: [f32; 3]) -> [f32; 3] {
    scaled(v, 1.0 / sqrtf(dot(v, v)))
}
