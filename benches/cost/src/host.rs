//! Builds and runs the firmware on each core, and lays out what it prints.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
};

use langevin::{noise::Noise, stepper::Stepper};
use langevin_cost::linear::Linear;
use langevin_qemu::every;

use crate::{boards, elf::Elf, flash};

/// Name, target, and QEMU's name of the machine.
pub type Core = (&'static str, &'static str, &'static str);

pub const CORES: [Core; 5] = [
    ("M0", "thumbv6m-none-eabi", "mps2-an385"),
    ("M3", "thumbv7m-none-eabi", "mps2-an385"),
    ("M4F", "thumbv7em-none-eabihf", "mps2-an386"),
    ("M7", "thumbv7em-none-eabihf", "mps2-an500"),
    ("M33", "thumbv8m.main-none-eabihf", "mps2-an505"),
];

/// What images are sized for: name, target and profile.
pub const SIZED: [(&str, &str, &str); 2] = [
    ("M0, \"s\"", "thumbv6m-none-eabi", "small"),
    ("M4F, \"s\"", "thumbv7em-none-eabihf", "small"),
];

/// How far a figure may be from the one that is checked in, with the same compiler...
const TOLERANCE: f64 = 0.02;
/// ... and with another.
const TOLERANCE_OTHER_COMPILER: f64 = 0.15;

pub fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn firmware_directory() -> PathBuf {
    package().join("../../target/firmware-cost")
}

/// The C compiler for the cores.
const C_COMPILER: &str = "arm-none-eabi-gcc";

/// Its version, where it is installed.
fn c_version() -> Option<String> {
    let output = Command::new(C_COMPILER).arg("-dumpfullversion").output();
    Some(
        String::from_utf8_lossy(&output.ok()?.stdout)
            .trim()
            .to_string(),
    )
}

/// Builds one of the package's programs, with what it is asked to hold, and gives its path.
pub fn build(target: &str, profile: &str, program: &str, holds: Option<(&str, &str)>) -> PathBuf {
    // The toolchain's route decides on the folder: cargo tells where it put the program.
    let output = Command::new(package().join("../../.ci/firmware-cargo"))
        .args(["build", "--quiet", "--target", target, "--profile", profile])
        .args(["--bin", program, "--message-format", "json"])
        .current_dir(package())
        .env_remove("IMAGE")
        .env_remove("ROW")
        .envs(holds)
        .env_remove("C_COMPILER")
        .envs(c_version().map(|_| ("C_COMPILER", C_COMPILER)))
        .env("FIRMWARE_TARGET_DIR", firmware_directory())
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{program} for {target}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    executable(&output.stdout)
}

/// The path of the program in cargo's messages.
pub fn executable(messages: &[u8]) -> PathBuf {
    let messages = String::from_utf8_lossy(messages);
    let path = messages
        .rsplit_once("\"executable\":\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .expect("cargo names the program");
    PathBuf::from(path.0)
}

pub fn elf(target: &str, profile: &str, image: &str) -> Elf {
    let path = build(target, profile, "image", Some(("IMAGE", image)));
    Elf::new(fs::read(path).expect("the program was built"))
}

/// What a core prints: table, what, N, average, worst.
pub type Row = [String; 5];

/// Runs measurements on a core: all, or those of one row in an image of its own.
pub fn measure((_, target, machine): Core, profile: &str, row: Option<&str>) -> Vec<Row> {
    let program = build(
        target,
        profile,
        "langevin-cost",
        row.map(|row| ("ROW", row)),
    );
    let output = Command::new("qemu-system-arm")
        .args(["-M", machine, "-nographic", "-monitor", "none"])
        .args(["-serial", "none", "-icount", "shift=7,sleep=off"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(program)
        .output()
        .expect("qemu-system-arm runs");
    assert!(
        output.status.success(),
        "{machine}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            let mut fields = line.split(';').map(str::to_string);
            [(); 5].map(|()| fields.next().expect("five fields a row"))
        })
        .collect()
}

/// Runs `job` for each core at the same time: a build for one target waits for none for another.
fn on_each<T: Send>(cores: &[Core], job: impl Fn(Core) -> T + Sync) -> Vec<(&'static str, T)> {
    thread::scope(|scope| {
        let job = &job;
        let running: Vec<_> = cores
            .iter()
            .map(|&core| (core.0, scope.spawn(move || job(core))))
            .collect();
        running
            .into_iter()
            .map(|(name, it)| (name, it.join().expect("it was measured")))
            .collect()
    })
}

/// The names of all configurations: each stepper with the default noise, and SGLD with each noise.
fn configurations() -> Vec<String> {
    struct Names(Vec<String>);
    impl every::Visitor<2, Linear<2>> for Names {
        fn visit<S: Stepper<2, Linear<2>, Z>, Z>(
            &mut self,
            (stepper, noise): (&'static str, &'static str),
            _: S,
            _: Z,
        ) {
            self.0.push(format!("flash;{stepper}/{noise};2"));
        }
    }
    impl every::NoiseVisitor for Names {
        fn visit<Z: Noise>(&mut self, noise: &'static str, _: Z) {
            let name = format!("flash;SGLD/{noise};2");
            if !self.0.contains(&name) {
                self.0.push(name);
            }
        }
    }
    let mut names = Names(Vec::new());
    every::steppers(&mut names);
    every::noises(&mut names);
    names.0
}

/// Its name in a table.
fn shown(name: &str) -> String {
    name.replace('/', ", ")
}

/// A table with a column for each core: the rows of table `from`, in the order in which they came.
fn table(out: &mut String, cores: &[(&str, Vec<Row>)], from: &str, cell: fn(&Row) -> String) {
    write!(out, "\n| | N |").unwrap();
    for (name, _) in cores {
        write!(out, " {name} |").unwrap();
    }
    writeln!(out, "\n|---|--:|{}", "--:|".repeat(cores.len())).unwrap();
    for row in cores[0].1.iter().filter(|row| row[0] == from) {
        write!(out, "| {} | {} |", shown(&row[1]), row[2]).unwrap();
        for (_, core) in cores {
            let there = core
                .iter()
                .find(|r| r[..3] == row[..3])
                .expect("each core prints all rows");
            write!(out, " {} |", cell(there)).unwrap();
        }
        writeln!(out).unwrap();
    }
}

fn average(row: &Row) -> String {
    let value: f64 = row[3].parse().expect("a number");
    if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn average_and_worst(row: &Row) -> String {
    format!("{} / {}", average(row), row[4])
}

fn worst(row: &Row) -> String {
    row[4].clone()
}

fn bytes(row: &Row) -> String {
    row[3].trim_end_matches(".0").to_string()
}

/// What is measured with opt-level "s" too, each row in an image of its own, as a user's would be: what
/// the compiler inlines depends on what else is there.
const OWN_IMAGES: [&str; 7] = [
    "step",
    "overhead",
    "metric",
    "gradient",
    "naive",
    "application",
    "calibration",
];

/// How much is measured.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    All,
    /// What takes a minute or two: for every change.
    Short,
}

impl Extent {
    fn cores(self) -> &'static [Core] {
        match self {
            Self::All => &CORES,
            Self::Short => &[CORES[0], CORES[2]],
        }
    }

    /// Whether a row has an image of its own.
    fn holds(self, row: &str) -> bool {
        self == Self::All || row.contains(";SGLD/Box-Muller;") || row.starts_with("calibration;")
    }
}

/// Bytes of flash of an image, for each of [`SIZED`].
fn sizes(image: &str) -> [usize; 2] {
    thread::scope(|scope| {
        SIZED
            .map(|(_, target, profile)| scope.spawn(move || elf(target, profile, image).flash()))
            .map(|size| size.join().expect("the image was built"))
    })
}

fn sized_table(out: &mut String, rows: impl Iterator<Item = (String, [usize; 2])>) {
    out.push_str("\n| |");
    for (name, ..) in SIZED {
        write!(out, " {name} |").unwrap();
    }
    writeln!(out, "\n|---|{}", "--:|".repeat(SIZED.len())).unwrap();
    for (name, sizes) in rows {
        write!(out, "| {name} |").unwrap();
        for size in sizes {
            write!(out, " {size} |").unwrap();
        }
        writeln!(out).unwrap();
    }
}

fn figures(extent: Extent) -> String {
    let fast = on_each(extent.cores(), |core| measure(core, "release", None));
    let names: Vec<_> = (fast[0].1.iter())
        .filter(|row| OWN_IMAGES.contains(&row[0].as_str()))
        .map(|row| row[..3].join(";"))
        .filter(|row| extent.holds(row))
        .collect();
    let small = on_each(&[CORES[0], CORES[2]], |core| {
        names
            .iter()
            .flat_map(|name| measure(core, "small", Some(name)))
            .collect()
    });
    let compiler = &fast[0]
        .1
        .iter()
        .find(|row| row[0] == "compiler")
        .expect("the compiler's name")[1];

    let mut out = String::new();
    write!(
        out,
        "# What it costs\n\n\
         Made by `cargo run --release` in this folder, with {compiler}; `cargo run --release -- check` \
         compares.\n\n\
         Instructions, counted by QEMU: not cycles. Fat LTO, one codegen unit; where nothing else is said\n\
         opt-level 3, and all in one image; with opt-level \"s\" each row in an image of its own, as a product's\n\
         would be. Noise from Pcg32, whose own cost is included. M0 is version 6 code; M0 and M3 compute floats\n\
         in software, M4F, M7 and M33 in single precision. M4F and M7 run the same image.\n"
    )
    .unwrap();
    out.push_str("\n## A draw, on average\n");
    table(&mut out, &fast, "draw", average);
    out.push_str("\n## Four successive draws, at worst\n");
    table(&mut out, &fast, "four draws", worst);
    let both = |out: &mut String, from, cell| {
        table(out, &fast, from, cell);
        out.push_str("\nWith opt-level \"s\":\n");
        table(out, &small, from, cell);
    };
    out.push_str(
        "\n## A step of a chain, on average / at worst\n\n\
         With next to no gradient: linear regression on one observation with a Gaussian prior,\n\
         g = s(xᵀθ − y)x + λθ. The barrier is included; at worst, so is the look for a frozen chain at each\n\
         64th step. `Sampler` from its first step on, so its warm-up is included.\n",
    );
    both(&mut out, "step", average_and_worst);
    out.push_str(
        "\n## By hand, by the stepper, by a chain\n\n\
         SGLD with Box-Muller noise. By hand: the same arithmetic and the same barrier in a loop. A chain adds\n\
         its schedule, burn-in and thinning, recovery from faults, and the look for a frozen chain.\n",
    );
    both(&mut out, "overhead", average);
    out.push_str("\n## SGLD with a metric, on average / at worst\n");
    both(&mut out, "metric", average_and_worst);
    out.push_str(
        "\n## A gradient, an observation of the N that it sums over\n\n\
         N = 16: the whole window; N = 4: a minibatch. Two parameters, but for an unknown sigma three.\n",
    );
    both(&mut out, "gradient", average_and_worst);
    out.push_str(
        "\n## SGLD written by hand without the crate, without a barrier, on average / at worst\n",
    );
    if let Some(version) = c_version() {
        write!(
            out,
            "\nIn C: `src/alternatives.c` with newlib and the compiler's soft floats, {C_COMPILER} {version}.\n"
        )
        .unwrap();
    }
    both(&mut out, "naive", average_and_worst);
    out.push_str(
        "\n## An application, on average / at worst\n\n\
         Of `examples/apps`: a tick of the thermal filter with its two unknowns, of the first 10 000; a reading\n\
         of the sensor with its three, of the first 1000.\n",
    );
    both(&mut out, "application", average_and_worst);
    out.push_str(
        "\n## A step of the boards' calibration, on average / at worst\n\n\
         Three parameters, dense metric, 54 readings in the window, three exponentials each.\n",
    );
    both(&mut out, "calibration", average_and_worst);

    out.push_str(
        "\n## Flash\n\nBytes of code and constants over an empty image; two parameters.\n",
    );
    let empty = sizes("empty");
    let over_empty = |image: String| {
        let name = image.split(';').nth(1).expect("three fields");
        let [(a, b), (c, d)] = [0, 1].map(|i| (sizes(&image)[i], empty[i]));
        (shown(name), [a - b, c - d])
    };
    let images = configurations()
        .into_iter()
        .chain(["flash;Sampler/Box-Muller;2".to_string()])
        .filter(|image| extent.holds(image));
    sized_table(&mut out, images.map(over_empty));
    out.push_str(
        "\n## Flash of the boards' calibration\n\n\
         Without logs, chip and start-up code: bytes over an empty image, by whose lines they come from.\n",
    );
    sized_table(&mut out, flash::shares(empty).into_iter());

    out.push_str(
        "\n## RAM: bytes of state\n\n\
         The same on every core. A noise:\n",
    );
    let one = |table: &str| -> [(&str, Vec<Row>); 1] {
        let rows = |core: &[Row]| -> Vec<Row> {
            let there = core.iter().filter(|row| row[0] == table);
            there.cloned().collect()
        };
        for (name, core) in &fast {
            assert_eq!(rows(core), rows(&fast[0].1), "{name}");
        }
        [("bytes", rows(&fast[0].1))]
    };
    table(&mut out, &one("noise"), "noise", bytes);
    out.push_str(
        "\nA chain with its noise, what else keeps a state, the boards' calibration without its window,\n\
         the other applications with theirs:\n",
    );
    table(&mut out, &one("state"), "state", bytes);
    // What shares an image changes what is inlined, and so the stack, from one change to the next.
    if extent == Extent::All {
        out.push_str("\n## RAM: bytes of stack that a step takes\n");
        both(&mut out, "stack", bytes);
        boards::table(&mut out, &small);
    }
    out
}

/// The cells of all tables: by heading, row, N where the table has it, and column.
fn cells(text: &str) -> BTreeMap<String, String> {
    let mut heading = "";
    let mut profile = "";
    let mut columns = Vec::new();
    let mut cells = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            (heading, profile) = (name, "");
        } else if line.starts_with("With opt-level") {
            profile = ", \"s\"";
        }
        let Some(row) = line.strip_prefix("| ").and_then(|l| l.strip_suffix(" |")) else {
            continue;
        };
        let row: Vec<_> = row.split('|').map(str::trim).collect();
        if row[0].is_empty() {
            columns = row;
            continue;
        }
        let named = if columns[1] == "N" { 2 } else { 1 };
        let name = row[..named].join(", N = ");
        for (cell, column) in row.iter().zip(&columns).skip(named) {
            let key = format!("{heading}{profile}: {name}, {column}");
            cells.insert(key, cell.to_string());
        }
    }
    cells
}

