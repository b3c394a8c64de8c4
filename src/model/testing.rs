//! Tiny random checkpoints for tests.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use crate::model::checkpoint::Checkpoint;
use crate::model::device::ComputeDevice;
use crate::model::transformer::Transformer;

/// Vocabulary of the tiny checkpoints.
pub const VOCAB: usize = 24;
/// Context of the tiny checkpoints.
pub const CONTEXT: usize = 1024;

/// A checkpoint that tests may damage before it is used.
pub struct Tiny {
    pub config: Value,
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

/// Every `model_type` that can be run.
pub const MODEL_TYPES: [&str; 6] = ["Dream", "llada", "a2d-qwen2", "a2d-qwen3", "qwen2", "qwen3"];

impl Tiny {
    /// Two layers of width 16, four query heads on two key heads.
    pub fn new(model_type: &str, tied: bool) -> Self {
        let (hidden, inner, heads, kv_heads) = (16, 20, 4, 2);
        let llada = model_type == "llada";
        let third = model_type.ends_with("qwen3");
        // LLaDA's heads always share the hidden width.
        let head_dim = if llada { hidden / heads } else { 6 };
        let config = if llada {
            json!({
                "model_type": model_type, "vocab_size": VOCAB - 2, "embedding_size": VOCAB, "d_model": hidden,
                "mlp_hidden_size": inner, "n_layers": 2, "n_heads": heads, "n_kv_heads": kv_heads,
                "max_sequence_length": CONTEXT, "rms_norm_eps": 1e-6, "rope_theta": 1e4, "weight_tying": tied,
                "include_bias": false, "mask_token_id": 1, "eos_token_id": 0
            })
        } else {
            json!({
                "model_type": model_type, "vocab_size": VOCAB, "hidden_size": hidden, "intermediate_size": inner,
                "num_hidden_layers": 2, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
                "head_dim": head_dim, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "rope_theta": 1e4,
                "tie_word_embeddings": tied, "mask_token_id": 1, "eos_token_id": 0
            })
        };
        let (mut rng, mut tensors) = (ChaCha8Rng::seed_from_u64(7), BTreeMap::new());
        let mut add = |name: &str, shape: &[usize]| {
            let values = (0..shape.iter().product()).map(|_| rng.random_range(-0.6..0.6)).collect();
            tensors.insert(name.to_owned(), (shape.to_vec(), values));
        };
        let ends = if llada {
            ["model.transformer.wte", "model.transformer.ln_f", "model.transformer.ff_out"]
        } else {
            ["model.embed_tokens", "model.norm", "lm_head"]
        };
        add(&format!("{}.weight", ends[0]), &[VOCAB, hidden]);
        add(&format!("{}.weight", ends[1]), &[hidden]);
        if !tied {
            add(&format!("{}.weight", ends[2]), &[VOCAB, hidden]);
        }
        let (queries, keys) = (heads * head_dim, kv_heads * head_dim);
        let maps = [
            ("self_attn.q_proj", "q_proj", queries, hidden),
            ("self_attn.k_proj", "k_proj", keys, hidden),
            ("self_attn.v_proj", "v_proj", keys, hidden),
            ("self_attn.o_proj", "attn_out", hidden, queries),
            ("mlp.gate_proj", "ff_proj", inner, hidden),
            ("mlp.up_proj", "up_proj", inner, hidden),
            ("mlp.down_proj", "ff_out", hidden, inner),
        ];
        for layer in 0..2 {
            let name = |qwen: &str, other: &str| {
                if llada {
                    format!("model.transformer.blocks.{layer}.{other}")
                } else {
                    format!("model.layers.{layer}.{qwen}")
                }
            };
            for (qwen, other, outputs, inputs) in maps {
                let name = name(qwen, other);
                add(&format!("{name}.weight"), &[outputs, inputs]);
                if !llada && !third && ["q_proj", "k_proj", "v_proj"].contains(&other) {
                    add(&format!("{name}.bias"), &[outputs]);
                }
            }
            for (qwen, other) in [("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ff_norm")] {
                add(&format!("{}.weight", name(qwen, other)), &[hidden]);
            }
            if third {
                add(&name("self_attn.q_norm.weight", ""), &[head_dim]);
                add(&name("self_attn.k_norm.weight", ""), &[head_dim]);
            }
        }
        Self { config, tensors }
    }

    /// The weights file, stored as this type.
    pub fn weights(&self, dtype: Dtype) -> Vec<u8> {
        let encode = |value: &f32| match dtype {
            Dtype::F32 => value.to_le_bytes().to_vec(),
            Dtype::F16 => f16::from_f32(*value).to_le_bytes().to_vec(),
            Dtype::BF16 => bf16::from_f32(*value).to_le_bytes().to_vec(),
            Dtype::I32 => (*value as i32).to_le_bytes().to_vec(),
            other => unreachable!("no test stores {other:?}"),
        };
        let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| (name, shape, values.iter().flat_map(encode).collect()))
            .collect();
        let views =
            bytes.iter().map(|(name, shape, bytes)| (*name, TensorView::new(dtype, (*shape).clone(), bytes).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }

    /// Writes the checkpoint to a fresh folder.
    pub fn write(&self) -> Folder {
        let folder = Folder::new();
        std::fs::write(folder.0.join("config.json"), self.config.to_string()).unwrap();
        std::fs::write(folder.0.join("model.safetensors"), self.weights(Dtype::F32)).unwrap();
        folder
    }

    /// The network on the CPU.
    pub fn network(&self) -> Transformer {
        self.network_on(&ComputeDevice::cpu())
    }

    /// The network on `device`.
    pub fn network_on(&self, device: &ComputeDevice) -> Transformer {
        Checkpoint::open(self.write().path()).unwrap().transformer(device).unwrap()
    }
}

/// A folder that goes when this value goes.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let unique = format!("diffuscope-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
