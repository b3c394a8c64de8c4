//! Dream: a Qwen2 made a denoiser. Row `i` predicts token `i + 1`, as that of the language model it was made from.

use super::{Arch, qwen2};
use crate::model::network::Attention;

pub(super) const ARCH: Arch =
    Arch { label: "Dream", model_type: "Dream", attention: Attention::Bidirectional, gguf: "dream", ..qwen2::ARCH };
