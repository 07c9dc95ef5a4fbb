//! Constrained parameters: gradients with their Jacobian, extremes, and a known law sampled in bounds.

use langevin::{
    BoxMuller, Chain, GaussianPrior, Model, Pcg32, Potential, Sample, SeedableRng, StepError,
    constraint::{Constraint, Transform},
    model::LinearRegression,
    potential::{Energy, FunctionPotential, GradientVariance},
    schedule::Constant,
    stepper::Sgld,
};

fn transform() -> Transform<5> {
    Transform::new([
        Constraint::REAL,
        Constraint::POSITIVE,
        Constraint::above(-1.5).unwrap(),
        Constraint::below(2.0).unwrap(),
        Constraint::between(-1.0, 3.0).unwrap(),
    ])
}

/// A smooth potential in which every coordinate has its place.
fn potential() -> impl Energy<5> {
    FunctionPotential {
        gradient: |x: &[f32; 5]| {
            let d: f32 = x.iter().sum::<f32>() - 1.0;
            x.map(|x| 0.1 * d + 0.3 * x)
        },
        energy: |x: &[f32; 5]| {
            let d: f32 = x.iter().sum::<f32>() - 1.0;
            0.05 * d * d + 0.15 * x.iter().map(|x| x * x).sum::<f32>()
        },
    }
}

/// The same in f64 and unconstrained, from the definitions.
fn exact(theta: &[f64; 5]) -> f64 {
    let [a, b, c, d, e] = *theta;
    let s = 1.0 / (1.0 + (-e).exp());
    let x = [a, b.exp(), -1.5 + c.exp(), 2.0 - d.exp(), -1.0 + 4.0 * s];
    let sum = x.iter().sum::<f64>() - 1.0;
    let energy = 0.05 * sum * sum + 0.15 * x.iter().map(|x| x * x).sum::<f64>();
    energy - b - c - d - (s * (1.0 - s)).ln()
}

#[test]
fn gradients_match_finite_differences() {
    let transform = transform();
    let mut wrapped = transform.wrap(potential());
    let mut offset = None;
    for k in 0..300_u16 {
        // Quasi-random points of scale 3.
        let theta: [f32; 5] = std::array::from_fn(|i| {
            ((f32::from(k) * 0.618 + i as f32 * 0.377).fract() - 0.5) * 6.0
        });
        let at = theta.map(f64::from);
        let mut gradient = [0.0; 5];
        wrapped.gradient(&theta, &mut gradient).unwrap();
        for i in 0..5 {
            let h = 1e-3;
            let moved = |k: f64| {
                let mut moved = at;
                moved[i] += k * h;
                exact(&moved)
            };
            let slope =
                (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / (12.0 * h);
            let error = (f64::from(gradient[i]) - slope).abs();
            // Sums of terms of up to 300, in f32.
            assert!(
                error < 1e-6 * 300.0,
                "{theta:?} {i}: {} {slope}",
                gradient[i]
            );
        }
        let energy = f64::from(wrapped.energy(&theta).unwrap());
        let difference = energy - exact(&at);
        let offset = *offset.get_or_insert(difference);
        assert!((difference - offset).abs() < 1e-4, "{theta:?}");

        let back = transform.unconstrain(&transform.constrain(&theta)).unwrap();
        for (b, t) in back.iter().zip(theta) {
            assert!((b - t).abs() < 1e-4, "{theta:?} {back:?}");
        }
    }
}

/// Far out every coordinate is finite and strictly inside its bounds, and a potential with a wall at
/// the bound pushes back.
#[test]
fn stable_at_extremes() {
    let transform = transform();
    for t in [0.0, 1.0, 10.0, 17.0, 64.0, 100.0, 1e4, 1e30, f32::MAX] {
        for t in [t, -t] {
            let x = transform.constrain(&[t; 5]);
            assert!(x.iter().all(|x| x.is_finite()));
            assert!(x[1] > 0.0 && x[2] > -1.5 && x[3] < 2.0, "{t} {x:?}");
            assert!(-1.0 < x[4] && x[4] < 3.0, "{t} {x:?}");
            assert!(
                transform
                    .unconstrain(&[0.0, x[1], x[2], x[3], x[4]])
                    .is_ok()
            );
        }
    }
    // Beta(2, 3) on (0, 1) and an inverse gamma on (0, ∞), whose potentials have walls at the bounds.
    let transform = Transform::new([Constraint::between(0.0, 1.0).unwrap(), Constraint::POSITIVE]);
    let mut wrapped = transform.wrap(|x: &[f32; 2]| {
        [
            -1.0 / x[0] + 2.0 / (1.0 - x[0]),
            3.0 / x[1] - 1.0 / (x[1] * x[1]),
        ]
    });
    for t in [10.0, 20.0, 40.0] {
        let (mut above, mut below) = ([0.0; 2], [0.0; 2]);
        wrapped.gradient(&[t; 2], &mut above).unwrap();
        wrapped.gradient(&[-t; 2], &mut below).unwrap();
        assert!(above.iter().all(|g| g.is_finite() && *g > 0.5), "{above:?}");
        assert!(
            below.iter().all(|g| g.is_finite() && *g < -0.5),
            "{below:?}"
        );
    }
    for t in [100.0, 1e4, f32::MAX] {
        let mut gradient = [0.0; 2];
        wrapped.gradient(&[t, -30.0], &mut gradient).unwrap();
        assert!(gradient.iter().all(|g| g.is_finite()), "{t} {gradient:?}");
    }
    let mut gradient = [0.0; 2];
    wrapped.gradient(&[f32::NAN; 2], &mut gradient).unwrap();
    assert!(gradient.iter().all(|g| g.is_nan()));
}

#[test]
fn refuses_what_makes_no_sense() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(Constraint::above(bad).is_err());
        assert!(Constraint::below(bad).is_err());
        assert!(Constraint::between(bad, 1.0).is_err());
        assert!(Constraint::between(0.0, bad).is_err());
    }
    assert!(Constraint::above(f32::MAX).is_err());
    assert!(Constraint::below(f32::MIN).is_err());
    for (low, high) in [(1.0, 1.0), (1.0, 0.0), (f32::MIN, f32::MAX)] {
        assert!(Constraint::between(low, high).is_err());
    }
    // Neighbours have nothing between them.
    assert!(Constraint::between(1.0, 1.0_f32.next_up()).is_err());
    let transform = transform();
    let inside = [0.0, 1.0, 0.0, 0.0, 0.0];
    assert!(transform.unconstrain(&inside).is_ok());
    for (i, x) in [
        (0, f32::NAN),
        (1, 0.0),
        (2, -1.5),
        (3, 2.0),
        (4, 3.0),
        (4, -2.0),
    ] {
        let mut outside = inside;
        outside[i] = x;
        assert!(transform.unconstrain(&outside).is_err(), "{i} {x}");
    }
}

