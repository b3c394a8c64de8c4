//! Qwen3 as a guide: each head of the queries and of the keys is normed before it is rotated, heads need not add up to
//! the hidden width, and there are no biases unless the configuration asks for them.

use super::{Arch, ArchSpec, Biases, BlockNames, TensorNames, decoder, qwen2};

pub(super) const ARCH: Arch = Arch {
    label: "Qwen3",
    model_type: "qwen3",
    names: TensorNames {
        block: BlockNames { head_norms: Some(("self_attn.q_norm", "self_attn.k_norm")), ..decoder::NAMES.block },
        ..decoder::NAMES
    },
    classes: &["Qwen3ForCausalLM"],
    gguf: "qwen3",
    read,
    ..qwen2::ARCH
};

/// Width of a head where the configuration is silent, as in the reference implementation.
const HEAD_DIM: usize = 128;

fn read(arch: &'static Arch, json: &[u8]) -> Result<ArchSpec, String> {
    let config = decoder::DecoderConfig::from_json(json)?;
    let biases = Biases { qkv: config.attention_bias, output: config.attention_bias, feed_forward: false };
    config.spec(arch, Some(HEAD_DIM), biases)
}
