//! Lines of text to the debugger's log and to a serial console.

use core::fmt::Write;

use heapless::String;

/// A line under construction, of up to 128 bytes. Text that does not fit is cut off.
///
/// Numbers are written here and not by `core::fmt`, which would take more flash than the application; `ryu`, in its
/// small form, would take a quarter as much again.
#[derive(Clone, Debug, Default)]
pub struct Line(String<128>);

impl Line {
    /// Creates an empty line.
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Returns the text so far.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends text.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        // Cut off when full.
        let _ = self.0.push_str(text);
        self
    }

    /// Appends a number with six significant digits, without trailing zeros.
    #[must_use]
    pub fn number(mut self, x: f32) -> Self {
        self.push_number(x);
        self
    }

    /// Appends numbers as a list in brackets.
    #[must_use]
    pub fn numbers<const N: usize>(mut self, numbers: [f32; N]) -> Self {
        for (i, x) in numbers.into_iter().enumerate() {
            self = self.text(if i == 0 { "[" } else { ", " }).number(x);
        }
        self.text("]")
    }

    /// Appends a count.
    #[must_use]
    pub fn count(mut self, n: u32) -> Self {
        self.push_digits(n, 1);
        self
    }

    /// Appends tenths as a number with one decimal.
    #[must_use]
    pub fn tenths(mut self, n: u32) -> Self {
        self.push_digits(n / 10, 1);
        self.push('.');
        self.push_digits(n % 10, 1);
        self
    }

    /// Appends words in hexadecimal, as a list in brackets.
    #[must_use]
    pub fn words<const N: usize>(mut self, words: [u32; N]) -> Self {
        for (i, word) in words.into_iter().enumerate() {
            self = self.text(if i == 0 { "[0x" } else { ", 0x" });
            for nibble in (0..8).rev() {
                let digit = (word >> (4 * nibble)) & 15;
                self.push(char::from_digit(digit, 16).unwrap_or('?'));
            }
        }
        self.text("]")
    }

    fn push(&mut self, c: char) {
        let _ = self.0.push(c);
    }

    /// Appends a number with at least `width` digits.
    fn push_digits(&mut self, n: u32, width: u32) {
        let mut unit = 1_000_000_000;
        let mut left = 10;
        while left > 1 && left > width && n < unit {
            unit /= 10;
            left -= 1;
        }
        let mut n = n;
        for _ in 0..left {
            self.push(char::from_digit(n / unit, 10).unwrap_or('?'));
            n %= unit;
            unit = (unit / 10).max(1);
        }
    }

    fn push_number(&mut self, x: f32) {
        if x.is_nan() {
            return self.push_all("NaN");
        }
        if x.is_sign_negative() {
            self.push('-');
        }
        let mut x = x.abs();
        if x.is_infinite() {
            return self.push_all("inf");
        }
        if x == 0.0 {
            return self.push('0');
        }
        // x times ten to the power: six digits before the point.
        let mut power = 0_i32;
        while x < 99_999.95 {
            x *= 10.0;
            power += 1;
        }
        while x >= 999_999.5 {
            x *= 0.1;
            power -= 1;
        }
        // Far from one: an integer and a power of ten.
        let far = !(-3..=9).contains(&power);
        let mut digits = (x + 0.5) as u32;
        while digits != 0 && digits.is_multiple_of(10) {
            digits /= 10;
            power -= 1;
        }
        let unit = 10_u32.pow(power.unsigned_abs().min(9));
        if far {
            self.push_digits(digits, 1);
            self.push_all(if power > 0 { "e-" } else { "e" });
            self.push_digits(power.unsigned_abs(), 1);
        } else if power > 0 {
            self.push_digits(digits / unit, 1);
            self.push('.');
            self.push_digits(digits % unit, power.unsigned_abs());
        } else {
            self.push_digits(digits.saturating_mul(unit), 1);
        }
    }

    fn push_all(&mut self, text: &str) {
        let _ = self.0.push_str(text);
    }
}

/// Shows the log besides the debugger: a serial port, or [`NoConsole`].
pub trait Console {
    /// Sends bytes, and waits until they are on their way.
    fn send(&mut self, bytes: &[u8]);
}

/// The console of a board whose log only the debugger shows.
#[derive(Clone, Copy, Debug)]
pub struct NoConsole;

impl Console for NoConsole {
    fn send(&mut self, _: &[u8]) {}
}

/// A log whose lines the debugger and a console show.
#[derive(Debug)]
pub struct Log<C>(pub C);

impl<C: Console> Log<C> {
    /// Logs a line.
    pub fn info(&mut self, line: &Line) {
        defmt::info!("{=str}", line.as_str());
        self.send(line.as_str());
    }

    /// Logs a line about something that is wrong.
    pub fn warn(&mut self, line: &Line) {
        defmt::warn!("{=str}", line.as_str());
        self.send(line.as_str());
    }

    fn send(&mut self, line: &str) {
        let Self(console) = self;
        console.send(line.as_bytes());
        console.send(b"\r\n");
    }
}

/// Logs the lines of a recording.
impl<C: Console> Write for Log<C> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for line in text.lines() {
            defmt::info!("{=str}", line);
            self.send(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(x: f32) -> std::string::String {
        Line::new().number(x).as_str().into()
    }

    #[test]
    fn numbers_read_back_to_six_digits() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (10.0, "10"),
            (999_999.0, "999999"),
            (0.001_234_5, "0.0012345"),
            (2047.03, "2047.03"),
            (f32::NAN, "NaN"),
            (f32::INFINITY, "inf"),
            (-f32::INFINITY, "-inf"),
            (999_999.7, "1000000"),
        ] {
            assert_eq!(shown(x), text);
        }
        let mut x = 1.1e-38_f32;
        while x < 3e38 {
            let read: f32 = shown(x).parse().unwrap();
            assert!((read / x - 1.0).abs() < 8e-6, "{x:e} shown as {}", shown(x));
            x *= 1.618;
        }
    }

    #[test]
    fn counts_words_and_lists() {
        let line = Line::new().count(0).text(" ").count(u32::MAX);
        assert_eq!(line.as_str(), "0 4294967295");
        let line = Line::new().words([0, 0xdead_beef]);
        assert_eq!(line.as_str(), "[0x00000000, 0xdeadbeef]");
        let line = Line::new().numbers([1.0, -0.25]);
        assert_eq!(line.as_str(), "[1, -0.25]");
    }

    #[test]
    fn what_does_not_fit_is_cut_off() {
        let mut line = Line::new();
        for _ in 0..100 {
            line = line.text("abc").number(1.234_56);
        }
        assert!(line.as_str().len() <= 128);
    }
}
