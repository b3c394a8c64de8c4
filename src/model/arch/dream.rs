//! Dream: a Qwen2 made a denoiser. Row `i` predicts token `i + 1`, as that of the language model it was made from.

use super::{Arch, qwen2};
use crate::model::network::Attention;

pub(super) const ARCH: Arch = Arch {
    label: "Dream",
    model_type: "Dream",
    attention: Attention::Bidirectional,
    classes: &[],
    guises: &[("DreamForCausalLM", "DreamReasoner, with the body of a Qwen3")],
    gguf: "dream",
    ..qwen2::ARCH
};
