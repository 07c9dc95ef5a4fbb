//! Posterior moments from draws and the gradients at them.

mod function;

pub use function::SteinFunction;

use super::batches::Doubling;
use super::watch::{Observer, Watched};
use super::{Weights, central_normal, normal_intervals};
use crate::{
    ConfigError,
    arithmetic::sqrt,
    preconditioner::{Dense, Preconditioner},
};

/// Draws of the shortest batches that a standard error is made of.
const BATCH: u32 = 16;
/// Batches that make a standard error.
const LEAST_BATCHES: u32 = 24;
/// Squared distance from the centre from which on the gradient says how the tail falls, and what a normal one has beyond.
const FAR_OUT: f32 = 20.0;
const NORMAL: f32 = 1.3;
/// Standard deviations by which a batch is a surprise.
const SURPRISE: f32 = 20.0;
/// Variance that the corrected mean of a batch may have in any case, in the coordinate's scale.
const SLACK: f32 = 1.0 / 400.0;
/// Draws further out than this, or with a gradient larger than this, in whitened units, are rejected: products of
/// four of them must be finite.
const BOUND: f32 = 1e8;

/// Mean, standard deviation and covariance of the posterior, from draws and the gradients at them.
///
/// Under exp(−U/T) two identities hold exactly, whatever its shape (Stein; as control variates in Mira, Solgi &
/// Imparato 2013 and Oates, Girolami & Chopin 2017):
///
/// ```text
/// E[∂U/∂θⱼ] = 0        E[(θᵢ − c) ∂U/∂θⱼ] = T δᵢⱼ
/// ```
///
/// What a finite run shows of them is error, and is taken off the estimates by linear regression. In whitened
/// coordinates y = L⁻¹(θ − c), u = Lᵀ∇U/T, the mean of a coordinate and its second moment are regressed on the N
/// components of u and on the coordinate's own product with the gradient; the covariances between coordinates
/// are those of the regression on u alone,
///
/// ```text
/// Cov = Cov(y, y) − B Cov(u, y) + B,   B = Cov(y, u) Cov(u, u)⁻¹, symmetrised.
/// ```
///
/// For a Gaussian posterior all of this is all but exact after some dozens of draws, wherever they are and whatever the step
/// size's bias. For bell-shaped ones the variance of an estimate falls by a factor of 10 to 1000. A noisy gradient does not
/// bias it: the coefficients shrink as they must. It corrects what the chain has seen, and knows nothing of a mode
/// that was never visited: convergence is for others to judge ([`Monitor`](crate::sampler::Monitor)).
///
/// A draw must come with the gradient *at that draw*. [`watch`](Self::watch) sees to it for every stepper that
/// evaluates the gradient once a step, at the position, as all do but [`Mala`](crate::stepper::Mala) and
/// [`ReplicaExchange`](crate::stepper::ReplicaExchange).
///
/// ```
/// use langevin::estimate::SteinMoments;
/// use langevin::preconditioner::Dense;
/// use langevin::schedule::Constant;
/// use langevin::stepper::LeimkuhlerMatthews;
/// use langevin::{BoxMuller, Chain, Pcg32, SeedableRng};
/// // Mean 3 and standard deviation 2; the guess is 0 and 1.
/// let mut potential = |x: &[f32; 1]| [(x[0] - 3.0) / 4.0];
/// let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0], LeimkuhlerMatthews::new(), Constant::new(0.5)?, noise);
/// let mut moments = SteinMoments::new([0.0], Dense::identity());
/// for _ in 0..1000 {
///     chain.step(&mut moments.watch(&mut potential))?;
/// }
/// let (Some([mean]), Some([sd])) = (moments.mean(), moments.sd()) else {
///     unreachable!("there are draws");
/// };
/// assert!((mean - 3.0).abs() < 0.01 && (sd - 2.0).abs() < 0.02);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Draws count the same unless it forgets. In f32 running means keep their accuracy for some 10⁷ draws. Memory:
/// 5N² + 35N + 20 floats; work, 7N² multiplications a draw.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SteinMoments<const N: usize> {
    centre: [f32; N],
    factor: Dense<N>,
    temperature: f32,
    weights: Weights,
    // Means of y and u, variances of y.
    mean_y: [f32; N],
    mean_u: [f32; N],
    variance_y: [f32; N],
    // Row i, column j: the covariance of yᵢ and uⱼ.
    cross: [[f32; N]; N],
    // On and below the diagonal the covariance of u, above it that of y.
    second: [[f32; N]; N],
    marginals: [Marginal<N>; N],
    // Sums of the batch under way, and how many draws it has.
    batch: Means<N>,
    filled: u32,
    // Batch means of what the regression leaves of the means and of the variances, of the draws, and of the virials.
    of_mean: Doubling<N>,
    of_variance: Doubling<N>,
    of_draws: Doubling<N>,
    of_virial: Doubling<N>,
    // Batches in a row whose corrected means were far from those of all.
    surprises: u8,
    // The largest |a(a − w)| so far, with what a tail of that slope has beyond it.
    tail: f32,
}

