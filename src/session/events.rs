//! The events of a run: the steps and positions that are worth a look, so that one can walk from each to the next.
//!
//! A list is useful while it is short. What happens at most positions is listed where it begins: a likeliest token that a
//! cache changes, once per position; rows that are read stale, once per block; a draft that the guide rejects step after
//! step, once.

use std::collections::BTreeSet;

use crate::{
    decode::record::{Change, Edit, KvStatus, Reason, StepRecord, Verdict},
    printable,
    trace::Log,
};

/// Where an event is: after how many steps, and at which position, if it has one.
pub type Place = (usize, Option<usize>);

/// Something worth a look.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEvent {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub kind: RunEventKind,
}

/// What happened, in the order in which several events at one place are named.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEventKind {
    /// What fails of a wrong answer begins here; at the end of the run.
    Failed,
    /// Of all tokens of the answer it was written with the least confidence, which this is.
    LeastSure(f32),
    /// Knobs were turned.
    Turned(Vec<Change>),
    /// The canvas was changed by hand.
    ByHand(Edit),
    /// A block was begun: its number, from 0.
    BlockBegun(usize),
    /// It was masked again.
    MaskedAgain,
    /// Another token was written over the one that stood there.
    Overwritten,
    /// It was written although the guide accepted no draft.
    Forced,
    /// The guide rejected the draft.
    Rejected,
    /// It was written, and a guide that only looked on would not have accepted it.
    Doubted,
    /// The uncached truth has another likeliest token, for the first time here.
    Flip,
    /// A row is read that was computed under another token, for the first time in the block.
    StaleRead,
}

impl RunEventKind {
    /// A few words; text of a model or a file in them is printable.
    pub fn phrase(&self) -> String {
        match self {
            Self::Failed => "the answer fails here".to_owned(),
            Self::LeastSure(confidence) => format!("the least sure token of the run, {confidence:.2}"),
            Self::Turned(changes) => {
                let turned = changes.iter().map(|change| format!("{} is set to {}", change.knob, change.value));
                printable::line(&turned.collect::<Vec<_>>().join(", "))
            }
            Self::ByHand(Edit::Write { .. }) => "written by hand".to_owned(),
            Self::ByHand(Edit::Remask { start, end }) if end - start == 1 => "masked again by hand".to_owned(),
            Self::ByHand(Edit::Remask { end, .. }) => format!("masked again by hand, up to position {}", end - 1),
            Self::ByHand(Edit::Pin { pinned, .. }) => if *pinned { "pinned" } else { "unpinned" }.to_owned(),
            Self::BlockBegun(block) => format!("block {} begins", block + 1),
            Self::MaskedAgain => "masked again".to_owned(),
            Self::Overwritten => "written over another token".to_owned(),
            Self::Forced => "the guide accepts nothing, and it is written all the same".to_owned(),
            Self::Rejected => "the guide rejects the draft".to_owned(),
            Self::Doubted => "the guide would have rejected it".to_owned(),
            Self::Flip => "the cache changes the likeliest token".to_owned(),
            Self::StaleRead => "a K/V row is read stale, the first in this block".to_owned(),
        }
    }
}

/// The events of a log, collected as it grows: each step is looked at once, when it is asked for.
#[derive(Debug, Default)]
pub struct EventWalk {
    /// How many steps were looked at.
    steps: usize,
    /// Ascending by step.
    found: Vec<RunEvent>,
    /// The least sure token so far.
    least: Option<(f32, Place)>,
    block: Option<usize>,
    /// Positions at which the cache has changed the likeliest token.
    flipped: BTreeSet<usize>,
    /// The block of the last stale read that is listed.
    stale_in: Option<usize>,
    /// The draft that the guide rejected last.
    rejected: Option<(usize, u32)>,
}

impl EventWalk {
    /// The events at the nearest place behind `from`, or before it; none where there is no such place.
    pub fn beside(&mut self, log: &Log, from: Place, forward: bool) -> Vec<RunEvent> {
        let events = self.events(log);
        let places = events.iter().map(|event| event.place);
        let nearest = if forward {
            places.filter(|place| *place > from).min()
        } else {
            places.filter(|place| *place < from).max()
        };
        events.into_iter().filter(|event| Some(event.place) == nearest).collect()
    }

