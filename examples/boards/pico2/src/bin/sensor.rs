//! Watches the chip's own thermometer.

#![no_std]
#![no_main]

use langevin_boards::{
    Handover, seed,
    sensor::{Codes, RATE, Sampling, sensor},
};
use langevin_pico2::{Board, Chip, entry, interrupt, start_ticks};

static SAMPLING: Handover<Sampling<Chip>> = Handover::new();

#[entry]
fn main() -> ! {
    static mut CODES: Codes = Codes::new();
    let (from_interrupt, codes) = CODES.split();

    let mut board = Board::start();
    let seed = seed(|| board.entropy());
    let (chip, console) = board.chip(RATE);
    SAMPLING.give(Sampling::new(chip, from_interrupt));
    start_ticks();
    sensor(seed, codes, console)
}

#[interrupt]
fn TIMER0_IRQ_0() {
    static mut OWN: Option<Sampling<Chip>> = None;
    if let Some(sampling) = SAMPLING.owned(OWN) {
        sampling.tick();
    }
}
