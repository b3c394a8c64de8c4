//! Which files of a model are wanted.

use std::{fs, path::Path};

#[cfg(feature = "hub")]
use super::HubError;
use super::cache::{CONFIG, INDEX};
#[cfg(feature = "hub")]
use crate::model::{
    source::{self, HubModel},
    weights::absent,
};

/// Small files that say how to read the weights and the text, the most important first.
pub(super) const DESCRIPTIONS: [&str; 7] = [
    CONFIG,
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "tokenizer.json",
];

/// What a tokenizer is made of where there is no `tokenizer.json` (Dream).
const TOKENIZER_PARTS: [&str; 2] = ["vocab.json", "merges.txt"];

/// Whether a model that `has` these files has a tokenizer.
pub(super) fn has_tokenizer(has: impl Fn(&str) -> bool) -> bool {
    has("tokenizer.json") || TOKENIZER_PARTS.iter().all(|part| has(part))
}

/// The files of a model that are wanted.
#[cfg(feature = "hub")]
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WantedFiles {
    /// Files that come first.
    pub first: Vec<String>,
    /// The weights; where an index is among `first`, they are what it names.
    pub weights: Vec<String>,
}

#[cfg(feature = "hub")]
impl WantedFiles {
    /// Chooses among the files that the model has.
    pub(super) fn among(model: &HubModel, names: &[String]) -> Result<Self, HubError> {
        let has = |name: &str| names.iter().any(|other| other == name);
        let repo = model.repo().to_owned();
        let gguf: Vec<String> = names.iter().filter(|name| source::is_gguf(Path::new(name))).cloned().collect();
        if let Some(file) = model.file() {
            if has(file) {
                return Ok(Self { first: Vec::new(), weights: vec![file.to_owned()] });
            }
            return Err(HubError::NoFile { repo, file: file.to_owned(), files: gguf });
        }
        let weights = match (has(CONFIG), has(INDEX), has("model.safetensors")) {
            (true, true, _) => Vec::new(),
            (true, false, true) => vec!["model.safetensors".to_owned()],
            _ => {
                return match gguf.as_slice() {
                    [] => Err(HubError::NoWeights { repo, found: absent::found_instead(names) }),
                    [only] if source::is_safe(only) => Ok(Self { first: Vec::new(), weights: vec![only.clone()] }),
                    [only] => Err(HubError::Name { repo, file: only.clone() }),
                    _ => Err(HubError::SeveralGguf { repo, files: gguf }),
                };
            }
        };
        if !has_tokenizer(has) {
            return Err(HubError::NoTokenizer { repo });
        }
        let parts: &[&str] = if has("tokenizer.json") { &[] } else { &TOKENIZER_PARTS };
        let index: &[&str] = if weights.is_empty() { &[INDEX] } else { &[] };
        let first = DESCRIPTIONS.iter().chain(parts).chain(index).filter(|name| has(name));
        Ok(Self { first: first.map(|name| (*name).to_owned()).collect(), weights })
    }
}

/// Bytes of a model: of its wanted files where it is a folder.
pub(super) fn bytes(path: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    if !path.is_dir() {
        return length(path);
    }
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| is_of_model(name)).map(|name| length(&path.join(name))).sum()
}

fn is_of_model(name: &str) -> bool {
    DESCRIPTIONS.contains(&name) || TOKENIZER_PARTS.contains(&name) || name == INDEX || name.ends_with(".safetensors")
}

#[cfg(all(test, feature = "hub"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn wanted(model: &str, names: &[&str]) -> Result<WantedFiles, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        WantedFiles::among(&model.parse().unwrap(), &names).map_err(|error| error.to_string())
    }

    #[test]
    fn a_checkpoint_needs_its_descriptions_and_its_weights() {
        let names =
            [".gitattributes", "README.md", "config.json", "modeling_x.py", "model.safetensors", "tokenizer.json"];
        let found = wanted("o/n", &names).unwrap();
        assert_eq!(found.first, ["config.json", "tokenizer.json"]);
        assert_eq!(found.weights, ["model.safetensors"]);
        let parts = ["config.json", "vocab.json", "merges.txt", INDEX, "model-1-of-2.safetensors", "pytorch_model.bin"];
        let found = wanted("o/n", &parts).unwrap();
        assert_eq!(found.first, ["config.json", "vocab.json", "merges.txt", INDEX]);
        assert_eq!(found.weights, [""; 0], "the index names them");
    }

    #[test]
    fn a_gguf_file_is_alone() {
        let only = WantedFiles { first: Vec::new(), weights: vec!["x.Q4_K.gguf".to_owned()] };
        assert_eq!(wanted("o/n", &["README.md", "x.Q4_K.gguf"]).unwrap(), only);
        assert_eq!(wanted("o/n/x.Q4_K.gguf", &["config.json", "x.Q4_K.gguf", "y.gguf"]).unwrap(), only);
        assert_eq!(
            wanted("o/n", &["a.gguf", "b.gguf"]).unwrap_err(),
            "o/n has several .gguf files: name one, as in hf:o/n/a.gguf; there are a.gguf, b.gguf"
        );
        assert_eq!(wanted("o/n/c.gguf", &["a.gguf"]).unwrap_err(), "o/n has no file c.gguf; there are a.gguf");
        assert!(wanted("o/n", &["../a.gguf"]).unwrap_err().contains("no plain path"));
    }

    #[test]
    fn what_cannot_be_loaded_is_refused_before_a_byte_comes() {
        for names in [&["README.md"][..], &["config.json", "pytorch_model.bin"], &["model.safetensors"]] {
            assert!(wanted("o/n", names).unwrap_err().starts_with("o/n has no weights that can be loaded"));
        }
        for parts in [&[][..], &["vocab.json"], &["merges.txt", "tokenizer_config.json"]] {
            let names = [&["config.json", "model.safetensors"], parts].concat();
            assert!(wanted("o/n", &names).unwrap_err().starts_with("o/n has no tokenizer that can be loaded"));
        }
    }
}
