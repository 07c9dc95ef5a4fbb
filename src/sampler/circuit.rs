//! Warm-up's check of the gradient: that of a potential does no work along a closed path.

use super::SamplerError;
use super::tuning::Site;
use crate::preconditioner::Preconditioner;

/// The side of the first path in whitened units, for each coordinate.
const SIDE: f32 = 0.7;
/// Intervals of a side, and their number in all.
const INTERVALS: u8 = 4;
const NODES: u8 = 4 * INTERVALS;
/// The work that a gradient may do in any case, the part of the absolute work that it may, and how many times what
/// Simpson's rule with twice the interval is off. That is off by noise and rounding too, by more than the work is.
const LEAST_WORK: f32 = 0.02;
const OF_ABSOLUTE: f32 = 2e-4;
const OF_ERROR: f32 = 3.0;
/// Halvings of a path that is not finite.
const HALVINGS: u8 = 12;

/// Parallelograms from the mode, one side along the diagonal of the whitened coordinates, the other along the same with
/// half of the signs turned: so that any two coordinates differ in one of them, it takes log₂ N.
///
/// A gradient that does work along one path has to do so along that of half the side too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circuit {
    // The bit of a coordinate's index that turns its sign.
    bit: u8,
    node: u8,
    halvings: u8,
    suspected: bool,
    work: f32,
    tolerance: f32,
    // Of the present side: Simpson's rule less that of twice the interval.
    error: f32,
}

impl Circuit {
    /// The first path.
    pub fn new<const N: usize>(site: &Site<N>) -> Self {
        let mut circuit = Self {
            bit: 0,
            node: 0,
            halvings: 0,
            suspected: false,
            work: 0.0,
            tolerance: 0.0,
            error: 0.0,
        };
        circuit.begin(site);
        circuit
    }

    fn begin<const N: usize>(&mut self, site: &Site<N>) {
        self.node = 0;
        self.work = 0.0;
        self.tolerance = LEAST_WORK;
        self.error = 0.0;
        self.push(site, &site.gradient);
    }

    fn is_turned(&self, coordinate: usize) -> bool {
        (coordinate >> self.bit) & 1 == 1
    }

    fn side(&self) -> f32 {
        SIDE * f32::from_bits((127 - u32::from(self.halvings)) << 23)
    }

    /// Where the next gradient is wanted.
    pub fn probe<const N: usize>(&self, site: &Site<N>) -> [f32; N] {
        let along = |from: u8, to: u8| {
            let nodes = (self.node.saturating_sub(from)).min(to - self.node.min(to));
            self.side() * f32::from(nodes.min(INTERVALS)) / f32::from(INTERVALS)
        };
        let (first, second) = (along(0, 3 * INTERVALS), along(INTERVALS, NODES));
        let mut displacement = [0.0; N];
        for (coordinate, d) in displacement.iter_mut().enumerate() {
            *d = if self.is_turned(coordinate) {
                first - second
            } else {
                first + second
            };
        }
        site.metric.apply(&mut displacement);
        site.displaced(&displacement, 1.0)
    }

    /// Takes the gradient at the probe (`None`: not finite); `Ok(true)` when done.
    pub fn update<const N: usize>(
        &mut self,
        site: &Site<N>,
        gradient: Option<&[f32; N]>,
    ) -> Result<bool, SamplerError> {
        let Some(gradient) = gradient else {
            // A wall.
            self.halvings += 1;
            self.begin(site);
            return Ok(self.halvings >= HALVINGS);
        };
        self.push(site, gradient);
        // The last node is the first one.
        if self.node < NODES {
            return Ok(false);
        }
        self.push(site, &site.gradient);
        if self.work.abs() > self.tolerance {
            if self.suspected {
                return Err(SamplerError::NotAGradient);
            }
            self.suspected = true;
            self.halvings += 1;
        } else {
            self.suspected = false;
            self.halvings = 0;
            self.bit += 1;
        }
        self.begin(site);
        Ok(N.saturating_sub(1) >> self.bit == 0)
    }

    /// Adds a node to the side that it ends and the one that it begins.
    fn push<const N: usize>(&mut self, site: &Site<N>, gradient: &[f32; N]) {
        let mut u = *gradient;
        site.metric.apply_transpose(&mut u);
        let (mut first, mut second) = (0.0, 0.0);
        for (coordinate, u) in u.iter().enumerate() {
            first += u;
            second += if self.is_turned(coordinate) { -u } else { *u };
        }
        for (k, along) in [first, second, -first, -second].into_iter().enumerate() {
            // Which node of that side this one is, from 0 to INTERVALS.
            let within = i32::from(self.node) - k as i32 * i32::from(INTERVALS);
            let (weight, difference) = match within {
                0 | 4 => (1.0, -1.0),
                1 | 3 => (4.0, 4.0),
                2 => (2.0, -6.0),
                _ => continue,
            };
            let slope = self.side() * along * (1.0 / 12.0);
            self.work += weight * slope;
            self.tolerance += OF_ABSOLUTE * (weight * slope).abs();
            self.error += difference * slope;
            if within == 4 {
                self.tolerance += OF_ERROR * self.error.abs();
                self.error = 0.0;
            }
        }
        self.node += 1;
    }
}

crate::checkpoint!(impl[] for Circuit {
    bit: u8, node: u8, halvings: u8, suspected: bool, work: f32, tolerance: f32, error: f32
} if |circuit| circuit.node < NODES && circuit.halvings <= HALVINGS && circuit.bit < 32);
