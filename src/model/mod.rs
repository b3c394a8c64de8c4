//! The networks: layers on candle, K/V buffers, weights, tokenizers.
//!
//! Nothing above this floor sees a tensor: a decoder meets a network through [`network::Network`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`network`] | the trait, free of tensors |
//! | [`source`] | where a model comes from: embedded, a folder, a GGUF file, the hub |
//! | [`hub`] | the hub's cache, and downloads into it |
//! | [`checkpoint`] | a checkpoint's folder or embedded bytes, and which architecture they are |
//! | [`tokenizer`] | text to token ids and back |
//! | [`embedded`] | the pair that is part of the program |
//! | [`weights`] | tensors out of a safetensors file |
//! | [`config`] | the fields of `config.json` |
//! | [`device`] | where tensors live and are computed |
//! | [`layers`] | the building blocks that transformers share |
//! | `cpu` | the fused CPU kernels behind them |
//! | [`kv`] | keys and values, addressed by absolute position |
//! | [`qwen2`] | the Qwen2 body: Dream denoisers and Qwen2 guides |
//!
//! A further architecture is a configuration in [`config`], a body beside [`qwen2`] made of the blocks in
//! [`layers`] over the buffers in [`kv`], and a line in [`checkpoint`]. LLaDA differs by its names, its missing
//! biases and its alignment; Qwen3 and A2D by a norm on queries and keys.

pub mod checkpoint;
pub mod config;
mod cpu;
pub mod device;
pub mod embedded;
pub mod hub;
pub mod kv;
pub mod layers;
pub mod network;
pub mod qwen2;
pub mod source;
#[cfg(test)]
mod testing;
pub mod tokenizer;
pub mod weights;
