//! An export on a thread of its own, beside a playground whose run may be under way.

use std::{
    io::{self, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::ExportChoices;
use crate::{
    export::{ExportFormat, ExportObserver, frames, table::LogTable},
    output, panics, printable, process,
    trace::Log,
    tui::{ExportCount, ExportNews, ExportReporter, ExportUnderWay},
};

/// How often it is said how far it is: no screen shows more.
const OFTEN: Duration = Duration::from_millis(50);

/// Begins to write what is chosen.
pub(super) fn begin(choices: ExportChoices, logs: Vec<Log>, replaces: bool) -> Result<ExportUnderWay, String> {
    let (under_way, reporter) = ExportUnderWay::new();
    let work = move || {
        let job = ExportJob { choices, logs, replaces };
        let end = panics::catch(|| job.on_few_threads(&reporter)).unwrap_or_else(ExportNews::Failed);
        log::info!("export {}: {end:?}", job.choices.path().display());
        reporter.tell(end);
    };
    let spawned = thread::Builder::new().name("export".to_owned()).spawn(work);
    spawned.map(|_| under_way).map_err(|error| format!("the export has no thread: {error}"))
}

/// What is to be written.
struct ExportJob {
    choices: ExportChoices,
    logs: Vec<Log>,
    replaces: bool,
}

impl ExportJob {
    /// Frames are encoded on half of the machine, in threads of their own that give way: the engine waits for none of them.
    fn on_few_threads(&self, reporter: &ExportReporter) -> ExportNews {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads((cores / 2).max(1));
        match pool.start_handler(|_| process::give_way()).build() {
            Ok(pool) => pool.install(|| self.make(reporter)),
            Err(error) => ExportNews::Failed(format!("the export has no threads: {error}")),
        }
    }

    fn make(&self, reporter: &ExportReporter) -> ExportNews {
        let path = self.choices.path();
        if self.choices.sources.iter().any(|source| output::is_same(source, &path)) {
            let name = printable::line(&path.display().to_string());
            return ExportNews::Failed(format!("{name} is the trace itself: give what it becomes another name"));
        }
        if !self.replaces && output::is_taken(&path) {
            return ExportNews::Taken;
        }
        let watch = ExportWatch::new(reporter);
        let written = output::check(&path).and_then(|()| {
            output::put(&path, self.replaces, |out| self.write(&watch, &mut ExportWriter { out, watch: &watch }))
        });
        match written {
            Ok(()) => ExportNews::Made(watch.bytes.load(Ordering::Relaxed)),
            Err(_) if reporter.is_cancelled() => ExportNews::Cancelled,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => ExportNews::Taken,
            Err(error) => ExportNews::Failed(output::refusal(&path, &error)),
        }
    }

    fn write(&self, watch: &ExportWatch<'_>, out: &mut dyn Write) -> io::Result<()> {
        let logs: Vec<&Log> = self.logs.iter().collect();
        match (self.choices.format, logs.first()) {
            (ExportFormat::Recording(format), _) => {
                let options = self.choices.effective();
                format.write(frames(&logs, &options).map_err(io::Error::other)?, watch, out)
            }
            (ExportFormat::Table(format), Some(log)) => format.write(&LogTable::new(log, self.choices.table), out),
            (ExportFormat::Table(_), None) => Ok(()),
        }
    }
}

/// Tells how far an export is, and ends it once that is asked for.
struct ExportWatch<'a> {
    reporter: &'a ExportReporter,
    done: AtomicUsize,
    all: AtomicUsize,
    bytes: AtomicU64,
    /// When something was told last.
    told: Mutex<Option<Instant>>,
}

impl<'a> ExportWatch<'a> {
    fn new(reporter: &'a ExportReporter) -> Self {
        let zero = || AtomicUsize::new(0);
        Self { reporter, done: zero(), all: zero(), bytes: AtomicU64::new(0), told: Mutex::new(None) }
    }

    fn tell(&self) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| now.duration_since(told) >= OFTEN) {
            *told = Some(now);
            let (done, all) = (self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed));
            let count = ExportCount { done, all, bytes: self.bytes.load(Ordering::Relaxed) };
            self.reporter.tell(ExportNews::Progress(count));
        }
    }

    fn check(&self) -> io::Result<()> {
        // No `Interrupted`: writers try again after that.
        if self.reporter.is_cancelled() { Err(io::Error::other("broken off")) } else { Ok(()) }
    }
}

impl ExportObserver for ExportWatch<'_> {
    fn progress(&self, done: usize, frames: usize) -> io::Result<()> {
        self.done.store(done, Ordering::Relaxed);
        self.all.store(frames, Ordering::Relaxed);
        self.tell();
        self.check()
    }

    fn note(&self, sentence: &str) {
        self.reporter.tell(ExportNews::Note(printable::line(sentence)));
    }
}

/// A writer that counts, and can be stopped.
struct ExportWriter<'a> {
    out: &'a mut dyn Write,
    watch: &'a ExportWatch<'a>,
}

impl Write for ExportWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.watch.check()?;
        let written = self.out.write(bytes)?;
        self.watch.bytes.fetch_add(written as u64, Ordering::Relaxed);
        self.watch.tell();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
