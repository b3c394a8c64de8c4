//! The light part of a step: what a walk over all steps looks at, as it is.

use std::ops::{AddAssign, Sub};

use super::Work;
use crate::decode::record::{
    Change, Commit, Cost, Edit, Gap, LayerUse, Proposal, Reason, Region, StepRecord, StopReason, Verdict,
};

/// What a log keeps of a step as it is. Everything else is rebuilt on demand: [`super::Log::record`].
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Where tokens could be committed.
    pub region: Region,
    /// What was written, ascending.
    pub commits: Box<[Commit]>,
    /// Why the run ended with this step, if it did.
    pub stop: Option<StopReason>,
    /// One entry per commit.
    certainties: Box<[Option<Certainty>]>,
    seldom: Option<Box<Seldom>>,
    /// Sums over the run up to this step.
    pub(super) totals: Totals,
    /// The packed columns of the wide part.
    pub(super) wide: Box<[u8]>,
}

/// How certain the denoiser was at a position, beside its confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certainty {
    /// Entropy of its distribution, nats.
    pub entropy: f32,
    /// The probability of the likeliest token less that of the next one; `None` where the log names fewer than two.
    pub margin: Option<f32>,
}

impl From<&Proposal> for Certainty {
    fn from(proposal: &Proposal) -> Self {
        let margin = match proposal.alternatives[..] {
            [(_, first), (_, second), ..] => Some(first - second),
            _ => None,
        };
        Self { entropy: proposal.entropy, margin }
    }
}

/// The use of a layer without the ages of its rows, which are packed apart.
pub(super) fn without_ages(layer: &LayerUse) -> LayerUse {
    LayerUse { computed: layer.computed, similarity: layer.similarity, ages: Vec::new() }
}

/// What few steps have.
#[derive(Debug, Clone, Default, PartialEq)]
struct Seldom {
    changes: Vec<Change>,
    edits: Vec<Edit>,
    remasked: Vec<usize>,
    layers: Vec<LayerUse>,
    gap: Option<Gap>,
}

impl Step {
    pub(super) fn new(
        record: &StepRecord,
        certainties: Box<[Option<Certainty>]>,
        totals: Totals,
        wide: Box<[u8]>,
    ) -> Self {
        let seldom = Seldom {
            changes: record.changes.clone(),
            edits: record.edits.clone(),
            remasked: record.remasked.clone(),
            layers: record.layers.iter().map(without_ages).collect(),
            gap: record.gap,
        };
        Self {
            region: record.region,
            commits: record.commits.as_slice().into(),
            stop: record.stop,
            certainties,
            seldom: (seldom != Seldom::default()).then(|| Box::new(seldom)),
            totals,
            wide,
        }
    }

    /// Bytes of memory that it takes behind itself.
    pub(super) fn memory(&self) -> usize {
        let seldom = self.seldom.as_deref().map_or(0, |seldom| {
            let changes = seldom.changes.iter().map(|change| change.knob.capacity() + change.value.capacity());
            size_of::<Seldom>()
                + changes.sum::<usize>()
                + size_of::<Change>() * seldom.changes.capacity()
                + size_of::<Edit>() * seldom.edits.capacity()
                + size_of::<usize>() * seldom.remasked.capacity()
                + size_of::<LayerUse>() * seldom.layers.capacity()
        });
        size_of_val(&*self.commits) + size_of_val(&*self.certainties) + self.wide.len() + seldom
    }

    /// Knob changes that this step was the first to use.
    pub fn changes(&self) -> &[Change] {
        self.seldom.as_deref().map_or(&[], |seldom| &seldom.changes)
    }

    /// What was changed by hand before this step, in that order.
    pub fn edits(&self) -> &[Edit] {
        self.seldom.as_deref().map_or(&[], |seldom| &seldom.edits)
    }

    /// Committed positions that this step masked again, ascending.
    pub fn remasked(&self) -> &[usize] {
        self.seldom.as_deref().map_or(&[], |seldom| &seldom.remasked)
    }

    /// What each layer computed, where layers differ; the ages of their rows are in [`super::Log::record`] alone.
    pub fn layers(&self) -> &[LayerUse] {
        self.seldom.as_deref().map_or(&[], |seldom| &seldom.layers)
    }

