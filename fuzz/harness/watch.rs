//! Ends the process when an execution takes too long.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The exit code of a worker whose execution took too long.
pub const HUNG: i32 = 124;

/// Looks at the clock now and then.
pub struct Watch {
    began: Instant,
    /// Milliseconds from `began` to the start of the execution, plus one; 0 between executions.
    since: Arc<AtomicU64>,
}

impl Watch {
    /// Allows every execution so much time.
    pub fn start(limit: Duration) -> Self {
        let (began, since) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let seen = Arc::clone(&since);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(50));
                let since = seen.load(Ordering::Relaxed);
                if since > 0 && began.elapsed().saturating_sub(Duration::from_millis(since - 1)) > limit {
                    process::exit(HUNG);
                }
            }
        });
        Self { began, since }
    }

    /// Does `work` under the limit.
    pub fn over<T>(&self, work: impl FnOnce() -> T) -> T {
        self.since.store(self.began.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
        let done = work();
        self.since.store(0, Ordering::Relaxed);
        done
    }
}
