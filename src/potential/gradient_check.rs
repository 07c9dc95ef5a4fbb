//! Whether a gradient is that of its energy, or of any.

use core::fmt;

use super::{Energy, Potential};
use crate::{
    StepError,
    arithmetic::{finite, sqrt},
};

/// A coordinate of a gradient that is wrong, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GradientError {
    /// The index of the coordinate.
    pub coordinate: usize,
    /// What is wrong with it.
    pub mistake: Mistake,
}

/// How a coordinate of a gradient is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Mistake {
    /// It is this number times the slope of the energy, on both sides of θ: −1 for a wrong sign, 2 for a sum that was
    /// counted twice or a ½ that was forgotten, σ² for a missing 1/σ².
    Factor(f32),
    /// It differs from the slope of the energy by this number, on both sides of θ: ±1 for the missing Jacobian of a
    /// logarithm.
    Offset(f32),
    /// It differs from the slope of the energy otherwise.
    Different {
        /// The mean of the coordinate over the side of θ on which the two differ most.
        gradient: f32,
        /// The mean slope of the energy there.
        slope: f32,
    },
    /// The gradient does work along a closed path that starts along this coordinate: it is not that of any potential.
    NotAGradient,
    /// The gradient or the energy is not finite at θ or close to it.
    NotFinite,
    /// The potential refused to compute.
    Refused(StepError),
}

impl fmt::Display for GradientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "coordinate {} of the gradient ", self.coordinate)?;
        match self.mistake {
            Mistake::Factor(factor) if (factor + 1.0).abs() < 0.05 => {
                f.write_str("has the wrong sign")
            }
            Mistake::Factor(factor) => write!(
                f,
                "is {factor} times the slope of the energy (is something counted twice, or 1/σ² missing?)"
            ),
            Mistake::Offset(offset) => write!(
                f,
                "is the slope of the energy plus {offset} (is a log-Jacobian missing or of the wrong sign?)"
            ),
            Mistake::Different { gradient, slope } => {
                write!(f, "is {gradient} where the energy has the slope {slope}")
            }
            Mistake::NotAGradient => f.write_str(
                "does not fit the others: no potential has this gradient (is a sign or a factor wrong in one coordinate?)",
            ),
            Mistake::NotFinite => f.write_str("or the energy is not finite near here"),
            Mistake::Refused(error) => write!(f, "was refused: {error}"),
        }
    }
}

impl core::error::Error for GradientError {}

/// Checks the gradient of a potential against its energy, near `theta`.
///
/// For each coordinate the gradient is integrated along a segment on either side of `theta`, over which the energy
/// changes by about 1: a standard deviation of the posterior or less. The integral must be the
/// difference of the energies within 0.03 %, the error of the quadrature (which it estimates) and the rounding errors
/// of both (which it measures). Mistakes smaller than that pass; so does a coordinate in which nothing changes.
///
/// Cost: some 80 gradients and 50 energies a coordinate. Full sums only: the gradient of a minibatch is none of the
/// energy. For a potential without energy there is [`check_symmetry`].
///
/// ```
/// use langevin::potential::{FunctionPotential, GradientError, Mistake, check_gradient};
/// let mut wrong = FunctionPotential {
///     gradient: |x: &[f32; 2]| [x[0] - x[1], 2.0 * (x[1] - x[0])],
///     energy: |x: &[f32; 2]| 0.5 * (x[0] - x[1]) * (x[0] - x[1]),
/// };
/// let Err(GradientError { coordinate: 1, mistake: Mistake::Factor(factor) }) =
///     check_gradient(&mut wrong, &[1.0, 0.5])
/// else {
///     panic!("the second coordinate is twice what it should be");
/// };
/// assert!((factor - 2.0).abs() < 0.01);
/// ```
///
/// # Errors
/// The first coordinate that is wrong, and how.
pub fn check_gradient<const N: usize, P: Energy<N>>(
    potential: &mut P,
    theta: &[f32; N],
) -> Result<(), GradientError> {
    for coordinate in 0..N {
        check_coordinate(potential, theta, coordinate).map_err(|mistake| GradientError {
            coordinate,
            mistake,
        })?;
    }
    Ok(())
}

