//! Writes down what a person does, as a demo script.
//!
//! What counts is what changed: a preset that was chosen in the picker is written as that preset, not as the keys that led
//! to it. Where nothing changed that has a word of its own, it is the row of the key table that was done. Time is written
//! as what was waited for: a step of a run, its end, else seconds.

use std::time::Duration;

use toml::Value;

use super::{DemoScript, Play, play::FOCUSES};
use crate::{
    engine::protocol::RunId,
    session::Phase,
    settings::{Knob, Layers, Preset, Settings},
    tui::{
        action::{Action, Focus, Overlay},
        app::App,
        arrangement::Arrangement,
        keymap::Context,
        palette::entries,
        pane::Pane,
        recording::Scene,
        theme::ThemeName,
        view::Layer,
    },
};

/// Shorter waits are not written down.
const NOTABLE: Duration = Duration::from_millis(300);

/// A script that is being written.
#[derive(Debug, Clone)]
pub struct ScriptWriter {
    plays: Vec<Play>,
    /// When the last thing was done, or the run that was watched since ended.
    at: Duration,
    /// How far the run was when the last thing was done.
    seen: RunMark,
}

/// How far the run is that is under way, or shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RunMark {
    run: Option<RunId>,
    steps: usize,
    is_over: bool,
    is_paused: bool,
}

impl RunMark {
    fn of(app: &App) -> Self {
        app.session().under_way().or(app.run()).map_or_else(Self::default, |run| Self {
            run: Some(run.id),
            steps: run.log.len(),
            is_over: !run.is_under_way(),
            is_paused: run.phase == Phase::Paused,
        })
    }
}

/// What there was before something was done.
#[derive(Debug, Clone)]
pub struct Situation {
    contexts: Vec<Context>,
    overlay: Option<Overlay>,
    /// What the palette would do.
    chosen: Option<Action>,
    line: Option<String>,
    look: ScreenLook,
    settings: Settings,
    preset: Option<Preset>,
    last_run: RunId,
    shown_run: Option<RunId>,
    progress: RunMark,
}

/// How the screen is looked at, as far as there are words for it.
#[derive(Debug, Clone, PartialEq)]
struct ScreenLook {
    theme: ThemeName,
    view: Pane,
    layer: Layer,
    arrangement: Arrangement,
    focus: Focus,
    steps: Option<usize>,
    selected: Option<usize>,
    pace: Option<f32>,
}

impl ScreenLook {
    fn of(app: &App) -> Self {
        Self {
            theme: app.theme.name,
            view: app.lens.pane,
            layer: app.lens.layer,
            arrangement: app.lens.arrangement,
            focus: app.focus(),
            steps: app.playback.at,
            selected: app.lens.selected,
            pace: (!app.playback.full_speed).then(|| app.playback.pace()),
        }
    }
}

impl Situation {
    /// What there is now.
    pub fn of(app: &App) -> Self {
        Self {
            contexts: app.contexts().chain([app.context_below()]).collect(),
            overlay: app.overlays().last().copied(),
            chosen: chosen(app),
            line: line(app),
            look: ScreenLook::of(app),
            settings: app.layers.resolve(),
            preset: app.layers.preset().cloned(),
            last_run: app.last_run(),
            shown_run: app.run().map(|run| run.id),
            progress: RunMark::of(app),
        }
    }
}

/// What the palette does when its selected row is taken.
fn chosen(app: &App) -> Option<Action> {
    let is_open = app.overlays().last() == Some(&Overlay::Palette);
    is_open.then(|| entries(app).get(app.list()).map(|entry| entry.action.clone()))?
}

/// Whether a layer is shown for what stands in it. Of any other one, only what comes of it counts.
fn is_shown_off(overlay: Overlay) -> bool {
    matches!(overlay, Overlay::Help | Overlay::Legend | Overlay::Tour)
}

