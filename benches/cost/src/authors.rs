//! Whose bytes of flash: those of an instruction are of who wrote the line that it comes from, those of a constant
//! of the crate that it is named after.

use std::{borrow::Cow, fs};

use addr2line::{Loader, demangle_auto};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use crate::images::{Image, package};

/// An author, and what the path of a file of theirs contains: the first that matches, `%` being the repository. A
/// line of `core` is of whom it was inlined for.
pub const AUTHORS: [(&str, &[&str]); 5] = [
    ("libm", &["/libm-", "/compiler-builtins/libm/"]),
    (
        "memcpy and the like",
        &["builtins/src/mem", "builtins/src/arm.rs"],
    ),
    ("soft floats (compiler_builtins)", &["builtins"]),
    ("rand_core, rand_pcg", &["/rand_core-", "/rand_pcg-"]),
    ("langevin, heapless", &["%/src/", "/heapless-"]),
];

/// An author's bytes of flash in an image; what the application or the bench wrote is nobody's.
pub type Bytes = [usize; AUTHORS.len()];

/// Bytes by author.
pub fn bytes(image: &Image) -> Bytes {
    let root = fs::canonicalize(package().join("../..")).expect("the repository");
    let root = root.to_string_lossy();
    let author = |file: &str| {
        AUTHORS.iter().position(|(_, parts)| {
            parts.iter().any(|part| match part.strip_prefix('%') {
                Some(part) => file.starts_with(&format!("{root}{part}")),
                None => file.contains(part),
            })
        })
    };
    let mut bytes = [0; AUTHORS.len()];

    // Two bytes at a time: no instruction is shorter. The innermost of the inlined frames comes first.
    let elf = image.elf();
    let code = elf.section_by_name(".text").expect("code");
    let lines = Loader::new(&image.path).expect("debug information");
    for address in (code.address()..code.address() + code.size()).step_by(2) {
        let mut frames = lines.find_frames(address).expect("debug information");
        while let Ok(Some(frame)) = frames.next() {
            let file = frame.location.and_then(|at| at.file).unwrap_or("??");
            if file.contains("/library/core/") || file.contains("/library/alloc/") {
                continue;
            }
            if let Some(author) = author(file) {
                bytes[author] += 2;
            }
            break;
        }
    }

    for symbol in elf.symbols() {
        let constant = (symbol.section_index())
            .and_then(|index| elf.section_by_index(index).ok())
            .is_some_and(|section| section.kind() == SectionKind::ReadOnlyData);
        if let (true, Ok(name)) = (constant, symbol.name()) {
            let name = demangle_auto(Cow::from(name), None);
            for (author, of) in [(0, "libm::"), (4, "langevin::")] {
                if name.starts_with(of) {
                    bytes[author] += symbol.size() as usize;
                }
            }
        }
    }
    bytes
}
