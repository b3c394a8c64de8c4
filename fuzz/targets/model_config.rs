//! `config.json`, with the tensors that it asks for.

use std::collections::HashMap;

use diffuscope::model::checkpoint::Checkpoint;

use super::{
    Target, chain,
    tiny::{self, Shape},
};
use crate::mutate::{Format, Language};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "model_type", "llada", "Dream", "qwen2", "qwen3", "a2d-qwen2", "a2d-qwen3", "architectures", "hidden_size",
    "d_model", "n_heads", "n_kv_heads", "n_layers", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "head_dim", "vocab_size", "embedding_size", "max_position_embeddings",
    "max_sequence_length", "rope_theta", "rope_scaling", "rms_norm_eps", "mask_token_id", "eos_token_id",
    "tie_word_embeddings", "weight_tying", "hidden_act", "silu", "yarn", "use_sliding_window", "sliding_window",
    "attention_bias", "block_type", "mlp_ratio", "include_bias", "quantization_config", "num_experts",
];

pub const MODEL_CONFIG: Target = Target {
    name: "model-config",
    format: Format::Json,
    language: Language { words: WORDS, phrase: None },
    longest: 8 << 10,
    open: |_| {
        // Making numbers takes longer than reading them, and most inputs ask for the same tensors.
        let mut made: HashMap<Vec<Shape>, Vec<u8>> = HashMap::new();
        Box::new(move |input| {
            let shapes =
                serde_json::from_slice(input).ok().and_then(|config| tiny::shapes(&config)).unwrap_or_default();
            if made.len() > 100 {
                made.clear();
            }
            let weights = made.entry(shapes).or_insert_with_key(|shapes| tiny::weights(shapes)).clone();
            match Checkpoint::from_bytes("fuzz", input.to_vec(), weights) {
                Ok(checkpoint) => tiny::put_to_work(&checkpoint),
                Err(error) => chain(&error),
            }
        })
    },
};
