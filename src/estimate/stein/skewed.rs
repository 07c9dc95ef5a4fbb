//! Means and standard deviations of posteriors that are no bells, by a larger regression.

use super::{
    FAR_OUT, NORMAL, StandardErrors, SteinMoments, advance, blend, bounded, dot, series::Series,
};
use crate::{arithmetic::sqrt, preconditioner::Preconditioner};

/// Draws by which the two directions are found.
const LOOKED: f32 = 2048.0;
/// Draws after which the coefficients are good for something, and those that make a standard error.
const FIRST: f32 = 128.0;
const ENOUGH: f32 = 32_768.0;
/// Draws up to which what they leave of a far draw may be their own fault.
const ROUGH: f32 = 16_384.0;
/// Iterations for an eigenvector.
const ITERATIONS: u8 = 32;
/// The least part of a regressor's variance that it is taken to have by itself.
const RIDGE: f32 = 1e-5;

/// Something for each monomial 1, s, t, s², st, t² and each component of u.
type Terms<const N: usize> = [[f32; N]; 6];

/// Mean and standard deviation of a skewed posterior, two to six times as precise as [`SteinMoments`], for more memory.
///
/// Decays, bananas and hierarchies are bent along one or two directions, and how wide the others are depends on where one
/// is along these. For every vector field φ the posterior has E\[φ·∇U − T div φ\] = 0. In the whitened coordinates y, u of the moments let
/// s and t be the two directions in which third moments are largest; the fields are then the six monomials 1, s, t, s², st and t² in the
/// direction of each axis, and each coordinate is regressed on these 6N, and on the two that [`SteinMoments`] have for
/// it. The directions are found from the first 2048 draws, which do not count further.
///
/// It takes each draw of a [`Sampler`](crate::Sampler), whose exploration [`Sampler::verdict_with`](crate::Sampler::verdict_with)
/// judges together with the standard errors here. When the sampler warms up again, it starts anew.
///
/// ```
/// use langevin::estimate::SkewedMoments;
/// use langevin::{BoxMuller, Pcg32, Sampler, SeedableRng};
/// // x₁ ~ N(0, 1) and x₂ ~ N(x₁²/4, 1): a banana.
/// let mut posterior = |x: &[f32; 2]| {
///     let off = x[1] - 0.25 * x[0] * x[0];
///     [x[0] - 0.5 * off * x[0], off]
/// };
/// let mut sampler = Sampler::new([0.0; 2], BoxMuller::new(Pcg32::seed_from_u64(7)));
/// let mut skewed = SkewedMoments::new();
/// while sampler.evaluations() < 20_000 {
///     if let Some(draw) = sampler.step(&mut posterior)? {
///         skewed.push(draw.position, draw.gradient, draw.moments);
///     }
/// }
/// assert!((skewed.mean()[1] - 0.25).abs() < 0.01);
/// assert!((skewed.sd()[1] - 1.125_f32.sqrt()).abs() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Memory: N³ + 72N² + 34N + 7 words, 1.5 kB for N = 2, 5.4 kB for N = 4, and on the stack of one draw in a batch 36N² + 24N more. Work: 54N² multiplications a draw; a regression,
/// of 36N³ of them, for each batch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SkewedMoments<const N: usize> {
    // The moments' weight, draws by which the directions are found, and those that count.
    seen: f32,
    looked: f32,
    weight: f32,
    centre: [f32; N],
    scale: [f32; N],
    third: [[[f32; N]; N]; N],
    directions: [[f32; N]; 2],
    mean_z: Terms<N>,
    // On and below the diagonal.
    covariance_z: [[Terms<N>; N]; 6],
    marginals: [Target<N>; N],
    filled: u32,
    series: Series<N, 2>,
    tail: f32,
}

