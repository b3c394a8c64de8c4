//! What the steps of a column did.

use std::ops::{AddAssign, Range};

use crate::{
    decode::record::Reason,
    trace::{Figures, Log},
    tui::{
        theme::Tone,
        view::{
            caption::{counted_as, is_scored},
            pen::Pen,
        },
    },
};

/// How many tokens were written for each reason.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReasonCounts([usize; Reason::ALL.len()]);

impl ReasonCounts {
    /// How many for this one.
    pub(super) fn of(&self, reason: Reason) -> usize {
        self.0[reason as usize]
    }
}

impl AddAssign for ReasonCounts {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }
}

/// What the steps of a column did.
#[derive(Debug, Clone, Default)]
pub(in crate::tui::view) struct Column {
    /// Indexes of the steps.
    pub(super) steps: Range<usize>,
    pub(super) counts: ReasonCounts,
    /// What the steps cost, and what guide and audit said; nothing of the canvas.
    pub(super) figures: Figures,
    /// Sum over the tokens whose confidence says something, and their number.
    confidence: (f32, usize),
    pub(super) changed: bool,
    pub(super) edited: bool,
    pub(super) remasked: bool,
    pub(super) descent: Descent,
}

/// Whose the steps of a column are, in a fork.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Descent {
    /// The run's own.
    #[default]
    Own,
    /// Its parent's.
    Inherited,
    /// The last one of the parent is among them.
    Branching,
}

impl Descent {
    fn of(inherited: usize, steps: &Range<usize>) -> Self {
        match inherited {
            0 => Self::Own,
            inherited if steps.contains(&(inherited - 1)) => Self::Branching,
            inherited if steps.end <= inherited => Self::Inherited,
            _ => Self::Own,
        }
    }
}

impl Column {
    /// Of the steps at these indexes.
    pub(in crate::tui::view) fn of(log: &Log, steps: Range<usize>) -> Self {
        let header = log.header();
        let mut column = Self {
            descent: Descent::of(header.inherited(), &steps),
            figures: Figures::of_steps(log, steps.start, steps.end),
            steps: steps.clone(),
            ..Self::default()
        };
        for step in log.steps().get(steps).unwrap_or_default() {
            column.changed |= !step.changes().is_empty();
            column.edited |= !step.edits().is_empty();
            column.remasked |= !step.remasked().is_empty();
            for commit in &step.commits {
                let reason = counted_as(header, commit);
                column.counts.0[reason as usize] += 1;
                if reason != Reason::EndOfText && is_scored(commit) {
                    column.confidence.0 += commit.confidence;
                    column.confidence.1 += 1;
                }
            }
        }
        column
    }

    /// Whether the step that is shown is one of them.
    pub(super) fn holds(&self, shown: usize) -> bool {
        shown.checked_sub(1).is_some_and(|index| self.steps.contains(&index))
    }

    /// A colour for it: paler where its steps are still to come, or another run's.
    pub(super) fn shade(&self, tone: Tone, is_done: bool, pen: &Pen<'_>) -> Tone {
        match (is_done, self.descent) {
            (false, _) => pen.theme.pale(tone, 0.6),
            (true, Descent::Inherited | Descent::Branching) => pen.theme.pale(tone, 0.4),
            (true, Descent::Own) => tone,
        }
    }

    /// Whether it is drawn fainter, for one of these reasons.
    pub(super) fn is_faint(&self, is_done: bool) -> bool {
        !is_done || self.descent != Descent::Own
    }

    /// Tokens but for end of text, which would dwarf all else.
    pub(in crate::tui::view) fn height(&self) -> usize {
        self.counts.0.iter().sum::<usize>() - self.counts.of(Reason::EndOfText)
    }

    /// Mean confidence of what was written, 0 to 1; `None` where it says nothing.
    pub(super) fn confidence(&self) -> Option<f32> {
        let (sum, count) = self.confidence;
        let mean = sum / count as f32;
        (count > 0).then(|| if mean.is_finite() { mean.clamp(0.0, 1.0) } else { 0.0 })
    }
}
