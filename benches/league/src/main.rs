//! The league: `cargo run --release -- posteriors 2000` (20000, 200000).

mod posteriors;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["posteriors", rest @ ..] => posteriors::run(rest),
        _ => Err("usage: posteriors GRADIENTS [SEEDS]".into()),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
