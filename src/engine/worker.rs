//! The thread: obeys commands between steps, does steps while there are none.

use std::sync::{
    Arc,
    mpsc::{Receiver, Sender as Back, TryRecvError},
};

use tokio::sync::mpsc::Sender;

use super::{
    LoadObserver, ModelRequest, Models, Run,
    load::{load, load_guide},
    loader::{self, Load, Loaded, Loader},
    protocol::{Command, Event, RunId, RunRequest},
};
use crate::{decode::clock::WallClock, panics};

/// The client is gone.
struct Gone;

/// What the worker is told.
pub(super) enum Inbox {
    /// A wish of the client.
    Command(Command),
    /// The end of a loading.
    Loaded(Loaded),
}

struct Worker {
    /// What is loaded, or why nothing is.
    models: Result<Models, String>,
    /// What `models` was made from, where that is known.
    from: Option<ModelRequest>,
    /// What is being loaded.
    loading: Option<Loading>,
    /// What is to be loaded when that has come to its end.
    next: Option<Box<ModelRequest>>,
    /// A run that waits for the first models.
    waiting: Option<Box<RunRequest>>,
    events: Sender<Event>,
    back: Back<Inbox>,
    clock: WallClock,
    active: Option<Active>,
}

/// A loading under way.
struct Loading {
    loader: Loader,
    /// What was asked for, where that is known.
    request: Option<ModelRequest>,
}

/// The run under way.
struct Active {
    id: RunId,
    run: Run,
    held: bool,
}

/// The thread's whole life. `request` is what `first` loads, where that is known; `back` leads into `inbox`.
pub(super) fn work(
    request: Option<ModelRequest>,
    first: impl FnOnce(&Arc<dyn LoadObserver>) -> anyhow::Result<Models> + Send + 'static,
    back: Back<Inbox>,
    inbox: &Receiver<Inbox>,
    events: Sender<Event>,
) {
    let mut worker = Worker {
        models: Err("the networks are still being loaded".to_owned()),
        from: None,
        loading: None,
        next: None,
        waiting: None,
        events,
        back,
        clock: WallClock::default(),
        active: None,
    };
    if worker.begin(request, move |observer| Ok(Load::Models(Box::new(first(observer)?)))).is_err() {
        return;
    }
    loop {
        let runs = worker.active.as_ref().is_some_and(|active| !active.held);
        let news = if runs { inbox.try_recv() } else { inbox.recv().map_err(|_| TryRecvError::Disconnected) };
        let deed = match news {
            Ok(Inbox::Command(Command::Shutdown)) | Err(TryRecvError::Disconnected) => return,
            Ok(inbox) => Some(inbox),
            Err(TryRecvError::Empty) => None,
        };
        let done = panics::catch(|| worker.act(deed)).unwrap_or_else(|panic| worker.break_off(panic));
        if done.is_err() {
            return;
        }
    }
}

impl Worker {
    /// Does what it is told; a step without.
    fn act(&mut self, deed: Option<Inbox>) -> Result<(), Gone> {
        match deed {
            Some(Inbox::Command(command)) => self.obey(command),
            Some(Inbox::Loaded(loaded)) => self.take(loaded),
            None => self.step(),
        }
    }

    /// Something panicked that is no step: the run under way is lost, and the thread lives on.
    fn break_off(&mut self, panic: String) -> Result<(), Gone> {
        match self.active.take() {
            Some(Active { id, .. }) => self.tell(Event::Failed { run: id, message: panic }),
            None => self.tell(Event::Warning { message: panic }),
        }
    }

    /// Starts a loading.
    fn begin(
        &mut self,
        request: Option<ModelRequest>,
        load: impl FnOnce(&Arc<dyn LoadObserver>) -> anyhow::Result<Load> + Send + 'static,
    ) -> Result<(), Gone> {
        match Loader::start(load, self.events.clone(), self.back.clone()) {
            Ok(loader) => {
                self.loading = Some(Loading { loader, request });
                Ok(())
            }
            Err(error) => {
                let message = format!("the system gives no thread to load models with: {error}");
                self.fail(message, None)
            }
        }
    }

    /// Loads other models, or only another guide where the denoiser stays.
    fn load(&mut self, request: Box<ModelRequest>) -> Result<(), Gone> {
        if let Some(loading) = &self.loading {
            // Both may be about the same files: the one ends before the other begins.
            loading.loader.cancel();
            self.next = Some(request);
            return Ok(());
        }
        let stays = self.models.is_ok() && self.from.as_ref().is_some_and(|from| from.shares_denoiser(&request));
        match (stays, request.guide_source().cloned()) {
            (true, None) => {
                self.finish()?;
                if let Ok(models) = &mut self.models {
                    models.set_guide(None);
                }
                self.from = Some(*request);
                self.introduce()
            }
            (true, Some(source)) => {
                let wanted = request.clone();
                self.begin(Some(*request), move |observer| {
                    Ok(Load::Guide(Box::new(load_guide(&wanted, &source, observer)?)))
                })
            }
            (false, _) => {
                let wanted = request.clone();
                self.begin(Some(*request), move |observer| Ok(Load::Models(Box::new(load(&wanted, observer)?))))
            }
        }
    }

