//! A Gaussian prior with correlations, such as yesterday's posterior.

use super::Prior;
use crate::{
    ConfigError,
    arithmetic::{finite, sqrt},
    estimate::Covariance,
    preconditioner::{Dense, NotPositiveDefinite, Preconditioner},
};

/// The prior θ ~ N(m, Σ): −log p = ½(θ − m)ᵀΣ⁻¹(θ − m).
///
/// With [`from_estimate`](Self::from_estimate) yesterday's posterior becomes today's prior, and the data behind it need
/// not be kept. What may have changed meanwhile goes in by [`with_forgetting`](Self::with_forgetting) or
/// [`with_process_noise`](Self::with_process_noise). As far as the posterior is Gaussian, nothing is lost.
///
/// ```
/// use langevin::{estimate::Covariance, model::{MultivariateGaussianPrior, Prior}};
/// let mut yesterday = Covariance::<2>::new();
/// for draw in [[1.0, 2.0], [-1.0, -2.0], [1.0, 0.0], [-1.0, 0.0]] {
///     yesterday.push(&draw);
/// }
/// // Twice the variance: half of what was known is forgotten.
/// let today = MultivariateGaussianPrior::from_estimate(&yesterday)?.with_forgetting(0.5)?;
/// // Σ = [[1, 1], [1, 2]]·2, Σ⁻¹ = [[2, −1], [−1, 1]]/2.
/// assert!((today.negative_log_density(&[1.0, 0.0]) - 0.5).abs() < 1e-6);
/// # Ok::<(), langevin::ConfigError>(())
/// ```
///
/// Cost: N² multiplications, and as many floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultivariateGaussianPrior<const N: usize> {
    mean: [f32; N],
    // W with WᵀW = Σ⁻¹: a Cholesky factor of Σ, inverted.
    whitener: Dense<N>,
}

impl<const N: usize> MultivariateGaussianPrior<N> {
    /// Creates the prior with this mean and covariance, of which only the lower triangle is read.
    ///
    /// # Errors
    /// When `mean` is not finite or `covariance` not positive definite.
    pub fn from_covariance(
        mean: [f32; N],
        covariance: &[[f32; N]; N],
    ) -> Result<Self, ConfigError> {
        Self::from_factor(mean, Dense::from_covariance(covariance), "covariance")
    }

    /// Creates the prior with this mean and the inverse of this matrix as covariance. Only its lower triangle is read.
    ///
    /// # Errors
    /// When `mean` is not finite or `precision` not positive definite.
    pub fn from_precision(mean: [f32; N], precision: &[[f32; N]; N]) -> Result<Self, ConfigError> {
        Self::from_factor(mean, Dense::from_precision(precision), "precision")
    }

    /// Creates the prior with the mean and the covariance of an estimate, such as yesterday's posterior.
    ///
    /// # Errors
    /// When `estimate` has no samples, or too few for a covariance that is positive definite.
    pub fn from_estimate(estimate: &Covariance<N>) -> Result<Self, ConfigError> {
        match (estimate.moments().mean(), estimate.matrix()) {
            (Some(mean), Some(matrix)) => {
                Self::from_factor(mean, Dense::from_covariance(&matrix), "covariance")
            }
            _ => Err(ConfigError {
                field: "estimate",
                bound: "of one sample at least",
            }),
        }
    }

    fn from_factor(
        mean: [f32; N],
        factor: Result<Dense<N>, NotPositiveDefinite>,
        field: &'static str,
    ) -> Result<Self, ConfigError> {
        if !finite(&mean) {
            return Err(ConfigError {
                field: "mean",
                bound: "finite",
            });
        }
        factor
            .ok()
            .and_then(|factor| inverse(&factor))
            .map(|whitener| Self { mean, whitener })
            .ok_or(ConfigError {
                field,
                bound: "positive definite",
            })
    }

