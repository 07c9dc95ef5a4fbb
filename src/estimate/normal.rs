//! The normal quantile in f32.

use crate::sqrt::sqrt;

/// The largest level below 1.
const MOST: f32 = 1.0 - 0.5 * f32::EPSILON;

/// The z with P(|Z| < z) = `level` for Z ~ N(0, 1), within a relative 1e-6.
///
/// Wichura's PPND7 (1988, algorithm AS 241). A level below 0 is read as 0, one above 1 − 2⁻²⁴ or NaN
/// as that.
pub fn central_normal(level: f32) -> f32 {
    // False for NaN too: what is not known gets the widest interval.
    let level = if level <= MOST { level.max(0.0) } else { MOST };
    if level <= 0.85 {
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
    }
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
            let z = f64::from(central_normal(level));
            let beyond = libm::erfc(z * core::f64::consts::FRAC_1_SQRT_2);
            let density = libm::exp(-0.5 * z * z) * libm::sqrt(2.0 / core::f64::consts::PI);
            let error = (1.0 - f64::from(level) - beyond) / density;
            assert!(error.abs() <= 1e-6 * z, "{level}: {z} is off by {error:e}");
        }
    }

    #[test]
    fn any_level_has_a_finite_z() {
        assert_eq!(central_normal(0.0), 0.0);
        assert_eq!(central_normal(-1.0), 0.0);
        assert_eq!(central_normal(f32::NEG_INFINITY), 0.0);
        let most = central_normal(1.0);
        assert!((5.2..5.5).contains(&most), "{most}");
        assert_eq!(central_normal(7.0), most);
        assert_eq!(central_normal(f32::NAN), most);
        assert_eq!(central_normal(f32::INFINITY), most);
    }
}
