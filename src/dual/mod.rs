//! Derivatives of a formula that is written once.
//!
//! A formula that is generic over [`Real`] gives its value for `f32`, and its value with all N partial derivatives in
//! one pass for [`Dual<N>`]. A [`Response`](crate::model::Response) is such a formula, and so is a [`Formula`]: nobody
//! needs to derive by hand.
//!
//! ```
//! use langevin::dual::{Dual, Real};
//!
//! fn rosenbrock<T: Real>(&[x, y]: &[T; 2]) -> T {
//!     (x - 1.0).powi(2) + (y - x * x).powi(2) * 100.0
//! }
//!
//! assert_eq!(rosenbrock(&[0.0_f32, 1.0]), 101.0);
//! let d = rosenbrock(&Dual::variables(&[0.0, 1.0]));
//! assert_eq!((d.value, d.gradient), (101.0, [-2.0, 200.0]));
//! ```
//!
//! In generic code the number stands on the right of an operator: `x * 2.0`, `-(x - 1.0)`, `x.recip() * 3.0`. (Rust
//! cannot promise `2.0 * x` for every `T: Real`. With a `Dual` of known N it works on both sides.)
//!
//! # Floats without std
//!
//! On a microcontroller `f32` has no `exp` of its own, and the compiler suggests crates that approximate. With
//! `use langevin::dual::Real` it has all the methods of [`Real`], through libm, with the same bits as on every other
//! core.
//!
//! # Accuracy
//!
//! Everything is computed in `f32`. Exponentials, logarithms, powers, tanh and arc tangents have libm's bits. Sine, cosine,
//! tangent and hypotenuse are the crate's own, because libm's go through `f64`: sine and cosine are within 2e-7.
//! Where a function has no derivative the partial derivatives are 0 (`abs` and `hypot` at 0), those of the argument
//! that was chosen (`min`, `max`), or not finite (`sqrt` and `ln` at 0), which a step then refuses. Derivatives are those of
//! the formula as it is written: where smooth functions are put together from pieces with kinks, such as ln(1 + eˣ) from
//! `max` and `abs`, they are wrong at the kinks.

mod angle;
mod formula;

use core::{
    cmp::Ordering,
    iter::Sum,
    ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign},
};

pub use formula::{Differentiated, Formula, ObservationFormula};

use crate::arithmetic::{exp, sqrt};

/// A number to write formulas with: `f32`, or a [`Dual`] that carries derivatives along.
///
/// Comparisons are by value.
pub trait Real:
    Copy
    + From<f32>
    + PartialOrd
    + PartialOrd<f32>
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f32, Output = Self>
    + Sub<f32, Output = Self>
    + Mul<f32, Output = Self>
    + Div<f32, Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// Returns the value without derivatives.
    fn value(self) -> f32;

    /// Returns 1/x.
    fn recip(self) -> Self;

    /// Returns xⁿ by repeated multiplication.
    fn powi(self, n: i32) -> Self;

    /// Returns xⁿ.
    fn powf(self, n: f32) -> Self;

    /// Returns xʸ, for x ≥ 0.
    fn pow(self, y: Self) -> Self;

    /// Returns eˣ.
    fn exp(self) -> Self;

    /// Returns eˣ − 1, accurately near 0.
    fn exp_m1(self) -> Self;

    /// Returns the natural logarithm.
    fn ln(self) -> Self;

    /// Returns ln(1 + x), accurately near 0.
    fn ln_1p(self) -> Self;

    /// Returns √x.
    fn sqrt(self) -> Self;

    /// Returns the sine and the cosine of an angle in radians.
    fn sin_cos(self) -> (Self, Self);

    /// Returns the sine of an angle in radians.
    #[inline]
    fn sin(self) -> Self {
        self.sin_cos().0
    }

    /// Returns the cosine of an angle in radians.
    #[inline]
    fn cos(self) -> Self {
        self.sin_cos().1
    }

    /// Returns the tangent of an angle in radians.
    fn tan(self) -> Self;

    /// Returns the angle of the point (`x`, self) in radians, from −π to π.
    fn atan2(self, x: Self) -> Self;

    /// Returns the hyperbolic tangent.
    fn tanh(self) -> Self;

    /// Returns √(x² + y²) without overflow on the way.
    fn hypot(self, y: Self) -> Self;

    /// Returns |x|.
    fn abs(self) -> Self;

    /// Returns the smaller of the two, or NaN if one of them is NaN.
    #[inline]
    fn min(self, other: Self) -> Self {
        // Not equal to itself: NaN.
        if self < other || self.value().is_nan() {
            self
        } else {
            other
        }
    }

    /// Returns the larger of the two, or NaN if one of them is NaN.
    #[inline]
    fn max(self, other: Self) -> Self {
        if self > other || self.value().is_nan() {
            self
        } else {
            other
        }
    }
}

