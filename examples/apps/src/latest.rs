//! The newest value of something, handed from an interrupt to the main loop.

use core::cell::Cell;

use critical_section::Mutex;

/// A place for the newest value. Who reads it gets a whole value, whatever interrupts whom.
///
/// The value is copied in a critical section, whose implementation the program chooses (on a single core, interrupts are
/// off for as long as the copy takes); see the crate `critical-section`.
///
/// ```
/// use langevin_apps::latest::Latest;
/// static LATEST: Latest<[f32; 2]> = Latest::new();
/// LATEST.put([1.0, 2.0]); // in the timer's interrupt
/// LATEST.put([3.0, 4.0]);
/// assert_eq!(LATEST.get(), Some([3.0, 4.0])); // in the main loop
/// assert_eq!(LATEST.take(), Some([3.0, 4.0]));
/// assert_eq!(LATEST.take(), None); // nothing new since
/// ```
pub struct Latest<T>(Mutex<Cell<Option<T>>>);

impl<T: Copy> Latest<T> {
    /// Creates a place without a value.
    pub const fn new() -> Self {
        Self(Mutex::new(Cell::new(None)))
    }

    /// Replaces the value.
    pub fn put(&self, value: T) {
        critical_section::with(|section| self.0.borrow(section).set(Some(value)));
    }

    /// Returns the value, if there is one.
    pub fn get(&self) -> Option<T> {
        critical_section::with(|section| self.0.borrow(section).get())
    }

    /// Takes the value out, so that each is returned once at most.
    pub fn take(&self) -> Option<T> {
        critical_section::with(|section| self.0.borrow(section).take())
    }
}

impl<T: Copy> Default for Latest<T> {
    fn default() -> Self {
        Self::new()
    }
}
