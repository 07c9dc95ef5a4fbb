//! One case: its streams, and the table of what was made of them.

use std::{
    cell::Cell,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use langevin::{
    BoxMuller, Model, Pcg32, SeedableRng, Tracker, Window,
    model::{Law, Likelihood},
    tracker::{Shape, TrackerState},
};

use super::{
    cases::{Case, Kind},
    quadrature::Moments,
    random::Random,
    rivals::{Kalman, Laplace, Particles},
};

/// A likelihood that counts how often it is asked for a gradient.
pub struct Counted<'a, L> {
    pub inner: L,
    pub terms: &'a Cell<u64>,
}

impl<O, L: Likelihood<O, N>, const N: usize> Likelihood<O, N> for Counted<'_, L> {
    fn add_gradient(&self, theta: &[f32; N], o: &O, weight: f32, gradient: &mut [f32; N]) {
        self.terms.set(self.terms.get() + 1);
        self.inner.add_gradient(theta, o, weight, gradient);
    }
    fn negative_log_density(&self, theta: &[f32; N], o: &O) -> f32 {
        self.inner.negative_log_density(theta, o)
    }
    fn accepts(&self, o: &O) -> bool {
        self.inner.accepts(o)
    }
    fn law(&self, theta: &[f32; N], o: &O) -> Option<Law> {
        self.inner.law(theta, o)
    }
}

pub type Noise = BoxMuller<Pcg32>;
pub type Tracked<'a, C, const N: usize, const CAP: usize> = Tracker<
    Model<<C as Case<N>>::Prior, Counted<'a, <C as Case<N>>::Likelihood>>,
    Window<<C as Case<N>>::Reading, CAP>,
    Noise,
    N,
>;

/// The tracker of a case, with nothing set but the model and the memory.
pub fn tracker<'a, C: Case<N>, const N: usize, const CAP: usize>(
    case: &C,
    seed: u64,
    terms: &'a Cell<u64>,
) -> Tracked<'a, C, N, CAP> {
    let likelihood = Counted {
        inner: case.likelihood(),
        terms,
    };
    let model = Model::new(case.device_prior(), likelihood);
    let window = match case.memory() {
        Some(n) => Window::forgetting(n as f32).expect("a memory in range"),
        None => Window::new(),
    };
    Tracker::new(model, window, BoxMuller::new(Pcg32::seed_from_u64(seed)))
}

/// What one estimator said at one point of one stream, against the exact posterior.
#[derive(Clone, Copy, Default)]
pub struct Score {
    /// Error of the mean in exact standard deviations, worst coordinate.
    pub mean: f64,
    /// Logarithm of the ratio of standard deviations, worst coordinate.
    pub sd: f64,
    /// Share of the coordinates whose truth the intervals of 50, 90 and 95 % hold.
    pub held: [f64; 3],
}

const Z: [f64; 3] = [0.674_489_8, 1.644_853_6, 1.959_964];

pub fn held<const N: usize>((mean, sd): &Moments<N>, truth: &[f64; N]) -> [f64; 3] {
    Z.map(|z| {
        let inside = (0..N).filter(|&k| (truth[k] - mean[k]).abs() < z * sd[k]);
        inside.count() as f64 / N as f64
    })
}

impl Score {
    pub fn new<const N: usize>(said: &Moments<N>, exact: &Moments<N>, truth: &[f64; N]) -> Self {
        let mut score = Self {
            held: held(said, truth),
            ..Self::default()
        };
        for k in 0..N {
            let error = ((said.0[k] - exact.0[k]) / exact.1[k]).abs();
            let ratio = (said.1[k] / exact.1[k]).max(1e-30).ln();
            if !(error <= score.mean) {
                score.mean = if error.is_nan() { f64::INFINITY } else { error };
            }
            if !(ratio.abs() <= score.sd.abs()) {
                score.sd = if ratio.is_nan() { f64::INFINITY } else { ratio };
            }
        }
        score
    }
}

pub const ESTIMATORS: [&str; 4] = ["tracker", "kalman", "laplace", "particles"];

pub struct Point {
    pub scores: [Score; 4],
    pub exact: [f64; 3],
    pub bent: bool,
}

pub struct Stream {
    pub points: Vec<Point>,
    /// Likelihood terms that the tracker asked for at a reading, and Laplace's approximation at a point.
    pub terms: f64,
    pub laplace: f64,
    pub refused: u32,
    pub alarms: u32,
}

