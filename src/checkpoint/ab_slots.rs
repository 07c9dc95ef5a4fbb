//! A/B slots: two places for one checkpoint, of which one is always whole.

use super::{Checkpoint, CheckpointError, image};

/// Writes checkpoints alternately to two slots (an A/B scheme), so that a power failure at any byte of a save leaves the
/// previous state intact.
///
/// A save goes to the slot that does not hold the newest image, and gets the next sequence number. At start the whole
/// image with the higher number is loaded. A slot that was erased or written only in part fails its CRC, and the other
/// slot is used.
///
/// ```
/// use langevin::{Checkpoint, checkpoint::{AbSlots, CheckpointError}};
/// let mut flash = [[0xff; u32::IMAGE]; 2]; // two flash sectors
///
/// let (mut slots, state) = AbSlots::recover::<u32>([&flash[0], &flash[1]]);
/// assert_eq!(state, Err(CheckpointError::Empty)); // first boot: start from scratch
///
/// let mut image = [0; u32::IMAGE];
/// for state in [41_u32, 42] {
///     let slot = slots.prepare(&state, &mut image)?;
///     flash[slot] = image; // erase the slot, then write it
///     slots.commit(); // only if that succeeded
/// }
///
/// let (_, state) = AbSlots::recover::<u32>([&flash[0], &flash[1]]);
/// assert_eq!(state, Ok(42));
/// # Ok::<(), CheckpointError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AbSlots {
    // Both of the next save.
    sequence: u32,
    slot: usize,
}

impl AbSlots {
    /// Loads the newest whole image, and finds the slot for the next save.
    ///
    /// # Errors
    /// The second value is an error if neither slot holds a whole image of a `T`: [`CheckpointError::Empty`] if both are
    /// blank, otherwise the reason why the first slot that is not blank was refused. The next save then goes to the first
    /// slot, unless only the second is blank.
    pub fn recover<T: Checkpoint>(slots: [&[u8]; 2]) -> (Self, Result<T, CheckpointError>) {
        let [first, second] = slots.map(|slot| image::check::<T>(slot));
        // An image whose frame is whole may still hold an invalid state: the other slot is tried then.
        let newest = match (first, second) {
            (Ok(a), Ok(b)) if b.wrapping_sub(a).cast_signed() > 0 => 1,
            (Err(_), Ok(_)) => 1,
            _ => 0,
        };
        for slot in [newest, 1 - newest] {
            let [a, b] = slots;
            let (bytes, checked) = if slot == 0 { (a, first) } else { (b, second) };
            if let Ok(sequence) = checked {
                if let Ok(state) = image::open(bytes) {
                    let next = Self {
                        sequence: sequence.wrapping_add(1),
                        slot: 1 - slot,
                    };
                    return (next, Ok(state));
                }
            }
        }
        let blank = Err(CheckpointError::Empty);
        let reason = match (first, second) {
            (Err(CheckpointError::Empty), Err(reason)) | (Err(reason), _) => reason,
            // A whole frame around an invalid state.
            _ => CheckpointError::Invalid,
        };
        let next = Self {
            sequence: 0,
            slot: usize::from(second == blank && first != blank),
        };
        (next, Err(reason))
    }

    /// Writes the next image into `image`, and returns the slot, 0 or 1, to which it must be written.
    ///
    /// # Errors
    /// Returns the errors of [`Checkpoint::save`].
    pub fn prepare<T: Checkpoint>(
        &self,
        state: &T,
        image: &mut [u8],
    ) -> Result<usize, CheckpointError> {
        image::make(state, self.sequence, image)?;
        Ok(self.slot)
    }