/// Gamma(3, 1) on x > 0 and Beta(2, 3) stretched to (−1, 3): means and variances of the draws, in the
/// caller's coordinates.
///
/// In θ the curvatures are about 3 and 1, so 4e6 steps of η = 0.01 have autocorrelation times of up to
/// 200 and are worth 2e4 draws at the least. Four standard errors are then 0.05 for the gamma's mean, 0.17 for
/// its variance (kurtosis 5), 0.023 for the beta's mean and 0.021 for its variance. Without the
/// Jacobian the laws would be Gamma(2, 1) and Beta(1, 2), whose means are 2 and 1/3.
#[test]
fn samples_in_bounds() {
    let transform = Transform::new([
        Constraint::POSITIVE,
        Constraint::between(-1.0, 3.0).unwrap(),
    ]);
    let potential = |x: &[f32; 2]| {
        let p = (x[1] + 1.0) / 4.0;
        [1.0 - 2.0 / x[0], (-1.0 / p + 2.0 / (1.0 - p)) / 4.0]
    };
    let mut wrapped = transform.wrap(potential);
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    let start = transform.unconstrain(&[3.0, 0.5]).unwrap();
    let mut chain = Chain::new(start, Sgld::new(), Constant::new(0.01).unwrap(), noise);
    let (mut sum, mut squares) = ([0.0; 2], [0.0; 2]);
    let n = 4_000_000;
    for _ in 0..n {
        let theta = chain.step(&mut wrapped).unwrap().unwrap();
        let x = transform.constrain(theta);
        for i in 0..2 {
            sum[i] += f64::from(x[i]);
            squares[i] += f64::from(x[i]).powi(2);
        }
    }
    let mean = sum.map(|s| s / f64::from(n));
    let variance = [0, 1].map(|i| squares[i] / f64::from(n) - mean[i] * mean[i]);
    eprintln!("{mean:?} {variance:?}");
    // Beta(2, 3): mean 0.4, variance 0.04.
    for (seen, law, tolerance) in [
        (mean[0], 3.0, 0.05),
        (variance[0], 3.0, 0.17),
        (mean[1], 0.6, 0.023),
        (variance[1], 0.64, 0.021),
    ] {
        assert!((seen - law).abs() < tolerance, "{seen} for {law}");
    }
}

/// A minibatch's variance is carried over with the square of the slope, and a fault goes through.
#[test]
fn wraps_what_it_is_given() {
    let model = Model::new(
        GaussianPrior::new([0.0], [1.0]).unwrap(),
        LinearRegression::new(1.0).unwrap(),
    );
    let data: [_; 6] = std::array::from_fn(|i| Sample {
        x: [1.0],
        y: i as f32,
    });
    let transform = Transform::new([Constraint::POSITIVE]);
    let rng = Pcg32::seed_from_u64(5);
    let (mut plain, mut spread) = ([0.0], [0.0]);
    let mut batch = model.posterior(&data).minibatch::<3, _>(rng.clone());
    batch
        .gradient_and_variance(&[2.0], &mut plain, &mut spread)
        .unwrap();
    let mut wrapped = transform.wrap(model.posterior(&data).minibatch::<3, _>(rng));
    assert_eq!(Potential::number_of_data(&wrapped), 6.0);
    let theta = transform.unconstrain(&[2.0]).unwrap();
    let (mut gradient, mut variance) = ([0.0], [0.0]);
    wrapped
        .gradient_and_variance(&theta, &mut gradient, &mut variance)
        .unwrap();
    assert!((gradient[0] - (2.0 * plain[0] - 1.0)).abs() < 1e-4);
    assert!((variance[0] / (4.0 * spread[0]) - 1.0).abs() < 1e-5);

    struct Broken;
    impl Potential<1> for Broken {
        fn gradient(&mut self, _: &[f32; 1], _: &mut [f32; 1]) -> Result<(), StepError> {
            Err(StepError::Random)
        }
    }
    let refused = transform.wrap(Broken).gradient(&[0.0], &mut [0.0]);
    assert_eq!(refused, Err(StepError::Random));
}
