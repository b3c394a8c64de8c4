//! Tensors out of a checkpoint's files, by name and expected shape: safetensors, whole or in shards, or GGUF.
//!
//! A file is untrusted: whatever is wrong with it becomes one sentence that names the file, the tensor, what was
//! found and what was expected. Names are those of the published safetensors checkpoints; what a GGUF file calls them
//! is known to [`crate::model::gguf`] alone. Whether a map is computed with as a matrix of floats or with blocks of
//! small integers follows from how it is stored, and is decided here and in [`crate::model::linear`].

pub(super) mod absent;
mod awaited;
mod blocks;
mod error;
mod fingerprint;
pub(crate) mod mapped;
mod safetensors;
pub(crate) mod stored;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;

use candle_core::{Device, Tensor};

use self::awaited::Awaited;
pub use self::awaited::BegunFile;
pub use self::error::LoadError;
use self::mapped::Bytes;
use self::safetensors::{INDEX, SINGLE, Shard, Sharded};
use self::stored::Stored;
use crate::model::arch::ArchSpec;
use crate::model::device::ComputeDevice;
use crate::model::gguf::GgufFile;
use crate::model::linear::Linear;

/// How far loading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadProgress {
    /// Bytes of the file that have been turned into tensors.
    pub done: u64,
    /// Bytes of all tensors in the file.
    pub total: u64,
}

/// Receives it.
pub type ProgressCallback = Box<dyn Fn(LoadProgress) + Send>;

/// A checkpoint's tensors, opened and with their headers checked.
pub struct Weights {
    source: TensorSource,
    /// Names of the tensors taken so far.
    taken: RefCell<BTreeSet<String>>,
    /// Elements in them.
    elements: Cell<usize>,
    /// Bytes of them in the file.
    done: Cell<u64>,
    total: u64,
    watch: Option<ProgressCallback>,
}

#[derive(Debug)]
enum TensorSource {
    Single(Shard),
    Sharded(Sharded),
    Gguf(Box<GgufFile>),
    Awaited(Awaited),
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Weights").field("file", &self.file()).field("total", &self.total).finish_non_exhaustive()
    }
}

impl Weights {
    /// Opens what a folder holds: `model.safetensors`, or else `model.safetensors.index.json` and what it names.
    pub fn open_folder(folder: &Path) -> Result<Self, LoadError> {
        let (single, index) = (folder.join(SINGLE), folder.join(INDEX));
        if absent::is_there(&single)? {
            Self::open(&single)
        } else if absent::is_there(&index)? {
            Ok(Self::new(TensorSource::Sharded(Sharded::open(&index)?)))
        } else {
            Err(absent::reason(folder))
        }
    }

