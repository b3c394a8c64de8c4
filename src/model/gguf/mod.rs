//! GGUF: one file with metadata, tokenizer and tensors, as llama.cpp writes them.
//!
//! Versions 2 and 3 are read, from little-endian files that are not split. Everything else follows from the architecture
//! that the file names in `general.architecture`: it is looked up in the list of `model::arch`. Where a
//! denoiser and a guide share a name (A2D and Qwen), the field `attention.causal` says which of them it is.
//!
//! | module | which question it answers |
//! |---|---|
//! | `reader` | what the header says, and whether the file can hold it |
//! | `names` | what a tensor of the published checkpoint is called here |
//! | `values` | what `config.json` would say |
//! | `tokenizer` | what `tokenizer.json` would say |

mod names;
mod reader;
mod tokenizer;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::reader::{GgufHeader, GgufValue};
use crate::model::arch::Arch;
use crate::model::lfs;
use crate::model::weights::LoadError;
use crate::model::weights::mapped::Bytes;
use crate::model::weights::stored::Stored;

pub use self::tokenizer::GgufTokenizerError;

/// An opened GGUF file whose header has been checked.
#[derive(Debug)]
pub struct GgufFile {
    path: PathBuf,
    /// Its name in messages.
    file: String,
    bytes: Arc<Bytes>,
    header: GgufHeader,
    arch: &'static Arch,
    /// Rows of a query head.
    head_width: usize,
}

