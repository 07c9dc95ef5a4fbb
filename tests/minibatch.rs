//! Minibatches: unbiased, with the variance of their law, whatever the window holds.

use langevin::{
    BoxMuller, Chain, GaussianPrior, Model, Pcg32, Potential, Sample, SeedableRng, StepError,
    Window,
    data::Data,
    model::LinearRegression,
    noise::rand_core::TryRng,
    potential::GradientVariance,
    preconditioner::Dense,
    schedule::Constant,
    stepper::{Preconditioned, Sgld},
};
use langevin_testing::posteriors;

type Regression = Model<GaussianPrior<2>, LinearRegression>;

fn model() -> Regression {
    Model::new(
        GaussianPrior::new([1.0, -1.0], [0.5, 2.0]).unwrap(),
        LinearRegression::new(0.5).unwrap(),
    )
}

const THETA: [f32; 2] = [0.75, -0.5];

/// Observations that fade, so that their weights differ.
fn window(n: u16) -> Window<Sample<2>, 8> {
    let mut window = Window::forgetting(4.0).unwrap();
    for i in 0..n {
        let x = f32::from(i * i % 7) - 3.0;
        let y = f32::from(i * 3 % 5);
        window.push(Sample { x: [1.0, x], y }).unwrap();
    }
    window
}

/// Every possible sequence of choices in turn: choice k is uniform on 0..bounds[k].
struct Every<'a> {
    bounds: &'a [u32],
    sequence: u32,
    drawn: usize,
}

impl TryRng for Every<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let bound = self.bounds[self.drawn];
        let earlier: u32 = self.bounds[..self.drawn].iter().product();
        let choice = self.sequence / earlier % bound;
        self.drawn += 1;
        // The smallest word that stands for this choice.
        Ok((u64::from(choice) << 32).div_ceil(u64::from(bound)) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("no 64-bit draws")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        unreachable!("no bytes")
    }
}

/// Over all sequences of choices: mean and variance of the gradient, and mean of the variance that it
/// reports.
fn over_all<'b, M: GradientVariance<2>>(
    bounds: &'b [u32],
    batch: impl Fn(Every<'b>) -> M,
) -> [[f64; 2]; 3] {
    let sequences: u32 = bounds.iter().product();
    let (mut sum, mut squares, mut reported) = ([0.0; 2], [0.0; 2], [0.0; 2]);
    for sequence in 0..sequences {
        let every = || Every {
            bounds,
            sequence,
            drawn: 0,
        };
        let (mut gradient, mut same, mut variance) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        batch(every()).gradient(&THETA, &mut gradient).unwrap();
        batch(every())
            .gradient_and_variance(&THETA, &mut same, &mut variance)
            .unwrap();
        for i in 0..2 {
            assert!((gradient[i] - same[i]).abs() <= 1e-4);
            sum[i] += f64::from(gradient[i]);
            squares[i] += f64::from(gradient[i]).powi(2);
            reported[i] += f64::from(variance[i]);
        }
    }
    let n = f64::from(sequences);
    let mean = sum.map(|s| s / n);
    let variance = [0, 1].map(|i| squares[i] / n - mean[i] * mean[i]);
    [mean, variance, reported.map(|r| r / n)]
}

/// The full gradient and the population variance of its terms, in f64.
fn exact(data: &(impl Data<Observation = Sample<2>> + ?Sized)) -> [[f64; 2]; 2] {
    let theta = THETA.map(f64::from);
    let mut gradient = [(theta[0] - 1.0) / 0.25, (theta[1] + 1.0) / 4.0];
    let (mut sum, mut squares) = ([0.0; 2], [0.0; 2]);
    data.weighted().for_each(|(o, w)| {
        let x = o.x.map(f64::from);
        let residual = x[0] * theta[0] + x[1] * theta[1] - f64::from(o.y);
        for i in 0..2 {
            let term = f64::from(w) * 4.0 * residual * x[i];
            gradient[i] += term;
            sum[i] += term;
            squares[i] += term * term;
        }
    });
    let n = data.count() as f64;
    let variance = [0, 1].map(|i| squares[i] / n - (sum[i] / n).powi(2));
    [gradient, variance]
}

