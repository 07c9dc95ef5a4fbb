//! Every public function, with arguments of which nothing is known: what none of them can do, no caller can make
//! them do. Listed by hand; a test finds what is missing. Steppers with their noises are `langevin_qemu::every`'s.
//! Left out is `fmt::Display`, which goes through a formatter that is the caller's.

use core::{hint::black_box, ptr};

use langevin::{
    BoxMuller, Chain, Checkpoint, GaussianPrior, Model, Moments, Pcg32, Potential, Sample, Sampler,
    SeedableRng, Window,
    chain::ChainState,
    checkpoint::{AbSlots, CountedPcg32, Reader, Writer, schema_hash},
    constraint::{Constrained, Constraint, Transform},
    data::{Data, Observation, WithReplacement, WithoutReplacement},
    dual::Real,
    error::ErrorCounts,
    estimate::{Covariance, Diagnostics, Predictive, Quantiles, r_hat},
    model::{
        ControlVariates, Flat, LaplacePrior, Likelihood, LinearRegression,
        LinearRegressionLogSigma, LogisticRegression, Minibatch, NonlinearRegression,
        PoissonRegression, Posterior, Prior, Response, RobustRegression, StudentTPrior,
    },
    noise::{FixedInverseCdf, InverseCdf, Micromath, Noise, Rademacher, ThreePoint},
    potential::{Energy, FunctionPotential, GradientVariance},
    preconditioner::{Dense, Diagonal, Identity, Preconditioner},
    rand_core::TryRng,
    sampler::{Monitor, Tuning, Warmup, Watched},
    schedule::{
        Annealed, AnnealedState, Constant, ConstantState, Cyclical, CyclicalState, Polynomial,
        PolynomialState, Schedule,
    },
    stepper::{
        Badodab, Baoab, Dynamics, Ladder, LatticeWalk, LatticeWalkState, LeimkuhlerMatthews, Mala,
        MalaState, MaxStep, ModifiedSgld, ModifiedSgldState, Preconditioned, Proportion, Psgld,
        ReplicaExchange, ReplicaExchangeState, Sgd, Sghmc, SghmcState, Sgld, Sgnht, StepParameters,
        Stepper, ThermostatState, finite_gradient,
    },
};
#[cfg(not(target_os = "none"))]
use no_panic::no_panic;

use crate::linear::Linear;

/// Calls `f`. On the host the program is not linked unless the compiler sees that this cannot panic; on a core
/// a panic leaves its symbols.
#[cfg_attr(not(target_os = "none"), no_panic)]
#[inline(never)]
pub fn proven<R>(f: impl FnOnce() -> R) {
    black_box(f());
}

/// A value that the compiler knows nothing about.
fn any<A>() -> A {
    // SAFETY: none. What calls this is compiled and linked, and never run.
    unsafe { black_box(ptr::dangling::<A>()).read() }
}

/// A function that is called with [`any`] arguments.
trait EntryPoint<Arguments> {
    fn call(self);
}

macro_rules! entry_point {
    ($($argument:ident)*) => {
        impl<F: FnOnce($($argument),*) -> R, R, $($argument),*> EntryPoint<($($argument,)*)> for F {
            fn call(self) {
                proven(|| self($(any::<$argument>()),*));
            }
        }
    };
}
entry_point!();
entry_point!(A);
entry_point!(A B);
entry_point!(A B C);
entry_point!(A B C D);
entry_point!(A B C D E);
entry_point!(A B C D E G);

macro_rules! entry_points {
    ($($function:expr),* $(,)?) => {
        $(EntryPoint::call($function);)*
    };
}

/// Applies a list to each of some types.
macro_rules! each {
    ($list:ident: $($of:ty),* $(,)?) => {
        $($list::<$of>();)*
    };
}

/// Parameters: too many for loops to dissolve, and the checks in them.
const N: usize = 8;
/// Of another size: predictions, probabilities, hot replicas.
const K: usize = 3;
const OBSERVATIONS: usize = 16;
const BATCH: usize = 4;

type Normal = BoxMuller<Pcg32>;
type Saved = BoxMuller<CountedPcg32>;
type Observations = Window<Sample<N>, OBSERVATIONS>;

/// Calls all of them.
pub fn all() {
    potentials();
    noises();
    schedules();
    metrics();
    steppers();
    chains();
    windows();
    models();
    transforms();
    estimates();
    tuning();
    checkpoints();
}

