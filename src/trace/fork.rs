//! Forks: what it takes to bring a run to one of its steps again, and the log that it has then.
//!
//! A run repeats itself from its settings at the start, its prompt, and what was changed while it ran. So a fork needs no
//! snapshot of networks, caches or rules: its first steps are repeated, and then it goes another way.

use sha2::{Digest, Sha256};

use super::{GivenToken, Header, Log};
use crate::{
    decode::record::{Change, Edit},
    settings::{GuideRule, Settings},
};

/// What a hash begins with, so that none is mistaken for one that was made in another way.
const HASHED: &[u8] = b"diffuscope run 1\n";

/// A run at one of its steps, as plain data.
#[derive(Debug, Clone, PartialEq)]
pub struct ForkPoint {
    /// What the run started from.
    pub header: Header,
    /// Its steps up to there.
    pub steps: Vec<ReplayStep>,
    /// Every token that the canvas holds then behind the prompt, as a run is given it at its start.
    pub given: Vec<GivenToken>,
    /// Whether the run ended there by itself.
    pub is_over: bool,
    /// [`Log::hash`] of it.
    pub hash: String,
    /// Knobs of its file that this version does not know, printable: its steps cannot be repeated.
    pub unknown_knobs: Vec<String>,
}

/// What is needed of a step to repeat it, and to see that it was repeated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayStep {
    /// Knob changes that it was the first to use.
    pub changes: Vec<Change>,
    /// What was changed by hand before it.
    pub edits: Vec<Edit>,
    /// Positions that hold another id after it than before it and before its edits, ascending, with that id.
    pub written: Vec<(usize, u32)>,
}

impl ForkPoint {
    /// The canvas there.
    pub fn canvas(&self) -> Vec<u32> {
        Header { given: self.given.clone(), ..self.header.clone() }.canvas()
    }

    /// Whether any step up to there may have asked a guide.
    pub fn asks_guide(&self) -> bool {
        let mut changes = self.steps.iter().flat_map(|step| &step.changes);
        self.header.settings.guide != GuideRule::Off || changes.any(|change| change.knob == "guide")
    }
}

impl Log {
    /// The run after `steps` steps; after its last one where there are fewer. It takes as much memory as there are tokens
    /// in it, however many steps there are.
    pub fn fork_point(&self, steps: usize) -> ForkPoint {
        let steps = steps.min(self.len());
        ForkPoint {
            header: self.header().clone(),
            steps: self.replay_steps(steps),
            given: self.given_at(steps),
            is_over: self.step(steps).is_some_and(|step| step.stop.is_some()),
            hash: self.hash(steps),
            unknown_knobs: self.unknown_knobs(steps).map(str::to_owned).collect(),
        }
    }

    fn replay_steps(&self, steps: usize) -> Vec<ReplayStep> {
        let replay_step = |step: &super::Step| ReplayStep {
            changes: step.changes().to_vec(),
            edits: step.edits().to_vec(),
            written: Vec::new(),
        };
        let mut replay: Vec<ReplayStep> = self.steps()[..steps].iter().map(replay_step).collect();
        for (step, position, id) in self.id_changes(steps) {
            replay[step - 1].written.push((position, id));
        }
        replay
    }

    /// What the canvas holds after `steps` steps behind the prompt.
    fn given_at(&self, steps: usize) -> Vec<GivenToken> {
        let (canvas, header) = (self.canvas(steps), self.header());
        let given = |position| {
            let token = canvas.id(position).filter(|id| *id != header.mask_id)?;
            let (text, pinned) = (self.logged_piece(steps, position).to_owned(), self.is_pinned(steps, position));
            Some(GivenToken { position, token, text, pinned })
        };
        (header.prompt_ids.len()..header.canvas_length()).filter_map(given).collect()
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

    /// What distinguishes the first `steps` steps of it from those of other runs, as 32 hexadecimal digits. It is the same
    /// for a run that was saved and opened again, on every machine, and with later versions that have more knobs.
    ///
    /// It is the first half of a SHA-256 hash, of these in this order, each number in 8 bytes, the lowest first: the length
    /// of the canvas, the mask and the prompt's ids; position, token and pin of what was given; then of every step, the
    /// first one counted as 0, its number, the knobs that were turned before it (at the start those that are not at their
    /// default) as `name=value` lines, its edits as JSON, and the positions that it gave another id, with that id.
    pub fn hash(&self, steps: usize) -> String {
        let header = self.header();
        let mut hash = Sha256::new();
        hash.update(HASHED);
        let start = [header.canvas_length() as u64, header.mask_id.into()];
        numbers(&mut hash, start.into_iter().chain(header.prompt_ids.iter().map(|id| u64::from(*id))));
        let given = header.given.iter();
        numbers(&mut hash, given.flat_map(|token| [token.position as u64, token.token.into(), token.pinned.into()]));
        knobs(&mut hash, &Change::between(&Settings::default(), &header.settings));
        for (at, step) in self.replay_steps(steps.min(self.len())).into_iter().enumerate() {
            numbers(&mut hash, [at as u64]);
            knobs(&mut hash, &step.changes);
            // Numbers under fixed names: JSON refuses none of them.
            hash.update(serde_json::to_vec(&step.edits).unwrap_or_default());
            numbers(&mut hash, step.written.into_iter().flat_map(|(position, id)| [position as u64, id.into()]));
        }
        format!("{:.32x}", hash.finalize())
    }
}

fn numbers(hash: &mut Sha256, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        hash.update(number.to_le_bytes());
    }
}

fn knobs(hash: &mut Sha256, changes: &[Change]) {
    for change in changes {
        hash.update(format!("{}={}\n", change.knob, change.value));
    }
}
