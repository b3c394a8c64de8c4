//! Signals that ask a command for an orderly end: the first is noted, so that what there is can be kept; the second ends
//! the program at once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use signal_hook::{consts, flag};

use crate::process;

/// Ctrl-C, a request to terminate, and a terminal that is closed.
#[cfg(unix)]
const SIGNALS: [i32; 3] = [consts::SIGINT, consts::SIGTERM, consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [consts::SIGINT, consts::SIGTERM];

/// What a shell adds to the number of the signal that ended a program.
const CODES: i32 = 128;

/// Whether the end was asked for, and by which signal.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Listens from now on. A signal that the program was started to ignore is left ignored: `nohup` and shells that put
    /// it into the background mean it.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn listen() -> io::Result<Self> {
        let interrupt = Self::default();
        for signal in SIGNALS.into_iter().filter(|signal| !process::ignores(*signal)) {
            flag::register_conditional_shutdown(signal, CODES + signal, interrupt.asked())?;
            flag::register_usize(signal, Arc::clone(&interrupt.signal), signal as usize)?;
            flag::register(signal, interrupt.asked())?;
        }
        Ok(interrupt)
    }

    /// Set once the end is asked for.
    pub fn asked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// Whether it is.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// The exit code that says so to a shell.
    pub fn code(&self) -> Option<u8> {
        self.is_asked().then(|| (CODES as usize + self.signal.load(Ordering::SeqCst)) as u8)
    }
}
