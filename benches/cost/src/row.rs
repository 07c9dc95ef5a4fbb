//! What an image is asked to hold.

/// A row of a table: `table;name/detail;N`, as it is printed.
#[derive(Clone, Copy)]
pub struct Row {
    table: &'static str,
    name: &'static str,
    detail: &'static str,
    n: usize,
}

/// The parts before and after the first `mark`; without one, all and nothing.
const fn split(text: &'static str, mark: u8) -> (&'static str, &'static str) {
    let mut at = 0;
    while at < text.len() {
        if text.as_bytes()[at] == mark {
            let (before, rest) = text.split_at(at);
            return (before, rest.split_at(1).1);
        }
        at += 1;
    }
    (text, "")
}

impl Row {
    /// The row that `text` names.
    pub const fn new(text: &'static str) -> Self {
        let (table, rest) = split(text, b';');
        let (both, digits) = split(rest, b';');
        let (name, detail) = split(both, b'/');
        let mut n = 0;
        let mut at = 0;
        while at < digits.len() {
            n = 10 * n + (digits.as_bytes()[at] - b'0') as usize;
            at += 1;
        }
        Self {
            table,
            name,
            detail,
            n,
        }
    }

    /// Whether it is this one. All is known when compiling: what is not asked for leaves nothing in the image.
    #[inline(always)]
    pub fn is(self, table: &str, (name, detail): (&str, &str), n: usize) -> bool {
        self.n == n && self.table == table && self.name == name && self.detail == detail
    }
}
