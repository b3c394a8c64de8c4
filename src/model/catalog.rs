//! What there is to choose from: the embedded pair, the known models, and what the hub's cache on this machine holds.

use std::path::PathBuf;

use super::{
    checkpoint::Checkpoint,
    device::{ComputeDevice, DeviceChoice, DeviceError},
    embedded,
    hub::{Hub, HubError},
    known::{KNOWN, Known, ModelRole, POSITIONS},
    memory::Memory,
    network::Attention,
    source::Source,
};

/// A model to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogEntry {
    /// Where it comes from.
    pub source: Source,
    /// What it does in a run.
    pub role: ModelRole,
    /// Number of its weights, where that is known without reading them.
    pub parameters: Option<u64>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Whether `bytes` was measured and not reckoned.
    pub is_measured: bool,
    /// Bytes of memory that it takes on the device; see [`Known::memory`].
    pub need: Option<u64>,
    /// Where it is on this machine; `None` where it would be downloaded or is part of the program.
    pub path: Option<PathBuf>,
    /// Whether small files of what is on this machine may be missing; see [`Found`](super::hub::Found).
    pub is_partial: bool,
    /// What it is for, one line.
    pub what: &'static str,
}

impl CatalogEntry {
    /// Whether no weights need be downloaded.
    pub fn is_here(&self) -> bool {
        self.path.is_some() || self.source == Source::Embedded
    }
}

/// What there is to choose from, and the room for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The models: embedded, then what is on this machine, then the rest, small ones first.
    pub items: Vec<CatalogEntry>,
    /// The device that they would be loaded to, for people.
    pub device: String,
    /// Its memory, where that is known.
    pub memory: Option<Memory>,
    /// The folder of the hub's cache, where there is one.
    pub cache: Option<PathBuf>,
    /// What is wrong with the hub's environment, in one sentence.
    pub trouble: Option<String>,
}

impl Catalog {
    /// Looks at this machine. Models in the cache that this program cannot run are passed over.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn scan(device: DeviceChoice) -> Result<Self, DeviceError> {
        let device = ComputeDevice::open(device)?;
        let mut catalog = Self::of(Hub::from_environment(), &device);
        catalog.memory = device.memory();
        Ok(catalog)
    }

    fn of(hub: Result<Hub, HubError>, device: &ComputeDevice) -> Self {
        let mut items = embedded(device);
        let (mut here, mut away) = (Vec::new(), Vec::new());
        let cached = hub.as_ref().map(Hub::scan).unwrap_or_default();
        for known in KNOWN {
            let source = known.source();
            let found = cached.iter().find(|cached| cached.source == source);
            let item = CatalogEntry {
                role: known.role,
                parameters: Some(known.parameters),
                bytes: found.map_or(known.bytes, |found| found.bytes),
                is_measured: known.is_measured || found.is_some(),
                need: Some(known.memory(device.number_width())),
                path: found.map(|found| found.path.clone()),
                is_partial: found.is_some_and(|found| !found.is_whole),
                what: known.what,
                source,
            };
            if item.is_here() { &mut here } else { &mut away }.push(item);
        }
        for cached in cached {
            let is_known = |known: &&Known| known.source() == cached.source;
            if KNOWN.iter().any(|known| is_known(&known)) {
                continue;
            }
            let Ok(checkpoint) = Checkpoint::open(&cached.path) else { continue };
            let (Ok(attention), Ok(parameters)) = (checkpoint.attention(), checkpoint.parameters()) else { continue };
            here.push(CatalogEntry {
                source: cached.source,
                role: if attention == Attention::Causal { ModelRole::Guide } else { ModelRole::Denoiser },
                parameters: Some(parameters),
                bytes: cached.bytes,
                is_measured: true,
                need: checkpoint.memory_need(POSITIONS as usize, device).ok(),
                path: Some(cached.path),
                is_partial: !cached.is_whole,
                what: "",
            });
        }
        items.extend(here);
        items.extend(away);
        let (cache, trouble) = match hub {
            Ok(hub) => (Some(hub.cache().to_owned()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { items, device: device.to_string(), memory: None, cache, trouble }
    }

    /// The models for a role.
    pub fn of_role(&self, role: ModelRole) -> impl Iterator<Item = &CatalogEntry> {
        self.items.iter().filter(move |item| item.role == role)
    }
}

/// The two networks of the embedded pair, where this build has it.
fn embedded(device: &ComputeDevice) -> Vec<CatalogEntry> {
    let Ok(pair) = embedded::pair() else { return Vec::new() };
    let item = |role, checkpoint: &Checkpoint, what| CatalogEntry {
        source: Source::Embedded,
        role,
        parameters: checkpoint.parameters().ok(),
        bytes: checkpoint.bytes(),
        is_measured: true,
        need: checkpoint.memory_need(POSITIONS as usize, device).ok(),
        path: None,
        is_partial: false,
        what,
    };
    vec![
        item(
            ModelRole::Denoiser,
            &pair.denoiser,
            "part of this program: stories, lists, sums, JSON, Python, sudoku; comes with its guide",
        ),
        item(ModelRole::Guide, &pair.guide, "the embedded denoiser's own guide"),
    ]
}
