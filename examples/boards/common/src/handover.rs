//! From the main program to an interrupt.

use core::cell::Cell;

use critical_section::Mutex;

use crate::OnTick;

/// The part of an application that the timer's interrupt runs, whatever its type.
pub type Ticking = &'static mut (dyn OnTick + Send);

/// A value that the main program sets up and that an interrupt then owns, without a lock.
pub struct Handover<T>(Mutex<Cell<Option<T>>>);

impl<T> Handover<T> {
    /// Creates a handover of nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Cell::new(None)))
    }

    /// Hands `value` over. For the main program.
    pub fn give(&self, value: T) {
        critical_section::with(|section| self.0.borrow(section).set(Some(value)));
    }

    /// Returns the value that was handed over, and keeps it in `own`; `None` before there is one. For the
    /// interrupt.
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

/// Defines the handler of a Cortex-M timer's interrupt, and `start_ticks`, which hands the application's part
/// over to it and enables it.
///
/// `ticks!(hal::pac, TIMER0)` wants the attribute `interrupt` of that `pac` in scope.
#[macro_export]
macro_rules! ticks {
    ($pac:path, $interrupt:ident) => {
        static TICKING: $crate::Handover<$crate::Ticking> = $crate::Handover::new();

        /// Hands `ticking` over to the timer's interrupt, and enables that.
        pub fn start_ticks(ticking: $crate::Ticking) {
            use $pac as pac;
            TICKING.give(ticking);
            // SAFETY: no critical section relies on this mask.
            unsafe { cortex_m::peripheral::NVIC::unmask(pac::Interrupt::$interrupt) };
        }

        #[interrupt]
        fn $interrupt() {
            // Owned by the interrupt alone: no lock while it ticks.
            static mut OWN: Option<$crate::Ticking> = None;
            if let Some(ticking) = TICKING.owned(OWN) {
                ticking.tick();
            }
        }
    };
}
