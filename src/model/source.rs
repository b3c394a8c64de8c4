//! Where a model comes from: one syntax for the command line and the playground, and the way from there to files.
//!
//! | written | means |
//! |---|---|
//! | `embedded` | the pair that is part of the program: its denoiser, or its guide |
//! | a folder | `config.json`, tokenizer and safetensors, or one `.gguf` file |
//! | `NAME.gguf` | that file |
//! | `hf:owner/name[@revision]` | a model of the hub |
//! | `hf:owner/name/FILE.gguf[@revision]` | one file of a model of the hub |
//! | `https://huggingface.co/owner/name…` | the model, or the GGUF file, of that page |
//!
//! A folder that is called `embedded` or begins with `hf:` is written with its path: `./embedded`.

use std::{
    ffi::OsString,
    fmt, fs,
    io::ErrorKind,
    ops::ControlFlow,
    path::{Path, PathBuf},
    str::FromStr,
};

use thiserror::Error;

use super::{
    hub::{Hub, HubError},
    weights::absent,
};

/// The syntax, for messages and help.
pub const SYNTAX: &str = "embedded, a folder, a .gguf file or hf:owner/name[@revision]";

/// What begins the name of a model of the hub.
const HUB_PREFIX: &str = "hf:";

/// Hosts of the hub's pages.
const HUB_HOSTS: [&str; 3] = ["huggingface.co", "www.huggingface.co", "hf.co"];

/// The longest owner or name that the hub allows.
const LONGEST_NAME: usize = 96;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// The pair that is part of the program.
    Embedded,
    /// A folder or a GGUF file.
    Path(PathBuf),
    /// A model of the hub.
    Hub(HubModel),
}

/// A model of the hub. Every part is safe as a path below a folder and within an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HubModel {
    repo: String,
    revision: Option<String>,
    file: Option<String>,
}

/// Why a source cannot be used, in one sentence.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("`{text}` names no model: {reason}; a model is {SYNTAX}")]
    Syntax {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such file or folder.
    #[error("{} is not there: a model is {SYNTAX}{hint}", path.display())]
    NotThere {
        /// What was looked for.
        path: PathBuf,
        /// What may have been meant, or nothing.
        hint: String,
    },
    /// A folder without a model.
    #[error("{} holds no model: neither a config.json nor a .gguf file{hint}", folder.display())]
    NoModel {
        /// The folder.
        folder: PathBuf,
        /// What it holds instead, or nothing.
        hint: String,
    },
    /// A folder with more than one GGUF file.
    #[error("{} holds {}: name the one to load", folder.display(), files.join(", "))]
    SeveralGguf {
        /// The folder.
        folder: PathBuf,
        /// Names of the files.
        files: Vec<String>,
    },
    /// A file of another kind.
    #[error("{} is no .gguf file: name the folder that holds config.json and the weights, or a .gguf file", path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The hub, or its cache.
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// What happens between a source and its networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The hub is asked which files there are.
    Asking {
        /// The model.
        model: String,
    },
    /// The hub did not answer, or the connection broke, or it asks to wait; it is tried again in a moment.
    Waiting {
        /// The model.
        model: String,
        /// How long the hub asks to wait, if that is what it does.
        seconds: Option<u64>,
    },
    /// It is known what will be downloaded. To break off here costs nothing.
    Found {
        /// The model.
        model: String,
        /// Bytes of weights, as they are stored.
        weights: u64,
    },
    /// What an earlier download left is read again, so that the whole can be compared with the hub's hash.
    Checking {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// Bytes that have been read.
        done: u64,
        /// Bytes that are there.
        total: u64,
    },
    /// Bytes arrive.
    Downloading {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// Bytes of all files that are there.
        done: u64,
        /// Bytes of all files, once every length is known.
        total: Option<u64>,
    },
    /// Files become networks.
    Reading {
        /// The model.
        model: String,
        /// Bytes that have become tensors.
        done: u64,
        /// Bytes of all of them.
        total: u64,
    },
}

