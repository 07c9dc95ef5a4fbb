//! The magnetometer and accelerometer LSM303AGR on a board's I²C bus.

use embedded_hal::{delay::DelayNs, i2c::I2c};
use lsm303agr::{
    AccelMode, AccelOutputDataRate, Error, Lsm303agr, MagMode, MagOutputDataRate,
    interface::I2cInterface, mode::MagContinuous,
};

/// Why there is no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing answers at the address of the magnetometer or of the accelerometer.
    Absent,
    /// What answers is not an LSM303AGR.
    Another,
    /// The bus failed: the device answered before.
    Bus,
}

impl Failure {
    /// Returns what to tell the user.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Absent => "no LSM303AGR answers on the bus: is it wired, and powered?",
            Self::Another => "the device on the bus is not an LSM303AGR",
            Self::Bus => "the LSM303AGR no longer answers",
        }
    }
}

/// The field in µT and the acceleration in g.
pub type Reading = ([f32; 3], [f32; 3]);

/// An LSM303AGR that measures ten times a second.
pub struct Magnetometer<I2C>(Lsm303agr<I2cInterface<I2C>, MagContinuous>);

impl<I2C: I2c> Magnetometer<I2C> {
    /// Starts the device: both sensors at high resolution and ten readings a second, the magnetometer with low-pass filter and
    /// with the cancellation of its own offset.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn start(i2c: I2C, delay: &mut impl DelayNs) -> Result<Self, Failure> {
        let mut device = Lsm303agr::new_with_i2c(i2c);
        let accelerometer = device.accelerometer_id().map_err(|_| Failure::Absent)?;
        let magnetometer = device.magnetometer_id().map_err(|_| Failure::Absent)?;
        if !(accelerometer.is_correct() && magnetometer.is_correct()) {
            return Err(Failure::Another);
        }
        let rate = AccelOutputDataRate::Hz10;
        device.init().map_err(bus)?;
        device
            .set_accel_mode_and_odr(delay, AccelMode::HighResolution, rate)
            .map_err(bus)?;
        device
            .set_mag_mode_and_odr(delay, MagMode::HighResolution, MagOutputDataRate::Hz10)
            .map_err(bus)?;
        let mut device = device.into_mag_continuous().map_err(|_| Failure::Bus)?;
        device.mag_enable_low_pass_filter().map_err(bus)?;
        device.enable_mag_offset_cancellation().map_err(bus)?;
        Ok(Self(device))
    }

    /// Returns the field in µT and the acceleration in g, along the axes that are printed in the device's data sheet.
    ///
    /// # Errors
    /// [`Failure::Bus`]. The next reading may succeed.
    pub fn read(&mut self) -> Result<Reading, Failure> {
        let Self(device) = self;
        let field = device.magnetic_field().map_err(bus)?;
        let acceleration = device.acceleration().map_err(bus)?;
        let thousandths = |(x, y, z): (i32, i32, i32)| [x, y, z].map(|n| n as f32 / 1000.0);
        Ok((
            thousandths(field.xyz_nt()),
            thousandths(acceleration.xyz_mg()),
        ))
    }
}

