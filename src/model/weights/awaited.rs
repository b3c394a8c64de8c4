//! Weights that are still to come: what an index says of them, and what the header of a file does once that is there.

use std::collections::BTreeSet;
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata};

use super::error::LoadError;
use super::safetensors::{INDEX, LENGTH_BYTES, SINGLE, ShardIndex};
use super::{absent, unknown};
use crate::model::{arch::ArchSpec, lfs};

/// The longest header of a safetensors file that the format allows.
const LONGEST_HEADER: u64 = 100_000_000;

/// Weights of which no file need be there.
#[derive(Debug)]
pub(super) struct Awaited {
    file: String,
    /// Names of all tensors, where there is an index.
    names: BTreeSet<String>,
}

/// The first bytes of a file.
#[derive(Debug, Clone, Copy)]
pub struct BegunFile<'a> {
    /// Where it will lie.
    pub path: &'a Path,
    /// Its length once it is whole.
    pub size: u64,
    /// What is there of it.
    pub bytes: &'a [u8],
}

impl Awaited {
    /// What a folder says of them.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, LoadError> {
        let index = folder.join(INDEX);
        if !absent::is_there(&index)? {
            return Ok(Self { file: folder.join(SINGLE).display().to_string(), names: BTreeSet::new() });
        }
        let ShardIndex { weight_map } = ShardIndex::read(&index)?;
        Ok(Self { file: index.display().to_string(), names: weight_map.into_keys().collect() })
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Compares names, where there is an index.
    pub(super) fn check(&self, spec: &ArchSpec) -> Result<(), LoadError> {
        if self.names.is_empty() {
            return Ok(());
        }
        let mut known = BTreeSet::new();
        for (name, shape) in spec.tensors() {
            if !self.names.contains(&name) {
                return Err(missing(&self.file, &name, &shape, self.names.iter().cloned()));
            }
            known.insert(name);
        }
        known.extend(spec.optional_tensors());
        unknown(&self.file, spec.arch.label, self.names.iter().cloned(), |name| known.contains(name))
    }

    /// Compares the header of a file; see [`super::Weights::check_beginning`].
    pub(super) fn check_beginning(&self, begun: &BegunFile<'_>, spec: &ArchSpec) -> Result<Option<u64>, LoadError> {
        let file = begun.path.display().to_string();
        let header = match header(&file, begun)? {
            ShardHeader::Whole(header) => header,
            ShardHeader::Needs(bytes) => return Ok(Some(bytes)),
        };
        let names = header.offset_keys();
        let mut known = BTreeSet::new();
        for (name, expected) in spec.tensors() {
            match header.info(&name) {
                Some(info) if info.shape != expected => {
                    return Err(LoadError::Shape { file, name, found: info.shape.clone(), expected });
                }
                Some(info) if !matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) => {
                    return Err(LoadError::number_type(file, &name, format!("{:?}", info.dtype)));
                }
                // Where there is an index, another file has it.
                None if !self.names.contains(&name) => {
                    return Err(missing(&file, &name, &expected, names.into_iter()));
                }
                _ => known.insert(name),
            };
        }
        known.extend(spec.optional_tensors());
        unknown(&file, spec.arch.label, names.into_iter(), |name| known.contains(name))?;
        Ok(None)
    }
}

fn missing(file: &str, name: &str, shape: &[usize], names: impl Iterator<Item = String>) -> LoadError {
    let instead = absent::instead(name, names);
    LoadError::Missing { file: file.to_owned(), name: name.to_owned(), expected: shape.to_vec(), instead }
}

/// A header, or how many bytes of the file hold it.
enum ShardHeader {
    Whole(Metadata),
    Needs(u64),
}

