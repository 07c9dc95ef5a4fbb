//! Instructions a step on the host, beside a loop written by hand: `cargo run --release` here.
//!
//! Counted by valgrind's callgrind, so that they are the same at each run; the difference of a long run
//! and a short one leaves out what happens once. Not time: see the `time` bench for that.

use std::{env, process::Command};

/// Steps of the short run; the long one makes three times as many.
const STEPS: u32 = 2000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // A run under callgrind.
    if let [index, which, steps] = &arguments[..] {
        let index: usize = index.parse().expect("an index");
        let steps = steps.parse().expect("a number of steps");
        let (_, rivals) = langevin_host_bench::ALL[index];
        let (mut ours, mut naive) = rivals();
        if which == "langevin" {
            ours(steps);
        } else {
            naive(steps);
        }
        return;
    }
    println!(
        "{:<64} {:>8} {:>8} {:>6}",
        "instructions a step", "langevin", "by hand", "ratio"
    );
    let mut cheaper = true;
    for (index, (name, _)) in langevin_host_bench::ALL.iter().enumerate() {
        let [ours, naive] = ["langevin", "by hand"].map(|which| per_step(index, which));
        println!("{name:<64} {ours:>8.1} {naive:>8.1} {:>6.2}", naive / ours);
        cheaper &= ours < naive;
    }
    assert!(cheaper, "a loop written by hand is cheaper");
}

fn per_step(index: usize, which: &str) -> f64 {
    let count = |steps: u32| -> u64 {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(env::current_exe().expect("this program"))
            .args([&index.to_string(), which, &steps.to_string()])
            .output()
            .expect("valgrind is installed");
        let log = String::from_utf8_lossy(&output.stderr);
        let line = log.lines().find(|line| line.contains("Collected"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("callgrind counted nothing: {log}"))
    };
    (count(3 * STEPS) - count(STEPS)) as f64 / f64::from(2 * STEPS)
}
