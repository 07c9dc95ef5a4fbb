//! The table in the guide's page on streaming.

use std::{fmt::Write, fs, io, path::Path};

use super::{
    contest::{Row, Summary},
    run,
};

const CASES: &str = "linear,drift,approach,cooling,logistic,student,poisson,saturating,rate,bent";
const BEGIN: &str = "<!-- league: begin -->\n";
const END: &str = "<!-- league: end -->";
/// Readings after which the table looks, where a case has as many: early, and late.
const AFTER: [usize; 2] = [64, 256];
/// Median errors of the mean above this many sd are no more than that: lost.
const LOST: f64 = 3.0;

/// Runs `streams` streams of each case and writes the table into the page between its marks.
///
/// # Errors
/// When the page cannot be read or written, or has no marks.
pub fn guide(streams: &str, page: &Path) -> io::Result<()> {
    let summaries = run(&[streams.into(), CASES.into()]);
    let text = fs::read_to_string(page)?;
    let marks = text.split_once(BEGIN);
    let marks = marks.and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = marks.ok_or_else(|| io::Error::other("the page has no marks"))?;
    fs::write(
        page,
        format!("{head}{BEGIN}{}{END}{tail}", table(streams, &summaries)),
    )
}

fn table(streams: &str, summaries: &[Summary]) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("a string takes all");
    line(format!(
        "Medians of {streams} streams; worst unknown of each. A cell is the error of the mean in exact standard deviations, that of the standard\n\
         deviation, and how often the 90 % interval holds the truth; the last column is how often the exact one does. Lost: a mean that is\n\
         more than {LOST} standard deviations off.\n"
    ));
    line(
        "| stream | N | reading | tracker | Kalman filter | Laplace | 500 particles | exact |"
            .into(),
    );
    line("|---|---|---|---|---|---|---|---|".into());
    for summary in summaries {
        for Row {
            reading,
            exact,
            cells,
        } in &summary.rows
        {
            if !AFTER.contains(reading) {
                continue;
            }
            let cells = cells.map(|cell| {
                cell.map_or("as the Kalman filter".into(), |[mean, sd, held]| {
                    if mean > LOST {
                        format!("lost, {held:.0} %")
                    } else {
                        format!("{mean:.3} sd, {sd:.1} %, {held:.0} %")
                    }
                })
            });
            line(format!(
                "| {} | {} | {reading} | {} | {exact:.0} % |",
                summary.name,
                summary.unknowns,
                cells.join(" | "),
            ));
        }
    }
    let Some(summary) = summaries.iter().find(|s| s.name == "approach") else {
        return out;
    };
    line(String::new());
    line("| cost, `approach` with 1024 readings | tracker | Kalman filter | Laplace | 500 particles |".into());
    line("|---|---|---|---|---|".into());
    let bytes = summary.bytes.map(|b| b.to_string());
    line(format!(
        "| bytes, without the readings | {} |",
        bytes.join(" | ")
    ));
    line(
        "| readings kept | as many as there is room for; the rest is folded | none | all | none |"
            .into(),
    );
    let terms = summary.terms.map(|t| format!("{t:.0}"));
    line(format!(
        "| likelihood terms a reading (Laplace: an answer) | {} |",
        terms.join(" | ")
    ));
    out
}
