//! From names of models to networks: found or downloaded, compared with the memory there is, read.

use std::ops::ControlFlow;

use anyhow::{Result, bail};

use super::Models;
use crate::{
    model::{
        checkpoint::Checkpoint,
        device::{ComputeDevice, DeviceChoice},
        embedded,
        hub::Hub,
        known::Role,
        memory::{self, Fit, Memory},
        network::Network,
        source::{Located, Progress, Source},
        tokenizer::Tokenizer,
    },
    trace::{ModelCard, printable},
};

/// What a denoiser's and a guide's tokenizer must agree on to be taken for the same: words, digits, marks, breaks.
const PROBE: &str = "One day Ruth's 27 boats, {\"left\": 3.5}\n    went to the harbour (again)!";

/// Which guide goes with a denoiser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuideRequest {
    /// The embedded guide with the embedded denoiser, none with any other.
    Own,
    /// None.
    Nobody,
    /// This one.
    From(Source),
}

/// Which models to load, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRequest {
    /// The denoiser.
    pub denoiser: Source,
    /// The guide.
    pub guide: GuideRequest,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// Whether to load models that the free memory is too small for.
    pub overcommit: bool,
}

impl Default for ModelRequest {
    /// The embedded pair, on the device that suits best.
    fn default() -> Self {
        Self {
            denoiser: Source::Embedded,
            guide: GuideRequest::Own,
            device: DeviceChoice::Auto,
            offline: false,
            overcommit: false,
        }
    }
}

impl ModelRequest {
    /// Where the guide comes from, if there is to be one.
    pub fn guide_source(&self) -> Option<&Source> {
        match &self.guide {
            GuideRequest::From(source) => Some(source),
            GuideRequest::Own if self.denoiser == Source::Embedded => Some(&Source::Embedded),
            GuideRequest::Own | GuideRequest::Nobody => None,
        }
    }

    /// Whether both have the same denoiser on the same device, so that it need not be loaded again.
    pub(super) fn shares_denoiser(&self, other: &Self) -> bool {
        self.denoiser == other.denoiser && self.device == other.device
    }
}

/// Is told how loading goes.
pub trait LoadObserver {
    /// Something goes on; several times a second where much does. Breaks the loading off where that is wished.
    fn progress(&mut self, progress: &Progress) -> ControlFlow<()>;

    /// Something that the user should know although it works; one sentence.
    fn warn(&mut self, sentence: String);
}

/// A network with what belongs to it.
pub struct Part {
    pub(super) network: Box<dyn Network>,
    pub(super) card: ModelCard,
    pub(super) tokenizer: Tokenizer,
}

/// The files of a model, opened.
struct Opened {
    checkpoint: Checkpoint,
    tokenizer: Tokenizer,
    /// For people, printable.
    name: String,
    /// Bytes of its files.
    bytes: u64,
}

/// Loads what is asked for.
///
/// # Errors
/// One sentence that says which model and what to do.
pub fn load(request: &ModelRequest, observer: &mut dyn LoadObserver) -> Result<Models> {
    let mut loading = Loading::begin(request, None, observer)?;
    let denoiser = loading.find(&request.denoiser)?;
    let guide = request.guide_source().map(|source| loading.find(source)).transpose()?;
    let denoiser = open(&denoiser, Role::Denoiser)?;
    let guide = guide.map(|guide| open(&guide, Role::Guide)).transpose()?;
    if let Some(guide) = &guide {
        check_vocabulary(&probe(&denoiser.tokenizer)?, guide)?;
    }
    loading.check_memory(&[Some(&denoiser), guide.as_ref()])?;
    let denoiser = loading.read(denoiser)?;
    let guide = guide.map(|guide| loading.read(guide)).transpose()?;
    Ok(Models::new(denoiser, guide))
}

/// Loads the guide that is asked for, for a denoiser that is loaded already and encodes [`PROBE`] to `probe`.
pub(super) fn load_guide(
    request: &ModelRequest,
    source: &Source,
    probe: &[u32],
    observer: &mut dyn LoadObserver,
) -> Result<Part> {
    let mut loading = Loading::begin(request, None, observer)?;
    let guide = loading.find(source)?;
    let guide = open(&guide, Role::Guide)?;
    check_vocabulary(probe, &guide)?;
    loading.check_memory(&[Some(&guide)])?;
    loading.read(guide)
}

/// What all steps of a loading share.
struct Loading<'a> {
    device: ComputeDevice,
    offline: bool,
    overcommit: bool,
    /// Made when a model of the hub is asked for: an odd environment is no concern of any other.
    hub: Option<Hub>,
    observer: &'a mut dyn LoadObserver,
}

impl<'a> Loading<'a> {
    fn begin(request: &ModelRequest, observer: &'a mut dyn LoadObserver) -> Result<Self> {
        let device = ComputeDevice::open(request.device)?;
        Ok(Self { device, offline: request.offline, overcommit: request.overcommit, hub: None, observer })
    }

    /// Finds the files of a model, or downloads them.
    fn find(&mut self, source: &Source) -> Result<Located> {
        if let (Source::Hub(_), None) = (source, &self.hub) {
            self.hub = Some(Hub::from_environment()?.offline(self.offline));
        }
        let memory = self.device.memory().filter(|_| !self.overcommit);
        let mut too_large = None;
        let observer = &mut *self.observer;
        let located = source.locate(self.hub.as_ref(), &mut |progress| {
            if let (Progress::Found { model, weights }, Some(memory)) = (progress, memory)
                && Fit::of(*weights, memory.free) == Fit::Exceeds
            {
                // Whatever they become in memory, it is not less than what they are on disk.
                too_large = Some((model.clone(), *weights, memory));
                return ControlFlow::Break(());
            }
            observer.progress(progress)
        });
        if let Some((model, weights, memory)) = too_large {
            bail!("{}", exceeds(&model, weights, &self.device, memory));
        }
        Ok(located?)
    }

    /// Compares what the models need with what the device has.
    fn check_memory(&mut self, models: &[Option<&Opened>]) -> Result<()> {
        let Some(memory) = self.device.memory() else { return Ok(()) };
        let models: Vec<&Opened> = models.iter().copied().flatten().collect();
        let mut need = 0;
        for model in &models {
            need += model.checkpoint.memory_need(USUAL_POSITIONS, &self.device)?;
        }
        let names = models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>().join(" with ");
        match Fit::of(need, memory.free) {
            Fit::Fits => {}
            Fit::Exceeds if !self.overcommit => bail!("{}", exceeds(&names, need, &self.device, memory)),
            Fit::Exceeds | Fit::Close => self.observer.warn(format!(
                "{names} {} about {} of memory, and {} of the {} has {} free: it may be slow, or fail",
                if models.len() == 1 { "needs" } else { "need" },
                memory::bytes(need),
                if need > memory.free { "only part" } else { "little more" },
                self.device,
                memory::bytes(memory.free),
            )),
        }
        Ok(())
    }

    /// Makes a network of the files.
    fn read(&mut self, model: Opened) -> Result<Part> {
        let Opened { checkpoint, tokenizer, name, bytes, .. } = model;
        let progress = Progress::Reading { model: name.clone(), bytes };
        if self.observer.progress(&progress).is_break() {
            bail!("loading {name} was broken off");
        }
        let network = checkpoint.network(&self.device)?;
        let card = card(&*network, name, &self.device);
        Ok(Part { network, card, tokenizer })
    }
}