fn potentials() {
    fn energy<P: Energy<N>>() {
        gradient::<P>();
        entry_points![P::energy];
    }
    fn function<P: Energy<N>>(_: P) {
        energy::<P>();
    }
    fn closure<P: Potential<N>>(_: P) {
        gradient::<P>();
    }
    each!(gradient: Linear<N>, [f32; N]);
    closure(|theta: &[f32; N]| *theta);
    function(FunctionPotential {
        gradient: |theta: &[f32; N]| *theta,
        energy: |theta: &[f32; N]| theta.iter().sum(),
    });
}

fn gradient<P: Potential<N>>() {
    entry_points![P::gradient, P::number_of_data, P::set_centre];
}

fn noises() {
    fn noise<Z: Noise>() {
        entry_points![Z::fill::<1>, Z::fill::<N>];
    }
    // Libm's double precision would be in each image: it is among the pairs of `every`.
    each!(noise: Normal, BoxMuller<Pcg32, Micromath>, InverseCdf<Pcg32>, FixedInverseCdf<Pcg32>);
    each!(noise: ThreePoint<Pcg32>, Rademacher<Pcg32>, &mut Saved);
    entry_points![
        BoxMuller::<Pcg32>::new,
        BoxMuller::<Pcg32, Micromath>::with_backend,
        BoxMuller::<Pcg32, Micromath>::rng_mut,
        InverseCdf::<Pcg32>::new,
        InverseCdf::<Pcg32>::rng_mut,
        FixedInverseCdf::<Pcg32>::new,
        FixedInverseCdf::<Pcg32>::rng_mut,
        ThreePoint::<Pcg32>::new,
        ThreePoint::<Pcg32>::rng_mut,
        Rademacher::<Pcg32>::new,
        Rademacher::<Pcg32>::rng_mut,
        CountedPcg32::new,
        CountedPcg32::draws,
        CountedPcg32::from_seed,
        CountedPcg32::seed_from_u64,
        CountedPcg32::try_next_u32,
        CountedPcg32::try_next_u64,
        |rng: &mut CountedPcg32, bytes: &mut [u8]| rng.try_fill_bytes(bytes),
    ];
}

fn schedules() {
    fn schedule<H: Schedule>() {
        entry_points![H::start, H::step_parameters, H::keeps];
    }
    each!(schedule: Constant, Polynomial, Cyclical, Annealed<Constant>, Annealed<Cyclical>);
    entry_points![
        Constant::new,
        Constant::with_temperature,
        Polynomial::new,
        Polynomial::between,
        Cyclical::new,
        Cyclical::with_temperature,
        Cyclical::exploring,
        Cyclical::burn_in,
        Annealed::<Constant>::new,
    ];
}

fn metrics() {
    fn metric<M: Preconditioner<N>>() {
        entry_points![M::apply_transpose, M::apply, M::row_norms];
    }
    each!(metric: Identity, Diagonal<N>, Dense<N>);
    entry_points![
        Diagonal::<N>::new,
        Dense::<N>::identity,
        Dense::<N>::new,
        Dense::<N>::diagonal,
        Dense::<N>::from_covariance,
        Dense::<N>::refactor,
        Dense::<N>::from_precision,
        Dense::<N>::compose,
        Dense::<N>::rows,
        Dense::<N>::solve,
    ];
}

