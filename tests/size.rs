//! How much RAM the core takes: pinned, as every byte of it is static RAM on a board.
//!
//! The layouts are the same on 32-bit Arm and RISC-V, but for the `usize` of a window: there is no pointer in
//! them, and the 64 bits of a generator are aligned to 8 there too.

use core::mem::size_of;

use langevin::{
    BoxMuller, Chain, Pcg32, Sample, StepError, Window,
    error::ErrorCounts,
    preconditioner::{Dense, Diagonal, Identity},
    schedule::{Annealed, Constant, Cyclical, Polynomial},
    stepper::{MaxStep, Sgd, Sgld, StepParameters},
};

const _: () = assert!(size_of::<StepError>() == 1);
const _: () = assert!(size_of::<Result<(), StepError>>() == 1);
const _: () = assert!(size_of::<ErrorCounts>() == 32);
const _: () = assert!(size_of::<MaxStep>() == 4);
// η, T, √(2ηT), the bound.
const _: () = assert!(size_of::<StepParameters>() == 16);

#[test]
fn schedules() {
    // With the last pace, and the number of data it is for.
    assert_eq!(size_of::<Constant>(), 28);
    assert_eq!(size_of::<Polynomial>(), 20);
    assert_eq!(size_of::<Cyclical>(), 24);
    assert_eq!(size_of::<Annealed<Polynomial>>(), 36);
}

#[test]
fn steppers_and_metrics() {
    assert_eq!(size_of::<Sgd>(), 0);
    assert_eq!(size_of::<Sgld>(), 0);
    assert_eq!(size_of::<Identity>(), 0);
    assert_eq!(size_of::<Sgld<Diagonal<8>>>(), 32);
    assert_eq!(size_of::<Sgld<Dense<8>>>(), 256);
}

#[test]
fn noise() {
    // The generator's 16 bytes and the spare normal.
    assert_eq!(size_of::<Pcg32>(), 16);
    assert_eq!(size_of::<BoxMuller<Pcg32>>(), 24);
}

#[test]
fn chains() {
    type Typical<const N: usize> = Chain<N, Sgld, Constant, BoxMuller<Pcg32>>;
    // Position and anchor, schedule, noise, eight settings and counters, the fault counts.
    assert_eq!(size_of::<Typical<1>>(), 8 + 32 + 24 + 32 + 32);
    assert_eq!(size_of::<Typical<2>>(), 16 + 32 + 24 + 32 + 32);
    assert_eq!(size_of::<Typical<8>>(), 64 + 32 + 24 + 32 + 32);
}

#[test]
fn windows() {
    // 64 observations of 12 bytes; the ring's index and whether it is full, the forgetting factor, the sum of the
    // weights, the refused.
    assert_eq!(
        size_of::<Window<Sample<2>, 64>>(),
        64 * 12 + 16 + 2 * size_of::<usize>()
    );
}
