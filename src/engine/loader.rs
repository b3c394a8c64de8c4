//! The thread that loads models while the worker does steps.

use std::{
    mem::{self, Discriminant},
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::Sender;

use super::{
    LoadObserver, Models,
    load::LoadedModel,
    protocol::{Event, RequestError},
    worker::WorkerMessage,
};
use crate::{
    model::{catalog::Catalog, device::DeviceChoice, source::Progress},
    panics, printable,
};

/// Bytes are reported at most this often: more than a person sees would only fill the channel.
const REPORT_INTERVAL: Duration = Duration::from_millis(80);

/// What a loading brings.
pub(super) enum Load {
    /// A denoiser, and perhaps a guide.
    Models(Box<Models>),
    /// A guide for the denoiser that is there.
    Guide(Box<LoadedModel>),
}

/// The end of a loading.
pub(super) struct Loaded {
    /// What it brings, or why nothing.
    pub outcome: Result<Load, RequestError>,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
}

/// A loading under way. Dropping it breaks it off, as soon as there is an occasion.
pub(super) struct Loader {
    is_cancelled: Arc<AtomicBool>,
}

/// Sends what `load` reports to the client; warnings wait for the end.
struct Reporter {
    events: Sender<Event>,
    is_cancelled: Arc<AtomicBool>,
    warnings: Mutex<Vec<String>>,
    /// When which kind of progress was reported last.
    reported: Mutex<Option<(Discriminant<Progress>, Instant)>>,
}

impl Loader {
    /// Starts a thread for `load`, whose end goes into `inbox`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        load: impl FnOnce(&Arc<dyn LoadObserver>) -> anyhow::Result<Load> + Send + 'static,
        events: Sender<Event>,
        inbox: mpsc::Sender<WorkerMessage>,
    ) -> std::io::Result<Self> {
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let reporter = Arc::new(Reporter {
            events,
            is_cancelled: Arc::clone(&is_cancelled),
            warnings: Mutex::default(),
            reported: Mutex::default(),
        });
        thread::Builder::new().name("loader".to_owned()).spawn(move || {
            let observer: Arc<dyn LoadObserver> = Arc::clone(&reporter) as Arc<dyn LoadObserver>;
            let outcome = match panics::catch(|| load(&observer)) {
                Ok(Ok(load)) => Ok(load),
                Ok(Err(error)) => Err(RequestError::Refused(printable::line(&format!("{error:#}")))),
                Err(panic) => Err(RequestError::Broken(panic)),
            };
            let warnings = reporter.warnings.lock().map(|mut all| std::mem::take(&mut *all)).unwrap_or_default();
            // A worker that is gone needs no models.
            let _ = inbox.send(WorkerMessage::Loaded(Loaded { outcome, warnings }));
        })?;
        Ok(Self { is_cancelled })
    }

    /// Breaks it off as soon as there is an occasion.
    pub(super) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

/// Lists the models of this machine on a thread of its own: a cache may be large, and far away. Where there is no thread or
/// no such device, nothing is sent.
pub(super) fn list_models(device: DeviceChoice, events: Sender<Event>) {
    let scan = move || {
        if let Ok(Ok(catalog)) = panics::catch(|| Catalog::scan(device)) {
            // A client that is gone does not choose.
            let _ = events.blocking_send(Event::Catalog { catalog: Box::new(catalog) });
        }
    };
    let _ = thread::Builder::new().name("catalog".to_owned()).spawn(scan);
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Whether it is one of many that differ in a number.
fn counts_bytes(progress: &Progress) -> bool {
    match progress {
        Progress::Checking { .. } | Progress::Downloading { .. } | Progress::Reading { .. } => true,
        Progress::Asking { .. } | Progress::Waiting { .. } | Progress::Found { .. } => false,
    }
}

impl LoadObserver for Reporter {
    fn progress(&self, progress: &Progress) -> ControlFlow<()> {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        if let Ok(mut reported) = self.reported.lock() {
            let (kind, now) = (mem::discriminant(progress), Instant::now());
            let is_due = |(before, at)| before != kind || now.duration_since(at) >= REPORT_INTERVAL;
            if !counts_bytes(progress) || reported.is_none_or(is_due) {
                *reported = Some((kind, now));
                // A client that is behind learns the next one.
                let _ = self.events.try_send(Event::Loading { progress: progress.clone() });
            }
        }
        ControlFlow::Continue(())
    }

    fn warn(&self, sentence: String) {
        if let Ok(mut warnings) = self.warnings.lock() {
            warnings.push(printable::line(&sentence));
        }
    }
}