    /// Records that the image was written. If this is not called, the next save goes to the same slot again, and the
    /// whole image in the other slot stays.
    pub const fn commit(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        self.slot = 1 - (self.slot & 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type State = [u32; 4];
    const SIZE: usize = State::IMAGE;
    type Flash = [[u8; SIZE]; 2];

    fn recover(flash: &Flash) -> (AbSlots, Result<State, CheckpointError>) {
        let [a, b] = flash;
        AbSlots::recover([a.as_slice(), b.as_slice()])
    }

    fn save(slots: &mut AbSlots, flash: &mut Flash, state: State) -> usize {
        let mut image = [0; SIZE];
        let slot = slots.prepare(&state, &mut image).unwrap();
        flash[slot] = image;
        slots.commit();
        slot
    }

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn the_power_may_fail_at_any_byte() {
        let mut flash = [[0xff; SIZE]; 2];
        let (mut slots, _) = recover(&flash);
        for generation in 0..6_u32 {
            let state = [generation, 7, 0xffff_ffff, !generation];
            let before = recover(&flash);
            let mut image = [0; SIZE];
            let slot = slots.prepare(&state, &mut image).unwrap();
            let cut = |torn: Flash, whole: bool, what: &str| {
                let (next, found) = recover(&torn);
                if whole {
                    assert_eq!(found, Ok(state), "{what}");
                } else {
                    assert_eq!(found.ok(), before.1.ok(), "{what}");
                    // The next save must not touch the image that is left.
                    let mut after = torn;
                    let mut next = next;
                    let used = save(&mut next, &mut after, [99; 4]);
                    assert!(before.1.is_err() || used == slot, "{what}");
                    assert_eq!(recover(&after).1, Ok([99; 4]), "{what}");
                }
            };
            for position in 0..=SIZE {
                // Erased in part, from either end.
                let mut torn = flash;
                torn[slot][..position].fill(0xff);
                cut(torn, false, "erasing up");
                let mut torn = flash;
                torn[slot][position..].fill(0xff);
                cut(torn, false, "erasing down");
                // Erased, then written in part; and over the old image without erasing, as FRAM is.
                for start in [[0xff; SIZE], [0; SIZE], flash[slot]] {
                    let mut torn = flash;
                    torn[slot] = start;
                    torn[slot][..position].copy_from_slice(&image[..position]);
                    let whole = torn[slot] == image;
                    cut(torn, whole, "writing");
                    // The byte at the cut may be anything.
                    if position < SIZE {
                        for byte in [0x00, 0x55, 0xff] {
                            torn[slot][position] = byte;
                            let whole = torn[slot] == image;
                            cut(torn, whole, "a torn byte");
                        }
                    }
                }
            }
            flash[slot] = image;
            slots.commit();
        }
    }

    #[test]
    fn numbers_wrap() {
        let mut flash = [[0xff; SIZE]; 2];
        let mut slots = AbSlots {
            sequence: u32::MAX - 1,
            slot: 0,
        };
        for i in 0..5 {
            let slot = save(&mut slots, &mut flash, [i; 4]);
            assert_eq!(slot, i as usize & 1);
            let (again, found) = recover(&flash);
            assert_eq!((again, found), (slots, Ok([i; 4])));
        }
    }

    #[test]
    fn a_write_that_failed_is_repeated_in_the_same_slot() {
        let mut flash = [[0xff; SIZE]; 2];
        let (mut slots, _) = recover(&flash);
        assert_eq!(save(&mut slots, &mut flash, [1; 4]), 0);
        let mut image = [0; SIZE];
        for _ in 0..3 {
            assert_eq!(slots.prepare(&[2_u32; 4], &mut image), Ok(1));
        }
        assert_eq!(recover(&flash).1, Ok([1; 4]));
    }

    #[test]
    fn of_another_type_is_said() {
        let mut flash = [[0xff; SIZE]; 2];
        let (mut slots, _) = recover(&flash);
        let mut image = [0; SIZE];
        let slot = slots.prepare(&[1.0_f32; 4], &mut image).unwrap();
        flash[slot] = image;
        slots.commit();
        let (next, found) = recover(&flash);
        assert_eq!(found, Err(CheckpointError::Schema));
        // The blank slot is used first.
        assert_eq!(next.slot, 1);
    }
}
