//! Some readings of a long window in place of all.

/// Every so many-th reading of a window from a start that is drawn anew each time: systematic sampling.
///
/// Every reading has the same chance. The start comes from a linear congruential generator (Numerical Recipes' constants) of the tracker's
/// own, because noise need not have uniform bits.
pub(super) fn indices(
    state: &mut u32,
    count: usize,
    size: u16,
) -> impl Iterator<Item = usize> + Clone {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    // The upper bits are the random ones; a window has far fewer than 2³² readings.
    let start = ((u64::from(*state) * count as u64) >> 32) as usize;
    let size = usize::from(size);
    (0..size).map(move |k| {
        let index =
            start + ((k as u64 * count as u64).checked_div(size as u64)).unwrap_or(0) as usize;
        if index < count { index } else { index - count }
    })
}

#[cfg(test)]
mod tests {
    use super::indices;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn every_reading_has_the_same_chance() {
        let mut state = 7;
        let mut counts = [0_u32; 100];
        for _ in 0..20_000 {
            let mut last = None;
            for index in indices(&mut state, 100, 7) {
                assert_ne!(Some(index), last);
                counts[index] += 1;
                last = Some(index);
            }
        }
        // 1400 each, within five standard deviations of a binomial count.
        assert!(
            counts.iter().all(|c| (1215..1585).contains(c)),
            "{counts:?}"
        );
    }
}
