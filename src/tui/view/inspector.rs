//! One position under the glass: what it holds and why, how sure the denoiser was, its K/V row, the guide's view.

use ratatui::{
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use super::{
    caption::{because, in_short},
    looks,
    pen::{Pen, plural, span, width, wrap},
    step::{State, StepView},
};
use crate::{
    decode::record::{DraftReview, KvStatus, Proposal, Reason, Verdict},
    printable,
    trace::PositionDraft,
    tui::{
        action::{Focus, Layer},
        app::App,
        theme::{Role, kv_mark, verdict_mark},
    },
};

/// Draws the inspector.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 3 || area.width < 12 {
        return;
    }
    let Some(log) = app.log() else { return };
    let view = StepView::new(log, app.shown());
    let title_role =
        if app.focus == Focus::Canvas && app.lens.selected.is_some() { Role::TitleFocused } else { Role::Title };
    let title = Line::from(span("token", pen.style(title_role)));
    let Some(position) = app.lens.selected.filter(|position| *position < view.length()) else {
        pen.rule(Rect { height: 1, ..area }, &title, &Line::default());
        let row = Rect { y: area.y + 1, height: 1, ..area };
        pen.line(row, &Line::from(span("hjkl or a click selects one", pen.style(Role::Faint))));
        return;
    };
    // What does not name another step is about the shown one.
    let right = Line::from(span(format!("position {position}, step {}", view.steps), pen.style(Role::Dim)));
    pen.rule(Rect { height: 1, ..area }, &title, &right);
    let mut glass = InspectorPane { area, y: area.y + 1, pen, view: &view, explained: view.steps };
    glass.token(position);
    glass.kv(position);
    glass.state(position);
    let layer = app.lens.layer;
    // What the layer shows comes before what does not fit under it.
    if layer == Layer::Audit {
        glass.audit(position);
    }
    // A written token is explained by the step that wrote it, a mask by the shown step.
    let origin = match view.state(position) {
        State::Written { step, .. } => StepView::new(log, step),
        _ => view.clone(),
    };
    glass.explained = origin.steps;
    let review = origin.review(position);
    if let Some(review) = review.filter(|_| layer == Layer::Guide) {
        glass.guide(review);
    }
    if let Some(proposal) = origin.proposal(position) {
        glass.grounds(proposal);
        glass.alternatives(proposal, origin.id(position).filter(|id| *id != log.header().mask_id));
    }
    if let Some(review) = review.filter(|_| layer != Layer::Guide) {
        glass.guide(review);
    }
    if layer != Layer::Audit {
        glass.audit(position);
    }
    glass.history(position);
}

/// The cell at which values begin.
const VALUE: u16 = 12;

struct InspectorPane<'a, 'b> {
    area: Rect,
    y: u16,
    pen: &'a mut Pen<'b>,
    view: &'a StepView<'a>,
    /// The step that explains what the position holds.
    explained: usize,
}

impl InspectorPane<'_, '_> {
    fn row(&mut self) -> Option<Rect> {
        let row = Rect { y: self.y, height: 1, ..self.area };
        self.y += 1;
        (row.y < self.area.bottom()).then_some(row)
    }

    fn gap(&mut self) {
        self.y += 1;
    }

    /// A gap, and what follows with the step that it is from.
    fn heading(&mut self, what: &str, step: usize) {
        self.gap();
        let Some(row) = self.row() else { return };
        self.pen.put(row.x, row.y, row.width, &format!("{what} at step {step}"), self.pen.style(Role::Faint));
    }

    fn fact(&mut self, label: &str, value: Vec<Span<'static>>) {
        let Some(row) = self.row() else { return };
        self.pen.put(row.x, row.y, 11, label, self.pen.style(Role::Dim));
        let rest = Rect { x: row.x + VALUE.min(row.width), width: row.width.saturating_sub(VALUE), ..row };
        self.pen.line(rest, &Line::from(value));
    }

    fn name(&self, id: u32) -> String {
        let eos = self.pen.theme.glyphs.eos;
        let name = self.view.name(id, eos);
        let visible = printable::line(&name);
        if visible.trim().is_empty() {
            self.pen.theme.glyphs.blank.repeat(visible.chars().count().max(1))
        } else {
            visible
        }
    }

    fn token(&mut self, position: usize) {
        let id = self.view.id(position).unwrap_or_default();
        let piece = self.view.canvas.piece(position);
        let shown = if piece.trim().is_empty() { self.name(id) } else { printable::line(piece).trim().to_owned() };
        self.fact(
            "token",
            vec![span(shown, self.pen.style(Role::Strong)), span(format!("  id {id}"), self.pen.style(Role::Faint))],
        );
    }

