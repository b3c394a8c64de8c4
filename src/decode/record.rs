//! What a step leaves behind: everything that a view, a file or a score needs, without the model.
//!
//! Positions are absolute, from the first prompt token. A record stands for the canvas *after* its step.

use serde::{Deserialize, Serialize};

pub use super::{
    edit::Edit,
    reason::{Reason, ReasonKind},
};
use crate::settings::{Knob, Settings};

/// One denoising step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Index of the step in its run, from 0.
    pub step: usize,
    /// Where tokens could be committed.
    pub region: Region,
    /// Knob changes that this step was the first to use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What was changed by hand before this step, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// The canvas after the step; masked positions hold the mask id.
    pub ids: Vec<u32>,
    /// What the denoiser proposed for each masked position that it scored, ascending.
    pub proposals: Vec<Proposal>,
    /// What was written in this step, ascending. Includes positions that a stop rule filled, and those that were written
    /// by hand before it.
    pub commits: Vec<Commit>,
    /// Committed positions that this step masked again, or that were by hand before it, ascending. One that is also among the commits was masked before
    /// the pass and written again after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remasked: Vec<usize>,
    /// How the K/V row of every position was used, one entry per canvas position.
    pub kv: Vec<KvUse>,
    /// What each layer computed, where layers differ: from the first one up, empty where they do not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerUse>,
    /// The guide's review, where one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<GuideReview>,
    /// What the guide thinks of the step where it only looks on: of every token that was written, and of the drafts
    /// beside them. Nothing follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<GuideReview>,
    /// How far the best tokens lead, where an early commit of everything waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// What the cache changed, in steps that were audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditReport>,
    /// What the step cost.
    pub cost: Cost,
    /// Why the run ended with this step, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopReason>,
}

/// The active block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Index of the block, from 0.
    pub block: usize,
    /// First position.
    pub start: usize,
    /// One past the last position.
    pub end: usize,
}

/// A knob change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The knob's name.
    pub knob: String,
    /// Its new value, as the knob writes it.
    pub value: String,
}

impl Change {
    /// The knobs that differ between two settings.
    pub fn between(from: &Settings, to: &Settings) -> Vec<Self> {
        crate::settings::KNOBS
            .iter()
            .filter(|knob| knob.get(from) != knob.get(to))
            .map(|knob: &Knob| Self { knob: knob.name.to_owned(), value: knob.get(to).to_string() })
            .collect()
    }
}

/// The denoiser's proposal for one masked position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Absolute position.
    pub position: usize,
    /// The drawn token.
    pub token: u32,
    /// Its probability as the sampler style measures it, 0 to 1.
    pub confidence: f32,
    /// Entropy of the distribution, nats.
    pub entropy: f32,
    /// What ranks it among the proposals of the step, by the order in force; larger is committed earlier.
    pub score: f32,
    /// The most likely tokens with their probabilities, the likeliest first, at most [`Self::ALTERNATIVES`].
    pub alternatives: Vec<(u32, f32)>,
    /// What credit did to it, where credit is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<Credit>,
    /// How far the distribution moved since it was last computed, `KL(now ‖ before)` in nats, where a rule watches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<f32>,
}

/// What credit for earlier steps did to a proposal (CreditDecoding).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    /// The credit of the proposed token.
    pub amount: f32,
    /// What would have been proposed without credit.
    pub token: u32,
    /// The confidence that it would have had.
    pub confidence: f32,
}

impl Proposal {
    /// How many alternatives are kept.
    pub const ALTERNATIVES: usize = 5;
}

/// A token that was written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Absolute position.
    pub position: usize,
    /// The token.
    pub token: u32,
    /// Its confidence when it was written; 0 where nothing scored it (end-of-text fill).
    pub confidence: f32,
    /// Why it was written.
    pub reason: Reason,
}

/// How the K/V row of a position was used in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvUse {
    /// What happened to the row.
    #[serde(rename = "u")]
    pub status: KvStatus,
    /// Steps since the row was computed; 0 where it was computed in this step.
    #[serde(rename = "a", default, skip_serializing_if = "is_zero")]
    pub age: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero_us(micros: &u64) -> bool {
    *micros == 0
}

/// What happened to a K/V row in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KvStatus {
    /// Recomputed. Where layers differ: fed to the first one, whether or not a row that was not fed joined further up
    /// (Elastic-Cache), or picked by one above it (dLLM-Cache).
    #[serde(rename = "c")]
    Recomputed,
    /// Reused, written while the position held the token that it holds now.
    #[serde(rename = "r")]
    Reused,
    /// Reused, but written while the position held another token (as a rule the mask): the cache's main error.
    #[serde(rename = "s")]
    Stale,
    /// Not attended to at all.
    #[serde(rename = "d")]
    Dropped,
}

/// What a layer computed in a step, under a cache that decides layer by layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerUse {
    /// Positions whose K/V rows the layer computed.
    pub computed: u32,
    /// Mean cosine similarity to the step before, -1 to 1, where it was measured: of the watched tokens' attention
    /// (Elastic-Cache), of the fed rows' value vectors (dLLM-Cache).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// Steps since the layer computed the row of each canvas position: 0 where it did in this step, more than the run has
    /// steps where it never did. Empty where that is not known, as in traces of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ages: Vec<u32>,
}

/// The guide's review of the drafts of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuideReview {
    /// One entry per draft in the region, ascending by position. Where the guide only looks on: per draft and per token that
    /// the step wrote, each with a verdict of its own, whether or not the guide agreed with those left of it.
    pub drafts: Vec<DraftReview>,
    /// How many drafts were accepted, from the left.
    pub accepted: usize,
    /// Tokens that the guide was fed in each of its passes, the prompt's included.
    pub forwards: Vec<usize>,
    /// What the guide read.
    #[serde(default, skip_serializing_if = "GuideReading::is_ids")]
    pub reading: GuideReading,
}

