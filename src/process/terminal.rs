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
/// When standard input is no terminal.
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

/// Notes that the terminal is no longer ours. Tells whether it was until now: to one caller, who then gives it back.
pub(crate) fn release() -> bool {
    TAKEN.swap(false, Ordering::SeqCst)
}

/// Whether keys come one by one. An error means that the terminal has gone: its window was closed, or its connection
/// lost.
#[cfg(unix)]
pub(crate) fn is_raw() -> io::Result<bool> {
    let modes = rustix::termios::tcgetattr(rustix::stdio::stdin())?;
    Ok(!modes.local_modes.contains(rustix::termios::LocalModes::ICANON))
}

#[cfg(unix)]
pub(super) use way_back::restore;

#[cfg(unix)]
mod way_back {
    use std::{io, sync::OnceLock};

    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        stdio::{stdin, stdout},
        termios::{OptionalActions, Termios, tcgetattr, tcsetattr},
    };

    static WAY_BACK: OnceLock<WayBack> = OnceLock::new();

    struct WayBack {
        undo: Vec<u8>,
        modes: Termios,
    }

    pub(super) fn note(undo: &[u8]) -> io::Result<()> {
        let modes = tcgetattr(stdin())?;
        WAY_BACK.get_or_init(|| WayBack { undo: undo.to_owned(), modes });
        Ok(())
    }

    /// Gives the terminal back, if it is ours, and tells whether it was. Fit for a handler of a signal.
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
        let _ = tcsetattr(stdin(), OptionalActions::Now, &way.modes);
        true
    }

    /// Whether the terminal takes more in, perhaps after a moment: one that does not must not hold the end of the process
    /// up for long.
    fn takes_more() -> bool {
        let mut output = [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)];
        matches!(poll(&mut output, Some(&Timespec { tv_sec: 1, tv_nsec: 0 })), Ok(1..))
    }
}
