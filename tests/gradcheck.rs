//! The shipped models against energies and gradients in f64 of the reference posteriors; and the gradient check, which
//! finds planted mistakes and raises no false alarm on any of them.

use langevin::{
    GaussianPrior, Model, Potential, Sample, StepError,
    constraint::{Constraint, Transform},
    dual::Real,
    model::{Flat, LinearRegressionLogSigma, LogisticRegression, NonlinearRegression, Response},
    potential::{
        Energy, FunctionPotential, GradientError, Mistake, check_gradient, check_symmetry,
    },
};
use langevin_testing::posteriors::{self, Fixture, Visitor};

/// Posteriors, and of the mistakes that show without the energy those found and all.
struct GradCheck(usize, u32, u32);

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

            let name = fixture.name;
            check_gradient(potential, &check.theta).unwrap_or_else(|e| panic!("{name}: {e}"));
            check_symmetry(potential, &check.theta).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        eprintln!(
            "{}: {} points, worst gradient error {worst_gradient:.1e} per posterior sd, \
             worst relative energy error {worst_energy:.1e}",
            fixture.name,
            fixture.checks.len()
        );
        // Sums of up to 3020 f32 terms: worst seen 5e-5 and 8e-6. A wrong term shows at 0.1 and more.
        assert!(worst_gradient < 2e-4 && worst_energy < 2e-5);
        self.planted(&mut fixture);
        self.asymmetric(&mut fixture);
    }
}

impl GradCheck {
    /// Without the energy: one coordinate of those that are correlated.
    fn asymmetric<const N: usize, P: Energy<N>>(&mut self, fixture: &mut Fixture<N, P>) {
        let mean = fixture.mean.map(|m| m as f32);
        for i in 0..N {
            let correlated = (0..N).any(|j| {
                let correlation = fixture.covariance[i][j] / fixture.sd[i] / fixture.sd[j];
                i != j && correlation.abs() > 0.4
            });
            for factor in [-1.0, 2.0, 0.5, 25.0] {
                let mut wrong = Wrong {
                    potential: &mut fixture.potential,
                    coordinate: i,
                    factor,
                    offset: 0.0,
                };
                let found = check_symmetry(&mut wrong, &mean).is_err();
                self.1 += u32::from(correlated && found);
                self.2 += u32::from(correlated);
            }
        }
    }

    /// In each posterior a coordinate of the wrong sign, one twice too large, and one with 1 too much.
    fn planted<const N: usize, P: Energy<N>>(&self, fixture: &mut Fixture<N, P>) {
        let (mut all, mut named) = (0, 0);
        for check in fixture.checks.iter().take(5) {
            for i in 0..N {
                for (factor, offset) in
                    [(-1.0, 0.0), (2.0, 0.0), (0.5, 0.0), (25.0, 0.0), (1.0, 1.0)]
                {
                    let mut wrong = Wrong {
                        potential: &mut fixture.potential,
                        coordinate: i,
                        factor,
                        offset,
                    };
                    let error = check_gradient(&mut wrong, &check.theta);
                    let is_factor = i32::from(offset == 0.0);
                    (all, named) = (all + is_factor, named + is_factor);
                    let right = match error {
                        Err(GradientError {
                            coordinate,
                            mistake: Mistake::Factor(f),
                        }) => coordinate == i && offset == 0.0 && (f / factor - 1.0).abs() < 0.05,
                        Err(GradientError {
                            coordinate,
                            mistake: Mistake::Offset(o),
                        }) => coordinate == i && offset == 1.0 && (o - 1.0).abs() < 0.1,
                        // Where rounding leaves two explanations; and of a posterior so narrow
                        // that a slope of 1 is within the tolerance.
                        Err(GradientError {
                            coordinate,
                            mistake: Mistake::Different { gradient, slope },
                        }) => {
                            named -= is_factor;
                            let error = gradient - factor * slope - offset;
                            let scale = if offset == 0.0 { gradient.abs() } else { 10.0 };
                            coordinate == i && error.abs() < 0.07 * scale
                        }
                        Ok(()) => {
                            named -= is_factor;
                            offset == 1.0 && fixture.sd[i] < 0.05
                        }
                        _ => false,
                    };
                    let name = fixture.name;
                    assert!(
                        right,
                        "{name} {i} {factor} {offset}: {error:?} {:?}",
                        check.theta
                    );
                }
            }
        }
        eprintln!("{}: {named} of {all} factors named", fixture.name);
        assert!(named * 2 >= all);
    }
}

struct Wrong<'a, P> {
    potential: &'a mut P,
    coordinate: usize,
    factor: f32,
    offset: f32,
}

impl<const N: usize, P: Potential<N>> Potential<N> for Wrong<'_, P> {
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.potential.gradient(theta, gradient)?;
        let g = &mut gradient[self.coordinate];
        *g = self.factor * *g + self.offset;
        Ok(())
    }
}

