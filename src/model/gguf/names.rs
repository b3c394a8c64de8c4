//! What llama.cpp calls the tensors of the published checkpoints.

/// A family of checkpoints with the same tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// `LLaDA`, whose tensors are named after `OLMo`.
    Llada,
    /// Dream, which is Qwen2 within.
    Dream,
    /// Qwen2 and Qwen2.5.
    Qwen2,
    /// Qwen3.
    Qwen3,
}

/// The name of a tensor in a GGUF file.
pub(super) struct Name {
    pub(super) stored: String,
    /// Whether the rows of each head are in the order in which neighbours make a rotary pair.
    pub(super) interleaved: bool,
}

/// Tensors outside the layers.
const QWEN_ENDS: [(&str, &str); 3] =
    [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output")];
const LLADA_ENDS: [(&str, &str); 3] = [
    ("model.transformer.wte", "token_embd"),
    ("model.transformer.ln_f", "output_norm"),
    ("model.transformer.ff_out", "output"),
];

/// Tensors of a layer.
const QWEN_PARTS: [(&str, &str); 11] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("self_attn.o_proj", "attn_output"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];
const LLADA_PARTS: [(&str, &str); 9] = [
    ("attn_norm", "attn_norm"),
    ("q_proj", "attn_q"),
    ("k_proj", "attn_k"),
    ("v_proj", "attn_v"),
    ("attn_out", "attn_output"),
    ("ff_norm", "ffn_norm"),
    ("ff_proj", "ffn_gate"),
    ("up_proj", "ffn_up"),
    ("ff_out", "ffn_down"),
];

impl Family {
    /// The architectures that are supported, for messages.
    pub(super) const SUPPORTED: &'static str = "llada, dream, qwen2, qwen3";

    /// The family that `general.architecture` stands for.
    pub(super) fn of(architecture: &str) -> Option<Self> {
        match architecture {
            "llada" => Some(Self::Llada),
            "dream" => Some(Self::Dream),
            "qwen2" => Some(Self::Qwen2),
            "qwen3" => Some(Self::Qwen3),
            _ => None,
        }
    }

    /// What its fields begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Llada => "llada",
            Self::Dream => "dream",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    /// The tensor that a published checkpoint of the family has under `name`; `None` for names that it does not have.
    pub(super) fn translate(self, name: &str) -> Option<Name> {
        let (base, kind) = name.rsplit_once('.').filter(|(_, kind)| matches!(*kind, "weight" | "bias"))?;
        let (ends, parts, layers): (&[_], &[_], _) = match self {
            Self::Llada => (&LLADA_ENDS, &LLADA_PARTS, "model.transformer.blocks."),
            Self::Dream | Self::Qwen2 | Self::Qwen3 => (&QWEN_ENDS, &QWEN_PARTS, "model.layers."),
        };
        let Some((number, part)) = base.strip_prefix(layers).and_then(|rest| rest.split_once('.')) else {
            let stored = format!("{}.{kind}", look_up(ends, base)?);
            return Some(Name { stored, interleaved: false });
        };
        let number: usize = number.parse().ok()?;
        let stored = look_up(parts, part)?;
        let stored = format!("blk.{number}.{stored}.{kind}");
        Some(Name { interleaved: self.is_interleaved(&stored), stored })
    }

    /// Whether a tensor of the file has the rows of each head in the order in which neighbours are a rotary pair.
    ///
    /// llama.cpp converts `LLaDA` as it converts Llama, for a rotary embedding that turns neighbouring channels; the
    /// published weights turn channel `i` with channel `i + half`. The other families it leaves as they are.
    pub(super) fn is_interleaved(self, stored: &str) -> bool {
        self == Self::Llada && [".attn_q.", ".attn_k."].iter().any(|part| stored.contains(part))
    }
}

fn look_up(names: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    names.iter().find(|(published, _)| *published == name).map(|(_, stored)| *stored)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_llama_cpps() {
        let cases = [
            (Family::Qwen2, "model.embed_tokens.weight", "token_embd.weight", false),
            (Family::Dream, "lm_head.weight", "output.weight", false),
            (Family::Qwen2, "model.layers.27.self_attn.q_proj.bias", "blk.27.attn_q.bias", false),
            (Family::Qwen3, "model.layers.3.self_attn.k_norm.weight", "blk.3.attn_k_norm.weight", false),
            (Family::Llada, "model.transformer.ff_out.weight", "output.weight", false),
            (Family::Llada, "model.transformer.blocks.0.ff_out.weight", "blk.0.ffn_down.weight", false),
            (Family::Llada, "model.transformer.blocks.0.k_proj.weight", "blk.0.attn_k.weight", true),
            (Family::Llada, "model.transformer.blocks.0.v_proj.weight", "blk.0.attn_v.weight", false),
        ];
        for (family, published, stored, interleaved) in cases {
            let name = family.translate(published).unwrap();
            assert_eq!((name.stored.as_str(), name.interleaved), (stored, interleaved), "{published}");
        }
        for unknown in ["model.layers.x.mlp.up_proj.weight", "model.layers.0.mlp.up_proj", "weight", "lm_head.scale"] {
            assert!(Family::Qwen2.translate(unknown).is_none(), "{unknown}");
        }
        assert!(Family::Llada.translate("model.layers.0.mlp.up_proj.weight").is_none());
    }
}
