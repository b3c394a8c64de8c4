//! A checkpoint: configuration and weights together, from a folder, a GGUF file or embedded bytes.
//!
//! This is where mask token and end of text are settled. The mask token is the one that is given, else that of the
//! configuration, else that of the tokenizer (A2D); the end of text may stand in the files beside the configuration alone.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;

use crate::files;
use crate::model::arch::{Arch, ArchSpec};
use crate::model::config::{TokenIds, fields, in_vocabulary};
use crate::model::device::ComputeDevice;
use crate::model::gguf::{GgufFile, GgufTokenizerError};
use crate::model::known::ModelRole;
use crate::model::mask::{self, MaskToken};
use crate::model::network::{Attention, Network, NetworkSpec};
use crate::model::slots::{FIRST_SLOTS, room_for};
use crate::model::tokenizer::Tokenizer;
use crate::model::transformer::Transformer;
use crate::model::weights::{BegunFile, LoadError, ProgressCallback, Weights};

/// A checkpoint whose files have been read but not yet turned into a network.
#[derive(Debug)]
pub struct Checkpoint {
    /// The folder, or what stands for it; `None` of a single file.
    folder: Option<PathBuf>,
    /// The configuration's name in messages.
    config_file: String,
    config: Cow<'static, [u8]>,
    arch: &'static Arch,
    weights: Weights,
    /// The mask token that was given.
    given_mask: Option<u32>,
    /// Mask token and end of text by the other files; looked for where the configuration is silent.
    tokens_beside: OnceLock<TokensBeside>,
}

/// The tokens that the files beside a configuration name.
#[derive(Debug, Clone, Copy)]
struct TokensBeside {
    mask: Option<u32>,
    end: Option<u32>,
}

/// Where the reference library keeps what it generates with.
const GENERATION: &str = "generation_config.json";

/// The field that also stands there.
#[derive(Deserialize)]
struct EosField {
    #[serde(default)]
    eos_token_id: TokenIds,
}

