//! The measurements, a row each: table, what, N, average, worst; separated by semicolons.

use core::{cmp::Ordering, hint::black_box, mem::size_of};

use langevin::{
    BoxMuller, Chain, Constant, Dense, Diagonal, Energy, MaxStep, Metric, Noise, Pace, Pcg32,
    Potential, SeedableRng, Sgld, Stepper,
};
use langevin_qemu::every::{self, NoiseVisitor, Visitor};
use semihosting::println;

use crate::{
    alternatives::{naive_step, rand_distr_normal, step_by_hand, textbook_normal},
    count::Counter,
    linear::Linear,
    models, stack,
};

/// How many single rounds the worst is taken over.
const TRIALS: u32 = 512;

/// Average and worst of a round, in instructions, where `rounds(n)` does n rounds.
fn measure(counter: &Counter, mut rounds: impl FnMut(u32)) -> (f32, f32) {
    let rounds: &mut dyn FnMut(u32) = black_box(&mut rounds);
    let mut worst = 0.0_f32;
    for _ in 0..TRIALS {
        let count = counter.count(|| rounds(1));
        worst = if count > worst { count } else { worst };
    }
    // As many as the counter can count.
    let many = ((4_000_000.0 / worst) as u32).clamp(1, 1000);
    (counter.count(|| rounds(many)) / many as f32, worst)
}

fn row(table: &str, what: core::fmt::Arguments<'_>, n: usize, (average, worst): (f32, f32)) {
    println!("{table};{what};{n};{average:.1};{worst:.0}");
}

fn schedule() -> Constant {
    Constant::new(0.05).expect("a step size")
}

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(7)
}

struct Draws<'a>(&'a Counter);

impl Draws<'_> {
    /// Average a draw, worst of a call.
    fn fill<const N: usize, Z: Noise>(&self, noise: &mut Z) -> (f32, f32) {
        let mut out = [0.0; N];
        let (average, worst) = measure(self.0, |n| {
            for _ in 0..n {
                let _ = noise.fill(&mut out);
                black_box(&mut out);
            }
        });
        (average / N as f32, worst)
    }
}

impl NoiseVisitor for Draws<'_> {
    fn visit<Z: Noise>(&mut self, name: &'static str, mut noise: Z) {
        row(
            "draw",
            format_args!("{name}"),
            2,
            self.fill::<2, Z>(&mut noise),
        );
        row(
            "draw",
            format_args!("{name}"),
            8,
            self.fill::<8, Z>(&mut noise),
        );
        row(
            "draw",
            format_args!("{name}"),
            32,
            self.fill::<32, Z>(&mut noise),
        );
        row(
            "four draws",
            format_args!("{name}"),
            4,
            self.fill::<4, Z>(&mut noise),
        );
        println!("size;{name};0;{};0", size_of::<Z>());
    }
}

/// Steps of a chain.
struct Steps<'a>(&'a Counter);

impl<const N: usize> Visitor<N, Linear<N>> for Steps<'_> {
    fn visit<S: Stepper<N, Linear<N>, Z>, Z>(
        &mut self,
        (stepper_name, noise_name): (&'static str, &'static str),
        stepper: S,
        noise: Z,
    ) {
        let mut chain = Chain::new([0.0; N], stepper, schedule(), noise);
        let mut potential = Linear::new();
        let mut rounds = |n| {
            for _ in 0..n {
                let _ = black_box(chain.step(&mut potential));
            }
        };
        let what = format_args!("{stepper_name}, {noise_name}");
        row("step", what, N, measure(self.0, &mut rounds));
        let stack = stack::high_water(|| rounds(200));
        println!("stack;{stepper_name}, {noise_name};{N};{stack};0");
        println!(
            "size;chain of {stepper_name}, {noise_name};{N};{};0",
            size_of::<Chain<N, S, Constant, Z>>()
        );
    }
}

/// Steps of SGLD with each noise.
struct SgldWith<'a>(&'a Counter);

impl NoiseVisitor for SgldWith<'_> {
    fn visit<Z: Noise>(&mut self, name: &'static str, noise: Z) {
        Visitor::<8, _>::visit(&mut Steps(self.0), ("SGLD", name), Sgld::new(), noise);
    }
}