    /// Returns the prior with its covariance divided by `forgetting_factor`: with 0.9 a tenth of what was known is
    /// forgotten.
    ///
    /// # Errors
    /// When `forgetting_factor` is not in (0, 1].
    pub fn with_forgetting(self, forgetting_factor: f32) -> Result<Self, ConfigError> {
        let root = sqrt(forgetting(forgetting_factor)?);
        let rows = self.whitener.rows().map(|row| row.map(|w| root * w));
        Dense::new(rows).map(|whitener| Self { whitener, ..self })
    }

    /// Returns the prior of what each parameter becomes by an independent random change of standard deviation `sd`.
    /// Changes with the time: √t times that of a unit of time.
    ///
    /// # Errors
    /// When an `sd` is not finite or below 0.
    pub fn with_process_noise(self, sd: [f32; N]) -> Result<Self, ConfigError> {
        let factor = inverse(&self.whitener).unwrap_or_default();
        let mut covariance = [[0.0; N]; N];
        for (i, (row, (a, s))) in covariance
            .iter_mut()
            .zip(factor.rows().iter().zip(&sd))
            .enumerate()
        {
            for (j, (element, b)) in row.iter_mut().zip(factor.rows()).enumerate() {
                for (x, y) in a.iter().zip(b) {
                    *element += x * y;
                }
                if i == j {
                    *element += process_variance(*s)?;
                }
            }
        }
        Self::from_covariance(self.mean, &covariance)
    }
}

impl<const N: usize> Prior<N> for MultivariateGaussianPrior<N> {
    #[inline]
    fn add_gradient(&self, theta: &[f32; N], gradient: &mut [f32; N]) {
        let mut whitened = difference(theta, &self.mean);
        self.whitener.apply(&mut whitened);
        self.whitener.apply_transpose(&mut whitened);
        for (g, w) in gradient.iter_mut().zip(&whitened) {
            *g += w;
        }
    }

    #[inline]
    fn negative_log_density(&self, theta: &[f32; N]) -> f32 {
        let mut whitened = difference(theta, &self.mean);
        self.whitener.apply(&mut whitened);
        let mut energy = 0.0;
        for w in &whitened {
            energy += 0.5 * w * w;
        }
        energy
    }
}

crate::checkpoint!(impl[const N: usize] for MultivariateGaussianPrior<N> {
    mean: [f32; N], whitener: Dense<N>
} if |prior| finite(&prior.mean));

/// Returns the forgetting factor if it is in (0, 1].
pub(super) const fn forgetting(forgetting_factor: f32) -> Result<f32, ConfigError> {
    ConfigError::check(
        forgetting_factor > 0.0 && forgetting_factor <= 1.0,
        "forgetting factor",
        "in (0, 1]",
        forgetting_factor,
    )
}

/// Returns the variance of process noise of standard deviation `sd`.
pub(super) const fn process_variance(sd: f32) -> Result<f32, ConfigError> {
    match ConfigError::non_negative("sd", sd) {
        Ok(sd) => Ok(sd * sd),
        Err(error) => Err(error),
    }
}

#[inline]
fn difference<const N: usize>(theta: &[f32; N], mean: &[f32; N]) -> [f32; N] {
    let mut difference = *theta;
    for (d, m) in difference.iter_mut().zip(mean) {
        *d -= m;
    }
    difference
}

