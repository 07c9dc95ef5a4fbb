//! Whole chains through bytes and back: resumed bit for bit, whatever they are made of.

use core::{fmt::Debug, marker::PhantomData};

use langevin::{
    BoxMuller, Chain, Checkpoint, Moments, Potential, Sample, SeedableRng, StepError, Window,
    chain::ChainState,
    checkpoint::{AbSlots, CheckpointError, CountedPcg32, Reader, Writer},
    data::Data,
    estimate::{Covariance, Diagnostics, Predictive, Quantiles},
    noise::rand_core::Rng,
    noise::{FixedInverseCdf, InverseCdf, Noise, Rademacher, ThreePoint},
    potential::{Energy, GradientVariance},
    preconditioner::Dense,
    sampler::{Monitor, Tuning},
    schedule::{Annealed, Constant, Cyclical, Polynomial, Schedule},
    stepper::{
        Badodab, Baoab, Dynamics, Ladder, LatticeWalk, LeimkuhlerMatthews, Mala, Preconditioned,
        Proportion, Psgld, ReplicaExchange, Sgd, Sghmc, Sgld, Sgnht, Stepper,
    },
};
use langevin_testing::{noises, schedules, steppers};

/// Odd, so that a normal is spare.
const N: usize = 3;

type Estimates = (
    Moments<N>,
    Covariance<N>,
    Quantiles<N>,
    Diagnostics<N>,
    Predictive<N>,
);
type Running<S, H, Z> = (Chain<N, S, H, Z>, Estimates);
type State<S, H, Z> = (ChainState<N, S, H, Z>, Estimates);

fn rng() -> CountedPcg32 {
    CountedPcg32::seed_from_u64(7)
}

fn estimates() -> Estimates {
    (
        Moments::forgetting(100.0).expect("valid"),
        Covariance::new(),
        Quantiles::central(0.9).expect("valid"),
        Diagnostics::new(),
        Predictive::new(),
    )
}

fn run<S, H, Z, P>(running: &mut Running<S, H, Z>, potential: &mut P, steps: u32)
where
    P: Potential<N>,
    S: Stepper<N, P, Z>,
    H: Schedule,
{
    let (chain, (moments, covariance, quantiles, diagnostics, predictive)) = running;
    for _ in 0..steps {
        // A fault now and then belongs to the state too.
        if let Ok(Some(theta)) = chain.step(potential) {
            moments.push(theta);
            covariance.push_weighted(theta, 0.75);
            quantiles.push(theta);
            diagnostics.push(theta);
            predictive.push(theta, &[0.5; N]);
        }
    }
}

fn image<T: Checkpoint>(state: &T) -> Vec<u8> {
    let mut image = vec![0; T::IMAGE];
    state.save(&mut image).expect("there is room");
    image
}

/// Runs, is saved and loaded at several moments, and runs on: the same as without.
fn resumes<S, H, Z>(stepper: S, schedule: H, noise: Z)
where
    S: Dynamics<N, State: Checkpoint> + Clone + Debug,
    H: Schedule<State: Checkpoint> + Clone,
    Z: Checkpoint + Clone,
    S: Stepper<N, Well, Z>,
{
    let name = format!("{stepper:?}");
    let chain = Chain::new([0.5; N], stepper, schedule, noise)
        .burn_in(5)
        .thin(2)
        .patience(3);
    let fresh: Running<S, H, Z> = (chain, estimates());
    let saved =
        |(chain, estimates): &Running<S, H, Z>| -> Vec<u8> { image(&(chain.state(), estimates)) };
    let mut well = Well::default();
    let (mut whole, mut parts) = (fresh.clone(), 0);
    run(&mut whole, &mut well, 300);
    let mut running = fresh.clone();
    let mut well = Well::default();
    for steps in [1, 63, 70, 166] {
        run(&mut running, &mut well, steps);
        parts += steps;
        let bytes = saved(&running);
        let (state, estimates) = State::load(&bytes).expect("whole");
        running = (fresh.0.clone(), estimates);
        running.0.resume(state);
        assert!(saved(&running) == bytes, "{name} after {parts}");
    }
    assert!(saved(&running) == saved(&whole), "{name}");
    // It can fail: a step more is seen.
    run(&mut running, &mut well, 1);
    assert!(saved(&running) != saved(&whole), "{name}");
}

