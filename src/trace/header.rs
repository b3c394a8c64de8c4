//! What stands around the steps of a log: what the run started from, and how it ended.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::foreign;
use crate::{decode::record::StopReason, model::shape::NetworkShape, settings::Settings};

/// Bytes that a log takes for a proposal, on average over runs of the embedded pair (`benches/log.rs` measures it).
const PROPOSAL_MEMORY: u64 = 12;

/// Bytes that it takes for a step and the token that it writes, whatever is proposed.
const STEP_MEMORY: u64 = 480;

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
    /// What distinguishes its weights from others, in hexadecimal digits; `None` where no file holds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Whether a prompt continues the conversation: its chat template takes earlier turns. The embedded pair was trained on
    /// single prompts, and has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chats: bool,
    /// The sizes that its arithmetic and its memory follow from; `None` where the program that wrote the trace did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<NetworkShape>,
}

impl ModelCard {
    /// Whether both are one model on one device, however prompts are laid out for it and whatever else is known of it.
    pub fn is_same_model(&self, other: &Self) -> bool {
        *self == Self { chats: self.chats, shape: self.shape, ..other.clone() }
    }

    /// Bytes of K/V rows for a canvas of so many positions; `None` where its shape is not known.
    pub fn kv_bytes(&self, positions: usize) -> Option<u64> {
        Some((self.shape?.kv_bytes() * self.layers as f64 * positions as f64) as u64)
    }
}

/// An earlier turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The prompt as it was typed.
    pub prompt: String,
    /// What was answered.
    pub answer: String,
}

impl Exchange {
    /// Prompt and answer of each turn.
    pub fn texts(turns: &[Self]) -> Vec<(&str, &str)> {
        turns.iter().map(|turn| (turn.prompt.as_str(), turn.answer.as_str())).collect()
    }
}

/// A token of the generated part that was there before the first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenToken {
    /// Absolute position.
    pub position: usize,
    /// The token.
    pub token: u32,
    /// What it contributes to the text.
    pub text: String,
    /// Whether it is pinned: no rule masks it again or writes over it.
    pub pinned: bool,
}

/// Where a run branched off another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkOrigin {
    /// The other run up to that step: [`super::Log::hash`].
    pub parent: String,
    /// After how many of its steps.
    pub step: usize,
    /// Whether repeating those steps gave the same tokens. Where it did not (on a GPU), the run continues from the tokens of
    /// the parent all the same, with K/V rows that may differ.
    pub exact: bool,
    /// Whether they were not repeated: the run starts from the parent's canvas, with empty caches and rules that remember
    /// nothing, and its first step is the first one after the fork.
    pub cold: bool,
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
    /// What stood in the generated part before the first step, ascending: text around blanks, or the canvas of a cold fork.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<GivenToken>,
    /// The conversation that the prompt continues, the oldest turn first; `prompt_ids` hold it too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Exchange>,
    /// Where it branched off another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ForkOrigin>,
    /// Floating-point operations a second that the denoiser's device was measured to reach, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<u64>,
}

impl Header {
    /// Whether a token ends the text: what stands behind the first such token is no part of the answer.
    pub fn is_end(&self, id: u32) -> bool {
        id == self.eos_id || self.end_ids.contains(&id)
    }

    /// The canvas before the first step: prompt, masks, and what is given among them.
    pub fn canvas(&self) -> Vec<u32> {
        let mut ids = self.prompt_ids.clone();
        ids.resize(self.canvas_length(), self.mask_id);
        for token in &self.given {
            ids[token.position] = token.token;
        }
        ids
    }

    /// How many of its first steps are those of the run that it branched off.
    pub fn inherited(&self) -> usize {
        self.origin.as_ref().filter(|origin| !origin.cold).map_or(0, |origin| origin.step)
    }

    /// Length of the canvas: prompt and generation.
    pub fn canvas_length(&self) -> usize {
        self.prompt_ids.len() + self.gen_length
    }

    /// First position of the prompt's own text behind earlier turns; 0 where there are none, or the template rewrites it.
    pub fn turn_start(&self) -> usize {
        let own = self.prompt.trim();
        if self.turns.is_empty() || own.is_empty() {
            return 0;
        }
        let Some(start) = self.prompt_pieces.concat().rfind(own) else { return 0 };
        let ends = self.prompt_pieces.iter().scan(0, |end, piece| {
            *end += piece.len();
            Some(*end)
        });
        ends.take_while(|end| *end <= start).count()
    }

    /// Bytes of memory that it takes behind itself.
    pub(super) fn memory(&self) -> usize {
        let pieces = self.prompt_pieces.iter().map(|piece| size_of::<String>() + piece.capacity());
        let given = self.given.iter().map(|token| size_of::<GivenToken>() + token.text.capacity());
        let turns =
            self.turns.iter().map(|turn| size_of::<Exchange>() + turn.prompt.capacity() + turn.answer.capacity());
        self.prompt.capacity()
            + self.prompt_ids.capacity() * size_of::<u32>()
            + pieces.sum::<usize>()
            + given.sum::<usize>()
            + turns.sum::<usize>()
    }

    /// Bytes of memory that the log of a run takes which writes one token a step, about: there are few slower ones.
    pub fn log_memory(&self) -> u64 {
        // Of the masks of a block, half are left on average.
        let proposals = self.settings.block_length.unwrap_or(self.gen_length).min(self.gen_length) / 2;
        let step = PROPOSAL_MEMORY * proposals as u64 + STEP_MEMORY;
        step * self.gen_length as u64
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
    /// The positions that hold what of a wrong answer fails: one at least. Where something is missing, the token that stands
    /// in its place, which may be the end of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Range<usize>>,
}