/// One coordinate in its own scale: a = (θᵢ − cᵢ)/sᵢ, q = a² and p = a wᵢ/sᵢ − 1, w = L u, sᵢ² = (LLᵀ)ᵢᵢ.
/// p is 0 on average under the posterior, and q − 1 for a Gaussian one that L has right.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Marginal<const N: usize> {
    scale: f32,
    mean: f32,
    square: f32,
    virial: f32,
    variance_of_virial: f32,
    mean_and_virial: f32,
    square_and_virial: f32,
    // Covariances with u.
    virial_and_u: [f32; N],
    square_and_u: [f32; N],
}

/// Of each coordinate a, q and p, and of u: a draw's, or means of many.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Means<const N: usize> {
    mean: [f32; N],
    square: [f32; N],
    virial: [f32; N],
    u: [f32; N],
}

impl<const N: usize> Means<N> {
    const NONE: Self = Self {
        mean: [0.0; N],
        square: [0.0; N],
        virial: [0.0; N],
        u: [0.0; N],
    };
}

/// Standard errors of each coordinate's mean and standard deviation, in the units of θ.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StandardErrors<const N: usize> {
    /// Of the mean.
    pub mean: [f32; N],
    /// Of the standard deviation.
    pub sd: [f32; N],
}

/// Coefficients of one coordinate's regression, in the coordinates in which u has unit covariance.
struct Coefficients<const N: usize> {
    mean: [f32; N],
    square: [f32; N],
    virial: [f32; N],
    mean_on_virial: f32,
    square_on_virial: f32,
}

impl<const N: usize> Coefficients<N> {
    /// What is left of means of a and of q, `u` being the mean of u in those coordinates.
    fn residuals(&self, mean: f32, square: f32, virial: f32, u: &[f32; N]) -> (f32, f32) {
        let virial = virial - dot(&self.virial, u);
        (
            mean - dot(&self.mean, u) - self.mean_on_virial * virial,
            square - dot(&self.square, u) - self.square_on_virial * virial,
        )
    }
}

impl<const N: usize> SteinMoments<N> {
    /// Creates an empty estimate in which all draws count the same.
    ///
    /// `centre` and the scale of `factor`, LLᵀ the covariance, are guesses: the closer, the sooner the regression
    /// is good. A coordinate of `centre` that is not finite is taken as 0.
    pub fn new(centre: [f32; N], factor: Dense<N>) -> Self {
        Self::with_weights(centre, factor, Weights::new())
    }

    /// Creates an empty estimate that forgets as [`Moments::forgetting`](crate::Moments::forgetting).
    ///
    /// # Errors
    /// When `horizon` is not finite and ≥ 1.
    pub fn forgetting(
        centre: [f32; N],
        factor: Dense<N>,
        horizon: f32,
    ) -> Result<Self, ConfigError> {
        Ok(Self::with_weights(
            centre,
            factor,
            Weights::forgetting(horizon)?,
        ))
    }