    /// Opens a safetensors file.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let file = path.display().to_string();
        match Bytes::open(path) {
            Ok(bytes) => Ok(Self::new(TensorSource::Single(Shard::new(file, bytes)?))),
            Err(error) => Err(LoadError::Read { file, error }),
        }
    }

    /// Takes a safetensors file's bytes; `file` is its name in messages.
    pub fn from_bytes(file: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, LoadError> {
        Ok(Self::new(TensorSource::Single(Shard::new(file.into(), Bytes::Held(bytes.into()))?)))
    }

    /// The tensors of an opened GGUF file.
    pub fn from_gguf(file: GgufFile) -> Self {
        Self::new(TensorSource::Gguf(Box::new(file)))
    }

    /// What is known of the weights of a folder before they are there.
    pub fn awaited(folder: &Path) -> Result<Self, LoadError> {
        Ok(Self::new(TensorSource::Awaited(Awaited::in_folder(folder)?)))
    }

    fn new(source: TensorSource) -> Self {
        let mut weights = Self {
            source,
            taken: RefCell::default(),
            elements: Cell::new(0),
            done: Cell::new(0),
            total: 0,
            watch: None,
        };
        weights.total = weights.all().map(|(_, stored)| stored.len() as u64).sum();
        weights
    }

    /// The GGUF file that the tensors come from, if it is one.
    pub fn gguf(&self) -> Option<&GgufFile> {
        match &self.source {
            TensorSource::Gguf(gguf) => Some(gguf),
            _ => None,
        }
    }

    /// Reports every tensor that is taken to `watch`.
    pub fn watch(&mut self, watch: ProgressCallback) {
        self.watch = Some(watch);
    }

    /// The file's name in messages; of several files their index's.
    pub fn file(&self) -> &str {
        match &self.source {
            TensorSource::Single(shard) => shard.file(),
            TensorSource::Sharded(shards) => shards.file(),
            TensorSource::Gguf(gguf) => gguf.file(),
            TensorSource::Awaited(awaited) => awaited.file(),
        }
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        matches!(self.find(name), Ok(Some(_)))
    }

    /// Number of elements in all tensors taken so far.
    pub fn taken(&self) -> usize {
        self.elements.get()
    }

    /// Number of elements in all tensors but the `spare` one, which holds what another holds, too.
    pub fn elements(&self, spare: Option<&str>) -> usize {
        let spare = spare.map(|name| self.stored_name(name));
        let counts = |name: &str| spare.as_deref() != Some(name);
        self.all().filter(|(name, _)| counts(name)).map(|(_, stored)| stored.elements()).sum()
    }

    /// What distinguishes these weights under this configuration from others; see [`fingerprint`].
    pub(crate) fn fingerprint(&self, config: &[u8]) -> String {
        // Of a GGUF file, the program derives the configuration: what the file itself says cannot change with a version.
        fingerprint::of(self.all(), self.gguf().map_or(config, GgufFile::header_bytes))
    }

    /// Bytes of all tensors in the file.
    pub fn stored_bytes(&self) -> u64 {
        self.total
    }

    /// Bytes that the tensors will take in memory on `device`. `table` is the tensor that rows are only looked up in, if
    /// there is one: it stays as it is stored.
    pub fn kept_bytes(&self, table: Option<&str>, device: &ComputeDevice) -> u64 {
        let table = table.map(|name| self.stored_name(name));
        let kept = |(name, stored): (String, Stored<'_>)| match table {
            Some(ref table) if *table == name => stored.len(),
            _ => Linear::bytes(&stored, device),
        };
        self.all().map(|tensor| kept(tensor) as u64).sum()
    }

    /// A vector or a small matrix as float32 on `device`; its shape must be `shape`.
    pub fn take(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor, LoadError> {
        let stored = self.expect(name, shape)?;
        let Some(numbers) = stored.numbers() else {
            let (file, name) = (self.file().to_owned(), self.stored_name(name));
            return Err(LoadError::number_type(file, &name, stored.encoding().to_string()));
        };
        let tensor = Tensor::from_vec(numbers, shape, device)?;
        stored.release();
        self.done(name, &stored);
        Ok(tensor)
    }

    /// After a network has taken its tensors: whether any is left over that should have been part of it.
    ///
    /// The `spare` one, which holds what another holds, may be.
    pub fn finish(&self, architecture: &str, spare: Option<&str>) -> Result<(), LoadError> {
        let spare = spare.map(|name| self.stored_name(name));
        let taken = self.taken.borrow();
        let known = |name: &str| taken.contains(name) || spare.as_deref() == Some(name);
        unknown(self.file(), architecture, self.all().map(|(name, _)| name), known)
    }

    /// Whether the tensors that a network takes are there, in their shapes, and nothing else: before any is read. Of weights
    /// that are still to come, what can be known of that.
    pub(in crate::model) fn check(&self, spec: &ArchSpec) -> Result<(), LoadError> {
        if let TensorSource::Awaited(awaited) = &self.source {
            return awaited.check(spec);
        }
        let mut known = BTreeSet::new();
        for (name, shape) in spec.tensors() {
            self.expect(&name, &shape)?;
            known.insert(self.stored_name(&name));
        }
        known.extend(spec.optional_tensors().iter().map(|name| self.stored_name(name)));
        unknown(self.file(), spec.arch.label, self.all().map(|(name, _)| name), |name| known.contains(name))
    }

    /// The same of a file that has only begun to come, of weights that are awaited; `None` where it has begun far enough,
    /// else how many bytes would do.
    pub(in crate::model) fn check_beginning(
        &self,
        begun: &BegunFile<'_>,
        spec: &ArchSpec,
    ) -> Result<Option<u64>, LoadError> {
        match &self.source {
            TensorSource::Awaited(awaited) => awaited.check_beginning(begun, spec),
            _ => Ok(None),
        }
    }

    fn find(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError> {
        match &self.source {
            TensorSource::Single(shard) => shard.find(name),
            TensorSource::Sharded(shards) => shards.find(name),
            TensorSource::Gguf(gguf) => Ok(gguf.find(name)),
            TensorSource::Awaited(_) => Ok(None),
        }
    }

    /// The name under which the file has a tensor.
    fn stored_name(&self, name: &str) -> String {
        match &self.source {
            TensorSource::Gguf(gguf) => gguf.stored_name(name),
            _ => name.to_owned(),
        }
    }

    /// All tensors of floats and blocks, by the names that the file has for them.
    fn all(&self) -> Box<dyn Iterator<Item = (String, Stored<'_>)> + '_> {
        match &self.source {
            TensorSource::Single(shard) => {
                Box::new(shard.names().filter_map(|name| Some((name.clone(), shard.find(&name).ok()??))))
            }
            TensorSource::Sharded(shards) => {
                Box::new(shards.names().filter_map(|name| Some((name.clone(), shards.find(&name).ok()??))))
            }
            TensorSource::Gguf(gguf) => Box::new(gguf.all()),
            TensorSource::Awaited(_) => Box::new(std::iter::empty()),
        }
    }

    /// The tensor of this name, which must have this shape. To be followed by [`Self::done`] once it is taken.
    pub(crate) fn expect(&self, name: &str, shape: &[usize]) -> Result<Stored<'_>, LoadError> {
        let file = || match &self.source {
            TensorSource::Sharded(shards) => shards.file_of(name).to_owned(),
            _ => self.file().to_owned(),
        };
        let Some(stored) = self.find(name)? else {
            let name = self.stored_name(name);
            let instead = absent::instead(&name, self.all().map(|(name, _)| name));
            return Err(LoadError::Missing { file: file(), name, expected: shape.to_vec(), instead });
        };
        if stored.shape() != shape {
            let (name, found) = (self.stored_name(name), stored.shape().to_vec());
            return Err(LoadError::Shape { file: file(), name, found, expected: shape.to_vec() });
        }
        Ok(stored)
    }

    /// Counts a tensor as taken.
    pub(crate) fn done(&self, name: &str, stored: &Stored<'_>) {
        if !self.taken.borrow_mut().insert(self.stored_name(name)) {
            return;
        }
        self.elements.set(self.elements.get() + stored.elements());
        self.done.set(self.done.get() + stored.len() as u64);
        if let Some(watch) = &self.watch {
            watch(LoadProgress { done: self.done.get(), total: self.total });
        }
    }
}

/// An error where one of these tensors is none that the architecture knows, and not harmless either.
fn unknown(
    file: &str,
    architecture: &str,
    names: impl Iterator<Item = String>,
    known: impl Fn(&str) -> bool,
) -> Result<(), LoadError> {
    let mut extra = names.filter(|name| !known(name) && !name.ends_with(".rotary_emb.inv_freq"));
    match extra.next() {
        None => Ok(()),
        Some(name) => Err(LoadError::Extra {
            file: file.to_owned(),
            name,
            others: extra.count(),
            architecture: architecture.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ::safetensors::tensor::Dtype;

    use super::*;
    use crate::model::testing::Tiny;

    #[test]
    fn taken_weights_are_counted_once() {
        let weights = Weights::from_bytes("m", Tiny::new("Dream", false).weights(Dtype::F16)).unwrap();
        assert!(weights.has("model.norm.weight") && !weights.has("model.norm.bias"));
        for _ in 0..2 {
            let norm = weights.take("model.norm.weight", &[16], &Device::Cpu).unwrap();
            assert_eq!((norm.dims(), weights.taken()), (&[16][..], 16));
        }
    }

    #[test]
    fn what_is_left_over_is_named_unless_it_is_harmless() {
        let mut tiny = Tiny::new("Dream", false);
        tiny.tensors.retain(|name, _| name == "model.norm.weight" || name == "lm_head.weight");
        tiny.tensors.insert("model.layers.0.self_attn.rotary_emb.inv_freq".into(), (vec![2], vec![1.0, 0.1]));
        let weights = |tiny: &Tiny| Weights::from_bytes("m", tiny.weights(Dtype::F32)).unwrap();
        let half = weights(&tiny);
        half.take("model.norm.weight", &[16], &Device::Cpu).unwrap();
        assert!(half.finish("Dream", Some("lm_head.weight")).is_ok(), "a tied head may be there twice");
        let message = half.finish("Dream", None).unwrap_err().to_string();
        assert!(message.starts_with("m has a tensor `lm_head.weight` that the Dream architecture"), "{message}");
        assert!(message.contains("the only one"), "{message}");
        let message = weights(&tiny).finish("Dream", None).unwrap_err().to_string();
        assert!(message.contains("`lm_head.weight`") && message.contains("and 1 more"), "{message}");
    }
}
