//! Fits of an ellipsoid to a magnetometer's readings in f64, with which the posterior is compared.

use nalgebra::{DMatrix, DVector, Matrix3, SMatrix, SVector, Vector3};

pub type Vector = Vector3<f64>;
pub type Matrix = Matrix3<f64>;

/// A calibration: a reading m becomes W(m − c).
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    pub centre: Vector,
    pub matrix: Matrix,
}

impl Fit {
    /// Returns the calibrated reading.
    pub fn apply(&self, reading: &Vector) -> Vector {
        self.matrix * (reading - self.centre)
    }

    /// Returns the root mean square of |h| − 1.
    pub fn uniformity(&self, readings: &[Vector]) -> f64 {
        let squares = readings
            .iter()
            .map(|m| (self.apply(m).norm() - 1.0).powi(2));
        (squares.sum::<f64>() / readings.len() as f64).sqrt()
    }

    /// Returns the algebraic fit of the package circuitpython-mag-cal: least squares in the coefficients of the quadric.
    /// `None` when that is no ellipsoid.
    pub fn algebraic(readings: &[Vector]) -> Option<Self> {
        let rows = readings.len();
        let design = DMatrix::from_fn(rows, 9, |i, j| {
            let m = readings[i];
            let (x, y, z) = (m.x, m.y, m.z);
            [
                x * x,
                y * y,
                z * z,
                2.0 * x * y,
                2.0 * x * z,
                2.0 * y * z,
                2.0 * x,
                2.0 * y,
                2.0 * z,
            ][j]
        });
        let solution = design
            .svd(true, true)
            .solve(&DVector::repeat(rows, 1.0), 0.0)
            .ok()?;
        let [a, b, c, d, e, f, g, h, i] = *solution.as_slice() else {
            return None;
        };
        let quadric = Matrix::new(a, d, e, d, b, f, e, f, c);
        let slope = Vector::new(g, h, i);
        let centre = quadric.lu().solve(&-slope)?;
        // On the ellipsoid (m − c)ᵀA(m − c) is this.
        let size = 1.0 + centre.dot(&(quadric * centre));
        Self::from_squared(centre, quadric / size)
    }

    /// Creates the fit with W² = `squared`.
    fn from_squared(centre: Vector, squared: Matrix) -> Option<Self> {
        let eigen = squared.symmetric_eigen();
        let roots = eigen.eigenvalues.map(f64::sqrt);
        let v = eigen.eigenvectors;
        let matrix = v * Matrix::from_diagonal(&roots) * v.transpose();
        matrix
            .iter()
            .all(|x| x.is_finite())
            .then_some(Self { centre, matrix })
    }

    /// Rotates the calibrated readings so that the normals of the planes through `runs` point along y.
    fn align(&self, runs: &[Vec<Vector>]) -> Option<Self> {
        let mut axis = Vector::zeros();
        for run in runs {
            let points = DMatrix::from_fn(run.len(), 3, |i, j| self.apply(&run[i])[j]);
            let normal = points
                .svd(true, true)
                .solve(&DVector::repeat(run.len(), 1.0), 0.0)
                .ok()?;
            let normal = Vector::new(normal[0], normal[1], normal[2]).normalize();
            axis += if normal.y < 0.0 { -normal } else { normal };
        }
        let y = axis.normalize();
        let x = y.cross(&Vector::z()).normalize();
        let z = x.cross(&y);
        let rotation = Matrix::from_rows(&[x.transpose(), y.transpose(), z.transpose()]);
        Some(Self {
            matrix: rotation * self.matrix,
            ..*self
        })
    }
}

/// The poses of a recording of 24 in which the device points in one direction and is rolled: 8 to 15, and 16 to 23.
pub struct Alignment<'a> {
    magnetometer: &'a [Vector],
    accelerometer: &'a [Vector],
}

impl<'a> Alignment<'a> {
    /// Creates them; `None` when it is no such recording.
    pub fn new(magnetometer: &'a [Vector], accelerometer: &'a [Vector]) -> Option<Self> {
        (magnetometer.len() == 24 && accelerometer.len() == 24).then_some(Self {
            magnetometer,
            accelerometer,
        })
    }

    /// Returns every second pose of both runs.
    fn runs(vectors: &[Vector], from: usize) -> [Vec<Vector>; 2] {
        [8..16, 16..24].map(|run| vectors[run].iter().skip(from).step_by(2).copied().collect())
    }

