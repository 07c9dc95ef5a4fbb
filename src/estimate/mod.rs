//! Estimates from draws, in fixed memory: means, intervals, quantiles, and how reliable they are.
//!
//! An estimate without samples returns `None` instead of numbers, so that "nothing known yet" cannot be
//! mistaken for "known exactly".

mod batches;
mod covariance;
mod diagnostics;
mod moments;
mod normal;
mod predictive;
mod quantiles;
mod r_hat;
mod stein;
mod sum;
mod watch;
mod weights;

pub use covariance::Covariance;
pub use diagnostics::Diagnostics;
pub use moments::Moments;
pub use predictive::Predictive;
pub use quantiles::Quantiles;
pub use r_hat::r_hat;
pub use stein::{SkewedMoments, StandardErrors, SteinFunction, SteinMoments};
pub use watch::{Observer, Watched};

pub(crate) use batches::BatchMeans;
pub(crate) use normal::{central_normal, normal_intervals};
use sum::Sum;
use weights::Weights;
