//! Slot 4, revise: what becomes of committed tokens of the block.
//!
//! Two methods: LLaDA2.1 overwrites them where the denoiser is confident of another token (`edit.rs`), ReMDM masks the
//! least confident again (`remdm.rs`). (WINO takes back what it wrote itself, see `unmask/wino.rs`.) Both may keep a block open
//! that has no mask left, for a bounded number of steps; such steps are revisions, which the step budget does not count.

mod edit;
mod remdm;

use super::{
    Limits, cache,
    context::StepContext,
    record::Commit,
    unmask::{Rescore, Scored},
};
use crate::settings::{GuideRule, Revision, ScheduleChoice, Settings, UnmaskRule};

/// The method, with what it remembers of the block.
#[derive(Debug, Clone, Default)]
pub(super) struct Reviser {
    edit: edit::TokenEdits,
    remdm: remdm::Remask,
    /// Steps of the run that only revised.
    revisions: usize,
}

impl Reviser {
    /// A block was opened.
    pub fn open_block(&mut self) {
        self.edit = edit::TokenEdits::default();
        self.remdm = remdm::Remask::default();
    }

    /// The tokens at `positions`, ascending, were changed by hand: a token that was written there is none to take back, and
    /// others may be revised because of it.
    pub fn edited(&mut self, positions: &[usize]) {
        self.edit = edit::TokenEdits::default();
        self.remdm.edited(positions);
    }

    /// Steps so far that only revised.
    pub fn revisions(&self) -> usize {
        self.revisions
    }

    /// A step begins: which committed positions are masked again before its pass, ascending.
    pub fn begin(&mut self, context: StepContext<'_>) -> Vec<usize> {
        let method = context.settings.revise;
        let remasked = if method == Revision::Remask { self.remdm.begin(context) } else { Vec::new() };
        let only_revises = !remasked.is_empty() || method == Revision::Edit && context.masked_in_block() == 0;
        self.revisions += usize::from(only_revises);
        remasked
    }

    /// What a step that masked something again commits, in place of what the unmask rule would; `None` in other steps.
    pub fn select(&self, scored: Scored<'_>, context: StepContext<'_>) -> Option<Vec<Commit>> {
        (context.settings.revise == Revision::Remask).then(|| self.remdm.select(scored, context)).flatten()
    }

    /// Which committed tokens the step overwrites.
    pub fn edits(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Vec<Commit> {
        if context.settings.revise == Revision::Edit { self.edit.edits(scored, context) } else { Vec::new() }
    }

    /// A step is written. Returns whether it counts as one of the block's planned steps.
    pub fn written(&mut self, commits: &[Commit]) -> bool {
        self.remdm.written(commits)
    }

    /// Whether the block stays open though nothing in it is masked.
    pub fn holds(&self, context: StepContext<'_>) -> bool {
        match context.settings.revise {
            Revision::Off => false,
            Revision::Edit => self.edit.holds(context),
            Revision::Remask => self.remdm.holds(context),
        }
    }
}

/// Whether revisions need scores of the block's committed positions, and from which rows.
pub(super) fn rescoring(settings: &Settings) -> Rescore {
    if settings.revise == Revision::Edit { Rescore::InPlace } else { Rescore::No }
}

/// Why revisions do not go together with the other slots, if so.
pub(super) fn conflict(settings: &Settings, _limits: &Limits) -> Option<String> {
    if settings.revise == Revision::Off {
        return None;
    }
    let word = settings.revise.word();
    if settings.guide != GuideRule::Off {
        return Some(format!(
            "revise '{word}' goes back to committed tokens, and guide '{}' commits from left to right for good: set \
             guide or revise to 'off'",
            settings.guide.word()
        ));
    }
    if settings.unmask == UnmaskRule::WideIn {
        return Some(format!(
            "unmask 'wino' takes its own tokens back, so that revise '{word}' has nothing to add: set revise to \
             'off', or choose another unmask rule"
        ));
    }
    if settings.revise == Revision::Remask && settings.unmask != UnmaskRule::Quota {
        return Some(format!(
            "revise 'remdm' puts its steps into a schedule that counts tokens, and unmask is '{}': set unmask to \
             'quota', or revise to 'off'",
            settings.unmask.word()
        ));
    }
    if settings.schedule == ScheduleChoice::Leftmost {
        return Some(format!(
            "revise '{word}' goes back within a block, and schedule 'leftmost' has none: set schedule to 'blocks', or \
             revise to 'off'"
        ));
    }
    (!cache::policy(settings.cache).allows().revision).then(|| {
        format!(
            "revise '{word}' goes back to tokens that cache '{}' may never compute again: set cache to 'off', or \
             revise to 'off'",
            settings.cache.word()
        )
    })
}
