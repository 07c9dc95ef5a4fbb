//! Compares the steppers on the same experiments, in pictures.
//!
//!     cargo run --release --example gallery
//!
//! Four pictures: the variance of each stepper against its law, the order of bias, a quartic with a very
//! noisy gradient (Chen, Fox & Guestrin 2014, figure 1), and 25 modes (Zhang et al. 2020, figure 2).

mod support;

#[path = "support/experiments.rs"]
mod experiments;

use std::{ffi::OsString, path::Path, process::ExitCode};

use experiments::*;
use indicatif::ProgressBar;
use langevin::{
    BoxMuller, Pcg32, SeedableRng,
    stepper::{
        Badodab, Baoab, LatticeWalk, LeimkuhlerMatthews, Mala, ModifiedSgld, Sghmc, Sgld, Stepper,
    },
};
use plotters::{
    prelude::SeriesLabelPosition::{LowerRight, UpperRight},
    style::RGBColor,
};
use support::{
    Outcome,
    args::Args,
    plot::{self, BLUE, INK, ORANGE, Panel, RED},
    progress,
};

const USAGE: &str = "\
Every stepper on the same experiments, as pictures.

    gallery [options]

    --steps N         steps of each chain on the quadratic, a quarter of those on the quartic
                      (default 200000)
    --draws N         draws of each histogram, 50 steps each (default 80000)
    --gradients N     gradients of the replica exchange in all (default 5000000)
    --output FOLDER   where the pictures go (default target/gallery)";

const GREEN: RGBColor = RGBColor(44, 140, 80);
const PURPLE: RGBColor = RGBColor(126, 87, 194);
const BROWN: RGBColor = RGBColor(141, 98, 64);
const TEAL: RGBColor = RGBColor(0, 150, 160);

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let Some(args) = Args::parse(arguments, &["steps", "draws", "gradients", "output"], USAGE)?
    else {
        return Ok(());
    };
    let steps = args.value("steps", 200_000)?;
    let draws = args.value("draws", 80_000)?;
    let gradients = args.value("gradients", 5_000_000)?;
    let folder = Path::new(args.text("output").unwrap_or("target/gallery"));
    variance(steps, &folder.join("gallery-variance.svg"))?;
    bias(steps.saturating_mul(4), &folder.join("gallery-bias.svg"))?;
    quartic(draws, &folder.join("gallery-quartic.svg"))?;
    modes(gradients, &folder.join("gallery-modes.svg"))
}

fn normals() -> BoxMuller<Pcg32> {
    BoxMuller::new(Pcg32::seed_from_u64(2026))
}

/// A stepper's measurements and its law, as functions of the step.
struct Series {
    name: &'static str,
    colour: RGBColor,
    law: fn(f64) -> f64,
    dots: Vec<[f64; 2]>,
}

/// Measures a stepper on the quadratic with k = T = 1, at step sizes `etas`.
fn series<const N: usize, S, Z>(
    name: &'static str,
    colour: RGBColor,
    (stepper, noise): (S, fn() -> Z),
    (variance, etas): (f32, &[f32]),
    law: fn(f64) -> f64,
    steps: u32,
    progress: &ProgressBar,
) -> Series
where
    S: Stepper<N, Quadratic, Z> + Copy,
{
    let dots = etas
        .iter()
        .map(|&eta| {
            progress.inc(1);
            let mut potential = Quadratic::new(1.0, variance);
            let square = mean_square(stepper, &mut potential, eta, steps, &mut noise());
            [f64::from(eta), square]
        })
        .collect();
    Series {
        name,
        colour,
        law,
        dots,
    }
}

