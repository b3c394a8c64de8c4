//! The event loop: waits for keys, news from the engine, signals and due times, and draws once for all that has come.

use std::{io, path::Path, time::Instant};

use anyhow::Context;
use crossterm::event::{Event, KeyEventKind, MouseEventKind};
use futures_util::StreamExt;
#[cfg(unix)]
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    action::{Action, Effect, Notice},
    app::App,
    autosave::Addition,
    demo::{DemoScript, Director},
    diary::Diary,
    examples::examples,
    exporting::{ExportForm, ExportNews, ExportUnderWay},
    ground::{Keyboard, Typed},
    input,
    keymap::Keymap,
    pacing::FrameClock,
    recording::Framing,
    terminal::{Screen, check},
    theme::{Environment, Theme, ThemeName},
    update::update,
};
#[cfg(unix)]
use crate::process::{self, signals::Heard};
use crate::{
    engine::{InProcess, Link, ModelRequest, protocol},
    kept::{KeepLimit, Keeper, KeptNews, StateFolder},
    output, printable,
    settings::{Layers, PresetLibrary},
    trace::{self, Log},
};

/// What the playground starts from.
pub struct PlayOptions {
    /// The settings, in layers.
    pub layers: Layers,
    /// The prompt in the editor; the gallery's first without one.
    pub prompt: Option<String>,
    /// Where logs come from.
    pub source: LogSource,
    /// The presets to choose from.
    pub presets: PresetLibrary,
    /// A theme's name. Without one, the theme that was chosen last, else what fits the terminal.
    pub theme: Option<String>,
    /// Whether the mouse is used. Without it the terminal's own selection of text works as usual.
    pub mouse: bool,
    /// Whether things may move by themselves.
    pub motion: bool,
    /// Where runs, prompts and the theme are kept.
    pub state: Option<StateFolder>,
    /// How much is kept of what happens now; nothing is, without one.
    pub autosave: Option<KeepLimit>,
    /// Bytes of memory that the runs may take together; the usual many without it.
    pub memory: Option<u64>,
    /// The keys, as the user has them.
    pub keys: Keymap,
    /// What makes recordings and tables.
    pub exports: Box<dyn ExportForm>,
    /// Something to be said at the start.
    pub warning: Option<String>,
    /// A demo that is played, until a key takes over.
    pub demo: Option<DemoScript>,
}

/// Where logs come from.
pub enum LogSource {
    /// From an engine, which has these models loaded first.
    Live(Box<ModelRequest>),
    /// From a file.
    Replay {
        /// Its name, for people.
        file: String,
        /// What it holds.
        log: Box<Log>,
        /// What was odd about it.
        warnings: Vec<String>,
        /// The name of another file, and what that holds: the two are compared.
        against: Option<(String, Box<Log>)>,
    },
}

impl std::fmt::Debug for LogSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Live(request) => f.debug_tuple("Live").field(request).finish(),
            Self::Replay { file, .. } => f.debug_struct("Replay").field("file", file).finish_non_exhaustive(),
        }
    }
}

/// How the playground was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// By a key.
    ByUser,
    /// By the signal of this number.
    BySignal(i32),
}