    fn with_weights(centre: [f32; N], factor: Dense<N>, weights: Weights) -> Self {
        const { assert!(N > 0, "an estimate needs at least one coordinate") };
        let mut empty = Self {
            centre: crate::chain::sanitised(centre),
            factor,
            temperature: 1.0,
            weights,
            mean_y: [0.0; N],
            mean_u: [0.0; N],
            variance_y: [0.0; N],
            cross: [[0.0; N]; N],
            second: [[0.0; N]; N],
            marginals: [Marginal::new(1.0); N],
            batch: Means::NONE,
            filled: 0,
            of_mean: Doubling::new(BATCH),
            of_variance: Doubling::new(BATCH),
            of_draws: Doubling::new(BATCH),
            of_virial: Doubling::new(BATCH),
            surprises: 0,
            tail: 0.0,
        };
        for (marginal, row) in empty.marginals.iter_mut().zip(empty.factor.rows()) {
            marginal.scale = sqrt(dot(row, row));
        }
        empty
    }

    /// Sets the temperature T at which the chain runs; 1 unless told otherwise.
    ///
    /// # Errors
    /// When it is not finite and > 0.
    pub fn with_temperature(mut self, temperature: f32) -> Result<Self, ConfigError> {
        self.temperature = ConfigError::positive("temperature", temperature)?;
        Ok(self)
    }

    /// Takes in a draw and the gradient ∇U at it.
    ///
    /// Numbers that are not finite, or 10⁸ standard deviations out, are rejected: counted, without any other trace.
    pub fn push(&mut self, position: &[f32; N], gradient: &[f32; N]) {
        let mut u = *gradient;
        for g in &mut u {
            *g /= self.temperature;
        }
        self.factor.apply_transpose(&mut u);
        self.push_whitened(position, &u);
    }

    /// As [`push`](Self::push), with the gradient u = Lᵀ∇U/T.
    pub(crate) fn push_whitened(&mut self, position: &[f32; N], u: &[f32; N]) {
        let mut from_centre = *position;
        for (x, c) in from_centre.iter_mut().zip(&self.centre) {
            *x -= c;
        }
        let (mut y, mut w) = (from_centre, *u);
        self.factor.solve(&mut y);
        self.factor.apply(&mut w);
        // False for NaN too.
        let bounded = y.iter().chain(u).all(|x| x.abs() < BOUND);
        let Some((weights, share)) = self.weights.with(1.0).filter(|_| bounded) else {
            self.weights.reject();
            return;
        };
        self.weights = weights;
        let (y_before, y_after) = advance(&mut self.mean_y, &y, share);
        let (u_before, u_after) = advance(&mut self.mean_u, u, share);
        for ((v, before), after) in self.variance_y.iter_mut().zip(&y_before).zip(&y_after) {
            *v += share * (before * after - *v);
        }
        for (row, y) in self.cross.iter_mut().zip(&y_before) {
            for (c, u) in row.iter_mut().zip(&u_after) {
                *c += share * (y * u - *c);
            }
        }
        for (index, row) in self.second.iter_mut().enumerate() {
            let (u, y) = (at(&u_before, index), at(&y_before, index));
            for (column, ((c, u_after), y_after)) in
                row.iter_mut().zip(&u_after).zip(&y_after).enumerate()
            {
                let product = if column <= index {
                    u * u_after
                } else {
                    y * y_after
                };
                *c += share * (product - *c);
            }
        }
        for ((marginal, x), w) in self.marginals.iter_mut().zip(&from_centre).zip(&w) {
            marginal.push(*x, *w, &u_after, share);
        }
        for ((((mean, square), virial), marginal), (x, w)) in (self.batch.mean.iter_mut())
            .zip(&mut self.batch.square)
            .zip(&mut self.batch.virial)
            .zip(&self.marginals)
            .zip(from_centre.iter().zip(&w))
        {
            let (a, w) = (x / marginal.scale, w / marginal.scale);
            *mean += a;
            *square += a * a;
            *virial += a * w - 1.0;
            // A tail that falls as |a|^−(e+1), e = aw − 1 there, has e/(e − 4) times as much of a⁴ beyond.
            let factor = if a * a > FAR_OUT {
                let exponent = (a * w - 1.0).max(4.4);
                exponent / (exponent - 4.0)
            } else {
                NORMAL
            };
            let beyond = factor * a * (a - w);
            self.tail = self.tail.max(beyond);
        }
        for (sum, u) in self.batch.u.iter_mut().zip(u) {
            *sum += u;
        }
        self.filled += 1;
        if self.filled >= self.of_mean.size_and_count().0 {
            self.close_batch();
        }
    }

