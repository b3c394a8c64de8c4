//! A phase on disk: weights, average, moments and the place in the data, in one safetensors file.
//!
//! A file is written beside its place and renamed, so that a run that is killed leaves the one before.

use super::optimizer::OptimizerState;
use super::parameters::{ParameterLayout, Shape};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, View, serialize};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a checkpoint could not be written or read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("cannot access {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file system took no more.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no safetensors file.
    #[error("{path} is no safetensors file")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SafeTensorError,
    },
    /// The file holds something else than a checkpoint of this network.
    #[error("{path} does not fit: {reason}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}

/// What a checkpoint says besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainProgress {
    /// The phase.
    pub phase: String,
    /// Seed of the run.
    pub seed: u64,
    /// Size of the network.
    pub shape: Shape,
    /// Rows of the embedding.
    pub vocab: usize,
    /// Steps of the phase so far; the next batch has this number.
    pub step: u64,
    /// Tokens of the phase so far.
    pub tokens: u64,
    /// Seconds spent on the phase so far.
    pub seconds: f64,
}

/// Key of the metadata that holds [`TrainProgress`].
const PROGRESS: &str = "progress";

/// A tensor of a file that is about to be written.
struct Values<'a> {
    dims: &'a [usize],
    values: &'a [f32],
}

impl View for Values<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.dims
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

/// The parts of a state under the names that they have in the file.
fn parts(state: &OptimizerState) -> [(&'static str, &Vec<f32>); 4] {
    [("weights", &state.weights), ("average", &state.average), ("first", &state.first), ("second", &state.second)]
}

/// Where the checkpoint of a phase lies in the folder of a run.
pub fn path(folder: &Path, phase: &str) -> PathBuf {
    folder.join(format!("{phase}-latest.safetensors"))
}

/// Writes a file beside `path`, and renames it to `path`. The name beside it is always the same, so that what a killed run
/// leaves there is overwritten; where writing fails, it is removed.
///
/// # Errors
/// Those of the file system; `path` is then as it was.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&part);
    })
}

/// Writes a safetensors file. The library's own function leaves partial files under random names when the process is
/// killed, and makes files that only their owner can read.
pub(super) fn write_tensors<V: View>(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, V)>,
    metadata: HashMap<String, String>,
) -> Result<(), CheckpointError> {
    serialize(tensors, Some(metadata))
        .map_err(std::io::Error::other)
        .and_then(|bytes| replace(path, &bytes))
        .map_err(|source| CheckpointError::Write { path: path.to_owned(), source })
}

/// Writes a checkpoint.
///
/// # Errors
/// [`CheckpointError::Write`].
pub fn save(
    path: &Path,
    layout: &ParameterLayout,
    state: &OptimizerState,
    progress: &TrainProgress,
) -> Result<(), CheckpointError> {
    let progress = serde_json::to_string(progress)
        .map_err(|error| CheckpointError::Write { path: path.to_owned(), source: error.into() })?;
    let metadata = HashMap::from([(PROGRESS.to_owned(), progress)]);
    let tensors = parts(state).into_iter().flat_map(|(part, values)| {
        layout.tensors.iter().map(move |tensor| {
            let view = Values { dims: &tensor.dims, values: &values[tensor.range.clone()] };
            (format!("{part}.{}", tensor.name), view)
        })
    });
    write_tensors(path, tensors, metadata)
}

/// Reads what a checkpoint says about itself.
///
/// # Errors
/// Where the file cannot be read, or is no checkpoint.
pub fn progress(path: &Path) -> Result<TrainProgress, CheckpointError> {
    read(path).map(|(progress, _)| progress)
}

fn read(path: &Path) -> Result<(TrainProgress, Vec<u8>), CheckpointError> {
    let bytes = std::fs::read(path).map_err(|source| CheckpointError::File { path: path.to_owned(), source })?;
    let (_, header) = SafeTensors::read_metadata(&bytes)
        .map_err(|source| CheckpointError::Format { path: path.to_owned(), source })?;
    let mismatch = |reason: String| CheckpointError::Mismatch { path: path.to_owned(), reason };
    let text = header.metadata().as_ref().and_then(|m| m.get(PROGRESS));
    let text = text.ok_or_else(|| mismatch(format!("its metadata has no {PROGRESS}")))?;
    let progress = serde_json::from_str(text).map_err(|error| mismatch(error.to_string()))?;
    Ok((progress, bytes))
}

/// Reads a checkpoint of a network of `layout`.
///
/// # Errors
/// Where the file cannot be read, is no checkpoint, or is of another network.
pub fn load(path: &Path, layout: &ParameterLayout) -> Result<(OptimizerState, TrainProgress), CheckpointError> {
    let (progress, bytes) = read(path)?;
    let mismatch = |reason: String| CheckpointError::Mismatch { path: path.to_owned(), reason };
    if progress.shape != layout.shape || progress.vocab != layout.vocab {
        return Err(mismatch(format!(
            "it holds {:?} with {} token ids, expected {:?} with {}",
            progress.shape, progress.vocab, layout.shape, layout.vocab
        )));
    }
    let tensors =
        SafeTensors::deserialize(&bytes).map_err(|source| CheckpointError::Format { path: path.to_owned(), source })?;
    let mut state = OptimizerState::new(vec![0.0; layout.len]);
    state.step = progress.step;
    for (part, values) in [
        ("weights", &mut state.weights),
        ("average", &mut state.average),
        ("first", &mut state.first),
        ("second", &mut state.second),
    ] {
        for tensor in &layout.tensors {
            let name = format!("{part}.{}", tensor.name);
            let found = tensors.tensor(&name).map_err(|error| mismatch(error.to_string()))?;
            if found.dtype() != Dtype::F32 || found.shape() != tensor.dims {
                return Err(mismatch(format!("{name} is {:?} {:?}", found.dtype(), found.shape())));
            }
            for (value, bytes) in values[tensor.range.clone()].iter_mut().zip(found.data().chunks_exact(4)) {
                *value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
    }
    Ok((state, progress))
}
