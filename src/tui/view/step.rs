//! A step, ready to be asked position by position: what the views read of the log.

use std::{ops::Range, sync::Arc};

use crate::{
    decode::record::{
        AuditReport, AuditedPosition, DraftReview, KvUse, Proposal, Reason, Region, RowDrift, StepRecord,
    },
    trace::{CanvasView, Certainty, Log, PositionChanges},
};

/// What a position holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    /// A token of the prompt.
    Prompt,
    /// A token of the answer that was there before the first step.
    Given,
    /// A mask.
    Masked,
    /// A token that was written.
    Written {
        /// In this step (counted from 1).
        step: usize,
        /// Why.
        reason: Reason,
        /// Its confidence then.
        confidence: f32,
        /// Whether the shown step wrote it.
        fresh: bool,
    },
}

/// The canvas after a step, with the step's record.
#[derive(Debug, Clone)]
pub struct StepView<'a> {
    /// The log.
    pub log: &'a Log,
    /// Number of steps done.
    pub steps: usize,
    /// The canvas.
    pub canvas: CanvasView<'a>,
    /// The record of the last of those steps.
    pub record: Option<Arc<StepRecord>>,
    /// The record of the one before it.
    before: Option<Arc<StepRecord>>,
    /// The record of the newest step with an audit, and after how many steps that is.
    audited: Option<(Arc<StepRecord>, usize)>,
    /// Positions that no rule may change.
    pinned: Vec<usize>,
    /// Positions that the last step wrote and that have not appeared yet, ascending.
    hidden: Vec<usize>,
}

impl<'a> StepView<'a> {
    /// The canvas of `log` after `steps` steps.
    pub fn new(log: &'a Log, steps: usize) -> Self {
        let steps = steps.min(log.len());
        // In the order of the steps: a record is rebuilt from those before it.
        let audited = log.audited_at(steps).and_then(|audited| Some((log.record(audited)?, audited)));
        let before = steps.checked_sub(1).and_then(|before| log.record(before));
        Self {
            log,
            steps,
            canvas: log.canvas(steps),
            record: log.record(steps),
            before,
            audited,
            pinned: log.pinned(steps).collect(),
            hidden: Vec::new(),
        }
    }

    /// The same, while these positions, ascending, have not appeared yet.
    pub fn without(self, hidden: Vec<usize>) -> Self {
        Self { hidden, ..self }
    }

    /// Whether the end of the run is shown, and all of it.
    pub fn is_end(&self) -> bool {
        self.steps == self.log.len() && self.hidden.is_empty()
    }

    /// Length of the prompt.
    pub fn prompt_length(&self) -> usize {
        self.log.header().prompt_ids.len()
    }

    /// Number of positions.
    pub fn length(&self) -> usize {
        self.canvas.length()
    }

    /// The id at a position.
    pub fn id(&self, position: usize) -> Option<u32> {
        self.canvas.id(position)
    }

    /// What a position holds.
    pub fn state(&self, position: usize) -> State {
        if position < self.prompt_length() {
            return State::Prompt;
        }
        let is_hidden = self.hidden.binary_search(&position).is_ok();
        if is_hidden || self.id(position).is_none_or(|id| id == self.log.header().mask_id) {
            return State::Masked;
        }
        match self.canvas.written(position) {
            Some((index, reason, confidence)) => {
                State::Written { step: index + 1, reason, confidence, fresh: index + 1 == self.steps }
            }
            None => State::Given,
        }
    }

    /// Whether no rule may change what a position holds.
    pub fn is_pinned(&self, position: usize) -> bool {
        self.pinned.contains(&position)
    }

    /// Whether anything is pinned.
    pub fn has_pins(&self) -> bool {
        !self.pinned.is_empty()
    }

    /// What stood at a position before this step wrote another token over it; `None` where it did not, or a mask did.
    pub fn overwritten(&self, position: usize) -> Option<u32> {
        self.log.step(self.steps)?.commit_at(position)?;
        let before = self.log.canvas(self.steps - 1).id(position)?;
        let now = self.id(position)?;
        (before != self.log.header().mask_id && before != now).then_some(before)
    }

    /// Whether this step masked a position again that was written before; it may have been written again since.
    pub fn is_remasked(&self, position: usize) -> bool {
        self.record.as_ref().is_some_and(|record| record.remasked.binary_search(&position).is_ok())
    }

    /// Whether a position holds end of text.
    pub fn is_eos(&self, position: usize) -> bool {
        position >= self.prompt_length() && self.id(position).is_some_and(|id| self.log.header().is_end(id))
    }

