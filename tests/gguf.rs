//! GGUF files against the safetensors checkpoints that they are made from.
//!
//! The files are written here, by the tensor library's writer, under the names and in the row order that llama.cpp's
//! converter gives them; they are made from the golden checkpoints, or from random ones where blocks of 256 numbers need
//! wider rows. What is computed from blocks is held against the same network with the blocks unpacked to floats: the
//! only difference left is that products round their input to eight bits.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
#[cfg(target_os = "linux")]
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use diffuscope::model::checkpoint::Checkpoint;
use diffuscope::model::device::ComputeDevice;
use diffuscope::model::network::{Network, Pass, Read};
#[cfg(target_os = "linux")]
use diffuscope::model::source::Source;
use rand::{Rng, SeedableRng};
use serde_json::{Value as Json, json};
use support::files::{Folder, golden};
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

/// A checkpoint in memory: its configuration and its tensors under their published names.
struct Model {
    config: Json,
    tensors: BTreeMap<String, Tensor>,
}

impl Model {
    fn golden(name: &str) -> Self {
        let folder = golden().join("models").join(name);
        let mut config: Json = serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
        if name.starts_with("a2d") {
            // Their mask token stands in the tokenizer alone, which a golden checkpoint does not have.
            config["mask_token_id"] = json!(509);
        }
        let tensors = candle_core::safetensors::load(folder.join("model.safetensors"), &Device::Cpu).unwrap();
        Self { config, tensors: tensors.into_iter().collect() }
    }

    /// A random network of rows wide enough for blocks of 256 numbers.
    fn wide(model_type: &str) -> Self {
        let (hidden, inner, heads, kv_heads, vocab, layers) = (256, 512, 4, 2, 96, 2);
        let (queries, keys) = (hidden, hidden / heads * kv_heads);
        let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
        let llada = model_type == "llada";
        let config = if llada {
            shapes.push(("model.transformer.wte.weight".into(), vec![vocab, hidden]));
            shapes.push(("model.transformer.ff_out.weight".into(), vec![vocab, hidden]));
            shapes.push(("model.transformer.ln_f.weight".into(), vec![hidden]));
            let mut config = Self::golden("llada-tiny").config;
            let fields =
                [("d_model", hidden), ("mlp_hidden_size", inner), ("n_heads", heads), ("n_kv_heads", kv_heads)];
            for (field, value) in fields.into_iter().chain([
                ("n_layers", layers),
                ("vocab_size", vocab),
                ("embedding_size", vocab),
                ("mask_token_id", vocab - 1),
                ("eos_token_id", vocab - 2),
            ]) {
                config[field] = json!(value);
            }
            config
        } else {
            shapes.push(("model.embed_tokens.weight".into(), vec![vocab, hidden]));
            shapes.push(("model.norm.weight".into(), vec![hidden]));
            json!({
                "model_type": model_type, "vocab_size": vocab, "hidden_size": hidden, "intermediate_size": inner,
                "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
                "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "rope_theta": 1e4, "eos_token_id": vocab - 2,
                "tie_word_embeddings": true
            })
        };
        for layer in 0..layers {
            let mut add = |name: &str, shape: &[usize]| {
                let prefix = if llada { "model.transformer.blocks" } else { "model.layers" };
                shapes.push((format!("{prefix}.{layer}.{name}"), shape.to_vec()));
            };
            if llada {
                for name in ["attn_norm.weight", "ff_norm.weight"] {
                    add(name, &[hidden]);
                }
                for (name, rows) in [("q_proj", queries), ("k_proj", keys), ("v_proj", keys), ("attn_out", hidden)] {
                    add(&format!("{name}.weight"), &[rows, hidden]);
                }
                for (name, rows, width) in
                    [("ff_proj", inner, hidden), ("up_proj", inner, hidden), ("ff_out", hidden, inner)]
                {
                    add(&format!("{name}.weight"), &[rows, width]);
                }
            } else {
                for name in ["input_layernorm.weight", "post_attention_layernorm.weight"] {
                    add(name, &[hidden]);
                }
                for (name, rows) in [("q", queries), ("k", keys), ("v", keys)] {
                    add(&format!("self_attn.{name}_proj.weight"), &[rows, hidden]);
                    if model_type != "llama" {
                        add(&format!("self_attn.{name}_proj.bias"), &[rows]);
                    }
                }
                add("self_attn.o_proj.weight", &[hidden, hidden]);
                for (name, rows, width) in [("gate", inner, hidden), ("up", inner, hidden), ("down", hidden, inner)] {
                    add(&format!("mlp.{name}_proj.weight"), &[rows, width]);
                }
            }
        }
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let tensor = |(name, shape): (String, Vec<usize>)| {
            let size = if name.contains("norm") || name.contains("ln_f") { 1.0_f32 } else { 0.1 };
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.random_range(-size..size)).collect();
            (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
        };
        Self { config, tensors: shapes.into_iter().map(tensor).collect() }
    }

