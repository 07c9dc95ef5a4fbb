//! The posterior of one number.

/// The marginal posterior of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marginal {
    /// The mean.
    pub mean: f32,
    /// The standard deviation.
    pub sd: f32,
}
