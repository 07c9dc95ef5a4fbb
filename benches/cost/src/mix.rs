//! Cycles from instructions: which of them a measured row executes, and what each kind takes on a core.
//!
//! QEMU tells every block of instructions that it executes (`-d in_asm,exec,nochain`). Counted is what lies between the
//! two looks at the timer: see `count`.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use crate::images::Core;

/// After so many counted instructions it is known.
const ENOUGH: u64 = 20_000_000;
/// The counter's own calibration: two loops of known length, and nothing.
const CALIBRATION: u32 = 3;

/// Kinds of instructions that take more, or less, than a cycle.
#[derive(Clone, Copy)]
enum Kind {
    /// A load, or a store of a float.
    Load,
    /// Any of these just behind a load, whose address goes out while the first still waits for its data.
    Behind,
    /// A load whose result the next instruction reads.
    LoadUsed,
    Store,
    /// A word that is moved by an instruction that moves several.
    Word,
    /// A branch that is taken, a call and a return included.
    Taken,
    /// A call.
    Call,
    /// A return by a load of several words.
    Return,
    /// A product of integers that the next instruction reads.
    ProductUsed,
    /// A division of integers.
    Division,
    /// A float that the next instruction reads.
    FloatUsed,
    /// A quotient or a square root of floats.
    FloatDivision,
}

const KINDS: usize = Kind::FloatDivision as usize + 1;

/// Cycles beyond the first that a core takes for each [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cycles([f64; KINDS]);

/// Cortex-M0+: Arm's technical reference manual, memory without wait states.
pub const M0_PLUS: Cycles = Cycles([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
/// Cortex-M4F: Arm's technical reference manual, memory without wait states; a refill of the pipeline takes one to
/// three cycles, a division of integers two to twelve. A Cortex-M33, for which Arm publishes none, is taken for one.
pub const M4F: Cycles = Cycles([1.0, -1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 6.0, 1.0, 13.0]);
/// SiFive's E31: the manual of the FE310, all hits in the cache; one taken branch in ten not predicted, which takes
/// three cycles; a division two to 33.
pub const E31: Cycles = Cycles([0.0, 0.0, 1.0, 0.0, 0.0, 0.3, 0.0, 0.0, 4.0, 16.0, 0.0, 0.0]);

/// How many instructions of which kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mix {
    instructions: u64,
    kinds: [u64; KINDS],
}

impl Mix {
    fn note(&mut self, kind: Kind) {
        self.kinds[kind as usize] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.instructions += other.instructions;
        for (sum, n) in self.kinds.iter_mut().zip(other.kinds) {
            *sum += n;
        }
    }

    /// Cycles an instruction.
    pub fn ratio(&self, Cycles(cycles): Cycles) -> f64 {
        let beyond = self.kinds.iter().zip(cycles).map(|(n, c)| *n as f64 * c);
        1.0 + beyond.sum::<f64>() / self.instructions as f64
    }

    /// Of a hundred instructions: words loaded and stored, branches taken, divisions and square roots.
    pub fn percent(&self) -> [f64; 3] {
        let of = |kinds: &[Kind]| {
            let n: u64 = kinds.iter().map(|kind| self.kinds[*kind as usize]).sum();
            100.0 * n as f64 / self.instructions as f64
        };
        [
            of(&[Kind::Load, Kind::Store, Kind::Word]),
            of(&[Kind::Taken]),
            of(&[Kind::Division, Kind::FloatDivision]),
        ]
    }
}

/// A block of instructions: what is in it, where it ends, and how.
#[derive(Clone, Copy)]
struct Block {
    mix: Mix,
    end: u32,
    last: Option<Kind>,
}

/// An instruction as the disassembler writes it.
struct Instruction<'a> {
    end: u32,
    name: &'a str,
    operands: &'a str,
}

impl<'a> Instruction<'a> {
    /// `0x000000c0:  f006 fcd4  bl       #0x6a6c`.
    fn parse(line: &'a str) -> Option<Self> {
        let (address, rest) = line.strip_prefix("0x")?.split_once(':')?;
        let mut end = u32::from_str_radix(address, 16).ok()?;
        let mut rest = rest.trim_start();
        loop {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            let code = word.bytes().all(|b| b.is_ascii_hexdigit());
            if !(code && (word.len() == 4 || word.len() == 8)) {
                let operands = after.trim_start();
                return Some(Self {
                    end,
                    name: word,
                    operands,
                });
            }
            end += word.len() as u32 / 2;
            rest = after.trim_start();
        }
    }

    fn is(&self, starts: &[&str]) -> bool {
        starts.iter().any(|start| self.name.starts_with(start))
    }

