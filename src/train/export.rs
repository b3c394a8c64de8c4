//! The trained pair in the layout of the real repositories, so that it is loaded like any other checkpoint.

use super::checkpoint::{CheckpointError, replace, write_tensors};
use super::parameters::{ParameterLayout, RMS_NORM_EPS, ROPE_THETA};
use crate::model::template;
use half::f16;
use safetensors::tensor::{Dtype, View};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

/// Which use a network was trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Bidirectional, with a mask token, logits shifted by one: Dream.
    Denoiser,
    /// From left to right: Qwen2.
    Guide,
}

/// What a repository says about its tokens.
#[derive(Debug, Clone, Copy)]
pub struct TokenNames<'a> {
    /// Content of `tokenizer.json`.
    pub json: &'a str,
    /// End of text.
    pub end: u32,
    /// Mask.
    pub mask: u32,
}

struct Half<'a> {
    dims: &'a [usize],
    values: &'a [f32],
}

impl View for Half<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F16
    }

    fn shape(&self) -> &[usize] {
        self.dims
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        self.values.len() * size_of::<f16>()
    }
}

/// The `config.json` of a network.
pub fn config(layout: &ParameterLayout, positions: usize, vocabulary: TokenNames<'_>, use_: Use) -> Value {
    let shape = layout.shape;
    let mut config = json!({
        "architectures": [match use_ { Use::Denoiser => "DreamModel", Use::Guide => "Qwen2ForCausalLM" }],
        "attention_dropout": 0.0,
        "bos_token_id": vocabulary.end,
        "eos_token_id": vocabulary.end,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.ffn,
        "max_position_embeddings": positions,
        "max_window_layers": shape.layers,
        "model_type": match use_ { Use::Denoiser => "Dream", Use::Guide => "qwen2" },
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.heads,
        "pad_token_id": vocabulary.end,
        // Through its decimal form, so that the file says 1e-5 and not the nearest binary fraction.
        "rms_norm_eps": RMS_NORM_EPS.to_string().parse::<f64>().unwrap_or(f64::from(RMS_NORM_EPS)),
        "rope_scaling": null,
        "rope_theta": ROPE_THETA,
        "sliding_window": null,
        "tie_word_embeddings": false,
        "torch_dtype": "float16",
        "use_cache": true,
        "use_sliding_window": false,
        "vocab_size": layout.vocab,
    });
    if use_ == Use::Denoiser {
        config["mask_token_id"] = json!(vocabulary.mask);
    }
    config
}

/// Writes `config.json`, `generation_config.json`, `tokenizer.json`, `chat_template.jinja` and `model.safetensors` (f16)
/// to `folder`, which is created where it is not there.
///
/// # Errors
/// Where a file or the folder cannot be written.
pub fn write(
    folder: &Path,
    layout: &ParameterLayout,
    weights: &[f32],
    positions: usize,
    vocabulary: TokenNames<'_>,
    use_: Use,
) -> Result<(), CheckpointError> {
    std::fs::create_dir_all(folder).map_err(|source| CheckpointError::File { path: folder.to_owned(), source })?;
    let mut generation = json!({
        "_from_model_config": true,
        "bos_token_id": vocabulary.end,
        "eos_token_id": vocabulary.end,
        "pad_token_id": vocabulary.end,
    });
    if use_ == Use::Denoiser {
        generation["mask_token_id"] = json!(vocabulary.mask);
    }
    let texts = [
        ("config.json", format!("{:#}\n", config(layout, positions, vocabulary, use_))),
        ("generation_config.json", format!("{generation:#}\n")),
        ("tokenizer.json", vocabulary.json.to_owned()),
        ("chat_template.jinja", template::EMBEDDED.to_owned()),
    ];
    for (name, text) in texts {
        let path = folder.join(name);
        replace(&path, text.as_bytes()).map_err(|source| CheckpointError::Write { path, source })?;
    }
    let tensors = layout
        .tensors
        .iter()
        .map(|tensor| (tensor.name.clone(), Half { dims: &tensor.dims, values: &weights[tensor.range.clone()] }));
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    write_tensors(&folder.join("model.safetensors"), tensors, metadata)
}
