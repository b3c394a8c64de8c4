//! What colours and marks mean: one line under the canvas, and all of it in an overlay.

use ratatui::{
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{
    looks,
    pen::{Pen, span, width},
    step::StepView,
};
use crate::{
    decode::record::{KvStatus, Reason, Verdict},
    settings::GuideRule,
    tui::{
        action::{Action, Layer},
        app::App,
        theme::{Role, Theme, kv_mark, verdict_mark},
    },
};

const STATUSES: [(KvStatus, &str, &str); 4] = [
    (KvStatus::Recomputed, "recomputed", "K/V computed anew in this step"),
    (KvStatus::Reused, "reused", "K/V of an earlier step; paler the older"),
    (KvStatus::Stale, "stale", "reused, but written while another token stood there"),
    (KvStatus::Dropped, "dropped", "not attended to at all"),
];

const VERDICTS: [(Verdict, &str, &str); 5] = [
    (Verdict::Agreed, "agreed", "the guide accepts the draft"),
    (Verdict::Rejected, "rejected", "the first draft that it does not accept"),
    (Verdict::Forced, "forced", "nothing accepted: the first draft is written all the same"),
    (Verdict::Replaced, "replaced", "the guide's own token is written in its place"),
    (Verdict::NotReached, "not reached", "behind the first rejection: not judged"),
];

/// One line for the active layer, as much of it as fits; where the layer has nothing to show, why, and what would give
/// it something.
pub(super) fn compact(app: &App, view: &StepView<'_>, pen: &Pen<'_>, cells: u16) -> Line<'static> {
    let faint = pen.style(Role::Faint);
    if let Some(absence) = absence(app, view) {
        return Line::from(span(absence, pen.style(Role::Note)));
    }
    let scale_cells = if cells >= 44 { 12 } else { 6 };
    let mut items: Vec<Vec<Span<'static>>> = match app.lens.layer {
        Layer::Confidence => {
            let mut scale = vec![span("confidence 0 ", faint)];
            scale.extend(gradient(pen.theme, scale_cells));
            scale.push(span(" 1", faint));
            vec![scale, vec![span("draft", draft_style(pen.theme))], vec![span(" new ", fresh_style(pen.theme))]]
        }
        Layer::Cache => STATUSES
            .iter()
            .map(|(status, name, _)| {
                vec![span(*name, pen.theme.ink(pen.theme.kv(*status, 0)).add_modifier(kv_mark(*status)))]
            })
            .collect(),
        Layer::Guide => VERDICTS
            .iter()
            .map(|(verdict, name, _)| {
                vec![span(*name, pen.theme.ink(pen.theme.verdict(*verdict)).add_modifier(verdict_mark(*verdict)))]
            })
            .collect(),
        Layer::Audit => {
            let mut scale = vec![span(if cells >= 44 { "far from the truth " } else { "far " }, faint)];
            scale.extend(gradient(pen.theme, scale_cells));
            scale.push(span(" true", faint));
            let mut items = vec![scale, vec![span("another token", pen.style(Role::Text).add_modifier(looks::FLIP))]];
            if let Some((_, made)) = view.audit().filter(|(_, made)| *made != view.steps) {
                items.insert(0, vec![span(format!("audit of step {made}"), pen.style(Role::Note))]);
            }
            items
        }
    };
    items.push(vec![span(format!("{} end of text", pen.theme.glyphs.eos), faint)]);
    let mut line = Vec::new();
    let mut used = 0;
    for item in items {
        let item_width: u16 = item.iter().map(|span| width(&span.content)).sum();
        let gap = if line.is_empty() { 0 } else { 3 };
        if used + gap + item_width > cells {
            break;
        }
        if gap > 0 {
            line.push(span("   ", faint));
        }
        used += gap + item_width;
        line.extend(item);
    }
    Line::from(line)
}

/// Why the layer has nothing to show at this step, and what would give it something; short enough for half a screen.
fn absence(app: &App, view: &StepView<'_>) -> Option<String> {
    let layer = app.lens.layer;
    if view.record.is_none() {
        return (layer != Layer::Confidence).then(|| format!("the {} layer begins with step 1", layer.name()));
    }
    let settings = view.log.settings_at(view.steps);
    let words = match layer {
        Layer::Confidence | Layer::Cache => return None,
        Layer::Guide if view.has_reviews() => return None,
        Layer::Guide if settings.guide != GuideRule::Off => "the guide has judged nothing yet",
        Layer::Guide if app.is_replay() => "recorded without a guide",
        Layer::Guide => "no guide here: preset flashdlm has one",
        Layer::Audit if view.audit().is_some() => return None,
        Layer::Audit if settings.audit.is_some() => "audited: no cache has changed anything",
        Layer::Audit if app.is_replay() => "recorded without an audit",
        Layer::Audit => "not audited so far: A audits each step",
    };
    Some(words.to_owned())
}

/// The scale of confidence in so many cells.
fn gradient(theme: Theme, cells: u16) -> Vec<Span<'static>> {
    let glyphs = theme.glyphs;
    (0..cells)
        .map(|cell| {
            let confidence = f32::from(cell) / f32::from(cells - 1);
            // Without colours the bars themselves rise.
            let glyph = if theme.has_colour() {
                glyphs.rising[5]
            } else {
                glyphs.rising[usize::from(cell) * 8 / usize::from(cells)]
            };
            let doubt = if confidence < looks::SURE { Modifier::UNDERLINED } else { Modifier::empty() };
            let mark = if theme.has_colour() { Modifier::empty() } else { doubt };
            span(glyph, theme.ink(theme.confidence(confidence)).add_modifier(mark))
        })
        .collect()
}

fn draft_style(theme: Theme) -> Style {
    looks::slab(theme, theme.confidence(0.6), 0.6)
}

