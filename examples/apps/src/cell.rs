//! A simulated battery cell, for trials.

use langevin::{BoxMuller, Pcg32, SeedableRng, noise::Noise};
use libm::{expf, roundf};

use crate::battery::Reading;

/// A cell with one slow and one fast time constant, whose voltage is read to a millivolt.
#[derive(Clone, Debug)]
pub struct Cell {
    /// R₀ in mΩ.
    pub r0: f32,
    /// Resistances in mΩ, time constants in s, and currents in A.
    slow: [f32; 3],
    fast: [f32; 3],
    /// The open-circuit voltage in V.
    open: f32,
    noise: BoxMuller<Pcg32>,
}

/// Readings of a pulse test: a rest of an hour, 30 s of discharge, 40 s of rest and 10 s of charge.
pub const TEST: u32 = 81;

/// Returns the time in s of a reading of a series of pulse tests, and the current in A.
pub const fn pulse_test(reading: u32) -> [f32; 2] {
    match reading % TEST {
        0 => [3600.0, 0.0],
        1..=30 => [1.0, -30.0],
        31..=70 => [1.0, 0.0],
        _ => [1.0, 22.5],
    }
}

impl Cell {
    /// Creates a cell at rest, at 3.9 V.
    pub fn new(seed: u64) -> Self {
        Self {
            r0: 1.6,
            slow: [0.6, 17.0, 0.0],
            fast: [0.3, 2.0, 0.0],
            open: 3.9,
            noise: BoxMuller::new(Pcg32::seed_from_u64(seed)),
        }
    }

    /// Lets a current in A flow for some seconds, and reads the voltage at their end.
    pub fn step(&mut self, [seconds, current]: [f32; 2]) -> Reading {
        let mut xi = [0.0];
        // The generator has no failure.
        let _ = self.noise.fill(&mut xi);
        let [xi] = xi;
        // 50 mV/Ah.
        self.open += 0.05 * current * seconds * (1.0 / 3600.0);
        let mut fall = self.r0 * current + 0.2 * xi;
        for [r, tau, x] in [&mut self.slow, &mut self.fast] {
            *x += (current - *x) * (1.0 - expf(-seconds / *tau));
            fall += *r * *x;
        }
        Reading {
            seconds,
            current,
            voltage: 0.001 * roundf(1000.0 * self.open + fall),
        }
    }
}
