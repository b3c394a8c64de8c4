//! End of text before its time: what lies behind it is taken out of the work while masks left of it are still denoised.
//!
//! Elastic-Cache (arXiv 2510.14973) does so behind the first end of text that is committed. So does
//! EoTP, early stop by end-of-text prediction (Learn2PD, arXiv 2509.25188), as its paper has it; its released code also
//! cuts behind an end of text that is merely proposed, at any masked position. The knob chooses between them, and says how
//! confident a proposal must be (the released code asks for nothing).

use super::super::{
    Limits,
    canvas::Canvas,
    proposal::Candidate,
    record::{Commit, Reason},
};
use crate::settings::{EosStop, Settings};

/// Cuts the canvas where the settings ask for it, and fills what is cut off; the fill replaces commits of the step that
/// lie there. A text ends with any of `ends`, and is filled with `eos`. `proposed` holds every masked position that the
/// step scored, before its commits. Returns whether the canvas is cut, by this step or an earlier one.
pub(in crate::decode) fn end_of_text(
    canvas: &mut Canvas,
    proposed: &[Candidate],
    commits: &mut Vec<Commit>,
    settings: &Settings,
    eos: u32,
    ends: &[u32],
) -> bool {
    let committed = canvas.end_of_text(ends);
    let end = match settings.eos_stop {
        EosStop::Cut => committed,
        EosStop::Predicted => committed.into_iter().chain(predicted(proposed, commits, settings, eos)).min(),
        EosStop::Off | EosStop::Prefix | EosStop::Block => None,
    }
    .map(|position| position + 1)
    .filter(|end| *end < canvas.live());
    if let Some(end) = end {
        canvas.cut(end);
        // Where end of text is only proposed, something else may come to stand there: nothing must follow it then.
        let clears = settings.eos_stop == EosStop::Predicted;
        if clears {
            for commit in commits.extract_if(.., |commit| commit.position >= end) {
                canvas.remask(commit.position);
            }
        }
        for position in end..canvas.len() {
            let is_cleared = clears && canvas.ids()[position] != eos && !canvas.is_pinned(position);
            if canvas.is_masked(position) || is_cleared {
                canvas.write(position, eos);
                commits.push(Commit { position, token: eos, confidence: 0.0, reason: Reason::EndOfText });
            }
        }
    }
    canvas.live() < canvas.len()
}

/// Where end of text is proposed: the first that a filter took for final, else the surest.
fn predicted(proposed: &[Candidate], commits: &[Commit], settings: &Settings, eos: u32) -> Option<usize> {
    let taken = commits.iter().find(|commit| commit.reason == Reason::Filter && commit.token == eos);
    if let Some(commit) = taken {
        return Some(commit.position);
    }
    let mut surest: Option<(f32, usize)> = None;
    for proposal in proposed.iter().map(|candidate| &candidate.proposal).filter(|proposal| proposal.token == eos) {
        if proposal.confidence >= settings.eos_confidence && surest.is_none_or(|(most, _)| proposal.confidence > most) {
            surest = Some((proposal.confidence, proposal.position));
        }
    }
    surest.map(|(_, position)| position)
}

/// Why a cut at a proposed end of text does not go together with what holds it back, if so.
pub(in crate::decode) fn conflict(settings: &Settings, _limits: &Limits) -> Option<String> {
    (settings.eos_stop == EosStop::Predicted && settings.eos_last).then(|| {
        "eos-last holds end of text back until the rest is written, and eos-stop 'predicted' acts on its first \
         proposal: set eos-last to 'off', or eos-stop to 'cut'"
            .to_owned()
    })
}