    #[inline(never)]
    fn close_batch(&mut self) {
        let share = 1.0 / self.filled as f32;
        let covariance_u = self.covariance_u();
        let (mut all_u, mut batch_u) = (self.mean_u, self.batch.u.map(|u| share * u));
        covariance_u.solve(&mut all_u);
        covariance_u.solve(&mut batch_u);
        let (mut of_mean, mut of_variance) = ([0.0; N], [0.0; N]);
        let usual = self.of_mean.long_run_variance();
        let mut surprise = 0.0_f32;
        for (index, (mean, variance)) in of_mean.iter_mut().zip(&mut of_variance).enumerate() {
            let Some((coefficients, marginal)) = self.coefficients(index, &covariance_u) else {
                continue;
            };
            let (centre, _) = marginal.residuals(&coefficients, &all_u);
            let (of_a, of_q) = coefficients.residuals(
                share * at(&self.batch.mean, index),
                share * at(&self.batch.square, index),
                share * at(&self.batch.virial, index),
                &batch_u,
            );
            let spread = sqrt(share * at(&usual, index) + SLACK);
            surprise = surprise.max((of_a - centre).abs() / spread);
            *mean = of_a;
            *variance = of_q - 2.0 * centre * of_a;
        }
        self.surprises = if surprise > SURPRISE {
            self.surprises.saturating_add(1)
        } else {
            0
        };
        self.of_mean.push(of_mean);
        self.of_variance.push(of_variance);
        self.of_draws.push(self.batch.mean.map(|a| share * a));
        self.of_virial.push(self.batch.virial.map(|p| share * p));
        self.batch = Means::NONE;
        self.filled = 0;
    }

    /// The potential, watched: each gradient that is asked of it enters the estimate with its position.
    pub const fn watch<'a, P>(&'a mut self, potential: &'a mut P) -> Watched<'a, P, Self> {
        Watched::new(potential, self)
    }

    /// Forgets all draws; centre, factor, horizon and the count of rejected draws stay.
    pub fn clear(&mut self) {
        self.weights.clear();
        let temperature = self.temperature;
        *self = Self::with_weights(self.centre, self.factor, self.weights);
        self.temperature = temperature;
    }

    /// Where coordinates are counted from.
    pub const fn centre(&self) -> &[f32; N] {
        &self.centre
    }

    /// The factor L of the whitened coordinates.
    pub const fn factor(&self) -> &Dense<N> {
        &self.factor
    }

    /// Sum of the weights: of draws that all count the same, their number.
    pub const fn weight(&self) -> f32 {
        self.weights.total()
    }

    /// Returns how many draws were rejected. The count saturates.
    pub const fn rejected(&self) -> u32 {
        self.weights.rejected()
    }

    /// How much the draws seen say about the coefficients; the rest is as for a Gaussian that L has right, N/2 + 4
    /// draws of which are presumed.
    fn certainty(&self) -> f32 {
        let weight = self.weights.total();
        weight / (weight + const { 4.0 + 0.5 * N as f32 })
    }