    /// Takes what a loading brings.
    fn take(&mut self, loaded: Loaded) -> Result<(), Gone> {
        let request = self.loading.take().and_then(|loading| loading.request);
        if let Some(next) = self.next.take() {
            return self.load(next);
        }
        match (loaded.outcome, &mut self.models) {
            (Err(message), _) => self.fail(message, request)?,
            (Ok(Load::Models(models)), _) => {
                self.finish()?;
                self.models = Ok(*models);
                self.from = request;
                self.introduce()?;
            }
            (Ok(Load::Guide(guide)), Ok(_)) => {
                self.finish()?;
                if let Ok(models) = &mut self.models {
                    models.set_guide(Some(*guide));
                }
                self.from = request;
                self.introduce()?;
            }
            // Guides are loaded for a denoiser that is there, and stays.
            (Ok(Load::Guide(_)), Err(message)) => {
                let message = message.clone();
                self.fail(message, request)?;
            }
        }
        for message in loaded.warnings {
            self.tell(Event::Warning { message })?;
        }
        match self.waiting.take() {
            Some(request) => self.start(&request),
            None => Ok(()),
        }
    }

    /// A loading came to nothing; what was loaded before stays.
    fn fail(&mut self, message: String, request: Option<ModelRequest>) -> Result<(), Gone> {
        if let Err(reason) = &mut self.models {
            reason.clone_from(&message);
        }
        self.tell(Event::LoadFailed { message, request: request.map(Box::new) })
    }

    fn introduce(&self) -> Result<(), Gone> {
        match &self.models {
            Ok(models) => {
                let (denoiser, guide) = (models.denoiser_card.clone(), models.guide_card.clone());
                self.tell(Event::Ready { denoiser, guide, request: self.from.clone().map(Box::new) })
            }
            Err(_) => Ok(()),
        }
    }

    /// Waits for room, so that nothing is lost.
    fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.blocking_send(event).map_err(|_| Gone)
    }

    fn obey(&mut self, command: Command) -> Result<(), Gone> {
        match command {
            Command::Start(request) if self.models.is_err() && self.loading.is_some() => {
                self.waiting = Some(request);
                Ok(())
            }
            Command::Start(request) => self.start(&request),
            Command::Pause => self.hold(true),
            Command::Resume => self.hold(false),
            Command::Step if self.active.as_ref().is_some_and(|active| active.held) => self.step(),
            Command::Stop => {
                self.waiting = None;
                self.finish()
            }
            Command::Configure(settings) => {
                let Some(Active { id, run, .. }) = &mut self.active else {
                    return Ok(());
                };
                let (run, refused) = (*id, run.configure(*settings));
                match refused {
                    Ok(()) => Ok(()),
                    Err(error) => self.tell(Event::Refused { run, message: error.to_string() }),
                }
            }
            Command::Load(request) => self.load(request),
            Command::CancelLoad => {
                self.next = None;
                if let Some(loading) = &self.loading {
                    loading.loader.cancel();
                }
                Ok(())
            }
            Command::Look(device) => {
                loader::look(device, self.events.clone());
                Ok(())
            }
            Command::Step | Command::Shutdown => Ok(()),
        }
    }

    fn start(&mut self, request: &RunRequest) -> Result<(), Gone> {
        // The run before ends as by `Stop`: a screen that still shows it must know that nothing more will come.
        self.finish()?;
        let id = request.run;
        let started = match &mut self.models {
            Ok(models) => Run::start(models, request).map_err(|error| error.to_string()),
            Err(message) => Err(message.clone()),
        };
        let run = match started {
            Ok(run) => run,
            Err(message) => return self.tell(Event::Failed { run: id, message }),
        };
        let (header, warning) = (Box::new(run.header().clone()), run.warning());
        self.active = Some(Active { id, run, held: false });
        self.tell(Event::Started { run: id, header })?;
        if let Some(message) = warning {
            self.tell(Event::Warning { message })?;
        }
        self.hold(request.paused)
    }

    /// Holds the run or lets it go on; tells only what changes.
    fn hold(&mut self, held: bool) -> Result<(), Gone> {
        match &mut self.active {
            Some(active) if active.held != held => {
                active.held = held;
                let run = active.id;
                self.tell(Event::Held { run, held })
            }
            _ => Ok(()),
        }
    }

    /// Does one step of the run under way.
    fn step(&mut self) -> Result<(), Gone> {
        let (Some(active), Ok(models)) = (&mut self.active, &mut self.models) else {
            return Ok(());
        };
        let run = active.id;
        match active.run.step(models, &self.clock) {
            Ok(entry) => {
                let over = active.run.stopped().is_some();
                self.tell(Event::Step { run, entry })?;
                if over { self.finish() } else { Ok(()) }
            }
            Err(error) => {
                self.active = None;
                self.tell(Event::Failed { run, message: error.to_string() })
            }
        }
    }

    /// Ends the run under way, if there is one.
    fn finish(&mut self) -> Result<(), Gone> {
        let (Some(active), Ok(models)) = (self.active.take(), &self.models) else {
            return Ok(());
        };
        let run = active.id;
        match active.run.end(models) {
            Ok(end) => self.tell(Event::Finished { run, end: Box::new(end) }),
            Err(error) => self.tell(Event::Failed { run, message: error.to_string() }),
        }
    }
}
