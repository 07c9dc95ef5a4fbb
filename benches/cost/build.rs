//! Gives the linker the memory layout of the machine that a target is run on and the loop in C, and the
//! program the compiler's name.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use langevin_testing::surface::{self, Instances};

/// How the public functions are called.
const INSTANCES: Instances = Instances {
    letters: &[
        ("const N", "8"),
        ("const K", "3"),
        ("const HOT", "3"),
        ("const D", "8"),
        ("const CAP", "16"),
        ("const B", "4"),
        ("const M", "9"),
        ("A", "GaussianPrior<N>"),
        ("B", "Micromath"),
        ("D", "Observations"),
        ("F", "Own"),
        ("H", "Cyclical"),
        ("L", "LinearRegression"),
        ("M", "Dense<N>"),
        ("O", "Sample<8>"),
        ("P", "Linear<8>"),
        ("Q", "GaussianPrior<8>"),
        ("R", "CountedPcg32"),
        ("S", "Sgld"),
        ("T", "Moments<8>"),
        ("W", "Observations"),
        ("X", "[f32; 8]"),
        ("Y", "()"),
        ("Z", "BoxMuller<CountedPcg32>"),
    ],
    projections: &[("R :: Input", "<R as Response<8>>::Input")],
    choices: &[
        (
            &["Posterior", "Minibatch", "ControlVariates"],
            &[
                &[("L", "LinearRegression")],
                &[
                    ("L", "LinearRegressionLogSigma"),
                    ("D", "Window<Sample<7>, 16>"),
                ],
                &[("L", "LogisticRegression")],
                &[("L", "PoissonRegression")],
                &[("L", "RobustRegression")],
                &[("L", "NonlinearRegression<Own>")],
            ],
        ),
        (
            &["Posterior"],
            &[
                &[("Q", "Flat")],
                &[("Q", "GaussianPrior<8>")],
                &[("Q", "MultivariateGaussianPrior<8>")],
                &[("Q", "LaplacePrior<8>")],
                &[("Q", "StudentTPrior<8>")],
            ],
        ),
        (
            &["Minibatch", "ControlVariates"],
            &[&[("S", "WithReplacement")], &[("S", "WithoutReplacement")]],
        ),
        (
            &["NonlinearRegression"],
            &[&[("R", "Own"), ("const K", "8")]],
        ),
        (&["Prior for (A , B)"], &[&[("B", "LaplacePrior<8>")]]),
        (
            &[
                "Potential for (A , B)",
                "Energy for (A , B)",
                "GradientVariance for (A , B)",
            ],
            &[&[("A", "Linear<8>"), ("B", "Linear<8>")]],
        ),
        (&["LinearRegressionLogSigma"], &[&[("const K", "7")]]),
        (&["Part"], &[&[("P", "Linear<5>"), ("const M", "5")]]),
        (&["Watched"], &[&[("O", "Monitor<8>")]]),
        (
            &["Preconditioned"],
            &[
                &[("S", "Sgld")],
                &[("S", "LeimkuhlerMatthews")],
                &[("S", "Badodab")],
                &[("S", "Mala")],
            ],
        ),
        (&["LatticeWalk"], &[&[("Z", "CountedPcg32")]]),
    ],
    // Called in `src/entry_points.rs`, or from what is called: batch samplers by minibatches, sums over a
    // likelihood's observations by posteriors. A formatter is the caller's. Libm's double precision would be in each
    // image: it is among the pairs of steppers and noises.
    without: &[
        "Backend for Libm",
        "BatchSampler",
        "Data::weighted",
        "Display",
        "Estimate::function",
        "F",
        "FromFn",
        "FunctionPotential",
        "Likelihood::add_differences",
        "Likelihood::add_gradients",
        "Sum",
        "Window::iter",
        "check_gradient",
        "check_symmetry",
        "r_hat",
    ],
};

fn main() {
    let source = Path::new("../../src");
    println!("cargo:rerun-if-changed={}", source.display());
    let program = INSTANCES.program(&surface::blocks(&surface::read(source)));
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    fs::write(out.join("entry_points.rs"), program).unwrap();
    println!("cargo:rustc-check-cfg=cfg(newlib)");
    let layouts = "../../examples/qemu/memory";
    println!("cargo:rerun-if-changed={layouts}");
    let compiler = Command::new(env::var("RUSTC").unwrap())
        .arg("--version")
        .output()
        .unwrap();
    let compiler = String::from_utf8(compiler.stdout).unwrap();
    // Name and version, without where it was built.
    let compiler: Vec<&str> = compiler.split_whitespace().take(2).collect();
    println!("cargo:rustc-env=COMPILER={}", compiler.join(" "));
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    // Version 6 code runs on the board with a Cortex-M3: the same instructions, and a finer clock.
    let target = match env::var("TARGET").unwrap().as_str() {
        "thumbv6m-none-eabi" => "thumbv7m-none-eabi".to_string(),
        "riscv32imc-unknown-none-elf" => "riscv32imac-unknown-none-elf".to_string(),
        other => other.to_string(),
    };
    let layout = format!("{layouts}/{target}.x");
    fs::copy(&layout, out.join("memory.x")).unwrap_or_else(|e| panic!("{layout}: {e}"));
    println!("cargo:rustc-link-search={}", out.display());
    let riscv = env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("riscv32");
    if riscv {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rerun-if-env-changed=C_COMPILER");
    println!("cargo:rerun-if-changed=src/alternatives.c");
    // The C compiler is Arm's.
    if let (Ok(compiler), false) = (env::var("C_COMPILER"), riscv) {
        println!("cargo:rustc-cfg=newlib");
        let object = c(&compiler, &out);
        println!(
            "cargo:rustc-link-arg-bin=langevin-cost={}",
            object.display()
        );
    }
}

/// The loop in C, with all that it needs of newlib and of its compiler's own soft floats linked in, and none
/// of it to be seen by the rest of the image.
fn c(compiler: &str, out: &Path) -> PathBuf {
    let core: &[&str] = match env::var("TARGET").unwrap().as_str() {
        "thumbv6m-none-eabi" => &["-mcpu=cortex-m0"],
        "thumbv7m-none-eabi" => &["-mcpu=cortex-m3"],
        "thumbv7em-none-eabihf" => &["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        "thumbv8m.main-none-eabihf" => {
            &["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"]
        }
        other => panic!("which core is {other}?"),
    };
    let object = out.join("alternatives.o");
    run(Command::new(compiler)
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-mthumb"])
        .args(core)
        .arg(format!("-O{}", env::var("OPT_LEVEL").unwrap()))
        .args([
            "-r",
            "-nostdlib",
            "src/alternatives.c",
            "-lm",
            "-lc",
            "-lgcc",
        ])
        .arg("-o")
        .arg(&object));
    let objcopy = format!("{}objcopy", compiler.trim_end_matches("gcc"));
    run(Command::new(objcopy)
        .arg("--keep-global-symbol=c_sgld_steps")
        .arg(&object));
    object
}

fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(status.success(), "{command:?}: {status}");
}
