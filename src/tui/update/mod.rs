//! What each action does to the state, and which effects must follow. Nothing is performed here.

mod arranging;
mod browser;
mod comparing;
mod conversation;
mod copying;
mod demo;
mod engine;
pub(crate) mod events;
mod exporting;
mod figures;
mod finding;
mod forking;
mod hands;
mod keeping;
mod knobs;
mod line;
mod lists;
mod models;
mod palette;
mod playing;
mod presets;
mod prompt;
mod race;
mod selecting;
mod theme;
mod tour;
mod typing;

use super::{
    action::{Action, Effect, Focus},
    app::App,
    demo::Situation,
    keymap::Context,
    pacing::Redraw,
    pane::Pane,
};
use crate::engine::protocol::Command;

/// Applies an action.
pub fn update(app: &mut App, action: Action) -> Vec<Effect> {
    let redraw = Redraw::after(app, &action);
    let asked = app.asked;
    let deliberate = is_deliberate(&action);
    let written = app.script.is_some().then(|| (deliberate.then(|| action.clone()), Situation::of(app)));
    let mut before = Vec::new();
    if deliberate {
        app.notice = None;
        app.motion.touch();
        before = race::give_up(app);
    }
    let settings = deliberate.then(|| app.layers.resolve());
    let effects = perform(app, action);
    comparing::keep_up(app);
    exporting::keep_up(app);
    tour::keep_up(app);
    if settings.is_some_and(|before| before != app.layers.resolve()) {
        forking::offer(app);
    }
    // A question is about the very next thing that the user does.
    if deliberate && app.asked == asked {
        app.asked = None;
    }
    if let Some((action, was)) = written
        && let Some(mut script) = app.script.take()
    {
        match action {
            Some(action) => script.note(&action, &was, app),
            None => script.look_on(app),
        }
        app.script = Some(script);
    }
    app.redraw = app.redraw.max(redraw);
    before.extend(effects);
    before
}

/// Does what an action means where keys go now.
fn perform(app: &mut App, action: Action) -> Vec<Effect> {
    match comparing::on(app, &action) {
        Some(effects) => effects,
        None => act(app, action),
    }
}

