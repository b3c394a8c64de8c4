//! From names of models to networks: found or downloaded, compared with the memory there is, read.

use std::{ops::ControlFlow, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};

use super::Models;
use crate::{
    decode::filter::Filter,
    files,
    model::{
        checkpoint::Checkpoint,
        device::{ComputeDevice, DeviceChoice, among_workers},
        embedded,
        hub::Hub,
        known::{self, Known, ModelRole},
        mask::MaskToken,
        memory::{self, Memory, MemoryFit},
        network::Network,
        purpose::ModelPurpose,
        source::{Located, Progress, Source},
        template::Variables,
        tokenizer::Tokenizer,
    },
    panics, printable,
    trace::ModelCard,
};

/// How prompts are laid out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PromptLayout {
    /// By the model's chat template; as they are where it has none.
    #[default]
    Template,
    /// The same, with instructions before every prompt.
    System(String),
    /// As they are.
    Raw,
}

/// Which guide goes with a denoiser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuideChoice {
    /// The embedded guide with the embedded denoiser; none with any other.
    Default,
    /// None.
    None,
    /// This one.
    Source(Source),
}

/// Which models to load, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRequest {
    /// The denoiser.
    pub denoiser: Source,
    /// The guide.
    pub guide: GuideChoice,
    /// File of a filter that was trained on the denoiser; `None` for the embedded denoiser's own, and none with others.
    pub filter: Option<PathBuf>,
    /// The denoiser's mask token, where that is not left to its files.
    pub mask_token: Option<MaskToken>,
    /// How prompts are laid out.
    pub layout: PromptLayout,
    /// Values that chat templates are given under names of their own: `enable_thinking` and others.
    pub template_vars: Variables,
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
            guide: GuideChoice::Default,
            filter: None,
            mask_token: None,
            layout: PromptLayout::Template,
            template_vars: Variables::new(),
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
            GuideChoice::Source(source) => Some(source),
            GuideChoice::Default if self.denoiser == Source::Embedded => Some(&Source::Embedded),
            GuideChoice::Default | GuideChoice::None => None,
        }
    }

    /// Whether both come to the same models.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.shares_denoiser(other) && self.guide_source() == other.guide_source()
    }

    /// Whether both have the same denoiser on the same device, so that it need not be loaded again.
    pub(super) fn shares_denoiser(&self, other: &Self) -> bool {
        self.denoiser == other.denoiser
            && self.filter == other.filter
            && self.mask_token == other.mask_token
            && self.layout == other.layout
            && self.template_vars == other.template_vars
            && self.device == other.device
    }
}

/// Observes how loading proceeds.
pub trait LoadObserver: Send + Sync {
    /// What is being done; several times a second where bytes are counted. Breaks the loading off by `Break`.
    fn progress(&self, progress: &Progress) -> ControlFlow<()>;

    /// Something that the user should know although it works; one sentence.
    fn warn(&self, sentence: String);
}

/// A network with what belongs to it.
pub(super) struct LoadedModel {
    pub(super) network: Box<dyn Network>,
    pub(super) card: ModelCard,
    pub(super) tokenizer: Tokenizer,
}

/// The files of a model, opened.
struct OpenedModel {
    checkpoint: Checkpoint,
    tokenizer: Tokenizer,
    /// For people, printable.
    name: String,
    /// Whether it is one of the embedded pair.
    is_embedded: bool,
    /// Small files that may be missing; see [`Located`].
    unknown: Vec<&'static str>,
}

/// What is said where no thread can be started.
pub(super) const NO_THREADS: &str = "the system gives no threads to compute with: allow more of them (`ulimit -u` shows \
                                     the limit), or set RAYON_NUM_THREADS to fewer";

/// Starts the threads that work is shared between: a system that gives none is reported before anything is loaded.
fn start_workers() -> Result<()> {
    let start = || {
        rayon::current_num_threads();
        among_workers(|| ());
    };
    // The library that has them panics.
    panics::catch(start).map_err(|_| anyhow!(NO_THREADS))
}

