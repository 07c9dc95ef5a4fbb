//! The tracker, from outside: exact where it can be, honest where it cannot, and never stopped by a reading.
//!
//! Each test runs its check on something broken too, and the check must notice.

use core::cell::Cell;
use std::fs;

use langevin::{
    BoxMuller, Checkpoint, GaussianPrior, Model, Pcg32, Sample, SeedableRng, Tracker, Window,
    checkpoint::{CheckpointError, CountedPcg32},
    data::Data,
    model::{Flat, Law, Likelihood, LinearRegression, LogisticRegression, PoissonRegression},
    noise::Noise,
    tracker::{Reading, Response, Shape, TrackerError, TrackerState},
};
use langevin_testing::doubles::StudentScale;

/// Draws for the streams.
struct Draws(BoxMuller<Pcg32>);

impl Draws {
    fn new(seed: u64) -> Self {
        Self(BoxMuller::new(Pcg32::seed_from_u64(seed)))
    }

    fn normal(&mut self) -> f32 {
        let mut out = [0.0];
        self.0.fill(&mut out).unwrap();
        out[0]
    }
}

type Linear<const N: usize, const CAP: usize> =
    Tracker<Model<GaussianPrior<N>, LinearRegression>, Window<Sample<N>, CAP>, BoxMuller<Pcg32>, N>;

fn linear<const N: usize, const CAP: usize>(
    sigma: f32,
    window: Window<Sample<N>, CAP>,
    seed: u64,
) -> Linear<N, CAP> {
    let prior = GaussianPrior::new([0.0; N], [10.0; N]).unwrap();
    let model = Model::new(prior, LinearRegression::new(sigma).unwrap());
    Tracker::new(model, window, BoxMuller::new(Pcg32::seed_from_u64(seed)))
}

/// Readings of y = x·truth + noise, with an intercept when there are two unknowns, else with scales 1 to 1000.
struct Readings<const N: usize> {
    draws: Draws,
    truth: [f32; N],
    sigma: f32,
}

impl<const N: usize> Readings<N> {
    fn new(sigma: f32, seed: u64) -> Self {
        let mut draws = Draws::new(1000 + seed);
        let truth = core::array::from_fn(|_| 10.0 * draws.normal());
        Self {
            draws,
            truth,
            sigma,
        }
    }
}

impl<const N: usize> Iterator for Readings<N> {
    type Item = Sample<N>;

    fn next(&mut self) -> Option<Sample<N>> {
        let x: [f32; N] = core::array::from_fn(|k| match (N, k) {
            (2, 0) => 1.0,
            (2, _) => self.draws.normal(),
            _ => 10_f32.powf(3.0 * k as f32 / (N - 1) as f32) * self.draws.normal(),
        });
        let pairs = x.iter().zip(&self.truth);
        let mean: f64 = pairs.map(|(x, t)| f64::from(*x) * f64::from(*t)).sum();
        let y = mean + f64::from(self.sigma * self.draws.normal());
        Some(Sample { x, y: y as f32 })
    }
}

/// The exact posterior of a linear model, in f64.
struct Exact<const N: usize> {
    precision: [[f64; N]; N],
    information: [f64; N],
    weight: f64,
    factor: f64,
}

impl<const N: usize> Exact<N> {
    fn new(sigma: f32, factor: f64) -> Self {
        Self {
            precision: [[0.0; N]; N],
            information: [0.0; N],
            weight: f64::from(sigma).powi(-2),
            factor,
        }
    }

    fn push(&mut self, reading: &Sample<N>) {
        let x = reading.x.map(f64::from);
        for r in 0..N {
            self.information[r] =
                self.factor * self.information[r] + self.weight * x[r] * f64::from(reading.y);
            for c in 0..N {
                self.precision[r][c] =
                    self.factor * self.precision[r][c] + self.weight * x[r] * x[c];
            }
        }
    }

