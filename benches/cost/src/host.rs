//! Builds and runs the firmware on each core, and lays out what it prints.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
};

use langevin::{Noise, Stepper};
use langevin_cost::linear::Linear;
use langevin_qemu::every;

use crate::elf::Elf;

/// Name, target, and QEMU's name of the machine.
type Core = (&'static str, &'static str, &'static str);

const CORES: [Core; 5] = [
    ("M0", "thumbv6m-none-eabi", "mps2-an385"),
    ("M3", "thumbv7m-none-eabi", "mps2-an385"),
    ("M4F", "thumbv7em-none-eabihf", "mps2-an386"),
    ("M7", "thumbv7em-none-eabihf", "mps2-an500"),
    ("M33", "thumbv8m.main-none-eabihf", "mps2-an505"),
];

/// What images are sized for: name, target and profile.
const SIZED: [(&str, &str, &str); 2] = [
    ("M0, \"s\"", "thumbv6m-none-eabi", "small"),
    ("M4F, \"s\"", "thumbv7em-none-eabihf", "small"),
];

/// How far a figure may be from the one that is checked in, with the same compiler...
const TOLERANCE: f64 = 0.02;
/// ... and with another.
const TOLERANCE_OTHER_COMPILER: f64 = 0.15;

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn firmware_directory() -> PathBuf {
    package().join("../../target/firmware-cost")
}

/// Builds one of the package's programs, with what it is asked to hold, and gives its path.
fn build(target: &str, profile: &str, program: &str, holds: Option<(&str, &str)>) -> PathBuf {
    // The toolchain's route decides on the folder: cargo tells where it put the program.
    let output = Command::new(package().join("../../.ci/firmware-cargo"))
        .args(["build", "--quiet", "--target", target, "--profile", profile])
        .args(["--bin", program, "--message-format", "json"])
        .current_dir(package())
        .env_remove("IMAGE")
        .env_remove("ROW")
        .envs(holds)
        .env("FIRMWARE_TARGET_DIR", firmware_directory())
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{program} for {target}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    let path = messages
        .rsplit_once("\"executable\":\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .expect("cargo names the program");
    PathBuf::from(path.0)
}

fn elf(target: &str, profile: &str, image: &str) -> Elf {
    let path = build(target, profile, "image", Some(("IMAGE", image)));
    Elf::new(fs::read(path).expect("the program was built"))
}

/// What a core prints: table, what, N, average, worst.
type Row = [String; 5];

/// Runs measurements on a core: all, or those of one row in an image of its own.
fn measure((_, target, machine): Core, profile: &str, row: Option<&str>) -> Vec<Row> {
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
const OWN_IMAGES: [&str; 6] = ["step", "overhead", "metric", "gradient", "naive", "filter"];

fn figures() -> String {
    let fast = on_each(&CORES, |core| measure(core, "release", None));
    let names: Vec<_> = (fast[0].1.iter())
        .filter(|row| OWN_IMAGES.contains(&row[0].as_str()))
        .map(|row| row[..3].join(";"))
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
         64th step.\n",
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
    both(&mut out, "naive", average_and_worst);
    out.push_str(
        "\n## A tick of the filter, on average / at worst\n\n\
         The thermal filter of `examples/apps` with its two unknowns, the first 10 000 ticks.\n",
    );
    both(&mut out, "filter", average_and_worst);

    out.push_str(
        "\n## Flash\n\nBytes of code and constants over an empty image; two parameters.\n",
    );
    out.push_str("\n| |");
    for (name, ..) in SIZED {
        write!(out, " {name} |").unwrap();
    }
    writeln!(out, "\n|---|{}", "--:|".repeat(SIZED.len())).unwrap();
    let sizes = |image: &str| {
        thread::scope(|scope| {
            SIZED
                .map(|(_, target, profile)| {
                    scope.spawn(move || elf(target, profile, image).flash())
                })
                .map(|size| size.join().expect("the image was built"))
        })
    };
    let empty = sizes("empty");
    for image in configurations() {
        let name = image.split(';').nth(1).expect("three fields");
        write!(out, "| {} |", shown(name)).unwrap();
        for (size, empty) in sizes(&image).iter().zip(&empty) {
            write!(out, " {} |", size - empty).unwrap();
        }
        writeln!(out).unwrap();
    }

    out.push_str("\n## RAM: bytes of state\n\nThe same on every core.\n");
    let sizes = |core: &[Row]| -> Vec<Row> {
        core.iter()
            .filter(|row| ["noise", "chain"].contains(&row[0].as_str()))
            .cloned()
            .collect()
    };
    let states = [("bytes", sizes(&fast[0].1))];
    for (name, core) in &fast {
        assert_eq!(sizes(core), states[0].1, "{name}");
    }
    out.push_str("\nA noise:\n");
    table(&mut out, &states, "noise", bytes);
    out.push_str("\nA chain, its noise included; the thermal filter, its window included:\n");
    table(&mut out, &states, "chain", bytes);
    out.push_str("\n## RAM: bytes of stack that a step takes\n");
    table(&mut out, &fast, "stack", bytes);
    out.push_str("\nWith opt-level \"s\":\n");
    table(&mut out, &small, "stack", bytes);
    out
}

/// The rows of all tables: by heading, name and N, the other cells.
fn rows(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut heading = String::new();
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        if line.starts_with('#') {
            heading = line.to_string();
        } else if line.starts_with("With opt-level") {
            heading += ", \"s\"";
        }
        if let Some(row) = line.strip_prefix("| ") {
            let cells: Vec<_> = row.split('|').map(|cell| cell.trim().to_string()).collect();
            let named = if cells.len() > 4 { 2 } else { 1 };
            let key = format!("{heading}: {}", cells[..named].join(", N = "));
            rows.insert(key, cells[named..].to_vec());
        }
    }
    rows
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

/// Compares; says which rows differ by more than the tolerance.
fn compare(before: &str, now: &str, tolerance: Option<f64>) -> bool {
    let made_by = |text: &str| text.lines().nth(2).unwrap_or_default().to_string();
    let (maker_before, maker_now) = (made_by(before), made_by(now));
    let limit = if maker_before == maker_now {
        TOLERANCE
    } else {
        println!("another compiler:\n  {maker_before}\n  {maker_now}");
        TOLERANCE_OTHER_COMPILER
    };
    let (before, now) = (rows(before), rows(now));
    let mut holds = true;
    for (key, cells) in &before {
        let Some(found) = now.get(key) else {
            println!("{key}: no longer measured");
            holds &= tolerance.is_some();
            continue;
        };
        let within = |limit| cells.iter().zip(found).all(|(a, b)| agree(a, b, limit));
        if !within(limit) {
            println!("{key}: {} -> {}", cells.join(" | "), found.join(" | "));
            holds &= tolerance.is_some_and(|t| within(t.max(limit)));
        }
    }
    for key in now.keys().filter(|key| !before.contains_key(*key)) {
        println!("{key}: not in figures.md");
        holds &= tolerance.is_some();
    }
    holds
}

pub fn main() -> ExitCode {
    let path = package().join("figures.md");
    let now = figures();
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().map(String::as_str) != Some("check") {
        fs::write(&path, now).expect("figures.md can be written");
        return ExitCode::SUCCESS;
    }
    let before = fs::read_to_string(&path).expect("figures.md is checked in");
    let percent = arguments
        .get(1)
        .map(|t| t.parse::<f64>().expect("a percentage"));
    if compare(&before, &now, percent.map(|t| t / 100.0)) {
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
        assert!(compare(&before, &figures("101", ""), None));
        assert!(!compare(&before, &figures("104", ""), None));
        assert!(compare(&before, &figures("104", ""), Some(0.1)));
        assert!(!compare(&before, &figures("120", ""), Some(0.1)));
        let more = figures("100", "| MALA | 8 | 70 | 100 / 9 |\n");
        assert!(!compare(&before, &more, None) && !compare(&more, &before, None));
        assert!(compare(&before, &more, Some(0.1)) && compare(&more, &before, Some(0.1)));
    }
}
