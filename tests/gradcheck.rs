//! The shipped models against energies and gradients in f64 of the reference posteriors.

use langevin::potential::Energy;
use langevin_testing::posteriors::{self, Fixture, Visitor};

struct GradCheck(usize);

impl Visitor for GradCheck {
    fn visit<const N: usize, P: Energy<N>>(&mut self, mut fixture: Fixture<N, P>) {
        self.0 += 1;
        let (mut worst_gradient, mut worst_energy) = (0.0_f64, 0.0_f64);
        let mut offset = None;
        for check in &fixture.checks {
            let mut gradient = [0.0; N];
            let potential = &mut fixture.potential;
            potential.gradient(&check.theta, &mut gradient).unwrap();
            let energy = f64::from(potential.energy(&check.theta).unwrap());
            for ((g, exact), sd) in gradient.iter().zip(check.gradient).zip(fixture.sd) {
                worst_gradient = worst_gradient.max((f64::from(*g) - exact).abs() * sd);
            }
            let offset = *offset.get_or_insert(energy - check.energy);
            let error = energy - check.energy - offset;
            worst_energy = worst_energy.max(error.abs() / check.energy.abs());
        }
        eprintln!(
            "{}: {} points, worst gradient error {worst_gradient:.1e} per posterior sd, \
             worst relative energy error {worst_energy:.1e}",
            fixture.name,
            fixture.checks.len()
        );
        // Sums of up to 3020 f32 terms: worst seen 5e-5 and 8e-6. A wrong term shows at 0.1 and more.
        assert!(worst_gradient < 2e-4 && worst_energy < 2e-5);
    }
}

#[test]
fn reference_posteriors() {
    let mut check = GradCheck(0);
    if posteriors::each(&mut check) {
        assert_eq!(check.0, 7);
    }
}