    /// The Cholesky factor of the covariance of u.
    fn covariance_u(&self) -> Dense<N> {
        let certainty = self.certainty();
        let mut covariance = self.second;
        for (index, row) in covariance.iter_mut().enumerate() {
            for x in row.iter_mut() {
                *x *= certainty;
            }
            if let Some(x) = row.get_mut(index) {
                *x += 1.0 - certainty;
            }
        }
        Dense::from_covariance(&covariance).unwrap_or_default()
    }

    /// Coefficients of the coordinate `index`.
    fn coefficients(
        &self,
        index: usize,
        covariance_u: &Dense<N>,
    ) -> Option<(Coefficients<N>, &Marginal<N>)> {
        let marginal = self.marginals.get(index)?;
        let row = self.factor.rows().get(index)?;
        let certainty = self.certainty();
        let presumed = 1.0 - certainty;
        // Cov(a, u), a being the row of L times y, over its scale.
        let mut mean = row.map(|l| presumed * l);
        for (l, cross) in row.iter().zip(&self.cross) {
            for (m, c) in mean.iter_mut().zip(cross) {
                *m += certainty * l * c;
            }
        }
        for m in &mut mean {
            *m /= marginal.scale;
        }
        let mut square = marginal.square_and_u.map(|c| certainty * c);
        let mut virial = marginal.virial_and_u.map(|c| certainty * c);
        covariance_u.solve(&mut mean);
        covariance_u.solve(&mut square);
        covariance_u.solve(&mut virial);
        // What u leaves of the virial's variance: never quite nothing.
        let own = certainty * marginal.variance_of_virial + presumed * 2.0;
        let rest = (own - dot(&virial, &virial)).max(1e-3 * own);
        let with_mean = certainty * marginal.mean_and_virial - dot(&mean, &virial);
        let with_square =
            certainty * marginal.square_and_virial + presumed * 2.0 - dot(&square, &virial);
        Some((
            Coefficients {
                mean,
                square,
                virial,
                mean_on_virial: with_mean / rest,
                square_on_virial: with_square / rest,
            },
            marginal,
        ))
    }

    /// Mean and variance of each coordinate, in its own scale about the centre.
    fn scaled(&self) -> [(f32, f32); N] {
        let covariance_u = self.covariance_u();
        let mut u = self.mean_u;
        covariance_u.solve(&mut u);
        let mut scaled = [(0.0, 0.0); N];
        for (index, result) in scaled.iter_mut().enumerate() {
            if let Some((coefficients, marginal)) = self.coefficients(index, &covariance_u) {
                let (mean, square) = marginal.residuals(&coefficients, &u);
                *result = (mean, (square - mean * mean).max(0.0));
            }
        }
        scaled
    }

    fn each(&self, f: impl Fn(f32, (f32, f32)) -> f32) -> [f32; N] {
        let mut values = [0.0; N];
        for ((value, marginal), scaled) in values.iter_mut().zip(&self.marginals).zip(self.scaled())
        {
            *value = f(marginal.scale, scaled);
        }
        values
    }

    /// Returns the mean, or `None` if there are no draws.
    pub fn mean(&self) -> Option<[f32; N]> {
        let mut mean = self.each(|scale, (mean, _)| scale * mean);
        for (m, c) in mean.iter_mut().zip(&self.centre) {
            *m += c;
        }
        self.known(mean)
    }

    /// Returns the standard deviation, or `None` if there are no draws.
    pub fn sd(&self) -> Option<[f32; N]> {
        self.known(self.sd_or_zero())
    }

    fn sd_or_zero(&self) -> [f32; N] {
        self.each(|scale, (_, variance)| scale * sqrt(variance))
    }

    fn known<T>(&self, value: T) -> Option<T> {
        (!self.weights.is_empty()).then_some(value)
    }

