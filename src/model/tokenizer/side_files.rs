//! What lies beside a `tokenizer.json`: special tokens, end-of-text ids and the chat template.
//!
//! All of these files are optional, and they disagree: LLaDA's `config.json` names one end id while its template closes
//! turns with another token, Dream's `generation_config.json` ends at `<|endoftext|>` where a guide of the same
//! vocabulary ends at `<|im_end|>`. So ends are a set.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use super::TokenizerError;
use crate::{
    files,
    model::{
        config::{TokenIds, fields, python_json},
        lfs,
        template::{ChatTemplate, TemplateError},
    },
};

/// The file with the tokenizer's settings, its special tokens and, as a rule, its chat template.
const CONFIG: &str = "tokenizer_config.json";
/// A chat template in a file of its own; it goes before the one in [`CONFIG`].
const TEMPLATE: &str = "chat_template.jinja";
/// Where older repositories list the special tokens.
const SPECIALS: &str = "special_tokens_map.json";
/// Files whose `eos_token_id` ends a text, the network's own first.
const END_FILES: [&str; 2] = ["config.json", "generation_config.json"];

/// The content of the files beside a `tokenizer.json`.
#[derive(Debug, Default)]
pub struct SideFiles {
    /// Special tokens by role: `eos_token`, `mask_token` and others.
    pub specials: BTreeMap<String, String>,
    /// What the configurations call end of text.
    pub end_ids: BTreeSet<u32>,
    /// The chat template, usable or not: what is wrong with one is an error when a prompt is laid out with it.
    pub template: Option<ChatTemplate>,
}

/// The one field of a configuration that is of interest here.
#[derive(Deserialize)]
struct EosTokenField {
    #[serde(default)]
    eos_token_id: TokenIds,
}

/// A chat template as [`CONFIG`] holds it.
#[derive(Deserialize)]
#[serde(untagged)]
enum TemplateField {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

impl SideFiles {
    /// Reads what there is in `folder`.
    pub fn read(folder: &Path) -> Result<Self, TokenizerError> {
        let mut end_ids = BTreeSet::new();
        for file in END_FILES {
            let path = folder.join(file);
            let Some(bytes) = read(&path)? else { continue };
            let config: EosTokenField = fields(&bytes).map_err(|reason| wrong(&path, reason))?;
            end_ids.extend(config.eos_token_id.all());
        }
        let mut specials = BTreeMap::new();
        let map = folder.join(SPECIALS);
        if let Some(bytes) = read(&map)? {
            specials = named_tokens(&parse(&map, &bytes)?);
        }
        let path = folder.join(CONFIG);
        let mut template = None;
        if let Some(bytes) = read(&path)? {
            let config: Value = parse(&path, &bytes)?;
            specials.extend(named_tokens(&config));
            if let Some(field) = config.get("chat_template").filter(|field| !field.is_null()) {
                template = Some((path, default_template(field)));
            }
        }
        let file = folder.join(TEMPLATE);
        let own = match read(&file) {
            Ok(bytes) => bytes.map(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string())),
            Err(TokenizerError::Read { source, .. }) => Some(Err(source.to_string())),
            Err(TokenizerError::Pointer { .. }) => Some(Err(format!("it {}", lfs::SENTENCE))),
            Err(error) => Some(Err(error.to_string())),
        };
        let template = own.map(|text| (file, text)).or(template);
        let template = template.and_then(|(path, text)| chat_template(&path, text, &specials));
        Ok(Self { specials, end_ids, template })
    }
}

/// The template that a file holds; an empty one is none.
fn chat_template(
    path: &Path,
    text: Result<String, String>,
    specials: &BTreeMap<String, String>,
) -> Option<ChatTemplate> {
    let origin = path.display().to_string();
    match text {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some(ChatTemplate::lenient(&origin, &text, specials.clone())),
        Err(reason) => {
            Some(ChatTemplate::unusable(&origin, TemplateError::Unreadable { origin: origin.clone(), reason }))
        }
    }
}

/// The file's content; `None` where there is no such file.
fn read(path: &Path) -> Result<Option<Vec<u8>>, TokenizerError> {
    match files::read(path) {
        Ok(bytes) if lfs::is_pointer(&bytes) => Err(TokenizerError::Pointer { origin: path.display().to_string() }),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TokenizerError::Read { path: path.to_owned(), source }),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Value, TokenizerError> {
    python_json(bytes).map_err(|error| wrong(path, error.to_string()))
}

fn wrong(path: &Path, reason: String) -> TokenizerError {
    TokenizerError::SideFile { path: PathBuf::from(path), reason }
}

/// The fields `*_token` of a map: a token is its text, or an object with its text under `content`.
fn named_tokens(map: &Value) -> BTreeMap<String, String> {
    let fields = map.as_object().into_iter().flatten().filter(|(name, _)| name.ends_with("_token"));
    fields
        .filter_map(|(name, token)| {
            let text = token.as_str().or_else(|| token.get("content")?.as_str())?;
            Some((name.clone(), text.to_owned()))
        })
        .collect()
}

/// The template itself, or the one of several that is called `default`.
fn default_template(field: &Value) -> Result<String, String> {
    let known = TemplateField::deserialize(field)
        .map_err(|_| "`chat_template` is neither a text nor a list of named templates".to_owned())?;
    let mut named = match known {
        TemplateField::One(text) => return Ok(text),
        TemplateField::Named(named) => named,
    };
    let names: Vec<&str> = named.iter().map(|template| template.name.as_str()).collect();
    let chosen = match names.iter().position(|name| *name == "default") {
        Some(index) => index,
        None if names.len() == 1 => 0,
        None => {
            return Err(format!("`chat_template` has the templates [{}] and none called default", names.join(", ")));
        }
    };
    Ok(named.swap_remove(chosen).template)
}
