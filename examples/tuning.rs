//! Samples the reference posteriors without tuning, from zero with default settings, and compares with SGLD tuned by hand.
//!
//!     cargo run --release --example tuning
//!
//! The posteriors (data and long reference runs) are read from a folder, by default `../shared/fixtures`. Without it
//! nothing is printed.

mod support;

use std::{ffi::OsString, process::ExitCode};

use indicatif::ProgressBar;
use langevin::{
    BoxMuller, Chain, Pcg32, Potential, Sampler, SeedableRng, StepError, potential::Energy,
    preconditioner::Dense, sampler::Stage, schedule::Constant, stepper::Sgld,
};
use langevin_testing::posteriors::{self, Fixture, Visitor};
use support::{Outcome, args::Args, progress};

const USAGE: &str = "\
The reference posteriors without tuning: errors against long reference runs, and the verdict.
The folder of the posteriors is $LANGEVIN_FIXTURES, or ../shared/fixtures.

    tuning [options]

    --gradients N   gradients for each chain, warm-up included (default 200000)
    --seeds N       chains for each posterior, of which the worst is shown (default 3)";

/// Steps of scalar SGLD, as parts of 1/k, k the largest curvature; the best is shown.
const STEPS: [f64; 4] = [0.03, 0.1, 0.3, 1.0];

fn main() -> ExitCode {
    support::main(run)
}

/// Runs the example.
pub fn run(arguments: Vec<OsString>) -> Outcome {
    let Some(args) = Args::parse(arguments, &["gradients", "seeds"], USAGE)? else {
        return Ok(());
    };
    let mut table = Table {
        gradients: args.value("gradients", 200_000)?,
        seeds: args.value("seeds", 3)?,
        progress: ProgressBar::hidden(),
    };
    if !posteriors::present() {
        return Ok(());
    }
    // One chain is a unit; each posterior also has one for every step of SGLD.
    table.progress = progress::bar("sampling", 8 * (table.seeds + STEPS.len() as u64));
    println!(
        "Worst of {} chains of {} gradients, from zero, nothing set; errors of means in standard deviations,",
        table.seeds, table.gradients
    );
    println!(
        "of standard deviations relative. SGLD: one scalar step, the best of {STEPS:?}/k, from the mean."
    );
    println!();
    println!(
        "| {:22} | N | {:>13} | {:>5} | {:>10} | {:>8} | {:13} | {:>9} | {:>7} |",
        "posterior",
        "warm-up, grad",
        "η",
        "mean error",
        "sd error",
        "verdict",
        "SGLD mean",
        "SGLD sd"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    posteriors::each(&mut table);
    table.minibatch();
    Ok(())
}

struct Table {
    gradients: u64,
    seeds: u64,
    progress: ProgressBar,
}

/// Counts the gradients of a potential, and a move of its reference point as `recentring` of them.
struct Counted<'a, P> {
    potential: &'a mut P,
    gradients: u64,
    recentring: u64,
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

/// Sums in f64 of draws, in reference standard deviations from the reference mean.
struct Draws<'a, const N: usize> {
    mean: &'a [f64; N],
    sd: &'a [f64; N],
    count: f64,
    sums: [[f64; 2]; N],
}

impl<'a, const N: usize> Draws<'a, N> {
    fn push(&mut self, theta: &[f32; N]) {
        self.count += 1.0;
        for (i, sums) in self.sums.iter_mut().enumerate() {
            let x = (f64::from(theta[i]) - self.mean[i]) / self.sd[i];
            sums[0] += x;
            sums[1] += x * x;
        }
    }

    /// The worst error of a mean, and of a standard deviation.
    fn errors(&self) -> [f64; 2] {
        let mut worst = [0.0_f64; 2];
        for [x, squares] in self.sums {
            let mean = x / self.count;
            let sd = (squares / self.count - mean * mean).sqrt();
            worst[0] = worst[0].max(mean.abs());
            worst[1] = worst[1].max((sd - 1.0).abs());
        }
        worst
    }
}

/// The results of a chain without tuning.
struct Row {
    warm_up: u64,
    eta: f32,
    errors: [f64; 2],
    verdict: String,
}

fn untuned<const N: usize, P: Potential<N>>(
    potential: &mut P,
    recentring: u64,
    mean: &[f64; N],
    sd: &[f64; N],
    gradients: u64,
    seed: u64,
) -> Row {
    let mut potential = Counted {
        potential,
        gradients: 0,
        recentring,
    };
    let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
    let mut sampler = Sampler::new([0.0; N], noise);
    let mut warm_up = 0;
    while potential.gradients < gradients {
        if sampler.stage() != Stage::Sampling {
            warm_up = potential.gradients + 1;
        }
        if sampler.step(&mut potential).is_err() {
            break;
        }
    }
    let mut errors = [0.0_f64; 2];
    for i in 0..N {
        let off = (f64::from(sampler.mean()[i]) - mean[i]) / sd[i];
        let ratio = f64::from(sampler.sd()[i]) / sd[i];
        errors[0] = errors[0].max(off.abs());
        errors[1] = errors[1].max((ratio - 1.0).abs());
    }
    let tuned = sampler.tuning().map_or(0.0, |tuning| tuning.step_size());
    Row {
        warm_up,
        eta: tuned / Potential::<N>::number_of_data(&potential).max(1.0),
        errors,
        verdict: sampler.verdict().to_string(),
    }
}

