//! The measurements, a row each: table, what, N, average, worst; separated by semicolons.

use core::{
    hint::black_box,
    mem::{size_of, size_of_val},
};

use langevin::{
    BoxMuller, Chain, GaussianPrior, Model, Moments, Pcg32, Potential, Sample, Sampler,
    SeedableRng, Tracker, Window,
    estimate::{Covariance, Diagnostics, Predictive, Quantiles},
    model::{LinearRegression, Response},
    noise::Noise,
    potential::Energy,
    preconditioner::{Diagonal, Preconditioner},
    sampler::Tuning,
    schedule::Constant,
    stepper::{MaxStep, Preconditioned, Sgld, StepParameters, Stepper},
};
use langevin_apps::{
    battery::Battery,
    calibrate::{CHWIRUT2, Calibration, Chwirut2, LAST, calibration, reading},
    cell::{self, Cell},
    compass::{Compass, Turned},
    derivatives::{Chwirut2ByHand, Decays, DecaysByHand},
    filter::{Filter, heater},
    plant::{Body, Plant},
    readings,
    sensor::Sensor,
};
use langevin_testing::{doubles::dense, noises, steppers};
use semihosting::println;

#[cfg(newlib)]
use crate::alternatives::newlib;
use crate::{
    alternatives::{naive_step, rand_distr_normal, step_by_hand, textbook_normal},
    count::Counter,
    linear::Linear,
    models, stack,
};

/// How many single rounds the worst is taken over.
const TRIALS: u32 = 512;

/// Steps of a [`Sampler`] that hold its warm-up and its first answers.
const WHOLE: u32 = 3000;

/// Where derivatives are taken: of the calibration, and of four decays.
const CONSTANTS: [f32; 3] = [0.17, -3.9, -2.0];
const DECAYS: [f32; 8] = [1.0, 0.3, -2.0, 1.0, 0.5, 0.1, 3.0, 2.0];

/// Which rows are wanted: all, or one in an image of its own.
pub trait Wants {
    /// Whether this one is. What is not must leave nothing in the image: inline it always.
    fn wants(&self, table: &str, name: (&str, &str), n: usize) -> bool;
}

/// The counter, and what is counted.
pub struct Bench<W> {
    counter: Counter,
    wants: W,
}

fn schedule() -> Constant {
    Constant::new(0.05).expect("a step size")
}

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(7)
}

impl<W: Wants> Bench<W> {
    /// Calibrates the counter.
    pub fn new(wants: W) -> Self {
        Self {
            counter: Counter::new(),
            wants,
        }
    }

    #[inline(always)]
    fn wants(&self, table: &str, name: (&str, &str), n: usize) -> bool {
        self.wants.wants(table, name, n)
    }

    /// Average and worst of a round, in instructions, where `rounds(n)` does n rounds.
    fn measure(&self, rounds: &mut dyn FnMut(u32)) -> (f32, f32) {
        let mut worst = 0.0_f32;
        for _ in 0..TRIALS {
            let count = self.counter.count(|| rounds(1));
            worst = if count > worst { count } else { worst };
        }
        // As many as the counter can count.
        let many = ((4_000_000.0 / worst) as u32).clamp(1, 1000);
        (self.counter.count(|| rounds(many)) / many as f32, worst)
    }

    /// Measures a row and prints it: one of `each` that a round does.
    #[inline(always)]
    fn row(
        &self,
        table: &str,
        name: (&str, &str),
        n: usize,
        each: usize,
        mut rounds: impl FnMut(u32),
    ) {
        // One copy of what is measured, that nothing is known about where it is called.
        let rounds: &mut dyn FnMut(u32) = black_box(&mut rounds);
        let (average, worst) = self.measure(rounds);
        let each = each as f32;
        print(table, name, n, average / each, worst / each);
    }

    #[inline(always)]
    fn steps<const N: usize, S: Stepper<N, Linear<N>, Z>, Z>(
        &self,
        table: &str,
        name: (&str, &str),
        mut chain: Chain<N, S, Constant, Z>,
    ) {
        let mut potential = Linear::new();
        let size = size_of::<Chain<N, S, Constant, Z>>();
        self.row_and_ram(table, name, N, size, |n| {
            for _ in 0..n {
                // As much as the loop by hand tells: whether there is a new draw.
                black_box(matches!(chain.step(&mut potential), Ok(Some(_))));
            }
        });
    }

