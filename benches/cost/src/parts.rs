//! What goes round a chain: schedules, metrics, transforms, estimates, diagnostics, the warm-up with its monitor,
//! and checkpoints.

use core::hint::black_box;

use langevin::{
    Annealed, BoxMuller, Chain, Checkpoint, Constant, CountedPcg32, Covariance, Cyclical, Dense,
    Diagnostics, Diagonal, Metric, Moments, Pcg32, Polynomial, Potential, Predictive, Quantiles,
    Sampler, Schedule, SeedableRng, Sgld, Support, Transform, Tuning, TwoSlots, r_hat,
};

use crate::linear::Linear;

const N: usize = 2;

/// Calls all of them, with numbers that the compiler does not know.
pub fn all() {
    if let (Ok(constant), Ok(polynomial)) = (
        Constant::new(black_box(0.1)),
        Polynomial::new(black_box(0.1), black_box(1.0), black_box(0.55)),
    ) {
        schedule(constant);
        schedule(polynomial);
        if let Ok(annealed) = Annealed::new(constant, black_box(4.0), 0.0, black_box(10)) {
            schedule(annealed);
        }
        if let Ok(cyclical) = Cyclical::new(black_box(0.1), black_box(10)) {
            schedule(cyclical);
        }
    }
    if let Ok(scales) = Diagonal::new(black_box([0.5; N])) {
        metric(scales);
    }
    if let Ok(mut dense) = Dense::new(black_box([[0.5, 0.0], [0.1, 0.5]])) {
        let _ = black_box(dense.refactor(&black_box([[1.0, 0.5], [0.5, 1.0]])));
        metric(dense);
    }
    if let (Ok(above), Ok(between)) = (
        Support::above(black_box(0.0)),
        Support::between(black_box(0.0), black_box(1.0)),
    ) {
        let transform = Transform::new([above, between]);
        let mut potential = transform.wrap(Linear::<N>::new());
        let mut gradient = [0.0; N];
        let _ = black_box(potential.gradient(&black_box([0.5; N]), &mut gradient));
        black_box((gradient, transform.constrain(&black_box([0.5; N]))));
        let _ = black_box(transform.unconstrain(&black_box([0.5; N])));
    }
    estimates();
    sampler();
    checkpoint();
}

fn sampler() {
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    let mut sampler = Sampler::<N, _>::new(black_box([0.0; N]), noise);
    while black_box(true) {
        let _ = black_box(sampler.step(&mut Linear::new()));
        black_box(sampler.verdict());
    }
    let Some(tuning) = sampler.tuning() else {
        return;
    };
    let mut image = [0; Tuning::<N>::IMAGE];
    let _ = black_box(tuning.save(&mut image));
    if let Ok(tuning) = Tuning::<N>::load(&black_box(image)) {
        let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
        let _ = black_box(Sampler::resume(&tuning, noise).step(&mut Linear::new()));
    }
}

type State = (
    Chain<N, Sgld, Constant, BoxMuller<CountedPcg32>>,
    Moments<N>,
    Quantiles<N>,
);

fn checkpoint() {
    let image = black_box([0; State::IMAGE]);
    let (mut slots, state) = TwoSlots::recover::<State>([&image, &black_box(image)]);
    let Ok(mut state) = state else {
        return;
    };
    let _ = black_box(state.0.step(&mut Linear::new()));
    let mut image = image;
    let _ = black_box(slots.prepare(&state, &mut image));
    slots.commit();
    let _ = black_box((state.save(&mut image), image));
}

fn schedule(mut schedule: impl Schedule) {
    let _ = black_box(schedule.pace(black_box(3.0)));
    black_box(schedule.keeps());
}

fn metric<M: Metric<N>>(metric: M) {
    let Ok(schedule) = Constant::new(0.1) else {
        return;
    };
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    let mut chain = Chain::new([0.0; N], Sgld::with_metric(metric), schedule, noise);
    while black_box(true) {
        let _ = black_box(chain.step(&mut Linear::new()));
    }
}

fn estimates() {
    let mut moments = Moments::<N>::new();
    let mut covariance = Covariance::<N>::new();
    let mut diagnostics = Diagnostics::<N>::new();
    let mut predictive = Predictive::<N>::new();
    let Ok(mut quantiles) = Quantiles::<N>::central(black_box(0.95)) else {
        return;
    };
    while black_box(true) {
        let draw = black_box([0.5; N]);
        moments.push_weighted(&draw, black_box(1.0));
        covariance.push(&draw);
        diagnostics.push(&draw);
        predictive.push(&draw, &black_box([0.5; N]));
        quantiles.push(&draw);
    }
    moments.merge(&diagnostics.moments());
    black_box((
        moments.mean(),
        moments.sd(),
        moments.interval(black_box(0.5)),
    ));
    black_box((covariance.matrix(), covariance.correlation()));
    black_box((
        diagnostics.ess(),
        diagnostics.mcse(),
        diagnostics.split_r_hat(),
    ));
    black_box(diagnostics.autocorrelation_time());
    black_box((predictive.interval(black_box(0.5)), predictive.sd()));
    black_box((quantiles.values(), r_hat(diagnostics.halves())));
}
