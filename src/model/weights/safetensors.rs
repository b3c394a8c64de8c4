//! Weights in safetensors: one file, or several and an index that says which tensor lies where.
//!
//! The crate `safetensors` reads the header of a file. It has nothing for an index; candle's `MmapedSafetensors` opens
//! several files without one, takes the last of two tensors of a name, and leaves every page that was read in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use std::sync::Arc;

use safetensors::tensor::{Dtype, Metadata, SafeTensorError, SafeTensors};
use serde::Deserialize;

use super::error::LoadError;
use super::mapped::Bytes;
use super::stored::{Encoding, Stored};
use crate::{files, model::lfs};

/// A safetensors file begins with the length of its header in so many bytes.
pub(super) const LENGTH_BYTES: usize = 8;

/// Name of the only file of a checkpoint.
pub(crate) const SINGLE: &str = "model.safetensors";
/// Name of the index of a checkpoint of several files.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// One file whose header has been checked.
#[derive(Debug)]
pub(super) struct Shard {
    file: String,
    bytes: Arc<Bytes>,
    metadata: Metadata,
    /// Where the first tensor starts.
    data: usize,
}

impl Shard {
    /// Checks the header of a file; `file` is its name in messages.
    pub(super) fn new(file: String, bytes: Bytes) -> Result<Self, LoadError> {
        match SafeTensors::read_metadata(&bytes) {
            Ok((header, metadata)) => Ok(Self { file, bytes: Arc::new(bytes), metadata, data: LENGTH_BYTES + header }),
            Err(error) => Err(header_error(file, &bytes, &error)),
        }
    }

    /// The file's name in messages.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Names of all tensors.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.metadata.offset_keys().into_iter()
    }

    /// The tensor of this name; an error where it is no float.
    pub(super) fn find(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError> {
        let Some(info) = self.metadata.info(name) else { return Ok(None) };
        let encoding = match info.dtype {
            Dtype::F32 => Encoding::F32,
            Dtype::F16 => Encoding::F16,
            Dtype::BF16 => Encoding::BF16,
            other => {
                return Err(LoadError::number_type(self.file.clone(), name, format!("{other:?}")));
            }
        };
        // The header check made sure that the offsets lie within the file and fit shape and type.
        let range = self.data + info.data_offsets.0..self.data + info.data_offsets.1;
        Ok(Some(Stored::new(&self.bytes, range, encoding, info.shape.clone())))
    }
}

/// Several files and their index.
#[derive(Debug)]
pub(super) struct Sharded {
    index: String,
    shards: Vec<Shard>,
    /// Where each tensor lies.
    places: BTreeMap<String, usize>,
}

/// The part of an index file that matters.
#[derive(Deserialize)]
pub(super) struct ShardIndex {
    /// The file of each tensor, beside the index.
    pub weight_map: BTreeMap<String, String>,
}

impl ShardIndex {
    /// Reads an index; the files that it names need not be there.
    pub(super) fn read(path: &Path) -> Result<Self, LoadError> {
        let index = path.display().to_string();
        let wrong = |reason: String| LoadError::Index { file: index.clone(), reason };
        let content = files::read(path).map_err(|error| LoadError::Read { file: index.clone(), error })?;
        if lfs::is_pointer(&content) {
            return Err(LoadError::Pointer { file: index });
        }
        let read: Self = serde_json::from_slice(&content)
            .map_err(|error| wrong(format!("is no index of safetensors files: {error}")))?;
        for (tensor, file) in &read.weight_map {
            if !is_plain_name(file) {
                return Err(wrong(format!(
                    "tensor `{tensor}` is said to lie in `{file}`, expected the name of a .safetensors file beside the \
                     index"
                )));
            }
        }
        if read.weight_map.is_empty() {
            return Err(wrong("names no tensor".into()));
        }
        Ok(read)
    }
}

