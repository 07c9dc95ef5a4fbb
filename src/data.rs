//! Observations as they stream in: a window of the latest, with weights that fade.

use heapless::Vec;

use crate::{ConfigError, StepError};

/// Something that was measured. A window refuses it unless it is finite.
pub trait Observation {
    /// Whether every field is finite.
    fn is_finite(&self) -> bool;
}

impl Observation for f32 {
    fn is_finite(&self) -> bool {
        f32::is_finite(*self)
    }
}

impl<const D: usize> Observation for [f32; D] {
    fn is_finite(&self) -> bool {
        self.iter().all(|x| x.is_finite())
    }
}

/// A response y measured at the regressors x.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sample<const D: usize> {
    /// The regressors (a constant 1 among them if there is to be an intercept).
    pub x: [f32; D],
    /// The response.
    pub y: f32,
}

impl<const D: usize> Observation for Sample<D> {
    fn is_finite(&self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

/// Weighted observations to sum a likelihood over: a [`Window`], a slice or an array.
pub trait Data {
    /// What was observed.
    type Observation;

    /// Number of observations.
    fn count(&self) -> usize;

    /// Sum of the weights: the effective number of observations.
    fn total_weight(&self) -> f32;

    /// The observation at `index` (of a window: how many are newer) and its weight.
    fn get(&self, index: usize) -> Option<(&Self::Observation, f32)>;

    /// Each observation and its weight, in the order of [`get`](Self::get).
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

/// The latest `CAP` observations of a stream.
///
/// With forgetting, the observation that has k newer ones has weight λᵏ, λ = 1 − 1/n: the weights of
/// an unbounded stream sum to the effective sample size n. The window truncates that sum, by e⁻⁵ (less
/// than 1 %) when `CAP` is 5n. Where the observations have a trend the oldest count by their distance too:
/// make it 10n.
///
/// ```
/// use langevin::{Sample, StepError, Window, data::Data};
/// let mut window: Window<Sample<1>, 64> = Window::new();
/// window.push(Sample { x: [1.0], y: 2.0 })?;
/// let refused = window.push(Sample { x: [1.0], y: f32::NAN });
/// assert_eq!(refused, Err(StepError::NonFiniteObservation));
/// assert_eq!((window.count(), window.refused()), (1, 1));
/// # Ok::<(), StepError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Window<O, const CAP: usize> {
    // A ring: the newest is the one before `next`, which a full window's next observation replaces.
    observations: Vec<O, CAP>,
    next: usize,
    fade: f32,
    effective: f32,
    refused: u32,
}

impl<O, const CAP: usize> Window<O, CAP> {
    /// An empty window whose observations all weigh 1.
    pub const fn new() -> Self {
        const { assert!(CAP > 0, "a window needs room for an observation") };
        Self {
            observations: Vec::new(),
            next: 0,
            fade: 1.0,
            effective: 0.0,
            refused: 0,
        }
    }

    /// An empty window whose observations fade, to an effective sample size `n`.
    ///
    /// # Errors
    /// When `n` is not finite and ≥ 1.
    pub const fn forgetting(n: f32) -> Result<Self, ConfigError> {
        match ConfigError::check(
            n >= 1.0 && n.is_finite(),
            "effective sample size",
            "finite and >= 1",
            n,
        ) {
            Ok(n) => {
                let mut window = Self::new();
                window.fade = 1.0 - 1.0 / n;
                Ok(window)
            }
            Err(error) => Err(error),
        }
    }

    /// How many observations were refused for not being finite; saturates.
    pub const fn refused(&self) -> u32 {
        self.refused
    }

    /// The observations and their weights, newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&O, f32)> {
        let (older, newer) = self.slices();
        let mut weight = 1.0;
        newer.iter().rev().chain(older.iter().rev()).map(move |o| {
            let pair = (o, weight);
            weight *= self.fade;
            pair
        })
    }

    /// The observations before the newest round of the ring, and those of it, each oldest first.
    #[inline]
    fn slices(&self) -> (&[O], &[O]) {
        match self.observations.split_at_checked(self.next) {
            // Full, or on the first round.
            Some((newer, older)) if self.next > 0 => (older, newer),
            _ => (&[], &self.observations),
        }
    }

    /// Forgets all observations; the count of refused ones stays.
    pub fn clear(&mut self) {
        self.observations.clear();
        self.next = 0;
        self.effective = 0.0;
    }
}

impl<O: Observation, const CAP: usize> Window<O, CAP> {
    /// Takes in an observation; the oldest leaves a full window.
    ///
    /// # Errors
    /// [`StepError::NonFiniteObservation`] when a field is not finite. It is counted and leaves no
    /// other trace.
    pub fn push(&mut self, observation: O) -> Result<(), StepError> {
        if !observation.is_finite() {
            self.refused = self.refused.saturating_add(1);
            return Err(StepError::NonFiniteObservation);
        }
        if self.observations.len() < CAP {
            self.effective = 1.0 + self.fade * self.effective;
        }
        match self.observations.get_mut(self.next) {
            Some(oldest) => *oldest = observation,
            // Not full yet: there is room.
            None => drop(self.observations.push(observation)),
        }
        self.next = if self.next < CAP.saturating_sub(1) {
            self.next + 1
        } else {
            0
        };
        Ok(())
    }
}

impl<O, const CAP: usize> Default for Window<O, CAP> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O, const CAP: usize> Data for Window<O, CAP> {
    type Observation = O;

