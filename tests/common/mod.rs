//! What several tests share. Each uses its own part.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod stats;

use langevin::{
    StepError,
    noise::{FiveMoments, Gaussian, Noise},
};

/// A fault of the kind the laws must notice: noise times a factor.
#[derive(Clone, Debug)]
pub struct Scaled<Z>(pub Z, pub f32);

impl<Z: Noise> Noise for Scaled<Z> {
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        self.0.fill(out)?;
        for x in out {
            *x *= self.1;
        }
        Ok(())
    }
}
impl<Z: Gaussian> FiveMoments for Scaled<Z> {}
impl<Z: Gaussian> Gaussian for Scaled<Z> {}

/// Another: every draw given out twice, as by a spare that is not cleared.
#[derive(Clone, Debug)]
pub struct Twice<Z> {
    noise: Z,
    spare: Option<f32>,
}

impl<Z> Twice<Z> {
    pub fn new(noise: Z) -> Self {
        Self { noise, spare: None }
    }
}

impl<Z: Noise> Noise for Twice<Z> {
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        for x in out {
            *x = match self.spare.take() {
                Some(spare) => spare,
                None => {
                    let mut fresh = [0.0];
                    self.noise.fill(&mut fresh)?;
                    *self.spare.insert(fresh[0])
                }
            };
        }
        Ok(())
    }
}
impl<Z: Gaussian> FiveMoments for Twice<Z> {}
impl<Z: Gaussian> Gaussian for Twice<Z> {}

/// FNV-1a over words.
#[derive(Clone, Copy, Debug)]
pub struct Fnv(u64);

impl Fnv {
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub fn write(&mut self, word: u32) {
        self.0 = (self.0 ^ u64::from(word)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    pub fn value(&self) -> u64 {
        self.0
    }
}
