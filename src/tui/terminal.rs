//! Taking the terminal over, and giving it back whatever happens: on leaving, on a panic, on a signal, on suspension.

use std::{
    io::{self, IsTerminal, Write, stdout},
    panic,
    sync::{Mutex, Once, PoisonError},
    thread,
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor::{SetCursorStyle, Show},
    event::{
        DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
        EnableMouseCapture, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
    },
    execute, queue,
    style::ResetColor,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend};

use super::{
    app::App,
    frames::{FrameBuffer, FrameWriter, to_terminal},
    ground::QUESTION,
    theme::{Environment, Level},
    view,
};
#[cfg(unix)]
use crate::process::signals;
use crate::{panics, process::terminal as state};

static HOOK: Once = Once::new();

/// Panics of other threads, reported when the terminal is given back: before, they would only spoil the picture.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The terminal while it is ours. Dropping it gives it back.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<FrameBuffer>>,
    /// What the terminal draws into.
    buffer: FrameBuffer,
    frames: FrameWriter,
    modes: Modes,
}

/// What is switched on beside raw mode and the alternate screen.
#[derive(Debug, Clone, Copy)]
struct Modes {
    mouse: bool,
    /// Shift-Enter and the like need it; asked of terminals that are known to understand, because the others are not
    /// bound to ignore it.
    keyboard: bool,
}

/// Whether there is a terminal to draw on and to read keys from; where standard input `is_piped`, keys come from the
/// terminal that the process belongs to.
///
/// # Errors
/// One sentence that says what is missing.
pub fn check(environment: &Environment, is_piped: bool) -> Result<(), String> {
    let has_keyboard = io::stdin().is_terminal() || is_piped && state::has_keyboard();
    if !stdout().is_terminal() || !has_keyboard {
        return Err("the playground needs a terminal: run it in one, or use `diffuscope run`, which prints an answer"
            .to_owned());
    }
    match (environment.places_text(), &environment.term) {
        (true, _) => Ok(()),
        (false, Some(term)) => Err(format!(
            "the playground needs a terminal that can place text, and TERM says that this one is {}: use `diffuscope \
             run`, which prints an answer",
            crate::printable::line(term)
        )),
        (false, None) => Err("the playground must know what the terminal can do, and TERM is not set: set it, most \
                              often to xterm-256color, or use `diffuscope run`, which prints an answer"
            .to_owned()),
    }
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn take(mouse: bool, level: Level) -> io::Result<Self> {
        HOOK.call_once(hook);
        #[cfg(unix)]
        signals::wait_for_foreground()?;
        let modes = Modes { mouse, keyboard: understands_keyboard_flags() };
        let frames = FrameWriter::start(to_terminal(level))?;
        enter(modes)?;
        let buffer = FrameBuffer::default();
        let terminal = Terminal::new(CrosstermBackend::new(buffer.clone()))?;
        Ok(Self { terminal, buffer, frames, modes })
    }

    /// Whether the terminal has taken every frame that was drawn.
    pub(super) fn is_idle(&self) -> bool {
        self.frames.is_idle()
    }

    /// Waits until the terminal has taken the last frame; for ever where it has.
    ///
    /// # Errors
    /// Those of writing it.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        self.frames.written().await
    }

    /// Draws a frame, which the terminal shows at once and whole. Returns where it can be clicked.
    pub(super) fn draw(&mut self, app: &App) -> io::Result<view::FrameInfo> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let mut drawn = view::FrameInfo::default();
        self.terminal.draw(|frame| {
            drawn = view::draw(app, frame.area(), frame.buffer_mut());
            if let Some(cursor) = drawn.cursor {
                frame.set_cursor_position(cursor);
            }
        })?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.frames.write(self.buffer.take());
        Ok(drawn)
    }

    /// Asks the terminal for its own background; the answer comes among the keys, if at all.
    pub(super) fn ask_ground(&mut self) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.write_all(QUESTION.as_bytes())?;
        out.flush()
    }

    /// Puts a text into the clipboard of the terminal, which does not say whether it took it.
    pub(super) fn copy(&mut self, text: &str) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))?;
        self.terminal.backend_mut().flush()
    }

    /// Forgets what the terminal shows, so that the next frame is drawn whole. Asks the terminal nothing: not every one
    /// answers, and none answers at once.
    pub(super) fn repaint(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Gives the terminal to the shell until the process is continued.
    #[cfg(unix)]
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.frames.settle();
        give_back();
        signals::stop()?;
        self.resume()
    }

    /// There is no suspension here.
    #[cfg(not(unix))]
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        let _ = self.modes;
        Ok(())
    }

    /// Takes the terminal over after the process was stopped, whether or not it could give it back before.
    #[cfg(unix)]
    pub(super) fn resume(&mut self) -> io::Result<()> {
        signals::wait_for_foreground()?;
        if state::is_taken() && state::is_raw()? {
            // The modes are as they were, or the shell has set ours again; it may have switched others off.
            switch_on(self.modes)?;
        } else {
            self.frames.settle();
            // Also where raw mode seems to be on: it is not.
            disable_raw_mode()?;
            give_back();
            enter(self.modes)?;
        }
        self.repaint()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Has a panic of this thread, which draws, give the terminal back. Those of other threads leave it: the playground
/// lives on.
fn hook() {
    let (otherwise, own) = (panic::take_hook(), thread::current().id());
    panic::set_hook(Box::new(move |info| {
        // A panic inside a step is caught, reported and survived: the screen stays.
        if !panics::is_catching() && thread::current().id() == own {
            give_back();
        } else if !panics::is_catching() && state::is_taken() {
            let report = panics::describe(info);
            log::error!("panic: {report}");
            reports().push(report);
            return;
        }
        otherwise(info);
    }));
}

fn reports() -> std::sync::MutexGuard<'static, Vec<String>> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn enter(modes: Modes) -> io::Result<()> {
    state::take(&undo(modes)?)?;
    enable_raw_mode().inspect_err(|_| {
        state::release();
    })?;
    execute!(stdout(), EnterAlternateScreen)?;
    if modes.keyboard {
        execute!(stdout(), PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES))?;
    }
    switch_on(modes)
}

