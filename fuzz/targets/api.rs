//! The public interface on input that a fuzzer chooses: no panic, no position or estimate that is not finite,
//! no endless loop.
#![no_main]

use langevin::{
    chain::*, checkpoint::*, constraint::*, data::*, estimate::*, model::*, noise::rand_core::*,
    noise::*, potential::*, preconditioner::*, sampler::*, schedule::*, stepper::*, *,
};
use langevin_testing::{likelihoods, pairs};
use libfuzzer_sys::fuzz_target;

// An input is some parts, each with what it is for and its length: what is found in one part goes with the others.
fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let [kind, length, tail @ ..] = rest {
        let (part, after) = tail.split_at(tail.len().min(4 * usize::from(*length)));
        let mut input = Input(part);
        // A setting that a constructor refuses ends a part.
        let _ = match kind % 7 {
            0 => steppers(&mut input),
            1 => schedules(&mut input),
            2 => models(&mut input),
            3 => estimates(&mut input),
            4 => sampler(&mut input),
            5 => coordinates(&mut input),
            _ => checkpoints(&mut input),
        };
        rest = after;
    }
});

type Outcome = Result<(), ConfigError>;

/// Numbers from bytes; zeros when they are used up.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                *first
            }
            [] => 0,
        }
    }

    fn bytes<const K: usize>(&mut self) -> [u8; K] {
        [(); K].map(|()| self.byte())
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    /// Small, mostly.
    fn count(&mut self) -> u32 {
        match self.byte() {
            255 => self.word(),
            small => u32::from(small),
        }
    }

    /// Ordinary, awkward, or any bits at all.
    fn float(&mut self) -> f32 {
        match self.byte() {
            kind @ 0..=159 => (f32::from(kind) - 80.0) / 16.0,
            kind @ 160..=199 => libm::exp2f((f32::from(kind) - 180.0) * 6.0),
            200 => f32::NAN,
            201 => f32::INFINITY,
            202 => f32::NEG_INFINITY,
            203 => f32::MAX,
            204 => f32::MIN,
            205 => f32::MIN_POSITIVE,
            206 => 1e-45,
            207 => -0.0,
            _ => f32::from_bits(self.word()),
        }
    }

    fn floats<const K: usize>(&mut self) -> [f32; K] {
        [(); K].map(|()| self.float())
    }

    fn left(&self) -> bool {
        !self.0.is_empty()
    }
}

fn finite<const N: usize>(x: &[f32; N]) {
    assert!(x.iter().all(|x| x.is_finite()), "{x:?}");
}

/// The generator: what the input says, then a fixed stream; it fails where the input says so.
#[derive(Clone)]
struct Words {
    words: Vec<u8>,
    then: Pcg32,
    failing: bool,
}

impl Words {
    fn take(input: &mut Input<'_>) -> Self {
        let flags = input.byte();
        Self {
            words: (0..flags % 32).map(|_| input.byte()).collect(),
            then: Pcg32::seed_from_u64(flags.into()),
            failing: flags >= 128,
        }
    }
}

impl TryRng for Words {
    type Error = core::fmt::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        match self.words.pop() {
            Some(0) if self.failing => Err(core::fmt::Error),
            Some(byte) if byte.is_multiple_of(2) => Ok(u32::from_le_bytes([byte; 4])),
            Some(255) => Ok(u32::MAX),
            _ => Ok(self.then.next_u32()),
        }
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from(self.try_next_u32()?) << 32 | u64::from(self.try_next_u32()?))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for byte in out {
            *byte = self.try_next_u32()? as u8;
        }
        Ok(())
    }
}

/// A well, now and then answered by a float from the input.
struct Odd {
    stiffness: [f32; 3],
    odd: Vec<f32>,
    calls: usize,
}

impl Odd {
    fn take(input: &mut Input<'_>) -> Self {
        let count = input.byte() % 16;
        Self {
            stiffness: input.floats(),
            odd: (0..count).map(|_| input.float()).collect(),
            calls: 0,
        }
    }