fn act(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => keeping::quit(app),
        Action::Suspend => vec![Effect::Suspend],
        Action::Repaint => vec![Effect::Repaint],
        Action::NextTheme => theme::next(app),
        Action::Ground(ground) => theme::fit(app, ground),

        Action::Toggle(overlay) => lists::toggle(app, overlay),
        Action::Back => back(app),
        Action::ListMove(rows) => lists::step(app, rows),
        Action::ListSelect(row) => lists::select(app, row),
        Action::ListAccept => lists::accept(app),
        Action::TakeAndRun => presets::take_and_run(app),
        Action::TakePreset(name) => presets::take(app, &name),
        Action::TakeExample(row) => lists::denoise(app, row),
        Action::MendExample => lists::mend(app),
        Action::Copy(source) => copying::copy(app, source),

        Action::Focus(focus) => set_focus(app, focus),
        Action::FocusNext => turn_focus(app, true),
        Action::FocusPrevious => turn_focus(app, false),

        Action::Submit => prompt::submit(app),
        Action::Newline => prompt::add(app, super::prompt::PromptEditor::newline),
        Action::HistoryOlder => prompt::edit(app, super::prompt::PromptEditor::older),
        Action::HistoryNewer => prompt::edit(app, super::prompt::PromptEditor::newer),
        Action::Edit(key) => prompt::add(app, |editor| editor.key(key)),
        Action::Undo => prompt::edit(app, super::prompt::PromptEditor::undo),
        Action::Redo => prompt::edit(app, super::prompt::PromptEditor::redo),
        Action::Clear => typing::clear(app),
        Action::Paste(text) => prompt::paste(app, &text),

        Action::Restart => prompt::restart(app),
        Action::NewConversation => conversation::begin(app),
        Action::SwapRuns => keeping::swap(app),
        Action::RunMove(by) => keeping::step(app, by),
        Action::ShowRun(run) => keeping::show(app, run),
        Action::RenameRun => keeping::rename(app),
        Action::PinRun => keeping::pin(app),
        Action::CloseRun => keeping::close(app),
        Action::Fork => forking::fork(app, false),
        Action::ForkCold => forking::fork(app, true),
        Action::StopRun => playing::stop(app),
        Action::TogglePlay => playing::toggle(app),
        Action::StepOnce => playing::step_once(app),
        Action::Pace(presses) => playing::pace(app, presses),
        Action::ToggleFullSpeed => playing::toggle_full_speed(app),

        Action::Scrub(steps) => playing::scrub(app, steps),
        Action::ScrubTo(step) => playing::scrub_to(app, step),
        Action::Follow => {
            app.lens.top = None;
            playing::scrub_to(app, usize::MAX)
        }
        Action::BlockMove(blocks) => playing::to_block(app, blocks),

        Action::FigureMove(by) => figures::step(app, by),
        Action::FigureSelect(index) => figures::select(app, index),

        // The one was taken up before, while runs are compared and otherwise; the next frame mends the other.
        Action::Compare(_) | Action::Exposed => Vec::new(),

        Action::Pane(pane) => selecting::swap(app, pane),
        Action::Point { steps, positions, .. } => selecting::point(app, steps, positions),
        Action::ToggleNear => {
            app.lens.near = !app.lens.near;
            Vec::new()
        }
        Action::Layer(layer) => selecting::read_by(app, layer),
        Action::NextLayer => selecting::read_by(app, app.lens.layer.next()),
        Action::NextArrangement => arranging::next(app),
        Action::Arrange(arrangement) => arranging::arrange(app, arrangement),
        Action::ScrollCanvas(rows) => arranging::scroll(app, rows),
        Action::ScrollHalf(halves) => arranging::scroll_half(app, halves),
        Action::ToggleDrafts => {
            app.lens.drafts = !app.lens.drafts;
            Vec::new()
        }
        Action::ToggleAudit => knobs::toggle_audit(app),
        Action::SelectMove(direction) => selecting::step(app, direction),
        Action::Select(position) => selecting::select(app, position),
        Action::OpenToken if events::written_elsewhere(app).is_some() => events::go_to_written(app),
        Action::OpenToken => hands::open(app),
        Action::WriteCandidate(row) => hands::write(app, row),
        Action::MaskAgain => hands::mask(app),
        Action::ToggleSpan => hands::toggle_span(app),
        Action::TogglePin => hands::toggle_pin(app),
        Action::TypeOver => hands::begin_text(app),
        Action::TakeBack => hands::take_back(app),

        Action::SelectFailed => events::select_failed(app),
        Action::NextEvent => events::walk(app, true),
        Action::PreviousEvent => events::walk(app, false),
        Action::Find => finding::begin(app),
        Action::NextHit => finding::walk(app, true),
        Action::PreviousHit => finding::walk(app, false),

        Action::KnobMove(rows) => knobs::step(app, rows),
        Action::KnobSelect(index) => knobs::select(app, index),
        Action::KnobNudge(presses) => knobs::nudge(app, presses),
        Action::KnobType => knobs::begin_entry(app),
        Action::EntryChar(c) => typing::add(app, c.encode_utf8(&mut [0; 4])),
        Action::EntryErase => typing::erase(app),
        Action::EntryAccept => typing::accept(app),
        Action::KnobsAll => knobs::list_all(app),
        Action::KnobReset => knobs::reset(app),
        Action::KnobFilter => knobs::begin_filter(app),
        Action::UndoTurn => knobs::undo(app),
        Action::RedoTurn => knobs::redo(app),
        Action::SavePreset => presets::begin_saving(app),

        Action::ModelRole => models::other_role(app),
        Action::CancelLoad => models::cancel(app),

        Action::SaveTrace => keeping::save(app),

        Action::ExportTurn(presses) => exporting::turn(app, presses),
        Action::WriteExport => exporting::write(app),
        Action::CancelExport => exporting::cancel(app),

        Action::KeptDelete => browser::delete(app),

        Action::RecordDemo => demo::toggle(app),
        Action::Demo(action) => demo::act(app, action),

        Action::Tick(now) => playing::tick(app, now),
        Action::TerminalFocus(has_focus) => {
            app.motion.focus(has_focus);
            Vec::new()
        }
        Action::Engine(event) if race::is_meant(&event) => race::on_event(app, *event),
        Action::Engine(event) => engine::on_event(app, *event),
        Action::EngineGone => engine::on_gone(app),
        Action::Kept(news) => browser::on_news(app, *news),
        Action::Export(news) => exporting::on_news(app, news),
        Action::Drawn(frame) => {
            app.drawn = *frame;
            app.redraw = Redraw::No;
            Vec::new()
        }
        Action::Saved { run, file } => keeping::saved(app, run, &file),
        Action::PresetSaved { preset, outcome } => presets::saved(app, *preset, outcome),
        Action::Tell(notice) => {
            app.tell(notice);
            Vec::new()
        }
    }
}