    #[inline]
    fn count(&self) -> usize {
        self.observations.len()
    }

    #[inline]
    fn total_weight(&self) -> f32 {
        self.effective
    }

    #[inline]
    fn get(&self, index: usize) -> Option<(&O, f32)> {
        let (older, newer) = self.slices();
        let observation = match index.checked_sub(newer.len()) {
            None => newer.iter().rev().nth(index),
            Some(rest) => older.iter().rev().nth(rest),
        }?;
        Some((observation, power(self.fade, index)))
    }

    #[inline]
    fn weighted(&self) -> impl Iterator<Item = (&O, f32)> {
        self.iter()
    }
}

/// `base` to the power of `exponent`, by repeated squaring.
fn power(mut base: f32, mut exponent: usize) -> f32 {
    if base == 1.0 {
        return 1.0;
    }
    let mut result = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}

crate::checkpoint!(impl[const D: usize] for Sample<D> {
    x: [f32; D], y: f32
} if |sample| sample.is_finite());

impl<O: crate::Checkpoint, const CAP: usize> crate::Checkpoint for Window<O, CAP> {
    // As many bytes as a full window needs.
    const SIZE: usize = 20 + CAP * O::SIZE;
    const SCHEMA: u32 = crate::checkpoint::schema_hash("Window", &[CAP as u32, O::SCHEMA]);

    fn write(&self, out: &mut crate::checkpoint::Writer<'_>) {
        let count = self.observations.len();
        (count as u32, self.next as u32, self.refused).write(out);
        (self.fade, self.effective).write(out);
        for observation in &self.observations {
            observation.write(out);
        }
        out.zeros(CAP.saturating_sub(count) * O::SIZE);
    }

    fn read(
        input: &mut crate::checkpoint::Reader<'_>,
    ) -> Result<Self, crate::checkpoint::CheckpointError> {
        let (count, next, refused): (u32, u32, u32) = crate::Checkpoint::read(input)?;
        let (fade, effective) = crate::Checkpoint::read(input)?;
        let (count, next) = (count as usize, next as usize);
        let next_follows = if count < CAP {
            next == count
        } else {
            next < CAP
        };
        if count > CAP || !next_follows {
            return Err(crate::checkpoint::CheckpointError::Invalid);
        }
        let mut observations = Vec::new();
        for _ in 0..count {
            // There is room for all of them.
            drop(observations.push(O::read(input)?));
        }
        input.skip((CAP - count) * O::SIZE)?;
        Ok(Self {
            observations,
            next,
            fade,
            effective,
            refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn weights_fade_and_sum_to_the_effective_size() {
        let mut window: Window<f32, 8> = Window::forgetting(4.0).unwrap();
        for i in 0..21_u8 {
            window.push(f32::from(i)).unwrap();
            let listed: Vec<_> = window.iter().map(|(o, w)| (*o, w)).collect();
            let sum: f32 = listed.iter().map(|(_, w)| w).sum();
            assert!((sum - window.total_weight()).abs() < 1e-5);
            for (age, (o, w)) in listed.iter().enumerate() {
                assert_eq!(*o, f32::from(i) - age as f32);
                assert!((w - 0.75_f32.powi(age as i32)).abs() < 1e-6);
                let (same, weight) = Data::get(&window, age).unwrap();
                assert_eq!(same, o);
                assert!((weight - w).abs() < 1e-6);
            }
            assert!(Data::get(&window, listed.len()).is_none());
        }
        window.clear();
        assert_eq!((window.count(), window.total_weight()), (0, 0.0));
    }
}