/// Mean, variance and reported variance are those of the law, up to f32 rounding.
fn follows(seen: [[f64; 2]; 3], data: &(impl Data<Observation = Sample<2>> + ?Sized), factor: f64) {
    let [gradient, variance] = exact(data);
    for i in 0..2 {
        let [mean, spread, reported] = [0, 1, 2].map(|k: usize| seen[k][i]);
        let law = variance[i] * factor;
        assert!((mean - gradient[i]).abs() < 1e-5 * gradient[i].abs());
        assert!((spread / law - 1.0).abs() < 1e-4, "{spread} for {law}");
        assert!((reported / law - 1.0).abs() < 1e-4, "{reported} for {law}");
    }
}

/// V = (N²/n)·s²·(N − n)/(N − 1), exactly, over all equally likely choices.
#[test]
fn without_replacement_exactly() {
    let (model, data) = (model(), window(7));
    // Floyd's algorithm chooses among N − n + 1, ..., N.
    let two = over_all(&[6, 7], |every| {
        model.posterior(&data).minibatch::<2, _>(every)
    });
    follows(two, &data, 49.0 / 2.0 * (7.0 - 2.0) / (7.0 - 1.0));
    let four = over_all(&[4, 5, 6, 7], |every| {
        model.posterior(&data).minibatch::<4, _>(every)
    });
    follows(four, &data, 49.0 / 4.0 * (7.0 - 4.0) / (7.0 - 1.0));
}

/// V = N²s²/n, exactly, over all equally likely choices.
#[test]
fn with_replacement_exactly() {
    let (model, data) = (model(), window(7));
    let three = over_all(&[7, 7, 7], |every| {
        model
            .posterior(&data)
            .minibatch::<3, _>(every)
            .with_replacement()
    });
    follows(three, &data, 49.0 / 3.0);
}

/// The same laws with differences from the anchor as terms; the mean does not change.
#[test]
fn control_variates_exactly() {
    let (model, data) = (model(), window(7));
    let anchor = [0.25, 0.5];
    let without = over_all(&[5, 6, 7], |every| {
        let batch = model.posterior(&data).minibatch::<3, _>(every);
        batch.control_variates(&anchor).unwrap()
    });
    let with = over_all(&[7, 7], |every| {
        let batch = model.posterior(&data).minibatch::<2, _>(every);
        let batch = batch.with_replacement();
        batch.control_variates(&anchor).unwrap()
    });
    let [gradient, _] = exact(&data);
    // A linear regression's differences are its terms with y = 0 at θ − a.
    let mut differences = window(0);
    for (o, _) in data.iter().collect::<Vec<_>>().into_iter().rev() {
        let shift: f32 = (THETA.iter().zip(anchor).zip(o.x))
            .map(|((t, a), x)| (t - a) * x)
            .sum();
        let at_theta = THETA[0] * o.x[0] + THETA[1] * o.x[1];
        let y = at_theta - shift;
        differences.push(Sample { x: o.x, y }).unwrap();
    }
    let [_, variance] = exact(&differences);
    for (seen, factor) in [(without, 49.0 / 3.0 * 4.0 / 6.0), (with, 49.0 / 2.0)] {
        for i in 0..2 {
            let [mean, spread, reported] = [0, 1, 2].map(|k: usize| seen[k][i]);
            let law = variance[i] * factor;
            assert!((mean - gradient[i]).abs() < 1e-5 * gradient[i].abs());
            assert!((spread / law - 1.0).abs() < 1e-4, "{spread} for {law}");
            assert!((reported / law - 1.0).abs() < 1e-4, "{reported} for {law}");
        }
    }
}

/// Quadratics of equal curvature: every batch gives the full gradient, up to rounding.
#[test]
fn control_variates_are_exact_for_equal_curvatures() {
    let data: [_; 50] = std::array::from_fn(|i| Sample {
        x: [1.0, -0.5],
        y: (i % 7) as f32,
    });
    let model = model();
    let batch = model
        .posterior(&data)
        .minibatch::<2, _>(Pcg32::seed_from_u64(3));
    let mut variates = batch.control_variates(&[2.0, 1.0]).unwrap();
    for k in 0..100 {
        let theta = [k as f32 * 0.1 - 5.0, 0.5];
        let (mut full, mut gradient, mut variance) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        model.posterior(&data).gradient(&theta, &mut full).unwrap();
        variates
            .gradient_and_variance(&theta, &mut gradient, &mut variance)
            .unwrap();
        for ((g, f), v) in gradient.iter().zip(full).zip(variance) {
            // Gradients of up to 50·4·10.
            assert!((g - f).abs() < 1e-3, "{gradient:?} for {full:?}");
            assert!(v < 1e-6);
        }
    }
}

