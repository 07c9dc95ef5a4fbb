//! Holds a temperature with a heater whose effect is learned while it is used.

#![no_std]

use langevin::{
    BoxMuller, Chain, ConfigError, GaussianPrior, Model, Moments, Pcg32, Sample, SeedableRng,
    Window,
    model::RobustRegression,
    preconditioner::Diagonal,
    schedule::Constant,
    stepper::{Preconditioned, Sgld},
};

/// The posterior of the two unknowns in reading = usual + effect·(duty − ¾) + noise with outliers, in °C.
pub struct Heating {
    model: Model<GaussianPrior<2>, RobustRegression>,
    readings: Window<Sample<2>, 160>,
    chain: Chain<2, Preconditioned<Sgld, Diagonal<2>>, Constant, BoxMuller<Pcg32>>,
    posterior: Moments<2>,
}

impl Heating {
    pub fn new(seed: u64) -> Result<Self, ConfigError> {
        let prior = GaussianPrior::new([40.0, 30.0], [15.0, 10.0])?;
        let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
        // Duties differ by about 0.2, so that the effect is known five times less well than the usual reading.
        let sgld = Preconditioned::new(Sgld::new(), Diagonal::new([1.0, 5.0])?);
        Ok(Self {
            model: Model::new(prior, RobustRegression::new(4.0, 0.5)?),
            readings: Window::forgetting(32.0)?,
            chain: Chain::new([40.0, 30.0], sgld, Constant::new(0.02)?, noise),
            posterior: Moments::forgetting(500.0)?,
        })
    }

    /// Takes in a tick: the heater's duty since the last one, and the present reading. Returns the next duty for
    /// the temperature `target`, and whether the heater works with a probability above 99.5 %.
    pub fn tick(&mut self, duty: f32, reading: f32, target: f32) -> (f32, bool) {
        let x = [1.0, duty - 0.75];
        // NaN, from a broken sensor say, is refused and counted.
        let _ = self.readings.push(Sample { x, y: reading });
        for _ in 0..16 {
            // A step that fails changes nothing, and is counted too.
            if let Ok(Some(theta)) = self.chain.step(&mut self.model.posterior(&self.readings)) {
                self.posterior.push(theta);
            }
        }
        let (Some([usual, effect]), Ok([_, [least, _]])) =
            (self.posterior.mean(), self.posterior.interval(0.99))
        else {
            return (duty, true); // no draws yet
        };
        let duty = 0.75 + (target - usual) / effect.max(1.0);
        (duty.clamp(0.0, 1.0), least > 5.0)
    }
}

#[cfg(test)]
mod tests {
    use langevin::{
        Pcg32, SeedableRng,
        noise::{Noise, ThreePoint},
    };

    use super::Heating;

    /// On the host, before there is a board, where the bits will be the same.
    #[test]
    fn holds_its_target_and_notices_a_broken_heater() {
        let mut heating = Heating::new(7).unwrap();
        let mut noise = ThreePoint::new(Pcg32::seed_from_u64(1));
        let (mut duty, mut works) = (0.5, false);
        for tick in 0..1400 {
            let mut xi = [0.0];
            noise.fill(&mut xi).unwrap();
            let effect = if tick < 1000 { 25.0 } else { 0.0 };
            // A little up and down, or the effect would not show.
            let applied = duty * if tick % 2 == 0 { 1.0 } else { 0.8 };
            let reading = match tick % 50 {
                7 => 85.0,
                13 => f32::NAN,
                _ => 22.0 + effect * applied + 0.5 * xi[0],
            };
            (duty, works) = heating.tick(applied, reading, 42.0);
            if (200..1000).contains(&tick) {
                assert!((duty - 0.8).abs() < 0.03 && works, "{tick}: {duty} {works}");
            }
        }
        assert!(!works);
        assert_eq!(heating.readings.refused(), 28);
        assert_eq!(heating.chain.error_counts().total(), 0);
    }
}
