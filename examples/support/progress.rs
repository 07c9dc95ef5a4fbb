//! Progress bars on stderr, which are not drawn when that is not a terminal.

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// Creates a bar that is removed when it is dropped. Output goes through [`ProgressBar::suspend`].
pub fn bar(label: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:25}] {percent:>3} %");
    ProgressBar::new(total)
        .with_style(style.expect("a template"))
        .with_prefix(label)
        .with_finish(ProgressFinish::AndClear)
}
