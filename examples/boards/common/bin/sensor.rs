//! Watches the chip's own thermometer.

#![no_std]
#![no_main]

use board::{Board, Chip, Ticker, entry, start_ticks};
use langevin_boards::{
    seed,
    sensor::{Codes, Sampling, sensor},
};

#[entry]
fn main() -> ! {
    // `entry` makes these `&'static mut`.
    static mut CODES: Codes = Codes::new();
    static mut SAMPLING: Option<Sampling<Ticker, Chip>> = None;

    let mut board = Board::start();
    let seed = seed(|| board.entropy());
    let (ticker, chip, console) = board.chip();
    let (from_interrupt, codes) = CODES.split();
    // From here on the timer's interrupt reads, and nothing else has the thermometer.
    start_ticks(SAMPLING.insert(Sampling::new(ticker, chip, from_interrupt)));
    // Learns from what is read, for ever.
    sensor(seed, codes, console)
}
