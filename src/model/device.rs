//! Where tensors live and are computed, and in what type: the CPU, or a GPU where the build and the machine have one.

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
    /// The NVIDIA GPU with this number.
    Cuda(usize),
    /// The Apple GPU.
    Metal,
}

/// The type of weights, activations and K/V rows. Norms, rotary angles and the softmax of attention are computed in
/// float32 whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 32 bits.
    F32,
    /// 16 bits with the exponent of 32: what nearly all published weights are stored in.
    Bf16,
    /// 16 bits with a short exponent: for GPUs without bf16. Large activations overflow.
    F16,
}

/// Why a device cannot be used.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The build has no code for this device.
    #[error("this build has no {name} support; build with `--features {feature}`, or choose the cpu")]
    NotBuilt {
        /// The device's name.
        name: &'static str,
        /// The Cargo feature.
        feature: &'static str,
    },
    /// Driver or GPU are missing or refuse.
    #[error("{device} is unavailable: {reason}")]
    Unavailable {
        /// Which GPU.
        device: DeviceChoice,
        /// What the driver said.
        reason: String,
    },
    /// A type that networks are not computed in there.
    #[error("the cpu computes in f32, not in {0}: leave the type out, or choose a GPU")]
    Type(Dtype),
    /// Not the name of a device.
    #[error("unknown device `{0}` (expected auto, cpu, cuda, cuda:N or metal)")]
    Unknown(String),
    /// Not the name of a type.
    #[error("unknown type `{0}` (expected f32, bf16 or f16)")]
    UnknownType(String),
}

impl std::str::FromStr for DeviceChoice {
    type Err = DeviceError;

    /// Reads `auto`, `cpu`, `cuda`, `cuda:N` or `metal`.
    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.to_owned());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
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
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl std::str::FromStr for Dtype {
    type Err = DeviceError;

    /// Reads `f32`, `bf16` or `f16`.
    fn from_str(text: &str) -> Result<Self, DeviceError> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "f16" => Ok(Self::F16),
            _ => Err(DeviceError::UnknownType(text.to_owned())),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
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
    dtype: Dtype,
    kernels: Kernels,
}

impl ComputeDevice {
    /// The CPU, which is always there.
    pub fn cpu() -> Self {
        Self { tensors: Device::Cpu, dtype: Dtype::F32, kernels: Kernels::Fused }
    }

    /// The CPU computing as a GPU does, without the fused kernels: for tests of that path.
    #[cfg(test)]
    pub(super) fn cpu_by_library() -> Self {
        Self { kernels: Kernels::Library, ..Self::cpu() }
    }

    /// The same in float16. The tensor library's CPU has no products in bfloat16.
    #[cfg(test)]
    pub(super) fn cpu_in_halves() -> Self {
        Self { dtype: Dtype::F16, ..Self::cpu_by_library() }
    }

    /// Opens what was asked for, in the type that suits it. Only a GPU that is asked for by name can fail.
    pub fn open(choice: DeviceChoice) -> Result<Self, DeviceError> {
        Self::open_as(choice, None)
    }

    /// Opens what was asked for; networks compute in `dtype` where one is given, else in float32 on the CPU and in 16
    /// bits on a GPU. Where the choice is automatic, a GPU is taken only if it is there.
    pub fn open_as(choice: DeviceChoice, dtype: Option<Dtype>) -> Result<Self, DeviceError> {
        let gpu = |tensors: Device| {
            let dtype = dtype.unwrap_or_else(|| best_type(&tensors));
            Self { tensors, dtype, kernels: Kernels::Library }
        };
        match choice {
            DeviceChoice::Cuda(ordinal) => open_cuda(ordinal).map(gpu),
            DeviceChoice::Metal => open_metal().map(gpu),
            DeviceChoice::Auto => match open_cuda(0).or_else(|_| open_metal()) {
                Ok(tensors) => Ok(gpu(tensors)),
                Err(_) => Self::open_as(DeviceChoice::Cpu, dtype),
            },
            DeviceChoice::Cpu => match dtype.unwrap_or(Dtype::F32) {
                Dtype::F32 => Ok(Self::cpu()),
                other => Err(DeviceError::Type(other)),
            },
        }
    }

    /// How much memory the device has; `None` where that is not known. A GPU's is asked of its driver here.
    pub fn memory(&self) -> Option<Memory> {
        match &self.tensors {
            Device::Cpu => Memory::of_machine(),
            Device::Cuda(_) | Device::Metal(_) => None,
        }
    }

