//! Location and scale of a prior that is known by its gradient.

use crate::arithmetic::sqrt;

/// Newton's method from 0, coordinate by coordinate; the scale is infinite where no curvature was met.
pub(super) fn search<const N: usize>(
    gradient: impl Fn(&[f32; N]) -> [f32; N],
) -> ([f32; N], [f32; N]) {
    let (mut location, mut scale, mut probe) = ([0.0; N], [f32::INFINITY; N], [1.0_f32; N]);
    for _ in 0..32 {
        let here = gradient(&location);
        let mut next = location;
        let coordinates = next.iter_mut().zip(&here).zip(&mut scale).zip(&mut probe);
        for (index, (((m, g), scale), probe)) in coordinates.enumerate() {
            let mut there = location;
            if let Some(x) = there.get_mut(index) {
                *x += *probe;
            }
            let moved = gradient(&there);
            let curvature = (moved.get(index).copied().unwrap_or_default() - g) / *probe;
            if curvature > 0.0 {
                *scale = 1.0 / sqrt(curvature);
                *m -= g / curvature;
                *probe = *scale;
            } else if *g != 0.0 {
                *m -= g.signum() * *probe;
                *probe *= 2.0;
            }
        }
        location = next;
    }
    (location, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_gaussian_and_a_skew_prior() {
        let (location, scale) = search(|t: &[f32; 2]| [(t[0] - 300.0) / 16.0, 1e4 * (t[1] + 0.02)]);
        assert!((location[0] - 300.0).abs() < 1e-2 && (location[1] + 0.02).abs() < 1e-6);
        assert!((scale[0] - 4.0).abs() < 1e-3 && (scale[1] - 0.01).abs() < 1e-5);
        // The logarithm of an exponential variable of mean 0.1: the mode is ln 0.1.
        let ([location], [scale]) = search(|t: &[f32; 1]| [10.0 * t[0].exp() - 1.0]);
        assert!(
            (location + core::f32::consts::LN_10).abs() < 0.01,
            "{location}"
        );
        assert!((0.5..1.1).contains(&scale), "{scale}");
        // Nothing is known of the second.
        let (_, scale) = search(|t: &[f32; 2]| [t[0], 0.0]);
        assert_eq!(scale, [1.0, f32::INFINITY]);
    }
}