    /// Means and standard deviations, by Cholesky's factorisation of the scaled precision.
    fn moments(&self) -> ([f64; N], [f64; N]) {
        let mut a = self.precision;
        for (k, row) in a.iter_mut().enumerate() {
            row[k] += 0.01;
        }
        let d: [f64; N] = core::array::from_fn(|k| a[k][k].sqrt());
        let mut l = [[0.0; N]; N];
        for r in 0..N {
            for c in 0..=r {
                let sum: f64 = (0..c).map(|k| l[r][k] * l[c][k]).sum();
                let rest = a[r][c] / (d[r] * d[c]) - sum;
                l[r][c] = if r == c { rest.sqrt() } else { rest / l[c][c] };
            }
        }
        let solve = |mut b: [f64; N]| {
            for r in 0..N {
                b[r] = (b[r] - (0..r).map(|k| l[r][k] * b[k]).sum::<f64>()) / l[r][r];
            }
            for r in (0..N).rev() {
                b[r] = (b[r] - (r + 1..N).map(|k| l[k][r] * b[k]).sum::<f64>()) / l[r][r];
            }
            b
        };
        let scaled = solve(core::array::from_fn(|k| self.information[k] / d[k]));
        let variance = |k: usize| {
            let mut unit = [0.0; N];
            unit[k] = 1.0;
            solve(unit)[k]
        };
        (
            core::array::from_fn(|k| scaled[k] / d[k]),
            core::array::from_fn(|k| variance(k).sqrt() / d[k]),
        )
    }

    /// The largest error of a mean in standard deviations, and of a standard deviation in parts of itself.
    fn errors(&self, mean: [f32; N], sd: [f32; N]) -> [f64; 2] {
        let exact = self.moments();
        let mut worst = [0.0_f64; 2];
        for k in 0..N {
            worst[0] = worst[0].max(((f64::from(mean[k]) - exact.0[k]) / exact.1[k]).abs());
            worst[1] = worst[1].max((f64::from(sd[k]) / exact.1[k] - 1.0).abs());
        }
        worst
    }
}

/// The worst errors at any reading of some streams.
fn worst_errors<const N: usize, const CAP: usize>(
    sigma: f32,
    believed: f32,
    memory: Option<f32>,
    streams: u64,
    readings: usize,
) -> [f64; 2] {
    let mut worst = [0.0_f64; 2];
    for seed in 0..streams {
        let window = match memory {
            Some(n) => Window::forgetting(n).unwrap(),
            None => Window::new(),
        };
        let factor = memory.map_or(1.0, |n| 1.0 - 1.0 / f64::from(n));
        let mut tracker = linear::<N, CAP>(believed, window, seed);
        let mut exact = Exact::new(sigma, factor);
        for reading in Readings::<N>::new(sigma, seed).take(readings) {
            exact.push(&reading);
            let estimate = tracker.update(reading).unwrap();
            let errors = exact.errors(estimate.mean(), estimate.sd());
            for (worst, error) in worst.iter_mut().zip(errors) {
                *worst = worst.max(error);
            }
        }
    }
    worst
}