/// Whether an action is a way to something: only what comes of it counts.
fn is_way(action: &Action) -> bool {
    match action {
        Action::Toggle(overlay) => !is_shown_off(*overlay),
        Action::Focus(_)
        | Action::FocusNext
        | Action::FocusPrevious
        | Action::Edit(_)
        | Action::Paste(_)
        | Action::Newline
        | Action::HistoryOlder
        | Action::HistoryNewer
        | Action::Undo
        | Action::Redo
        | Action::Clear
        | Action::Submit
        | Action::Fork
        | Action::EntryChar(_)
        | Action::EntryErase
        | Action::EntryAccept
        | Action::KnobMove(_)
        | Action::KnobSelect(_)
        | Action::KnobNudge(_)
        | Action::KnobType
        | Action::KnobReset
        | Action::KnobFilter
        | Action::UndoTurn
        | Action::RedoTurn => true,
        _ => is_outside(action),
    }
}

/// Whether an action is about what no film shows.
fn is_outside(action: &Action) -> bool {
    matches!(
        action,
        Action::Quit
            | Action::Suspend
            | Action::Repaint
            | Action::Copy(_)
            | Action::SaveTrace
            | Action::SavePreset
            | Action::KeptDelete
            | Action::RecordDemo
    )
}

/// The text of a line that is open and has no other trace: a name, text in place of tokens, words to find.
fn line(app: &App) -> Option<String> {
    let find = || app.lens.find.as_ref().filter(|find| find.is_typed).map(|find| find.text.clone());
    app.line.as_ref().map(|line| line.text.clone()).or_else(find)
}

impl ScriptWriter {
    /// Begins with what is set and how it is looked at.
    pub fn new(app: &App) -> Self {
        let look = ScreenLook::of(app);
        let mut first = Play {
            view: (look.view != Pane::default()).then(|| look.view.name().to_owned()),
            layer: (look.layer != Layer::default()).then(|| look.layer.name().to_owned()),
            arrangement: (look.arrangement != Arrangement::default()).then(|| look.arrangement.word().to_owned()),
            ..Play::default()
        };
        write_settings(&mut first, app, &Settings::default(), None);
        let plays = if first == Play::default() { Vec::new() } else { vec![first] };
        Self { plays, at: app.now(), seen: RunMark::of(app) }
    }

    /// Something has happened that nobody did: notes when a run ends.
    pub fn look_on(&mut self, app: &App) {
        let now = RunMark::of(app);
        if now.is_over && now.run != self.seen.run.filter(|_| self.seen.is_over) {
            self.wait(now, app.now());
        }
    }

    /// Somebody did something, and this was before it.
    pub fn note(&mut self, action: &Action, before: &Situation, app: &App) {
        let Some(play) = written(action, before, app) else { return };
        self.wait(before.progress, app.now());
        self.seen = RunMark::of(app);
        if self.plays.last_mut().is_none_or(|last| !last.takes_in(&play)) {
            self.plays.push(play);
        }
    }

    /// Writes down what was waited for since the last thing.
    fn wait(&mut self, now: RunMark, time: Duration) {
        let waited = time.saturating_sub(self.at);
        let has_moved = now.run.is_some()
            && (now.run, now.steps, now.is_over) != (self.seen.run, self.seen.steps, self.seen.is_over);
        (self.at, self.seen) = (time, now);
        let Some(last) = self.plays.last_mut() else { return };
        if has_moved && !now.is_paused && last.hold.is_none() {
            last.until = Some(if now.is_over { "end".to_owned() } else { format!("step {}", now.steps) });
        } else if waited >= NOTABLE {
            last.hold = Some(format!("{:.1}s", waited.as_secs_f64()));
        }
    }

    /// The script; `None` where nothing was done.
    pub fn finish(mut self, app: &App) -> Option<DemoScript> {
        self.wait(RunMark::of(app), app.now());
        let size = app.drawn().size;
        (!self.plays.is_empty()).then(|| DemoScript {
            file: String::new(),
            size,
            theme: Some(app.theme.name),
            scene: Scene::default(),
            title: String::new(),
            gflops: DemoScript::GFLOPS,
            plays: self.plays,
        })
    }
}

