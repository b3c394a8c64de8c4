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
use crate::model::qwen2::Qwen2Network;

/// Vocabulary of the tiny checkpoints.
pub const VOCAB: usize = 24;
/// Context of the tiny checkpoints.
pub const CONTEXT: usize = 1024;

/// A checkpoint that tests may damage before it is used.
pub struct Tiny {
    pub config: Value,
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Tiny {
    /// Two layers of width 16, four query heads on two key heads; `model_type` is `Dream` or `qwen2`.
    pub fn new(model_type: &str, tied: bool) -> Self {
        let (hidden, inner, heads, kv_heads, head_dim) = (16, 20, 4, 2, 6);
        let config = json!({
            "model_type": model_type, "vocab_size": VOCAB, "hidden_size": hidden, "intermediate_size": inner,
            "num_hidden_layers": 2, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
            "head_dim": head_dim, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "rope_theta": 1e4,
            "tie_word_embeddings": tied, "mask_token_id": 1, "eos_token_id": 0
        });
        let (mut rng, mut tensors) = (ChaCha8Rng::seed_from_u64(7), BTreeMap::new());
        let mut add = |name: &str, shape: &[usize]| {
            let values = (0..shape.iter().product()).map(|_| rng.random_range(-0.6..0.6)).collect();
            tensors.insert(name.to_owned(), (shape.to_vec(), values));
        };
        add("model.embed_tokens.weight", &[VOCAB, hidden]);
        add("model.norm.weight", &[hidden]);
        if !tied {
            add("lm_head.weight", &[VOCAB, hidden]);
        }
        for layer in 0..2 {
            let name = |rest: &str| format!("model.layers.{layer}.{rest}");
            for (part, rows) in [("q", heads * head_dim), ("k", kv_heads * head_dim), ("v", kv_heads * head_dim)] {
                add(&name(&format!("self_attn.{part}_proj.weight")), &[rows, hidden]);
                add(&name(&format!("self_attn.{part}_proj.bias")), &[rows]);
            }
            add(&name("self_attn.o_proj.weight"), &[hidden, heads * head_dim]);
            add(&name("mlp.gate_proj.weight"), &[inner, hidden]);
            add(&name("mlp.up_proj.weight"), &[inner, hidden]);
            add(&name("mlp.down_proj.weight"), &[hidden, inner]);
            add(&name("input_layernorm.weight"), &[hidden]);
            add(&name("post_attention_layernorm.weight"), &[hidden]);
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
    pub fn network(&self) -> Qwen2Network {
        let checkpoint = Checkpoint::open(self.write().path()).unwrap();
        checkpoint.qwen2(&ComputeDevice::cpu()).unwrap()
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
