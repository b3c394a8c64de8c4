//! The Qwen2 body in its three uses: Dream denoiser, A2D denoiser (bidirectional), causal language model (Qwen2,
//! Qwen2.5).
//!
//! Queries, keys and values have biases; the head may be the transposed embedding. Tensor names are those of the
//! published checkpoints. Dream's row `i` predicts token `i + 1`, as that of the language model it was made from; A2D
//! was trained to predict token `i` from row `i`.

use crate::model::config::QwenConfig;
use crate::model::network::NetworkSpec;
use crate::model::transformer::{Assembly, Biases, BlockNames, TensorNames};

pub(super) const NAMES: TensorNames = TensorNames {
    embedding: "model.embed_tokens",
    head: "lm_head",
    norm: "model.norm",
    blocks: "model.layers",
    block: BlockNames {
        input_norm: "input_layernorm",
        query: "self_attn.q_proj",
        key: "self_attn.k_proj",
        value: "self_attn.v_proj",
        head_norms: None,
        output: "self_attn.o_proj",
        post_norm: "post_attention_layernorm",
        gate: "mlp.gate_proj",
        up: "mlp.up_proj",
        down: "mlp.down_proj",
    },
};

/// What the body of a validated configuration is made of; `mask_id` is the mask token that was settled on.
pub(super) fn assembly(config: &QwenConfig, mask_id: Option<u32>) -> Result<Assembly, String> {
    let biases = Biases { qkv: true, output: false, inner: false };
    family(config, mask_id, &NAMES, biases)
}

/// What both generations of the family have in common.
pub(super) fn family(
    config: &QwenConfig,
    mask_id: Option<u32>,
    names: &'static TensorNames,
    biases: Biases,
) -> Result<Assembly, String> {
    let (usage, dims) = (config.usage()?, config.dims()?);
    Ok(Assembly {
        spec: NetworkSpec {
            architecture: usage.architecture.into(),
            vocab_size: dims.vocab,
            mask_id,
            eos_id: config.eos_token_id.first().unwrap_or_default(),
            max_positions: dims.max_positions,
            layers: dims.layers,
            parameters: 0,
            attention: usage.attention,
            alignment: usage.alignment,
        },
        dims,
        names,
        tied: config.tie_word_embeddings,
        biases,
        embedding_scale: None,
        logit_scale: None,
    })
}
