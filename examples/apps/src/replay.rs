//! Recordings of boards played again: the same readings to the same application, and the same bits.

use core::fmt::{Display, Formatter, Result as Outcome};

use crate::{
    calibrate::{CHWIRUT2, Calibration, reading},
    hash::Hash,
    sensor::Sensor,
};

/// An application that is given a recording.
#[derive(Debug)]
pub enum Application {
    /// Chwirut2's instrument, and steps a reading.
    Calibrate(Calibration<3, 64>, u32),
    /// The sensor.
    Sensor(Sensor),
}

impl Application {
    fn new(name: &str, seed: u64, settings: &[u32]) -> Result<Self, Wrong> {
        let made = match (name, settings) {
            ("calibrate", [steps]) => {
                Calibration::new(CHWIRUT2, seed).map(|c| Self::Calibrate(c, *steps))
            }
            ("sensor", []) => Sensor::new(seed).map(Self::Sensor),
            _ => return Err(Wrong::Application),
        };
        made.map_err(|_| Wrong::Application)
    }

    fn take(&mut self, words: &[u32]) -> Result<(), Wrong> {
        match (self, words) {
            (Self::Calibrate(calibration, steps), [x, y]) => {
                let at = [*x, *y].map(f32::from_bits);
                // A reading that is refused leaves no trace, as on the board.
                let _ = calibration.observe(reading(at), *steps);
            }
            (Self::Sensor(sensor), [code]) => {
                let code = u16::try_from(*code).map_err(|_| Wrong::Reading)?;
                sensor.update(code);
            }
            _ => return Err(Wrong::Reading),
        }
        Ok(())
    }

    fn position(&self) -> &[f32] {
        match self {
            Self::Calibrate(calibration, _) => calibration.position(),
            Self::Sensor(sensor) => sensor.position(),
        }
    }
}

/// A recording played again.
#[derive(Debug)]
pub struct Replay {
    application: Application,
    readings: u32,
    compared: u32,
    hash: Hash,
}

impl Replay {
    /// From what a recording starts with.
    ///
    /// # Errors
    /// [`Wrong::Application`].
    pub fn new(application: &str, seed: u64, settings: &[u32]) -> Result<Self, Wrong> {
        Ok(Self {
            application: Application::new(application, seed, settings)?,
            readings: 0,
            compared: 0,
            hash: Hash::new(),
        })
    }

    /// Gives the application a reading.
    ///
    /// # Errors
    /// [`Wrong::Reading`].
    pub fn reading(&mut self, words: &[u32]) -> Result<(), Wrong> {
        self.application.take(words)?;
        self.readings = self.readings.wrapping_add(1);
        self.hash.reading(words, self.application.position());
        Ok(())
    }

    /// Compares the hash of so many readings with the one here.
    ///
    /// # Errors
    /// [`Wrong::Lost`] and [`Wrong::Bits`].
    pub fn compare(&mut self, readings: u32, hash: u64) -> Result<(), Wrong> {
        if readings != self.readings {
            return Err(Wrong::Lost {
                recorded: readings,
                found: self.readings,
            });
        }
        if hash != self.hash.value() {
            return Err(Wrong::Bits {
                readings,
                recorded: hash,
                here: self.hash.value(),
            });
        }
        self.compared = readings;
        Ok(())
    }

    /// The application, with all it knows.
    pub const fn application(&self) -> &Application {
        &self.application
    }

    /// How many readings there were.
    pub const fn readings(&self) -> u32 {
        self.readings
    }

    /// For how many of them the bits are known to be the same.
    pub const fn compared(&self) -> u32 {
        self.compared
    }
}

/// What is wrong with a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No application of this name is made with such settings.
    Application,
    /// The reading is none of this application.
    Reading,
    /// There are more or fewer readings than the board counted.
    Lost {
        /// So many were recorded
        recorded: u32,
        /// and so many found.
        found: u32,
    },
    /// A position is another, or a reading.
    Bits {
        /// After so many readings the hash
        readings: u32,
        /// was this on the board,
        recorded: u64,
        /// and is this.
        here: u64,
    },
}

impl Display for Wrong {
    fn fmt(&self, f: &mut Formatter<'_>) -> Outcome {
        match self {
            Self::Application => f.write_str("no such application, or not with such settings"),
            Self::Reading => f.write_str("no reading of this application"),
            Self::Lost { recorded, found } => {
                write!(f, "{found} readings, but {recorded} were recorded")
            }
            Self::Bits {
                readings,
                recorded,
                here,
            } => write!(
                f,
                "other bits after {readings} readings: hash {recorded:016x} was recorded, {here:016x} is here"
            ),
        }
    }
}

impl core::error::Error for Wrong {}
