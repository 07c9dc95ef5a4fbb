//! Batch means whose batches grow with the run, in fixed memory.

/// Batches of the longer level after which it becomes the shorter: the estimate then rests on 32 to 96
/// batches, which are the latest half to three quarters of the run.
const GROWN: u16 = 32;

/// N series at once: mean, standard error of the mean and drift.
///
/// Two levels of batches run side by side, of lengths b and 2b. When the longer level has 32 batches it
/// takes the place of the shorter one, and batches of 4b begin. So the batches grow with the run, as
/// consistency asks for (Glynn & Whitt 1991), and its beginning is forgotten.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Batches<const N: usize> {
    /// Sum of the batch under way.
    #[cfg_attr(feature = "serde", serde(with = "crate::arrays"))]
    sum: [f32; N],
    /// Mean of the last batch, when it waits for its partner of the longer level.
    #[cfg_attr(feature = "serde", serde(with = "crate::arrays"))]
    partner: [f32; N],
    /// Sums of batch means and of their squares, of either level.
    #[cfg_attr(feature = "serde", serde(with = "crate::arrays"))]
    short: [f32; N],
    #[cfg_attr(feature = "serde", serde(with = "crate::arrays"))]
    short_squares: [f32; N],
    #[cfg_attr(feature = "serde", serde(with = "crate::arrays"))]
    long: [f32; N],
    #[cfg_attr(feature = "serde", serde(with = "crate::arrays"))]
    long_squares: [f32; N],
    /// Mean of the batches that the shorter level took over.
    #[cfg_attr(feature = "serde", serde(with = "crate::arrays"))]
    earlier: [f32; N],
    length: u32,
    in_batch: u32,
    shorts: u16,
    longs: u16,
}

impl<const N: usize> Batches<N> {
    pub const fn new() -> Self {
        Self {
            sum: [0.0; N],
            partner: [0.0; N],
            short: [0.0; N],
            short_squares: [0.0; N],
            long: [0.0; N],
            long_squares: [0.0; N],
            earlier: [0.0; N],
            length: 1,
            in_batch: 0,
            shorts: 0,
            longs: 0,
        }
    }

    pub fn push(&mut self, x: &[f32; N]) {
        for (sum, x) in self.sum.iter_mut().zip(x) {
            *sum += x;
        }
        self.in_batch += 1;
        if self.in_batch >= self.length {
            self.close();
        }
    }

    #[inline(never)]
    fn close(&mut self) {
        let scale = 1.0 / self.length as f32;
        let paired = self.shorts & 1 == 1;
        for (((sum, partner), (m1, s1)), (m2, s2)) in self
            .sum
            .iter_mut()
            .zip(&mut self.partner)
            .zip(self.short.iter_mut().zip(&mut self.short_squares))
            .zip(self.long.iter_mut().zip(&mut self.long_squares))
        {
            let mean = *sum * scale;
            *sum = 0.0;
            *m1 += mean;
            *s1 += mean * mean;
            if paired {
                let mean = 0.5 * (mean + *partner);
                *m2 += mean;
                *s2 += mean * mean;
            }
            *partner = mean;
        }
        self.in_batch = 0;
        self.shorts += 1;
        if paired {
            self.longs += 1;
        }
        if self.longs >= GROWN {
            self.short = self.long;
            self.short_squares = self.long_squares;
            self.earlier = self.long;
            for e in &mut self.earlier {
                *e /= f32::from(GROWN);
            }
            self.shorts = self.longs;
            self.long = [0.0; N];
            self.long_squares = [0.0; N];
            self.longs = 0;
            self.length = self.length.saturating_mul(2);
        }
    }

    /// Whether there are batches enough for a standard error.
    pub const fn ready(&self) -> bool {
        self.shorts >= GROWN
    }

    /// How many draws the estimates rest on.
    pub fn covered(&self) -> f32 {
        f32::from(self.shorts) * self.length as f32
    }

    /// Mean of each series, squared standard error of that mean, and squared difference between the
    /// newer batches and the older ones.
    pub fn each(&self) -> impl Iterator<Item = Summary> {
        let count = f32::from(self.shorts);
        let newer = count - f32::from(GROWN);
        self.short
            .iter()
            .zip(&self.short_squares)
            .zip(&self.earlier)
            .map(move |((sum, squares), earlier)| {
                let mean = sum / count;
                let variance = (squares - sum * mean).max(0.0) / (count - 1.0);
                let drift = if self.length > 1 && newer > 0.0 {
                    (sum - f32::from(GROWN) * earlier) / newer - earlier
                } else {
                    0.0
                };
                Summary {
                    mean,
                    squared_error: variance / count,
                    drift,
                }
            })
    }
}

/// What is known about one series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub mean: f32,
    /// Of the mean, squared.
    pub squared_error: f32,
    /// Mean of the newer batches minus that of the older ones.
    pub drift: f32,
}
