//! Tables of numbers from CSV files.

use std::path::Path;

use super::Outcome;

/// The rows of the CSV file at `path`: see [`parse`].
pub fn read<const C: usize>(path: &Path, columns: [&str; C]) -> Outcome<Vec<[f64; C]>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    parse(&text, columns).map_err(|error| format!("{name}: {error}").into())
}

/// The rows of a CSV text of numbers. A first row that starts with no number is a heading; empty lines
/// and lines that start with # are skipped; an empty last column is a missing value, NaN; columns
/// beyond those asked for are ignored.
pub fn parse<const C: usize>(text: &str, columns: [&str; C]) -> Outcome<Vec<[f64; C]>> {
    let mut rows = Vec::new();
    let mut first = true;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<_> = line
            .split(',')
            .map(|f| f.trim().trim_matches('"'))
            .collect();
        if std::mem::take(&mut first) && fields[0].parse::<f64>().is_err() {
            continue;
        }
        let row = numbers(&fields, columns);
        rows.push(row.map_err(|error| format!("line {}: {error}", index + 1))?);
    }
    if rows.is_empty() {
        return Err("no rows".into());
    }
    Ok(rows)
}

fn numbers<const C: usize>(fields: &[&str], columns: [&str; C]) -> Outcome<[f64; C]> {
    if fields.len() < C {
        let (found, wanted) = (fields.len(), columns.join(", "));
        return Err(format!("{found} of the {C} columns needed ({wanted})").into());
    }
    let mut row = [f64::NAN; C];
    for (i, (number, field)) in row.iter_mut().zip(fields).enumerate() {
        if field.is_empty() && i + 1 == C {
            continue;
        }
        let complaint = || format!("\"{field}\" is not a number (column {})", columns[i]);
        *number = field.parse().map_err(|_| complaint())?;
    }
    Ok(row)
}
