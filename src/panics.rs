//! Panics as errors: what breaks inside a step, or in a library that reads a foreign file, ends that, and neither the
//! program nor the screen.

use std::{
    any::Any,
    cell::RefCell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::printable;

thread_local! {
    /// `Some` while this thread's panics are caught; holds the report of the last one.
    static REPORT: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// How many threads catch their panics.
static CATCHING: AtomicUsize = AtomicUsize::new(0);

/// The report of a worker's last panic: it reaches the thread that the worker works for without the place.
static OF_WORKER: Mutex<Option<String>> = Mutex::new(None);

/// Whether a panic of the current thread is caught: the screen's panic hook leaves such a panic alone.
pub(crate) fn is_catching() -> bool {
    REPORT.with_borrow(Option::is_some)
}

/// Does `work`. A panic in it, or in a worker that it shares its work with, becomes a sentence, and nothing is printed.
///
/// What `work` changed before it panicked must be fit to be dropped or reset, and for nothing else.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    attempt(work).map_err(|report| {
        log::error!("panic, caught: {report}");
        format!("this is a bug in diffuscope: {report}")
    })
}

/// As [`catch`], for work whose panics are no bug of this program: a library that gives up on a foreign file. The error
/// is what the panic said.
pub(crate) fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if is_catching() {
                REPORT.set(Some(describe(info)));
            } else if CATCHING.load(Ordering::SeqCst) > 0 && is_worker() {
                *of_worker() = Some(describe(info));
            } else {
                otherwise(info);
            }
        }));
    });
    let outer = REPORT.replace(Some(String::new()));
    CATCHING.fetch_add(1, Ordering::SeqCst);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHING.fetch_sub(1, Ordering::SeqCst);
    let report = REPORT.replace(outer).filter(|report| !report.is_empty());
    result
        .map_err(|payload| report.or_else(|| of_worker().take()).unwrap_or_else(|| printable::line(message(&*payload))))
}

/// Whether this thread is one of those that products are shared between.
fn is_worker() -> bool {
    let is_named = |name: &str| name.starts_with("candle-");
    rayon::current_thread_index().is_some() || thread::current().name().is_some_and(is_named)
}

fn of_worker() -> std::sync::MutexGuard<'static, Option<String>> {
    OF_WORKER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic says and where it was, on one printable line.
pub(crate) fn describe(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
    printable::line(&format!("{}{}", message(info.payload()), place.unwrap_or_default()))
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let fixed = payload.downcast_ref::<&str>().copied();
    fixed.or_else(|| payload.downcast_ref().map(String::as_str)).unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_panic_says_what_and_where() {
        let report = catch(|| panic!("the {} broke", "sky")).map(|(): ()| ()).unwrap_err();
        assert!(report.starts_with("this is a bug in diffuscope: the sky broke (src/panics.rs:"), "{report}");
    }

    #[test]
    fn a_panic_of_a_worker_is_that_of_the_thread_it_works_for() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let report = catch(|| pool.install(|| panic!("the {} broke", "sea"))).map(|(): ()| ()).unwrap_err();
        assert!(report.starts_with("this is a bug in diffuscope: the sea broke (src/panics.rs:"), "{report}");
        assert_eq!(catch(|| pool.install(|| 7)), Ok(7));
    }
}
