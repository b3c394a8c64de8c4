//! The networks: layers on candle, K/V buffers, weights, tokenizers.
//!
//! Nothing above this floor sees a tensor: a decoder meets a network through [`network::Network`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`network`] | the trait, free of tensors |
//! | [`logits`] | what a pass gives, free of tensors too |
//! | `reduce` | logits that stay on a device |
//! | [`source`] | where a model comes from: embedded, a folder, a GGUF file, the hub |
//! | [`hub`] | the hub's cache, and downloads into it |
//! | [`known`] | models of the hub that are worth watching |
//! | [`catalog`] | what there is to choose from on this machine |
//! | [`memory`] | whether a network fits |
//! | [`purpose`] | what of a model's files rules out what it is wanted for, before its weights come |
//! | `cgroup` | what a container or a service leaves of the memory |
//! | [`checkpoint`] | a checkpoint's folder or embedded bytes, and which architecture they are |
//! | [`mask`] | names of the mask token, and how one is given |
//! | [`tokenizer`] | text to token ids and back, prompts |
//! | [`template`] | chat templates |
//! | [`embedded`] | the pair that is part of the program |
//! | [`weights`] | tensors out of safetensors files, whole or in shards |
//! | [`gguf`] | the same out of a GGUF file, which also has configuration and tokenizer |
//! | [`config`] | the fields of `config.json`, whatever the architecture |
//! | `lfs` | what lies where a file was not fetched |
//! | [`device`] | where tensors live and are computed |
//! | `arch` | the list of architectures, each with all that it has of its own |
//! | [`transformer`] | the network that all of them become |
//! | `block` | one pre-norm layer of it |
//! | [`attention`] | projections to heads, heads to context |
//! | [`kv`] | keys and values, addressed by slot |
//! | `slots` | what such buffers are made of |
//! | [`linear`] | linear maps of floats or of blocks of small integers, token vectors and head |
//! | [`layers`] | norms, rotary angles, the feed-forward part |
//! | `cpu` | the fused CPU kernels behind them |
//! | [`shape`] | what the arithmetic and the memory of a network follow from |
//! | `peak` | the most that a device computes |
//!
//! A further architecture of the same make is a file in `arch` and a line of its list.

mod arch;
pub mod attention;
mod block;
pub mod catalog;
mod cgroup;
pub mod checkpoint;
pub mod config;
mod cpu;
pub mod device;
pub mod embedded;
pub mod gguf;
pub mod hub;
pub mod known;
pub mod kv;
pub mod layers;
mod lfs;
pub mod linear;
pub mod logits;
pub mod mask;
pub mod memory;
pub mod network;
mod peak;
pub mod purpose;
mod reduce;
pub mod shape;
mod slots;
pub mod source;
pub mod template;
#[cfg(test)]
mod testing;
pub mod tokenizer;
pub mod transformer;
pub mod weights;

pub use arch::alignment;
