//! Figures, as a person and as a program reads them: `figures.md` and `figures.json`.

use std::{collections::BTreeMap, fmt::Write, fs, io};

use serde_json::{Value, json};

use crate::images::package;

/// How far a figure may be from the one that is checked in, with the same compiler...
const TOLERANCE: f64 = 0.02;
/// ... and with another.
const TOLERANCE_OTHER_COMPILER: f64 = 0.15;

/// Numbers by table, row and column.
type Tables = BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<f64>>>>;

/// What was measured.
#[derive(Default)]
pub struct Report {
    /// The text, tables included.
    pub text: String,
    tables: Tables,
    /// Which compilers made it: of Rust and, where there is one, of C.
    compilers: [String; 2],
}

/// A row of a table: its name, the N that it is for, if any, and its cells.
pub type Row = (String, Option<String>, Vec<String>);

impl Report {
    /// A report that begins with `text`.
    pub fn new(text: String, compilers: [String; 2]) -> Self {
        Self {
            text,
            compilers,
            tables: Tables::new(),
        }
    }

    /// Begins a section.
    pub fn section(&mut self, heading: &str, text: &str) {
        let gap = if text.is_empty() { "" } else { "\n" };
        write!(self.text, "\n## {heading}\n{gap}{text}").unwrap();
    }

    /// Leaves out the last section, in order to write it anew.
    pub fn cut(&mut self, heading: &str) {
        let at = self.text.find(&format!("\n## {heading}\n"));
        self.text.truncate(at.unwrap_or(self.text.len()));
    }

    /// Adds a table, known as `name`.
    pub fn table(&mut self, name: &str, columns: &[&str], rows: Vec<Row>) {
        let sized = rows.iter().any(|(_, n, _)| n.is_some());
        let n = if sized { " N |" } else { "" };
        write!(self.text, "\n| |{n}").unwrap();
        for column in columns {
            write!(self.text, " {column} |").unwrap();
        }
        let rule = "--:|".repeat(columns.len() + usize::from(sized));
        writeln!(self.text, "\n|---|{rule}").unwrap();
        let table = self.tables.entry(name.to_string()).or_default();
        table.clear();
        for (name, n, cells) in rows {
            let [shown, key] = match n {
                Some(n) => [format!("{name} | {n}"), format!("{name}, N = {n}")],
                None => [name.clone(), name],
            };
            writeln!(self.text, "| {shown} | {} |", cells.join(" | ")).unwrap();
            let numbers =
                |cell: &String| cell.split(" / ").filter_map(|n| n.parse().ok()).collect();
            let cells = columns
                .iter()
                .map(|c| c.to_string())
                .zip(cells.iter().map(numbers));
            table.insert(key, cells.collect());
        }
    }

    /// Writes both files.
    pub fn write(&self) -> io::Result<()> {
        fs::write(package().join("figures.md"), &self.text)?;
        let json = json!({ "compilers": self.compilers, "tables": self.tables });
        let json = serde_json::to_string_pretty(&json)?;
        fs::write(package().join("figures.json"), json + "\n")
    }

    /// The figures that are checked in.
    pub fn read() -> io::Result<Self> {
        let json: Value =
            serde_json::from_str(&fs::read_to_string(package().join("figures.json"))?)?;
        Ok(Self {
            text: fs::read_to_string(package().join("figures.md"))?,
            tables: serde_json::from_value(json["tables"].clone())?,
            compilers: serde_json::from_value(json["compilers"].clone())?,
        })
    }

    /// The cells, and what they are called; without the loop in C unless `c`.
    fn cells(&self, c: bool) -> BTreeMap<String, &[f64]> {
        let mut cells = BTreeMap::new();
        for (table, rows) in &self.tables {
            for (row, columns) in rows {
                for (column, numbers) in columns {
                    if c || !row.contains("newlib") {
                        cells.insert(format!("{table}: {row}, {column}"), &numbers[..]);
                    }
                }
            }
        }
        cells
    }

    /// Compares what is checked in with what was measured `now`: says which cells differ by more than the
    /// tolerance, and, when `all` were measured, which are gone. Returns whether there is none.
    pub fn compare(&self, now: &Self, all: bool) -> bool {
        let [compiler, c] = [0, 1].map(|i| self.compilers[i] == now.compilers[i]);
        if !compiler {
            println!(
                "another compiler: {:?}, {:?}",
                self.compilers, now.compilers
            );
        }
        if !c {
            println!("another C compiler, or none: the loop in C is not compared");
        }
        let limit = if compiler {
            TOLERANCE
        } else {
            TOLERANCE_OTHER_COMPILER
        };
        let agree = |a: &f64, b: &f64| {
            // The last digit printed is no difference.
            (a - b).abs() <= limit * a.max(*b) + 0.1
        };
        let (before, now) = (self.cells(c), now.cells(c));
        let mut holds = true;
        for (key, cell) in &now {
            let there = before.get(key);
            let same = there.is_some_and(|there| {
                there.len() == cell.len() && there.iter().zip(*cell).all(|(a, b)| agree(a, b))
            });
            if !same {
                println!("{key}: {there:?} -> {cell:?}");
                holds = false;
            }
        }
        for key in before.keys().filter(|key| all && !now.contains_key(*key)) {
            println!("{key}: no longer measured");
            holds = false;
        }
        println!("{} of {} figures measured", now.len(), before.len());
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_figure_is_found() {
        let report = |rows: &[(&str, &str)]| {
            let mut report = Report::default();
            let rows = rows.iter().map(|(name, cell)| {
                let cells = ["70", cell].map(String::from);
                (name.to_string(), Some("8".to_string()), cells.to_vec())
            });
            report.table("Step", &["M0", "M3"], rows.collect());
            report
        };
        let before = report(&[("SGLD", "100 / 9")]);
        for all in [true, false] {
            assert!(before.compare(&report(&[("SGLD", "101 / 9")]), all));
            assert!(!before.compare(&report(&[("SGLD", "104 / 9")]), all));
            assert!(!before.compare(&report(&[("SGLD", "100")]), all));
        }
        let more = report(&[("SGLD", "100 / 9"), ("MALA", "100 / 9")]);
        assert!(!before.compare(&more, false));
        // What was not to be measured is not missed.
        assert!(!more.compare(&before, true));
        assert!(more.compare(&before, false));
        assert!(more.text.contains("\n| MALA | 8 | 70 | 100 / 9 |\n"));
    }
}
