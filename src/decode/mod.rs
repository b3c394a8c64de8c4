//! The decoding algorithms: a loop with seven slots, independent of its observers.
//!
//! A decoder is a composition of values, one per slot, built from [`Settings`](crate::settings::Settings); each step
//! yields one [`StepRecord`](record::StepRecord). [`check`] asks every slot whether the settings go together.
//!
//! | slot | file | question |
//! |---|---|---|
//! | schedule | `schedule/` | which positions may be committed now? |
//! | cache | `cache/` | which positions are computed, which K/V rows are read? |
//! | adjust | `adjust.rs` | what happens to the logits before a token is drawn? |
//! | proposal | `proposal.rs` | which token, and how confident? |
//! | unmask | `unmask/`, `revise/` | which proposals are committed, and which tokens are taken back? |
//! | guide | `guide/` | which drafts does the autoregressive guide accept? |
//! | stop | `stop/` | is the run over? |

mod adjust;
mod audit;
mod cache;
mod canvas;
pub mod clock;
mod conflicts;
mod context;
mod decoder;
mod density;
mod edit;
pub mod filter;
mod guide;
mod leave_one_out;
pub mod noise;
mod numbers;
mod plan;
mod proposal;
mod propose;
mod reason;
pub mod record;
mod revise;
mod schedule;
mod stop;
mod unmask;

pub use conflicts::{Limits, check, needs_filter};
pub use decoder::{DecodeError, Decoder, Networks};
pub use edit::Edit;
pub use guide::{GuideText, SpelledToken};
pub use numbers::NoNumbers;
