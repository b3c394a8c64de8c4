//! Forks: what it takes to bring a run to one of its steps again, and the log that it has then.
//!
//! A run repeats itself from its settings at the start, its prompt, and what was changed while it ran. So a fork needs no
//! snapshot of networks, caches or rules: its first steps are repeated, and then it goes another way.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{GivenToken, Header, Log};
use crate::decode::record::{Change, Edit};

/// Bytes of a hash that are kept: enough for all runs that anybody makes.
const HASH_BYTES: usize = 16;

/// A run at one of its steps, as plain data.
#[derive(Debug, Clone, PartialEq)]
pub struct ForkPoint {
    /// What the run started from.
    pub header: Header,
    /// Its steps up to there.
    pub steps: Vec<ReplayStep>,
    /// The text of every token that the canvas holds then behind the prompt, `None` where it is masked.
    pub pieces: Vec<Option<String>>,
    /// [`Log::hash`] of it.
    pub hash: String,
}

/// What is needed of a step to repeat it, and to see that it was repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStep {
    /// Knob changes that it was the first to use.
    pub changes: Vec<Change>,
    /// What was changed by hand before it.
    pub edits: Vec<Edit>,
    /// The canvas after it.
    pub ids: Vec<u32>,
}

impl ForkPoint {
    /// The canvas there.
    pub fn canvas(&self) -> Vec<u32> {
        self.steps.last().map_or_else(|| self.header.canvas(), |step| step.ids.clone())
    }

    /// Every token behind the prompt that the canvas holds, as a run is given it at its start.
    pub fn given(&self) -> Vec<GivenToken> {
        let canvas = self.canvas();
        let start = self.header.prompt_ids.len();
        let pinned = self.pinned();
        let given = |(at, piece): (usize, &Option<String>)| {
            let position = start + at;
            piece.as_ref().map(|text| GivenToken {
                position,
                token: canvas[position],
                text: text.clone(),
                pinned: pinned.contains(&position),
            })
        };
        self.pieces.iter().enumerate().filter_map(given).collect()
    }

    /// Positions that are pinned there.
    fn pinned(&self) -> Vec<usize> {
        let mut pinned = self.header.pinned();
        self.steps.iter().flat_map(|step| &step.edits).for_each(|edit| follow_pins(&mut pinned, edit));
        pinned
    }
}

impl Header {
    /// Positions that are pinned from the start.
    pub(super) fn pinned(&self) -> Vec<usize> {
        self.given.iter().filter(|token| token.pinned).map(|token| token.position).collect()
    }
}

/// What an edit does to the pinned positions.
pub(super) fn follow_pins(pinned: &mut Vec<usize>, edit: &Edit) {
    match *edit {
        Edit::Pin { position, pinned: true } => pinned.push(position),
        Edit::Pin { position, pinned: false } => pinned.retain(|at| *at != position),
        Edit::Remask { start, end } => pinned.retain(|at| !(start..end).contains(at)),
        Edit::Write { .. } => {}
    }
}

impl Log {
    /// The run after `steps` steps; after its last one where there are fewer.
    pub fn fork_point(&self, steps: usize) -> ForkPoint {
        let steps = steps.min(self.len());
        let canvas = self.canvas(steps);
        let header = self.header();
        let replay_step = |(at, step): (usize, &super::Step)| ReplayStep {
            changes: step.changes().to_vec(),
            edits: step.edits().to_vec(),
            ids: self.canvas(at + 1).ids().collect(),
        };
        let piece = |position| {
            (canvas.id(position) != Some(header.mask_id)).then(|| self.logged_piece(steps, position).to_owned())
        };
        ForkPoint {
            header: header.clone(),
            steps: self.steps()[..steps].iter().enumerate().map(replay_step).collect(),
            pieces: (header.prompt_ids.len()..header.canvas_length()).map(piece).collect(),
            hash: self.hash(steps),
        }
    }

    /// A log of its first `steps` steps under another header, which has the same canvas: what a fork starts with.
    #[must_use]
    pub fn prefix(&self, steps: usize, header: Header) -> Self {
        let mut prefix = Self::new(header);
        for mut entry in self.entries().take(steps) {
            entry.record.stop = None;
            prefix.push(entry);
        }
        prefix
    }

    /// What distinguishes the first `steps` steps of it from those of other runs: a hash of what the run started from,
    /// of its tokens after every step, and of its edits, in hexadecimal digits. Times do not count.
    pub fn hash(&self, steps: usize) -> String {
        let header = Header { origin: None, ..self.header().clone() };
        let mut hash = Sha256::new();
        // Nothing in either is refused by JSON: keys are names, numbers are finite.
        hash.update(serde_json::to_vec(&header).unwrap_or_default());
        for (at, step) in self.steps().iter().take(steps).enumerate() {
            self.canvas(at + 1).ids().for_each(|id| hash.update(id.to_le_bytes()));
            hash.update(serde_json::to_vec(step.edits()).unwrap_or_default());
        }
        hash.finalize()[..HASH_BYTES].iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
