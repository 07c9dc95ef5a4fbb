//! What README and figures promise: its program, its length, the size of the front door, and budgets.

use std::{fs, path::Path};

use langevin::{
    BoxMuller, GaussianPrior, Model, Pcg32, Sample, Sampler, SeedableRng, model::RobustRegression,
    potential::Energy,
};
use syn::{Attribute, Item, ItemFn, ItemMod, ItemStruct, UseTree, Visibility};

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

#[test]
fn the_readme_is_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= 900, "{words}");
}

/// The program of the README, line by line.
#[rustfmt::skip]
fn program() -> Result<String, Box<dyn std::error::Error>> {
    // y = offset + gain·x, where readings are off by about 0.5, and some by much more.
    let readings = [
        (0.0, 1.2), (0.1, 1.6), (0.2, 1.1), (0.3, 1.7), (0.4, 9.0), (0.5, 2.9),
        (0.6, 2.4), (0.7, 3.6), (0.8, 3.2), (0.9, 0.0), (1.0, 3.9), (1.1, 4.5),
    ]
    .map(|(x, y)| Sample { x: [1.0, x], y });
    let prior = GaussianPrior::new([0.0; 2], [10.0; 2])?; // before the readings: 0 ± 10
    let likelihood = RobustRegression::new(4.0, 0.5)?; // Student's t with 4 degrees of freedom
    let model = Model::new(prior, likelihood);

    let mut sampler = Sampler::new([0.0; 2], BoxMuller::new(Pcg32::seed_from_u64(7)));
    while !sampler.converged() && sampler.evaluations() < 100_000 {
        sampler.step(&mut model.posterior(&readings))?;
    }
    let (mean, sd) = (sampler.mean(), sampler.sd());
    let verdict = format!("{:?}", sampler.verdict());
    let estimate = format!("offset {:.2} ± {:.2}, gain {:.2} ± {:.2}", mean[0], sd[0], mean[1], sd[1]);
    exact(&mut model.posterior(&readings), mean, sd);
    Ok(format!("{verdict}\n{estimate}\n"))
}

/// Compares with quadrature in f64: means within 0.05 standard deviations, standard deviations within 3 %.
fn exact(potential: &mut impl Energy<2>, mean: [f32; 2], sd: [f32; 2]) {
    let (mut total, mut sums) = (0.0, [[0.0; 2]; 2]);
    let axis = |i: usize, k: u16| mean[i] + sd[i] * (f32::from(k) / 20.0 - 8.0);
    for k in 0..=320 {
        for l in 0..=320 {
            let theta = [axis(0, k), axis(1, l)];
            let weight = (-f64::from(potential.energy(&theta).unwrap())).exp();
            total += weight;
            for i in 0..2 {
                let d = f64::from(theta[i] - mean[i]) / f64::from(sd[i]);
                sums[0][i] += weight * d;
                sums[1][i] += weight * d * d;
            }
        }
    }
    for i in 0..2 {
        let [off, square] = sums.map(|s| s[i] / total);
        let ratio = (square - off * off).sqrt();
        println!("coordinate {i}: mean off by {off:.3} sd, exact sd {ratio:.3} of the estimated");
        assert!(
            off.abs() < 0.05 && (ratio - 1.0).abs() < 0.03,
            "{off} {ratio}"
        );
    }
}

#[test]
fn the_program_prints_what_the_readme_says() {
    let readme = read("README.md");
    let printed = program().unwrap();
    let promised = between(&readme, "It prints\n\n```text\n", "```");
    assert_eq!(printed, promised);
    // It is the program: the same lines.
    let shown = between(
        &readme,
        "fn main() -> Result<(), Box<dyn std::error::Error>> {\n",
        "    println!",
    );
    let here = read("tests/readme.rs");
    assert!(here.contains(shown), "{shown}");
}

/// Public names in the root of the crate: modules, re-exports and macros.
#[test]
fn the_front_door_is_small() {
    fn leaves(tree: &UseTree) -> usize {
        match tree {
            UseTree::Path(path) => leaves(&path.tree),
            UseTree::Group(group) => group.items.iter().map(leaves).sum(),
            UseTree::Glob(_) => panic!("a glob hides how many names there are"),
            _ => 1,
        }
    }
    let file = syn::parse_file(&read("src/lib.rs")).unwrap();
    let documentation =
        |attributes: &[Attribute]| attributes.iter().any(|a| a.path().is_ident("cfg"));
    let names: usize = file
        .items
        .iter()
        .map(|item| match item {
            Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => leaves(&item.tree),
            Item::Mod(item) if documentation(&item.attrs) => 0,
            Item::Mod(ItemMod { vis, .. })
            | Item::Struct(ItemStruct { vis, .. })
            | Item::Fn(ItemFn { vis, .. }) => usize::from(matches!(vis, Visibility::Public(_))),
            _ => 0,
        })
        .sum();
    // And `checkpoint!`, which macro_export puts there.
    assert!((20..=30).contains(&(names + 1)), "{names}");
}

/// Files and folders that the documents name exist.
#[test]
fn named_paths_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        "src/",
        "tests/",
        "testing/",
        "benches/",
        "examples/",
        "fuzz/",
        ".ci/",
    ];
    let mut count = 0;
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        for name in read(document).split('`').skip(1).step_by(2) {
            if folders.iter().any(|f| name.starts_with(f)) && !name.contains("NAME") {
                assert!(root.join(name).exists(), "{document} names {name}");
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
}

/// Only one file asks for the target: everything else is the same on every core.
#[test]
fn one_file_asks_for_the_target() {
    fn search(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                if text.contains("target_") {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    let mut found = Vec::new();
    search(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    assert!(
        found.len() == 1 && found[0].ends_with("arithmetic.rs"),
        "{found:?}"
    );
}

/// What a control loop is promised: a tick costs at most 2500 instructions on average on a Cortex-M4F, and the worst of
/// 10 000, which learns a block, 30 000: two thirds of a millisecond at 64 MHz, of the 20 that a tick has.
#[test]
fn a_tick_of_the_filter_keeps_to_its_budget() {
    let figures: serde_json::Value =
        serde_json::from_str(&read("benches/cost/figures.json")).unwrap();
    let table = &figures["tables"]["An application, on average / at worst"];
    let [mean, worst] = [0, 1].map(|i| table["thermal filter, N = 2"]["M4F"][i].as_f64().unwrap());
    assert!(mean > 0.0 && mean <= 2500.0 && worst <= 30_000.0);
}

/// What the calibration on a board is promised: 24 kB of flash for langevin and libm on a Cortex-M4F, 32 kB with the
/// soft floats on an M0, and 3 kB of RAM beyond the window, the stack included.
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
    assert!(m4f > 0.0 && m4f <= 24_000.0);
    let [m0, _] = numbers("| langevin, libm and soft floats |")[..] else {
        panic!("a column for each core");
    };
    assert!(m0 > 0.0 && m0 <= 32_000.0);
    // The stack on each core at each level of optimisation, and the state.
    let [ref stacks @ .., state] = numbers("| calibrate | 3 |")[..] else {
        panic!("a row");
    };
    assert_eq!(stacks.len(), 9);
    assert!(stacks.iter().all(|stack| state + stack <= 3072.0));
}