impl Checkpoint {
    /// Opens a folder or a `.gguf` file.
    ///
    /// A folder is in the layout of the published repositories: `config.json`, `model.safetensors` or an index and the
    /// files that it names, and the tokenizer's files where the mask token stands there alone.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")) && !path.is_dir() {
            Self::from_gguf(GgufFile::open(path)?)
        } else {
            Self::folder(path)
        }
    }

    /// Takes an opened GGUF file.
    pub fn from_gguf(file: GgufFile) -> Result<Self, LoadError> {
        let config = file.config_json()?;
        let config_file = file.file().to_owned();
        let arch = Arch::of_config(&config_file, &config)?;
        let (weights, config) = (Weights::from_gguf(file), config.into());
        let (folder, given_mask, tokens_beside) = (None, None, OnceLock::new());
        Ok(Self { folder, config_file, config, arch, weights, given_mask, tokens_beside })
    }

    /// Opens the small files of a folder whose weights are still to come: of those it knows what an index says.
    pub(crate) fn awaited(folder: &Path) -> Result<Self, LoadError> {
        Self::of_folder(folder, Weights::awaited)
    }

    fn folder(folder: &Path) -> Result<Self, LoadError> {
        Self::of_folder(folder, Weights::open_folder)
    }

    fn of_folder(folder: &Path, weights: impl Fn(&Path) -> Result<Weights, LoadError>) -> Result<Self, LoadError> {
        let path = folder.join("config.json");
        let file = path.display().to_string();
        let config = files::read(&path).map_err(|error| LoadError::Read { file: file.clone(), error })?;
        // The small file first: an unknown architecture should not cost reading the weights.
        let arch = Arch::of_config(&file, &config)?;
        let weights = weights(folder)?;
        let (config, folder, given_mask, tokens_beside) =
            (config.into(), Some(folder.to_owned()), None, OnceLock::new());
        Ok(Self { folder, config_file: file, config, arch, weights, given_mask, tokens_beside })
    }

    /// Takes bytes that are part of the program; `name` stands for the folder in messages.
    pub fn embedded(name: &str, config: &'static [u8], weights: &'static [u8]) -> Result<Self, LoadError> {
        Self::from_bytes(name, config, weights)
    }

    /// Takes the bytes of a `config.json` and of a safetensors file; `name` stands for their folder in messages.
    pub fn from_bytes(
        name: &str,
        config: impl Into<Cow<'static, [u8]>>,
        weights: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Self, LoadError> {
        let (config_file, config) = (format!("{name}/config.json"), config.into());
        let arch = Arch::of_config(&config_file, &config)?;
        let weights = Weights::from_bytes(format!("{name}/model.safetensors"), weights)?;
        let (folder, given_mask, tokens_beside) = (Some(PathBuf::from(name)), None, OnceLock::new());
        Ok(Self { folder, config_file, config, arch, weights, given_mask, tokens_beside })
    }

    /// Sets the mask token of a denoiser, whatever configuration and tokenizer say.
    #[must_use]
    pub fn with_mask(mut self, id: u32) -> Self {
        self.given_mask = Some(id);
        self
    }

    /// The same by what a person gave: a name is looked up in `tokenizer` exactly as it stands.
    ///
    /// # Errors
    /// Where the tokenizer has no such token, or the network no row for it.
    pub fn give_mask(&mut self, mask: &MaskToken, tokenizer: &Tokenizer) -> Result<(), LoadError> {
        let rows = self.spec()?.dims.vocab;
        let missing = || LoadError::MaskName { file: tokenizer.origin().to_owned(), name: mask.to_string() };
        let id = mask.id(tokenizer).ok_or_else(missing)?;
        if id as usize >= rows {
            return Err(LoadError::MaskId { file: self.config_file.clone(), id, rows });
        }
        self.given_mask = Some(id);
        Ok(())
    }

    /// The tokenizer: that of a GGUF file, or what a folder holds.
    ///
    /// # Errors
    /// Where there is none, or it is damaged; of an embedded checkpoint, which has none of its own.
    pub fn tokenizer(&self) -> Result<Tokenizer, GgufTokenizerError> {
        match self.weights.gguf() {
            Some(gguf) => gguf.tokenizer(),
            None => Ok(Tokenizer::open(self.folder.as_deref().unwrap_or(Path::new("")))?),
        }
    }

    /// Whether the configuration can be run, and whether the tensors are those that it asks for: nothing of them is read.
    pub fn check_tensors(&self) -> Result<(), LoadError> {
        self.weights.check(&self.spec()?)
    }

    /// The same of a file that has only begun to come, of weights that are awaited; `None` where it has begun far enough,
    /// else how many bytes would do.
    pub(crate) fn check_beginning(&self, begun: &BegunFile<'_>) -> Result<Option<u64>, LoadError> {
        self.weights.check_beginning(begun, &self.spec()?)
    }

    /// Whether the network can do this in a run: a denoiser has a mask token, a guide attends to earlier positions alone.
    pub fn check_role(&self, role: ModelRole) -> Result<(), LoadError> {
        let (file, architecture) = (self.config_file.clone(), self.arch.label.to_owned());
        match (role, self.arch.denoises()) {
            (ModelRole::Denoiser, false) => {
                // A GGUF file says it by a flag of its own.
                let denoisers = self.arch.denoisers_of_its_body().filter(|_| self.folder.is_some());
                Err(LoadError::Causal { file, architecture, denoisers: denoisers.map(str::to_owned).collect() })
            }
            (ModelRole::Guide, true) => Err(LoadError::Bidirectional { file, architecture }),
            _ => Ok(()),
        }
    }

    /// Whether the network has a row for every token of `tokenizer`, the checkpoint's own, and mask token and end of text
    /// are among them.
    pub fn check_tokens(&self, tokenizer: &Tokenizer) -> Result<(), LoadError> {
        let rows = self.spec()?.dims.vocab;
        if let Some((token, id)) = tokenizer.last_token().filter(|(_, id)| *id as usize >= rows) {
            return Err(LoadError::NoRow { file: tokenizer.origin().to_owned(), token, id, rows });
        }
        self.tokens_beside.get_or_init(|| self.look_beside(Some(tokenizer)));
        self.specs().map(drop)
    }

    /// What distinguishes configuration and weights from those of other checkpoints, as 32 hexadecimal digits: the same
    /// for the same files, wherever they lie, and whether or not the weights are in several of them. A small part of
    /// every tensor is read.
    pub fn fingerprint(&self) -> String {
        self.weights.fingerprint(&self.config)
    }

    /// Reports to `watch` how far loading has come, from within [`Self::network`].
    pub fn watch(&mut self, watch: ProgressCallback) {
        self.weights.watch(watch);
    }

    /// Bytes of memory that the network takes on `device` with K/V rows for `positions` positions: weights as they are
    /// kept there and the rows of the run. Activations come on top; they are small beside both.
    pub fn memory_need(&self, positions: usize, device: &ComputeDevice) -> Result<u64, LoadError> {
        let spec = self.spec()?;
        let (dims, limit) = (spec.dims, spec.dims.max_positions);
        let rows = room_for(positions.min(limit), FIRST_SLOTS.min(limit), limit);
        // Each is a number of 32 bits, and no file need hold what their product claims.
        let factors = [rows, 2, dims.layers, dims.kv_heads, dims.head_dim, device.dtype().size_in_bytes()];
        let kept = factors.into_iter().fold(1, |product: u64, factor| product.saturating_mul(factor as u64));
        Ok(self.weights.kept_bytes(spec.table().as_deref(), device).saturating_add(kept))
    }

    /// What the architecture is called, for people.
    pub fn architecture(&self) -> Result<String, LoadError> {
        Ok(self.spec()?.arch.label.to_owned())
    }

    /// Which positions the network attends to: a denoiser to all, a guide to earlier ones.
    pub fn attention(&self) -> Result<Attention, LoadError> {
        Ok(self.spec()?.arch.attention)
    }

    /// Number of weights, tied ones counted once.
    pub fn parameters(&self) -> Result<u64, LoadError> {
        Ok(self.weights.elements(self.spec()?.spare_head().as_deref()) as u64)
    }

    /// Bytes of the tensors as they are stored.
    pub fn bytes(&self) -> u64 {
        self.weights.stored_bytes()
    }

    /// The network, whatever its architecture.
    pub fn network(&self, device: &ComputeDevice) -> Result<Box<dyn Network>, LoadError> {
        Ok(Box::new(self.transformer(device)?))
    }

    /// The network as what it is made of, for views into its K/V rows.
    pub fn transformer(&self, device: &ComputeDevice) -> Result<Transformer, LoadError> {
        let (spec, network) = self.specs()?;
        let transformer = Transformer::load(&spec, network, &self.weights, device)?;
        self.weights.finish(self.arch.label, spec.spare_head().as_deref())?;
        Ok(transformer)
    }

    /// What the configuration asks for.
    fn spec(&self) -> Result<ArchSpec, LoadError> {
        (self.arch.read)(self.arch, &self.config).map_err(|reason| self.wrong(reason))
    }

    fn wrong(&self, reason: String) -> LoadError {
        LoadError::Config { file: self.config_file.clone(), reason }
    }

    /// What the configuration asks for, and the facts that decoding depends on: mask token and end of text are settled.
    fn specs(&self) -> Result<(ArchSpec, NetworkSpec), LoadError> {
        let wrong = |reason| self.wrong(reason);
        let spec = self.spec()?;
        let vocab = spec.dims.vocab;
        let end = spec.eos_id.or_else(|| self.tokens_beside().end);
        in_vocabulary("eos_token_id", end, vocab).map_err(wrong)?;
        let mut mask = None;
        if self.arch.denoises() {
            mask = self.given_mask.or(spec.mask_id).or_else(|| self.tokens_beside().mask);
            if mask.is_none() {
                return Err(LoadError::NoMask { file: self.config_file.clone(), expected: mask::names() });
            }
            in_vocabulary("mask token", mask, vocab).map_err(wrong)?;
        }
        let network = spec.network(mask, end.unwrap_or_default());
        Ok((spec, network))
    }

    fn tokens_beside(&self) -> TokensBeside {
        // A tokenizer that is missing or damaged names none: opening it for a run says what is wrong with it.
        *self.tokens_beside.get_or_init(|| self.look_beside(self.tokenizer().ok().as_ref()))
    }

    fn look_beside(&self, tokenizer: Option<&Tokenizer>) -> TokensBeside {
        let generation = self.folder.as_ref().and_then(|folder| files::read(&folder.join(GENERATION)).ok());
        TokensBeside {
            mask: tokenizer.and_then(Tokenizer::mask_id),
            end: generation.and_then(|config| end_of(&config)).or_else(|| tokenizer.map(Tokenizer::eos_id)),
        }
    }
}

