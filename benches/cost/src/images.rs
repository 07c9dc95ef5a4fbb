//! Builds the package's programs for a core, looks into them, and runs them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use cargo_metadata::Message;
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

/// A core that is emulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Core {
    /// What the tables call it.
    pub name: &'static str,
    /// The target that its code is built for.
    pub target: &'static str,
    /// QEMU's name of a machine with it.
    pub machine: &'static str,
    /// This package's features that it is built with.
    pub features: &'static str,
}

const fn core(name: &'static str, target: &'static str, machine: &'static str) -> Core {
    Core {
        name,
        target,
        machine,
        features: "",
    }
}

impl Core {
    /// QEMU for it, on its machine.
    pub fn emulator(&self) -> Command {
        let riscv = self.target.starts_with("riscv");
        let mut qemu = Command::new(if riscv {
            "qemu-system-riscv32"
        } else {
            "qemu-system-arm"
        });
        if riscv {
            qemu.args(["-bios", "none"]);
        }
        qemu.args(["-M", self.machine, "-nographic", "-monitor", "none"])
            .args(["-serial", "none"])
            .args(["-semihosting-config", "enable=on,target=native"]);
        qemu
    }
}

/// Version 6 code, run on a Cortex-M3: the same instructions, and a finer clock.
pub const M0: Core = core("M0", "thumbv6m-none-eabi", "mps2-an385");
/// The same with the floats of `softfloat-armv6m` instead of the compiler's.
pub const M0_ASSEMBLY: Core = Core {
    name: "M0, asm",
    features: "softfloat",
    ..M0
};
/// Cortex-M4 with floats of single precision.
pub const M4F: Core = core("M4F", "thumbv7em-none-eabihf", "mps2-an386");
/// Cortex-M33 with floats of single precision.
pub const M33: Core = core("M33", "thumbv8m.main-none-eabihf", "mps2-an505");
/// All of them.
pub const CORES: [Core; 6] = [
    M0,
    M0_ASSEMBLY,
    core("M3", "thumbv7m-none-eabi", "mps2-an385"),
    M4F,
    core("M7", "thumbv7em-none-eabihf", "mps2-an500"),
    M33,
];

/// RISC-V without floats, as on the HiFive1; for the boards' table.
pub const RV32: Core = core("RV32IMC", "riscv32imc-unknown-none-elf", "virt");

/// Those that are measured with opt-level "s" too.
pub const SMALL: [Core; 3] = [M0, M0_ASSEMBLY, M4F];

/// The C compiler for the cores.
pub const C_COMPILER: &str = "arm-none-eabi-gcc";

/// The version of [`C_COMPILER`], where it is installed.
pub fn c_version() -> Option<String> {
    let output = Command::new(C_COMPILER).arg("-dumpfullversion").output();
    let version = String::from_utf8(output.ok()?.stdout).ok()?;
    Some(version.trim().to_string())
}

/// The package's folder.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `cargo`, or what stands in for it, and returns the program that it built.
///
/// # Errors
/// When it fails, with what it says.
pub fn build(cargo: &mut Command) -> Result<PathBuf, String> {
    let output = cargo
        .args(["--message-format", "json-render-diagnostics"])
        .output()
        .expect("cargo runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let program = Message::parse_stream(&output.stdout[..]).find_map(|message| {
        match message.expect("cargo's messages are JSON") {
            Message::CompilerArtifact(artifact) => artifact.executable,
            _ => None,
        }
    });
    Ok(program.expect("cargo names the program").into())
}

/// A command that builds firmware: `cargo build` for `target`, in `folder`.
pub fn firmware(folder: &Path, target: &str, built: &str) -> Command {
    let root = package().join("../..");
    let mut cargo = Command::new(root.join(".ci/firmware-cargo"));
    cargo
        .args(["build", "--quiet", "--locked", "--target", target])
        .current_dir(folder)
        .env("FIRMWARE_TARGET_DIR", root.join("target").join(built));
    cargo
}

/// Builds one of this package's programs for a core; `holds` is what it is asked to hold.
fn program(core: Core, profile: &str, name: &str, holds: Option<(&str, &str)>) -> PathBuf {
    // Programs of one target and other features have the same name, and are built at the same time.
    let folder = format!("firmware-cost{}", core.features);
    let mut cargo = firmware(package(), core.target, &folder);
    cargo
        .args(["--features", core.features])
        .args(["--profile", profile, "--bin", name])
        .env_remove("IMAGE")
        .env_remove("ROW")
        .envs(holds)
        .env_remove("C_COMPILER")
        .envs(c_version().map(|_| ("C_COMPILER", C_COMPILER)));
    build(&mut cargo).unwrap_or_else(|error| panic!("{name} for {}: {error}", core.name))
}

/// An image in an ELF file.
pub struct Image {
    /// Where it is.
    pub path: PathBuf,
    bytes: Vec<u8>,
}

