//! Whether what is measured has changed all at once.

/// What a [`Tracker`](super::Tracker) does when it raises the alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Response {
    /// It goes on as before.
    #[default]
    Keep,
    /// The readings from before the change count a tenth from now on.
    Widen,
    /// The readings from before the change are forgotten, and the prior is the start again.
    Restart,
}

/// Page's cumulative sum (1954) of surprises: S ← max(0, S − ln p − 2.5), with −ln p at most 8.
///
/// For a model that describes its readings, p is uniform and S passes 7 once in some 10⁵ readings. No single reading
/// can raise the alarm; two in a row that are less likely than one in 500 do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Alarm {
    sum: f32,
    run: u16,
}

const EXPECTED: f32 = 2.5;
const MOST: f32 = 8.0;
const LIMIT: f32 = 7.0;

crate::checkpoint!(impl[] for Alarm { sum: f32, run: u16 } if |alarm| (0.0..=LIMIT).contains(&alarm.sum));

impl Alarm {
    pub(super) const QUIET: Self = Self { sum: 0.0, run: 0 };

    /// Takes in the tail probability of a reading, and when it raises the alarm returns how many of the readings since the
    /// change were `learnt`.
    pub(super) fn push(&mut self, p: f32, learnt: bool) -> Option<u16> {
        let news = -libm::logf(p.max(1e-9));
        self.sum += news.min(MOST) - EXPECTED;
        if self.sum <= 0.0 {
            *self = Self::QUIET;
            return None;
        }
        self.run = self.run.saturating_add(u16::from(learnt));
        if self.sum <= LIMIT {
            return None;
        }
        let run = self.run;
        *self = Self::QUIET;
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{Rng, SeedableRng};

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn uniform_surprises_hardly_ever_raise_it() {
        let mut rng = crate::Pcg32::seed_from_u64(7);
        let mut alarm = Alarm::QUIET;
        let p = |bits: u32| (bits as f32 + 0.5) / 4_294_967_296.0;
        let raised = (0..1_000_000).filter(|_| alarm.push(p(rng.next_u32()), true).is_some());
        let raised = raised.count();
        assert!((3..50).contains(&raised), "{raised}");
    }

    #[test]
    fn two_surprises_raise_it_and_one_does_not() {
        let mut alarm = Alarm::QUIET;
        assert_eq!(alarm.push(0.0, true), None);
        assert_eq!(alarm.push(0.5, true), None);
        let mut alarm = Alarm::QUIET;
        assert_eq!(alarm.push(0.0, true), None);
        assert_eq!(alarm.push(1e-6, true), Some(2));
        assert_eq!(alarm.push(1e-6, true), None);
    }
}
