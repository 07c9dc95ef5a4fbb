//! The same bits on every core: each emulated machine runs what the host runs.
//!
//! `cargo test --release -- --nocapture` prints the table. `STEPS` sets how many steps each stepper
//! makes with each noise; without it, 1e4.

use std::{env, fmt::Write, path::Path, process::Command, thread};

use langevin_qemu::run;

/// Name, target, and QEMU's name of the machine.
type Core = (&'static str, &'static str, &'static str);

const CORES: [Core; 6] = [
    ("M0", "thumbv6m-none-eabi", "microbit"),
    ("M3", "thumbv7m-none-eabi", "mps2-an385"),
    ("M4F", "thumbv7em-none-eabihf", "mps2-an386"),
    ("M7", "thumbv7em-none-eabihf", "mps2-an500"),
    ("M33", "thumbv8m.main-none-eabihf", "mps2-an505"),
    ("RISC-V", "riscv32imac-unknown-none-elf", "virt"),
];

/// A host of 32 bits: run as it is, where its standard library is installed.
const HOST_32: Core = ("x86-32", "i686-unknown-linux-musl", "");

fn cores() -> Vec<Core> {
    let mut cores = CORES.to_vec();
    let library = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", HOST_32.1])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    let runs = cfg!(all(target_arch = "x86_64", target_os = "linux"));
    if runs && library.is_ok_and(|path| Path::new(&path).is_dir()) {
        cores.push(HOST_32);
    } else {
        println!("no {} here: left out", HOST_32.1);
    }
    cores
}

fn emulators_installed() -> bool {
    ["qemu-system-arm", "qemu-system-riscv32"]
        .iter()
        .all(|emulator| Command::new(emulator).arg("--version").output().is_ok())
}

/// What the firmware prints on a core.
fn on_core(target: &str, machine: &str, arguments: &[&str]) -> String {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(package.join("../../.ci/firmware-cargo"))
        .args(["run", "--quiet", "--release", "--target", target, "--"])
        .args(arguments)
        .current_dir(package)
        .env("MACHINE", machine)
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{machine}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("firmware prints ASCII")
}

fn on_host(arguments: &[&str]) -> String {
    let mut out = String::new();
    run(arguments.iter().copied(), &mut out).expect("the command is known");
    out
}

/// Runs a command everywhere and prints a table: a row a line, its value on the host, and for each
/// core `same` or what it was there. Says whether all are the same.
fn compare(arguments: &[&str]) -> bool {
    let host = on_host(arguments);
    let names = cores();
    let cores: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = names
            .iter()
            .map(|&(_, target, machine)| scope.spawn(move || on_core(target, machine, arguments)))
            .collect();
        running
            .into_iter()
            .map(|core| core.join().expect("the core ran"))
            .collect()
    });
    let split = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a line is a name and a value");
        (name.to_string(), value.to_string())
    };
    let mut table = format!("{:<40} {:<16}", arguments.join(" "), "host");
    for (name, ..) in &names {
        write!(table, " {name:<6}").unwrap();
    }
    let mut same = true;
    for (i, line) in host.lines().enumerate() {
        let (name, value) = split(line);
        write!(table, "\n{name:<40} {value:<16}").unwrap();
        for core in &cores {
            let there = core.lines().nth(i).unwrap_or("nothing nothing");
            let shown = if there == line {
                "same"
            } else {
                &split(there).1
            };
            write!(table, " {shown:<6}").unwrap();
        }
    }
    for core in &cores {
        same &= *core == host;
    }
    println!("{table}");
    same && !host.is_empty()
}

#[test]
fn calibration_has_the_same_bits_on_every_core() {
    if !emulators_installed() {
        eprintln!("skipped: no qemu-system-arm and qemu-system-riscv32 here");
        return;
    }
    // 54 readings: 1e5 steps.
    assert!(compare(&["calibrate", "1852"]));
}

#[test]
fn every_stepper_and_noise_has_the_same_bits_on_every_core() {
    if !emulators_installed() {
        eprintln!("skipped: no qemu-system-arm and qemu-system-riscv32 here");
        return;
    }
    let steps = env::var("STEPS").unwrap_or_else(|_| "10000".into());
    assert!(compare(&["golden", &steps]));
}

#[test]
fn every_stepper_calibrates_with_the_same_bits_on_every_core() {
    if !emulators_installed() {
        eprintln!("skipped: no qemu-system-arm and qemu-system-riscv32 here");
        return;
    }
    assert!(compare(&["steppers", "10"]));
}

#[test]
fn warm_up_and_verdict_have_the_same_bits_on_every_core() {
    if !emulators_installed() {
        eprintln!("skipped: no qemu-system-arm and qemu-system-riscv32 here");
        return;
    }
    assert!(compare(&["tune", "12000"]));
}

#[test]
fn filter_has_the_same_bits_on_every_core() {
    if !emulators_installed() {
        eprintln!("skipped: no qemu-system-arm and qemu-system-riscv32 here");
        return;
    }
    assert!(compare(&["filter", "10000"]));
}
