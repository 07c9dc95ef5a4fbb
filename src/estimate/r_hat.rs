//! R-hat: whether several segments of sampling agree.

use super::Moments;
use crate::arithmetic::sqrt;

/// Returns R-hat of each coordinate over several segments of sampling, such as chains or their halves.
///
/// R-hat is √(1 + B/W), where W is the mean variance within a segment and B the variance of the means (Gelman & Rubin
/// 1992; Gelman et al. 2013, section 11.4, without the factor (n − 1)/n, which is 1 at useful lengths). Segments may
/// differ in length; each counts by its weight. R-hat is 1 if the segments agree; below 1.01 they may be pooled. It is
/// infinite for a coordinate that no segment moved, and if fewer than two segments have samples.
///
/// ```
/// use langevin::{Moments, estimate::r_hat};
/// let mut chains = [Moments::<1>::new(); 2];
/// for x in [-1.0, 1.0] {
///     chains[0].push(&[x]);
///     chains[1].push(&[x + 2.0]);
/// }
/// // Variance 1 within, means 0 and 2: B = 2.
/// assert!((r_hat(&chains)[0] - 3.0_f32.sqrt()).abs() < 1e-6);
/// ```
pub fn r_hat<'a, const N: usize>(segments: impl IntoIterator<Item = &'a Moments<N>>) -> [f32; N] {
    let mut pooled = Moments::new();
    let mut within = [0.0; N];
    let mut count = 0.0_f32;
    for segment in segments {
        if segment.weight() > 0.0 {
            count += 1.0;
            pooled.merge(segment);
            let share = segment.weight() / pooled.weight();
            for (w, v) in within.iter_mut().zip(segment.variance_or_zero()) {
                *w += share * (v - *w);
            }
        }
    }
    if count < 2.0 {
        return [f32::INFINITY; N];
    }
    let unbiased = count / (count - 1.0);
    for (w, v) in within.iter_mut().zip(pooled.variance_or_zero()) {
        *w = if *w > 0.0 {
            let between = unbiased * (v - *w).max(0.0);
            sqrt(1.0 + between / *w)
        } else {
            f32::INFINITY
        };
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn agrees_with_the_definition() {
        // Four chains of 1000: R² = 1 + B/W, B the variance of the means with divisor 3.
        let shifts = [0.0_f32, 0.5, -1.0, 2.0];
        let chains = shifts.map(|shift| {
            let mut chain = Moments::<2>::new();
            for i in 0..1000_u16 {
                let x = f32::from(i % 10);
                chain.push(&[x + shift, 1e4 + x]);
            }
            chain
        });
        let mean = shifts.iter().sum::<f32>() / 4.0;
        let between = shifts.iter().map(|s| (s - mean) * (s - mean)).sum::<f32>() / 3.0;
        let [shifted, same] = r_hat(&chains);
        assert!(
            (shifted - (1.0 + between / 8.25).sqrt()).abs() < 1e-5,
            "{shifted}"
        );
        assert!((same - 1.0).abs() < 1e-6, "{same}");
    }

    #[test]
    fn is_infinite_for_one_segment_or_none_that_moved() {
        let mut still = Moments::<1>::new();
        still.push(&[1.0]);
        let mut moved = still;
        moved.push(&[2.0]);
        assert_eq!(r_hat(&[] as &[Moments<1>]), [f32::INFINITY]);
        assert_eq!(r_hat([&moved]), [f32::INFINITY]);
        assert_eq!(r_hat([&moved, &Moments::new()]), [f32::INFINITY]);
        assert_eq!(r_hat([&still, &still]), [f32::INFINITY]);
        assert!(r_hat([&moved, &still])[0].is_finite());
    }
}
