//! What holds for the whole process, set before it has a second thread.

use std::{env, ffi::OsStr, thread};

/// Prepares the process. The program calls it first of all.
pub fn prepare() {
    // Threads of the tensor library that have nothing to do spin this often before they sleep. Its own default keeps
    // every core busy between the passes of a small network.
    set_default("CANDLE_BARRIER_POOL_SPIN_LIMIT", "1");
    // Where this is not set, the tensor library counts the machine's cores anew in every matrix product, which takes
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
