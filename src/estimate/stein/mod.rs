//! Posterior moments from draws and the gradients at them.

mod function;
mod series;
mod skewed;

pub use function::SteinFunction;
pub use skewed::SkewedMoments;

use super::watch::{Observer, Watched};
use super::{Weights, central_normal, normal_intervals};
use crate::{
    ConfigError,
    arithmetic::sqrt,
    preconditioner::{Dense, Preconditioner},
};
use series::Series;

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
/// components of u, on the coordinate's own product with the gradient, and on that of its square, E\[(a² − 1)w − 2a\] = 0,
/// by which skewed coordinates, such as logarithms of scales, become two to five times as precise; the covariances between
/// coordinates are those of the regression on u alone,
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
/// 6N² + 32N + 10 floats; work, 9N² multiplications a draw.
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
    // Sum of u over the batch under way, and how many draws it has.
    batch_u: [f32; N],
    filled: u32,
    // Of each coordinate, batch means of what the regression leaves of its mean and of its variance, of its draws, and of its
    // virials.
    series: Series<4, N>,
    // Batches in a row whose corrected means were far from those of all.
    surprises: u8,
    // The largest a(a − w) so far, less what h explains of it, with what a tail of that slope has beyond it.
    tail: f32,
}

/// One coordinate in its own scale: a = (θᵢ − cᵢ)/sᵢ, q = a², and with w = (L u)ᵢ/sᵢ, sᵢ² = (LLᵀ)ᵢᵢ, the virial p = aw − 1
/// and the cubic h = (a² − 1)w − 2a. p and h are 0 on average under the posterior; for a Gaussian one that L has right,
/// w = a, p = q − 1, and h has the variance 6 and is uncorrelated with the others.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Marginal<const N: usize> {
    scale: f32,
    square: f32,
    virial: f32,
    cubic: f32,
    // Covariances of the mean, the square, the virial p and the cubic h: p with p, h with h, p with h, then the mean
    // with p and h, and the square with p and h.
    covariances: [f32; 7],
    // Covariances of square, virial and cubic with u.
    with_u: [[f32; N]; 3],
    // Sums of a, q, p and h over the batch under way.
    batch: [f32; 4],
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
    cubic: [f32; N],
    // On what u leaves of virial and cubic.
    mean_on_own: [f32; 2],
    square_on_own: [f32; 2],
}

