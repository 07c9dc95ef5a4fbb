//! Whatever floats come in, nothing panics, every position is finite, a fault changes nothing and is
//! counted once: the core's public interface, and every stepper, on NaN, infinities, subnormals and numbers
//! as large as they get.

use langevin::{
    Chain, Potential, Sample, StepError, Window,
    chain::ErrorCounts,
    data::Data,
    noise::rand_core::TryRng,
    potential::{Energy, GradientVariance},
    preconditioner::{Dense, Diagonal},
    schedule::{Annealed, Constant, Cyclical, Polynomial, Schedule},
    stepper::{
        Ladder, MaxStep, Preconditioned, ReplicaExchange, Sgd, Sgld, StepParameters, Stepper,
    },
};
use langevin_testing::{noises, pairs};
use proptest::{collection::vec, prelude::*};

const SPECIAL: [f32; 18] = [
    f32::NAN,
    -f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    f32::MIN,
    1e18,
    -1e18,
    1e-18,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-45,
    -1e-45,
    0.0,
    -0.0,
    1.0,
    -1.0,
    16_777_216.0,
];

/// Any float, the awkward ones often.
fn hostile() -> impl Strategy<Value = f32> {
    prop_oneof![
        prop::sample::select(SPECIAL.as_slice()),
        any::<u32>().prop_map(f32::from_bits),
        -10.0_f32..10.0,
    ]
}

/// Mostly a float that a chain can live with.
fn mixed() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -10.0_f32..10.0, 1 => hostile()]
}

fn three(float: impl Strategy<Value = f32> + Clone) -> impl Strategy<Value = [f32; 3]> {
    (float.clone(), float.clone(), float).prop_map(|(a, b, c)| [a, b, c])
}

/// Answers with what it was told to, over and over.
#[derive(Clone, Debug)]
struct Replay {
    gradients: Vec<[f32; 3]>,
    energies: Vec<f32>,
    data: Vec<f32>,
    calls: usize,
}

impl Replay {
    fn next<T: Copy>(&self, list: &[T]) -> T {
        list[self.calls % list.len()]
    }
}

impl Potential<3> for Replay {
    fn gradient(&mut self, _: &[f32; 3], gradient: &mut [f32; 3]) -> Result<(), StepError> {
        self.calls += 1;
        *gradient = self.next(&self.gradients);
        Ok(())
    }

    fn number_of_data(&self) -> f32 {
        self.next(&self.data)
    }
}

impl Energy<3> for Replay {
    fn energy(&mut self, _: &[f32; 3]) -> Result<f32, StepError> {
        self.calls += 1;
        Ok(self.next(&self.energies))
    }
}

impl GradientVariance<3> for Replay {
    fn gradient_and_variance(
        &mut self,
        theta: &[f32; 3],
        gradient: &mut [f32; 3],
        variance: &mut [f32; 3],
    ) -> Result<(), StepError> {
        *variance = [self.next(&self.energies); 3];
        self.gradient(theta, gradient)
    }
}

fn replay() -> impl Strategy<Value = Replay> {
    (
        vec(three_mixed(), 1..12),
        vec(mixed(), 1..7),
        prop_oneof![3 => Just(vec![1.0]), 1 => vec(mixed(), 1..4)],
    )
        .prop_map(|(gradients, energies, data)| Replay {
            gradients,
            energies,
            data,
            calls: 0,
        })
}

fn three_mixed() -> impl Strategy<Value = [f32; 3]> {
    prop_oneof![4 => three(-10.0_f32..10.0), 1 => three(hostile().boxed())]
}

/// Words over and over; where there is none, the generator fails.
#[derive(Clone, Debug)]
struct Words {
    words: Vec<Option<u32>>,
    calls: usize,
}

