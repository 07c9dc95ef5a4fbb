//! Observations as they stream in, the window that keeps the latest ones, and the choice of a minibatch.

mod batch;
mod observation;
mod window;

pub use batch::{BatchSampler, WithReplacement, WithoutReplacement};
pub use observation::{Measurement, Observation, Sample};
pub use window::Window;

/// Weighted observations, over which a posterior sums its likelihood: a [`Window`], a slice or an array.
pub trait Data {
    /// The type of one observation.
    type Observation;

    /// Returns the number of observations.
    fn count(&self) -> usize;

    /// Returns the sum of the weights, which is the effective number of observations.
    fn total_weight(&self) -> f32;

    /// Returns the observation at `index` and its weight. In a window the index counts the newer observations.
    fn get(&self, index: usize) -> Option<(&Self::Observation, f32)>;

    /// Returns every observation with its weight, in the order of [`get`](Self::get).
    fn weighted(&self) -> impl Iterator<Item = (&Self::Observation, f32)>;
}

impl<O> Data for [O] {
    type Observation = O;

    #[inline]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn total_weight(&self) -> f32 {
        self.len() as f32
    }

    #[inline]
    fn get(&self, index: usize) -> Option<(&O, f32)> {
        <[O]>::get(self, index).map(|o| (o, 1.0))
    }

    #[inline]
    fn weighted(&self) -> impl Iterator<Item = (&O, f32)> {
        self.iter().map(|o| (o, 1.0))
    }
}

impl<O, const K: usize> Data for [O; K] {
    type Observation = O;

    #[inline]
    fn count(&self) -> usize {
        K
    }

    #[inline]
    fn total_weight(&self) -> f32 {
        K as f32
    }

    #[inline]
    fn get(&self, index: usize) -> Option<(&O, f32)> {
        Data::get(self.as_slice(), index)
    }

    #[inline]
    fn weighted(&self) -> impl Iterator<Item = (&O, f32)> {
        self.as_slice().weighted()
    }
}
