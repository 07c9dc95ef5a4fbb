//! Tables of numbers from CSV files.

use std::{fs, path::Path};

use csv::{Reader, ReaderBuilder, StringRecord, Trim};

use super::Outcome;

/// Reads the rows of the CSV file at `path`: see [`parse`]. Errors name the file.
pub fn read<const C: usize>(path: &Path, columns: [&str; C]) -> Outcome<Vec<[f64; C]>> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    parse(&text, columns).map_err(|error| format!("{name}: {error}").into())
}

/// Returns the number of columns of the CSV file at `path`, by its first row; 0 when there is none.
pub fn width(path: &Path) -> Outcome<usize> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let first = reader(&text).into_records().next().transpose()?;
    Ok(first.map_or(0, |record| record.len()))
}

fn reader(text: &str) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes())
}

/// Reads the rows of a CSV text of numbers. Errors name the line.
///
/// A first row that does not start with a number is a heading. Empty lines and lines that start with # are skipped. An
/// empty last column is a missing value, NaN. Further columns are ignored.
pub fn parse<const C: usize>(text: &str, columns: [&str; C]) -> Outcome<Vec<[f64; C]>> {
    let mut reader = reader(text);
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    let mut first = true;
    while reader.read_record(&mut record)? {
        let heading = first && record[0].parse::<f64>().is_err();
        first = false;
        if heading {
            continue;
        }
        let row = numbers(&record, columns).map_err(|error| {
            // The record's own position is that of the empty lines before it.
            let end = reader.position().byte() as usize;
            let line = text[..end].trim_end().lines().count();
            format!("line {line}: {error}")
        });
        rows.push(row?);
    }
    if rows.is_empty() {
        return Err("no rows".into());
    }
    Ok(rows)
}

fn numbers<const C: usize>(record: &StringRecord, columns: [&str; C]) -> Outcome<[f64; C]> {
    if record.len() < C {
        let (found, wanted) = (record.len(), columns.join(", "));
        return Err(format!("{found} of the {C} columns needed ({wanted})").into());
    }
    let mut row = [f64::NAN; C];
    for (i, (number, field)) in row.iter_mut().zip(record).enumerate() {
        if field.is_empty() && i + 1 == C {
            continue;
        }
        let complaint = || format!("\"{field}\" is not a number (column {})", columns[i]);
        *number = field.parse().map_err(|_| complaint())?;
    }
    Ok(row)
}
