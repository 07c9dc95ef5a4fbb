//! The reference posteriors: this crate in f32 and nuts-rs in f64, from zero and with nothing set, at the same number of
//! gradients, against means and standard deviations known to 1e-4.

mod exact;
mod nuts;

use langevin::{BoxMuller, Pcg32, Potential, Sampler, SeedableRng, potential::Energy};
use langevin_testing::{
    posteriors::{self as reference, Fixture, Visitor},
    skewed,
};

/// Errors of an answer, worst coordinate: of means in standard deviations, of standard deviations relative.
#[derive(Clone, Copy, Default)]
struct Errors {
    mean: f64,
    sd: f64,
}

impl Errors {
    fn of<const N: usize>(exact: &Exact<N>, mean: [f64; N], sd: [f64; N]) -> Self {
        let mut errors = Self::default();
        for i in 0..N {
            // NaN counts as a total loss.
            let of_mean = ((mean[i] - exact.mean[i]) / exact.sd[i]).abs();
            let of_sd = (sd[i] / exact.sd[i] - 1.0).abs();
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

/// What a posterior's means and standard deviations are.
struct Exact<const N: usize> {
    mean: [f64; N],
    sd: [f64; N],
}

/// What became of the sampler on one posterior, over all seeds.
#[derive(Default)]
struct Ours {
    worst: Errors,
    laplace: Errors,
    /// Seeds that were told `Converged` on the way, and those for which that was wrong by more than 0.05 standard
    /// deviations or 3 %, then or at the end.
    converged: u64,
    wrong: u64,
    /// Means and standard deviations whose standard error is known, and those further off than four of it.
    stated: u64,
    beyond: u64,
}

impl Ours {
    fn run<const N: usize>(
        league: &League,
        name: &str,
        potential: &mut impl Potential<N>,
        exact: &Exact<N>,
    ) -> Self {
        let mut ours = Self::default();
        let wide = |x: [f32; N]| x.map(f64::from);
        for seed in 0..league.seeds {
            let noise = BoxMuller::new(Pcg32::seed_from_u64(seed));
            let mut sampler = Sampler::new([0.0; N], noise);
            // A program stops when it is told so for the first time.
            let (mut told, mut wrong) = (false, false);
            while sampler.evaluations() < league.gradients {
                if let Err(error) = sampler.step(potential) {
                    eprintln!("{name} {seed}: {error}");
                    break;
                }
                let last = sampler.evaluations() == league.gradients;
                if (!told || last) && sampler.converged() {
                    told = true;
                    let errors = Errors::of(exact, wide(sampler.mean()), wide(sampler.sd()));
                    wrong |= errors.mean > 0.05 || errors.sd > 0.03;
                }
            }
            ours.converged += u64::from(told);
            ours.wrong += u64::from(wrong);
            let (mean, sd, stated) = (sampler.mean(), sampler.sd(), sampler.error());
            let errors = Errors::of(exact, wide(mean), wide(sd));
            ours.worst = ours.worst.worse(errors);
            for i in 0..N {
                for (found, known, error) in [
                    (mean[i], exact.mean[i], stated.mean[i]),
                    (sd[i], exact.sd[i], stated.sd[i]),
                ] {
                    if error.is_finite() {
                        ours.stated += 1;
                        let off = (f64::from(found) - known).abs();
                        ours.beyond += u64::from(off > 4.0 * f64::from(error));
                    }
                }
            }
            if let Some(found) = sampler.laplace() {
                ours.laplace = Errors::of(exact, wide(*found.mode()), wide(*found.sd()));
            }
        }
        ours
    }
}

struct League {
    gradients: u32,
    seeds: u64,
    worst: Errors,
    converged: u32,
    posteriors: u32,
    told: u64,
    wrong: u64,
    stated: u64,
    beyond: u64,
}

impl League {
    /// A line of the table.
    fn enter<const N: usize>(&mut self, name: &str, ours: &Ours, theirs: Option<Errors>) {
        let theirs = theirs.map_or("      - |      -".to_owned(), |theirs| {
            format!("{:>7.4} | {:>6.2}", theirs.mean, 100.0 * theirs.sd)
        });
        println!(
            "| {name:27} | {N:2} | {:>7.4} | {:>6.2} | {} of {} | {} | {:>6.2} | {theirs} | {:>7.4} | {:>6.2} |",
            ours.worst.mean,
            100.0 * ours.worst.sd,
            ours.converged,
            self.seeds,
            ours.wrong,
            percent(ours.stated - ours.beyond, ours.stated),
            ours.laplace.mean,
            100.0 * ours.laplace.sd,
        );
        self.told += ours.converged;
        self.wrong += ours.wrong;
        self.stated += ours.stated;
        self.beyond += ours.beyond;
    }
}

fn percent(part: u64, of: u64) -> f64 {
    100.0 * part as f64 / of as f64
}

impl Visitor for League {
    fn visit<const N: usize, P: Energy<N>>(&mut self, mut fixture: Fixture<N, P>) {
        let exact = Exact {
            mean: fixture.mean,
            sd: fixture.sd,
        };
        let ours = Ours::run(self, fixture.name, &mut fixture.potential, &exact);
        let mut theirs = Errors::default();
        for seed in 0..self.seeds {
            let (mean, sd) = nuts::run::<N>(fixture.name, seed, u64::from(self.gradients));
            theirs = theirs.worse(Errors::of(&exact, mean, sd));
        }
        self.enter::<N>(fixture.name, &ours, Some(theirs));
        self.worst = self.worst.worse(ours.worst);
        self.posteriors += 1;
        self.converged += u32::from(ours.converged == self.seeds);
    }
}

impl skewed::Visitor for League {
    fn visit<const N: usize>(
        &mut self,
        name: &'static str,
        mut potential: impl Potential<N>,
        mean: [f64; N],
        sd: [f64; N],
    ) {
        let ours = Ours::run(self, name, &mut potential, &Exact { mean, sd });
        self.enter::<N>(name, &ours, None);
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
        "{gradients} gradients from zero, nothing set; worst coordinate of the worst of {seeds} seeds; how many were told `Converged` on the way, how many of them wrongly (beyond 0.05 sd or 3 %); how many true errors are within 4 stated standard errors. The last seven are no bells.\n"
    );
    println!(
        "| posterior                   |  N | this crate (f32): mean, sd | sd, % | converged | wrongly | within 4, % | nuts-rs (f64): mean, sd | sd, % | Laplace: mean, sd | sd, % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut league = League {
        gradients,
        seeds: u64::from(seeds),
        worst: Errors::default(),
        converged: 0,
        posteriors: 0,
        told: 0,
        wrong: 0,
        stated: 0,
        beyond: 0,
    };
    if !reference::each(&mut league) {
        return Err("the reference posteriors are not there".into());
    }
    skewed::each(&mut league);
    println!();
    println!(
        "converged {}, wrongly {}; true errors within 4 stated standard errors: {:.2} % of {}",
        league.told,
        league.wrong,
        percent(league.stated - league.beyond, league.stated),
        league.stated,
    );
    println!(
        "{gradients} gradients: means within {:.4} sd, sds within {:.2} %, converged {} of {}",
        league.worst.mean,
        100.0 * league.worst.sd,
        league.converged,
        league.posteriors,
    );
    Ok(())
}
