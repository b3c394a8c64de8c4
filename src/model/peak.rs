//! The most that a device computes: what the arithmetic of a run is measured against.

use std::time::Instant;

use candle_core::{Device, Tensor};

use crate::model::device::ComputeDevice;

/// The first matrices to multiply are so wide.
const SMALLEST: usize = 256;
/// Matrices are no wider, so that they fit beside a model.
const LARGEST: usize = 4096;
/// A product that takes so many seconds is long enough to be measured, and a good share of the peak.
const ENOUGH: f64 = 2e-3;
/// How often the product is repeated. The fastest counts: nothing makes a product faster than the device is.
const REPEATS: usize = 4;

/// Floating-point operations a second in the product of two square matrices, in the type that networks on the device
/// compute in. Takes some tens of milliseconds.
pub(super) fn measure(device: &ComputeDevice) -> candle_core::Result<f64> {
    let mut width = SMALLEST;
    loop {
        let product = SquareProduct::new(width, device)?;
        // The first one wakes the device.
        product.seconds()?;
        let seconds = product.seconds()?;
        if seconds < ENOUGH && width < LARGEST {
            width *= 2;
            continue;
        }
        let mut fastest = seconds;
        for _ in 0..REPEATS {
            fastest = fastest.min(product.seconds()?);
        }
        return Ok(2.0 * (width as f64).powi(3) / fastest.max(1e-9));
    }
}

struct SquareProduct {
    left: Tensor,
    right: Tensor,
}

impl SquareProduct {
    fn new(width: usize, device: &ComputeDevice) -> candle_core::Result<Self> {
        let random = || Tensor::rand(-1.0_f32, 1.0, (width, width), device.tensors())?.to_dtype(device.dtype());
        Ok(Self { left: random()?, right: random()? })
    }

    fn device(&self) -> &Device {
        self.left.device()
    }

    /// How long it takes, seconds.
    fn seconds(&self) -> candle_core::Result<f64> {
        self.device().synchronize()?;
        let start = Instant::now();
        self.left.matmul(&self.right)?;
        self.device().synchronize()?;
        Ok(start.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_computes_something() {
        let peak = measure(&ComputeDevice::cpu()).expect("the CPU is always there");
        assert!(peak.is_finite() && peak > 1e6, "{peak}");
    }
}