/// |θ|²/2, whose gradient is not a number each 41st time.
#[derive(Default)]
struct Well(u32);

impl Potential<N> for Well {
    fn gradient(&mut self, theta: &[f32; N], gradient: &mut [f32; N]) -> Result<(), StepError> {
        self.0 += 1;
        *gradient = if self.0.is_multiple_of(41) {
            [f32::NAN; N]
        } else {
            *theta
        };
        Ok(())
    }
}

impl Energy<N> for Well {
    fn energy(&mut self, theta: &[f32; N]) -> Result<f32, StepError> {
        Ok(0.5 * theta.iter().map(|t| t * t).sum::<f32>())
    }
}

impl GradientVariance<N> for Well {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; N],
        gradient: &mut [f32; N],
        variance: &mut [f32; N],
    ) -> Result<(), StepError> {
        *variance = [0.5; N];
        self.gradient(theta, gradient)
    }
}

fn eta() -> Constant {
    Constant::new(0.1).expect("valid")
}

#[test]
fn every_stepper_noise_and_schedule_resumes() {
    steppers!(rng(), |_name, stepper, noise| resumes(
        stepper,
        eta(),
        noise
    ));
    noises!(rng(), |_name, noise| resumes(Sgld::new(), eta(), noise));
    let noise = || BoxMuller::new(rng());
    schedules!(|_name, schedule| resumes(Sgld::new(), schedule, noise()));
}

#[test]
fn a_window_resumes() {
    for count in [0, 1, 4, 5, 6, 13] {
        let mut window: Window<Sample<2>, 5> = Window::forgetting(3.0).expect("valid");
        let observation = |i: u8| Sample {
            x: [1.0, f32::from(i)],
            y: f32::from(i) * 0.5,
        };
        for i in 0..count {
            window.push(observation(i)).expect("finite");
        }
        window
            .push(Sample {
                x: [0.0; 2],
                y: f32::NAN,
            })
            .expect_err("refused");
        let mut resumed = Window::load(&image(&window)).expect("whole");
        for i in 0..7 {
            let listed = |w: &Window<Sample<2>, 5>| {
                w.iter().map(|(o, weight)| (*o, weight)).collect::<Vec<_>>()
            };
            assert_eq!(listed(&window), listed(&resumed));
            assert_eq!(window.refused(), resumed.refused());
            assert_eq!(image(&window), image(&resumed));
            window.push(observation(50 + i)).expect("finite");
            resumed.push(observation(50 + i)).expect("finite");
        }
    }
}

#[test]
fn a_watched_chain_resumes() {
    type Draws = BoxMuller<CountedPcg32>;
    type Stepper = Preconditioned<LeimkuhlerMatthews, Dense<2>>;
    type Whole = (Chain<2, Stepper, Constant, Draws>, Monitor<2>, Quantiles<2>);
    type Kept = (
        ChainState<2, Stepper, Constant, Draws>,
        Monitor<2>,
        Quantiles<2>,
    );
    let saved = |(chain, monitor, quantiles): &Whole| -> Vec<u8> {
        image(&(chain.state(), monitor, quantiles))
    };
    let metric = Dense::from_covariance(&[[1.0, 0.9], [0.9, 1.0]]).expect("positive definite");
    let tuning = Tuning::new([0.0; 2], metric, 0.3).expect("valid");
    let mut state: Whole = (
        tuning.chain(BoxMuller::new(rng())),
        Monitor::new(&tuning),
        Quantiles::central(0.9).expect("valid"),
    );
    let run = |(chain, monitor, quantiles): &mut Whole, steps: u32| {
        let mut potential = |x: &[f32; 2]| [5.3 * x[0] - 4.7 * x[1], 5.3 * x[1] - 4.7 * x[0]];
        for _ in 0..steps {
            let kept = chain.step(&mut monitor.watch(&mut potential));
            if let Some(theta) = kept.expect("a good step") {
                quantiles.push(theta);
            }
        }
    };
    run(&mut state, 1003);
    let (chain, monitor, quantiles) = Kept::load(&saved(&state)).expect("whole");
    let mut resumed = (tuning.chain(BoxMuller::new(rng())), monitor, quantiles);
    resumed.0.resume(chain);
    run(&mut state, 5000);
    run(&mut resumed, 5000);
    assert!(saved(&state) == saved(&resumed));
    assert_eq!(
        state.1.verdict(&state.0.error_counts()),
        resumed.1.verdict(&resumed.0.error_counts())
    );
}

