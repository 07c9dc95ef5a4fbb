//! The README's figures are those of the benches.

use std::{fs, path::Path};

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn costs_are_the_measured_ones() {
    let readme = read("README.md");
    let figures = read("benches/cost/figures.md");
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with("What it costs"))
        .unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let mut count = 0;
    for row in rows {
        assert!(
            figures.lines().any(|line| line == row),
            "not in figures.md: {row}"
        );
        count += 1;
    }
    assert!(count > 12);
    // In words.
    for [state, bytes] in [
        ["| SGLD, Box-Muller | 8 |", "keeps 184 bytes"],
        ["| SGLD, Box-Muller | 8 |", "takes 236 of stack"],
    ] {
        let figure = bytes.split(' ').nth(1).unwrap();
        assert!(section.contains(bytes));
        assert!(
            figures
                .lines()
                .any(|line| line.starts_with(state) && line.contains(&format!("| {figure} |"))),
            "{bytes}"
        );
    }
}
