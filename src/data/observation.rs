//! What was measured, one reading at a time.

/// An observation: something that was measured.
pub trait Observation {
    /// Returns whether every field is finite. A [`Window`](super::Window) refuses an observation otherwise.
    fn is_finite(&self) -> bool;
}

impl Observation for f32 {
    fn is_finite(&self) -> bool {
        f32::is_finite(*self)
    }
}

impl<const K: usize> Observation for [f32; K] {
    fn is_finite(&self) -> bool {
        self.iter().all(|x| x.is_finite())
    }
}

/// A response y measured at K regressors x.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sample<const K: usize> {
    /// The regressors: a constant 1 among them if there is to be an intercept.
    pub x: [f32; K],
    /// The response.
    pub y: f32,
}

impl<const K: usize> Observation for Sample<K> {
    fn is_finite(&self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

crate::checkpoint!(impl[const K: usize] for Sample<K> {
    x: [f32; K], y: f32
} if |sample| sample.is_finite());
