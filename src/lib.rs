#![doc = include_str!("../README.md")]
#![no_std]
#![deny(unsafe_code, missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::integer_division,
        clippy::allow_attributes_without_reason
    )
)]
#[cfg(test)]
extern crate std;

#[cfg(feature = "serde")]
mod arrays;
mod barrier;
mod chain;
pub mod checkpoint;
mod estimate;
mod fault;
mod metric;
mod model;
mod noise;
mod potential;
mod schedule;
mod sqrt;
mod stepper;
mod transform;
mod tuning;
mod window;

pub use chain::Chain;
pub use checkpoint::{Checkpoint, CheckpointError, CountedPcg32, TwoSlots};
pub use estimate::{Covariance, Diagnostics, Moments, Predictive, Quantiles, r_hat};
pub use fault::{ConfigError, Fault, FaultCounts};
pub use metric::{Axial, Dense, Diagonal, Metric, NotPositiveDefinite, Unit};
pub use model::{
    ControlVariates, Flat, GaussianPrior, LaplacePrior, Likelihood, LinearRegression,
    LinearRegressionLogSigma, LogisticRegression, Minibatch, Model, NonlinearLeastSquares,
    PoissonRegression, Posterior, Prior, RobustRegression, StudentTPrior, Subset, WithReplacement,
    WithoutReplacement,
};
pub use noise::{
    Backend, BoxMuller, FiveMoments, FixedInverseCdf, Gaussian, InverseCdf, Libm, Micromath, Noise,
    Rademacher, ThreePoint, Turn,
};
pub use potential::{Energy, Function, Potential, Stochastic};
pub use rand_core::{Rng, SeedableRng, TryRng};
pub use rand_pcg::Pcg32;
pub use schedule::{Annealed, Constant, Cyclical, Polynomial, Schedule};
pub use stepper::{
    Badodab, Baoab, Ladder, LatticeWalk, LeimkuhlerMatthews, Mala, MaxStep, NoiseCorrected, Pace,
    Psgld, Rate, ReplicaExchange, Sgd, Sghmc, Sgld, Sgnht, Stepper,
};
pub use transform::{Constrained, Support, Transform};
pub use tuning::{
    Monitor, Reason, Sampler, SamplerError, Stage, Tuning, Verdict, Warmup, WarmupError, Watched,
};
pub use window::{Data, Observation, Sample, Window};

/// `rand_core`, whose traits the noise is generic over.
pub use rand_core;
/// `rand_pcg`, whose `Pcg32` the documentation uses.
pub use rand_pcg;
