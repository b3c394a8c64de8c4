//! The log itself: a header, one entry per step, an end.
//!
//! Text travels with the log, so that it can be shown with no tokenizer: what a token *contributes* to the text
//! depends on its neighbours (implied spaces, characters split over tokens), so the pieces of committed tokens are
//! logged per position whenever they change; drafts and alternatives are logged per id, when the id first occurs.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::foreign;
use crate::{
    decode::record::{KvUse, Proposal, Reason, StepRecord, StopReason},
    printable,
    settings::{Knob, Settings},
};

/// A model, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCard {
    /// What it is called ("embedded", a folder's name).
    pub name: String,
    /// Architecture, as its checkpoint names it.
    pub architecture: String,
    /// Number of weights.
    pub parameters: usize,
    /// Number of layers.
    pub layers: usize,
    /// Where it runs ("cpu", "cuda:0").
    pub device: String,
}

/// What a run started from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The denoiser.
    pub denoiser: ModelCard,
    /// The guide, where one was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<ModelCard>,
    /// Name of the preset that the settings came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Every knob at the start. Of a file, those that this version knows.
    #[serde(deserialize_with = "foreign::settings")]
    pub settings: Settings,
    /// The prompt as it was typed, without any template.
    pub prompt: String,
    /// Ids of the prompt, template included.
    pub prompt_ids: Vec<u32>,
    /// What each prompt id contributes to the text.
    pub prompt_pieces: Vec<String>,
    /// Masks appended to the prompt.
    pub gen_length: usize,
    /// The mask token.
    pub mask_id: u32,
    /// End of text.
    pub eos_id: u32,
    /// Every token that ends a text or a turn, where there are others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end_ids: Vec<u32>,
}

impl Header {
    /// Whether a token ends the text: what stands behind the first such token is no part of the answer.
    pub fn is_end(&self, id: u32) -> bool {
        id == self.eos_id || self.end_ids.contains(&id)
    }

    /// Length of the canvas: prompt and generation.
    pub fn canvas_length(&self) -> usize {
        self.prompt_ids.len() + self.gen_length
    }

    /// Bytes of memory that the log of a run takes which writes one token a step, about: there are few slower ones.
    pub fn log_memory(&self) -> u64 {
        let alternatives = Proposal::ALTERNATIVES * size_of::<(u32, f32)>();
        let position = size_of::<u32>() + size_of::<KvUse>();
        // Of the masks of a block, half are left on average.
        let proposals = self.settings.block_length.unwrap_or(self.gen_length).min(self.gen_length) / 2;
        let step = position * self.canvas_length() + proposals * (size_of::<Proposal>() + alternatives);
        step as u64 * self.gen_length as u64
    }
}

/// The text of a token id by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenText {
    /// The id.
    pub id: u32,
    /// Its text.
    pub text: String,
}

/// What the token at a position contributes to the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Absolute position.
    pub position: usize,
    /// Its contribution.
    pub text: String,
}

/// One step as it is logged: the record, and the text that is new with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The step.
    #[serde(flatten)]
    pub record: StepRecord,
    /// Pieces that are new or changed, ascending by position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
    /// Texts of ids that occur for the first time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<TokenText>,
}

impl Entry {
    /// Reads a line of a file: twice, because a derived reader of flattened fields would hold all of the line's values
    /// in memory, in many times the bytes of the line.
    pub(super) fn from_json(line: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Text {
            #[serde(default)]
            pieces: Vec<Piece>,
            #[serde(default)]
            texts: Vec<TokenText>,
        }

        let record: StepRecord = serde_json::from_slice(line)?;
        let Text { pieces, texts } = serde_json::from_slice(line)?;
        Ok(Self::new(record, pieces, texts))
    }

    /// An entry that holds no more memory than it needs: a log keeps every one, and most of it are alternatives.
    pub(super) fn new(mut record: StepRecord, pieces: Vec<Piece>, texts: Vec<TokenText>) -> Self {
        for proposal in &mut record.proposals {
            proposal.alternatives.shrink_to_fit();
        }
        record.proposals.shrink_to_fit();
        record.ids.shrink_to_fit();
        record.kv.shrink_to_fit();
        Self { record, pieces, texts }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why; `None` where it was stopped by hand.
    pub reason: Option<StopReason>,
    /// The generated text up to end of text.
    pub answer: String,
    /// Committed tokens before end of text.
    pub tokens: usize,
    /// Whether the answer is right, where the prompt is one of the tasks that have a checker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correct: Option<bool>,
    /// The checker's reason, one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

/// The canvas as it stood after a step (or before the first), with its text.
#[derive(Debug, Clone, Copy)]
pub struct CanvasView<'a> {
    /// Ids, the mask id where masked.
    pub ids: &'a [u32],
    log: &'a Log,
    steps: usize,
}

impl<'a> CanvasView<'a> {
    /// Text of a position, printable; empty where masked.
    pub fn piece(&self, position: usize) -> &'a str {
        self.log.pieces.get(position).and_then(|history| history.after(self.steps)).map_or("", |piece| piece)
    }