    /// How many registers the list has: `{r4, r5-r7, lr}`.
    fn words(&self) -> u64 {
        let list = self.operands.split(['{', '}']).nth(1).unwrap_or("");
        let number = |register: &str| register.trim()[1..].parse::<u64>().unwrap_or(0);
        let words = list.split(',').map(|part| match part.split_once('-') {
            Some((first, last)) => number(last) + 1 - number(first),
            None => 1,
        });
        let pair = if list.contains('d') { 2 } else { 1 };
        pair * words.sum::<u64>()
    }

    /// Moves several words.
    fn multiple(&self) -> bool {
        self.is(&["push", "pop", "ldm", "stm", "vpush", "vpop", "vldm", "vstm"])
    }

    fn load(&self) -> bool {
        !self.multiple()
            && (self.is(&["ldr", "vldr", "vstr"])
                || ["lw", "lh", "lb", "lhu", "lbu"].contains(&self.name))
    }

    fn store(&self) -> bool {
        !self.multiple() && (self.is(&["str"]) || ["sw", "sh", "sb"].contains(&self.name))
    }

    /// Arithmetic with floats.
    fn float(&self) -> bool {
        self.is(&[
            "vadd", "vsub", "vmul", "vnmul", "vml", "vnml", "vfm", "vfnm", "vcvt", "vdiv", "vsqrt",
        ])
    }

    /// A product of integers on a RISC-V core, whose operands have no space between them.
    fn product(&self) -> bool {
        self.is(&["mul"]) && !self.operands.contains(' ')
    }

    /// Whether it reads what `before` wrote.
    fn reads(&self, before: &Self) -> bool {
        let mut parts = self
            .operands
            .split([',', ' ', '[', ']', '(', ')', '{', '}']);
        let written = before.operands.split(',').next().unwrap_or("");
        // The first operand is what it writes, unless that is to memory or a comparison, or adds to what is there.
        let first = usize::from(
            !(self.is(&["vstr", "vcmp", "vml", "vnml", "vfm", "vfnm"]) || self.store()),
        );
        parts.by_ref().take(first).for_each(drop);
        !written.is_empty() && parts.any(|part| part == written)
    }
}

impl Block {
    fn of(instructions: &[Instruction<'_>]) -> Option<Self> {
        let mut mix = Mix::default();
        let mut last = None;
        for (at, it) in instructions.iter().enumerate() {
            mix.instructions += 1;
            last = None;
            if it.load() {
                mix.note(Kind::Load);
            } else if it.store() {
                mix.note(Kind::Store);
            } else if it.multiple() {
                mix.kinds[Kind::Word as usize] += it.words();
                last = it.operands.contains("pc").then_some(Kind::Return);
            } else if it.is(&["ldrd", "strd"]) {
                mix.kinds[Kind::Word as usize] += 2;
            } else if it.is(&["udiv", "sdiv", "div", "rem"]) {
                mix.note(Kind::Division);
            } else if it.is(&["vdiv", "vsqrt"]) {
                mix.note(Kind::FloatDivision);
            } else if it.name == "bl" {
                last = Some(Kind::Call);
            }
            if let Some(next) = instructions.get(at + 1) {
                if it.load() && (next.load() || next.store()) && !next.reads(it) {
                    mix.note(Kind::Behind);
                }
                if next.reads(it) {
                    for (is, kind) in [
                        (it.load(), Kind::LoadUsed),
                        (it.product(), Kind::ProductUsed),
                        (it.float(), Kind::FloatUsed),
                    ] {
                        if is {
                            mix.note(kind);
                        }
                    }
                }
            }
        }
        let end = instructions.last()?.end;
        Some(Self { mix, end, last })
    }
}

/// Where execution is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Outside,
    Before,
    Counted,
    After,
}

/// What `program`, which measures one row on a core, executes while it is counted.
pub fn mix(core: Core, program: &Path) -> Mix {
    let mut qemu = core
        .emulator()
        .args(["-d", "in_asm,exec,nochain", "-kernel"])
        .arg(program)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("QEMU runs");
    let log = BufReader::with_capacity(1 << 20, qemu.stderr.take().expect("a pipe"));
    let mix = read(log);
    // It may have ended.
    let _ = qemu.kill();
    qemu.wait().expect("QEMU ends");
    mix
}