/// Loads what is asked for.
///
/// # Errors
/// One sentence that says which model and what to do.
pub fn load(request: &ModelRequest, observer: &Arc<dyn LoadObserver>) -> Result<Models> {
    let loading = LoadContext::begin(request, observer)?;
    let denoiser = loading.find(&request.denoiser, ModelRole::Denoiser)?;
    let guide = request.guide_source().map(|source| loading.find(source, ModelRole::Guide)).transpose()?;
    let denoiser = loading.open(&denoiser, ModelRole::Denoiser)?;
    let guide = guide.map(|guide| loading.open(&guide, ModelRole::Guide)).transpose()?;
    let filter = filter(request)?;
    loading.check(&request.denoiser, &[Some(&denoiser), guide.as_ref()])?;
    loading.warn_of_absent_files(&denoiser, ModelRole::Denoiser);
    if let Some(guide) = &guide {
        loading.warn_of_absent_files(guide, ModelRole::Guide);
    }
    let denoiser = loading.read(denoiser)?;
    let guide = guide.map(|guide| loading.read(guide)).transpose()?;
    Ok(Models::new(denoiser, guide, filter))
}

/// Loads the guide that is asked for beside a denoiser that is loaded already.
pub(super) fn load_guide(
    request: &ModelRequest,
    source: &Source,
    observer: &Arc<dyn LoadObserver>,
) -> Result<LoadedModel> {
    let loading = LoadContext::begin(request, observer)?;
    let guide = loading.open(&loading.find(source, ModelRole::Guide)?, ModelRole::Guide)?;
    loading.check(source, &[Some(&guide)])?;
    loading.warn_of_absent_files(&guide, ModelRole::Guide);
    loading.read(guide)
}

/// The filter that was named; without, the one that belongs to the embedded denoiser, where that is loaded.
fn filter(request: &ModelRequest) -> Result<Option<Filter>> {
    let Some(file) = &request.filter else {
        let own = embedded::FILTER.filter(|_| request.denoiser == Source::Embedded);
        return own.map(|json| Filter::parse(json).context("the embedded filter is damaged")).transpose();
    };
    let name = printable::line(&file.display().to_string());
    let json = files::read_text(file).with_context(|| format!("the filter {name} cannot be read"))?;
    Ok(Some(Filter::parse(&json).with_context(|| name.clone())?))
}

/// What all steps of a loading share.
struct LoadContext<'a> {
    request: &'a ModelRequest,
    device: ComputeDevice,
    observer: &'a Arc<dyn LoadObserver>,
}

impl<'a> LoadContext<'a> {
    fn begin(request: &'a ModelRequest, observer: &'a Arc<dyn LoadObserver>) -> Result<Self> {
        start_workers()?;
        Ok(Self { request, device: ComputeDevice::open(request.device)?, observer })
    }

    /// Finds the files of a model, or downloads them.
    fn find(&self, source: &Source, role: ModelRole) -> Result<Located> {
        let memory = self.device.memory().filter(|_| !self.request.overcommit);
        let mut too_large = None;
        let known = Known::of(source).map(|known| known.memory(self.device.number_width()));
        let denoises = role == ModelRole::Denoiser;
        let purpose = ModelPurpose {
            role: Some(role),
            chats: denoises && self.chats(&source.name()),
            mask: self.request.mask_token.clone().filter(|_| denoises),
        };
        let hub = || Ok(Hub::from_environment()?.offline(self.request.offline).with_purpose(purpose.clone()));
        let located = source.locate(&hub, &mut |progress| {
            if let (Progress::Found { model, weights }, Some(memory)) = (progress, memory) {
                // Whatever becomes of them in memory, it is no less than what they are on disk.
                let need = known.unwrap_or(*weights);
                if MemoryFit::of(need, memory.free) == MemoryFit::Exceeds {
                    too_large = Some(self.exceeds(source, model, need, memory));
                    return ControlFlow::Break(());
                }
            }
            self.observer.progress(progress)
        });
        match too_large {
            Some(sentence) => bail!(sentence),
            None => Ok(located?),
        }
    }

