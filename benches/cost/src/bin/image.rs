//! An image of one configuration, for its size and its symbols: never run.
//!
//! `IMAGE` names it when building: a row of the table of flash, with a stepper and a noise as in the list
//! of all; `all` of them with all models and all other entry points; `default`, the same without all-of-libm Box-Muller,
//! the one that needs double precision; `empty`; or `control`, which can panic.
//!
//! For the host it is the same program, whose linking fails when anything in it can panic.

#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;

use langevin::{
    BoxMuller, Chain, Pcg32, Potential, Sampler, SeedableRng, potential::Energy,
    schedule::Constant, stepper::Stepper,
};
use langevin_apps::{
    calibrate::{CHWIRUT2, Calibration, LAST, calibration, constants, reading},
    readings,
};
use langevin_cost::{entry_points, linear::Linear, models, row::Row};
use langevin_testing::pairs;
#[cfg(all(feature = "softfloat", target_os = "none"))]
use softfloat_armv6m as _;

const IMAGE: &str = match option_env!("IMAGE") {
    Some(image) => image,
    None => "all",
};
const ROW: Row = Row::new(IMAGE);

const N: usize = 2;

/// Whether a stepper with a noise is in the image. What is not leaves nothing.
#[inline(always)]
fn wanted(name: (&str, &str)) -> bool {
    match IMAGE {
        "all" => true,
        "default" => name.1 != "Box-Muller libm",
        _ => ROW.is("flash", name, N),
    }
}

struct Image;

impl models::Visitor for Image {
    fn whole<const N: usize, P: Energy<N>>(&mut self, name: (&str, &str), mut posterior: P) {
        let _ = black_box(posterior.energy(&black_box([0.5; N])));
        self.minibatch(name, posterior);
    }

    fn minibatch<const N: usize, P: Potential<N>>(&mut self, _: (&str, &str), mut posterior: P) {
        let mut gradient = [0.0; N];
        let _ = black_box(posterior.gradient(&black_box([0.5; N]), &mut gradient));
        black_box(gradient);
    }
}

fn run<const N: usize, S: Stepper<N, P, Z>, P: Potential<N>, Z>(
    stepper: S,
    noise: Z,
    mut potential: P,
) {
    let Ok(schedule) = Constant::new(black_box(0.05)) else {
        return;
    };
    let mut chain = Chain::new(black_box([0.0; N]), stepper, schedule, noise);
    while black_box(true) {
        let _ = black_box(chain.step(&mut potential));
    }
}

/// What the boards run, without their logs and chips.
fn calibrate() {
    let made: Result<Calibration, _> = calibration(CHWIRUT2, black_box(7));
    let Ok(mut tracker) = made else {
        return;
    };
    for at in readings::CHWIRUT2 {
        if let Ok(estimate) = tracker.update(reading(at)) {
            black_box(constants(&CHWIRUT2.response, &estimate));
        }
    }
    if let Ok(estimate) = tracker.refine(LAST) {
        black_box(constants(&CHWIRUT2.response, &estimate));
    }
}

/// Nothing but its value: what is not wanted leaves nothing.
fn rng() -> Pcg32 {
    Pcg32::seed_from_u64(20_110_628)
}

fn sampler() {
    let noise = BoxMuller::new(Pcg32::seed_from_u64(black_box(7)));
    let mut sampler = Sampler::<N, _>::new(black_box([0.0; N]), noise);
    let mut potential = Linear::new();
    while black_box(true) {
        let _ = black_box(sampler.step(&mut potential));
    }
    black_box(sampler.verdict());
}

fn image() {
    pairs!(rng(), |name, stepper, noise| {
        if wanted(name) {
            run(stepper, noise, Linear::<N>::new());
        }
    });
    if ROW.is("flash", ("Sampler", "Box-Muller"), N) {
        sampler();
    }
    if ROW.is("flash", ("calibrate", ""), 3) {
        calibrate();
    }
    if IMAGE == "all" || IMAGE == "default" {
        models::all(&mut Image);
        entry_points::all();
    }
    if IMAGE == "control" {
        black_box(black_box([1, 2, 3])[black_box(4)]);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    entry_points::proven(image);
}

#[cfg(target_os = "none")]
mod firmware {
    use core::{arch::asm, hint::black_box, panic::PanicInfo};

    #[cortex_m_rt::entry]
    fn main() -> ! {
        super::image();
        loop {
            black_box(());
        }
    }

    #[panic_handler]
    fn panic(_: &PanicInfo<'_>) -> ! {
        panic_is_reachable()
    }

    /// Its name in the symbol table is what a panicking path leaves behind.
    #[inline(never)]
    fn panic_is_reachable() -> ! {
        loop {
            // SAFETY: an undefined instruction; nothing comes after it.
            unsafe { asm!("udf #7") }
        }
    }
}