/// Checks that a gradient is that of some potential, near `theta`.
///
/// For each coordinate the gradient is integrated around a parallelogram: along the coordinate, along all others
/// together, and back. The gradient of a potential does no work around it. A sign or a factor that is wrong in
/// some coordinates shows, where these are correlated with others; one that is wrong in all of them does not: that
/// takes the energy and [`check_gradient`].
///
/// Cost: some 50 gradients a coordinate. Full sums only.
///
/// ```
/// use langevin::potential::{Mistake, check_symmetry};
/// let mut wrong = |x: &[f32; 2]| [x[0] - 0.5 * x[1], x[1] + 0.5 * x[0]];
/// let error = check_symmetry(&mut wrong, &[1.0, 0.5]).unwrap_err();
/// assert_eq!(error.mistake, Mistake::NotAGradient);
/// ```
///
/// # Errors
/// The coordinate around which the most work is done.
pub fn check_symmetry<const N: usize, P: Potential<N>>(
    potential: &mut P,
    theta: &[f32; N],
) -> Result<(), GradientError> {
    // As long as the gradient changes along each by about the inverse of the length: a standard deviation or less.
    let mut lengths = [0.0; N];
    for (coordinate, length) in lengths.iter_mut().enumerate() {
        *length = unit_length(potential, theta, coordinate).map_err(|mistake| GradientError {
            coordinate,
            mistake,
        })?;
    }
    let mut worst = (0.0, 0);
    let shared = 1.0 / sqrt(N.saturating_sub(1).max(1) as f32);
    for coordinate in 0..N {
        let mut others = lengths;
        for (index, length) in others.iter_mut().enumerate() {
            // Signs as of a Thue-Morse sequence, so that no correlations cancel in all of them.
            let odd = (index ^ (coordinate << 1)).count_ones() & 1 == 1;
            *length *= if odd { -shared } else { shared };
        }
        let mut own = [0.0; N];
        if let (Some(own), Some(other), Some(length)) = (
            own.get_mut(coordinate),
            others.get_mut(coordinate),
            lengths.get(coordinate),
        ) {
            *own = *length;
            *other = 0.0;
        }
        let mut excess = work_around(potential, theta, &own, &others);
        for _ in 0..HALVINGS {
            if excess != Err(Mistake::NotFinite) {
                break;
            }
            // It met a wall.
            own = own.map(|x| 0.5 * x);
            others = others.map(|x| 0.5 * x);
            excess = work_around(potential, theta, &own, &others);
        }
        let excess = excess.map_err(|mistake| GradientError {
            coordinate,
            mistake,
        })?;
        if excess > worst.0 {
            worst = (excess, coordinate);
        }
    }
    if worst.0 > 0.0 {
        Err(GradientError {
            coordinate: worst.1,
            mistake: Mistake::NotAGradient,
        })
    } else {
        Ok(())
    }
}

/// The part of an integral or a difference by which the two may differ.
const TOLERANCE: f32 = 3e-4;

/// The work, in units of the energy, that a rounded gradient may do along a closed path.
const LEAST_WORK: f32 = 0.02;

/// Rounding errors are taken as so many times those that were measured.
const SAFETY: f32 = 4.0;

/// Segments from 2⁻¹⁸(1 + |θᵢ|) to 2¹⁴(1 + |θᵢ|) are tried, each four times as long as the last.
const SHORTEST: f32 = 1.0 / 262_144.0;
const TRIALS: u32 = 17;

/// How often a segment is halved when the quadrature is not accurate enough.
const HALVINGS: u32 = 12;

/// The integral of the gradient along a segment beside the difference of the energies.
#[derive(Clone, Copy)]
struct Segment {
    length: f32,
    integral: f32,
    difference: f32,
    /// The rounding error of the difference, and the error of the quadrature.
    rounding: f32,
    quadrature: f32,
    /// By how much integral and difference may differ.
    tolerance: f32,
}

fn check_coordinate<const N: usize>(
    potential: &mut impl Energy<N>,
    theta: &[f32; N],
    coordinate: usize,
) -> Result<(), Mistake> {
    let at = theta.get(coordinate).copied().unwrap_or_default();
    let shortest = SHORTEST * (1.0 + at.abs());
    let noise = energy_noise(potential, theta, coordinate, shortest)?;
    let [above, below] = [1.0, -1.0].map(|sign| {
        let mut length = long_enough(potential, theta, coordinate, sign * shortest, noise)?;
        let mut halvings = HALVINGS;
        loop {
            let middle = moved(theta, coordinate, 0.5 * length);
            let end = moved(theta, coordinate, length);
            let (near, accurate) = segment(potential, theta, &middle, noise)?;
            let (far, still_accurate) = segment(potential, &middle, &end, noise)?;
            if (accurate && still_accurate) || halvings == 0 {
                return Ok([near, far]);
            }
            halvings -= 1;
            length *= 0.5;
        }
    });
    judge(above?, below?)
}

/// Returns a segment of the gradient and the energy, and whether the quadrature is accurate.
fn segment<const N: usize>(
    potential: &mut impl Energy<N>,
    from: &[f32; N],
    to: &[f32; N],
    noise: f32,
) -> Result<(Segment, bool), Mistake> {
    let mut along = *to;
    let mut length = 0.0;
    for (a, f) in along.iter_mut().zip(from) {
        *a -= f;
        // All but one are 0.
        length += *a;
    }
    let [integral, error, size] = integral(potential, from, &along)?;
    let difference = energy(potential, to)? - energy(potential, from)?;
    let rounding = SAFETY * (noise + f32::EPSILON * size);
    let segment = Segment {
        length,
        integral,
        difference,
        rounding,
        quadrature: 2.0 * error,
        tolerance: TOLERANCE * (difference.abs() + size) + 2.0 * error + rounding,
    };
    Ok((segment, error <= TOLERANCE * size))
}