/// One coordinate: a, q = a² and its own two regressors, with their covariances, and the coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Target<const N: usize> {
    // a, q, p and h.
    mean: [f32; 4],
    with_z: [Terms<N>; 4],
    with_own: [[f32; 2]; 4],
    // Of the mean and of the square.
    on_z: [Terms<N>; 2],
    on_own: [[f32; 2]; 2],
    // Sums of what they leave, over the batch.
    batch: [f32; 2],
}

impl<const N: usize> Target<N> {
    const NONE: Self = Self {
        mean: [0.0; 4],
        with_z: [[[0.0; N]; 6]; 4],
        with_own: [[0.0; 2]; 4],
        on_z: [[[0.0; N]; 6]; 2],
        on_own: [[0.0; 2]; 2],
        batch: [0.0; 2],
    };

    /// What the coefficients leave of a and of q.
    fn residuals(&self, values: &[f32; 4], z: &Terms<N>) -> [f32; 2] {
        let [a, q, p, h] = values;
        let mut left = [*a, *q];
        for ((x, on_z), [on_p, on_h]) in left.iter_mut().zip(&self.on_z).zip(&self.on_own) {
            *x -= product(on_z, z) + on_p * p + on_h * h;
        }
        left
    }

    fn push(&mut self, values: &[f32; 4], z_after: &Terms<N>, share: f32) {
        let mut before = *values;
        for (x, mean) in before.iter_mut().zip(&mut self.mean) {
            *x -= *mean;
            *mean += share * *x;
        }
        let [_, _, p, h] = before.map(|x| (1.0 - share) * x);
        for ((x, with_z), with_own) in before.iter().zip(&mut self.with_z).zip(&mut self.with_own) {
            for (means, z) in with_z.iter_mut().zip(z_after) {
                blend(means, *x, z, share);
            }
            blend(with_own, *x, &[p, h], share);
        }
    }

    /// Sets the coefficients, `factor` being that of the covariance of z.
    fn regress(&mut self, factor: &[Terms<N>]) {
        let mut solved = self.with_z;
        for x in &mut solved {
            solve(factor, x.as_flattened_mut());
        }
        let [of_a, of_q, of_p, of_h] = &solved;
        let [a_own, q_own, [pp, _], [ph, hh]] = self.with_own;
        let first = (pp - product(of_p, of_p))
            .max(1e-3 * pp)
            .max(f32::MIN_POSITIVE);
        let both = ph - product(of_p, of_h);
        let slope = both / first;
        let second = (hh - product(of_h, of_h) - slope * both)
            .max(1e-3 * hh)
            .max(f32::MIN_POSITIVE);
        for ((([with_p, with_h], of), on_z), on_own) in [(a_own, of_a), (q_own, of_q)]
            .into_iter()
            .zip(&mut self.on_z)
            .zip(&mut self.on_own)
        {
            let with_p = with_p - product(of, of_p);
            let with_h = with_h - product(of, of_h);
            let on_h = (with_h - slope * with_p) / second;
            let on_p = with_p / first - slope * on_h;
            *on_own = [on_p, on_h];
            *on_z = *of;
            for ((c, p), h) in (on_z.as_flattened_mut().iter_mut())
                .zip(of_p.as_flattened())
                .zip(of_h.as_flattened())
            {
                *c -= on_p * p + on_h * h;
            }
            solve_transpose(factor, on_z.as_flattened_mut());
        }
    }
}

impl<const N: usize> SkewedMoments<N> {
    /// Creates an empty estimate.
    pub const fn new() -> Self {
        const { assert!(N > 0, "an estimate needs at least one coordinate") };
        Self {
            seen: 0.0,
            looked: 0.0,
            weight: 0.0,
            centre: [0.0; N],
            scale: [1.0; N],
            third: [[[0.0; N]; N]; N],
            directions: [[0.0; N]; 2],
            mean_z: [[0.0; N]; 6],
            covariance_z: [[[[0.0; N]; 6]; N]; 6],
            marginals: [Target::NONE; N],
            filled: 0,
            series: Series::new(),
            tail: 0.0,
        }
    }

