//! The normal quantile in f64, for the tests that generate and check the tables.

use core::f64::consts::SQRT_2;

/// Returns 1 − Φ(z).
pub fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// Returns the z ≥ 0 that is exceeded with probability f·2⁻³², for f in (0, 2³¹].
pub fn of(f: f64) -> f64 {
    let p = f / 4_294_967_296.0;
    let (mut low, mut high) = (0.0, 9.0);
    for _ in 0..60 {
        let z = 0.5 * (low + high);
        if upper_tail(z) > p {
            low = z;
        } else {
            high = z;
        }
    }
    0.5 * (low + high)
}

/// Returns the coefficients of the quadratic a + bf + cf² through the quantile at the Chebyshev nodes of
/// [`low`, `high`], which has nearly the smallest possible maximal error.
pub fn fit(low: f64, high: f64) -> [f64; 3] {
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    let s = libm::sqrt(0.75);
    let [left, centre, right] = [-s, 0.0, s].map(|x| of(middle + half * x));
    let slope = (right - left) / (2.0 * s * half);
    let bend = (right + left - 2.0 * centre) / (2.0 * s * s * half * half);
    [
        centre - middle * (slope - middle * bend),
        slope - 2.0 * middle * bend,
        bend,
    ]
}