impl<const N: usize> Coefficients<N> {
    /// What is left of means of a and of q, those of p and h being known too and `u` being the mean of u in those
    /// coordinates.
    #[inline(never)]
    fn residuals(&self, [mean, square, virial, cubic]: &[f32; 4], u: &[f32; N]) -> (f32, f32) {
        let own = [virial - dot(&self.virial, u), cubic - dot(&self.cubic, u)];
        (
            mean - dot(&self.mean, u) - dot(&self.mean_on_own, &own),
            square - dot(&self.square, u) - dot(&self.square_on_own, &own),
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
        let mut empty = Self::BLANK;
        empty.factor = factor;
        empty.weights = weights;
        empty.start(&centre);
        empty
    }

    /// All zeros, to be started in place: an estimate is too large to be copied to where it belongs.
    pub(crate) const BLANK: Self = Self {
        centre: [0.0; N],
        factor: Dense::BLANK,
        temperature: 0.0,
        weights: Weights::new(),
        mean_y: [0.0; N],
        mean_u: [0.0; N],
        variance_y: [0.0; N],
        cross: [[0.0; N]; N],
        second: [[0.0; N]; N],
        marginals: [Marginal::new(0.0); N],
        batch_u: [0.0; N],
        filled: 0,
        series: Series::BLANK,
        surprises: 0,
        tail: 0.0,
    };

    /// Starts an empty estimate, with the weights as they are, and with the factor.
    fn start(&mut self, centre: &[f32; N]) {
        self.centre = crate::chain::sanitised(*centre);
        self.temperature = 1.0;
        self.forget();
    }

    /// Starts anew, about a centre, in a metric.
    pub(crate) fn restart(&mut self, centre: &[f32; N], factor: &Dense<N>) {
        self.factor = *factor;
        self.refine(centre, None);
    }

    /// Starts anew about another centre, in the metric that is refined by what was found in its coordinates.
    pub(crate) fn refine(&mut self, centre: &[f32; N], found: Option<&Dense<N>>) {
        if let Some(found) = found {
            self.factor.compose(found);
        }
        self.weights = Weights::new();
        self.start(centre);
    }

    /// Forgets all draws but for their weights.
    #[inline(never)]
    fn forget(&mut self) {
        self.mean_y = [0.0; N];
        self.mean_u = [0.0; N];
        self.variance_y = [0.0; N];
        self.cross = [[0.0; N]; N];
        self.second = [[0.0; N]; N];
        for (marginal, row) in self.marginals.iter_mut().zip(self.factor.rows()) {
            *marginal = Marginal::new(sqrt(dot(row, row)));
        }
        self.batch_u = [0.0; N];
        self.filled = 0;
        self.series.clear();
        self.surprises = 0;
        self.tail = 0.0;
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
        self.add(position, u);
        if self.filled >= self.series.size() {
            self.close_batch();
        }
    }

    /// Adds a draw to all sums. What closes a batch needs a frame of its own, and not this one below it.
    #[inline(never)]
    fn add(&mut self, position: &[f32; N], u: &[f32; N]) {
        let mut from_centre = *position;
        for (x, c) in from_centre.iter_mut().zip(&self.centre) {
            *x -= c;
        }
        let (mut y, mut w) = (from_centre, *u);
        self.factor.solve(&mut y);
        self.factor.apply(&mut w);
        let bounded = bounded(&y) && bounded(u);
        let Some((weights, share)) = self.weights.with(1.0).filter(|_| bounded) else {
            self.weights.reject();
            return;
        };
        self.weights = weights;
        let mut u_before = *u;
        let y_after = advance(&mut self.mean_y, &mut y, share);
        let u_after = advance(&mut self.mean_u, &mut u_before, share);
        for ((v, before), after) in self.variance_y.iter_mut().zip(&y).zip(&y_after) {
            *v += share * (before * after - *v);
        }
        for (row, y) in self.cross.iter_mut().zip(&y) {
            blend(row, *y, &u_after, share);
        }
        for (index, row) in self.second.iter_mut().enumerate() {
            let (u, y) = (at(&u_before, index), at(&y, index));
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
        self.factor.apply(&mut y);
        let certainty = self.certainty();
        for (((marginal, x), w), before) in
            (self.marginals.iter_mut().zip(&from_centre).zip(&w)).zip(&y)
        {
            let scale = marginal.scale;
            let (a, w) = (x / scale, w / scale);
            let q = a * a;
            let (p, h) = (a * w - 1.0, (q - 1.0) * w - 2.0 * a);
            marginal.push(before / scale, [a, q, p, h], &u_after, share);
            // A tail that falls as |a|^−(e+1), e = aw − 1 there, has e/(e − 4) times as much of a⁴ beyond.
            let factor = if q > FAR_OUT {
                let exponent = p.max(4.4);
                exponent / (exponent - 4.0)
            } else {
                NORMAL
            };
            // What the regression on p and h leaves of q there.
            let [_, of_cubic, both, .., square_and_cubic] = marginal.covariances;
            let slope = (square_and_cubic - both) / of_cubic.max(1.0);
            let beyond = factor * (a * (a - w) - certainty * slope * h);
            self.tail = self.tail.max(beyond);
        }
        for (sum, u) in self.batch_u.iter_mut().zip(u) {
            *sum += u;
        }
        self.filled += 1;
    }

    #[inline(never)]
    fn close_batch(&mut self) {
        let share = 1.0 / self.filled as f32;
        let mut covariance_u = Dense::BLANK;
        self.covariance_u(&mut covariance_u);
        let (mut all_u, mut batch_u) = (self.mean_u, self.batch_u);
        for u in &mut batch_u {
            *u *= share;
        }
        covariance_u.solve(&mut all_u);
        covariance_u.solve(&mut batch_u);
        let mut means = self.series.long_run_variances();
        let mut surprise = 0.0_f32;
        for ((means, marginal), row) in
            (means.iter_mut().zip(&self.marginals)).zip(self.factor.rows())
        {
            let [usual, ..] = *means;
            let coefficients = self.coefficients(marginal, row, &covariance_u);
            let (centre, _) = self.all(marginal, row, &coefficients, &all_u);
            let batch = marginal.batch.map(|sum| share * sum);
            let (of_a, of_q) = coefficients.residuals(&batch, &batch_u);
            let spread = sqrt(share * usual + SLACK);
            surprise = surprise.max((of_a - centre).abs() / spread);
            let [a, _, p, _] = batch;
            *means = [of_a, of_q - 2.0 * centre * of_a, a, p];
        }
        self.surprises = if surprise > SURPRISE {
            self.surprises.saturating_add(1)
        } else {
            0
        };
        self.series.push(&means);
        for marginal in &mut self.marginals {
            marginal.batch = [0.0; 4];
        }
        self.batch_u = [0.0; N];
        self.filled = 0;
    }

    /// The potential, watched: each gradient that is asked of it enters the estimate with its position.
    pub const fn watch<'a, P>(&'a mut self, potential: &'a mut P) -> Watched<'a, P, Self> {
        Watched::new(potential, self)
    }

    /// Forgets all draws; centre, factor, horizon and the count of rejected draws stay.
    pub fn clear(&mut self) {
        self.weights.clear();
        self.forget();
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

    /// Sets `factor` to the Cholesky factor of the covariance of u.
    fn covariance_u(&self, factor: &mut Dense<N>) {
        factor.set_covariance(|index, row| *row = self.presumed(&self.second, index));
    }

    /// A row of a covariance matrix, drawn to that of the unit matrix.
    fn presumed(&self, covariance: &[[f32; N]; N], index: usize) -> [f32; N] {
        let certainty = self.certainty();
        let mut row = row_of(covariance, index).map(|x| x * certainty);
        if let Some(x) = row.get_mut(index) {
            *x += 1.0 - certainty;
        }
        row
    }

    /// The mean of a coordinate, in its own scale about the centre, before any correction; `row` is the factor's.
    fn plain_mean(&self, marginal: &Marginal<N>, row: &[f32; N]) -> f32 {
        dot(row, &self.mean_y) / marginal.scale
    }

    /// Coefficients of the coordinate, `row` being the factor's.
    #[inline(never)]
    fn coefficients(
        &self,
        marginal: &Marginal<N>,
        row: &[f32; N],
        covariance_u: &Dense<N>,
    ) -> Coefficients<N> {
        let certainty = self.certainty();
        let presumed = 1.0 - certainty;
        // Cov(a, u), a being the row of L times y, over its scale.
        let mut mean = [0.0; N];
        for (m, l) in mean.iter_mut().zip(row) {
            *m = presumed * (l / marginal.scale);
        }
        for (l, cross) in row.iter().zip(&self.cross) {
            let l = certainty * (l / marginal.scale);
            for (m, c) in mean.iter_mut().zip(cross) {
                *m += l * c;
            }
        }
        let [square, virial, cubic] = marginal.with_u;
        let mut on_u = [mean, square, virial, cubic];
        for (index, vector) in on_u.iter_mut().enumerate() {
            if index > 0 {
                for c in vector.iter_mut() {
                    *c *= certainty;
                }
            }
            covariance_u.solve(vector);
        }
        let [mean, square, virial, cubic] = on_u;
        // What u leaves of the covariances of virial and cubic, the variances never quite nothing.
        let [of_virial, of_cubic, both, with_mean @ .., _, _] = marginal.covariances;
        let of_virial = certainty * of_virial + presumed * 2.0;
        let of_cubic = certainty * of_cubic + presumed * 6.0;
        let both = certainty * both - dot(&virial, &cubic);
        let first = (of_virial - dot(&virial, &virial)).max(1e-3 * of_virial);
        let slope = both / first;
        let second = (of_cubic - dot(&cubic, &cubic) - slope * both).max(1e-3 * of_cubic);
        let own = |with_virial: f32, with_cubic: f32, on_u: &[f32; N]| {
            let with_virial = with_virial - dot(on_u, &virial);
            let with_cubic = with_cubic - dot(on_u, &cubic);
            let on_cubic = (with_cubic - slope * with_virial) / second;
            [with_virial / first - slope * on_cubic, on_cubic]
        };
        let [.., square_and_virial, square_and_cubic] = marginal.covariances;
        let [mean_and_virial, mean_and_cubic] = with_mean;
        let mean_on_own = own(
            certainty * mean_and_virial,
            certainty * mean_and_cubic,
            &mean,
        );
        let square_on_own = own(
            certainty * square_and_virial + presumed * 2.0,
            certainty * square_and_cubic,
            &square,
        );
        Coefficients {
            mean,
            square,
            virial,
            cubic,
            mean_on_own,
            square_on_own,
        }
    }

    /// What the regression leaves of the means of a and of q, of all draws.
    fn all(
        &self,
        marginal: &Marginal<N>,
        row: &[f32; N],
        coefficients: &Coefficients<N>,
        u: &[f32; N],
    ) -> (f32, f32) {
        let means = [
            self.plain_mean(marginal, row),
            marginal.square,
            marginal.virial,
            marginal.cubic,
        ];
        coefficients.residuals(&means, u)
    }

    /// Mean and variance of each coordinate, in its own scale about the centre.
    #[inline(never)]
    fn scaled(&self) -> [(f32, f32); N] {
        let mut covariance_u = Dense::BLANK;
        self.covariance_u(&mut covariance_u);
        let mut u = self.mean_u;
        covariance_u.solve(&mut u);
        let mut scaled = [(0.0, 0.0); N];
        for ((result, marginal), row) in
            (scaled.iter_mut().zip(&self.marginals)).zip(self.factor.rows())
        {
            let coefficients = self.coefficients(marginal, row, &covariance_u);
            let (mean, square) = self.all(marginal, row, &coefficients, &u);
            *result = (mean, (square - mean * mean).max(0.0));
        }
        scaled
    }

    fn each(&self, f: impl Fn(f32, (f32, f32)) -> f32) -> [f32; N] {
        let mut values = [0.0; N];
        for ((value, marginal), scaled) in
            values.iter_mut().zip(&self.marginals).zip(&self.scaled())
        {
            *value = f(marginal.scale, *scaled);
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

    /// As [`sd`](Self::sd), and 0 if there are no draws.
    pub(crate) fn sd_or_zero(&self) -> [f32; N] {
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

    /// Sets the rows of `found` to the covariance of the whitened coordinates y, symmetric.
    #[inline(never)]
    pub(crate) fn whitened_covariance(&self, found: &mut Dense<N>) {
        self.covariance_u(found);
        // Rows of B.
        let mut regression = [[0.0; N]; N];
        for (index, row) in regression.iter_mut().enumerate() {
            *row = self.presumed(&self.cross, index);
            found.solve(row);
            found.solve_transpose(row);
        }
        for (i, row) in found.rows_mut().iter_mut().enumerate() {
            for (j, element) in row.iter_mut().enumerate() {
                let plain = self.covariance_y(i, j);
                let (b_i, b_j) = (row_of(&regression, i), row_of(&regression, j));
                let explained = dot(b_i, row_of(&self.cross, j)) + dot(b_j, row_of(&self.cross, i));
                *element = plain + 0.5 * (at(b_i, j) + at(b_j, i) - explained);
            }
        }
    }

    /// An element of the covariance of y, before any correction.
    fn covariance_y(&self, i: usize, j: usize) -> f32 {
        if i == j {
            at(&self.variance_y, i)
        } else {
            at(row_of(&self.second, i.min(j)), i.max(j))
        }
    }

    /// Returns the covariance matrix, symmetric, with the squares of [`sd`](Self::sd) on the diagonal, or `None` if there
    /// are no draws.
    pub fn covariance(&self) -> Option<[[f32; N]; N]> {
        let mut whitened = Dense::BLANK;
        self.whitened_covariance(&mut whitened);
        let rows = self.factor.rows();
        let product = |i: usize, j: usize| {
            let mut sum = 0.0;
            for (l, row) in row_of(rows, i).iter().zip(whitened.rows()) {
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
        let unsure = self.unsure();
        for ((((of_mean, of_sd), marginal), sd), [mean, variance, ..]) in (errors.mean.iter_mut())
            .zip(&mut errors.sd)
            .zip(&self.marginals)
            .zip(&self.sd_or_zero())
            .zip(&self.series.long_run_variances())
        {
            let scale = marginal.scale;
            *of_mean = scale * sqrt(unsure * mean);
            *of_sd = 0.5 * scale * sqrt(unsure * variance) * (scale / sd);
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
        for (((e, marginal), row), [.., of_draws, of_virial]) in (effective.iter_mut())
            .zip(&self.marginals)
            .zip(self.factor.rows())
            .zip(&self.series.long_run_variances())
        {
            let mean = self.plain_mean(marginal, row);
            let variance = marginal.square - mean * mean;
            let [variance_of_virial, ..] = marginal.covariances;
            if variance > 0.0 && variance_of_virial > 0.0 {
                // More than one draw's worth when successive draws are opposed: not counted as more than twice.
                *e = (draws * variance / of_draws)
                    .min(draws * variance_of_virial / of_virial)
                    .min(2.0 * draws);
            }
        }
        effective
    }

    /// Whether there are batches enough for a standard error.
    fn has_batches(&self) -> bool {
        self.series.is_enough()
    }

    /// What a long-run variance over so many draws is of the variance of their mean, with what few batches leave unsure.
    fn unsure(&self) -> f32 {
        let count = self.series.count() as f32;
        (count + 2.0) / ((count - 4.0) * self.equivalent())
    }

    /// Each [`virial`](Self::virial), and its standard error; infinite before there are 24 batches of 16 draws.
    #[inline(never)]
    pub(crate) fn biases(&self) -> [(f32, f32); N] {
        let unsure = if self.has_batches() {
            self.unsure()
        } else {
            f32::INFINITY
        };
        let mut biases = [(0.0, 0.0); N];
        for ((bias, marginal), [.., of_virial]) in (biases.iter_mut())
            .zip(&self.marginals)
            .zip(&self.series.long_run_variances())
        {
            *bias = (marginal.virial, sqrt(unsure * of_virial));
        }
        biases
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
        let least = (self.effective_draws().iter().copied()).fold(f32::INFINITY, f32::min);
        0.5 * self.tail / least
    }

    /// The largest distance of a mean from its centre, in the scale of its coordinate.
    pub(crate) fn off_centre(&self) -> f32 {
        (self.scaled().iter()).fold(0.0, |most, (mean, _)| mean.abs().max(most))
    }

    /// Shifts and stretches numbers, such as quantiles, that were found from the same draws, as mean and standard
    /// deviation are corrected.
    pub fn corrected<const K: usize>(&self, mut values: [[f32; K]; N]) -> [[f32; K]; N] {
        for ((((values, marginal), row), centre), (mean, variance)) in (values.iter_mut())
            .zip(&self.marginals)
            .zip(self.factor.rows())
            .zip(&self.centre)
            .zip(self.scaled())
        {
            let plain_mean = self.plain_mean(marginal, row);
            let plain = marginal.square - plain_mean * plain_mean;
            let stretch = if plain > 0.0 && variance > 0.0 {
                sqrt(variance / plain)
            } else {
                1.0
            };
            for x in values {
                let a = (*x - centre) / marginal.scale;
                *x = centre + marginal.scale * (mean + stretch * (a - plain_mean));
            }
        }
        values
    }
}

impl<const N: usize> Marginal<N> {
    const fn new(scale: f32) -> Self {
        Self {
            scale,
            square: 0.0,
            virial: 0.0,
            cubic: 0.0,
            covariances: [0.0; 7],
            with_u: [[0.0; N]; 3],
            batch: [0.0; 4],
        }
    }

    /// Takes in a draw's a, q, p and h; `before` is a less its mean so far, and `u_after` u less its new mean.
    #[inline]
    fn push(&mut self, before: f32, draw: [f32; 4], u_after: &[f32; N], share: f32) {
        for (sum, x) in self.batch.iter_mut().zip(&draw) {
            *sum += x;
        }
        let [_, q, p, h] = draw;
        let (q, p, h) = (q - self.square, p - self.virial, h - self.cubic);
        self.square += share * q;
        self.virial += share * p;
        self.cubic += share * h;
        let rest = 1.0 - share;
        let (p_after, h_after) = (rest * p, rest * h);
        let products = [
            p * p_after,
            h * h_after,
            p * h_after,
            before * p_after,
            before * h_after,
            q * p_after,
            q * h_after,
        ];
        for (covariance, product) in self.covariances.iter_mut().zip(&products) {
            *covariance += share * (product - *covariance);
        }
        let [with_q, with_p, with_h] = &mut self.with_u;
        for (((with_q, with_p), with_h), u) in
            with_q.iter_mut().zip(with_p).zip(with_h).zip(u_after)
        {
            *with_q += share * (q * u - *with_q);
            *with_p += share * (p * u - *with_p);
            *with_h += share * (h * u - *with_h);
        }
    }
}

/// Moves running means of products by that of a draw: `factor` times each of `values`.
fn blend<const N: usize>(means: &mut [f32; N], factor: f32, values: &[f32; N], share: f32) {
    for (m, x) in means.iter_mut().zip(values) {
        *m += share * (factor * x - *m);
    }
}

/// Moves a mean by a draw, from which the mean before is taken off; gives the draw less the mean after.
fn advance<const N: usize>(mean: &mut [f32; N], draw: &mut [f32; N], share: f32) -> [f32; N] {
    let mut after = *draw;
    for ((m, x), a) in mean.iter_mut().zip(draw).zip(&mut after) {
        *x -= *m;
        *m += share * *x;
        *a -= *m;
    }
    after
}

/// Whether all products of four of these are finite. False for NaN too.
fn bounded<const N: usize>(values: &[f32; N]) -> bool {
    values.iter().all(|x| x.abs() < BOUND)
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
    scale: f32, square: f32, virial: f32, cubic: f32, covariances: [f32; 7], with_u: [[f32; N]; 3], batch: [f32; 4]
});

crate::checkpoint!(impl[const N: usize] for SteinMoments<N> {
    centre: [f32; N], factor: Dense<N>, temperature: f32, weights: Weights, mean_y: [f32; N], mean_u: [f32; N],
    variance_y: [f32; N], cross: [[f32; N]; N], second: [[f32; N]; N], marginals: [Marginal<N>; N],
    batch_u: [f32; N], filled: u32, series: Series<4, N>, surprises: u8, tail: f32
} if |moments| moments.temperature > 0.0 && crate::arithmetic::finite(&moments.centre));