    /// Compares what the models need with what the device has, and then their tensors with what they should be: before any
    /// is read. `source` names the first of them.
    fn check(&self, source: &Source, models: &[Option<&OpenedModel>]) -> Result<()> {
        let models: Vec<&OpenedModel> = models.iter().copied().flatten().collect();
        if let Some(memory) = self.device.memory() {
            self.check_memory(source, &models, memory)?;
        }
        models.into_iter().try_for_each(|model| Ok(model.checkpoint.check_tensors()?))
    }

    fn check_memory(&self, source: &Source, models: &[&OpenedModel], memory: Memory) -> Result<()> {
        let mut need = 0;
        for model in models {
            need = model.checkpoint.memory_need(known::POSITIONS as usize, &self.device)?.saturating_add(need);
        }
        let names = models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>().join(" with ");
        match MemoryFit::of(need, memory.free) {
            MemoryFit::Fits => {}
            MemoryFit::Exceeds if !self.request.overcommit => bail!(self.exceeds(source, &names, need, memory)),
            MemoryFit::Exceeds | MemoryFit::Close => self.observer.warn(format!(
                "{names} takes about {} of the {} that the {} has free: it may be slow, or fail",
                memory::bytes(need),
                memory::bytes(memory.free),
                self.device
            )),
        }
        Ok(())
    }

    /// Warns of what would silently change answers: a denoiser without a chat template, and files that may be missing.
    fn warn_of_absent_files(&self, model: &OpenedModel, role: ModelRole) {
        let name = &model.name;
        let has_template = model.tokenizer.has_template();
        let misses_template = role == ModelRole::Denoiser && !has_template && self.chats(name);
        let completes = format!("`diffuscope models pull hf:{name}` completes it");
        self.observer.warn(match (misses_template, model.unknown.as_slice()) {
            (false, []) => return,
            (true, []) => format!(
                "{name} has no chat template, so prompts are read as they are, which instruction-tuned models answer \
                 badly: --raw says that this is meant"
            ),
            (true, _) => {
                format!("{name} has no chat template in the hub's cache, so prompts are read as they are: {completes}")
            }
            (false, unknown) => {
                format!("the hub's cache may lack files of {name} ({}): {completes}", unknown.join(", "))
            }
        });
    }

    fn exceeds(&self, source: &Source, names: &str, need: u64, memory: Memory) -> String {
        format!(
            "{} needs about {} of memory, and the {} has {} free of {}: choose {}a smaller model, or load \
             it all the same with --overcommit",
            printable::line(names),
            memory::bytes(need),
            self.device,
            memory::bytes(memory.free),
            memory::bytes(memory.total),
            in_few_bits(source)
        )
    }

    /// Makes a network of the files.
    fn read(&self, model: OpenedModel) -> Result<LoadedModel> {
        let OpenedModel { mut checkpoint, tokenizer, name, is_embedded, .. } = model;
        let (observer, of) = (Arc::clone(self.observer), name.clone());
        checkpoint.watch(Box::new(move |loading| {
            // A tensor at a time; there is nothing to break off between them.
            let _ =
                observer.progress(&Progress::Reading { model: of.clone(), done: loading.done, total: loading.total });
        }));
        let network = checkpoint.network(&self.device)?;
        // Behind the reading: the pages that it looks at are in memory by now.
        let mut card = card(&*network, name, &self.device, checkpoint.fingerprint());
        card.chats = !is_embedded && tokenizer.converses();
        Ok(LoadedModel { network, card, tokenizer })
    }