/// What `every` does not show: options, accessors, and preconditioners.
fn steppers() {
    fn stepper<S: Stepper<N, Linear<N>, Normal>>() {
        entry_points![S::start, S::step, S::reset, S::noise_scale];
    }
    type With<S> = Preconditioned<S, Dense<N>>;
    each!(stepper: With<Sgd>, With<Sgld>, With<LeimkuhlerMatthews>, With<Mala>, With<Psgld>);
    each!(stepper: With<Sghmc>, With<Sgnht>, With<Badodab>, With<Baoab>);
    each!(stepper: Preconditioned<ModifiedSgld, Diagonal<N>>, Psgld);
    each!(stepper: ReplicaExchange<K, With<Mala>>, With<ReplicaExchange<K, Sgld>>);
    entry_points![
        <With<LatticeWalk> as Stepper<N, Linear<N>, Pcg32>>::step,
        finite_gradient::<N, Linear<N>>,
        StepParameters::new,
        StepParameters::with_max_step,
        StepParameters::eta,
        StepParameters::temperature,
        StepParameters::noise_scale,
        StepParameters::check::<N>,
        StepParameters::displace::<N, Linear<N>>,
        MaxStep::new,
        Proportion::new,
        Proportion::push,
        Proportion::hits,
        Proportion::trials,
        Proportion::value,
        With::<Sgld>::new,
        With::<Sgld>::stepper,
        With::<Sgld>::preconditioner,
        With::<Sgld>::preconditioner_mut,
        With::<Mala>::log_ratio::<N, Linear<N>>,
        Sgd::new,
        Sgld::new,
        ModifiedSgld::new,
        ModifiedSgldState::clipped,
        LatticeWalk::new,
        LatticeWalkState::clipped,
        LeimkuhlerMatthews::new,
        Mala::new,
        MalaState::acceptance,
        Mala::log_ratio::<N, Linear<N>>,
        Psgld::new,
        Psgld::scale::<N>,
        Sghmc::new,
        Sghmc::with_mass,
        Sghmc::gradient_variance,
        Sghmc::refresh_every,
        SghmcState::<N>::clipped,
        Sgnht::new,
        Sgnht::friction::<N>,
        Badodab::new,
        Badodab::friction::<N>,
        ThermostatState::<N>::momentum,
        ThermostatState::<N>::excess_friction,
        Baoab::new,
        Ladder::<K>::new,
        Ladder::<K>::geometric,
        Ladder::<K>::temperatures,
        ReplicaExchange::<K, Sgld>::new,
        ReplicaExchange::<K, Sgld>::stepper,
        ReplicaExchangeState::<N, K, ()>::swap_rates,
        ReplicaExchangeState::<N, K, ()>::positions,
    ];
}

fn chains() {
    type Cycles = Chain<N, Sgld, Cyclical, Normal>;
    entry_points![
        Cycles::new,
        Cycles::burn_in,
        Cycles::thin,
        Cycles::max_step,
        Cycles::patience,
        Cycles::anchor,
        Cycles::resume,
        Cycles::state,
        Cycles::position,
        Cycles::error_counts,
        Cycles::stepper,
        Cycles::stepper_mut,
        Cycles::stepper_state,
        Cycles::noise_mut,
        Cycles::step::<Linear<N>>,
        ErrorCounts::new,
        ErrorCounts::count,
        ErrorCounts::total,
    ];
}

fn windows() {
    fn data<D: Data + ?Sized + 'static>() {
        fn weights<D: Data + ?Sized>(data: &D) -> f32 {
            data.weighted().map(|(_, weight)| weight).sum()
        }
        entry_points![D::count, D::total_weight, D::get, weights::<D>];
    }
    each!(data: Observations, [Sample<N>], [Sample<N>; OBSERVATIONS]);
    entry_points![
        Window::<Sample<N>, OBSERVATIONS>::new,
        Window::<Sample<N>, OBSERVATIONS>::forgetting,
        Window::<Sample<N>, OBSERVATIONS>::refused,
        Window::<Sample<N>, OBSERVATIONS>::push,
        Window::<Sample<N>, OBSERVATIONS>::clear,
        |window: &Observations| Window::iter(window).map(|(_, weight)| weight).sum::<f32>(),
        <f32 as Observation>::is_finite,
        <[f32; N] as Observation>::is_finite,
        <Sample<N> as Observation>::is_finite,
    ];
}

type On<const D: usize, P, L> = Posterior<'static, P, L, Window<Sample<D>, OBSERVATIONS>>;

