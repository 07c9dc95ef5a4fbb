#![doc = include_str!("../README.md")]
#![no_std]
#![deny(unsafe_code, missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::integer_division,
        clippy::allow_attributes_without_reason
    )
)]
#[cfg(test)]
extern crate std;

mod arithmetic;
pub mod chain;
pub mod checkpoint;
pub mod constraint;
pub mod data;
pub mod dual;
mod error;
pub mod estimate;
// Only documentation: it is no part of the interface.
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod model;
pub mod noise;
pub mod potential;
pub mod preconditioner;
pub mod sampler;
pub mod schedule;
pub mod stepper;
pub mod tracker;

pub use chain::Chain;
pub use checkpoint::Checkpoint;
pub use data::{Sample, Window};
pub use error::{ConfigError, StepError};
pub use estimate::Moments;
pub use model::{GaussianPrior, Model};
pub use noise::BoxMuller;
pub use potential::Potential;
pub use rand_core::SeedableRng;
pub use rand_pcg::Pcg32;
pub use sampler::Sampler;
pub use tracker::Tracker;
