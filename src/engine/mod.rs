//! The engine: one worker thread that owns the networks; commands in, events out.
//!
//! [`protocol`] is all that a client needs to know, [`Engine`] the handle it holds. What happens within a run is in
//! [`ActiveRun`], which headless commands drive by themselves with [`complete`]: a trace is the same whoever asked for it.
//!
//! # Channels
//! Commands go through an unbounded channel: there are as many as a person presses keys, and the worker drains it
//! between steps. Events come back through a bounded one, which a screen awaits and a test blocks on. Step records
//! are never lost: where the client does not keep up, the worker waits with the next step (that time is in no
//! figure). Dropping the handle closes the event channel before it waits for the thread, so a waiting worker is released.
//!
//! # Loading
//! Models are found, downloaded and read on a thread of their own, so that a run goes on meanwhile; the worker swaps them
//! in between two steps. News of loading are the one kind of event that a slow client may miss.

mod gate;
mod handle;
mod load;
mod loader;
mod models;
pub mod prompt;
pub mod protocol;
mod run;
mod transcript;
mod worker;

pub use handle::Engine;
pub use load::{GuideChoice, LoadObserver, ModelRequest, PromptLayout, load};
pub use models::Models;
pub use run::{ActiveRun, Progress, RunError, complete, gen_length};
pub use transcript::Bilingual;