/// Draws the stationary variance on a quadratic against the step size: measured, and by the exact laws.
fn variance(steps: u32, path: &Path) -> Outcome {
    const ETAS: &[f32] = &[0.1, 0.4, 0.7, 1.0, 1.3, 1.6];
    const SMALL: &[f32] = &[0.02, 0.05, 0.1, 0.2, 0.3, 0.45];
    const ALPHA: f64 = 0.3;
    const C: f64 = 1.0 - ALPHA;
    let sghmc = Sghmc::new(ALPHA as f32)?;
    let baoab = Baoab::new(ALPHA as f32)?;
    let lattice = (
        LatticeWalk::new(),
        (|| Pcg32::seed_from_u64(2026)) as fn() -> _,
    );
    let all = (ETAS, normals as fn() -> _);
    let progress = progress::bar("variance", 79);
    let bar = &progress;
    // Without gradient noise, and with V = kT. A law that is known only in the limit is left out.
    let exact = [
        series::<16, _, _>(
            "SGLD",
            BLUE,
            (Sgld::new(), all.1),
            (0.0, all.0),
            |x| 1.0 / (1.0 - x / 2.0),
            steps,
            bar,
        ),
        series::<16, _, _>(
            "SGHMC, α = 0.3",
            GREEN,
            (sghmc, all.1),
            (0.0, all.0),
            |x| 1.0 / (1.0 - x / (2.0 * (2.0 - ALPHA))),
            steps,
            bar,
        ),
        series::<16, _, _>(
            "lattice walk",
            ORANGE,
            lattice,
            (0.0, ETAS),
            |_| 1.0,
            steps,
            bar,
        ),
        series::<16, _, _>(
            "Leimkuhler–Matthews",
            RED,
            (LeimkuhlerMatthews::new(), all.1),
            (0.0, all.0),
            |_| 1.0,
            steps,
            bar,
        ),
        series::<16, _, _>(
            "BAOAB, α = 0.3",
            PURPLE,
            (baoab, all.1),
            (0.0, all.0),
            |_| 1.0,
            steps,
            bar,
        ),
        series::<1, _, _>(
            "MALA",
            TEAL,
            (Mala::new(), all.1),
            (0.0, all.0),
            |_| 1.0,
            steps.saturating_mul(16),
            bar,
        ),
    ];
    let noisy = [
        series::<16, _, _>(
            "SGLD",
            BLUE,
            (Sgld::new(), all.1),
            (1.0, all.0),
            |x| (1.0 + x / 2.0) / (1.0 - x / 2.0),
            steps,
            bar,
        ),
        series::<16, _, _>(
            "SGHMC, α = 0.3",
            GREEN,
            (sghmc, all.1),
            (1.0, SMALL),
            |x| (1.0 + x / (2.0 * ALPHA)) / (1.0 - x / (2.0 * (2.0 - ALPHA))),
            steps,
            bar,
        ),
        series::<16, _, _>(
            "SGHMC told V",
            BROWN,
            (sghmc.gradient_variance(1.0)?, all.1),
            (1.0, SMALL),
            |x| {
                if x <= 2.0 * ALPHA {
                    1.0 / (1.0 - x / (2.0 * (2.0 - ALPHA)))
                } else {
                    f64::NAN
                }
            },
            steps,
            bar,
        ),
        series::<16, _, _>(
            "lattice walk",
            ORANGE,
            lattice,
            (1.0, SMALL),
            |_| 1.0,
            steps,
            bar,
        ),
        series::<16, _, _>(
            "Leimkuhler–Matthews",
            RED,
            (LeimkuhlerMatthews::new(), all.1),
            (1.0, all.0),
            |x| 1.0 + x / (2.0 - x),
            steps,
            bar,
        ),
        series::<16, _, _>(
            "BAOAB, α = 0.3",
            PURPLE,
            (baoab, all.1),
            (1.0, SMALL),
            |x| 1.0 + 2.0 * x * (1.0 + C) / ((1.0 - C) * (4.0 - 2.0 * x)),
            steps,
            bar,
        ),
        series::<16, _, _>(
            "noise-corrected SGLD",
            INK,
            (ModifiedSgld::new(), all.1),
            (1.0, all.0),
            |x| 1.0 / (1.0 - x / 2.0),
            steps,
            bar,
        ),
        series::<16, _, _>(
            "BADODAB, a = 0.3",
            TEAL,
            (Badodab::new(0.3)?, all.1),
            (1.0, SMALL),
            |_| f64::NAN,
            steps,
            bar,
        ),
    ];
    drop(progress);

    let area = plot::picture(path, (1400, 560))?;
    let halves = area.split_evenly((1, 2));
    for (half, title, all) in [
        (&halves[0], "full gradient", &exact[..]),
        (&halves[1], "gradient noise of variance kT", &noisy[..]),
    ] {
        println!("\nvariance on a quadratic over T/k, {title}; in brackets, the law");
        let labels = ["step ηk", "variance · k/T"];
        let mut panel = Panel::new(half, title, labels, 0.0..2.4, 0.8..3.5)?;
        for (i, s) in all.iter().enumerate() {
            let curve = (0..=170).map(|i| 0.01 * f64::from(i)).map(|x| {
                let y = (s.law)(x);
                [x, if y <= 3.5 { y } else { f64::NAN }]
            });
            panel.line(curve, s.colour, 1, "")?;
            let inside = s.dots.iter().copied().filter(|d| d[1] <= 3.5);
            // Dots of decreasing size, so that those at the same place can be seen.
            panel.points(inside, s.colour, 3 + (all.len() - i) as u32 / 2, s.name)?;
            print!("{:<22}", s.name);
            for [x, y] in &s.dots {
                match (s.law)(*x) {
                    law if law.is_nan() => print!("  {x:.2}: {y:.3} (none)"),
                    law => print!("  {x:.2}: {y:.3} ({law:.3})"),
                }
            }
            println!();
        }
        panel.done(UpperRight)?;
    }
    plot::finish(&area, path)
}

