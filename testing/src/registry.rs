//! The one list of noises, steppers, schedules, priors and likelihoods.
//!
//! Each macro takes a body as one writes a closure, and repeats it for each entry, whatever its type:
//! `noises!(rng(), |name, noise| check(name, noise))`. Some numbers go through `black_box`: the images that this
//! is compiled for must not know them.

/// Repeats a body for each noise, over a generator: `noises!(rng(), |name, noise| body)`.
///
/// The first argument may be a class: `gaussian` has the noises whose law is normal, `five_moments` those with the
/// first five moments of a normal, and `any` has all.
#[macro_export]
macro_rules! noises {
    (default, $rng:expr, $($visit:tt)*) => { $crate::each!(noise, [
        "Box-Muller": Some(BoxMuller::new($rng));
    ], $($visit)*) };
    (gaussian, $rng:expr, $($visit:tt)*) => { $crate::each!(noise, [
        "Box-Muller": Some(BoxMuller::new($rng));
        "Box-Muller libm": Some(BoxMuller::with_backend($rng, Libm));
        "Box-Muller micromath": Some(BoxMuller::with_backend($rng, Micromath));
        "inverse CDF": Some(InverseCdf::new($rng));
        "fixed inverse CDF": Some(FixedInverseCdf::new($rng));
    ], $($visit)*) };
    (five_moments, $rng:expr, $($visit:tt)*) => {
        $crate::noises!(gaussian, $rng, $($visit)*);
        $crate::each!(noise, ["three-point": Some(ThreePoint::new($rng));], $($visit)*);
    };
    (any, $rng:expr, $($visit:tt)*) => {
        $crate::noises!(five_moments, $rng, $($visit)*);
        $crate::each!(noise, ["Rademacher": Some(Rademacher::new($rng));], $($visit)*);
    };
    // What steppers have in place of a noise.
    (generator, $rng:expr, $($visit:tt)*) => { $crate::each!(noise, ["generator": Some($rng);], $($visit)*) };
    (none, $rng:expr, $($visit:tt)*) => { $crate::each!(noise, ["none": Some(());], $($visit)*) };

    ($rng:expr, |$($visit:tt)*) => { $crate::noises!(any, $rng, |$($visit)*) };
}

/// Repeats a body for each stepper with a default noise: `steppers!(rng(), |name, stepper, noise| body)`.
///
/// The name is a pair: the stepper's, and the noise's.
#[macro_export]
macro_rules! steppers {
    ($($visit:tt)*) => { $crate::stepper_list!(default_pair, $($visit)*) };
}

/// Repeats a body for each stepper with each noise that its rule admits, as [`steppers!`] does.
#[macro_export]
macro_rules! pairs {
    ($($visit:tt)*) => { $crate::stepper_list!(each_pair, $($visit)*) };
}

