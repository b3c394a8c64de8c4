//! Writing a prompt and starting a run.

use super::{Effect, command, typing};
use crate::{
    engine::protocol::{Command, ForkRequest, RunRequest},
    kept::KeptRequest,
    trace::Exchange,
    tui::{
        action::{Focus, Notice},
        app::{App, EngineState},
        prompt::{LONGEST, PromptEditor, TooLong},
        reading::Reading,
    },
};

/// Changes the text.
pub(super) fn edit(app: &mut App, change: impl FnOnce(&mut PromptEditor)) -> Vec<Effect> {
    if !app.is_replay() {
        change(&mut app.prompt);
    }
    Vec::new()
}

/// Adds to the text, if there is room.
pub(super) fn add(app: &mut App, change: impl FnOnce(&mut PromptEditor) -> Result<(), TooLong>) -> Vec<Effect> {
    if !app.is_replay() && change(&mut app.prompt).is_err() {
        app.tell(Notice::error(format!(
            "the prompt would be longer than {} KiB: `diffuscope run --prompt -` reads longer ones",
            LONGEST >> 10
        )));
    }
    Vec::new()
}

/// Pasted text goes where text is typed, and to the prompt where none is.
pub(super) fn paste(app: &mut App, text: &str) -> Vec<Effect> {
    if typing::is_line(app.context()) {
        return typing::add(app, text.trim());
    }
    if app.is_replay() {
        return Vec::new();
    }
    app.overlays.clear();
    app.focus = Focus::Prompt;
    add(app, |editor| editor.insert(text))
}

/// Runs the prompt in the editor.
pub(super) fn submit(app: &mut App) -> Vec<Effect> {
    if app.is_replay() {
        return Vec::new();
    }
    if app.prompt.is_blank() && !app.picker.is_raw() {
        app.tell(Notice::error("the prompt is empty: type one, or take one from the gallery with ^G"));
        return Vec::new();
    }
    match &app.engine {
        EngineState::Loading => {
            app.queued = true;
            app.focus = Focus::Canvas;
            app.tell(Notice::note("it starts as soon as the networks are loaded"));
            Vec::new()
        }
        EngineState::Failed(message) => {
            app.notice = Some((Notice::error(message.clone()), app.now + crate::tui::app::NOTICE_STAYS));
            Vec::new()
        }
        EngineState::Ready { .. } => {
            if app.has_embedded_pair()
                && let Reading::Misplaced { laid_out } = app.reading()
            {
                // In the editor, so that what is seen is what is decoded.
                edit(app, |editor| editor.set(&laid_out));
            }
            let is_new = app.prompt.remember();
            let prompt = app.prompt.text();
            let kept = is_new.then(|| Effect::Kept(KeptRequest::Remember(prompt.clone())));
            let turns = app.turns();
            kept.into_iter().chain(start(app, prompt, turns)).collect()
        }
        EngineState::Absent => Vec::new(),
    }
}

/// Runs the shown run's prompt again, behind the same turns; the one in the editor where nothing ran yet.
pub(super) fn restart(app: &mut App) -> Vec<Effect> {
    match app.log().map(|log| (log.header().prompt.clone(), log.header().turns.clone())) {
        None => submit(app),
        Some((prompt, turns)) if !app.is_replay() => start(app, prompt, turns),
        Some(_) => Vec::new(),
    }
}

fn start(app: &mut App, prompt: String, turns: Vec<Exchange>) -> Vec<Effect> {
    app.forking = None;
    request(app, prompt, turns, None)
}

/// Asks the engine for a run with the settings in force.
pub(super) fn request(
    app: &mut App,
    prompt: String,
    turns: Vec<Exchange>,
    fork: Option<Box<ForkRequest>>,
) -> Vec<Effect> {
    app.last_run = app.session.next_id(app.last_run);
    app.focus = Focus::Canvas;
    app.layers_before = None;
    app.knobs.refusal = None;
    app.knobs.passed = None;
    command(Command::Start(Box::new(RunRequest {
        run: app.last_run,
        prompt,
        turns,
        settings: app.layers.resolve(),
        preset: app.layers.preset().map(|preset| preset.name.clone()),
        drive: app.playback.drive(),
        rivals: Vec::new(),
        fork,
    })))
}
