//! SGLD's exact law on U = Σ kᵢθᵢ²/2: stationary variance (T + ηV/2)/(k(1 − ηk/2)), autocorrelation
//! (1 − ηk)^lag, and coordinates that know nothing of each other.
//!
//! A check asks that each statistic be within 4 standard errors of the law (two-sided alpha 8e-5), on
//! a run so long that 4 standard errors of the variance are ≤ 1 % of it. The variance of a mean square of n
//! draws with autocorrelation ρ is 2σ⁴(1 + ρ²)/((1 − ρ²)n): that sets the length; the standard error
//! itself is measured by batch means. Seeds are fixed.

use langevin::{
    BoxMuller, Chain, Pcg32, Potential, SeedableRng, StepError,
    noise::Noise,
    noise::rand_core::Rng,
    preconditioner::Diagonal,
    schedule::Constant,
    stepper::{Dynamics, Preconditioned, Sgld, StepParameters, Stepper},
};
use langevin_testing::{
    doubles::Twice,
    stats::{Batches, Estimate},
};

/// Curvature: not 1, so that a missing k shows.
const K: f32 = 2.5;
const ETA_K: [f32; 4] = [0.1, 0.5, 1.0, 1.5];
/// The correlation is so long here that the runs are, too.
const SMALL_ETA_K: [f32; 2] = [0.01, 0.03];
const TEMPERATURES: [f32; 3] = [0.25, 1.0, 4.0];

/// The law of each coordinate: variance, and autocorrelation at lag 1.
struct Law<const N: usize> {
    variance: [f64; N],
    rho: [f64; N],
}

impl<const N: usize> Law<N> {
    /// The same for all coordinates: curvature k, gradient noise V.
    fn new(eta: f32, k: f32, temperature: f32, v: f64) -> Self {
        let (eta, k) = (f64::from(eta), f64::from(k));
        let variance = (f64::from(temperature) + eta * v / 2.0) / (k * (1.0 - eta * k / 2.0));
        Self {
            variance: [variance; N],
            rho: [1.0 - eta * k; N],
        }
    }
}

/// What a chain did, relative to the law: 1 for the variance, 0 for the rest.
#[derive(Debug)]
struct Found {
    variance: Estimate,
    /// x_t x_{t+lag} − ρ^lag x_t², at two lags.
    autocorrelation: [Estimate; 2],
    /// x_i x_{i+1}, neighbouring coordinates.
    across: Estimate,
}

impl Found {
    fn deviations(&self) -> [f64; 4] {
        let [one, more] = self.autocorrelation;
        [
            self.variance.z(1.0),
            one.z(0.0),
            more.z(0.0),
            self.across.z(0.0),
        ]
    }

    /// Whether the law holds, by a run long enough to tell.
    fn holds(&self) -> bool {
        assert!(
            4.0 * self.variance.se <= 0.01 * self.variance.value,
            "run too short: {self:?}"
        );
        self.deviations().iter().all(|z| z.abs() <= 4.0)
    }
}