    /// Measures a row and prints it, with the RAM that its state and its rounds take.
    #[inline(always)]
    fn row_and_ram(
        &self,
        table: &str,
        name: (&str, &str),
        n: usize,
        state: usize,
        mut rounds: impl FnMut(u32),
    ) {
        let rounds: &mut dyn FnMut(u32) = black_box(&mut rounds);
        let (average, worst) = self.measure(rounds);
        print(table, name, n, average, worst);
        if table != "overhead" {
            let stack = stack::high_water(|| rounds(200));
            print("stack", name, n, stack as f32, 0.0);
            print("state", name, n, state as f32, 0.0);
        }
    }
}

#[inline(never)]
fn print(table: &str, (name, detail): (&str, &str), n: usize, average: f32, worst: f32) {
    let slash = if detail.is_empty() { "" } else { "/" };
    println!("{table};{name}{slash}{detail};{n};{average:.1};{worst:.0}");
}

impl<W: Wants> Bench<W> {
    #[inline(always)]
    fn fill<const N: usize>(&self, table: &str, name: &str, each: usize, noise: &mut impl Noise) {
        if self.wants(table, (name, ""), N) {
            let mut out = [0.0; N];
            self.row(table, (name, ""), N, each, |n| {
                for _ in 0..n {
                    let _ = noise.fill(&mut out);
                    black_box(&mut out);
                }
            });
        }
    }

    /// Draws, and what a noise keeps.
    #[inline(always)]
    fn draws<Z: Noise>(&self, name: &str, mut noise: Z) {
        self.fill::<2>("draw", name, 2, &mut noise);
        self.fill::<8>("draw", name, 8, &mut noise);
        self.fill::<32>("draw", name, 32, &mut noise);
        self.fill::<4>("four draws", name, 1, &mut noise);
        if self.wants("state", (name, ""), 0) {
            print("state", (name, ""), 0, size_of::<Z>() as f32, 0.0);
        }
    }

    /// Steps of a chain.
    #[inline(always)]
    fn chain<const N: usize, S: Stepper<N, Linear<N>, Z>, Z>(
        &self,
        name: (&str, &str),
        stepper: S,
        noise: Z,
    ) {
        if self.wants("step", name, N) {
            let chain = Chain::new([0.0; N], stepper, schedule(), noise);
            self.steps("step", name, chain);
        }
    }
}

impl<W: Wants> Bench<W> {
    /// By hand, by the stepper, and by a chain.
    #[inline(always)]
    fn overhead<const N: usize>(&self) {
        let pace = black_box(StepParameters::new(0.05, 1.0).expect("a pace"));
        let longest_squared = black_box(1e36);
        let mut potential = Linear::<N>::new();

        if self.wants("overhead", ("by hand", ""), N) {
            let mut theta = [0.0; N];
            let mut noise = BoxMuller::new(rng());
            self.row("overhead", ("by hand", ""), N, 1, |n| {
                for _ in 0..n {
                    black_box(step_by_hand(
                        &mut theta,
                        &mut potential,
                        pace.eta(),
                        pace.noise_scale(),
                        longest_squared,
                        &mut noise,
                    ));
                }
            });
        }

        if self.wants("overhead", ("Sgld::step", ""), N) {
            let mut theta = [0.0; N];
            let mut noise = BoxMuller::new(rng());
            let sgld = Sgld::new();
            self.row("overhead", ("Sgld::step", ""), N, 1, |n| {
                for _ in 0..n {
                    let _ = black_box(sgld.step(
                        &mut (),
                        &mut theta,
                        &mut potential,
                        &pace,
                        &mut noise,
                    ));
                }
            });
        }

        if self.wants("overhead", ("Chain::step", ""), N) {
            let noise = BoxMuller::new(rng());
            let chain = Chain::new([0.0; N], Sgld::new(), schedule(), noise);
            self.steps("overhead", ("Chain::step", ""), chain);
        }
    }