type SmallChain = ChainState<N, Sgld, Constant, BoxMuller<CountedPcg32>>;
type Small = (SmallChain, Moments<N>);

fn small(steps: u32) -> Small {
    let mut chain = Chain::new([0.5; N], Sgld::new(), eta(), BoxMuller::new(rng()));
    let mut moments = Moments::new();
    for _ in 0..steps {
        if let Ok(Some(theta)) = chain.step(&mut |theta: &[f32; N]| *theta) {
            moments.push(theta);
        }
    }
    (chain.state().clone(), moments)
}

#[test]
fn the_power_fails_at_every_byte_of_a_save() {
    let blank = [0xff; Small::IMAGE];
    let mut flash = [blank; 2];
    let (mut slots, first) = AbSlots::recover::<Small>([&flash[0], &flash[1]]);
    assert_eq!(first.err(), Some(CheckpointError::Empty));
    let mut before: Option<Vec<u8>> = None;
    for steps in [10, 20, 30, 40] {
        let state = small(steps);
        let mut made = blank;
        let slot = slots.prepare(&state, &mut made).expect("there is room");
        for cut in 0..made.len() {
            let mut torn = flash;
            torn[slot] = blank;
            torn[slot][..cut].copy_from_slice(&made[..cut]);
            let (_, found) = AbSlots::recover::<Small>([&torn[0], &torn[1]]);
            assert_eq!(
                found.ok().map(|s| image(&s)),
                before,
                "{steps} steps, {cut} bytes"
            );
        }
        flash[slot] = made;
        slots.commit();
        let (again, found) = AbSlots::recover::<Small>([&flash[0], &flash[1]]);
        assert_eq!(again, slots);
        assert_eq!(found.as_ref().map(image), Ok(image(&state)));
        before = Some(image(&state));
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_refused() {
    let good = image(&small(10));
    for position in 0..good.len() {
        assert!(Small::load(&good[..position]).is_err());
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[position] ^= flip;
            assert!(Small::load(&bad).is_err(), "{position}");
        }
    }
    // Of the same size, and another thing: what MALA counts is not what the lattice walk counts.
    type Accepted = ChainState<N, Mala, Constant, CountedPcg32>;
    type Clipped = ChainState<N, LatticeWalk, Constant, CountedPcg32>;
    let walk = Chain::new([0.5; N], LatticeWalk::new(), eta(), rng());
    assert_eq!(Accepted::IMAGE, Clipped::IMAGE);
    assert_eq!(
        Accepted::load(&image(walk.state())).err(),
        Some(CheckpointError::Schema)
    );
    // SGD and SGLD keep nothing but the position: each carries on from the other's.
    type Descent = ChainState<N, Sgd, Constant, BoxMuller<CountedPcg32>>;
    assert!(<(Descent, Moments<N>)>::load(&good).is_ok());
}

/// Bytes that get the frame of a `T` and a valid CRC, as if a `T` had written them.
struct Forged<T>(Vec<u8>, PhantomData<T>);

impl<T: Checkpoint> Checkpoint for Forged<T> {
    const SIZE: usize = T::SIZE;
    const SCHEMA: u32 = T::SCHEMA;

    fn write(&self, out: &mut Writer<'_>) {
        for byte in &self.0 {
            out.bytes([*byte]);
        }
    }

    fn read(_: &mut Reader<'_>) -> Result<Self, CheckpointError> {
        Err(CheckpointError::Invalid)
    }
}

/// Loads `state` after one word of its bytes was replaced and the CRC computed anew.
fn forged<T: Checkpoint>(state: &T, offset: usize, word: u32) -> Result<T, CheckpointError> {
    let mut bytes = image(state)[12..][..T::SIZE].to_vec();
    bytes[offset..offset + 4].copy_from_slice(&word.to_le_bytes());
    T::load(&image(&Forged::<T>(bytes, PhantomData)))
}

const FORGERIES: [f32; 8] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    -1.0,
    0.0,
    2.0,
    f32::MAX,
    f32::MIN,
];