impl<const N: usize, P: Energy<N>> Energy<N> for Wrong<'_, P> {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        self.potential.energy(theta)
    }
}

#[test]
fn reference_posteriors() {
    let mut check = GradCheck(0, 0, 0);
    if posteriors::each(&mut check) {
        assert_eq!(check.0, 7);
        println!("without energy {} of {}", check.1, check.2);
        assert!(check.1 == check.2);
    }
}

/// What a user would write by hand: cooling with unknown noise, θ = [ambient, excess, log τ, log σ].
#[derive(Clone, Copy, Default)]
struct ByHand {
    mistake: u32,
}

const TIMES: [f32; 12] = [
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0,
];
const AT: [f32; 4] = [20.2, 59.5, 1.35, -0.4];
const PRIOR: ([f32; 4], [f32; 4]) = ([20.0, 60.0, 1.0, 0.0], [0.5, 2.0, 0.1, 0.1]);

fn reading(t: f32) -> f32 {
    20.0 + 60.0 * (-t / 4.0).exp() + 0.7 * (3.0 * t).sin()
}

impl Potential<4> for ByHand {
    fn gradient(&mut self, theta: &[f32; 4], gradient: &mut [f32; 4]) -> Result<(), StepError> {
        let is = |mistake| self.mistake == mistake;
        let [ambient, excess, log_tau, log_sigma] = *theta;
        let inverse_tau = (-log_tau).exp();
        let precision = if is(1) { 1.0 } else { (-2.0 * log_sigma).exp() };
        *gradient = [0.0; 4];
        let readings = if is(2) { &TIMES[1..] } else { &TIMES[..] };
        for t in readings {
            let e = (-t * inverse_tau).exp();
            let r = ambient + excess * e - reading(*t);
            let r = if is(3) { -r } else { r };
            let by_tau = excess * e * t * inverse_tau;
            gradient[0] += precision * r;
            gradient[1] += precision * r * if is(4) { 1.0 } else { e };
            // The chain rule: by log τ, not by 1/τ.
            gradient[2] += precision * r * if is(5) { -excess * e * t } else { by_tau };
            gradient[3] += if is(6) { 0.0 } else { 1.0 } - precision * r * r;
        }
        for (i, g) in gradient.iter_mut().enumerate() {
            let slope = (theta[i] - PRIOR.0[i]) / PRIOR.1[i].powi(2);
            *g += match self.mistake {
                7 => 0.0,
                8 => 2.0 * slope,
                9 => -slope,
                _ => slope,
            };
        }
        if is(10) {
            gradient.swap(0, 1);
        }
        if is(11) {
            // A Jacobian that the energy does not have.
            gradient[3] -= 1.0;
        }
        if is(12) {
            *gradient = gradient.map(|g| 0.5 * g);
        }
        Ok(())
    }
}

impl Energy<4> for ByHand {
    fn energy(&mut self, theta: &[f32; 4]) -> Result<f32, StepError> {
        let [ambient, excess, log_tau, log_sigma] = *theta;
        let precision = (-2.0 * log_sigma).exp();
        let mut energy = 0.0;
        for t in TIMES {
            let r = ambient + excess * (-t * (-log_tau).exp()).exp() - reading(t);
            energy += 0.5 * precision * r * r + log_sigma;
        }
        for (t, (mean, sd)) in theta.iter().zip(PRIOR.0.iter().zip(PRIOR.1)) {
            energy += 0.5 * ((t - mean) / sd).powi(2);
        }
        Ok(energy)
    }
}

#[test]
fn planted_mistakes_are_found_and_named() {
    assert_eq!(check_gradient(&mut ByHand::default(), &AT), Ok(()));
    assert_eq!(check_symmetry(&mut ByHand::default(), &AT), Ok(()));
    for mistake in 1..=12 {
        let mut wrong = ByHand { mistake };
        let error = check_gradient(&mut wrong, &AT).unwrap_err();
        let symmetric = check_symmetry(&mut wrong, &AT);
        println!("{mistake}: {error}; without the energy: {symmetric:?}");
        let (coordinate, kind) = (error.coordinate, error.mistake);
        let near = |x: f32, y: f32| (x / y - 1.0).abs() < 0.05;
        assert!(match mistake {
            1 | 3 => coordinate == 0,
            4 => coordinate == 1,
            5 => coordinate == 2,
            // Each of twelve terms lacks its 1.
            6 => coordinate == 3 && matches!(kind, Mistake::Offset(o) if near(o, -12.0)),
            11 => coordinate == 3 && matches!(kind, Mistake::Offset(o) if near(o, -1.0)),
            12 => matches!(kind, Mistake::Factor(f) if near(f, 0.5)),
            _ => true,
        });
    }
}

