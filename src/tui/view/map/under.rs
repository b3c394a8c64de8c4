//! What is under the cross-hair, in one line.

use ratatui::text::Span;

use crate::{
    printable,
    tui::{
        theme::{Role, Theme},
        view::{
            pen::{cut, span},
            run::RunView,
            step::{State, StepView},
        },
    },
};

/// The longest text of a token that is quoted whole.
const LONGEST: u16 = 16;

/// The shown step, the selected position and what it holds, in ever fewer words.
pub(super) fn of(run: &RunView<'_>, step: &StepView<'_>, theme: Theme) -> Vec<Vec<Span<'static>>> {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let mut at = vec![span("step ", dim), span(step.steps.to_string(), text)];
    let Some(position) = run.lens.selected.filter(|position| *position < step.length()) else {
        at.push(span(format!(" of {}", run.log.len()), dim));
        return vec![at];
    };
    at.extend([span(format!(" {} position ", theme.glyphs.dot), dim), span(position.to_string(), text)]);
    let (held, why) = held(step, position, theme);
    let brief = [at.clone(), held].concat();
    let whole = [brief.clone(), why].concat();
    vec![whole, brief, at]
}

/// What a position holds, and why.
fn held(step: &StepView<'_>, position: usize, theme: Theme) -> (Vec<Span<'static>>, Vec<Span<'static>>) {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let word = |words: String| span(format!("  {words}"), dim);
    let measure = |confidence: f32| span(format!("  {confidence:.3}"), theme.ink(theme.confidence(confidence)));
    match step.state(position) {
        State::Prompt => (vec![word("of the prompt".to_owned())], Vec::new()),
        State::Given => (vec![quoted(step, step.id(position), theme)], vec![word("given".to_owned())]),
        State::Masked if step.is_remasked(position) => {
            (vec![span("  masked again", theme.ink(theme.remasked()))], Vec::new())
        }
        State::Masked => match step.proposal(position) {
            Some(proposal) => {
                let draft = quoted(step, Some(proposal.token), theme);
                (vec![span("  draft", dim), draft, measure(proposal.confidence)], Vec::new())
            }
            None => (vec![span("  masked", text)], vec![word("not scored".to_owned())]),
        },
        State::Written { step: written, reason, confidence, fresh } => {
            let why = if fresh { String::new() } else { format!(" at step {written}") };
            let ink = theme.ink(theme.reason(reason));
            let why = vec![span(format!(" {}", reason.phrase()), ink), span(why, dim)];
            (vec![quoted(step, step.id(position), theme), measure(confidence)], why)
        }
    }
}

/// A token in quotation marks, as far as it can be seen; signs stand without.
fn quoted(step: &StepView<'_>, id: Option<u32>, theme: Theme) -> Span<'static> {
    let id = id.unwrap_or_default();
    let name = printable::line(&step.name(id, theme.glyphs.eos));
    let name = cut(&name, LONGEST, theme.glyphs.ellipsis);
    let name = if step.log.header().is_end(id) { format!("  {name}") } else { format!("  \"{}\"", name.trim()) };
    span(name, theme.style(Role::Strong))
}