/// Errors of SGLD at a scalar step η, from the reference mean.
fn scalar<const N: usize, P: Potential<N>>(
    fixture: &mut Fixture<N, P>,
    eta: f64,
    gradients: u64,
) -> Outcome<[f64; 2]> {
    let noise = BoxMuller::new(Pcg32::seed_from_u64(0));
    let start = fixture.mean.map(|x| x as f32);
    let one = eta * f64::from(fixture.potential.number_of_data().max(1.0));
    let mut chain = Chain::new(start, Sgld::new(), Constant::new(one as f32)?, noise);
    let (mean, sd) = (fixture.mean, fixture.sd);
    let mut draws = Draws {
        mean: &mean,
        sd: &sd,
        count: 0.0,
        sums: [[0.0; 2]; N],
    };
    for _ in 0..gradients {
        if let Ok(Some(theta)) = chain.step(&mut fixture.potential) {
            draws.push(theta);
        }
    }
    Ok(draws.errors())
}

/// The largest eigenvalue of the inverse of `covariance`, by power iteration.
fn largest_curvature<const N: usize>(covariance: &[[f64; N]; N]) -> Outcome<f64> {
    let factor = Dense::from_covariance(&covariance.map(|row| row.map(|x| x as f32)))?;
    // Columns of L⁻¹.
    let columns: [[f32; N]; N] = std::array::from_fn(|j| {
        let mut x = std::array::from_fn(|i| if i == j { 1.0 } else { 0.0 });
        factor.solve(&mut x);
        x
    });
    let mut vector = [1.0_f64; N];
    let mut value = 0.0;
    for _ in 0..1000 {
        // L⁻ᵀL⁻¹ v.
        let inner: [f64; N] =
            std::array::from_fn(|i| (0..N).map(|j| f64::from(columns[j][i]) * vector[j]).sum());
        let outer: [f64; N] =
            std::array::from_fn(|j| (0..N).map(|i| f64::from(columns[j][i]) * inner[i]).sum());
        value = outer.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector = outer.map(|x| x / value);
    }
    Ok(value)
}

fn worse(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    // In units of the bars; NaN is the worst.
    let size = |e: [f64; 2]| (e[0] / 0.05).max(e[1] / 0.03) + 0.0 * (e[0] + e[1]);
    if size(a) <= size(b) { b } else { a }
}

impl Table {
    fn row<const N: usize>(&mut self, name: &str, rows: &[Row], scalar: Option<[f64; 2]>) {
        let errors = rows.iter().fold([0.0_f64; 2], |w, r| {
            [w[0].max(r.errors[0]), w[1].max(r.errors[1])]
        });
        let warm_up = rows.iter().map(|r| r.warm_up).max().unwrap_or(0);
        let eta = rows.iter().map(|r| r.eta).fold(f32::INFINITY, f32::min);
        let mut verdicts: Vec<&str> = rows.iter().map(|r| r.verdict.as_str()).collect();
        verdicts.sort_unstable();
        verdicts.dedup();
        let scalar = scalar.map_or([String::new(), String::new()], |e| {
            e.map(|x| format!("{x:.3}"))
        });
        let verdicts = verdicts.join(", ");
        let ([mean, sd], [scalar_mean, scalar_sd]) = (errors, scalar);
        self.progress.suspend(|| {
            println!(
                "| {name:22} | {N} | {warm_up:>13} | {eta:>5.3} | {mean:>10.3} | {sd:>8.3} | {verdicts:13} | {scalar_mean:>9} | {scalar_sd:>7} |"
            );
        });
    }

    /// Gradients of 32 data with control variates.
    fn minibatch(&mut self) {
        let fixture = posteriors::wells_logistic();
        let data = fixture.potential.data.len() as u64;
        let rows: Vec<Row> = (0..self.seeds)
            .map(|seed| {
                self.progress.inc(1);
                let rng = Pcg32::seed_from_u64(seed + 50);
                let batch = fixture.potential.minibatch::<32, _>(rng);
                let mut potential = batch
                    .control_variates(&[0.0; 6])
                    .expect("the gradient at zero is finite");
                let (mean, sd) = (&fixture.mean, &fixture.sd);
                untuned(&mut potential, data / 32, mean, sd, self.gradients, seed)
            })
            .collect();
        self.row::<6>("wells, 32 data at once", &rows, None);
    }
}

impl Visitor for Table {
    fn visit<const N: usize, P: Energy<N>>(&mut self, mut fixture: Fixture<N, P>) {
        let (mean, sd) = (fixture.mean, fixture.sd);
        let rows: Vec<Row> = (0..self.seeds)
            .map(|seed| {
                self.progress.inc(1);
                untuned(&mut fixture.potential, 0, &mean, &sd, self.gradients, seed)
            })
            .collect();
        let curvature = largest_curvature(&fixture.covariance).ok();
        let best = curvature.and_then(|k| {
            STEPS
                .iter()
                .filter_map(|step| {
                    self.progress.inc(1);
                    scalar(&mut fixture, step / k, self.gradients).ok()
                })
                .reduce(|a, b| if worse(a, b) == a { b } else { a })
        });
        self.row::<N>(fixture.name, &rows, best);
    }
}