    fn model_type(&self) -> &str {
        self.config["model_type"].as_str().unwrap()
    }

    fn field(&self, names: &[&str]) -> Option<u64> {
        names.iter().find_map(|name| self.config[*name].as_u64())
    }

    /// The same with every matrix rounded to `encoding` and back.
    fn rounded(&self, encoding: GgmlDType) -> Self {
        let round = |(name, tensor): (&String, &Tensor)| {
            let rounded = quantized(tensor, encoding).dequantize(&Device::Cpu).unwrap();
            (name.clone(), rounded)
        };
        Self { config: self.config.clone(), tensors: self.tensors.iter().map(round).collect() }
    }

    fn write_safetensors(&self, folder: &Folder) {
        let tensors = self.tensors.clone().into_iter().collect();
        candle_core::safetensors::save(&tensors, folder.path("model.safetensors")).unwrap();
        folder.write("config.json", self.config.to_string());
    }

    /// The fields that llama.cpp's converter writes for this configuration.
    fn metadata(&self) -> Vec<(String, Value)> {
        let (architecture, causal) = match self.model_type() {
            "llada" => ("llada", false),
            "Dream" => ("dream", false),
            "a2d-qwen3" => ("qwen3", false),
            other => (other, true),
        };
        let mut fields = vec![
            ("general.architecture".to_owned(), Value::String(architecture.into())),
            ("general.name".to_owned(), Value::String("tiny".into())),
        ];
        let mut whole = |key: String, names: &[&str]| {
            if let Some(number) = self.field(names) {
                fields.push((key, Value::U32(number as u32)));
            }
        };
        let own = |key: &str| format!("{architecture}.{key}");
        whole(own("block_count"), &["num_hidden_layers", "n_layers"]);
        whole(own("context_length"), &["max_position_embeddings", "max_sequence_length"]);
        whole(own("embedding_length"), &["hidden_size", "d_model"]);
        whole(own("feed_forward_length"), &["intermediate_size", "mlp_hidden_size"]);
        whole(own("attention.head_count"), &["num_attention_heads", "n_heads"]);
        whole(own("attention.head_count_kv"), &["num_key_value_heads", "n_kv_heads"]);
        whole(own("attention.key_length"), &["head_dim"]);
        whole(own("attention.value_length"), &["head_dim"]);
        whole("tokenizer.ggml.eos_token_id".into(), &["eos_token_id"]);
        whole("tokenizer.ggml.mask_token_id".into(), &["mask_token_id"]);
        for (key, name) in [("attention.layer_norm_rms_epsilon", "rms_norm_eps"), ("rope.freq_base", "rope_theta")] {
            fields.push((own(key), Value::F32(self.config[name].as_f64().unwrap() as f32)));
        }
        if !causal {
            fields.push((own("attention.causal"), Value::Bool(false)));
        }
        fields
    }

    /// The tensors as llama.cpp's converter writes them.
    fn converted(&self, encoding: GgmlDType) -> Vec<(String, QTensor)> {
        let permutes = ["llada", "llama"].contains(&self.model_type());
        let heads = self.field(&["n_heads", "num_attention_heads"]).unwrap_or(1) as usize;
        let kv_heads = self.field(&["n_kv_heads", "num_key_value_heads"]).unwrap_or(heads as u64) as usize;
        let convert = |(name, tensor): (&String, &Tensor)| {
            let tensor = match name.rsplit('.').nth(1) {
                Some("q_proj") if permutes => interleaved(tensor, heads),
                Some("k_proj") if permutes => interleaved(tensor, kv_heads),
                _ => tensor.clone(),
            };
            (converted_name(name), quantized(&tensor, encoding))
        };
        self.tensors.iter().map(convert).collect()
    }

    fn write_gguf(&self, folder: &Folder, encoding: GgmlDType) -> PathBuf {
        let (metadata, tensors) = (self.metadata(), self.converted(encoding));
        let path = folder.path("tiny.gguf");
        write(&path, &metadata, &tensors);
        path
    }
}

fn write(path: &Path, metadata: &[(String, Value)], tensors: &[(String, QTensor)]) {
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    gguf_file::write(&mut std::fs::File::create(path).unwrap(), &metadata, &tensors).unwrap();
}

