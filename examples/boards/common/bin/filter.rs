//! A thermal filter in the timer's interrupt.

#![no_std]
#![no_main]

use board::{Bench, Board, entry, start_ticks};
use langevin_boards::{
    filter::{Control, Estimate, Latest, RATE, Ticks, filter},
    seed,
};

/// From the interrupt to whoever wants to know.
static LATEST: Latest<Estimate> = Latest::new();

#[entry]
fn main() -> ! {
    // `entry` makes these `&'static mut`.
    static mut TICKS: Ticks = Ticks::new();
    static mut CONTROL: Option<Control<Bench>> = None;

    let mut board = Board::start();
    let seed = seed(|| board.entropy());
    let (bench, console) = board.bench(RATE);
    let (control, watch) = filter(seed, bench, &LATEST, TICKS, console);
    // From here on the timer's interrupt filters and heats, and nothing else has thermometer and heater.
    start_ticks(CONTROL.insert(control));
    // Shows the latest estimate, for ever.
    watch.run()
}
