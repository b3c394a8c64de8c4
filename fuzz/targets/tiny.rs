//! A checkpoint of any shape that a configuration asks for, as long as it is tiny, and a network at work.

use std::collections::HashMap;

use diffuscope::model::{
    checkpoint::Checkpoint,
    device::ComputeDevice,
    network::{Network, Pass, Read},
};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

use super::chain;

/// The most that any size may be for tensors to be made.
const MOST: u64 = 64;

/// A tensor's name and sizes.
pub type Shape = (String, Vec<usize>);

/// The tensors that a configuration asks for; `None` where it asks for none, or for many.
pub fn shapes(config: &Value) -> Option<Vec<Shape>> {
    let size = |names: &[&str]| {
        let found = names.iter().find_map(|name| config.get(name)?.as_u64())?;
        (1..=MOST).contains(&found).then_some(found as usize)
    };
    let model_type = config["model_type"].as_str()?;
    let llada = model_type == "llada";
    let hidden = size(&["hidden_size", "d_model"])?;
    let inner = size(&["intermediate_size", "mlp_hidden_size"])?;
    let layers = size(&["num_hidden_layers", "n_layers"]).filter(|layers| *layers <= 4)?;
    let heads = size(&["num_attention_heads", "n_heads"])?;
    let kv_heads = size(&["num_key_value_heads", "n_kv_heads"]).unwrap_or(heads);
    let vocab = size(&["embedding_size", "vocab_size"])?;
    let width = size(&["head_dim"]).unwrap_or(hidden / heads);
    let tied = ["tie_word_embeddings", "weight_tying"].iter().any(|name| config[*name] == true);
    let (queries, keys) = (heads * width, kv_heads * width);
    let ends = if llada {
        ["model.transformer.wte", "model.transformer.ln_f", "model.transformer.ff_out"]
    } else {
        ["model.embed_tokens", "model.norm", "lm_head"]
    };
    let mut shapes =
        vec![(format!("{}.weight", ends[0]), vec![vocab, hidden]), (format!("{}.weight", ends[1]), vec![hidden])];
    shapes.extend((!tied).then(|| (format!("{}.weight", ends[2]), vec![vocab, hidden])));
    for layer in 0..layers {
        let mut add = |qwen: &str, other: &str, kind: &str, sizes: &[usize]| {
            let prefix = if llada { "model.transformer.blocks" } else { "model.layers" };
            shapes.push((format!("{prefix}.{layer}.{}.{kind}", if llada { other } else { qwen }), sizes.to_vec()));
        };
        for (qwen, other, outputs, inputs) in [
            ("self_attn.q_proj", "q_proj", queries, hidden),
            ("self_attn.k_proj", "k_proj", keys, hidden),
            ("self_attn.v_proj", "v_proj", keys, hidden),
            ("self_attn.o_proj", "attn_out", hidden, queries),
            ("mlp.gate_proj", "ff_proj", inner, hidden),
            ("mlp.up_proj", "up_proj", inner, hidden),
            ("mlp.down_proj", "ff_out", hidden, inner),
        ] {
            add(qwen, other, "weight", &[outputs, inputs]);
            if matches!(other, "q_proj" | "k_proj" | "v_proj") && !llada && !model_type.ends_with("qwen3") {
                add(qwen, other, "bias", &[outputs]);
            }
        }
        add("input_layernorm", "attn_norm", "weight", &[hidden]);
        add("post_attention_layernorm", "ff_norm", "weight", &[hidden]);
        if model_type.ends_with("qwen3") {
            add("self_attn.q_norm", "", "weight", &[width]);
            add("self_attn.k_norm", "", "weight", &[width]);
        }
    }
    Some(shapes)
}

/// A safetensors file with tensors of these shapes; their numbers do not matter.
pub fn weights(shapes: &[Shape]) -> Vec<u8> {
    let value = |at: usize| ((at * 37 % 101) as f32 / 101.0 - 0.5).to_le_bytes();
    let tensors: HashMap<&str, (&[usize], Vec<u8>)> = shapes
        .iter()
        .map(|(name, sizes)| {
            let count: usize = sizes.iter().product();
            (name.as_str(), (sizes.as_slice(), (0..count).flat_map(value).collect()))
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, (sizes, bytes))| (*name, TensorView::new(Dtype::F32, sizes.to_vec(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// What becomes of a checkpoint: how much memory it asks for, its network, some passes.
pub fn put_to_work(checkpoint: &Checkpoint) -> String {
    let device = ComputeDevice::cpu();
    let need = checkpoint.memory_need(512, &device);
    let network = checkpoint.network(&device);
    match (need, network) {
        (Ok(_), Ok(mut network)) => passes(&mut *network),
        (Err(error), _) | (_, Err(error)) => chain(&error),
    }
}

/// A pass over some positions, and one over a part of them again.
fn passes(network: &mut dyn Network) -> String {
    let (vocab, room) = (network.spec().vocab_size, network.spec().max_positions);
    let length = room.min(7);
    let ids: Vec<u32> = (0..length).map(|at| (at * 5 % vocab.max(1)) as u32).collect();
    let positions: Vec<usize> = (0..length).collect();
    let mut outcome = format!("a network of the kind {}", network.spec().architecture);
    for from in [0, length / 2] {
        let wanted: Vec<usize> = (0..length - from).collect();
        match network.forward(Pass::new(&ids[from..], &positions[from..], Read::UpTo(length), &wanted)) {
            Ok(logits) => assert_eq!((logits.rows(), logits.vocab()), (wanted.len(), vocab)),
            Err(error) => outcome = chain(&error),
        }
    }
    outcome
}