/// As the converter does: vectors stay floats, and so do matrices whose rows are no multiple of a block.
fn quantized(tensor: &Tensor, encoding: GgmlDType) -> QTensor {
    let rows_fit = tensor.dims().last().unwrap().is_multiple_of(encoding.block_size());
    let encoding = if tensor.rank() == 1 || !rows_fit { GgmlDType::F32 } else { encoding };
    QTensor::quantize(tensor, encoding).unwrap()
}

/// The rows of each head in the order in which neighbours are a rotary pair.
fn interleaved(weight: &Tensor, heads: usize) -> Tensor {
    let (rows, width) = weight.dims2().unwrap();
    let halves = weight.reshape((heads, 2, rows / heads / 2, width)).unwrap();
    halves.transpose(1, 2).unwrap().contiguous().unwrap().reshape((rows, width)).unwrap()
}

fn converted_name(name: &str) -> String {
    const PARTS: [(&str, &str); 20] = [
        ("model.embed_tokens", "token_embd"),
        ("model.transformer.wte", "token_embd"),
        ("model.norm", "output_norm"),
        ("model.transformer.ln_f", "output_norm"),
        ("lm_head", "output"),
        ("model.transformer.ff_out", "output"),
        (".input_layernorm", ".attn_norm"),
        (".post_attention_layernorm", ".ffn_norm"),
        (".self_attn.q_norm", ".attn_q_norm"),
        (".self_attn.k_norm", ".attn_k_norm"),
        (".self_attn.o_proj", ".attn_output"),
        (".attn_out", ".attn_output"),
        (".ff_norm", ".ffn_norm"),
        (".ff_proj", ".ffn_gate"),
        (".mlp.gate_proj", ".ffn_gate"),
        (".mlp.up_proj", ".ffn_up"),
        (".up_proj", ".ffn_up"),
        (".mlp.down_proj", ".ffn_down"),
        (".ff_out", ".ffn_down"),
        (".attn_norm", ".attn_norm"),
    ];
    let (base, kind) = name.rsplit_once('.').unwrap();
    let layer = base.strip_prefix("model.layers.").or_else(|| base.strip_prefix("model.transformer.blocks."));
    let Some(rest) = layer else {
        let (_, stored) = PARTS.iter().find(|(published, _)| *published == base).unwrap();
        return format!("{stored}.{kind}");
    };
    let (number, part) = rest.split_once('.').unwrap();
    let part = format!(".{part}");
    let stored = PARTS.iter().find(|(published, _)| *published == part).map_or_else(
        || format!(".attn_{}", part.trim_start_matches(".self_attn").trim_start_matches('.').chars().next().unwrap()),
        |(_, stored)| (*stored).to_owned(),
    );
    format!("blk.{number}{stored}.{kind}")
}

fn load(path: &Path) -> Box<dyn Network> {
    Checkpoint::open(path).unwrap().network(&ComputeDevice::cpu()).unwrap()
}

/// Logits of some sequence, whole, then of a part of it that is fed again.
fn logits(network: &mut dyn Network) -> Vec<f32> {
    let vocab = network.spec().vocab_size as u32;
    let ids: Vec<u32> = (0..21).map(|position| (position * 37 + 11) % vocab).collect();
    let positions: Vec<usize> = (0..ids.len()).collect();
    let whole = network.forward(Pass::new(&ids, &positions, Read::UpTo(ids.len()), &positions)).unwrap();
    let part = [3, 4, 9, 20];
    let again = [7, 8, 9, 10];
    let second = network.forward(Pass::new(&again, &part, Read::UpTo(ids.len()), &[0, 1, 2, 3])).unwrap();
    let rows = |logits: &diffuscope::model::network::Logits| {
        (0..logits.rows()).flat_map(|row| logits.row(row).to_vec()).collect::<Vec<f32>>()
    };
    [rows(&whole), rows(&second)].concat()
}

/// The largest difference.
fn distance(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, |a, b| if b > a || b.is_nan() { b } else { a })
}

/// Root of the mean squared difference over that of the expected values.
fn relative_error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let energy = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>();
    let error = energy(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (error / energy(&mut expected.iter().copied())).sqrt()
}

/// Every golden checkpoint, one of each architecture and variant.
const GOLDEN: [&str; 7] = [
    "llada-tiny",
    "llada-tiny-gqa",
    "dream-tiny",
    "qwen2-tiny-tied",
    "qwen2-tiny-untied",
    "qwen3-tiny",
    "a2d-qwen3-tiny",
];