/// The end of text that a configuration names.
fn end_of(config: &[u8]) -> Option<u32> {
    fields::<EosField>(config).ok()?.eos_token_id.first()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use safetensors::tensor::Dtype;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::arch::ARCHS;
    use crate::model::testing::Tiny;

    fn load(tiny: &Tiny) -> Result<Box<dyn Network>, LoadError> {
        Checkpoint::open(tiny.write().path())?.network(&ComputeDevice::cpu())
    }

    fn message(tiny: &Tiny) -> String {
        load(tiny).err().expect("the checkpoint is damaged").to_string()
    }

    #[test]
    fn a_folder_becomes_a_network() {
        let network = load(&Tiny::new("Dream", false)).unwrap();
        let spec = network.spec();
        assert_eq!((spec.architecture.as_str(), spec.mask_id, spec.eos_id), ("Dream", Some(1), 0));
    }

    #[test]
    fn a_tied_head_needs_no_tensor_and_counts_once() {
        let tied = load(&Tiny::new("qwen2", true)).unwrap().spec().parameters;
        let untied = load(&Tiny::new("qwen2", false)).unwrap().spec().parameters;
        assert_eq!(untied - tied, 24 * 16);
    }

    /// A `tokenizer.json` of words whose ids are their places.
    fn tokenizer(words: &[&str]) -> String {
        let vocab: serde_json::Map<_, _> =
            words.iter().copied().map(str::to_owned).zip((0..).map(Value::from)).collect();
        json!({"model": {"type": "WordLevel", "vocab": vocab, "unk_token": "a"}, "added_tokens": []}).to_string()
    }

    #[test]
    fn the_mask_is_the_one_given_or_of_the_configuration_or_of_the_tokenizer() {
        for arch in ARCHS.iter().filter(|arch| arch.denoises()) {
            let mut tiny = Tiny::new(arch.model_type, true);
            let mask = |tiny: &Tiny, given: Option<&str>, word: &str| {
                let folder = tiny.write();
                std::fs::write(folder.path().join("tokenizer.json"), tokenizer(&["</s>", "a", "b", word])).unwrap();
                let mut checkpoint = Checkpoint::open(folder.path()).unwrap();
                let tokenizer = checkpoint.tokenizer().unwrap();
                if let Some(given) = given {
                    checkpoint.give_mask(&given.parse().unwrap(), &tokenizer)?;
                }
                checkpoint.check_tokens(&tokenizer)?;
                checkpoint.network(&ComputeDevice::cpu()).map(|network| network.spec().mask_id)
            };
            assert_eq!(mask(&tiny, None, "<|mask|>").unwrap(), Some(1), "the configuration goes first");
            assert_eq!(mask(&tiny, Some("7"), "<|mask|>").unwrap(), Some(7), "what is given goes before all");
            assert_eq!(mask(&tiny, Some("<blank>"), "<blank>").unwrap(), Some(3));
            tiny.config.as_object_mut().unwrap().remove("mask_token_id");
            for name in mask::NAMES {
                assert_eq!(mask(&tiny, None, name).unwrap(), Some(3), "{name}");
            }
            let message = mask(&tiny, None, "<blank>").unwrap_err().to_string();
            assert!(message.contains("names no mask token") && message.contains("<[MASK]>"), "{message}");
            assert!(message.ends_with("name one with --mask-token, by its text or its id"), "{message}");
            let message = mask(&tiny, Some("<Blank>"), "<blank>").unwrap_err().to_string();
            assert!(message.contains("tokenizer.json has no token \"<Blank>\" to be the mask: "), "{message}");
            let message = mask(&tiny, Some("24"), "<blank>").unwrap_err().to_string();
            assert!(message.contains("token 24 cannot be the mask: --mask-token takes an id below 24"), "{message}");
        }
    }

    #[test]
    fn what_names_no_mask_can_still_be_described() {
        let mut tiny = Tiny::new("a2d-qwen3", true);
        tiny.config["mask_token_id"] = json!(null);
        let checkpoint = Checkpoint::open(tiny.write().path()).unwrap();
        assert_eq!(checkpoint.architecture().unwrap(), "A2D-Qwen3");
        assert_eq!(checkpoint.attention().unwrap(), Attention::Bidirectional);
        assert!(checkpoint.memory_need(1, &ComputeDevice::cpu()).unwrap() > 0);
        assert!(checkpoint.network(&ComputeDevice::cpu()).is_err());
    }

    #[test]
    fn the_end_of_text_may_stand_beside_the_configuration() {
        for (arch, is_absent) in ARCHS.iter().flat_map(|arch| [(arch, false), (arch, true)]) {
            let mut tiny = Tiny::new(arch.model_type, true);
            tiny.config["eos_token_id"] = json!(null);
            if is_absent {
                tiny.config.as_object_mut().unwrap().remove("eos_token_id");
            }
            let folder = tiny.write();
            let end = || {
                let network = Checkpoint::open(folder.path())?.network(&ComputeDevice::cpu());
                network.map(|network| network.spec().eos_id)
            };
            let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
            assert!(end().unwrap_err().to_string().ends_with("config.json: `eos_token_id` is missing"));
            put("tokenizer.json", &tokenizer(&["a", "b", "</s>"]));
            assert_eq!(end().unwrap(), 2);
            put("generation_config.json", r#"{"eos_token_id": [7, 2], "sampler_eps": NaN}"#);
            assert_eq!(end().unwrap(), 7);
            put("generation_config.json", r#"{"eos_token_id": null}"#);
            assert_eq!(end().unwrap(), 2);
            put("generation_config.json", r#"{"eos_token_id": 70}"#);
            assert!(end().unwrap_err().to_string().contains("`eos_token_id` is 70, outside the vocabulary of 24"));
        }
    }

    #[test]
    fn sizes_that_no_file_holds_are_too_large_for_every_memory() {
        for model_type in ["Dream", "llada"] {
            let mut tiny = Tiny::new(model_type, true);
            let most = u32::MAX;
            let sizes = if model_type == "llada" {
                json!({"d_model": 4_294_967_294_u32, "n_layers": most, "n_heads": 2_147_483_647, "n_kv_heads": 2_147_483_647,
                    "max_sequence_length": most})
            } else {
                json!({"num_hidden_layers": most, "num_attention_heads": most, "num_key_value_heads": most,
                    "head_dim": 4_294_967_294_u32, "max_position_embeddings": most})
            };
            tiny.config.as_object_mut().unwrap().extend(sizes.as_object().unwrap().clone());
            let checkpoint = Checkpoint::open(tiny.write().path()).unwrap();
            assert_eq!(checkpoint.memory_need(usize::MAX, &ComputeDevice::cpu()).unwrap(), u64::MAX, "{model_type}");
        }
    }

    #[test]
    fn quantised_weights_are_refused_before_they_are_read() {
        let mut tiny = Tiny::new("Dream", false);
        tiny.config["quantization_config"] = json!({"quant_method": "gptq", "bits": 4});
        let folder = tiny.write();
        std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
        let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
        assert!(
            message.ends_with(
                "config.json: the weights are quantised by `gptq`, which is not supported: take the model \
             as it was before, or a GGUF file of it"
            ),
            "{message}"
        );
        tiny.config["quantization_config"] = json!(null);
        assert!(load(&tiny).is_ok());
    }

    #[test]
    fn every_architecture_becomes_a_network() {
        for arch in ARCHS {
            for tied in [false, true] {
                let tiny = Tiny::new(arch.model_type, tied);
                let network = load(&tiny).unwrap();
                let spec = network.spec();
                assert_eq!((spec.architecture.as_str(), spec.attention), (arch.label, arch.attention));
                let weights: usize = tiny.tensors.values().map(|(_, values)| values.len()).sum();
                assert_eq!(spec.parameters, weights, "{arch:?}: every tensor is used");
            }
        }
    }

    #[test]
    fn memory_is_weights_as_they_are_kept_and_rows_for_the_context() {
        let tiny = Tiny::new("Dream", false);
        let config: &'static [u8] = tiny.config.to_string().leak().as_bytes();
        let device = ComputeDevice::cpu();
        let weights: usize = tiny.tensors.values().map(|(_, values)| values.len()).sum();
        let table = tiny.tensors["model.embed_tokens.weight"].1.len();
        // Two layers, two heads of width 6, keys and values, four bytes each.
        let rows = |count: usize| count * 2 * 2 * 6 * 2 * 4;
        for (dtype, bytes) in [(Dtype::F32, 4 * weights), (Dtype::F16, 4 * (weights - table) + 2 * table)] {
            let checkpoint = Checkpoint::embedded("tiny", config, tiny.weights(dtype).leak()).unwrap();
            let need = |positions| checkpoint.memory_need(positions, &device).unwrap() as usize;
            assert_eq!((need(1), need(300), need(100_000)), (bytes + rows(256), bytes + rows(512), bytes + rows(1024)));
        }
    }

    #[test]
    fn missing_files_are_named() {
        let folder = Tiny::new("Dream", false).write();
        std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
        let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("holds no weights") && message.contains("model.safetensors"), "{message}");
        std::fs::remove_file(folder.path().join("config.json")).unwrap();
        let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("cannot read") && message.contains("config.json"), "{message}");
    }

    #[test]
    fn an_unknown_architecture_is_named_before_the_weights_are_read() {
        let mut tiny = Tiny::new("Dream", false);
        tiny.config["model_type"] = json!("mamba");
        let folder = tiny.write();
        std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
        let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("`mamba` is not supported (supported: Dream, llada, a2d-qwen2"), "{message}");
    }

    #[test]
    fn damaged_tensors_are_named() {
        let name = "model.layers.1.self_attn.k_proj.weight";
        let mut tiny = Tiny::new("Dream", false);
        let (shape, values) = tiny.tensors.remove(name).unwrap();
        let text = message(&tiny);
        assert!(text.contains(&format!("has no tensor `{name}` of shape [12, 16]")), "{text}");
        tiny.tensors.insert(name.into(), (vec![shape[1], shape[0]], values));
        let text = message(&tiny);
        assert!(text.contains(&format!("`{name}` has shape [16, 12], expected [12, 16]")), "{text}");
        assert!(text.contains("model.safetensors"), "{text}");
    }

    #[test]
    fn half_precision_is_read_as_what_it_stands_for() {
        let mut tiny = Tiny::new("Dream", false);
        let config: &'static [u8] = tiny.config.to_string().leak().as_bytes();
        for dtype in [Dtype::F16, Dtype::BF16] {
            // Values that both half types hold exactly.
            for (_, values) in tiny.tensors.values_mut() {
                for value in values {
                    *value = (*value * 64.0).round() / 64.0;
                }
            }
            let logits = |bytes: Vec<u8>| {
                let checkpoint = Checkpoint::embedded("tiny", config, bytes.leak()).unwrap();
                let mut network = checkpoint.network(&ComputeDevice::cpu()).unwrap();
                let read = crate::model::network::Read::UpTo(2);
                let pass = crate::model::network::Pass::new(&[3, 4], &[0, 1], read, &[1]);
                network.forward(pass).unwrap()
            };
            assert_eq!(logits(tiny.weights(dtype)), logits(tiny.weights(Dtype::F32)));
        }
        let bytes = tiny.weights(Dtype::I32);
        let checkpoint = Checkpoint::embedded("tiny", config, bytes.leak()).unwrap();
        let text = checkpoint.transformer(&ComputeDevice::cpu()).unwrap_err().to_string();
        assert!(text.contains("stored as I32, expected F32, F16 or BF16"), "{text}");
    }
}
