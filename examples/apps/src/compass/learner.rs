//! The posterior of a calibration after each reading, in bounded memory and time.

use core::f32::consts::PI;

use langevin::{
    BoxMuller, Chain, ConfigError, Pcg32, Potential, SeedableRng, Window, data,
    dual::Real,
    preconditioner::{Dense, Preconditioner},
    schedule::Constant,
    stepper::{Mala, Preconditioned},
};

use super::{
    Advice, Calibration, Magnetometer, ORIENTATIONS, Orientations, Reading, UNKNOWNS, add, dot,
    gravity::Gravity, mode::Mode, model, prior, reading, scaled, starts,
};

/// The capacity of the window, in poses.
pub const CAPACITY: usize = 32;
/// The fewest poses that a posterior is computed from.
pub const FEWEST: usize = 6;
/// The draws that a posterior is computed from.
pub const DRAWS: u32 = 64;

/// No magnetometer reads a larger field, in µT.
const LARGEST: f32 = 1e4;
/// The least distance in µT of a pose from all others in the window: that of a turn by about 10°.
const APART: f32 = 8.0;
/// The step size η, in coordinates in which the posterior is close to N(0, I).
const ETA: f32 = 0.4;
/// Steps from the mode before the first draw.
const SETTLE: u32 = 16;
/// Steps from one draw to the next.
const THIN: u32 = 2;
/// When fewer of the first proposals are accepted, η is divided by 4.
const ACCEPTED: f32 = 0.3;
/// The number of step sizes to try.
const ATTEMPTS: u32 = 4;
/// Bound of |y − u|² (see [`Compass::correct`]), so that a draw far out in a bent posterior does not outweigh all others.
const FARTHEST: f32 = 9.0 * UNKNOWNS as f32;
/// 95 % of a normal distribution are within so many standard deviations.
const Z95: f32 = 1.959_964;
/// 5 % of a normal distribution are so many standard deviations below the mean, or lower.
const Z05: f32 = 1.644_854;

/// The posterior after a pose.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// The number of poses in the window.
    pub poses: usize,
    /// The posterior mean of the unknowns.
    pub mean: [f32; UNKNOWNS],
    /// Their standard deviations.
    pub sd: [f32; UNKNOWNS],
    /// Root mean square of the heading error in each orientation, in radians.
    pub errors: [f32; ORIENTATIONS],
    /// What to do.
    pub advice: Advice,
}

impl Report {
    /// Returns the calibration to use: the posterior mean.
    pub fn calibration(&self) -> Calibration<f32> {
        Calibration::of(&self.mean)
    }

    /// Returns the bound that the heading error in a random orientation keeps with a probability of 95 %, in radians.
    ///
    /// It is that of a normal distribution with the same variance, which at 95 % is also close for a mixture of normal
    /// distributions.
    pub fn good_to(&self) -> f32 {
        let squares = self.errors.iter().fold(0.0, |sum, e| sum + e * e);
        Real::min(Z95 * Real::sqrt(squares / ORIENTATIONS as f32), PI)
    }

    /// Returns that bound in the worst orientation.
    pub fn worst(&self) -> f32 {
        Real::min(Z95 * self.errors.iter().copied().fold(0.0, Real::max), PI)
    }

    /// Takes the roots of squared errors, and says what to do.
    #[inline(never)]
    fn judge(&mut self) {
        self.errors = self.errors.map(Real::sqrt);
        let bounds = self.errors.map(|error| Z95 * error);
        let ([.., noise], [.., noise_sd]) = (self.mean, self.sd);
        self.advice = Advice::new(&bounds, Real::exp(noise - Z05 * noise_sd));
    }

    /// Returns the median of the noise, in µT.
    pub fn noise(&self) -> f32 {
        let [.., log_noise] = self.mean;
        Real::exp(log_noise)
    }
}

/// A magnetometer that is being calibrated.
///
/// After each new pose the posterior is computed from all poses in the window: Gauss-Newton steps lead to its mode
/// from either side of the readings, and draws of [`Mala`] around it give mean and covariance. Nothing but the readings is kept from
/// one posterior to the next, so that no early reading can lead astray.
#[derive(Clone, Debug)]
pub struct Compass {
    model: Magnetometer,
    readings: Window<Reading, CAPACITY>,
    gravity: Gravity,
    noise: BoxMuller<Pcg32>,
    position: [f32; UNKNOWNS],
}

impl Compass {
    /// Creates a compass without readings.
    ///
    /// # Errors
    /// None, because the constants are in range.
    pub fn new(seed: u64) -> Result<Self, ConfigError> {
        Ok(Self {
            model: model()?,
            readings: Window::new(),
            gravity: Gravity::default(),
            noise: BoxMuller::new(Pcg32::seed_from_u64(seed)),
            position: prior().0,
        })
    }