    /// How far the best tokens lead, where an early commit of everything waits for that.
    pub fn gap(&self) -> Option<Gap> {
        self.seldom.as_deref().and_then(|seldom| seldom.gap)
    }

    /// What wrote a position in this step.
    pub fn commit_at(&self, position: usize) -> Option<&Commit> {
        self.index_of(position).map(|at| &self.commits[at])
    }

    /// How certain the denoiser was of a position that this step wrote; `None` where it proposed nothing there.
    pub fn certainty_at(&self, position: usize) -> Option<Certainty> {
        self.index_of(position).and_then(|at| self.certainties[at])
    }

    fn index_of(&self, position: usize) -> Option<usize> {
        self.commits.binary_search_by_key(&position, |commit| commit.position).ok()
    }
}

/// Sums over the first steps of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Totals {
    pub(super) cost: Cost,
    pub(super) reviews: u32,
    pub(super) judged: u32,
    pub(super) accepted: u32,
    pub(super) forced: u32,
    /// Steps that a guide judged without deciding.
    pub(super) shadows: u32,
    /// Tokens written in them that it judged, and would have accepted.
    pub(super) shadow_judged: u32,
    pub(super) shadow_accepted: u32,
    pub(super) remasked: u32,
    pub(super) edited: u32,
    pub(super) audited: u32,
    pub(super) flips: u32,
    /// Sum of the divergences, nats.
    pub(super) kl: f64,
    pub(super) work: Work,
}

impl AddAssign<&StepRecord> for Totals {
    fn add_assign(&mut self, record: &StepRecord) {
        self.cost += record.cost;
        self.work += record;
        if let Some(review) = &record.guide {
            self.reviews += 1;
            self.accepted += review.accepted as u32;
            self.judged += review.drafts.iter().filter(|draft| draft.verdict != Verdict::NotReached).count() as u32;
            self.forced += u32::from(review.accepted == 0 && !review.drafts.is_empty());
        }
        if let Some(review) = &record.shadow {
            self.shadows += 1;
            for commit in &record.commits {
                let verdict = review.of(commit.position).map(|draft| draft.verdict);
                self.shadow_judged += u32::from(matches!(verdict, Some(Verdict::Agreed | Verdict::Rejected)));
                self.shadow_accepted += u32::from(verdict == Some(Verdict::Agreed));
            }
        }
        self.remasked += record.remasked.len() as u32;
        self.edited += record.commits.iter().filter(|commit| commit.reason == Reason::Edit).count() as u32;
        for audited in record.audit.iter().flat_map(|report| &report.positions) {
            self.audited += 1;
            self.flips += u32::from(audited.differs);
            self.kl += f64::from(audited.kl);
        }
    }
}

impl Sub for Totals {
    type Output = Self;

    /// What was added since `before`, the sums over fewer steps of the same run.
    fn sub(self, before: Self) -> Self {
        Self {
            cost: cost_between(before.cost, self.cost),
            reviews: self.reviews - before.reviews,
            judged: self.judged - before.judged,
            accepted: self.accepted - before.accepted,
            forced: self.forced - before.forced,
            shadows: self.shadows - before.shadows,
            shadow_judged: self.shadow_judged - before.shadow_judged,
            shadow_accepted: self.shadow_accepted - before.shadow_accepted,
            remasked: self.remasked - before.remasked,
            edited: self.edited - before.edited,
            audited: self.audited - before.audited,
            flips: self.flips - before.flips,
            kl: self.kl - before.kl,
            work: self.work - before.work,
        }
    }
}

/// What was added to a sum of costs.
pub(super) fn cost_between(before: Cost, after: Cost) -> Cost {
    Cost {
        nfe: after.nfe - before.nfe,
        guide_forwards: after.guide_forwards - before.guide_forwards,
        computed: after.computed - before.computed,
        reused: after.reused - before.reused,
        guide_computed: after.guide_computed - before.guide_computed,
        denoiser_us: after.denoiser_us - before.denoiser_us,
        guide_us: after.guide_us - before.guide_us,
        other_us: after.other_us - before.other_us,
        audit_forwards: after.audit_forwards - before.audit_forwards,
        audit_us: after.audit_us - before.audit_us,
        shadow_forwards: after.shadow_forwards - before.shadow_forwards,
        shadow_us: after.shadow_us - before.shadow_us,
    }
}
