//! Constrained parameters: a chain moves on all of ℝᴺ, the caller's parameters stay in bounds.

use crate::{
    ConfigError, Potential, StepError,
    arithmetic::exp,
    potential::{Energy, GradientVariance},
};

/// The range of a parameter x, with the map from an unconstrained θ to it.
///
/// | constraint | x(θ) | log-Jacobian log\|dx/dθ\| |
/// |---|---|---|
/// | [`REAL`](Self::REAL) | θ | 0 |
/// | [`POSITIVE`](Self::POSITIVE), [`above`](Self::above) a | a + eᶿ | θ |
/// | [`below`](Self::below) b | b − eᶿ | θ |
/// | [`between`](Self::between) a and b | a + (b − a)/(1 + e^−θ) | log(b − a) − \|θ\| − 2 log(1 + e^−\|θ\|) |
///
/// For every finite θ, x is finite and strictly inside its bounds: the exponent is clamped to ±64, and a value that
/// rounds to a bound is moved to the neighbouring number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Constraint(Kind);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Kind {
    #[default]
    Real,
    Above(f32),
    Below(f32),
    Between(f32, f32),
}

/// x, dx/dθ and d log|dx/dθ|/dθ.
struct Image {
    x: f32,
    slope: f32,
    log_slope: f32,
}

impl Constraint {
    /// Allows any number: x is θ itself.
    pub const REAL: Self = Self(Kind::Real);

    /// Allows x > 0, as of a scale, a rate or a time constant.
    pub const POSITIVE: Self = Self(Kind::Above(0.0));

    /// Creates the constraint x > `low`.
    ///
    /// # Errors
    /// When `low` is not finite, or the largest number.
    pub const fn above(low: f32) -> Result<Self, ConfigError> {
        if low.is_finite() && low.next_up().is_finite() {
            Ok(Self(Kind::Above(low)))
        } else {
            Err(Self::error("low", "finite and below the largest number"))
        }
    }

    /// Creates the constraint x < `high`.
    ///
    /// # Errors
    /// When `high` is not finite, or the lowest number.
    pub const fn below(high: f32) -> Result<Self, ConfigError> {
        if high.is_finite() && high.next_down().is_finite() {
            Ok(Self(Kind::Below(high)))
        } else {
            Err(Self::error("high", "finite and above the lowest number"))
        }
    }

    /// Creates the constraint `low` < x < `high`.
    ///
    /// # Errors
    /// When a bound is not finite, their distance overflows, or no number lies between them.
    pub const fn between(low: f32, high: f32) -> Result<Self, ConfigError> {
        if (high - low).is_finite() && low.next_up() < high {
            Ok(Self(Kind::Between(low, high)))
        } else {
            Err(Self::error(
                "high",
                "finite and above low by more than a rounding",
            ))
        }
    }

    const fn error(field: &'static str, bound: &'static str) -> ConfigError {
        ConfigError { field, bound }
    }

    #[inline]
    fn image(self, theta: f32) -> Image {
        match self.0 {
            Kind::Real => Image {
                x: theta,
                slope: 1.0,
                log_slope: 0.0,
            },
            Kind::Above(low) => {
                let e = exp(clamped(theta));
                let x = low + e;
                Image {
                    x: if x == low { low.next_up() } else { x },
                    slope: e,
                    log_slope: 1.0,
                }
            }
            Kind::Below(high) => {
                let e = exp(clamped(theta));
                let x = high - e;
                Image {
                    x: if x == high { high.next_down() } else { x },
                    slope: -e,
                    log_slope: 1.0,
                }
            }
            Kind::Between(low, high) => {
                // The share of the interval towards the nearer bound: no 1 − s to cancel.
                let e = exp(-clamped(theta).abs());
                let near = e / (1.0 + e);
                let (width, tilt) = (high - low, (1.0 - e) / (1.0 + e));
                let (x, log_slope) = if theta > 0.0 {
                    (high - width * near, -tilt)
                } else {
                    (low + width * near, tilt)
                };
                Image {
                    x: if x <= low {
                        low.next_up()
                    } else if x >= high {
                        high.next_down()
                    } else {
                        x
                    },
                    slope: width * near / (1.0 + e),
                    log_slope,
                }
            }
        }
    }

    fn log_jacobian(self, theta: f32) -> f32 {
        match self.0 {
            Kind::Real => 0.0,
            Kind::Above(_) | Kind::Below(_) => theta,
            Kind::Between(..) => -theta.abs() - 2.0 * libm::log1pf(exp(-theta.abs())),
        }
    }

    fn inverse(self, x: f32) -> Result<f32, ConfigError> {
        let theta = match self.0 {
            Kind::Real => x,
            Kind::Above(low) => libm::logf(x - low),
            Kind::Below(high) => libm::logf(high - x),
            Kind::Between(low, high) => libm::logf(x - low) - libm::logf(high - x),
        };
        // The logarithm of what is not positive is not finite.
        ConfigError::check(
            theta.is_finite(),
            "x",
            "finite and inside its constraint",
            theta,
        )
    }
}

/// Returns θ clamped to ±64, so that eᶿ, from 2e-28 to 6e27, has room to be multiplied.
#[inline]
fn clamped(theta: f32) -> f32 {
    // NaN passes.
    theta.clamp(-64.0, 64.0)
}