    /// Returns the intervals \[lo, hi\] = mean ± z·sd, which hold the probability `level` if the distribution is normal.
    ///
    /// Without draws every interval is \[−∞, ∞\]. For other distributions correct the draws' quantiles by
    /// [`corrected`](Self::corrected).
    ///
    /// # Errors
    /// Returns an error unless `level` is between 0 and 1 (0.95, not 95).
    pub fn interval(&self, level: f32) -> Result<[[f32; 2]; N], ConfigError> {
        central_normal(level).map(|z| normal_intervals(z, self.mean(), self.sd()))
    }

    /// Covariance of the whitened coordinates y, symmetric.
    pub(crate) fn whitened_covariance(&self) -> [[f32; N]; N] {
        let covariance_u = self.covariance_u();
        let certainty = self.certainty();
        // Rows of B.
        let mut regression = self.cross;
        for (index, row) in regression.iter_mut().enumerate() {
            for x in row.iter_mut() {
                *x *= certainty;
            }
            if let Some(x) = row.get_mut(index) {
                *x += 1.0 - certainty;
            }
            covariance_u.solve(row);
            covariance_u.solve_transpose(row);
        }
        let mut covariance = [[0.0; N]; N];
        for (i, row) in covariance.iter_mut().enumerate() {
            for (j, element) in row.iter_mut().enumerate() {
                let plain = if i == j {
                    at(&self.variance_y, i)
                } else {
                    at(row_of(&self.second, i.min(j)), i.max(j))
                };
                let (b_i, b_j) = (row_of(&regression, i), row_of(&regression, j));
                let explained = dot(b_i, row_of(&self.cross, j)) + dot(b_j, row_of(&self.cross, i));
                *element = plain + 0.5 * (at(b_i, j) + at(b_j, i) - explained);
            }
        }
        covariance
    }

    /// Returns the covariance matrix, symmetric, with the squares of [`sd`](Self::sd) on the diagonal, or `None` if there
    /// are no draws.
    pub fn covariance(&self) -> Option<[[f32; N]; N]> {
        let whitened = self.whitened_covariance();
        let rows = self.factor.rows();
        let product = |i: usize, j: usize| {
            let mut sum = 0.0;
            for (l, row) in row_of(rows, i).iter().zip(&whitened) {
                sum += l * dot(row, row_of(rows, j));
            }
            sum
        };
        let mut own = [0.0; N];
        for (i, v) in own.iter_mut().enumerate() {
            *v = sqrt(product(i, i).max(0.0));
        }
        let sd = self.sd_or_zero();
        let mut covariance = [[0.0; N]; N];
        for (i, row) in covariance.iter_mut().enumerate() {
            for (j, element) in row.iter_mut().enumerate() {
                let (low, high) = (i.min(j), i.max(j));
                let correlation = if i == j {
                    1.0
                } else if at(&own, i) > 0.0 && at(&own, j) > 0.0 {
                    (product(high, low) / at(&own, high) / at(&own, low)).clamp(-1.0, 1.0)
                } else {
                    0.0
                };
                *element = correlation * at(&sd, low) * at(&sd, high);
            }
        }
        self.known(covariance)
    }

    /// How many draws that all count the same would be as precise as these, weights being unequal.
    fn equivalent(&self) -> f32 {
        self.weights.equivalent()
    }

    /// Standard errors of mean and standard deviation, from means of batches of the regression's residuals; infinite
    /// before there are 24 batches of 16 draws.
    ///
    /// They know what the chain has seen, as all standard errors do: see [`Monitor`](crate::sampler::Monitor).
    pub fn standard_errors(&self) -> StandardErrors<N> {
        let mut errors = StandardErrors {
            mean: [f32::INFINITY; N],
            sd: [f32::INFINITY; N],
        };
        if !self.has_batches() {
            return errors;
        }
        let of_means = self.errors_of(self.of_mean.long_run_variance());
        let of_variances = self.errors_of(self.of_variance.long_run_variance());
        for ((((of_mean, of_sd), marginal), sd), (mean, variance)) in (errors.mean.iter_mut())
            .zip(&mut errors.sd)
            .zip(&self.marginals)
            .zip(self.sd_or_zero())
            .zip(of_means.iter().zip(&of_variances))
        {
            let scale = marginal.scale;
            *of_mean = scale * mean;
            *of_sd = 0.5 * scale * variance * (scale / sd);
        }
        errors
    }

