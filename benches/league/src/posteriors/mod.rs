//! The reference posteriors: this crate in f32 and nuts-rs in f64, from zero and with nothing set, at the same number of
//! gradients, against means and standard deviations known to 1e-4.

mod exact;
mod nuts;

use langevin::{BoxMuller, Pcg32, Sampler, SeedableRng, potential::Energy};
use langevin_testing::posteriors::{self as reference, Fixture, Visitor};

/// Errors of an answer, worst coordinate: of means in standard deviations, of standard deviations relative.
#[derive(Clone, Copy, Default)]
struct Errors {
    mean: f64,
    sd: f64,
}

impl Errors {
    fn of<const N: usize, P>(fixture: &Fixture<N, P>, mean: [f64; N], sd: [f64; N]) -> Self {
        let mut errors = Self::default();
        for i in 0..N {
            // NaN counts as a total loss.
            let of_mean = ((mean[i] - fixture.mean[i]) / fixture.sd[i]).abs();
            let of_sd = (sd[i] / fixture.sd[i] - 1.0).abs();
            errors.mean = errors.mean.max(if of_mean.is_nan() {
                f64::INFINITY
            } else {
                of_mean
            });
            errors.sd = errors
                .sd
                .max(if of_sd.is_nan() { f64::INFINITY } else { of_sd });
        }
        errors
    }

    fn worse(self, other: Self) -> Self {
        Self {
            mean: self.mean.max(other.mean),
            sd: self.sd.max(other.sd),
        }
    }
}

struct League {
    gradients: u32,
    seeds: u64,
    worst: Errors,
    converged: u32,
    posteriors: u32,
}

impl Visitor for League {
    fn visit<const N: usize, P: Energy<N>>(&mut self, mut fixture: Fixture<N, P>) {
        let (mut ours, mut theirs) = (Errors::default(), Errors::default());
        let (mut converged, mut laplace) = (0, Errors::default());
        for seed in 0..self.seeds {
            let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
            let mut sampler = Sampler::new([0.0; N], noise);
            // A program stops when it is told so for the first time.
            let mut told = false;
            while sampler.evaluations() < self.gradients {
                if let Err(error) = sampler.step(&mut fixture.potential) {
                    eprintln!("{} {seed}: {error}", fixture.name);
                    break;
                }
                told |= sampler.converged();
            }
            let wide = |x: [f32; N]| x.map(f64::from);
            ours = ours.worse(Errors::of(
                &fixture,
                wide(sampler.mean()),
                wide(sampler.sd()),
            ));
            converged += u32::from(told);
            if let Some(found) = sampler.laplace() {
                laplace = Errors::of(&fixture, wide(*found.mode()), wide(*found.sd()));
            }
            let (mean, sd) = nuts::run::<N>(fixture.name, seed, u64::from(self.gradients));
            theirs = theirs.worse(Errors::of(&fixture, mean, sd));
        }
        println!(
            "| {:22} | {N} | {:>7.4} | {:>6.2} | {converged} of {} | {:>7.4} | {:>6.2} | {:>7.4} | {:>6.2} |",
            fixture.name,
            ours.mean,
            100.0 * ours.sd,
            self.seeds,
            theirs.mean,
            100.0 * theirs.sd,
            laplace.mean,
            100.0 * laplace.sd,
        );
        self.worst = self.worst.worse(ours);
        self.posteriors += 1;
        self.converged += u32::from(u64::from(converged) == self.seeds);
    }
}

/// `posteriors GRADIENTS [SEEDS]`.
pub fn run(arguments: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    let number = |index: usize, default: u32| match arguments.get(index) {
        Some(text) => text.parse::<u32>(),
        None => Ok(default),
    };
    let (gradients, seeds) = (number(0, 2000)?, number(1, 5)?);
    exact::check();
    println!(
        "{gradients} gradients from zero, nothing set; worst coordinate of the worst of {seeds} seeds; how many were told `Converged` on the way.\n"
    );
    println!(
        "| posterior              | N | this crate (f32): mean, sd | sd, % | converged | nuts-rs (f64): mean, sd | sd, % | Laplace: mean, sd | sd, % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut league = League {
        gradients,
        seeds: u64::from(seeds),
        worst: Errors::default(),
        converged: 0,
        posteriors: 0,
    };
    if !reference::each(&mut league) {
        return Err("the reference posteriors are not there".into());
    }
    println!();
    println!(
        "{gradients} gradients: means within {:.4} sd, sds within {:.2} %, converged {} of {}",
        league.worst.mean,
        100.0 * league.worst.sd,
        league.converged,
        league.posteriors,
    );
    Ok(())
}
