//! The same bits on every core: each emulated machine runs what the host runs.
//!
//! `cargo test --release --test cores -- --nocapture` prints a table. `STEPS` sets how many steps each
//! stepper makes with each noise; without it, 1e4.

use std::{env, error::Error, fmt::Write, path::Path, process::Command, thread};

use langevin_apps::{hash::Hash, record::Line, replay::Replay};
use langevin_qemu::run;

/// Name, target, and QEMU's name of the machine.
type Core = (&'static str, &'static str, &'static str);

const CORES: [Core; 7] = [
    ("M0", "thumbv6m-none-eabi", "mps2-an385"),
    (ASSEMBLY, "thumbv6m-none-eabi", "mps2-an385"),
    ("M3", "thumbv7m-none-eabi", "mps2-an385"),
    ("M4F", "thumbv7em-none-eabihf", "mps2-an386"),
    ("M7", "thumbv7em-none-eabihf", "mps2-an500"),
    ("M33", "thumbv8m.main-none-eabihf", "mps2-an505"),
    ("RISC-V", "riscv32imac-unknown-none-elf", "virt"),
];

/// The one that computes with the floats of `softfloat-armv6m`.
const ASSEMBLY: &str = "M0, asm";

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
fn on_core((name, target, machine): Core, arguments: &[&str]) -> String {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cargo = Command::new(package.join("../../.ci/firmware-cargo"));
    cargo.args(["run", "--quiet", "--release", "--target", target]);
    if name == ASSEMBLY {
        // In a folder of its own: the image without it has the same name, and runs at the same time.
        cargo.args(["--features", "softfloat"]).env(
            "FIRMWARE_TARGET_DIR",
            package.join("../../target/softfloat"),
        );
    }
    let output = cargo
        .arg("--")
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

/// What every core runs; `record` more than once round the made-up readings.
fn commands() -> Vec<Vec<String>> {
    let steps = env::var("STEPS").unwrap_or_else(|_| "10000".into());
    [
        "calibrate 100",
        &format!("golden {steps}"),
        "steppers 10",
        "tune 6000",
        "filter 10000",
        "record sensor 300",
        "record filter 1000",
        "record compass 10",
        "record battery 60",
    ]
    .map(|command| command.split(' ').map(String::from).collect())
    .to_vec()
}

/// Plays a recording again. Whether it is right, and all of it was compared.
fn replays(recording: &str) -> Result<bool, Box<dyn Error>> {
    let mut replay = None;
    for text in recording.lines() {
        let line = Line::find(text)?.ok_or("a line of something else")?;
        match &mut replay {
            None => replay = Some(Replay::start(&line)?),
            Some(replay) => replay.play(&line)?,
        }
    }
    let replay = replay.ok_or("empty")?;
    Ok(replay.readings() > 0 && replay.compared() == replay.readings())
}

/// A hash of what was printed.
fn hash(text: &str) -> u64 {
    let mut hash = Hash::new();
    text.bytes().for_each(|byte| hash.write(byte.into()));
    hash.value()
}

/// Runs every command everywhere. Prints the lines that differ, then a table: for each core and command
/// the hash of all that it printed, and whether that is what the host prints.
#[test]
fn every_core_has_the_bits_of_the_host() {
    if !emulators_installed() {
        eprintln!("skipped: no qemu-system-arm and qemu-system-riscv32 here");
        return;
    }
    let (names, commands) = (cores(), commands());
    let words: Vec<Vec<&str>> = commands
        .iter()
        .map(|command| command.iter().map(String::as_str).collect())
        .collect();
    let host: Vec<String> = words.iter().map(|words| on_host(words)).collect();
    let printed: Vec<Vec<String>> = thread::scope(|scope| {
        let running: Vec<_> = names
            .iter()
            .map(|&core| {
                let words = &words;
                let run = move |words: &Vec<&str>| on_core(core, words);
                scope.spawn(move || words.iter().map(run).collect())
            })
            .collect();
        let join = |core: thread::ScopedJoinHandle<'_, _>| core.join().expect("the core ran");
        running.into_iter().map(join).collect()
    });

    let mut table = format!("{:<8}", "");
    let mut all = true;
    for words in &words {
        write!(table, "{:<23}", words.join(" ")).unwrap();
    }
    write!(table, "\n{:<8}", "host").unwrap();
    for host in &host {
        write!(table, "{:<23}", format!("{:016x}", hash(host))).unwrap();
    }
    for ((name, ..), printed) in names.iter().zip(&printed) {
        write!(table, "\n{name:<8}").unwrap();
        for ((words, host), there) in words.iter().zip(&host).zip(printed) {
            for (host, there) in host.lines().zip(there.lines()) {
                if host != there {
                    println!("{name}, {}: {there}; the host: {host}", words.join(" "));
                }
            }
            let mut pass = there == host && !host.is_empty();
            if words.first() == Some(&"record") {
                pass &= replays(there).is_ok_and(|right| right);
            }
            all &= pass;
            let verdict = if pass { "PASS" } else { "FAIL" };
            write!(table, "{:016x} {verdict:<6}", hash(there)).unwrap();
        }
    }
    println!("{table}");
    assert!(all);
}

/// A recording replays; with another seed, another reading or a reading lost it does not.
#[test]
fn a_changed_recording_does_not_replay() {
    // Until the filter has learnt two blocks of ticks the seed makes no difference.
    for (application, readings) in [("sensor", "300"), ("filter", "1000"), ("battery", "300")] {
        let recording = on_host(&["record", application, readings]);
        assert!(replays(&recording).unwrap());
        let lines: Vec<&str> = recording.lines().collect();
        let changed = |change: &dyn Fn(usize, &str) -> Option<String>| {
            let lines = lines.iter().enumerate();
            let lines: Vec<String> = lines.filter_map(|(i, line)| change(i, line)).collect();
            replays(&lines.join("\n")).unwrap_err().to_string()
        };
        let seed = changed(&|_, line| Some(line.replace("0000000000000007", "0000000000000008")));
        assert!(seed.starts_with("other bits after "), "{seed}");
        for at in [1, 100, 290] {
            // The lowest bit of the last word.
            let flip = |i, line: &str| {
                let digit = line.len() - 2;
                let flipped = match &line[digit..digit + 1] {
                    "0" | "2" | "4" | "6" | "8" | "a" | "c" | "e" => "f",
                    _ => "0",
                };
                Some(if i == at {
                    format!("{}{flipped};", &line[..digit])
                } else {
                    line.into()
                })
            };
            let reading = changed(&flip);
            assert!(reading.starts_with("other bits after "), "{reading}");
            let lost = changed(&|i, line| (i != at).then(|| line.into()));
            assert!(lost.contains("were recorded"), "{lost}");
            let cut = changed(&|i, line: &str| {
                let length = if i == at { line.len() - 1 } else { line.len() };
                Some(line[..length].into())
            });
            assert!(cut.contains("incomplete"), "{cut}");
        }
    }
}
