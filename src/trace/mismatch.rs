//! Where two runs of one trace part: the first thing in a step that is not the same.

use std::fmt;

use serde::Serialize;

use super::{End, json};
use crate::decode::record::{AuditReport, Cost, GuideReview, StepRecord};

/// The first difference between a trace and the run that repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepMismatch {
    /// The step, counted from 1.
    pub step: usize,
    /// The position, where it is about one.
    pub position: Option<usize>,
    /// What differs.
    pub what: &'static str,
    /// What the trace has there, as JSON.
    pub there: String,
    /// What the repeated run has.
    pub here: String,
}

impl fmt::Display for StepMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, position, what, there, here } = self;
        let at = position.map_or_else(String::new, |position| format!(" at position {position}"));
        write!(f, "step {step} differs{at}, in {what}: the trace has {there}, and repeating it gave {here}")
    }
}

/// What stands where one of two lists has nothing.
const NOTHING: &str = "nothing";

impl StepMismatch {
    /// Of the records of one step, counted from 1. Durations may differ; in a step that a fork has of its parent, so may
    /// why the run ended there.
    pub fn of_step(step: usize, there: &StepRecord, here: &StepRecord, is_inherited: bool) -> Option<Self> {
        let mut compared = StepComparison { step, found: None };
        compared.list("its commits", &there.commits, &here.commits, |commit| commit.position);
        compared.rows("the canvas", &there.ids, &here.ids);
        compared.list("what it masked again", &there.remasked, &here.remasked, |position| *position);
        compared.list("its proposals", &there.proposals, &here.proposals, |proposal| proposal.position);
        compared.reviews("the guide's verdicts", there.guide.as_ref(), here.guide.as_ref());
        compared.reviews("the verdicts of a guide that only looks on", there.shadow.as_ref(), here.shadow.as_ref());
        compared.rows("the use of K/V rows", &there.kv, &here.kv);
        compared.audits(there.audit.as_ref(), here.audit.as_ref());
        compared.whole("its block", &there.region, &here.region);
        compared.whole("the knobs that were turned", &there.changes, &here.changes);
        compared.whole("what its layers computed", &there.layers, &here.layers);
        compared.whole("its gap", &there.gap, &here.gap);
        compared.whole("its cost", &timeless(there.cost), &timeless(here.cost));
        if !is_inherited {
            compared.whole("why the run ended", &there.stop, &here.stop);
        }
        compared.found
    }

    /// Of how a run ended after so many steps. Verdicts are left out: a checker may have learnt since.
    pub fn of_end(step: usize, there: &End, here: &End) -> Option<Self> {
        let mut compared = StepComparison { step, found: None };
        compared.whole("the answer", &there.answer, &here.answer);
        compared.whole("the number of its tokens", &there.tokens, &here.tokens);
        compared.found
    }
}

/// A comparison of two steps, part by part; the first difference counts.
struct StepComparison {
    step: usize,
    found: Option<StepMismatch>,
}

impl StepComparison {
    fn note(&mut self, position: Option<usize>, what: &'static str, there: String, here: String) {
        let step = self.step;
        self.found.get_or_insert(StepMismatch { step, position, what, there, here });
    }

    fn whole<T: PartialEq + Serialize>(&mut self, what: &'static str, there: &T, here: &T) {
        if there != here {
            self.note(None, what, shown(Some(there)), shown(Some(here)));
        }
    }

    /// Lists of things at positions, ascending.
    fn list<T: PartialEq + Serialize>(
        &mut self,
        what: &'static str,
        there: &[T],
        here: &[T],
        position: impl Fn(&T) -> usize,
    ) {
        let differs = (0..there.len().max(here.len())).find(|at| there.get(*at) != here.get(*at));
        let Some((there, here)) = differs.map(|at| (there.get(at), here.get(at))) else { return };
        let first = there.iter().chain(&here).map(|item| position(item)).min();
        let at_first = |item: Option<&T>| shown(item.filter(|item| Some(position(item)) == first));
        self.note(first, what, at_first(there), at_first(here));
    }

    /// Lists with an item for every position.
    fn rows<T: PartialEq + Serialize>(&mut self, what: &'static str, there: &[T], here: &[T]) {
        if let Some(at) = (0..there.len().max(here.len())).find(|at| there.get(*at) != here.get(*at)) {
            self.note(Some(at), what, shown(there.get(at)), shown(here.get(at)));
        }
    }

    fn reviews(&mut self, what: &'static str, there: Option<&GuideReview>, here: Option<&GuideReview>) {
        if let (Some(there), Some(here)) = (there, here) {
            self.list(what, &there.drafts, &here.drafts, |draft| draft.position);
        }
        self.whole(what, &there, &here);
    }

    fn audits(&mut self, there: Option<&AuditReport>, here: Option<&AuditReport>) {
        if let (Some(there), Some(here)) = (there, here) {
            self.list("its audit", &there.positions, &here.positions, |audited| audited.position);
            self.list("the K/V rows of its audit", &there.drift, &here.drift, |row| row.position);
        }
        self.whole("its audit", &there, &here);
    }
}

/// JSON that is printable.
fn shown<T: Serialize>(item: Option<&T>) -> String {
    item.map_or_else(|| NOTHING.to_owned(), |item| json::text(item).unwrap_or_default())
}

fn timeless(cost: Cost) -> Cost {
    Cost { denoiser_us: 0, guide_us: 0, other_us: 0, audit_us: 0, shadow_us: 0, ..cost }
}
