//! Warm-up's first phase: down to where the posterior is, by the signs of the gradient.

use super::tuning::Site;

/// Length of each coordinate's first step.
const FIRST: f32 = 0.1;
/// What a step grows by while its gradient keeps its sign, and shrinks by when that turns.
const GROW: f32 = 1.3;
const SHRINK: f32 = 0.4;
/// What all steps shrink by when the gradient is not finite.
const RETREAT: f32 = 0.2;
/// Rounds in a row that gain less than N units of energy, after which a descent is over.
const CALM: u8 = 5;
/// Rounds after which it is over in any case.
const ROUNDS: u16 = 400;
/// No step is longer.
const LONGEST: f32 = 1e12;

/// iRprop− (Igel & Hüsken 2000): each coordinate has a step length of its own, which only the sign
/// of its gradient moves; that is robust to gradients of any size, such as those of a regression
/// whose noise level is not known yet.
///
/// It need not reach the mode, and where there is none must not look for it: below N units of energy
/// a step, chance decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descent<const N: usize> {
    lengths: [f32; N],
    previous: [f32; N],
    calm: u8,
    rounds: u16,
}

impl<const N: usize> Descent<N> {
    /// All zeros, to be started in place.
    pub const BLANK: Self = Self {
        lengths: [0.0; N],
        previous: [0.0; N],
        calm: 0,
        rounds: 0,
    };

    pub const fn start(&mut self) {
        *self = Self::BLANK;
        self.lengths = [FIRST; N];
    }

    /// Where the next gradient is wanted: a step of each coordinate's length, against its gradient.
    pub fn probe(&self, site: &Site<N>) -> [f32; N] {
        let mut probe = site.theta;
        for ((x, length), previous) in probe.iter_mut().zip(&self.lengths).zip(&self.previous) {
            if *previous > 0.0 {
                *x -= *length;
            } else if *previous < 0.0 {
                *x += *length;
            }
        }
        probe
    }

    /// Step lengths: each coordinate's scale, roughly.
    pub const fn lengths(&self) -> &[f32; N] {
        &self.lengths
    }

    /// Whether no gradient was asked for yet.
    pub const fn untried(&self) -> bool {
        self.rounds == 0
    }

    /// Takes the gradient at `probe` (`None`: not finite); `true` when done.
    pub fn update(
        &mut self,
        site: &mut Site<N>,
        probe: &[f32; N],
        gradient: Option<&[f32; N]>,
    ) -> bool {
        match gradient {
            Some(gradient) => {
                site.theta = *probe;
                site.gradient = *gradient;
            }
            None => {
                for length in &mut self.lengths {
                    *length *= RETREAT;
                }
                self.previous = [0.0; N];
                self.calm = 0;
            }
        }
        let mut gain = 0.0;
        for ((g, length), previous) in (site.gradient.iter())
            .zip(&mut self.lengths)
            .zip(&mut self.previous)
        {
            let turned = g * *previous;
            *previous = *g;
            if turned > 0.0 {
                *length = (*length * GROW).min(LONGEST);
            } else if turned < 0.0 {
                *length *= SHRINK;
                *previous = 0.0;
            }
            gain += *length * g.abs();
        }
        self.rounds = self.rounds.saturating_add(1);
        self.calm = if gain < N as f32 {
            self.calm.saturating_add(1)
        } else {
            0
        };
        self.calm >= CALM || self.rounds >= ROUNDS
    }
}

crate::checkpoint!(impl[const N: usize] for Descent<N> {
    lengths: [f32; N], previous: [f32; N], calm: u8, rounds: u16
});
