//! How often something happened.

/// Counts how often something happened in a number of trials: acceptances, swaps, clipped coordinates.
///
/// It takes eight bytes. At 2³² trials both counts are halved, so that the proportion goes on to follow.
///
/// ```
/// use langevin::stepper::Proportion;
/// let mut accepted = Proportion::new();
/// assert_eq!(accepted.value(), None);
/// accepted.push(true);
/// accepted.push(false);
/// assert_eq!(accepted.value(), Some(0.5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Proportion {
    hits: u32,
    trials: u32,
}

impl Proportion {
    /// Creates a proportion of no trials yet.
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

    /// Returns the number of hits.
    pub const fn hits(&self) -> u32 {
        self.hits
    }

    /// Returns the number of trials.
    pub const fn trials(&self) -> u32 {
        self.trials
    }

    /// Returns the hits per trial; `None` before the first trial.
    pub const fn value(&self) -> Option<f32> {
        if self.trials == 0 {
            None
        } else {
            Some(self.hits as f32 / self.trials as f32)
        }
    }
}

crate::checkpoint!(impl[] for Proportion { hits: u32, trials: u32 } if |p| p.hits <= p.trials);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_counts_are_halved() {
        let mut proportion = Proportion {
            hits: 1 << 30,
            trials: u32::MAX,
        };
        proportion.push(true);
        assert_eq!(
            (proportion.hits, proportion.trials),
            ((1 << 29) + 1, 1 << 31)
        );
        assert_eq!(size_of::<Proportion>(), 8);
    }
}