/// Mistakes in the other pieces that users write: a response's own derivatives, a transformed prior, a wrong closure.
#[test]
fn mistakes_in_pieces_are_found() {
    struct Line(f32);
    impl Response<2> for Line {
        type Input = [f32; 1];
        fn response<T: Real>(&self, theta: &[T; 2], x: &[f32; 1]) -> T {
            theta[0] + theta[1] * x[0]
        }
        fn with_derivatives(&self, theta: &[f32; 2]) -> impl Fn(&[f32; 1]) -> (f32, [f32; 2]) {
            |x| (self.response(theta, x), [1.0, self.0 * x[0]])
        }
    }
    let data: [_; 20] = std::array::from_fn(|i| Sample {
        x: [i as f32 * 0.1],
        y: 0.3 + i as f32 * 0.05,
    });
    for (factor, found) in [(1.0, false), (-1.0, true), (2.0, true)] {
        let model = Model::new(Flat, NonlinearRegression::new(Line(factor), 0.2).unwrap());
        let result = check_gradient(&mut model.posterior(&data), &[0.1, 0.2]);
        assert_eq!(result.is_err(), found, "{result:?}");
        if let Err(error) = result {
            assert_eq!(error.coordinate, 1);
            assert!(matches!(error.mistake, Mistake::Factor(f) if (f / factor - 1.0).abs() < 0.01));
        }
    }

    // A transform whose Jacobian is forgotten in the gradient.
    let transform = Transform::new([Constraint::POSITIVE]);
    let mut forgotten = FunctionPotential {
        gradient: |theta: &[f32; 1]| {
            let x = transform.constrain(theta);
            [x[0] * (1.0 - 2.0 / x[0])]
        },
        energy: |theta: &[f32; 1]| {
            let x = transform.constrain(theta)[0];
            x - 2.0 * x.ln() - theta[0]
        },
    };
    let error = check_gradient(&mut forgotten, &[0.7]).unwrap_err();
    assert!(
        matches!(error.mistake, Mistake::Offset(o) if (o - 1.0).abs() < 0.02),
        "{error}"
    );

    // No potential has this gradient.
    let mut curl = |x: &[f32; 3]| [x[0] - 0.5 * x[1], x[1] + 0.5 * x[0], x[2]];
    let error = check_symmetry(&mut curl, &[0.0; 3]).unwrap_err();
    assert!(error.mistake == Mistake::NotAGradient && error.coordinate < 2);

    // Not finite.
    let mut nan = |_: &[f32; 1]| [f32::NAN];
    assert!(check_symmetry(&mut nan, &[0.0]).is_err());
}

/// Correct gradients of every shipped model far from their mode, at odd scales, with walls and kinks.
#[test]
fn no_false_alarm() {
    let data: Vec<Sample<2>> = (0..500)
        .map(|i| Sample {
            x: [1.0, (i as f32 * 0.618).fract()],
            y: f32::from(u8::from(i % 3 == 0)),
        })
        .collect();
    for scale in [1e-3, 1.0, 1e3] {
        for at in [0.0, 1.0, -3.0] {
            let prior = GaussianPrior::new([0.0; 2], [scale; 2]).unwrap();
            let model = Model::new(prior, LogisticRegression);
            let theta = [at * scale.min(2.0), 0.3 * scale.min(2.0)];
            check_gradient(&mut model.posterior(&data[..]), &theta).unwrap();
            check_symmetry(&mut model.posterior(&data[..]), &theta).unwrap();
            let prior = GaussianPrior::new([0.0; 3], [scale; 3]).unwrap();
            let model = Model::new(prior, LinearRegressionLogSigma);
            let theta = [theta[0], theta[1], at];
            check_gradient(&mut model.posterior(&data[..]), &theta).unwrap();
            check_symmetry(&mut model.posterior(&data[..]), &theta).unwrap();
        }
    }
    // A kink, a wall and a flat coordinate.
    let mut awkward = FunctionPotential {
        gradient: |x: &[f32; 3]| {
            [
                x[0].signum(),
                if x[1] > 0.0 {
                    1.0 - 2.0 / x[1]
                } else {
                    f32::NAN
                },
                0.0,
            ]
        },
        energy: |x: &[f32; 3]| {
            x[0].abs()
                + if x[1] > 0.0 {
                    x[1] - 2.0 * x[1].ln()
                } else {
                    f32::INFINITY
                }
        },
    };
    for x in [0.3, -2.0, 1e-3] {
        for y in [1e-3, 0.1, 2.0, 30.0] {
            let result = check_gradient(&mut awkward, &[x, y, 5.0]);
            assert_eq!(result, Ok(()), "{x} {y}");
            let result = check_symmetry(&mut awkward, &[x, y, 5.0]);
            assert_eq!(result, Ok(()), "{x} {y}");
        }
    }
}
