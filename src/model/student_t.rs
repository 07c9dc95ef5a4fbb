//! Independent Student-t priors, Cauchy among them.

use super::{Law, Prior, inverse_scales, law};
use crate::ConfigError;

/// Each coordinate (θᵢ − mᵢ)/sᵢ ~ t with ν degrees of freedom: −log p = Σ ½(ν + 1) log(1 + zᵢ²/ν),
/// z = (θ − m)/s. A weakly informative prior with heavy tails (Gelman et al. 2008).
///
/// A scale of infinity leaves its coordinate flat, so that another prior can take it: see [`Prior`].
///
/// ```
/// use langevin::model::{Prior, StudentTPrior};
/// let prior = StudentTPrior::cauchy([0.0], [2.5])?;
/// assert!((prior.negative_log_density(&[2.5]) - 2.0_f32.ln()).abs() < 1e-6);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StudentTPrior<const N: usize> {
    t: StudentT,
    location: [f32; N],
    inverse_scale: [f32; N],
}

impl<const N: usize> StudentTPrior<N> {
    /// Creates the prior with ν = `degrees_of_freedom` and these locations and scales.
    ///
    /// # Errors
    /// When `degrees_of_freedom` is not in [1e-3, 1e6], a `location` is not finite, or a `scale` not > 1e-18.
    pub const fn new(
        degrees_of_freedom: f32,
        location: [f32; N],
        scale: [f32; N],
    ) -> Result<Self, ConfigError> {
        match (
            StudentT::new(degrees_of_freedom),
            inverse_scales(&location, scale, ["location", "scale"]),
        ) {
            (Ok(t), Ok(inverse_scale)) => Ok(Self {
                t,
                location,
                inverse_scale,
            }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Creates the Cauchy prior, which has one degree of freedom.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub const fn cauchy(location: [f32; N], scale: [f32; N]) -> Result<Self, ConfigError> {
        Self::new(1.0, location, scale)
    }
}

impl<const N: usize> Prior<N> for StudentTPrior<N> {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        let terms = theta.iter().zip(&self.location).zip(&self.inverse_scale);
        for (g, ((t, m), k)) in gradient.iter_mut().zip(terms) {
            *g += k * self.t.slope(k * (t - m));
        }
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N]) -> f32 {
        let mut energy = 0.0;
        for ((t, m), k) in theta.iter().zip(&self.location).zip(&self.inverse_scale) {
            energy += self.t.energy(k * (t - m));
        }
        energy
    }

    /// The scale is that of the centre: the standard deviation may not exist.
    fn location_and_scale(&self) -> ([f32; N], [f32; N]) {
        (self.location, self.inverse_scale.map(|k| 1.0 / k))
    }
}

/// −log of the standard t density, ½(ν + 1) log(1 + z²/ν).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StudentT {
    df: f32,
    inverse_df: f32,
}

impl StudentT {
    pub(super) const fn new(df: f32) -> Result<Self, ConfigError> {
        // The range within which neither ν nor 1/ν spoils a sum with 1 or z².
        match ConfigError::check(
            df >= 1e-3 && df <= 1e6,
            "degrees of freedom",
            "in [1e-3, 1e6]",
            df,
        ) {
            Ok(df) => Ok(Self {
                df,
                inverse_df: 1.0 / df,
            }),
            Err(error) => Err(error),
        }
    }

    /// Returns the derivative of [`energy`](Self::energy), (ν + 1)z/(ν + z²). It is 0 where z² overflows;
    /// the true value is below 1e-12 there.
    #[inline]
    pub(super) fn slope(self, z: f32) -> f32 {
        (self.df + 1.0) * (z / (self.df + z * z))
    }

    /// The law of an observation at `z`, in units of the scale 1/`inverse_scale`.
    pub(super) fn law(self, z: f32, inverse_scale: f32) -> Law {
        law::student_t(self.df, inverse_scale, z, self.energy(z))
    }

    #[inline]
    pub(super) fn energy(self, z: f32) -> f32 {
        let log = if z.abs() < 1e12 {
            libm::log1pf(z * z * self.inverse_df)
        } else {
            // ν ≤ 1e6 is below the last place of z².
            2.0 * libm::logf(z.abs()) + libm::logf(self.inverse_df)
        };
        0.5 * (self.df + 1.0) * log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "slow there")]
    fn finite_and_right_far_out() {
        for df in [1e-3, 1.0, 4.0, 1e6] {
            let t = StudentT::new(df).unwrap();
            for z in [0.0, 1e-30, 1.0, 1e3, 9e11, 1.1e12, 1e20, f32::MAX] {
                let (v, x) = (f64::from(df), f64::from(z));
                let energy = 0.5 * (v + 1.0) * (x * x / v).ln_1p();
                let slope = (v + 1.0) * x / (v + x * x);
                for sign in [1.0, -1.0] {
                    let close = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-12 + 1e-6 * b.abs();
                    assert!(close(t.energy(sign * z), energy), "{df} {z}");
                    assert!(
                        close(t.slope(sign * z), f64::from(sign) * slope),
                        "{df} {z}"
                    );
                }
            }
        }
        for df in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(StudentT::new(df).is_err());
        }
    }
}
