//! The latest observations of a stream, with weights that decay.

use heapless::Vec;

use super::{Data, Observation};
use crate::{
    Checkpoint, ConfigError, StepError,
    checkpoint::{CheckpointError, Reader, Writer, schema_hash},
};

/// The latest `CAP` observations of a stream.
///
/// With forgetting, the observation that has k newer ones has the weight λᵏ with the forgetting factor
/// λ = 1 − 1/n: the weights of an unbounded stream sum to the effective sample size n. The window truncates
/// that sum, by e⁻⁵ (less than 1 %) when `CAP` is 5n. Where the observations have a trend, the oldest ones count
/// by their distance too: then make it 10n.
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
    // A ring: the newest is the one before `next`, which the next observation replaces when the window is full.
    // (heapless' `Deque` cannot panic either, but gradients of minibatches take up to 13 % more instructions.)
    observations: Vec<O, CAP>,
    next: usize,
    forgetting_factor: f32,
    total_weight: f32,
    refused: u32,
}

impl<O, const CAP: usize> Window<O, CAP> {
    /// Creates an empty window in which every observation has the weight 1.
    pub const fn new() -> Self {
        const { assert!(CAP > 0, "a window needs room for an observation") };
        Self {
            observations: Vec::new(),
            next: 0,
            forgetting_factor: 1.0,
            total_weight: 0.0,
            refused: 0,
        }
    }

