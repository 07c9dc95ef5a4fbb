//! Warm-up, monitor and verdict: on the reference posteriors, and on what must not be believed.

use langevin::{
    BoxMuller, Pcg32, Potential, Sampler, SeedableRng, StepError,
    chain::ErrorCounts,
    potential::Energy,
    preconditioner::Dense,
    sampler::{Monitor, SamplerError, Stage, Tuning, Verdict, Warmup, WarmupError},
};
use langevin_testing::posteriors::{self, Fixture, Visitor};

const BUDGET: u32 = 200_000;

fn noise(seed: u64) -> BoxMuller<Pcg32> {
    BoxMuller::new(Pcg32::seed_from_u64(seed))
}

/// Counts the gradients of a potential; moving its reference point counts as `recentring` of them.
struct Counted<'a, P> {
    potential: &'a mut P,
    gradients: u32,
    recentring: u32,
}

impl<const N: usize, P: Potential<N>> Potential<N> for Counted<'_, P> {
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.gradients += 1;
        self.potential.gradient(theta, gradient)
    }

    fn number_of_data(&self) -> f32 {
        self.potential.number_of_data()
    }

    fn set_centre(&mut self, theta: &[f32; N]) -> Result<(), StepError> {
        self.gradients += self.recentring;
        self.potential.set_centre(theta)
    }
}

/// Two-pass moments would need the draws; f64 sums about a draw do as well.
struct Moments<const N: usize> {
    origin: Option<[f32; N]>,
    count: f64,
    sums: [[f64; 2]; N],
}

impl<const N: usize> Moments<N> {
    const fn new() -> Self {
        Self {
            origin: None,
            count: 0.0,
            sums: [[0.0; 2]; N],
        }
    }

    fn push(&mut self, theta: &[f32; N]) {
        let origin = self.origin.get_or_insert(*theta);
        self.count += 1.0;
        for ((s, x), o) in self.sums.iter_mut().zip(theta).zip(origin) {
            let d = f64::from(*x) - f64::from(*o);
            s[0] += d;
            s[1] += d * d;
        }
    }

    fn mean(&self, i: usize) -> f64 {
        f64::from(self.origin.unwrap()[i]) + self.sums[i][0] / self.count
    }

    fn sd(&self, i: usize) -> f64 {
        let mean = self.sums[i][0] / self.count;
        (self.sums[i][1] / self.count - mean * mean).sqrt()
    }
}

/// Largest error of a mean, in reference standard deviations, and of a standard deviation, relative.
fn errors<const N: usize>(draws: &Moments<N>, mean: &[f64; N], sd: &[f64; N]) -> (f64, f64) {
    (0..N).fold((0.0, 0.0), |(m, s), i| {
        (
            f64::max(m, ((draws.mean(i) - mean[i]) / sd[i]).abs()),
            f64::max(s, (draws.sd(i) / sd[i] - 1.0).abs()),
        )
    })
}

/// Runs a sampler until `budget` gradients are spent, warm-up included.
fn run<const N: usize, P: Potential<N>>(
    sampler: &mut Sampler<N, BoxMuller<Pcg32>>,
    potential: &mut P,
    recentring: u32,
    budget: u32,
) -> Moments<N> {
    let mut potential = Counted {
        potential,
        gradients: 0,
        recentring,
    };
    let mut draws = Moments::new();
    while potential.gradients < budget {
        match sampler.step(&mut potential) {
            Ok(Some(theta)) => draws.push(theta),
            Ok(None) | Err(SamplerError::Step(_)) => {}
            Err(SamplerError::Warmup(error)) => panic!("{error}"),
        }
    }
    draws
}

/// The bars: mean within 0.05 sd, sd within 3 %, verdict `Converged`; at a fiftieth of the budget not;
/// with a step of 1.2 times the limit of stability, 2 in whitened coordinates, `Suspect`.
struct Bars {
    seeds: std::ops::Range<u64>,
    failures: Vec<String>,
}

