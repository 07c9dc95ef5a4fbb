//! The applications on their readings: the bits of the position and of the estimates at the end.

use core::fmt::{Result, Write};

use langevin::{
    Chain, ConfigError, GaussianPrior, Model, Pcg32, Potential, SeedableRng, StepError, Window,
    model::{NonlinearRegression, Response},
    potential::{Energy, GradientVariance},
    preconditioner::{Dense, Preconditioner},
    schedule::Constant,
    stepper::Stepper,
};
use langevin_apps::{
    calibrate::{
        CHWIRUT2, Calibration, Chwirut2, DANWOOD, Instrument, Reading, calibration, constants,
        reading,
    },
    filter::{Estimate, Filter, heater},
    hash::Hash,
    plant::{Body, Plant},
    readings,
};
use langevin_testing::steppers;

/// Calibrates both instruments, with `last` draws after the last reading.
///
/// # Errors
/// When `out` fails.
pub fn calibrate(last: u16, out: &mut impl Write) -> Result {
    instrument("Chwirut2", CHWIRUT2, &readings::CHWIRUT2, last, out)?;
    instrument("DanWood", DANWOOD, &readings::DANWOOD, last, out)
}

#[inline(never)]
fn instrument<const N: usize, const CAP: usize, R: Response<N, Input = [f32; 1]> + Copy>(
    name: &str,
    instrument: Instrument<N, R>,
    readings: &[[f32; 2]; CAP],
    last: u16,
    out: &mut impl Write,
) -> Result {
    let made = calibration(instrument, 7);
    let mut tracker: Calibration<N, CAP, R> = made.expect("its numbers are in range");
    let mut path = Hash::new();
    for &at in readings {
        let estimate = tracker.update(reading(at)).expect("a proper prior");
        for x in estimate.mean().into_iter().chain(estimate.sd()) {
            path.write(x.to_bits());
        }
    }
    writeln!(out, "{name}/after-each-reading {:016x}", path.value())?;
    let estimate = tracker.refine(last).expect("a proper prior");
    for (i, x) in estimate.mean().iter().enumerate() {
        writeln!(out, "{name}/coordinate[{i}] {:08x}", x.to_bits())?;
    }
    for (i, b) in constants(&instrument.response, &estimate)
        .iter()
        .enumerate()
    {
        writeln!(out, "{name}/mean[{i}] {:08x}", b.mean.to_bits())?;
        writeln!(out, "{name}/sd[{i}] {:08x}", b.sd.to_bits())?;
    }
    Ok(())
}

/// Runs the thermal filter for `ticks` ticks on a body whose fan fails half way, with a sensor that
/// falls silent for a while before.
///
/// # Errors
/// When `out` fails.
#[inline(never)]
pub fn filter(ticks: u32, out: &mut impl Write) -> Result {
    const AMBIENT: f32 = 21.0;
    let mut plant = Plant::new(AMBIENT, Body::TYPICAL, 1);
    let mut filter = Filter::new(AMBIENT, 7).expect("an ambient that the sensor can read");
    let mut estimates = Hash::new();
    let half = ticks >> 1;
    let silent = half >> 1..(half >> 1) + 100;
    for tick in 0..ticks {
        if tick == half {
            plant.become_body(Body::TYPICAL.without_fan());
        }
        let mut sample = plant.step(2.0 * heater(tick));
        if silent.contains(&tick) {
            sample.temperature = f32::NAN;
        }
        let estimate = filter.update(sample);
        for x in words(&estimate) {
            estimates.write(x);
        }
    }
    writeln!(out, "filter/estimates {:016x}", estimates.value())?;
    for (i, x) in words(&filter.estimate()).iter().enumerate() {
        writeln!(out, "filter/estimate[{i}] {x:08x}")?;
    }
    Ok(())
}

/// All that an estimate says, alarm last.
fn words(estimate: &Estimate) -> [u32; 6] {
    let (tau, r) = (estimate.time_constant, estimate.resistance);
    [
        estimate.temperature.to_bits(),
        tau.mean.to_bits(),
        tau.sd.to_bits(),
        r.mean.to_bits(),
        r.sd.to_bits(),
        estimate.alarm.map_or(0, |alarm| alarm as u32 + 1),
    ]
}