impl GuideReview {
    /// What it says of the draft at a position.
    pub fn of(&self, position: usize) -> Option<&DraftReview> {
        let at = self.drafts.binary_search_by_key(&position, |draft| draft.position);
        at.ok().map(|at| &self.drafts[at])
    }
}

/// What a guide reads of the denoiser's drafts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuideReading {
    /// Their ids: it has the denoiser's vocabulary.
    #[default]
    Ids,
    /// Their text, in tokens of its own. Ids of the guide's tokens in the review start behind the denoiser's.
    Text,
}

impl GuideReading {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_ids(&self) -> bool {
        *self == Self::Ids
    }
}

/// The guide's review of one draft.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DraftReview {
    /// Absolute position.
    pub position: usize,
    /// The denoiser's draft.
    pub draft: u32,
    /// The guide's verdict.
    pub verdict: Verdict,
    /// What the guide saw; `None` where it did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<GuideView>,
    /// What the guide would write, or wrote, in place of the draft that it rejected, where that is not its most likely
    /// token: its draw, or the draw from a product of both models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<u32>,
}

/// The guide's distribution at the draft's position. Text guides: at the last of their tokens that touches the draft, whose
/// probability and rank then count as the draft's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GuideView {
    /// The guide's most likely token.
    pub token: u32,
    /// Its probability.
    pub top_probability: f32,
    /// The probability of the draft.
    pub draft_probability: f32,
    /// How many tokens the guide finds more likely than the draft.
    pub rank: u32,
}

/// The guide's verdict on a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Accepted, and committed.
    Agreed,
    /// The first draft that was not accepted; where the guide only looks on, any that it would not accept.
    Rejected,
    /// Rejected at the very first draft, and committed all the same.
    Forced,
    /// Rejected, and the guide's own token written in its place.
    Replaced,
    /// Behind the first rejection: not verified.
    NotReached,
}

/// By how much the best token leads the next one over the watched masks (Prophet).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Mean difference between the two largest logits.
    pub mean: f32,
    /// From which mean on everything is committed in this phase of the run.
    pub needed: f32,
    /// Number of positions that were measured.
    pub positions: usize,
}

/// A step beside the uncached truth: the same canvas, every position computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditReport {
    /// One entry per masked position that the step scored, ascending.
    pub positions: Vec<AuditedPosition>,
    /// One entry per position whose K/V row was reused, ascending.
    pub drift: Vec<RowDrift>,
}

/// The truth at a masked position.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AuditedPosition {
    /// Absolute position.
    pub position: usize,
    /// The most likely token of the truth.
    pub token: u32,
    /// Its probability there.
    pub probability: f32,
    /// Whether the step's most likely token is another one.
    pub differs: bool,
    /// Kullback-Leibler divergence of the step's distribution from the truth, `Σ truth · ln(truth / step)`, nats.
    pub kl: f32,
}

/// How far a reused K/V row is from the one that computing it again would give: cosines, one per layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowDrift {
    /// Absolute position.
    pub position: usize,
    /// Of the keys.
    pub keys: Vec<f32>,
    /// Of the values.
    pub values: Vec<f32>,
}

/// What a step cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Passes of the denoiser, the literature's NFE. The two streams of classifier-free guidance are one pass, as in a batch
    /// of two.
    pub nfe: u32,
    /// Passes of the guide.
    pub guide_forwards: u32,
    /// Positions that the denoiser computed; their mean over the layers, rounded up, where layers differ. Both streams
    /// of classifier-free guidance count.
    pub computed: u32,
    /// Positions whose K/V rows were read without being fed.
    pub reused: u32,
    /// Positions that the guide computed.
    pub guide_computed: u32,
    /// Microseconds in the denoiser.
    pub denoiser_us: u64,
    /// Microseconds in the guide.
    pub guide_us: u64,
    /// Microseconds for everything else: proposals, selection, records.
    pub other_us: u64,
    /// Passes of the denoiser that only an audit asked for; in no other figure.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audit_forwards: u32,
    /// Microseconds that the audit took; in no other figure.
    #[serde(default, skip_serializing_if = "is_zero_us")]
    pub audit_us: u64,
    /// Passes of a guide that only looks on; in no other figure.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shadow_forwards: u32,
    /// Microseconds in a guide that only looks on; in no other figure.
    #[serde(default, skip_serializing_if = "is_zero_us")]
    pub shadow_us: u64,
}

impl Cost {
    /// The whole step without its audit and without a guide that only looks on, microseconds.
    pub fn total_us(&self) -> u64 {
        self.denoiser_us + self.guide_us + self.other_us
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, step: Self) {
        self.nfe += step.nfe;
        self.guide_forwards += step.guide_forwards;
        self.computed += step.computed;
        self.reused += step.reused;
        self.guide_computed += step.guide_computed;
        self.denoiser_us += step.denoiser_us;
        self.guide_us += step.guide_us;
        self.other_us += step.other_us;
        self.audit_forwards += step.audit_forwards;
        self.audit_us += step.audit_us;
        self.shadow_forwards += step.shadow_forwards;
        self.shadow_us += step.shadow_us;
    }
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// Nothing is masked any more.
    NothingMasked,
    /// End of text was committed and the rest was filled with it.
    EndOfText,
    /// The best tokens led by so much that everything left was committed.
    EarlyCommit,
    /// More steps than any method needs: a safety net.
    StepBudget,
}
