//! Posterior moments and marginal densities by quadrature in f64, with which the chain is compared.
//!
//! It shares no code with the crate. The grid is a tensor grid in the coordinates b = c + Az, where c is the mode and
//! AAᵀ the inverse Hessian there (by finite differences). For smooth integrands that vanish at the
//! borders the trapezium rule converges faster than any power of the spacing.
#![allow(
    clippy::needless_range_loop,
    reason = "matrices are easier to read by index"
)]

/// Half-width of the grid in standard deviations.
const HALF_WIDTH: f64 = 9.0;
/// Points along the axis of the parameter whose density is computed, and along the others. With 73 along all axes the
/// first eight digits are the same.
const ROWS: usize = 73;
const POINTS: usize = 31;

/// The marginal posterior of one parameter.
pub struct Marginal {
    pub mean: f64,
    pub sd: f64,
    /// Values of the parameter, and the density there.
    pub density: Vec<[f64; 2]>,
}

/// Returns the marginals of b under the density exp(−`energy`(b)), which has a mode near `start`.
pub fn marginals<const N: usize>(
    energy: impl Fn(&[f64; N]) -> f64,
    start: [f64; N],
) -> [Marginal; N] {
    std::array::from_fn(|first| {
        // The parameter comes first, where it does not depend on the others in a lower triangular A.
        let swap = |mut b: [f64; N]| {
            b.swap(0, first);
            b
        };
        first_marginal(|b| energy(&swap(*b)), swap(start))
    })
}

fn first_marginal<const N: usize>(energy: impl Fn(&[f64; N]) -> f64, start: [f64; N]) -> Marginal {
    let (mode, a) = mode(&energy, start);
    let lowest = energy(&mode);
    let z =
        |index: usize, points: usize| HALF_WIDTH * (2.0 * index as f64 / (points - 1) as f64 - 1.0);
    let (mut sum, mut sum_b, mut sum_bb) = (0.0, 0.0, 0.0);
    let mut density = Vec::with_capacity(ROWS);
    for row in 0..ROWS {
        let mut mass = 0.0;
        for rest in 0..POINTS.pow(N as u32 - 1) {
            let mut digits = rest;
            let mut b = mode;
            for j in 0..N {
                let along = if j == 0 {
                    z(row, ROWS)
                } else {
                    let digit = digits % POINTS;
                    digits /= POINTS;
                    z(digit, POINTS)
                };
                for i in j..N {
                    b[i] += a[i][j] * along;
                }
            }
            mass += (lowest - energy(&b)).exp();
        }
        let b = mode[0] + a[0][0] * z(row, ROWS);
        sum += mass;
        sum_b += mass * b;
        sum_bb += mass * b * b;
        density.push([b, mass]);
    }
    let spacing = density[1][0] - density[0][0];
    for point in &mut density {
        point[1] /= sum * spacing;
    }
    let mean = sum_b / sum;
    Marginal {
        mean,
        sd: (sum_bb / sum - mean * mean).sqrt(),
        density,
    }
}

/// Returns the mode, by damped Newton steps, and the Cholesky factor of the inverse Hessian there.
fn mode<const N: usize>(
    energy: &impl Fn(&[f64; N]) -> f64,
    start: [f64; N],
) -> ([f64; N], [[f64; N]; N]) {
    const H: f64 = 1e-4;
    // In units of the starting point.
    let energy = |u: &[f64; N]| energy(&std::array::from_fn(|i| u[i] * start[i]));
    let shifted = |u: &[f64; N], i: usize, di: f64, j: usize, dj: f64| {
        let mut at = *u;
        at[i] += di;
        at[j] += dj;
        energy(&at)
    };
    let mut u = [1.0; N];
    let mut damping = 1.0;
    loop {
        let gradient: [f64; N] = std::array::from_fn(|i| {
            (shifted(&u, i, H, i, 0.0) - shifted(&u, i, -H, i, 0.0)) / (2.0 * H)
        });
        let hessian: [[f64; N]; N] = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                (shifted(&u, i, H, j, H) - shifted(&u, i, H, j, -H) - shifted(&u, i, -H, j, H)
                    + shifted(&u, i, -H, j, -H))
                    / (4.0 * H * H)
            })
        });
        let mut damped = hessian;
        for (i, row) in damped.iter_mut().enumerate() {
            row[i] += damping * row[i].abs();
        }
        let step = cholesky(&damped).map(|l| {
            // L y = g, then Lᵀ x = y.
            let mut x = gradient;
            for i in 0..N {
                x[i] = (x[i] - (0..i).map(|j| l[i][j] * x[j]).sum::<f64>()) / l[i][i];
            }
            for i in (0..N).rev() {
                x[i] = (x[i] - (i + 1..N).map(|j| l[j][i] * x[j]).sum::<f64>()) / l[i][i];
            }
            x
        });
        let next = step.map(|step| std::array::from_fn(|i| u[i] - step[i]));
        match next {
            Some(next) if energy(&next) < energy(&u) => {
                u = next;
                damping *= 0.3;
            }
            _ if damping < 1e6 => damping = 10.0 * damping.max(1e-6),
            // There is no way down: this is the mode.
            _ => {
                let l = cholesky(&hessian).expect("a mode");
                let mut a = cholesky(&inverse(&l)).expect("a covariance");
                for (row, scale) in a.iter_mut().zip(start) {
                    for element in row {
                        *element *= scale;
                    }
                }
                return (std::array::from_fn(|i| u[i] * start[i]), a);
            }
        }
    }
}

/// Returns L of A = LLᵀ, or `None` when A is not positive definite.
fn cholesky<const N: usize>(a: &[[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let mut l = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let rest = a[i][j] - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
            l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
        }
        if l[i][i].is_nan() || l[i][i] == 0.0 {
            return None;
        }
    }
    Some(l)
}

/// Returns A⁻¹ from A's Cholesky factor.
fn inverse<const N: usize>(l: &[[f64; N]; N]) -> [[f64; N]; N] {
    let mut inv = [[0.0; N]; N];
    for j in 0..N {
        for i in j..N {
            let unit = if i == j { 1.0 } else { 0.0 };
            inv[i][j] = (unit - (j..i).map(|k| l[i][k] * inv[k][j]).sum::<f64>()) / l[i][i];
        }
    }
    std::array::from_fn(|i| std::array::from_fn(|j| (0..N).map(|k| inv[k][i] * inv[k][j]).sum()))
}