    /// Effective number of draws of each coordinate, of the draws themselves: what the chain has explored, whatever
    /// the corrected estimates know. 0 before there are 24 batches of 16 draws, and for a coordinate that never moved.
    ///
    /// It is the lesser of those for the mean and for the coordinate's product with its own gradient.
    pub fn effective_draws(&self) -> [f32; N] {
        let mut effective = [0.0; N];
        if !self.has_batches() {
            return effective;
        }
        let draws = self.equivalent();
        for (((e, marginal), of_draws), of_virial) in (effective.iter_mut())
            .zip(&self.marginals)
            .zip(self.of_draws.long_run_variance())
            .zip(self.of_virial.long_run_variance())
        {
            let variance = marginal.square - marginal.mean * marginal.mean;
            if variance > 0.0 && marginal.variance_of_virial > 0.0 {
                // More than one draw's worth when successive draws are opposed: not counted as more than twice.
                *e = (draws * variance / of_draws)
                    .min(draws * marginal.variance_of_virial / of_virial)
                    .min(2.0 * draws);
            }
        }
        effective
    }

    /// Whether there are batches enough for a standard error.
    fn has_batches(&self) -> bool {
        self.of_mean.size_and_count().1 >= LEAST_BATCHES
    }

    /// Standard errors of means of all draws with these long-run variances, with what few batches leave unsure.
    fn errors_of(&self, long_run_variance: [f32; N]) -> [f32; N] {
        let count = self.of_mean.size_and_count().1 as f32;
        let variance = (count + 2.0) / ((count - 4.0) * self.equivalent());
        long_run_variance.map(|v| sqrt(variance * v))
    }

    /// Standard error of each [`virial`](Self::virial); infinite before there are 24 batches of 16 draws.
    pub(crate) fn virial_error(&self) -> [f32; N] {
        if self.has_batches() {
            self.errors_of(self.of_virial.long_run_variance())
        } else {
            [f32::INFINITY; N]
        }
    }

    /// Mean of each coordinate's product with its own gradient, less what it must be, relative: E\[aw\] − 1. It is how
    /// much too wide the draws are, before any correction.
    pub fn virial(&self) -> [f32; N] {
        self.marginals.each_ref().map(|marginal| marginal.virial)
    }

    /// Batches in a row whose corrected means were 20 of their standard deviations from those of all draws: the target
    /// has moved.
    pub(crate) const fn surprises(&self) -> u8 {
        self.surprises
    }

    /// The relative error of a standard deviation that one more excursion as far as the furthest so far would be:
    /// where tails are heavy, more than what batch means show.
    pub(crate) fn tail_error(&self) -> f32 {
        let least = (self.effective_draws().into_iter()).fold(f32::INFINITY, f32::min);
        0.5 * self.tail / least
    }

    /// The largest distance of a mean from its centre, in the scale of its coordinate.
    pub(crate) fn off_centre(&self) -> f32 {
        let means = self.scaled().map(|(mean, _)| mean.abs());
        means.into_iter().fold(0.0, f32::max)
    }

    /// Shifts and stretches numbers, such as quantiles, that were found from the same draws, as mean and standard
    /// deviation are corrected.
    pub fn corrected<const K: usize>(&self, mut values: [[f32; K]; N]) -> [[f32; K]; N] {
        for (((values, marginal), centre), (mean, variance)) in (values.iter_mut())
            .zip(&self.marginals)
            .zip(&self.centre)
            .zip(self.scaled())
        {
            let plain = marginal.square - marginal.mean * marginal.mean;
            let stretch = if plain > 0.0 && variance > 0.0 {
                sqrt(variance / plain)
            } else {
                1.0
            };
            for x in values {
                let a = (*x - centre) / marginal.scale;
                *x = centre + marginal.scale * (mean + stretch * (a - marginal.mean));
            }
        }
        values
    }
}