/// Whether two cells differ by no more than the tolerance, number by number.
fn agree(before: &str, now: &str, tolerance: f64) -> bool {
    let numbers =
        |cell: &str| -> Vec<f64> { cell.split(" / ").filter_map(|n| n.parse().ok()).collect() };
    let (before, now) = (numbers(before), numbers(now));
    before.len() == now.len()
        && before.iter().zip(&now).all(|(a, b)| {
            // The last digit printed is no difference.
            (a - b).abs() <= tolerance * a.max(*b) + 0.1
        })
}

/// Compares; says which cells differ by more than the tolerance, and, when all were measured, which are gone.
fn compare(before: &str, now: &str, extent: Extent) -> bool {
    let made_by = |text: &str| text.lines().nth(2).unwrap_or_default().to_string();
    let (maker_before, maker_now) = (made_by(before), made_by(now));
    let limit = if maker_before == maker_now {
        TOLERANCE
    } else {
        println!("another compiler:\n  {maker_before}\n  {maker_now}");
        TOLERANCE_OTHER_COMPILER
    };
    let c_by = |text: &str| {
        let line = text.lines().find(|line| line.contains(C_COMPILER));
        line.map(str::to_string)
    };
    let same_c = c_by(before) == c_by(now);
    if !same_c {
        println!("another C compiler, or none: the loop in C is not compared");
    }
    let compared = |text| {
        let mut cells = cells(text);
        cells.retain(|key, _| same_c || !key.contains("newlib"));
        cells
    };
    let (before, now) = (compared(before), compared(now));
    let mut holds = true;
    for (key, cell) in &now {
        match before.get(key) {
            Some(there) if agree(there, cell, limit) => {}
            Some(there) => {
                println!("{key}: {there} -> {cell}");
                holds = false;
            }
            None => {
                println!("{key}: {cell}, not in figures.md");
                holds = false;
            }
        }
    }
    for key in before.keys().filter(|key| !now.contains_key(*key)) {
        if extent == Extent::All {
            println!("{key}: no longer measured");
            holds = false;
        }
    }
    println!("{} of {} figures measured", now.len(), before.len());
    holds
}

