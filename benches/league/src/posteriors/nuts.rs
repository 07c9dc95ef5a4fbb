//! nuts-rs, with its defaults.

use std::{cell::Cell, collections::HashMap, rc::Rc};

use nuts_rs::{
    Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings,
};
use rand::{SeedableRng, rngs::StdRng};

use super::exact;

/// A log density that counts how often it is asked.
struct Counted {
    potential: exact::Potential,
    dimensions: usize,
    calls: Rc<Cell<u64>>,
}

/// A log density that is not finite.
#[derive(Debug)]
struct NotFinite;

impl std::fmt::Display for NotFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("log density is not finite")
    }
}

impl std::error::Error for NotFinite {}

impl LogpError for NotFinite {
    fn is_recoverable(&self) -> bool {
        true
    }
}

impl HasDims for Counted {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_owned(), self.dimensions as u64)])
    }
}

impl CpuLogpFunc for Counted {
    type LogpError = NotFinite;
    type ExpandedVector = Vec<f64>;
    type FlowParameters = ();

    fn dim(&self) -> usize {
        self.dimensions
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, NotFinite> {
        self.calls.set(self.calls.get() + 1);
        let energy = (self.potential)(position, gradient);
        for g in gradient.iter_mut() {
            *g = -*g;
        }
        if energy.is_finite() && gradient.iter().all(|g| g.is_finite()) {
            Ok(-energy)
        } else {
            Err(NotFinite)
        }
    }

    fn expand_vector<R: rand::Rng + ?Sized>(
        &mut self,
        _: &mut R,
        position: &[f64],
    ) -> Result<Vec<f64>, CpuMathError> {
        Ok(position.to_vec())
    }
}

/// Mean and standard deviation after so many gradients, from the draws after tuning; where the budget ends before that,
/// or soon after, from the second half of all.
pub fn run<const N: usize>(name: &str, seed: u64, gradients: u64) -> ([f64; N], [f64; N]) {
    let calls = Rc::new(Cell::new(0));
    let math = CpuMath::new(Counted {
        potential: exact::potential(name),
        dimensions: N,
        calls: Rc::clone(&calls),
    });
    let settings = DiagNutsSettings::default();
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut mean, mut sd) = ([f64::NAN; N], [f64::NAN; N]);
    let Ok(mut chain) = settings.new_chain(0, math, &mut rng) else {
        return (mean, sd);
    };
    if chain.set_position(&[0.0; N]).is_err() {
        return (mean, sd);
    }
    let mut draws: Vec<[f64; N]> = Vec::new();
    while calls.get() < gradients {
        match chain.draw() {
            Ok((draw, _)) => draws.push(std::array::from_fn(|i| draw[i])),
            Err(_) => break,
        }
    }
    let tuned = settings.hint_num_tune();
    let half = draws.len() / 2;
    let kept = &draws[tuned.min(half)..];
    let count = kept.len() as f64;
    for i in 0..N {
        mean[i] = kept.iter().map(|draw| draw[i]).sum::<f64>() / count;
        let squares = kept.iter().map(|draw| (draw[i] - mean[i]).powi(2));
        sd[i] = (squares.sum::<f64>() / count).sqrt();
    }
    (mean, sd)
}
