//! The Qwen3 body in its two uses: A2D denoiser (bidirectional) and causal language model.
//!
//! Each head of the queries and of the keys is normed before it is rotated, heads need not add up to the hidden width,
//! and there are no biases unless the configuration asks for them. Row `i` of a denoiser predicts token `i`.

use crate::model::config::QwenConfig;
use crate::model::qwen2::{self, family};
use crate::model::transformer::{Assembly, Biases, BlockNames, TensorNames};

const NAMES: TensorNames = TensorNames {
    block: BlockNames { head_norms: Some(("self_attn.q_norm", "self_attn.k_norm")), ..qwen2::NAMES.block },
    ..qwen2::NAMES
};

/// What the body of a validated configuration is made of; `mask_id` is the mask token that was settled on.
pub(super) fn assembly(config: &QwenConfig, mask_id: Option<u32>) -> Result<Assembly, String> {
    let biases = Biases { qkv: config.attention_bias, output: config.attention_bias, inner: false };
    family(config, mask_id, &NAMES, biases)
}
