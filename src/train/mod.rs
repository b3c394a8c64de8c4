//! The trainer of the embedded pair.

pub mod composed;
pub mod fused;
pub mod gradient;
pub mod kernels;
pub mod matmul;
pub mod parameters;