impl Visitor for Bars {
    fn visit<const N: usize, P: Energy<N>>(&mut self, mut fixture: Fixture<N, P>) {
        let name = fixture.name;
        for seed in self.seeds.clone() {
            let mut sampler = Sampler::new([0.0; N], noise(seed));
            let draws = run(&mut sampler, &mut fixture.potential, 0, BUDGET);
            let (mean, sd) = errors(&draws, &fixture.mean, &fixture.sd);
            let verdict = sampler.verdict();
            println!("{name:24} {seed} mean {mean:.3} sd {sd:.3} {verdict}");
            if mean > 0.05 || sd > 0.03 || verdict != Verdict::Converged {
                self.failures
                    .push(format!("{name} {seed}: {mean} {sd} {verdict}"));
            }

            if seed != self.seeds.start {
                continue;
            }
            let mut short = Sampler::new([0.0; N], noise(seed));
            run(&mut short, &mut fixture.potential, 0, BUDGET / 50);
            // The same with the warm-up done beforehand.
            let tuning = *sampler.tuning().unwrap();
            let mut resumed = Sampler::resume(&tuning, noise(seed));
            run(&mut resumed, &mut fixture.potential, 0, BUDGET / 50);
            for verdict in [short.verdict(), resumed.verdict()] {
                if verdict == Verdict::Converged {
                    self.failures
                        .push(format!("{name} {seed}: converged at a fiftieth"));
                }
            }

            let data = fixture.potential.number_of_data();
            let unstable = tuning.with_step_size(1.2 * 2.0 * data).unwrap();
            let mut unstable = Sampler::resume(&unstable, noise(seed));
            run(&mut unstable, &mut fixture.potential, 0, BUDGET / 10);
            if !matches!(unstable.verdict(), Verdict::Suspect(_)) {
                self.failures.push(format!(
                    "{name} {seed}: {} at 1.2 times the limit",
                    unstable.verdict()
                ));
            }
        }
    }
}

#[test]
#[ignore = "slow: half a minute"]
fn bars_are_met_on_the_reference_posteriors() {
    let mut bars = Bars {
        seeds: 0..3,
        failures: Vec::new(),
    };
    posteriors::each(&mut bars);
    assert!(bars.failures.is_empty(), "{:#?}", bars.failures);
}

/// Gradients of 32 data at a time: mean within 0.1 sd, sd within 5 %, with nothing set but the batch
/// size. A full sum counts as 3020/32 gradients.
#[test]
#[ignore = "slow: seconds"]
fn minibatches_with_control_variates_meet_their_bars() {
    if !posteriors::present() {
        return;
    }
    let fixture = posteriors::wells_logistic();
    for seed in 0..3 {
        let batch = fixture
            .potential
            .minibatch::<32, _>(Pcg32::seed_from_u64(seed + 50));
        let mut potential = batch.control_variates(&[0.0; 6]).unwrap();
        let mut sampler = Sampler::new([0.0; 6], noise(seed));
        let draws = run(&mut sampler, &mut potential, 3020 / 32, BUDGET);
        let (mean, sd) = errors(&draws, &fixture.mean, &fixture.sd);
        println!("{seed} mean {mean:.3} sd {sd:.3} {}", sampler.verdict());
        assert!(mean <= 0.1 && sd <= 0.05, "{seed}: {mean} {sd}");
        assert!(!matches!(sampler.verdict(), Verdict::Suspect(_)));
    }
}

/// A warm-up to its end.
fn warm_up<const N: usize>(
    potential: &mut impl Potential<N>,
    seed: u64,
) -> Result<Tuning<N>, WarmupError> {
    let mut noise = noise(seed);
    let mut warmup = Warmup::new([0.0; N]);
    loop {
        if let Some(tuning) = warmup.step(potential, &mut noise)? {
            assert_eq!(warmup.stage(), Stage::Done);
            return Ok(tuning);
        }
    }
}

/// Covariance AAᵀ with scales from 1e-3 to 1e4, correlations up to 0.999 and a mean far from the
/// start: a condition number of 1e14.
const FACTOR: [[f32; 3]; 3] = [[1e-3, 0.0, 0.0], [40.0, 2.0, 0.0], [-1e4, 3e3, 500.0]];
const CENTRE: [f32; 3] = [0.01, -300.0, 2e4];

fn skewed(theta: &[f32; 3]) -> [f32; 3] {
    let mut x = [0.0; 3];
    for i in 0..3 {
        x[i] = theta[i] - CENTRE[i];
        for j in 0..i {
            x[i] -= FACTOR[i][j] * x[j];
        }
        x[i] /= FACTOR[i][i];
    }
    // A⁻ᵀ of that.
    for i in (0..3).rev() {
        for j in i + 1..3 {
            x[i] -= FACTOR[j][i] * x[j];
        }
        x[i] /= FACTOR[i][i];
    }
    x
}

