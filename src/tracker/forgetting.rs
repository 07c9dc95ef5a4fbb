//! What a reading's age takes away, and what of that the prior gives back.

use super::belief::Belief;
use crate::{arithmetic::sqrt, model::Prior};

/// Discounts `belief` by `factor`, as if all data weighed so much less, and returns the whitened pull of the prior.
///
/// The prior is not discounted: what the discount takes of it is put back, in the precision one coordinate at a call
/// (`turn` says which) for all N, in the gradient for all coordinates.
pub(super) fn discount<const N: usize>(
    belief: &mut Belief<N>,
    prior: &impl Prior<N>,
    factor: f32,
    turn: usize,
) -> [f32; N] {
    belief.scale(1.0 / sqrt(factor));
    let lost = 1.0 - factor;
    restore(belief, prior, N as f32 * lost, turn);
    let mut gradient = [0.0; N];
    prior.add_gradient(&belief.mean(), &mut gradient);
    belief.apply_transpose(&gradient.map(|g| lost * g))
}

/// Discounts `belief` by `factor` at once: the prior is put back in all coordinates.
pub(super) fn widen<const N: usize>(belief: &mut Belief<N>, prior: &impl Prior<N>, factor: f32) {
    belief.scale(1.0 / sqrt(factor));
    for k in 0..N {
        restore(belief, prior, 1.0 - factor, k);
    }
}

/// Adds `share` of the prior's curvature along coordinate `k` to the precision: differences over one standard deviation.
fn restore<const N: usize>(belief: &mut Belief<N>, prior: &impl Prior<N>, share: f32, k: usize) {
    let mut axis = [0.0; N];
    let Some((one, sd)) = axis.get_mut(k).zip(belief.sd().get(k).copied()) else {
        return;
    };
    *one = 1.0;
    let ends = [0.5, -0.5].map(|side| {
        let mut gradient = [0.0; N];
        prior.add_gradient(&belief.offset(&axis.map(|x| side * sd * x)), &mut gradient);
        gradient.get(k).copied().unwrap_or_default()
    });
    let [above, below] = ends;
    let curvature = (above - below) / sd;
    if curvature > 0.0 {
        belief.observe(share * curvature, &axis);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GaussianPrior;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn without_readings_the_belief_stays_the_prior() {
        let prior = GaussianPrior::new([1.0, -2.0], [3.0, 0.5]).unwrap();
        let mut belief = Belief::independent(&[1.0, -2.0], &[3.0, 0.5]);
        for i in 0..4000 {
            let pull = discount(&mut belief, &prior, 0.99, i % 2);
            assert_eq!(pull, [0.0; 2]);
        }
        let [a, b] = belief.sd();
        assert!((a / 3.0 - 1.0).abs() < 0.02 && (b / 0.5 - 1.0).abs() < 0.02);
    }
}
