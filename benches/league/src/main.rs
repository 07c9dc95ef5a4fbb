//! How right the library is, measured: `posteriors 2000` beside other samplers, `streams 50` beside other filters, and `guide 50`,
//! which writes the latter into the guide's page on streaming.

mod posteriors;
mod streams;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["posteriors", rest @ ..] => posteriors::run(rest),
        ["guide", number] => {
            let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/guide/streaming.md");
            streams::guide(number, page.as_ref()).map_err(Into::into)
        }
        ["streams", ..] => {
            streams::run(arguments.get(1..).unwrap_or_default());
            Ok(())
        }
        _ => Err(
            "usage: posteriors GRADIENTS [SEEDS] | streams [NUMBER] [CASE,...] | guide NUMBER"
                .into(),
        ),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
