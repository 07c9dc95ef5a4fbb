//! Recordings of boards played again: the same readings to the same application, and the same bits.

use core::fmt::{Display, Formatter, Result as Outcome};

use crate::{
    calibrate::{CHWIRUT2, Calibration, reading},
    filter::{Filter, Sample},
    hash::Hash,
    record::Line,
    sensor::Sensor,
};

/// An application that is given a recording.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of them, and nothing to allocate with"
)]
pub enum Application {
    /// Chwirut2's instrument, and steps a reading.
    Calibrate(Calibration<3, 64>, u32),
    /// The thermal filter.
    Filter(Filter),
    /// The sensor.
    Sensor(Sensor),
}

impl Application {
    fn new(name: &str, seed: u64, settings: &[u32]) -> Result<Self, ReplayError> {
        let made = match (name, settings) {
            ("calibrate", [steps]) => {
                Calibration::new(CHWIRUT2, seed).map(|c| Self::Calibrate(c, *steps))
            }
            ("filter", [ambient]) => Filter::new(f32::from_bits(*ambient), seed).map(Self::Filter),
            ("sensor", []) => Sensor::new(seed).map(Self::Sensor),
            _ => return Err(ReplayError::Application),
        };
        made.map_err(|_| ReplayError::Application)
    }

    fn take(&mut self, words: &[u32]) -> Result<(), ReplayError> {
        match (self, words) {
            (Self::Calibrate(calibration, steps), [x, y]) => {
                let at = [*x, *y].map(f32::from_bits);
                // A reading that is refused leaves no trace, as on the board.
                let _ = calibration.observe(reading(at), *steps);
            }
            (Self::Filter(filter), [temperature, power]) => {
                let [temperature, power] = [*temperature, *power].map(f32::from_bits);
                filter.update(Sample { temperature, power });
            }
            (Self::Sensor(sensor), [code]) => {
                let code = u16::try_from(*code).map_err(|_| ReplayError::Reading)?;
                sensor.update(code);
            }
            _ => return Err(ReplayError::Reading),
        }
        Ok(())
    }

    fn position(&self) -> &[f32] {
        match self {
            Self::Calibrate(calibration, _) => calibration.position(),
            Self::Filter(filter) => filter.position(),
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
    /// From the line that a recording starts with.
    ///
    /// # Errors
    /// [`ReplayError::Start`] when it is another, [`ReplayError::Application`].
    pub fn start(line: &Line<'_>) -> Result<Self, ReplayError> {
        let Line::Start {
            application,
            seed,
            settings,
        } = line
        else {
            return Err(ReplayError::Start);
        };
        Ok(Self {
            application: Application::new(application, *seed, settings)?,
            readings: 0,
            compared: 0,
            hash: Hash::new(),
        })
    }

    /// Plays a line that follows: gives the application a reading, or compares a hash.
    ///
    /// # Errors
    /// What is [`ReplayError`].
    pub fn play(&mut self, line: &Line<'_>) -> Result<(), ReplayError> {
        match line {
            Line::Start { .. } => Err(ReplayError::Start),
            Line::Reading(words) => {
                self.application.take(words)?;
                self.readings = self.readings.wrapping_add(1);
                self.hash.reading(words, self.application.position());
                Ok(())
            }
            Line::Hash { readings, .. } if *readings != self.readings => Err(ReplayError::Lost {
                recorded: *readings,
                found: self.readings,
            }),
            Line::Hash { readings, hash } if *hash != self.hash.value() => Err(ReplayError::Bits {
                readings: *readings,
                recorded: *hash,
                here: self.hash.value(),
            }),
            Line::Hash { readings, .. } => {
                self.compared = *readings;
                Ok(())
            }
        }
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
pub enum ReplayError {
    /// A recording starts with its first line, and that comes only once.
    Start,
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

impl Display for ReplayError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Outcome {
        match self {
            Self::Start => f.write_str("the start of the recording is missing, or there twice"),
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

impl core::error::Error for ReplayError {}