    fn answer(&mut self, ordinary: f32) -> f32 {
        self.calls += 1;
        match self.odd.get(self.calls / 4) {
            Some(odd) if self.calls.is_multiple_of(4) => *odd,
            _ => ordinary,
        }
    }
}

impl Potential<3> for Odd {
    fn gradient(&mut self, theta: &[f32; 3], gradient: &mut [f32; 3]) -> Result<(), StepError> {
        for i in 0..3 {
            gradient[i] = self.answer(self.stiffness[i] * theta[i]);
        }
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.odd.first().copied().unwrap_or(1.0)
    }
}

impl Energy<3> for Odd {
    fn energy(&mut self, theta: &[f32; 3]) -> Result<f32, StepError> {
        let energy = (0..3)
            .map(|i| 0.5 * self.stiffness[i] * theta[i] * theta[i])
            .sum();
        Ok(self.answer(energy))
    }
}

impl GradientVariance<3> for Odd {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; 3],
        gradient: &mut [f32; 3],
        variance: &mut [f32; 3],
    ) -> Result<(), StepError> {
        *variance = [(); 3].map(|()| self.answer(1.0));
        self.gradient(theta, gradient)
    }
}

/// A chain of the input's settings.
fn chain<S: Stepper<3, Odd, Z>, Z>(input: &mut Input<'_>, stepper: S, noise: Z) {
    let schedule = Constant::new(input.float()).and_then(|s| s.with_temperature(input.float()));
    let Ok(schedule) = schedule.or(Constant::new(0.1)) else {
        return;
    };
    let mut chain = Chain::new(input.floats(), stepper, schedule, noise)
        .burn_in(input.count())
        .thin(input.count())
        .patience(input.count())
        .max_step(MaxStep::new(input.float()).unwrap_or(MaxStep::NONE));
    if input.byte().is_multiple_of(2) {
        chain = chain.anchor(input.floats());
    }
    let steps = input.byte();
    let mut potential = Odd::take(input);
    for _ in 0..steps {
        let before = *chain.position();
        let faults = chain.error_counts().total();
        let outcome = chain.step(&mut potential).map(|theta| theta.copied());
        finite(chain.position());
        if let Err(fault) = outcome {
            assert!(chain.error_counts().total() > faults || faults == u32::MAX);
            if !matches!(fault, StepError::ReturnedToAnchor | StepError::Stalled) {
                assert_eq!(before.map(f32::to_bits), chain.position().map(f32::to_bits));
            }
        }
    }
}

/// A stepper of the list with one of its noises, or one of the input's settings.
fn steppers(input: &mut Input<'_>) -> Outcome {
    let (kind, rng) = (input.byte(), Words::take(input));
    let mut listed = 0;
    pairs!(rng.clone(), |_name, stepper, noise| {
        if listed == kind {
            chain(input, stepper, noise);
        }
        listed += 1;
    });
    if kind < listed {
        return Ok(());
    }
    match kind % 7 {
        0 => {
            let ladder = Ladder::<2>::new(input.floats()).or(Ladder::geometric(input.float()))?;
            let stepper = ReplicaExchange::new(Sgld::new(), ladder, input.count());
            chain(input, stepper, InverseCdf::new(rng));
        }
        1 => {
            let stepper = Sghmc::new(input.float())?.refresh_every(input.count());
            let stepper = stepper.gradient_variance(input.float())?;
            chain(input, stepper, Rademacher::new(rng));
        }
        2 => {
            let stepper = Sghmc::with_mass(input.float(), input.float())?;
            chain(input, stepper, InverseCdf::new(rng));
        }
        3 => {
            let stepper = Baoab::new(input.float())?;
            chain(input, stepper, ThreePoint::new(rng));
        }
        4 => {
            let stepper = Psgld::new(input.float(), input.float())?;
            chain(input, stepper, InverseCdf::new(rng));
        }
        5 => {
            let stepper = Sgnht::new(input.float())?;
            chain(input, stepper, Rademacher::new(rng));
        }
        _ => {
            let stepper = Badodab::new(input.float())?;
            let dense = Dense::new([(); 3].map(|()| input.floats()))?;
            chain(
                input,
                Preconditioned::new(stepper, dense),
                InverseCdf::new(rng),
            );
        }
    }
    Ok(())
}