pub fn checkpoints(length: usize) -> Vec<usize> {
    let powers = (0..).map(|k| 1 << k).take_while(|n| *n < length);
    powers.chain([length]).collect()
}

/// Runs `streams` numbers through `one` on both cores, in order.
pub fn in_parallel<T: Send>(streams: usize, one: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(vec![]);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    if id >= streams {
                        break;
                    }
                    let result = one(id as u64);
                    all.lock().expect("no thread panics").push((id, result));
                }
            });
        }
    });
    let mut all = all.into_inner().expect("no thread panics");
    all.sort_by_key(|(id, _)| *id);
    all.into_iter().map(|(_, result)| result).collect()
}

pub fn moments<const N: usize>(estimate: langevin::tracker::Estimate<'_, N>) -> Moments<N> {
    (estimate.mean().map(f64::from), estimate.sd().map(f64::from))
}

fn stream<C: Case<N>, const N: usize, const CAP: usize>(
    case: &C,
    id: u64,
    after: &[usize],
    rivals: bool,
) -> Stream {
    let mut random = Random::new(1000 + id);
    let mut truth = case.truth(&mut random);
    let terms = Cell::new(0);
    let mut tracker = tracker::<C, N, CAP>(case, 900_000 + id, &terms);
    let mut kalman = Kalman::new(case.prior());
    let mut laplace = Laplace::new(case.prior());
    let mut particles = Particles::new(case, 500_000 + id);
    let mut readings = vec![];
    let (mut said, mut truths, mut bent, mut alarms) = (vec![], vec![], vec![], 0);
    for n in 1..=case.length() {
        case.drift(&mut random, &mut truth);
        let reading = case.reading(&mut random, &truth);
        readings.push(reading);
        let estimate = tracker.update(reading).expect("a proper prior");
        alarms += u32::from(estimate.alarm());
        if rivals {
            kalman.update(case, &reading);
            particles.update(case, &reading);
        }
        if after.contains(&n) {
            bent.push(estimate.shape() == Shape::Bent);
            let ours = moments(estimate);
            said.push(if rivals {
                let laplace = match case.kind() {
                    Kind::Linear => ours,
                    _ => laplace.moments(case, &readings),
                };
                [ours, kalman.moments(), laplace, particles.moments()]
            } else {
                [ours; 4]
            });
            truths.push(truth);
        }
    }
    let exact = case.exact(&readings, after);
    let points = said.iter().zip(&exact).zip(truths.iter().zip(&bent));
    let length = case.length() as f64;
    Stream {
        points: points
            .map(|((said, exact), (truth, bent))| Point {
                scores: core::array::from_fn(|i| Score::new(&said[i], exact, truth)),
                exact: held(exact, truth),
                bent: *bent,
            })
            .collect(),
        terms: terms.get() as f64 / length,
        laplace: laplace.terms as f64 / after.len() as f64,
        refused: tracker.estimate().refused(),
        alarms,
    }
}

