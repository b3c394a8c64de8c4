//! The event loop: waits for keys, news from the engine, signals and due times, and draws once for all that has come.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;

use super::{
    action::{Action, Effect, Notice},
    app::{App, Engine as EngineState},
    examples::examples,
    input,
    library::Library,
    terminal::{self, Screen},
    theme::{Environment, Theme},
    update::update,
};
use crate::{
    engine::{Engine, ModelRequest},
    settings::Layers,
    trace::{self, Log, printable},
};

/// News are drawn at most this often: a run at full speed makes more steps than a screen can show, and a held key more
/// events.
const FRAME: Duration = Duration::from_millis(16);

/// What the playground starts from.
pub struct PlayOptions {
    /// The settings, in layers.
    pub layers: Layers,
    /// The prompt in the editor; the gallery's first without one.
    pub prompt: Option<String>,
    /// Where logs come from.
    pub source: Source,
    /// "dark" or "light"; what fits the terminal without one.
    pub theme: Option<String>,
    /// Whether the mouse is used. Without it the terminal's own selection of text works as usual.
    pub mouse: bool,
}

/// Where logs come from.
pub enum Source {
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
    },
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Live(request) => f.debug_tuple("Live").field(request).finish(),
            Self::Replay { file, .. } => f.debug_struct("Replay").field("file", file).finish_non_exhaustive(),
        }
    }
}

/// Opens the playground, and returns when the user leaves it.
///
/// # Errors
/// When there is no terminal, when the theme is unknown, or when the terminal fails. It is given back in every case.
pub fn play(options: PlayOptions) -> anyhow::Result<()> {
    anyhow::ensure!(
        terminal::is_there(),
        "the playground needs a terminal to draw on: run it in one, or use `diffuscope run`, which prints"
    );
    let name = options.theme.as_deref().map(str::parse).transpose().map_err(anyhow::Error::msg)?;
    let theme = Theme::detect(name, &Environment::of_process());
    let (mut app, request) = match options.source {
        Source::Live(request) => {
            let mut app = App::live(options.layers, options.prompt, theme, examples());
            app.picker = Library::loading((*request).clone());
            (app, Some(request))
        }
        Source::Replay { file, log, warnings } => {
            let mut app = App::replay(&file, log, theme);
            if !warnings.is_empty() {
                app.tell(Notice::error(warnings.join("; ")));
            }
            (app, None)
        }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the event loop")?;
    let mut engine = None;
    runtime.block_on(async {
        // Before the terminal is taken: a signal must never find it taken and nobody listening.
        let signals = Signals::new().context("listening for signals")?;
        let mut screen = Screen::take(options.mouse).context("taking the terminal over")?;
        // The first frame does not wait for the networks.
        screen.draw(&mut app).context("drawing")?;
        if let Some(request) = request {
            engine = Some(Engine::open(*request).context("starting the engine's thread")?);
        }
        event_loop(&mut app, &mut screen, &mut engine, signals).await
    })
}

/// Something that came.
enum News {
    Terminal(Option<io::Result<Event>>),
    Engine(Option<crate::engine::protocol::Event>),
    Signal,
    Due,
}

async fn event_loop(
    app: &mut App,
    screen: &mut Screen,
    engine: &mut Option<Engine>,
    mut signals: Signals,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut keys = EventStream::new();
    let mut last_frame = Instant::now();
    let mut stale = false;
    loop {
        let tick = app.next_tick().map(|due| started + due);
        let frame = stale.then(|| last_frame + FRAME);
        let due = [tick, frame].into_iter().flatten().min();
        let news = tokio::select! {
            event = keys.next() => News::Terminal(event),
            () = signals.next() => News::Signal,
            event = next_event(engine) => News::Engine(event),
            () = sleep_until(due) => News::Due,
        };
        let mut leaves = perform(app, Action::Tick(started.elapsed()), screen, engine)?;
        match news {
            News::Terminal(None) | News::Signal => return Ok(()),
            News::Terminal(Some(event)) => {
                // One at a time: the stream keeps the waker of the poll that found it empty, so a look ahead that does
                // not wait would leave nobody to be woken by the next key.
                leaves |= take(app, event.context("reading the terminal")?, screen, engine)?;
            }
            News::Engine(Some(event)) => {
                leaves |= perform(app, Action::Engine(Box::new(event)), screen, engine)?;
                // Bounded, so that an engine at full speed cannot keep keys waiting.
                for _ in 0..64 {
                    let Some(event) = engine.as_mut().and_then(Engine::poll) else {
                        break;
                    };
                    leaves |= perform(app, Action::Engine(Box::new(event)), screen, engine)?;
                }
            }
            News::Engine(None) => {
                *engine = None;
                app.engine = EngineState::Failed("the engine's thread has ended".to_owned());
                app.tell(Notice::error("the engine's thread has ended: leave and start diffuscope anew"));
            }
            News::Due => {}
        }
        if leaves {
            return Ok(());
        }
        stale = true;
        if last_frame.elapsed() >= FRAME {
            screen.draw(app).context("drawing")?;
            last_frame = Instant::now();
            stale = false;
        }
    }
}

/// Takes an event of the terminal in; tells whether to leave.
fn take(app: &mut App, event: Event, screen: &mut Screen, engine: &mut Option<Engine>) -> anyhow::Result<bool> {
    match input::action(app, event) {
        Some(action) => perform(app, action, screen, engine),
        None => Ok(false),
    }
}

/// Updates the state and performs what follows; tells whether to leave.
fn perform(app: &mut App, action: Action, screen: &mut Screen, engine: &mut Option<Engine>) -> anyhow::Result<bool> {
    for effect in update(app, action) {
        match effect {
            Effect::Engine(command) => {
                if let Some(engine) = engine {
                    engine.send(command);
                }
            }
            Effect::SaveTrace(name) => {
                let Some(run) = &app.run else { continue };
                let outcome = match trace::file::save(&run.log, Path::new(&name)) {
                    Ok(file) => {
                        Action::Saved { run: run.id, file: printable::line(&file.display().to_string()) }
                    }
                    Err(error) => Action::Tell(Notice::error(error.to_string())),
                };
                update(app, outcome);
            }
            Effect::Repaint => screen.repaint().context("clearing the terminal")?,
            Effect::Suspend => screen.suspend().context("suspending")?,
            Effect::Quit => return Ok(true),
        }
    }
    Ok(false)
}

async fn next_event(engine: &mut Option<Engine>) -> Option<crate::engine::protocol::Event> {
    match engine {
        Some(engine) => engine.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// The signals that ask a program to leave.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?]))
    }

    async fn next(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The signal that asks a program to leave.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