impl GgufFile {
    /// Opens a file and checks its header, its architecture among it.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let file = path.display().to_string();
        match Bytes::open(path) {
            Ok(bytes) => Self::read(path.to_owned(), file, bytes),
            Err(error) => Err(LoadError::Read { file, error }),
        }
    }

    /// Takes a file's bytes; `file` is its name in messages.
    pub fn from_bytes(file: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<Self, LoadError> {
        let file = file.into();
        Self::read(PathBuf::from(&file), file, Bytes::Held(bytes.into().into()))
    }

    /// Takes the first `bytes` of the file of `size` bytes that will lie at `path`: good for everything but the content of
    /// tensors. `None` where they do not hold the whole header.
    pub(crate) fn begun(path: &Path, size: u64, bytes: &[u8]) -> Result<Option<Self>, LoadError> {
        let file = path.display().to_string();
        if lfs::is_pointer(bytes) {
            return Err(LoadError::Pointer { file });
        }
        match GgufHeader::begun(&file, bytes, size)? {
            Some(header) => {
                Self::with_header(path.to_owned(), file, Bytes::Held(bytes.to_vec().into()), header).map(Some)
            }
            None => Ok(None),
        }
    }

    fn read(path: PathBuf, file: String, bytes: Bytes) -> Result<Self, LoadError> {
        if lfs::is_pointer(&bytes) {
            return Err(LoadError::Pointer { file });
        }
        let header = GgufHeader::read(&file, &bytes)?;
        Self::with_header(path, file, bytes, header)
    }

    fn with_header(path: PathBuf, file: String, bytes: Bytes, header: GgufHeader) -> Result<Self, LoadError> {
        let unsound = |reason: String| LoadError::Gguf { file: file.clone(), reason };
        let architecture = match header.field("general.architecture") {
            Some(GgufValue::Text(range)) => String::from_utf8_lossy(&bytes[range.clone()]).into_owned(),
            _ => return Err(unsound("it names no architecture in `general.architecture`".into())),
        };
        let candidates = Arch::of_gguf(&file, &architecture)?;
        let mut gguf = Self { path, file, bytes: Arc::new(bytes), header, arch: candidates[0], head_width: 0 };
        match gguf.whole("split.count")? {
            None | Some(0 | 1) => {}
            Some(parts) => {
                return Err(gguf.unsound(format!(
                    "it is one of {parts} parts of a split file: join them with `llama-gguf-split --merge`"
                )));
            }
        }
        gguf.head_width = gguf.checked_head_width()?;
        gguf.arch = gguf.by_attention(&candidates)?;
        Ok(gguf)
    }

    /// Which of the architectures of one name the file is of. Denoisers that were made from a causal model say that their
    /// attention is not causal; the files of others need not say anything of it.
    fn by_attention(&self, candidates: &[&'static Arch]) -> Result<&'static Arch, LoadError> {
        let causal = self.flag(&self.key("attention.causal"))?;
        let denoiser = candidates.iter().find(|arch| arch.denoises());
        let guide = candidates.iter().find(|arch| !arch.denoises());
        let found = if causal == Some(false) { denoiser } else { guide.or(denoiser) };
        found.copied().ok_or_else(|| {
            let reason = "its attention is not causal, and no denoiser of this architecture is supported";
            self.unsound(format!("{reason} (`{}`)", self.arch.gguf))
        })
    }

    /// The file's name in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// All that stands before the first tensor.
    pub(crate) fn header_bytes(&self) -> &[u8] {
        let first = self.header.tensors.values().map(|tensor| tensor.range.start).min();
        &self.bytes[..first.unwrap_or(self.bytes.len())]
    }

    /// The tensor that a published checkpoint has under this name.
    pub(crate) fn find(&self, name: &str) -> Option<Stored<'_>> {
        let name = names::stored(&self.arch.names, name)?;
        self.stored(&name)
    }

    /// What the file calls the tensor that a published checkpoint has under this name.
    pub(crate) fn stored_name(&self, name: &str) -> String {
        names::stored(&self.arch.names, name).unwrap_or_else(|| name.to_owned())
    }

    /// All tensors by the names that the file has for them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (String, Stored<'_>)> {
        self.header.tensors.keys().filter_map(|name| Some((name.clone(), self.stored(name)?)))
    }

    fn stored(&self, name: &str) -> Option<Stored<'_>> {
        let tensor = self.header.tensors.get(name)?;
        let stored = Stored::new(&self.bytes, tensor.range.clone(), tensor.encoding, tensor.shape.clone());
        // A wrong number of rows is refused where the tensor is taken; it need not be put in order for that.
        let interleaved = self.arch.interleaved && names::is_rotated(name);
        Some(if interleaved && tensor.shape[0].is_multiple_of(self.head_width) {
            stored.interleaved(self.head_width)
        } else {
            stored
        })
    }

    fn unsound(&self, reason: String) -> LoadError {
        LoadError::Gguf { file: self.file.clone(), reason }
    }

    fn mistyped(&self, key: &str, expected: &str) -> LoadError {
        let found = self.header.field(key).map_or("missing", GgufValue::kind);
        self.unsound(format!("field `{key}` is {found}, expected {expected}"))
    }

    /// A field that holds a whole number, if it is there.
    fn whole(&self, key: &str) -> Result<Option<u64>, LoadError> {
        match self.header.field(key) {
            None => Ok(None),
            Some(GgufValue::Whole(number)) => match u64::try_from(*number) {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.unsound(format!("field `{key}` is {number}, expected 0 or more"))),
            },
            Some(_) => Err(self.mistyped(key, "a whole number")),
        }
    }

    /// A field that holds a number, if it is there.
    fn number(&self, key: &str) -> Result<Option<f64>, LoadError> {
        match self.header.field(key) {
            None => Ok(None),
            Some(GgufValue::Float(number)) => Ok(Some(*number)),
            Some(GgufValue::Whole(number)) => Ok(Some(*number as f64)),
            Some(_) => Err(self.mistyped(key, "a number")),
        }
    }

    /// A field that holds true or false, if it is there.
    fn flag(&self, key: &str) -> Result<Option<bool>, LoadError> {
        match self.header.field(key) {
            None => Ok(None),
            Some(GgufValue::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.mistyped(key, "true or false")),
        }
    }

    /// A field that holds a text, if it is there.
    fn text(&self, key: &str) -> Result<Option<&str>, LoadError> {
        match self.header.field(key) {
            None => Ok(None),
            Some(GgufValue::Text(range)) => match std::str::from_utf8(&self.bytes[range.clone()]) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(self.unsound(format!("field `{key}` is no UTF-8 text"))),
            },
            Some(_) => Err(self.mistyped(key, "a text")),
        }
    }

    /// A field that holds a list of texts, if it is there.
    fn texts(&self, key: &str) -> Result<Option<Vec<&str>>, LoadError> {
        match self.header.field(key) {
            None => Ok(None),
            Some(GgufValue::List(list)) => match list.texts(&self.bytes) {
                Some(texts) => Ok(Some(texts)),
                None => Err(self.mistyped(key, "a list of UTF-8 texts")),
            },
            Some(_) => Err(self.mistyped(key, "a list of texts")),
        }
    }

    /// A field that holds a list of whole numbers, if it is there.
    fn wholes(&self, key: &str) -> Result<Option<Vec<i64>>, LoadError> {
        match self.header.field(key) {
            None => Ok(None),
            Some(GgufValue::List(list)) => match list.wholes(&self.bytes) {
                Some(numbers) => Ok(Some(numbers)),
                None => Err(self.mistyped(key, "a list of whole numbers")),
            },
            Some(_) => Err(self.mistyped(key, "a list of whole numbers")),
        }
    }
}