/// The anchor moves on request, and every m gradients: the gradient is then exact where it stands.
#[test]
fn anchor_moves() {
    let (model, data) = (model(), window(8));
    let batch = || {
        model
            .posterior(&data)
            .minibatch::<2, _>(Pcg32::seed_from_u64(3))
    };
    let mut full = [0.0; 2];
    model.posterior(&data).gradient(&THETA, &mut full).unwrap();
    let exact = |variates: &mut dyn Potential<2>| {
        let mut gradient = [0.0; 2];
        variates.gradient(&THETA, &mut gradient).unwrap();
        (0..2).all(|i| (gradient[i] - full[i]).abs() < 1e-4)
    };

    let mut variates = batch().control_variates(&[5.0, 5.0]).unwrap();
    assert!((0..9).all(|_| !exact(&mut variates)));
    variates.set_centre(&THETA).unwrap();
    assert!((0..9).all(|_| exact(&mut variates)));
    // What has no finite gradient is no anchor.
    let refused = variates.set_centre(&[f32::NAN, 0.0]);
    assert_eq!(refused, Err(StepError::NonFiniteGradient));
    assert_eq!(variates.anchor(), &THETA);
    assert!(exact(&mut variates));

    let anchored = batch().control_variates(&[5.0, 5.0]).unwrap();
    let mut svrg = anchored.refresh_every(3);
    assert_eq!([0; 4].map(|_| exact(&mut svrg)), [false, false, true, true]);
    svrg.set_centre(&[5.0, 5.0]).unwrap();
    assert_eq!([0; 3].map(|_| exact(&mut svrg)), [false, false, true]);

    let refused = batch().control_variates(&[f32::MAX, f32::MAX]);
    assert_eq!(refused.err(), Some(StepError::NonFiniteGradient));
}

/// A logistic regression of 3020 rows from batches of 32, anchored at the posterior mean: mean within
/// 0.1 sd and sd within 5 % of the reference.
///
/// ηk = 0.06 in whitened coordinates: 2e5 steps are worth 6000 draws, a standard error of 0.013 sd and
/// 0.9 %, and the law itself exceeds by 1.5 %. Without control variates the excess ηV/2, V ≈ (3020/32)k,
/// makes the sd twice as large.
#[test]
fn control_variates_on_wells() {
    if !posteriors::present() {
        return;
    }
    let wells = posteriors::wells_logistic();
    let anchor = wells.mean.map(|m| m as f32);
    let rng = Pcg32::seed_from_u64(1);
    let batch = wells.potential.minibatch::<32, _>(rng.clone());
    let mut variates = batch.control_variates(&anchor).unwrap();

    let noise = BoxMuller::new(Pcg32::seed_from_u64(2));
    let covariance = wells.covariance.map(|row| row.map(|c| c as f32));
    let stepper = Preconditioned::new(Sgld::new(), Dense::from_covariance(&covariance).unwrap());
    // The schedule divides by the number of data, which the metric knows already.
    let schedule = Constant::new(0.06 * 3020.0).unwrap();
    let mut chain = Chain::new(anchor, stepper, schedule, noise).burn_in(200);
    let (mut sum, mut squares, mut draws) = ([0.0; 6], [0.0; 6], 0.0);
    for _ in 0..200_000 {
        if let Some(theta) = chain.step(&mut variates).unwrap() {
            draws += 1.0;
            for i in 0..6 {
                let z = (f64::from(theta[i]) - wells.mean[i]) / wells.sd[i];
                sum[i] += z;
                squares[i] += z * z;
            }
        }
    }
    for i in 0..6 {
        let mean: f64 = sum[i] / draws;
        let sd = (squares[i] / draws - mean * mean).sqrt();
        eprintln!(
            "{}: off by {mean:.3} sd, sd ratio {sd:.3}",
            wells.parameters[i]
        );
        assert!(mean.abs() < 0.1 && (sd - 1.0).abs() < 0.05);
    }
}