pub fn main() -> ExitCode {
    let path = package().join("figures.md");
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let extent = match arguments[..] {
        [] | ["check"] => Extent::All,
        ["check", "short"] => Extent::Short,
        _ => {
            eprintln!("error: nothing, `check` or `check short`");
            return ExitCode::FAILURE;
        }
    };
    if c_version().is_none() {
        println!("no {C_COMPILER} here: the loop in C is left out");
    }
    let now = figures(extent);
    if arguments.is_empty() {
        fs::write(&path, now).expect("figures.md can be written");
        return ExitCode::SUCCESS;
    }
    let before = fs::read_to_string(&path).expect("figures.md is checked in");
    if compare(&before, &now, extent) {
        println!("figures.md holds");
        return ExitCode::SUCCESS;
    }
    println!(
        "figures.md does not hold: run `cargo run --release` in {}",
        Path::new("benches/cost").display()
    );
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    //! What is, and what is not, in the images.

    use syn::{ImplItem, Item, Type, UseTree, Visibility};

    use super::*;

    /// The thumb targets, each once.
    fn targets() -> Vec<&'static str> {
        let mut targets: Vec<_> = CORES.iter().map(|(_, target, _)| *target).collect();
        targets.dedup();
        targets
    }

    fn symbols(target: &str, image: &str, is: fn(&str) -> bool) -> Vec<String> {
        let symbols = elf(target, "release", image).symbols();
        symbols.into_iter().filter(|name| is(name)).collect()
    }

    fn panics(name: &str) -> bool {
        [
            "panic",
            "unwind",
            "bounds_check",
            "slice_index",
            "unwrap_failed",
            "expect_failed",
        ]
        .iter()
        .any(|part| name.contains(part))
    }

    fn allocates(name: &str) -> bool {
        [
            "__rust_alloc",
            "__rust_realloc",
            "__rdl_",
            "__rg_",
            "malloc",
            "alloc_error",
        ]
        .iter()
        .any(|part| name.contains(part))
    }

    /// Arithmetic in double precision, in software: Arm's names and those of the compiler's runtime.
    fn doubles(name: &str) -> bool {
        let arm = name.strip_prefix("__aeabi_");
        arm.is_some_and(|rest| {
            rest.starts_with('d') && !rest.starts_with("div") || rest.ends_with("2d")
        }) || name.starts_with("__") && name.contains("df")
    }

    #[test]
    fn nothing_can_panic_or_allocate() {
        for target in targets() {
            assert_eq!(symbols(target, "all", panics), [""; 0], "{target}");
            assert_eq!(symbols(target, "all", allocates), [""; 0], "{target}");
        }
    }

    #[test]
    fn what_can_panic_is_found() {
        for target in targets() {
            assert!(!symbols(target, "control", panics).is_empty(), "{target}");
        }
    }

    /// What the linker says of an image for the host, if it refuses it.
    fn refusal(image: &str) -> Option<String> {
        let output = Command::new("cargo")
            .args(["build", "--quiet", "--locked", "--profile", "proof"])
            .args(["--bin", "image"])
            .current_dir(package())
            .env("IMAGE", image)
            .env("CARGO_TARGET_DIR", package().join("../../target/proof"))
            // Names that tell which function it is.
            .env("RUSTFLAGS", "-Csymbol-mangling-version=v0")
            .output()
            .expect("cargo runs");
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }

    #[test]
    fn on_the_host_what_can_panic_is_not_linked() {
        if let Some(refusal) = refusal("all") {
            panic!("{refusal}");
        }
        let refusal = refusal("control").expect("an index out of bounds");
        assert!(refusal.contains("ERROR[no-panic]"), "{refusal}");
    }

    /// The names that `source`, a module's, gives to the world.
    fn exports(source: &syn::File) -> Vec<String> {
        fn names(tree: &UseTree, out: &mut Vec<String>) {
            match tree {
                UseTree::Path(path) => names(&path.tree, out),
                UseTree::Group(group) => group.items.iter().for_each(|tree| names(tree, out)),
                UseTree::Name(name) => out.push(name.ident.to_string()),
                UseTree::Rename(_) | UseTree::Glob(_) => panic!("nothing is renamed"),
            }
        }
        let mut out = Vec::new();
        for item in &source.items {
            match item {
                Item::Use(item) if public(&item.vis) => names(&item.tree, &mut out),
                Item::Fn(item) if public(&item.vis) => out.push(item.sig.ident.to_string()),
                _ => {}
            }
        }
        out
    }

    fn public(visibility: &Visibility) -> bool {
        matches!(visibility, Visibility::Public(_))
    }

    /// The crate's public functions, as `Type::function` or `function`; those of traits not.
    fn public_functions() -> Vec<String> {
        let folder = package().join("../../src");
        let parse = |path: &Path| {
            let source = fs::read_to_string(path).expect("a source file");
            syn::parse_file(&source).expect("Rust")
        };
        let mut exported = exports(&parse(&folder.join("lib.rs")));
        exported.extend(exports(&parse(&folder.join("checkpoint/mod.rs"))));
        let mut functions = Vec::new();
        let mut paths = vec![folder];
        while let Some(path) = paths.pop() {
            if path.is_dir() {
                let entries = fs::read_dir(&path).expect("a folder");
                paths.extend(entries.map(|entry| entry.expect("an entry").path()));
                continue;
            }
            let items = parse(&path).items;
            // A private type may have a public one's name.
            let private: Vec<_> = (items.iter())
                .filter_map(|item| match item {
                    Item::Struct(item) if !public(&item.vis) => Some(item.ident.to_string()),
                    _ => None,
                })
                .collect();
            for item in items {
                match item {
                    Item::Fn(item) if exported.contains(&item.sig.ident.to_string()) => {
                        functions.push(item.sig.ident.to_string());
                    }
                    Item::Impl(block) if block.trait_.is_none() => {
                        let Type::Path(of) = *block.self_ty else {
                            panic!("a type of this crate");
                        };
                        let of = of.path.segments.last().expect("a name").ident.to_string();
                        if exported.contains(&of) && !private.contains(&of) {
                            functions.extend(block.items.iter().filter_map(|item| match item {
                                ImplItem::Fn(item) if public(&item.vis) => {
                                    Some(format!("{of}::{}", item.sig.ident))
                                }
                                _ => None,
                            }));
                        }
                    }
                    _ => {}
                }
            }
        }
        functions
    }

    /// The paths in a program, without what is between angle brackets.
    fn paths(program: &str) -> Vec<String> {
        let mut depth = 0;
        let flat: String = program
            .replace("->", "")
            .replace("=>", "")
            .chars()
            .filter(|&c| {
                depth += i32::from(c == '<');
                let outside = depth == 0;
                depth -= i32::from(c == '>');
                outside
            })
            .collect();
        flat.replace("::::", "::")
            .split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
            .map(|path| path.trim_end_matches(':').to_string())
            .collect()
    }

    #[test]
    fn no_public_function_is_left_out() {
        let listed = paths(include_str!("entry_points.rs"));
        let functions = public_functions();
        assert!(functions.contains(&"Chain::step".to_string()));
        let missing: Vec<_> = functions
            .iter()
            .filter(|name| !listed.contains(name))
            .collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn no_double_precision_but_in_the_reference_backend() {
        for target in targets() {
            assert_eq!(symbols(target, "default", doubles), [""; 0], "{target}");
            assert!(!symbols(target, "all", doubles).is_empty(), "{target}");
        }
    }

    #[test]
    fn a_changed_figure_is_found() {
        let figures = |count: &str, more: &str| {
            format!(
                "# Cost\n\nBy 1.0\n\n## Step\n\n| | N | M0 | M3 |\n|---|--:|--:|--:|\n| SGLD | 8 | 70 | {count} / 9 |\n{more}"
            )
        };
        let before = figures("100", "");
        for extent in [Extent::All, Extent::Short] {
            assert!(compare(&before, &figures("101", ""), extent));
            assert!(!compare(&before, &figures("104", ""), extent));
        }
        // What the short way does not measure is not missed.
        let more = figures("100", "| MALA | 8 | 70 | 100 / 9 |\n");
        assert!(!compare(&before, &more, Extent::Short));
        assert!(!compare(&more, &before, Extent::All));
        assert!(compare(&more, &before, Extent::Short));
    }
}