#[test]
fn floats_compute_what_the_safetensors_do() {
    let golden = GOLDEN.map(|name| (name, Model::golden(name)));
    for (name, model) in golden.into_iter().chain([("llama", Model::wide("llama"))]) {
        for encoding in [GgmlDType::F32, GgmlDType::F16, GgmlDType::BF16] {
            let (plain, gguf) = (Folder::new(), Folder::new());
            model.rounded(encoding).write_safetensors(&plain);
            let (mut expected, mut found) = (load(plain.root()), load(&model.write_gguf(&gguf, encoding)));
            assert_eq!(found.spec(), expected.spec(), "{name}");
            let distance = distance(&logits(&mut *found), &logits(&mut *expected));
            assert!(distance <= 1e-5, "{name} in {encoding:?}: logits differ by {distance}");
        }
    }
}

#[test]
fn blocks_compute_what_they_stand_for() {
    for name in GOLDEN {
        let model = Model::golden(name);
        // The golden checkpoints are made with sharp attention and well separated logits, which magnifies the rounding.
        compare(name, &model, GgmlDType::Q8_0, 0.05);
        // And not far from the numbers that were rounded.
        let (plain, gguf) = (Folder::new(), Folder::new());
        model.write_safetensors(&plain);
        let found = logits(&mut *load(&model.write_gguf(&gguf, GgmlDType::Q8_0)));
        let error = relative_error(&found, &logits(&mut *load(plain.root())));
        assert!(error <= 0.08, "{name} in Q8_0: relative error {error} of the original");
    }
}

#[test]
fn every_kind_of_block_computes_what_it_stands_for() {
    use GgmlDType::{Q2K, Q3K, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0};
    for model_type in ["llada", "qwen2"] {
        let model = Model::wide(model_type);
        for encoding in [Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2K, Q3K, Q4K, Q5K, Q6K] {
            compare(model_type, &model, encoding, 0.03);
        }
    }
}

/// The network of the blocks against that of the floats that they stand for.
fn compare(name: &str, model: &Model, encoding: GgmlDType, tolerance: f32) {
    let (plain, gguf) = (Folder::new(), Folder::new());
    model.rounded(encoding).write_safetensors(&plain);
    let (mut expected, mut found) = (load(plain.root()), load(&model.write_gguf(&gguf, encoding)));
    assert_eq!(found.spec(), expected.spec(), "{name}");
    let error = relative_error(&logits(&mut *found), &logits(&mut *expected));
    assert!(error <= tolerance, "{name} in {encoding:?}: relative error {error}");
}

#[test]
fn a_mixture_of_encodings_is_one_network() {
    // As in the Q4_K_M files of llama.cpp: values and the head finer than the rest.
    let model = Model::wide("llada");
    let folder = Folder::new();
    let path = folder.path("mixed.gguf");
    let tensors: Vec<(String, QTensor)> = model
        .converted(GgmlDType::F32)
        .into_iter()
        .map(|(name, tensor)| {
            let values = tensor.dequantize(&Device::Cpu).unwrap();
            let encoding = match name.split('.').rev().nth(1).unwrap() {
                "attn_v" | "output" => GgmlDType::Q6K,
                "attn_k" => GgmlDType::F16,
                _ => GgmlDType::Q4K,
            };
            (name, quantized(&values, encoding))
        })
        .collect();
    write(&path, &model.metadata(), &tensors);
    let plain = Folder::new();
    let rounded = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.dequantize(&Device::Cpu).unwrap()));
    let rounded: BTreeMap<&str, Tensor> = rounded.collect();
    let mut floats = Model { config: model.config.clone(), tensors: BTreeMap::new() };
    let (heads, kv_heads) = (4, 2);
    for name in model.tensors.keys() {
        let tensor = &rounded[converted_name(name).as_str()];
        let undone = |heads: usize| {
            let (rows, width) = tensor.dims2().unwrap();
            let pairs = tensor.reshape((heads, rows / heads / 2, 2, width)).unwrap();
            pairs.transpose(1, 2).unwrap().contiguous().unwrap().reshape((rows, width)).unwrap()
        };
        let tensor = match name.rsplit('.').nth(1) {
            Some("q_proj") => undone(heads),
            Some("k_proj") => undone(kv_heads),
            _ => tensor.clone(),
        };
        floats.tensors.insert(name.clone(), tensor);
    }
    floats.write_safetensors(&plain);
    let error = relative_error(&logits(&mut *load(&path)), &logits(&mut *load(plain.root())));
    assert!((1e-6..=0.03).contains(&error), "relative error {error}");
}

#[test]
fn loading_is_reported_up_to_the_end() {
    let folder = Folder::new();
    let path = Model::wide("llada").write_gguf(&folder, GgmlDType::Q4K);
    let mut checkpoint = Checkpoint::open(&path).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&seen);
    checkpoint.watch(Box::new(move |loading| listener.lock().unwrap().push(loading)));
    checkpoint.network(&ComputeDevice::cpu()).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 20 && seen.windows(2).all(|pair| pair[0].done < pair[1].done), "{seen:?}");
    let last = seen.last().unwrap();
    assert_eq!(last.done, last.total);
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(last.total < length && last.total > length / 2, "{} of a file of {length}", last.total);
}