fn models() {
    each!(prior: Flat, GaussianPrior<N>, LaplacePrior<N>, StudentTPrior<N>);
    each!(prior: (GaussianPrior<N>, LaplacePrior<N>));
    own_prior(FunctionPotential {
        gradient: |theta: &[f32; N]| *theta,
        energy: |theta: &[f32; N]| theta.iter().sum(),
    });
    likelihood::<N, LinearRegression>();
    likelihood::<{ N - 1 }, LinearRegressionLogSigma>();
    likelihood::<N, LogisticRegression>();
    likelihood::<N, PoissonRegression>();
    likelihood::<N, RobustRegression>();
    if let Ok(lines) = NonlinearRegression::new(Lines, any()) {
        own_likelihood(lines);
    }
    entry_points![
        GaussianPrior::<N>::new,
        LaplacePrior::<N>::new,
        StudentTPrior::<N>::new,
        StudentTPrior::<N>::cauchy,
        LinearRegression::new,
        RobustRegression::new,
        Model::<Flat, LinearRegression>::new,
        Model::<Flat, LinearRegression>::posterior::<Observations>,
        Posterior::<Flat, LinearRegression, Observations>::minibatch::<BATCH, Pcg32>,
        Minibatch::<On<N, Flat, LinearRegression>, Pcg32, BATCH>::with_replacement,
        Minibatch::<On<N, Flat, LinearRegression>, Pcg32, BATCH>::control_variates::<N>,
        ControlVariates::<N, Minibatch<On<N, Flat, LinearRegression>, Pcg32, BATCH>>::refresh_every,
        ControlVariates::<N, Minibatch<On<N, Flat, LinearRegression>, Pcg32, BATCH>>::anchor,
    ];
}

struct Lines;

impl Response<N> for Lines {
    type Input = [f32; N];

    fn response<T: Real>(&self, theta: &[T; N], input: &[f32; N]) -> T {
        theta.iter().zip(input).map(|(t, x)| *t * *x).sum()
    }
}

fn own_prior<P: Prior<N>>(_: P) {
    prior::<P>();
}

fn prior<P: Prior<N>>() {
    entry_points![P::add_gradient, P::negative_log_density];
}

fn own_likelihood<L: Likelihood<Sample<N>, N> + 'static>(_: L) {
    likelihood::<N, L>();
}

/// With each prior, and all that a minibatch can be.
fn likelihood<const D: usize, L: Likelihood<Sample<D>, N> + 'static>() {
    fn estimated<P: GradientVariance<N>>() {
        gradient::<P>();
        entry_points![P::gradient_and_variance];
    }
    fn whole<P: Energy<N> + GradientVariance<N>>() {
        estimated::<P>();
        entry_points![P::energy];
    }
    type Batch<const D: usize, L, S> = Minibatch<On<D, GaussianPrior<N>, L>, Pcg32, BATCH, S>;
    type Variates<const D: usize, L, S> = ControlVariates<N, Batch<D, L, S>>;
    entry_points![L::add_gradient, L::negative_log_density, L::accepts];
    each!(whole: On<D, Flat, L>, On<D, GaussianPrior<N>, L>, On<D, LaplacePrior<N>, L>, On<D, StudentTPrior<N>, L>);
    each!(whole: Posterior<'static, Flat, L, [Sample<D>]>);
    each!(estimated: Batch<D, L, WithoutReplacement>, Batch<D, L, WithReplacement>);
    each!(estimated: Variates<D, L, WithoutReplacement>, Variates<D, L, WithReplacement>);
}

