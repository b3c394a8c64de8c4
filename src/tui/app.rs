//! The whole state of the playground. Nothing here knows a terminal.

use std::time::Duration;

use super::{
    action::{Action, Effect, Focus, Notice, Overlay},
    arrangement::Arrangement,
    browser::RunBrowser,
    compare::RunComparison,
    demo::ScriptWriter,
    examples::Example,
    exporting::{ExportMenu, ExportRowKind},
    find::TextSearch,
    forking::{ForkPlan, PendingFork},
    hands::{Hands, TypedLine},
    keymap::{Context, Keymap},
    motion::Motion,
    pacing::Redraw,
    pane::Pane,
    picker::ModelPicker,
    playback::Playback,
    presets::PresetPicker,
    prompt::PromptEditor,
    race::Race,
    reading::Reading,
    recording::Framing,
    reveal::FirstShown,
    theme::Theme,
    turns::Turns,
    view::{FrameInfo, Layer, MapCache},
};
use crate::{
    engine::{
        ModelRequest,
        protocol::{Command, RunId},
    },
    session::{EventWalk, Figure, Measured, Phase, Run, Session},
    settings::{KNOBS, Kind, Knob, Layers, PresetLibrary, Settings},
    trace::{Log, ModelCard},
};

/// How long each turn of the spinner is shown.
pub const SPINNER_TURN: Duration = Duration::from_millis(90);

/// How long a notice stays.
pub const NOTICE_STAYS: Duration = Duration::from_secs(7);

/// Where the log comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From an engine.
    Live,
    /// From a file, which no engine can change.
    Replay {
        /// Its name, printable.
        file: String,
    },
    /// From a log that is played again for a recording: there are no keys.
    Recording,
}

/// What is known of the networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// They are being loaded.
    Loading,
    /// They are ready.
    Ready {
        /// The denoiser.
        denoiser: Box<ModelCard>,
        /// The guide, where there is one.
        guide: Option<ModelCard>,
    },
    /// They could not be loaded, and why.
    Failed(String),
    /// There are none: a file is replayed.
    Absent,
}

/// What the user was asked about, and confirms by the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Leaving, with a run that no file holds.
    Leave,
    /// Deleting a kept run.
    Delete,
    /// Closing a run that no file holds.
    Close(RunId),
    /// A fork that takes a while.
    Fork,
    /// Writing an export over a file that is there.
    Replace,
}

/// How the canvas is read.
#[derive(Debug, Clone)]
pub struct Lens {
    /// What stands in the canvas's place.
    pub pane: Pane,
    /// Whether the map shows what is around its cross-hair, a step and a position to a cell, rather than all of it.
    pub near: bool,
    /// By which layer.
    pub layer: Layer,
    /// Whether drafts stand in place of masks.
    pub drafts: bool,
    /// The selected position.
    pub selected: Option<usize>,
    /// How its tokens are arranged.
    pub arrangement: Arrangement,
    /// The first row in sight, where that was chosen.
    pub top: Option<TopRow>,
    /// What is looked for in the text.
    pub find: Option<TextSearch>,
}

/// The first row in sight of a canvas that is longer than its pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopRow {
    /// This one.
    Chosen(usize),
    /// The one nearest to it that leaves the selected position in sight.
    Near(usize),
}

impl Default for Lens {
    fn default() -> Self {
        Self {
            pane: Pane::default(),
            near: false,
            layer: Layer::default(),
            drafts: true,
            selected: None,
            arrangement: Arrangement::default(),
            top: None,
            find: None,
        }
    }
}

/// The state of the knob pane.
#[derive(Debug, Clone, Default)]
pub struct KnobPane {
    /// Index of the selected knob.
    pub selected: usize,
    /// A value being typed.
    pub entry: Option<String>,
    /// Why the last change was refused.
    pub refusal: Option<String>,
    /// Which words the last turn passed over, and why.
    pub passed: Option<String>,
    /// Whether knobs that do nothing beside the others are listed too.
    pub all: bool,
    /// Which knobs are listed instead.
    pub filter: Option<KnobFilter>,
    /// The turns that can be taken back.
    pub turns: Turns,
}

/// Words that each listed knob has somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnobFilter {
    /// The words.
    pub text: String,
    /// Whether they are being typed.
    pub is_typed: bool,
}

