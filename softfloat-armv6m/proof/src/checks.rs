//! What is computed on both sides: hashes of results.

use core::fmt::{Result, Write};

use crate::{Function, operands::*};

/// The functions, and how many operands each has.
pub const FUNCTIONS: [(&str, usize); 17] = [
    ("__aeabi_fadd", 2),
    ("__aeabi_fsub", 2),
    ("__aeabi_frsub", 2),
    ("__aeabi_fmul", 2),
    ("__aeabi_fdiv", 2),
    ("__aeabi_fcmplt", 2),
    ("__aeabi_fcmple", 2),
    ("__aeabi_fcmpeq", 2),
    ("__aeabi_fcmpge", 2),
    ("__aeabi_fcmpgt", 2),
    ("__aeabi_fcmpun", 2),
    ("__aeabi_i2f", 1),
    ("__aeabi_ui2f", 1),
    ("__aeabi_f2iz", 1),
    ("__aeabi_f2uiz", 1),
    ("__softfloat_armv6m_sqrt", 1),
    ("__aeabi_lmul", 2),
];

/// Two operands of 64 bits for the product, and what becomes of it.
#[inline(always)]
pub fn product(f: impl Fn(u64, u64) -> u64, a: u32, b: u32) -> u32 {
    let long = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let product = f(
        long(a, b.rotate_left(7)),
        long(b.rotate_left(3), a.rotate_left(13)),
    );
    (product as u32).rotate_left(16) ^ (product >> 32) as u32
}

/// Hash of the results for every pair of special ones.
fn specials(f: Function, operands: usize) -> u32 {
    let seconds = if operands == 1 { 1 } else { SPECIAL };
    let mut hash = 0;
    for i in 0..SPECIAL {
        for j in 0..seconds {
            hash = mix(hash, f(special(i), special(j)));
        }
    }
    hash
}

#[inline(never)]
fn grids(f: Function) -> u32 {
    let mut random = Random::new(0);
    (0..BLOCK).fold(0, |hash, i| {
        let (a, b) = grid(i, random.next());
        mix(hash, f(a, b))
    })
}

#[inline(never)]
fn pairs(f: Function, block: u32, count: u32) -> u32 {
    let mut random = Random::new(block);
    (0..count).fold(0, |hash, i| {
        let (a, b) = random.pair(i);
        mix(hash, f(a, b))
    })
}

/// Inputs of a function of one: all 2^32 in 4096 blocks, `stride` apart, which is odd.
#[inline(never)]
fn inputs(f: Function, block: u32, count: u32, stride: u32) -> u32 {
    (0..count).fold(0, |hash, i| {
        let input = (block << 20 | i).wrapping_mul(stride);
        mix(hash, f(input, input))
    })
}

/// Every check of a function: `blocks` of random pairs; all inputs where `all`.
pub fn check(
    out: &mut dyn Write,
    (name, operands): (&str, usize),
    f: Function,
    blocks: u32,
    all: bool,
) -> Result {
    let special = specials(f, operands);
    writeln!(out, "{name} special {special:08x}")?;
    if operands == 2 {
        writeln!(out, "{name} exponents {:08x}", grids(f))?;
        for block in 0..blocks {
            writeln!(out, "{name} random {block} {:08x}", pairs(f, block, BLOCK))?;
        }
    } else {
        let (blocks, stride) = if all {
            (4096, 1)
        } else {
            (blocks, 0x9e37_79b1)
        };
        for block in 0..blocks {
            let hash = inputs(f, block, BLOCK, stride);
            writeln!(out, "{name} inputs {block} {hash:08x}")?;
        }
    }
    Ok(())
}

/// What is enough to find a mistake.
pub fn glance(f: Function, operands: usize) -> u32 {
    let hash = specials(f, operands);
    if operands == 2 {
        mix(mix(hash, pairs(f, 0, BLOCK)), grids(f))
    } else {
        mix(hash, inputs(f, 0, 1 << 18, 0x9e37_79b1))
    }
}
