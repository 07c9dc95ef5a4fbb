//! What `langevin` is tested with. Tests, fuzzing, emulated cores, cost bench and proof share it.
//!
//! [`steppers!`], [`pairs!`], [`noises!`], [`schedules!`], [`priors!`] and [`likelihoods!`] are the one list of
//! each: whatever is to hold for all of them is a body that one of these macros repeats. A new one is added to
//! `registry.rs` and nowhere else; `tests/registry.rs` enumerates the source and tells what is missing there.

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_code)]

pub mod doubles;
#[cfg(feature = "std")]
pub mod posteriors;
mod registry;
#[cfg(feature = "std")]
pub mod skewed;
#[cfg(feature = "std")]
pub mod stats;
#[cfg(feature = "std")]
pub mod surface;

pub use langevin;
pub use langevin_apps::hash::Hash;
