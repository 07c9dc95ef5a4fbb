//! The same program on the host and on emulated cores.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let mut out = String::new();
    let result = langevin_qemu::run(arguments.iter().map(String::as_str), &mut out);
    print!("{out}");
    if result.is_err() {
        eprintln!(
            "usage: langevin-qemu golden|steppers|tune STEPS
       langevin-qemu calibrate DRAWS
       langevin-qemu filter TICKS
       langevin-qemu record battery|compass|filter|sensor READINGS"
        );
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(target_os = "none")]
mod firmware {
    use core::{fmt, panic::PanicInfo};

    use semihosting::{eprintln, process};
    #[cfg(feature = "softfloat")]
    use softfloat_armv6m as _;

    struct Console;

    impl fmt::Write for Console {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            semihosting::print!("{text}");
            Ok(())
        }
    }

    #[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
    #[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
    fn main() -> ! {
        let status = match semihosting::experimental::env::args::<128>() {
            Ok(arguments) => {
                let arguments = (&arguments).filter_map(Result::ok).skip(1);
                langevin_qemu::run(arguments, &mut Console)
            }
            Err(_) => Err(fmt::Error),
        };
        process::exit(i32::from(status.is_err()))
    }

    #[panic_handler]
    fn panic(info: &PanicInfo<'_>) -> ! {
        eprintln!("{info}");
        process::exit(1)
    }
}