/// The metric LLᵀ is the covariance: A⁻¹L has the singular values 1, up to the error of a covariance
/// from 3584 draws at η = 0.3, about 540 effective: 4 standard errors of an element are 0.17.
#[test]
fn metric_is_that_of_a_gaussian_of_any_shape() {
    let mut potential = |theta: &[f32; 3]| skewed(theta);
    let tuning = warm_up(&mut potential, 1).unwrap();
    assert_eq!(tuning.step_size(), 0.3);
    let factor = Dense::new(FACTOR).unwrap();
    let mut ratio = [[0.0; 3]; 3];
    for (column, r) in ratio.iter_mut().enumerate() {
        *r = tuning.metric().rows().map(|row| row[column]);
        factor.solve(r);
    }
    for i in 0..3 {
        for j in 0..3 {
            let element: f32 = ratio.iter().map(|r| r[i] * r[j]).sum();
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((element - expected).abs() < 0.17, "{i} {j} {element}");
        }
    }
    // Mean of 2048 draws, IACT 5.7: 4 standard errors are 0.21 sd.
    let mut centre = *tuning.centre();
    for (c, x) in centre.iter_mut().zip(&CENTRE) {
        *c -= x;
    }
    factor.solve(&mut centre);
    assert!(centre.iter().all(|c| c.abs() < 0.21), "{centre:?}");
}

#[test]
fn warm_up_says_why_it_failed() {
    let mut unused = |x: &[f32; 2]| [x[0], 0.0];
    assert_eq!(
        warm_up(&mut unused, 1),
        Err(WarmupError::Flat { coordinate: 1 })
    );
    let mut undefined = |_: &[f32; 2]| [f32::NAN; 2];
    assert_eq!(warm_up(&mut undefined, 1), Err(WarmupError::NonFinite));
    let mut broken = Broken;
    assert_eq!(
        warm_up::<2>(&mut broken, 1),
        Err(WarmupError::Step(StepError::Random))
    );
    // It stays failed.
    let mut warmup = Warmup::new([0.0; 2]);
    let mut source = noise(1);
    for _ in 0..2 {
        assert_eq!(
            warmup.step(&mut undefined, &mut source),
            Err(WarmupError::NonFinite)
        );
        assert_eq!(warmup.stage(), Stage::Failed);
    }
}

struct Broken;

impl<const N: usize> Potential<N> for Broken {
    fn gradient(&mut self, _: &[f32; N], _: &mut [f32; N]) -> Result<(), StepError> {
        Err(StepError::Random)
    }
}

/// A warm-up's result, stored and resumed, gives the chain that the sampler went on with.
#[test]
fn resuming_skips_the_warm_up_and_nothing_else() {
    let mut potential = |theta: &[f32; 3]| skewed(theta);
    let mut sampler = Sampler::new([0.0; 3], noise(1));
    while sampler.tuning().is_none() {
        sampler.step(&mut potential).unwrap();
    }
    let tuning = *sampler.tuning().unwrap();
    assert_eq!(tuning, warm_up(&mut potential, 1).unwrap());
    let mut resumed = Sampler::resume(&tuning, noise(2));
    run(&mut resumed, &mut potential, 0, 60_000);
    assert_eq!(resumed.verdict(), Verdict::Converged);
    let mut stored = tuning.chain(noise(2));
    let mut steps = 0;
    while steps < resumed.monitor().unwrap().steps() {
        stored.step(&mut potential).unwrap();
        steps += 1;
    }
    assert_eq!(stored.position(), resumed.position());
}