pub fn quantile(values: &[f64], level: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted
        .get((last * level) as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

fn average(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn percent(log: f64) -> f64 {
    100.0 * (log.abs().exp() - 1.0)
}

/// What a case adds to the last lines.
#[derive(Clone, Copy, Default)]
pub struct Verdict {
    pub mean: f64,
    pub sd: f64,
    pub coverage: f64,
    /// Points that are worse than 0.3 sd or 30 %, those of them that are marked, and false marks among the others.
    pub worse: usize,
    pub marked: usize,
    pub right: usize,
    pub false_marks: usize,
    /// Right points and false marks from reading 16 on.
    pub later: [usize; 2],
    /// Points after reading 64 that are off by more than three standard deviations, and those of them that are marked.
    pub lost: usize,
    pub lost_marked: usize,
}

/// What the guide's table says of a case after so many readings.
pub struct Row {
    pub reading: usize,
    /// Coverage of the exact 90 % interval.
    pub exact: f64,
    /// Of each estimator the median error of the mean in sd, that of the sd in per cent, and the coverage; `None` where it is the exact
    /// answer or was not run.
    pub cells: [Option<[f64; 3]>; 4],
}

/// What the guide's table says of a case.
pub struct Summary {
    pub name: &'static str,
    pub unknowns: usize,
    pub rows: Vec<Row>,
    /// Bytes that the estimators keep between readings, the readings themselves apart, and likelihood terms a reading.
    pub bytes: [usize; 4],
    pub terms: [f64; 4],
}

/// Prints the table of a case; `rivals` also runs the other estimators.
pub fn contest<C: Case<N>, const N: usize, const CAP: usize>(
    case: &C,
    streams: usize,
    after: &[usize],
    rivals: bool,
) -> (Verdict, Summary) {
    let all = in_parallel(streams, |id| stream::<C, N, CAP>(case, id, after, rivals));
    let bytes = size_of::<TrackerState<Window<C::Reading, CAP>, Noise, N>>()
        - size_of::<Window<C::Reading, CAP>>();
    println!(
        "\n{} · {N} unknowns, window {CAP}, memory {}: {:.0} likelihood terms a reading, {bytes} bytes without the window, {} refused, {} alarms",
        case.name(),
        case.memory().map_or("unlimited".into(), |n| format!("{n}")),
        average(all.iter().map(|s| s.terms)),
        all.iter().map(|s| s.refused).sum::<u32>(),
        all.iter().map(|s| s.alarms).sum::<u32>(),
    );
    println!(
        "  reading   mean off, sd: 50 90 100 %    sd off, %: 50 90 100 %   holds 50 90 95 %   exact: 50 90 95 %  bent"
    );
    let mut verdict = Verdict::default();
    let moments = size_of::<f32>() * (N + N * N);
    let mut summary = Summary {
        name: case.name(),
        unknowns: N,
        rows: vec![],
        bytes: [bytes, moments, moments, 500 * size_of::<f32>() * (N + 1)],
        terms: [
            average(all.iter().map(|s| s.terms)),
            1.0,
            average(all.iter().map(|s| s.laplace)),
            500.0,
        ],
    };
    for (i, n) in after.iter().enumerate() {
        let points: Vec<_> = all.iter().map(|s| &s.points[i]).collect();
        let bent = points.iter().filter(|p| p.bent).count();
        let covered = 100.0 * average(points.iter().map(|p| p.exact[1]));
        let mut cells = [None; 4];
        for (e, name) in ESTIMATORS
            .iter()
            .enumerate()
            .take(if rivals { 4 } else { 1 })
        {
            if e == 2 && case.kind() == Kind::Linear {
                continue;
            }
            let means: Vec<_> = points.iter().map(|p| p.scores[e].mean).collect();
            let sds: Vec<_> = points.iter().map(|p| p.scores[e].sd.abs()).collect();
            let held: [f64; 3] = core::array::from_fn(|k| {
                100.0 * average(points.iter().map(|p| p.scores[e].held[k]))
            });
            let exact: [f64; 3] =
                core::array::from_fn(|k| 100.0 * average(points.iter().map(|p| p.exact[k])));
            let m = [0.5, 0.9, 1.0].map(|q| quantile(&means, q));
            let s = [0.5, 0.9, 1.0].map(|q| percent(quantile(&sds, q)));
            cells[e] = Some([m[0], s[0], held[1]]);
            let label = if e == 0 {
                format!("{n}")
            } else {
                String::new()
            };
            println!(
                "  {label:>7} {name:>9}  {:7.3} {:7.3} {:7.3}   {:7.1} {:7.1} {:7.1}   {:5.1} {:5.1} {:5.1}  {:5.1} {:5.1} {:5.1}  {}",
                m[0],
                m[1],
                m[2],
                s[0],
                s[1],
                s[2],
                held[0],
                held[1],
                held[2],
                exact[0],
                exact[1],
                exact[2],
                if e == 0 {
                    format!("{:3.0} %", 100.0 * bent as f64 / streams as f64)
                } else {
                    String::new()
                },
            );
            if e == 0 {
                if *n >= 256 {
                    verdict.mean = verdict.mean.max(m[1]);
                    verdict.sd = verdict.sd.max(s[1]);
                    verdict.coverage = verdict.coverage.max((held[1] - exact[1]).abs());
                }
                for p in &points {
                    let score = &p.scores[0];
                    let worse = score.mean > 0.3 || percent(score.sd) > 30.0;
                    verdict.worse += usize::from(worse);
                    verdict.marked += usize::from(worse && p.bent);
                    verdict.right += usize::from(!worse);
                    verdict.false_marks += usize::from(!worse && p.bent);
                    if *n >= 16 && !worse {
                        verdict.later[0] += 1;
                        verdict.later[1] += usize::from(p.bent);
                    }
                    let lost = *n > 64 && !(score.mean <= 3.0);
                    verdict.lost += usize::from(lost);
                    verdict.lost_marked += usize::from(lost && p.bent);
                }
            }
        }
        summary.rows.push(Row {
            reading: *n,
            exact: covered,
            cells,
        });
    }
    (verdict, summary)
}
