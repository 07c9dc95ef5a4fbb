//! The READMEs' figures are those of the benches, and their code is code that is compiled.

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
        ["| SGLD, Box-Muller | 8 |", "takes 228 of stack"],
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

/// What a control loop is promised: a tick costs at most 5000 instructions on a Cortex-M4F, and the worst of
/// 10 000 at most 15 % more than the mean.
#[test]
fn a_tick_of_the_filter_keeps_to_its_budget() {
    let figures = read("benches/cost/figures.md");
    let cells: Vec<_> = figures
        .lines()
        .find(|line| line.starts_with("| thermal filter | 2 |"))
        .unwrap()
        .split(" | ")
        .collect();
    let [mean, worst] = [0, 1].map(|i| -> f32 {
        let cell = cells[4].split(" / ").nth(i).unwrap();
        cell.parse().unwrap()
    });
    assert!(mean > 0.0 && worst <= 5000.0 && worst <= 1.15 * mean);
}

#[test]
fn the_boards_table_is_the_computed_one() {
    let figures = read("benches/cost/figures.md");
    let section = figures.split("\n## ").find(|s| s.starts_with("Boards\n"));
    let table = section
        .and_then(|section| section.split("\n\n").find(|part| part.starts_with("| |")))
        .unwrap()
        .trim();
    assert!(table.lines().count() == 6);
    assert!(
        read("README.md").contains(table),
        "README.md lacks\n{table}"
    );
}

/// What the calibration on a board is promised: 4 kB of flash for langevin and libm on a Cortex-M4F, 8 kB with the
/// soft floats on an M0, and 1 kB of RAM beyond the window, the stack included.
#[test]
fn the_calibration_keeps_to_its_budget() {
    let figures = read("benches/cost/figures.md");
    let numbers = |row: &str| -> Vec<f32> {
        figures
            .lines()
            .filter_map(|line| line.strip_prefix(row))
            .flat_map(|cells| cells.split('|').filter_map(|cell| cell.trim().parse().ok()))
            .collect()
    };
    let [_, m4f] = numbers("| langevin and libm |")[..] else {
        panic!("a column for each core");
    };
    assert!(m4f > 0.0 && m4f <= 4096.0);
    let [m0, _] = numbers("| langevin, libm and soft floats |")[..] else {
        panic!("a column for each core");
    };
    assert!(m0 > 0.0 && m0 <= 8192.0);
    // The state, and the stack on each core at each level of optimisation.
    let [state, ref stacks @ ..] = numbers("| calibrate | 3 |")[..] else {
        panic!("a row");
    };
    assert_eq!(stacks.len(), 7);
    assert!(stacks.iter().all(|stack| state + stack <= 1024.0));
}