/// By hand, by the stepper, and by a chain.
fn overhead<const N: usize>(counter: &Counter) {
    let pace = black_box(Pace::new(0.05, 1.0).expect("a pace"));
    let longest_squared = black_box(1e36);
    let mut potential = Linear::<N>::new();

    let mut theta = [0.0; N];
    let mut noise = BoxMuller::new(rng());
    let by_hand = measure(counter, |n| {
        for _ in 0..n {
            black_box(step_by_hand(
                &mut theta,
                &mut potential,
                pace.eta(),
                pace.noise(),
                longest_squared,
                &mut noise,
            ));
        }
    });
    row("overhead", format_args!("by hand"), N, by_hand);

    let mut theta = [0.0; N];
    let mut noise = BoxMuller::new(rng());
    let mut sgld = Sgld::new();
    let bare = measure(counter, |n| {
        for _ in 0..n {
            let _ = black_box(sgld.step(&mut theta, &mut potential, &pace, &mut noise));
        }
    });
    row("overhead", format_args!("Sgld::step"), N, bare);

    let mut chain = Chain::new([0.0; N], Sgld::new(), schedule(), BoxMuller::new(rng()));
    let chained = measure(counter, |n| {
        for _ in 0..n {
            let _ = black_box(chain.step(&mut potential));
        }
    });
    row("overhead", format_args!("Chain::step"), N, chained);
}

fn metric<M: Metric<8>>(counter: &Counter, name: &str, metric: M) {
    let mut chain = Chain::new(
        [0.0; 8],
        Sgld::with_metric(metric),
        schedule(),
        BoxMuller::new(rng()),
    )
    .max_step(MaxStep::NONE);
    let mut potential = Linear::new();
    let chained = measure(counter, |n| {
        for _ in 0..n {
            let _ = black_box(chain.step(&mut potential));
        }
    });
    row("metric", format_args!("{name}"), 8, chained);
}

/// Gradients, an observation.
struct Gradients<'a>(&'a Counter);

impl Gradients<'_> {
    fn gradient<const N: usize, P: Potential<N>>(
        &self,
        name: &str,
        observations: usize,
        mut posterior: P,
    ) {
        let theta = black_box([0.5; N]);
        let mut gradient = [0.0; N];
        let (average, worst) = measure(self.0, |n| {
            for _ in 0..n {
                let _ = black_box(posterior.gradient(&theta, &mut gradient));
                black_box(&mut gradient);
            }
        });
        let each = |count: f32| count / observations as f32;
        row(
            "gradient",
            format_args!("{name}"),
            observations,
            (each(average), each(worst)),
        );
    }
}

impl models::Visitor for Gradients<'_> {
    fn whole<const N: usize, P: Energy<N>>(&mut self, name: &'static str, posterior: P) {
        self.gradient(name, models::OBSERVATIONS, posterior);
    }

    fn minibatch<const N: usize, P: Potential<N>>(&mut self, name: &'static str, posterior: P) {
        self.gradient(name, models::BATCH, posterior);
    }
}

fn naive(counter: &Counter) {
    const N: usize = 8;
    let (eta, sigma) = black_box((0.05, 0.3));
    let mut potential = Linear::<N>::new();

    let (mut theta, mut rng, mut spare) = ([0.0; N], rng(), None);
    let textbook = measure(counter, |n| {
        for _ in 0..n {
            naive_step(&mut theta, &mut potential, eta, sigma, || {
                textbook_normal(&mut rng, &mut spare)
            });
        }
    });
    row("naive", format_args!("by hand on libm"), N, textbook);

    let mut theta = [0.0; N];
    let rand_distr = measure(counter, |n| {
        for _ in 0..n {
            naive_step(&mut theta, &mut potential, eta, sigma, || {
                rand_distr_normal(&mut rng)
            });
        }
    });
    row(
        "naive",
        format_args!("by hand on rand_distr"),
        N,
        rand_distr,
    );
    black_box(theta);
}

/// All of it.
pub fn everything() {
    let counter = &Counter::new();
    println!("compiler;{};0;0;0", env!("COMPILER"));
    println!(
        "ticks;ticks of SysTick an instruction;0;{:.2};0",
        counter.resolution()
    );
    every::noises(&mut Draws(counter));
    every::noises(&mut SgldWith(counter));
    every::steppers::<2, Linear<2>>(&mut Steps(counter));
    every::steppers::<8, Linear<8>>(&mut Steps(counter));
    every::steppers::<32, Linear<32>>(&mut Steps(counter));
    overhead::<1>(counter);
    overhead::<2>(counter);
    overhead::<4>(counter);
    overhead::<8>(counter);
    overhead::<16>(counter);
    overhead::<32>(counter);
    metric(
        counter,
        "diagonal",
        Diagonal::new([0.5; 8]).expect("scales"),
    );
    let mut dense = [[0.0; 8]; 8];
    for (i, row) in dense.iter_mut().enumerate() {
        for (j, element) in row.iter_mut().enumerate() {
            *element = match i.cmp(&j) {
                Ordering::Less => 0.0,
                Ordering::Equal => 0.5,
                Ordering::Greater => 0.05,
            };
        }
    }
    metric(
        counter,
        "dense",
        Dense::new(dense).expect("lower triangular"),
    );
    models::all(&mut Gradients(counter));
    naive(counter);
}
