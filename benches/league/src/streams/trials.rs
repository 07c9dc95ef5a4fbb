//! What goes wrong in the field: bad starts, bad readings, missing readings, and a truth that jumps.

use std::cell::Cell;

use langevin::{
    Sample,
    tracker::{Reading, Response},
};

use super::{
    cases::{Case, Linear},
    contest::{Score, held, in_parallel, moments, tracker},
    random::Random,
};

/// One way to make a stream hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Every unknown is five prior standard deviations from its mean.
    FarTruth,
    /// The first reading is off by 20 standard deviations of the noise.
    FirstReading,
    /// Twenty readings are missing, from the hundredth on.
    Missing,
    /// Twenty readings are NaN, from the hundredth on.
    NotANumber,
    /// The fiftieth reading is off by a million standard deviations; it is not part of the exact posterior.
    Wild,
    /// The tracker and the exact posterior start from a prior ten times narrower than that of the truth: it is ten standard deviations away.
    NarrowStart,
    /// They start from a prior ten times wider.
    WideStart,
}

pub const TROUBLES: [Trouble; 7] = [
    Trouble::FarTruth,
    Trouble::NarrowStart,
    Trouble::WideStart,
    Trouble::FirstReading,
    Trouble::Missing,
    Trouble::NotANumber,
    Trouble::Wild,
];

/// A case whose readings can be pushed off.
pub trait Disturbed: Sized {
    fn off(self, by: f64) -> Self;
}

impl<const K: usize> Disturbed for Sample<K> {
    fn off(mut self, by: f64) -> Self {
        self.y += by as f32;
        self
    }
}

/// Prints how many streams of a case are lost in each kind of trouble: more than three standard deviations off at the end.
///
/// `case` makes it with a factor on the standard deviations of the prior.
pub fn troubles<C: Case<N>, const N: usize>(case: impl Fn(f64) -> C, sigma: f64, streams: usize)
where
    C::Reading: Disturbed,
{
    let source = case(1.0);
    for trouble in TROUBLES {
        let case = &case(match trouble {
            Trouble::NarrowStart => 0.1,
            Trouble::WideStart => 10.0,
            _ => 1.0,
        });
        let results = in_parallel(streams, |id| {
            let mut random = Random::new(2000 + id);
            let mut truth = source.truth(&mut random);
            if trouble == Trouble::FarTruth {
                let (mean, sd) = case.prior();
                for k in 0..N {
                    truth[k] = mean[k] + if random.uniform() < 0.5 { -5.0 } else { 5.0 } * sd[k];
                }
            }
            let terms = Cell::new(0);
            let mut tracker = tracker::<C, N, 1024>(case, 700_000 + id, &terms);
            let (mut kept, mut wild) = (vec![], 0);
            for n in 0..case.length() {
                let mut reading = case.reading(&mut random, &truth);
                let mut keep = true;
                match trouble {
                    Trouble::FirstReading if n == 0 => reading = reading.off(20.0 * sigma),
                    Trouble::Wild if n == 50 => {
                        reading = reading.off(1e6 * sigma);
                        keep = false;
                    }
                    Trouble::NotANumber if (100..120).contains(&n) => {
                        reading = reading.off(f64::NAN);
                        keep = false;
                    }
                    Trouble::Missing if (100..120).contains(&n) => {
                        tracker.missing().expect("a proper prior");
                        continue;
                    }
                    _ => {}
                }
                if keep {
                    kept.push(reading);
                }
                let estimate = tracker.update(reading).expect("a proper prior");
                wild += u32::from(keep && estimate.reading() == Reading::Wild);
            }
            let exact = case.exact(&kept, &[kept.len()]);
            let score = Score::new(&moments(tracker.estimate()), &exact[0], &truth);
            (score, tracker.estimate().refused(), wild)
        });
        let lost = results.iter().filter(|r| !(r.0.mean <= 3.0)).count();
        let worst = results.iter().map(|r| r.0.mean).fold(0.0, f64::max);
        let refused: u32 = results.iter().map(|r| r.1).sum();
        let good: u32 = results.iter().map(|r| r.2).sum();
        println!(
            "  {:<24} {trouble:<12?} {lost:3} lost of {streams}, worst {worst:8.3} sd; {refused} readings refused, {good} of them good ones",
            case.name(),
        );
    }
}

/// Prints what a step of the truth by `jump` predictive standard deviations at reading 300 does under a memory of 60.
pub fn steps(jump: f64, streams: usize) {
    const STEP: usize = 300;
    let case = Linear::<2> {
        name: "step",
        sigma: 0.5,
        decades: 0.0,
        length: 420,
        memory: Some(60.0),
        drift: 0.0,
        spread: 1.0,
    };
    for response in [Response::Keep, Response::Widen, Response::Restart] {
        let results = in_parallel(streams, |id| {
            let mut random = Random::new(3000 + id);
            let mut truth = case.truth(&mut random);
            let terms = Cell::new(0);
            let mut tracker = tracker::<_, 2, 1024>(&case, 600_000 + id, &terms).on_alarm(response);
            let (mut early, mut first, mut coverage) = (0, None, [0.0; 2]);
            for n in 0..case.length {
                if n == STEP {
                    // The variance of a prediction is that of the noise and 2/60 of it for two unknowns.
                    truth[0] += jump * case.sigma * (1.0 + 2.0 / 60.0_f64).sqrt();
                }
                let reading = case.reading(&mut random, &truth);
                let estimate = tracker.update(reading).expect("a proper prior");
                if estimate.alarm() {
                    if n < STEP {
                        early += 1;
                    } else if first.is_none() {
                        first = Some(n - STEP);
                    }
                }
                for (at, c) in [STEP + 30, STEP + 60].into_iter().zip(&mut coverage) {
                    if n == at {
                        *c = held(&moments(tracker.estimate()), &truth)[1];
                    }
                }
            }
            (early, first, coverage)
        });
        let count = streams as f64;
        let early: u32 = results.iter().map(|r| r.0).sum();
        let within = results
            .iter()
            .filter(|r| r.1.is_some_and(|n| n < 10))
            .count();
        let mean = |k: usize| 100.0 * results.iter().map(|r| r.2[k]).sum::<f64>() / count;
        println!(
            "  step of {jump} predictive sd, {response:?}: alarm within 10 readings in {:.1} %, {:.2} false alarms in 1000 readings, 90 % interval holds {:.0} % after 30 readings, {:.0} % after 60",
            100.0 * within as f64 / count,
            f64::from(early) / (count * STEP as f64) * 1000.0,
            mean(0),
            mean(1),
        );
    }
}
