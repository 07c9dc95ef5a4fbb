//! What a belief learns from, one piece at a time.

use super::{
    belief::Belief,
    folding::Folded,
    prediction::{self, Outcome},
    state::Working,
};
use crate::model::Likelihood;

/// A term of the potential by its gradient.
///
/// One type for all terms: what learns from them is in the firmware once.
pub(super) enum Evidence<'a, L, O, const N: usize> {
    /// −w log p(reading | θ).
    Reading(&'a L, &'a O, f32),
    /// What has left the window, and its reference.
    Folded(&'a Folded<N>, &'a [f32; N]),
}

impl<L: Likelihood<O, N>, O, const N: usize> Evidence<'_, L, O, N> {
    /// The gradient at `theta`.
    pub(super) fn gradient(&self, theta: &[f32; N]) -> [f32; N] {
        let mut gradient = [0.0; N];
        match *self {
            Self::Reading(likelihood, reading, weight) => {
                likelihood.add_gradient(theta, reading, weight, &mut gradient);
            }
            Self::Folded(folded, reference) => {
                folded.add_gradient(reference, theta, &mut gradient);
            }
        }
        gradient
    }

    /// Moves and sharpens `belief` by it.
    pub(super) fn predict(&self, belief: &mut Belief<N>, pull: &[f32; N]) -> Outcome {
        prediction::predict(belief, pull, |theta| self.gradient(theta))
    }

    /// Folds it: it leaves the window.
    pub(super) fn fold(&self, working: &mut Working<N>, lasting: bool) {
        working
            .folded
            .push(&working.belief, lasting, |theta| self.gradient(theta));
    }
}
