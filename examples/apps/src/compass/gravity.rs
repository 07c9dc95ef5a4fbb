//! The inclination of the field, by gravity.

use langevin::dual::Real;

use super::{Calibration, FEWEST, add, dot, scaled};

/// An acceleration of another size, in g, is not gravity's: the device is being moved.
const STILL: core::ops::RangeInclusive<f32> = 0.8..=1.2;
/// The inclination in radians as long as gravity has not shown it: 65°.
const INCLINATION: f32 = 1.134_464;
/// The largest sine of an inclination. At a pole no compass shows a heading.
const STEEPEST: f32 = 0.99;

/// The means over poses of gravity's direction g and of its products with the field m.
///
/// The mean of gᵀW(m − c) follows from them for every W and c; it is the sine of the inclination.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gravity {
    count: f32,
    direction: [f32; 3],
    /// gᵢm.
    products: [[f32; 3]; 3],
}

impl Gravity {
    /// Takes in a pose, unless the device is being moved.
    pub(super) fn push(&mut self, field: &[f32; 3], acceleration: &[f32; 3]) {
        let length = Real::sqrt(dot(*acceleration, *acceleration));
        // Nor is NaN in the range.
        if !STILL.contains(&length) {
            return;
        }
        self.count += 1.0;
        let share = 1.0 / self.count;
        let rows = self.direction.iter_mut().zip(&mut self.products);
        for ((mean, products), g) in rows.zip(scaled(*acceleration, 1.0 / length)) {
            *mean += share * (g - *mean);
            for (product, m) in products.iter_mut().zip(field) {
                *product += share * (g * m - *product);
            }
        }
    }

    /// Returns the inclination in radians by this calibration, as if it were to the north: the sign makes no difference to heading
    /// errors.
    pub(super) fn inclination(&self, calibration: &Calibration<f32>) -> f32 {
        if self.count < FEWEST as f32 {
            return INCLINATION;
        }
        let mut sine = 0.0;
        let rows = self.products.iter().zip(calibration.matrix);
        for ((products, row), g) in rows.zip(self.direction) {
            sine += dot(row, add(*products, scaled(calibration.offset, -g)));
        }
        let sine = Real::min(sine.abs(), STEEPEST);
        Real::atan2(sine, Real::sqrt(1.0 - sine * sine))
    }
}
