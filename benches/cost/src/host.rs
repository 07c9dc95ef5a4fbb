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

/// Builds one of the package's programs and gives its path.
fn build(target: &str, profile: &str, program: &str, image: &str) -> PathBuf {
    // The toolchain's route decides on the folder: cargo tells where it put the program.
    let output = Command::new(package().join("../../.ci/firmware-cargo"))
        .args(["build", "--quiet", "--target", target, "--profile", profile])
        .args(["--bin", program, "--message-format", "json"])
        .current_dir(package())
        .env("IMAGE", image)
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
    let path = build(target, profile, "image", image);
    Elf::new(fs::read(path).expect("the program was built"))
}

/// Runs the measurements on a core.
fn measure(target: &str, machine: &str, profile: &str) -> Vec<[String; 5]> {
    let program = build(target, profile, "langevin-cost", "");
    let output = Command::new("qemu-system-arm")
        .args([
            "-M",
            machine,
            "-nographic",
            "-monitor",
            "none",
            "-serial",
            "none",
        ])
        .args(["-icount", "shift=7,sleep=off"])
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
            self.0.push(format!("{stepper}/{noise}"));
        }
    }
    impl every::NoiseVisitor for Names {
        fn visit<Z: Noise>(&mut self, noise: &'static str, _: Z) {
            let name = format!("SGLD/{noise}");
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

/// A table with a column for each core: the rows of `tables`, in the order in which they came.
fn table(
    out: &mut String,
    cores: &[(&str, Vec<[String; 5]>)],
    from: &str,
    cell: fn(&[String; 5]) -> String,
) {
    write!(out, "\n| | N |").unwrap();
    for (name, _) in cores {
        write!(out, " {name} |").unwrap();
    }
    writeln!(out, "\n|---|--:|{}", "--:|".repeat(cores.len())).unwrap();
    for row in cores[0].1.iter().filter(|row| row[0] == from) {
        write!(out, "| {} | {} |", row[1], row[2]).unwrap();
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

fn average(row: &[String; 5]) -> String {
    let value: f64 = row[3].parse().expect("a number");
    if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn average_and_worst(row: &[String; 5]) -> String {
    format!("{} / {}", average(row), row[4])
}

fn worst(row: &[String; 5]) -> String {
    row[4].clone()
}

fn figures() -> String {
    let on = |cores: &[Core], profile| -> Vec<_> {
        // At the same time: a build for one target waits for none for another.
        thread::scope(|scope| {
            let running: Vec<_> = cores
                .iter()
                .map(|&(name, target, machine)| {
                    (name, scope.spawn(move || measure(target, machine, profile)))
                })
                .collect();
            running
                .into_iter()
                .map(|(name, rows)| (name, rows.join().expect("the core ran")))
                .collect()
        })
    };
    let fast = on(&CORES, "release");
    let small = on(&[CORES[0], CORES[2]], "small");
    let compiler = &fast[0]
        .1
        .iter()
        .find(|row| row[0] == "compiler")
        .expect("the compiler's name")[1];

    let mut out = String::new();
    let mut say = |text: &str| out.push_str(text);
    say(&format!(
        "# What it costs\n\n\
         Made by `cargo run --release` in this folder, with {compiler}; `cargo run --release -- check` \
         compares.\n\n\
         Instructions, counted by QEMU: not cycles. Where nothing else is said: opt-level 3, fat LTO, one\n\
         codegen unit; noise from Pcg32, whose own cost is included. M0 is version 6 code; M0 and M3 compute\n\
         floats in software, M4F, M7 and M33 in single precision. M4F and M7 run the same image.\n\n\
         ## A draw, on average\n"
    ));
    table(&mut out, &fast, "draw", average);
    out.push_str("\n## Four successive draws, at worst\n");
    table(&mut out, &fast, "four draws", worst);
    out.push_str(
        "\n## A step of a chain, on average / at worst\n\n\
         With next to no gradient: linear regression on one observation with a Gaussian prior,\n\
         g = s(xᵀθ − y)x + λθ. The barrier is included; at worst, so is the look for a frozen chain at each\n\
         64th step.\n",
    );
    table(&mut out, &fast, "step", average_and_worst);
    out.push_str(
        "\nWith opt-level \"s\" (in this image, which holds all configurations, it leaves loops as calls that it\n\
         inlines where there is one):\n",
    );
    table(&mut out, &small, "step", average_and_worst);
    out.push_str(
        "\n## By hand, by the stepper, by a chain\n\n\
         SGLD with Box-Muller noise. By hand: the same arithmetic and the same barrier in a loop. A chain adds\n\
         its schedule, burn-in and thinning, recovery from faults, and the look for a frozen chain.\n",
    );
    table(&mut out, &fast, "overhead", average);
    out.push_str(
        "\nWith opt-level \"s\" (in this image, which holds all configurations, it leaves loops as calls that it\n\
         inlines where there is one):\n",
    );
    table(&mut out, &small, "overhead", average);
    out.push_str("\n## SGLD with a metric, on average / at worst\n");
    table(&mut out, &fast, "metric", average_and_worst);
    out.push_str(
        "\n## A gradient, an observation of the N that it sums over\n\n\
         N = 16: the whole window; N = 4: a minibatch. Two parameters, but for an unknown sigma three.\n",
    );
    table(&mut out, &fast, "gradient", average_and_worst);
    out.push_str(
        "\n## SGLD written by hand without the crate, without a barrier, on average / at worst\n",
    );
    table(&mut out, &fast, "naive", average_and_worst);

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
    for name in configurations() {
        write!(out, "| {} |", name.replace('/', ", ")).unwrap();
        for (size, empty) in sizes(&name).iter().zip(&empty) {
            write!(out, " {} |", size - empty).unwrap();
        }
        writeln!(out).unwrap();
    }

    out.push_str("\n## RAM: bytes of state\n");
    table(&mut out, &fast, "size", average);
    out.push_str("\n## RAM: bytes of stack that a step takes\n");
    table(&mut out, &fast, "stack", average);
    out
}

/// The rows of all tables: by heading, name and N, the other cells.
fn rows(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut heading = String::new();
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        if line.starts_with('#') || line.starts_with("With opt-level") {
            heading = line.to_string();
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
