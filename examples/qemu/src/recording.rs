//! Recordings of applications on made-up readings: what `replay` is tested with.

use core::fmt::{Error, Result, Write};

use langevin::{
    Pcg32, SeedableRng,
    noise::{FixedInverseCdf, Noise},
};
use langevin_apps::{
    battery::Battery,
    cell::{self, Cell},
    compass::{Compass, Turned},
    filter::{Filter, heater},
    plant::{Body, Plant},
    record::Recorder,
    sensor::Sensor,
};

/// Records `readings` readings of an application.
///
/// # Errors
/// When `out` fails, and when there is no such application.
pub fn record(application: &str, readings: u32, out: &mut impl Write) -> Result {
    match application {
        "battery" => battery(readings, out),
        "compass" => compass(readings, out),
        "filter" => filter(readings, out),
        "sensor" => sensor(readings, out),
        _ => Err(Error),
    }
}

// Each application is in a function of its own: together they would not fit on the smallest stack.

const SEED: u64 = 7;

#[inline(never)]
fn sensor(readings: u32, out: &mut impl Write) -> Result {
    let mut sensor = Sensor::new(SEED).map_err(|_| Error)?;
    let mut noise = FixedInverseCdf::new(Pcg32::seed_from_u64(1));
    let mut recorder = Recorder::start("sensor", SEED, &[], out)?;
    for i in 0..readings {
        let code = code(i, &mut noise);
        sensor.update(code);
        recorder.reading(&[code.into()], &sensor.mean(), out)?;
    }
    recorder.hash(out)
}

/// A magnetometer that is turned, at first about one axis; now and then the bus gives nothing.
fn compass(readings: u32, out: &mut impl Write) -> Result {
    let mut compass = Compass::new(SEED).map_err(|_| Error)?;
    let mut device = Turned::typical(1);
    let mut recorder = Recorder::start("compass", SEED, &[], out)?;
    for i in 0..readings {
        let (mut field, acceleration) = if i < 12 {
            device.reading_with([0.0, 0.0, 1.0])
        } else {
            device.reading()
        };
        if i % 16 == 15 {
            field = [f32::NAN; 3];
        }
        compass.update(field, acceleration);
        let ([x, y, z], [gx, gy, gz]) = (field, acceleration);
        let words = [x, y, z, gx, gy, gz].map(f32::to_bits);
        recorder.reading(&words, compass.position(), out)?;
    }
    recorder.hash(out)
}

/// A signal that rises, with noise of two codes; now and then it jumps, sticks, or is at a rail.
fn code(i: u32, noise: &mut impl Noise) -> u16 {
    let mut xi = [0.0];
    // The generator has no failure.
    let _ = noise.fill(&mut xi);
    let [xi] = xi;
    match i % 200 {
        150..155 => 4095,
        160..190 => 1234,
        phase => {
            let level = if phase < 100 { 1000.0 } else { 1100.0 };
            (level + 0.05 * phase as f32 + 2.0 * xi) as u16
        }
    }
}

/// The battery in pulse tests; now and then the voltage is missing.
#[inline(never)]
fn battery(readings: u32, out: &mut impl Write) -> Result {
    let mut battery = Battery::new(SEED).map_err(|_| Error)?;
    let mut cell = Cell::new(1);
    let mut recorder = Recorder::start("battery", SEED, &[], out)?;
    for i in 0..readings {
        let mut reading = cell.step(cell::pulse_test(i));
        if i % 50 == 20 {
            reading.voltage = f32::NAN;
        }
        battery.update(reading);
        let words = [reading.seconds, reading.current, reading.voltage].map(f32::to_bits);
        recorder.reading(&words, battery.position(), out)?;
    }
    recorder.hash(out)
}

/// The filter on a simulated body; now and then the sensor gives nothing.
#[inline(never)]
fn filter(readings: u32, out: &mut impl Write) -> Result {
    const AMBIENT: f32 = 21.0;
    let mut filter = Filter::new(AMBIENT, SEED).map_err(|_| Error)?;
    let mut plant = Plant::new(AMBIENT, Body::TYPICAL, 1);
    let mut recorder = Recorder::start("filter", SEED, &[AMBIENT.to_bits()], out)?;
    for tick in 0..readings {
        let mut sample = plant.step(2.0 * heater(tick));
        if tick % 200 == 150 {
            sample.temperature = f32::NAN;
        }
        filter.update(sample);
        let words = [sample.temperature, sample.power].map(f32::to_bits);
        recorder.reading(&words, &filter.mean(), out)?;
    }
    recorder.hash(out)
}
