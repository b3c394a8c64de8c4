//! Slot 5, unmask: which candidates are committed when no guide decides.
//!
//! | file | rules |
//! |---|---|
//! | `fixed_rate.rs` | so many tokens per step: quota, Dream's time grid, alpha schedules |
//! | `confidence.rs` | by confidence: threshold, factor, LocalLeap |
//! | `dinfer.rs` | the same, as LLaDA2 and dInfer have it |
//! | `entropy.rs` | by entropy: dParallel's threshold, the EB-Sampler's bound |
//! | `frechet.rs` | by the confidence of all together: Fast-dLLM++ |
//! | `klass.rs` | by how far a distribution still moves: KLASS |
//! | `learned.rs` | by a trained filter: Learn2PD |
//! | `wino.rs` | generously, and taken back where in doubt: WINO |
//!
//! A rule is a value: it owns what it remembers from step to step, and says which settings it conflicts with. To add one,
//! write it in a file of its own, name it in [`rule`], and name its choice in `settings/knobs.rs`.
//!
//! Every rule commits at least one candidate, so that every run ends (Dream's origin rule and the first steps of its time
//! grid excepted: the grid itself ends). What an end-of-text rule put behind all others passes no test, and is committed
//! by rank alone, at last.

mod confidence;
mod dinfer;
mod entropy;
mod fixed_rate;
mod frechet;
mod klass;
mod learned;
mod wino;

pub(super) use fixed_rate::upcoming;

use dyn_clone::DynClone;

use super::{
    Limits,
    context::StepContext,
    filter::Filter,
    noise::{Purpose, gumbel},
    proposal::Candidate,
    record::{Commit, Reason},
};
use crate::settings::{GuideRule, OrderScore, Settings, UnmaskRule};

/// The rule of each choice, with nothing to remember yet.
pub(super) fn rule(choice: UnmaskRule) -> Box<dyn CommitRule> {
    match choice {
        UnmaskRule::Quota => Box::new(fixed_rate::Quota),
        UnmaskRule::Time => Box::new(fixed_rate::TimeGrid),
        UnmaskRule::Origin => Box::new(fixed_rate::DreamOrigin),
        UnmaskRule::Alpha => Box::new(fixed_rate::Alpha::default()),
        UnmaskRule::Threshold => Box::new(confidence::Threshold),
        UnmaskRule::ThresholdBudget => Box::new(confidence::ThresholdBudget),
        UnmaskRule::ThresholdFloor => Box::new(dinfer::ThresholdFloor),
        UnmaskRule::ThresholdTies => Box::new(dinfer::ThresholdTies),
        UnmaskRule::Hierarchy => Box::new(dinfer::Hierarchy),
        UnmaskRule::WideIn => Box::new(wino::WideIn),
        UnmaskRule::Filter => Box::new(learned::LearnedFilter),
        UnmaskRule::Factor => Box::new(confidence::Factor),
        UnmaskRule::Frechet => Box::new(frechet::Frechet),
        UnmaskRule::LocalLeap => Box::new(confidence::LocalLeap),
        UnmaskRule::EntropyThreshold => Box::new(entropy::EntropyThreshold),
        UnmaskRule::EntropyBound => Box::new(entropy::EntropyBound),
        UnmaskRule::Klass => Box::new(klass::Klass::default()),
    }
}

/// A rule: what it commits, what it needs for that, and what it does not go together with.
pub(super) trait CommitRule: Send + DynClone {
    /// What the step writes.
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta;

    /// Whether it needs scores of the block's committed positions, and from which rows.
    fn rescoring(&self, _settings: &Settings) -> Rescore {
        Rescore::No
    }

    /// What it needs of the rows of logits beside the best tokens and their probabilities.
    fn row_need(&self) -> RowNeed {
        RowNeed::Best
    }

    /// Shows it the row that the candidate is made from, where [`Self::row_need`] asks for whole rows; it may add to the
    /// candidate what is worth a record.
    fn observe(&mut self, _candidate: &mut Candidate, _row: &[f32]) {}

    /// A block was opened: what was remembered of the one before is void.
    fn open_block(&mut self) {}

    /// The tokens at `positions`, ascending, were changed by hand: what was remembered of them is void.
    fn edited(&mut self, _positions: &[usize]) {}

    /// The share of a run's `steps` that falls to the block of that index: evenly, the remainder to the first blocks.
    fn block_steps(&self, steps: usize, blocks: usize, block: usize) -> usize {
        steps / blocks + usize::from(block < steps % blocks)
    }

    /// Whether it asks how confident a proposal is, so that a random order would mean nothing.
    fn asks_confidence(&self) -> bool {
        false
    }

    /// Whether it paces itself by the steps of a block, whatever the settings say of steps.
    fn is_paced(&self) -> bool {
        false
    }

    /// Why its own knobs contradict each other, if they do.
    fn contradiction(&self, _settings: &Settings) -> Option<String> {
        None
    }

    /// Why it cannot work beside the other settings or within the limits, if so.
    fn conflict(&self, _settings: &Settings, _limits: &Limits) -> Option<String> {
        None
    }

    /// What it lacks to work at all, if it does.
    fn lacks(&self, _filter: Option<&Filter>) -> Option<String> {
        None
    }

    /// Bytes of memory that what it remembers takes, where that grows with the vocabulary.
    fn memory(&self) -> usize {
        0
    }
}

dyn_clone::clone_trait_object!(CommitRule);