    /// Bytes that a number takes in networks on this device, where a checkpoint's are not kept as they are.
    pub fn number_width(&self) -> u64 {
        match self.dtype {
            Dtype::F32 => 4,
            Dtype::Bf16 | Dtype::F16 => 2,
        }
    }

    /// The device as the tensor library knows it, for the floors that compute (`model`, `train`).
    pub fn tensors(&self) -> &Device {
        &self.tensors
    }

    /// The type of weights, activations and K/V rows.
    pub(super) fn dtype(&self) -> DType {
        match self.dtype {
            Dtype::F32 => DType::F32,
            Dtype::Bf16 => DType::BF16,
            Dtype::F16 => DType::F16,
        }
    }

    /// What computes between the matrix products.
    pub(super) fn kernels(&self) -> Kernels {
        self.kernels
    }
}

impl fmt::Display for ComputeDevice {
    /// `cpu`, `cuda bf16`, `metal f16`, …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tensors {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(_) => write!(f, "cuda {}", self.dtype),
            Device::Metal(_) => write!(f, "metal {}", self.dtype),
        }
    }
}

/// The type in which a GPU computes unless somebody asks for another: that of the published weights where it can.
fn best_type(device: &Device) -> Dtype {
    match device {
        Device::Cpu => Dtype::F32,
        Device::Cuda(cuda) => cuda_type(cuda),
        Device::Metal(_) => Dtype::Bf16,
    }
}

/// NVIDIA GPUs have bf16 from compute capability 8.0 (Ampere) on.
#[cfg(feature = "cuda")]
fn cuda_type(cuda: &candle_core::CudaDevice) -> Dtype {
    match cuda.cuda_stream().context().compute_capability() {
        Ok((major, _)) if major < 8 => Dtype::F16,
        _ => Dtype::Bf16,
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda_type(_: &candle_core::CudaDevice) -> Dtype {
    Dtype::Bf16
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(_ordinal: usize) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { name: "CUDA", feature: "cuda" })
}

/// Opens a GPU. Where the driver is loaded at run time, its absence is a panic inside the binding rather than an
/// error; it is caught here, and its report kept off the terminal.
#[cfg(feature = "cuda")]
fn open_cuda(ordinal: usize) -> Result<Device, DeviceError> {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let opened = std::panic::catch_unwind(|| Device::new_cuda(ordinal));
    std::panic::set_hook(report);
    let unavailable = |reason: String| DeviceError::Unavailable { device: DeviceChoice::Cuda(ordinal), reason };
    match opened {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(error)) => Err(unavailable(plain(&error))),
        Err(_) => Err(unavailable("no NVIDIA driver was found".into())),
    }
}

#[cfg(not(feature = "metal"))]
fn open_metal() -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { name: "Metal", feature: "metal" })
}

#[cfg(feature = "metal")]
fn open_metal() -> Result<Device, DeviceError> {
    let unavailable = |reason: String| DeviceError::Unavailable { device: DeviceChoice::Metal, reason };
    Device::new_metal(0).map_err(|error| unavailable(plain(&error)))
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

/// Does `work` on one of the threads that matrix products are shared between. From any other thread, every product first
/// has to wake two of them, which costs a small network more than the second thread gives.
pub fn among_workers<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    Device::Cpu.with_context(work)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn choices_read_back_what_they_print() {
        use DeviceChoice::{Auto, Cpu, Cuda, Metal};
        for choice in [Auto, Cpu, Cuda(0), Cuda(3), Metal] {
            assert_eq!(choice.to_string().parse::<DeviceChoice>().unwrap(), choice);
        }
        for dtype in [Dtype::F32, Dtype::Bf16, Dtype::F16] {
            assert_eq!(dtype.to_string().parse::<Dtype>().unwrap(), dtype);
        }
        assert!("fp16".parse::<Dtype>().unwrap_err().to_string().contains("unknown type `fp16`"));
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

    #[cfg(not(feature = "metal"))]
    #[test]
    fn a_build_without_metal_says_so() {
        let message = ComputeDevice::open(DeviceChoice::Metal).unwrap_err().to_string();
        assert!(message.contains("no Metal support; build with `--features metal`"), "{message}");
    }

    #[test]
    fn the_cpu_computes_in_float32_only() {
        assert!(ComputeDevice::open_as(DeviceChoice::Cpu, Some(Dtype::F32)).is_ok());
        let message = ComputeDevice::open_as(DeviceChoice::Cpu, Some(Dtype::Bf16)).unwrap_err().to_string();
        assert!(message.contains("the cpu computes in f32, not in bf16"), "{message}");
    }
}
