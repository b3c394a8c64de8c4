//! The threads that touch the disk, so that neither the screen nor the engine waits for it.

use std::{
    convert::Infallible,
    io,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::{ZonedDateTime, civil::Date};
use tokio::sync::mpsc as news;

use super::{
    KeepLimit, StateFolder, history, limit,
    shelf::{KeptRun, Shelf},
    writer::{HeldSteps, RunWriter},
};
use crate::{
    output, panics, printable,
    trace::{
        End, Entry, Log,
        file::{self, Opened},
    },
};

/// How long a dropped keeper waits for what is still to be written. A disk that hangs never answers.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much of a list is read before it is shown.
const BATCH: Duration = Duration::from_millis(30);

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptRequest {
    /// The runs that are kept.
    List,
    /// The log of a run.
    Open(PathBuf),
    /// To remove a run.
    Remove(PathBuf),
    /// To keep a prompt that was run.
    Remember(String),
}

/// What comes from the disk.
#[derive(Debug, Clone, PartialEq)]
pub enum KeptNews {
    /// The prompts that were run before, the oldest first.
    Prompts(Vec<String>),
    /// The runs that are kept, the newest first; some of them are not read yet.
    Listed {
        /// The date here.
        today: Date,
        /// All of them.
        runs: Vec<KeptRun>,
        /// Why there may be others: a printable sentence.
        trouble: Option<String>,
    },
    /// Runs of the list, read.
    Read {
        /// Some of them.
        runs: Vec<KeptRun>,
        /// Whether all are read now.
        is_all: bool,
    },
    /// A run, whole, or why it cannot be opened: a printable sentence.
    Opened {
        /// Its file's name, printable.
        name: String,
        /// What it holds.
        run: Result<Box<Opened>, String>,
    },
    /// A run was removed, or why not: a printable sentence.
    Removed {
        /// Its file.
        path: PathBuf,
        /// What became of it.
        outcome: Result<(), String>,
    },
    /// A file holds a run as far as this.
    Written {
        /// The run.
        run: u64,
        /// Steps.
        steps: usize,
        /// Whether it holds the end.
        has_end: bool,
    },
    /// Something is not kept: a printable sentence.
    Trouble(String),
}

impl KeptNews {
    /// The answer where nothing is kept.
    pub fn without_folder() -> Self {
        let trouble = "there is no folder to keep runs in: DIFFUSCOPE_STATE names one".to_owned();
        Self::Listed { today: Date::default(), runs: Vec::new(), trouble: Some(trouble) }
    }
}

/// What the writing thread is given.
enum KeepOrder {
    Begin { run: u64, log: Box<Log> },
    Step { run: u64, entry: Arc<Entry> },
    End { run: u64, end: Option<Box<End>> },
    Prompt(String),
}

/// The handle of both threads. Dropping it waits until all is written, for a while.
#[derive(Debug)]
pub struct Keeper {
    /// `None` where nothing is to be written.
    writing: Option<mpsc::Sender<KeepOrder>>,
    requests: mpsc::Sender<KeptRequest>,
    news: news::UnboundedReceiver<KeptNews>,
    /// Closed when all is written.
    written: mpsc::Receiver<Infallible>,
}

impl Keeper {
    /// Begins to keep what happens within the limit; nothing, where there is none. The prompts of earlier times come
    /// first.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(folder: &StateFolder, limit: Option<KeepLimit>) -> io::Result<Self> {
        let (sender, news) = news::unbounded_channel();
        let (requests, asked) = mpsc::channel();
        let (ends, written) = mpsc::channel();
        let reader = Librarian {
            shelf: Shelf::new(folder.runs()),
            unread: Vec::new(),
            news: sender.clone(),
            folder: folder.clone(),
        };
        let may_write = limit.is_some();
        start("kept runs", move || reader.work(may_write, &asked))?;
        let writing = match limit {
            None => None,
            Some(limit) => {
                let (writing, messages) = mpsc::channel();
                let folder = folder.clone();
                start("autosave", move || {
                    let runs = RunWriter::new(folder.runs(), limit);
                    Scribe { folder, runs, news: sender, told_of_runs: false, told_of_prompts: false }.work(&messages);
                    drop::<mpsc::Sender<Infallible>>(ends);
                })?;
                Some(writing)
            }
        };
        Ok(Self { writing, requests, news, written })
    }

    /// A run has begun, of which `log` is there already.
    pub fn begin(&self, run: u64, log: Box<Log>) {
        self.write(KeepOrder::Begin { run, log });
    }

    /// A step of a run is done.
    pub fn step(&self, run: u64, entry: Arc<Entry>) {
        self.write(KeepOrder::Step { run, entry });
    }

    /// A run is over; without an end where it failed.
    pub fn end(&self, run: u64, end: Option<Box<End>>) {
        self.write(KeepOrder::End { run, end });
    }

    /// Asks for something; the answer is news.
    pub fn ask(&self, request: KeptRequest) {
        match request {
            KeptRequest::Remember(prompt) => self.write(KeepOrder::Prompt(prompt)),
            // A thread that has ended answers nothing.
            request => drop(self.requests.send(request)),
        }
    }

    fn write(&self, message: KeepOrder) {
        if let Some(writing) = &self.writing {
            let _ = writing.send(message);
        }
    }

    /// Waits for news.
    pub async fn next(&mut self) -> KeptNews {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if self.writing.take().is_some() {
            let _ = self.written.recv_timeout(PATIENCE);
        }
    }
}

