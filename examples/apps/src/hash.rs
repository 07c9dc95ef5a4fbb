//! FNV-1a over words, by which two runs are compared.

/// A hash of the words so far.
#[derive(Clone, Copy, Debug)]
pub struct Hash(u64);

impl Hash {
    /// Creates the hash of no words.
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a word.
    pub const fn write(&mut self, word: u32) {
        self.0 = (self.0 ^ word as u64).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Adds a reading's words, and the bits of the `mean` of the unknowns after it.
    pub fn reading(&mut self, words: &[u32], mean: &[f32]) {
        for word in words {
            self.write(*word);
        }
        for x in mean {
            self.write(x.to_bits());
        }
    }

    /// Returns the hash of all words so far.
    pub const fn value(&self) -> u64 {
        self.0
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}
