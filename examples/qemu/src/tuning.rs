//! Warm-up, chain and monitor: the bits of all they come to.

use core::fmt::{Result, Write};

use langevin::{BoxMuller, Pcg32, Sampler, SeedableRng};

use langevin_apps::hash::Hash;

/// No product, not quadratic, and far from round: U = 50(x − 3)² + 8(y − x²/2)² + z⁴/4 + z²/2 + z.
fn bent(&[x, y, z]: &[f32; 3]) -> [f32; 3] {
    let off = 16.0 * (y - 0.5 * x * x);
    [100.0 * (x - 3.0) - off * x, off, z * z * z + z + 1.0]
}

/// Makes `steps` steps, warm-up included (which takes about 10 600).
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
    if let Some(monitor) = sampler.monitor() {
        let tuning = monitor.tuning();
        let mut result = Hash::new();
        for x in tuning
            .centre()
            .iter()
            .chain(tuning.metric().rows().as_flattened())
        {
            result.write(x.to_bits());
        }
        writeln!(out, "tuning/result {:016x}", result.value())?;
        writeln!(out, "tuning/step-size {:08x}", tuning.step_size().to_bits())?;
        writeln!(
            out,
            "tuning/curvature {:08x}",
            monitor.curvature().to_bits()
        )?;
        let mut bias = Hash::new();
        for (b, error) in monitor.bias() {
            bias.write(b.to_bits());
            bias.write(error.to_bits());
        }
        writeln!(out, "tuning/bias {:016x}", bias.value())?;
        let ess = monitor.diagnostics().min_ess();
        writeln!(out, "tuning/ess {:08x}", ess.to_bits())?;
    }
    // The last word of a line is its value.
    writeln!(out, "tuning/verdict {:?}", sampler.verdict())
}
