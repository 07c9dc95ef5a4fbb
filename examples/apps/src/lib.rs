//! Applications of `langevin` that the host's examples and the firmware share, down to the bit.
//!
//! The crate is `no_std`, does not allocate, and uses only operations whose bits are the same on every target.

#![no_std]
#![deny(unsafe_code, missing_docs)]

pub mod battery;
pub mod calibrate;
pub mod cell;
pub mod compass;
pub mod derivatives;
pub mod filter;
pub mod hash;
pub mod latest;
mod marginal;
pub mod plant;
pub mod readings;
pub mod record;
pub mod replay;
pub mod sensor;

pub use marginal::Marginal;
