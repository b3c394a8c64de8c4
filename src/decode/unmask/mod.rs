//! Slot 5, unmask: which candidates are committed when no guide decides.
//!
//! | file | rules |
//! |---|---|
//! | `pace.rs` | so many tokens per step: quota, Dream's time grid, alpha schedules |
//! | `sure.rs` | by confidence: threshold, factor, LocalLeap |
//! | `dinfer.rs` | the same, as LLaDA2 and dInfer have it |
//! | `entropy.rs` | by entropy: dParallel's threshold, the EB-Sampler's bound |
//! | `klass.rs` | by how far a distribution still moves: KLASS |
//! | `learned.rs` | by a trained filter: Learn2PD |
//! | `wino.rs` | generously, and taken back where in doubt: WINO |
//!
//! Every rule commits at least one candidate, so that a run always gets on (Dream's origin rule and the first steps of
//! its time grid excepted: the grid itself ends). What an end-of-text rule put behind all others passes no test, and is
//! committed by rank alone, at last.

mod dinfer;
mod entropy;
mod klass;
mod learned;
mod pace;
mod sure;
mod wino;

pub(super) use pace::upcoming;

use super::{
    filter::Filter,
    moment::StepContext,
    noise::{Purpose, gumbel},
    proposal::Candidate,
    record::{Commit, Reason},
};
use crate::settings::{GuideRule, UnmaskRule};

/// What a rule sees of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'a> {
    /// Candidates at masked positions of the block, ascending.
    pub masked: &'a [Candidate],
    /// What is thought of the committed positions of the block, ascending; only where a rule asked for it.
    pub standing: &'a [Rescored],
}

/// A committed position, scored again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rescored {
    /// What would be proposed there now.
    pub candidate: Candidate,
    /// The probability of the token that stands there.
    pub held: f32,
}

/// Where the scores of committed positions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rescore {
    /// Nobody asks for them.
    Nowhere,
    /// From the rows of the canvas itself, which see the token that they speak of.
    Canvas,
    /// From a shadow block, whose rows do not see it (WINO).
    Shadow,
}

/// What a step writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Delta {
    /// Tokens to write, ascending by position: into masks, or over committed tokens (edits).
    pub commits: Vec<Commit>,
    /// Committed positions that become masks again, ascending.
    pub remasked: Vec<usize>,
}

/// The rule, with what it remembers from step to step.
#[derive(Debug, Clone, Default)]
pub(super) struct Unmask {
    /// What tells final proposals from others, for the rule that asks it.
    pub filter: Option<Filter>,
    alpha: pace::Alpha,
    motion: klass::KlHistory,
}

impl Unmask {
    /// Whether the rule in force needs scores of the block's committed positions, and whose.
    #[expect(clippy::unused_self, reason = "rules that revise their commits remember them")]
    pub fn needs_standing(&self, moment: StepContext<'_>) -> Rescore {
        match moment.settings.unmask {
            UnmaskRule::Filter => Rescore::Canvas,
            UnmaskRule::WideIn if moment.settings.narrow_out > 0.0 => Rescore::Shadow,
            _ => Rescore::Nowhere,
        }
    }

    /// A block was opened: what was remembered of the one before is void.
    pub fn open_block(&mut self) {
        self.alpha = pace::Alpha::default();
    }

    /// Shows the rule the row that a masked position is proposed from; `proposal` takes what is worth telling of it.
    pub fn observe(&mut self, candidate: &mut Candidate, row: &[f32], moment: StepContext<'_>) {
        let settings = moment.settings;
        if settings.unmask == UnmaskRule::Klass && settings.guide == GuideRule::Off {
            candidate.proposal.moved = self.motion.observe(candidate.proposal.position, row);
        }
    }

    /// What the step writes.
    pub fn select(&mut self, scored: Scored<'_>, moment: StepContext<'_>) -> Delta {
        let candidates = scored.masked;
        let mut remasked = Vec::new();
        let mut commits = match (moment.settings.unmask, &self.filter) {
            (UnmaskRule::Filter, Some(filter)) => learned::select(filter, scored, moment),
            // Without a filter, what is left of its rule is the quota.
            (UnmaskRule::Quota | UnmaskRule::Filter, _) => take(pace::quota(moment), Reason::Quota, candidates, moment),
            (UnmaskRule::Time, _) => take(pace::time_count(moment), Reason::Quota, candidates, moment),
            (UnmaskRule::Origin, _) => pace::origin(candidates, moment),
            (UnmaskRule::Alpha, _) => take(self.alpha.count(moment), Reason::Quota, candidates, moment),
            (UnmaskRule::Threshold, _) => sure::threshold(candidates, usize::MAX, moment),
            (UnmaskRule::ThresholdBudget, _) => sure::threshold(candidates, pace::budget(moment), moment),
            (UnmaskRule::ThresholdFloor, _) => dinfer::above_or_quota(candidates, moment),
            (UnmaskRule::ThresholdTies, _) => dinfer::with_ties(candidates, moment),
            (UnmaskRule::Hierarchy, _) => dinfer::by_runs(candidates, moment),
            (UnmaskRule::WideIn, _) => {
                let delta = wino::select(scored, moment);
                remasked = delta.remasked;
                delta.commits
            }
            (UnmaskRule::Factor, _) => sure::factor(candidates, moment),
            (UnmaskRule::LocalLeap, _) => sure::local_leap(candidates, moment),
            (UnmaskRule::EntropyThreshold, _) => entropy::threshold(candidates, moment),
            (UnmaskRule::EntropyBound, _) => entropy::bound(candidates, moment),
            (UnmaskRule::Klass, _) => self.motion.select(candidates, moment),
        };
        commits.sort_unstable_by_key(|commit| commit.position);
        if moment.settings.unmask != UnmaskRule::Klass {
            self.motion = klass::KlHistory::default();
        }
        Delta { commits, remasked }
    }
}

/// All candidates, whatever the rule.
pub(super) fn everything(candidates: &[Candidate], reason: Reason) -> Delta {
    Delta { commits: candidates.iter().map(|candidate| candidate.commit(reason)).collect(), remasked: Vec::new() }
}

/// The best `count` candidates, each committed for `reason`.
pub(super) fn take<'a>(
    count: usize,
    reason: Reason,
    candidates: impl IntoIterator<Item = &'a Candidate>,
    moment: StepContext<'_>,
) -> Vec<Commit> {
    best_first(candidates, moment).into_iter().take(count).map(|candidate| candidate.commit(reason)).collect()
}

/// The best of the candidates, where nothing passed a test.
fn best(candidates: &[Candidate], moment: StepContext<'_>) -> Vec<Commit> {
    take(1, Reason::BestOfStep, candidates, moment)
}

/// The candidates by score, the best first and the leftmost among equals; or in an order drawn by score, where the order
/// has a temperature.
fn best_first<'a>(candidates: impl IntoIterator<Item = &'a Candidate>, moment: StepContext<'_>) -> Vec<&'a Candidate> {
    let score = |candidate: &Candidate| match moment.settings.order_temperature {
        // The `count` largest of score/T + Gumbel are a draw without replacement from softmax(score/T).
        Some(temperature) => {
            let uniform = moment.noise.uniform(Purpose::Order, moment.step, candidate.proposal.position);
            candidate.score / f64::from(temperature) + gumbel(uniform)
        }
        None => candidate.score,
    };
    let mut order: Vec<(f64, &Candidate)> =
        candidates.into_iter().map(|candidate| (score(candidate), candidate)).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    order.into_iter().map(|(_, candidate)| candidate).collect()
}
