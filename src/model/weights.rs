//! Tensors out of a safetensors file, by name and expected shape.
//!
//! A file is untrusted: whatever is wrong with it becomes one sentence that names the file, the tensor, what was
//! found and what was expected.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Dtype, Metadata, SafeTensorError, SafeTensors};
use thiserror::Error;

use crate::model::device::plain;

/// Why a checkpoint cannot be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is not there or not readable.
    #[error("cannot read {file}: {error}")]
    Read {
        /// Path of the file.
        file: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The configuration does not parse, or its fields contradict each other.
    #[error("{file}: {reason}")]
    Config {
        /// Path of the configuration.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The architecture is none of those that are built.
    #[error("{file}: architecture `{found}` is not supported (supported: {supported})")]
    Architecture {
        /// Path of the configuration.
        file: String,
        /// What the configuration names.
        found: String,
        /// What this program can run.
        supported: String,
    },
    /// The file ends before its header says it does, or goes on after it.
    #[error("{file} is {found} bytes long, but its header describes {expected}: the file is {}",
        if found < expected { "truncated" } else { "damaged" })]
    Length {
        /// Path of the weights.
        file: String,
        /// Length in bytes.
        found: u64,
        /// Length in bytes that the header implies.
        expected: u64,
    },
    /// Not a safetensors file.
    #[error("{file} is not a safetensors file: {reason}")]
    Header {
        /// Path of the weights.
        file: String,
        /// What the parser said.
        reason: String,
    },
    /// A tensor is missing.
    #[error("{file} has no tensor `{name}` of shape {expected:?}")]
    Missing {
        /// Path of the weights.
        file: String,
        /// Name of the tensor.
        name: String,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the configuration implies.
    #[error("{file}: tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Path of the weights.
        file: String,
        /// Name of the tensor.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
    },
    /// A tensor is stored as something that is no float.
    #[error("{file}: tensor `{name}` is stored as {found}, expected F32, F16 or BF16")]
    Type {
        /// Path of the weights.
        file: String,
        /// Name of the tensor.
        name: String,
        /// How it is stored.
        found: String,
    },
    /// A denoiser without a mask token.
    #[error(
        "{file} has no `mask_token_id`, and the tokenizer beside it names no mask token (looked for {expected}): \
        give its id"
    )]
    NoMask {
        /// Path of the configuration.
        file: String,
        /// Names that were looked for.
        expected: String,
    },
    /// The tensor library failed.
    #[error("cannot set up the network: {0}")]
    Backend(String),
}

impl From<candle_core::Error> for LoadError {
    fn from(error: candle_core::Error) -> Self {
        Self::Backend(plain(&error))
    }
}

/// An opened weights file whose header has been checked.
#[derive(Debug)]
pub struct Weights {
    file: String,
    bytes: Cow<'static, [u8]>,
    metadata: Metadata,
    /// Where the first tensor starts.
    data: usize,
    /// Elements taken so far.
    taken: Cell<usize>,
}

impl Weights {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let file = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => Self::from_bytes(file, bytes),
            Err(error) => Err(LoadError::Read { file, error }),
        }
    }

    /// Takes a file's bytes; `file` is its name in messages.
    pub fn from_bytes(file: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, LoadError> {
        let (file, bytes) = (file.into(), bytes.into());
        match SafeTensors::read_metadata(&bytes) {
            Ok((header, metadata)) => {
                let data = LENGTH_BYTES + header;
                Ok(Self { file, bytes, metadata, data, taken: Cell::new(0) })
            }
            Err(error) => Err(header_error(file, &bytes, &error)),
        }
    }

    /// The file's name in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether the file has a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.metadata.info(name).is_some()
    }

    /// Number of elements in all tensors taken so far.
    pub fn taken(&self) -> usize {
        self.taken.get()
    }

    /// The tensor `name` as float32 on `device`; its shape must be `shape`.
    pub fn take(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor, LoadError> {
        let Some(info) = self.metadata.info(name) else {
            return Err(LoadError::Missing { file: self.file.clone(), name: name.into(), expected: shape.to_vec() });
        };
        if info.shape != shape {
            let (file, name) = (self.file.clone(), name.to_owned());
            return Err(LoadError::Shape { file, name, found: info.shape.clone(), expected: shape.to_vec() });
        }
        // The header check made sure that the offsets lie within the file and fit shape and type.
        let bytes = &self.bytes[self.data + info.data_offsets.0..self.data + info.data_offsets.1];
        let values = match info.dtype {
            Dtype::F32 => floats::<4>(bytes, f32::from_le_bytes),
            Dtype::F16 => floats::<2>(bytes, |two| half::f16::from_le_bytes(two).to_f32()),
            Dtype::BF16 => floats::<2>(bytes, |two| half::bf16::from_le_bytes(two).to_f32()),
            other => {
                let (file, name) = (self.file.clone(), name.to_owned());
                return Err(LoadError::Type { file, name, found: format!("{other:?}") });
            }
        };
        self.taken.set(self.taken.get() + values.len());
        Ok(Tensor::from_vec(values, shape, device)?.to_dtype(DType::F32)?)
    }
}

/// A safetensors file begins with the length of its header in so many bytes.
const LENGTH_BYTES: usize = 8;

fn floats<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|&chunk| read(chunk)).collect()
}

fn header_error(file: String, bytes: &[u8], error: &SafeTensorError) -> LoadError {
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

    use super::*;
    use crate::model::testing::Tiny;

    fn message(bytes: Vec<u8>) -> String {
        Weights::from_bytes("m/model.safetensors", bytes).unwrap_err().to_string()
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

    #[test]
    fn taken_weights_are_counted() {
        let weights = Weights::from_bytes("m", Tiny::new("Dream", false).weights(Dtype::F32)).unwrap();
        assert!(weights.has("model.norm.weight") && !weights.has("model.norm.bias"));
        let norm = weights.take("model.norm.weight", &[16], &Device::Cpu).unwrap();
        assert_eq!((norm.dims(), weights.taken()), (&[16][..], 16));
    }
}
