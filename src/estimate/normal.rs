//! The normal quantile and normal intervals in f32.

use crate::{ConfigError, arithmetic::sqrt};

/// Returns the z with P(|Z| < z) = `level` for Z ~ N(0, 1), within a relative error of 1e-6.
///
/// Wichura's PPND7 (1988, algorithm AS 241).
///
/// # Errors
/// Returns an error unless `level` is between 0 and 1.
pub fn central_normal(level: f32) -> Result<f32, ConfigError> {
    let level = ConfigError::probability("level", level)?;
    let z = if level <= 0.85 {
        let q = 0.5 * level;
        let r = 0.180_625 - q * q;
        let top = 3.387_132_7 + r * (50.434_273 + r * (159.291_14 + r * 59.109_375));
        let bottom = 1.0 + r * (17.895_17 + r * (78.757_76 + r * 67.187_56));
        q * top / bottom
    } else {
        // 1 − level is exact.
        let r = sqrt(-libm::logf(0.5 * (1.0 - level))) - 1.6;
        let top = 1.423_437_2 + r * (2.756_815_4 + r * (1.306_728_5 + r * 0.170_238_21));
        let bottom = 1.0 + r * (0.737_001_6 + r * 0.120_211_33);
        top / bottom
    };
    Ok(z)
}

/// Returns the intervals mean ± z·sd, or the whole line for each coordinate if nothing is known.
pub fn normal_intervals<const N: usize>(
    z: f32,
    mean: Option<[f32; N]>,
    sd: Option<[f32; N]>,
) -> [[f32; 2]; N] {
    let mut intervals = [[f32::NEG_INFINITY, f32::INFINITY]; N];
    if let (Some(mean), Some(sd)) = (mean, sd) {
        for (interval, (m, sd)) in intervals.iter_mut().zip(mean.iter().zip(sd)) {
            *interval = [m - z * sd, m + z * sd];
        }
    }
    intervals
}

#[cfg(test)]
mod tests {
    use super::central_normal;

    #[test]
    fn inverts_the_error_function() {
        let steps = (1..1000).map(|i| i as f32 / 1000.0);
        let tail = (2..25).map(|k| 1.0 - f32::from_bits((127 - k) << 23));
        for level in steps.chain(tail) {
            // One Newton step from the approximation, in f64, gives the exact quantile: what it leaves
            // is of the order of the square of the error.
            let z = f64::from(central_normal(level).unwrap());
            let beyond = libm::erfc(z * core::f64::consts::FRAC_1_SQRT_2);
            let density = libm::exp(-0.5 * z * z) * libm::sqrt(2.0 / core::f64::consts::PI);
            let error = (1.0 - f64::from(level) - beyond) / density;
            assert!(error.abs() <= 1e-6 * z, "{level}: {z} is off by {error:e}");
        }
    }

    #[test]
    fn every_probability_has_a_finite_z_and_nothing_else_has_one() {
        for level in [1e-45, 1e-10, 0.5, 1.0 - 0.5 * f32::EPSILON] {
            let z = central_normal(level).unwrap();
            assert!((0.0..5.5).contains(&z), "{level}: {z}");
        }
        for level in [0.0, 1.0, -0.5, 95.0, f32::NAN, f32::INFINITY] {
            let error = central_normal(level).unwrap_err();
            assert_eq!(error.field, "level");
        }
    }
}