fn schedules(input: &mut Input<'_>) -> Outcome {
    fn sound(input: &mut Input<'_>, schedule: impl Schedule) {
        let mut state = schedule.start();
        for _ in 0..input.byte() {
            if let Ok(pace) = schedule.step_parameters(&mut state, input.float()) {
                assert!(pace.eta() > 0.0 && pace.temperature() >= 0.0);
                assert!(pace.eta().is_finite() && pace.noise_scale().is_finite());
                let _ = pace.check(&input.floats::<2>());
            }
            let _ = schedule.keeps(&state);
        }
    }
    match input.byte() % 4 {
        0 => {
            let schedule = Polynomial::new(input.float(), input.float(), input.float())?;
            sound(input, schedule);
        }
        1 => {
            let (length, exponent) = (input.count(), input.float());
            let schedule = Polynomial::between(input.float(), input.float(), exponent, length)?;
            sound(input, schedule);
        }
        2 => {
            let schedule = Cyclical::new(input.float(), input.count())?;
            let schedule = schedule.exploring(input.count()).burn_in(input.count());
            let schedule = schedule.with_temperature(input.float())?;
            sound(input, schedule);
        }
        _ => {
            let constant = Constant::new(input.float())?;
            let annealed = Annealed::new(constant, input.float(), input.float(), input.count())?;
            sound(input, annealed);
        }
    }
    Ok(())
}

/// A window, a model on it, minibatches of it, and a chain on those.
fn sample<const N: usize, Q: Prior<N>, L: Likelihood<Sample<2>, N>>(
    input: &mut Input<'_>,
    model: &Model<Q, L>,
) -> Outcome {
    let window = Window::<Sample<2>, 8>::forgetting(input.float());
    let mut window = window.unwrap_or_default();
    let mut rng = Words::take(input);
    let schedule = Constant::new(input.float())?;
    let noise = InverseCdf::new(Pcg32::seed_from_u64(1));
    let mut chain = Chain::new([0.0; N], Sgld::new(), schedule, noise);
    while input.left() {
        let kind = input.byte();
        let observation = Sample {
            x: input.floats(),
            y: input.float(),
        };
        let refused = window.refused();
        let pushed = window.push(observation);
        assert_eq!(pushed.is_ok(), observation.is_finite());
        assert_eq!(window.refused() > refused, pushed.is_err());
        assert!(window.count() <= 8 && window.total_weight() <= 8.0);
        let _ = model.posterior(&window).energy(chain.position());
        let anchor = *chain.position();
        let batch = model.posterior(&window).minibatch::<3, _>(&mut rng);
        let _ = match kind % 5 {
            0 => chain.step(&mut model.posterior(&window)),
            1 => chain.step(&mut model.posterior(&window).minibatch::<1, _>(&mut rng)),
            2 => chain.step(&mut batch.with_replacement()),
            3 => match batch.control_variates(&anchor) {
                Ok(variates) => chain.step(&mut variates.refresh_every(kind.into())),
                Err(_) => Ok(None),
            },
            _ => {
                window.clear();
                chain.step(&mut model.posterior(&window))
            }
        };
        finite(chain.position());
    }
    Ok(())
}

