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
    calibrate::{CHWIRUT2, Calibration, Chwirut2, DANWOOD, ETA, Instrument, Reading, reading},
    filter::{Estimate, Filter, heater},
    hash::Hash,
    plant::{Body, Plant},
    readings,
};
use langevin_testing::steppers;

/// Calibrates both instruments with `steps` steps a reading.
///
/// # Errors
/// When `out` fails.
pub fn calibrate(steps: u32, out: &mut impl Write) -> Result {
    instrument("Chwirut2", CHWIRUT2, &readings::CHWIRUT2, steps, out)?;
    instrument("DanWood", DANWOOD, &readings::DANWOOD, steps, out)
}

#[inline(never)]
fn instrument<const N: usize, const CAP: usize, R: Response<N, Input = [f32; 1]>>(
    name: &str,
    instrument: Instrument<N, R>,
    readings: &[[f32; 2]; CAP],
    steps: u32,
    out: &mut impl Write,
) -> Result {
    let mut calibration =
        Calibration::<N, CAP, R>::new(instrument, 7).expect("the metric is triangular");
    let mut path = Hash::new();
    for &at in readings {
        calibration
            .observe(reading(at), steps)
            .expect("readings are finite");
        for t in calibration.position() {
            path.write(t.to_bits());
        }
    }
    writeln!(out, "{name}/after-each-reading {:016x}", path.value())?;
    for (i, t) in calibration.position().iter().enumerate() {
        writeln!(out, "{name}/position[{i}] {:08x}", t.to_bits())?;
    }
    let posterior = calibration.posterior();
    let (mean, sd) = (posterior.mean(), posterior.sd());
    let marginals = mean.into_iter().flatten().zip(sd.into_iter().flatten());
    for (i, (mean, sd)) in marginals.enumerate() {
        writeln!(out, "{name}/mean[{i}] {:08x}", mean.to_bits())?;
        writeln!(out, "{name}/sd[{i}] {:08x}", sd.to_bits())?;
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
    let (mut positions, mut estimates) = (Hash::new(), Hash::new());
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
        for t in filter.position() {
            positions.write(t.to_bits());
        }
        for x in words(&estimate) {
            estimates.write(x);
        }
    }
    writeln!(out, "filter/positions {:016x}", positions.value())?;
    writeln!(out, "filter/estimates {:016x}", estimates.value())?;
    for (i, x) in words(&filter.estimate()).iter().enumerate() {
        writeln!(out, "filter/estimate[{i}] {x:08x}")?;
    }
    writeln!(out, "filter/faults {}", filter.error_counts().total())
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

/// Hash of the positions after each reading's steps, and the number of faults.
fn stream<S: Stepper<3, Whitened, Z>, Z>(
    stepper: S,
    noise: Z,
    steps: u32,
) -> core::result::Result<(u64, u32), ConfigError> {
    let mut posterior = Whitened::new(CHWIRUT2)?;
    // At the prior's mean, φ₀ = L⁻¹ mean, the chain starts where the application does.
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
        let [[a, ..], [b, c, _], [d, e, f]] = instrument.factor;
        let [x, y, z] = instrument.mean;
        let p = x / a;
        let q = (y - b * p) / c;
        Ok(Self {
            model: Model::new(
                GaussianPrior::new(instrument.mean, instrument.sd)?,
                NonlinearRegression::new(instrument.response, instrument.sigma)?,
            ),
            readings: Window::new(),
            metric: Dense::new(instrument.factor)?,
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
