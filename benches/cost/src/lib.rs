//! What is measured, the counter that it is measured with, and what makes images and looks into them.

#![cfg_attr(target_os = "none", no_std)]

pub mod alternatives;
#[cfg(not(target_os = "none"))]
pub mod authors;
#[cfg(target_os = "none")]
pub mod count;
pub mod entry_points;
#[cfg(not(target_os = "none"))]
pub mod images;
pub mod linear;
#[cfg(target_os = "none")]
pub mod measure;
#[cfg(not(target_os = "none"))]
pub mod mix;
pub mod models;
#[cfg(not(target_os = "none"))]
pub mod report;
pub mod row;
#[cfg(target_os = "none")]
pub mod stack;