/// Forges every word of `state` to each of `FORGERIES` and to random bits, and asserts that those which no valid state has
/// are refused and that the others do no harm: `numbers` of what was loaded are not NaN.
///
/// `layout` names the words: `f` finite, `n` finite and not negative, `p` a number in [0, 1], `r` a number from 1 to infinity,
/// `.` any bits.
fn forgeries<T: Checkpoint>(layout: &str, state: &T, mut numbers: impl FnMut(T) -> Vec<f32>) {
    let name = std::any::type_name::<T>();
    let layout: Vec<char> = layout.chars().filter(|c| *c != ' ').collect();
    assert_eq!(4 * layout.len(), T::SIZE, "{name}");
    assert!(T::load(&image(state)).is_ok(), "{name}");
    let mut harmless = |loaded: Result<T, CheckpointError>, what: &str| match loaded {
        Ok(loaded) => assert!(numbers(loaded).iter().all(|x| !x.is_nan()), "{what}"),
        Err(error) => assert_eq!(error, CheckpointError::Invalid, "{what}"),
    };
    for (i, kind) in layout.iter().enumerate() {
        for x in FORGERIES {
            let valid = match kind {
                'f' => x.is_finite(),
                'n' => x.is_finite() && x >= 0.0,
                'p' => (0.0..=1.0).contains(&x),
                'r' => x >= 1.0,
                _ => true,
            };
            let what = format!("{name}: word {i} forged to {x}");
            let loaded = forged(state, 4 * i, x.to_bits());
            // There may be further conditions on valid numbers.
            assert!(valid || loaded.is_err(), "{what}");
            harmless(loaded, &what);
        }
    }
    let mut rng = rng();
    for offset in 0..=T::SIZE - 4 {
        for _ in 0..50 {
            let word = rng.next_u32();
            let what = format!("{name}: {word:#x} at byte {offset}");
            harmless(forged(state, offset, word), &what);
        }
    }
}

/// Samples that go on after a forged state was loaded.
const SAMPLES: [[f32; 2]; 4] = [[1.0, -2.0], [0.5, 0.0], [-3.0, 1.0], [0.25, 2.0]];

#[test]
fn estimates_refuse_forged_values() {
    const WEIGHTS: &str = "nfp.";
    const MOMENTS: &str = "nfp. ffff nfnf";
    const SPREAD: &str = ". ff nn";
    let numbers = |m: &Moments<2>| [m.mean().unwrap_or_default(), m.sd().unwrap_or_default()];

    let mut moments = Moments::forgetting(5.0).expect("valid");
    SAMPLES.iter().for_each(|x| moments.push(x));
    forgeries(MOMENTS, &moments, |mut loaded| {
        SAMPLES.iter().for_each(|x| loaded.push(x));
        let mut merged = moments;
        merged.merge(&loaded);
        [numbers(&loaded), numbers(&merged)].as_flattened().concat()
    });

    let mut covariance = Covariance::new();
    SAMPLES.iter().for_each(|x| covariance.push(x));
    forgeries(&format!("{MOMENTS} ffff"), &covariance, |mut loaded| {
        SAMPLES.iter().for_each(|x| loaded.push(x));
        let correlation = loaded.correlation().unwrap_or_default();
        [loaded.matrix().unwrap_or_default(), correlation]
            .as_flattened()
            .concat()
    });

    let mut quantiles = Quantiles::<2>::central_forgetting(0.9, 10.0).expect("valid");
    SAMPLES.iter().for_each(|x| quantiles.push(x));
    let layout = format!("{WEIGHTS} pp ffn ffn ffn ffn");
    forgeries(&layout, &quantiles, |mut loaded| {
        SAMPLES.iter().for_each(|x| loaded.push(x));
        loaded.values().unwrap_or_default().concat()
    });
    // Probabilities that are not in order.
    assert!(forged(&quantiles, 16, 0.96_f32.to_bits()).is_err());
    assert!(forged(&quantiles, 16, 0.94_f32.to_bits()).is_ok());

    let mut predictive = Predictive::<2>::new();
    SAMPLES.iter().for_each(|x| predictive.push(x, &[0.5; 2]));
    let layout = format!("{MOMENTS} nfnf .");
    forgeries(&layout, &predictive, |mut loaded| {
        SAMPLES.iter().for_each(|x| loaded.push(x, &[0.5; 2]));
        loaded.sd().unwrap_or_default().to_vec()
    });

    let mut diagnostics = Diagnostics::<2>::new();
    (0..25).for_each(|i| diagnostics.push(&SAMPLES[i % 4]));
    // The size of a batch, how many draws the one under way has, and the number of batches.
    for (offset, good, bad) in [(28, 1, 0), (24, 0, 1), (32, 95, 96), (52, 25, 26)] {
        assert!(forged(&diagnostics, offset, good).is_ok(), "{offset}");
        assert!(forged(&diagnostics, offset, bad).is_err(), "{offset}");
    }
    let layout = format!("ff ffff .. {SPREAD} {SPREAD} ff {MOMENTS} {MOMENTS} r .");
    forgeries(&layout, &diagnostics, |mut loaded| {
        (0..200).for_each(|i| loaded.push(&SAMPLES[i % 4]));
        let [ess, mcse] = [loaded.ess(), loaded.mcse()];
        [ess, mcse, [loaded.split_r_hat(), loaded.draws()]].concat()
    });
}

