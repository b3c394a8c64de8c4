//! What has to be set before the first thread starts.
//!
//! The tensor library reads two environment variables and has no other way to be told. Nobody should have to know
//! them, so the program sets them for itself; what is already set stays.

/// Variables and the values that they get.
fn defaults() -> [(&'static str, String); 2] {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    [
        // Idle workers of element-wise operations otherwise spin 25,000 rounds, on cores that matrix products need.
        ("CANDLE_BARRIER_POOL_SPIN_LIMIT", "1".to_owned()),
        // Without it the number of CPUs is looked up anew in every matrix product, which takes longer than a small one.
        ("RAYON_NUM_THREADS", cores.to_string()),
    ]
}

/// Prepares the process. To be called first thing in `main`, while no other thread runs.
#[expect(unsafe_code, reason = "environment variables may only be written while no other thread reads them")]
pub fn prepare() {
    for (name, value) in defaults() {
        if std::env::var_os(name).is_none() {
            // SAFETY: `main` calls this before it starts any thread.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