/// Returns xⁿ by repeated squaring.
#[inline]
fn powi<T: Real>(x: T, n: i32) -> T {
    let mut rest = n.unsigned_abs();
    let mut square = x;
    let mut power = None;
    while rest > 0 {
        if rest & 1 == 1 {
            power = Some(power.map_or(square, |p| p * square));
        }
        rest >>= 1;
        if rest > 0 {
            square = square * square;
        }
    }
    match power {
        None => T::from(1.0),
        Some(power) if n < 0 => power.recip(),
        Some(power) => power,
    }
}

/// Returns √(x² + y²), and x and y over it.
#[inline]
fn hypot(x: f32, y: f32) -> (f32, f32, f32) {
    let (a, b) = (x.abs(), y.abs());
    let largest = Real::max(a, b);
    if largest == 0.0 {
        return (0.0, 0.0, 0.0);
    }
    // The larger one becomes 1.
    let (p, q) = (x / largest, y / largest);
    let root = sqrt(p * p + q * q);
    (largest * root, p / root, q / root)
}

impl Real for f32 {
    #[inline]
    fn value(self) -> f32 {
        self
    }
    #[inline]
    fn recip(self) -> Self {
        1.0 / self
    }
    #[inline]
    fn powi(self, n: i32) -> Self {
        powi(self, n)
    }
    #[inline]
    fn powf(self, n: f32) -> Self {
        libm::powf(self, n)
    }
    #[inline]
    fn pow(self, y: Self) -> Self {
        libm::powf(self, y)
    }
    #[inline]
    fn exp(self) -> Self {
        exp(self)
    }
    #[inline]
    fn exp_m1(self) -> Self {
        libm::expm1f(self)
    }
    #[inline]
    fn ln(self) -> Self {
        libm::logf(self)
    }
    #[inline]
    fn ln_1p(self) -> Self {
        libm::log1pf(self)
    }
    #[inline]
    fn sqrt(self) -> Self {
        sqrt(self)
    }
    #[inline]
    fn sin_cos(self) -> (Self, Self) {
        angle::sin_cos(self)
    }
    #[inline]
    fn tan(self) -> Self {
        let (sin, cos) = angle::sin_cos(self);
        sin / cos
    }
    #[inline]
    fn atan2(self, x: Self) -> Self {
        libm::atan2f(self, x)
    }
    #[inline]
    fn tanh(self) -> Self {
        libm::tanhf(self)
    }
    #[inline]
    fn hypot(self, y: Self) -> Self {
        hypot(self, y).0
    }
    #[inline]
    fn abs(self) -> Self {
        f32::abs(self)
    }
}

/// A value and its partial derivatives by N variables.
///
/// Every operation follows the chain rule: an addition costs N additions more, a multiplication 2N
/// multiplications and N additions more, and a function N multiplications and its own derivative. The value has the
/// bits that `f32` alone would give.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dual<const N: usize> {
    /// The value.
    pub value: f32,
    /// Its partial derivatives.
    pub gradient: [f32; N],
}

impl<const N: usize> Dual<N> {
    /// Creates a constant: its derivatives are 0.
    #[inline]
    pub const fn constant(value: f32) -> Self {
        Self {
            value,
            gradient: [0.0; N],
        }
    }

    /// Creates the variables at `theta`: the i-th one has the derivative 1 by itself.
    #[inline]
    pub fn variables(theta: &[f32; N]) -> [Self; N] {
        let mut variables = [Self::constant(0.0); N];
        for (index, (variable, t)) in variables.iter_mut().zip(theta).enumerate() {
            variable.value = *t;
            if let Some(own) = variable.gradient.get_mut(index) {
                *own = 1.0;
            }
        }
        variables
    }

    /// Returns a function of this number, by its value and its derivative there.
    #[inline]
    fn chain(self, value: f32, slope: f32) -> Self {
        Self {
            value,
            gradient: map(self.gradient, |g| slope * g),
        }
    }

