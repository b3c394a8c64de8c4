//! The trainer of Learn2PD's filter (arXiv 2509.25188, §4): how confident a given denoiser is when it is right.
//!
//! Two decodes per prompt make the data (`collect.rs`): the plain sampler's answer, and an oracle that commits, step by
//! step, whatever agrees with that answer. Every step of the oracle gives the confidences of a block and, per position,
//! whether the proposal was final. A network of two small layers then learns to predict that from the confidences
//! (`fit.rs`): binary cross entropy, `AdamW`.

mod collect;
mod fit;

pub use collect::{CollectError, Observed, collect};
pub use fit::{FitReport, FittedFilter, Judgement, Recipe, fit};
