//! The cache, in the layout that Python's `huggingface_hub` shares:
//!
//! ```text
//! models--owner--name/
//!   refs/main                 the commit that a branch or tag stood for when it was last asked for
//!   blobs/<etag>              whole files; <etag>.incomplete where a download was broken off
//!   snapshots/<commit>/NAME   links to blobs
//!   .no_exist/<commit>/NAME   empty files for names that the hub does not have
//! ```
//!
//! A snapshot does not say which files the hub has of its commit: other programs fetch those that they need. A file is
//! known to be there, or to be absent, once it is in the snapshot or the hub was asked for it and did not have it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use hf_hub::{Cache, Repo, RepoType};
use serde::Deserialize;

use super::files::{self, DESCRIPTIONS};
use crate::model::source::{self, HubModel, Source};

/// The revision where none is named.
pub(super) const DEFAULT_REVISION: &str = "main";

/// The file that says which file holds which tensor.
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// The file that says what the model is.
pub(super) const CONFIG: &str = "config.json";

/// The longest description of a model that is taken: an index of many thousand tensors has a few megabytes.
pub(super) const LONGEST_JSON: u64 = 64 << 20;

/// A model whose weights are in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its folder, or its GGUF file.
    pub path: PathBuf,
    /// Small files that may be missing: they are not here, and the hub has not been asked whether it has them.
    pub unknown: Vec<&'static str>,
}

impl Found {
    /// Whether nothing can be missing.
    pub fn is_whole(&self) -> bool {
        self.unknown.is_empty()
    }
}

/// A model in the cache, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// How it is named.
    pub source: Source,
    /// Its folder, or its GGUF file.
    pub path: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
    /// Whether nothing can be missing; see [`Found`].
    pub is_whole: bool,
}

pub(super) fn revision(model: &HubModel) -> &str {
    model.revision().unwrap_or(DEFAULT_REVISION)
}

fn repo(model: &HubModel) -> Repo {
    Repo::with_revision(model.repo().to_owned(), RepoType::Model, revision(model).to_owned())
}

/// The model's folder.
pub(super) fn folder(cache: &Path, model: &HubModel) -> PathBuf {
    cache.join(repo(model).folder_name())
}

/// The folder of a commit.
pub(super) fn snapshot(cache: &Path, model: &HubModel, commit: &str) -> PathBuf {
    Cache::new(cache.to_owned()).repo(repo(model)).pointer_path(commit)
}

/// The folder of what the hub does not have of a commit.
pub(super) fn absent(cache: &Path, model: &HubModel, commit: &str) -> PathBuf {
    folder(cache, model).join(".no_exist").join(commit)
}

/// The file that says what commit the model's revision stands for.
pub(super) fn reference(cache: &Path, model: &HubModel) -> PathBuf {
    folder(cache, model).join("refs").join(revision(model))
}

/// Whether a revision is the full name of a commit, which stands for itself.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit that the model's revision stood for when it was last asked for.
pub(super) fn commit(cache: &Path, model: &HubModel) -> Option<String> {
    let revision = revision(model);
    if is_commit(revision) {
        return Some(revision.to_owned());
    }
    let text = crate::files::read(&reference(cache, model)).and_then(crate::files::text).ok()?;
    Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
}

/// The model at a commit, if what could not be done without is there.
pub(super) fn find(cache: &Path, model: &HubModel, commit: &str) -> Option<Found> {
    let path = loadable(&snapshot(cache, model, commit), model.file())?;
    Some(Found { unknown: unknown(&path, &absent(cache, model, commit)), path })
}

/// What to load from a snapshot: the folder, or a GGUF file. A link without its blob counts as absent.
fn loadable(snapshot: &Path, file: Option<&str>) -> Option<PathBuf> {
    let has = |name: &str| snapshot.join(name).is_file();
    if let Some(file) = file {
        return has(file).then(|| snapshot.join(file));
    }
    if has(CONFIG) {
        let has_weights = if has(INDEX) {
            shards(&snapshot.join(INDEX)).is_ok_and(|shards| !shards.is_empty() && shards.iter().all(|name| has(name)))
        } else {
            has("model.safetensors")
        };
        return (files::has_tokenizer(has) && has_weights).then(|| snapshot.to_owned());
    }
    let mut gguf = source::gguf_files(snapshot).ok()?;
    gguf.retain(|name| has(name));
    match gguf.as_slice() {
        [only] => Some(snapshot.join(only)),
        _ => None,
    }
}

