//! The engine: one worker thread that owns the networks; commands in, events out.
//!
//! Every client reaches it through a [`Link`]: the screen, which awaits events beside keys, and headless commands, which
//! have a run done by [`complete`]. [`protocol`] is all that goes over it; [`InProcess`] is a link to a thread of this
//! process.
//!
//! # Channels
//! Commands go through an unbounded channel: there are as many as a person presses keys, and the worker drains it
//! between steps. Events come back through a bounded one, which a screen awaits and a test blocks on. Step records
//! are never lost: where the client does not keep up, the worker waits with the next step (that time is in no
//! figure). Dropping the link closes the event channel before it waits for the thread, so a waiting worker is released.
//!
//! # Loading
//! Models are found, downloaded and read on a thread of their own, while the worker does steps; it swaps them in between
//! two of them. Progress of loading is the one kind of event that a slow client may miss.

pub mod blanks;
mod complete;
mod conversation;
mod diary;
mod failing;
mod fork;
mod gate;
mod in_process;
mod link;
mod load;
mod loader;
mod models;
pub mod prompt;
pub mod protocol;
mod run;
mod transcript;
mod verify;
mod waypoints;
mod worker;

pub use complete::{RunProgress, complete, complete_fork};
pub use in_process::InProcess;
pub use link::Link;
pub use load::{GuideChoice, LoadObserver, ModelRequest, PromptLayout, load};
pub use models::Models;
pub use run::gen_length;
pub use transcript::CrossVocabularyGuide;
pub use verify::{VerifiedTrace, verify};
pub use waypoints::WaypointPolicy;