    #[inline(always)]
    fn preconditioned<M: Preconditioner<8>>(&self, name: &str, metric: M) {
        if self.wants("preconditioner", (name, ""), 8) {
            let sgld = Preconditioned::new(Sgld::new(), metric);
            let noise = BoxMuller::new(rng());
            let chain = Chain::new([0.0; 8], sgld, schedule(), noise).max_step(MaxStep::NONE);
            self.steps("preconditioner", (name, ""), chain);
        }
    }
}

/// Gradients, an observation.
struct Gradients<'a, W>(&'a Bench<W>);

impl<W: Wants> Gradients<'_, W> {
    #[inline(always)]
    fn gradient<const N: usize, P: Potential<N>>(
        &self,
        name: (&str, &str),
        observations: usize,
        mut posterior: P,
    ) {
        if self.0.wants("gradient", name, observations) {
            let theta = black_box([0.5; N]);
            let mut gradient = [0.0; N];
            self.0
                .row("gradient", name, observations, observations, |n| {
                    for _ in 0..n {
                        let _ = black_box(posterior.gradient(&theta, &mut gradient));
                        black_box(&mut gradient);
                    }
                });
        }
    }
}

impl<W: Wants> models::Visitor for Gradients<'_, W> {
    #[inline(always)]
    fn whole<const N: usize, P: Energy<N>>(&mut self, name: (&str, &str), posterior: P) {
        self.gradient(name, models::OBSERVATIONS, posterior);
    }

    #[inline(always)]
    fn minibatch<const N: usize, P: Potential<N>>(&mut self, name: (&str, &str), posterior: P) {
        self.gradient(name, models::BATCH, posterior);
    }
}

impl<W: Wants> Bench<W> {
    /// SGLD by hand, each draw from `draw`.
    #[inline(always)]
    fn naive(&self, name: &str, mut draw: impl FnMut() -> f32) {
        const N: usize = 8;
        if self.wants("naive", (name, ""), N) {
            let (eta, sigma) = black_box((0.05, 0.3));
            let mut potential = Linear::<N>::new();
            let mut theta = [0.0; N];
            self.row("naive", (name, ""), N, 1, |n| {
                for _ in 0..n {
                    naive_step(&mut theta, &mut potential, eta, sigma, &mut draw);
                    black_box(&mut theta);
                }
            });
        }
    }

    /// The sampler that needs no tuning: from its first step on, so what is at worst is part of its warm-up.
    #[inline(always)]
    fn sampler<const N: usize>(&self) {
        const NAME: (&str, &str) = ("Sampler", "Box-Muller");
        if self.wants("step", NAME, N) {
            let new = || Sampler::<N, _>::new([1.0; N], BoxMuller::new(rng()));
            let mut sampler = new();
            let mut potential = Linear::new();
            let mut rounds = |n| {
                for _ in 0..n {
                    let _ = black_box(sampler.step(&mut potential));
                }
            };
            let (average, worst) = self.measure(black_box(&mut rounds));
            print("step", NAME, N, average, worst);
            // From the first step to what follows the warm-up: its ends are the deepest.
            sampler = new();
            let stack = stack::high_water_within(stack::DEEP, || {
                for _ in 0..WHOLE {
                    let _ = black_box(sampler.step(&mut potential));
                }
            });
            print("stack", NAME, N, stack as f32, 0.0);
            print("state", NAME, N, size_of_val(&sampler) as f32, 0.0);
        }
    }

    /// Derivatives of a response by dual numbers or by hand, at each of [`models::OBSERVATIONS`] inputs.
    #[inline(always)]
    fn derivatives<const N: usize, R: Response<N, Input = [f32; 1]>>(
        &self,
        name: (&str, &str),
        response: R,
        theta: [f32; N],
    ) {
        if self.wants("derivatives", name, N) {
            let theta = black_box(theta);
            let inputs = black_box([1.5; models::OBSERVATIONS]);
            self.row("derivatives", name, N, models::OBSERVATIONS, |n| {
                for _ in 0..n {
                    let at = response.with_derivatives(&theta);
                    for x in inputs {
                        black_box(at(&[x]));
                    }
                }
            });
        }
    }