fn fresh_style(theme: Theme) -> Style {
    looks::lit(theme, theme.confidence(1.0))
}

/// The whole legend.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let lines = lines(app, pen.theme);
    let (wide, high) = (78.min(area.width), (lines.len() as u16 + 2).min(area.height));
    let frame =
        Rect { x: area.x + (area.width - wide) / 2, y: area.y + (area.height - high) / 2, width: wide, height: high };
    let hidden = lines.len().saturating_sub(usize::from(high.saturating_sub(2)));
    let foot = if hidden > 0 { " down scrolls, esc closes " } else { " esc closes " };
    let inner = pen.frame(frame, "legend", &Line::from(span(foot, pen.style(Role::Faint))));
    pen.wheel(frame, Action::ListMove(-1), Action::ListMove(1));
    for (line, y) in lines.iter().skip(app.list.min(hidden)).zip(inner.top()..inner.bottom()) {
        pen.line(Rect { y, height: 1, ..inner }, line);
    }
}

/// Number of lines of the legend.
pub fn line_count(app: &App) -> usize {
    lines(app, app.theme).len()
}

fn lines(app: &App, theme: Theme) -> Vec<Line<'static>> {
    let (dim, faint, text) = (theme.style(Role::Dim), theme.style(Role::Faint), theme.style(Role::Text));
    let glyphs = theme.glyphs;
    let heading = |layer: Layer, key: &str| {
        let active = layer == app.lens.layer;
        let style = theme.style(if active { Role::TitleFocused } else { Role::Strong });
        let now = if active { "  shown now" } else { "" };
        Line::from(vec![span(format!("{key} {}", layer.name()), style), span(now, faint)])
    };
    let entry = |mark: Span<'static>, meaning: &str| {
        let pad = 14u16.saturating_sub(width(&mark.content));
        Line::from(vec![
            span("  ", text),
            mark,
            span(" ".repeat(usize::from(pad)), text),
            span(meaning.to_owned(), dim),
        ])
    };
    let mut lines = vec![heading(Layer::Confidence, "1")];
    let mut scale = vec![span("  ", text)];
    scale.extend(gradient(theme, 12));
    scale.push(span("  probability of the token when it was written, 0 to 1", dim));
    lines.push(Line::from(scale));
    let underlined = text.add_modifier(Modifier::UNDERLINED);
    lines.push(entry(span("word", underlined), "written below 0.5"));
    lines.push(entry(span("word", fresh_style(theme)), "written in this step"));
    lines.push(entry(span("word", draft_style(theme)), "a draft on a masked place; stronger the surer"));
    lines.push(entry(
        span(glyphs.mask.repeat(2), looks::mask(theme, theme.confidence(0.6), 0.6)),
        "masked; d switches between drafts and masks",
    ));
    lines.push(entry(span("word", looks::written_over(theme)), "written in this step over another token"));
    let again =
        span(glyphs.mask_again.repeat(2), looks::mask(theme, theme.remasked(), 1.0).add_modifier(Modifier::BOLD));
    lines.push(entry(again, "written before, masked again by this step"));
    lines.push(Line::default());
    lines.push(heading(Layer::Cache, "2"));
    for (status, name, meaning) in STATUSES {
        let style = theme.ink(theme.kv(status, 0)).add_modifier(kv_mark(status));
        lines.push(entry(span(name, style), meaning));
    }
    lines.push(Line::default());
    lines.push(heading(Layer::Guide, "3"));
    for (verdict, name, meaning) in VERDICTS {
        let style = theme.ink(theme.verdict(verdict)).add_modifier(verdict_mark(verdict));
        lines.push(entry(span(name, style), meaning));
    }
    lines.push(Line::default());
    lines.push(heading(Layer::Audit, "4"));
    let mut scale = vec![span("  ", text)];
    scale.extend(gradient(theme, 12));
    scale.push(span("  masks: exp(-KL) to the truth; tokens: K/V cosine, 0.5 to 1", dim));
    lines.push(Line::from(scale));
    lines.push(entry(
        span("word", text.add_modifier(looks::FLIP)),
        "without the cache another token is the most likely",
    ));
    lines.push(Line::default());
    lines.push(Line::from(vec![
        span(format!("{} ", glyphs.eos), faint),
        span("end of text   ", dim),
        span(format!("{} ", glyphs.newline), faint),
        span("line break   ", dim),
        span(format!("{} ", glyphs.empty), faint),
        span("no text of its own   ", dim),
        span(format!("{} ", glyphs.block), faint),
        span("block", dim),
    ]));
    lines.push(Line::default());
    let mut row = vec![span("steps   ", theme.style(Role::Strong))];
    let mut used = 8;
    for reason in Reason::ALL.iter().copied() {
        let label = format!("{}   ", reason.short());
        if used + 2 + width(&label) > 68 {
            lines.push(Line::from(std::mem::replace(&mut row, vec![span("        ", dim)])));
            used = 8;
        }
        used += 2 + width(&label);
        row.push(span(format!("{} ", glyphs.rising[5]), theme.ink(theme.reason(reason))));
        row.push(span(label, dim));
    }
    lines.push(Line::from(row));
    let marks = [(glyphs.cursor, Role::Accent, "the shown step"), (glyphs.change, Role::Note, "a knob was turned")];
    let mut row = vec![span("        ", dim)];
    for (glyph, role, meaning) in marks {
        row.push(span(format!("{glyph} "), theme.style(role)));
        row.push(span(format!("{meaning}   "), dim));
    }
    row.push(span(format!("{} ", glyphs.mask_again), theme.ink(theme.remasked())));
    row.push(span("tokens were masked again", dim));
    lines.push(Line::from(row));
    lines
}
