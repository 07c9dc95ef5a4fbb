//! What is measured, and the counter that it is measured with.

#![no_std]

pub mod alternatives;
pub mod calibrate;
#[cfg(target_os = "none")]
pub mod count;
pub mod entry_points;
pub mod linear;
#[cfg(target_os = "none")]
pub mod measure;
pub mod models;
pub mod row;
#[cfg(target_os = "none")]
pub mod stack;