fn bus<E>(_: Error<E>) -> Failure {
    Failure::Bus
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
    use embedded_hal_mock::eh1::{
        delay::NoopDelay,
        i2c::{Mock, Transaction},
    };

    use super::*;

    const ACCELEROMETER: u8 = 0x19;
    const MAGNETOMETER: u8 = 0x1e;
    const NO_ACKNOWLEDGE: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);

    /// The conversation at the start, from the data sheet.
    fn start() -> Vec<Transaction> {
        vec![
            // Who are you?
            Transaction::write_read(ACCELEROMETER, vec![0x0f], vec![0x33]),
            Transaction::write_read(MAGNETOMETER, vec![0x4f], vec![0x40]),
            // Bytes of a reading belong together; the thermometer.
            Transaction::write(ACCELEROMETER, vec![0x23, 0x80]),
            Transaction::write(ACCELEROMETER, vec![0x1f, 0xc0]),
            Transaction::write(MAGNETOMETER, vec![0x62, 0x10]),
            // 10 Hz on three axes, high resolution.
            Transaction::write(ACCELEROMETER, vec![0x20, 0x27]),
            Transaction::write(ACCELEROMETER, vec![0x23, 0x88]),
            // 10 Hz, high resolution; then continuous.
            Transaction::write(MAGNETOMETER, vec![0x60, 0x03]),
            Transaction::write(MAGNETOMETER, vec![0x60, 0x00]),
            // Low-pass filter, then the cancellation of the offset too.
            Transaction::write(MAGNETOMETER, vec![0x61, 0x01]),
            Transaction::write(MAGNETOMETER, vec![0x61, 0x03]),
        ]
    }

    /// Starts a device, reads it `readings` times, and checks that it was asked for all of `conversation` and no more.
    fn converse(
        conversation: &[Transaction],
        readings: usize,
    ) -> Result<Vec<Result<Reading, Failure>>, Failure> {
        let mut bus = Mock::new(conversation);
        let result = Magnetometer::start(bus.clone(), &mut NoopDelay::new())
            .map(|mut device| (0..readings).map(|_| device.read()).collect());
        bus.done();
        result
    }

    #[test]
    fn field_and_acceleration_come_in_microtesla_and_g_along_the_same_axes() {
        let mut conversation = start();
        conversation.extend([
            // 150 nT a code: 100, −200 and 300.
            Transaction::write_read(
                MAGNETOMETER,
                vec![0x68 | 0x80],
                vec![100, 0, 0x38, 0xff, 0x2c, 1],
            ),
            // 1 mg a code of 12 bits, left-justified: 0, −500 and 1000.
            Transaction::write_read(
                ACCELEROMETER,
                vec![0x28 | 0x80],
                vec![0, 0, 0xc0, 0xe0, 0x80, 0x3e],
            ),
        ]);
        let readings = converse(&conversation, 1).unwrap();
        assert_eq!(readings, [Ok(([15.0, -30.0, 45.0], [0.0, -0.5, 1.0]))]);
    }

    #[test]
    fn a_device_that_is_not_there_or_another_is_told_apart() {
        let absent = |at: usize| {
            let mut conversation = start()[..=at].to_vec();
            conversation[at] = conversation[at].clone().with_error(NO_ACKNOWLEDGE);
            converse(&conversation, 0)
        };
        assert_eq!(absent(0), Err(Failure::Absent));
        assert_eq!(absent(1), Err(Failure::Absent));
        let mut another = start()[..2].to_vec();
        another[1] = Transaction::write_read(MAGNETOMETER, vec![0x4f], vec![0x3d]);
        assert_eq!(converse(&another, 0), Err(Failure::Another));
    }

    #[test]
    fn the_bus_may_fail_at_any_step_of_the_start() {
        for at in 2..start().len() {
            let mut conversation = start()[..=at].to_vec();
            conversation[at] = conversation[at].clone().with_error(ErrorKind::Bus);
            assert_eq!(converse(&conversation, 0), Err(Failure::Bus), "step {at}");
        }
    }

    #[test]
    fn after_a_reading_that_failed_the_next_one_is_good() {
        let field = Transaction::write_read(MAGNETOMETER, vec![0x68 | 0x80], vec![0; 6]);
        let acceleration = Transaction::write_read(ACCELEROMETER, vec![0x28 | 0x80], vec![0; 6]);
        let mut conversation = start();
        conversation.push(field.clone().with_error(NO_ACKNOWLEDGE));
        conversation.push(field.clone());
        conversation.push(acceleration.clone().with_error(ErrorKind::ArbitrationLoss));
        conversation.extend([field, acceleration]);
        let readings = converse(&conversation, 3).unwrap();
        let zero = Ok(([0.0; 3], [0.0; 3]));
        assert_eq!(readings, [Err(Failure::Bus), Err(Failure::Bus), zero]);
    }
}