impl<const N: usize> Marginal<N> {
    const fn new(scale: f32) -> Self {
        Self {
            scale,
            mean: 0.0,
            square: 0.0,
            virial: 0.0,
            variance_of_virial: 0.0,
            mean_and_virial: 0.0,
            square_and_virial: 0.0,
            virial_and_u: [0.0; N],
            square_and_u: [0.0; N],
        }
    }

    /// Takes in θᵢ − cᵢ and wᵢ; `u_after` is u less its new mean.
    #[inline]
    fn push(&mut self, x: f32, w: f32, u_after: &[f32; N], share: f32) {
        let a = x / self.scale;
        let mean = a - self.mean;
        self.mean += share * mean;
        let square = a * a - self.square;
        self.square += share * square;
        let virial = (a * (w / self.scale) - 1.0) - self.virial;
        self.virial += share * virial;
        let after = (1.0 - share) * virial;
        self.variance_of_virial += share * (virial * after - self.variance_of_virial);
        self.mean_and_virial += share * (mean * after - self.mean_and_virial);
        self.square_and_virial += share * (square * after - self.square_and_virial);
        for ((v, s), u) in (self.virial_and_u.iter_mut())
            .zip(&mut self.square_and_u)
            .zip(u_after)
        {
            *v += share * (virial * u - *v);
            *s += share * (square * u - *s);
        }
    }

    fn residuals(&self, coefficients: &Coefficients<N>, u: &[f32; N]) -> (f32, f32) {
        coefficients.residuals(self.mean, self.square, self.virial, u)
    }
}

/// Moves a mean by a draw; gives the draw less the mean, before and after.
fn advance<const N: usize>(
    mean: &mut [f32; N],
    draw: &[f32; N],
    share: f32,
) -> ([f32; N], [f32; N]) {
    let (mut before, mut after) = (*draw, *draw);
    for ((m, b), a) in mean.iter_mut().zip(&mut before).zip(&mut after) {
        *b -= *m;
        *m += share * *b;
        *a -= *m;
    }
    (before, after)
}

fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (x, y)| sum + x * y)
}

fn at<const N: usize>(values: &[f32; N], index: usize) -> f32 {
    values.get(index).copied().unwrap_or(0.0)
}

fn row_of<const N: usize>(matrix: &[[f32; N]; N], index: usize) -> &[f32; N] {
    matrix.get(index).unwrap_or(const { &[0.0; N] })
}

impl<const N: usize> Observer<N> for SteinMoments<N> {
    fn observe(&mut self, position: &[f32; N], gradient: &[f32; N]) {
        self.push(position, gradient);
    }
}

crate::checkpoint!(impl[const N: usize] for Marginal<N> {
    scale: f32, mean: f32, square: f32, virial: f32, variance_of_virial: f32, mean_and_virial: f32,
    square_and_virial: f32, virial_and_u: [f32; N], square_and_u: [f32; N]
});

crate::checkpoint!(impl[const N: usize] for Means<N> {
    mean: [f32; N], square: [f32; N], virial: [f32; N], u: [f32; N]
});

crate::checkpoint!(impl[const N: usize] for SteinMoments<N> {
    centre: [f32; N], factor: Dense<N>, temperature: f32, weights: Weights, mean_y: [f32; N], mean_u: [f32; N],
    variance_y: [f32; N], cross: [[f32; N]; N], second: [[f32; N]; N], marginals: [Marginal<N>; N],
    batch: Means<N>, filled: u32, of_mean: Doubling<N>, of_variance: Doubling<N>, of_draws: Doubling<N>,
    of_virial: Doubling<N>, surprises: u8, tail: f32
} if |moments| moments.temperature > 0.0 && crate::arithmetic::finite(&moments.centre));
