//! What holds for the whole process: set before it has a second thread, found as it was started, or asked by handlers of
//! signals.

#[cfg_attr(not(unix), expect(dead_code, reason = "handlers of signals ask"))]
pub(crate) mod maps;
#[cfg(unix)]
pub(crate) mod signals;
pub(crate) mod terminal;

use std::{env, ffi::OsStr, thread};

/// Prepares the process. The program calls it first of all.
pub fn prepare() {
    #[cfg(unix)]
    signals::prepare();
    keep_freed_memory();
    // Threads of the tensor library that have nothing to do spin this often before they sleep. Its own default keeps
    // every core busy between the passes of a small network.
    set_default("CANDLE_BARRIER_POOL_SPIN_LIMIT", "1");
    // Where this is not set, the tensor library counts the machine's cores again in every matrix product, which takes
    // longer than a product of the embedded pair.
    let threads = thread::available_parallelism().map_or(1, usize::from);
    set_default("RAYON_NUM_THREADS", threads.to_string());
}

/// Sets an environment variable that the user has not set.
fn set_default(name: &str, value: impl AsRef<OsStr>) {
    if env::var_os(name).is_none() {
        #[expect(unsafe_code, reason = "no other thread can read the environment: there is none yet")]
        // SAFETY: `prepare` runs before any thread is started.
        unsafe {
            env::set_var(name, value);
        }
    }
}

/// Has the C library keep what a pass frees for the next one. Left alone, it gives tensors above 128 KiB back to the
/// system at once, and touching their pages again took up to 40 % of a pass of five million weights.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_freed_memory() {
    const MIB: libc::c_int = 1 << 20;
    let settings = [
        // The most that every version of the library takes. What is larger, such as a model's weights, goes back at once.
        (libc::M_MMAP_THRESHOLD, 32 * MIB),
        (libc::M_TRIM_THRESHOLD, 256 * MIB),
        // One arena, because those of other threads than the first are made of pieces that it unmaps as they empty.
        (libc::M_ARENA_MAX, 1),
    ];
    for (setting, value) in settings {
        #[expect(unsafe_code, reason = "the library has no safe interface for it")]
        // SAFETY: the call takes two numbers and keeps them; a setting that it does not know changes nothing.
        unsafe {
            libc::mallopt(setting, value);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_freed_memory() {}

/// Whether the process was started to ignore a signal.
#[cfg(unix)]
pub fn ignores(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    #[expect(unsafe_code, reason = "the system is asked through C")]
    // SAFETY: without a new action the call changes nothing; where it succeeds, it has filled in the old one.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(not(unix))]
pub fn ignores(_signal: i32) -> bool {
    false
}

/// Lets all other threads go first where the machine is busy, on systems that have this for a single thread.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    // No process means this thread there. Where it is refused, the thread does its work all the same.
    let _ = rustix::process::setpriority_process(None, 10);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn one_thread_gives_way_and_no_other() {
        let before = getpriority_process(None);
        let yielding = thread::spawn(|| {
            give_way();
            getpriority_process(None)
        });
        let yielding = yielding.join().expect("it does not panic");
        assert_eq!(getpriority_process(None), before);
        assert!(yielding.is_ok_and(|nice| nice >= 10), "{yielding:?}");
    }
}
