//! How right the library is, measured: `cargo run --release -- streams 50`.

mod streams;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rest = |arguments: std::iter::Skip<std::env::Args>| arguments.collect::<Vec<_>>();
    match arguments.next().as_deref() {
        Some("streams") => streams::run(&rest(arguments)),
        _ => {
            eprintln!("usage: league streams [number] [case,...]");
            std::process::exit(2);
        }
    }
}