/// Whether the user did it: a notice has been read by then.
fn is_deliberate(action: &Action) -> bool {
    !matches!(
        action,
        Action::Tick(_)
            | Action::TerminalFocus(_)
            | Action::Engine(_)
            | Action::EngineGone
            | Action::Kept(_)
            | Action::Export(_)
            | Action::Drawn(_)
            | Action::Exposed
            | Action::Saved { .. }
            | Action::PresetSaved { .. }
            | Action::Tell(_)
            | Action::Ground(_)
    )
}

/// Takes away whatever is in front.
fn back(app: &mut App) -> Vec<Effect> {
    let context = app.context();
    let typed = app.exports.entry.take_if(|_| context == Context::ExportText);
    if app.line.take().is_some() || typed.is_some() {
        // What was typed is dropped, and nothing else.
        app.exports.refusal = None;
    } else if app.overlays.pop().is_some() {
        app.list = 0;
    } else if matches!(context, Context::Find | Context::FindEntry) {
        app.lens.find = None;
    } else if app.forking.is_some() {
        return playing::stop(app);
    } else if app.has_hands() {
        hands::close(app);
    } else if app.knobs.entry.take().is_some() {
        app.knobs.refusal = None;
        app.knobs.passed = None;
    } else if app.focus == Focus::Knobs && app.knobs.filter.take().is_some() {
        // All knobs are listed again.
    } else {
        match app.focus {
            Focus::Canvas if app.lens.selected.is_none() && app.lens.top.is_none() => app.lens.pane = Pane::default(),
            Focus::Canvas => (app.lens.selected, app.lens.top) = (None, None),
            Focus::Prompt | Focus::Knobs | Focus::Figures => app.focus = Focus::Canvas,
        }
    }
    Vec::new()
}

/// The panes that can have the focus, as they follow each other.
fn focus_order(app: &App) -> Vec<Focus> {
    // A replayed prompt is what was asked; there is nothing to edit.
    let prompt = (!app.is_replay()).then_some(Focus::Prompt);
    let figures = app.run().is_some().then_some(Focus::Figures);
    prompt.into_iter().chain([Focus::Canvas, Focus::Knobs]).chain(figures).collect()
}

fn set_focus(app: &mut App, focus: Focus) -> Vec<Effect> {
    if focus_order(app).contains(&focus) {
        app.focus = focus;
        app.knobs.entry = None;
        knobs::end_filter_entry(app);
        finding::end_entry(app);
    }
    Vec::new()
}

fn turn_focus(app: &mut App, forward: bool) -> Vec<Effect> {
    let order = focus_order(app);
    let at = order.iter().position(|focus| *focus == app.focus).unwrap_or(0);
    let next = if forward { at + 1 } else { at + order.len() - 1 };
    set_focus(app, order[next % order.len()])
}

/// An engine command as the only effect.
fn command(command: Command) -> Vec<Effect> {
    vec![Effect::Engine(command)]
}