    /// Returns the axis error of a magnetometer's fit in degrees, as the package defines accuracy: both sensors are
    /// aligned by the even poses, and the error is the standard deviation of the direction in the odd poses.
    pub fn error(&self, fit: &Fit) -> f64 {
        let error = || {
            let even: Vec<Vector> = self.accelerometer.iter().step_by(2).copied().collect();
            let gravity = Fit::algebraic(&even)?;
            let fit = fit.align(&Self::runs(self.magnetometer, 0))?;
            let gravity = gravity.align(&Self::runs(self.accelerometer, 0))?;
            let runs = Self::runs(self.magnetometer, 1)
                .into_iter()
                .zip(Self::runs(self.accelerometer, 1));
            let sds = runs.map(|(m, g)| {
                let directions: Vec<Vector> = m
                    .iter()
                    .zip(&g)
                    .map(|(m, g)| {
                        let up = -gravity.apply(g).normalize();
                        let east = fit.apply(m).normalize().cross(&up).normalize();
                        let north = up.cross(&east).normalize();
                        Vector::new(east.y, north.y, up.y)
                    })
                    .collect();
                let count = directions.len() as f64;
                let mean = directions.iter().sum::<Vector>() / count;
                let squares: f64 = directions.iter().map(|d| (d - mean).norm_squared()).sum();
                (squares / (count - 1.0)).sqrt()
            });
            Some((sds.sum::<f64>() / 2.0).to_degrees())
        };
        error().unwrap_or(f64::NAN)
    }
}

/// Returns the centre of readings, and the direction in which they differ least.
pub fn plane(readings: &[Vector]) -> ([f32; 3], [f32; 3]) {
    let centre = readings.iter().sum::<Vector>() / readings.len() as f64;
    let mut scatter = Matrix::zeros();
    for reading in readings {
        let from = reading - centre;
        scatter += from * from.transpose();
    }
    let eigen = scatter.symmetric_eigen();
    let normal = eigen.eigenvectors.column(eigen.eigenvalues.imin());
    let narrow = |v: Vector| v.map(|x| x as f32).into();
    (narrow(centre), narrow(normal.into_owned()))
}

/// Fits an ellipsoid as autopilots do, by Levenberg and Marquardt's method on R − |S(m − c)|, and applies their rules: `None`
/// when they refuse.
///
/// First a sphere, then the ellipsoid with the sphere's radius. Accepted are a radius of 15 to 95 µT, a diagonal of S of 0.2 to 5,
/// other elements below 1, and a residual below 1.6 µT (root mean square).
pub fn autopilot(readings: &[Vector]) -> Option<Fit> {
    let centre = readings.iter().sum::<Vector>() / readings.len() as f64;
    let radius = readings.iter().map(|m| (m - centre).norm()).sum::<f64>() / readings.len() as f64;
    let sphere =
        |p: &SVector<f64, 4>, m: &Vector| p[0] - (m - Vector::new(p[1], p[2], p[3])).norm();
    let start = SVector::from([radius, centre.x, centre.y, centre.z]);
    let p = levenberg_marquardt(start, readings, sphere);
    let radius = p[0];
    let shape =
        |p: &SVector<f64, 9>| Matrix::new(p[3], p[6], p[7], p[6], p[4], p[8], p[7], p[8], p[5]);
    let offset = |p: &SVector<f64, 9>| Vector::new(p[0], p[1], p[2]);
    let ellipsoid = |p: &SVector<f64, 9>, m: &Vector| radius - (shape(p) * (m - offset(p))).norm();
    let start = SVector::from([p[1], p[2], p[3], 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    let p = levenberg_marquardt(start, readings, ellipsoid);
    let squares = readings.iter().map(|m| ellipsoid(&p, m).powi(2));
    let residual = (squares.sum::<f64>() / readings.len() as f64).sqrt();
    let accepted = (15.0..=95.0).contains(&radius)
        && (3..6).all(|i| (0.2..=5.0).contains(&p[i]))
        && (6..9).all(|i| p[i].abs() < 1.0)
        && residual <= 1.6;
    accepted.then(|| Fit {
        centre: offset(&p),
        matrix: shape(&p) / radius,
    })
}

/// Minimises the sum of squared residuals.
fn levenberg_marquardt<const N: usize>(
    mut p: SVector<f64, N>,
    readings: &[Vector],
    residual: impl Fn(&SVector<f64, N>, &Vector) -> f64,
) -> SVector<f64, N> {
    let cost =
        |p: &SVector<f64, N>| -> f64 { readings.iter().map(|m| residual(p, m).powi(2)).sum() };
    let mut damping = 1.0;
    for _ in 0..100 {
        let mut hessian = SMatrix::<f64, N, N>::zeros();
        let mut gradient = SVector::<f64, N>::zeros();
        for m in readings {
            let slopes = SVector::<f64, N>::from_fn(|i, _| {
                let mut shifted = p;
                shifted[i] += 1e-6;
                (residual(&shifted, m) - residual(&p, m)) / 1e-6
            });
            hessian += slopes * slopes.transpose();
            gradient += slopes * residual(&p, m);
        }
        for i in 0..N {
            hessian[(i, i)] *= 1.0 + damping;
        }
        let next = hessian.cholesky().map(|factor| p - factor.solve(&gradient));
        match next {
            Some(next) if cost(&next) < cost(&p) => {
                p = next;
                damping *= 0.1;
            }
            _ => damping *= 10.0,
        }
    }
    p
}
