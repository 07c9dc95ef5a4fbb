//! What the applications cost on the boards: their images' sizes, and times from cycles and clocks.

use std::{collections::BTreeMap, fs, path::Path};

use cargo_metadata::MetadataCommand;
use langevin::{
    BoxMuller, Chain, Pcg32, SeedableRng, estimate::Diagnostics, schedule::Constant, stepper::Sgld,
};
use langevin_apps::readings;
use langevin_cost::{
    images::{self, Core, Image, M0_ASSEMBLY, M4F, M33, RV32, Row, firmware, package},
    linear::Linear,
    mix::{self, Cycles, Mix, mix},
    report::Report,
};

/// Cores of boards by the target that their code is built for, and what their instructions take.
const CORES: [(Core, Cycles); 4] = [
    (M0_ASSEMBLY, mix::M0_PLUS),
    (M4F, mix::M4F),
    (M33, mix::M4F),
    (RV32, mix::E31),
];

/// Rows that are told in times, and the application that must run on a board for that.
const CALIBRATE: &str = "calibration;calibrate;3";
const FILTER: &str = "application;thermal filter;2";
const SENSOR: &str = "application;sensor;3";
const BARE: &str = "step;SGLD/Box-Muller;2";
const ROWS: [(&str, &str); 4] = [
    (CALIBRATE, "calibrate"),
    (FILTER, "filter"),
    (SENSOR, "sensor"),
    (BARE, "calibrate"),
];

/// The heading of what is said here, the last section of the figures.
pub const SECTION: &str = "Boards";

/// So many independent draws have a standard deviation whose standard error is 5 %: 1/√(2n).
const DRAWS: f64 = 200.0;

/// Steps on the host from which the effective sample size is taken.
const LONG: u32 = 200_000;

/// A board, as its package tells.
struct Board {
    name: String,
    /// In MHz.
    clock: f64,
    core: Core,
    cycles: Cycles,
    applications: Vec<String>,
    image: Image,
}

impl Board {
    /// The board of a folder; `None` for another folder.
    fn read(folder: &Path) -> Option<Self> {
        folder.join("memory.x").exists().then_some(())?;
        let config = fs::read_to_string(folder.join(".cargo/config.toml")).expect("a target");
        let target = config
            .lines()
            .find_map(|line| line.strip_prefix("target = "));
        let target = target.expect("a target").trim_matches('"');
        let (core, cycles) = CORES
            .into_iter()
            .find(|(core, _)| core.target == target)
            .expect("a core that is measured");
        let manifest = folder
            .join("Cargo.toml")
            .canonicalize()
            .expect("a manifest");
        let metadata = MetadataCommand::new()
            .manifest_path(&manifest)
            .no_deps()
            .exec();
        let metadata = metadata.expect("a package");
        let package = metadata
            .packages
            .iter()
            .find(|package| package.manifest_path == manifest);
        let package = package.expect("the package");
        let board = &package.metadata["board"];
        let binaries = package.targets.iter().filter(|target| target.is_bin());
        let mut cargo = firmware(folder, target, "boards");
        cargo.args(["--release", "--bin", "calibrate"]);
        let image = images::build(&mut cargo).unwrap_or_else(|error| panic!("{error}"));
        Some(Self {
            name: board["name"].as_str().expect("a name").to_string(),
            clock: board["megahertz"].as_f64().expect("a clock"),
            core,
            cycles,
            applications: binaries.map(|target| target.name.clone()).collect(),
            image: Image::read(image),
        })
    }

    /// All of them.
    fn all() -> Vec<Self> {
        let folders = fs::read_dir(package().join("../../examples/boards")).expect("the boards");
        let mut folders: Vec<_> = folders
            .map(|folder| folder.expect("a folder").path())
            .collect();
        folders.sort();
        folders
            .iter()
            .filter_map(|folder| Self::read(folder))
            .collect()
    }
}

/// What a row takes on a core with opt-level "s", alone in its image.
struct Measured {
    instructions: f64,
    stack: f64,
    mix: Mix,
    /// On average, by the simulator.
    cycles: Option<f64>,
}

impl Measured {
    fn new(core: Core, row: &str) -> Self {
        let program = images::bench(core, "small", Some(row));
        let counted = images::count(core, &program);
        let cycles = (core == M0_ASSEMBLY).then(|| average(&images::cycles(&program), row));
        let stack = |row: &Row| (row.table == "stack").then_some(row.values[0]);
        Self {
            instructions: average(&counted, row),
            stack: counted.iter().find_map(stack).expect("its stack"),
            mix: mix(core, &program),
            cycles,
        }
    }

    /// Cycles an instruction: those of the simulator, or else those that its instructions should take.
    fn ratio(&self, cycles: Cycles) -> f64 {
        self.cycles.map_or_else(
            || self.mix.ratio(cycles),
            |cycles| cycles / self.instructions,
        )
    }
}

