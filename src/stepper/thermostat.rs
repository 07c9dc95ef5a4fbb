//! What both Nosé–Hoover thermostats keep.

use crate::arithmetic::finite;

/// The state of [`Sgnht`](super::Sgnht) and [`Badodab`](super::Badodab): the momentum, and what the thermostat
/// adds to the friction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ThermostatState<const N: usize> {
    pub(super) momentum: [f32; N],
    // The friction α less the stepper's diffusion a, so that it starts at 0.
    pub(super) excess: f32,
}

impl<const N: usize> ThermostatState<N> {
    pub(super) const START: Self = Self {
        momentum: [0.0; N],
        excess: 0.0,
    };

    /// Returns the momentum r, of variance T in each coordinate.
    pub const fn momentum(&self) -> &[f32; N] {
        &self.momentum
    }
}

crate::checkpoint!(impl[const N: usize] for ThermostatState<N> {
    momentum: [f32; N], excess: f32
} if |state| finite(&state.momentum) && state.excess.is_finite());

#[cfg(test)]
mod tests {
    use super::ThermostatState;

    #[test]
    fn the_state_is_the_momentum_and_a_word() {
        assert_eq!(size_of::<ThermostatState<8>>(), 4 * (8 + 1));
    }
}