/// Eight schools, centred: a funnel that no fixed step samples.
fn eight_schools(theta: &[f32; 10]) -> [f32; 10] {
    const Y: [f32; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
    const SD: [f32; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];
    let (mu, log_tau) = (theta[8], theta[9]);
    let precision = libm::expf(-2.0 * log_tau);
    let mut gradient = [0.0; 10];
    gradient[8] = mu / 25.0;
    let q = libm::expf(2.0 * log_tau) / 25.0;
    gradient[9] = 7.0 + 2.0 - 2.0 / (1.0 + q);
    for i in 0..8 {
        let d = theta[i] - mu;
        gradient[i] = (theta[i] - Y[i]) / (SD[i] * SD[i]) + d * precision;
        gradient[8] -= d * precision;
        gradient[9] -= d * d * precision;
    }
    gradient
}

/// Neal's funnel: v ~ N(0, 3²), x ~ N(0, eᵛ).
fn funnel<const N: usize>(theta: &[f32; N]) -> [f32; N] {
    let v = theta[0];
    let precision = libm::expf(-v);
    let mut gradient = theta.map(|x| x * precision);
    let squares: f32 = theta[1..].iter().map(|x| x * x).sum();
    gradient[0] = v / 9.0 + 0.5 * (N as f32 - 1.0) - 0.5 * squares * precision;
    gradient
}

/// The verdict is `Suspect`: of the chain, or because there is none.
fn not_believed<const N: usize>(name: &str, mut potential: impl FnMut(&[f32; N]) -> [f32; N]) {
    for seed in 0..3 {
        let mut sampler = Sampler::new([0.0; N], noise(seed));
        for _ in 0..BUDGET {
            if let Err(SamplerError::Warmup(_)) = sampler.step(&mut potential) {
                break;
            }
        }
        let verdict = sampler.verdict();
        println!("{name} {seed}: {verdict}");
        assert!(
            matches!(verdict, Verdict::Suspect(_)),
            "{name} {seed}: {verdict}"
        );
    }
}

#[test]
fn funnels_are_not_believed() {
    not_believed("eight schools", eight_schools);
    not_believed("funnel of 2", funnel::<2>);
    not_believed("funnel of 5", funnel::<5>);
    not_believed("funnel of 10", funnel::<10>);
}

/// Gradient noise of variance 1e4 where the curvature is 1: no step of a useful length drowns it.
#[test]
fn hopelessly_noisy_gradients_are_not_believed() {
    let mut source = noise(7);
    not_believed("noisy", |x: &[f32; 2]| {
        let mut xi = [0.0; 2];
        langevin::noise::Noise::fill(&mut source, &mut xi).unwrap();
        [x[0] + 100.0 * xi[0], x[1] + 100.0 * xi[1]]
    });
}

/// A chain that goes on and on in one place is never believed: here steps so short that 2e5 of them
/// cross a twentieth of the posterior.
#[test]
fn a_chain_that_hardly_moves_is_not_believed() {
    let mut potential = |theta: &[f32; 2]| *theta;
    let tuning = Tuning::new([0.0; 2], Dense::identity(), 1e-8).unwrap();
    let mut chain = tuning.chain(noise(3)).burn_in(0);
    let mut monitor = Monitor::new(&tuning);
    for step in 0..BUDGET {
        chain.step(&mut monitor.watch(&mut potential)).unwrap();
        if step % 1000 == 0 {
            assert_ne!(monitor.verdict(&chain.error_counts()), Verdict::Converged);
        }
    }
    assert!(matches!(
        monitor.verdict(&ErrorCounts::new()),
        Verdict::Suspect(_)
    ));
}

/// With a good metric, from the typical set, a third of the default budget is enough.
#[test]
fn a_good_chain_converges_early() {
    let mut potential = |theta: &[f32; 2]| *theta;
    let tuning = Tuning::new([0.0; 2], Dense::identity(), 0.3).unwrap();
    let mut sampler = Sampler::resume(&tuning, noise(3));
    run(&mut sampler, &mut potential, 0, 4_000);
    assert_eq!(sampler.verdict(), Verdict::NotYet);
    run(&mut sampler, &mut potential, 0, 60_000);
    assert_eq!(sampler.verdict(), Verdict::Converged);
}

/// A monitor goes into a checkpoint and carries on.
#[test]
fn a_monitor_is_resumed_where_it_was() {
    use langevin::Checkpoint;
    let mut potential = |theta: &[f32; 2]| *theta;
    let tuning = Tuning::new([0.0; 2], Dense::identity(), 0.3).unwrap();
    let mut chain = tuning.chain(noise(3));
    let mut monitor = Monitor::new(&tuning);
    for _ in 0..10_001 {
        chain.step(&mut monitor.watch(&mut potential)).unwrap();
    }
    let mut image = vec![0; Monitor::<2>::IMAGE];
    monitor.save(&mut image).unwrap();
    let mut resumed = Monitor::load(&image).unwrap();
    assert_eq!(monitor, resumed);
    let mut twin = chain.clone();
    for _ in 0..1000 {
        chain.step(&mut monitor.watch(&mut potential)).unwrap();
        twin.step(&mut resumed.watch(&mut potential)).unwrap();
    }
    assert_eq!(monitor, resumed);
}

/// Gradients of any bits whatever, most of them of no potential: no panic, a finite position, an end.
#[test]
fn warm_up_survives_any_gradient() {
    use langevin::noise::rand_core::Rng;
    for seed in 0..60 {
        let mut rng = Pcg32::seed_from_u64(seed);
        let mut garbage = |x: &[f32; 3]| {
            let word = rng.next_u32();
            match seed % 6 {
                0 => x.map(|_| f32::from_bits(rng.next_u32())),
                1 => x.map(|x| x * (word >> 8) as f32 * 1e30),
                2 => x.map(|x| if word % 5 == 0 { f32::NAN } else { x }),
                3 => x.map(|x| -x),
                4 => [1e38, -1e-38, 0.0],
                _ => x.map(|x| x * x * x * 1e10 - 1e-30),
            }
        };
        let mut noise = noise(seed);
        let mut warmup = Warmup::new([0.0, f32::NAN, 1e30]);
        let mut ended = false;
        for _ in 0..100_000 {
            let outcome = warmup.step(&mut garbage, &mut noise);
            assert!(warmup.position().iter().all(|x| x.is_finite()));
            if !matches!(outcome, Ok(None)) {
                ended = true;
                break;
            }
        }
        assert!(ended, "{seed}: still {:?}", warmup.stage());
    }
}
