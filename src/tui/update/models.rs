//! The model picker, and what loading does to the playground.

use super::{Effect, command};
use crate::{
    engine::{ModelRequest, prompt::plain, protocol::Command},
    model::{
        catalog::Catalog,
        known::ModelRole,
        source::{Progress, Source},
    },
    printable,
    settings::{GuideRule, Knob},
    trace::ModelCard,
    tui::{
        action::{Notice, Overlay},
        app::{App, EngineState},
        picker::{LONGEST_SOURCE, ModelLoading, PickerLine},
    },
};

/// The picker has been opened: what is on this machine may have changed since the last time.
pub(super) fn refresh(app: &mut App) -> Vec<Effect> {
    app.picker.refusal = None;
    app.picker.is_entry_old = true;
    select_present(app);
    command(Command::ListModels(app.picker.first.device))
}

/// What there is to choose from. The selected line stays the same model.
pub(super) fn on_catalog(app: &mut App, catalog: Catalog) -> Vec<Effect> {
    let before = selected(app);
    let was_empty = app.picker.catalog.is_none();
    app.picker.catalog = Some(catalog);
    if app.overlays.last() == Some(&Overlay::Models) {
        match before {
            _ if was_empty => select_present(app),
            Some(source) => select(app, &source),
            None => {
                let last = app.picker.choices().len() - 1;
                if matches!(app.picker.choices().get(app.list), None | Some(PickerLine::Item(_))) {
                    app.list = last;
                }
            }
        }
    }
    Vec::new()
}

/// Selects what is loaded.
fn select_present(app: &mut App) {
    app.list = 0;
    if let Some(source) = app.picker.present().cloned() {
        select(app, &source);
    }
}

fn select(app: &mut App, source: &Source) {
    let choices = app.picker.choices();
    let is_it = |choice: &PickerLine<'_>| matches!(choice, PickerLine::Item(item) if item.source == *source);
    app.list = choices.iter().position(is_it).unwrap_or(0);
}

fn selected(app: &App) -> Option<Source> {
    match app.picker.choices().get(app.list) {
        Some(PickerLine::Item(item)) => Some(item.source.clone()),
        _ => None,
    }
}

/// Chooses for the other role.
pub(super) fn other_role(app: &mut App) -> Vec<Effect> {
    app.picker.role = match app.picker.role {
        ModelRole::Denoiser => ModelRole::Guide,
        ModelRole::Guide => ModelRole::Denoiser,
    };
    app.picker.refusal = None;
    select_present(app);
    Vec::new()
}

/// Types: the line of what is typed comes to the front.
pub(super) fn typed(app: &mut App, text: &str) -> Vec<Effect> {
    let picker = &mut app.picker;
    picker.refusal = None;
    if std::mem::take(&mut picker.is_entry_old) {
        picker.entry.clear();
    }
    let room = LONGEST_SOURCE.saturating_sub(picker.entry.chars().count());
    picker.entry.extend(plain(text).chars().take_while(|c| *c != '\n').take(room));
    app.list = picker.choices().len() - 1;
    Vec::new()
}

/// Erases the last character of what is typed.
pub(super) fn erase(app: &mut App) -> Vec<Effect> {
    app.picker.refusal = None;
    app.picker.is_entry_old = false;
    app.picker.entry.pop();
    app.list = app.picker.choices().len() - 1;
    Vec::new()
}

/// Erases what is typed.
pub(super) fn clear(app: &mut App) -> Vec<Effect> {
    app.picker.entry.clear();
    erase(app)
}

/// Loads the selected line. The picker stays open until that is done.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    let picker = &mut app.picker;
    let request = match picker.choices().get(app.list) {
        Some(choice) => picker.request(*choice),
        None => return Vec::new(),
    };
    match request {
        Err(message) => {
            picker.refusal = Some(printable::line(&message));
            Vec::new()
        }
        Ok(request)
            if picker.loading.is_none() && picker.loaded.as_ref().is_some_and(|loaded| loaded.is_same_as(&request)) =>
        {
            app.overlays.retain(|overlay| *overlay != Overlay::Models);
            app.list = 0;
            app.tell(Notice::note("it is loaded already"));
            Vec::new()
        }
        Ok(request) => {
            picker.refusal = None;
            picker.loading = Some(ModelLoading { is_picked: true, ..ModelLoading::new(request.clone()) });
            command(Command::Load(Box::new(request)))
        }
    }
}

/// Breaks the loading off.
pub(super) fn cancel(app: &mut App) -> Vec<Effect> {
    match &mut app.picker.loading {
        Some(loading) => {
            loading.is_cancelled = true;
            command(Command::CancelLoad)
        }
        None => Vec::new(),
    }
}

/// Models are being loaded.
pub(super) fn on_progress(app: &mut App, progress: Progress) -> Vec<Effect> {
    let now = app.now;
    if let Some(loading) = &mut app.picker.loading {
        loading.record(progress, now);
    }
    Vec::new()
}

/// Networks are loaded.
pub(super) fn ready(
    app: &mut App,
    denoiser: ModelCard,
    guide: Option<ModelCard>,
    request: Option<ModelRequest>,
) -> Vec<Effect> {
    let name = printable::line(&denoiser.name);
    let has_guide = guide.is_some();
    app.engine = EngineState::Ready { denoiser: Box::new(denoiser), guide };
    let ended = end_loading(app, request.as_ref());
    app.picker.loaded = request.or_else(|| Some(ended.as_ref()?.request.clone()));
    if ended.is_some_and(|loading| loading.is_picked) {
        app.picker.refusal = None;
        let guide = guide_rule(app, has_guide);
        let next = if app.run().is_some() { ": press R to run the prompt with it" } else { "" };
        app.tell(Notice::note(format!("{name} is loaded{guide}{next}")));
        app.overlays.retain(|overlay| *overlay != Overlay::Models);
        app.list = 0;
    }
    if !std::mem::take(&mut app.queued) {
        return Vec::new();
    }
    app.notice = None;
    super::prompt::submit(app)
}

/// Takes the loading away that came to its end, which is another than the newest where both have crossed.
fn end_loading(app: &mut App, request: Option<&ModelRequest>) -> Option<ModelLoading> {
    app.picker.loading.take_if(|loading| request.is_none_or(|request| loading.request == *request))
}

/// Presets take a guide for granted. Where there is none its rule is off, until there is one again.
fn guide_rule(app: &mut App, has_guide: bool) -> &'static str {
    let Ok(knob) = Knob::find("guide") else { return "" };
    if !has_guide && app.layers.resolve().guide != GuideRule::Off {
        app.layers.set_live(knob, "off".to_owned());
        app.picker.guide_put_off = true;
        return " without a guide, whose rule is off now";
    }
    if has_guide && std::mem::take(&mut app.picker.guide_put_off) {
        app.layers.clear_live(knob.name);
    }
    ""
}

/// Nothing came of it.
#[expect(clippy::needless_pass_by_value, reason = "the event is over")]
pub(super) fn failed(app: &mut App, message: &str, request: Option<ModelRequest>) {
    let message = printable::line(message);
    let was_cancelled = end_loading(app, request.as_ref()).is_some_and(|loading| loading.is_cancelled);
    if matches!(app.engine, EngineState::Ready { .. }) {
        if was_cancelled {
            app.tell(Notice::note(message));
        } else {
            // Told where the next choice is made, or above whatever is shown.
            if app.overlays.last() == Some(&Overlay::Models) {
                app.picker.refusal = Some(message);
            } else {
                app.tell(Notice::error(message));
            }
        }
    } else {
        app.queued = false;
        app.engine = EngineState::Failed(message);
    }
}
