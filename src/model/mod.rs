//! The networks: layers on candle, K/V buffers, weights, tokenizers.
//!
//! Nothing above this floor sees a tensor: a decoder meets a network through [`network::Network`].

pub mod network;
pub mod tokenizer;