/// The list of steppers: a name, the class of the noises that the rule admits, and one of them.
#[doc(hidden)]
#[macro_export]
macro_rules! stepper_list {
    ($with:ident, $($visit:tt)*) => {
        $crate::$with!("SGD", none, Some(Sgd::new()), $($visit)*);
        $crate::$with!("lattice walk", generator, Some(LatticeWalk::new()), $($visit)*);
        $crate::$with!("SGLD", any, Some(Sgld::new()), $($visit)*);
        $crate::$with!(
            "preconditioned SGLD",
            any,
            $crate::doubles::dense().map(|dense| Preconditioned::new(Sgld::new(), dense)),
            $($visit)*
        );
        $crate::$with!("noise-corrected SGLD", any, Some(ModifiedSgld::new()), $($visit)*);
        $crate::$with!("SGHMC", any, Sghmc::new(0.2).ok(), $($visit)*);
        $crate::$with!("pSGLD", any, Psgld::new(0.99, 0.1).ok(), $($visit)*);
        $crate::$with!("SGNHT", any, Sgnht::new(0.2).ok(), $($visit)*);
        $crate::$with!("BADODAB", five_moments, Badodab::new(0.2).ok(), $($visit)*);
        $crate::$with!("BAOAB", five_moments, Baoab::new(0.2).ok(), $($visit)*);
        $crate::$with!("Leimkuhler-Matthews", five_moments, Some(LeimkuhlerMatthews::new()), $($visit)*);
        $crate::$with!("MALA", gaussian, Some(Mala::new()), $($visit)*);
        $crate::$with!(
            "replica exchange",
            gaussian,
            (Ladder::new([2.0, 4.0]).ok()).map(|ladder| ReplicaExchange::new(Sgld::new(), ladder, 5)),
            $($visit)*
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! each_pair {
    ($text:literal, $class:ident, $new:expr, $rng:expr, |$name:ident, $stepper:ident, $noise:ident| $body:expr) => {
        $crate::noises!($class, $rng, |with, $noise| {
            let $name = ($text, with);
            $crate::each!(stepper, [$text: $new;], |_text, $stepper| $body);
        });
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! default_pair {
    ($text:literal, none, $($rest:tt)*) => { $crate::each_pair!($text, none, $($rest)*) };
    ($text:literal, generator, $($rest:tt)*) => { $crate::each_pair!($text, generator, $($rest)*) };
    ($text:literal, $class:ident, $($rest:tt)*) => { $crate::each_pair!($text, default, $($rest)*) };
}

/// Repeats a body for each schedule: `schedules!(|name, schedule| body)`.
#[macro_export]
macro_rules! schedules {
    ($($visit:tt)*) => { $crate::each!(schedule, [
        "constant": Constant::new(0.1).and_then(|s| s.with_temperature(2.0)).ok();
        "polynomial": Polynomial::new(0.2, 231.07, 0.55).ok();
        "harmonic": Polynomial::new(1.0, 0.5, 1.0).ok();
        "polynomial between": Polynomial::between(0.01, 0.0001, 0.55, 1000).ok();
        "cyclical": Cyclical::new(0.08, 70).map(|s| s.exploring(20).burn_in(30)).ok();
        "annealed": Constant::new(0.1).and_then(|s| Annealed::new(s, 4.0, 0.5, 700)).ok();
    ], $($visit)*) };
}

/// Repeats a body for each prior on the parameters of a [`Sample<2>`](langevin::Sample)'s likelihood:
/// `priors!(|name, prior| body)`.
#[macro_export]
macro_rules! priors {
    ($($visit:tt)*) => { $crate::each!(model, [
        "flat prior": Some(Flat);
        "Gaussian prior": GaussianPrior::new([0.0; 2], black_box([1.0; 2])).ok();
        "correlated Gaussian prior": MultivariateGaussianPrior::from_covariance(
            [0.0; 2],
            &black_box([[1.0, 0.5], [0.5, 1.0]]),
        ).ok();
        "Laplace prior": LaplacePrior::new([0.0; 2], black_box([1.0; 2])).ok();
        "Cauchy prior": StudentTPrior::cauchy([0.0; 2], black_box([1.0; 2])).ok();
        "correlated Gaussian prior":
            MultivariateGaussianPrior::from_covariance([0.0; 2], &black_box([[1.0, 0.5], [0.5, 1.0]])).ok();
    ], $($visit)*) };
}

/// Repeats a body for each likelihood of a [`Sample<2>`](langevin::Sample), in a model with a Gaussian prior:
/// `likelihoods!(|name, model| body)`.
#[macro_export]
macro_rules! likelihoods {
    ($($visit:tt)*) => { $crate::each!(model, [
        "linear regression": $crate::doubles::model::<2, _>(LinearRegression::new(black_box(0.5)).ok());
        "linear regression, unknown sigma": $crate::doubles::model::<3, _>(Some(LinearRegressionLogSigma));
        "logistic regression": $crate::doubles::model::<2, _>(Some(LogisticRegression));
        "Poisson regression": $crate::doubles::model::<2, _>(Some(PoissonRegression));
        "robust regression":
            $crate::doubles::model::<2, _>(RobustRegression::new(black_box(4.0), black_box(0.5)).ok());
        "exponential decay":
            $crate::doubles::model::<2, _>(NonlinearRegression::new($crate::doubles::Decay, black_box(0.5)).ok());
        "exponential decay, unknown sigma":
            $crate::doubles::model::<3, _>(Some(NonlinearRegression::with_unknown_sigma($crate::doubles::Decay)));
        "robust exponential decay": $crate::doubles::model::<2, _>(
            NonlinearRegression::robust($crate::doubles::Decay, black_box(4.0), black_box(0.5)).ok()
        );
        "robust exponential decay, unknown sigma": $crate::doubles::model::<3, _>(
            NonlinearRegression::robust_with_unknown_sigma($crate::doubles::Decay, black_box(4.0)).ok()
        );
    ], $($visit)*) };
}

/// Repeats a body for each entry of a list, made with the names of one of the crate's modules.
#[doc(hidden)]
#[macro_export]
macro_rules! each {
    ($module:ident, [$($text:literal: $new:expr;)*], |$name:ident, $entry:ident| $body:expr) => {$({
        #[allow(unused_imports, reason = "each entry uses its own")]
        use {::core::hint::black_box, $crate::langevin::$module::*};
        let $name = $text;
        if let Some($entry) = $new {
            $body;
        }
    })*};
}
