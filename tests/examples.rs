//! The host's examples, called as the command line calls them: what they write, and what they refuse.

#[allow(dead_code, reason = "its main is not called here")]
#[path = "../examples/calibrate.rs"]
mod calibrate;

use std::{ffi::OsString, fs, path::PathBuf};

/// A file of its own for each test.
fn file(name: &str, content: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.into_os_string().into_string().unwrap()
}

fn arguments<const K: usize>(words: [&str; K]) -> Vec<OsString> {
    words.map(OsString::from).to_vec()
}

/// The message of a run that must fail.
fn refused<const K: usize>(words: [&str; K]) -> String {
    calibrate::run(arguments(words)).unwrap_err().to_string()
}

#[test]
fn calibrate_takes_another_table() {
    let readings = file("readings.csv", "x,y\n0.5, 80\n1, 50\n# a gap\n2,\n3, 14\n");
    let picture = file("readings.svg", "");
    let words = [
        &readings, "--steps", "200", "--final", "4000", "--sigma", "2", "--output", &picture,
    ];
    calibrate::run(arguments(words)).unwrap();
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(svg.contains("4 readings") && svg.trim_end().ends_with("</svg>"));
}

#[test]
fn a_missing_file_is_named() {
    let message = refused(["no/such.csv"]);
    assert!(message.starts_with("no/such.csv: "), "{message}");
}

#[test]
fn what_is_wrong_with_a_table_comes_with_its_line() {
    for (content, complaint) in [
        (
            "x,y\n1,2\n1,two\n",
            "line 3: \"two\" is not a number (column y)",
        ),
        (
            "x,y\n1,2\n\n,2\n",
            "line 4: \"\" is not a number (column x)",
        ),
        ("1,2\n1\n", "line 2: 1 of the 2 columns needed (x, y)"),
        ("x,y\n1,\n2,nan\n", "no finite reading"),
        ("x,y\n", "no rows"),
        ("", "no rows"),
    ] {
        let message = refused([&file("wrong.csv", content), "--steps", "1"]);
        assert!(message.ends_with(complaint), "{message}, not {complaint}");
    }
}

#[test]
fn unknown_options_and_values_are_refused() {
    assert_eq!(refused(["--stepz", "3"]), "no option --stepz; see --help");
    assert_eq!(
        refused(["--steps", "many"]),
        "--steps: \"many\" is not a number it can be"
    );
    assert!(refused(["--steps"]).contains("--steps"));
    assert!(refused(["a.csv", "b.csv"]).contains("b.csv"));
    assert!(refused(["--instrument", "ruler"]).contains("chwirut2 or danwood"));
    assert!(refused(["--sigma", "-1"]).contains("sigma"));
}
