//! Gives the linker the memory layout, and with the feature `mutants` makes copies of the assembly with a mistake
//! in each.

use std::{env, fmt::Write, fs, path::PathBuf};

include!("src/mistakes.rs");

const ASSEMBLY: &str = "../src/asm";

fn main() {
    println!("cargo:rerun-if-changed=memory.x");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    println!("cargo:rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if env::var_os("CARGO_FEATURE_MUTANTS").is_some() {
        println!("cargo:rerun-if-changed={ASSEMBLY}");
        println!("cargo:rerun-if-changed=src/mistakes.rs");
        mutants();
    }
}

fn mutants() {
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let (mut assembly, mut functions, mut table) = (String::new(), String::new(), String::new());
    for (number, mistake) in MISTAKES.iter().enumerate() {
        for file in [
            "add", "mul", "div", "slow", "compare", "convert", "sqrt", "multiply",
        ] {
            let mut text = fs::read_to_string(format!("{ASSEMBLY}/{file}.s")).unwrap();
            if file == mistake.file {
                text = planted(&text, mistake);
            }
            // Names of its own.
            for (name, own) in [
                ("__aeabi", format!("__mutant{number}")),
                ("__softfloat_armv6m", format!("__mutant{number}")),
                ("SOFTFLOAT_ARMV6M", format!("MUTANT{number}")),
                (".L", format!(".Lmutant{number}_")),
            ] {
                text = text.replace(name, &own);
            }
            assembly += &text;
        }
        let function = mistake
            .function
            .replace("__aeabi", &format!("__mutant{number}"))
            .replace("__softfloat_armv6m", &format!("__mutant{number}"));
        if mistake.file == "multiply" {
            writeln!(functions, "    safe fn {function}(a: u64, b: u64) -> u64;").unwrap();
            let wrapped = format!(
                "{{ extern \"C\" fn f(a: u32, b: u32) -> u32 {{ product(|a, b| {function}(a, b), a, b) }} f }}"
            );
            writeln!(table, "    (\"{}\", {wrapped}),", mistake.function).unwrap();
        } else {
            writeln!(functions, "    safe fn {function}(a: u32, b: u32) -> u32;").unwrap();
            writeln!(table, "    (\"{}\", {function}),", mistake.function).unwrap();
        }
    }
    fs::write(out.join("mutants.s"), assembly).unwrap();
    let text = format!(
        "core::arch::global_asm!(\".syntax unified\", \".thumb\", include_str!(\"mutants.s\"), \".text\", options(raw));\n\
         // SAFETY: defined above; on registers and their own stack frame alone.\n\
         unsafe extern \"C\" {{\n{functions}}}\n\
         pub static MUTANTS: [(&str, Function); {}] = [\n{table}];\n",
        MISTAKES.len()
    );
    fs::write(out.join("mutants.rs"), text).unwrap();
}

/// The text with the mistake in it.
fn planted(text: &str, mistake: &Mistake) -> String {
    let places: Vec<_> = text.match_indices(mistake.right).collect();
    assert_eq!(
        places.len(),
        mistake.places,
        "{}: {:?}",
        mistake.file,
        mistake.right
    );
    let (at, _) = places[mistake.place];
    let mut planted = text.to_string();
    planted.replace_range(at..at + mistake.right.len(), mistake.wrong);
    planted
}