    /// The step that wrote a position, why, and its confidence then; `None` for the prompt and for masks.
    pub fn written(&self, position: usize) -> Option<(usize, Reason, f32)> {
        self.log.written.get(position).and_then(|history| history.after(self.steps)).copied().flatten()
    }
}

/// The values that something has had, each with the number of steps after which it had it first, ascending. What a step
/// leaves alone costs nothing.
#[derive(Debug, Clone, PartialEq)]
struct History<T>(Vec<(usize, T)>);

impl<T> History<T> {
    const fn new() -> Self {
        Self(Vec::new())
    }

    /// What it had after `steps` steps.
    fn after(&self, steps: usize) -> Option<&T> {
        let later = self.0.partition_point(|(since, _)| *since <= steps);
        later.checked_sub(1).map(|last| &self.0[last].1)
    }

    /// Notes what it has after `steps` steps, which are no fewer than those of the last note.
    fn note(&mut self, steps: usize, value: T) {
        match self.0.last_mut() {
            Some((since, last)) if *since == steps => *last = value,
            _ => self.0.push((steps, value)),
        }
    }
}

/// A run: everything that the screen, the file formats and the scores are functions of.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    header: Header,
    /// The canvas before the first step.
    ids: Vec<u32>,
    entries: Vec<Arc<Entry>>,
    /// The text of every position.
    pieces: Vec<History<Arc<str>>>,
    /// What wrote every position.
    written: Vec<History<Option<(usize, Reason, f32)>>>,
    settings: History<Settings>,
    texts: BTreeMap<u32, Arc<str>>,
    end: Option<End>,
}

impl Log {
    /// An empty log.
    pub fn new(header: Header) -> Self {
        let length = header.canvas_length();
        let mut ids = header.prompt_ids.clone();
        ids.resize(length, header.mask_id);
        let mut pieces = vec![History::new(); length];
        for (history, piece) in pieces.iter_mut().zip(&header.prompt_pieces) {
            history.note(0, Arc::from(printable::text(piece)));
        }
        let mut settings = History::new();
        settings.note(0, header.settings);
        Self {
            header,
            ids,
            entries: Vec::new(),
            pieces,
            written: vec![History::new(); length],
            settings,
            texts: BTreeMap::new(),
            end: None,
        }
    }

    /// Appends a step.
    pub fn push(&mut self, entry: Arc<Entry>) {
        let record = &entry.record;
        let steps = self.entries.len() + 1;
        for position in &record.remasked {
            if let Some(history) = self.written.get_mut(*position) {
                history.note(steps, None);
            }
        }
        for commit in &record.commits {
            if let Some(history) = self.written.get_mut(commit.position) {
                history.note(steps, Some((record.step, commit.reason, commit.confidence)));
            }
        }
        for piece in &entry.pieces {
            if let Some(history) = self.pieces.get_mut(piece.position) {
                history.note(steps, Arc::from(printable::text(&piece.text)));
            }
        }
        for token in &entry.texts {
            self.texts.insert(token.id, Arc::from(printable::text(&token.text)));
        }
        if !record.changes.is_empty() {
            let mut settings = self.settings_at(steps);
            for change in &record.changes {
                // A file can name knobs that this program does not have; the rest of it is still worth seeing.
                let _ = Knob::find(&change.knob).and_then(|knob| knob.set(&mut settings, &change.value));
            }
            self.settings.note(steps, settings);
        }
        self.entries.push(entry);
    }

    /// Notes how the run ended.
    pub fn finish(&mut self, end: End) {
        self.end = Some(end);
    }

    /// What the run started from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How it ended, if it did.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Its steps.
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no step yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The record of the `steps`-th step, counted from 1; `None` for 0, the canvas before the first step.
    pub fn record(&self, steps: usize) -> Option<&StepRecord> {
        steps.checked_sub(1).and_then(|index| self.entries.get(index)).map(|entry| &entry.record)
    }

    /// The canvas after `steps` steps; the last one where there are fewer.
    pub fn canvas(&self, steps: usize) -> CanvasView<'_> {
        let steps = steps.min(self.len());
        CanvasView { ids: self.record(steps).map_or(&self.ids, |record| &record.ids), log: self, steps }
    }

    /// The settings that the `steps`-th step (counted from 1) used; those of the start for 0.
    pub fn settings_at(&self, steps: usize) -> Settings {
        *self.settings.after(steps).unwrap_or(&self.header.settings)
    }

    /// The text of a token id by itself, printable; `None` where the log never named it.
    pub fn text_of(&self, id: u32) -> Option<&Arc<str>> {
        self.texts.get(&id)
    }
}
