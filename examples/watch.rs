//! Shows a board's posterior in the terminal while it runs.
//!
//!     cargo run --release --example watch -- LOG
//!
//! or, in a board's folder, with the board's own output:
//!
//!     cargo run --release --bin sensor | tee sensor.log | cargo run --release --manifest-path ../../../Cargo.toml --example watch
//!
//! The lines may also come from a serial port or from an emulated board. Each unknown is drawn as mean and 95 % band over time, with the latest numbers and the
//! alarm. Lines that are not of the log are passed through. Where the output is not a terminal, it is plain lines.

mod support;

use std::{
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Read, stdin, stdout},
    process::ExitCode,
    thread::sleep,
    time::Duration,
};

use ratatui::{
    Frame, Terminal,
    backend::CrosstermBackend,
    layout::{Constraint, Layout, Position},
    style::{Color, Style},
    symbols::Marker,
    text::Line,
    widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph},
};
use support::{Outcome, args::Args};

const USAGE: &str = "\
Shows a board's posterior in the terminal while it runs.

    watch [options] [LOG]

LOG is what a board's console shows; without it, standard input.

    --pace MS           milliseconds to wait after each line, to replay a log (default 0)";

/// Estimates that are drawn: the latest.
const SHOWN: usize = 500;

/// Other lines that are shown below the picture: the latest.
const OTHERS: usize = 5;

fn main() -> ExitCode {
    support::main(run)
}

pub fn run(arguments: Vec<OsString>) -> Outcome {
    let Some(args) = Args::parse(arguments, &["pace"], USAGE)? else {
        return Ok(());
    };
    let pace = Duration::from_millis(args.value("pace", 0)?);
    let input: Box<dyn Read> = match &args.file {
        Some(path) => {
            let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Box::new(file)
        }
        None => Box::new(stdin()),
    };
    let mut watch = Watch::default();
    let mut terminal = None;
    if stdout().is_terminal() {
        let mut new = Terminal::new(CrosstermBackend::new(stdout()))?;
        new.clear()?;
        terminal = Some(new);
    }
    // The output of a console may have other bytes in between.
    for line in BufReader::new(input).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).trim_end().to_owned();
        let new = watch.push(&line);
        match (&mut terminal, new) {
            (Some(terminal), New::Estimate | New::Other) => {
                terminal.draw(|frame| watch.draw(frame))?;
            }
            (None, New::Estimate) => println!("{}", watch.plain()),
            (None, New::Other) => println!("{line}"),
            (_, New::Nothing) => continue,
        }
        sleep(pace);
    }
    Ok(())
}

/// What a line brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum New {
    /// An estimate.
    Estimate,
    /// A line of a recording.
    Nothing,
    /// Another line, to be passed through.
    Other,
}

/// An estimate: a line of a board's log such as `240 readings: offset, slope = [911.6, 0.047], sd [0.5, 0.01]; rail`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The number of readings or ticks.
    pub count: f64,
    /// The names of the unknowns.
    pub names: Vec<String>,
    pub mean: Vec<f64>,
    pub sd: Vec<f64>,
    /// Empty when there is none.
    pub alarm: String,
}

impl Estimate {
    /// Finds an estimate in a line of a log, whatever is before it in the line.
    pub fn find(line: &str) -> Option<Self> {
        let (head, rest) = line.split_once(" = [")?;
        let (mean, rest) = rest.split_once("], sd [")?;
        let (sd, rest) = rest.split_once(']')?;
        let (before, names) = head.rsplit_once([':', ';'])?;
        let count = before.split([':', ';']).find_map(|part| {
            part.trim()
                .strip_suffix(" readings")
                .or(part.trim().strip_suffix(" ticks"))
        })?;
        let count = count.rsplit(' ').next()?.parse().ok()?;
        let numbers =
            |text: &str| -> Option<Vec<f64>> { text.split(", ").map(|x| x.parse().ok()).collect() };
        let (mean, sd) = (numbers(mean)?, numbers(sd)?);
        let mut names: Vec<String> = names.split(',').map(|name| name.trim().into()).collect();
        if let ([name], true) = (&names[..], mean.len() > 1) {
            names = (1..=mean.len()).map(|i| format!("{name}{i}")).collect();
        }
        let alarm = rest.strip_prefix("; ").unwrap_or_default().into();
        (names.len() == mean.len() && sd.len() == mean.len()).then_some(Self {
            count,
            names,
            mean,
            sd,
            alarm,
        })
    }
}

