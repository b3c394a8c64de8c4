//! Weights in safetensors, under a configuration that is sound.

use diffuscope::model::{checkpoint::Checkpoint, device::ComputeDevice, weights::Weights};

use super::{Target, chain, tiny};
use crate::mutate::{Format, Language};

/// Of the smallest file of the corpus.
const CONFIG: &[u8] = include_bytes!("../corpus/model-config/dream.json");

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "__metadata__", "dtype", "shape", "data_offsets", "F32", "F16", "BF16", "F64", "I8", "U8", "BOOL", "F8_E4M3",
    "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight", "model.layers.0.self_attn.q_proj.weight",
    "model.layers.0.mlp.down_proj.weight", "model.layers.0.self_attn.rotary_emb.inv_freq",
];

pub const SAFETENSORS: Target = Target {
    name: "safetensors",
    format: Format::Safetensors,
    language: Language { words: WORDS, phrase: None },
    longest: 32 << 10,
    open: |_| Box::new(read),
};

fn read(input: &[u8]) -> String {
    match Weights::from_bytes("fuzz", input.to_vec()) {
        Ok(weights) => {
            let device = ComputeDevice::cpu();
            assert!(weights.stored_bytes() <= input.len() as u64);
            let kept = weights.kept_bytes(Some("model.embed_tokens.weight"), &device);
            assert!(kept <= 2 * input.len() as u64, "{kept} bytes of {}", weights.elements(None));
        }
        Err(error) => return chain(&error),
    }
    match Checkpoint::from_bytes("fuzz", CONFIG, input.to_vec()) {
        Ok(checkpoint) => tiny::put_to_work(&checkpoint),
        Err(error) => chain(&error),
    }
}
