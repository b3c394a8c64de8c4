//! Early commit of everything (Prophet, arXiv 2508.19982, released `generate_earlyexit.py`): the answer is often settled
//! long before the schedule ends, and shows it by the gap between its two best logits.
//!
//! The mean gap is taken over the masks of an answer span, of the block or of the canvas. Once it reaches what the phase
//! of the run asks for, every mask that is scored is committed; where a cache left masks out of the step, those of the
//! next steps follow as they are scored. Committed positions of the span are left out of the mean, because a network
//! that sees a token is confident of it; the released code measures them too (`answer-committed`). Its forced tokens are not
//! offered: a knob has no list of tokens.

use std::ops::Range;

use crate::{
    decode::{Limits, context::StepContext, proposal::Candidate, record::Gap, unmask::Rescored},
    settings::{EarlyCommit, GuideRule, Settings},
};

/// Whether the gap was wide enough, in this step or before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::decode) struct Early {
    settled: bool,
}

impl Early {
    /// Whether the row of the committed `position` is needed for the gap.
    pub fn needs(position: usize, context: StepContext<'_>) -> bool {
        let settings = context.settings;
        settings.early_commit == EarlyCommit::Answer
            && settings.answer_committed
            && span(context).contains(&position)
            && position >= context.canvas.prompt()
    }

    /// Measures the gap; `None` where it is not watched, where there is nothing to measure, or where a position of the
    /// span was not scored.
    pub fn measure(&mut self, masked: &[Candidate], rescored: &[Rescored], context: StepContext<'_>) -> Option<Gap> {
        if context.settings.early_commit == EarlyCommit::Off {
            self.settled = false;
            return None;
        }
        let span = span(context);
        let is_measured = |position: &usize| context.canvas.is_masked(*position) || Self::needs(*position, context);
        let measured = span.clone().filter(is_measured).count();
        let needed = |candidate: &&Candidate| Self::needs(candidate.proposal.position, context);
        let gaps: Vec<f64> = masked
            .iter()
            .chain(rescored.iter().map(|rescored| &rescored.candidate).filter(needed))
            .filter(|candidate| span.contains(&candidate.proposal.position))
            .map(|candidate| candidate.gap)
            .collect();
        if gaps.is_empty() || gaps.len() < measured {
            return None;
        }
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let asked = asked(context);
        self.settled |= mean >= f64::from(asked);
        let mean = mean.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        Some(Gap { mean, needed: asked, positions: gaps.len() })
    }

    /// The canvas was changed by hand: what was settled may be open again.
    pub fn edited(&mut self) {
        self.settled = false;
    }

    /// Whether everything that is scored is committed.
    pub fn is_settled(self) -> bool {
        self.settled
    }
}

/// Where the gap is measured.
fn span(context: StepContext<'_>) -> Range<usize> {
    let (settings, canvas) = (context.settings, context.canvas);
    match settings.early_commit {
        EarlyCommit::Off => 0..0,
        EarlyCommit::Answer => {
            let length = settings.answer_length.min(canvas.generated());
            let before = settings.answer_start.unwrap_or(canvas.generated() - length);
            let start = canvas.prompt() + before;
            start.min(canvas.len())..(start + length).min(canvas.len())
        }
        EarlyCommit::Block => {
            let region = context.schedule.region();
            region.start..region.end
        }
        EarlyCommit::Canvas => canvas.prompt()..canvas.len(),
    }
}

/// The gap that the phase of the run asks for.
fn asked(context: StepContext<'_>) -> f32 {
    let settings = context.settings;
    let progress = progress(context);
    if progress < settings.phase_mid {
        settings.gap_early
    } else if progress < settings.phase_late {
        settings.gap_mid
    } else {
        settings.gap_late
    }
}

/// How far the run is after this step: by steps where the rule counts them; else by tokens, this step's counted as one.
fn progress(context: StepContext<'_>) -> f32 {
    let (settings, canvas) = (context.settings, context.canvas);
    let generated = canvas.generated();
    if settings.unmask.counts_steps() {
        let steps = settings.steps.unwrap_or_else(|| generated.div_ceil(settings.tokens_per_step));
        return (context.step + 1) as f32 / steps as f32;
    }
    let committed = generated - canvas.masked(canvas.prompt()..canvas.len()).count();
    (committed + 1) as f32 / generated as f32
}

/// Why an early commit does not go together with the guide, or its knobs with each other or the canvas, if so.
pub(in crate::decode) fn conflict(settings: &Settings, limits: &Limits) -> Option<String> {
    if settings.early_commit == EarlyCommit::Off {
        return None;
    }
    if settings.guide != GuideRule::Off {
        return Some(format!(
            "early-commit '{}' commits without asking anybody, and guide is '{}': set one of them to 'off'",
            settings.early_commit.word(),
            settings.guide.word()
        ));
    }
    // As released, an answer that reaches beyond the canvas is cut at its end.
    let start = settings.answer_start.unwrap_or(0);
    if settings.early_commit == EarlyCommit::Answer && start >= limits.gen_length {
        return Some(format!(
            "answer-start {start} lies behind a gen-length of {}: choose at most {}, or 'end'",
            limits.gen_length,
            limits.gen_length.saturating_sub(1)
        ));
    }
    (settings.phase_mid > settings.phase_late).then(|| {
        format!(
            "phase-mid {} lies behind phase-late {}: choose at most {}",
            settings.phase_mid, settings.phase_late, settings.phase_late
        )
    })
}
