//! What a tracker keeps from one reading to the next.

use super::{
    TrackerError, alarm::Alarm, belief::Belief, draws::Draws, evidence::Evidence, folding::Folded,
    forgetting, packed::Packed,
};
use crate::model::{Likelihood, Prior};

/// The mean of |y − u|²/N above which draws are far from normal, and for how many readings in a row.
const ASTRAY: f32 = 4.0;
const PATIENCE: u8 = 8;

/// All that a [`Tracker`](super::Tracker) has learnt, to be kept by a [`Checkpoint`](crate::Checkpoint) and resumed bit
/// for bit.
#[derive(Clone, Debug)]
pub struct TrackerState<W, Z, const N: usize> {
    pub(super) window: W,
    pub(super) noise: Z,
    pub(super) track: Track<N>,
}

crate::checkpoint!(impl[W: crate::Checkpoint, Z: crate::Checkpoint, const N: usize] for TrackerState<W, Z, N> {
    window: W, noise: Z, track: Track<N>
});

impl<W, Z, const N: usize> TrackerState<W, Z, N> {
    /// Returns the window of the latest readings.
    pub const fn window(&self) -> &W {
        &self.window
    }
}

/// The part that does not depend on the types of readings and noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track<const N: usize> {
    reference: [f32; N],
    displacement: [f32; N],
    slope: [f32; N],
    trend: [f32; N],
    /// How far the mean was moved by readings since the last draws.
    pub(super) moved: [f32; N],
    packed: Packed<N>,
    draws: Draws<N>,
    pub(super) alarm: Alarm,
    /// Sum of the weights of all readings.
    pub(super) effective: f32,
    pub(super) score: f32,
    /// Sum of the deviations from a normal posterior with which readings were folded.
    pub(super) misfit: f32,
    pub(super) refused: u32,
    /// One more than the coordinate whose turn it is to get back what forgetting took from the prior; 0 before the first reading.
    turn: u16,
    /// The generator of minibatches.
    pub(super) batch: u32,
    /// For how many readings the draws have been far from normal.
    astray: u8,
    /// Whether the latest reading was out of reach.
    pub(super) out_of_reach: bool,
}

crate::checkpoint!(impl[const N: usize] for Track<N> {
    reference: [f32; N], displacement: [f32; N], slope: [f32; N], trend: [f32; N], moved: [f32; N], packed: Packed<N>, draws: Draws<N>,
    alarm: Alarm, effective: f32, score: f32, misfit: f32, refused: u32, turn: u16, batch: u32, astray: u8, out_of_reach: bool
} if |track| track.is_possible());

/// A [`Track`] with its matrices in full, while it works.
pub(super) struct Working<const N: usize> {
    pub(super) belief: Belief<N>,
    pub(super) folded: Folded<N>,
    pub(super) draws: Draws<N>,
}

impl<const N: usize> Working<N> {
    /// Takes `belief` over, with the reference at its mean.
    pub(super) fn adopt(&mut self, belief: Belief<N>) {
        self.belief = belief;
        let moved = self.belief.rebase();
        self.folded.rebase(&moved, &self.belief);
    }
}

impl<const N: usize> Track<N> {
    pub(super) const NOTHING: Self = Self {
        reference: [0.0; N],
        displacement: [0.0; N],
        slope: [0.0; N],
        trend: [0.0; N],
        moved: [0.0; N],
        packed: Packed::NOTHING,
        draws: Draws::NOTHING,
        alarm: Alarm::QUIET,
        effective: 0.0,
        score: 0.0,
        misfit: 0.0,
        refused: 0,
        turn: 0,
        batch: 0,
        astray: 0,
        out_of_reach: false,
    };

    fn is_possible(&self) -> bool {
        let vectors = [
            &self.reference,
            &self.displacement,
            &self.slope,
            &self.trend,
            &self.moved,
        ];
        let finite = vectors.iter().all(|v| v.iter().all(|x| x.is_finite()));
        finite
            && usize::from(self.turn) <= N
            && self.effective >= 0.0
            && self.score.is_finite()
            && self.misfit >= 0.0
    }

    /// The belief in the prior.
    pub(super) fn prior(prior: &impl Prior<N>) -> Result<Belief<N>, TrackerError> {
        let (mean, sd) = prior.location_and_scale();
        let known = sd.iter().all(|sd| *sd > 0.0 && sd.is_finite());
        if known && mean.iter().all(|m| m.is_finite()) {
            Ok(Belief::independent(&mean, &sd))
        } else {
            Err(TrackerError::ImproperPrior)
        }
    }

    /// Unpacks the track; before the first reading it is the prior.
    pub(super) fn unpack(&self, prior: &impl Prior<N>) -> Result<Working<N>, TrackerError> {
        if self.turn == 0 {
            return Ok(Working {
                belief: Self::prior(prior)?,
                folded: Folded::NOTHING,
                draws: Draws::NOTHING,
            });
        }
        Ok(Working {
            belief: self.belief(),
            folded: Folded::new(self.slope, self.packed.curvature(), self.trend),
            draws: self.draws,
        })
    }

    /// Whether the draws have been far from normal for so long that the belief is taken to be in a wrong place.
    pub(super) const fn is_lost(&self) -> bool {
        self.astray >= PATIENCE
    }

    pub(super) fn pack(&mut self, mut working: Working<N>) {
        self.packed = Packed::pack(&mut working.belief, &mut working.draws, &working.folded);
        self.reference = *working.belief.reference();
        self.displacement = *working.belief.displacement();
        self.slope = *working.folded.slope();
        self.trend = *working.folded.trend();
        self.draws = working.draws;
        self.turn = self.turn.max(1);
    }

    /// Counts the readings whose draws are far from normal.
    pub(super) fn judge(&mut self) {
        self.astray = if self.draws.deviation() > ASTRAY {
            self.astray.saturating_add(1)
        } else {
            0
        };
    }

    pub(super) fn belief(&self) -> Belief<N> {
        Belief::new(self.reference, self.displacement, self.packed.factor())
    }

    pub(super) const fn draws(&self) -> &Draws<N> {
        &self.draws
    }

    /// Discounts `belief` by the factor of forgetting, and returns the pull of the prior.
    pub(super) fn discount(
        &mut self,
        belief: &mut Belief<N>,
        prior: &impl Prior<N>,
        factor: f32,
    ) -> [f32; N] {
        if factor >= 1.0 {
            return [0.0; N];
        }
        let turn = usize::from(self.turn.saturating_sub(1));
        self.turn = if turn + 1 < N {
            self.turn.max(1) + 1
        } else {
            1
        };
        forgetting::discount(belief, prior, factor, turn)
    }

    /// Learns a reading that is in the window already.
    pub(super) fn relearn<L: Likelihood<O, N>, O>(
        &mut self,
        working: &mut Working<N>,
        prior: &impl Prior<N>,
        factor: f32,
        evidence: &Evidence<'_, L, O, N>,
    ) {
        let mut belief = working.belief;
        let pull = self.discount(&mut belief, prior, factor);
        evidence.predict(&mut belief, &pull);
        working.adopt(belief);
        self.effective = 1.0 + factor * self.effective;
    }
}