/// Runs a chain and holds it to the law. `length` 1 is just enough for independent Gaussian coordinates.
fn run<const N: usize, S, P, Z>(
    stepper: S,
    noise: Z,
    potential: &mut P,
    (eta, temperature): (f32, f32),
    law: &Law<N>,
    length: f64,
) -> Found
where
    P: Potential<N>,
    S: Stepper<N, P, Z>,
{
    const RING: usize = 128;
    let schedule = Constant::new(eta)
        .unwrap()
        .with_temperature(temperature)
        .unwrap();
    let mut chain = Chain::new([0.0; N], stepper, schedule, noise);

    let slowest = law.rho.iter().fold(0.0_f64, |m, r| m.max(r.abs()));
    let draws = 1.25 * 320_000.0 * (1.0 + slowest * slowest) / (1.0 - slowest * slowest);
    let batch = (length * draws / (N * Batches::COUNT) as f64).ceil() as usize;
    let lags = [1, ((1.0 / (1.0 - slowest)) as usize).clamp(2, RING - 1)];
    let expected = lags.map(|lag| law.rho.map(|rho| rho.powi(lag as i32)));
    let scale = law.variance.map(|v| 1.0 / v.sqrt());

    // From 0 the variance approaches its law as ρ^2t: to e⁻²⁰.
    for _ in 0..(10.0 / (1.0 - slowest)) as usize {
        chain.step(potential).expect("the chain is well");
    }
    let mut ring = [[0.0_f64; N]; RING];
    let mut now = 0;
    let (mut squares, mut lagged, mut across) = (
        Batches::default(),
        [(); 2].map(|()| Batches::default()),
        Batches::default(),
    );
    for b in 0..=Batches::COUNT {
        let (mut square, mut product, mut cross) = (0.0, [0.0; 2], 0.0);
        // The first batch fills the ring.
        for _ in 0..batch.max(RING) {
            let theta = chain.step(potential).unwrap().expect("every draw is kept");
            now = (now + 1) % RING;
            let mut x = [0.0; N];
            for i in 0..N {
                x[i] = f64::from(theta[i]) * scale[i];
                square += x[i] * x[i];
            }
            for i in 1..N {
                cross += x[i - 1] * x[i];
            }
            for ((sum, lag), rho) in product.iter_mut().zip(lags).zip(&expected) {
                let before = &ring[(now + RING - lag) % RING];
                for i in 0..N {
                    *sum += before[i] * (x[i] - rho[i] * before[i]);
                }
            }
            ring[now] = x;
        }
        if b > 0 {
            let n = (batch.max(RING) * N) as f64;
            squares.push(square / n);
            across.push(cross / n);
            for (batches, sum) in lagged.iter_mut().zip(product) {
                batches.push(sum / n);
            }
        }
    }
    Found {
        variance: squares.estimate(),
        autocorrelation: lagged.each_ref().map(Batches::estimate),
        across: across.estimate(),
    }
}

fn normals(seed: u64) -> BoxMuller<Pcg32> {
    BoxMuller::new(Pcg32::seed_from_u64(seed))
}

fn quadratic<const N: usize>(theta: &[f32; N]) -> [f32; N] {
    theta.map(|t| K * t)
}

fn full_gradient(eta_ks: &[f32], temperatures: &[f32]) {
    for &eta_k in eta_ks {
        for &temperature in temperatures {
            let eta = eta_k / K;
            let law = Law::<16>::new(eta, K, temperature, 0.0);
            let found = run(
                Sgld::new(),
                normals(1),
                &mut quadratic::<16>,
                (eta, temperature),
                &law,
                1.0,
            );
            assert!(found.holds(), "ηk {eta_k}, T {temperature}: {found:?}");
        }
    }
}

#[test]
fn full_gradients() {
    full_gradient(&ETA_K, &TEMPERATURES);
    full_gradient(&[0.01], &[1.0]);
}

#[test]
#[ignore = "slow: 8 s in release"]
fn full_gradients_at_small_steps() {
    full_gradient(&SMALL_ETA_K, &TEMPERATURES);
}

/// An odd number of coordinates carries a spare normal from step to step.
#[test]
fn full_gradient_of_one_and_of_three() {
    let (eta, temperature) = (0.5 / K, 1.0);
    let law = Law::<1>::new(eta, K, temperature, 0.0);
    let parameters = (eta, temperature);
    let found = run(
        Sgld::new(),
        normals(2),
        &mut quadratic::<1>,
        parameters,
        &law,
        1.0,
    );
    assert!(found.variance.agrees(1.0), "{found:?}");
    assert!(
        found.autocorrelation.iter().all(|a| a.agrees(0.0)),
        "{found:?}"
    );
    let law = Law::<3>::new(eta, K, temperature, 0.0);
    let found = run(
        Sgld::new(),
        normals(2),
        &mut quadratic::<3>,
        parameters,
        &law,
        1.0,
    );
    assert!(found.holds(), "{found:?}");
}

