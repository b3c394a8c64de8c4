//! The trainer of the embedded pair.
//!
//! | file | what it answers |
//! |---|---|
//! | [`config`] | what is trained, how long, how fast |
//! | [`vocabulary`] | which words have a token |
//! | [`data`] | which tokens are shown, which are asked for |
//! | [`parameters`] | where each weight lies, and its first value |
//! | [`gradient`], [`fused`], [`composed`] | losses and gradients, on the CPU and on any device |
//! | [`optimizer`] | how weights move |
//! | [`figures`], [`evaluate`] | whether it works |
//! | [`checkpoint`], [`export`] | what is kept |
//! | [`run`] | the loop |
//! | [`command`] | `diffuscope train` |
//! | [`filter`] | when the trained denoiser's proposals are final (Learn2PD) |

pub mod checkpoint;
pub mod command;
pub mod composed;
pub mod config;
pub mod data;
pub mod evaluate;
pub mod export;
pub mod figures;
pub mod filter;
pub mod fused;
pub mod gradient;
mod kernels;
mod matmul;
pub mod optimizer;
pub mod parameters;
pub mod run;
pub mod vocabulary;