    /// Learns the field in µT and the acceleration of the resting device in g, both along its axes x, y and z, and
    /// returns the posterior; `None` when the field is none that a magnetometer reads, or close to that of a pose in the window, which says nothing new.
    ///
    /// An acceleration that is not gravity's is left out. Gravity gives the inclination of the field, on which heading
    /// errors depend.
    pub fn update(&mut self, field: [f32; 3], acceleration: [f32; 3]) -> Option<Report> {
        let new = self.readings.iter().all(|(old, _)| {
            let distance = add(field, scaled(old.x, -1.0));
            dot(distance, distance) >= APART * APART
        });
        // False for NaN too.
        let possible = field.iter().all(|x| x.abs() < LARGEST);
        if !(possible && new && self.readings.push(reading(field)).is_ok()) {
            return None;
        }
        self.gravity.push(&field, &acceleration);
        let (mean, sd) = prior();
        let mut report = Report {
            poses: data::Data::count(&self.readings),
            mean,
            sd,
            errors: [PI; ORIENTATIONS],
            advice: Advice::Turn("x up"),
        };
        if report.poses >= FEWEST {
            self.compute(&mut report);
        }
        Some(report)
    }

    /// Returns the chain's position: offset, logarithm of the field, shape, and logarithm of the noise.
    pub const fn position(&self) -> &[f32; UNKNOWNS] {
        &self.position
    }

    /// Computes the posterior.
    // As others here, not inlined: what it needs of the stack is free again when the next one begins.
    #[inline(never)]
    fn compute(&mut self, report: &mut Report) {
        let (centre, normal) = self.plane();
        let [one, two] = starts(centre, normal);
        let (mut one, mut two) = (Mode::new(one), Mode::new(two));
        one.find(&self.readings);
        two.find(&self.readings);
        let (mode, other) = if two.energy < one.energy {
            (&mut two, &mut one)
        } else {
            (&mut one, &mut two)
        };
        // With two modes the errors are those of the likelier one's calibration.
        let share = mode.share_of(other);
        let draws = if share > 0.0 { DRAWS / 2 } else { DRAWS };
        self.correct(mode, draws);
        report.mean = mode.theta;
        report.sd = mode.sd();
        let calibration = report.calibration();
        let inclination = self.gravity.inclination(&calibration);
        let orientations = Orientations::new(&calibration, inclination);
        report.errors = [0.0; ORIENTATIONS];
        add_squared_errors(mode, 1.0 - share, &orientations, &mut report.errors);
        if share > 0.0 {
            self.correct(other, draws);
            add_squared_errors(other, share, &orientations, &mut report.errors);
        }
        report.judge();
    }

    /// Returns the centre of the readings, and the direction in which they differ least.
    #[inline(never)]
    fn plane(&self) -> ([f32; 3], [f32; 3]) {
        let share = 1.0 / data::Data::total_weight(&self.readings);
        let centre = self.readings.iter().fold([0.0; 3], |sum, (reading, _)| {
            add(sum, scaled(reading.x, share))
        });
        let mut spread = [[0.0; 3]; 3];
        for (reading, _) in self.readings.iter() {
            let from_centre = add(reading.x, scaled(centre, -1.0));
            for (row, x) in spread.iter_mut().zip(from_centre) {
                *row = add(*row, scaled(from_centre, x));
            }
        }
        // The largest eigenvalue of I − spread/trace is the smallest of the spread. Of the matrix's 64th power little
        // more than its eigenvector is left.
        let trace = trace(&spread);
        let [x, y, z] = spread.map(|row| scaled(row, -1.0 / trace));
        let mut power = [
            add(x, [1.0, 0.0, 0.0]),
            add(y, [0.0, 1.0, 0.0]),
            add(z, [0.0, 0.0, 1.0]),
        ];
        for _ in 0..6 {
            let share = 1.0 / self::trace(&power);
            let rows = power.map(|row| scaled(row, share));
            // It is symmetric.
            power = rows.map(|row| rows.map(|column| dot(row, column)));
        }
        let longest = power
            .into_iter()
            .reduce(|a, b| if dot(b, b) > dot(a, a) { b } else { a })
            .unwrap_or_default();
        (
            centre,
            scaled(longest, 1.0 / Real::sqrt(dot(longest, longest))),
        )
    }

    /// Makes draws around a mode, and replaces its position and covariance by their mean and covariance.
    ///
    /// In coordinates y in which the mode's own normal distribution is N(0, I), and with the gradient u, E u = 0 and
    /// E yuᵀ = I under the posterior, whatever it is (Stein). So E y = E d and E yyᵀ = I + E ydᵀ with d = y − u, which is small
    /// where the posterior is close to normal: a few draws are enough.
    #[inline(never)]
    fn correct(&mut self, mode: &mut Mode, draws: u32) {
        let mut posterior = self.model.posterior(&self.readings);
        let stepper = Preconditioned::new(Mala::new(), &mode.factor);
        let mut eta = ETA * posterior.number_of_data();
        let mut corrections = Corrections::default();
        for attempt in 1..=ATTEMPTS {
            let Ok(schedule) = Constant::new(eta) else {
                break;
            };
            let mut chain = Chain::new(mode.theta, stepper, schedule, &mut self.noise);
            for _ in 0..SETTLE {
                // A step that fails leaves the position unchanged.
                let _ = chain.step(&mut posterior);
            }
            let accepted = chain.stepper_state().acceptance().value();
            if attempt < ATTEMPTS && accepted.is_none_or(|rate| rate < ACCEPTED) {
                // The posterior is bent.
                eta *= 0.25;
                continue;
            }
            for step in 0..THIN * draws {
                let _ = chain.step(&mut posterior);
                if step % THIN == 0 {
                    let mut gradient = [0.0; UNKNOWNS];
                    if posterior.gradient(chain.position(), &mut gradient).is_ok() {
                        corrections.push(mode, chain.position(), gradient);
                    }
                }
            }
            self.position = *chain.position();
            break;
        }
        corrections.apply(mode);
    }
}

