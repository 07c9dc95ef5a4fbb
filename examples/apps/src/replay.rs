//! Replays the recordings of boards: the same readings to the same application must give the same bits.

use core::fmt::{Display, Formatter, Result as Outcome};

use crate::{
    battery::{self, Battery},
    calibrate::{CHWIRUT2, Calibration, calibration, reading},
    compass::{Compass, Report},
    filter::{Filter, Sample},
    hash::Hash,
    record::Line,
    sensor::Sensor,
};

/// An application that a recording is replayed to.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is only one value of it, and no allocator"
)]
pub enum Application {
    /// The battery.
    Battery(Battery),
    /// The calibration of Chwirut2's instrument.
    Calibrate(Calibration),
    /// The calibration of a magnetometer, and the posterior after the latest pose.
    Compass(Compass, Option<Report>),
    /// The thermal filter.
    Filter(Filter),
    /// The sensor.
    Sensor(Sensor),
}

impl Application {
    fn new(name: &str, seed: u64, settings: &[u32]) -> Result<Self, ReplayError> {
        let made = match (name, settings) {
            ("battery", []) => Battery::new(seed).map(Self::Battery),
            ("calibrate", []) => calibration(CHWIRUT2, seed).map(Self::Calibrate),
            ("compass", []) => Compass::new(seed).map(|c| Self::Compass(c, None)),
            ("filter", [ambient]) => Filter::new(f32::from_bits(*ambient), seed).map(Self::Filter),
            ("sensor", []) => Sensor::new(seed).map(Self::Sensor),
            _ => return Err(ReplayError::Application),
        };
        made.map_err(|_| ReplayError::Application)
    }

    fn take(&mut self, words: &[u32]) -> Result<(), ReplayError> {
        match (self, words) {
            (Self::Battery(battery), [seconds, current, voltage]) => {
                let [seconds, current, voltage] =
                    [*seconds, *current, *voltage].map(f32::from_bits);
                battery.update(battery::Reading {
                    seconds,
                    current,
                    voltage,
                });
            }
            (Self::Calibrate(calibration), [x, y]) => {
                let at = [*x, *y].map(f32::from_bits);
                // It does not fail: the prior is proper, and so is the generator.
                let _ = calibration.update(reading(at));
            }
            (Self::Compass(compass, latest), [x, y, z, gx, gy, gz]) => {
                let [field, gravity] = [[x, y, z], [gx, gy, gz]]
                    .map(|vector| vector.map(|word| f32::from_bits(*word)));
                // A reading that says nothing new changes nothing, as on the board.
                if let Some(report) = compass.update(field, gravity) {
                    *latest = Some(report);
                }
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

    /// Adds a reading and what it has led to.
    fn hash(&self, words: &[u32], hash: &mut Hash) {
        match self {
            Self::Battery(battery) => hash.reading(words, battery.position()),
            Self::Calibrate(calibration) => hash.reading(words, &calibration.estimate().mean()),
            Self::Filter(filter) => hash.reading(words, &filter.mean()),
            Self::Sensor(sensor) => hash.reading(words, &sensor.mean()),
            Self::Compass(compass, _) => hash.reading(words, compass.position()),
        }
    }
}

/// A recording that is being replayed.
#[derive(Debug)]
pub struct Replay {
    application: Application,
    readings: u32,
    compared: u32,
    hash: Hash,
}

impl Replay {
    /// Starts with the first line of a recording.
    ///
    /// # Errors
    /// [`ReplayError::Start`] when it is another line, and [`ReplayError::Application`].
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

    /// Replays a further line: passes a reading to the application, or compares a hash.
    ///
    /// # Errors
    /// A [`ReplayError`] for a line that does not fit, or for other bits.
    pub fn play(&mut self, line: &Line<'_>) -> Result<(), ReplayError> {
        match line {
            Line::Start { .. } => Err(ReplayError::Start),
            Line::Reading(words) => {
                self.application.take(words)?;
                self.readings = self.readings.wrapping_add(1);
                self.application.hash(words, &mut self.hash);
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

    /// Returns the application.
    pub const fn application(&self) -> &Application {
        &self.application
    }

    /// Returns the number of readings so far.
    pub const fn readings(&self) -> u32 {
        self.readings
    }

    /// Returns the number of readings up to the last hash, for which the bits are the same.
    pub const fn compared(&self) -> u32 {
        self.compared
    }
}

/// The reason why a recording cannot be replayed, or has other bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// The first line of the recording is missing, or there twice.
    Start,
    /// No application has this name and these settings.
    Application,
    /// The reading does not fit the application.
    Reading,
    /// There are more or fewer readings than the board counted.
    Lost {
        /// The number that the board counted.
        recorded: u32,
        /// The number of readings found.
        found: u32,
    },
    /// A position or a reading is not the recorded one.
    Bits {
        /// The number of readings up to the hash.
        readings: u32,
        /// The hash on the board.
        recorded: u64,
        /// The hash of the replay.
        here: u64,
    },
}

impl Display for ReplayError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Outcome {
        match self {
            Self::Start => {
                f.write_str("the first line of the recording is missing, or there twice")
            }
            Self::Application => f.write_str("no application has this name and these settings"),
            Self::Reading => f.write_str("not a reading of this application"),
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