impl Sharded {
    /// Opens all files that an index names. They lie beside it.
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let index = path.display().to_string();
        let wrong = |reason: String| LoadError::Index { file: index.clone(), reason };
        let ShardIndex { weight_map } = ShardIndex::read(path)?;
        let files: Vec<&String> = weight_map.values().collect::<BTreeSet<_>>().into_iter().collect();
        let folder = path.parent().unwrap_or(Path::new(""));
        let open = |name: &&String| {
            let path = folder.join(name);
            let file = path.display().to_string();
            match Bytes::open(&path) {
                Ok(bytes) => Shard::new(file, bytes),
                Err(error) => Err(LoadError::Shard { file, index: index.clone(), shards: files.len(), error }),
            }
        };
        let shards = files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let mut places = BTreeMap::new();
        for (tensor, file) in &weight_map {
            let place = files.partition_point(|name| *name < file);
            if shards[place].metadata.info(tensor).is_none() {
                return Err(wrong(format!(
                    "tensor `{tensor}` is said to lie in {file}, which has no such tensor: index and file are of \
                     different checkpoints, fetch both again"
                )));
            }
            places.insert(tensor.clone(), place);
        }
        Ok(Self { index, shards, places })
    }

    /// The index's name in messages.
    pub(super) fn file(&self) -> &str {
        &self.index
    }

    /// The file in which a tensor lies, or the index.
    pub(super) fn file_of(&self, name: &str) -> &str {
        self.places.get(name).map_or(&self.index, |&place| self.shards[place].file())
    }

    /// Names of all tensors that the index knows.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.places.keys().cloned()
    }

    /// The tensor of this name; an error where it is no float.
    pub(super) fn find(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError> {
        match self.places.get(name) {
            Some(&place) => self.shards[place].find(name),
            None => Ok(None),
        }
    }
}

/// Whether this is the name of a safetensors file in the same folder and nothing else.
fn is_plain_name(file: &str) -> bool {
    let mut parts = Path::new(file).components();
    let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    plain && !file.contains(['/', '\\', ':']) && file.ends_with(".safetensors")
}

fn header_error(file: String, bytes: &[u8], error: &SafeTensorError) -> LoadError {
    if lfs::is_pointer(bytes) {
        return LoadError::Pointer { file };
    }
    let found = bytes.len() as u64;
    let length = bytes.first_chunk::<LENGTH_BYTES>().map(|first| u64::from_le_bytes(*first));
    match (error, length) {
        // The header itself is cut off.
        (SafeTensorError::InvalidHeaderLength, Some(length)) => {
            LoadError::Length { file, found, expected: length.saturating_add(LENGTH_BYTES as u64) }
        }
        (SafeTensorError::MetadataIncompleteBuffer, Some(length)) => {
            let data = data_length(bytes, length as usize).unwrap_or_default();
            LoadError::Length { file, found, expected: LENGTH_BYTES as u64 + length + data }
        }
        (SafeTensorError::HeaderTooSmall, _) => LoadError::Length { file, found, expected: LENGTH_BYTES as u64 },
        (other, _) => LoadError::Header { file, reason: other.to_string() },
    }
}