/// Changes a file's fields and tensors, and gives the message that opening or building it ends with.
fn message(change: impl Fn(&mut Vec<(String, Value)>, &mut Vec<(String, QTensor)>)) -> String {
    let model = Model::wide("llada");
    let folder = Folder::new();
    let path = folder.path("m.gguf");
    let (mut metadata, mut tensors) = (model.metadata(), model.converted(GgmlDType::Q8_0));
    change(&mut metadata, &mut tensors);
    write(&path, &metadata, &tensors);
    let opened = Checkpoint::open(&path).and_then(|checkpoint| checkpoint.network(&ComputeDevice::cpu()));
    let message = opened.err().expect("the file is damaged").to_string();
    let file = path.display().to_string();
    assert!(message.starts_with(&file) && !message.contains('\n'), "{message}");
    message[file.len()..].to_owned()
}

fn set(metadata: &mut Vec<(String, Value)>, key: &str, value: Value) {
    metadata.retain(|(known, _)| known != key);
    metadata.push((key.to_owned(), value));
}

#[test]
fn what_is_wrong_with_a_file_is_one_sentence() {
    let text = |text: &str| Value::String(text.into());
    let fields: [(&str, Value, &str); 9] = [
        ("general.architecture", text("mamba"), "architecture `mamba` is not supported (supported: dream, llada"),
        ("general.architecture", Value::U32(3), "names no architecture"),
        ("split.count", Value::U16(3), "one of 3 parts of a split file"),
        ("llada.attention.head_count", text("four"), "`llada.attention.head_count` is a text, expected a whole number"),
        ("llada.attention.head_count", Value::Array(vec![Value::U32(4)]), "is a list, expected a whole number"),
        ("llada.attention.value_length", Value::U32(8), "its keys are 64 wide and its values 8"),
        ("llada.rope.dimension_count", Value::U32(32), "turns 32 of the 64 channels"),
        ("llada.attention.head_count_kv", Value::U32(3), "3"),
        ("tokenizer.ggml.eos_token_id", Value::I32(-1), "is -1, expected 0 or more"),
    ];
    for (key, value, expected) in fields {
        let found = message(|metadata, _| set(metadata, key, value.clone()));
        assert!(found.contains(expected), "{key}: {found}, expected {expected}");
    }
    for missing in ["llada.block_count", "llada.embedding_length"] {
        let found = message(|metadata, _| metadata.retain(|(key, _)| key != missing));
        assert!(found.contains(&format!("field `{missing}` is missing")), "{found}");
    }
    let found = message(|metadata, _| metadata.retain(|(key, _)| key != "tokenizer.ggml.eos_token_id"));
    assert!(found.ends_with("`eos_token_id` is missing"), "{found}");
    let found = message(|_, tensors| tensors.retain(|(name, _)| name != "blk.1.attn_k.weight"));
    assert!(found.contains("has no tensor `blk.1.attn_k.weight` of shape [128, 256]"), "{found}");
    let found = message(|_, tensors| {
        let (_, up) = tensors.iter_mut().find(|(name, _)| name == "blk.0.ffn_up.weight").unwrap();
        *up = quantized(&Tensor::ones((256, 256), candle_core::DType::F32, &Device::Cpu).unwrap(), GgmlDType::Q8_0);
    });
    assert!(found.contains("tensor `blk.0.ffn_up.weight` has shape [256, 256], expected [512, 256]"), "{found}");
    let found = message(|_, tensors| {
        let factors = Tensor::ones(32, candle_core::DType::F32, &Device::Cpu).unwrap();
        tensors.push(("rope_freqs.weight".into(), quantized(&factors, GgmlDType::F32)));
    });
    assert!(found.contains("has a tensor `rope_freqs.weight` that the"), "{found}");
}

