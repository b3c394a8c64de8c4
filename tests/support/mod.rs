//! What several test files share: a tokenizer, a scripted network, a tiny untrained pair in folders.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::Receiver,
    },
};

use diffuscope::{
    engine::Models,
    model::{
        network::{Alignment, Attention, Logits, Network, NetworkError, NetworkSpec, Pass},
        tokenizer::Tokenizer,
    },
    tasks::{self, Options},
    trace::{End, Entry, Header, Log, ModelCard},
    train::vocabulary::{self, Vocabulary},
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

/// What a scripted network does instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Fails with an error.
    Error,
    /// Panics.
    Panic,
    /// Answers NaN everywhere.
    Nan,
}

/// A denoiser that knows its answer: the token for position `p` is `answer[p - prompt]`, more certain to the left.
pub struct Scripted {
    spec: NetworkSpec,
    answer: Vec<u32>,
    prompt: usize,
    /// Forwards left until the mishap.
    mishap: Option<(usize, Mishap)>,
    /// Where there is one, each forward takes a permit first.
    gate: Option<Receiver<()>>,
    resets: Arc<AtomicUsize>,
}

impl Scripted {
    /// Answers `answer` to `prompt`, then end of text.
    pub fn new(tokenizer: &Tokenizer, prompt: &str, answer: &str) -> Self {
        Self {
            spec: NetworkSpec {
                architecture: "Scripted".into(),
                vocab_size: vocabulary().padded,
                mask_id: tokenizer.mask_id(),
                eos_id: tokenizer.eos_id(),
                max_positions: 512,
                layers: 1,
                parameters: 0,
                attention: Attention::Bidirectional,
                alignment: Alignment::Aligned,
            },
            answer: tokenizer.encode(answer).unwrap(),
            prompt: tokenizer.encode_prompt(prompt).unwrap().len(),
            mishap: None,
            gate: None,
            resets: Arc::default(),
        }
    }

    /// Has a mishap at forward number `at`, from 0, and none after it.
    pub fn with_mishap(mut self, at: usize, mishap: Mishap) -> Self {
        self.mishap = Some((at, mishap));
        self
    }

    /// Waits for a permit before each forward.
    pub fn with_gate(mut self, gate: Receiver<()>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Counts how often it was reset; dropped with the network.
    pub fn resets(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.resets)
    }
}

impl Network for Scripted {
    fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    fn reset(&mut self) {
        self.resets.fetch_add(1, Ordering::SeqCst);
    }

    fn crop(&mut self, _len: usize) {}

    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
        if let Some(gate) = &self.gate {
            // A closed gate is an open one: the test has seen enough.
            let _ = gate.recv();
        }
        let mishap = match &mut self.mishap {
            Some((0, mishap)) => Some(*mishap),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        if mishap.is_some() {
            self.mishap = None;
        }
        let mut values = vec![0.0; pass.wanted.len() * self.spec.vocab_size];
        match mishap {
            Some(Mishap::Error) => return Err(NetworkError::Backend("scripted failure".into())),
            Some(Mishap::Panic) => panic!("scripted panic"),
            Some(Mishap::Nan) => values.fill(f32::NAN),
            None => {
                for (row, wanted) in values.chunks_mut(self.spec.vocab_size).zip(pass.wanted) {
                    let index = pass.positions[*wanted] - self.prompt;
                    let token = self.answer.get(index).copied().unwrap_or(self.spec.eos_id);
                    row[token as usize] = 20.0 - index as f32 * 0.01;
                }
            }
        }
        Ok(Logits::new(self.spec.vocab_size, values))
    }
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
        },
        guide_card: None,
        filter: None,
    }
}

/// A log out of its parts, with every duration set to 0.
pub fn timeless(header: &Header, entries: &[Arc<Entry>], end: Option<&End>) -> Log {
    let mut log = Log::new(header.clone());
    for entry in entries {
        let mut entry = Entry::clone(entry);
        let cost = &mut entry.record.cost;
        (cost.denoiser_us, cost.guide_us, cost.other_us) = (0, 0, 0);
        log.push(Arc::new(entry));
    }
    if let Some(end) = end {
        log.finish(end.clone());
    }
    log
}

/// A folder that is removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty folder.
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("diffuscope-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
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
    let mut shapes = vec![
        ("model.embed_tokens.weight".to_owned(), vec![vocab, HIDDEN]),
        ("lm_head.weight".to_owned(), vec![vocab, HIDDEN]),
        ("model.norm.weight".to_owned(), vec![HIDDEN]),
    ];
    for layer in 0..2 {
        let mut add =
            |name: &str, shape: &[usize]| shapes.push((format!("model.layers.{layer}.{name}"), shape.to_vec()));
        for part in ["q_proj", "k_proj", "v_proj"] {
            add(&format!("self_attn.{part}.weight"), &[HIDDEN, HIDDEN]);
            add(&format!("self_attn.{part}.bias"), &[HIDDEN]);
        }
        add("self_attn.o_proj.weight", &[HIDDEN, HIDDEN]);
        add("mlp.gate_proj.weight", &[INNER, HIDDEN]);
        add("mlp.up_proj.weight", &[INNER, HIDDEN]);
        add("mlp.down_proj.weight", &[HIDDEN, INNER]);
        add("input_layernorm.weight", &[HIDDEN]);
        add("post_attention_layernorm.weight", &[HIDDEN]);
    }
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let bytes: HashMap<String, (Vec<usize>, Vec<u8>)> = shapes
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