    /// Takes in a draw, the gradient ∇U at it, and the moments that have that draw.
    ///
    /// Numbers that are not finite are rejected without a trace.
    pub fn push(&mut self, position: &[f32; N], gradient: &[f32; N], moments: &SteinMoments<N>) {
        let is_new = self.seen <= 0.0 || moments.weight() < self.seen;
        if is_new || moments.centre != self.centre {
            *self = Self::new();
            self.centre = moments.centre;
            self.scale = moments.factor.row_norms();
        }
        self.seen = moments.weight();
        let (mut from_centre, mut u) = (*position, *gradient);
        for ((x, c), g) in from_centre.iter_mut().zip(&self.centre).zip(&mut u) {
            *x -= c;
            *g /= moments.temperature;
        }
        moments.factor.apply_transpose(&mut u);
        let (mut y, mut w) = (from_centre, u);
        moments.factor.solve(&mut y);
        moments.factor.apply(&mut w);
        if !(bounded(&y) && bounded(&u)) {
            return;
        }
        if self.looked < LOOKED {
            self.look(&y);
        } else {
            self.add(&from_centre, &y, &u, &w);
        }
    }

    /// Adds a draw to the third moments; from the last of them come the directions.
    fn look(&mut self, y: &[f32; N]) {
        for (matrix, a) in self.third.iter_mut().zip(y) {
            for (row, b) in matrix.iter_mut().zip(y) {
                for (sum, c) in row.iter_mut().zip(y) {
                    *sum += a * b * c;
                }
            }
        }
        self.looked += 1.0;
        if self.looked >= LOOKED {
            self.directions = self.bent();
        }
    }

    /// The two eigenvectors of largest eigenvalue of Σ TₗTₗᵀ, T being the third moments.
    fn bent(&self) -> [[f32; N]; 2] {
        let mut found = [[0.0; N]; 2];
        let mut first = [0.0; N];
        for direction in &mut found {
            let mut v: [f32; N] = core::array::from_fn(|i| 1.0 / (1.0 + i as f32));
            for _ in 0..ITERATIONS {
                let along = dot(&v, &first);
                for (x, f) in v.iter_mut().zip(&first) {
                    *x -= along * f;
                }
                let length = sqrt(dot(&v, &v));
                // Third moments of fewer directions than two.
                if length.is_nan() || length <= 1e-6 {
                    v = [0.0; N];
                    break;
                }
                for x in &mut v {
                    *x /= length;
                }
                *direction = v;
                let mut next = [0.0; N];
                for matrix in &self.third {
                    for row in matrix {
                        let product = dot(row, &v) / (LOOKED * LOOKED);
                        for (n, r) in next.iter_mut().zip(row) {
                            *n += product * r;
                        }
                    }
                }
                v = next;
            }
            first = *direction;
        }
        found
    }

    /// The regressors of a draw: φuₗ less the slope of φ along axis l, for each monomial φ of s and t.
    fn regressors(&self, y: &[f32; N], u: &[f32; N]) -> Terms<N> {
        let [v, w] = &self.directions;
        let (s, t) = (dot(v, y), dot(w, y));
        let mut terms = [*u; 6];
        let factors = [
            (1.0, 0.0, 0.0),
            (s, 1.0, 0.0),
            (t, 0.0, 1.0),
            (s * s, 2.0 * s, 0.0),
            (s * t, t, s),
            (t * t, 0.0, 2.0 * t),
        ];
        for (row, (value, along_v, along_w)) in terms.iter_mut().zip(factors) {
            for ((x, v), w) in row.iter_mut().zip(v).zip(w) {
                *x = value * *x - along_v * v - along_w * w;
            }
        }
        terms
    }