    /// Returns a function of two numbers, by its value and its two derivatives there.
    #[inline]
    fn chain2(self, other: Self, value: f32, slopes: (f32, f32)) -> Self {
        let gradient = zip(self.gradient, &other.gradient, |a, b| {
            slopes.0 * a + slopes.1 * b
        });
        Self { value, gradient }
    }
}

impl<const N: usize> From<f32> for Dual<N> {
    #[inline]
    fn from(value: f32) -> Self {
        Self::constant(value)
    }
}

impl<const N: usize> PartialEq for Dual<N> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<const N: usize> PartialOrd for Dual<N> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<const N: usize> PartialEq<f32> for Dual<N> {
    #[inline]
    fn eq(&self, other: &f32) -> bool {
        self.value == *other
    }
}

impl<const N: usize> PartialOrd<f32> for Dual<N> {
    #[inline]
    fn partial_cmp(&self, other: &f32) -> Option<Ordering> {
        self.value.partial_cmp(other)
    }
}

impl<const N: usize> Neg for Dual<N> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self {
            value: -self.value,
            gradient: map(self.gradient, |g| -g),
        }
    }
}

/// Implements an operator between two duals, from its body, and with a float on either side.
macro_rules! operator {
    (
        $trait:ident, $method:ident, $assign:ident, $assign_method:ident;
        $a:ident, $b:ident => $dual:expr, $right:expr, $left:expr
    ) => {
        impl<const N: usize> $trait for Dual<N> {
            type Output = Self;
            #[inline]
            fn $method(self, $b: Self) -> Self {
                let $a = self;
                $dual
            }
        }
        impl<const N: usize> $trait<f32> for Dual<N> {
            type Output = Self;
            #[inline]
            fn $method(self, $b: f32) -> Self {
                let $a = self;
                $right
            }
        }
        impl<const N: usize> $trait<Dual<N>> for f32 {
            type Output = Dual<N>;
            #[inline]
            fn $method(self, $b: Dual<N>) -> Dual<N> {
                let $a = self;
                $left
            }
        }
        impl<const N: usize> $assign for Dual<N> {
            #[inline]
            fn $assign_method(&mut self, other: Self) {
                *self = (*self).$method(other);
            }
        }
    };
}

/// Returns `a` with `f` of each element and that of `b`.
///
/// Written out for up to eight elements at a time: compilers that optimise for size unroll no loops, and a loop costs
/// them more than twice the instructions.
#[inline]
fn zip<const N: usize>(mut a: [f32; N], b: &[f32; N], f: impl Fn(f32, f32) -> f32) -> [f32; N] {
    let (mut eights, b_eights) = (a.chunks_exact_mut(8), b.chunks_exact(8));
    let b_rest = b_eights.remainder();
    for (a, b) in eights.by_ref().zip(b_eights) {
        if let ([a, c, e, g, i, k, m, o], [b, d, h, j, l, n, p, q]) = (a, b) {
            (*a, *c, *e, *g) = (f(*a, *b), f(*c, *d), f(*e, *h), f(*g, *j));
            (*i, *k, *m, *o) = (f(*i, *l), f(*k, *n), f(*m, *p), f(*o, *q));
        }
    }
    let mut fours = eights.into_remainder().chunks_exact_mut(4);
    let b_fours = b_rest.chunks_exact(4);
    let b_rest = b_fours.remainder();
    for (a, b) in fours.by_ref().zip(b_fours) {
        if let ([a, c, e, g], [b, d, h, j]) = (a, b) {
            (*a, *c, *e, *g) = (f(*a, *b), f(*c, *d), f(*e, *h), f(*g, *j));
        }
    }
    match (fours.into_remainder(), b_rest) {
        ([a], [b]) => *a = f(*a, *b),
        ([a, c], [b, d]) => (*a, *c) = (f(*a, *b), f(*c, *d)),
        ([a, c, e], [b, d, h]) => (*a, *c, *e) = (f(*a, *b), f(*c, *d), f(*e, *h)),
        _ => (),
    }
    a
}

/// Returns `f` of each element.
#[inline]
fn map<const N: usize>(a: [f32; N], f: impl Fn(f32) -> f32) -> [f32; N] {
    zip(a, &a, |a, _| f(a))
}

operator!(Add, add, AddAssign, add_assign; a, b =>
    Self { value: a.value + b.value, gradient: zip(a.gradient, &b.gradient, |a, b| a + b) },
    Self { value: a.value + b, gradient: a.gradient },
    Dual { value: a + b.value, gradient: b.gradient });