/// Draws the bias of E θ² on the quartic against the step size: by quadrature, and of chains.
fn bias(steps: u32, path: &Path) -> Outcome {
    let truth = quartic_mean_square();
    let error = |square: f64| (square - truth).abs().log10();
    let area = plot::picture(path, (900, 620))?;
    let labels = ["log10 η", "log10 |E θ² − truth|"];
    let title = "bias on U = −2θ² + θ⁴, full gradient";
    let mut panel = Panel::new(&area, title, labels, -2.4..-1.3, -5.5..-1.0)?;
    for (name, colour, law, largest) in [
        (
            "SGLD, quadrature",
            BLUE,
            sgld_mean_square as fn(f64) -> f64,
            0.04,
        ),
        (
            "Leimkuhler–Matthews, quadrature",
            RED,
            leimkuhler_matthews_mean_square,
            0.04,
        ),
    ] {
        let etas = (0..=8).map(|i| 0.005 * (largest / 0.005_f64).powf(f64::from(i) / 8.0));
        let curve: Vec<_> = etas.map(|eta| [eta.log10(), error(law(eta))]).collect();
        panel.line(curve, colour, 2, name)?;
    }
    let progress = progress::bar("bias", 20);
    let chain = |square: &mut dyn FnMut(f32) -> f64| -> Vec<[f64; 2]> {
        let etas = [0.005_f32, 0.01, 0.02, 0.04];
        let dot = |eta: f32| {
            progress.inc(1);
            [f64::from(eta).log10(), error(square(eta)).max(-5.5)]
        };
        etas.map(dot).to_vec()
    };
    let mut quartic = Quartic::new(0.0);
    let sghmc = Sghmc::new(0.3)?;
    let baoab = Baoab::new(0.3)?;
    let dots = [
        (
            "SGLD",
            BLUE,
            chain(&mut |eta| {
                mean_square::<16, _, _, _>(Sgld::new(), &mut quartic, eta, steps, &mut normals())
            }),
        ),
        (
            "Leimkuhler–Matthews",
            RED,
            chain(&mut |eta| {
                mean_square::<16, _, _, _>(
                    LeimkuhlerMatthews::new(),
                    &mut quartic,
                    eta,
                    steps,
                    &mut normals(),
                )
            }),
        ),
        (
            "SGHMC, α = 0.3",
            GREEN,
            chain(&mut |eta| {
                mean_square::<16, _, _, _>(sghmc, &mut quartic, eta, steps, &mut normals())
            }),
        ),
        (
            "BAOAB, α = 0.3",
            PURPLE,
            chain(&mut |eta| {
                mean_square::<16, _, _, _>(baoab, &mut quartic, eta, steps, &mut normals())
            }),
        ),
        (
            "lattice walk",
            ORANGE,
            chain(&mut |eta| {
                mean_square::<16, _, _, _>(
                    LatticeWalk::new(),
                    &mut quartic,
                    eta,
                    steps,
                    &mut Pcg32::seed_from_u64(1),
                )
            }),
        ),
    ];
    drop(progress);
    println!("\nlog10 of the bias of E θ² on the quartic, at η = 0.005, 0.01, 0.02, 0.04");
    // Two standard errors of a chain of 16 coordinates: draws correlate over about 1/(8η) steps.
    let floor = |eta: f64| (2.0 * (0.35 / (16.0 * f64::from(steps) * 4.0 * eta)).sqrt()).log10();
    for (name, colour, dots) in dots {
        println!(
            "{name:<22}{:>7.2}{:>7.2}{:>7.2}{:>7.2}",
            dots[0][1], dots[1][1], dots[2][1], dots[3][1]
        );
        let seen: Vec<_> = dots
            .into_iter()
            .filter(|[x, y]| *y > floor(10_f64.powf(*x)))
            .collect();
        let none = if seen.is_empty() {
            ": none above the line"
        } else {
            ""
        };
        panel.points(seen, colour, 4, &format!("{name}{none}"))?;
    }
    let line = [0.005, 0.1].map(|eta: f64| [eta.log10(), floor(eta)]);
    panel.line(
        line,
        RGBColor(190, 190, 190),
        1,
        "what the chains cannot tell from 0",
    )?;
    panel.done(LowerRight)?;
    plot::finish(&area, path)
}