    fn state(&mut self, position: usize) {
        let text = self.pen.style(Role::Text);
        match self.view.state(position) {
            State::Prompt => self.fact("state", vec![span("prompt, given", text)]),
            State::Masked => {
                let again = if self.view.is_remasked(position) { " again by this step" } else { "" };
                let again = span(again, self.pen.theme.ink(self.pen.theme.remasked()));
                self.fact("state", vec![span("masked", text), again]);
                if let Some(proposal) = self.view.proposal(position) {
                    self.measure(proposal.confidence, proposal.entropy);
                } else if self.view.record.is_some() {
                    self.fact("", vec![span("not scored in this step", self.pen.style(Role::Faint))]);
                }
            }
            State::Written { step, reason, confidence, .. } => {
                let why = self.pen.theme.ink(self.pen.theme.reason(reason));
                let when = format!("step {step}, ");
                let room = self.area.width.saturating_sub(VALUE + width(&when));
                let words = if width(because(reason)) <= room { because(reason) } else { in_short(reason) };
                self.fact("written", vec![span(when, text), span(words, why)]);
                let origin = StepView::new(self.view.log, step);
                if let Some(before) = origin.overwritten(position) {
                    let name = printable::line(self.name(before).trim());
                    let dim = self.pen.style(Role::Dim);
                    self.fact("", vec![span("in place of ", dim), span(name, text)]);
                }
                let entropy = origin.proposal(position).map(|proposal| proposal.entropy);
                if reason != Reason::EndOfText {
                    self.measure(confidence, entropy.unwrap_or(f32::NAN));
                }
            }
        }
    }

    /// What a rule with a memory knows of a proposal: its credit, and what it did; how far its distribution moved.
    fn grounds(&mut self, proposal: &Proposal) {
        let (dim, text) = (self.pen.style(Role::Dim), self.pen.style(Role::Text));
        let arrow = self.pen.theme.glyphs.arrow;
        if let Some(credit) = proposal.credit {
            let change = format!("  {:.3} {arrow} {:.3}", credit.confidence, proposal.confidence);
            self.fact("credit", vec![span(format!("{:.2}", credit.amount), text), span(change, dim)]);
            if credit.token != proposal.token {
                let name = printable::line(self.name(credit.token).trim());
                self.fact("", vec![span("instead of ", dim), span(name, text)]);
            }
        }
        if let Some(moved) = proposal.moved {
            self.fact("moved", vec![span(format!("{moved:.4}"), text), span(" nats", self.pen.style(Role::Faint))]);
        }
    }

    /// Confidence and entropy, in figures and as a bar.
    fn measure(&mut self, confidence: f32, entropy: f32) {
        let Some(row) = self.row() else { return };
        let style = self.pen.theme.ink(self.pen.theme.confidence(confidence));
        self.pen.put(row.x, row.y, 11, "confidence", self.pen.style(Role::Dim));
        let at = self.pen.put(row.x + 12, row.y, 6, &format!("{confidence:.3}"), style);
        if row.width > 30 {
            self.pen.bar(at + 1, row.y, row.width - 19, confidence, style);
        }
        if entropy.is_finite() {
            let faint = self.pen.style(Role::Faint);
            let value = vec![span(format!("{entropy:.2}"), self.pen.style(Role::Text)), span(" nats", faint)];
            self.fact("entropy", value);
        }
    }

    fn kv(&mut self, position: usize) {
        let Some(kv) = self.view.kv(position) else { return };
        let word = match kv.status {
            KvStatus::Recomputed => "recomputed",
            KvStatus::Reused => "reused",
            KvStatus::Stale => "stale",
            KvStatus::Dropped => "dropped",
        };
        let style = self.pen.theme.ink(self.pen.theme.kv(kv.status, 0)).add_modifier(kv_mark(kv.status));
        let mut value = vec![span(word, style)];
        if kv.age > 0 {
            value.push(span(format!("  {} old", plural(kv.age as usize, "step")), self.pen.style(Role::Faint)));
        }
        self.fact("K/V row", value);
    }

    /// The likeliest tokens, with bars; the one that was taken is marked.
    fn alternatives(&mut self, proposal: &Proposal, written: Option<u32>) {
        self.heading("the denoiser's candidates", self.explained);
        let taken = written.unwrap_or(proposal.token);
        let name_width = 14.min(self.area.width / 2);
        for (id, probability) in proposal.alternatives.iter().take(Proposal::ALTERNATIVES) {
            let Some(row) = self.row() else { return };
            let is_taken = *id == taken;
            let style = self.pen.style(if is_taken { Role::Strong } else { Role::Dim });
            if is_taken {
                self.pen.put(row.x, row.y, 1, self.pen.theme.glyphs.pointer, self.pen.style(Role::Accent));
            }
            let name = self.name(*id);
            self.pen.cut(row.x + 2, row.y, name_width, name.trim(), style);
            let at = row.x + 2 + name_width + 1;
            let figure = format!("{probability:.3}");
            self.pen.put(at, row.y, 5, &figure, style);
            let bar = row.right().saturating_sub(at + 6);
            let tone = self.pen.theme.ink(self.pen.theme.confidence(*probability));
            self.pen.bar(at + 6, row.y, bar, *probability, tone);
        }
    }

