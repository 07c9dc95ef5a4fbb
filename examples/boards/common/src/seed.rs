//! Seeds: from the chip, or fixed when the image is built.

/// `SEED=7 cargo run --release` fixes the seed, so that a run can be repeated.
const FIXED: Option<u64> = match option_env!("SEED") {
    Some(text) => match u64::from_str_radix(text, 10) {
        Ok(seed) => Some(seed),
        Err(_) => panic!("SEED is not a number"),
    },
    None => None,
};

/// Returns the seed that the image was built with, if any.
pub const fn fixed_seed() -> Option<u64> {
    FIXED
}

/// Returns the seed of this run: the one that the image was built with, or else one from the chip's noise.
pub fn seed(noise: impl FnOnce() -> u64) -> u64 {
    FIXED.unwrap_or_else(noise)
}

/// Returns a hash of words that are each only a little random: a bit of an oscillator's phase, say, or the last bits
/// of a voltage.
pub fn hash(words: impl IntoIterator<Item = u32>) -> u64 {
    // FNV-1a; then the finalizer of SplitMix64, so that every bit of the seed depends on all words.
    let mut z = words.into_iter().fold(0xcbf2_9ce4_8422_2325, |h, word| {
        (h ^ u64::from(word)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