    /// What the denoiser proposed at a position in this step.
    pub fn proposal(&self, position: usize) -> Option<&Proposal> {
        proposal_at(self.record.as_ref()?, position)
    }

    /// Whether the denoiser proposed another token at a position than in the step before.
    pub fn has_new_draft(&self, position: usize) -> bool {
        let earlier = self.before.as_ref().and_then(|before| proposal_at(before, position));
        earlier.zip(self.proposal(position)).is_some_and(|(earlier, now)| earlier.token != now.token)
    }

    /// How certain the denoiser was at a position: of what is written when it was written, of a mask in this step.
    pub fn certainty(&self, position: usize) -> Option<Certainty> {
        match self.state(position) {
            State::Masked => self.proposal(position).map(Certainty::from),
            State::Written { step, .. } => self.log.step(step)?.certainty_at(position),
            State::Prompt | State::Given => None,
        }
    }

    /// Whether the draft of a masked position is an end of text, which is soon sure and not worth a colour.
    pub fn drafts_end(&self, position: usize) -> bool {
        let draft = self.proposal(position).filter(|_| self.state(position) == State::Masked);
        draft.is_some_and(|proposal| self.log.header().is_end(proposal.token))
    }

    /// How often a position changed up to this step.
    pub fn changes(&self, position: usize) -> PositionChanges {
        self.log.changes(position, self.steps)
    }

    /// How the K/V row of a position was used in this step.
    pub fn kv(&self, position: usize) -> Option<KvUse> {
        self.record.as_ref()?.kv.get(position).copied()
    }

    /// Whether the guide has judged any draft up to this step.
    pub fn has_reviews(&self) -> bool {
        self.log.has_reviews(self.steps)
    }

    /// What the guide said about a position in this step.
    pub fn review(&self, position: usize) -> Option<&DraftReview> {
        self.record.as_ref()?.guide.as_ref()?.of(position)
    }

    /// What a guide that only looked on said about a position in this step.
    pub fn shadow(&self, position: usize) -> Option<&DraftReview> {
        self.record.as_ref()?.shadow.as_ref()?.of(position)
    }

    /// The positions that fail in the answer, where the end of the run is shown.
    pub fn failed(&self) -> Option<Range<usize>> {
        self.log.end().filter(|_| self.is_end())?.failed.clone()
    }

    /// The newest audit up to this step, and after how many steps it was made.
    pub fn audit(&self) -> Option<(&AuditReport, usize)> {
        let (record, steps) = self.audited.as_ref()?;
        Some((record.audit.as_ref()?, *steps))
    }

    /// What the newest audit said of a masked position.
    pub fn audited(&self, position: usize) -> Option<&AuditedPosition> {
        let positions = &self.audit()?.0.positions;
        positions.binary_search_by_key(&position, |audited| audited.position).ok().map(|at| &positions[at])
    }

    /// What the newest audit said of the reused K/V row of a position.
    pub fn drift(&self, position: usize) -> Option<&RowDrift> {
        let rows = &self.audit()?.0.drift;
        rows.binary_search_by_key(&position, |row| row.position).ok().map(|at| &rows[at])
    }

    /// The active block.
    pub fn region(&self) -> Option<Region> {
        self.record.as_ref().map(|record| record.region)
    }

    /// The text of an id by itself, with signs for what has none.
    pub fn name(&self, id: u32, eos: &str) -> String {
        let header = self.log.header();
        if header.is_end(id) {
            return format!("{eos} end of text");
        }
        if id == header.mask_id {
            return "mask".to_owned();
        }
        match self.log.text_of(id) {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => format!("#{id}"),
        }
    }

    /// First positions of the blocks begun up to this step, and of the one after the active block; none where the
    /// canvas is one block. A block that moves is a window: only where it is now is a border.
    pub fn block_starts(&self) -> Vec<usize> {
        let end = self.length();
        let prompt = self.prompt_length();
        let mut starts: Vec<usize> = self
            .log
            .blocks(self.steps)
            .flat_map(|region| [region.start, region.end])
            .filter(|start| *start > prompt && *start < end)
            .collect();
        starts.sort_unstable();
        starts.dedup();
        starts
    }
}

fn proposal_at(record: &StepRecord, position: usize) -> Option<&Proposal> {
    let proposals = &record.proposals;
    proposals.binary_search_by_key(&position, |proposal| proposal.position).ok().map(|at| &proposals[at])
}
