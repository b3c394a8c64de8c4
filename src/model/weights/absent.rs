//! What is wrong where a folder has no weights, or weights under other names: one thing to say and to do for each.

use std::fs;
use std::path::Path;

use super::error::LoadError;
use super::safetensors::{INDEX, SINGLE};

/// Endings of files that only PyTorch reads.
const PICKLED: [&str; 3] = ["bin", "pt", "pth"];

/// Whether a file is there. What the system does not let us know is an error, and not absence.
pub(super) fn is_there(path: &Path) -> Result<bool, LoadError> {
    path.try_exists().map_err(|error| LoadError::Read { file: path.display().to_string(), error })
}

/// Why a folder has neither of the files that weights begin with.
pub(super) fn reason(folder: &Path) -> LoadError {
    let name = folder.display().to_string();
    match names(folder) {
        Ok(names) => LoadError::NoWeights { folder: name, found: found(&names) },
        Err(error) => LoadError::Read { file: name, error },
    }
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// What is there instead.
fn found(names: &[String]) -> String {
    let first = |wanted: &dyn Fn(&str) -> bool| names.iter().find(|name| wanted(name));
    let weights = |name: &str| ends(name, "safetensors");
    if let Some(link) = first(&|name| name == SINGLE || name == INDEX) {
        return format!("{link} is a link to a file that is not there");
    }
    if let Some(shard) = first(&|name| weights(name) && name.contains("-of-")) {
        return format!(
            "there is {shard}, and {INDEX} is missing, which says where each tensor lies: get that file, too"
        );
    }
    if let Some(adapter) = first(&|name| weights(name) && name.starts_with("adapter")) {
        return adapter_reason(adapter);
    }
    if let Some(other) = first(&weights) {
        return format!("there is {other}: if these are the weights, rename it to {SINGLE}");
    }
    if let Some(reason) = pickled(names) {
        return reason;
    }
    "get them from where the configuration came from".to_owned()
}

fn ends(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == ending)
}

/// What to do with weights that only PyTorch reads, if there are some.
fn pickled(names: &[String]) -> Option<String> {
    let is_pickled = |name: &&String| PICKLED.iter().any(|ending| ends(name, ending)) && *name != "training_args.bin";
    names.iter().find(is_pickled).map(|pickled| {
        format!(
            "there is {pickled}, a format of PyTorch that can run code: convert it to safetensors, or take another copy"
        )
    })
}

/// What a model of the hub has in place of weights that can be read, as the rest of the sentence that it has none.
#[cfg(feature = "hub")]
pub(in crate::model) fn found_instead(names: &[String]) -> String {
    let adapter = || names.iter().find(|name| name.starts_with("adapter") && ends(name, "safetensors"));
    let found = pickled(names).or_else(|| adapter().map(|file| adapter_reason(file)));
    found.map_or_else(String::new, |found| format!("; {found}"))
}

/// What to do with an adapter that was taken for a model.
pub(in crate::model) fn adapter_reason(file: &str) -> String {
    format!("there is {file}, an adapter, which changes another model: merge it into that one and name the result")
}

/// How the names in a file differ from the published ones, where a tensor is there under another: as the rest of the
/// sentence that it is missing.
pub(super) fn instead(name: &str, names: impl Iterator<Item = String>) -> String {
    let short = name.strip_prefix("model.");
    for other in names {
        if let Some(prefix) = other.strip_suffix(name).filter(|prefix| prefix.ends_with('.')) {
            let maker = match prefix {
                "base_model.model." => {
                    "PEFT saves a model with its adapter: merge the adapter and save the model itself"
                }
                "_orig_mod." => "a model is saved that was compiled by PyTorch: save the one that was compiled",
                _ => "a wrapper saves what it wraps: save the model itself",
            };
            return format!(", but `{other}`: its names begin with `{prefix}`, as where {maker}");
        }
        if short == Some(other.as_str()) {
            return format!(
                ", but `{other}`: its names lack the `model.` before them, as where a body is saved without its head: save the whole model"
            );
        }
    }
    String::new()
}
