//! Randomness, addressed by what it is for.
//!
//! Noise is a function of (seed, purpose, step, position, index) and of nothing else, so a draw does not depend on
//! how many other positions were looked at: a window of another size changes no draw elsewhere.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a draw is for. Different purposes never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The token at a position.
    Token,
    /// A random order of positions.
    Order,
    /// Whether Dream's origin rule transfers a position.
    Transfer,
    /// A random order of a block's positions, drawn once: addressed by the index of the block in place of the step.
    BlockOrder,
    /// Whether a guide that accepts by chance does.
    Accept,
    /// The token that such a guide writes.
    GuideToken,
}

/// A source of uniform numbers.
pub trait Noise: Send + Sync {
    /// Fills `out` with numbers in the open interval (0, 1), index by index.
    fn fill(&self, purpose: Purpose, step: usize, position: usize, out: &mut [f64]);

    /// The number at index 0.
    fn uniform(&self, purpose: Purpose, step: usize, position: usize) -> f64 {
        let mut out = [0.0];
        self.fill(purpose, step, position, &mut out);
        out[0]
    }
}

/// The noise of a seed: one ChaCha8 stream per (step, position).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeded(pub u64);

impl Noise for Seeded {
    fn fill(&self, purpose: Purpose, step: usize, position: usize, out: &mut [f64]) {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8] = purpose as u8;
        let mut stream = ChaCha8Rng::from_seed(key);
        stream.set_stream(((step as u64) << 32) | position as u64);
        for value in out {
            // 53 bits, shifted by half a step off 0 and 1, so that both logarithms of a Gumbel draw are finite.
            *value = ((stream.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        }
    }
}

/// A Gumbel variate from a uniform one, `−ln(−ln u)`.
pub(super) fn gumbel(uniform: f64) -> f64 {
    -(-uniform.ln()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_depends_on_address_alone() {
        let mut long = [0.0; 8];
        let mut short = [0.0; 3];
        Seeded(7).fill(Purpose::Token, 4, 9, &mut long);
        Seeded(7).fill(Purpose::Token, 4, 9, &mut short);
        assert_eq!(long[..3], short);
        assert!(long.iter().all(|u| *u > 0.0 && *u < 1.0));
        for other in [
            Seeded(8).uniform(Purpose::Token, 4, 9),
            Seeded(7).uniform(Purpose::Order, 4, 9),
            Seeded(7).uniform(Purpose::Token, 5, 9),
            Seeded(7).uniform(Purpose::Token, 4, 10),
        ] {
            assert_ne!(other, long[0]);
        }
    }

    #[test]
    fn noise_is_uniform() {
        let mut values = vec![0.0; 20_000];
        Seeded(1).fill(Purpose::Token, 0, 0, &mut values);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean - 0.5).abs() < 0.01, "mean {mean}");
    }
}