/// Bytes of tensor data that a well-formed header describes.
fn data_length(bytes: &[u8], header: usize) -> Option<u64> {
    let header: serde_json::Value = serde_json::from_slice(bytes.get(LENGTH_BYTES..LENGTH_BYTES + header)?).ok()?;
    header.as_object()?.values().filter_map(|tensor| tensor.get("data_offsets")?.get(1)?.as_u64()).max()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::*;
    use crate::model::checkpoint::Checkpoint;
    use crate::model::device::ComputeDevice;
    use crate::model::network::{Network, Pass, Read};
    use crate::model::testing::{Folder, Tiny};

    fn message(bytes: Vec<u8>) -> String {
        let file = "m/model.safetensors".to_owned();
        Shard::new(file, Bytes::Held(bytes.into())).unwrap_err().to_string()
    }

    #[test]
    fn a_file_cut_anywhere_is_called_truncated() {
        let whole = Tiny::new("Dream", false).weights(Dtype::F32);
        let header = LENGTH_BYTES + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
        for length in [0, 5, LENGTH_BYTES, header - 1, header, header + 1, whole.len() - 1] {
            let message = message(whole[..length].to_vec());
            assert!(message.starts_with(&format!("m/model.safetensors is {length} bytes long")), "{message}");
            assert!(message.ends_with("truncated"), "{length}: {message}");
        }
        let cut = message(whole[..=header].to_vec());
        assert!(cut.contains(&format!("describes {}", whole.len())), "{cut}");
    }

    #[test]
    fn a_file_that_goes_on_is_damaged() {
        let mut whole = Tiny::new("Dream", false).weights(Dtype::F32);
        whole.push(0);
        assert!(message(whole).ends_with("damaged"));
    }

    #[test]
    fn other_files_are_no_weights() {
        let mut page = 9_u64.to_le_bytes().to_vec();
        page.extend_from_slice(b"<!doctype html>");
        assert!(message(page).contains("is not a safetensors file"));
        assert!(message(vec![0xff; 64]).contains("is not a safetensors file"));
    }

    /// A checkpoint in three files, one of them of an unusual name.
    struct Shards {
        folder: Folder,
        index: Value,
    }

    const FILES: [&str; 3] =
        ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "extra.safetensors"];

    impl Shards {
        fn new() -> Self {
            let whole = Tiny::new("Dream", false);
            let folder = whole.write();
            std::fs::remove_file(folder.path().join(SINGLE)).unwrap();
            let mut shards = Self { folder, index: json!({"metadata": {"total_size": 1}, "weight_map": {}}) };
            for (number, file) in FILES.iter().enumerate() {
                let mut part = Tiny::new("Dream", false);
                let names: Vec<String> = part.tensors.keys().skip(number).step_by(3).cloned().collect();
                part.tensors.retain(|name, _| names.contains(name));
                std::fs::write(shards.path(file), part.weights(Dtype::F32)).unwrap();
                for name in names {
                    shards.index["weight_map"][name] = json!(file);
                }
            }
            shards
        }

        fn path(&self, file: &str) -> PathBuf {
            self.folder.path().join(file)
        }

        fn open(&self) -> Result<Box<dyn Network>, LoadError> {
            std::fs::write(self.path(INDEX), self.index.to_string()).unwrap();
            Checkpoint::open(self.folder.path())?.network(&ComputeDevice::cpu())
        }

        fn message(&self) -> String {
            let message = self.open().err().expect("the checkpoint is damaged").to_string();
            assert!(!message.contains('\n'), "{message}");
            message
        }
    }

    #[test]
    fn shards_are_one_checkpoint() {
        let logits = |network: &mut dyn Network| {
            network.forward(Pass::new(&[3, 4, 5], &[0, 1, 2], Read::UpTo(3), &[0, 1, 2])).unwrap()
        };
        let mut whole = Tiny::new("Dream", false).network();
        let shards = Shards::new();
        assert_eq!(logits(&mut *shards.open().unwrap()), logits(&mut whole));
        // A single file goes first.
        std::fs::write(shards.path(SINGLE), b"no weights").unwrap();
        assert!(shards.message().contains("model.safetensors is not a safetensors file"));
    }

    #[test]
    fn a_shard_that_is_missing_or_cut_is_named() {
        let shards = Shards::new();
        let path = shards.path(FILES[1]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 8]).unwrap();
        let message = shards.message();
        assert!(message.contains(FILES[1]) && message.ends_with("truncated"), "{message}");
        std::fs::remove_file(&path).unwrap();
        let message = shards.message();
        assert!(message.starts_with("cannot read ") && message.contains(FILES[1]), "{message}");
        assert!(message.contains("one of the 3 files that") && message.contains(INDEX), "{message}");
    }

    #[test]
    fn an_index_that_does_not_fit_its_files_is_named() {
        let norm = "model.norm.weight";
        for file in ["../model.safetensors", "a/b.safetensors", "/x.safetensors", "..", "", "C:x.safetensors", "x.bin"]
        {
            let mut shards = Shards::new();
            shards.index["weight_map"][norm] = json!(file);
            let message = shards.message();
            let expected =
                format!("tensor `{norm}` is said to lie in `{file}`, expected the name of a .safetensors file");
            assert!(message.contains(INDEX) && message.contains(&expected), "{message}");
        }
        let mut shards = Shards::new();
        shards.index["weight_map"]["model.norm.bias"] = json!(FILES[0]);
        let message = shards.message();
        assert!(message.contains("`model.norm.bias` is said to lie in model-00001-of-00002.safetensors, which has no"));
        let mut shards = Shards::new();
        shards.index["weight_map"].as_object_mut().unwrap().remove(norm);
        let message = shards.message();
        assert!(message.contains(&format!("{INDEX} has no tensor `{norm}` of shape [16]")), "{message}");
        for (index, expected) in [(json!({}), "missing field `weight_map`"), (json!({"weight_map": {}}), "no tensor")] {
            let mut shards = Shards::new();
            shards.index = index;
            let message = shards.message();
            assert!(message.contains(INDEX) && message.contains(expected), "{message}");
        }
    }
}