/// What was done, in the words of scripts; `None` for what leaves no trace.
fn written(action: &Action, before: &Situation, app: &App) -> Option<Play> {
    let taken = before.chosen.as_ref().filter(|_| *action == Action::ListAccept);
    let is_in_list = taken.is_none() && before.overlay.is_some_and(|overlay| !is_shown_off(overlay));
    let action = taken.unwrap_or(action);
    let mut play = Play::default();
    if *action == Action::EntryAccept && before.line.is_some() && !is_in_list {
        play.text.clone_from(&before.line);
        return Some(play);
    }
    let asked_for = app.last_run() != before.last_run;
    write_look(&mut play, action, &before.look, &ScreenLook::of(app), asked_for);
    write_settings(&mut play, app, &before.settings, before.preset.as_ref());
    if asked_for {
        write_run(&mut play, action, before, app);
    } else if app.run().map(|run| run.id) != before.shown_run {
        play.run = app.run().map(|run| run.id);
    }
    if play == Play::default() && !is_way(action) && !is_in_list {
        play.keys = Some(key_of(action, before, app)?.into());
    }
    (play != Play::default()).then_some(play)
}

/// The run that was asked for: a fork, the same again, or a prompt. What was changed by hand is a key that asked for it.
fn write_run(play: &mut Play, action: &Action, before: &Situation, app: &App) {
    match action {
        Action::Fork | Action::ForkCold => play.fork = Some(before.look.steps.unwrap_or(before.progress.steps)),
        Action::TakeAndRun | Action::Restart => play.keys = Some("run.again".into()),
        _ if app.forking.is_some() => play.keys = key_of(action, before, app).map(Value::from),
        _ => play.prompt = Some(app.prompt.text()),
    }
}

fn write_look(play: &mut Play, action: &Action, before: &ScreenLook, now: &ScreenLook, asked_for: bool) {
    let word = |is: bool, word: &str| is.then(|| word.to_owned());
    play.theme = word(before.theme != now.theme, now.theme.entry().word);
    play.view = word(before.view != now.view, now.view.name());
    play.layer = word(before.layer != now.layer, now.layer.name());
    play.arrangement = word(before.arrangement != now.arrangement, now.arrangement.word());
    if before.pace != now.pace {
        play.pace = Some(now.pace.map_or_else(|| "full".into(), |pace| Value::Float(pace.into())));
    }
    if asked_for || matches!(action, Action::TogglePlay) {
        return;
    }
    if before.steps != now.steps {
        play.show = Some(now.steps.map_or_else(|| "newest".into(), |steps| Value::Integer(steps as i64)));
    }
    if before.selected != now.selected {
        play.select = now.selected;
    }
    // Who types a prompt is at the prompt.
    if *play == Play::default() && before.focus != now.focus && now.focus != Focus::Prompt {
        let name = FOCUSES.iter().find(|(_, focus)| *focus == now.focus).map(|(name, _)| (*name).to_owned());
        play.focus = name;
    }
}

/// The preset, and the knobs that differ from what it brings.
fn write_settings(play: &mut Play, app: &App, before: &Settings, preset: Option<&Preset>) {
    let now = app.layers.resolve();
    let mut base = *before;
    if let Some(taken) = app.layers.preset().filter(|taken| Some(*taken) != preset) {
        play.preset = Some(taken.name.clone());
        let mut alone = Layers::default();
        alone.set_preset(taken.clone());
        base = alone.resolve();
    }
    let turned = now.differences(&base).map(|knob: &Knob| (knob.name.to_owned(), value(knob, &now)));
    play.set = turned.collect();
}

/// A knob's value as TOML writes it; as text where no number of TOML is exactly that, as of large seeds.
fn value(knob: &Knob, settings: &Settings) -> Value {
    let text = knob.get(settings).to_string();
    let numbers = [text.parse().ok().map(Value::Integer), text.parse().ok().map(Value::Float)];
    let flag = text.parse().ok().map(Value::Boolean);
    let exact = flag.into_iter().chain(numbers.into_iter().flatten()).find(|value| value.to_string() == text);
    exact.unwrap_or(Value::String(text))
}

/// The name of the row of the key table, where keys went.
fn key_of(action: &Action, before: &Situation, app: &App) -> Option<String> {
    let row = |context: &Context| {
        let mut bindings = app.keymap().bindings().iter();
        bindings.find(|binding| binding.action == *action && binding.contexts.contains(context))
    };
    before.contexts.iter().find_map(row).map(|binding| binding.name.clone().into_owned())
}