    /// Creates an empty window whose weights decay, so that they sum to `effective_sample_size` in the long
    /// run.
    ///
    /// # Errors
    /// When `effective_sample_size` is not finite or below 1.
    pub const fn forgetting(effective_sample_size: f32) -> Result<Self, ConfigError> {
        match ConfigError::check(
            effective_sample_size >= 1.0 && effective_sample_size.is_finite(),
            "effective sample size",
            "finite and >= 1",
            effective_sample_size,
        ) {
            Ok(n) => {
                let mut window = Self::new();
                window.forgetting_factor = 1.0 - 1.0 / n;
                Ok(window)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns how many observations were refused because they were not finite. The count saturates.
    pub const fn refused(&self) -> u32 {
        self.refused
    }

    /// Returns the observations and their weights, newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&O, f32)> {
        let (older, newer) = self.slices();
        let mut weight = 1.0;
        newer.iter().rev().chain(older.iter().rev()).map(move |o| {
            let pair = (o, weight);
            weight *= self.forgetting_factor;
            pair
        })
    }

    /// Returns the observations before the newest round of the ring and those of it, each oldest first.
    #[inline]
    fn slices(&self) -> (&[O], &[O]) {
        match self.observations.split_at_checked(self.next) {
            // Full, or on the first round.
            Some((newer, older)) if self.next > 0 => (older, newer),
            _ => (&[], &self.observations),
        }
    }

    /// Returns the factor λ by which an observation's weight falls with each newer one: 1 without forgetting.
    pub const fn forgetting_factor(&self) -> f32 {
        self.forgetting_factor
    }

    /// Removes all observations but the `count` newest. The count of refused ones stays.
    pub fn keep_newest(&mut self, count: usize) {
        let full = self.observations.is_full();
        let observations: &mut [O] = &mut self.observations;
        let surplus = observations.len().saturating_sub(count);
        if surplus == 0 {
            return;
        }
        // A full ring begins at `next`, one that is not full at 0.
        if full {
            rotate_left(observations, self.next);
        }
        rotate_left(observations, surplus);
        self.observations.truncate(count);
        self.next = count;
        self.total_weight = 0.0;
        for _ in 0..count {
            self.total_weight = 1.0 + self.forgetting_factor * self.total_weight;
        }
    }

    /// Removes all observations. The count of refused ones stays.
    pub fn clear(&mut self) {
        self.observations.clear();
        self.next = 0;
        self.total_weight = 0.0;
    }
}

/// Moves the first `count` items behind the others, by three reversals: the standard library's rotation has a
/// panicking path.
fn rotate_left<O>(items: &mut [O], count: usize) {
    fn reverse<O>(mut items: &mut [O]) {
        while let [first, between @ .., last] = items {
            core::mem::swap(first, last);
            items = between;
        }
    }
    if let Some((front, back)) = items.split_at_mut_checked(count) {
        reverse(front);
        reverse(back);
        reverse(items);
    }
}

impl<O: Observation, const CAP: usize> Window<O, CAP> {
    /// Adds an observation. A full window drops its oldest one.
    ///
    /// # Errors
    /// [`StepError::NonFiniteObservation`] when a field is not finite. The observation is counted and leaves no
    /// other trace.
    pub fn push(&mut self, observation: O) -> Result<(), StepError> {
        if !observation.is_finite() {
            self.refused = self.refused.saturating_add(1);
            return Err(StepError::NonFiniteObservation);
        }
        if !self.observations.is_full() {
            self.total_weight = 1.0 + self.forgetting_factor * self.total_weight;
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
        self.total_weight
    }

    #[inline]
    fn get(&self, index: usize) -> Option<(&O, f32)> {
        let (older, newer) = self.slices();
        let observation = match index.checked_sub(newer.len()) {
            None => newer.iter().rev().nth(index),
            Some(rest) => older.iter().rev().nth(rest),
        }?;
        Some((observation, power(self.forgetting_factor, index)))
    }

    #[inline]
    fn weighted(&self) -> impl Iterator<Item = (&O, f32)> {
        self.iter()
    }
}

/// Returns `base` to the power of `exponent`, by repeated squaring.
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

/// The observations, oldest first, and as many zeros as a full window needs.
impl<O: Checkpoint + Observation, const CAP: usize> Checkpoint for Window<O, CAP> {
    const SIZE: usize = 16 + CAP * O::SIZE;
    const SCHEMA: u32 = schema_hash("Window", &[CAP as u32, O::SCHEMA]);

    fn write(&self, out: &mut Writer<'_>) {
        let count = self.count();
        (count as u32, self.refused).write(out);
        (self.forgetting_factor, self.total_weight).write(out);
        let (older, newer) = self.slices();
        for observation in older.iter().chain(newer) {
            observation.write(out);
        }
        out.zeros(CAP.saturating_sub(count) * O::SIZE);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError> {
        let (count, refused): (u32, u32) = Checkpoint::read(input)?;
        let (forgetting_factor, total_weight): (f32, f32) = Checkpoint::read(input)?;
        let count = count as usize;
        let in_range = count <= CAP
            && (0.0..=1.0).contains(&forgetting_factor)
            && (0.0..=count as f32).contains(&total_weight);
        if !in_range {
            return Err(CheckpointError::Invalid);
        }
        let mut observations = Vec::new();
        for _ in 0..count {
            let observation = O::read(input)?;
            if !observation.is_finite() {
                return Err(CheckpointError::Invalid);
            }
            // There is room for all of them.
            drop(observations.push(observation));
        }
        input.skip((CAP - count) * O::SIZE)?;
        Ok(Self {
            observations,
            next: if count < CAP { count } else { 0 },
            forgetting_factor,
            total_weight,
            refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn weights_decay_and_sum_to_the_effective_size() {
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

    #[test]
    fn the_newest_are_kept() {
        for pushed in [3, 5, 8, 13_u8] {
            for count in 0..6 {
                let mut window: Window<f32, 5> = Window::forgetting(4.0).unwrap();
                (0..pushed).for_each(|i| window.push(f32::from(i)).unwrap());
                window.keep_newest(count);
                window.push(99.0).unwrap();
                let kept = usize::from(pushed).min(count).min(4);
                let old = (0..kept).map(|age| f32::from(pushed) - 1.0 - age as f32);
                let expected: Vec<_> = core::iter::once(99.0).chain(old).collect();
                let listed: Vec<_> = window.iter().map(|(o, _)| *o).collect();
                assert_eq!(listed, expected, "{pushed} {count}");
                let sum: f32 = window.iter().map(|(_, w)| w).sum();
                assert!((sum - window.total_weight()).abs() < 1e-5);
            }
        }
    }
}
