//! The networks against an independent implementation: candle-transformers' models, causal and with random weights.
//!
//! Names and shapes of the tensors are those that its models ask for, so a tensor that has another name or shape here fails
//! to load.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candle_transformers::models::{llama, qwen2, qwen3};
use diffuscope::model::checkpoint::Checkpoint;
use diffuscope::model::device::ComputeDevice;
use diffuscope::model::network::{Pass, Read};
use libtest_mimic::Trial;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::support::cases::case;

/// Largest difference of logits: both compute in float32, in another order.
const TOLERANCE: f32 = 1e-4;
const VOCAB: u32 = 50;
const HIDDEN: usize = 32;

/// Logits of the last of these tokens, which are fed behind so many that are cached.
type Forward = Box<dyn FnMut(&Tensor, usize) -> Result<Tensor>>;
/// Makes an oracle of a configuration and of tensors under its names.
type Make = fn(&Value, VarBuilder<'_>) -> Result<Forward>;

/// One test for each use of each model.
pub fn trials() -> Vec<Trial> {
    // Such that the pairs of a head of 8 channels are kept, blended and stretched.
    let stretched = json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64
    });
    let cases: [(&str, Make, Value); 9] = [
        ("qwen2_untied", qwen2, config(json!({"model_type": "qwen2"}))),
        ("qwen2_tied", qwen2, config(json!({"model_type": "qwen2", "tie_word_embeddings": true}))),
        ("qwen3_untied", qwen3, config(json!({"model_type": "qwen3"}))),
        ("qwen3_tied", qwen3, config(json!({"model_type": "qwen3", "tie_word_embeddings": true}))),
        ("qwen3_biased", qwen3, config(json!({"model_type": "qwen3", "attention_bias": true, "head_dim": 16}))),
        ("llama_untied", llama, config(json!({"model_type": "llama"}))),
        ("llama_tied", llama, config(json!({"model_type": "llama", "tie_word_embeddings": true}))),
        ("llama_alone", llama, config(json!({"model_type": "llama", "num_key_value_heads": null, "rope_theta": 1e5}))),
        (
            "llama_stretched",
            llama,
            config(json!({"model_type": "llama", "rope_scaling": stretched, "rope_theta": 100.0})),
        ),
    ];
    cases
        .into_iter()
        .map(|(name, make, config)| case(format!("oracle_{name}"), move || compare(make, &config)))
        .collect()
}

/// A tiny configuration with these fields besides its own.
fn config(fields: Value) -> Value {
    let mut config = json!({
        "vocab_size": VOCAB, "hidden_size": HIDDEN, "intermediate_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": HIDDEN / 4, "max_position_embeddings": 128,
        "rms_norm_eps": 1e-6, "rope_theta": 1e4, "hidden_act": "silu", "attention_bias": false,
        "tie_word_embeddings": false, "sliding_window": 128, "max_window_layers": 3, "use_sliding_window": false,
        "eos_token_id": 0
    });
    let Value::Object(fields) = fields else { unreachable!("fields are an object") };
    config.as_object_mut().unwrap().extend(fields);
    config
}

fn parsed<T: DeserializeOwned>(config: &Value) -> T {
    serde_json::from_value(config.clone()).unwrap()
}

fn qwen2(config: &Value, tensors: VarBuilder<'_>) -> Result<Forward> {
    let mut model = qwen2::ModelForCausalLM::new(&parsed(config), tensors)?;
    Ok(Box::new(move |ids, start| {
        if start == 0 {
            model.clear_kv_cache();
        }
        model.forward(ids, start)
    }))
}

fn qwen3(config: &Value, tensors: VarBuilder<'_>) -> Result<Forward> {
    let mut model = qwen3::ModelForCausalLM::new(&parsed(config), tensors)?;
    Ok(Box::new(move |ids, start| {
        if start == 0 {
            model.clear_kv_cache();
        }
        model.forward(ids, start)
    }))
}

fn llama(config: &Value, tensors: VarBuilder<'_>) -> Result<Forward> {
    let config = parsed::<llama::LlamaConfig>(config).into_config(false);
    let model = llama::Llama::load(tensors, &config)?;
    let empty = llama::Cache::new(true, DType::F32, &config, &Device::Cpu)?;
    let mut cache = empty.clone();
    Ok(Box::new(move |ids, start| {
        if start == 0 {
            cache = empty.clone();
        }
        model.forward(ids, start, &mut cache)
    }))
}

/// Random values for every tensor that the oracle asks for: gains around one, all else around zero.
fn tensors(make: Make, config: &Value) -> HashMap<String, Tensor> {
    let asked = VarMap::new();
    drop(make(config, VarBuilder::from_varmap(&asked, DType::F32, &Device::Cpu)).unwrap());
    let mut shapes: BTreeMap<String, Vec<usize>> =
        asked.data().lock().unwrap().iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect();
    if config["tie_word_embeddings"] == false {
        // Where the tensors hold no head, some models take the embedding for it.
        shapes.insert("lm_head.weight".into(), vec![VOCAB as usize, HIDDEN]);
    }
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let middle = if name.contains("norm") { 1.0 } else { 0.0 };
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|_| middle + random.random_range(-0.4_f32..0.4)).collect();
        (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
    };
    shapes.into_iter().map(tensor).collect()
}

/// Prompts of several lengths: every row against the oracle that is fed token by token, the last also against the oracle
/// that is fed the whole.
fn compare(make: Make, config: &Value) -> std::result::Result<(), String> {
    let tensors = tensors(make, config);
    let weights = safetensors::serialize(&tensors, None).unwrap();
    let mut oracle = make(config, VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)).unwrap();
    let checkpoint = Checkpoint::from_bytes("random", config.to_string().into_bytes(), weights).unwrap();
    let mut network = checkpoint.network(&ComputeDevice::cpu()).unwrap();
    let mut expected = |ids: &[u32], start| -> Vec<f32> {
        let ids = Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        oracle(&ids, start).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    let mut random = ChaCha8Rng::seed_from_u64(12);
    for length in [1, 2, 9, 40] {
        let ids: Vec<u32> = (0..length).map(|_| random.random_range(0..VOCAB)).collect();
        let positions: Vec<usize> = (0..length).collect();
        network.reset();
        let logits = network.forward(Pass::new(&ids, &positions, Read::UpTo(length), &positions)).unwrap();
        for (row, id) in ids.iter().enumerate() {
            close(&format!("row {row} of {length}"), logits.row(row), &expected(&[*id], row))?;
        }
        close(&format!("the last of {length}"), logits.row(length - 1), &expected(&ids, 0))?;
    }
    Ok(())
}

fn close(what: &str, found: &[f32], expected: &[f32]) -> std::result::Result<(), String> {
    assert_eq!(found.len(), expected.len());
    let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let all_numbers = found.iter().chain(expected).all(|logit| logit.is_finite());
    if all_numbers && apart < TOLERANCE { Ok(()) } else { Err(format!("{what}: {apart} apart, of {}", expected[0])) }
}