impl KnobFilter {
    /// Whether it leaves a knob: its name, slot, help and choices are looked through.
    pub fn leaves(&self, knob: &Knob) -> bool {
        let mut text = format!("{} {} {}", knob.name, knob.slot.title(), knob.help);
        if let Kind::Choice(choices) = knob.kind {
            text.extend(choices.iter().map(|choice| format!(" {}", choice.word)));
        }
        let text = text.to_lowercase();
        self.text.split_whitespace().all(|word| text.contains(&word.to_lowercase()))
    }
}

/// The playground. Prompt, layers and theme may be set up before the first action; everything else only
/// [`update`](super::update()) changes.
#[derive(Debug)]
pub struct App {
    /// Where the log comes from.
    pub(super) origin: Origin,
    /// What is known of the networks.
    pub(super) engine: EngineState,
    /// The settings, in layers.
    pub layers: Layers,
    /// The layers before the last change that the engine has not answered to.
    pub(super) layers_before: Option<Layers>,
    /// The prompt editor.
    pub prompt: PromptEditor,
    /// Where keys go.
    pub(super) focus: Focus,
    /// The layers above the screen, the top one last.
    pub(super) overlays: Vec<Overlay>,
    /// Selected row (or first visible line) of the top layer.
    pub(super) list: usize,
    /// The runs of this sitting.
    pub(super) session: Session,
    /// What the last key asked about.
    pub(super) asked: Option<Confirmation>,
    /// Which step is shown.
    pub(super) playback: Playback,
    /// How the canvas is read.
    pub(super) lens: Lens,
    /// The shown run beside another one, while they are compared.
    pub(super) comparison: Option<RunComparison>,
    /// The knob pane.
    pub(super) knobs: KnobPane,
    /// The chosen figure, by its place in the table.
    pub(super) figure: usize,
    /// The models and their picker.
    pub(super) picker: ModelPicker,
    /// The kept runs and their browser.
    pub(super) browser: RunBrowser,
    /// The presets and their picker.
    pub(super) presets: PresetPicker,
    /// The keys, as the user has them.
    pub(super) keymap: Keymap,
    /// Words that are typed into the palette or the help.
    pub(super) filter: String,
    /// A line for the user, and until when it stays.
    pub(super) notice: Option<(Notice, Duration)>,
    /// Colours and glyphs.
    pub theme: Theme,
    /// Whether the terminal's own ground decides the theme: nobody has chosen one.
    pub(super) follows_ground: bool,
    /// Prompts to choose from.
    pub(super) examples: Vec<Example>,
    /// The time of the last tick.
    pub(super) now: Duration,
    /// Where the last frame can be clicked, and what else the next event needs of it.
    pub(super) drawn: FrameInfo,
    /// How soon the next one is needed.
    pub(super) redraw: Redraw,
    /// A prompt that starts as soon as the networks are there.
    pub(super) queued: bool,
    /// Number of the last run that was asked for.
    pub(super) last_run: RunId,
    /// The fork that the engine makes.
    pub(super) forking: Option<PendingFork>,
    /// The fork that the user was asked about.
    pub(super) planned: Option<ForkPlan>,
    /// Hands on the selected position.
    pub(super) hands: Option<Hands>,
    /// A line that is being typed.
    pub(super) line: Option<TypedLine>,
    /// The events of a run, as far as they were asked for.
    pub(super) events: (RunId, EventWalk),
    /// Whether the next prompt begins a new conversation.
    pub(super) begins: bool,
    /// The map as it was drawn last.
    pub(super) maps: MapCache,
    /// Whether things move by themselves.
    pub(super) motion: Motion,
    /// The race of the welcome.
    pub(super) race: Race,
    /// The step that was shown for the first time last.
    pub(super) first_shown: Option<FirstShown>,
    /// By which layer the canvas was read before the tour.
    pub(super) layer_before_tour: Option<Layer>,
    /// The export menu, and what is being written.
    pub(super) exports: ExportMenu,
    /// What of the screen is shown, and what stands around it: of a recording, not all.
    pub framing: Framing,
    /// The demo script that is being written.
    pub(super) script: Option<Box<ScriptWriter>>,
}

impl App {
    /// A playground that waits for the networks of `request`.
    pub fn live(
        layers: Layers,
        prompt: Option<String>,
        theme: Theme,
        examples: Vec<Example>,
        request: ModelRequest,
    ) -> Self {
        let races = prompt.is_none();
        let first = || examples.first().map(|example| example.prompt.clone()).unwrap_or_default();
        let prompt = prompt.unwrap_or_else(first);
        let mut app = Self::new(Origin::Live, EngineState::Loading, layers, &prompt, theme);
        app.examples = examples;
        app.race = Race::new(races);
        app.picker = ModelPicker::loading(request);
        app
    }

