//! What must be equal, whatever the network and the settings: limits in which one method is another.

#![allow(clippy::unwrap_used)]

mod support;

#[path = "equivalences/blocks.rs"]
mod blocks;
#[path = "equivalences/caches.rs"]
mod caches;
#[path = "equivalences/hands.rs"]
mod hands;
#[path = "equivalences/logits.rs"]
mod logits;
#[path = "equivalences/replay.rs"]
mod replay;