impl TryRng for Words {
    type Error = std::fmt::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.calls += 1;
        self.words[self.calls % self.words.len()].ok_or(std::fmt::Error)
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

fn words() -> impl Strategy<Value = Words> {
    let word = prop_oneof![
        12 => any::<u32>().prop_map(Some),
        2 => prop::sample::select(vec![Some(0), Some(1), Some(u32::MAX), Some(1 << 31)]),
        1 => Just(None),
    ];
    vec(word, 1..40).prop_map(|words| Words { words, calls: 0 })
}

/// A chain's settings.
#[derive(Clone, Debug)]
struct Setting {
    theta: [f32; 3],
    anchor: Option<[f32; 3]>,
    eta: f32,
    temperature: f32,
    bound: f32,
    burn_in: u32,
    thin: u32,
    patience: u32,
}

fn setting() -> impl Strategy<Value = Setting> {
    let counts = || prop_oneof![4 => 0_u32..6, 1 => Just(u32::MAX)];
    (
        three(hostile().boxed()),
        prop::option::of(three(hostile().boxed())),
        prop_oneof![3 => 1e-3_f32..1.0, 1 => hostile()],
        prop_oneof![3 => 0.0_f32..4.0, 1 => hostile()],
        prop_oneof![1 => 0.1_f32..100.0, 1 => hostile()],
        (counts(), counts(), counts()),
    )
        .prop_map(
            |(theta, anchor, eta, temperature, bound, (burn_in, thin, patience))| Setting {
                theta,
                anchor,
                eta,
                temperature,
                bound,
                burn_in,
                thin,
                patience,
            },
        )
}

/// Steps a chain, and holds every outcome to what the chain promises.
fn survives<S: Stepper<3, Replay, Z>, Z>(
    name: (&str, &str),
    setting: &Setting,
    stepper: S,
    noise: Z,
    mut potential: Replay,
) {
    let mut chain = Chain::new(setting.theta, stepper, schedule(setting), noise)
        .burn_in(setting.burn_in)
        .thin(setting.thin)
        .patience(setting.patience)
        .max_step(MaxStep::new(setting.bound).unwrap_or(MaxStep::NONE));
    if let Some(anchor) = setting.anchor {
        chain = chain.anchor(anchor);
    }
    let mut counts = ErrorCounts::new();
    let mut good_until_kept = setting.burn_in;
    for _ in 0..60 {
        let before = chain.position().map(f32::to_bits);
        let state = format!("{:?}", chain.stepper_state());
        let outcome = chain.step(&mut potential).map(|theta| theta.copied());
        let after = *chain.position();
        assert!(after.iter().all(|t| t.is_finite()), "{name:?}: {after:?}");
        match outcome {
            Ok(Some(theta)) => {
                assert_eq!(theta.map(f32::to_bits), after.map(f32::to_bits));
                assert_eq!(good_until_kept, 0);
                good_until_kept = setting.thin.saturating_sub(1);
            }
            Ok(None) => good_until_kept = good_until_kept.saturating_sub(1),
            Err(StepError::ReturnedToAnchor) => {
                counts = chain.error_counts();
                good_until_kept = setting.burn_in;
            }
            Err(fault) => {
                counts.count(fault);
                if fault != StepError::Stalled {
                    assert_eq!(after.map(f32::to_bits), before, "{name:?}: {fault}");
                    assert_eq!(
                        format!("{:?}", chain.stepper_state()),
                        state,
                        "{name:?}: {fault}"
                    );
                }
            }
        }
        assert_eq!(chain.error_counts(), counts);
    }
    let patience = setting.patience.max(1);
    let blamed = counts.gradient + counts.energy + counts.too_long;
    assert!(counts.returned <= blamed / patience);
}

fn schedule(setting: &Setting) -> Constant {
    let constant = Constant::new(setting.eta).unwrap_or(Constant::new(0.1).unwrap());
    constant
        .with_temperature(setting.temperature)
        .unwrap_or(constant)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(2),
        ..ProptestConfig::with_cases(256)
    })]

    #[test]
    fn every_stepper_survives(setting in setting(), potential in replay(), rng in words()) {
        pairs!(rng.clone(), |name, stepper, noise| {
            survives(name, &setting, stepper, noise, potential.clone());
        });
        // Scales far apart.
        let diagonal = Diagonal::new([1e-30, 1.0, 1e30]).unwrap();
        let dense =
            Dense::from_covariance(&[[1e20, 0.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.5, 1.0]]).unwrap();
        let ladder = Ladder::new([2.0, 1e30]).unwrap();
        noises!(default, rng.clone(), |name, noise| {
            let name = (name, "scales");
            let (sgd, sgld) = (Sgd::new(), Sgld::new());
            survives(name, &setting, Preconditioned::new(sgd, diagonal), (), potential.clone());
            let noise_of = || noise.clone();
            survives(name, &setting, Preconditioned::new(sgld, diagonal), noise_of(), potential.clone());
            survives(name, &setting, Preconditioned::new(sgld, dense), noise_of(), potential.clone());
            survives(name, &setting, ReplicaExchange::new(sgld, ladder, 3), noise, potential.clone());
        });
    }
}

