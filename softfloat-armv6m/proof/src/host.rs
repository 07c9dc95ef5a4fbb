//! The program on the host: `check IMAGE BLOCKS all|some`, `mutants IMAGE`, or `figures COMPILER-IMAGE IMAGE`.

use std::{
    env,
    process::{Command, ExitCode},
    sync::Mutex,
    thread,
};

use crate::{
    Function,
    checks::{FUNCTIONS, check, glance, product},
    mistakes::MISTAKES,
};

fn float(x: f32) -> u32 {
    // The crate has one NaN.
    if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }
}

macro_rules! host {
    ($(|$a:ident, $b:ident| $result:expr,)*) => {
        [$({
            extern "C" fn on_host($a: u32, $b: u32) -> u32 {
                $result
            }
            on_host
        },)*]
    };
}

fn f(bits: u32) -> f32 {
    f32::from_bits(bits)
}

/// In the order of [`FUNCTIONS`].
const HOST: [Function; FUNCTIONS.len()] = host![
    |a, b| float(f(a) + f(b)),
    |a, b| float(f(a) - f(b)),
    |a, b| float(f(b) - f(a)),
    |a, b| float(f(a) * f(b)),
    |a, b| float(f(a) / f(b)),
    |a, b| (f(a) < f(b)).into(),
    |a, b| (f(a) <= f(b)).into(),
    |a, b| (f(a) == f(b)).into(),
    |a, b| (f(a) >= f(b)).into(),
    |a, b| (f(a) > f(b)).into(),
    |a, b| (f(a).is_nan() || f(b).is_nan()).into(),
    |a, _b| float(a as i32 as f32),
    |a, _b| float(a as f32),
    |a, _b| f(a) as i32 as u32,
    |a, _b| f(a) as u32,
    |a, _b| float(f(a).sqrt()),
    |a, b| product(u64::wrapping_mul, a, b),
];

/// What the image prints.
fn on_core(image: &str, arguments: &[&str]) -> String {
    let mut config = String::from("enable=on,target=native,arg=proof");
    for argument in arguments {
        config += ",arg=";
        config += argument;
    }
    let mut emulator = Command::new("qemu-system-arm");
    emulator
        .args("-M microbit -nographic -monitor none -serial none -semihosting-config".split(' '))
        .args([&config, "-kernel", image]);
    if arguments[0] == "count" {
        emulator.args(["-icount", "shift=7,sleep=off"]);
    }
    let output = emulator.output().expect("qemu-system-arm runs");
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("ASCII")
}

/// Compares every function; on as many cores of the host as there are.
fn compare(image: &str, blocks: &str, extent: &str) -> bool {
    let functions = Mutex::new(FUNCTIONS.iter().zip(HOST));
    let work = || {
        let mut right = true;
        loop {
            let Some((&function, f)) = functions.lock().unwrap().next() else {
                return right;
            };
            let mut expected = String::new();
            let count = blocks.parse().expect("a number of blocks");
            check(&mut expected, function, f, count, extent == "all").unwrap();
            let found = on_core(image, &["check", function.0, blocks, extent]);
            for (expected, found) in expected.lines().zip(found.lines()) {
                if expected != found {
                    println!("FAIL {found}; the host: {expected}");
                }
            }
            let same = expected == found;
            right &= same;
            let verdict = if same { "PASS" } else { "FAIL" };
            println!(
                "{verdict} {:<26} {} hashes",
                function.0,
                found.lines().count()
            );
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .map(|t| t.join().unwrap())
            .fold(true, |a, b| a & b)
    })
}

/// Each mistake changes the hash of the function that it is in.
fn mutants(image: &str) -> bool {
    let right: Vec<_> = FUNCTIONS
        .iter()
        .zip(HOST)
        .map(|(&(name, operands), f)| (name, format!("{:08x}", glance(f, operands))))
        .collect();
    let hash = |name: &str| right.iter().find(|r| r.0 == name).map(|r| r.1.as_str());
    let mut all = true;
    // Without a mistake it is the host's.
    for line in on_core(image, &["glance"]).lines() {
        let (name, found) = line.split_once(' ').expect("a name and a hash");
        if hash(name) != Some(found) {
            println!("FAIL {name}, without a mistake");
            all = false;
        }
    }
    let found = on_core(image, &["mutants"]);
    assert_eq!(found.lines().count(), MISTAKES.len());
    for (mistake, line) in MISTAKES.iter().zip(found.lines()) {
        let (name, found) = line.split_once(' ').expect("a name and a hash");
        assert_eq!(name, mistake.function);
        if hash(name) == Some(found) {
            println!("FAIL not noticed in {name}: {}", mistake.what);
            all = false;
        }
    }
    println!("{} mistakes", MISTAKES.len());
    all
}

/// Most instructions that a call may take, where there is a bound.
const BOUNDS: [(&str, f32); 7] = [
    ("__aeabi_fadd", 42.0),
    ("__aeabi_fsub", 45.0),
    ("__aeabi_fmul", 51.0),
    ("__aeabi_fdiv", 64.0),
    ("__aeabi_i2f", 35.0),
    ("__softfloat_armv6m_sqrt", 51.0),
    ("__aeabi_lmul", 25.0),
];

/// Prints the table of instructions; whether the bounds hold.
fn figures(compiler: &str, image: &str) -> bool {
    let [compiler, replaced] = [compiler, image].map(|image| on_core(image, &["count"]));
    println!("| | operands | compiler | here |\n|---|---|--:|--:|");
    let mut hold = true;
    for (compiler, replaced) in compiler.lines().zip(replaced.lines()) {
        let (what, before) = compiler.rsplit_once(' ').expect("a name and a number");
        let (same, after) = replaced.rsplit_once(' ').expect("a name and a number");
        assert_eq!(what, same);
        let (name, operands) = what.split_once(' ').expect("a name and operands");
        let [before, after] = [before, after].map(|t| t.parse::<f32>().expect("tenths") / 10.0);
        println!("| `{name}` | {operands} | {before:.1} | {after:.1} |");
        let bound = BOUNDS.iter().find(|b| b.0 == name && operands != "zero");
        if let Some((_, most)) = bound
            && after > *most
        {
            println!("FAIL {name}: more than {most} instructions");
            hold = false;
        }
    }
    hold
}

pub fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let right = match arguments[..] {
        ["check", image, blocks, extent] => compare(image, blocks, extent),
        ["mutants", image] => mutants(image),
        ["figures", compiler, image] => figures(compiler, image),
        _ => {
            eprintln!(
                "usage: check IMAGE BLOCKS all|some, mutants IMAGE, or figures COMPILER-IMAGE IMAGE"
            );
            false
        }
    };
    if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
