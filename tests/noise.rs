//! Is it N(0, 1)? Each Gaussian source on 2²⁴ draws: moments, tails, distribution function, and whether
//! draws know of each other.
//!
//! Each statistic must be within 4 standard errors of its value under N(0, 1) (two-sided alpha 6.3e-5; 13 a
//! source). Kolmogorov–Smirnov is held to its bound at alpha = 1e-4. Seeds are fixed. What a generator's
//! *backend* gets wrong is mostly too small for sampling and is computed: see `moment`.

use std::{convert::Infallible, fmt};

use langevin::{
    BoxMuller, Chain, Pcg32, SeedableRng, StepError,
    noise::rand_core::TryRng,
    noise::{Backend, FixedInverseCdf, Gaussian, InverseCdf, Libm, Micromath, Minimax, Noise},
    schedule::Constant,
    stepper::Sgld,
};
use langevin_testing::{
    doubles::Scaled,
    doubles::Twice,
    stats::{self, Check, Draws},
};

const PAIRS: usize = 1 << 23;

fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(1958)
}

/// What is wrong with a noise that should be Gaussian.
fn wrong(mut noise: impl Gaussian, pairs: usize) -> Vec<String> {
    let draws = Draws::take(&mut noise, pairs);
    let checks: Vec<Check> = [draws.moments::<6>().as_slice(), &draws.tails()]
        .concat()
        .into_iter()
        .chain(draws.correlations())
        .collect();
    let mut wrong: Vec<String> = stats::failures(checks)
        .iter()
        .map(|(check, z)| format!("{check:?}: {z:.1} standard errors"))
        .collect();
    let ks = draws.kolmogorov_smirnov();
    let bound = draws.kolmogorov_smirnov_bound(1e-4);
    if ks > bound {
        wrong.push(format!("Kolmogorov-Smirnov {ks:.2e} > {bound:.2e}"));
    }
    // Beyond 6.7 there is nothing: the smallest u is 2⁻³².
    if draws.largest > 6.67 {
        wrong.push(format!("a draw of {}", draws.largest));
    }
    wrong
}

/// One line for each Gaussian source.
macro_rules! gaussian {
    ($($name:ident: $noise:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let wrong = wrong($noise, PAIRS);
                assert!(wrong.is_empty(), "{wrong:#?}");
            }
        )*
    };
}

gaussian! {
    box_muller: BoxMuller::new(rng());
    box_muller_libm: BoxMuller::with_backend(rng(), Libm);
    inverse_cdf: InverseCdf::new(rng());
    fixed_inverse_cdf: FixedInverseCdf::new(rng());
}

#[test]
fn the_checks_notice_what_is_wrong() {
    let normals = || BoxMuller::new(rng());
    // A fraction of the draws suffices for these.
    let pairs = PAIRS / 8;
    assert_eq!(wrong(normals(), pairs), [""; 0]);
    for factor in [0.99, 1.01] {
        assert!(!wrong(Scaled(normals(), factor), pairs).is_empty());
    }
    assert!(!wrong(Twice::new(normals()), pairs).is_empty());
    // Pairs out of step: only the correlation across pairs tells.
    let mut shifted = Twice::new(normals());
    shifted.fill(&mut [0.0]).unwrap();
    let wrong_ones = wrong(shifted, pairs);
    assert!(
        wrong_ones.iter().any(|w| w.contains("next")),
        "{wrong_ones:?}"
    );
    // One radius for two pairs: only the squares tell.
    assert!(!wrong(BoxMuller::new(SameRadius::default()), pairs).is_empty());
    // A tail that ends at 3.9.
    assert!(!wrong(Clipped(normals()), pairs).is_empty());
}

/// A generator whose every other word comes twice.
#[derive(Default)]
struct SameRadius {
    rng: Option<Pcg32>,
    calls: u32,
    word: u32,
}

impl TryRng for SameRadius {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let fresh = self.rng.get_or_insert_with(rng).try_next_u32()?;
        self.calls += 1;
        match self.calls % 4 {
            1 => self.word = fresh,
            3 => return Ok(self.word),
            _ => {}
        }
        Ok(fresh)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("normals are made of u32")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("normals are made of u32")
    }
}

struct Clipped(BoxMuller<Pcg32>);

impl Noise for Clipped {
    fn fill<const N: usize>(&mut self, out: &mut [f32; N]) -> Result<(), StepError> {
        self.0.fill(out)?;
        for x in out {
            *x = x.clamp(-3.9, 3.9);
        }
        Ok(())
    }
}
impl langevin::noise::FiveMoments for Clipped {}
impl Gaussian for Clipped {}

/// E zᵏ of a backend for even k, by summing over every 509th word: E rᵏ times the mean of E cᵏ and E sᵏ.
fn moment<B: Backend>(k: i32) -> f64 {
    let words = || (0..=u32::MAX).step_by(509);
    let (mut radius, mut direction) = (0.0, 0.0);
    for bits in words() {
        let (c, s) = B::direction(bits);
        radius += f64::from(B::radius(bits)).powi(k);
        direction += (f64::from(c).powi(k) + f64::from(s).powi(k)) / 2.0;
    }
    let n = words().count() as f64;
    radius / n * (direction / n)
}

