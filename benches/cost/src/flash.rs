//! Whose bytes of flash: an instruction is its who wrote the line that it comes from, a constant its whose
//! name it bears.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use crate::{
    elf::Elf,
    host::{SIZED, build, package},
};

/// Who may have written a line, and what its file's path then contains: the first that matches, `%` being the
/// repository. A line of `core` is whose it was inlined for.
const AUTHORS: [(&str, &[&str]); 5] = [
    ("libm", &["/libm-", "/compiler-builtins/libm/"]),
    (
        "memcpy and the like",
        &["builtins/src/mem", "builtins/src/arm.rs"],
    ),
    ("compiler_builtins", &["builtins"]),
    ("rand_core, rand_pcg", &["/rand_core-", "/rand_pcg-"]),
    ("langevin, heapless", &["%/src/", "/heapless-"]),
];

const LANGEVIN: usize = 4;
const LIBM: usize = 0;
const MEMORY: usize = 1;
const BUILTINS: usize = 2;
const RAND: usize = 3;

fn output(command: &mut Command) -> String {
    let output = command.output().expect("binutils are installed");
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).expect("names")
}

/// Bytes by author.
fn authors(path: &Path, image: &Elf) -> [usize; AUTHORS.len()] {
    let root = package().join("../..").canonicalize().expect("it exists");
    let root = root.to_string_lossy();
    let author = |file: &str| {
        AUTHORS.iter().position(|(_, parts)| {
            parts.iter().any(|part| match part.strip_prefix('%') {
                Some(part) => file.starts_with(&format!("{root}{part}")),
                None => file.contains(part),
            })
        })
    };

    // Two bytes at a time: no instruction is shorter. Each address comes back with the frames that are inlined
    // there, the innermost first.
    let (start, size) = image.section(".text");
    let mut lines = Command::new("arm-none-eabi-addr2line")
        .args(["-a", "-i", "-e"])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("binutils are installed");
    let mut addresses = lines.stdin.take().expect("it is piped");
    let feed = thread::spawn(move || {
        for address in (start..start + size).step_by(2) {
            writeln!(addresses, "{address:#x}").expect("it reads");
        }
    });
    let frames = lines.wait_with_output().expect("it ends").stdout;
    feed.join().expect("all was read");
    let frames = String::from_utf8(frames).expect("paths");

    let mut bytes = [0; AUTHORS.len()];
    for frames in frames.split("0x").skip(1) {
        let files = frames.lines().skip(1).map(|line| match line.rfind(':') {
            Some(end) => &line[..end],
            None => line,
        });
        // What the application or the bench wrote ends the search, too.
        let by = files
            .filter(|file| !file.contains("/library/core/") && !file.contains("/library/alloc/"))
            .map(author)
            .next();
        if let Some(Some(author)) = by {
            bytes[author] += 2;
        }
    }

    // Constants.
    for line in output(
        Command::new("arm-none-eabi-nm")
            .args(["-S", "-C"])
            .arg(path),
    )
    .lines()
    {
        let fields: Vec<_> = line.splitn(4, ' ').collect();
        if let [_, size, "r" | "R", name] = fields[..] {
            let size = usize::from_str_radix(size, 16).expect("a size");
            for (author, crate_name) in [(LIBM, "libm::"), (LANGEVIN, "langevin::")] {
                if name.starts_with(crate_name) {
                    bytes[author] += size;
                }
            }
        }
    }
    bytes
}

/// The flash that the boards' calibration takes over an empty image, by who wrote it.
pub fn shares(empty: [usize; 2]) -> Vec<(String, [usize; 2])> {
    let columns: Vec<_> = thread::scope(|scope| {
        let running = SIZED.map(|(_, target, _)| {
            scope.spawn(move || {
                let of = |image| {
                    let path = build(target, "traced", "image", Some(("IMAGE", image)));
                    let elf = Elf::new(fs::read(&path).expect("it was built"));
                    (elf.flash(), authors(&path, &elf))
                };
                let (_, without) = of("empty");
                let (all, mut bytes) = of("flash;calibrate;3");
                for (bytes, without) in bytes.iter_mut().zip(without) {
                    *bytes = bytes.saturating_sub(without);
                }
                (all, bytes)
            })
        });
        running
            .into_iter()
            .map(|share| share.join().expect("it was built"))
            .collect()
    });
    let row = |name: &str, of: &dyn Fn(usize, [usize; 5]) -> usize| {
        let sizes = [0, 1].map(|i| {
            let (all, bytes) = columns[i];
            of(all - empty[i], bytes)
        });
        (name.to_string(), sizes)
    };
    let sum = |bytes: [usize; 5], which: &[usize]| which.iter().map(|&i| bytes[i]).sum::<usize>();
    vec![
        row(AUTHORS[LANGEVIN].0, &|_, b| b[LANGEVIN]),
        row(AUTHORS[LIBM].0, &|_, b| b[LIBM]),
        row("langevin and libm", &|_, b| sum(b, &[LANGEVIN, LIBM])),
        row("soft floats (compiler_builtins)", &|_, b| b[BUILTINS]),
        row("langevin, libm and soft floats", &|_, b| {
            sum(b, &[LANGEVIN, LIBM, BUILTINS])
        }),
        row(AUTHORS[RAND].0, &|_, b| b[RAND]),
        row(AUTHORS[MEMORY].0, &|_, b| b[MEMORY]),
        row("application and its 54 readings", &|all, b| {
            all - sum(b, &[0, 1, 2, 3, 4])
        }),
        row("all", &|all, _| all),
    ]
}
