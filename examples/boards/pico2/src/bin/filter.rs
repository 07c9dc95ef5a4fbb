//! A thermal filter in the timer's interrupt.

#![no_std]
#![no_main]

use langevin_boards::{
    Handover,
    filter::{Control, Estimate, Latest, RATE, Ticks, filter},
    seed,
};
use langevin_pico2::{Bench, Board, entry, interrupt, start_ticks};

static CONTROL: Handover<&mut Control<Bench>> = Handover::new();
static LATEST: Latest<Estimate> = Latest::new();

#[entry]
fn main() -> ! {
    static mut TICKS: Ticks = Ticks::new();
    static mut STATE: Option<Control<Bench>> = None;

    let mut board = Board::start();
    let seed = seed(|| board.entropy());
    let (bench, console) = board.bench(RATE);
    let (control, watch) = filter(seed, bench, &LATEST, TICKS, console);
    CONTROL.give(STATE.insert(control));
    start_ticks();
    watch.run()
}

#[interrupt]
fn TIMER0_IRQ_0() {
    static mut OWN: Option<&'static mut Control<Bench>> = None;
    if let Some(control) = CONTROL.owned(OWN) {
        control.tick();
    }
}
