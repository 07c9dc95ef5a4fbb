//! What is measured, and the order in which it is told.

use langevin_cost::{
    authors::{self, AUTHORS},
    images::{C_COMPILER, CORES, Core, Image, M0, M4F, Row, SMALL, c_version, measure, on_each},
    report::{self, Report},
};

use crate::boards;

/// How much is measured.
#[derive(Clone, Copy, PartialEq)]
pub enum Extent {
    /// Everything.
    All,
    /// What takes a minute or two: for every change.
    Short,
}

impl Extent {
    /// Whether a row has an image of its own.
    fn holds(self, row: &str) -> bool {
        self == Self::All || row.contains(";SGLD/Box-Muller;") || row.starts_with("calibration;")
    }
}

/// What a cell shows of a row.
type Cell = fn(&Row) -> String;

/// Tables of what the cores print: heading, text below it, the rows' table, their cells, and whether they are
/// measured with opt-level "s" too, each row in an image of its own, as a user's would be: what the compiler
/// inlines depends on what else is there.
const TABLES: [(&str, &str, &str, Cell, bool); 10] = [
    ("A draw, on average", "", "draw", average, false),
    (
        "Four successive draws, at worst",
        "",
        "four draws",
        worst,
        false,
    ),
    (
        "A step of a chain, on average / at worst",
        "With next to no gradient: linear regression on one observation with a Gaussian prior,\n\
         g = s(xᵀθ − y)x + λθ. The barrier is included; at worst, so is the look for a stalled chain at each\n\
         64th step. `Sampler` from its first step on, so its warm-up is included.\n",
        "step",
        both,
        true,
    ),
    (
        "By hand, by the stepper, by a chain",
        "SGLD with Box-Muller noise. By hand: the same arithmetic and the same barrier in a loop. A chain adds\n\
         its schedule, burn-in and thinning, recovery from errors, and the look for a stalled chain.\n",
        "overhead",
        average,
        true,
    ),
    (
        "SGLD with a preconditioner, on average / at worst",
        "",
        "preconditioner",
        both,
        true,
    ),
    (
        "A gradient, an observation of the N that it sums over",
        "N = 16: the whole window; N = 4: a minibatch. Two parameters, but for an unknown sigma three.\n",
        "gradient",
        both,
        true,
    ),
    (
        "Derivatives of a response, a reading",
        "Of 16 readings at the same θ; the four decays have an exponential each.\n",
        "derivatives",
        average,
        true,
    ),
    (
        "SGLD written by hand without the crate, without a barrier, on average / at worst",
        "In C, where it is measured: `src/alternatives.c` with newlib and the compiler's soft floats.\n",
        "naive",
        both,
        true,
    ),
    (
        "An application, on average / at worst",
        "Of `examples/apps`: a tick of the thermal filter with its two unknowns, of the first 10 000; a reading\n\
         of the sensor with its three, of the first 1000; a pose of the compass with its ten, of the first 24;\n\
         a reading of the battery with its six, of the first three pulse tests. And a reading of a tracker with\n\
         nothing set: the three coefficients of a curve, linear regression, 64 readings in the window, the first 500.\n",
        "application",
        both,
        true,
    ),
    (
        "A reading of the boards' calibration, on average / at worst",
        "Three parameters, a tracker with up to 54 readings in its window, one exponential each in a gradient; the draws\n\
         after the last reading spread over all.\n",
        "calibration",
        both,
        true,
    ),
];

fn average(row: &Row) -> String {
    let [average, _] = row.values;
    let digits = usize::from(average < 100.0);
    format!("{average:.digits$}")
}

fn worst(row: &Row) -> String {
    row.values[1].to_string()
}

fn both(row: &Row) -> String {
    format!("{} / {}", average(row), worst(row))
}

fn bytes(row: &Row) -> String {
    row.values[0].to_string()
}

/// Its name in a table.
fn shown(name: &str) -> String {
    name.replace('/', ", ")
}

/// The rows of table `from`, in the order in which they came, with a cell for each core.
fn rows(cores: &[Vec<Row>], from: &str, cell: Cell) -> Vec<report::Row> {
    let of_table = cores[0].iter().filter(|row| row.table == from);
    of_table
        .map(|row| {
            let there = cores.iter().map(|core| {
                let same = core.iter().find(|there| there.key() == row.key());
                cell(same.expect("each core prints all rows"))
            });
            (shown(&row.name), Some(row.n.clone()), there.collect())
        })
        .collect()
}

/// A column of what is measured with opt-level "s".
fn small_column(core: &Core) -> String {
    format!("{}, \"s\"", core.name)
}

fn sizes(image: &str) -> Vec<usize> {
    on_each(&SMALL, |core| Image::of(core, "small", image).flash())
}