    fn guide(&mut self, review: &DraftReview) {
        self.heading("the guide", self.explained);
        let theme = self.pen.theme;
        let style = theme.ink(theme.verdict(review.verdict)).add_modifier(verdict_mark(review.verdict));
        let word = match review.verdict {
            Verdict::Agreed => "agreed",
            Verdict::Rejected => "rejected",
            Verdict::Replaced => "rejected, and replaced",
            Verdict::Forced => "forced: nothing agreed",
            Verdict::NotReached => "not reached",
        };
        self.fact("verdict", vec![span(word, style)]);
        let Some(seen) = review.view else { return };
        let (dim, text) = (self.pen.style(Role::Dim), self.pen.style(Role::Text));
        let place = if seen.rank == 0 {
            "its first choice".to_owned()
        } else {
            format!("its choice no. {}", u64::from(seen.rank) + 1)
        };
        let draft = printable::line(self.name(review.draft).trim());
        self.fact("draft", vec![span(draft, text), span(format!("  {:.3}", seen.draft_probability), dim)]);
        self.fact("", vec![span(place, dim)]);
        if let Some(other) = review.instead {
            let drawn = printable::line(self.name(other).trim());
            let label = if review.verdict == Verdict::Replaced { "wrote" } else { "drew" };
            self.fact(label, vec![span(drawn, text)]);
        }
        if seen.rank > 0 {
            let wanted = printable::line(self.name(seen.token).trim());
            self.fact("wanted", vec![span(wanted, text), span(format!("  {:.3}", seen.top_probability), dim)]);
        }
    }

    /// What the newest audit found here.
    fn audit(&mut self, position: usize) {
        let Some((_, made)) = self.view.audit() else { return };
        let (dim, text) = (self.pen.style(Role::Dim), self.pen.style(Role::Text));
        if let Some(audited) = self.view.audited(position).filter(|_| self.view.state(position) == State::Masked) {
            self.heading("the audit", made);
            let tone = self.pen.theme.ink(self.pen.theme.confidence(looks::fidelity_of(audited)));
            self.fact("distance", vec![span(format!("KL {:.4}", audited.kl), tone), span(" nats", dim)]);
            let truth = printable::line(self.name(audited.token).trim());
            let mark = if audited.differs { looks::FLIP } else { Modifier::empty() };
            self.fact(
                "truth",
                vec![span(truth, text.add_modifier(mark)), span(format!("  {:.3}", audited.probability), dim)],
            );
        } else if let Some(row) = self.view.drift(position) {
            self.heading("the audit, cosine by layer", made);
            for (label, cosines) in [("keys", &row.keys), ("values", &row.values)] {
                let least = cosines.iter().copied().fold(1.0, f32::min);
                let note = format!("  least {least:.3}");
                let room = self.area.width.saturating_sub(VALUE + width(&note));
                let mut shown = looks::by_layer(self.pen.theme, cosines, room, f32::min, looks::cosine_fidelity);
                shown.push(span(note, dim));
                self.fact(label, shown);
            }
        }
    }

    /// The confidence of the draft at this position, step by step, as far as is shown.
    fn history(&mut self, position: usize) {
        let bars = self.view.log.drafts(position, self.view.steps);
        if bars.len() < 2 {
            return;
        }
        self.gap();
        let changed = |pair: &&[PositionDraft]| pair[0].steps + 1 == pair[1].steps && pair[0].token != pair[1].token;
        let drafts = bars.windows(2).filter(changed).count();
        let label = format!(
            "its confidence, step by step; {}",
            match drafts {
                0 => "never another draft".to_owned(),
                1 => "the draft changed once".to_owned(),
                times => format!("the draft changed {times} times"),
            }
        );
        for line in wrap(&label, self.area.width) {
            let Some(row) = self.row() else { return };
            self.pen.put(row.x, row.y, row.width, &line, self.pen.style(Role::Faint));
        }
        let Some(row) = self.row() else { return };
        let skip = bars.len().saturating_sub(usize::from(row.width));
        for (x, PositionDraft { confidence, .. }) in (row.x..).zip(bars.into_iter().skip(skip)) {
            let level = if confidence.is_finite() { ((confidence * 7.99) as usize).min(7) } else { 0 };
            let glyph = self.pen.theme.glyphs.rising[level];
            let style = self.pen.theme.ink(self.pen.theme.confidence(confidence));
            self.pen.put(x, row.y, 1, glyph, style);
        }
    }
}