/// With a preconditioner L = diag(s) the law is that of curvature s²k, carried back by s.
#[test]
fn diagonal_preconditioner() {
    let curvature = [0.01_f32, 0.3, 1.0, 2.5, 40.0, 40.0, 900.0, 1e4];
    let scale = [8.0_f32, 1.0, 1.2, 0.2, 0.1, 0.2, 0.04, 0.005];
    for temperature in TEMPERATURES {
        let eta = 0.8_f32;
        let mut law = Law::<8>::new(eta, 1.0, temperature, 0.0);
        for i in 0..8 {
            let (k, s) = (f64::from(curvature[i]), f64::from(scale[i]));
            let whitened = Law::<1>::new(eta, curvature[i] * scale[i] * scale[i], temperature, 0.0);
            law.variance[i] = s * s * whitened.variance[0];
            law.rho[i] = whitened.rho[0];
            assert!(f64::from(eta) * k * s * s < 1.6);
        }
        let found = run(
            Preconditioned::new(Sgld::new(), Diagonal::new(scale).unwrap()),
            normals(3),
            &mut |theta: &[f32; 8]| std::array::from_fn(|i| curvature[i] * theta[i]),
            (eta, temperature),
            &law,
            1.0,
        );
        assert!(found.holds(), "T {temperature}: {found:?}");
    }
}

const COORDINATES: usize = 8;
const DATA: usize = 16;
const BATCH: usize = 4;

/// U = Σᵢ k|θ − xᵢ|²/2M over M data, by the gradient over a fresh independent subset of n at each
/// step. The data are ±a, in columns that are orthogonal to each other and to a constant: mean 0,
/// population variance a², and coordinates that stay uncorrelated though they share the subset.
struct Subsets {
    rng: Pcg32,
    a: f32,
    replacement: bool,
    order: [u8; DATA],
}

impl Subsets {
    fn new(a: f32, replacement: bool) -> Self {
        Self {
            rng: Pcg32::seed_from_u64(4),
            a,
            replacement,
            order: std::array::from_fn(|i| i as u8),
        }
    }

    /// V/a²: the per-datum gradients have variance (ka/M)².
    fn variance(replacement: bool) -> f64 {
        let (n, m) = (BATCH as f64, DATA as f64);
        let finite = if replacement {
            1.0
        } else {
            (m - n) / (m - 1.0)
        };
        f64::from(K * K) / n * finite
    }

    /// Uniform below `bound`; the bias is 2⁻²⁸.
    fn below(&mut self, bound: usize) -> usize {
        ((u64::from(self.rng.next_u32()) * bound as u64) >> 32) as usize
    }
}

impl Potential<COORDINATES> for Subsets {
    fn gradient(
        &mut self,
        theta: &[f32; COORDINATES],
        gradient: &mut [f32; COORDINATES],
    ) -> Result<(), StepError> {
        let mut sum = [0.0; COORDINATES];
        for i in 0..BATCH {
            let datum = if self.replacement {
                self.below(DATA) as u8
            } else {
                let j = i + self.below(DATA - i);
                self.order.swap(i, j);
                self.order[i]
            };
            for (c, s) in sum.iter_mut().enumerate() {
                // Walsh functions 1 to 8.
                let odd = (datum & (c as u8 + 1)).count_ones() & 1;
                *s += if odd == 1 { -self.a } else { self.a };
            }
        }
        for ((g, t), s) in gradient.iter_mut().zip(theta).zip(sum) {
            *g = K * (t - s / BATCH as f32);
        }
        Ok(())
    }
}

fn minibatch(eta_ks: &[f32], replacement: bool) {
    for &eta_k in eta_ks {
        for temperature in TEMPERATURES {
            let eta = eta_k / K;
            // Such data that the subsets' noise is as much as the injected: ηV/2 = T.
            let unit = Subsets::variance(replacement);
            let a = (2.0 * f64::from(temperature) / f64::from(eta) / unit).sqrt() as f32;
            let v = f64::from(a * a) * unit;
            let law = Law::new(eta, K, temperature, v);
            let mut potential = Subsets::new(a, replacement);
            let parameters = (eta, temperature);
            let found = run(
                Sgld::new(),
                normals(5),
                &mut potential,
                parameters,
                &law,
                1.0,
            );
            assert!(found.holds(), "ηk {eta_k}, T {temperature}: {found:?}");
            // The other way of sampling has another V, and the check tells them apart.
            let other = f64::from(a * a) * Subsets::variance(!replacement);
            let other = Law::<1>::new(eta, K, temperature, other).variance[0] / law.variance[0];
            assert!(!found.variance.agrees(other), "{found:?} {other}");
        }
    }
}