/// Returns the inverse of a triangular matrix, or `None` when it is not finite.
fn inverse<const N: usize>(factor: &Dense<N>) -> Option<Dense<N>> {
    let mut rows = [[0.0; N]; N];
    for column in 0..N {
        let mut unit = [0.0; N];
        *unit.get_mut(column)? = 1.0;
        factor.solve(&mut unit);
        for (row, x) in rows.iter_mut().zip(&unit) {
            *row.get_mut(column)? = *x;
        }
    }
    Dense::new(rows).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COVARIANCE: [[f32; 3]; 3] = [[4.0, 1.0, 0.5], [1.0, 2.0, -0.3], [0.5, -0.3, 0.5]];

    /// Σ⁻¹(θ − m) by solving for it, in f64.
    #[allow(clippy::needless_range_loop, reason = "matrices read best by index")]
    fn solve(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> [f64; 3] {
        for i in 0..3 {
            for j in i + 1..3 {
                let f = a[j][i] / a[i][i];
                for k in i..3 {
                    a[j][k] -= f * a[i][k];
                }
                b[j] -= f * b[i];
            }
        }
        for i in (0..3).rev() {
            for j in i + 1..3 {
                b[i] -= a[i][j] * b[j];
            }
            b[i] /= a[i][i];
        }
        b
    }

    fn agrees(prior: &MultivariateGaussianPrior<3>, covariance: [[f64; 3]; 3]) {
        let mean = [1.0, -2.0, 0.5];
        for theta in [[1.0, 1.0, 1.0], [-3.0, 0.0, 2.0], [1.0, -2.0, 0.5]] {
            let d = [0, 1, 2].map(|i| f64::from(theta[i]) - mean[i]);
            let exact = solve(covariance, d);
            let mut gradient = [0.0; 3];
            prior.add_gradient(&theta, &mut gradient);
            for (g, e) in gradient.iter().zip(exact) {
                assert!(
                    (f64::from(*g) - e).abs() < 1e-5 * (1.0 + e.abs()),
                    "{gradient:?} {exact:?}"
                );
            }
            let energy = 0.5 * (0..3).map(|i| d[i] * exact[i]).sum::<f64>();
            let error = f64::from(prior.negative_log_density(&theta)) - energy;
            assert!(error.abs() < 1e-5 * (1.0 + energy));
        }
    }

    #[test]
    fn is_what_its_covariance_says() {
        let mean = [1.0, -2.0, 0.5];
        let exact = COVARIANCE.map(|row| row.map(f64::from));
        let prior = MultivariateGaussianPrior::from_covariance(mean, &COVARIANCE).unwrap();
        agrees(&prior, exact);
        let columns = [0, 1, 2].map(|i| {
            let mut unit = [0.0; 3];
            unit[i] = 1.0;
            solve(exact, unit)
        });
        let precision = columns.map(|c| c.map(|x| x as f32));
        agrees(
            &MultivariateGaussianPrior::from_precision(mean, &precision).unwrap(),
            exact,
        );
        agrees(
            &prior.with_forgetting(0.8).unwrap(),
            exact.map(|row| row.map(|x| x / 0.8)),
        );
        let mut noisy = exact;
        for (i, sd) in [0.5, 0.0, 0.25].into_iter().enumerate() {
            noisy[i][i] += sd * sd;
        }
        agrees(&prior.with_process_noise([0.5, 0.0, 0.25]).unwrap(), noisy);
    }

    #[test]
    fn refuses_what_is_no_prior() {
        let field =
            |result: Result<MultivariateGaussianPrior<2>, ConfigError>| result.unwrap_err().field;
        let unit = [[1.0, 0.0], [0.0, 1.0]];
        let singular = [[1.0, 1.0], [1.0, 1.0]];
        let of = MultivariateGaussianPrior::from_covariance;
        assert_eq!(field(of([f32::NAN, 0.0], &unit)), "mean");
        assert_eq!(field(of([0.0; 2], &singular)), "covariance");
        assert_eq!(
            field(MultivariateGaussianPrior::from_precision(
                [0.0; 2], &singular
            )),
            "precision"
        );
        let empty = MultivariateGaussianPrior::from_estimate(&Covariance::new());
        assert_eq!(field(empty), "estimate");
        let prior = of([0.0; 2], &unit).unwrap();
        for bad in [0.0, -0.5, 1.5, 95.0, f32::NAN] {
            assert_eq!(field(prior.with_forgetting(bad)), "forgetting factor");
        }
        for bad in [-1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(field(prior.with_process_noise([0.0, bad])), "sd");
        }
    }
}
