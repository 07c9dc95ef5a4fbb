//! From the main program to an interrupt.

use core::cell::Cell;

use critical_section::Mutex;

use crate::OnTick;

/// What a board's timer interrupt is handed: the application's part in it, whatever its type.
pub type Ticking = &'static mut (dyn OnTick + Send);

/// What the main program sets up and an interrupt then owns, without a lock.
pub struct Handover<T>(Mutex<Cell<Option<T>>>);

impl<T> Handover<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Cell::new(None)))
    }

    /// Main program: hands over.
    pub fn give(&self, value: T) {
        critical_section::with(|section| self.0.borrow(section).set(Some(value)));
    }

    /// Interrupt: what it owns, kept in `own` since it was handed over; nothing before.
    pub fn owned<'a>(&self, own: &'a mut Option<T>) -> Option<&'a mut T> {
        if own.is_none() {
            *own = critical_section::with(|section| self.0.borrow(section).take());
        }
        own.as_mut()
    }
}

impl<T> Default for Handover<T> {
    fn default() -> Self {
        Self::new()
    }
}
