//! Calibrates the magnetometer, and says how far off its headings may be.

#![no_std]
#![no_main]

use board::{Board, entry};
use langevin_boards::{compass, seed};

#[entry]
fn main() -> ! {
    let mut board = Board::start();
    let seed = seed(|| board.entropy());
    let (i2c, delay, console) = board.bus();
    compass(seed, i2c, delay, console)
}
