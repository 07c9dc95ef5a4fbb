//! A random number generator whose position in its stream can be saved.

use core::convert::Infallible;

use rand_core::{SeedableRng, TryRng, utils};
use rand_pcg::Pcg32;

/// A `Pcg32` that counts its draws, so that it can be part of a checkpoint.
///
/// `Pcg32` does not reveal its state. This generator remembers its seed and counts its draws; loading advances a fresh
/// `Pcg32` by that count, in at most 64 steps whatever the count is. It returns the same numbers as a `Pcg32` with the
/// same seed. The price is one addition per draw and 24 bytes.
///
/// ```
/// use langevin::{Pcg32, SeedableRng, checkpoint::CountedPcg32, noise::rand_core::Rng};
/// let mut counted = CountedPcg32::seed_from_u64(7);
/// let mut plain = Pcg32::seed_from_u64(7);
/// assert_eq!(counted.next_u32(), plain.next_u32());
/// assert_eq!(counted.draws(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedPcg32 {
    state: u64,
    stream: u64,
    draws: u64,
    rng: Pcg32,
}

impl CountedPcg32 {
    /// Creates a generator as `Pcg32::new` does: `state` is where it starts, `stream` selects one of 2⁶³ streams.
    pub fn new(state: u64, stream: u64) -> Self {
        Self::at(state, stream, 0)
    }

    fn at(state: u64, stream: u64, draws: u64) -> Self {
        let mut rng = Pcg32::new(state, stream);
        rng.advance(draws);
        Self {
            state,
            stream,
            draws,
            rng,
        }
    }

    /// Returns how many `u32` were drawn.
    pub const fn draws(&self) -> u64 {
        self.draws
    }
}

impl SeedableRng for CountedPcg32 {
    type Seed = <Pcg32 as SeedableRng>::Seed;

    fn from_seed(seed: Self::Seed) -> Self {
        let [state, stream]: [u64; 2] = utils::read_words(&seed);
        // `Pcg32::from_seed` uses the second word as the increment, made odd; `new` shifts it first.
        Self::new(state, stream >> 1)
    }
}

impl TryRng for CountedPcg32 {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.draws = self.draws.wrapping_add(1);
        self.rng.try_next_u32()
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_u64_via_u32(self)
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}

impl super::Checkpoint for CountedPcg32 {
    const SIZE: usize = 24;
    const SCHEMA: u32 = super::schema_hash("CountedPcg32", &[]);

    fn write(&self, out: &mut super::Writer<'_>) {
        (self.state, self.stream, self.draws).write(out);
    }

    fn read(input: &mut super::Reader<'_>) -> Result<Self, super::CheckpointError> {
        let (state, stream, draws) = super::Checkpoint::read(input)?;
        Ok(Self::at(state, stream, draws))
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::super::Checkpoint;
    use super::*;

    #[test]
    fn the_numbers_are_those_of_pcg32() {
        let seed = core::array::from_fn(|i| (i * 17 + 3) as u8);
        let mut pairs = [
            (CountedPcg32::from_seed(seed), Pcg32::from_seed(seed)),
            (CountedPcg32::seed_from_u64(7), Pcg32::seed_from_u64(7)),
            (CountedPcg32::new(1, u64::MAX), Pcg32::new(1, u64::MAX)),
        ];
        for (counted, plain) in &mut pairs {
            let (mut a, mut b) = ([0; 7], [0; 7]);
            for _ in 0..100 {
                assert_eq!(counted.next_u32(), plain.next_u32());
                assert_eq!(counted.next_u64(), plain.next_u64());
                counted.fill_bytes(&mut a);
                plain.fill_bytes(&mut b);
                assert_eq!(a, b);
            }
            assert_eq!(counted.draws(), 500);
            let mut image = [0; CountedPcg32::IMAGE];
            counted.save(&mut image).unwrap();
            assert_eq!(CountedPcg32::load(&image).as_ref(), Ok(&*counted));
        }
    }

    #[test]
    fn resumes_far_along() {
        let mut far = CountedPcg32::at(3, 5, u64::MAX - 2);
        let mut image = [0; CountedPcg32::IMAGE];
        far.save(&mut image).unwrap();
        let mut resumed = CountedPcg32::load(&image).unwrap();
        for _ in 0..5 {
            assert_eq!(far.next_u32(), resumed.next_u32());
        }
        assert_eq!(far, resumed);
    }
}