/// Receives progress, several times a second where much happens, and may cancel.
pub type Watch<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// Files of a model on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// A folder with `config.json` or a GGUF file; `None` for the embedded pair.
    pub path: Option<PathBuf>,
    /// The model's name, for people.
    pub name: String,
    /// Small files that may be missing, since another program put the model into the cache and the hub could not be asked.
    pub unknown: Vec<&'static str>,
}

impl Source {
    /// Finds the files. A model of the hub that is whole in the cache is taken from there without asking. Where small files
    /// may be missing, the hub is asked for those; where there are no weights, for all. `hub` is called for such models alone: an environment that says nonsense of the hub is no concern of
    /// the others.
    pub fn locate(
        &self,
        hub: &dyn Fn() -> Result<Hub, HubError>,
        watch: &mut Watch<'_>,
    ) -> Result<Located, SourceError> {
        let (path, unknown) = match self {
            Self::Embedded => (None, Vec::new()),
            Self::Path(path) => (Some(local(path)?), Vec::new()),
            Self::Hub(model) => {
                let hub = hub()?;
                match hub.find(model) {
                    Some(found) if found.is_whole() => (Some(found.path), Vec::new()),
                    Some(found) => match hub.complete(model, watch) {
                        Ok(fetched) => (Some(fetched.path), Vec::new()),
                        Err(HubError::Cancelled) => return Err(HubError::Cancelled.into()),
                        // What is there may do.
                        Err(_) => (Some(found.path), found.unknown),
                    },
                    None => (Some(hub.fetch(model, watch)?.path), Vec::new()),
                }
            }
        };
        Ok(Located { path, name: self.name(), unknown })
    }

    /// The model's name, for people: short, and not yet printable.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded => "embedded".to_owned(),
            Self::Path(path) => {
                let path = path.canonicalize().unwrap_or_else(|_| path.clone());
                let name = if is_gguf(&path) { path.file_stem() } else { path.file_name() };
                name.unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            Self::Hub(model) => model.to_string(),
        }
    }
}

/// The folder or GGUF file to load for a path.
fn local(path: &Path) -> Result<PathBuf, SourceError> {
    let unreadable = |path: &Path, error| SourceError::Read { path: path.to_owned(), error };
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(SourceError::NotThere { path: path.to_owned(), hint: hint(path) });
        }
        Err(error) => return Err(unreadable(path, error)),
    };
    if !about.is_dir() {
        return if is_gguf(path) { Ok(path.to_owned()) } else { Err(SourceError::NotGguf { path: path.to_owned() }) };
    }
    let mut files = gguf_paths(path).map_err(|error| unreadable(path, error))?;
    let has = |name: &str| {
        let file = path.join(name);
        file.try_exists().map_err(|error| unreadable(&file, error))
    };
    // A configuration beside nothing but GGUF files describes what those contain themselves.
    if has("config.json")? && (files.is_empty() || has("model.safetensors")? || has("model.safetensors.index.json")?) {
        return Ok(path.to_owned());
    }
    match (files.pop(), files.is_empty()) {
        (None, _) => {
            let adapter = if has("adapter_model.safetensors")? { Some("adapter_model.safetensors") } else { None };
            let hint = adapter.map_or_else(String::new, |file| format!("; {}", absent::adapter_reason(file)));
            Err(SourceError::NoModel { folder: path.to_owned(), hint })
        }
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            let names = files.iter().chain([&last]).filter_map(|file| file.file_name());
            let files = names.map(|name| name.to_string_lossy().into_owned()).collect();
            Err(SourceError::SeveralGguf { folder: path.to_owned(), files })
        }
    }
}