    /// All events of a log, ascending by step and position.
    pub fn events(&mut self, log: &Log) -> Vec<RunEvent> {
        self.extend(log);
        let failed = log.end().and_then(|end| end.failed.as_ref());
        let failed = failed.map(|failed| (RunEventKind::Failed, (log.len(), Some(failed.start))));
        let least = self.least.map(|(confidence, place)| (RunEventKind::LeastSure(confidence), place));
        let whole = failed.into_iter().chain(least).map(|(kind, place)| RunEvent { place, kind });
        let mut events: Vec<RunEvent> = whole.chain(self.found.iter().cloned()).collect();
        events.sort_by_key(|event| event.place);
        events
    }

    /// Looks at the steps that are new.
    fn extend(&mut self, log: &Log) {
        while let Some(record) = log.record(self.steps + 1) {
            self.steps += 1;
            self.settings(&record);
            self.written(log, &record);
            self.guide(&record);
            self.cache(&record);
        }
    }

    fn push(&mut self, position: impl Into<Option<usize>>, kind: RunEventKind) {
        self.found.push(RunEvent { place: (self.steps, position.into()), kind });
    }

    /// Knobs and blocks.
    fn settings(&mut self, record: &StepRecord) {
        if !record.changes.is_empty() {
            self.push(None, RunEventKind::Turned(record.changes.clone()));
        }
        let block = record.region.block;
        if self.block.replace(block).is_some_and(|before| before != block) {
            self.push(record.region.start, RunEventKind::BlockBegun(block));
        }
    }

    /// What was written or taken back.
    fn written(&mut self, log: &Log, record: &StepRecord) {
        let by_hand = |position: usize| record.edits.iter().any(|edit| edit.positions().contains(&position));
        for edit in &record.edits {
            self.push(edit.positions().start, RunEventKind::ByHand(*edit));
        }
        for position in record.remasked.iter().filter(|position| !by_hand(**position)) {
            self.push(*position, RunEventKind::MaskedAgain);
        }
        for commit in &record.commits {
            if commit.reason == Reason::Edit {
                self.push(commit.position, RunEventKind::Overwritten);
            }
            // What nothing scored, and that nothing more comes, say nothing of how sure the answer is.
            let counts =
                !matches!(commit.reason, Reason::EndOfText | Reason::ByHand) && !log.header().is_end(commit.token);
            if counts && self.least.is_none_or(|(least, _)| commit.confidence < least) {
                self.least = Some((commit.confidence, (self.steps, Some(commit.position))));
            }
        }
    }

    /// What a guide objected to.
    fn guide(&mut self, record: &StepRecord) {
        for draft in record.guide.iter().flat_map(|review| &review.drafts) {
            let kind = match draft.verdict {
                Verdict::Forced => RunEventKind::Forced,
                Verdict::Rejected | Verdict::Replaced => RunEventKind::Rejected,
                Verdict::Agreed | Verdict::NotReached => continue,
            };
            let again = self.rejected.replace((draft.position, draft.draft)) == Some((draft.position, draft.draft));
            if kind == RunEventKind::Forced || !again {
                self.push(draft.position, kind);
            }
        }
        for commit in &record.commits {
            let doubt = record.shadow.as_ref().and_then(|review| review.of(commit.position));
            if doubt.is_some_and(|draft| draft.verdict == Verdict::Rejected) {
                self.push(commit.position, RunEventKind::Doubted);
            }
        }
    }

    /// What a cache did to the run.
    fn cache(&mut self, record: &StepRecord) {
        for audited in record.audit.iter().flat_map(|report| &report.positions) {
            if audited.differs && self.flipped.insert(audited.position) {
                self.push(audited.position, RunEventKind::Flip);
            }
        }
        let block = record.region.block;
        let stale = record.kv.iter().position(|row| row.status == KvStatus::Stale);
        if let Some(position) = stale.filter(|_| self.stale_in != Some(block)) {
            self.stale_in = Some(block);
            self.push(position, RunEventKind::StaleRead);
        }
    }
}