/// llama.cpp's converter writes for each channel pair by what its wave is stretched, and nothing of how that came about.
#[test]
fn a_stretched_rotary_embedding_stands_in_the_file_as_factors() {
    let (plain, gguf, mut model) = (Folder::new(), Folder::new(), Model::wide("llama"));
    let (factor, low, high, original) = (8.0, 1.0, 4.0, 64.0);
    model.config["rope_scaling"] = json!({
        "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
        "original_max_position_embeddings": original
    });
    let factors: Vec<f32> = (0..32)
        .map(|pair| {
            let wavelength = std::f64::consts::TAU * 1e4_f64.powf(f64::from(pair) / 32.0);
            let smooth = (original / wavelength - low) / (high - low);
            match () {
                () if wavelength < original / high => 1.0,
                () if wavelength > original / low => factor as f32,
                () => (1.0 / ((1.0 - smooth) / factor + smooth)) as f32,
            }
        })
        .collect();
    model.write_safetensors(&plain);
    let mut expected = load(plain.root());
    let mut tensors = model.converted(GgmlDType::F32);
    let path = gguf.path("m.gguf");
    write(&path, &model.metadata(), &tensors);
    let unstretched = distance(&logits(&mut *load(&path)), &logits(&mut *expected));
    assert!(unstretched > 1e-3, "the test is of no use: {unstretched}");
    let factors = Tensor::new(factors, &Device::Cpu).unwrap();
    tensors.push(("rope_freqs.weight".into(), quantized(&factors, GgmlDType::F32)));
    write(&path, &model.metadata(), &tensors);
    let distance = distance(&logits(&mut *load(&path)), &logits(&mut *expected));
    assert!(distance <= 1e-5, "logits differ by {distance}");
}

#[test]
fn a_llama_that_is_not_causal_is_no_llama() {
    let (folder, model) = (Folder::new(), Model::wide("llama"));
    let mut metadata = model.metadata();
    metadata.push(("llama.attention.causal".into(), Value::Bool(false)));
    let path = folder.path("m.gguf");
    write(&path, &metadata, &model.converted(GgmlDType::Q8_0));
    let message = Checkpoint::open(&path).unwrap_err().to_string();
    let expected = "its attention is not causal, and no denoiser of this architecture is supported (`llama`)";
    assert!(message.ends_with(expected), "{message}");
}

/// Bytes as the characters that byte-level BPE writes them as.
fn alphabet() -> Vec<String> {
    let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    alphabet.sort_unstable();
    alphabet.into_iter().map(String::from).collect()
}

/// Names of the added tokens of the vocabulary below, and their kinds in the file.
const ADDED: [(&str, i32); 5] =
    [("<|endoftext|>", 3), ("<|mdm_mask|>", 3), ("<|startoftext|>", 3), ("<think>", 4), ("[PAD261]", 5)];

/// Fields of a byte-level vocabulary with a few merges, cut by `pre`.
fn vocabulary(pre: &str) -> Vec<(String, Value)> {
    let merges = ["t h", "th e", "Ġ the", "1 2", "12 3", "Ċ Ċ"];
    let mut tokens = alphabet();
    let start = tokens.len() as u32;
    tokens.extend(ADDED.iter().map(|(name, _)| (*name).to_owned()));
    let mut kinds = vec![1; start as usize];
    kinds.extend(ADDED.iter().map(|(_, kind)| *kind));
    for merge in merges {
        tokens.push(merge.replace(' ', ""));
        kinds.push(1);
    }
    let texts = |texts: Vec<String>| Value::Array(texts.into_iter().map(Value::String).collect());
    [
        ("model", Value::String("gpt2".into())),
        ("pre", Value::String(pre.into())),
        ("tokens", texts(tokens)),
        ("token_type", Value::Array(kinds.into_iter().map(Value::I32).collect())),
        ("merges", texts(merges.map(str::to_owned).to_vec())),
        ("eos_token_id", Value::U32(start)),
        ("bos_token_id", Value::U32(start + 2)),
    ]
    .map(|(key, value)| (format!("tokenizer.ggml.{key}"), value))
    .to_vec()
}

/// A file of a tiny network with these fields besides its own.
fn with_fields(folder: &Folder, fields: Vec<(String, Value)>) -> PathBuf {
    let mut model = Model::golden("llada-tiny");
    model.config.as_object_mut().unwrap().remove("mask_token_id");
    let mut metadata = model.metadata();
    for (key, value) in fields {
        set(&mut metadata, &key, value);
    }
    let path = folder.path("m.gguf");
    write(&path, &metadata, &model.converted(GgmlDType::F16));
    path
}