/// A likelihood of the list, or priors and a likelihood of the input's settings.
fn models(input: &mut Input<'_>) -> Outcome {
    let kind = input.byte();
    let mut listed = 0;
    likelihoods!(|_name, model| {
        if listed == kind {
            sample(input, &model)?;
        }
        listed += 1;
    });
    if kind < listed {
        return Ok(());
    }
    let gaussian = GaussianPrior::new(input.floats(), input.floats())?;
    let laplace = LaplacePrior::new(input.floats(), input.floats())?;
    let student = StudentTPrior::new(input.float(), input.floats(), input.floats())?;
    let prior = ((gaussian, laplace), student);
    if kind.is_multiple_of(2) {
        let likelihood = LinearRegression::new(input.float())?;
        sample(input, &Model::new(prior, likelihood))
    } else {
        let likelihood = RobustRegression::new(input.float(), input.float())?;
        sample(input, &Model::new(prior, likelihood))
    }
}

fn estimates(input: &mut Input<'_>) -> Outcome {
    let horizon = input.float();
    let mut moments = Moments::<2>::forgetting(horizon).unwrap_or_default();
    let mut other = Moments::<2>::new();
    let mut covariance = Covariance::<2>::forgetting(horizon).unwrap_or_default();
    let mut predictive = Predictive::<2>::new();
    let mut diagnostics = Diagnostics::<2>::new();
    let quantiles = Quantiles::<2>::central_forgetting(input.float(), horizon);
    let mut quantiles = quantiles.or(Quantiles::central(0.95))?;
    while input.left() {
        let weight = input.float();
        let sample = input.floats();
        match input.byte() % 8 {
            0 => moments.push_weighted(&sample, weight),
            1 => covariance.push_weighted(&sample, weight),
            2 => quantiles.push_weighted(&sample, weight),
            3 => predictive.push(&sample, &input.floats()),
            4 => other.push(&sample),
            5 => moments.merge(&other),
            // Many, so that batches merge.
            6 => (0..200).for_each(|_| diagnostics.push(&sample)),
            _ => {
                moments.push(&sample);
                covariance.push(&sample);
                quantiles.push(&sample);
                diagnostics.push(&sample);
            }
        }
        if let Some((mean, variance)) = moments.mean().zip(moments.variance()) {
            finite(&mean);
            assert!(variance.iter().all(|v| *v >= 0.0));
        }
        let _ = (
            moments.interval(weight),
            covariance.matrix(),
            covariance.correlation(),
        );
        let _ = (
            quantiles.values(),
            predictive.interval(weight),
            diagnostics.split_r_hat(),
        );
        let _ = (
            diagnostics.ess(),
            diagnostics.mcse(),
            diagnostics.autocorrelation_time(),
        );
        let _ = r_hat([&moments, &other]);
    }
    Ok(())
}

/// The sampler, from warm-up to verdict.
fn sampler(input: &mut Input<'_>) -> Outcome {
    let start = input.floats();
    let noise = ThreePoint::new(Words::take(input));
    let mut sampler = Sampler::new(start, noise);
    if let Ok(accuracy) = Accuracy::new(input.float(), input.float()) {
        sampler = sampler.with_accuracy(accuracy);
    }
    let steps = input.count().min(20_000);
    let mut potential = Odd::take(input);
    for _ in 0..steps {
        if let Ok(Some(draw)) = sampler.step(&mut potential) {
            finite(draw.position);
        }
        finite(sampler.position());
    }
    let _ = (
        sampler.mean(),
        sampler.sd(),
        sampler.covariance(),
        sampler.error(),
    );
    let _ = (
        sampler.verdict(),
        sampler.error_counts(),
        sampler.progress(),
    );
    let _ = (sampler.laplace_distance(), sampler.compare(&sampler));
    Ok(())
}

