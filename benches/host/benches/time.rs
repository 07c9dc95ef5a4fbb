//! Time a step on the host, beside a loop written by hand: `cargo bench --bench time` here.
//!
//! One element is one step. Best on an idle machine.

use std::time::Duration;

use criterion::{Criterion, Throughput};

/// Steps in one measurement.
const STEPS: u32 = 1000;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for (name, rivals) in langevin_host_bench::ALL {
        let (mut ours, mut naive) = rivals();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(u64::from(STEPS)));
        group.bench_function("langevin", |b| b.iter(|| ours(STEPS)));
        group.bench_function("by hand with rand_distr", |b| b.iter(|| naive(STEPS)));
        group.finish();
    }
    criterion.final_summary();
}
