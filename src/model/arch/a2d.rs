//! A2D: language models made denoisers, trained to predict token `i` from row `i`. Their mask token stands in the
//! tokenizer alone, and their GGUF files are those of the language model with a flag that attention is not causal.

use super::{Arch, qwen2, qwen3};
use crate::model::network::{Alignment, Attention};

pub(super) const QWEN2: Arch = Arch {
    label: "A2D-Qwen2",
    model_type: "a2d-qwen2",
    attention: Attention::Bidirectional,
    alignment: Alignment::Aligned,
    classes: &[],
    ..qwen2::ARCH
};

pub(super) const QWEN3: Arch = Arch {
    label: "A2D-Qwen3",
    model_type: "a2d-qwen3",
    attention: Attention::Bidirectional,
    alignment: Alignment::Aligned,
    classes: &[],
    ..qwen3::ARCH
};