fn transforms() {
    each!(gradient: Constrained<'static, N, Linear<N>>);
    entry_points![
        Constraint::above,
        Constraint::below,
        Constraint::between,
        Transform::<N>::new,
        Transform::<N>::constrain,
        Transform::<N>::unconstrain,
        Transform::<N>::wrap::<Linear<N>>,
        Constrained::<N, Linear<N>>::inner,
        Constrained::<N, Linear<N>>::energy,
        Constrained::<N, Linear<N>>::gradient_and_variance,
    ];
}

fn estimates() {
    entry_points![
        Moments::<N>::new,
        Moments::<N>::forgetting,
        Moments::<N>::push,
        Moments::<N>::push_weighted,
        Moments::<N>::merge,
        Moments::<N>::clear,
        Moments::<N>::weight,
        Moments::<N>::rejected,
        Moments::<N>::mean,
        Moments::<N>::mean_remainder,
        Moments::<N>::variance,
        Moments::<N>::sd,
        Moments::<N>::interval,
        Covariance::<N>::new,
        Covariance::<N>::forgetting,
        Covariance::<N>::push,
        Covariance::<N>::push_weighted,
        Covariance::<N>::clear,
        Covariance::<N>::moments,
        Covariance::<N>::matrix,
        Covariance::<N>::correlation,
        Quantiles::<N>::central,
        Quantiles::<N>::central_forgetting,
        Quantiles::<N, K>::new,
        Quantiles::<N, K>::forgetting,
        Quantiles::<N, K>::push,
        Quantiles::<N, K>::push_weighted,
        Quantiles::<N, K>::clear,
        Quantiles::<N, K>::values,
        Quantiles::<N, K>::probabilities,
        Quantiles::<N, K>::weight,
        Quantiles::<N, K>::rejected,
        Predictive::<K>::new,
        Predictive::<K>::forgetting,
        Predictive::<K>::push,
        Predictive::<K>::clear,
        Predictive::<K>::rejected,
        Predictive::<K>::predictions,
        Predictive::<K>::mean,
        Predictive::<K>::sd,
        Predictive::<K>::interval,
        Diagnostics::<N>::new,
        Diagnostics::<N>::push,
        Diagnostics::<N>::clear,
        Diagnostics::<N>::draws,
        Diagnostics::<N>::rejected,
        Diagnostics::<N>::moments,
        Diagnostics::<N>::segments,
        Diagnostics::<N>::mcse,
        Diagnostics::<N>::ess,
        Diagnostics::<N>::autocorrelation_time,
        Diagnostics::<N>::min_ess,
        Diagnostics::<N>::split_r_hat,
        |chains: &[Moments<N>]| r_hat(chains),
    ];
}

fn tuning() {
    each!(gradient: Watched<'static, Linear<N>, N>);
    entry_points![
        Watched::<Linear<N>, N>::energy,
        Tuning::<N>::new,
        Tuning::<N>::with_step_size,
        Tuning::<N>::centre,
        Tuning::<N>::metric,
        Tuning::<N>::step_size,
        Tuning::<N>::gradient_noise,
        Tuning::<N>::chain::<Normal>,
        Warmup::<N>::new,
        Warmup::<N>::step_size,
        Warmup::<N>::safety,
        Warmup::<N>::bias,
        Warmup::<N>::windows,
        Warmup::<N>::stage,
        Warmup::<N>::error,
        Warmup::<N>::evaluations,
        Warmup::<N>::position,
        Warmup::<N>::step::<Linear<N>, Normal>,
        Monitor::<N>::new,
        Monitor::<N>::tuning,
        Monitor::<N>::watch::<Linear<N>>,
        Monitor::<N>::steps,
        Monitor::<N>::curvature,
        Monitor::<N>::bias,
        Monitor::<N>::noise_ratio,
        Monitor::<N>::diagnostics,
        Monitor::<N>::verdict,
        Sampler::<N, Normal>::new,
        Sampler::<N, Normal>::after,
        Sampler::<N, Normal>::resume,
        Sampler::<N, Normal>::tuning,
        Sampler::<N, Normal>::monitor,
        Sampler::<N, Normal>::position,
        Sampler::<N, Normal>::error_counts,
        Sampler::<N, Normal>::verdict,
        Sampler::<N, Normal>::step::<Linear<N>>,
    ];
}

fn checkpoints() {
    fn saved<T: Checkpoint>() {
        entry_points![
            T::write,
            T::read,
            |state: &T, image: &mut [u8]| state.save(image),
            |image: &[u8]| T::load(image).map(drop),
            |slots: [&'static [u8]; 2]| AbSlots::recover::<T>(slots).0,
            AbSlots::prepare::<T>,
        ];
    }
    fn of<S: Dynamics<N, State: Checkpoint>>() {
        saved::<ChainState<N, S, Constant, Saved>>();
    }
    each!(of: Sgld, ModifiedSgld, LatticeWalk, LeimkuhlerMatthews, Mala, Psgld, Sghmc, Sgnht, Baoab);
    each!(of: ReplicaExchange<K, Sgld>);
    each!(saved: PolynomialState, CyclicalState, AnnealedState<ConstantState>, Observations);
    each!(saved: Diagonal<N>, Dense<N>);
    each!(saved: InverseCdf<CountedPcg32>, FixedInverseCdf<CountedPcg32>, ThreePoint<CountedPcg32>);
    each!(saved: Rademacher<CountedPcg32>, Moments<N>, Covariance<N>, Quantiles<N, K>, Predictive<K>);
    each!(saved: Diagnostics<N>, Tuning<N>, Monitor<N>, Option<bool>, (u8, i64));
    entry_points![
        |name: &str, parts: &[u32]| schema_hash(name, parts),
        AbSlots::commit,
        Writer::bytes::<K>,
        Writer::zeros,
        Reader::bytes::<K>,
        Reader::skip,
    ];
}
