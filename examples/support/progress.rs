//! A progress bar on stderr; silent when that is not a terminal.

use std::io::{IsTerminal, Write, stderr};

pub struct Progress {
    label: &'static str,
    total: u64,
    done: u64,
    shown: u64,
    visible: bool,
}

impl Progress {
    pub fn new(label: &'static str, total: u64) -> Self {
        Self {
            label,
            total: total.max(1),
            done: 0,
            shown: u64::MAX,
            visible: stderr().is_terminal(),
        }
    }

    /// So much more is done.
    pub fn add(&mut self, steps: u64) {
        self.done += steps;
        let percent = 100 * self.done / self.total;
        if self.visible && percent != self.shown {
            self.shown = percent;
            let bar = "#".repeat((percent / 4).min(25) as usize);
            let _ = write!(stderr(), "\r{} [{bar:<25}] {percent:>3} %", self.label);
        }
    }

    /// Wipes the bar, for a line of output.
    pub fn clear(&mut self) {
        if self.visible && self.shown != u64::MAX {
            self.shown = u64::MAX;
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
