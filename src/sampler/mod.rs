//! From a potential and a starting point to the posterior, and to a verdict on whether to believe it.
//!
//! [`Sampler`] does all of it, and owns its answer. [`Tuning`] is what is worth keeping of it for the next boot;
//! [`Monitor`] is what it judges its own chain by, and watches any other chain as well.

mod adaptive;
mod circuit;
mod descent;
mod laplace;
mod machine;
mod monitor;
mod secants;
mod tuning;
mod variants;
mod verdict;
mod whitening;

pub use laplace::Laplace;
pub use machine::{Draw, LaplaceDistance, Sampler, SamplerError, Stage};
pub use monitor::Monitor;
pub use tuning::Tuning;
pub use verdict::{Accuracy, Reason, Verdict};