/// Successive batches are independent, and their variance as above: 2e5 batches of 10 of 40.
///
/// With 2e5 draws a variance of Gaussian-like sums has a standard error of √(2/2e5) = 0.32 %, an
/// autocorrelation one of 1/√2e5 = 0.0022; four of each are allowed. Epochs of disjoint batches show an
/// autocorrelation of −1/3 within each, and fail.
#[test]
fn fresh_independent_subsets() {
    let data: Vec<_> = (0..40_u8)
        .map(|i| Sample {
            x: [1.0, f32::from(i % 9) - 4.0],
            y: f32::from(i % 11),
        })
        .collect();
    let model = model();
    let [gradient, variance] = exact(&data[..]);
    let rng = Pcg32::seed_from_u64(11);
    let without = run(
        model.posterior(&data[..]).minibatch::<10, _>(rng.clone()),
        gradient,
    );
    let with = run(
        model
            .posterior(&data[..])
            .minibatch::<10, _>(rng)
            .with_replacement(),
        gradient,
    );
    for i in 0..2 {
        let law = variance[i] * 1600.0 / 10.0;
        for (seen, law) in [(without, law * 30.0 / 39.0), (with, law)] {
            let [mean, spread, lagged] = seen.map(|v| v[i]);
            assert!(mean.abs() < 4.0 * (law / 2e5).sqrt(), "{mean}");
            assert!((spread / law - 1.0).abs() < 4.0 * 0.0032, "{spread} {law}");
            assert!((lagged / law).abs() < 4.0 * 0.0022, "{lagged} {law}");
        }
    }
}

/// Mean, variance and lag-one autocovariance of 2e5 gradients about `centre`.
fn run(mut batch: impl Potential<2>, centre: [f64; 2]) -> [[f64; 2]; 3] {
    let mut moments = [[0.0; 2]; 3];
    let mut last = [0.0; 2];
    for _ in 0..200_000 {
        let mut gradient = [0.0; 2];
        batch.gradient(&THETA, &mut gradient).unwrap();
        for i in 0..2 {
            let d = f64::from(gradient[i]) - centre[i];
            moments[0][i] += d / 2e5;
            moments[1][i] += d * d / 2e5;
            moments[2][i] += d * last[i] / 2e5;
            last[i] = d;
        }
    }
    moments
}

/// Of as many data as a batch or fewer, all: no noise, no random number, the full gradient's bits.
#[test]
fn small_windows() {
    let model = model();
    for n in 0..=4 {
        let data = window(n);
        let mut full = [0.0; 2];
        model.posterior(&data).gradient(&THETA, &mut full).unwrap();
        for batch in [
            &mut model.posterior(&data).minibatch::<4, _>(Broken) as &mut dyn GradientVariance<2>,
            &mut model
                .posterior(&data)
                .minibatch::<4, _>(Broken)
                .with_replacement(),
        ] {
            let (mut gradient, mut again, mut variance) = ([0.0; 2], [0.0; 2], [1.0; 2]);
            batch.gradient(&THETA, &mut gradient).unwrap();
            batch
                .gradient_and_variance(&THETA, &mut again, &mut variance)
                .unwrap();
            assert_eq!((gradient, again, variance), (full, full, [0.0; 2]));
            assert_eq!(batch.number_of_data(), data.total_weight());
        }
    }
    // Without data the prior, (θ − m)/s².
    let mut prior = [0.0; 2];
    let empty = window(0);
    model
        .posterior(&empty)
        .gradient(&THETA, &mut prior)
        .unwrap();
    assert_eq!(prior, [-1.0, 0.125]);
}

#[test]
fn a_broken_generator_is_reported() {
    let (model, data) = (model(), window(8));
    let (mut gradient, mut variance) = ([3.0; 2], [4.0; 2]);
    let mut batch = model.posterior(&data).minibatch::<4, _>(Broken);
    assert_eq!(
        batch.gradient(&THETA, &mut gradient),
        Err(StepError::Random)
    );
    assert_eq!(gradient, [3.0; 2]);
    assert_eq!(
        batch.gradient_and_variance(&THETA, &mut gradient, &mut variance),
        Err(StepError::Random)
    );
    assert_eq!(batch.number_of_data(), data.total_weight());
}

#[derive(Debug)]
struct Broken;

impl TryRng for Broken {
    type Error = std::fmt::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Err(std::fmt::Error)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Err(std::fmt::Error)
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        Err(std::fmt::Error)
    }
}
