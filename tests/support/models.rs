//! Vocabularies, and models that have them: a scripted one that knows its answer, an untrained pair in folders.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use diffuscope::{
    decode::filter::Filter,
    engine::Models,
    model::{checkpoint::Checkpoint, device::ComputeDevice, network::Alignment, tokenizer::Tokenizer},
    tasks::{self, Options},
    trace::{Log, ModelCard},
    train::vocabulary::{self, Vocabulary},
};
use tokenizers::{
    AddedToken, NormalizerWrapper, PostProcessorWrapper, TokenizerBuilder,
    models::bpe::{BPE, BpeTrainer},
    pre_tokenizers::byte_level::ByteLevel,
};

use super::{
    files::Folder,
    scripted::{Scripted, favour_among},
};

/// A vocabulary of the real kind, from few samples.
pub fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(|| {
        let samples = (0..1000).map(|index| tasks::generate_mixed(1, index, Options::default()));
        vocabulary::build(samples).unwrap()
    })
}

/// The tokenizer of [`vocabulary`].
pub fn tokenizer() -> Tokenizer {
    Tokenizer::from_bytes(vocabulary().json.as_bytes()).unwrap()
}

/// A byte-level BPE as Qwen2, Dream and `LLaDA` have it, trained on the spot; `specials` are its first tokens.
pub fn byte_level(size: usize, specials: &[&str], corpus: &[&str]) -> tokenizers::Tokenizer {
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(size)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(specials.iter().map(|name| AddedToken::from(*name, true)).collect())
        .build();
    let mut raw = TokenizerBuilder::<BPE, NormalizerWrapper, ByteLevel, PostProcessorWrapper, ByteLevel>::default()
        .with_model(BPE::default())
        .with_pre_tokenizer(Some(ByteLevel::new(false, false, true)))
        .with_decoder(Some(ByteLevel::new(false, false, true)))
        .build()
        .unwrap();
    raw.train(&mut trainer, corpus.iter().map(|text| (*text).to_owned())).unwrap();
    raw.to_string(false).unwrap().parse().unwrap()
}

/// A denoiser that knows its answer to `prompt`: `answer`, then end of text, more certain to the left.
pub fn answering(prompt: &str, answer: &str) -> Scripted {
    let tokenizer = tokenizer();
    let (vocab, end) = (vocabulary().padded, tokenizer.eos_id());
    let (start, answer) = (tokenizer.encode_prompt(prompt).unwrap().len(), tokenizer.encode(answer).unwrap());
    let script = move |position: usize, _: &[Option<u32>]| {
        let index = position - start;
        favour_among(vocab, answer.get(index).copied().unwrap_or(end), 20.0 - index as f32 * 0.01)
    };
    Scripted::denoiser(Alignment::Aligned, script)
        .with_vocabulary(vocab)
        .with_mask(tokenizer.require_mask().unwrap())
        .with_end(end)
        .with_context(512)
}

/// Models with `network` as the denoiser and no guide.
pub fn models(network: Scripted) -> Models {
    Models {
        denoiser: Box::new(network),
        guide: None,
        tokenizer: Arc::new(tokenizer()),
        guide_tokenizer: None,
        denoiser_card: ModelCard {
            name: "scripted".into(),
            architecture: "Scripted".into(),
            parameters: 0,
            layers: 1,
            device: "cpu".into(),
            fingerprint: None,
            chats: false,
            shape: None,
        },
        guide_card: None,
        filter: None,
        peak: None,
        modelled_rate: None,
    }
}

/// Writes a denoiser and a guide of two layers, in the layout of published checkpoints, to `denoiser/` and `guide/` of
/// `folder`. Their weights are drawn at random: they answer nonsense, and go through every motion of a trained pair.
pub fn untrained_pair(folder: &Folder) {
    for (name, model_type, seed) in [("denoiser", "Dream", 1), ("guide", "qwen2", 2)] {
        let path = folder.path(name);
        std::fs::create_dir_all(&path).unwrap();
        untrained(&path, model_type, seed);
    }
}

/// Spells a token of the answer that `log` holds, and that its prompt does not, as `text` from now on: the denoiser of
/// `folder` then gives the same ids and another text.
pub fn respell(folder: &Folder, log: &Log, text: &str) {
    let path = folder.path("denoiser/tokenizer.json");
    let mut tokenizer: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let ids: Vec<u32> = log.canvas(log.len()).ids().collect();
    let (prompt, answer) = ids.split_at(log.header().prompt_ids.len());
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    let is_word = |(word, id): &(&String, &serde_json::Value)| {
        let id = id.as_u64().unwrap() as u32;
        !word.starts_with('<') && answer.contains(&id) && !prompt.contains(&id)
    };
    let word = vocabulary.iter().find(is_word).map(|(word, _)| word.clone()).expect("the answer has a word");
    let id = vocabulary.remove(&word).unwrap();
    vocabulary.insert(text.to_owned(), id);
    std::fs::write(path, tokenizer.to_string()).unwrap();
}