/// The GGUF files in a folder, sorted; their names need not be text.
fn gguf_paths(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_gguf(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Names of the GGUF files in a folder that a model of the hub may have, sorted.
pub(super) fn gguf_files(folder: &Path) -> std::io::Result<Vec<String>> {
    let names = gguf_paths(folder)?.into_iter();
    Ok(names.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
}

/// Whether a path names a GGUF file.
pub(in crate::model) fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

/// What a path that is not there may have been meant for.
fn hint(path: &Path) -> String {
    let Some(text) = path.to_str() else { return String::new() };
    match at_address(text) {
        Some(Err(reason)) => format!("; {reason}"),
        None if text.starts_with('.') => String::new(),
        page => page
            .unwrap_or_else(|| text.parse())
            .map_or_else(|_| String::new(), |model| format!("; on the hub it would be {HUB_PREFIX}{model}")),
    }
}

/// What stands behind a prefix, in whichever case that is written.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The model of a page of the hub, or of one of its files; `address` begins with the host. `None` where that is another
/// one; the error says what is wrong.
fn at_address(address: &str) -> Option<Result<HubModel, String>> {
    let address = address.split(['?', '#']).next()?.replace("%2F", "/");
    let (host, page) = address.split_once('/')?;
    HUB_HOSTS.iter().any(|known| known.eq_ignore_ascii_case(host)).then(|| on_page(page))
}

fn on_page(page: &str) -> Result<HubModel, String> {
    let parts: Vec<&str> = page.split('/').filter(|part| !part.is_empty()).collect();
    let at = |revision: &str| if revision == "main" { String::new() } else { format!("@{revision}") };
    match parts.as_slice() {
        ["datasets" | "spaces", ..] => Err("it is the page of a data set or a space".to_owned()),
        [] | [_] => Err("on the hub it is owner/name".to_owned()),
        [owner, name] => format!("{owner}/{name}").parse(),
        [owner, name, "tree", revision @ ..] if !revision.is_empty() => {
            format!("{owner}/{name}{}", at(&revision.join("/"))).parse()
        }
        [owner, name, "blob" | "resolve" | "raw", revision, file @ ..] if !file.is_empty() => {
            format!("{owner}/{name}/{}{}", file.join("/"), at(revision)).parse()
        }
        _ => Err("it is no page of a model or of a file".to_owned()),
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let wrong = |reason: String| SourceError::Syntax { text: text.to_owned(), reason };
        if let Some(address) = after(text, "https://").or_else(|| after(text, "http://")) {
            let other = || Err("it is no page of huggingface.co; another hub is named by HF_ENDPOINT".to_owned());
            return Ok(Self::Hub(at_address(address).unwrap_or_else(other).map_err(wrong)?));
        }
        if let Some(model) = after(text, HUB_PREFIX) {
            return Ok(Self::Hub(model.strip_prefix("//").unwrap_or(model).parse().map_err(wrong)?));
        }
        match text {
            "embedded" => Ok(Self::Embedded),
            _ if text.trim().is_empty() => Err(wrong("it is empty".to_owned())),
            _ => Ok(Self::Path(PathBuf::from(text))),
        }
    }
}

impl TryFrom<OsString> for Source {
    type Error = SourceError;

    /// As from a string; what is no text can only be a path.
    fn try_from(text: OsString) -> Result<Self, SourceError> {
        match text.to_str() {
            Some(text) => text.parse(),
            None => Ok(Self::Path(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Hub(model) => write!(f, "{HUB_PREFIX}{model}"),
        }
    }
}

impl HubModel {
    /// `owner/name`.
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// Branch, tag or commit; `None` for the hub's default.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The only file that is wanted, with the folders it is in.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }
}

impl fmt::Display for HubModel {
    /// As it is written behind `hf:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if let Some(file) = &self.file {
            write!(f, "/{file}")?;
        }
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        Ok(())
    }
}

impl FromStr for HubModel {
    type Err = String;

    /// Reads what stands behind `hf:`; the error says what is wrong.
    fn from_str(text: &str) -> Result<Self, String> {
        let (model, revision) = match text.split_once('@') {
            Some((model, revision)) => (model, Some(revision)),
            None => (text, None),
        };
        let mut parts = model.splitn(3, '/');
        let (Some(owner), Some(name)) = (parts.next(), parts.next()) else {
            return Err("on the hub it is owner/name".to_owned());
        };
        if let Some((name, tag)) = name.split_once(':') {
            return Err(format!(
                "`{tag}` is no name of a file, which has to be written whole, as in {HUB_PREFIX}{owner}/{name}/FILE.gguf"
            ));
        }
        for part in [owner, name] {
            if !is_hub_name(part) {
                return Err(format!(
                    "`{part}` is no name on the hub, which has letters, digits, `-`, `_` and single `.`"
                ));
            }
        }
        let file = parts.next();
        if let Some(file) = file {
            if !is_safe(file) {
                return Err(format!("`{file}` is no file within a model"));
            }
            if !is_gguf(Path::new(file)) {
                return Err(format!("`{file}` is no .gguf file"));
            }
        }
        if let Some(revision) = revision.filter(|revision| !is_safe(revision)) {
            return Err(format!("`{revision}` is no branch, tag or commit"));
        }
        Ok(Self {
            repo: format!("{owner}/{name}"),
            revision: revision.map(str::to_owned),
            file: file.map(str::to_owned),
        })
    }
}

/// Whether an owner or a model may be called so. The cache joins both with `--`, which no name contains.
pub(super) fn is_hub_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
        && !name.contains("--")
        && !name.contains("..")
}

/// Whether a relative path stays below its folder and is plain within an address: no `..`, nothing empty, no sign that
/// a path or an address reads in its own way.
pub(super) fn is_safe(path: &str) -> bool {
    path.len() <= 1024
        && path.split('/').all(|part| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.len() <= 200
                && part.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'=' | b'(' | b')')
                })
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::testing::Folder;

    fn hub(text: &str) -> HubModel {
        match text.parse().unwrap() {
            Source::Hub(model) => model,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_reads_back_what_it_prints() {
        let kinds = [
            "embedded",
            "./embedded",
            "models/tiny",
            "/a b/llada.gguf",
            "hf:GSAI-ML/LLaDA-8B-Instruct",
            "hf:dllm-hub/Qwen3-0.6B-diffusion-mdlm-v0.1@main",
            "hf:owner/name@refs/pr/3",
            "hf:owner/name/LLaDA.Q4_K.gguf",
            "hf:owner/name/q4/llada.gguf@v1.0",
        ];
        for kind in kinds {
            assert_eq!(kind.parse::<Source>().unwrap().to_string(), kind);
        }
        assert_eq!("embedded".parse::<Source>().unwrap(), Source::Embedded);
        assert!(matches!("./embedded".parse::<Source>().unwrap(), Source::Path(_)));
        let model = hub("hf:owner/name/q4/llada.gguf@v1.0");
        assert_eq!((model.repo(), model.file(), model.revision()), ("owner/name", Some("q4/llada.gguf"), Some("v1.0")));
    }

    #[test]
    fn addresses_of_the_hub_are_its_models() {
        for (written, read) in [
            ("https://huggingface.co/GSAI-ML/LLaDA-8B-Instruct", "hf:GSAI-ML/LLaDA-8B-Instruct"),
            ("http://www.huggingface.co/owner/name/", "hf:owner/name"),
            ("HTTPS://HF.co/owner/name?library=transformers#usage", "hf:owner/name"),
            ("https://huggingface.co/owner/name/tree/main", "hf:owner/name"),
            ("https://huggingface.co/owner/name/tree/refs%2Fpr%2F3", "hf:owner/name@refs/pr/3"),
            ("https://huggingface.co/owner/name/blob/main/q4/x.gguf", "hf:owner/name/q4/x.gguf"),
            ("https://huggingface.co/owner/name/resolve/v1/x.gguf?download=true", "hf:owner/name/x.gguf@v1"),
            ("hf://owner/name@v1", "hf:owner/name@v1"),
            ("HF:owner/name", "hf:owner/name"),
        ] {
            assert_eq!(written.parse::<Source>().unwrap().to_string(), read);
        }
    }

    #[test]
    fn what_is_wrong_is_refused_with_the_syntax() {
        let cases = [
            ("", "it is empty"),
            ("hf:", "on the hub it is owner/name"),
            ("hf:gpt2", "on the hub it is owner/name"),
            ("hf:/name", "`` is no name on the hub"),
            ("hf:../name", "`..` is no name on the hub"),
            ("hf:owner/..", "`..` is no name on the hub"),
            ("hf:owner/na me", "`na me` is no name on the hub"),
            ("hf:a--b/name", "`a--b` is no name on the hub"),
            ("hf:owner/name/../../x.gguf", "`../../x.gguf` is no file within a model"),
            ("hf:owner/name/model.safetensors", "`model.safetensors` is no .gguf file"),
            ("hf:owner/name@", "`` is no branch"),
            ("hf:owner/name@../../x", "`../../x` is no branch"),
            ("hf:owner/name@a?b", "`a?b` is no branch"),
            (
                "hf:owner/name:Q4_K_M",
                "`Q4_K_M` is no name of a file, which has to be written whole, as in hf:owner/name/FILE.gguf",
            ),
            ("https://huggingface.co/gpt2", "on the hub it is owner/name"),
            ("https://huggingface.co/datasets/owner/name", "it is the page of a data set or a space"),
            ("https://huggingface.co/owner/name/discussions/3", "it is no page of a model or of a file"),
            ("https://hf.co/owner/name/blob/main/README.md", "`README.md` is no .gguf file"),
            ("https://example.org/owner/name", "it is no page of huggingface.co; another hub is named by HF_ENDPOINT"),
        ];
        for (text, expected) in cases {
            let message = text.parse::<Source>().unwrap_err().to_string();
            assert!(message.starts_with(&format!("`{text}` names no model: {expected}")), "{message}");
            assert!(message.ends_with(SYNTAX), "{message}");
        }
    }

    #[test]
    fn a_folder_is_a_checkpoint_or_holds_one_gguf() {
        let folder = Folder::new();
        let locate = |path: &Path| local(path).map_err(|error| error.to_string());
        let at = folder.path();
        assert_eq!(
            locate(at).unwrap_err(),
            format!("{} holds no model: neither a config.json nor a .gguf file", at.display())
        );
        fs::write(at.join("adapter_model.safetensors"), "").unwrap();
        let adapter = locate(at).unwrap_err();
        assert!(
            adapter.ends_with(
                "; there is adapter_model.safetensors, an adapter, which changes another model: merge it \
            into that one and name the result"
            ),
            "{adapter}"
        );
        fs::write(at.join("b.GGUF"), "").unwrap();
        assert_eq!(locate(at).unwrap(), at.join("b.GGUF"));
        assert_eq!(locate(&at.join("b.GGUF")).unwrap(), at.join("b.GGUF"));
        fs::write(at.join("a.gguf"), "").unwrap();
        assert_eq!(locate(at).unwrap_err(), format!("{} holds a.gguf, b.GGUF: name the one to load", at.display()));
        fs::write(at.join("config.json"), "{}").unwrap();
        assert!(locate(at).unwrap_err().contains("name the one to load"));
        fs::write(at.join("model.safetensors"), "").unwrap();
        assert_eq!(locate(at).unwrap(), at);
        assert!(locate(&at.join("config.json")).unwrap_err().contains("config.json is no .gguf file"));
    }

    #[test]
    fn a_path_that_is_not_there_may_be_meant_for_the_hub() {
        let message = |text: &str| local(Path::new(text)).unwrap_err().to_string();
        assert!(message("no-such/model").ends_with("; on the hub it would be hf:no-such/model"));
        assert!(message("hf.co/no-such/model").ends_with("; on the hub it would be hf:no-such/model"));
        assert!(message("hf.co/owner/name:Q4_K_M").ends_with(
            "; `Q4_K_M` is no name of a file, which has to be written whole, \
            as in hf:owner/name/FILE.gguf"
        ));
        for plain in ["./no-such/model", "no-such-model", "/no/such/model", "no/such/model/x"] {
            assert!(message(plain).ends_with(SYNTAX), "{}", message(plain));
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_the_system_refuses_is_not_what_is_not_there() {
        // A link to itself is refused to everybody, root among them.
        let folder = Folder::new();
        let link = folder.path().join("config.json");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        for path in [link.as_path(), folder.path()] {
            let message = local(path).unwrap_err().to_string();
            assert!(message.starts_with(&format!("cannot read {}: ", link.display())), "{message}");
        }
    }
}
