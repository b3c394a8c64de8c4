//! What must be equal, whatever the network and the settings: limits in which one method is another.

#![allow(clippy::unwrap_used, clippy::items_after_statements, clippy::type_complexity, clippy::needless_for_each)]

mod scripted;

#[path = "equivalences/blocks.rs"]
mod blocks;
#[path = "equivalences/caches.rs"]
mod caches;
#[path = "equivalences/logits.rs"]
mod logits;
