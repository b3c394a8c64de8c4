//! Panics as errors: what breaks inside a step, or in a library that reads a foreign file, ends that, and neither the
//! program nor the screen.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

use crate::trace::printable;

thread_local! {
    /// `Some` while this thread's panics are caught; holds the report of the last one.
    static REPORT: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Whether a panic of the current thread would be caught: a panic hook of the screen leaves such a one alone.
pub fn is_caught() -> bool {
    REPORT.with_borrow(Option::is_some)
}

/// Does `work`; a panic in it becomes a sentence, and nothing is printed.
///
/// What `work` changed before it panicked must be fit to be dropped or reset, and for nothing else.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    attempt(work).map_err(|report| format!("this is a bug in diffuscope: {report}"))
}

/// As [`caught`], for work whose panics are no bug of this program: a library that gives up on a foreign file. The error
/// is what the panic said.
pub(crate) fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if is_caught() {
                REPORT.set(Some(describe(info)));
            } else {
                otherwise(info);
            }
        }));
    });
    let outer = REPORT.replace(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let report = REPORT.replace(outer);
    result.map_err(|_| report.unwrap_or_default())
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    let place = info.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
    printable::line(&format!("{message}{}", place.unwrap_or_default()))
}