/// Small files of a folder that may be missing. A GGUF file holds all that belongs to it.
fn unknown(path: &Path, absent: &Path) -> Vec<&'static str> {
    if !path.is_dir() {
        return Vec::new();
    }
    DESCRIPTIONS.into_iter().filter(|name| !path.join(name).is_file() && !absent.join(name).exists()).collect()
}

/// The files that an index names; the error says what is wrong with it.
pub(super) fn shards(index: &Path) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let length = fs::metadata(index).map_err(|error| error.to_string())?.len();
    if length > LONGEST_JSON {
        return Err(format!("it has {length} bytes"));
    }
    let bytes = crate::files::read(index).map_err(|error| error.to_string())?;
    let index: Index = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    Ok(index.weight_map.into_values().collect())
}

/// Every model that could be loaded, by name. What other programs keep in the cache beside models is passed over.
pub(super) fn scan(cache: &Path) -> Vec<Cached> {
    let Ok(entries) = fs::read_dir(cache) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some((owner, name)) =
            name.to_str().and_then(|name| name.strip_prefix("models--")).and_then(|repo| repo.split_once("--"))
        else {
            continue;
        };
        let mut revisions = Vec::new();
        references(&entry.path().join("refs"), "", &mut revisions);
        for revision in revisions {
            let suffix = if revision == DEFAULT_REVISION { String::new() } else { format!("@{revision}") };
            let Ok(model) = format!("{owner}/{name}{suffix}").parse::<HubModel>() else { continue };
            let Some(commit) = commit(cache, &model) else { continue };
            if let Some(folder) = find(cache, &model, &commit).filter(|found| found.path.is_dir()) {
                let (bytes, is_whole) = (files::bytes(&folder.path), folder.is_whole());
                found.push(Cached { source: Source::Hub(model), path: folder.path, bytes, is_whole });
                continue;
            }
            let snapshot = snapshot(cache, &model, &commit);
            for file in source::gguf_files(&snapshot).unwrap_or_default() {
                let named = format!("{owner}/{name}/{file}{suffix}").parse::<HubModel>();
                let path = snapshot.join(&file);
                if let (Ok(model), true) = (named, path.is_file()) {
                    found.push(Cached { source: Source::Hub(model), bytes: files::bytes(&path), path, is_whole: true });
                }
            }
        }
    }
    found.sort_by_key(|cached| cached.source.to_string());
    found
}

