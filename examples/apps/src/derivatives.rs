//! Responses with their derivatives by dual numbers and by hand, to be compared: what a formula costs.

use langevin::{dual::Real, model::Response};
use libm::expf;

use crate::calibrate::Chwirut2;

/// [`Chwirut2`] with its derivatives by hand.
#[derive(Clone, Copy, Debug)]
pub struct Chwirut2ByHand;

impl Response<3> for Chwirut2ByHand {
    type Input = [f32; 1];

    #[inline]
    fn constants<T: Real>(&self, theta: &[T; 3]) -> [T; 3] {
        Chwirut2.constants(theta)
    }

    #[inline]
    fn response<T: Real>(&self, constants: &[T; 3], x: &[f32; 1]) -> T {
        Chwirut2.response(constants, x)
    }

    #[inline]
    fn with_derivatives(
        &self,
        &[b1, log_near, log_far]: &[f32; 3],
    ) -> impl Fn(&[f32; 1]) -> (f32, [f32; 3]) {
        let (near, far) = (expf(log_near), expf(log_far));
        move |&[x]| {
            let share = (x - 0.5) / 5.5;
            let (near, far) = ((1.0 - share) * near, share * far);
            let y = expf(-b1 * x) / (near + far);
            let slope = -y / (near + far);
            (y, [-x * y, slope * near, slope * far])
        }
    }
}

/// Four decays, Σ aᵢ exp(−kᵢx): θ = [a₁, k₁, ..., a₄, k₄].
#[derive(Clone, Copy, Debug)]
pub struct Decays;

impl Response<8> for Decays {
    type Input = [f32; 1];

    #[inline]
    fn response<T: Real>(&self, &[a, k, b, l, c, m, d, n]: &[T; 8], &[x]: &[f32; 1]) -> T {
        a * (k * -x).exp() + b * (l * -x).exp() + c * (m * -x).exp() + d * (n * -x).exp()
    }
}

/// [`Decays`] with their derivatives by hand.
#[derive(Clone, Copy, Debug)]
pub struct DecaysByHand;

impl Response<8> for DecaysByHand {
    type Input = [f32; 1];

    #[inline]
    fn response<T: Real>(&self, theta: &[T; 8], x: &[f32; 1]) -> T {
        Decays.response(theta, x)
    }

    #[inline]
    fn with_derivatives(&self, theta: &[f32; 8]) -> impl Fn(&[f32; 1]) -> (f32, [f32; 8]) {
        let [a, k, b, l, c, m, d, n] = *theta;
        move |&[x]| {
            let [p, q, r, s] = [k, l, m, n].map(|k| expf(-k * x));
            let y = a * p + b * q + c * r + d * s;
            (
                y,
                [p, -x * a * p, q, -x * b * q, r, -x * c * r, s, -x * d * s],
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_the_same() {
        for x in [0.5, 1.0, 3.0, 6.0] {
            let theta = [0.1, -3.9, -2.0];
            let (y, slopes) = Chwirut2.with_derivatives(&theta)(&[x]);
            let (same, by_hand) = Chwirut2ByHand.with_derivatives(&theta)(&[x]);
            close(&[y], &[same]);
            close(&slopes, &by_hand);
            let theta = [1.0, 0.3, -2.0, 1.0, 0.5, 0.1, 3.0, 2.0];
            let (y, slopes) = Decays.with_derivatives(&theta)(&[x]);
            let (same, by_hand) = DecaysByHand.with_derivatives(&theta)(&[x]);
            close(&[y], &[same]);
            close(&slopes, &by_hand);
        }
    }

    fn close<const N: usize>(a: &[f32; N], b: &[f32; N]) {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= 1e-5 * a.abs(), "{a} {b}");
        }
    }
}
