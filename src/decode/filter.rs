//! The filter network of Learn2PD (arXiv 2509.25188, §4): from the confidences of a block to what is final in it.
//!
//! Two layers of `block × block` weights with a ReLU between them, one confidence per position in, one logit per position
//! out: 2,112 parameters for a block of 32. It sees no token, so it belongs to the network that it was trained on only by
//! how confident that network tends to be. The released file holds no activation; ReLU is ours.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Block length that filters are trained for.
pub const BLOCK: usize = 32;

/// Why a filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// The text is no filter.
    #[error("the filter is malformed: {0}")]
    Malformed(String),
    /// A matrix or vector of another size.
    #[error("{what} of the filter has {found} numbers, and {expected} are needed for blocks of {BLOCK}")]
    Size {
        /// Which one.
        what: String,
        /// Its length.
        found: usize,
        /// What it should be.
        expected: usize,
    },
    /// A weight that is no number.
    #[error("{0} of the filter holds a number that is not finite")]
    NotFinite(String),
}

/// One layer: `weight` is row-major `(out, in)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterLayer {
    /// Row-major `(block, block)`: row = output, column = input.
    pub weight: Vec<f32>,
    /// `(block)`.
    pub bias: Vec<f32>,
}

/// A trained filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// What it was trained on and how, for people.
    pub about: String,
    /// Input to hidden, hidden to output.
    pub layers: [FilterLayer; 2],
}

impl Filter {
    /// Reads a filter from JSON.
    ///
    /// # Errors
    /// When the text is no filter, or one for blocks of another length.
    pub fn parse(json: &str) -> Result<Self, FilterError> {
        let filter: Self = serde_json::from_str(json).map_err(|error| FilterError::Malformed(error.to_string()))?;
        for (index, layer) in filter.layers.iter().enumerate() {
            for (name, values, expected) in [("weight", &layer.weight, BLOCK * BLOCK), ("bias", &layer.bias, BLOCK)] {
                let what = format!("layers[{index}].{name}");
                if values.len() != expected {
                    return Err(FilterError::Size { what, found: values.len(), expected });
                }
                if values.iter().any(|value| !value.is_finite()) {
                    return Err(FilterError::NotFinite(what));
                }
            }
        }
        Ok(filter)
    }

    /// The logits of "this proposal is final" for the positions of a block.
    pub fn logits(&self, confidences: &[f32; BLOCK]) -> [f32; BLOCK] {
        let hidden = self.layers[0].apply(confidences).map(|value| value.max(0.0));
        self.layers[1].apply(&hidden)
    }

    /// The same as probabilities.
    pub fn probabilities(&self, confidences: &[f32; BLOCK]) -> [f32; BLOCK] {
        self.logits(confidences).map(|logit| 1.0 / (1.0 + (-logit).exp()))
    }
}

impl FilterLayer {
    fn apply(&self, input: &[f32; BLOCK]) -> [f32; BLOCK] {
        std::array::from_fn(|row| {
            let weights = &self.weight[row * BLOCK..(row + 1) * BLOCK];
            self.bias[row] + weights.iter().zip(input).map(|(weight, value)| weight * value).sum::<f32>()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Layers that pass `scale · input + bias` on.
    fn diagonal(scale: f32, bias: f32) -> FilterLayer {
        let mut weight = vec![0.0; BLOCK * BLOCK];
        (0..BLOCK).for_each(|i| weight[i * BLOCK + i] = scale);
        FilterLayer { weight, bias: vec![bias; BLOCK] }
    }

    #[test]
    fn two_layers_with_a_relu_between_them() {
        let filter = Filter { about: String::new(), layers: [diagonal(2.0, -1.0), diagonal(10.0, -3.0)] };
        let mut confidences = [0.0; BLOCK];
        (confidences[3], confidences[4]) = (1.0, 0.6);
        let logits = filter.logits(&confidences);
        assert_eq!((logits[0], logits[3]), (-3.0, 7.0));
        assert!((logits[4] - -1.0).abs() < 1e-5);
        let probability = filter.probabilities(&confidences)[3];
        assert!((probability - 1.0 / (1.0 + (-7f32).exp())).abs() < 1e-6);
    }

    #[test]
    fn it_has_the_published_number_of_parameters() {
        let filter = Filter { about: String::new(), layers: [diagonal(1.0, 0.0), diagonal(1.0, 0.0)] };
        let parameters: usize = filter.layers.iter().map(|layer| layer.weight.len() + layer.bias.len()).sum();
        assert_eq!(parameters, 2_112);
        let json = serde_json::to_string(&filter).expect("a filter can be written");
        assert_eq!(Filter::parse(&json), Ok(filter));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        assert!(matches!(Filter::parse("{}"), Err(FilterError::Malformed(_))));
        let mut filter = Filter { about: String::new(), layers: [diagonal(1.0, 0.0), diagonal(1.0, 0.0)] };
        filter.layers[1].bias.pop();
        let json = serde_json::to_string(&filter).expect("a filter can be written");
        let message = Filter::parse(&json).expect_err("refused").to_string();
        assert_eq!(message, "layers[1].bias of the filter has 31 numbers, and 32 are needed for blocks of 32");
    }
}