fn read(mut log: impl BufRead) -> Mix {
    let mut blocks: HashMap<u32, Block> = HashMap::new();
    let mut text = String::new();
    let mut mix = Mix::default();
    let (mut place, mut regions) = (Place::Outside, 0);
    let mut before: Option<Block> = None;
    let mut line = String::new();
    while mix.instructions < ENOUGH {
        line.clear();
        if log.read_line(&mut line).expect("QEMU's log") == 0 {
            break;
        }
        if line.starts_with("0x") {
            text += &line;
            continue;
        }
        // `Trace 0: 0x7fbb14000100 [00800400/000000c0/00000110/ff000200] Reset`
        let Some(trace) = line.strip_prefix("Trace ") else {
            continue;
        };
        let at = trace.split('/').nth(1).expect("an address");
        let at = u32::from_str_radix(at, 16).expect("an address");
        if !text.is_empty() {
            let instructions: Vec<_> = text.lines().filter_map(Instruction::parse).collect();
            blocks.extend(Block::of(&instructions).map(|block| (at, block)));
            text.clear();
        }
        let timer = trace.contains("5count5ticks");
        place = match (place, timer) {
            (Place::Outside, true) => Place::Before,
            (Place::Before, false) => {
                regions += 1;
                Place::Counted
            }
            (Place::Counted, true) => Place::After,
            (Place::After, false) => Place::Outside,
            (same, _) => same,
        };
        let block = blocks[&at];
        if regions > CALIBRATION && (place == Place::Counted || place == Place::After) {
            if let Some(before) = before.filter(|before| before.end != at) {
                mix.note(Kind::Taken);
                if let Some(kind) = before.last {
                    mix.note(kind);
                }
            }
            if place == Place::Counted {
                mix.add(&block.mix);
            }
        }
        // The way back into the timer's function is a branch of what is counted, what follows is not.
        before = (place == Place::Counted).then_some(block);
    }
    mix
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three regions that are not counted, and one.
    fn log(region: &str) -> String {
        const TIMER: &str = "Trace 0: 0x1 [0/00000100/0/0] langevin_cost::5count5ticks\n";
        const OUTSIDE: &str = "Trace 0: 0x1 [0/00000200/0/0] main\n";
        let mut log = String::from("0x00000200:  4770       bx       lr\n");
        log += OUTSIDE;
        log += "0x00000100:  4788       blx      r1\n";
        for _ in 0..4 {
            log += &format!("{TIMER}{region}{TIMER}{OUTSIDE}");
        }
        log
    }

    #[test]
    fn kinds_are_told_apart_and_only_what_is_measured_is_counted() {
        let region = "----------------\nIN: region\n\
            0x00000300:  b5f0       push     {r4, r5, r6, r7, lr}\n\
            0x00000302:  6800       ldr      r0, [r0]\n\
            0x00000304:  6849       ldr      r1, [r1, #4]\n\
            0x00000306:  ee30 0a20  vadd.f32 s0, s0, s1\n\
            0x0000030a:  ee80 1a20  vdiv.f32 s2, s0, s1\n\
            0x0000030e:  f000 f801  bl       #0x314\n\
            Trace 0: 0x1 [0/00000300/0/0] region\n\
            0x00000314:  6001       str      r1, [r0]\n\
            0x00000316:  bdf0       pop      {r4, r5, r6, r7, pc}\n\
            Trace 0: 0x1 [0/00000314/0/0] region\n";
        let mix = read(log(region).as_bytes());
        let mut expected = [0; KINDS];
        for (kind, n) in [
            (Kind::Load, 2),
            (Kind::Behind, 1),
            (Kind::Store, 1),
            (Kind::Word, 10),
            (Kind::Taken, 2),
            (Kind::Call, 1),
            (Kind::Return, 1),
            (Kind::FloatUsed, 1),
            (Kind::FloatDivision, 1),
        ] {
            expected[kind as usize] = n;
        }
        // The way into the region is not counted, the way back is.
        assert_eq!((mix.instructions, mix.kinds), (8, expected));
        assert!((mix.ratio(M0_PLUS) - (8.0 + 3.0 + 10.0 + 2.0 + 1.0 + 1.0) / 8.0).abs() < 1e-12);
    }

    #[test]
    fn a_word_of_risc_v_is_read_too() {
        let region = "Priv: 3; Virt: 0\n\
            0x80000300:  4532              lw                      a0,12(sp)\n\
            0x80000302:  02b50533          mul                     a0,a0,a1\n\
            0x80000306:  8d6d              and                     a0,a0,a1\n\
            0x80000308:  8082              ret\n\
            Trace 0: 0x1 [0/80000300/0/0] region\n";
        let mix = read(log(region).as_bytes());
        assert_eq!(mix.instructions, 4);
        for kind in [Kind::Load, Kind::LoadUsed, Kind::ProductUsed, Kind::Taken] {
            assert_eq!(mix.kinds[kind as usize], 1, "{}", kind as usize);
        }
    }
}
