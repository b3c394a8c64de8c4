//! Tiny random checkpoints for tests.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Shape, Tensor};
use half::{bf16, f16};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

use crate::model::arch::{ARCHS, ConfigValues};
use crate::model::checkpoint::Checkpoint;
use crate::model::config::Dims;
use crate::model::device::ComputeDevice;
use crate::model::transformer::Transformer;

/// Vocabulary of the tiny checkpoints.
pub const VOCAB: usize = 24;
/// Context of the tiny checkpoints.
pub const CONTEXT: usize = 1024;

/// A checkpoint that tests may damage before it is used.
pub struct Tiny {
    pub config: Value,
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Tiny {
    /// Two layers of width 16, four query heads on two key heads.
    pub fn new(model_type: &str, tied: bool) -> Self {
        let arch = ARCHS.iter().find(|arch| arch.model_type == model_type).unwrap();
        let dims = Dims {
            vocab: VOCAB,
            hidden: 16,
            intermediate_size: 20,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            head_dim: 6,
            max_positions: CONTEXT,
            norm_eps: 1e-6,
            rope_theta: 1e4,
        };
        let values = ConfigValues { dims, rope_scaling: None, tied, eos_id: Some(0), mask_id: Some(1) };
        let config = (arch.write)(arch, &values);
        let spec = (arch.read)(arch, config.to_string().as_bytes()).unwrap();
        let (mut rng, mut tensors) = (ChaCha8Rng::seed_from_u64(7), BTreeMap::new());
        for (name, shape) in spec.tensors() {
            let values = (0..shape.iter().product()).map(|_| rng.random_range(-0.6..0.6)).collect();
            tensors.insert(name, (shape, values));
        }
        Self { config, tensors }
    }

    /// The weights file, stored as this type.
    pub fn weights(&self, dtype: Dtype) -> Vec<u8> {
        let encode = |value: &f32| match dtype {
            Dtype::F32 => value.to_le_bytes().to_vec(),
            Dtype::F16 => f16::from_f32(*value).to_le_bytes().to_vec(),
            Dtype::BF16 => bf16::from_f32(*value).to_le_bytes().to_vec(),
            Dtype::I32 => (*value as i32).to_le_bytes().to_vec(),
            other => unreachable!("no test stores {other:?}"),
        };
        let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| (name, shape, values.iter().flat_map(encode).collect()))
            .collect();
        let views =
            bytes.iter().map(|(name, shape, bytes)| (*name, TensorView::new(dtype, (*shape).clone(), bytes).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }

    /// Writes the checkpoint to a fresh folder.
    pub fn write(&self) -> Folder {
        let folder = Folder::new();
        std::fs::write(folder.0.join("config.json"), self.config.to_string()).unwrap();
        std::fs::write(folder.0.join("model.safetensors"), self.weights(Dtype::F32)).unwrap();
        folder
    }

    /// The network on the CPU.
    pub fn network(&self) -> Transformer {
        self.network_on(&ComputeDevice::cpu())
    }

    /// The network on `device`.
    pub fn network_on(&self, device: &ComputeDevice) -> Transformer {
        Checkpoint::open(self.write().path()).unwrap().transformer(device).unwrap()
    }
}

/// Numbers of mean zero and variance one, other ones in each call, the same in each run of a test.
pub fn random(shape: impl Into<Shape>) -> Tensor {
    thread_local! {
        static RANDOM: RefCell<ChaCha8Rng> = RefCell::new(ChaCha8Rng::seed_from_u64(5));
    }
    let (shape, most) = (shape.into(), 3_f32.sqrt());
    let values = RANDOM.with_borrow_mut(|random| {
        (0..shape.elem_count()).map(|_| random.random_range(-most..most)).collect::<Vec<f32>>()
    });
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// A folder that goes when this value goes.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let unique = format!("diffuscope-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