    #[expect(clippy::single_match_else, reason = "neither case is the exception")]
    fn open(&self, located: &Located, role: ModelRole) -> Result<OpenedModel> {
        let (mut checkpoint, tokenizer, name) = match &located.path {
            Some(path) => {
                let checkpoint = Checkpoint::open(path)?;
                checkpoint.check_role(role)?;
                let tokenizer = checkpoint.tokenizer()?;
                (checkpoint, tokenizer, printable::line(&located.name))
            }
            None => {
                let pair = embedded::pair()?;
                let (checkpoint, name) = match role {
                    ModelRole::Denoiser => (pair.denoiser, "embedded"),
                    ModelRole::Guide => (pair.guide, "embedded guide"),
                };
                (checkpoint, pair.tokenizer, name.to_owned())
            }
        };
        if let (ModelRole::Denoiser, Some(mask)) = (role, &self.request.mask_token) {
            checkpoint.give_mask(mask, &tokenizer)?;
        }
        checkpoint.check_tokens(&tokenizer)?;
        let variables = self.variables(&checkpoint.architecture()?);
        let tokenizer = self.laid_out(tokenizer.with_variables(variables), &name, role)?;
        if role == ModelRole::Denoiser {
            self.check_variables(&tokenizer, &name);
        }
        let is_embedded = located.path.is_none();
        Ok(OpenedModel { checkpoint, tokenizer, name, is_embedded, unknown: located.unknown.clone() })
    }

    /// What the chat template of a model is given: what was asked for, and else what the model's own code gives it.
    fn variables(&self, architecture: &str) -> Variables {
        let mut variables = Variables::new();
        // A2D models were trained to answer at once, and a guide is to judge such answers.
        if matches!(architecture, "A2D-Qwen2" | "A2D-Qwen3" | "Qwen3") {
            variables.insert("enable_thinking".to_owned(), false.into());
        }
        variables.extend(self.request.template_vars.clone());
        variables
    }

    /// A variable that the denoiser's template never asks for changes nothing.
    fn check_variables(&self, tokenizer: &Tokenizer, model: &str) {
        for name in self.request.template_vars.keys() {
            let reason = match tokenizer.template() {
                None => format!("{model} comes without a chat template"),
                Some(template) if !template.mentions(name) => {
                    format!("the chat template in {} does not mention it", template.origin())
                }
                Some(_) => continue,
            };
            let sentence = format!("the template variable {name} has no effect: {reason}");
            self.observer.warn(printable::line(&sentence));
        }
    }

    /// Whether prompts are laid out by the chat template of the model of this name.
    fn chats(&self, name: &str) -> bool {
        match self.request.layout {
            PromptLayout::Template => !known::is_base(name),
            PromptLayout::System(_) => true,
            PromptLayout::Raw => false,
        }
    }

    /// The tokenizer, with prompts laid out as is asked for; those of a base model are left as they are.
    fn laid_out(&self, tokenizer: Tokenizer, name: &str, role: ModelRole) -> Result<Tokenizer> {
        Ok(match &self.request.layout {
            PromptLayout::Template if !self.chats(name) => {
                if role == ModelRole::Denoiser && tokenizer.has_template() {
                    self.observer.warn(format!(
                        "{name} is a base model: it continues the prompt as it is, without its chat template"
                    ));
                }
                tokenizer.without_template()
            }
            PromptLayout::Template => tokenizer,
            PromptLayout::System(text) => tokenizer.with_system(text)?,
            PromptLayout::Raw => tokenizer.without_template(),
        })
    }
}

/// The same weights in fewer bits, for a sentence about what else there is; nothing where they are in few bits already.
fn in_few_bits(source: &Source) -> String {
    match Known::of(source).and_then(|known| known.gguf) {
        Some(gguf) => format!("{gguf} (the same in 4 bits), "),
        None if source.to_string().to_ascii_lowercase().contains(".gguf") => String::new(),
        None => "an 8- or 4-bit GGUF file of it, ".to_owned(),
    }
}

fn card(network: &dyn Network, name: String, device: &ComputeDevice, fingerprint: String) -> ModelCard {
    let spec = network.spec();
    ModelCard {
        name,
        architecture: spec.architecture.clone(),
        parameters: spec.parameters,
        layers: spec.layers,
        device: device.to_string(),
        fingerprint: Some(fingerprint),
        chats: false,
        shape: network.shape(),
    }
}