#[test]
fn noises_refuse_forged_values() {
    fn draws<Z: Noise>(mut noise: Z) -> Vec<f32> {
        let mut draws = [f32::NAN; 33];
        noise.fill(&mut draws).expect("no failure");
        draws.to_vec()
    }
    let mut normal = BoxMuller::new(rng());
    draws(&mut normal);
    // Behind the generator there is a byte that says whether there is a spare.
    for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(forged(&normal, 25, x.to_bits()).is_err());
    }
    assert!(forged(&normal, 25, 1.0_f32.to_bits()).is_ok());
    assert!(forged(&normal, 24, 2).is_err());
    forgeries("......", &InverseCdf::new(rng()), draws);
    forgeries("......", &FixedInverseCdf::new(rng()), draws);
    forgeries("......", &ThreePoint::new(rng()), draws);
    let signs = Rademacher::new(rng());
    forgeries("........", &signs, draws);
    assert!(forged(&signs, 28, 32).is_ok());
    assert!(forged(&signs, 28, 33).is_err());
}

#[test]
fn windows_refuse_forged_values() {
    let observation = |x: f32| Sample { x: [x], y: 2.0 };
    let mut window: Window<Sample<1>, 3> = Window::forgetting(8.0).expect("valid");
    for x in [1.0, 2.0, 3.0, 4.0] {
        window.push(observation(x)).expect("finite");
    }
    forgeries(".. pn ff ff ff", &window, |mut loaded| {
        loaded.push(observation(5.0)).expect("finite");
        let weights = loaded.iter().map(|(_, weight)| weight);
        weights.chain([loaded.total_weight()]).collect()
    });
    // More observations than there is room for, and a sum of weights that they cannot have.
    assert!(forged(&window, 0, 3).is_ok() && forged(&window, 0, 4).is_err());
    assert!(forged(&window, 12, 3.5_f32.to_bits()).is_err());
}

/// Forges every word of a chain's state; `layout` is that of its stepper's and its schedule's.
fn chain_forgeries<S, H>(layout: &str, stepper: S, schedule: H)
where
    S: Dynamics<N, State: Checkpoint> + Clone,
    H: Schedule<State: Checkpoint> + Clone,
    S: Stepper<N, Well, InverseCdf<CountedPcg32>>,
{
    let mut chain = Chain::new([0.5; N], stepper, schedule, InverseCdf::new(rng()));
    let mut well = Well::default();
    for _ in 0..20 {
        chain.step(&mut well).expect("a good step");
    }
    // Between them the generator; then counters.
    let layout = format!("fff {layout} ...... ..... ........");
    forgeries(&layout, chain.state(), |state| {
        let mut chain = chain.clone();
        chain.resume(state);
        let mut well = Well::default();
        for _ in 0..3 {
            let _ = chain.step(&mut well);
        }
        chain.position().to_vec()
    });
}

#[test]
fn chains_refuse_forged_values() {
    chain_forgeries("", Sgld::new(), eta());
    chain_forgeries("fff", LeimkuhlerMatthews::new(), eta());
    chain_forgeries("fff", Baoab::new(0.2).expect("valid"), eta());
    chain_forgeries("fff ..", Sghmc::new(0.2).expect("valid"), eta());
    chain_forgeries("fff f", Sgnht::new(0.2).expect("valid"), eta());
    chain_forgeries("fff f", Badodab::new(0.2).expect("valid"), eta());
    chain_forgeries("nnn", Psgld::new(0.9, 0.1).expect("valid"), eta());
    chain_forgeries("..", Mala::new(), eta());
    let decay = Polynomial::new(0.2, 10.0, 0.55).expect("valid");
    chain_forgeries(". n", Sgld::new(), decay);
    let annealed = Annealed::new(decay, 2.0, 0.5, 100).expect("valid");
    chain_forgeries(". n .", Sgld::new(), annealed);
    chain_forgeries(".", Sgld::new(), Cyclical::new(0.1, 50).expect("valid"));
}

