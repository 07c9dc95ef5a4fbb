//! Warm-up, chain and answer: the bits of all they come to.

use core::fmt::{Result, Write};

use langevin::{BoxMuller, Pcg32, Sampler, SeedableRng};

use langevin_apps::hash::Hash;

/// No product, not quadratic, and far from round: U = 50(x − 3)² + 8(y − x²/2)² + z⁴/4 + z²/2 + z.
fn bent(&[x, y, z]: &[f32; 3]) -> [f32; 3] {
    let off = 16.0 * (y - 0.5 * x * x);
    [100.0 * (x - 3.0) - off * x, off, z * z * z + z + 1.0]
}

/// Makes `steps` steps, warm-up included.
///
/// # Errors
/// When `out` fails.
pub fn tune(steps: u32, out: &mut impl Write) -> Result {
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    let mut sampler = Sampler::new([0.0; 3], noise);
    let mut path = Hash::new();
    for _ in 0..steps {
        if sampler.step(&mut bent).is_err() {
            path.write(u32::MAX);
        }
        for t in sampler.position() {
            path.write(t.to_bits());
        }
    }
    writeln!(out, "tuning/path {:016x}", path.value())?;
    if let Some(tuning) = sampler.tuning() {
        let mut result = Hash::new();
        let elements = tuning.metric().rows().as_flattened();
        for x in tuning.centre().iter().chain(elements) {
            result.write(x.to_bits());
        }
        writeln!(out, "tuning/result {:016x}", result.value())?;
        writeln!(out, "tuning/step-size {:08x}", tuning.step_size().to_bits())?;
    }
    let mut answer = Hash::new();
    let errors = sampler.error();
    let numbers = [sampler.mean(), sampler.sd(), errors.mean, errors.sd];
    for x in numbers.as_flattened() {
        answer.write(x.to_bits());
    }
    for x in sampler.covariance().as_flattened() {
        answer.write(x.to_bits());
    }
    writeln!(out, "tuning/answer {:016x}", answer.value())?;
    // The last word of a line is its value.
    writeln!(out, "tuning/verdict {:?}", sampler.verdict())
}