/// Switches on what does not mind being switched on twice.
fn switch_on(modes: Modes) -> io::Result<()> {
    execute!(stdout(), EnableBracketedPaste, EnableFocusChange, SetCursorStyle::SteadyBar)?;
    if modes.mouse {
        execute!(stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// What undoes everything that [`enter`] may have switched on, and a frame that was cut short. What was not on is not
/// disturbed by being switched off.
fn undo(modes: Modes) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    if modes.keyboard {
        queue!(out, PopKeyboardEnhancementFlags)?;
    }
    queue!(
        out,
        EndSynchronizedUpdate,
        ResetColor,
        DisableMouseCapture,
        DisableBracketedPaste,
        DisableFocusChange,
        SetCursorStyle::DefaultUserShape,
        Show,
        LeaveAlternateScreen
    )?;
    Ok(out)
}

/// Gives the terminal back, if it is ours.
fn give_back() {
    if !state::release() {
        return;
    }
    let modes = Modes { mouse: true, keyboard: understands_keyboard_flags() };
    if let Ok(undo) = undo(modes) {
        let _ = stdout().write_all(&undo);
        let _ = stdout().flush();
    }
    let _ = disable_raw_mode();
    for panic in reports().drain(..) {
        let _ = writeln!(io::stderr(), "diffuscope: a thread has panicked: {panic}");
    }
}

fn understands_keyboard_flags() -> bool {
    let get = |name: &str| std::env::var(name).unwrap_or_default();
    let (term, program) = (get("TERM"), get("TERM_PROGRAM"));
    ["kitty", "ghostty", "foot", "alacritty"].iter().any(|known| term.contains(known))
        || matches!(program.as_str(), "ghostty" | "WezTerm" | "iTerm.app" | "rio")
}
