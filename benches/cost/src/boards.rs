//! What the calibration costs on the boards: their images' sizes, and times from instruction counts and clocks.

use std::{fmt::Write, fs, path::PathBuf, process::Command};

use langevin::{
    BoxMuller, Chain, Pcg32, SeedableRng, estimate::Diagnostics, schedule::Constant, stepper::Sgld,
};
use langevin_apps::{
    calibrate::{CHWIRUT2, STEPS, reading},
    readings,
};
use langevin_cost::{calibrate::Chwirut2, linear::Linear};

use crate::{
    elf::Elf,
    host::{CORES, Core, Row, executable, measure, package},
};

/// Name, folder, core among [`CORES`], clock in MHz.
const BOARDS: [(&str, &str, usize, f64); 4] = [
    ("nRF52840-DK", "nrf52840-dk", 2, 64.0),
    ("Nucleo-F411RE", "nucleo-f411re", 2, 100.0),
    ("Raspberry Pi Pico", "pico", 0, 125.0),
    ("Raspberry Pi Pico 2", "pico2", 4, 150.0),
];

/// So many independent draws have a standard deviation whose standard error is 5 %: 1/√(2n).
const DRAWS: f64 = 200.0;

/// Steps on the host from which the effective sample size is taken.
const LONG: u32 = 200_000;

/// A board's image.
fn image(folder: &str, target: &str) -> PathBuf {
    let output = Command::new(package().join("../../.ci/firmware-cargo"))
        .args(["build", "--quiet", "--release", "--locked"])
        .args(["--target", target, "--bin", "calibrate"])
        .args(["--message-format", "json"])
        .current_dir(package().join("../../examples/boards").join(folder))
        .env("FIRMWARE_TARGET_DIR", package().join("../../target/boards"))
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{folder}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    executable(&output.stdout)
}

/// Steps of the calibration, all readings in its window, to [`DRAWS`] independent draws of the constant that takes
/// longest.
fn calibration() -> f64 {
    let mut calibration = Chwirut2::new(CHWIRUT2, 7).expect("an instrument");
    for at in readings::CHWIRUT2 {
        calibration
            .observe(reading(at), STEPS)
            .expect("a finite reading");
    }
    let mut diagnostics = Diagnostics::<3>::new();
    calibration.sample(LONG, |theta| diagnostics.push(&(CHWIRUT2.constants)(theta)));
    steps(f64::from(diagnostics.min_ess()))
}

/// The same of the chain on next to no gradient.
fn bare() -> f64 {
    let schedule = Constant::new(0.05).expect("a step size");
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    let mut chain = Chain::new([0.0; 2], Sgld::new(), schedule, noise);
    let mut potential = Linear::new();
    let mut diagnostics = Diagnostics::<2>::new();
    for _ in 0..LONG {
        if let Ok(Some(theta)) = chain.step(&mut potential) {
            diagnostics.push(theta);
        }
    }
    steps(f64::from(diagnostics.min_ess()))
}

fn steps(ess: f64) -> f64 {
    DRAWS * f64::from(LONG) / ess
}

/// Three digits.
fn digits(x: f64) -> String {
    let places = (2 - x.log10().floor() as i32).max(0);
    let unit = 10_f64.powi(2 - x.log10().floor() as i32);
    format!("{:.*}", places as usize, (x * unit).round() / unit)
}

/// The boards' table; `small` has what M0 and M4F print with opt-level "s".
pub fn table(out: &mut String, small: &[(&str, Vec<Row>)]) {
    const CALIBRATION: [&str; 3] = ["calibration", "calibrate", "3"];
    const BARE: [&str; 3] = ["step", "SGLD/Box-Muller", "2"];
    const STACK: [&str; 3] = ["stack", "calibrate", "3"];
    let on = |core: Core| -> Vec<Row> {
        match small.iter().find(|(name, _)| *name == core.0) {
            Some((_, rows)) => rows.clone(),
            None => [CALIBRATION, BARE]
                .iter()
                .flat_map(|row| measure(core, "small", Some(&row.join(";"))))
                .collect(),
        }
    };
    let (calibration, bare) = (calibration(), bare());
    write!(
        out,
        "\n## Boards\n\n\
         The image `calibrate` of `examples/boards`, logs and chip included. RAM is what is taken before anything\n\
         runs, and the stack of a step. Times are computed, not measured: instructions counted by QEMU with opt-level\n\
         \"s\", one of them in each cycle. That leaves out flash wait states and caches, and the cycles beyond the\n\
         first of loads, branches and divisions. 5 %: until the standard deviations of all constants have a\n\
         standard error of 5 %, {DRAWS} independent draws. That is {:.0} steps for the calibration (54 readings in\n\
         the window) and {:.0} for SGLD, Box-Muller, N = 2 on next to no gradient, by the effective sample size of\n\
         {LONG} steps.\n\n\
         | | clock, MHz | flash, bytes | RAM, bytes | stack, bytes | steps a second | seconds to 5 % | N = 2: steps a \
         second | seconds to 5 % for N = 2 |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        calibration, bare
    )
    .unwrap();
    for (name, folder, core, clock) in BOARDS {
        let core = CORES[core];
        let rows = on(core);
        let value = |of: [&str; 3]| -> f64 {
            let row = rows.iter().find(|row| row[..3] == of);
            row.expect("it was measured")[3].parse().expect("a number")
        };
        let elf = Elf::new(fs::read(image(folder, core.1)).expect("it was built"));
        let rate = |of| 1e6 * clock / value(of);
        writeln!(
            out,
            "| {name} | {clock} | {} | {} | {} | {} | {} | {} | {} |",
            elf.flash(),
            elf.ram(),
            value(STACK),
            digits(rate(CALIBRATION)),
            digits(calibration / rate(CALIBRATION)),
            digits(rate(BARE)),
            digits(bare / rate(BARE)),
        )
        .unwrap();
    }
}