/// The log so far.
#[derive(Default)]
pub struct Watch {
    estimates: Vec<Estimate>,
    others: Vec<String>,
}

impl Watch {
    /// Adds a line.
    pub fn push(&mut self, line: &str) -> New {
        if let Some(estimate) = Estimate::find(line) {
            // A board that has been reset, or another application, starts anew.
            if let Some(last) = self.estimates.last()
                && (last.names != estimate.names || last.count > estimate.count)
            {
                self.estimates.clear();
            }
            if self.estimates.len() == SHOWN {
                self.estimates.remove(0);
            }
            self.estimates.push(estimate);
            New::Estimate
        } else if line.contains("@langevin ") {
            New::Nothing
        } else {
            if self.others.len() == OTHERS {
                self.others.remove(0);
            }
            self.others.push(line.into());
            New::Other
        }
    }

    /// Returns the latest estimate as a line of text.
    pub fn plain(&self) -> String {
        let Some(Estimate {
            count,
            names,
            mean,
            sd,
            alarm,
        }) = self.estimates.last()
        else {
            return String::new();
        };
        let numbers = names.iter().zip(mean).zip(sd);
        let numbers = numbers.map(|((name, mean), sd)| format!("{name} {mean} ± {sd}"));
        let alarm = if alarm.is_empty() {
            ""
        } else {
            &format!("  ALARM: {alarm}")
        };
        format!("{count}: {}{alarm}", numbers.collect::<Vec<_>>().join("  "))
    }

    /// Draws all unknowns.
    pub fn draw(&self, frame: &mut Frame) {
        let unknowns = self.estimates.last().map_or(0, |last| last.names.len());
        let others = self.others.len() as u16;
        let rows = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(others),
        ]);
        let [top, middle, bottom] = rows.areas(frame.area());
        let style = match self.estimates.last() {
            Some(last) if !last.alarm.is_empty() => Style::new().fg(Color::Red),
            _ => Style::new(),
        };
        frame.render_widget(Paragraph::new(self.plain()).style(style), top);
        let parts = Layout::vertical(vec![Constraint::Fill(1); unknowns]).split(middle);
        for (i, part) in parts.iter().enumerate() {
            let series = |z: f64| -> Vec<(f64, f64)> {
                let point = |e: &Estimate| (e.count, e.mean[i] + z * e.sd[i]);
                self.estimates.iter().map(point).collect()
            };
            let [low, mean, high] = [-1.96, 0.0, 1.96].map(series);
            let range = |values: &mut dyn Iterator<Item = f64>| {
                let (a, b) = values.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
                [a, b.max(a + 1e-9)]
            };
            let x = range(&mut mean.iter().map(|p| p.0));
            let y = range(&mut low.iter().chain(&high).map(|p| p.1));
            let line = |data, colour| {
                Dataset::default()
                    .data(data)
                    .marker(Marker::Braille)
                    .graph_type(GraphType::Line)
                    .style(Style::new().fg(colour))
            };
            let lines = vec![
                line(&low, Color::Blue),
                line(&high, Color::Blue),
                line(&mean, Color::White),
            ];
            let name = self.estimates.last().map_or("", |last| &last.names[i]);
            let labels = |range: [f64; 2]| range.map(|x| Line::from(format!("{x:.4}")));
            let chart = Chart::new(lines)
                .block(Block::bordered().title(format!("{name}: mean, 95 %")))
                .x_axis(
                    Axis::default()
                        .bounds(x)
                        .labels(x.map(|x| Line::from(format!("{x}")))),
                )
                .y_axis(Axis::default().bounds(y).labels(labels(y)));
            frame.render_widget(chart, *part);
        }
        let others: Vec<Line> = self
            .others
            .iter()
            .map(|line| Line::from(&line[..]))
            .collect();
        frame.render_widget(Paragraph::new(others), bottom);
        // It stays visible after Ctrl-C.
        frame.set_cursor_position(Position::new(0, frame.area().bottom().saturating_sub(1)));
    }
}
