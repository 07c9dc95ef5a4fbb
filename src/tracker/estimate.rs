//! What a tracker knows, at any moment.

use super::{Forecast, Track};
use crate::{ConfigError, estimate::central_normal};

/// What became of the latest reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reading {
    /// There was none.
    #[default]
    Missing,
    /// It was learnt.
    Learnt,
    /// It has a NaN or an infinite field, or the model cannot give it: refused, without any other trace.
    Impossible,
    /// It is farther off than any reading that the model expects: refused, unless the next one is, too.
    Wild,
}

/// How sure an [`Estimate`] is of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Shape {
    /// The posterior is close to normal, and mean and covariance say what there is to say.
    Normal,
    /// The posterior is far from normal (thin and bent, or not yet found): standard deviations may be off by a factor,
    /// and means by as much as a standard deviation.
    Bent,
}

/// What the latest reading brought.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) reading: Reading,
    pub(super) alarm: bool,
    pub(super) forecast: Option<Forecast>,
}

impl News {
    pub(super) const NOTHING: Self = Self {
        reading: Reading::Missing,
        alarm: false,
        forecast: None,
    };
}

/// The posterior after the latest reading, as seen by a [`Tracker`](super::Tracker).
#[derive(Clone, Copy, Debug)]
pub struct Estimate<'a, const N: usize> {
    pub(super) track: &'a Track<N>,
    pub(super) news: News,
}

/// Above this mean of |y − u|²/N over some 64 draws a posterior is called bent.
const BENT: f32 = 0.3;

impl<const N: usize> Estimate<'_, N> {
    /// The means of the unknowns, rounded to `f32`: by up to a tenth of a standard deviation where that is 6·10⁻⁷ of the mean.
    #[must_use]
    pub fn mean(&self) -> [f32; N] {
        self.track.belief().mean()
    }

    /// Their standard deviations.
    #[must_use]
    pub fn sd(&self) -> [f32; N] {
        self.track.belief().sd()
    }

    /// Their covariance.
    #[must_use]
    pub fn covariance(&self) -> [[f32; N]; N] {
        self.track.belief().covariance()
    }

    /// The intervals [lo, hi] that hold each unknown with the probability `level`, were the posterior normal.
    ///
    /// # Errors
    /// When `level` is not between 0 and 1.
    pub fn interval(&self, level: f32) -> Result<[[f32; 2]; N], ConfigError> {
        let z = central_normal(level)?;
        let mut intervals = [[0.0; 2]; N];
        let moments = self.mean().into_iter().zip(self.sd());
        for (interval, (mean, sd)) in intervals.iter_mut().zip(moments) {
            *interval = [mean - z * sd, mean + z * sd];
        }
        Ok(intervals)
    }

    /// Returns mean and standard deviation of a function of the unknowns.
    ///
    /// By 2N + 1 values of `f`, at the mean and one standard deviation from it along the columns of a factor of the covariance: right to
    /// second order in the mean and to first in the standard deviation.
    #[must_use]
    pub fn function(&self, f: impl Fn(&[f32; N]) -> f32) -> [f32; 2] {
        let belief = self.track.belief();
        let centre = f(&belief.mean());
        let (mut mean, mut variance) = (centre, 0.0);
        for k in 0..N {
            let [above, below] = belief.sides(k, 1.0).map(|theta| f(&theta));
            mean += 0.5 * ((above - centre) + (below - centre));
            variance += 0.25 * (above - below) * (above - below);
        }
        [mean, crate::arithmetic::sqrt(variance)]
    }

    /// Returns how far from normal the posterior is: the mean of |y − u|²/N, at most 9, over some 64 draws y in coordinates in which
    /// mean and covariance are 0 and I, u the gradient there.
    ///
    /// It is 0 where the posterior is normal, and mean and covariance are right. What third derivatives explain of it does not count where the
    /// tracker knows them.
    #[must_use]
    pub const fn deviation(&self) -> f32 {
        self.track.draws().deviation()
    }

    /// Whether the posterior is close enough to normal for mean and covariance to be trusted, and was so when readings left the window.
    #[must_use]
    pub fn shape(&self) -> Shape {
        // What was folded wrongly is outweighed as the square root of the readings grows.
        let misfit = self.track.misfit / crate::arithmetic::sqrt(self.track.effective.max(1.0));
        if self.track.draws().deviation().max(misfit) > BENT {
            Shape::Bent
        } else {
            Shape::Normal
        }
    }

    /// What became of the latest reading.
    #[must_use]
    pub const fn reading(&self) -> Reading {
        self.news.reading
    }

    /// What was expected of the latest reading before it was learnt; `None` without a reading, and for models that do not
    /// know the law of their readings.
    #[must_use]
    pub const fn forecast(&self) -> Option<Forecast> {
        self.news.forecast
    }

    /// The probability that the latest reading had to be as far out as it was; 1 where nothing is known.
    #[must_use]
    pub fn surprise(&self) -> f32 {
        self.news
            .forecast
            .map_or(1.0, |forecast| forecast.surprise())
    }

    /// The sum of the logarithms of the predictive densities of all learnt readings, with their weights.
    ///
    /// The difference between two models of one sensor is the logarithm of their Bayes factor.
    #[must_use]
    pub const fn score(&self) -> f32 {
        self.track.score
    }

    /// Whether the latest reading raised the alarm: readings have changed all at once.
    #[must_use]
    pub const fn alarm(&self) -> bool {
        self.news.alarm
    }

    /// The effective number of readings: the sum of their weights, those that left the window included.
    #[must_use]
    pub const fn readings(&self) -> f32 {
        self.track.effective
    }

    /// How many readings were refused, [`Reading::Impossible`] and [`Reading::Wild`] together; saturates.
    #[must_use]
    pub const fn refused(&self) -> u32 {
        self.track.refused
    }
}
