//! Two matrices in the room of one: a triangular factor and a symmetric curvature.

use super::{belief::Belief, draws::Draws, folding::Folded};
use crate::arithmetic::sqrt;

/// A lower triangle L with the strict upper triangle of a symmetric H beside it, and H's diagonal.
///
/// Between readings a tracker keeps this instead of two full matrices. L is made triangular by rotations of its columns,
/// which leave LLᵀ as it is; whoever lives in its coordinates is rotated along.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Packed<const N: usize> {
    matrix: [[f32; N]; N],
    diagonal: [f32; N],
}

crate::checkpoint!(impl[const N: usize] for Packed<N> {
    matrix: [[f32; N]; N], diagonal: [f32; N]
} if |packed| packed.is_finite());

impl<const N: usize> Packed<N> {
    pub(super) const NOTHING: Self = Self {
        matrix: [[0.0; N]; N],
        diagonal: [0.0; N],
    };

    fn is_finite(&self) -> bool {
        let mut rows = self.matrix.iter().chain(core::iter::once(&self.diagonal));
        rows.all(|row| row.iter().all(|x| x.is_finite()))
    }

    /// L, zero above the diagonal.
    pub(super) fn factor(&self) -> [[f32; N]; N] {
        let mut factor = self.matrix;
        for (k, row) in factor.iter_mut().enumerate() {
            for x in row.iter_mut().skip(k + 1) {
                *x = 0.0;
            }
        }
        factor
    }

    /// H.
    pub(super) fn curvature(&self) -> [[f32; N]; N] {
        let mut curvature = [[0.0; N]; N];
        let sources = self.matrix.iter().zip(&self.diagonal).enumerate();
        for (k, (row, diagonal)) in sources {
            for (l, x) in row.iter().enumerate().skip(k + 1) {
                set(&mut curvature, k, l, *x);
                set(&mut curvature, l, k, *x);
            }
            set(&mut curvature, k, k, *diagonal);
        }
        curvature
    }

    /// Packs the factor of `belief` and the curvature of `folded`; turns `belief` and `draws` into the new coordinates.
    pub(super) fn pack(belief: &mut Belief<N>, draws: &mut Draws<N>, folded: &Folded<N>) -> Self {
        for pivot in 0..N {
            for other in pivot + 1..N {
                let (a, b) = belief.pair(pivot, other);
                let length = sqrt(a * a + b * b);
                if b != 0.0 && length > 0.0 && length.is_finite() {
                    let turn = [a / length, b / length];
                    belief.rotate(pivot, other, turn);
                    draws.rotate(pivot, other, turn);
                }
            }
        }
        let mut packed = Self::NOTHING;
        let sources = belief.factor().iter().zip(folded.curvature()).enumerate();
        let targets = packed.matrix.iter_mut().zip(&mut packed.diagonal);
        for ((row, diagonal), (k, (lower, upper))) in targets.zip(sources) {
            for (l, (x, (a, b))) in row.iter_mut().zip(lower.iter().zip(upper)).enumerate() {
                *x = if l <= k { *a } else { *b };
                if l == k {
                    *diagonal = *b;
                }
            }
        }
        packed
    }
}

fn set<const N: usize>(matrix: &mut [[f32; N]; N], row: usize, column: usize, value: f32) {
    if let Some(x) = matrix.get_mut(row).and_then(|row| row.get_mut(column)) {
        *x = value;
    }
}

/// Rotates elements `i` < `j` of a vector: (c vᵢ + s vⱼ, c vⱼ − s vᵢ).
#[inline]
pub(super) fn rotate<const N: usize>(vector: &mut [f32; N], i: usize, j: usize, [c, s]: [f32; 2]) {
    if let Some((left, [y, ..])) = vector.split_at_mut_checked(j) {
        if let Some(x) = left.get_mut(i) {
            (*x, *y) = (c * *x + s * *y, c * *y - s * *x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let mut belief = Belief::independent(&[1.0, 2.0, 3.0], &[2.0, 0.5, 1.0]);
        belief.observe(0.25, &[1.0, -1.0, 2.0]);
        belief.observe(3.0, &[0.5, 1.0, 0.0]);
        let covariance = belief.covariance();
        let mut draws = Draws::at([0.3, -1.0, 2.0]);
        let theta = belief.point(&[0.3, -1.0, 2.0]);
        let mut folded = Folded::NOTHING;
        folded.push(&belief, true, |t: &[f32; 3]| {
            let r = t[0] + 2.0 * t[1] - t[2];
            [r, 2.0 * r, -r]
        });
        let packed = Packed::pack(&mut belief, &mut draws, &folded);
        assert_eq!(&packed.curvature(), folded.curvature());
        assert_eq!(&packed.factor(), belief.factor());
        for (row, exact) in belief.covariance().iter().zip(&covariance) {
            for (a, b) in row.iter().zip(exact) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
        // The chain is where it was.
        for (a, b) in belief.point(draws.position()).iter().zip(&theta) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}