/// Returns the length of a segment along which energy and gradient change enough, or of the longest one with a
/// finite end.
fn long_enough<const N: usize>(
    potential: &mut impl Energy<N>,
    theta: &[f32; N],
    coordinate: usize,
    shortest: f32,
    noise: f32,
) -> Result<f32, Mistake> {
    let own = |gradient: [f32; N]| gradient.get(coordinate).copied().unwrap_or_default();
    let (here, slope_here) = (energy(potential, theta)?, own(gradient(potential, theta)?));
    let enough = f32::max(1.0, 50.0 * noise);
    let mut length = shortest;
    let mut last = Err(Mistake::NotFinite);
    for _ in 0..TRIALS {
        let end = moved(theta, coordinate, length);
        let (Ok(there), Ok(slopes)) = (energy(potential, &end), gradient(potential, &end)) else {
            // A wall: the last end was before it.
            break;
        };
        last = Ok(length);
        // Energy or gradient may be the one that is wrong.
        let slope = own(slopes);
        let by_gradient = 0.5 * (slope_here.abs() + slope.abs()) * length.abs();
        let changed = (there - here).abs().max(by_gradient) > enough;
        if changed && ((slope - slope_here) * length).abs() > 1.0 {
            break;
        }
        length *= 4.0;
    }
    last
}

/// Names the mistake, if there is one, from two segments on either side.
fn judge([a, b]: [Segment; 2], [c, d]: [Segment; 2]) -> Result<(), Mistake> {
    let segments = [a, b, c, d];
    let excess = |s: &Segment| (s.integral - s.difference).abs() - s.tolerance;
    let worst = segments
        .iter()
        .fold(a, |w, s| if excess(s) > excess(&w) { *s } else { w });
    if excess(&worst) <= 0.0 {
        return Ok(());
    }
    // What the gradient is of the slope, in each segment, and by how much that may be off.
    let (factor, factors_agree) = common(segments.map(|s| {
        let (integral, difference) = (s.integral.abs(), s.difference.abs());
        let tolerance = 0.01 + s.quadrature / integral + s.rounding / difference;
        (s.integral / s.difference, tolerance * integral / difference)
    }));
    let (offset, offsets_agree) = common(segments.map(|s| {
        let excess = s.integral - s.difference;
        let tolerance = s.tolerance + 0.01 * excess.abs();
        (excess / s.length, tolerance / s.length.abs())
    }));
    // Nobody forgets a factor so close to 1.
    let telling = (factor - 1.0).abs() > 0.1;
    if telling && factors_agree <= 1.0 && factors_agree <= offsets_agree {
        Err(Mistake::Factor(factor))
    } else if offsets_agree <= 1.0 {
        Err(Mistake::Offset(offset))
    } else {
        Err(Mistake::Different {
            gradient: worst.integral / worst.length,
            slope: worst.difference / worst.length,
        })
    }
}

/// Returns the value that is known best, and how far the others are from it, in units of their tolerances: infinitely
/// far when even the best one is not known.
fn common(values: [(f32, f32); 4]) -> (f32, f32) {
    let known = |v: (f32, f32)| {
        if v.1.is_finite() {
            v.1 / v.0.abs()
        } else {
            f32::INFINITY
        }
    };
    let [first, ..] = values;
    let best = values
        .into_iter()
        .fold(first, |b, v| if known(v) < known(b) { v } else { b });
    if known(best) < 0.25 {
        let apart = values.into_iter().fold(0.0, |apart, v| {
            let distance = (v.0 - best.0).abs() / (v.1 + best.1);
            f32::max(apart, distance)
        });
        (best.0, apart)
    } else {
        (best.0, f32::INFINITY)
    }
}

/// Returns the length of a segment along which the gradient changes by the inverse of it.
fn unit_length<const N: usize>(
    potential: &mut impl Potential<N>,
    theta: &[f32; N],
    coordinate: usize,
) -> Result<f32, Mistake> {
    let own = |gradient: [f32; N]| gradient.get(coordinate).copied().unwrap_or_default();
    let here = own(gradient(potential, theta)?);
    let at = theta.get(coordinate).copied().unwrap_or_default();
    let mut length = SHORTEST * (1.0 + at.abs());
    let mut last = None;
    for _ in 0..TRIALS {
        let Ok(there) = gradient(potential, &moved(theta, coordinate, length)) else {
            break;
        };
        last = Some(length);
        if (own(there) - here).abs() * length > 0.25 {
            break;
        }
        length *= 4.0;
    }
    last.ok_or(Mistake::NotFinite)
}

