//! Statistics in f64, for comparing simulations with laws.

use langevin::noise::Noise;

/// An estimate and its standard error.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    pub value: f64,
    pub se: f64,
}

impl Estimate {
    /// How many standard errors lie between the estimate and the law.
    pub fn z(&self, law: f64) -> f64 {
        (self.value - law) / self.se
    }

    /// Within 4 standard errors of the law (two-sided alpha 6.3e-5; 8.4e-5 with the t law of 255
    /// degrees of freedom).
    pub fn agrees(&self, law: f64) -> bool {
        self.z(law).abs() <= 4.0
    }
}

/// Batch means: the standard error of the mean of correlated values, from the scatter of the means of
/// batches that are each far longer than the correlation.
#[derive(Clone, Debug, Default)]
pub struct Batches {
    means: Vec<f64>,
}

impl Batches {
    /// A standard error from so many batches is itself known to 4 %.
    pub const COUNT: usize = 256;

    pub fn push(&mut self, mean_of_batch: f64) {
        self.means.push(mean_of_batch);
    }

    pub fn estimate(&self) -> Estimate {
        let n = self.means.len() as f64;
        let value = self.means.iter().sum::<f64>() / n;
        let squares: f64 = self.means.iter().map(|m| (m - value).powi(2)).sum();
        Estimate {
            value,
            se: (squares / (n - 1.0) / n).sqrt(),
        }
    }
}

/// Φ(z).
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// A statistic of draws beside its value under N(0, 1).
#[derive(Clone, Copy, Debug)]
pub struct Check {
    pub name: &'static str,
    pub value: f64,
    pub law: f64,
    /// Standard error under the law.
    pub se: f64,
}

impl Check {
    pub fn z(&self) -> f64 {
        (self.value - self.law) / self.se
    }
}

/// Those that are more than 4 standard errors off (two-sided alpha 6.3e-5 each). Empty if all is well.
pub fn failures(checks: impl IntoIterator<Item = Check>) -> Vec<(Check, f64)> {
    checks
        .into_iter()
        .map(|c| (c, c.z()))
        .filter(|(_, z)| z.is_nan() || z.abs() > 4.0)
        .collect()
}

/// Histogram cells in one unit of z, and from which to which z it goes.
const CELLS: usize = 1024;
const REACH: usize = 8;

/// What is kept of many draws of a noise.
pub struct Draws {
    pairs: f64,
    // Sums of z^1 to z^6.
    powers: [f64; 6],
    // How many draws lie beyond 3, 4 and 5.
    beyond: [u64; 3],
    histogram: Vec<u64>,
    // Sums of the products of a pair's values and of their squares less 1; the same for the second of
    // a pair and the first of the next.
    within: [f64; 2],
    across: [f64; 2],
    /// The largest |z|.
    pub largest: f32,
}

impl Draws {
    /// Draws `pairs` pairs.
    pub fn take(noise: &mut impl Noise, pairs: usize) -> Self {
        let mut draws = Self {
            pairs: pairs as f64,
            powers: [0.0; 6],
            beyond: [0; 3],
            histogram: vec![0; 2 * REACH * CELLS],
            within: [0.0; 2],
            across: [0.0; 2],
            largest: 0.0,
        };
        let mut last = 0.0;
        for _ in 0..pairs {
            let mut pair = [0.0_f32; 2];
            noise.fill(&mut pair).expect("the generator does not fail");
            for z in pair {
                draws.largest = draws.largest.max(z.abs());
                for (count, bound) in draws.beyond.iter_mut().zip([3.0, 4.0, 5.0]) {
                    *count += u64::from(z.abs() > bound);
                }
                let cell = ((f64::from(z) + REACH as f64) * CELLS as f64) as usize;
                draws.histogram[cell] += 1;
                let mut power = 1.0;
                for sum in &mut draws.powers {
                    power *= f64::from(z);
                    *sum += power;
                }
            }
            let [a, b] = pair.map(f64::from);
            draws.within[0] += a * b;
            draws.within[1] += (a * a - 1.0) * (b * b - 1.0);
            draws.across[0] += last * a;
            draws.across[1] += (last * last - 1.0) * (a * a - 1.0);
            last = b;
        }
        draws
    }

    fn count(&self) -> f64 {
        2.0 * self.pairs
    }

    /// The first `ORDERS` moments (6 at most), each with the standard error that it has under N(0, 1).
    pub fn moments<const ORDERS: usize>(&self) -> [Check; ORDERS] {
        const NAMES: [&str; 6] = ["mean", "E z²", "E z³", "E z⁴", "E z⁵", "E z⁶"];
        const LAW: [f64; 6] = [0.0, 1.0, 0.0, 3.0, 0.0, 15.0];
        // Var zᵏ = E z²ᵏ − (E zᵏ)².
        const VARIANCE: [f64; 6] = [1.0, 2.0, 15.0, 96.0, 945.0, 10_170.0];
        std::array::from_fn(|i| Check {
            name: NAMES[i],
            value: self.powers[i] / self.count(),
            law: LAW[i],
            se: (VARIANCE[i] / self.count()).sqrt(),
        })
    }

    /// How many draws lie beyond 3, 4 and 5 on either side.
    pub fn tails(&self) -> [Check; 3] {
        const NAMES: [&str; 3] = ["|z| > 3", "|z| > 4", "|z| > 5"];
        std::array::from_fn(|i| {
            let p = 2.0 * normal_cdf(-(3.0 + i as f64));
            Check {
                name: NAMES[i],
                value: self.beyond[i] as f64,
                law: self.count() * p,
                se: (self.count() * p * (1.0 - p)).sqrt(),
            }
        })
    }

    /// Correlations of a pair's values and of their squares, and the same for neighbours of
    /// successive pairs.
    pub fn correlations(&self) -> [Check; 4] {
        let [values, squares] = self.within;
        let [next_values, next_squares] = self.across;
        [
            ("pair", values, 1.0_f64),
            ("squares of a pair", squares, 4.0),
            ("next", next_values, 1.0),
            ("squares of next", next_squares, 4.0),
        ]
        .map(|(name, sum, variance)| Check {
            name,
            value: sum / self.pairs,
            law: 0.0,
            se: (variance / self.pairs).sqrt(),
        })
    }

    /// Kolmogorov and Smirnov's sup |Fₙ − Φ|, at the edges of cells 1/1024 wide.
    pub fn kolmogorov_smirnov(&self) -> f64 {
        let mut below = 0;
        let mut sup = 0.0_f64;
        for (i, count) in self.histogram.iter().enumerate() {
            below += count;
            let edge = (i + 1) as f64 / CELLS as f64 - REACH as f64;
            sup = sup.max((below as f64 / self.count() - normal_cdf(edge)).abs());
        }
        sup
    }

    /// What that exceeds with probability `alpha` at most, if the draws are independent normals
    /// (Massart's constant in the Dvoretzky–Kiefer–Wolfowitz inequality).
    pub fn kolmogorov_smirnov_bound(&self, alpha: f64) -> f64 {
        ((2.0 / alpha).ln() / (2.0 * self.count())).sqrt()
    }
}
