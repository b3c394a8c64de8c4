//! Where tensors live and are computed: the CPU, or an NVIDIA GPU where the build has one.

use std::fmt;

use candle_core::{DType, Device};
use thiserror::Error;

use crate::model::{memory::Memory, network::NetworkError};

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU if this build and this machine have one, the CPU otherwise.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU with this number.
    Cuda(usize),
}

/// Why a device cannot be used.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The build has no GPU code.
    #[error("this build has no CUDA support; build with `--features cuda`, or choose the cpu")]
    NotBuilt,
    /// Driver or GPU are missing or refuse.
    #[error("cuda device {ordinal} is unavailable: {reason}")]
    Unavailable {
        /// Number of the GPU.
        ordinal: usize,
        /// What the driver said.
        reason: String,
    },
    /// Not the name of a device.
    #[error("unknown device `{0}` (expected auto, cpu, cuda or cuda:N)")]
    Unknown(String),
}

impl std::str::FromStr for DeviceChoice {
    type Err = DeviceError;

    /// Reads `auto`, `cpu`, `cuda` or `cuda:N`.
    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.to_owned());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let ordinal = text.strip_prefix("cuda:").ok_or_else(unknown)?;
                ordinal.parse().map(Self::Cuda).map_err(|_| unknown())
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

/// What computes between the matrix products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernels {
    /// The fused CPU kernels of this crate, in float32.
    Fused,
    /// The tensor library's own operations, on any device and in any type.
    Library,
}

/// An opened device, and in what type networks compute there. Cloning it is cheap; networks on clones share one GPU
/// context.
#[derive(Debug, Clone)]
pub struct ComputeDevice {
    tensors: Device,
    dtype: DType,
    kernels: Kernels,
}

impl ComputeDevice {
    /// The CPU, which is always there.
    pub fn cpu() -> Self {
        Self { tensors: Device::Cpu, dtype: DType::F32, kernels: Kernels::Fused }
    }

    /// The CPU computing as a GPU does, without the fused kernels: for tests of that path.
    #[cfg(test)]
    pub(super) fn cpu_by_library() -> Self {
        Self { kernels: Kernels::Library, ..Self::cpu() }
    }

    /// Opens what was asked for. Only [`DeviceChoice::Cuda`] can fail.
    pub fn open(choice: DeviceChoice) -> Result<Self, DeviceError> {
        match choice {
            DeviceChoice::Cpu => Ok(Self::cpu()),
            DeviceChoice::Auto => Ok(open_cuda(0).map_or_else(|_| Self::cpu(), Self::gpu)),
            DeviceChoice::Cuda(ordinal) => open_cuda(ordinal).map(Self::gpu),
        }
    }

    fn gpu(tensors: Device) -> Self {
        Self { tensors, dtype: DType::F32, kernels: Kernels::Library }
    }

    /// How much memory the device has; `None` where nothing tells. A GPU's is asked of its driver here.
    pub fn memory(&self) -> Option<Memory> {
        match &self.tensors {
            Device::Cpu => Memory::of_machine(),
            Device::Cuda(_) | Device::Metal(_) => None,
        }
    }

    /// Bytes that a number takes in networks on this device, where a checkpoint's are not kept as they are.
    pub fn number_width(&self) -> u64 {
        self.dtype.size_in_bytes() as u64
    }

    /// The device as the tensor library knows it, for the floors that compute (`model`, `train`).
    pub fn tensors(&self) -> &Device {
        &self.tensors
    }

    /// The type of weights, activations and K/V rows.
    pub(super) fn dtype(&self) -> DType {
        self.dtype
    }

    /// What computes between the matrix products.
    pub(super) fn kernels(&self) -> Kernels {
        self.kernels
    }
}

impl fmt::Display for ComputeDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tensors.is_cuda() { "cuda" } else { "cpu" })
    }
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(_ordinal: usize) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt)
}

/// Opens a GPU. Where the driver is loaded at run time, its absence is a panic inside the binding rather than an
/// error; it is caught here, and its report kept off the terminal.
#[cfg(feature = "cuda")]
fn open_cuda(ordinal: usize) -> Result<Device, DeviceError> {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let opened = std::panic::catch_unwind(|| Device::new_cuda(ordinal));
    std::panic::set_hook(report);
    match opened {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(error)) => Err(DeviceError::Unavailable { ordinal, reason: plain(&error) }),
        Err(_) => Err(DeviceError::Unavailable { ordinal, reason: "no NVIDIA driver was found".into() }),
    }
}

/// The tensor library's message without the backtrace that it may carry.
pub(crate) fn plain(error: &candle_core::Error) -> String {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => plain(inner),
        other => other.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

impl From<candle_core::Error> for NetworkError {
    fn from(error: candle_core::Error) -> Self {
        Self::Backend(plain(&error))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn choices_read_back_what_they_print() {
        for choice in [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Cuda(0), DeviceChoice::Cuda(3)] {
            assert_eq!(choice.to_string().parse::<DeviceChoice>().unwrap(), choice);
        }
        assert_eq!("cuda".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(0));
        for wrong in ["gpu", "cuda:", "cuda:x", "CPU", ""] {
            let message = wrong.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(message.contains(&format!("`{wrong}`")), "{message}");
        }
    }

    #[test]
    fn the_cpu_is_always_there() {
        assert_eq!(ComputeDevice::open(DeviceChoice::Cpu).unwrap().to_string(), "cpu");
        assert!(ComputeDevice::open(DeviceChoice::Auto).is_ok());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so() {
        let message = ComputeDevice::open(DeviceChoice::Cuda(0)).unwrap_err().to_string();
        assert!(message.contains("--features cuda"), "{message}");
    }
}