    fn add(&mut self, from_centre: &[f32; N], y: &[f32; N], u: &[f32; N], w: &[f32; N]) {
        let z = self.regressors(y, u);
        self.weight += 1.0;
        let share = 1.0 / self.weight;
        let (mut before, mut after) = (z, z);
        for ((mean, before), after) in self.mean_z.iter_mut().zip(&mut before).zip(&mut after) {
            *after = advance(mean, before, share);
        }
        for (index, (row, b)) in (self.covariance_z.as_flattened_mut().iter_mut())
            .zip(before.as_flattened())
            .enumerate()
        {
            for (c, a) in (row.as_flattened_mut().iter_mut())
                .zip(after.as_flattened())
                .take(index + 1)
            {
                *c += share * (b * a - *c);
            }
        }
        let power = dot(y, u) - N as f32;
        for ((target, scale), (x, w)) in (self.marginals.iter_mut())
            .zip(&self.scale)
            .zip(from_centre.iter().zip(w))
        {
            let (a, w) = (x / scale, w / scale);
            let q = a * a;
            let (p, h) = (a * w - 1.0, (q - 1.0) * w - 2.0 * a);
            let values = [a, q, p, h];
            let [of_a, of_q] = target.residuals(&values, &z);
            let [sum_a, sum_q] = &mut target.batch;
            *sum_a += of_a;
            *sum_q += of_q;
            // As in the moments: a tail that falls as a power has more beyond. On a bent ridge the whole gradient tells
            // the power, not the coordinate's own.
            let factor = if q > FAR_OUT {
                let exponent = p.max(power).max(4.4);
                exponent / (exponent - 4.0)
            } else {
                NORMAL
            };
            self.tail = self.tail.max(factor * (of_q - 1.0));
            target.push(&values, &after, share);
        }
        self.filled += 1;
        if self.filled >= self.series.size() {
            self.close_batch();
        }
    }

    #[inline(never)]
    fn close_batch(&mut self) {
        let share = 1.0 / self.filled as f32;
        self.filled = 0;
        let scaled = self.scaled();
        let mut means = [[0.0; N]; 2];
        let [of_means, of_variances] = &mut means;
        for (((target, (mean, _)), of_mean), of_variance) in (self.marginals.iter_mut())
            .zip(&scaled)
            .zip(of_means)
            .zip(of_variances)
        {
            let [a, q] = target.batch.map(|sum| share * sum);
            *of_mean = a;
            *of_variance = q - 2.0 * mean * a;
            target.batch = [0.0; 2];
        }
        let known = (6 * N) as f32 / self.weight;
        let size = self.series.size();
        if self.weight >= FIRST {
            self.series.push(&means);
        }
        // What was left before there were coefficients says nothing, and what they left when they were rough, ever less.
        if self.weight < FIRST {
            self.tail = 0.0;
        } else if self.series.size() > size && self.weight < ROUGH {
            self.tail *= 0.5;
        }
        let mut factor = self.covariance_z;
        factorise(factor.as_flattened_mut(), RIDGE + known * known);
        for target in &mut self.marginals {
            target.regress(factor.as_flattened());
        }
    }

    /// Mean and variance of each coordinate, in its own scale about the centre.
    fn scaled(&self) -> [(f32, f32); N] {
        self.marginals.each_ref().map(|target| {
            let [mean, square] = target.residuals(&target.mean, &self.mean_z);
            (mean, (square - mean * mean).max(0.0))
        })
    }

    /// How many draws count.
    pub const fn weight(&self) -> f32 {
        self.weight
    }

    /// Returns the mean; without draws, 0.
    pub fn mean(&self) -> [f32; N] {
        let mut mean = self.centre;
        for ((m, scale), (from_centre, _)) in mean.iter_mut().zip(&self.scale).zip(self.scaled()) {
            *m += scale * from_centre;
        }
        mean
    }

    /// Returns the standard deviation; without draws, 0.
    pub fn sd(&self) -> [f32; N] {
        let mut sd = self.scale;
        for (s, (_, variance)) in sd.iter_mut().zip(self.scaled()) {
            *s *= sqrt(variance);
        }
        sd
    }

