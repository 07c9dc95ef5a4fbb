//! From draws to answers, in fixed memory.

mod covariance;
mod moments;
mod normal;
mod quantiles;
mod sum;
mod weights;

pub use covariance::Covariance;
pub use moments::Moments;
pub use quantiles::Quantiles;

use normal::central_normal;
use sum::Sum;
use weights::Weights;
