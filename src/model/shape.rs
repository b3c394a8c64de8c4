//! What a transformer's arithmetic and memory follow from: how much a pass computes, and what its rows and weights take.
//!
//! Operations are counted as is usual: two for each weight that a row is multiplied with, a product and a sum, and four
//! for each number of a query that meets a K/V row (Kaplan et al., arXiv 2001.08361, table 1; Chowdhery et al., arXiv
//! 2204.02311, appendix B, of which a pass without gradients is a third). Norms, rotations and biases are left out: they are
//! well below a hundredth.

use serde::{Deserialize, Serialize};

/// The sizes of a transformer with gated feed-forward parts, as all of ours have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkShape {
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Width of a row of logits.
    pub vocab: usize,
    /// Bytes of a number in a K/V row.
    pub kv_number: usize,
    /// Bytes that the weights take in memory.
    pub weight_bytes: u64,
}

impl NetworkShape {
    /// Floating-point operations for a row that goes through one layer, but for attention: two, a product and a sum, for
    /// each weight of its linear maps.
    pub fn row_flops(&self) -> f64 {
        // Numbers of a file can have any product.
        let [hidden, inner, heads, kv_heads, width] =
            [self.hidden, self.intermediate, self.heads, self.kv_heads, self.head_dim].map(|size| size as f64);
        2.0 * hidden * (2.0 * heads * width + 2.0 * kv_heads * width + 3.0 * inner)
    }

    /// Floating-point operations of one layer for a row that attends to one K/V row: a product and a sum for each number of
    /// a query with its key, and again for the value.
    pub fn pair_flops(&self) -> f64 {
        4.0 * self.heads as f64 * self.head_dim as f64
    }

    /// Floating-point operations for a row of logits.
    pub fn logits_flops(&self) -> f64 {
        2.0 * self.hidden as f64 * self.vocab as f64
    }

    /// Bytes of the keys and values of a position in one layer.
    pub fn kv_bytes(&self) -> f64 {
        2.0 * self.kv_heads as f64 * self.head_dim as f64 * self.kv_number as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_bytes_are_those_of_the_matrices() {
        // Dream-7B, in bfloat16: 3584 wide, 28 query and 4 key heads of 128.
        let dream = NetworkShape {
            hidden: 3584,
            intermediate: 18_944,
            heads: 28,
            kv_heads: 4,
            head_dim: 128,
            vocab: 152_064,
            kv_number: 2,
            weight_bytes: 15_231_233_024,
        };
        let weights = 3584 * 3584 * 2 + 3584 * 512 * 2 + 3 * 3584 * 18_944;
        assert_eq!(dream.row_flops(), 2.0 * f64::from(weights));
        assert_eq!(dream.pair_flops(), 4.0 * 3584.0);
        assert_eq!(dream.logits_flops(), 2.0 * 3584.0 * 152_064.0);
        // 28 layers: the 56 KiB per position that its paper's successors count.
        assert_eq!(28.0 * dream.kv_bytes(), 56.0 * 1024.0);
    }
}