fn is_exact([mean, sd]: [f64; 2]) -> bool {
    mean <= 0.06 && sd <= 0.02
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn linear_models_are_exact_at_every_reading() {
    for sigma in [0.5, 0.05, 0.005] {
        let errors = worst_errors::<2, 64>(sigma, sigma, None, 10, 200);
        assert!(is_exact(errors), "σ = {sigma}: {errors:?}");
    }
    let errors = worst_errors::<8, 128>(0.5, 0.5, None, 4, 100);
    assert!(is_exact(errors), "scales 1 to 1000: {errors:?}");
    let errors = worst_errors::<2, 1024>(0.5, 0.5, Some(100.0), 2, 1000);
    assert!(is_exact(errors), "forgetting: {errors:?}");
    // Noise that is five per cent larger than the model says is noticed.
    assert!(!is_exact(worst_errors::<2, 64>(0.5, 0.475, None, 1, 20)));
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn what_leaves_the_window_is_remembered() {
    for errors in [
        worst_errors::<2, 32>(0.5, 0.5, None, 2, 3000),
        worst_errors::<2, 32>(0.005, 0.005, None, 2, 3000),
        worst_errors::<2, 1>(0.5, 0.5, None, 2, 1000),
        worst_errors::<2, 8>(0.5, 0.5, Some(60.0), 2, 1000),
    ] {
        assert!(is_exact(errors), "{errors:?}");
    }
    // The check tells a memory of 60 from one of 30 readings.
    let mut tracker = linear::<2, 8>(0.5, Window::forgetting(30.0).unwrap(), 7);
    let mut exact = Exact::new(0.5, 1.0 - 1.0 / 60.0);
    for reading in Readings::<2>::new(0.5, 7).take(300) {
        exact.push(&reading);
        tracker.update(reading).unwrap();
    }
    let estimate = tracker.estimate();
    assert!(!is_exact(exact.errors(estimate.mean(), estimate.sd())));
}

/// Median errors of mean, in sd, and sd after 2000 counts of a rate, of which the window holds 8. The exact posterior is told of `told`
/// times as many events.
fn errors_of_a_rate(told: f64) -> [f64; 2] {
    let mut errors = [vec![], vec![]];
    for seed in 0..15 {
        let mut draws = Draws::new(seed);
        let rate = f64::from((0.7 * draws.normal()).exp());
        let mut uniform = Pcg32::seed_from_u64(seed + 900);
        let prior = GaussianPrior::new([0.0], [0.7]).unwrap();
        let model = Model::new(prior, PoissonRegression);
        let noise = BoxMuller::new(Pcg32::seed_from_u64(seed + 500));
        let mut tracker = Tracker::new(model, Window::<_, 8>::new(), noise);
        let mut sum = 0.0;
        for _ in 0..2000 {
            let mut uniform = || {
                f64::from(langevin::noise::rand_core::Rng::next_u32(&mut uniform)) / 4_294_967_296.0
            };
            let (mut y, mut product) = (0.0_f32, uniform());
            while product > (-rate).exp() {
                y += 1.0;
                product *= uniform();
            }
            sum += told * f64::from(y);
            tracker.update(Sample { x: [1.0], y }).unwrap();
        }
        // The posterior of θ, the logarithm of the rate, by the trapezium rule about the most likely one.
        let mut moments = [0.0; 3];
        for i in -500..=500 {
            let z = 0.02 * f64::from(i) / sum.sqrt();
            let t = (sum / 2000.0).ln() + z;
            let log = sum * (z - z.exp_m1()) - 0.5 * (t / 0.7).powi(2);
            let p = (log + 0.5 * (t - z).powi(2) / 0.49).exp();
            for (moment, power) in moments.iter_mut().zip([1.0, t, t * t]) {
                *moment += p * power;
            }
        }
        let mean = moments[1] / moments[0];
        let sd = (moments[2] / moments[0] - mean * mean).sqrt();
        let estimate = tracker.estimate();
        errors[0].push((f64::from(estimate.mean()[0]) - mean).abs() / sd);
        errors[1].push((f64::from(estimate.sd()[0]) / sd - 1.0).abs());
    }
    errors.map(|mut errors| {
        errors.sort_by(f64::total_cmp);
        errors[7]
    })
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn what_leaves_the_window_of_a_curved_model_is_remembered() {
    let is_near = |[mean, sd]: [f64; 2]| mean <= 0.03 && sd <= 0.01;
    let errors = errors_of_a_rate(1.0);
    assert!(is_near(errors), "{errors:?}");
    // Half of a per cent more events are noticed.
    assert!(!is_near(errors_of_a_rate(1.005)));
}

/// How many of so many logistic streams have their truth within `stretch` times the interval of 90 % after 64 readings.
fn covered(stretch: f32, streams: u64) -> u32 {
    let mut held = 0;
    for seed in 0..streams {
        let mut draws = Draws::new(seed);
        let truth = [2.5 * draws.normal(), 2.5 * draws.normal()];
        let prior = GaussianPrior::new([0.0; 2], [2.5; 2]).unwrap();
        let model = Model::new(prior, LogisticRegression);
        let noise = BoxMuller::new(Pcg32::seed_from_u64(seed + 500));
        let mut tracker = Tracker::new(model, Window::<_, 64>::new(), noise);
        let mut uniform = Pcg32::seed_from_u64(seed + 900);
        for _ in 0..64 {
            let x = draws.normal();
            let p = 1.0 / (1.0 + (-(truth[0] + truth[1] * x)).exp());
            let word = langevin::noise::rand_core::Rng::next_u32(&mut uniform);
            let y = if (word as f32) < p * 4_294_967_296.0 {
                1.0
            } else {
                0.0
            };
            tracker.update(Sample { x: [1.0, x], y }).unwrap();
        }
        let estimate = tracker.estimate();
        let [[low, high], _] = estimate.interval(0.9).unwrap();
        let (middle, half) = (0.5 * (low + high), 0.5 * stretch * (high - low));
        held += u32::from((truth[0] - middle).abs() < half);
    }
    held
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn nine_of_ten_intervals_hold_the_truth() {
    // Truths come from the prior: the exact posterior holds them at the stated rate. 400 streams, 4 standard errors
    // (two-sided error 6e-5), and the shape of the posterior: its intervals of mean ± 1.645 sd hold 88 to 92 %.
    let plausible = |held: u32| (336..=392).contains(&held);
    let held = covered(1.0, 400);
    assert!(plausible(held), "{held} of 400");
    for stretch in [0.7, 2.0] {
        let held = covered(stretch, 400);
        assert!(!plausible(held), "{stretch} times as wide: {held} of 400");
    }
}

/// Of 120 streams after 120 readings with a window of `CAP`: how many are more than five standard deviations off the truth, how many of these
/// are called bent, how many would be by the latest draws alone, and how many are called bent in all.
fn lost_and_marked<const CAP: usize>() -> [usize; 4] {
    let mut counts = [0; 4];
    for seed in 0..120 {
        let mut draws = Draws::new(seed);
        let truth = [10.0 * draws.normal(), draws.normal()];
        let prior = GaussianPrior::new([0.0; 2], [10.0, 1.0]).unwrap();
        let model = Model::new(prior, StudentScale);
        let noise = BoxMuller::new(Pcg32::seed_from_u64(700 + seed));
        let mut tracker = Tracker::new(model, Window::<_, CAP>::new(), noise);
        for _ in 0..120 {
            let chi: f32 = (0..4).map(|_| draws.normal().powi(2)).sum();
            let y = truth[0] + truth[1].exp() * draws.normal() / (chi / 4.0).sqrt();
            tracker.update(Sample { x: [0.0], y }).unwrap();
        }
        let estimate = tracker.estimate();
        let (mean, sd) = (estimate.mean(), estimate.sd());
        let is_lost = (0..2).any(|k| (mean[k] - truth[k]).abs() > 5.0 * sd[k]);
        let is_marked = estimate.shape() == Shape::Bent;
        counts[0] += usize::from(is_lost);
        counts[1] += usize::from(is_lost && is_marked);
        counts[2] += usize::from(is_lost && estimate.deviation() > 0.3);
        counts[3] += usize::from(is_marked);
    }
    counts
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn what_was_folded_too_early_is_not_trusted() {
    let [lost, marked, by_draws, _] = lost_and_marked::<1>();
    assert!(lost >= 3 && marked == lost, "{marked} of {lost}");
    // A verdict by the latest draws alone would not have said so.
    assert!(by_draws < lost, "{by_draws} of {lost}");
    // With room for them, none is lost, and none is marked.
    let [lost, _, _, marked] = lost_and_marked::<64>();
    assert_eq!([lost, marked], [0; 2]);
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn bad_starts_are_found_again() {
    for seed in 0..20 {
        let mut readings = Readings::<2>::new(0.05, seed);
        readings.truth = [50.0, -50.0];
        let mut tracker = linear::<2, 64>(0.05, Window::new(), seed);
        let mut exact = Exact::new(0.05, 1.0);
        for (i, mut reading) in readings.take(40).enumerate() {
            if i == 0 {
                reading.y += 20.0 * 0.05;
            }
            exact.push(&reading);
            tracker.update(reading).unwrap();
        }
        let estimate = tracker.estimate();
        assert!(is_exact(exact.errors(estimate.mean(), estimate.sd())));
        assert_eq!(estimate.refused(), 0);
    }
}

#[test]
fn what_is_no_reading_leaves_no_trace() {
    let mut with = linear::<2, 16>(0.5, Window::new(), 7);
    let mut without = linear::<2, 16>(0.5, Window::new(), 7);
    for (i, reading) in Readings::<2>::new(0.5, 7).take(40).enumerate() {
        if i % 10 == 3 {
            for y in [f32::NAN, f32::INFINITY] {
                let estimate = with.learn(Sample { y, ..reading }).unwrap();
                assert_eq!(estimate.reading(), Reading::Impossible);
            }
        }
        let a = with.update(reading).unwrap();
        let b = without.update(reading).unwrap();
        assert_eq!((a.mean(), a.sd()), (b.mean(), b.sd()));
    }
    assert_eq!(with.estimate().refused(), 8);
    // A reading more is noticed.
    with.learn(Sample {
        x: [1.0, 0.0],
        y: 0.0,
    })
    .unwrap();
    assert_ne!(with.estimate().mean(), without.estimate().mean());
    // What the model cannot give is not learnt either.
    let prior = GaussianPrior::new([0.0; 1], [2.5; 1]).unwrap();
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    let mut tracker = Tracker::new(
        Model::new(prior, LogisticRegression),
        Window::<_, 8>::new(),
        noise,
    );
    let estimate = tracker.update(Sample { x: [1.0], y: 7.0 }).unwrap();
    assert_eq!(estimate.reading(), Reading::Impossible);
}

#[test]
fn a_wild_reading_is_refused_and_a_second_is_learnt() {
    let mut tracker = linear::<2, 64>(0.5, Window::new(), 7);
    let mut exact = Exact::new(0.5, 1.0);
    let mut readings = Readings::<2>::new(0.5, 7);
    for reading in readings.by_ref().take(50) {
        exact.push(&reading);
        tracker.update(reading).unwrap();
    }
    let wild = Sample {
        x: [1.0, 0.0],
        y: 5e5,
    };
    let estimate = tracker.update(wild).unwrap();
    assert_eq!((estimate.reading(), estimate.refused()), (Reading::Wild, 1));
    assert!(!estimate.alarm());
    for reading in readings.take(50) {
        exact.push(&reading);
        tracker.update(reading).unwrap();
    }
    let estimate = tracker.estimate();
    assert!(is_exact(exact.errors(estimate.mean(), estimate.sd())));
    tracker.update(wild).unwrap();
    let estimate = tracker.update(wild).unwrap();
    assert_eq!(estimate.reading(), Reading::Learnt);
    assert!(estimate.alarm());
}

#[test]
fn missing_readings_leave_the_posterior_where_it_is() {
    let mut tracker = linear::<2, 64>(0.5, Window::new(), 7);
    let mut exact = Exact::new(0.5, 1.0);
    for reading in Readings::<2>::new(0.5, 7).take(30) {
        exact.push(&reading);
        tracker.update(reading).unwrap();
    }
    for _ in 0..20 {
        let estimate = tracker.missing().unwrap();
        assert_eq!(estimate.reading(), Reading::Missing);
        assert!(is_exact(exact.errors(estimate.mean(), estimate.sd())));
    }
}

/// Whether these numbers are uniform on [0, 1]: the test of Kolmogorov and Smirnov, α = 1e-4.
fn are_uniform(mut numbers: Vec<f64>) -> bool {
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len() as f64;
    let distances = numbers.iter().enumerate().map(|(i, p)| {
        let (below, above) = (i as f64 / n, (i + 1) as f64 / n);
        (p - below).max(above - p)
    });
    // 2 exp(−2 n d²) = α.
    distances.fold(0.0, f64::max) < (0.5 * 2e4_f64.ln() / n).sqrt()
}

fn surprises(sigma: f32, believed: f32) -> Vec<f64> {
    let mut surprises = vec![];
    for seed in 0..20 {
        let mut tracker = linear::<2, 64>(believed, Window::new(), seed);
        for reading in Readings::<2>::new(sigma, seed).take(60) {
            let estimate = tracker.update(reading).unwrap();
            surprises.push(f64::from(estimate.surprise()));
        }
    }
    surprises
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn surprises_are_uniform_and_scores_tell_models_apart() {
    assert!(are_uniform(surprises(0.5, 0.5)));
    assert!(!are_uniform(surprises(0.5, 0.4)));
    let score = |believed: f32| {
        let mut tracker = linear::<2, 64>(believed, Window::new(), 7);
        for reading in Readings::<2>::new(0.5, 7).take(100) {
            tracker.update(reading).unwrap();
        }
        tracker.estimate().score()
    };
    assert!(score(0.5) > score(0.3) + 3.0 && score(0.5) > score(1.0) + 3.0);
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn a_step_raises_the_alarm_and_is_answered() {
    // (false alarms in 300 readings, alarm within 10 of the step, truth held 60 readings later)
    let run = |response: Response, step: f32, seed: u64| {
        let window = Window::forgetting(60.0).unwrap();
        let mut tracker = linear::<2, 128>(0.5, window, seed).on_alarm(response);
        let mut readings = Readings::<2>::new(0.5, seed);
        let (mut early, mut found) = (0, false);
        for i in 0..360 {
            if i == 300 {
                readings.truth[0] += step;
            }
            let reading = readings.next().unwrap();
            let alarm = tracker.update(reading).unwrap().alarm();
            early += u32::from(alarm && i < 300);
            found |= alarm && (300..310).contains(&i);
        }
        let [[low, high], _] = tracker.estimate().interval(0.99).unwrap();
        (
            early,
            found,
            low < readings.truth[0] && readings.truth[0] < high,
        )
    };
    for response in [Response::Widen, Response::Restart] {
        let runs: Vec<_> = (0..20).map(|seed| run(response, 2.6, seed)).collect();
        assert!(runs.iter().map(|r| r.0).sum::<u32>() <= 2, "{runs:?}");
        assert!(runs.iter().filter(|r| r.1).count() >= 19, "{runs:?}");
        assert!(runs.iter().filter(|r| r.2).count() >= 18, "{runs:?}");
    }
    // Without an answer the truth is not held, and without a step there is no alarm.
    let runs: Vec<_> = (0..20).map(|seed| run(Response::Keep, 2.6, seed)).collect();
    assert!(runs.iter().filter(|r| r.2).count() <= 10, "{runs:?}");
    assert!(
        (0..20)
            .filter(|seed| run(Response::Keep, 0.0, *seed).1)
            .count()
            <= 1
    );
}

/// A logarithmic sensor, to have something that is not linear.
#[derive(Clone)]
struct Curve<'a>(&'a Cell<u32>);

impl Likelihood<Sample<1>, 2> for Curve<'_> {
    fn add_gradient(&self, theta: &[f32; 2], o: &Sample<1>, weight: f32, gradient: &mut [f32; 2]) {
        self.0.set(self.0.get() + 1);
        let s = o.x[0] / (o.x[0] + theta[1].exp());
        let r = weight * (theta[0] * s - o.y) / 0.01;
        gradient[0] += r * s;
        gradient[1] -= r * theta[0] * s * (1.0 - s);
    }
    fn negative_log_density(&self, theta: &[f32; 2], o: &Sample<1>) -> f32 {
        let s = o.x[0] / (o.x[0] + theta[1].exp());
        0.5 * (theta[0] * s - o.y).powi(2) / 0.01
    }
    fn law(&self, theta: &[f32; 2], o: &Sample<1>) -> Option<Law> {
        let s = o.x[0] / (o.x[0] + theta[1].exp());
        Some(Law::Normal {
            residual: o.y - theta[0] * s,
            sd: 0.1,
        })
    }
}

type Curved<'a, const CAP: usize> =
    Tracker<Model<GaussianPrior<2>, Curve<'a>>, Window<Sample<1>, CAP>, BoxMuller<CountedPcg32>, 2>;

fn curve_model(terms: &Cell<u32>) -> Model<GaussianPrior<2>, Curve<'_>> {
    let prior = GaussianPrior::new([5.0, 0.0], [2.0, 0.7]).unwrap();
    Model::new(prior, Curve(terms))
}

fn curved<const CAP: usize>(terms: &Cell<u32>) -> Curved<'_, CAP> {
    let noise = BoxMuller::new(CountedPcg32::seed_from_u64(7));
    Tracker::new(curve_model(terms), Window::forgetting(50.0).unwrap(), noise)
}

fn curve_readings() -> impl Iterator<Item = Sample<1>> {
    let mut draws = Draws::new(7);
    core::iter::repeat_with(move || {
        let x = 0.1 + 2.0 * draws.normal().abs();
        let y = 4.0 * x / (x + 0.8) + 0.1 * draws.normal();
        Sample { x: [x], y }
    })
}

#[test]
fn a_checkpoint_resumes_bit_for_bit_at_any_moment() {
    type State = TrackerState<Window<Sample<1>, 12>, BoxMuller<CountedPcg32>, 2>;
    let terms = Cell::new(0);
    let readings: Vec<_> = curve_readings().take(60).collect();
    let bits = |tracker: &Curved<'_, 12>| {
        let estimate = tracker.estimate();
        [estimate.mean(), estimate.sd()].map(|v| v.map(f32::to_bits))
    };
    for stop in [0, 1, 5, 11, 12, 13, 37] {
        let mut whole = curved::<12>(&terms);
        for reading in &readings[..stop] {
            whole.update(*reading).unwrap();
        }
        let mut image = [0; State::IMAGE];
        whole.state().save(&mut image).unwrap();
        let state = State::load(&image).unwrap();
        let mut resumed = Tracker::resume(curve_model(&terms), state);
        for reading in &readings[stop..] {
            whole.update(*reading).unwrap();
            resumed.update(*reading).unwrap();
            assert_eq!(bits(&whole), bits(&resumed), "stopped after {stop}");
        }
        // A draw more is noticed, and so is a bit that has flipped.
        resumed.refine(1).unwrap();
        assert_ne!(bits(&whole), bits(&resumed));
        image[30] ^= 4;
        assert_eq!(State::load(&image).err(), Some(CheckpointError::Corrupted));
    }
}

#[test]
fn a_reading_costs_what_it_may() {
    let terms = Cell::new(0);
    let mut tracker = curved::<64>(&terms);
    let mut costs = vec![];
    for reading in curve_readings().take(400) {
        terms.set(0);
        tracker.update(reading).unwrap();
        costs.push(terms.get());
    }
    // 16 gradients of a full window, 64 moves of two gradients at most, 2N + 1 and 4N + 1 more.
    let bound = 16 * 64 + 2 * 32 + 5 + 9;
    assert!(
        costs.iter().all(|c| *c <= bound),
        "{:?}",
        costs.iter().max()
    );
    // While the window fills a reading never costs more than it does then.
    let full = &costs[64..];
    let mean = full.iter().sum::<u32>() as f32 / full.len() as f32;
    let worst = *costs.iter().max().unwrap() as f32;
    assert!(worst <= 1.3 * mean, "{worst} beside a mean of {mean}");
    // The posterior is not wider than the work suggests: it was learnt.
    assert_eq!(tracker.estimate().shape(), Shape::Normal);
    // Twice the gradients cost twice as much.
    let mut double = curved::<64>(&terms).gradients(32);
    for reading in curve_readings().take(100) {
        terms.set(0);
        double.update(reading).unwrap();
    }
    assert!(terms.get() > 32 * 64);
}

/// How much the standard deviations scatter that trackers with this many gradients a reading tell of the same readings, relative to
/// their mean.
fn scatter(gradients: u16) -> f32 {
    let terms = Cell::new(0);
    let sds: Vec<f32> = (0..8)
        .map(|seed| {
            let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
            let mut tracker = Tracker::new(curve_model(&terms), Window::<_, 100>::new(), noise)
                .gradients(gradients);
            for reading in curve_readings().take(100) {
                tracker.update(reading).unwrap();
            }
            tracker.estimate().sd()[1]
        })
        .collect();
    let mean = sds.iter().sum::<f32>() / 8.0;
    let variance = sds.iter().map(|sd| (sd / mean - 1.0).powi(2)).sum::<f32>() / 7.0;
    variance.sqrt()
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn third_derivatives_steady_the_draws() {
    // Of ten gradients five are draws and five tell third derivatives; six are all draws.
    let (with, without) = (scatter(10), scatter(6));
    assert!(2.0 * with < without, "{with} beside {without}");
}

#[test]
fn work_is_spread_over_ticks_with_the_same_bits() {
    let terms = Cell::new(0);
    let (mut at_once, mut spread) = (curved::<32>(&terms), curved::<32>(&terms));
    for reading in curve_readings().take(20) {
        at_once.update(reading).unwrap();
        spread.learn(reading).unwrap();
        let draws = spread.draws();
        spread.refine(draws).unwrap();
        assert_eq!(at_once.estimate().mean(), spread.estimate().mean());
    }
    assert_eq!(at_once.state().window().count(), 20);
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn a_long_window_costs_what_its_minibatches_do() {
    let terms = Cell::new(0);
    // Errors against all terms, in standard deviations, and what the last reading cost.
    let run = |limit: u16| {
        let mut all = curved::<512>(&terms);
        let mut some = curved::<512>(&terms).terms(limit);
        let (mut worst, mut cost) = (0.0_f32, 0);
        for (i, reading) in curve_readings().take(700).enumerate() {
            let exact = all.update(reading).unwrap();
            let (mean, sd) = (exact.mean(), exact.sd());
            terms.set(0);
            let estimate = some.update(reading).unwrap();
            cost = terms.get();
            if i >= 400 {
                for k in 0..2 {
                    worst = worst.max((estimate.mean()[k] - mean[k]).abs() / sd[k]);
                    worst = worst.max((estimate.sd()[k] / sd[k]).ln().abs());
                }
            }
        }
        (worst, cost)
    };
    let (worst, cost) = run(64);
    assert!(worst < 0.3, "{worst}");
    // A gradient of all, 16 of 64 terms, and those of the new and the oldest reading.
    assert!(cost <= 512 + 16 * 64 + 2 * 32 + 5 + 9, "{cost}");
    // Fewer readings a gradient are less exact: the check sees it.
    assert!(run(4).0 > 2.0 * worst);
}

#[test]
fn a_prior_that_says_nothing_is_an_error() {
    let model = Model::new(Flat, LinearRegression::new(0.5).unwrap());
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    let mut tracker = Tracker::new(model, Window::<_, 8>::new(), noise);
    let error = tracker.update(Sample { x: [1.0], y: 1.0 }).err();
    assert_eq!(error, Some(TrackerError::ImproperPrior));
}

#[test]
fn a_tracker_can_be_static() {
    static TRACKER: std::sync::Mutex<Option<Linear<2, 8>>> = std::sync::Mutex::new(None);
    const fn in_place(
        model: Model<GaussianPrior<2>, LinearRegression>,
        noise: BoxMuller<Pcg32>,
    ) -> Linear<2, 8> {
        Tracker::new(model, Window::new(), noise)
    }
    let prior = GaussianPrior::new([0.0; 2], [1.0; 2]).unwrap();
    let model = Model::new(prior, LinearRegression::new(1.0).unwrap());
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    *TRACKER.lock().unwrap() = Some(in_place(model, noise));
    assert!(TRACKER.lock().unwrap().is_some());
}

mod lead {
    use langevin::{
        BoxMuller, GaussianPrior, Model, Pcg32, Sample, SeedableRng, Tracker, Window,
        model::LinearRegression,
    };

    include!("lead/calibrate.rs");

    pub fn run(sigma: f32, readings: impl Iterator<Item = Sample<2>>) -> [[f32; 2]; 2] {
        calibrate(sigma, readings).unwrap()
    }
}

/// The program that the documentation leads with is right at any noise, as printed.
#[test]
fn the_leading_program_is_right_as_printed() {
    let text = include_str!("lead/calibrate.rs");
    let root = env!("CARGO_MANIFEST_DIR");
    let source = fs::read_to_string(format!("{root}/src/tracker/mod.rs")).unwrap();
    let docs: String = source
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("///"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    assert!(
        docs.contains(text),
        "the documentation of Tracker prints another program"
    );
    let readme = fs::read_to_string(format!("{root}/README.md")).unwrap();
    assert!(!readme.contains("fn calibrate(") || readme.contains(text));

    let worst = |sigma: f32, believed: f32| {
        let mut exact = Exact::new(sigma, 1.0);
        let readings: Vec<_> = Readings::<2>::new(sigma, 7).take(200).collect();
        readings.iter().for_each(|reading| exact.push(reading));
        let intervals = lead::run(believed, readings.into_iter());
        let mean = intervals.map(|[low, high]| 0.5 * (low + high));
        let sd = intervals.map(|[low, high]| 0.5 * (high - low) / 1.959_964);
        exact.errors(mean, sd)
    };
    for sigma in [0.5, 0.05, 0.005] {
        let errors = worst(sigma, sigma);
        assert!(is_exact(errors), "σ = {sigma}: {errors:?}");
    }
    assert!(!is_exact(worst(0.5, 0.45)));
}