/// A pace is good for a step, whatever the schedule was told.
fn paces_are_sound(schedule: impl Schedule, data: &[f32]) {
    let mut state = schedule.start();
    for data in data.iter().cycle().take(200) {
        if let Ok(pace) = schedule.step_parameters(&mut state, *data) {
            assert!(pace.eta() > 0.0 && pace.eta().is_finite());
            assert!(pace.temperature() >= 0.0 && pace.temperature().is_finite());
            assert!(pace.noise_scale().is_finite());
            assert_eq!(pace.noise_scale() > 0.0, pace.temperature() > 0.0);
        }
        let _ = schedule.keeps(&state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(3),
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn constructors_take_what_is_in_range_and_nothing_else(
        a in hostile(), b in hostile(), c in hostile(), count in prop_oneof![0_u32..5, any::<u32>()],
        data in vec(hostile(), 1..5),
    ) {
        let positive = |x: f32| x > 0.0 && x.is_finite();
        let non_negative = |x: f32| x >= 0.0 && x.is_finite();
        prop_assert_eq!(MaxStep::new(a).is_ok(), positive(a));
        prop_assert_eq!(StepParameters::new(a, b).is_ok(), positive(a) && non_negative(b));
        prop_assert_eq!(Diagonal::new([1.0, a, b]).is_ok(), positive(a) && positive(b));
        prop_assert_eq!(Constant::new(a).is_ok(), positive(a));
        if let Ok(constant) = Constant::new(a) {
            paces_are_sound(constant, &data);
            prop_assert_eq!(constant.with_temperature(b).is_ok(), non_negative(b));
            if let Ok(constant) = constant.with_temperature(b) {
                paces_are_sound(constant, &data);
            }
            let annealed = Annealed::new(constant, b, c, count);
            prop_assert_eq!(annealed.is_ok(), non_negative(b) && non_negative(c) && count > 0);
            if let Ok(annealed) = annealed {
                paces_are_sound(annealed, &data);
            }
        }
        let decay = Polynomial::new(a, b, c);
        prop_assert_eq!(
            decay.is_ok(),
            positive(a) && positive(b) && (0.0..=1.0).contains(&c)
        );
        if let Ok(decay) = decay {
            paces_are_sound(decay, &data);
        }
        if let Ok(decay) = Polynomial::between(a, b, c, count) {
            prop_assert!(a > b && b > 0.0 && c > 0.0 && c <= 1.0 && count > 0);
            paces_are_sound(decay, &data);
        }
        prop_assert_eq!(Cyclical::new(a, count).is_ok(), positive(a) && count > 0);
        if let Ok(cyclical) = Cyclical::new(a, count) {
            paces_are_sound(cyclical.exploring(count / 2).burn_in(count), &data);
            if let Ok(cyclical) = cyclical.with_temperature(b) {
                paces_are_sound(cyclical, &data);
            }
        }
    }

    #[test]
    fn a_step_that_is_admitted_is_finite_and_within_the_bound(
        delta in three(hostile().boxed()), bound in hostile(),
    ) {
        let pace = StepParameters::new(0.1, 1.0).unwrap();
        let length = delta.iter().map(|d| f64::from(*d).powi(2)).sum::<f64>().sqrt();
        if pace.check(&delta).is_ok() {
            prop_assert!(length <= 1.0001e18);
        } else {
            prop_assert!(length.is_nan() || length >= 0.9999e18);
        }
        if let Ok(max) = MaxStep::new(bound) {
            // Below 1e-22 squares underflow.
            let bound = f64::from(bound).min(1e18);
            if pace.with_max_step(max).check(&delta).is_ok() {
                prop_assert!(length <= 1.0001 * bound + 1e-22);
            } else {
                prop_assert!(length.is_nan() || length >= 0.9999 * bound - 1e-22);
            }
        }
    }

    #[test]
    fn a_window_holds_finite_observations_only(
        n in hostile(), stream in vec((hostile(), mixed()), 0..40),
    ) {
        let window = Window::<Sample<1>, 8>::forgetting(n);
        prop_assert_eq!(window.is_ok(), n >= 1.0 && n.is_finite());
        let mut window = window.unwrap_or_default();
        let mut taken = 0;
        for (x, y) in &stream {
            let sample = Sample { x: [*x], y: *y };
            let held = window.push(sample);
            prop_assert_eq!(held.is_ok(), x.is_finite() && y.is_finite());
            taken += usize::from(held.is_ok());
        }
        prop_assert_eq!(window.count(), taken.min(8));
        prop_assert_eq!(window.refused() as usize, stream.len() - taken);
        prop_assert!(window.total_weight() >= 0.0 && window.total_weight() <= 8.0001);
        for index in 0..20 {
            let held = Data::get(&window, index);
            prop_assert_eq!(held.is_some(), index < window.count());
            if let Some((sample, weight)) = held {
                prop_assert!(sample.x[0].is_finite() && sample.y.is_finite());
                prop_assert!((0.0..=1.0).contains(&weight));
            }
        }
    }
}
