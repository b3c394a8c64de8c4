//! What llama.cpp calls the tensors of the published checkpoints: the same for every architecture.

use crate::model::arch::TensorNames;

/// The name in a GGUF file of the tensor that a checkpoint with these names has under `name`; `None` for names that it does
/// not have.
pub(super) fn stored(names: &TensorNames, name: &str) -> Option<String> {
    let (base, kind) = name.rsplit_once('.').filter(|(_, kind)| matches!(*kind, "weight" | "bias"))?;
    let layer = base.strip_prefix(names.blocks).and_then(|rest| rest.strip_prefix('.')?.split_once('.'));
    let Some((number, part)) = layer else {
        let ends = [(names.embedding, "token_embd"), (names.norm, "output_norm"), (names.head, "output")];
        let factors = names.rope_factors.map(|name| (name, "rope_freqs"));
        return Some(format!("{}.{kind}", look_up(ends.into_iter().chain(factors), base)?));
    };
    let number: usize = number.parse().ok()?;
    let block = &names.block;
    let parts = [
        (block.input_norm, "attn_norm"),
        (block.query, "attn_q"),
        (block.key, "attn_k"),
        (block.value, "attn_v"),
        (block.output, "attn_output"),
        (block.post_norm, "ffn_norm"),
        (block.gate, "ffn_gate"),
        (block.up, "ffn_up"),
        (block.down, "ffn_down"),
    ];
    let head_norms = block.head_norms.map(|(query, key)| [(query, "attn_q_norm"), (key, "attn_k_norm")]);
    let stored = look_up(parts.into_iter().chain(head_norms.into_iter().flatten()), part)?;
    Some(format!("blk.{number}.{stored}.{kind}"))
}

/// Whether a tensor of the file maps to what the rotary embedding turns: queries or keys.
pub(super) fn is_rotated(stored: &str) -> bool {
    [".attn_q.", ".attn_k."].iter().any(|part| stored.contains(part))
}

fn look_up<'a>(names: impl IntoIterator<Item = (&'a str, &'static str)>, name: &str) -> Option<&'static str> {
    names.into_iter().find(|(published, _)| *published == name).map(|(_, stored)| stored)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::arch::{ARCHS, Arch};

    fn arch(model_type: &str) -> &'static Arch {
        ARCHS.iter().find(|arch| arch.model_type == model_type).unwrap()
    }

    #[test]
    fn names_are_llama_cpps() {
        let cases = [
            ("qwen2", "model.embed_tokens.weight", "token_embd.weight"),
            ("Dream", "lm_head.weight", "output.weight"),
            ("qwen2", "model.layers.27.self_attn.q_proj.bias", "blk.27.attn_q.bias"),
            ("qwen3", "model.layers.3.self_attn.k_norm.weight", "blk.3.attn_k_norm.weight"),
            ("llada", "model.transformer.ff_out.weight", "output.weight"),
            ("llada", "model.transformer.blocks.0.ff_out.weight", "blk.0.ffn_down.weight"),
            ("llada", "model.transformer.blocks.0.k_proj.weight", "blk.0.attn_k.weight"),
            ("llada", "model.transformer.blocks.0.v_proj.weight", "blk.0.attn_v.weight"),
        ];
        for (model_type, published, expected) in cases {
            assert_eq!(stored(&arch(model_type).names, published).unwrap(), expected, "{published}");
        }
        for unknown in ["model.layers.x.mlp.up_proj.weight", "model.layers.0.mlp.up_proj", "weight", "lm_head.scale"] {
            assert!(stored(&arch("qwen2").names, unknown).is_none(), "{unknown}");
        }
        assert!(stored(&arch("qwen2").names, "model.layers.0..weight").is_none());
        assert!(stored(&arch("llada").names, "model.layers.0.mlp.up_proj.weight").is_none());
        let rotated = ["blk.0.attn_q.weight", "blk.11.attn_k.bias"];
        assert!(rotated.iter().all(|name| is_rotated(name)) && !is_rotated("blk.0.attn_v.weight"));
    }
}