#[test]
fn a_file_has_its_tokenizer_within() {
    let samples =
        ["the 12345 théâtre\n\n  of The's <think> I'll", "a<|mdm_mask|> b", "  1234.5 \r\n x  ", "🦀 e\u{301}"];
    for pre in ["qwen2", "llama-bpe", "gpt-2", "smollm", "bailingmoe"] {
        let folder = Folder::new();
        let path = with_fields(&folder, vocabulary(pre));
        let found = Checkpoint::open(&path).unwrap().tokenizer().unwrap();
        assert_eq!((found.eos_id(), found.mask_id(), found.vocab_size()), (256, Some(257), 267));
        // The tensor library reads such vocabularies, too. It takes names that it does not know for gpt-2's, and there it
        // puts a space before every text.
        let content = gguf_file::Content::read(&mut std::fs::File::open(&path).unwrap()).unwrap();
        let reference = (pre == "qwen2").then(|| tokenizers::Tokenizer::from_gguf(&content).unwrap());
        for text in samples {
            let ids = found.encode(text).unwrap();
            let composed = if pre == "qwen2" { text.replace("e\u{301}", "é") } else { text.to_owned() };
            assert_eq!(found.decode(&ids), composed, "{pre}");
            if let Some(reference) = &reference {
                assert_eq!(ids, reference.encode(text, false).unwrap().get_ids(), "{pre}: {text:?}");
            }
        }
        let names = |text: &str| -> Vec<String> {
            found.encode(text).unwrap().iter().map(|id| found.id_to_token(*id).unwrap()).collect()
        };
        let digits: &[&str] = match pre {
            "llama-bpe" | "gpt-2" => &["123", "4", "5"],
            _ => &["1", "2", "3", "4", "5"],
        };
        assert_eq!(names("12345"), digits, "{pre}");
        assert_eq!(names("the the"), ["the", "Ġthe"], "{pre}");
        assert_eq!(names("<think>the<|endoftext|>"), ["<think>", "the", "<|endoftext|>"], "{pre}");
        // Only the oldest expression takes line breaks one by one.
        let breaks: &[&str] = if ["gpt-2", "smollm"].contains(&pre) { &["Ċ", "Ċ"] } else { &["ĊĊ"] };
        assert_eq!(names("\n\nthe").split_last().unwrap().1, breaks, "{pre}");
    }
}

#[test]
fn mask_and_end_of_text_may_stand_in_the_vocabulary_alone() {
    let folder = Folder::new();
    let path = with_fields(&folder, vocabulary("bailingmoe"));
    let network = load(&path);
    assert_eq!((network.spec().mask_id, network.spec().eos_id), (Some(257), 256));
    let mut checkpoint = Checkpoint::open(&path).unwrap();
    let tokenizer = checkpoint.tokenizer().unwrap();
    checkpoint.give_mask(&"<think>".parse().unwrap(), &tokenizer).unwrap();
    let network = checkpoint.network(&ComputeDevice::cpu()).unwrap();
    assert_eq!(network.spec().mask_id, tokenizer.token_to_id("<think>"), "what is given goes before it");

    let mut model = Model::golden("llada-tiny");
    model.config.as_object_mut().unwrap().remove("mask_token_id");
    let mut metadata = model.metadata();
    metadata.retain(|(key, _)| key != "tokenizer.ggml.eos_token_id");
    metadata.extend(vocabulary("bailingmoe").into_iter().filter(|(key, _)| key != "tokenizer.ggml.eos_token_id"));
    write(&path, &metadata, &model.converted(GgmlDType::F16));
    let network = load(&path);
    assert_eq!((network.spec().mask_id, network.spec().eos_id), (Some(257), 256));
}

#[test]
fn prompts_follow_the_files_template_and_first_token() {
    let folder = Folder::new();
    let mut fields = vocabulary("bailingmoe");
    fields.push(("tokenizer.ggml.add_bos_token".into(), Value::Bool(true)));
    let raw = Checkpoint::open(&with_fields(&folder, fields.clone())).unwrap().tokenizer().unwrap();
    assert_eq!(raw.decode(&raw.encode_prompt("the").unwrap()), "<|startoftext|>the");
    assert_eq!(raw.decode(&raw.encode("the").unwrap()), "the");
    let template = "{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}";
    fields.push(("tokenizer.chat_template".into(), Value::String(template.into())));
    let path = with_fields(&folder, fields.clone());
    let chat = Checkpoint::open(&path).unwrap().tokenizer().unwrap();
    assert_eq!(chat.decode(&chat.encode_prompt("the").unwrap()), "<|startoftext|><user>the");
    // Whatever is wrong with a template, the file can be used without it.
    for flawed in [Value::String("{% for %}".into()), Value::U32(5)] {
        fields.push(("tokenizer.chat_template".into(), flawed));
        let chat = Checkpoint::open(&with_fields(&folder, fields.clone())).unwrap().tokenizer().unwrap();
        let message = chat.encode_prompt("the").unwrap_err().to_string();
        assert!(message.contains("m.gguf: ") && message.ends_with("; --raw does without a template"), "{message}");
        let bare = chat.without_template();
        assert_eq!(bare.decode(&bare.encode_prompt("the").unwrap()), "<|startoftext|>the");
    }
    fields.push(("tokenizer.chat_template".into(), Value::String(String::new())));
    assert!(!Checkpoint::open(&with_fields(&folder, fields)).unwrap().tokenizer().unwrap().has_template());
}

