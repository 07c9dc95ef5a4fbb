//! What a model says of an observation before it is made.

use core::f32::consts::{FRAC_1_SQRT_2, PI};

use crate::arithmetic::{exp, sqrt};

/// The law of one observation given θ, as seen from the value that was observed.
///
/// A [`Tracker`](crate::Tracker) averages it over the posterior: surprise and score of each reading before it is learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// The observation is normal.
    Normal {
        /// The observation less its mean.
        residual: f32,
        /// Its standard deviation.
        sd: f32,
    },
    /// The observation has another law.
    Tails {
        /// The probability of an observation that is as small or smaller.
        at_most: f32,
        /// The probability of an observation that is as large or larger.
        at_least: f32,
        /// The logarithm of the density, or of the probability where the law is discrete.
        log_density: f32,
    },
}

impl Law {
    /// The law of the observation times `scale`, times which it is seen too.
    pub(super) fn stretched(self, scale: f32) -> Self {
        match self {
            Self::Normal { residual, sd } => Self::Normal {
                residual: scale * residual,
                sd: scale * sd,
            },
            Self::Tails {
                at_most,
                at_least,
                log_density,
            } => Self::Tails {
                at_most,
                at_least,
                log_density: log_density - libm::logf(scale),
            },
        }
    }
}

/// P(|Z| ≥ |z|) for a standard normal Z.
pub(crate) fn normal_tails(z: f32) -> f32 {
    libm::erfcf(z.abs() * FRAC_1_SQRT_2)
}

/// log Γ(x) for x > 0, by Stirling's series: libm's is in double precision.
fn log_gamma(mut x: f32) -> f32 {
    const HALF_LOG_TAU: f32 = 0.918_938_5;
    // Γ(x) = Γ(x + 1)/x, up to where two terms of the series are enough.
    let mut product = 1.0;
    for _ in 0..6 {
        if x < 6.0 {
            product *= x;
            x += 1.0;
        }
    }
    let series = (1.0 / 12.0 - 1.0 / (360.0 * x * x)) / x;
    (x - 0.5) * libm::logf(x) - x + (HALF_LOG_TAU + series - libm::logf(product))
}

/// Counts up to this are summed one by one.
const SUMMED: f32 = 32.0;

/// The law of a count `y` with this rate. Up to 32 the sum of its probabilities; above, Wilson and Hilferty's
/// approximation (1931), within 1e-3.
pub(super) fn poisson(rate: f32, y: f32) -> Law {
    let log_density = y * libm::logf(rate.max(f32::MIN_POSITIVE)) - rate - log_gamma(y + 1.0);
    // P(Y ≤ k).
    let below = |k: f32| {
        if k < 0.0 {
            0.0
        } else if k <= SUMMED && rate < 80.0 {
            let (mut sum, mut term, mut i) = (0.0, exp(-rate), 0.0);
            while i <= k {
                sum += term;
                i += 1.0;
                term *= rate / i;
            }
            sum.min(1.0)
        } else {
            let n = k + 1.0;
            let z = 3.0 * sqrt(n) * (libm::powf(rate / n, 1.0 / 3.0) - 1.0 + 1.0 / (9.0 * n));
            0.5 * libm::erfcf(z * FRAC_1_SQRT_2)
        }
    };
    Law::Tails {
        at_most: below(y),
        at_least: 1.0 - below(y - 1.0),
        log_density,
    }
}

/// The law of an observation `r` scales above its location, Student-t with `df` degrees of freedom.
///
/// The tails by Wallace's approximation (1959), within 16 % of themselves down to 1e-3 for `df` ≥ 4.
pub(super) fn student_t(df: f32, inverse_scale: f32, r: f32, energy: f32) -> Law {
    let shape = (8.0 * df + 1.0) / (8.0 * df + 3.0);
    let z = shape * sqrt(2.0 * df * energy / (df + 1.0));
    let tail = 0.5 * normal_tails(z);
    let (at_most, at_least) = if r < 0.0 {
        (tail, 1.0 - tail)
    } else {
        (1.0 - tail, tail)
    };
    let constant = log_gamma(0.5 * (df + 1.0)) - log_gamma(0.5 * df);
    Law::Tails {
        at_most,
        at_least,
        log_density: constant - 0.5 * libm::logf(df * PI) + libm::logf(inverse_scale) - energy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tails(law: Law) -> (f32, f32, f32) {
        match law {
            Law::Tails {
                at_most,
                at_least,
                log_density,
            } => (at_most, at_least, log_density),
            Law::Normal { .. } => panic!("not a law with tails"),
        }
    }

    #[test]
    fn log_gamma_is_accurate() {
        for x in [
            5e-4, 0.1, 0.5, 1.0, 1.5, 2.0, 3.7, 5.999, 6.0, 33.0, 1e3, 5e5,
        ] {
            let exact = libm::lgamma(f64::from(x));
            let error = f64::from(log_gamma(x)) - exact;
            assert!(
                error.abs() < 1e-6 + 3e-7 * exact.abs().max(f64::from(x)),
                "{x}: {error}"
            );
        }
    }

    #[test]
    fn counts_have_the_law_of_poisson() {
        let (at_most, at_least, log) = tails(poisson(2.5, 3.0));
        assert!((at_most - 0.757_576).abs() < 1e-5);
        assert!((at_least - 0.456_187).abs() < 1e-5);
        assert!((log - 0.213_763_f32.ln()).abs() < 1e-5);
        // Either side of the change of method.
        for rate in [20.0, 40.0, 60.0] {
            let (mut sum, mut term) = (0.0_f64, (-f64::from(rate)).exp());
            for k in 0..100 {
                sum += term;
                let (at_most, ..) = tails(poisson(rate, k as f32));
                assert!((f64::from(at_most) - sum).abs() < 2e-3, "{rate} {k}");
                term *= f64::from(rate) / f64::from(k + 1);
            }
        }
    }

    #[test]
    fn student_t_has_its_quantiles() {
        // Two-sided 5 % and 0.1 % points.
        for (df, points) in [(4.0_f32, [2.776_4_f32, 8.610]), (30.0, [2.042_3, 3.646])] {
            for (t, p) in points.into_iter().zip([0.025, 0.0005]) {
                let energy = 0.5 * (df + 1.0) * (t * t / df).ln_1p();
                let (_, at_least, _) = tails(student_t(df, 1.0, t, energy));
                assert!((at_least / p - 1.0).abs() < 0.16, "{df} {t} {at_least}");
            }
        }
    }
}
