//! Exact posteriors in f64: closed forms and quadratures.

pub type Moments<const N: usize> = ([f64; N], [f64; N]);

/// Inverse of a symmetric positive matrix, scaled, by Gauss and Jordan with pivots.
pub fn inverse<const N: usize>(a: &[[f64; N]; N]) -> [[f64; N]; N] {
    let d: [f64; N] = core::array::from_fn(|k| 1.0 / a[k][k].sqrt());
    let mut m: [[f64; N]; N] =
        core::array::from_fn(|r| core::array::from_fn(|c| a[r][c] * d[r] * d[c]));
    let mut inverse = [[0.0; N]; N];
    for (k, row) in inverse.iter_mut().enumerate() {
        row[k] = 1.0;
    }
    for k in 0..N {
        let pivot = (k..N)
            .max_by(|a, b| m[*a][k].abs().total_cmp(&m[*b][k].abs()))
            .unwrap_or(k);
        m.swap(k, pivot);
        inverse.swap(k, pivot);
        let q = 1.0 / m[k][k];
        for c in 0..N {
            m[k][c] *= q;
            inverse[k][c] *= q;
        }
        for r in 0..N {
            if r != k {
                let f = m[r][k];
                for c in 0..N {
                    m[r][c] -= f * m[k][c];
                    inverse[r][c] -= f * inverse[k][c];
                }
            }
        }
    }
    core::array::from_fn(|r| core::array::from_fn(|c| inverse[r][c] * d[r] * d[c]))
}

/// Moments of N unknowns where the last is integrated by quadrature and the others are known given it: `given` returns a log
/// density, the means of the others and their variances.
pub fn last<const N: usize>(
    given: impl Fn(f64) -> (f64, [f64; N], [f64; N]),
    start: f64,
    spread: f64,
) -> Moments<N> {
    let (mut centre, mut sd) = (start, spread);
    let mut passes = 0;
    loop {
        // Coarse grids find the place; the last, fine one states the moments.
        let (points, span) = if passes < 11 { (61, 6.0) } else { (401, 9.0) };
        let nodes: Vec<_> = (0..points)
            .map(|i| {
                let t = centre + sd * span * (2.0 * f64::from(i) / f64::from(points - 1) - 1.0);
                (t, given(t))
            })
            .collect();
        let most = nodes.iter().map(|n| n.1.0).fold(f64::MIN, f64::max);
        let total: f64 = nodes.iter().map(|n| (n.1.0 - most).exp()).sum();
        let share = |log: f64| (log - most).exp() / total;
        let mut mean = [0.0; N];
        for (t, (log, means, _)) in &nodes {
            for k in 0..N {
                mean[k] += share(*log) * if k == N - 1 { *t } else { means[k] };
            }
        }
        let mut variance = [0.0; N];
        for (t, (log, means, variances)) in &nodes {
            for k in 0..N {
                let (m, v) = if k == N - 1 {
                    (*t, 0.0)
                } else {
                    (means[k], variances[k])
                };
                variance[k] += share(*log) * ((m - mean[k]).powi(2) + v);
            }
        }
        if passes == 11 {
            return (mean, variance.map(f64::sqrt));
        }
        centre = mean[N - 1];
        // Never smaller by more than 4 at once: a coarse grid may have seen one point only.
        sd = variance[N - 1].sqrt().max(sd / 4.0);
        passes += 1;
    }
}

/// Moments of exp(−u) in two dimensions, by grids that follow the covariance.
pub fn plane(u: impl Fn(&[f64; 2]) -> f64, start: [f64; 2], sd: [f64; 2]) -> Moments<2> {
    let (mut centre, mut l) = (start, [[sd[0], 0.0], [0.0, sd[1]]]);
    let mut passes = 0;
    loop {
        let (points, span) = if passes < 8 { (25, 6.0) } else { (61, 7.5) };
        let side = |i: i32| span * (2.0 * f64::from(i) / f64::from(points - 1) - 1.0);
        let mut nodes = Vec::with_capacity(3721);
        let mut least = f64::MAX;
        for i in 0..points {
            for j in 0..points {
                let (a, b) = (side(i), side(j));
                let theta = [
                    centre[0] + l[0][0] * a,
                    centre[1] + l[1][0] * a + l[1][1] * b,
                ];
                let energy = u(&theta);
                least = least.min(energy);
                nodes.push((theta, energy));
            }
        }
        let total: f64 = nodes.iter().map(|n| (least - n.1).exp()).sum();
        let mut mean = [0.0; 2];
        for (theta, energy) in &nodes {
            let p = (least - energy).exp() / total;
            mean = [mean[0] + p * theta[0], mean[1] + p * theta[1]];
        }
        let mut c = [0.0; 3];
        for (theta, energy) in &nodes {
            let p = (least - energy).exp() / total;
            let d = [theta[0] - mean[0], theta[1] - mean[1]];
            c = [
                c[0] + p * d[0] * d[0],
                c[1] + p * d[0] * d[1],
                c[2] + p * d[1] * d[1],
            ];
        }
        if passes == 8 {
            return (mean, [c[0].sqrt(), c[2].sqrt()]);
        }
        centre = mean;
        let first = c[0].sqrt().max(l[0][0] / 4.0);
        let below = if c[0].sqrt() > l[0][0] / 4.0 {
            c[1] / first
        } else {
            0.0
        };
        let second = (c[2] - below * below).max(0.0).sqrt().max(l[1][1] / 4.0);
        l = [[first, 0.0], [below, second]];
        passes += 1;
    }
}

/// Moments of exp(log) in one dimension on a fixed grid.
pub fn line(log: impl Fn(f64) -> f64, low: f64, high: f64) -> Moments<1> {
    let points = 8001;
    let nodes: Vec<_> = (0..points)
        .map(|i| low + (high - low) * f64::from(i) / f64::from(points - 1))
        .map(|t| (t, log(t)))
        .collect();
    let most = nodes.iter().map(|n| n.1).fold(f64::MIN, f64::max);
    let total: f64 = nodes.iter().map(|n| (n.1 - most).exp()).sum();
    let mean: f64 = nodes.iter().map(|n| (n.1 - most).exp() / total * n.0).sum();
    let variance: f64 = nodes
        .iter()
        .map(|n| (n.1 - most).exp() / total * (n.0 - mean).powi(2))
        .sum();
    ([mean], [variance.sqrt()])
}