/// As llama.cpp does where the file is silent.
#[test]
fn a_text_that_is_cut_as_llama_3_does_begins_with_the_first_token_unless_the_file_says_no() {
    let folder = Folder::new();
    let prompt = |pre: &str, says: Option<bool>| {
        let mut fields = vocabulary(pre);
        fields.extend(says.map(|says| ("tokenizer.ggml.add_bos_token".to_owned(), Value::Bool(says))));
        let tokenizer = Checkpoint::open(&with_fields(&folder, fields)).unwrap().tokenizer().unwrap();
        tokenizer.decode(&tokenizer.encode_prompt("the").unwrap())
    };
    for (pre, says, expected) in [
        ("llama-bpe", None, "<|startoftext|>the"),
        ("llama-bpe", Some(false), "the"),
        ("qwen2", None, "the"),
        ("qwen2", Some(true), "<|startoftext|>the"),
    ] {
        assert_eq!(prompt(pre, says), expected, "{pre} {says:?}");
    }
}

#[test]
fn a_tokenizer_that_cannot_be_read_may_lie_beside_the_file() {
    let cases: [(&str, Option<Value>, &str); 5] = [
        ("tokens", None, "contains no vocabulary"),
        ("model", Some(Value::String("llama".into())), "of the kind `llama`, of which only gpt2 is read"),
        ("pre", Some(Value::String("kimi-k2".into())), "cuts text into words by `kimi-k2`, which is not known here"),
        ("merges", Some(Value::Array(vec![Value::String("the".into())])), "a merge `the` that is no pair of tokens"),
        ("merges", Some(Value::Array(vec![Value::String("q q".into())])), "does not fit together"),
    ];
    for (field, value, expected) in cases {
        let folder = Folder::new();
        let key = format!("tokenizer.ggml.{field}");
        let mut fields = vocabulary("qwen2");
        fields.retain(|(known, _)| *known != key);
        fields.extend(value.map(|value| (key, value)));
        fields.push(("tokenizer.ggml.mask_token_id".into(), Value::U32(257)));
        let path = with_fields(&folder, fields);
        let checkpoint = Checkpoint::open(&path).unwrap();
        let message = checkpoint.tokenizer().unwrap_err().to_string();
        assert!(
            message.contains(expected) && message.ends_with("put the model's tokenizer.json beside it"),
            "{message}"
        );
        folder.write("tokenizer.json", tokenizer_json());
        assert_eq!(checkpoint.tokenizer().unwrap().eos_id(), 256);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_tokenizer_may_lie_beside_a_file_whose_path_is_no_text() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let folder = Folder::new();
    let file = with_fields(&folder, vec![("tokenizer.ggml.mask_token_id".into(), Value::U32(257))]);
    let odd = folder.root().join(OsStr::from_bytes(b"n\xFF"));
    std::fs::create_dir(&odd).unwrap();
    std::fs::rename(file, odd.join(OsStr::from_bytes(b"m\xFF.gguf"))).unwrap();
    std::fs::write(odd.join("tokenizer.json"), tokenizer_json()).unwrap();
    let located =
        Source::Path(odd).locate(&|| unreachable!("no hub is asked"), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(Checkpoint::open(&located.path.unwrap()).unwrap().tokenizer().unwrap().eos_id(), 256);
}

#[test]
fn merges_that_make_too_long_a_token_are_refused() {
    let folder = Folder::new();
    let mut fields = vocabulary("qwen2");
    let tokens = ["a", "b", "<>"].map(|token| Value::String(token.into()));
    set(&mut fields, "tokenizer.ggml.tokens", Value::Array(tokens.to_vec()));
    set(&mut fields, "tokenizer.ggml.merges", Value::Array(vec![Value::String("<> a".into())]));
    fields.push(("tokenizer.ggml.mask_token_id".into(), Value::U32(2)));
    fields.retain(|(key, _)| !key.ends_with("token_type"));
    let message = Checkpoint::open(&with_fields(&folder, fields)).unwrap().tokenizer().unwrap_err().to_string();
    assert!(message.contains("does not fit together: a merge makes a token that the vocabulary lacks"), "{message}");
}

/// A `tokenizer.json` of single bytes and an end of text.
fn tokenizer_json() -> String {
    let vocabulary: tokenizers::models::bpe::Vocab = alphabet().into_iter().zip(0..).collect();
    let model = BPE::builder().vocab_and_merges(vocabulary, Vec::new()).build().unwrap();
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, false)));
    tokenizer.add_special_tokens([tokenizers::AddedToken::from("<|endoftext|>", true)]).unwrap();
    tokenizer.to_string(false).unwrap()
}