    /// Standard errors of mean and standard deviation, from means of batches of what the regression leaves, and the effect
    /// of one more excursion as far as the furthest so far; infinite before there are 32 768 draws that count.
    pub fn standard_errors(&self, moments: &SteinMoments<N>) -> StandardErrors<N> {
        let mut errors = StandardErrors {
            mean: [f32::INFINITY; N],
            sd: [f32::INFINITY; N],
        };
        if self.weight < ENOUGH {
            return errors;
        }
        let count = self.series.count() as f32;
        let each = (count + 2.0) / ((count - 4.0) * self.weight);
        let tail = self.tail_error(moments);
        let [of_means, of_variances] = self.series.long_run_variances();
        for ((((mean, sd), scale), (_, variance)), (of_mean, of_variance)) in (errors.mean)
            .iter_mut()
            .zip(&mut errors.sd)
            .zip(&self.scale)
            .zip(self.scaled())
            .zip(of_means.iter().zip(&of_variances))
        {
            *mean = scale * sqrt(each * of_mean);
            let relative = 0.5 * sqrt(each * of_variance) / variance;
            *sd = scale * sqrt(variance * (relative * relative + tail * tail));
        }
        errors
    }

    /// The relative error of a standard deviation that one more excursion into a tail would be.
    fn tail_error(&self, moments: &SteinMoments<N>) -> f32 {
        let least = (moments.effective_draws().into_iter()).fold(f32::INFINITY, f32::min);
        0.5 * self.tail / least
    }
}

impl<const N: usize> Default for SkewedMoments<N> {
    fn default() -> Self {
        Self::new()
    }
}

fn product<const N: usize>(a: &Terms<N>, b: &Terms<N>) -> f32 {
    sum_of_products(a.as_flattened(), b.as_flattened())
}

fn sum_of_products(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (x, y)| sum + x * y)
}

/// Replaces the lower half of a covariance matrix by its Cholesky factor, each variance a little larger.
fn factorise<const N: usize>(rows: &mut [Terms<N>], ridge: f32) {
    for index in 0..rows.len() {
        let Some((done, [row, ..])) = rows.split_at_mut_checked(index) else {
            return;
        };
        let row = row.as_flattened_mut();
        for (column, other) in done.iter().enumerate() {
            let Some((before, [x, ..])) = row.split_at_mut_checked(column) else {
                return;
            };
            let other = other.as_flattened();
            let diagonal = other.get(column).copied().unwrap_or(1.0);
            *x = (*x - sum_of_products(before, other)) / diagonal;
        }
        if let Some((before, [x, ..])) = row.split_at_mut_checked(index) {
            let least = ridge * *x + 1e-6;
            *x = sqrt((*x - sum_of_products(before, before)).max(0.0) + least);
        }
    }
}

/// Solves with the factor.
fn solve<const N: usize>(factor: &[Terms<N>], x: &mut [f32]) {
    for (index, row) in factor.iter().enumerate() {
        let row = row.as_flattened();
        if let (Some((before, [value, ..])), Some(diagonal)) =
            (x.split_at_mut_checked(index), row.get(index))
        {
            *value = (*value - sum_of_products(before, row)) / diagonal;
        }
    }
}

/// Solves with its transpose.
fn solve_transpose<const N: usize>(factor: &[Terms<N>], x: &mut [f32]) {
    for (index, row) in factor.iter().enumerate().rev() {
        let row = row.as_flattened();
        if let (Some((before, [value, ..])), Some(diagonal)) =
            (x.split_at_mut_checked(index), row.get(index))
        {
            *value /= diagonal;
            for (b, r) in before.iter_mut().zip(row) {
                *b -= *value * r;
            }
        }
    }
}

crate::checkpoint!(impl[const N: usize] for Target<N> {
    mean: [f32; 4], with_z: [Terms<N>; 4], with_own: [[f32; 2]; 4], on_z: [Terms<N>; 2], on_own: [[f32; 2]; 2],
    batch: [f32; 2]
});

