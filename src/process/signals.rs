//! Signals that end the process, and the one that stops it.
//!
//! Whatever ends the process restores the terminal first: an abort for lack of memory, a stack overflow, a `kill`. This is the
//! only place whose signal handlers do more than set a flag; everything that they call is async-signal-safe. They are
//! set by `sigaction` itself, because signal-hook refuses the signals of faults.

use std::{
    io, mem, ptr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use libc::{c_int, c_void, siginfo_t};
use signal_hook::{
    consts::{
        SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGPROF, SIGQUIT, SIGSEGV, SIGSYS, SIGTERM, SIGTSTP,
        SIGTTOU, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
    },
    flag, low_level,
};

use super::{maps, terminal};

/// What ends a process that does not listen, beside the requests below.
const FATAL: [c_int; 13] =
    [SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGPROF, SIGQUIT, SIGSEGV, SIGSYS, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU];

/// Requests to end, which an event loop can handle.
const REQUESTS: [c_int; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Whether an event loop listens for [`REQUESTS`].
static HEARD: AtomicBool = AtomicBool::new(false);
/// Whether one of them has come.
static ASKED: AtomicBool = AtomicBool::new(false);

/// The exit code of a run that failed.
const RUN_FAILED: c_int = 3;

/// The handlers of the standard library, which say that a stack has overflowed.
static OVERFLOW_HANDLERS: [(c_int, OnceLock<libc::sigaction>); 2] =
    [(SIGSEGV, OnceLock::new()), (SIGBUS, OnceLock::new())];

/// Sets the handlers. Called before there is a second thread.
pub(super) fn prepare() {
    for signal in FATAL {
        // A signal that this system does not have does not come either.
        let _ = handle(signal);
    }
    // A file that may not grow further is then an error of the write, which can be reported.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// While it exists, the first request to end is left to an event loop, which then has its listeners for them. A second
/// one means that it does not come to listen, and ends the process at once.
pub(crate) struct Heard(());

impl Heard {
    /// To be called before the event loop's own listeners are set up.
    pub(crate) fn begin() -> io::Result<Self> {
        HEARD.store(true, Ordering::SeqCst);
        let heard = Self(());
        REQUESTS.into_iter().try_for_each(handle)?;
        Ok(heard)
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        HEARD.store(false, Ordering::SeqCst);
    }
}

/// Stops the process as the key for it does in other programs, and returns when it is continued. Where no shell could
/// continue it, the system does not stop it.
pub(crate) fn stop() -> io::Result<()> {
    let ours = set(SIGTSTP, &default_action())?;
    low_level::raise(SIGTSTP)?;
    set(SIGTSTP, &ours)?;
    Ok(())
}

/// Where the process is in the background, has the system stop it until it is brought to the foreground: the terminal belongs
/// to another process, and so do its modes.
pub(crate) fn wait_for_foreground() -> io::Result<()> {
    if rustix::termios::tcgetpgrp(super::terminal::keyboard()?)? != rustix::process::getpgrp() {
        low_level::raise(SIGTTOU)?;
    }
    Ok(())
}

/// Whether the event loop is to deal with a signal.
fn is_left_to_the_loop(signal: c_int) -> bool {
    REQUESTS.contains(&signal) && HEARD.load(Ordering::SeqCst) && !ASKED.swap(true, Ordering::SeqCst)
}

/// A signal that ends the process has come.
extern "C" fn end(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    if is_left_to_the_loop(signal) {
        return;
    }
    let was_taken = terminal::restore();
    #[expect(unsafe_code, reason = "handlers are called by the system")]
    // SAFETY: a handler that was set with `SA_SIGINFO` gets the information, which outlives the call; its address is a
    // number here, and compared with others.
    let (is_fault, address) = unsafe { ((*info).si_code > 0, (*info).si_addr().addr()) };
    if is_fault
        && signal == SIGBUS
        && let Some(file) = maps::file_at(address)
    {
        say(&[file, b" was cut short while its weights were in use: get the file again, then start again"]);
        low_level::exit(RUN_FAILED);
    }
    let overflow = OVERFLOW_HANDLERS.iter().find(|(of, _)| *of == signal).and_then(|(_, handler)| handler.get());
    if is_fault
        && let Some(handler) = overflow
        && set(signal, handler).is_ok()
    {
        // The fault comes again, and to that handler.
        return;
    }
    if was_taken && signal == SIGABRT {
        say(&[b"aborted, for lack of memory or by a bug in diffuscope"]);
    }
    let _ = low_level::emulate_default_handler(signal);
}

/// A sentence on standard error.
fn say(parts: &[&[u8]]) {
    let (before, after): ([&[u8]; 1], [&[u8]; 1]) = ([b"diffuscope: "], [b"\n"]);
    for part in before.iter().chain(parts).chain(&after) {
        let _ = rustix::io::write(rustix::stdio::stderr(), part);
    }
}

/// Has `end` called for a signal, unless the process was started with it ignored.
fn handle(signal: c_int) -> io::Result<()> {
    let mut action = default_action();
    action.sa_sigaction = end as *const () as usize;
    // A stack that has overflowed is no place for a handler.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    #[expect(unsafe_code, reason = "the set is made by the C library")]
    // SAFETY: it points to a set. Nothing else is to come in between, a stop for touching the terminal least of all.
    unsafe {
        libc::sigfillset(&raw mut action.sa_mask);
    }
    let before = set(signal, &action)?;
    match before.sa_sigaction {
        libc::SIG_IGN => drop(set(signal, &before)?),
        libc::SIG_DFL => {}
        _ => {
            if let Some((_, handler)) = OVERFLOW_HANDLERS.iter().find(|(of, _)| *of == signal) {
                handler.get_or_init(|| before);
            }
        }
    }
    Ok(())
}

#[expect(unsafe_code, reason = "C structures have no other beginning")]
fn default_action() -> libc::sigaction {
    // SAFETY: numbers, a set that is an array of numbers, and perhaps a pointer to a function that may be absent: all
    // bits zero are a value of each, and stand for the default action.
    unsafe { mem::zeroed() }
}

/// Sets what happens on a signal, and returns what happened before.
fn set(signal: c_int, action: &libc::sigaction) -> io::Result<libc::sigaction> {
    let mut before = default_action();
    #[expect(unsafe_code, reason = "the safe ways cannot give a handler the other stack")]
    // SAFETY: both point to whole structures, of which one is read and one written. Actions are the default one, `end`,
    // which is safe within a handler, and such as were set before.
    let result = unsafe { libc::sigaction(signal, ptr::from_ref(action), ptr::from_mut(&mut before)) };
    if result == 0 { Ok(before) } else { Err(io::Error::last_os_error()) }
}