    /// Gives it presets to choose from beside the built-in ones.
    #[must_use]
    pub fn with_presets(mut self, library: PresetLibrary) -> Self {
        self.presets.library = library;
        self
    }

    /// Gives it other keys than those of the table.
    #[must_use]
    pub fn with_keys(mut self, keymap: Keymap) -> Self {
        self.keymap = keymap;
        self
    }

    /// A playground that shows a log and has no networks.
    pub fn replay(file: &str, log: Box<Log>, theme: Theme) -> Self {
        let origin = Origin::Replay { file: crate::printable::line(file) };
        let prompt = log.header().prompt.clone();
        let mut app = Self::new(origin, EngineState::Absent, Layers::default(), &prompt, theme);
        app.session = Session::of(Run::new(0, log, Phase::Over, Duration::ZERO).kept());
        app.focus = Focus::Canvas;
        app.playback.at = Some(0);
        app
    }

    /// A playground that compares two logs and has no networks.
    pub fn compare(file: &str, log: Box<Log>, (other, against): (&str, Box<Log>), theme: Theme) -> Self {
        let mut app = Self::replay(file, log, theme);
        let run = |id, file: &str, log| Run::new(id, log, Phase::Over, Duration::ZERO).read_from(file);
        if let Some(first) = app.session.shown().map(|first| run(0, file, first.log.clone())) {
            app.session = Session::of(run(1, other, against));
            app.session.start(first);
        }
        app.playback.at = None;
        app.comparison = RunComparison::of_shown(&app.session, None);
        app
    }

    pub(super) fn new(origin: Origin, engine: EngineState, layers: Layers, prompt: &str, theme: Theme) -> Self {
        Self {
            origin,
            engine,
            layers,
            layers_before: None,
            prompt: PromptEditor::new(prompt),
            focus: Focus::Prompt,
            overlays: Vec::new(),
            list: 0,
            session: Session::default(),
            asked: None,
            playback: Playback::default(),
            lens: Lens::default(),
            comparison: None,
            knobs: KnobPane::default(),
            figure: 0,
            picker: ModelPicker::default(),
            browser: RunBrowser::default(),
            presets: PresetPicker::default(),
            keymap: Keymap::default(),
            filter: String::new(),
            notice: None,
            theme,
            follows_ground: false,
            examples: Vec::new(),
            now: Duration::ZERO,
            drawn: FrameInfo::default(),
            redraw: Redraw::Soon,
            queued: false,
            last_run: 0,
            forking: None,
            planned: None,
            hands: None,
            line: None,
            events: (0, EventWalk::default()),
            begins: false,
            maps: MapCache::default(),
            motion: Motion::new(false),
            race: Race::new(false),
            first_shown: None,
            layer_before_tour: None,
            exports: ExportMenu::default(),
            framing: Framing::default(),
            script: None,
        }
    }

    /// As it is where nobody has chosen a theme: the terminal's own ground decides, once it is known.
    #[must_use]
    pub fn fitting_the_ground(self) -> Self {
        Self { follows_ground: true, ..self }
    }

    /// Where keys go.
    pub fn focus(&self) -> Focus {
        self.focus
    }

    /// The layers above the screen, the top one last.
    pub fn overlays(&self) -> &[Overlay] {
        &self.overlays
    }

    /// Selected row (or first visible line) of the top layer.
    pub fn list(&self) -> usize {
        self.list
    }

    /// How the canvas is read.
    pub fn lens(&self) -> &Lens {
        &self.lens
    }

    /// The shown run beside another one, while they are compared.
    pub fn comparison(&self) -> Option<&RunComparison> {
        self.comparison.as_ref()
    }

    /// The keys, as the user has them.
    pub fn keymap(&self) -> &Keymap {
        &self.keymap
    }

    /// Words that are typed into the palette or the help.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The knob pane.
    pub fn knobs(&self) -> &KnobPane {
        &self.knobs
    }

    /// The models and their picker.
    pub fn picker(&self) -> &ModelPicker {
        &self.picker
    }

    /// The kept runs and their browser.
    pub fn browser(&self) -> &RunBrowser {
        &self.browser
    }

