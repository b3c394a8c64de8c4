//! The random numbers that the reference drew.

use std::{collections::BTreeMap, path::Path};

use diffuscope::decode::noise::{Noise, Purpose, Seeded};
use safetensors::SafeTensors;
use serde_json::Value;

use super::{caches, numbers};

/// By step and position: for Dream's origin rule, for a random order, for Gumbel noise (one number per token). By block
/// and position: for orders that were drawn beforehand.
pub struct Recorded {
    transfer: BTreeMap<(usize, usize), f64>,
    order: BTreeMap<(usize, usize), f64>,
    block_order: BTreeMap<(usize, usize), f64>,
    tokens: BTreeMap<(usize, usize), Vec<f64>>,
}

impl Recorded {
    pub fn of(root: &Path, trace: &Value) -> Self {
        let (mut transfer, mut order, mut tokens) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let number = |value: &Value| value.as_f64().expect("a number");
        let steps = trace["steps"].as_array().expect("a trace has steps");
        for (index, step) in steps.iter().enumerate() {
            if let (Some(positions), Some(uniforms)) = (step["masked_positions"].as_array(), step["uniform"].as_array())
            {
                for (position, uniform) in numbers(positions).into_iter().zip(uniforms) {
                    transfer.insert((index, position as usize), number(uniform));
                }
            }
            // JSON has no minus infinity: the score of a position outside of the block, which nothing hangs on.
            for (position, score) in step["random_scores"].as_array().into_iter().flatten().enumerate() {
                order.extend(
                    Some(score).filter(|score| !score.is_null()).map(|score| ((index, position), number(score))),
                );
            }
        }
        if let Some(file) = trace["noise_file"].as_str() {
            let bytes = std::fs::read(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let noise = SafeTensors::deserialize(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
            for index in 0..steps.len() {
                let tensor = noise.tensor(&format!("noise.step{index}")).expect("noise for every step");
                let width = tensor.shape()[1] * size_of::<f64>();
                for (position, row) in tensor.data().chunks(width).enumerate() {
                    let (values, _) = row.as_chunks();
                    tokens.insert((index, position), values.iter().map(|value| f64::from_le_bytes(*value)).collect());
                }
            }
        }
        Self { transfer, order, block_order: caches::drawn_orders(trace), tokens }
    }
}

impl Noise for Recorded {
    fn fill(&self, purpose: Purpose, step: usize, position: usize, out: &mut [f64]) {
        let at = (step, position);
        let one = match purpose {
            Purpose::Transfer => self.transfer.get(&at),
            Purpose::Order => self.order.get(&at),
            Purpose::BlockOrder => self.block_order.get(&at),
            _ => None,
        };
        match (one, self.tokens.get(&at)) {
            (Some(uniform), _) => out.fill(*uniform),
            (None, Some(uniforms)) if purpose == Purpose::Token => out.copy_from_slice(&uniforms[..out.len()]),
            _ => Seeded(0).fill(purpose, step, position, out),
        }
    }
}