/// Draws histograms on the quartic with gradient noise of standard deviation 2.
fn quartic(draws: u32, path: &Path) -> Outcome {
    let sghmc = Sghmc::with_mass(3.0, 1.0)?;
    let progress = progress::bar("quartic", 6);
    let mut panels = Vec::new();
    let mut add = |name, histogram| {
        progress.inc(1);
        panels.push((name, histogram));
    };
    add(
        "frictionless, momentum redrawn every 50 steps",
        quartic_histogram(Sghmc::new(0.0)?.refresh_every(50), draws),
    );
    add("SGHMC, C = 3, V unknown", quartic_histogram(sghmc, draws));
    add(
        "SGHMC, C = 3, V known",
        quartic_histogram(sghmc.gradient_variance(4.0)?, draws),
    );
    add("SGLD", quartic_histogram(Sgld::new(), draws));
    add(
        "noise-corrected SGLD",
        quartic_histogram(ModifiedSgld::new(), draws),
    );
    add(
        "BADODAB, a = 0.3",
        quartic_histogram(Badodab::new(0.3)?, draws),
    );
    drop(progress);

    let truth = quartic_shares();
    let centre = |i: usize| -2.95 + 0.1 * i as f64;
    println!("\nU = −2θ² + θ⁴, gradient noise of sd 2, η = 0.01, {draws} draws");
    let area = plot::picture(path, (1400, 800))?;
    for (part, (name, histogram)) in area.split_evenly((2, 3)).iter().zip(&panels) {
        let distance = histogram.total_variation();
        println!(
            "{name:<48} total variation {distance:.3}, E θ² = {:.4}",
            histogram.mean_square
        );
        let title = format!("{name}: {distance:.3} off");
        let mut panel = Panel::new(part, &title, ["θ", "density"], -2.5..2.5, 0.0..0.62)?;
        let heights = histogram.shares.map(|s| 10.0 * s);
        panel.histogram(&heights[5..55], -2.5..2.5, BLUE, "chain")?;
        let curve = (5..55).map(|i| [centre(i), 10.0 * truth[i]]);
        panel.line(curve, INK, 2, "exp(−U)")?;
        panel.done(UpperRight)?;
    }
    plot::finish(&area, path)
}

/// A function that is called with every draw.
type See<'a> = &'a mut dyn FnMut(&[f32; 2]);

/// Draws samples of chains on 25 modes.
fn modes(gradients: u32, path: &Path) -> Outcome {
    // Chosen among 16 seeds, so that the numbers of modes found are typical.
    const SEED: u64 = 10;
    const DOTS: usize = 800;
    let progress = progress::bar("25 modes", 7);
    let mut panels = Vec::new();
    let mut add = |name: &str, run: &mut dyn FnMut(See)| {
        let (mut visits, mut draws) = (Visits::new(), Vec::new());
        run(&mut |theta| {
            visits.push(theta);
            draws.push(theta.map(f64::from));
        });
        progress.inc(1);
        panels.push((format!("{name}: {} of 25", visits.count()), visits, draws));
    };
    add("SGLD, decreasing step", &mut |see| decreasing(SEED, see));
    add("one cyclical chain", &mut |see| cyclical(SEED, see));
    add("four cyclical chains", &mut |see| {
        (SEED..SEED + 4).for_each(|seed| cyclical(seed, &mut *see))
    });
    add("replica exchange, five replicas", &mut |see| {
        tempered(gradients, SEED, see);
    });
    drop(progress);

    println!("\n25 modes; share of each mode over 1/25, from and to");
    let area = plot::picture(path, (1400, 420))?;
    for (part, (title, visits, draws)) in area.split_evenly((1, 4)).iter().zip(&panels) {
        let near: u32 = visits.near.iter().sum();
        let share = |n: u32| 25.0 * f64::from(n) / f64::from(near);
        let (low, high) = visits
            .near
            .iter()
            .fold((u32::MAX, 0), |(a, b), n| (a.min(*n), b.max(*n)));
        println!("{title:<44} {:.2} {:.2}", share(low), share(high));
        let mut panel = Panel::new(part, title, ["", ""], -5.0..5.0, -5.0..5.0)?;
        let inside = |d: &[f64; 2]| d.iter().all(|x| x.abs() < 5.0);
        let dots = draws
            .iter()
            .step_by(draws.len().div_ceil(DOTS).max(1))
            .copied()
            .filter(inside);
        panel.points(dots, BLUE, 1, "")?;
        panel.done(UpperRight)?;
    }
    plot::finish(&area, path)
}