/// Measures, and says it.
pub fn figures(extent: Extent) -> Report {
    let cores = match extent {
        Extent::All => &CORES[..],
        Extent::Short => &SMALL,
    };
    let names: Vec<_> = cores.iter().map(|core| core.name).collect();
    let fast = on_each(cores, |core| measure(core, "release", None));
    let own: Vec<_> = (fast[0].iter())
        .filter(|row| {
            TABLES
                .iter()
                .any(|&(_, _, table, _, own)| own && row.table == table)
        })
        .map(Row::key)
        .filter(|key| extent.holds(key))
        .collect();
    let small = on_each(&SMALL, |core| -> Vec<Row> {
        let own = own.iter().flat_map(|row| measure(core, "small", Some(row)));
        own.collect()
    });
    let compiler = fast[0].iter().find(|row| row.table == "compiler");
    let compiler = &compiler.expect("the compiler's name").name;
    let c = c_version().map_or(String::new(), |version| format!("{C_COMPILER} {version}"));

    let text = format!(
        "# What it costs\n\n\
         Made by `cargo run --release` in this folder, with {compiler}{}{c}; `cargo run --release -- check`\n\
         compares. `figures.json` has the same figures.\n\n\
         Instructions, counted by QEMU: not cycles. Fat LTO, one codegen unit; where nothing else is said\n\
         opt-level 3, and all in one image; with opt-level \"s\" each row in an image of its own, as a product's\n\
         would be. Noise from Pcg32, whose own cost is included. M0 is version 6 code; M0 and M3 compute floats\n\
         in software, M4F, M7 and M33 in single precision. \"M0, asm\" is M0 with the floats of `softfloat-armv6m`.\n\
         M4F and M7 run the same image.\n",
        if c.is_empty() { "" } else { " and " }
    );
    let mut report = Report::new(text, [compiler.clone(), c]);
    let mut section = |heading: &str, text: &str, table, cell, own| {
        report.section(heading, text);
        report.table(heading, &names, rows(&fast, table, cell));
        if own {
            report.text += "\nWith opt-level \"s\":\n";
            let heading = format!("{heading}, \"s\"");
            report.table(
                &heading,
                &SMALL.map(|core| core.name),
                rows(&small, table, cell),
            );
        }
    };
    for (heading, text, table, cell, own) in TABLES {
        section(heading, text, table, cell, own);
    }
    if extent == Extent::All {
        // What shares an image changes what is inlined, and so the stack, from one change to the next.
        section(
            "RAM: bytes of stack that a step takes",
            "",
            "stack",
            bytes,
            true,
        );
    }

    report.section(
        "RAM: bytes of state",
        "The same on every core. Of noises; of chains with their noise; of what else keeps a state; of the boards'\n\
         calibration without its window; of the other applications with theirs.\n",
    );
    for core in &fast {
        assert_eq!(
            rows(std::slice::from_ref(core), "state", bytes),
            rows(&fast[..1], "state", bytes)
        );
    }
    report.table(
        "RAM: bytes of state",
        &["bytes"],
        rows(&fast[..1], "state", bytes),
    );

    flash(&mut report, extent, &fast[0]);
    match extent {
        Extent::All => boards::tables(&mut report),
        Extent::Short => boards::short(&mut report),
    }
    report
}

fn flash(report: &mut Report, extent: Extent, rows: &[Row]) {
    report.section(
        "Flash",
        "Bytes of code and constants over an empty image; two parameters.\n",
    );
    let empty = sizes("empty");
    // Each stepper with the default noise, and SGLD with each other noise.
    let mut names: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| row.table == "step") {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    let images = names.iter().filter_map(|name| {
        let image = format!("flash;{name};2");
        extent.holds(&image).then(|| {
            let sizes = sizes(&image);
            let over = sizes
                .iter()
                .zip(&empty)
                .map(|(all, empty)| (all - empty).to_string());
            (shown(name), None, over.collect())
        })
    });
    let columns = SMALL.map(|core| small_column(&core));
    report.table(
        "Flash",
        &columns.each_ref().map(String::as_str),
        images.collect(),
    );

    report.section(
        "Flash of the boards' calibration",
        "Without logs, chip and start-up code: bytes over an empty image, by whose lines they come from.\n",
    );
    // Assembly has no lines.
    let cores = [M0, M4F];
    let calibration = on_each(&cores, |core| {
        let of = |image| {
            let image = Image::of(core, "traced", image);
            (image.flash(), authors::bytes(&image))
        };
        let ((flash, bytes), (empty, without)) = (of("flash;calibrate;3"), of("empty"));
        let over = std::array::from_fn(|i| bytes[i].saturating_sub(without[i]));
        (flash - empty, over)
    });
    let row = |name: &str, of: &dyn Fn(usize, authors::Bytes) -> usize| {
        let cells = calibration
            .iter()
            .map(|(all, bytes)| of(*all, *bytes).to_string());
        (name.to_string(), None, cells.collect())
    };
    let [libm, memory, floats, random, langevin] = AUTHORS.map(|(name, _)| name);
    let rows = vec![
        row(langevin, &|_, [.., l]| l),
        row(libm, &|_, [m, ..]| m),
        row("langevin and libm", &|_, [m, .., l]| l + m),
        row(floats, &|_, [_, _, f, ..]| f),
        row("langevin, libm and soft floats", &|_, [m, _, f, _, l]| {
            l + m + f
        }),
        row(random, &|_, [_, _, _, r, _]| r),
        row(memory, &|_, [_, m, ..]| m),
        row("application and its 54 readings", &|all, bytes| {
            all - bytes.iter().sum::<usize>()
        }),
        row("all", &|all, _| all),
    ];
    let columns = cores.map(|core| small_column(&core));
    report.table(
        "Flash of the boards' calibration",
        &columns.each_ref().map(String::as_str),
        rows,
    );
}