    /// Estimates and what else keeps a state.
    fn states<const N: usize>(&self) {
        if self.wants("state", ("", ""), N) {
            for (name, bytes) in [
                ("Moments", size_of::<Moments<N>>()),
                ("Covariance", size_of::<Covariance<N>>()),
                ("Quantiles", size_of::<Quantiles<N>>()),
                ("Predictive", size_of::<Predictive<N>>()),
                ("Diagnostics", size_of::<Diagnostics<N>>()),
                ("Tuning", size_of::<Tuning<N>>()),
                ("Window of 64 samples", size_of::<Window<Sample<N>, 64>>()),
            ] {
                print("state", (name, ""), N, bytes as f32, 0.0);
            }
        }
    }

    /// The boards' calibration: what its draws after the last reading take is spread over the readings.
    #[inline(always)]
    fn calibration(&self) {
        const NAME: (&str, &str) = ("calibrate", "");
        if self.wants("calibration", NAME, 3) {
            let new = || calibration(CHWIRUT2, black_box(7)).expect("an instrument");
            let mut tracker: Calibration = new();
            let (mut sum, mut worst) = (0.0, 0.0_f32);
            for at in readings::CHWIRUT2 {
                let at = black_box(reading(at));
                let count = self.counter.count(|| {
                    let _ = black_box(tracker.update(at));
                });
                sum += count;
                worst = worst.max(count);
            }
            sum += self.counter.count(|| {
                let _ = black_box(tracker.refine(LAST));
            });
            let average = sum / readings::CHWIRUT2.len() as f32;
            print("calibration", NAME, 3, average, worst);
            let mut tracker: Calibration = new();
            let stack = stack::high_water(|| {
                let _ = black_box(tracker.update(black_box(reading(readings::CHWIRUT2[0]))));
            });
            print("stack", NAME, 3, stack as f32, 0.0);
            let state = size_of::<Calibration>() - size_of_val(tracker.state().window());
            print("state", NAME, 3, state as f32, 0.0);
        }
    }

    /// All rows that are wanted.
    #[inline(always)]
    pub fn everything(&self) {
        if self.wants("compiler", ("", ""), 0) {
            print("compiler", (env!("COMPILER"), ""), 0, 0.0, 0.0);
        }
        noises!(rng(), |name, noise| self.draws(name, noise));
        steppers!(rng(), |name, stepper, noise| self
            .chain::<2, _, _>(name, stepper, noise));
        steppers!(rng(), |name, stepper, noise| self
            .chain::<8, _, _>(name, stepper, noise));
        steppers!(rng(), |name, stepper, noise| self
            .chain::<32, _, _>(name, stepper, noise));
        // The default is among the steppers.
        noises!(rng(), |name, noise| if name != "Box-Muller" {
            self.chain::<8, _, _>(("SGLD", name), Sgld::new(), noise);
        });
        self.sampler::<2>();
        self.sampler::<8>();
        self.sampler::<32>();
        self.calibration();
        self.states::<2>();
        self.states::<8>();
        self.states::<32>();
        self.overhead::<1>();
        self.overhead::<2>();
        self.overhead::<4>();
        self.overhead::<8>();
        self.overhead::<16>();
        self.overhead::<32>();
        self.preconditioned("diagonal", Diagonal::new([0.5; 8]).expect("scales"));
        self.preconditioned("dense", dense().expect("lower triangular"));
        models::all(&mut Gradients(self));

        let (mut words, mut spare) = (rng(), None);
        self.naive("by hand on libm", || {
            textbook_normal(&mut words, &mut spare)
        });
        let mut words = rng();
        self.naive("by hand on rand_distr", || rand_distr_normal(&mut words));
        #[cfg(newlib)]
        self.newlib();
        self.derivatives(("calibration", "by dual numbers"), Chwirut2, CONSTANTS);
        self.derivatives(("calibration", "by hand"), Chwirut2ByHand, CONSTANTS);
        self.derivatives(("four decays", "by dual numbers"), Decays, DECAYS);
        self.derivatives(("four decays", "by hand"), DecaysByHand, DECAYS);
        if self.wants("application", ("tracker", ""), 3) {
            self.tracker();
        }
        if self.wants("application", ("thermal filter", ""), 2) {
            self.filter();
        }
        if self.wants("application", ("sensor", ""), 3) {
            self.sensor();
        }
        if self.wants("application", ("compass", ""), 10) {
            self.compass();
        }
        if self.wants("application", ("battery", ""), 6) {
            self.battery();
        }
    }