/// Opens the playground, and returns when the user leaves it.
///
/// # Errors
/// When there is no terminal, when the theme is unknown, or when the terminal fails. It is given back in every case.
pub fn play(options: PlayOptions) -> anyhow::Result<Left> {
    let environment = Environment::of_process();
    // Where keys cannot come at all, taking the terminal fails.
    check(&environment, true).map_err(anyhow::Error::msg)?;
    let chosen = chosen_theme(&options).map_err(anyhow::Error::msg)?;
    let theme = Theme::detect(chosen, &environment);
    let mut warnings: Vec<String> = options.presets.warnings().collect();
    let (app, request) = match options.source {
        LogSource::Live(request) => {
            let app = App::live(options.layers, options.prompt, theme, examples(), (*request).clone());
            (app, Some(request))
        }
        LogSource::Replay { file, log, warnings: odd, against } => {
            warnings.extend(odd);
            let app = match against {
                Some((other, against)) => App::compare(&file, log, (&other, against), theme),
                None => App::replay(&file, log, theme),
            };
            (app, None)
        }
    };
    warnings.extend(options.warning);
    let mut app = app
        .with_presets(options.presets)
        .with_keys(options.keys)
        .with_motion(options.motion)
        .with_exports(options.exports);
    if let Some(bytes) = options.memory {
        app.session.set_budget(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    if chosen.is_none() {
        app = app.fitting_the_ground();
    }
    let demo = options.demo.map(|script| begin_demo(&mut app, &script)).transpose()?;
    if !warnings.is_empty() {
        update(&mut app, Action::Tell(Notice::error(warnings.join("; "))));
    }
    let Theme { name, level, .. } = app.theme;
    log::info!("theme {name:?}, colours {level:?}, mouse {}", options.mouse);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the event loop")?;
    let left = runtime.block_on(async {
        // Before the terminal is taken: a signal must never find it taken and no handler set.
        let signals = Signals::new().context("listening for signals")?;
        let screen = Screen::take(options.mouse, theme.level).context("taking the terminal over")?;
        let mut keyboard = Keyboard::new()?;
        let mut outside = Outside { screen, engine: None, keeper: None, export: None, state: options.state };
        if chosen.is_none() && environment.knows_its_ground() {
            outside.screen.ask_ground()?;
            if let Some(ground) = keyboard.answer().await {
                update(&mut app, Action::Ground(ground));
            }
        }
        // The first frame does not wait for the networks.
        draw(&mut app, &mut outside.screen)?;
        if let Some(request) = request {
            let link = InProcess::open(*request).context("starting the engine's thread")?;
            outside.engine = Some(Box::new(link));
        }
        if let Some(folder) = &outside.state {
            match Keeper::open(folder, options.autosave) {
                Ok(keeper) => outside.keeper = Some(keeper),
                Err(error) => {
                    update(&mut app, Action::Tell(Notice::error(format!("runs are not kept: {error}"))));
                }
            }
        }
        event_loop(&mut app, &mut outside, keyboard, signals, demo).await
    });
    log::info!("left: {left:?}");
    // Nothing can be drawn on a terminal that has gone, and its signal may come later.
    #[cfg(unix)]
    if left.is_err() && process::terminal::is_raw().is_err() {
        return Ok(Left::BySignal(SIGHUP));
    }
    left
}

/// Sets the stage of a demo.
fn begin_demo(app: &mut App, script: &DemoScript) -> anyhow::Result<Director> {
    app.framing = script.framing();
    Ok(Director::new(script)?)
}

/// The theme that somebody has chosen: by a flag or in the configuration, else by a key at an earlier time.
fn chosen_theme(options: &PlayOptions) -> Result<Option<ThemeName>, String> {
    let remembered = || options.state.as_ref()?.theme()?.parse().ok();
    options.theme.as_deref().map_or_else(|| Ok(remembered()), |name| name.parse().map(Some))
}

/// What the state is shown on, fed by and kept with. Dropped in this order: the terminal is given back first.
struct Outside {
    screen: Screen,
    engine: Option<Box<dyn Link>>,
    keeper: Option<Keeper>,
    export: Option<ExportUnderWay>,
    state: Option<StateFolder>,
}

/// Something that came.
enum News {
    Terminal(Option<io::Result<Typed>>),
    Engine(Option<Box<protocol::Event>>),
    Kept(KeptNews),
    Export(ExportNews),
    Signal(SignalRequest),
    Written(io::Result<()>),
    Due,
}

async fn event_loop(
    app: &mut App,
    outside: &mut Outside,
    mut keyboard: Keyboard,
    mut signals: Signals,
    mut demo: Option<Director>,
) -> anyhow::Result<Left> {
    let started = Instant::now();
    let mut clock = FrameClock::default();
    loop {
        // A terminal that is behind sees fewer frames, and holds nothing up.
        let frame = if outside.screen.is_idle() { clock.due(app.redraw()) } else { None };
        let cue = demo.as_ref().and_then(Director::due);
        let due = [app.next_tick(), frame, cue].into_iter().flatten().min().map(|due| started + due);
        let news = tokio::select! {
            event = keyboard.next() => News::Terminal(event),
            request = signals.next() => News::Signal(request),
            event = next_event(&mut outside.engine) => News::Engine(event.map(Box::new)),
            news = next_kept(&mut outside.keeper) => News::Kept(news),
            news = next_export(&mut outside.export) => News::Export(news),
            written = outside.screen.written() => News::Written(written),
            () = sleep_until(due) => News::Due,
        };
        let mut leaves = perform(app, Action::Tick(started.elapsed()), outside)?;
        match news {
            News::Terminal(None) => return Ok(Left::ByUser),
            News::Signal(SignalRequest::Leave(signal)) => return Ok(Left::BySignal(signal)),
            #[cfg(unix)]
            News::Signal(request @ (SignalRequest::Suspend | SignalRequest::Resume)) => {
                match request {
                    SignalRequest::Suspend => outside.screen.suspend().context("suspending")?,
                    _ => outside.screen.resume().context("taking the terminal over again")?,
                }
                perform(app, Action::Exposed, outside)?;
            }
            News::Terminal(Some(event)) => {
                // One at a time: the stream keeps the waker of the poll that found it empty, so a look ahead that does
                // not wait would leave no task for the next key to wake.
                leaves |= take(app, event.context("reading the terminal")?, &mut demo, outside)?;
            }
            News::Engine(Some(event)) => {
                leaves |= perform(app, Action::Engine(event), outside)?;
                // Bounded, so that an engine at full speed cannot keep keys waiting.
                for _ in 0..64 {
                    let Some(event) = outside.engine.as_mut().and_then(|engine| engine.poll()) else {
                        break;
                    };
                    leaves |= perform(app, Action::Engine(Box::new(event)), outside)?;
                }
            }
            News::Engine(None) => {
                outside.engine = None;
                leaves |= perform(app, Action::EngineGone, outside)?;
            }
            News::Kept(news) => leaves |= perform(app, Action::Kept(Box::new(news)), outside)?,
            News::Export(news) => leaves |= perform(app, Action::Export(news), outside)?,
            News::Written(written) => written.context("drawing")?,
            News::Due => {}
        }
        leaves |= direct(app, &mut demo, outside)?;
        if leaves {
            return Ok(Left::ByUser);
        }
        let now = started.elapsed();
        if outside.screen.is_idle() && clock.due(app.redraw()).is_some_and(|due| due <= now) {
            draw(app, &mut outside.screen)?;
            clock.drew(now, started.elapsed());
        }
    }
}

/// Does what a demo does now. Returns whether to leave.
fn direct(app: &mut App, demo: &mut Option<Director>, outside: &mut Outside) -> anyhow::Result<bool> {
    while let Some(director) = demo {
        match director.next(app) {
            Ok(Some(action)) => {
                if perform(app, action, outside)? {
                    return Ok(true);
                }
            }
            Ok(None) if !director.is_over() => break,
            Ok(None) => end_demo(app, demo, Notice::note("the demo is over: the playground is yours")),
            Err(miscue) => end_demo(app, demo, Notice::error(miscue)),
        }
    }
    Ok(false)
}

/// Gives the whole screen to the user.
fn end_demo(app: &mut App, demo: &mut Option<Director>, notice: Notice) {
    *demo = None;
    app.framing = Framing::default();
    update(app, Action::Tell(notice));
}

/// Draws a frame.
fn draw(app: &mut App, screen: &mut Screen) -> anyhow::Result<()> {
    let frame = screen.draw(app).context("drawing")?;
    update(app, Action::Drawn(Box::new(frame)));
    Ok(())
}

/// Takes in what came from the terminal; the first key takes over from a demo. Returns whether to leave.
fn take(app: &mut App, typed: Typed, demo: &mut Option<Director>, outside: &mut Outside) -> anyhow::Result<bool> {
    if demo.is_some() && matches!(&typed, Typed::Event(event) if is_interference(event)) {
        end_demo(app, demo, Notice::note("the demo stops here: the playground is yours"));
        return Ok(matches!(&typed, Typed::Event(event) if is_quit(app, event)));
    }
    let action = match typed {
        Typed::Event(event) => input::action(app, event),
        Typed::Ground(ground) => Some(Action::Ground(ground)),
    };
    match action {
        Some(action) => perform(app, action, outside),
        None => Ok(false),
    }
}

/// Whether somebody means to do something.
fn is_interference(event: &Event) -> bool {
    match event {
        Event::Key(key) => key.kind != KeyEventKind::Release,
        Event::Mouse(mouse) => !matches!(mouse.kind, MouseEventKind::Moved),
        Event::Paste(_) => true,
        Event::Resize(..) | Event::FocusGained | Event::FocusLost => false,
    }
}

fn is_quit(app: &App, event: &Event) -> bool {
    input::action(app, event.clone()) == Some(Action::Quit)
}

/// Updates the state and performs what follows. Returns whether to leave.
fn perform(app: &mut App, action: Action, outside: &mut Outside) -> anyhow::Result<bool> {
    let Outside { screen, engine, keeper, export, state } = outside;
    let addition = match &action {
        Action::Engine(event) => Addition::of(event),
        _ => None,
    };
    let diary = Diary::before(app, &action);
    let effects = update(app, action);
    diary.note(app);
    if let (Some(keeper), Some(addition)) = (&*keeper, addition) {
        addition.keep(keeper, &app.session);
    }
    for effect in effects {
        match effect {
            Effect::Engine(command) => {
                if let Some(engine) = engine {
                    engine.send(command);
                }
            }
            Effect::Kept(request) => match keeper {
                Some(keeper) => keeper.ask(request),
                None => drop(update(app, Action::Kept(Box::new(KeptNews::without_folder())))),
            },
            Effect::SaveTrace(name) => {
                let Some(run) = app.run() else { continue };
                let outcome = trace::file::save(&run.log, Path::new(&name));
                log::info!("run {}: saved as {name}: {:?}", run.id, outcome.as_ref().err());
                let outcome = match outcome {
                    Ok(file) => Action::Saved { run: run.id, file: printable::line(&file.display().to_string()) },
                    Err(error) => Action::Tell(Notice::error(error.to_string())),
                };
                update(app, outcome);
            }
            Effect::Export { replaces } => match app.begin_export(replaces) {
                Ok(begun) => *export = Some(begun),
                Err(why) => drop(update(app, Action::Export(ExportNews::Failed(why)))),
            },
            Effect::CancelExport => export.iter().for_each(ExportUnderWay::cancel),
            Effect::SavePreset(preset) => {
                let outcome = match app.presets().library.save(&preset) {
                    Ok(file) => Ok(printable::line(&file.display().to_string())),
                    Err(error) => Err(error.to_string()),
                };
                update(app, Action::PresetSaved { preset, outcome });
            }
            Effect::SaveDemo(text) => {
                let saved =
                    output::create_numbered(Path::new("diffuscope-demo.toml"), |out| out.write_all(text.as_bytes()));
                let notice = match saved {
                    Ok(file) => {
                        let file = printable::line(&file.display().to_string());
                        Notice::note(format!("saved as {file}; `diffuscope demo {file}` plays it"))
                    }
                    Err(error) => Notice::error(format!("the demo script cannot be written: {error}")),
                };
                update(app, Action::Tell(notice));
            }
            Effect::RememberTheme(name) => {
                if let Some(Err(why)) = state.as_ref().map(|state| state.keep_theme(name.entry().word)) {
                    update(app, Action::Tell(Notice::error(why)));
                }
            }
            Effect::Copy(text) => screen.copy(&text).context("writing to the clipboard")?,
            Effect::Repaint => screen.repaint().context("clearing the terminal")?,
            Effect::Suspend => screen.suspend().context("suspending")?,
            Effect::Quit => return Ok(true),
        }
    }
    Ok(false)
}

async fn next_event(engine: &mut Option<Box<dyn Link>>) -> Option<protocol::Event> {
    match engine {
        Some(engine) => engine.next().await,
        None => std::future::pending().await,
    }
}

async fn next_kept(keeper: &mut Option<Keeper>) -> KeptNews {
    match keeper {
        Some(keeper) => keeper.next().await,
        None => std::future::pending().await,
    }
}

async fn next_export(export: &mut Option<ExportUnderWay>) -> ExportNews {
    let Some(under_way) = export else { return std::future::pending().await };
    let news = under_way.next().await;
    if news.as_ref().is_none_or(ExportNews::is_last) {
        *export = None;
    }
    news.unwrap_or_else(|| ExportNews::Failed("the export has ended without a word".to_owned()))
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// What a signal asks for.
enum SignalRequest {
    /// To leave; the signal's number.
    Leave(i32),
    /// To give the terminal to the shell.
    #[cfg(unix)]
    Suspend,
    /// To take it again, after a stop that may have left no time to give it.
    #[cfg(unix)]
    Resume,
}

/// The signals that ask for something.
#[cfg(unix)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    stop: Signal,
    proceed: Signal,
    _heard: Heard,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        let heard = Heard::begin()?;
        let listen = |number| signal(SignalKind::from_raw(number));
        Ok(Self {
            terminate: listen(SIGTERM)?,
            interrupt: listen(SIGINT)?,
            hangup: listen(SIGHUP)?,
            stop: listen(SIGTSTP)?,
            proceed: listen(SIGCONT)?,
            _heard: heard,
        })
    }

    async fn next(&mut self) -> SignalRequest {
        tokio::select! {
            _ = self.terminate.recv() => SignalRequest::Leave(SIGTERM),
            _ = self.interrupt.recv() => SignalRequest::Leave(SIGINT),
            _ = self.hangup.recv() => SignalRequest::Leave(SIGHUP),
            _ = self.stop.recv() => SignalRequest::Suspend,
            _ = self.proceed.recv() => SignalRequest::Resume,
        }
    }
}

/// The signal that asks for something.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> SignalRequest {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        SignalRequest::Leave(2)
    }
}
