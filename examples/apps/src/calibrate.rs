//! Bayesian calibration of an instrument from readings that come one by one.
//!
//! An [`Instrument`] has a response curve with N constants b, and Gaussian reading errors of known
//! standard deviation. A [`Tracker`] knows the posterior after every reading, in coordinates θ that suit the curve and
//! have a normal prior; [`constants`] says what it means for b.

use langevin::{
    BoxMuller, ConfigError, GaussianPrior, Model, Pcg32, Sample, SeedableRng, Tracker, Window,
    dual::Real,
    model::{NonlinearRegression, Response},
    tracker::Estimate,
};

use crate::{Marginal, hash::Hash, readings};

/// A reading: the response `y` at the setting `x[0]`.
pub type Reading = Sample<1>;

/// Creates the reading y at x from a row of [`readings`](crate::readings).
pub const fn reading([x, y]: [f32; 2]) -> Reading {
    Sample { x: [x], y }
}

/// Gradients that a reading may cost, with all of them in the window.
pub const GRADIENTS: u16 = 8;

/// Draws after the last reading of Chwirut2: means are then off by 1.1 % of a standard deviation, and standard deviations by
/// 1.5 % (root mean squares over seeds).
pub const LAST: u16 = 100;

/// An instrument with N constants to calibrate.
#[derive(Clone, Copy, Debug)]
pub struct Instrument<const N: usize, R = Chwirut2> {
    /// Standard deviation of a reading's error.
    pub sigma: f32,
    /// The response curve, from the tracker's coordinates to the constants b to readings.
    pub response: R,
    /// Mean of the normal prior of each coordinate.
    pub mean: [f32; N],
    /// Standard deviation of the normal prior of each coordinate.
    pub sd: [f32; N],
}

/// NIST StRD "Chwirut2", an ultrasonic reference block study: y = exp(−b₁x)/(b₂ + b₃x).
///
/// The coordinates are b₁ and the logarithms of the denominator at the nearest distance, 0.5, and at
/// the farthest, 6. The denominator is then positive between these, whatever θ is.
#[derive(Clone, Copy, Debug)]
pub struct Chwirut2;

impl Response<3> for Chwirut2 {
    type Input = [f32; 1];

    fn constants<T: Real>(&self, &[b1, log_near, log_far]: &[T; 3]) -> [T; 3] {
        let (near, far) = (log_near.exp(), log_far.exp());
        let b3 = (far - near) / 5.5;
        [b1, near - b3 * 0.5, b3]
    }

    fn response<T: Real>(&self, &[b1, b2, b3]: &[T; 3], &[x]: &[f32; 1]) -> T {
        (b1 * -x).exp() / (b2 + b3 * x)
    }
}

/// The instrument with the response [`Chwirut2`].
pub const CHWIRUT2: Instrument<3> = Instrument {
    // The certified residual standard deviation.
    sigma: 3.171_713_3,
    response: Chwirut2,
    // NIST's first starting values b = (0.1, 0.01, 0.02), with a standard deviation of a factor of e.
    mean: [0.1, -3.912_023, -2.040_220_8],
    sd: [0.3, 1.0, 1.0],
};

/// The hash of the means after each of Chwirut2's readings with the seed 7, on every core.
pub const CHWIRUT2_MEANS: u64 = 0x0ea2_a45b_8d6e_80e8;

/// Returns that hash, as this core computes it; `None` if a reading fails.
pub fn chwirut2_means() -> Option<u64> {
    let mut calibration: Calibration = calibration(CHWIRUT2, 7).ok()?;
    let mut path = Hash::new();
    for at in readings::CHWIRUT2 {
        path.reading(&[], &calibration.update(reading(at)).ok()?.mean());
    }
    Some(path.value())
}

/// NIST StRD "DanWood", the energy radiated by a carbon filament at x thousand kelvin: y = b₁x^b₂.
///
/// The coordinates are log b₁ and b₂, in which log y is linear.
#[derive(Clone, Copy, Debug)]
pub struct DanWood;

impl Response<2> for DanWood {
    type Input = [f32; 1];

    fn constants<T: Real>(&self, &[log_b1, b2]: &[T; 2]) -> [T; 2] {
        [log_b1.exp(), b2]
    }

    fn response<T: Real>(&self, &[b1, b2]: &[T; 2], &[x]: &[f32; 1]) -> T {
        b1 * (b2 * Real::ln(x)).exp()
    }
}

/// The instrument with the response [`DanWood`].
pub const DANWOOD: Instrument<2, DanWood> = Instrument {
    // The certified residual standard deviation.
    sigma: 0.032_853_114,
    response: DanWood,
    // NIST's first starting value for b₁, with a standard deviation of a factor of e; for b₂ the fourth power of
    // the Stefan-Boltzmann law, with one of 10 %.
    mean: [0.0, 4.0],
    sd: [1.0, 0.4],
};

/// A calibration in progress; by default the boards', of Chwirut2 with all its readings in the window.
pub type Calibration<
    const N: usize = 3,
    const CAP: usize = { readings::CHWIRUT2.len() },
    R = Chwirut2,
> = Tracker<
    Model<GaussianPrior<N>, NonlinearRegression<R>>,
    Window<Reading, CAP>,
    BoxMuller<Pcg32>,
    N,
>;

/// Creates a calibration without readings. To each, [`update`](Tracker::update) returns the posterior.
///
/// # Errors
/// When a number of the instrument is out of range, such as a standard deviation that is not > 0.
pub fn calibration<const N: usize, const CAP: usize, R>(
    instrument: Instrument<N, R>,
    seed: u64,
) -> Result<Calibration<N, CAP, R>, ConfigError> {
    let prior = GaussianPrior::new(instrument.mean, instrument.sd)?;
    let likelihood = NonlinearRegression::new(instrument.response, instrument.sigma)?;
    let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
    let tracker = Tracker::new(Model::new(prior, likelihood), Window::new(), noise);
    Ok(tracker.gradients(GRADIENTS))
}

/// Returns the posteriors of the constants b of a `response`.
pub fn constants<const N: usize>(
    response: &impl Response<N>,
    estimate: &Estimate<'_, N>,
) -> [Marginal; N] {
    core::array::from_fn(|i| {
        let [mean, sd] = estimate.function(|theta| response.constants(theta)[i]);
        Marginal { mean, sd }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_means_have_the_bits_of_every_core() {
        let found = chwirut2_means();
        assert_eq!(found, Some(CHWIRUT2_MEANS), "{found:x?}");
    }
}