#[test]
fn chains_refuse_forged_counts() {
    let proportion = Proportion::new();
    assert!(forged(&proportion, 0, 1).is_err());
    assert!(forged(&proportion, 4, 1).is_ok());

    // 3 plain steps after which there are 61 until the check: both at once, or more than 64, are of no state.
    let noise = InverseCdf::new(rng());
    let mut chain = Chain::new([0.5; N], Sgld::new(), eta(), noise);
    for _ in 0..3 {
        chain
            .step(&mut |theta: &[f32; N]| *theta)
            .expect("a good step");
    }
    let [plain, until_check] = [1, 2].map(|word| 12 + 24 + 4 * word);
    for (offset, count, valid) in [
        (plain, 64, true),
        (plain, 65, false),
        (plain, 0, true),
        (until_check, 1, false),
        (plain - 4, 1, false),
    ] {
        let loaded = forged(chain.state(), offset, count);
        assert_eq!(loaded.is_ok(), valid, "{offset} {count}");
    }

    // A hot replica's position, and its errors in a row.
    let ladder = Ladder::new([2.0, 4.0]).expect("valid");
    let stepper = ReplicaExchange::new(Sgld::new(), ladder, 5);
    let state = Dynamics::<N>::start(&stepper);
    let replica = 4 * (N + 2) + 1;
    for start in [0, replica] {
        for x in [f32::NAN, f32::INFINITY] {
            assert!(forged(&state, start + 8, x.to_bits()).is_err());
        }
        assert!(forged(&state, start + replica - 1, 8).is_ok());
        assert!(forged(&state, start + replica - 1, 9).is_err());
    }
}

/// A state carries on under the configuration that the chain has, whatever it was made under.
#[test]
fn a_state_carries_on_under_another_configuration() {
    fn carries_on<S, H>(before: (S, H), after: (S, H))
    where
        S: Dynamics<N, State: Checkpoint>,
        H: Schedule<State: Checkpoint>,
        S: Stepper<N, Well, InverseCdf<CountedPcg32>>,
    {
        let noise = || InverseCdf::new(rng());
        let mut chain = Chain::new([0.5; N], before.0, before.1, noise());
        let mut well = Well::default();
        for _ in 0..18 {
            chain.step(&mut well).expect("a good step");
        }
        let state = ChainState::load(&image(chain.state())).expect("whole");
        let mut chain = Chain::new([9.0; N], after.0, after.1, noise()).thin(3);
        chain.resume(state);
        let mut well = Well::default();
        let kept = (0..18)
            .filter(|_| matches!(chain.step(&mut well), Ok(Some(_))))
            .count();
        // The first goes by the old configuration, which thinned nothing.
        assert_eq!(kept, 6);
        assert!(chain.position().iter().all(|t| t.abs() < 9.0));
    }
    let sghmc = |every| Sghmc::new(0.2).expect("valid").refresh_every(every);
    carries_on((sghmc(1000), eta()), (sghmc(4), eta()));
    let cycles = |length| Cyclical::new(0.1, length).expect("valid");
    carries_on((Sgld::new(), cycles(1000)), (Sgld::new(), cycles(7)));
    let exchange =
        |every| ReplicaExchange::new(Sgld::new(), Ladder::new([2.0]).expect("valid"), every);
    carries_on((exchange(1000), eta()), (exchange(2), eta()));
    let sgnht = |a| Sgnht::new(a).expect("valid");
    carries_on((sgnht(0.1), eta()), (sgnht(0.9), eta()));
}

#[test]
fn sizes_and_format() {
    // When these change, what earlier versions have saved is refused: the changelog has to say so.
    assert_eq!(Small::IMAGE, 173);
    assert_eq!(<Dense<8>>::SIZE, 4 * 36);
    assert_eq!(<Tuning<8>>::IMAGE, 200);
    let hash = image(&small(10))
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
    assert_eq!(hash, 0x0d79_2040_46fd_2319, "{hash:#x}");
}
