//! Taking the terminal over, and giving it back whatever happens: on leaving, on a panic, on a signal, on suspension.

use std::{
    io::{self, BufWriter, IsTerminal, Stdout, Write, stdout},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    cursor::{SetCursorStyle, Show},
    event::{
        DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, KeyboardEnhancementFlags,
        PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
    },
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend};

use super::{app::App, view};
use crate::engine::is_caught;

/// Whether the terminal is ours. One terminal per process, so the panic hook can find it here.
static TAKEN: AtomicBool = AtomicBool::new(false);

static HOOK: Once = Once::new();

/// The terminal while it is ours. Dropping it gives it back.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
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

/// Whether there is a terminal to draw on and to read keys from. Where standard input is something else, keys come from
/// the terminal that the process belongs to.
pub fn is_there() -> bool {
    let keyboard = || io::stdin().is_terminal() || cfg!(unix) && std::fs::File::open("/dev/tty").is_ok();
    stdout().is_terminal() && keyboard()
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn take(mouse: bool) -> io::Result<Self> {
        HOOK.call_once(|| {
            let otherwise = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                // A panic inside a step is caught, reported and survived: the screen stays.
                if !is_caught() {
                    give_back();
                }
                otherwise(info);
            }));
        });
        let modes = Modes { mouse, keyboard: understands_keyboard_flags() };
        enter(modes)?;
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout())))?;
        Ok(Self { terminal, modes })
    }

    /// Draws a frame, which the terminal shows at once and whole.
    pub(super) fn draw(&mut self, app: &mut App) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let mut drawn = view::Drawn::default();
        self.terminal.draw(|frame| {
            drawn = view::draw(app, frame.area(), frame.buffer_mut());
            if let Some(cursor) = drawn.cursor {
                frame.set_cursor_position(cursor);
            }
        })?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()?;
        app.drawn = drawn;
        Ok(())
    }

    /// Forgets what the terminal shows, so that the next frame is drawn whole.
    pub(super) fn repaint(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Gives the terminal to the shell until the process is resumed.
    #[cfg(unix)]
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
        // Stopped here; SIGCONT goes on.
        enter(self.modes)?;
        self.repaint()
    }

    /// There is no suspension here.
    #[cfg(not(unix))]
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        let _ = self.modes;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter(modes: Modes) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = stdout();
    execute!(out, EnterAlternateScreen, EnableBracketedPaste, SetCursorStyle::SteadyBar)?;
    if modes.mouse {
        execute!(out, EnableMouseCapture)?;
    }
    if modes.keyboard {
        execute!(out, PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES))?;
    }
    Ok(())
}

/// Undoes everything that [`enter`] may have switched on. What was not on is not disturbed by being switched off.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    if understands_keyboard_flags() {
        let _ = execute!(out, PopKeyboardEnhancementFlags);
    }
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        SetCursorStyle::DefaultUserShape,
        Show,
        LeaveAlternateScreen
    );
    let _ = disable_raw_mode();
}

fn understands_keyboard_flags() -> bool {
    let get = |name: &str| std::env::var(name).unwrap_or_default();
    let (term, program) = (get("TERM"), get("TERM_PROGRAM"));
    ["kitty", "ghostty", "foot", "alacritty"].iter().any(|known| term.contains(known))
        || matches!(program.as_str(), "ghostty" | "WezTerm" | "iTerm.app" | "rio")
}