#[test]
fn minibatch_without_replacement() {
    minibatch(&ETA_K, false);
}

#[test]
fn minibatch_with_replacement() {
    minibatch(&ETA_K, true);
}

#[test]
#[ignore = "slow: 12 s in release"]
fn minibatches_at_small_steps() {
    minibatch(&SMALL_ETA_K, false);
    minibatch(&SMALL_ETA_K, true);
}

/// SGLD whose noise has the standard deviation that a function of the step parameters gives.
struct Broken(fn(&StepParameters) -> f32);

impl<const N: usize> Dynamics<N> for Broken {
    type State = ();
    const START: Self::State = ();
}

impl<const N: usize, P: Potential<N>, Z: Noise> Stepper<N, P, Z> for Broken {
    fn step(
        &self,
        (): &mut (),
        theta: &mut [f32; N],
        potential: &mut P,
        parameters: &StepParameters,
        noise: &mut Z,
    ) -> Result<(), StepError> {
        let (mut gradient, mut xi) = ([0.0; N], [0.0; N]);
        potential.gradient(theta, &mut gradient)?;
        noise.fill(&mut xi)?;
        for i in 0..N {
            theta[i] += (self.0)(parameters) * xi[i] - parameters.eta() * gradient[i];
        }
        Ok(())
    }
}

/// What the broken ones are told by: the same check that SGLD passes above.
fn found(stepper: Broken, temperature: f32) -> Found {
    let eta = 0.1 / K;
    let law = Law::<16>::new(eta, K, temperature, 0.0);
    let parameters = (eta, temperature);
    run(
        stepper,
        normals(6),
        &mut quadratic::<16>,
        parameters,
        &law,
        1.0,
    )
}

#[test]
fn the_check_passes_what_is_right_and_notices_what_is_not() {
    for temperature in TEMPERATURES {
        let right = found(Broken(StepParameters::noise_scale), temperature);
        assert!(right.holds(), "{right:?}");
        let one_percent = found(
            Broken(|parameters| 1.01 * parameters.noise_scale()),
            temperature,
        );
        assert!(!one_percent.holds(), "{one_percent:?}");
        let one_percent = found(
            Broken(|parameters| 0.99 * parameters.noise_scale()),
            temperature,
        );
        assert!(!one_percent.holds(), "{one_percent:?}");
    }
    for temperature in [0.25, 4.0] {
        let linear =
            Broken(|parameters| (2.0 * parameters.eta()).sqrt() * parameters.temperature());
        let linear = found(linear, temperature);
        assert!(!linear.holds(), "{linear:?}");
    }
}

#[test]
fn the_check_notices_a_spare_normal_used_twice() {
    let (eta, temperature) = (0.5 / K, 1.0);
    let parameters = (eta, temperature);
    // Of an even number, neighbours share their noise: only the correlation across tells.
    let law = Law::<16>::new(eta, K, temperature, 0.0);
    let even = run(
        Sgld::new(),
        Twice::new(normals(7)),
        &mut quadratic::<16>,
        parameters,
        &law,
        2.0,
    );
    assert!(!even.holds() && even.across.z(0.0) > 40.0, "{even:?}");
    // Of one, successive steps do: the variance and the autocorrelation tell.
    let law = Law::<1>::new(eta, K, temperature, 0.0);
    let one = run(
        Sgld::new(),
        Twice::new(normals(7)),
        &mut quadratic::<1>,
        parameters,
        &law,
        2.0,
    );
    assert!(one.variance.z(1.0) > 40.0, "{one:?}");
    assert!(one.autocorrelation[0].z(0.0) > 40.0, "{one:?}");
}
