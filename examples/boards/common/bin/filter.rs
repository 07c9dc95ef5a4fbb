//! Runs a thermal filter in the timer's interrupt.

#![no_std]
#![no_main]

use board::{Board, Plant, Ticker, entry, start_ticks};
use langevin_boards::{
    filter::{Control, Estimate, Latest, Ticks, filter},
    seed,
};

/// The newest estimate, from the interrupt to the main program.
static LATEST: Latest<Estimate> = Latest::new();

#[entry]
fn main() -> ! {
    // `entry` makes these `&'static mut`.
    static mut TICKS: Ticks = Ticks::new();
    static mut CONTROL: Option<Control<Ticker, Plant>> = None;

    let mut board = Board::start();
    let seed = seed(|| board.entropy());
    let (ticker, plant, console) = board.plant();
    let (control, watch) = filter(seed, ticker, plant, &LATEST, TICKS, console);
    // From here on the timer's interrupt filters and heats, and nothing else has thermometer and heater.
    start_ticks(CONTROL.insert(control));
    // Shows the latest estimate, for ever.
    watch.run()
}