fn header(file: &str, begun: &BegunFile<'_>) -> Result<ShardHeader, LoadError> {
    let wrong = |reason: String| LoadError::Header { file: file.to_owned(), reason };
    let Some(first) = begun.bytes.first_chunk::<LENGTH_BYTES>() else {
        return Ok(ShardHeader::Needs(LENGTH_BYTES as u64));
    };
    if lfs::is_pointer(begun.bytes) {
        return Err(LoadError::Pointer { file: file.to_owned() });
    }
    let length = u64::from_le_bytes(*first);
    let end = length.saturating_add(LENGTH_BYTES as u64);
    if length > LONGEST_HEADER || end > begun.size {
        return Err(wrong(format!("its header would be {length} bytes long")));
    }
    let Some(json) = begun.bytes.get(LENGTH_BYTES..end as usize) else { return Ok(ShardHeader::Needs(end)) };
    let metadata: Metadata =
        serde_json::from_slice(json).map_err(|error| wrong(format!("its header is damaged: {error}")))?;
    let expected = end.saturating_add(metadata.data_len() as u64);
    if expected != begun.size {
        return Err(LoadError::Length { file: file.to_owned(), found: begun.size, expected });
    }
    Ok(ShardHeader::Whole(metadata))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ::safetensors::tensor::Dtype;
    use serde_json::json;

    use super::*;
    use crate::model::arch::{ARCHS, Arch};
    use crate::model::checkpoint::Checkpoint;
    use crate::model::testing::Tiny;

    /// The sentence about tensors, which is the same for a whole file and for its header alone.
    fn sentence(arch: &'static Arch, tiny: &Tiny) -> Option<String> {
        let (config, weights) = (tiny.config.to_string().into_bytes(), tiny.weights(Dtype::F32));
        let spec = (arch.read)(arch, &config).unwrap();
        let awaited = Awaited::in_folder(Path::new("m")).unwrap();
        let begun = |length: usize| {
            let begun = BegunFile {
                path: Path::new("m/model.safetensors"),
                size: weights.len() as u64,
                bytes: &weights[..length],
            };
            awaited.check_beginning(&begun, &spec)
        };
        assert_eq!(begun(3).unwrap(), Some(8));
        let header = begun(8).unwrap().unwrap();
        let early = begun(header as usize).map(|more| assert_eq!(more, None)).err().map(|error| error.to_string());
        let whole = Checkpoint::from_bytes("m", config, weights.clone()).unwrap().check_tensors();
        assert_eq!(early, whole.err().map(|error| error.to_string()));
        early
    }

    #[test]
    fn of_every_architecture_a_tensor_that_is_missing_misshapen_or_too_many_is_named() {
        for (arch, tied) in ARCHS.iter().flat_map(|arch| [(*arch, false), (*arch, true)]) {
            let sound = || Tiny::new(arch.model_type, tied);
            assert_eq!(sentence(arch, &sound()), None, "{arch:?}");
            for (name, (shape, values)) in sound().tensors {
                let mut tiny = sound();
                tiny.tensors.remove(&name);
                let expected = format!("m/model.safetensors has no tensor `{name}` of shape {shape:?}");
                assert_eq!(sentence(arch, &tiny).unwrap(), expected, "{arch:?}");
                let flat = vec![values.len(), 1, 1];
                let expected = format!("m/model.safetensors: tensor `{name}` has shape {flat:?}, expected {shape:?}");
                tiny.tensors.insert(name, (flat, values));
                assert_eq!(sentence(arch, &tiny).unwrap(), expected, "{arch:?}");
            }
            let mut tiny = sound();
            tiny.tensors.insert("vision.weight".to_owned(), (vec![2], vec![0.0; 2]));
            let message = sentence(arch, &tiny).unwrap();
            let expected = format!("has a tensor `vision.weight` that the {} architecture does not know", arch.label);
            assert!(message.contains(&expected), "{message}");
        }
    }

    #[test]
    fn of_every_architecture_a_field_of_another_type_is_named() {
        for arch in ARCHS {
            let config = Tiny::new(arch.model_type, false).config;
            for (field, value) in config.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
                let mut config = config.clone();
                config[field] = if value.is_string() { json!(7) } else { json!("wide") };
                let weights = Tiny::new(arch.model_type, false).weights(Dtype::F32);
                let opened = Checkpoint::from_bytes("m", config.to_string().into_bytes(), weights);
                let message = opened.and_then(|checkpoint| checkpoint.check_tensors()).unwrap_err().to_string();
                let begins = format!("m/config.json: `{field}` is {}, ", config[field]);
                assert!(message.starts_with(&begins), "{arch:?}: {message}");
                assert!(message.contains("expected ") || message.contains("only "), "{message}");
            }
        }
    }
}
