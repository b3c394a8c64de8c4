//! What a log keeps of the steps that were pushed.

use diffuscope::{
    decode::record::StepRecord,
    trace::{Entry, Log, file},
};

/// How far a probability may be from the one that was pushed.
const SHARE: f32 = 1.0 / 131_070.0 + 1e-7;

/// How far other numbers of a proposal may be.
const PART: f32 = 1.0 / 8192.0 + 1e-6;

/// Moves a number to the one that was kept of it, which must be near.
fn near(pushed: &mut f32, kept: f32, tolerance: f32) {
    // Single floats are that coarse themselves.
    let tolerance = tolerance + pushed.abs() * f32::EPSILON;
    assert!((*pushed - kept).abs() <= tolerance, "{kept} is kept of {pushed}");
    *pushed = kept;
}

/// The record as it was pushed, with the numbers of `kept` where these are near.
fn rounded(pushed: &StepRecord, kept: &StepRecord) -> StepRecord {
    let mut record = pushed.clone();
    for (proposal, kept) in record.proposals.iter_mut().zip(&kept.proposals) {
        near(&mut proposal.confidence, kept.confidence, SHARE);
        near(&mut proposal.entropy, kept.entropy, PART);
        near(&mut proposal.score, kept.score, PART);
        for ((_, value), (_, kept)) in proposal.alternatives.iter_mut().zip(&kept.alternatives) {
            near(value, *kept, SHARE);
        }
        if let (Some(credit), Some(kept)) = (&mut proposal.credit, kept.credit) {
            near(&mut credit.amount, kept.amount, PART);
            near(&mut credit.confidence, kept.confidence, SHARE);
        }
        if let (Some(moved), Some(kept)) = (&mut proposal.moved, kept.moved) {
            near(moved, kept, PART);
        }
    }
    let drafts = record.guide.iter_mut().chain(&mut record.shadow).flat_map(|review| &mut review.drafts);
    for (draft, kept) in drafts.zip(kept.guide.iter().chain(&kept.shadow).flat_map(|review| &review.drafts)) {
        if let (Some(view), Some(kept)) = (&mut draft.view, kept.view) {
            near(&mut view.top_probability, kept.top_probability, SHARE);
            near(&mut view.draft_probability, kept.draft_probability, SHARE);
        }
    }
    record
}

/// Checks that a log gives the steps back that were pushed to it, rounded where it may round, in any order, and that a
/// file of it opens as the same log.
pub fn check(log: &Log, pushed: &[Entry]) {
    assert_eq!(log.len(), pushed.len());
    let entries: Vec<Entry> = log.entries().collect();
    for (index, (entry, pushed)) in entries.iter().zip(pushed).enumerate().rev() {
        let record = log.record(index + 1).unwrap();
        assert_eq!(*record, rounded(&pushed.record, &record));
        assert_eq!((&entry.pieces, &entry.texts), (&pushed.pieces, &pushed.texts));
        assert_eq!(*record, entry.record);
        assert_eq!(log.cost(index + 1), Some(pushed.record.cost));
    }
    let mut bytes = Vec::new();
    file::write(log, &mut bytes).unwrap();
    assert_eq!(file::read("kept", &bytes[..]).unwrap().log, *log);
    let mut again = Log::new(log.header().clone());
    for entry in entries {
        again.push(entry);
    }
    if let Some(end) = log.end() {
        again.finish(end.clone());
    }
    assert_eq!(again, *log, "rounding what is rounded changes nothing");
}
