//! What is known of one number.

/// What is known of a parameter: its posterior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marginal {
    /// Mean.
    pub mean: f32,
    /// Standard deviation.
    pub sd: f32,
}
