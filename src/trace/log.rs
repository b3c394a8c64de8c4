//! The log itself: a header, one entry per step, an end.
//!
//! Text travels with the log, so that it can be shown with no tokenizer: what a token *contributes* to the text
//! depends on its neighbours (implied spaces, characters split over tokens), so the pieces of committed tokens are
//! logged per position whenever they change; drafts and alternatives are logged per id, when the id first occurs.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::printable;
use crate::{
    decode::record::{Reason, StepRecord, StopReason},
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
    /// Every knob at the start.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The step.
    #[serde(flatten)]
    pub record: StepRecord,
    /// Pieces that are new or changed, ascending by position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
    /// Texts of ids that occur for the first time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<TokenText>,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Canvas {
    /// Ids, the mask id where masked.
    pub ids: Vec<u32>,
    /// Text of each position, printable; empty where masked.
    pub pieces: Vec<Arc<str>>,
    /// The step that wrote each position and why; `None` for the prompt and for masks.
    pub written: Vec<Option<(usize, Reason, f32)>>,
}

/// A run: everything that the screen, the file formats and the scores are functions of.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    header: Header,
    entries: Vec<Arc<Entry>>,
    canvases: Vec<Arc<Canvas>>,
    settings: Vec<Settings>,
    texts: BTreeMap<u32, Arc<str>>,
    end: Option<End>,
}

impl Log {
    /// An empty log.
    pub fn new(header: Header) -> Self {
        let masks = header.gen_length;
        let empty: Arc<str> = Arc::from("");
        let canvas = Canvas {
            ids: header.prompt_ids.iter().copied().chain(std::iter::repeat_n(header.mask_id, masks)).collect(),
            pieces: header
                .prompt_pieces
                .iter()
                .map(|piece| Arc::from(printable::text(piece)))
                .chain(std::iter::repeat_n(empty, masks))
                .collect(),
            written: vec![None; header.canvas_length()],
        };
        let settings = vec![header.settings];
        Self {
            header,
            entries: Vec::new(),
            canvases: vec![Arc::new(canvas)],
            settings,
            texts: BTreeMap::new(),
            end: None,
        }
    }

    /// Appends a step.
    pub fn push(&mut self, entry: Arc<Entry>) {
        let mut canvas = Canvas::clone(self.canvas(self.entries.len()));
        canvas.ids.clone_from(&entry.record.ids);
        for position in &entry.record.remasked {
            if let Some(slot) = canvas.written.get_mut(*position) {
                *slot = None;
            }
        }
        for commit in &entry.record.commits {
            if let Some(slot) = canvas.written.get_mut(commit.position) {
                *slot = Some((entry.record.step, commit.reason, commit.confidence));
            }
        }
        for piece in &entry.pieces {
            if let Some(slot) = canvas.pieces.get_mut(piece.position) {
                *slot = Arc::from(printable::text(&piece.text));
            }
        }
        for token in &entry.texts {
            self.texts.insert(token.id, Arc::from(printable::text(&token.text)));
        }
        let mut settings = self.settings_at(self.entries.len());
        for change in &entry.record.changes {
            // A file can name knobs that this program does not have; the rest of it is still worth seeing.
            let _ = Knob::find(&change.knob).and_then(|knob| knob.set(&mut settings, &change.value));
        }
        self.settings.push(settings);
        self.canvases.push(Arc::new(canvas));
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
    pub fn canvas(&self, steps: usize) -> &Canvas {
        &self.canvases[steps.min(self.canvases.len() - 1)]
    }

    /// The settings that the `steps`-th step (counted from 1) used; those of the start for 0.
    pub fn settings_at(&self, steps: usize) -> Settings {
        self.settings[steps.min(self.settings.len() - 1)]
    }

    /// The text of a token id by itself, printable; `None` where the log never named it.
    pub fn text_of(&self, id: u32) -> Option<&Arc<str>> {
        self.texts.get(&id)
    }
}