/// Names of the references below a folder; a branch may have a `/`.
fn references(folder: &Path, above: &str, found: &mut Vec<String>) {
    const DEEPEST: usize = 4;
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Some(name) = entry.file_name().to_str().map(|name| format!("{above}{name}")) else { continue };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && name.matches('/').count() < DEEPEST => {
                references(&entry.path(), &format!("{name}/"), found);
            }
            Ok(kind) if kind.is_file() => found.push(name),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::testing::Folder;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn model(text: &str) -> HubModel {
        text.parse().unwrap()
    }

    /// Writes a snapshot as Python does: blobs, links to them, a reference.
    #[cfg(unix)]
    fn put(cache: &Path, model: &HubModel, names: &[(&str, &str)]) {
        let folder = folder(cache, model);
        let snapshot = snapshot(cache, model, COMMIT);
        let reference = folder.join("refs").join(revision(model));
        for path in [folder.join("blobs"), snapshot.clone(), reference.parent().unwrap().to_owned()] {
            fs::create_dir_all(path).unwrap();
        }
        fs::write(reference, COMMIT).unwrap();
        for (name, content) in names {
            let blob = format!("etag-{name}");
            fs::write(folder.join("blobs").join(&blob), content).unwrap();
            std::os::unix::fs::symlink(Path::new("../../blobs").join(&blob), snapshot.join(name)).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_snapshot_counts_only_with_all_of_its_weights() {
        let folder = Folder::new();
        let cache = folder.path();
        let tiny = model("owner/tiny");
        let at = || commit(cache, &tiny).and_then(|commit| find(cache, &tiny, &commit)).map(|found| found.path);
        assert_eq!(at(), None);
        put(cache, &tiny, &[("config.json", "{}"), ("tokenizer.json", "{}")]);
        assert_eq!(at(), None, "no weights");
        let index = r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
        put(cache, &tiny, &[(INDEX, index), ("model-1.safetensors", "abc")]);
        assert_eq!(at(), None, "a shard is missing");
        put(cache, &tiny, &[("model-2.safetensors", "defg")]);
        let expected = cache.join("models--owner--tiny/snapshots").join(COMMIT);
        assert_eq!(at(), Some(expected.clone()));
        fs::remove_file(cache.join("models--owner--tiny/blobs/etag-model-1.safetensors")).unwrap();
        assert_eq!(at(), None, "a link without its blob");
        assert_eq!(commit(cache, &model(&format!("owner/tiny@{COMMIT}"))).as_deref(), Some(COMMIT));
        assert_eq!(commit(cache, &model("owner/tiny@other")), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_scan_finds_models_with_all_of_their_weights_and_passes_over_the_rest() {
        let folder = Folder::new();
        let cache = folder.path();
        let whole = [("config.json", "{}"), ("vocab.json", "{}"), ("merges.txt", ""), ("model.safetensors", "12345")];
        put(cache, &model("b/whole"), &whole);
        put(cache, &model("b/whole@refs/pr/1"), &[]);
        put(cache, &model("a/half"), &whole[..3]);
        put(cache, &model("c/quantised"), &[("x.gguf", "1234567"), ("y.gguf", "1")]);
        fs::create_dir_all(cache.join("datasets--d--e/refs")).unwrap();
        fs::create_dir_all(cache.join("models--odd")).unwrap();
        fs::write(cache.join("version.txt"), "1").unwrap();
        let found: Vec<_> = scan(cache).iter().map(|cached| (cached.source.to_string(), cached.bytes)).collect();
        assert!(
            scan(cache).iter().all(|cached| cached.is_whole == cached.path.is_file()),
            "the hub was not asked for a template"
        );
        let expected = [
            ("hf:b/whole", 9),
            ("hf:b/whole@refs/pr/1", 9),
            ("hf:c/quantised/x.gguf", 7),
            ("hf:c/quantised/y.gguf", 1),
        ];
        assert_eq!(found, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
        assert_eq!(scan(&cache.join("none")), []);
    }

    /// Other programs fetch a part of the files.
    #[cfg(unix)]
    #[test]
    fn what_is_neither_here_nor_known_to_be_absent_may_be_missing() {
        let folder = Folder::new();
        let cache = folder.path();
        let tiny = model("owner/tiny");
        put(cache, &tiny, &[(CONFIG, "{}"), ("tokenizer.json", "{}"), ("model.safetensors", "1")]);
        let unknown = || find(cache, &tiny, COMMIT).unwrap().unknown;
        let rest = ["special_tokens_map.json", "added_tokens.json", "chat_template.jinja"];
        assert_eq!(unknown(), [&["generation_config.json", "tokenizer_config.json"], &rest[..]].concat());
        put(cache, &tiny, &[("generation_config.json", "{}"), ("tokenizer_config.json", "{}")]);
        assert_eq!(unknown(), rest);
        let absent = absent(cache, &tiny, COMMIT);
        fs::create_dir_all(&absent).unwrap();
        for name in rest {
            assert!(!find(cache, &tiny, COMMIT).unwrap().is_whole(), "{name}");
            fs::write(absent.join(name), "").unwrap();
        }
        assert!(find(cache, &tiny, COMMIT).unwrap().is_whole());
    }
}
