//! A simulated heated body, to test the [filter](crate::filter) on.

use langevin::{BoxMuller, Pcg32, SeedableRng, noise::Noise};
use libm::{expf, sqrtf};

use crate::filter::{BLOCK, DRAUGHT, RATE, Sample};

/// Standard deviation of the sensor's noise in K, well below the effect of draughts in a block.
pub const SENSOR_NOISE: f32 = 0.05;

/// The properties of a body that the filter estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Time constant τ in s.
    pub time_constant: f32,
    /// Thermal resistance R to the ambient in K/W.
    pub resistance: f32,
}

impl Body {
    /// A body that is likely under the filter's prior.
    pub const TYPICAL: Self = Self {
        time_constant: 8.0,
        resistance: 12.0,
    };

    /// Returns the same body, with the same heat capacity τ/R, after its fan has failed.
    #[must_use]
    pub const fn without_fan(self) -> Self {
        Self {
            time_constant: 1.6 * self.time_constant,
            resistance: 1.6 * self.resistance,
        }
    }
}

/// The body in a draughty room, and its sensor.
///
/// T' = (R·P − (T − ambient))/τ + draughts. A gust lasts as long as a block of the filter. Within a gust draughts are
/// white Gaussian noise, and their variance differs from gust to gust and is inverse gamma distributed. The sum of
/// draughts over a block is then Student-t with 4 degrees of freedom and scale [`DRAUGHT`].
#[derive(Clone, Debug)]
pub struct Plant {
    ambient: f32,
    /// Temperature above the ambient.
    above: f32,
    resistance: f32,
    /// The fraction of the distance to the equilibrium that is covered in a tick.
    share: f32,
    noise: BoxMuller<Pcg32>,
    ticks: u32,
    /// Standard deviation of the effect of the present gust in a tick.
    gust: f32,
}

impl Plant {
    /// Creates a body at the temperature of its surroundings, in °C.
    pub fn new(ambient: f32, body: Body, seed: u64) -> Self {
        let mut plant = Self {
            ambient,
            above: 0.0,
            resistance: 0.0,
            share: 0.0,
            noise: BoxMuller::new(Pcg32::seed_from_u64(seed)),
            ticks: 0,
            gust: 0.0,
        };
        plant.become_body(body);
        plant
    }

    /// Replaces the body by another at the same temperature.
    pub fn become_body(&mut self, body: Body) {
        self.resistance = body.resistance;
        self.share = 1.0 - expf(-1.0 / (RATE * body.time_constant));
    }

    /// Simulates one tick with a heater's power in W, and reads the sensor.
    pub fn step(&mut self, power: f32) -> Sample {
        if self.ticks == 0 {
            self.ticks = BLOCK;
            // 4/χ² with 4 degrees of freedom is the gust's variance.
            let [a, b, c, d] = self.normals();
            let strength = sqrtf(4.0 / (a * a + b * b + c * c + d * d));
            self.gust = DRAUGHT / sqrtf(BLOCK as f32) * strength;
        }
        self.ticks -= 1;
        let [draught, error] = self.normals();
        self.above += self.share * (self.resistance * power - self.above) + self.gust * draught;
        Sample {
            temperature: self.temperature() + SENSOR_NOISE * error,
            power,
        }
    }

    /// Returns the body's true temperature in °C.
    pub const fn temperature(&self) -> f32 {
        self.ambient + self.above
    }

    fn normals<const N: usize>(&mut self) -> [f32; N] {
        let mut normals = [0.0; N];
        // The generator cannot fail.
        let _ = self.noise.fill(&mut normals);
        normals
    }
}
