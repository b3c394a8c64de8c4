//! Qwen2 and Qwen2.5 as guides: queries, keys and values have biases; the head may be the transposed embedding.

use super::{Arch, ArchSpec, Biases, decoder};
use crate::model::network::{Alignment, Attention};

pub(super) const ARCH: Arch = Arch {
    label: "Qwen2",
    model_type: "qwen2",
    attention: Attention::Causal,
    alignment: Alignment::Shifted,
    names: decoder::NAMES,
    gguf: "qwen2",
    interleaved: false,
    classes: &["Qwen2ForCausalLM"],
    guises: &[],
    read,
    write: decoder::write,
};

fn read(arch: &'static Arch, json: &[u8]) -> Result<ArchSpec, String> {
    let biases = Biases { qkv: true, ..Biases::default() };
    decoder::DecoderConfig::from_json(json)?.spec(arch, None, biases)
}
