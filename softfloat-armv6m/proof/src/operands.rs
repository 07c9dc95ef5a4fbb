//! Operands, the same on the host and on the core, and a hash of results.

/// Results of a block.
pub const BLOCK: u32 = 1 << 20;

const MAGNITUDES: [u32; 40] = [
    0, 1, 2, 3, 0x0040_0000, 0x007f_fffe, 0x007f_ffff, 0x0080_0000, 0x0080_0001, 0x00ff_ffff,
    0x0100_0000, 0x0c00_0000, 0x1fff_ffff, 0x2000_0000, 0x3380_0000, 0x3400_0000, 0x3f00_0000,
    0x3f7f_ffff, 0x3f80_0000, 0x3f80_0001, 0x3fb5_04f3, 0x4000_0000, 0x4b7f_ffff, 0x4b80_0000,
    0x4c00_0000, 0x4eff_ffff, 0x4f00_0000, 0x4f7f_ffff, 0x4f80_0000, 0x5f80_0000, 0x7e7f_ffff,
    0x7e80_0000, 0x7eff_ffff, 0x7f00_0000, 0x7f7f_fffe, 0x7f7f_ffff, 0x7f80_0000, 0x7f80_0001,
    0x7fc0_0000, 0x7fff_ffff,
];

/// How many [`special`] ones there are.
pub const SPECIAL: u32 = 2 * MAGNITUDES.len() as u32;

/// Zeros, subnormal ones, borders, infinities and NaNs, of either sign.
#[inline(always)]
pub fn special(k: u32) -> u32 {
    MAGNITUDES[(k >> 1) as usize % MAGNITUDES.len()] | k << 31
}

/// Fractions of pairs of all exponents.
const FRACTIONS: [u32; 4] = [0, 1, 0x40_0000, 0x7f_ffff];

/// The `i`-th of 2^20 pairs of all exponents, with four fractions each and any signs.
#[inline(always)]
pub fn grid(i: u32, random: u32) -> (u32, u32) {
    let fraction = |k: u32| FRACTIONS[(k & 3) as usize];
    (
        (i & 255) << 23 | fraction(i >> 16) | (random & 1) << 31,
        (i >> 8 & 255) << 23 | fraction(i >> 18) | (random & 2) << 30,
    )
}

/// Marsaglia's xorshift of 128 bits.
pub struct Random([u32; 4]);

impl Random {
    /// Begins block number `block`.
    pub fn new(block: u32) -> Self {
        let mut random = Self([1, 2, 3, block.wrapping_mul(0x9e37_79b9) | 4]);
        for _ in 0..16 {
            random.next();
        }
        random
    }

    #[inline(always)]
    pub fn next(&mut self) -> u32 {
        let [s, a, b, mut t] = self.0;
        t ^= t << 11;
        t ^= t >> 8;
        self.0 = [t ^ s ^ (s >> 19), s, a, b];
        self.0[0]
    }

    /// The `i`-th pair, in eighths: random bits; exponents within 32; quotients next to the middle of two floats;
    /// special and random; special and special; near cancellation; few bits, for ties.
    #[inline(always)]
    pub fn pair(&mut self, i: u32) -> (u32, u32) {
        let (a, b, r) = (self.next(), self.next(), self.next());
        // An exponent within 32 of the other's.
        let near = |a: u32, b: u32| {
            (b & 0x807f_ffff) | ((a >> 23).wrapping_add(r & 63).wrapping_sub(32) & 255) << 23
        };
        match i & 7 {
            0 => (a, b),
            1 => (a, near(a, b)),
            2 => {
                // a = (n + 1/2) b, rounded down or up.
                let n = u64::from(a & 0x7f_ffff | 0x80_0000) * 2 + 1;
                let product = n * u64::from(b & 0x7f_ffff | 0x80_0000);
                let fraction = (product >> (24 + (product >> 48 & 1))) as u32 + (r & 1);
                (a & 0xff80_0000 | fraction & 0x7f_ffff, near(a, b))
            }
            3 => (special(r % SPECIAL), b),
            4 => (a, special(r % SPECIAL)),
            5 => (
                special((r & 0xffff) % SPECIAL),
                special((r >> 16) % SPECIAL),
            ),
            6 => (
                a,
                (a ^ 0x8000_0000).wrapping_add(r & 0xff).wrapping_sub(128),
            ),
            _ => {
                let (a, b) = (a & !0 << (r >> 8 & 15), b & !0 << (r >> 16 & 15));
                (a, near(a, b))
            }
        }
    }
}

#[inline(always)]
pub fn mix(hash: u32, bits: u32) -> u32 {
    (hash ^ bits).wrapping_mul(0x0100_0193).rotate_left(5)
}