#[test]
fn variance_of_each_backend() {
    // The sum's own error is that of one cell at u = 0: 509·2⁻³² times −2 ln u, at most 4e-6.
    let turn = moment::<Minimax>(2) - 1.0;
    let libm = moment::<Libm>(2) - 1.0;
    println!("variance - 1: Minimax {turn:e}, Libm {libm:e}");
    assert!(turn.abs() < 5e-6, "{turn:e}");
    assert!(libm.abs() < 5e-6, "{libm:e}");
}

/// micromath's noise is not quite normal, by as much as its documentation says.
#[test]
fn box_muller_micromath() {
    let variance = moment::<Micromath>(2);
    println!("variance - 1: Micromath {:e}", variance - 1.0);
    assert!((5e-4..7e-4).contains(&(variance - 1.0)), "{variance}");

    let mut noise = BoxMuller::with_backend(rng(), Micromath);
    let draws = Draws::take(&mut noise, PAIRS);
    let mut moments = draws.moments::<6>();
    for (order, check) in (1..).zip(&mut moments) {
        if order % 2 == 0 {
            check.law = moment::<Micromath>(order);
        }
    }
    let checks = moments.into_iter().chain(draws.correlations());
    let wrong = stats::failures(checks);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let ks = draws.kolmogorov_smirnov();
    assert!(ks < 3e-4 + draws.kolmogorov_smirnov_bound(1e-4), "{ks:e}");
}

/// Gives out what it was told to, then fails.
#[derive(Clone, Debug)]
struct Script {
    words: Vec<u32>,
    next: usize,
}

impl Script {
    fn new(words: &[u32]) -> Self {
        Self {
            words: words.to_vec(),
            next: 0,
        }
    }
}

#[derive(Debug)]
struct Dry;

impl fmt::Display for Dry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no entropy")
    }
}

impl std::error::Error for Dry {}

impl TryRng for Script {
    type Error = Dry;

    fn try_next_u32(&mut self) -> Result<u32, Dry> {
        let word = *self.words.get(self.next).ok_or(Dry)?;
        self.next += 1;
        Ok(word)
    }

    fn try_next_u64(&mut self) -> Result<u64, Dry> {
        Err(Dry)
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Dry> {
        Err(Dry)
    }
}

fn reaches<B: Backend + Copy>(backend: B) {
    for angle in [0, 1, 0x1fff_ffff, 0x4000_0000, 0x9234_5678, u32::MAX] {
        // The longest radius, and the shortest: u = 2⁻³² and u = 1.
        let mut noise = BoxMuller::with_backend(Script::new(&[0, angle, u32::MAX, angle]), backend);
        let mut z = [0.0_f32; 4];
        noise.fill(&mut z).unwrap();
        let [a, b, c, d] = z;
        assert!((a.hypot(b) - 6.66).abs() < 0.01, "{z:?}");
        assert!(c.hypot(d) < 1e-3, "{z:?}");
    }
}

#[test]
fn the_tail_reaches_6_66_sigma() {
    reaches(Minimax);
    reaches(Libm);
    reaches(Micromath);
}

fn stream<const N: usize>(mut noise: impl Noise) -> Vec<u32> {
    let mut bits = Vec::new();
    while bits.len() < 6000 {
        let mut z = [0.0; N];
        noise.fill(&mut z).unwrap();
        bits.extend(z.map(f32::to_bits));
    }
    bits.truncate(6000);
    bits
}

fn wastes_nothing<Z: Noise + Clone>(noise: &Z) {
    let by_two = stream::<2>(noise.clone());
    assert_eq!(by_two, stream::<1>(noise.clone()));
    assert_eq!(by_two, stream::<3>(noise.clone()));
    assert_eq!(by_two, stream::<4>(noise.clone()));
    assert_eq!(by_two, stream::<7>(noise.clone()));
}

#[test]
fn an_odd_number_wastes_nothing() {
    wastes_nothing(&BoxMuller::new(rng()));
    wastes_nothing(&BoxMuller::with_backend(rng(), Libm));
    wastes_nothing(&BoxMuller::with_backend(rng(), Micromath));
}

#[test]
fn a_failing_generator_is_reported_and_the_position_kept() {
    // Each step of three needs two words, then four: it fails at every word in turn.
    for words in 0..10 {
        let script = Script::new(&vec![0x1234_5678; words]);
        let mut chain = Chain::new(
            [1.0, 2.0, 3.0],
            Sgld::new(),
            Constant::new(0.1).unwrap(),
            BoxMuller::new(script),
        );
        let good = match words {
            0..4 => 0,
            4..6 => 1,
            6..10 => 2,
            _ => unreachable!(),
        };
        for _ in 0..good {
            chain.step(&mut |x: &[f32; 3]| *x).unwrap();
        }
        let before = *chain.position();
        for _ in 0..1000 {
            assert_eq!(chain.step(&mut |x: &[f32; 3]| *x), Err(StepError::Random));
            assert_eq!(chain.position().map(f32::to_bits), before.map(f32::to_bits));
        }
        assert_eq!(chain.error_counts().random, 1000);
        assert_eq!(chain.error_counts().total(), 1000);
    }
}
