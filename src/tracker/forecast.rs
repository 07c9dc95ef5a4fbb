//! What the belief says of a reading before it is learnt.

use super::belief::Belief;
use crate::{
    ConfigError,
    arithmetic::sqrt,
    estimate::central_normal,
    model::{Law, dot, normal_tails},
};

/// The predictive distribution of a reading, seen from the value that was read.
///
/// It is the average over the posterior of what the model says of a reading. Where readings are normal the average is
/// taken as normal, with the variance of the noise and of the prediction; elsewhere a Gaussian quadrature with seven nodes
/// runs along the direction of the unknowns that the reading depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Forecast {
    surprise: f32,
    log_density: f32,
    normal: Option<[f32; 2]>,
}

/// ½ ln 2π.
const HALF_LN_TAU: f32 = 0.918_938_5;
/// Gauss–Hermite: positive nodes for the weight of a standard normal, and weights.
const NODES: [(f32, f32); 3] = [
    (1.154_405_4, 0.240_123_18),
    (2.366_759_4, 0.030_757_124),
    (3.750_439_7, 0.000_548_268_84),
];
const CENTRE: f32 = 0.457_142_86;

impl Forecast {
    /// The probability of a reading at least as far out: twice the smaller tail, in (0, 1].
    ///
    /// Small values are surprises. It is uniform over the readings of a sensor that the model describes.
    #[must_use]
    pub const fn surprise(&self) -> f32 {
        self.surprise
    }

    /// The logarithm of the predictive density, or of the probability where readings are discrete.
    #[must_use]
    pub const fn log_density(&self) -> f32 {
        self.log_density
    }

    /// Returns how far above its prediction the reading is, and the predictive standard deviation, where readings are normal.
    #[must_use]
    pub const fn residual(&self) -> Option<[f32; 2]> {
        self.normal
    }

    /// Returns the interval, relative to the value read, that holds the reading with the probability `level`, where readings are normal.
    ///
    /// Add the value of the reading that was asked about; to predict one that is not there yet, ask about the value 0.
    ///
    /// # Errors
    /// When `level` is not between 0 and 1.
    pub fn interval(&self, level: f32) -> Result<Option<[f32; 2]>, ConfigError> {
        let z = central_normal(level)?;
        let around = |[residual, sd]: [f32; 2]| [-residual - z * sd, -residual + z * sd];
        Ok(self.normal.map(around))
    }
}

/// The forecast of a reading whose law given θ is `law`; `None` where the model knows none.
///
/// Cost: 2N + 1 laws, seven more where readings are not normal.
pub(super) fn forecast<const N: usize>(
    belief: &Belief<N>,
    law: impl Fn(&[f32; N]) -> Option<Law>,
) -> Option<Forecast> {
    match law(&belief.mean())? {
        Law::Normal { residual, sd } => normal(belief, residual, sd, law),
        Law::Tails { .. } => other(belief, law),
    }
}

fn normal<const N: usize>(
    belief: &Belief<N>,
    centre: f32,
    sd: f32,
    law: impl Fn(&[f32; N]) -> Option<Law>,
) -> Option<Forecast> {
    let (mut residual, mut spread, mut noise) = (centre, 0.0, sd * sd);
    for k in 0..N {
        let [above, below] = belief.sides(k, 1.0);
        let (Law::Normal { residual: a, sd: s }, Law::Normal { residual: b, sd: t }) =
            (law(&above)?, law(&below)?)
        else {
            return None;
        };
        residual += 0.5 * ((a - centre) + (b - centre));
        spread += 0.25 * (a - b) * (a - b);
        noise += 0.5 * ((s * s - sd * sd) + (t * t - sd * sd));
    }
    let sd = sqrt(noise.max(0.0) + spread);
    let z = residual / sd;
    z.is_finite().then(|| Forecast {
        surprise: normal_tails(z),
        log_density: -0.5 * z * z - libm::logf(sd) - HALF_LN_TAU,
        normal: Some([residual, sd]),
    })
}

fn other<const N: usize>(
    belief: &Belief<N>,
    law: impl Fn(&[f32; N]) -> Option<Law>,
) -> Option<Forecast> {
    let tails = |theta: &[f32; N]| match law(theta)? {
        Law::Tails {
            at_most,
            at_least,
            log_density,
        } => Some((at_most, at_least, log_density)),
        Law::Normal { .. } => None,
    };
    // The direction in which the balance of the tails changes most.
    let mut direction = [0.0; N];
    for (k, slope) in direction.iter_mut().enumerate() {
        let [above, below] = belief.sides(k, 1.0);
        let (above, below) = (tails(&above)?, tails(&below)?);
        *slope = (above.0 - above.1) - (below.0 - below.1);
    }
    let length = sqrt(dot(&direction, &direction));
    if length > 0.0 {
        direction = direction.map(|x| x / length);
    }
    let along = belief.apply(&direction);
    let (mut at_most, mut at_least, centre) = tails(&belief.mean())?;
    (at_most, at_least) = (CENTRE * at_most, CENTRE * at_least);
    // Densities relative to that at the centre.
    let mut density = CENTRE;
    for (node, weight) in NODES {
        for side in [node, -node] {
            let (low, high, log) = tails(&belief.offset(&along.map(|x| side * x)))?;
            at_most += weight * low;
            at_least += weight * high;
            density += weight * crate::arithmetic::exp((log - centre).min(80.0));
        }
    }
    let surprise = (2.0 * at_most.min(at_least)).min(1.0);
    let log_density = centre + libm::logf(density);
    (surprise.is_finite() && log_density.is_finite()).then_some(Forecast {
        surprise,
        log_density,
        normal: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Sample,
        model::{Likelihood, LinearRegression, LogisticRegression},
    };

    #[test]
    fn a_linear_prediction_is_exact() {
        let belief = Belief::independent(&[1.0, 2.0], &[0.3, 0.4]);
        let model = LinearRegression::new(1.2).unwrap();
        let reading = Sample {
            x: [1.0, 1.0],
            y: 0.0,
        };
        let forecast = forecast(&belief, |theta| model.law(theta, &reading)).unwrap();
        let [residual, sd] = forecast.residual().unwrap();
        assert!((residual + 3.0).abs() < 1e-6 && (sd - 1.3).abs() < 1e-5);
        assert!((forecast.surprise() - 0.021_013).abs() < 1e-4);
        let [low, high] = forecast.interval(0.95).unwrap().unwrap();
        assert!((low - (3.0 - 1.959_964 * 1.3)).abs() < 1e-4);
        assert!((high - (3.0 + 1.959_964 * 1.3)).abs() < 1e-4);
    }

    #[test]
    fn a_probability_is_averaged_over_the_belief() {
        // E 1/(1 + e^−z), z ~ N(1, 2²): 0.653 by quadrature in f64.
        let belief = Belief::independent(&[1.0], &[2.0]);
        let reading = Sample { x: [1.0], y: 1.0 };
        let law = |theta: &[f32; 1]| LogisticRegression.law(theta, &reading);
        let forecast = forecast(&belief, law).unwrap();
        let exact: f64 = {
            let nodes = (-4000..=4000).map(|i| f64::from(i) * 0.002);
            let terms = nodes.map(|t| {
                let z = 1.0 + 2.0 * t;
                (-0.5 * t * t).exp() / (2.0 * core::f64::consts::PI).sqrt() * 0.002
                    / (1.0 + (-z).exp())
            });
            terms.sum()
        };
        assert!((f64::from(forecast.log_density()).exp() - exact).abs() < 3e-3);
        assert!(forecast.surprise() == 1.0);
    }
}
