#![doc = include_str!("../README.md")]
#![no_std]
#![deny(missing_docs)]

#[cfg(armv6m)]
mod armv6m;

#[cfg(armv6m)]
pub use armv6m::sqrt;