operator!(Sub, sub, SubAssign, sub_assign; a, b =>
    Self { value: a.value - b.value, gradient: zip(a.gradient, &b.gradient, |a, b| a - b) },
    Self { value: a.value - b, gradient: a.gradient },
    Dual { value: a - b.value, gradient: map(b.gradient, |g| -g) });
operator!(Mul, mul, MulAssign, mul_assign; a, b =>
    a.chain2(b, a.value * b.value, (b.value, a.value)),
    a.chain(a.value * b, b),
    b.chain(a * b.value, a));
operator!(Div, div, DivAssign, div_assign; a, b =>
{
    let (quotient, inverse) = (a.value / b.value, 1.0 / b.value);
    let gradient = zip(a.gradient, &b.gradient, |a, b| (a - quotient * b) * inverse);
    Self { value: quotient, gradient }
},
a.chain(a.value / b, 1.0 / b),
{
    let quotient = a / b.value;
    b.chain(quotient, -quotient / b.value)
});

impl<const N: usize> Sum for Dual<N> {
    #[inline]
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::constant(0.0), |a, b| a + b)
    }
}

impl<const N: usize> Real for Dual<N> {
    #[inline]
    fn value(self) -> f32 {
        self.value
    }

    #[inline]
    fn recip(self) -> Self {
        let inverse = 1.0 / self.value;
        self.chain(inverse, -inverse * inverse)
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        let slope = n as f32 * powi(self.value, n.saturating_sub(1));
        self.chain(powi(self.value, n), slope)
    }

    #[inline]
    fn powf(self, n: f32) -> Self {
        let value = libm::powf(self.value, n);
        self.chain(value, power_slope(self.value, n, value))
    }

    #[inline]
    fn pow(self, y: Self) -> Self {
        let value = libm::powf(self.value, y.value);
        let by_x = power_slope(self.value, y.value, value);
        let by_y = if value == 0.0 {
            0.0
        } else {
            value * libm::logf(self.value)
        };
        self.chain2(y, value, (by_x, by_y))
    }

    #[inline]
    fn exp(self) -> Self {
        let value = exp(self.value);
        self.chain(value, value)
    }

    #[inline]
    fn exp_m1(self) -> Self {
        let value = libm::expm1f(self.value);
        self.chain(value, value + 1.0)
    }

    #[inline]
    fn ln(self) -> Self {
        self.chain(libm::logf(self.value), 1.0 / self.value)
    }

    #[inline]
    fn ln_1p(self) -> Self {
        self.chain(libm::log1pf(self.value), 1.0 / (1.0 + self.value))
    }

    #[inline]
    fn sqrt(self) -> Self {
        let root = sqrt(self.value);
        self.chain(root, 0.5 / root)
    }

    #[inline]
    fn sin_cos(self) -> (Self, Self) {
        let (sin, cos) = angle::sin_cos(self.value);
        (self.chain(sin, cos), self.chain(cos, -sin))
    }

    #[inline]
    fn tan(self) -> Self {
        let tan = Real::tan(self.value);
        self.chain(tan, 1.0 + tan * tan)
    }

    #[inline]
    fn atan2(self, x: Self) -> Self {
        let (radius, by_x, by_y) = hypot(x.value, self.value);
        let slopes = (by_x / radius, -by_y / radius);
        self.chain2(x, libm::atan2f(self.value, x.value), slopes)
    }

    #[inline]
    fn tanh(self) -> Self {
        let tanh = libm::tanhf(self.value);
        self.chain(tanh, (1.0 - tanh) * (1.0 + tanh))
    }

    #[inline]
    fn hypot(self, y: Self) -> Self {
        let (radius, by_x, by_y) = hypot(self.value, y.value);
        self.chain2(y, radius, (by_x, by_y))
    }

    #[inline]
    fn abs(self) -> Self {
        let slope = if self.value == 0.0 {
            0.0
        } else {
            self.value.signum()
        };
        self.chain(self.value.abs(), slope)
    }
}

/// Returns the derivative of xⁿ by x.
#[inline]
fn power_slope(x: f32, n: f32, power: f32) -> f32 {
    if n == 0.0 {
        0.0
    } else if power == 0.0 || !power.is_finite() {
        // x is 0, or its power out of range.
        n * libm::powf(x, n - 1.0)
    } else {
        n * (power / x)
    }
}