fn trace([[a, ..], [_, b, _], [.., c]]: &[[f32; 3]; 3]) -> f32 {
    a + b + c
}

/// The means of d and of ydᵀ over draws (see [`Compass::correct`]).
#[derive(Default)]
struct Corrections {
    count: f32,
    mean: [f32; UNKNOWNS],
    products: [[f32; UNKNOWNS]; UNKNOWNS],
}

impl Corrections {
    #[inline(never)]
    fn push(&mut self, mode: &Mode, theta: &[f32; UNKNOWNS], mut u: [f32; UNKNOWNS]) {
        let y = mode.coordinates(theta);
        mode.factor.apply_transpose(&mut u);
        let mut d = y;
        for (d, u) in d.iter_mut().zip(u) {
            *d -= u;
        }
        let length = squared_length(&d);
        if length > FARTHEST {
            let share = Real::sqrt(FARTHEST / length);
            d = d.map(|x| share * x);
        }
        self.count += 1.0;
        let share = 1.0 / self.count;
        for ((mean, row), d) in self.mean.iter_mut().zip(&mut self.products).zip(d) {
            *mean += share * (d - *mean);
            for (product, y) in row.iter_mut().zip(y) {
                *product += share * (d * y - *product);
            }
        }
    }

    /// Corrects a mode; of the corrections to the covariance as much is used as leaves it positive definite.
    #[inline(never)]
    fn apply(&mut self, mode: &mut Mode) {
        let mut moved = self.mean;
        mode.factor.apply(&mut moved);
        for (x, moved) in mode.theta.iter_mut().zip(moved) {
            *x += moved;
        }
        // The covariance in the coordinates of the mode, on and below the diagonal.
        let covariance = &mut self.products;
        for (i, mean) in self.mean.iter().enumerate() {
            for (j, other) in self.mean.iter().enumerate().take(i + 1) {
                let both = element(covariance, i, j) + element(covariance, j, i);
                if let Some(x) = covariance.get_mut(i).and_then(|row| row.get_mut(j)) {
                    *x = 0.5 * both - mean * other + if i == j { 1.0 } else { 0.0 };
                }
            }
        }
        for _ in 0..4 {
            if let Ok(inner) = Dense::from_covariance(covariance) {
                mode.factor.compose(&inner);
                break;
            }
            // Half of what it differs from I.
            for (i, row) in covariance.iter_mut().enumerate() {
                for (j, x) in row.iter_mut().enumerate() {
                    *x = 0.5 * (*x + if i == j { 1.0 } else { 0.0 });
                }
            }
        }
    }
}

/// Adds the mean of the squared heading error in each orientation under a mode's normal distribution, with a weight: from the errors at the mean, and one standard
/// deviation from it to either side along the columns of L. It is right to first order.
#[inline(never)]
fn add_squared_errors(
    mode: &Mode,
    weight: f32,
    orientations: &Orientations,
    squares: &mut [f32; ORIENTATIONS],
) {
    orientations.each_error(&Calibration::of(&mode.theta), |index, error| {
        if let Some(square) = squares.get_mut(index) {
            *square += weight * error * error;
        }
    });
    for column in 0..UNKNOWNS {
        let side = |sign: f32| {
            let mut theta = mode.theta;
            for (row, x) in theta.iter_mut().enumerate() {
                *x += sign * element(mode.factor.rows(), row, column);
            }
            Calibration::of(&theta)
        };
        let above = orientations.errors(&side(1.0));
        orientations.each_error(&side(-1.0), |index, below| {
            let above = above.get(index).copied().unwrap_or_default();
            if let Some(square) = squares.get_mut(index) {
                *square += weight * 0.25 * (above - below) * (above - below);
            }
        });
    }
}

pub(super) fn squared_length(v: &[f32; UNKNOWNS]) -> f32 {
    v.iter().fold(0.0, |sum, x| sum + x * x)
}

/// Returns an element of a matrix; none is outside.
pub(super) fn element(matrix: &[[f32; UNKNOWNS]; UNKNOWNS], row: usize, column: usize) -> f32 {
    let element = matrix.get(row).and_then(|row| row.get(column));
    element.copied().unwrap_or_default()
}
