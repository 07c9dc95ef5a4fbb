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

/// A response y measured at an input x, with a standard deviation of its own.
///
/// The input is whatever the [`Response`](crate::model::Response) takes: a number, an array, or a type of the
/// caller's. For a linear or robust regression it is the array of the regressors.
///
/// ```
/// use langevin::{Model, Potential, data::Measurement, model::{Flat, LinearRegression}};
/// // Two instruments, of which the second is ten times less precise; σ = 1, as `sd` says it all.
/// let model = Model::new(Flat, LinearRegression::new(1.0)?);
/// let data = [
///     Measurement { x: [1.0], y: 3.0, sd: 0.1 },
///     Measurement { x: [1.0], y: 4.0, sd: 1.0 },
/// ];
/// let mut gradient = [0.0];
/// model.posterior(&data).gradient(&[3.0], &mut gradient)?;
/// assert_eq!(gradient, [-1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Measurement<X> {
    /// The input.
    pub x: X,
    /// The response.
    pub y: f32,
    /// The standard deviation of this response's error, in units of the σ of the likelihood.
    pub sd: f32,
}

/// Finite, with an `sd` > 0 whose square neither underflows nor overflows.
impl<X: Observation> Observation for Measurement<X> {
    fn is_finite(&self) -> bool {
        let precision = 1.0 / (self.sd * self.sd);
        self.x.is_finite()
            && self.y.is_finite()
            && self.sd > 0.0
            && precision > 0.0
            && precision.is_finite()
    }
}

crate::checkpoint!(impl[X: crate::Checkpoint + Observation] for Measurement<X> {
    x: X, y: f32, sd: f32
} if |measurement| measurement.is_finite());

crate::checkpoint!(impl[const K: usize] for Sample<K> {
    x: [f32; K], y: f32
} if |sample| sample.is_finite());
