//! Recordings of an application: its readings and the path of its estimates, as lines of text.
//! [`Replay`](crate::replay::Replay) replays them.
//!
//! ```text
//! @langevin start sensor 0000000000000007;
//! @langevin reading 000003ec;
//! @langevin hash 00000001 51f7ba9dd6b09a8d;
//! ```
//!
//! A recording starts with the application's name, its seed and its other settings. A line for each reading follows; and
//! every [`EVERY`] readings and at the end a line with the number of readings so far and a hash of each reading and the
//! mean of the unknowns after it. All numbers are hexadecimal. The same lines go over a serial port, semihosting or
//! defmt: what surrounds them in a line, such as time and level, is ignored. A line ends with a semicolon, so
//! that one which was cut off is noticed.
//!
//! | application | settings | words of a reading |
//! |---|---|---|
//! | `battery` | | bits of time, current and voltage |
//! | `calibrate` | | bits of setting and response, of Chwirut2's instrument |
//! | `compass` | | bits of the field in µT along x, y and z, and of the acceleration in g along the same axes |
//! | `filter` | bits of the ambient temperature | bits of temperature and power |
//! | `sensor` | | code |
//!
//! The text is not formatted by `core::fmt`, which would take more flash than an application.

use core::fmt::{Display, Error, Formatter, Result as Outcome, Write};

use heapless::{String, Vec};

use crate::hash::Hash;

/// The start of every line.
const MARK: &str = "@langevin ";

/// The largest number of words in a line.
pub const WORDS: usize = 6;

/// The length of the longest line and its newline.
const LENGTH: usize = 96;

/// Readings between two hashes.
pub const EVERY: u32 = 64;

/// A writer of a recording. Each line is one call of [`Write::write_str`], newline included.
#[derive(Clone, Debug)]
pub struct Recorder {
    readings: u32,
    hash: Hash,
}

impl Recorder {
    /// Writes the first line: the application's name, its seed and its other settings.
    ///
    /// # Errors
    /// When `out` fails, or when there are more than [`WORDS`] settings.
    pub fn start(
        application: &str,
        seed: u64,
        settings: &[u32],
        out: &mut impl Write,
    ) -> Result<Self, Error> {
        let mut line = Text::new("start ")?;
        line.push(application)?;
        line.push(" ")?;
        line.hex(seed, 16)?;
        line.words(settings)?;
        line.write(out)?;
        Ok(Self {
            readings: 0,
            hash: Hash::new(),
        })
    }

    /// Writes a reading, with the `mean` of the unknowns after it. After every [`EVERY`] readings the hash follows.
    ///
    /// # Errors
    /// When `out` fails, or when there are more than [`WORDS`] words. The reading is part of the hash even so.
    pub fn reading(&mut self, words: &[u32], mean: &[f32], out: &mut impl Write) -> Outcome {
        self.readings = self.readings.wrapping_add(1);
        self.hash.reading(words, mean);
        let mut line = Text::new("reading")?;
        line.words(words)?;
        line.write(out)?;
        if self.readings.is_multiple_of(EVERY) {
            self.hash(out)?;
        }
        Ok(())
    }

    /// Writes the hash, at the end or at any time.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn hash(&self, out: &mut impl Write) -> Outcome {
        let mut line = Text::new("hash ")?;
        line.hex(self.readings.into(), 8)?;
        line.push(" ")?;
        line.hex(self.hash.value(), 16)?;
        line.write(out)
    }
}

/// A line under construction.
struct Text(String<LENGTH>);

impl Text {
    fn new(kind: &str) -> Result<Self, Error> {
        let mut text = Self(String::new());
        text.push(MARK)?;
        text.push(kind)?;
        Ok(text)
    }

    fn push(&mut self, text: &str) -> Outcome {
        self.0.push_str(text).map_err(|_| Error)
    }

    fn hex(&mut self, number: u64, digits: u32) -> Outcome {
        for place in (0..digits).rev() {
            let digit = (number >> (4 * place)) as u8 & 15;
            let ascii = if digit < 10 { b'0' } else { b'a' - 10 };
            self.0.push(char::from(ascii + digit)).map_err(|_| Error)?;
        }
        Ok(())
    }

    fn words(&mut self, words: &[u32]) -> Outcome {
        if words.len() > WORDS {
            return Err(Error);
        }
        for word in words {
            self.push(" ")?;
            self.hex((*word).into(), 8)?;
        }
        Ok(())
    }

    fn write(mut self, out: &mut impl Write) -> Outcome {
        self.push(";\n")?;
        out.write_str(&self.0)
    }
}

/// A line of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// The first line.
    Start {
        /// The application's name.
        application: &'a str,
        /// The seed of its noise.
        seed: u64,
        /// Its other settings.
        settings: Vec<u32, WORDS>,
    },
    /// A reading.
    Reading(Vec<u32, WORDS>),
    /// A hash of each reading so far and the mean after it.
    Hash {
        /// The number of readings.
        readings: u32,
        /// The hash.
        hash: u64,
    },
}

impl<'a> Line<'a> {
    /// Finds a line of a recording in a line of a log. Returns `None` if there is none.
    ///
    /// # Errors
    /// When a line of a recording begins but is not complete.
    pub fn find(text: &'a str) -> Result<Option<Self>, ParseError> {
        let Some((_, line)) = text.split_once(MARK) else {
            return Ok(None);
        };
        let line = line.split_once(';').and_then(|(line, _)| Self::parse(line));
        line.map(Some).ok_or(ParseError)
    }

    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(' ');
        match fields.next()? {
            "start" => Some(Self::Start {
                application: fields.next()?,
                seed: hex(fields.next()?, 16)?,
                settings: words(fields)?,
            }),
            "reading" => Some(Self::Reading(words(fields)?)),
            "hash" => {
                let readings = hex(fields.next()?, 8)? as u32;
                let hash = hex(fields.next()?, 16)?;
                fields
                    .next()
                    .is_none()
                    .then_some(Self::Hash { readings, hash })
            }
            _ => None,
        }
    }
}

/// Parses a hexadecimal number of exactly `digits` lower-case digits.
fn hex(field: &str, digits: usize) -> Option<u64> {
    let mut number = 0;
    for byte in field.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u64::from(digit);
    }
    (field.len() == digits).then_some(number)
}

fn words<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Vec<u32, WORDS>> {
    let mut words = Vec::new();
    for field in fields {
        words.push(hex(field, 8)? as u32).ok()?;
    }
    Some(words)
}

/// The error for a line of a recording that is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError;

impl Display for ParseError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Outcome {
        f.write_str("an incomplete line of a recording")
    }
}

impl core::error::Error for ParseError {}