/// Starts a thread whose bugs end it and nothing else.
fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(move || drop(panics::catch(work))).map(drop)
}

/// The thread that writes.
struct Scribe {
    folder: StateFolder,
    runs: RunWriter,
    news: news::UnboundedSender<KeptNews>,
    /// Whether it was said that runs cannot be written; said again only after some could.
    told_of_runs: bool,
    /// The same of prompts.
    told_of_prompts: bool,
}

impl Scribe {
    fn work(mut self, messages: &mpsc::Receiver<KeepOrder>) {
        while let Ok(message) = messages.recv() {
            let mut held = self.take(message);
            // Of many steps, the newest is worth a word.
            while let Ok(message) = messages.try_recv() {
                held = self.take(message).or(held);
            }
            if let Some(HeldSteps { run, steps, has_end }) = held {
                self.tell(KeptNews::Written { run, steps, has_end });
            }
        }
    }

    fn take(&mut self, message: KeepOrder) -> Option<HeldSteps> {
        let outcome = match message {
            KeepOrder::Begin { run, log } => self.runs.begin(run, log),
            KeepOrder::Step { run, entry } => self.runs.step(run, &entry),
            KeepOrder::End { run, end } => self.runs.end(run, end.as_deref()),
            KeepOrder::Prompt(prompt) => {
                self.remember(&prompt);
                return None;
            }
        };
        match outcome {
            Ok(held) => {
                self.told_of_runs &= held.is_none();
                held
            }
            Err(why) => {
                if !std::mem::replace(&mut self.told_of_runs, true) {
                    self.tell(KeptNews::Trouble(format!("autosave: {why}; the run is in memory alone: w saves it")));
                }
                None
            }
        }
    }

    fn remember(&mut self, prompt: &str) {
        let path = self.folder.history();
        let outcome = history::append(&path, prompt);
        let had_told = std::mem::replace(&mut self.told_of_prompts, outcome.is_err());
        if let Err(error) = outcome
            && !had_told
        {
            self.tell(KeptNews::Trouble(format!("prompt history: {}", output::refusal(&path, &error))));
        }
    }

    fn tell(&self, news: KeptNews) {
        if let KeptNews::Trouble(why) = &news {
            log::warn!("{why}");
        }
        // Nobody listens any more when the program is about to end.
        let _ = self.news.send(news);
    }
}

/// The thread that answers.
struct Librarian {
    folder: StateFolder,
    shelf: Shelf,
    /// What is listed and not read yet, the newest last.
    unread: Vec<KeptRun>,
    news: news::UnboundedSender<KeptNews>,
}

impl Librarian {
    fn work(mut self, may_write: bool, requests: &mpsc::Receiver<KeptRequest>) {
        // One who never had a history is not told about it.
        self.tell(KeptNews::Prompts(history::read(&self.folder.history(), may_write).unwrap_or_default()));
        loop {
            let request = if self.unread.is_empty() {
                requests.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                requests.try_recv()
            };
            match request {
                Ok(request) => self.answer(request),
                Err(TryRecvError::Empty) => self.read_some(),
                Err(TryRecvError::Disconnected) => return,
            }
        }
    }

    fn answer(&mut self, request: KeptRequest) {
        match request {
            KeptRequest::List => self.list(),
            KeptRequest::Open(path) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                let name = printable::line(&name);
                let run = match panics::attempt(|| file::open(&path)) {
                    Ok(Ok(opened)) => Ok(Box::new(opened)),
                    Ok(Err(error)) => Err(printable::line(&error.to_string())),
                    Err(panic) => Err(printable::line(&panic)),
                };
                self.tell(KeptNews::Opened { name, run });
            }
            KeptRequest::Remove(path) => {
                let outcome = remove(&path);
                self.tell(KeptNews::Removed { path, outcome });
            }
            KeptRequest::Remember(_) => {}
        }
    }

    fn list(&mut self) {
        let today = ZonedDateTime::now().date();
        let runs = self.folder.runs();
        let (runs, trouble) = match self.shelf.list() {
            Ok(listed) => (listed, None),
            Err(error) => (Vec::new(), Some(format!("{} cannot be read: {error}", runs.display()))),
        };
        self.unread = runs.iter().rev().cloned().collect();
        let trouble = trouble.map(|trouble| printable::line(&trouble));
        self.tell(KeptNews::Listed { today, runs, trouble });
    }

    fn read_some(&mut self) {
        let began = Instant::now();
        let mut runs = Vec::new();
        while began.elapsed() < BATCH
            && let Some(run) = self.unread.pop()
        {
            runs.push(self.shelf.read(run));
        }
        self.tell(KeptNews::Read { runs, is_all: self.unread.is_empty() });
    }

    fn tell(&self, news: KeptNews) {
        let _ = self.news.send(news);
    }
}

/// Removes a run that nobody is writing.
fn remove(path: &std::path::Path) -> Result<(), String> {
    let removed = match std::fs::symlink_metadata(path).and_then(|there| there.modified()) {
        Ok(modified) if limit::is_in_use(path, modified) => {
            return Err("it is being written: it can be deleted when its run is over".to_owned());
        }
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(printable::line(&format!("{} cannot be deleted: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