/// Preconditioners and transforms.
fn coordinates(input: &mut Input<'_>) -> Outcome {
    let matrix: [[f32; 3]; 3] = [(); 3].map(|()| input.floats());
    let mut metric = Dense::from_covariance(&matrix)
        .or(Dense::from_precision(&matrix))
        .unwrap_or(Dense::identity());
    let kept = metric;
    if metric.refactor(&[(); 3].map(|()| input.floats())).is_err() {
        assert_eq!(metric, kept);
    }
    metric.rows().iter().for_each(finite);
    let mut x = input.floats();
    metric.apply_transpose(&mut x);
    metric.apply(&mut x);
    metric.solve(&mut x);
    let mut rounded = metric;
    rounded.compose(&kept);

    let mut support = || match input.byte() % 3 {
        0 => Constraint::above(input.float()),
        1 => Constraint::below(input.float()),
        _ => Constraint::between(input.float(), input.float()),
    };
    if let (Ok(a), Ok(b), Ok(c)) = (support(), support(), support()) {
        let transform = Transform::new([a, b, c]);
        let theta = input.floats();
        let x = transform.constrain(&theta);
        if let Ok(theta) = transform.unconstrain(&x) {
            finite(&theta);
        }
        let mut potential = transform.wrap(Odd::take(input));
        let mut gradient = [0.0; 3];
        let _ = potential.gradient(&theta, &mut gradient);
        let _ = potential.energy(&theta);
    }
    Ok(())
}

type Saved = ChainState<2, Sgld, Constant, BoxMuller<CountedPcg32>>;
type State = (Saved, Moments<2>, Window<Sample<2>, 4>);

/// Damaged images, and images that are whole but of what no state writes.
fn checkpoints(input: &mut Input<'_>) -> Outcome {
    let noise = BoxMuller::new(CountedPcg32::new(input.word().into(), input.word().into()));
    let schedule = Constant::new(0.1)?;
    let mut chain = Chain::new(input.floats(), Sgld::new(), schedule, noise).burn_in(input.count());
    let (moments, mut window) = (Moments::<2>::new(), Window::<Sample<2>, 4>::new());
    let potential = &mut |theta: &[f32; 2]| *theta;
    for _ in 0..input.byte() % 8 {
        let _ = chain.step(potential);
        let _ = window.push(Sample {
            x: input.floats(),
            y: 1.0,
        });
    }
    let state = (chain.state(), &moments, &window);
    let mut slots = [[0xff; State::IMAGE]; 2];
    let (mut place, _) = AbSlots::recover::<State>([&slots[0], &slots[1]]);
    for _ in 0..1 + input.byte() % 3 {
        let mut image = [0; State::IMAGE];
        if let Ok(slot) = place.prepare(&state, &mut image) {
            slots[slot] = image;
            place.commit();
        }
    }
    let [a, b] = &mut slots;
    if input.byte().is_multiple_of(2) {
        let (resumed, ..) = State::load(a).expect("a whole image");
        // What is derived from the settings is not kept.
        let bytes = |state: &Saved| {
            let mut image = [0; Saved::IMAGE];
            state.save(&mut image).map(|()| image)
        };
        assert_eq!(bytes(&resumed).ok(), bytes(chain.state()).ok());
    }
    // Damage.
    while input.left() {
        let at = usize::from(input.byte()) % State::IMAGE;
        a[at] ^= input.byte();
        b[usize::from(input.byte()) % State::IMAGE] ^= input.byte();
        // With the checksum set right, so that what is inside is read.
        if input.byte().is_multiple_of(2) {
            seal(a);
        }
        for image in [&a[..], &b[..], &a[..at]] {
            if let Ok((state, mut moments, mut window)) = State::load(image) {
                let mut resumed = chain.clone();
                resumed.resume(state);
                finite(resumed.position());
                let _ = resumed.step(potential);
                finite(resumed.position());
                moments.push(&[0.5, 0.5]);
                let _ = window.push(Sample {
                    x: [1.0; 2],
                    y: 1.0,
                });
                assert!(window.iter().count() <= 4);
            }
        }
        let _ = AbSlots::recover::<State>([a, b]).1;
    }
    Ok(())
}

/// Puts the CRC-32 that belongs there at the end of an image.
fn seal(image: &mut [u8]) {
    let (body, checksum) = image.split_at_mut(image.len() - 4);
    let mut crc = u32::MAX;
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    checksum.copy_from_slice(&(!crc).to_le_bytes());
}
