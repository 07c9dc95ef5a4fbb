//! How much RAM the core takes: pinned, as every byte of it is static RAM on a board.
//!
//! The layouts are the same on 32-bit Arm and RISC-V, but for the `usize` of a window: there is no pointer in
//! them, and the 64 bits of a generator are aligned to 8 there too.

use core::mem::size_of;

use langevin::{
    BoxMuller, Chain, Pcg32, Sample, StepError, Window,
    chain::ChainState,
    chain::ErrorCounts,
    preconditioner::{Dense, Diagonal, Identity},
    schedule::{
        Annealed, AnnealedState, Constant, ConstantState, Cyclical, CyclicalState, Polynomial,
        PolynomialState,
    },
    stepper::{
        Badodab, Baoab, Ladder, MaxStep, Preconditioned, Psgld, ReplicaExchange, Sgd, Sghmc, Sgld,
        Sgnht, StepParameters,
    },
    tracker::TrackerState,
};

const _: () = assert!(size_of::<StepError>() == 1);
const _: () = assert!(size_of::<Result<(), StepError>>() == 1);
const _: () = assert!(size_of::<ErrorCounts>() == 32);
const _: () = assert!(size_of::<MaxStep>() == 4);
// η, T, √(2ηT), the bound.
const _: () = assert!(size_of::<StepParameters>() == 16);

/// What firmware may put into a `static` is made at compile time.
#[test]
fn constructors_are_const() {
    static FACTOR: Dense<2> = match Dense::new([[1.0, 0.0], [0.5, 1.0]]) {
        Ok(factor) => factor,
        Err(_) => Dense::identity(),
    };
    const LADDER: Ladder<2> = match Ladder::new([2.0, 4.0]) {
        Ok(ladder) => ladder,
        Err(_) => panic!(),
    };
    const _: ReplicaExchange<2, Sgld> = ReplicaExchange::new(Sgld::new(), LADDER, 5);
    const _: Preconditioned<Sgld, &Dense<2>> = Preconditioned::new(Sgld::new(), &FACTOR);
    const _: () = assert!(
        Diagonal::new([1.0, 2.0]).is_ok()
            && MaxStep::new(1.0).is_ok()
            && Constant::new(0.1).is_ok()
            && Polynomial::new(0.2, 231.07, 0.55).is_ok()
            && Cyclical::new(0.1, 50).is_ok()
            && Sghmc::new(0.1).is_ok()
            && Baoab::new(0.1).is_ok()
            && Sgnht::new(0.1).is_ok()
            && Badodab::new(0.1).is_ok()
            && Psgld::new(0.99, 0.1).is_ok()
    );
    assert_eq!(FACTOR.rows()[1], [0.5, 1.0]);
}

#[test]
fn schedules() {
    assert_eq!(size_of::<Constant>(), 8);
    // The last parameters, and the number of data they are for.
    assert_eq!(size_of::<ConstantState>(), 20);
    assert_eq!(size_of::<Polynomial>(), 12);
    assert_eq!(size_of::<PolynomialState>(), 8);
    assert_eq!(size_of::<Cyclical>(), 20);
    assert_eq!(size_of::<CyclicalState>(), 4);
    assert_eq!(size_of::<Annealed<Polynomial>>(), 24);
    assert_eq!(size_of::<AnnealedState<PolynomialState>>(), 12);
}

#[test]
fn steppers_and_preconditioners() {
    assert_eq!(size_of::<Sgd>(), 0);
    assert_eq!(size_of::<Sgld>(), 0);
    assert_eq!(size_of::<Identity>(), 0);
    assert_eq!(size_of::<Preconditioned<Sgld, Diagonal<8>>>(), 32);
    assert_eq!(size_of::<Preconditioned<Sgld, Dense<8>>>(), 256);
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
    // Position and anchor, schedule, noise, four settings and five counters, the error counts.
    assert_eq!(size_of::<Typical<2>>(), 16 + 28 + 24 + 36 + 32);
    assert_eq!(size_of::<Typical<8>>(), 64 + 28 + 24 + 36 + 32);
    // Of that the state, without anchor and settings.
    type State<const N: usize> = ChainState<N, Sgld, Constant, BoxMuller<Pcg32>>;
    assert_eq!(size_of::<State<2>>(), 8 + 20 + 24 + 20 + 32);
    assert_eq!(size_of::<State<8>>(), 32 + 20 + 24 + 20 + 32);
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

#[test]
fn trackers() {
    // All that is kept from reading to reading but the window.
    type State<const N: usize> = TrackerState<(), BoxMuller<Pcg32>, N>;
    // Mean and displacement, slope, two matrices in N(N + 1), position and residual of the chain, the last move, the trace of
    // third derivatives, eleven numbers; noise, to whose 8 bytes all is aligned.
    assert_eq!(size_of::<State<3>>(), 4 * (7 * 3 + 3 * 4) + 24 + 4 * 11);
    assert_eq!(size_of::<State<8>>(), 4 * (7 * 8 + 8 * 9) + 24 + 4 * 11 + 4);
}