impl Image {
    /// The image in the file at `path`.
    pub fn read(path: PathBuf) -> Self {
        let bytes = fs::read(&path).expect("the image was built");
        Self { path, bytes }
    }

    /// The image of program `image` that holds `name`.
    pub fn of(core: Core, profile: &str, name: &str) -> Self {
        Self::read(program(core, profile, "image", Some(("IMAGE", name))))
    }

    /// The file, parsed.
    pub fn elf(&self) -> object::File<'_> {
        object::File::parse(&self.bytes[..]).expect("an ELF file")
    }

    /// Bytes of the sections with all of `flags`, in the file or not.
    fn size(&self, flags: u32, in_file: bool) -> usize {
        // On RISC-V what is left of the RAM is a section.
        let left =
            |section: &object::Section<'_, '_>| matches!(section.name(), Ok(".stack" | ".heap"));
        let has = |section: &object::Section<'_, '_>| match section.flags() {
            SectionFlags::Elf { sh_flags } => sh_flags & u64::from(flags) == u64::from(flags),
            _ => false,
        };
        let sections = self.elf();
        let sizes = sections
            .sections()
            .filter(|section| !left(section) && has(section))
            .filter(|section| !in_file || section.file_range().is_some())
            .map(|section| section.size());
        sizes.sum::<u64>() as usize
    }

    /// Bytes of flash: all that is loaded.
    pub fn flash(&self) -> usize {
        self.size(elf::SHF_ALLOC, true)
    }

    /// Bytes of RAM that are taken before anything runs.
    pub fn ram(&self) -> usize {
        self.size(elf::SHF_ALLOC | elf::SHF_WRITE, false)
    }

    /// Names of the symbols of which `is` holds.
    pub fn symbols(&self, is: impl Fn(&str) -> bool) -> Vec<String> {
        let file = self.elf();
        let names = file.symbols().filter_map(|symbol| symbol.name().ok());
        names.filter(|name| is(name)).map(str::to_string).collect()
    }
}

/// What a core prints of one measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The table that it belongs to.
    pub table: String,
    /// What was measured.
    pub name: String,
    /// Of what size.
    pub n: String,
    /// On average, and at worst.
    pub values: [f64; 2],
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(';');
        let mut text = || fields.next().map(str::to_string);
        let (table, name, n) = (text()?, text()?, text()?);
        let mut value = || text()?.parse().ok();
        Some(Self {
            table,
            name,
            n,
            values: [value()?, value()?],
        })
    }

    /// As an image is asked for it.
    pub fn key(&self) -> String {
        [&self.table, &self.name, &self.n]
            .map(String::as_str)
            .join(";")
    }
}

/// What measures on a core: all, or one row in an image of its own.
pub fn bench(core: Core, profile: &str, row: Option<&str>) -> PathBuf {
    program(core, profile, "langevin-cost", row.map(|row| ("ROW", row)))
}

/// Runs measurements on a core: all, or those of one row in an image of its own.
pub fn measure(core: Core, profile: &str, row: Option<&str>) -> Vec<Row> {
    count(core, &bench(core, profile, row))
}

/// Runs what [`bench`] made.
pub fn count(core: Core, program: &Path) -> Vec<Row> {
    // RISC-V's counter of instructions counts QEMU's virtual nanoseconds.
    let shift = if core == RV32 {
        "shift=0,sleep=off"
    } else {
        "shift=7,sleep=off"
    };
    let mut qemu = core.emulator();
    rows(
        core.name,
        qemu.args(["-icount", shift, "-kernel"]).arg(program),
    )
}

/// The same on the simulated RP2040, in cycles: those of the counter's known loop, three for two instructions, are
/// what it takes for its instructions.
pub fn cycles(program: &Path) -> Vec<Row> {
    let folder = package().join("../../examples/boards/pico/simulated");
    assert!(
        folder.join("node_modules").exists(),
        "run `npm ci` in examples/boards/pico/simulated"
    );
    let mut node = Command::new("node");
    let mut rows = rows(
        "simulated RP2040",
        node.arg(folder.join("measure.js")).arg(program),
    );
    for row in &mut rows {
        row.values = row.values.map(|value| 1.5 * value);
    }
    rows
}

fn rows(name: &str, run: &mut Command) -> Vec<Row> {
    let output = run
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {error}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| Row::parse(line).unwrap_or_else(|| panic!("{name}: {line}")))
        .collect()
}

/// Runs `job` for all of `on` at the same time: a build for one target waits for none for another.
pub fn on_each<A: Copy + Send, T: Send>(on: &[A], job: impl Fn(A) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let job = &job;
        let start = |&it| scope.spawn(move || job(it));
        let running: Vec<_> = on.iter().map(start).collect();
        let finish = |it: thread::ScopedJoinHandle<'_, T>| it.join().expect("it ended");
        running.into_iter().map(finish).collect()
    })
}