    /// Readings of a tracker of a curve's three coefficients, 64 of them in its window.
    fn tracker(&self) {
        type Curve = Model<GaussianPrior<3>, LinearRegression>;
        type Curves = Tracker<Curve, Window<Sample<3>, 64>, BoxMuller<Pcg32>, 3>;
        let prior = GaussianPrior::new([0.0; 3], [10.0; 3]).expect("scales");
        let model = Model::new(prior, LinearRegression::new(0.5).expect("a scale"));
        let mut tracker: Curves = Tracker::new(model, Window::new(), BoxMuller::new(rng()));
        let mut noise = BoxMuller::new(rng());
        let reading = |i: u32| {
            let mut xi = [0.0];
            let _ = noise.fill(&mut xi);
            let x = (i % 20) as f32 * 0.1 - 1.0;
            Sample {
                x: [1.0, x, x * x],
                y: 1.0 + 3.0 * x + 0.5 * xi[0],
            }
        };
        self.application::<Curves, _>("tracker", 3, 500, reading, |reading| {
            let _ = black_box(tracker.update(reading));
        });
    }

    /// Ticks of the thermal filter.
    fn filter(&self) {
        let mut plant = Plant::new(21.0, Body::TYPICAL, 1);
        let mut filter = Filter::new(21.0, 7).expect("an ambient that the sensor can read");
        let sample = |tick| plant.step(2.0 * heater(tick));
        self.application::<Filter, _>("thermal filter", 2, 10_000, sample, |sample| {
            black_box(filter.update(sample));
        });
    }

    /// Readings of the sensor.
    fn sensor(&self) {
        let mut noise = BoxMuller::new(rng());
        let mut sensor = Sensor::new(7).expect("constants in range");
        let code = |_| {
            let mut xi = [0.0];
            let _ = noise.fill(&mut xi);
            (1000.0 + 2.0 * xi[0]) as u16
        };
        self.application::<Sensor, _>("sensor", 3, 1_000, code, |code| {
            black_box(sensor.update(code));
        });
    }

    /// Poses of the compass. It computes its posterior from six of them on, and a few are too close to another to be used.
    fn compass(&self) {
        let mut device = Turned::typical(1);
        let mut compass = Compass::new(7).expect("constants in range");
        let reading = |_| device.reading();
        self.application::<Compass, _>("compass", 10, 24, reading, |(field, acceleration)| {
            black_box(compass.update(field, acceleration));
        });
    }

    /// Readings of the battery.
    fn battery(&self) {
        let mut cell = Cell::new(1);
        let mut battery = Battery::new(7).expect("constants in range");
        battery.update(cell.step(cell::pulse_test(0)));
        let reading = |i| cell.step(cell::pulse_test(i + 1));
        self.application::<Battery, _>("battery", 6, 3 * cell::TEST, reading, |reading| {
            black_box(battery.update(reading));
        });
    }

    /// What an application makes of its inputs, from the first: each is counted.
    fn application<A, T: Copy>(
        &self,
        name: &str,
        n: usize,
        inputs: u32,
        mut input: impl FnMut(u32) -> T,
        mut take: impl FnMut(T),
    ) {
        let (mut sum, mut worst) = (0.0, 0.0_f32);
        for i in 0..inputs {
            let input = black_box(input(i));
            let count = self.counter.count_long(|| take(input));
            sum += count;
            worst = if count > worst { count } else { worst };
        }
        let name = (name, "");
        print("application", name, n, sum / inputs as f32, worst);
        let input = black_box(input(0));
        let stack = stack::high_water(|| take(input));
        print("stack", name, n, stack as f32, 0.0);
        print("state", name, n, size_of::<A>() as f32, 0.0);
    }

    #[cfg(newlib)]
    #[inline(always)]
    fn newlib(&self) {
        const NAME: (&str, &str) = ("by hand in C on newlib", "");
        if self.wants("naive", NAME, 8) {
            let (eta, sigma) = black_box((0.05, 0.3));
            let (potential, mut theta) = (Linear::new(), [0.0; 8]);
            let mut normal = newlib::Normal::new();
            self.row("naive", NAME, 8, 1, |n| {
                newlib::steps(n, &mut theta, &potential, eta, sigma, &mut normal);
            });
        }
    }
}
