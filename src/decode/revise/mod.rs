//! Slot 4, revise: what becomes of committed tokens of the block.
//!
//! Two methods: LLaDA2.1 overwrites them where the denoiser has become sure of another token (`edit.rs`), ReMDM masks the
//! least sure again (`remdm.rs`). (WINO takes back what it wrote itself, see `unmask/wino.rs`.) Both may keep a block open
//! that has no mask left, for a bounded number of steps; such steps are revisions, which the step budget does not count.

mod edit;
mod remdm;

use super::{
    moment::StepContext,
    record::Commit,
    unmask::{Rescore, Scored},
};
use crate::settings::Revision;

/// The method, with what it remembers of the block.
#[derive(Debug, Clone, Default)]
pub(super) struct Reviser {
    edit: edit::Edit,
    remdm: remdm::Remask,
    /// Steps of the run that only revised.
    revisions: usize,
}

impl Reviser {
    /// A block was opened.
    pub fn open_block(&mut self) {
        self.edit = edit::Edit::default();
        self.remdm = remdm::Remask::default();
    }

    /// Steps so far that only revised.
    pub fn revisions(&self) -> usize {
        self.revisions
    }

    /// A step begins: which committed positions are masked again before its forward, ascending.
    pub fn begin(&mut self, moment: StepContext<'_>) -> Vec<usize> {
        let method = moment.settings.revise;
        let remasked = if method == Revision::Remask { self.remdm.begin(moment) } else { Vec::new() };
        let only_revises = !remasked.is_empty() || method == Revision::Edit && moment.masked_in_block() == 0;
        self.revisions += usize::from(only_revises);
        remasked
    }

    /// Whether scores of the block's committed positions are needed, and whose.
    #[expect(clippy::unused_self, reason = "asked of every slot in the same way")]
    pub fn needs_standing(&self, moment: StepContext<'_>) -> Rescore {
        if moment.settings.revise == Revision::Edit { Rescore::Canvas } else { Rescore::Nowhere }
    }

    /// What a step that masked something again commits, in place of what the unmask rule would; `None` in other steps.
    pub fn select(&self, scored: Scored<'_>, moment: StepContext<'_>) -> Option<Vec<Commit>> {
        (moment.settings.revise == Revision::Remask).then(|| self.remdm.select(scored, moment)).flatten()
    }

    /// Which committed tokens the step overwrites.
    pub fn edits(&mut self, scored: Scored<'_>, moment: StepContext<'_>) -> Vec<Commit> {
        if moment.settings.revise == Revision::Edit { self.edit.edits(scored, moment) } else { Vec::new() }
    }

    /// A step is written. Returns whether it counts as one of the block's planned steps.
    pub fn written(&mut self, commits: &[Commit]) -> bool {
        self.remdm.written(commits)
    }

    /// Whether the block stays open though nothing in it is masked.
    pub fn holds(&self, moment: StepContext<'_>) -> bool {
        match moment.settings.revise {
            Revision::Off => false,
            Revision::Edit => self.edit.holds(moment),
            Revision::Remask => self.remdm.holds(moment),
        }
    }
}