/// Calibrates Chwirut2 with every stepper, `steps` steps a reading.
///
/// # Errors
/// When `out` fails.
pub fn every_stepper(steps: u32, out: &mut impl Write) -> Result {
    let rng = || Pcg32::seed_from_u64(20_110_628);
    steppers!(rng(), |name, stepper, noise| {
        match stream(stepper, noise, steps) {
            Ok((path, errors)) => writeln!(out, "Chwirut2/{}/{errors}-errors {path:016x}", name.0)?,
            Err(error) => writeln!(out, "Chwirut2/{} {error}", name.0)?,
        }
    });
    Ok(())
}

/// LLᵀ is about the posterior covariance of Chwirut2's coordinates after one reading, and LLᵀ/n that after n.
const FACTOR: [[f32; 3]; 3] = [[0.28, 0.0, 0.0], [-0.10, 0.10, 0.0], [-0.74, -0.10, 0.24]];

/// The step size for one reading, in coordinates in which the curvature is about 1.
const ETA: f32 = 0.02;

/// Hash of the positions after each reading's steps, and the number of faults.
fn stream<S: Stepper<3, Whitened, Z>, Z>(
    stepper: S,
    noise: Z,
    steps: u32,
) -> core::result::Result<(u64, u32), ConfigError> {
    let mut posterior = Whitened::new(CHWIRUT2)?;
    // At the prior's mean, φ₀ = L⁻¹ mean, the chain starts where the tracker does.
    let mut chain = Chain::new(posterior.start, stepper, Constant::new(ETA)?, noise);
    let mut path = Hash::new();
    for &at in &readings::CHWIRUT2 {
        // Readings are finite.
        let _ = posterior.readings.push(reading(at));
        for _ in 0..steps {
            // Faults are counted.
            let _ = chain.step(&mut posterior);
        }
        for t in chain.position() {
            path.write(t.to_bits());
        }
    }
    Ok((path.value(), chain.error_counts().total()))
}

/// The posterior of an instrument in coordinates φ, θ = Lφ: for steppers that are given no metric.
struct Whitened {
    model: Model<GaussianPrior<3>, NonlinearRegression<Chwirut2>>,
    readings: Window<Reading, 64>,
    metric: Dense<3>,
    start: [f32; 3],
}

impl Whitened {
    fn new(instrument: Instrument<3>) -> core::result::Result<Self, ConfigError> {
        let [[a, ..], [b, c, _], [d, e, f]] = FACTOR;
        let [x, y, z] = instrument.mean;
        let p = x / a;
        let q = (y - b * p) / c;
        Ok(Self {
            model: Model::new(
                GaussianPrior::new(instrument.mean, instrument.sd)?,
                NonlinearRegression::new(instrument.response, instrument.sigma)?,
            ),
            readings: Window::new(),
            metric: Dense::new(FACTOR)?,
            start: [p, q, (z - d * p - e * q) / f],
        })
    }

    fn theta(&self, phi: &[f32; 3]) -> [f32; 3] {
        let mut theta = *phi;
        self.metric.apply(&mut theta);
        theta
    }
}

impl Potential<3> for Whitened {
    fn gradient(
        &mut self,
        phi: &[f32; 3],
        gradient: &mut [f32; 3],
    ) -> core::result::Result<(), StepError> {
        let theta = self.theta(phi);
        self.model
            .posterior(&self.readings)
            .gradient(&theta, gradient)?;
        self.metric.apply_transpose(gradient);
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.model.posterior(&self.readings).number_of_data()
    }
}

impl Energy<3> for Whitened {
    fn energy(&mut self, phi: &[f32; 3]) -> core::result::Result<f32, StepError> {
        let theta = self.theta(phi);
        self.model.posterior(&self.readings).energy(&theta)
    }
}

impl GradientVariance<3> for Whitened {
    fn gradient_and_variance(
        &mut self,
        phi: &[f32; 3],
        gradient: &mut [f32; 3],
        variance: &mut [f32; 3],
    ) -> core::result::Result<(), StepError> {
        *variance = [0.0; 3];
        self.gradient(phi, gradient)
    }
}