crate::checkpoint!(impl[const N: usize] for SkewedMoments<N> {
    seen: f32, looked: f32, weight: f32, centre: [f32; N], scale: [f32; N], third: [[[f32; N]; N]; N], directions: [[f32; N]; 2],
    mean_z: Terms<N>, covariance_z: [[Terms<N>; N]; 6], marginals: [Target<N>; N], filled: u32, series: Series<N, 2>,
    tail: f32
} if |moments| moments.scale.iter().all(|scale| *scale > 0.0) && crate::arithmetic::finite(&moments.centre));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preconditioner::Dense;

    #[test]
    fn sizes() {
        assert_eq!(size_of::<SkewedMoments<2>>(), 4 * (8 + 72 * 4 + 34 * 2 + 7));
        assert_eq!(
            size_of::<SkewedMoments<4>>(),
            4 * (64 + 72 * 16 + 34 * 4 + 7)
        );
    }

    #[test]
    fn rejected_draws_change_nothing() {
        let mut moments = SteinMoments::new([0.0; 2], Dense::identity());
        moments.push(&[1.0, 2.0], &[3.0, 4.0]);
        let mut skewed = SkewedMoments::new();
        skewed.push(&[1.0, 2.0], &[3.0, 4.0], &moments);
        let before = skewed;
        skewed.push(&[f32::NAN, 2.0], &[3.0, 4.0], &moments);
        skewed.push(&[1.0, 2.0], &[f32::INFINITY, 4.0], &moments);
        assert_eq!(skewed, before);
    }

    /// About a centre of 0 too.
    #[test]
    fn numbers_are_in_the_scale_of_the_moments() {
        let factor = Dense::diagonal([0.001, 1000.0]).unwrap();
        let mut moments = SteinMoments::new([0.0; 2], factor);
        moments.push(&[0.001, 2.0], &[3.0, 4e-3]);
        let mut skewed = SkewedMoments::new();
        skewed.push(&[0.001, 2.0], &[3.0, 4e-3], &moments);
        assert_eq!(skewed.scale, [0.001, 1000.0]);
    }

    /// Of y₀² − 1 along y₁: third moments that only these two have.
    #[test]
    fn directions_are_those_of_the_third_moments() {
        let mut skewed = SkewedMoments::<3>::new();
        for draw in 0..2_048 {
            let y = [
                [1.5, 1.0, 0.0],
                [-1.5, 1.0, 0.0],
                [0.0, -1.5, 0.5],
                [0.0, -0.5, -0.5],
            ];
            skewed.look(&y[draw % 4]);
        }
        for direction in &skewed.directions {
            assert!((dot(direction, direction) - 1.0).abs() < 1e-5);
            assert!(direction[2].abs() < 0.2, "{direction:?}");
        }
        let [v, w] = &skewed.directions;
        assert!(dot(v, w).abs() < 1e-5);
    }

    /// A factor times its transpose is the matrix, and solving with both undoes it.
    #[test]
    fn solving_undoes_the_matrix() {
        let element = |i: usize, j: usize| {
            if i == j {
                2.0
            } else {
                0.5 / (1.0 + i.abs_diff(j) as f32)
            }
        };
        let matrix: [Terms<1>; 6] =
            core::array::from_fn(|i| core::array::from_fn(|j| [element(i, j)]));
        let mut factor = matrix;
        factorise(&mut factor, 0.0);
        let x: [f32; 6] = core::array::from_fn(|i| 1.0 + i as f32);
        let mut b: [f32; 6] = matrix
            .each_ref()
            .map(|row| sum_of_products(row.as_flattened(), &x));
        solve(&factor, &mut b);
        solve_transpose(&factor, &mut b);
        for (found, x) in b.iter().zip(&x) {
            assert!((found - x).abs() < 1e-4, "{b:?}");
        }
    }
}
