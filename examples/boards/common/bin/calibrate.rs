//! Calibrates an instrument from readings that are in the image.

#![no_std]
#![no_main]

use board::{Board, entry};

#[entry]
fn main() -> ! {
    langevin_boards::calibrate(Board::start().console)
}
