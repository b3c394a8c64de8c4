//! The way back to the terminal as the process found it, open at any time: also within a handler of a signal, which must
//! neither wait for a lock nor allocate.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether the terminal is ours. There is one per process.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Notes that the terminal is ours from now on, and how it was. `undo` is what undoes all that is about to be written to
/// it; it is the same every time.
///
/// # Errors
/// When no keys can come.
pub(crate) fn take(undo: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    way_back::note(undo)?;
    #[cfg(not(unix))]
    let _ = undo;
    TAKEN.store(true, Ordering::SeqCst);
    Ok(())
}

/// Whether the terminal is ours.
pub(crate) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Notes that the terminal is no longer ours. Returns whether it was until now: true for one caller, who then restores it.
pub(crate) fn release() -> bool {
    TAKEN.swap(false, Ordering::SeqCst)
}

/// Whether keys come one by one. An error means that the terminal has gone: its window was closed, or its connection
/// lost.
#[cfg(unix)]
pub(crate) fn is_raw() -> io::Result<bool> {
    let modes = rustix::termios::tcgetattr(way_back::keyboard()?)?;
    Ok(!modes.local_modes.contains(rustix::termios::LocalModes::ICANON))
}

/// Whether keys can come although standard input is no terminal.
pub(crate) fn has_keyboard() -> bool {
    #[cfg(unix)]
    return way_back::keyboard().is_ok();
    #[cfg(not(unix))]
    false
}

#[cfg(unix)]
pub(super) use way_back::{keyboard, restore};

#[cfg(unix)]
mod way_back {
    use std::{
        fs::File,
        io,
        os::fd::{AsFd, BorrowedFd},
        sync::OnceLock,
    };

    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        stdio::{stdin, stdout},
        termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr},
    };

    static WAY_BACK: OnceLock<WayBack> = OnceLock::new();

    struct WayBack {
        undo: Vec<u8>,
        keyboard: BorrowedFd<'static>,
        modes: Termios,
    }

    /// Where keys come from: standard input, or else the terminal that the process belongs to.
    pub(in crate::process) fn keyboard() -> io::Result<BorrowedFd<'static>> {
        static TERMINAL: OnceLock<File> = OnceLock::new();
        if isatty(stdin()) {
            return Ok(stdin());
        }
        if let Some(terminal) = TERMINAL.get() {
            return Ok(terminal.as_fd());
        }
        let terminal = File::open("/dev/tty")?;
        Ok(TERMINAL.get_or_init(|| terminal).as_fd())
    }

    pub(super) fn note(undo: &[u8]) -> io::Result<()> {
        let keyboard = keyboard()?;
        let modes = tcgetattr(keyboard)?;
        WAY_BACK.get_or_init(|| WayBack { undo: undo.to_owned(), keyboard, modes });
        Ok(())
    }

    /// Restores the terminal if it is ours, and returns whether it was. Safe in a signal handler.
    pub(in crate::process) fn restore() -> bool {
        let (true, Some(way)) = (super::release(), WAY_BACK.get()) else {
            return false;
        };
        let mut rest = &*way.undo;
        while !rest.is_empty() && takes_more() {
            match rustix::io::write(stdout(), rest) {
                Ok(written) => rest = &rest[written..],
                Err(_) => break,
            }
        }
        let _ = tcsetattr(way.keyboard, OptionalActions::Now, &way.modes);
        true
    }

    /// Whether the terminal takes more in, perhaps after a moment: one that does not must not hold the end of the process
    /// up for long.
    fn takes_more() -> bool {
        let mut output = [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)];
        matches!(poll(&mut output, Some(&Timespec { tv_sec: 1, tv_nsec: 0 })), Ok(1..))
    }
}
