//! A share of trials.

/// How often something happened: acceptances, swaps, clipped coordinates.
///
/// Eight bytes; at 2³² trials both counts are halved, so that the rate goes on to follow.
///
/// ```
/// use langevin::stepper::Proportion;
/// let mut rate = Proportion::new();
/// assert_eq!(rate.value(), None);
/// rate.push(true);
/// rate.push(false);
/// assert_eq!(rate.value(), Some(0.5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Proportion {
    hits: u32,
    trials: u32,
}

impl Proportion {
    /// No trial yet.
    pub const fn new() -> Self {
        Self { hits: 0, trials: 0 }
    }

    /// Counts a trial, and whether it was a hit.
    #[inline]
    pub const fn push(&mut self, hit: bool) {
        if self.trials == u32::MAX {
            self.hits >>= 1;
            self.trials >>= 1;
        }
        self.trials += 1;
        self.hits += hit as u32;
    }

    /// Hits.
    pub const fn hits(&self) -> u32 {
        self.hits
    }

    /// Trials.
    pub const fn trials(&self) -> u32 {
        self.trials
    }

    /// Hits per trial; `None` before the first trial.
    pub const fn value(&self) -> Option<f32> {
        if self.trials == 0 {
            None
        } else {
            Some(self.hits as f32 / self.trials as f32)
        }
    }
}

crate::checkpoint!(impl[] for Proportion { hits: u32, trials: u32 });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_counts_are_halved() {
        let mut rate = Proportion {
            hits: 1 << 30,
            trials: u32::MAX,
        };
        rate.push(true);
        assert_eq!((rate.hits, rate.trials), ((1 << 29) + 1, 1 << 31));
        assert_eq!(size_of::<Proportion>(), 8);
    }
}
