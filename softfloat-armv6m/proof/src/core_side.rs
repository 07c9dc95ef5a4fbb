//! The program on the core: `check FUNCTION BLOCKS all|some`, `mutants`, or `count`.

use core::{
    arch::{asm, global_asm},
    fmt,
    hint::black_box,
    panic::PanicInfo,
};

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use semihosting::{eprintln, println, process};

use crate::{
    Function,
    checks::{FUNCTIONS, check, glance, product},
    operands::{Random, special},
};

#[cfg(feature = "replace")]
use softfloat_armv6m as _;

#[cfg(feature = "mutants")]
mod mutants {
    use crate::{Function, checks::product};
    include!(concat!(env!("OUT_DIR"), "/mutants.rs"));
}

global_asm!(
    ".section .text.nothing, \"ax\", %progbits",
    ".global nothing",
    ".type nothing, %function",
    ".thumb_func",
    "nothing:",
    ".global nothing_long",
    ".type nothing_long, %function",
    ".thumb_func",
    "nothing_long:",
    "bx lr",
    ".text"
);

// SAFETY: of the Arm run-time ABI or above; bits of floats are in the same registers as integers.
unsafe extern "C" {
    safe fn nothing(a: u32, b: u32) -> u32;
    safe fn nothing_long(a: u64, b: u64) -> u64;
    safe fn __aeabi_fadd(a: u32, b: u32) -> u32;
    safe fn __aeabi_fsub(a: u32, b: u32) -> u32;
    safe fn __aeabi_frsub(a: u32, b: u32) -> u32;
    safe fn __aeabi_fmul(a: u32, b: u32) -> u32;
    safe fn __aeabi_fdiv(a: u32, b: u32) -> u32;
    safe fn __aeabi_fcmplt(a: u32, b: u32) -> u32;
    safe fn __aeabi_fcmple(a: u32, b: u32) -> u32;
    safe fn __aeabi_fcmpeq(a: u32, b: u32) -> u32;
    safe fn __aeabi_fcmpge(a: u32, b: u32) -> u32;
    safe fn __aeabi_fcmpgt(a: u32, b: u32) -> u32;
    safe fn __aeabi_fcmpun(a: u32, b: u32) -> u32;
    safe fn __aeabi_i2f(a: u32, b: u32) -> u32;
    safe fn __aeabi_ui2f(a: u32, b: u32) -> u32;
    safe fn __aeabi_f2iz(a: u32, b: u32) -> u32;
    safe fn __aeabi_f2uiz(a: u32, b: u32) -> u32;
    safe fn __aeabi_lmul(a: u64, b: u64) -> u64;
    #[cfg(feature = "replace")]
    safe fn __softfloat_armv6m_sqrt(a: u32, b: u32) -> u32;
}

#[cfg(not(feature = "replace"))]
extern "C" fn __softfloat_armv6m_sqrt(a: u32, _: u32) -> u32 {
    libm::sqrtf(f32::from_bits(a)).to_bits()
}

/// In the order of [`FUNCTIONS`].
static LINKED: [Function; FUNCTIONS.len()] = [
    __aeabi_fadd,
    __aeabi_fsub,
    __aeabi_frsub,
    __aeabi_fmul,
    __aeabi_fdiv,
    __aeabi_fcmplt,
    __aeabi_fcmple,
    __aeabi_fcmpeq,
    __aeabi_fcmpge,
    __aeabi_fcmpgt,
    __aeabi_fcmpun,
    __aeabi_i2f,
    __aeabi_ui2f,
    __aeabi_f2iz,
    __aeabi_f2uiz,
    __softfloat_armv6m_sqrt,
    long_product,
];

extern "C" fn long_product(a: u32, b: u32) -> u32 {
    product(|a, b| __aeabi_lmul(a, b), a, b)
}

/// The same without the product.
extern "C" fn no_product(a: u32, b: u32) -> u32 {
    product(|a, b| nothing_long(a, b), a, b)
}

struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        semihosting::print!("{text}");
        Ok(())
    }
}

/// Ticks of SysTick, which QEMU's `-icount shift=7` makes a multiple of instructions.
fn ticks(region: impl FnOnce()) -> u32 {
    let before = SYST::get_current();
    region();
    before.wrapping_sub(SYST::get_current()) & 0xff_ffff
}

