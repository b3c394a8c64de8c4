//! The playground without a terminal: what it draws, and what keys, time and the engine do to it.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "screen/driver.rs"]
mod driver;
mod support;

#[path = "screen/arrangements.rs"]
mod arrangements;
#[path = "screen/browser.rs"]
mod browser;
#[path = "screen/casts.rs"]
mod casts;
#[path = "screen/causes.rs"]
mod causes;
#[path = "screen/colours.rs"]
mod colours;
#[path = "screen/compare.rs"]
mod compare;
#[path = "screen/contrast.rs"]
mod contrast;
#[path = "screen/conversations.rs"]
mod conversations;
#[path = "screen/copy.rs"]
mod copy;
#[path = "screen/demos.rs"]
mod demos;
#[path = "screen/differences.rs"]
mod differences;
#[path = "screen/exports.rs"]
mod exports;
#[path = "screen/eyes.rs"]
mod eyes;
#[path = "screen/figures.rs"]
mod figures;
#[path = "screen/films.rs"]
mod films;
#[path = "screen/find.rs"]
mod find;
#[path = "screen/first_minute.rs"]
mod first_minute;
#[path = "screen/forks.rs"]
mod forks;
#[path = "screen/keeping.rs"]
mod keeping;
#[path = "screen/keys.rs"]
mod keys;
#[path = "screen/kv_map.rs"]
mod kv_map;
#[path = "screen/layers.rs"]
mod layers;
#[path = "screen/map.rs"]
mod map;
#[path = "screen/models.rs"]
mod models;
#[path = "screen/pacing.rs"]
mod pacing;
#[path = "screen/palette.rs"]
mod palette;
#[path = "screen/pictures.rs"]
mod pictures;
#[path = "screen/presets.rs"]
mod presets;
#[path = "screen/properties.rs"]
mod properties;
#[path = "screen/recordings.rs"]
mod recordings;
#[path = "screen/runs.rs"]
mod runs;
#[path = "screen/side_by_side.rs"]
mod side_by_side;
#[path = "screen/sitting.rs"]
mod sitting;
#[path = "screen/timeline.rs"]
mod timeline;
#[path = "screen/truth.rs"]
mod truth;
#[path = "screen/typing.rs"]
mod typing;
#[path = "screen/vectors.rs"]
mod vectors;
