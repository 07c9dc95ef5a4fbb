//! Warm-up's check of the gradient: that of a potential does no work along a closed path.

use super::SamplerError;
use super::tuning::Site;
use crate::{arithmetic::halved, preconditioner::Preconditioner};

/// The side of the first path in whitened units, for each coordinate.
const SIDE: f32 = 0.7;
/// Four sides of four intervals each.
const NODES: u8 = 16;
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
    /// All zeros, to be started in place.
    pub const BLANK: Self = Self {
        bit: 0,
        node: 0,
        halvings: 0,
        suspected: false,
        work: 0.0,
        tolerance: 0.0,
        error: 0.0,
    };

    /// Starts a blank one, or another path.
    #[inline(never)]
    pub fn begin<const N: usize>(&mut self, site: &Site<N>) {
        self.node = 0;
        self.work = 0.0;
        self.tolerance = LEAST_WORK;
        self.error = 0.0;
        self.push(site, &site.gradient);
    }

    /// The sign of a coordinate along the second side.
    fn sign(&self, coordinate: usize) -> f32 {
        if (coordinate >> self.bit) & 1 == 1 {
            -1.0
        } else {
            1.0
        }
    }

    /// The length of an interval.
    fn interval(&self) -> f32 {
        (SIDE / 4.0) * halved(self.halvings.into())
    }

    /// Where the next gradient is wanted.
    pub fn probe<const N: usize>(&self, site: &Site<N>) -> [f32; N] {
        let node = i16::from(self.node);
        let intervals = |from: i16, to: i16| f32::from((node - from).min(to - node).clamp(0, 4));
        let (first, second) = (intervals(0, 12), intervals(4, 16));
        let mut displacement = [0.0; N];
        for (coordinate, d) in displacement.iter_mut().enumerate() {
            *d = first + self.sign(coordinate) * second;
        }
        site.metric.apply(&mut displacement);
        site.displaced(&displacement, self.interval())
    }

    /// Takes the gradient at the probe (`None`: not finite); `Ok(true)` when done.
    pub fn update<const N: usize>(
        &mut self,
        site: &Site<N>,
        gradient: Option<&[f32; N]>,
    ) -> Result<bool, SamplerError> {
        if let Some(gradient) = gradient {
            self.push(site, gradient);
            // The last node is the first one.
            if self.node < NODES {
                return Ok(false);
            }
            self.push(site, &site.gradient);
            let works = self.work.abs() > self.tolerance;
            if works && self.suspected {
                return Err(SamplerError::NotAGradient);
            }
            self.suspected = works;
            if works {
                self.halvings += 1;
            } else {
                self.halvings = 0;
                self.bit += 1;
            }
        } else {
            // A wall.
            self.halvings += 1;
        }
        self.begin(site);
        Ok(self.halvings >= HALVINGS || N.saturating_sub(1) >> self.bit == 0)
    }

    /// Adds a node to the side that it ends and to the one that it begins.
    fn push<const N: usize>(&mut self, site: &Site<N>, gradient: &[f32; N]) {
        let mut u = *gradient;
        site.metric.apply_transpose(&mut u);
        let (mut first, mut second) = (0.0, 0.0);
        for (coordinate, u) in u.iter().enumerate() {
            first += u;
            second += self.sign(coordinate) * u;
        }
        let third = self.interval() / 3.0;
        let slope = |side: u8| {
            let along = if side & 1 == 0 { first } else { second };
            third * if side & 2 == 0 { along } else { -along }
        };
        let (side, within) = (self.node >> 2, self.node & 3);
        if within == 0 && side > 0 {
            self.add(slope(side - 1), 1.0, -1.0);
            self.tolerance += OF_ERROR * self.error.abs();
            self.error = 0.0;
        }
        if side < 4 {
            let (weight, difference) = match within {
                0 => (1.0, -1.0),
                2 => (2.0, -6.0),
                _ => (4.0, 4.0),
            };
            self.add(slope(side), weight, difference);
        }
        self.node += 1;
    }

    #[inline(never)]
    fn add(&mut self, slope: f32, weight: f32, difference: f32) {
        let work = weight * slope;
        self.work += work;
        self.tolerance += OF_ABSOLUTE * work.abs();
        self.error += difference * slope;
    }
}

crate::checkpoint!(impl[] for Circuit {
    bit: u8, node: u8, halvings: u8, suspected: bool, work: f32, tolerance: f32, error: f32
} if |circuit| circuit.node < NODES && circuit.halvings <= HALVINGS && circuit.bit < 32);