/// Writes such a denoiser as `denoiser.gguf` of `folder`, in blocks that are multiplied with where they lie in the file,
/// and its tokenizer beside it.
pub fn untrained_gguf(folder: &Folder) -> PathBuf {
    use candle_core::{
        Device, Tensor,
        quantized::{
            GgmlDType, QTensor,
            gguf_file::{self, Value},
        },
    };

    const HIDDEN: usize = 32;
    const INNER: usize = 64;
    const PARTS: [(&str, &str); 13] = [
        ("model.layers.", "blk."),
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("post_attention_layernorm", "ffn_norm"),
        ("input_layernorm", "attn_norm"),
    ];
    let stored = |name: &str| PARTS.iter().fold(name.to_owned(), |name, (published, own)| name.replace(published, own));
    let tokenizer = tokenizer();
    let count = |count: usize| Value::U32(count as u32);
    let metadata = [
        ("general.architecture", Value::String("dream".into())),
        ("dream.block_count", count(2)),
        ("dream.context_length", count(256)),
        ("dream.embedding_length", count(HIDDEN)),
        ("dream.feed_forward_length", count(INNER)),
        ("dream.attention.head_count", count(2)),
        ("dream.attention.layer_norm_rms_epsilon", Value::F32(1e-6)),
        ("dream.attention.causal", Value::Bool(false)),
        ("tokenizer.ggml.eos_token_id", Value::U32(tokenizer.eos_id())),
        ("tokenizer.ggml.mask_token_id", Value::U32(tokenizer.require_mask().unwrap())),
    ];
    let tensors: Vec<(String, QTensor)> = shapes(HIDDEN, INNER)
        .into_iter()
        .map(|(name, shape)| {
            let kind = if shape.len() == 1 { GgmlDType::F32 } else { GgmlDType::Q8_0 };
            let tensor = Tensor::full(0.1_f32, shape, &Device::Cpu).unwrap();
            (stored(&name), QTensor::quantize(&tensor, kind).unwrap())
        })
        .collect();
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let path = folder.path("denoiser.gguf");
    gguf_file::write(&mut std::fs::File::create(&path).unwrap(), &metadata, &tensors).unwrap();
    folder.write("tokenizer.json", &vocabulary().json);
    folder.write("chat_template.jinja", diffuscope::model::template::EMBEDDED);
    path
}

fn untrained(folder: &Path, model_type: &str, seed: u64) {
    use rand::Rng;
    use rand::SeedableRng;
    use safetensors::tensor::{Dtype, TensorView};

    const HIDDEN: usize = 16;
    const INNER: usize = 32;
    let vocab = vocabulary().padded;
    let tokenizer = tokenizer();
    let config = serde_json::json!({
        "model_type": model_type,
        "vocab_size": vocab,
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "mask_token_id": tokenizer.mask_id(),
        "eos_token_id": tokenizer.eos_id(),
    });
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let bytes: HashMap<String, (Vec<usize>, Vec<u8>)> = shapes(HIDDEN, INNER)
        .into_iter()
        .map(|(name, shape)| {
            let values = (0..shape.iter().product()).map(|_| random.random_range(-1.0_f32..1.0));
            let bytes = values.flat_map(f32::to_le_bytes).collect();
            (name, (shape, bytes))
        })
        .collect();
    let tensors = bytes
        .iter()
        .map(|(name, (shape, bytes))| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let weights = safetensors::serialize(tensors, None).unwrap();
    std::fs::write(folder.join("model.safetensors"), weights).unwrap();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    std::fs::write(folder.join("tokenizer.json"), &vocabulary().json).unwrap();
    std::fs::write(folder.join("chat_template.jinja"), diffuscope::model::template::EMBEDDED).unwrap();
}

/// Sets every number of a tensor of the pair in `folder`.
pub fn damage(folder: &Folder, model: &str, tensor: &str, value: f32) {
    let path = folder.path(model).join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let (start, end) = metadata.info(tensor).unwrap().data_offsets;
    for number in bytes[8 + header..][start..end].chunks_exact_mut(4) {
        number.copy_from_slice(&value.to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

/// The pair in `folder` with all that a preset may need; prompts are read as they are.
pub fn raw_pair(folder: &Folder) -> Models {
    let open = |name| Checkpoint::open(&folder.path(name)).unwrap().network(&ComputeDevice::cpu()).unwrap();
    let models = models(answering("", ""));
    Models {
        denoiser: open("denoiser"),
        guide: Some(open("guide")),
        guide_card: Some(models.denoiser_card.clone()),
        tokenizer: Arc::new(tokenizer().without_template()),
        filter: Some(Filter::parse(include_str!("../../assets/filter.json")).unwrap()),
        ..models
    }
}

/// The tensors of two layers, under their published names.
fn shapes(hidden: usize, inner: usize) -> Vec<(String, Vec<usize>)> {
    let vocab = vocabulary().padded;
    let mut shapes = vec![
        ("model.embed_tokens.weight".to_owned(), vec![vocab, hidden]),
        ("lm_head.weight".to_owned(), vec![vocab, hidden]),
        ("model.norm.weight".to_owned(), vec![hidden]),
    ];
    for layer in 0..2 {
        let mut add =
            |name: &str, shape: &[usize]| shapes.push((format!("model.layers.{layer}.{name}"), shape.to_vec()));
        for part in ["q_proj", "k_proj", "v_proj"] {
            add(&format!("self_attn.{part}.weight"), &[hidden, hidden]);
            add(&format!("self_attn.{part}.bias"), &[hidden]);
        }
        add("self_attn.o_proj.weight", &[hidden, hidden]);
        add("mlp.gate_proj.weight", &[inner, hidden]);
        add("mlp.up_proj.weight", &[inner, hidden]);
        add("mlp.down_proj.weight", &[hidden, inner]);
        add("input_layernorm.weight", &[hidden]);
        add("post_attention_layernorm.weight", &[hidden]);
    }
    shapes
}