/// The constraints of all parameters, and the map between the chain's coordinates and the caller's.
///
/// The chain samples θ. [`wrap`](Self::wrap) returns the potential of θ, with its Jacobian, and
/// [`constrain`](Self::constrain) returns the parameters x of a draw, from which estimates are made.
///
/// ```
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng, constraint::{Constraint, Transform}, schedule::Constant, stepper::Sgld};
/// // A rate x > 0 with a Gamma(3, 1) posterior: U(x) = x − 2 log x.
/// let mut gamma = |x: &[f32; 1]| [1.0 - 2.0 / x[0]];
/// let transform = Transform::new([Constraint::POSITIVE]);
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let start = transform.unconstrain(&[3.0])?;
/// let mut chain = Chain::new(start, Sgld::new(), Constant::new(0.05)?, noise);
/// let mut mean = 0.0;
/// for _ in 0..20_000 {
///     if let Some(theta) = chain.step(&mut transform.wrap(&mut gamma))? {
///         mean += transform.constrain(theta)[0] / 20_000.0;
///     }
/// }
/// assert!((mean - 3.0).abs() < 0.3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Transform<const N: usize>([Constraint; N]);

impl<const N: usize> Transform<N> {
    /// Creates the transform to parameters with these constraints.
    pub const fn new(constraints: [Constraint; N]) -> Self {
        Self(constraints)
    }

    /// Returns the caller's parameters x at the chain's position θ.
    #[inline]
    pub fn constrain(&self, theta: &[f32; N]) -> [f32; N] {
        let mut x = *theta;
        for (x, constraint) in x.iter_mut().zip(&self.0) {
            *x = constraint.image(*x).x;
        }
        x
    }

    /// Returns the chain's position θ at the caller's parameters `x`, which is where to start.
    ///
    /// # Errors
    /// When an element of `x` is not finite or not inside its constraint.
    pub fn unconstrain(&self, x: &[f32; N]) -> Result<[f32; N], ConfigError> {
        let mut theta = *x;
        for (theta, constraint) in theta.iter_mut().zip(&self.0) {
            *theta = constraint.inverse(*theta)?;
        }
        Ok(theta)
    }

    /// Returns the potential of θ, U(x(θ)) − Σ log|dxᵢ/dθᵢ|, from the `potential` U of x.
    #[inline]
    pub const fn wrap<P>(&self, potential: P) -> Constrained<'_, N, P> {
        Constrained {
            transform: self,
            potential,
        }
    }
}

/// A potential of unconstrained coordinates, made by [`Transform::wrap`].
#[derive(Clone, Copy, Debug)]
pub struct Constrained<'t, const N: usize, P> {
    transform: &'t Transform<N>,
    potential: P,
}

impl<const N: usize, P> Constrained<'_, N, P> {
    /// Returns the potential of the caller's parameters.
    pub const fn inner(&self) -> &P {
        &self.potential
    }

    /// Returns the caller's parameters and, for each, dx/dθ and d log|dx/dθ|/dθ.
    #[inline]
    fn image(&self, theta: &[f32; N]) -> ([f32; N], [(f32, f32); N]) {
        let mut x = *theta;
        let mut slopes = [(1.0, 0.0); N];
        for ((x, slopes), constraint) in x.iter_mut().zip(&mut slopes).zip(&self.transform.0) {
            let image = constraint.image(*x);
            *x = image.x;
            *slopes = (image.slope, image.log_slope);
        }
        (x, slopes)
    }
}

/// ∂U/∂θᵢ = ∂U/∂xᵢ · dxᵢ/dθᵢ − d log|dxᵢ/dθᵢ|/dθᵢ.
#[inline]
fn pull_back<const N: usize>(gradient: &mut [f32; N], slopes: &[(f32, f32); N]) {
    for (g, (slope, log_slope)) in gradient.iter_mut().zip(slopes) {
        *g = *g * slope - log_slope;
    }
}

impl<const N: usize, P: Potential<N>> Potential<N> for Constrained<'_, N, P> {
    #[inline]
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        let (x, slopes) = self.image(theta);
        self.potential.gradient(&x, gradient)?;
        pull_back(gradient, &slopes);
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.potential.number_of_data()
    }

    fn check(&self) -> Result<(), StepError> {
        self.potential.check()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.potential.set_centre(&self.transform.constrain(theta))
    }
}

impl<const N: usize, P: Energy<N>> Energy<N> for Constrained<'_, N, P> {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        let mut energy = self.potential.energy(&self.transform.constrain(theta))?;
        for (theta, constraint) in theta.iter().zip(&self.transform.0) {
            energy -= constraint.log_jacobian(*theta);
        }
        Ok(energy)
    }
}

impl<const N: usize, P: GradientVariance<N>> GradientVariance<N> for Constrained<'_, N, P> {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        let (x, slopes) = self.image(theta);
        self.potential
            .gradient_and_variance(&x, gradient, variance)?;
        pull_back(gradient, &slopes);
        for (v, (slope, _)) in variance.iter_mut().zip(slopes) {
            *v *= slope * slope;
        }
        Ok(())
    }
}
