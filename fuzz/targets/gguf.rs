//! GGUF files: fields, tokenizer, tensors.

use std::path::Path;

use diffuscope::model::{checkpoint::Checkpoint, gguf::GgufFile};

use super::{Execute, Target, chain, tiny, tokenizer};
use crate::mutate::{Format, Language};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "general.architecture", "general.alignment", "llada", "dream", "qwen2", "qwen3", "block_count", "gpt2",
    "context_length", "embedding_length", "attention.head_count", "attention.key_length", "rope.freq_base",
    "rope.scaling.type", "yarn", "attention.causal", "split.count", "tokenizer.ggml.model", "tokenizer.ggml.pre",
    "tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type", "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.mask_token_id", "tokenizer.chat_template", "tokenizer.ggml.add_bos_token", "llama-bpe",
    "token_embd.weight", "output.weight", "blk.0.attn_q.weight",
];

pub const GGUF: Target = Target {
    name: "gguf",
    format: Format::Gguf,
    language: Language { words: WORDS, phrase: None },
    longest: 64 << 10,
    open,
};

fn open(folder: &Path) -> Execute {
    // Nothing lies beside it.
    let name = folder.join("fuzz.gguf").display().to_string();
    Box::new(move |input| {
        let file = match GgufFile::from_bytes(name.clone(), input) {
            Ok(file) => file,
            Err(error) => return chain(&error),
        };
        let spoken = match file.tokenizer() {
            Ok(tokenizer) => tokenizer::put_to_work(&tokenizer),
            Err(error) => chain(&error),
        };
        let computed = match Checkpoint::from_gguf(file) {
            Ok(checkpoint) => tiny::put_to_work(&checkpoint),
            Err(error) => chain(&error),
        };
        format!("{spoken}; {computed}")
    })
}