/// A loop of 2 · `rounds` instructions.
#[inline(never)]
fn known(rounds: u32) {
    // SAFETY: counts a register down to zero, and touches nothing else but the flags.
    unsafe { asm!("2:", "subs {n}, #1", "bne 2b", n = inout(reg) rounds => _) };
}

const CALLS: usize = 256;
type Operands = [[u32; CALLS]; 2];

#[inline(never)]
fn calls(f: Function, [a, b]: &Operands) -> u32 {
    ticks(|| {
        for (a, b) in a.iter().zip(b) {
            black_box(f(*a, *b));
        }
    })
}

/// Operands as they are usual: of exponents within 4 and either sign; whole numbers of 1 to 31 bits and either
/// sign; floats from 1 to 2^24 of either sign; positive floats; and one operand zero.
fn usual(kind: &str) -> Operands {
    let mut random = Random::new(0);
    let mut float = |low: u32, exponents: u32, sign: u32| {
        let bits = random.next();
        (bits & (0x7f_ffff | sign << 31)) | (low + random.next() % exponents) << 23
    };
    let mut operands = [[0; CALLS]; 2];
    let [first, second] = &mut operands;
    for pair in first.iter_mut().zip(second) {
        let [a, b] = match kind {
            "floats" => [float(125, 5, 1), float(125, 5, 1)],
            "positive" => [float(125, 5, 0); 2],
            "rounded" => [float(127, 24, 1); 2],
            "integers" => {
                let (bits, width) = (float(0, 256, 1), float(0, 256, 0) % 31);
                [(bits as i32 >> width) as u32; 2]
            }
            _ => [special(0), float(125, 5, 1)],
        };
        (*pair.0, *pair.1) = (a, b);
    }
    operands
}

/// Prints the instructions of a call, its return included, in tenths.
fn count() {
    let Some(mut cortex) = cortex_m::Peripherals::take() else {
        return;
    };
    cortex.SYST.set_clock_source(SystClkSource::Core);
    cortex.SYST.set_reload(0xff_ffff);
    cortex.SYST.clear_current();
    cortex.SYST.enable_counter();
    let [short, long] = [10_000, 110_000].map(|rounds| ticks(|| known(rounds)));
    let ticks_of_200_000 = u64::from(long - short);
    for ((name, _), f) in FUNCTIONS.into_iter().zip(LINKED) {
        let kind = match name {
            "__aeabi_i2f" | "__aeabi_ui2f" => "integers",
            "__aeabi_f2iz" | "__aeabi_f2uiz" => "rounded",
            "__softfloat_armv6m_sqrt" => "positive",
            _ => "floats",
        };
        for kind in [kind, "zero"] {
            let operands = usual(kind);
            let base = if name == "__aeabi_lmul" {
                no_product
            } else {
                nothing
            };
            let ticks = u64::from(calls(f, &operands) - calls(base, &operands));
            // `nothing` is a return.
            let tenths = ticks * 2_000_000 / ticks_of_200_000 / CALLS as u64 + 10;
            println!("{name} {kind} {tenths}");
        }
    }
}

fn run<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<()> {
    match words.next()? {
        "check" => {
            let name = words.next()?;
            let blocks = words.next()?.parse().ok()?;
            let at = FUNCTIONS.iter().position(|f| f.0 == name)?;
            let all = words.next() == Some("all");
            check(&mut Console, FUNCTIONS[at], LINKED[at], blocks, all).ok()
        }
        #[cfg(feature = "mutants")]
        "mutants" => {
            for (name, f) in mutants::MUTANTS {
                let (_, operands) = FUNCTIONS.into_iter().find(|g| g.0 == name)?;
                println!("{name} {:08x}", glance(f, operands));
            }
            Some(())
        }
        "glance" => {
            for ((name, operands), f) in FUNCTIONS.into_iter().zip(LINKED) {
                println!("{name} {:08x}", glance(f, operands));
            }
            Some(())
        }
        "count" => {
            count();
            Some(())
        }
        _ => None,
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    let done = semihosting::experimental::env::args::<128>()
        .ok()
        .and_then(|arguments| run((&arguments).filter_map(Result::ok).skip(1)));
    process::exit(i32::from(done.is_none()))
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    eprintln!("{info}");
    process::exit(1)
}
