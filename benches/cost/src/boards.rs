//! What the calibration costs on the boards: their images' sizes, and times from instruction counts and clocks.

use langevin::{
    BoxMuller, Chain, Pcg32, SeedableRng, estimate::Diagnostics, schedule::Constant, stepper::Sgld,
};
use langevin_apps::readings;
use langevin_cost::{
    images::{self, Core, Image, M0_ASSEMBLY, M4F, M33, Row, SMALL, firmware, measure, package},
    linear::Linear,
    report::Report,
};

/// Name, folder, core, clock in MHz.
const BOARDS: [(&str, &str, Core, f64); 4] = [
    ("nRF52840-DK", "nrf52840-dk", M4F, 64.0),
    ("Nucleo-F411RE", "nucleo-f411re", M4F, 100.0),
    ("Raspberry Pi Pico", "pico", M0_ASSEMBLY, 125.0),
    ("Raspberry Pi Pico 2", "pico2", M33, 150.0),
];

/// So many independent draws have a standard deviation whose standard error is 5 %: 1/√(2n).
const DRAWS: f64 = 200.0;

/// Steps on the host from which the effective sample size is taken.
const LONG: u32 = 200_000;

/// A board's image.
fn image(folder: &str, core: Core) -> Image {
    let folder = package().join("../../examples/boards").join(folder);
    let mut cargo = firmware(&folder, core.target, "boards");
    cargo.args(["--release", "--bin", "calibrate"]);
    Image::read(images::build(&mut cargo).unwrap_or_else(|error| panic!("{error}")))
}

/// Steps of the chain on next to no gradient to [`DRAWS`] independent draws of the coordinate that takes longest.
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

/// Adds the boards' table; `small` has what [`SMALL`] print with opt-level "s".
pub fn table(report: &mut Report, small: &[Vec<Row>]) {
    const CALIBRATION: &str = "calibration;calibrate;3";
    const BARE: &str = "step;SGLD/Box-Muller;2";
    const COLUMNS: [&str; 8] = [
        "clock, MHz",
        "flash, bytes",
        "RAM, bytes",
        "stack, bytes",
        "calibration: readings a second",
        "all 54 readings, seconds",
        "N = 2: steps a second",
        "seconds to 5 % for N = 2",
    ];
    let bare = bare();
    report.section(
        "Boards",
        &format!(
            "The image `calibrate` of `examples/boards`, logs and chip included. RAM is what is taken before anything\n\
             runs, and the stack of a step. Times are computed, not measured: instructions counted by QEMU with opt-level\n\
             \"s\", one of them in each cycle. That leaves out flash wait states and caches, and the cycles beyond the\n\
             first of loads, branches and divisions. The calibration's means are then within 0.05 standard deviations and\n\
             its standard deviations within 5 %. 5 % for N = 2: {DRAWS} independent draws of SGLD, Box-Muller on next to no\n\
             gradient, {bare:.0} steps by the effective sample size of {LONG}.\n"
        ),
    );
    let rows = BOARDS.map(|(name, folder, core, clock)| {
        let rows: Vec<Row> = match SMALL.iter().position(|it| *it == core) {
            Some(at) => small[at].clone(),
            None => [CALIBRATION, BARE]
                .iter()
                .flat_map(|row| measure(core, "small", Some(row)))
                .collect(),
        };
        let value = |key: &str| {
            let row = rows.iter().find(|row| row.key() == key);
            row.expect("it was measured").values[0]
        };
        let image = image(folder, core);
        let rate = |key| 1e6 * clock / value(key);
        let cells = [
            clock.to_string(),
            image.flash().to_string(),
            image.ram().to_string(),
            value("stack;calibrate;3").to_string(),
            digits(rate(CALIBRATION)),
            digits(readings::CHWIRUT2.len() as f64 / rate(CALIBRATION)),
            digits(rate(BARE)),
            digits(bare / rate(BARE)),
        ];
        (name.to_string(), None, cells.to_vec())
    });
    report.table("Boards", &COLUMNS, rows.to_vec());
}
