//! On a core, measures; on the host, makes the figures of all cores.
//!
//! `cargo run --release` writes them to `figures.md` and `figures.json`; `cargo run --release -- check` compares them with what is
//! there, within 2 % (another compiler: 15 %); `check short` measures, and compares, those of a minute or two. `boards` measures
//! the boards' tables only, and writes them into the files.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
mod boards;
#[cfg(not(target_os = "none"))]
mod figures;

#[cfg(not(target_os = "none"))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use figures::{Extent, figures};
    use langevin_cost::report::Report;

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let extent = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => return Ok(figures(Extent::All).write()?),
        ["check"] => Extent::All,
        ["check", "short"] => Extent::Short,
        ["boards"] => {
            let mut report = Report::read()?;
            report.cut(boards::SECTION);
            boards::tables(&mut report);
            return Ok(report.write()?);
        }
        _ => return Err("nothing, `check`, `check short` or `boards`".into()),
    };
    let now = figures(extent);
    if Report::read()?.compare(&now, extent == Extent::All) {
        println!("the figures hold");
        Ok(())
    } else {
        Err("the figures do not hold: run `cargo run --release` in benches/cost".into())
    }
}

#[cfg(target_os = "none")]
mod firmware {
    use core::panic::PanicInfo;

    use langevin_cost::{
        measure::{Bench, Wants},
        row::Row,
    };
    use semihosting::{eprintln, process};
    #[cfg(feature = "softfloat")]
    use softfloat_armv6m as _;

    /// The one row that this image measures, if not all.
    const ROW: Option<Row> = match option_env!("ROW") {
        None => None,
        Some(row) => Some(Row::new(row)),
    };

    struct Wanted;

    impl Wants for Wanted {
        #[inline(always)]
        fn wants(&self, table: &str, name: (&str, &str), n: usize) -> bool {
            ROW.is_none_or(|row| row.is(table, name, n))
        }
    }

    #[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
    #[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
    fn main() -> ! {
        Bench::new(Wanted).everything();
        process::exit(0)
    }

    #[panic_handler]
    fn panic(info: &PanicInfo<'_>) -> ! {
        eprintln!("{info}");
        process::exit(1)
    }
}