/// What a rule sees of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'a> {
    /// Candidates at masked positions of the block, ascending.
    pub masked: &'a [Candidate],
    /// The block's committed positions, scored again, ascending; only where a rule asked for it.
    pub rescored: &'a [Rescored],
}

/// A committed position, scored again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rescored {
    /// What would be proposed there now.
    pub candidate: Candidate,
    /// The probability that the committed token has now.
    pub current_probability: f32,
}

/// Where the scores of committed positions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rescore {
    /// They are not needed.
    No,
    /// From the rows of the canvas itself, which see the token that they score.
    InPlace,
    /// From rows that do not see it (WINO).
    LeaveOneOut,
}

/// What is needed of the rows of logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowNeed {
    /// The best tokens and their probabilities.
    Best,
    /// Those, and the entropy of the network's own distribution.
    Entropy,
    /// Every logit.
    Whole,
}

/// What a step writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Delta {
    /// Tokens to write, ascending by position: into masks, or over committed tokens (edits).
    pub commits: Vec<Commit>,
    /// Committed positions that become masks again, ascending.
    pub remasked: Vec<usize>,
}

impl From<Vec<Commit>> for Delta {
    fn from(commits: Vec<Commit>) -> Self {
        Self { commits, remasked: Vec::new() }
    }
}

/// The rule that decided last. Another one starts with nothing to remember.
#[derive(Clone)]
pub(super) struct Unmask {
    choice: UnmaskRule,
    rule: Box<dyn CommitRule>,
}

impl Unmask {
    pub fn new(choice: UnmaskRule) -> Self {
        Self { choice, rule: rule(choice) }
    }

    /// Bytes of memory that what it remembers takes, where that grows with the vocabulary.
    pub fn memory(&self) -> usize {
        self.rule.memory()
    }

    /// A block was opened.
    pub fn open_block(&mut self) {
        self.rule.open_block();
    }

    /// The tokens at `positions` were changed by hand.
    pub fn edited(&mut self, positions: &[usize]) {
        self.rule.edited(positions);
    }

    /// Shows the rule the row that a masked position is proposed from, unless a guide decides.
    pub fn observe(&mut self, candidate: &mut Candidate, row: &[f32], settings: &Settings) {
        if settings.guide == GuideRule::Off {
            self.in_force(settings).observe(candidate, row);
        }
    }

    /// What the step writes.
    pub fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        let mut delta = self.in_force(context.settings).select(scored, context);
        delta.commits.sort_unstable_by_key(|commit| commit.position);
        delta
    }

    fn in_force(&mut self, settings: &Settings) -> &mut dyn CommitRule {
        if self.choice != settings.unmask {
            *self = Self::new(settings.unmask);
        }
        &mut *self.rule
    }
}

/// Why the rule's knobs contradict each other, or the order of the proposals, if they do.
pub(super) fn contradiction(settings: &Settings, _limits: &Limits) -> Option<String> {
    if settings.guide != GuideRule::Off {
        return None;
    }
    let rule = rule(settings.unmask);
    if rule.asks_confidence() && matches!(settings.order, OrderScore::Random | OrderScore::Drawn) {
        return Some(format!(
            "unmask '{}' commits what is sure, and order '{}' says nothing of that: set order to 'confidence', or \
             unmask to 'quota'",
            settings.unmask.word(),
            settings.order.word()
        ));
    }
    rule.contradiction(settings)
}

/// Why the rule does not go together with the other slots or the limits, if so.
pub(super) fn conflict(settings: &Settings, limits: &Limits) -> Option<String> {
    if settings.guide == GuideRule::Off { rule(settings.unmask).conflict(settings, limits) } else { None }
}

/// What the rule of the settings lacks to work at all, if it decides and lacks something.
pub(super) fn lacks(settings: &Settings, filter: Option<&Filter>) -> Option<String> {
    if settings.guide == GuideRule::Off { rule(settings.unmask).lacks(filter) } else { None }
}

/// All candidates, whatever the rule.
pub(super) fn everything(candidates: &[Candidate], reason: Reason) -> Vec<Commit> {
    candidates.iter().map(|candidate| candidate.commit(reason)).collect()
}

/// The best `count` candidates, each committed for `reason`.
pub(super) fn take<'a>(
    count: usize,
    reason: Reason,
    candidates: impl IntoIterator<Item = &'a Candidate>,
    context: StepContext<'_>,
) -> Vec<Commit> {
    best_first(candidates, context).into_iter().take(count).map(|candidate| candidate.commit(reason)).collect()
}

/// The best of the candidates, where nothing passed a test.
fn best(candidates: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
    take(1, Reason::BestOfStep, candidates, context)
}

/// The candidates by score, the best first and the leftmost among equals; or in an order drawn by score, where the order
/// has a temperature.
fn best_first<'a>(candidates: impl IntoIterator<Item = &'a Candidate>, context: StepContext<'_>) -> Vec<&'a Candidate> {
    let score = |candidate: &Candidate| match context.settings.order_temperature {
        // The `count` largest of score/T + Gumbel are a draw without replacement from softmax(score/T).
        Some(temperature) => {
            let uniform = context.noise.uniform(Purpose::Order, context.step, candidate.proposal.position);
            candidate.score / f64::from(temperature) + gumbel(uniform)
        }
        None => candidate.score,
    };
    let mut order: Vec<(f64, &Candidate)> =
        candidates.into_iter().map(|candidate| (score(candidate), candidate)).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    order.into_iter().map(|(_, candidate)| candidate).collect()
}