    /// The line for the user.
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref().map(|(notice, _)| notice)
    }

    /// Prompts to choose from.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Where the last frame can be clicked, and what else the next event needs of it.
    pub fn drawn(&self) -> &FrameInfo {
        &self.drawn
    }

    /// How soon the next frame is needed.
    pub fn redraw(&self) -> Redraw {
        self.redraw
    }

    /// The time of the last tick.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Number of the last run that was asked for, from 1.
    pub fn last_run(&self) -> RunId {
        self.last_run
    }

    /// The runs of this sitting.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same, to be set up.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Whether the candidates of the selected position are open.
    pub fn has_hands(&self) -> bool {
        self.hands.is_some() && self.lens.selected.is_some() && self.focus == Focus::Canvas && self.run().is_some()
    }

    /// The run that is shown.
    pub fn run(&self) -> Option<&Run> {
        self.session.shown()
    }

    /// Whether the log is given, and no engine can add to it.
    pub fn is_replay(&self) -> bool {
        !matches!(self.origin, Origin::Live)
    }

    /// The layer that keys go to first.
    pub fn context(&self) -> Context {
        match self.overlays.last() {
            _ if self.line.is_some() => Context::Line,
            Some(Overlay::Runs) => Context::Runs,
            Some(Overlay::Help) => Context::Help,
            Some(Overlay::Legend) => Context::Legend,
            Some(Overlay::Gallery) => Context::Gallery,
            Some(Overlay::Presets) => Context::Presets,
            Some(Overlay::Models) => Context::Models,
            Some(Overlay::Kept) => Context::Kept,
            Some(Overlay::SavePreset) => Context::PresetName,
            Some(Overlay::Tour) => Context::Tour,
            Some(Overlay::Palette) => Context::Palette,
            Some(Overlay::Copy) => Context::Copy,
            Some(Overlay::Export) if self.exports.kind(self.list) == Some(ExportRowKind::Choice) => Context::Export,
            Some(Overlay::Export) => Context::ExportText,
            None => self.context_below(),
        }
    }

    /// The same where nothing lay above the screen.
    pub fn context_below(&self) -> Context {
        let find = self.lens.find.as_ref().filter(|_| self.comparison.is_some() || self.focus == Focus::Canvas);
        match (self.focus, find) {
            _ if self.knobs.entry.is_some() && self.comparison.is_none() => Context::Entry,
            _ if self.has_hands() && self.comparison.is_none() => Context::Hands,
            (_, Some(find)) if find.is_typed => Context::FindEntry,
            (_, Some(_)) => Context::Find,
            _ => self.pane(),
        }
    }

    /// The pane that has the focus.
    pub fn pane(&self) -> Context {
        match self.focus {
            _ if self.comparison.is_some() => Context::Compare,
            Focus::Prompt => Context::Prompt,
            Focus::Canvas => Context::Canvas,
            Focus::Knobs if self.is_typing_filter() => Context::KnobFilter,
            Focus::Knobs => Context::Knobs,
            Focus::Figures => Context::Figures,
        }
    }

    /// The key that an action has in a context, as it is written.
    pub fn key_name(&self, action: &Action, context: Context, signs: bool) -> Option<String> {
        self.keymap.key_of(action, context).map(|key| key.name(signs))
    }

    /// Where the meaning of a key is looked for, in this order.
    pub fn contexts(&self) -> impl Iterator<Item = Context> + use<> {
        let context = self.context();
        let below = (context == Context::Find).then(|| self.pane());
        std::iter::once(context).chain(below)
    }

    fn is_typing_filter(&self) -> bool {
        self.knobs.filter.as_ref().is_some_and(|filter| filter.is_typed)
    }

    /// What the pair can make of the prompt in the editor.
    pub fn reading(&self) -> Reading {
        Reading::of(&self.prompt.text())
    }

    /// The log that is shown.
    pub fn log(&self) -> Option<&Log> {
        self.run().map(|run| &*run.log)
    }

    /// Number of steps of the log that is shown.
    pub fn len(&self) -> usize {
        self.log().map_or(0, Log::len)
    }

    /// Whether there is no step to show.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of steps that are shown done.
    pub fn shown(&self) -> usize {
        self.playback.shown(self.len())
    }

    /// Whether the shown run can still make steps.
    pub fn is_under_way(&self) -> bool {
        self.run().is_some_and(Run::is_under_way)
    }

    /// How far the shown run is.
    pub fn phase(&self) -> Option<&Phase> {
        self.run().map(|run| &run.phase)
    }

    /// The figures that the pane has for the shown run.
    pub fn figures(&self) -> Vec<&'static Figure> {
        let measured = |log| Measured::of(log, 0, self.plain_beside());
        self.log().map(measured).map_or_else(Vec::new, |measured| Figure::of_pane(&measured))
    }

    /// The figure that is explained, while their pane has the focus.
    pub fn chosen_figure(&self) -> Option<&'static Figure> {
        if self.focus != Focus::Figures {
            return None;
        }
        let figures = self.figures();
        let chosen = figures.iter().find(|figure| figure.index() == self.figure);
        chosen.or(figures.first()).copied()
    }

    /// Whether the newest step is shown.
    pub fn follows(&self) -> bool {
        self.playback.at.is_none()
    }

    /// The settings to show: those that the shown step used in a replay, else the ones in force.
    pub fn settings(&self) -> Settings {
        match (self.is_replay(), self.log()) {
            (true, Some(log)) => log.settings_at(self.shown()),
            _ => self.layers.resolve(),
        }
    }

    /// Indexes of the knobs that the pane lists: those that do something beside the others, the selected one, and those
    /// that were turned by hand; or all; or those that the filter leaves.
    pub fn listed_knobs(&self) -> Vec<usize> {
        if let Some(filter) = self.knobs.filter.as_ref().filter(|filter| !filter.text.trim().is_empty()) {
            return (0..KNOBS.len()).filter(|index| filter.leaves(&KNOBS[*index])).collect();
        }
        let settings = self.settings();
        let listed = |(index, knob): &(usize, &Knob)| {
            self.knobs.all || knob.acts(&settings) || *index == self.knobs.selected || self.layers.is_live(knob.name)
        };
        KNOBS.iter().enumerate().filter(listed).map(|(index, _)| index).collect()
    }

    /// Whether a guide is loaded.
    pub fn has_guide(&self) -> bool {
        match &self.engine {
            EngineState::Ready { guide, .. } => guide.is_some(),
            EngineState::Loading => true,
            EngineState::Failed(_) => false,
            EngineState::Absent => self.log().is_some_and(|log| log.header().guide.is_some()),
        }
    }

    /// The models to name: those of the shown run, else the loaded ones.
    pub fn models(&self) -> Option<(&ModelCard, Option<&ModelCard>)> {
        if let Some(log) = self.log() {
            return Some((&log.header().denoiser, log.header().guide.as_ref()));
        }
        match &self.engine {
            EngineState::Ready { denoiser, guide } => Some((&**denoiser, guide.as_ref())),
            _ => None,
        }
    }

    /// Whether the denoiser is the embedded one, as far as is known.
    pub fn has_embedded_pair(&self) -> bool {
        self.models().is_none_or(|(denoiser, _)| denoiser.name == "embedded")
    }

    /// Shows a line for a while.
    pub(super) fn tell(&mut self, notice: Notice) {
        self.notice = Some((notice, self.now + NOTICE_STAYS));
    }

    /// Takes the settings in force to the engine, if a run is under way, shown or not.
    pub(super) fn configure(&self) -> Vec<Effect> {
        if self.session.under_way().is_some() {
            vec![Effect::Engine(Command::Configure(Box::new(self.layers.resolve())))]
        } else {
            Vec::new()
        }
    }

    /// When time itself will do something: change the picture, or ask for the next step of a run.
    pub fn next_tick(&self) -> Option<Duration> {
        let step = self.wants_step().then_some(self.playback.asks_at);
        self.next_change().into_iter().chain(step).min()
    }

    /// When time itself will change the picture; `None` while nothing moves.
    pub fn next_change(&self) -> Option<Duration> {
        let waits_for_networks = self.engine == EngineState::Loading || self.picker.loading.is_some();
        let turns = self.now.as_millis() / SPINNER_TURN.as_millis();
        let waits = waits_for_networks || self.exports.writing.is_some();
        let spinner = waits.then(|| SPINNER_TURN * (turns as u32 + 1));
        let cursor = self.playback.playing.then_some(self.playback.due);
        let notice = self.notice.as_ref().map(|(_, until)| *until);
        [spinner, cursor, notice, self.next_motion()].into_iter().flatten().min()
    }

    /// Whether the engine should be asked for a step when it is due: of the run under way, shown or not.
    pub fn wants_step(&self) -> bool {
        let runs = self.session.under_way().is_some_and(|run| run.phase == Phase::Running);
        runs && !self.playback.full_speed && !self.playback.awaits_step
    }
}