/// The first value of a row.
fn average(rows: &[Row], key: &str) -> f64 {
    let row = rows.iter().find(|row| row.key() == key);
    row.expect("it was measured").values[0]
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
    DRAWS * f64::from(LONG) / f64::from(diagnostics.min_ess())
}

/// Three digits.
fn digits(x: f64) -> String {
    let places = (2 - x.log10().floor() as i32).max(0);
    let unit = 10_f64.powi(2 - x.log10().floor() as i32);
    format!("{:.*}", places as usize, (x * unit).round() / unit)
}

/// Adds the boards' tables.
pub fn tables(report: &mut Report) {
    const COLUMNS: [&str; 9] = [
        "clock, MHz",
        "flash, bytes",
        "RAM, bytes",
        "stack, bytes",
        "`calibrate`: all readings, s",
        "`filter`: a tick, ms",
        "`sensor`: a reading, ms",
        "N = 2: steps a second",
        "N = 2: seconds to 5 %",
    ];
    let bare = bare();
    report.section(
        SECTION,
        &format!(
            "Flash and RAM of the image `calibrate` of `examples/boards`, logs and chip included: RAM is what is taken\n\
             before anything runs, and the stack of a reading. Times on average, of the applications without their logs,\n\
             and of SGLD, Box-Muller, N = 2 on next to no gradient; 5 %: {DRAWS} independent draws, so that the standard\n\
             deviations have a standard error of 5 %, which takes {bare:.0} steps by the effective sample size of {LONG}.\n\
             The Pico's are measured: cycles of the simulator in `examples/boards/pico/simulated`. The others' are\n\
             computed: instructions, counted by QEMU with opt-level \"s\", times the cycles an instruction of the second table.\n"
        ),
    );
    let boards = Board::all();
    let mut measured: BTreeMap<(&str, &str), Measured> = BTreeMap::new();
    for (core, _) in CORES {
        for (row, application) in ROWS {
            let runs = |board: &Board| {
                board.core == core && board.applications.iter().any(|it| it == application)
            };
            if boards.iter().any(runs) {
                measured.insert((core.name, row), Measured::new(core, row));
            }
        }
    }
    let rows = boards.iter().map(|board| {
        let seconds = |row, application: &str| {
            let runs = board.applications.iter().any(|it| it == application);
            let it = runs.then(|| &measured[&(board.core.name, row)])?;
            Some(it.instructions * it.ratio(board.cycles) / (1e6 * board.clock))
        };
        let shown =
            |seconds: Option<f64>, unit: f64| seconds.map_or("-".to_string(), |x| digits(unit * x));
        let step = seconds(BARE, "calibrate");
        let cells = [
            board.clock.to_string(),
            board.image.flash().to_string(),
            board.image.ram().to_string(),
            measured[&(board.core.name, CALIBRATE)].stack.to_string(),
            shown(
                seconds(CALIBRATE, "calibrate"),
                readings::CHWIRUT2.len() as f64,
            ),
            shown(seconds(FILTER, "filter"), 1e3),
            shown(seconds(SENSOR, "sensor"), 1e3),
            shown(step.map(f64::recip), 1.0),
            shown(step, bare),
        ];
        (board.name.clone(), None, cells.to_vec())
    });
    report.table(SECTION, &COLUMNS, rows.collect());
    ratios(report, &measured);
}

/// Adds the second table as far as the simulator's cycles are in it and the images are measured anyway.
pub fn short(report: &mut Report) {
    let rows = [CALIBRATE, BARE].into_iter();
    let measured = rows.map(|row| ((M0_ASSEMBLY.name, row), Measured::new(M0_ASSEMBLY, row)));
    ratios(report, &measured.collect());
}

/// Adds the table of cycles an instruction.
fn ratios(report: &mut Report, measured: &BTreeMap<(&str, &str), Measured>) {
    report.text += "\nCycles an instruction from the mix: how many of a hundred instructions load or store a word, branch, and divide or\n\
        take a root, by the blocks that QEMU executes; and what each kind takes, by the manuals of the Cortex-M0+, the Cortex-M4 and\n\
        the E31 (`src/mix.rs`). A Cortex-M33 is taken for a Cortex-M4. Left out are flash wait states: all is in the cache.\n";
    let rows = measured.iter().map(|((core, row), it)| {
        let (_, cycles) = CORES
            .into_iter()
            .find(|(there, _)| there.name == *core)
            .expect("a core");
        let name = row.split(';').nth(1).unwrap_or(row).replace('/', ", ");
        let simulated = it.cycles.map_or("-".to_string(), |cycles| {
            format!("{:.2}", cycles / it.instructions)
        });
        let [moved, taken, divided] = it.mix.percent().map(|percent| format!("{percent:.1}"));
        let ratio = format!("{:.2}", it.mix.ratio(cycles));
        (
            format!("{core}: {name}"),
            None,
            vec![moved, taken, divided, ratio, simulated],
        )
    });
    report.table(
        "Cycles an instruction",
        &[
            "loads and stores",
            "branches taken",
            "divisions",
            "cycles an instruction",
            "by the simulator",
        ],
        rows.collect(),
    );
}