/// Returns by how much the work around the parallelogram of two sides is more than its errors allow.
fn work_around<const N: usize>(
    potential: &mut impl Potential<N>,
    theta: &[f32; N],
    own: &[f32; N],
    others: &[f32; N],
) -> Result<f32, Mistake> {
    let (right, above) = (sum(theta, own), sum(theta, others));
    let (mut work, mut tolerance) = (0.0, LEAST_WORK);
    for (from, along, sign) in [
        (theta, own, 1.0),
        (&right, others, 1.0),
        (&above, own, -1.0),
        (theta, others, -1.0),
    ] {
        let [line, error, size] = integral(potential, from, along)?;
        work += sign * line;
        tolerance += error + (TOLERANCE + SAFETY * f32::EPSILON) * size;
    }
    Ok(work.abs() - tolerance)
}

/// Returns the line integral of the gradient along a segment by Simpson's rule with 8 intervals, by how much
/// that with 4 is off, and the sum of the absolute values.
fn integral<const N: usize>(
    potential: &mut impl Potential<N>,
    from: &[f32; N],
    along: &[f32; N],
) -> Result<[f32; 3], Mistake> {
    let (mut fine, mut coarse, mut size) = (0.0, 0.0, 0.0);
    for (node, (weight, coarse_weight)) in [
        (1.0, 1.0),
        (4.0, 0.0),
        (2.0, 4.0),
        (4.0, 0.0),
        (2.0, 2.0),
        (4.0, 0.0),
        (2.0, 4.0),
        (4.0, 0.0),
        (1.0, 1.0),
    ]
    .into_iter()
    .enumerate()
    {
        let mut position = *from;
        for (p, a) in position.iter_mut().zip(along) {
            *p += node as f32 * 0.125 * a;
        }
        let mut slope = 0.0;
        for (g, a) in gradient(potential, &position)?.iter().zip(along) {
            slope += g * a;
        }
        fine += weight * slope;
        coarse += coarse_weight * slope;
        size += weight * slope.abs();
    }
    let (fine, coarse) = (fine * (1.0 / 24.0), coarse * (1.0 / 12.0));
    Ok([fine, (fine - coarse).abs(), size * (1.0 / 24.0)])
}

/// Returns by how much an energy is off by rounding: from the third differences of nine neighbours, which would be 0
/// without, and from its size and the number of data.
fn energy_noise<const N: usize>(
    potential: &mut impl Energy<N>,
    theta: &[f32; N],
    coordinate: usize,
    distance: f32,
) -> Result<f32, Mistake> {
    let mut latest = [0.0; 4];
    let mut squares = 0.0;
    for k in 0..9_u8 {
        let [_, a, b, c] = latest;
        let next = energy(
            potential,
            &moved(theta, coordinate, f32::from(k) * distance),
        )?;
        latest = [a, b, c, next];
        if k >= 3 {
            let third = (next - a) - 3.0 * (c - b);
            squares += third * third;
        }
    }
    let [.., last] = latest;
    // A third difference has the variance of 20 of them.
    let measured = sqrt(squares * (1.0 / 120.0));
    // Of a sum over data each addition rounds, alike at points so close to each other. Of how many data is not
    // always told: 1 000 at least.
    let terms = sqrt(f32::max(potential.number_of_data(), 1_000.0));
    Ok(measured + f32::EPSILON * terms * last.abs())
}

fn moved<const N: usize>(theta: &[f32; N], coordinate: usize, by: f32) -> [f32; N] {
    let mut moved = *theta;
    if let Some(t) = moved.get_mut(coordinate) {
        *t += by;
    }
    moved
}

fn sum<const N: usize>(theta: &[f32; N], by: &[f32; N]) -> [f32; N] {
    let mut sum = *theta;
    for (s, b) in sum.iter_mut().zip(by) {
        *s += b;
    }
    sum
}

fn energy<const N: usize>(
    potential: &mut impl Energy<N>,
    theta: &[f32; N],
) -> Result<f32, Mistake> {
    let energy = potential.energy(theta).map_err(Mistake::Refused)?;
    if energy.is_finite() {
        Ok(energy)
    } else {
        Err(Mistake::NotFinite)
    }
}

fn gradient<const N: usize>(
    potential: &mut impl Potential<N>,
    theta: &[f32; N],
) -> Result<[f32; N], Mistake> {
    let mut gradient = [0.0; N];
    potential
        .gradient(theta, &mut gradient)
        .map_err(Mistake::Refused)?;
    if finite(&gradient) {
        Ok(gradient)
    } else {
        Err(Mistake::NotFinite)
    }
}
