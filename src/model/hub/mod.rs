//! Models of a hub in the manner of huggingface.co: looked up in the cache, downloaded into it.
//!
//! | file | holds |
//! |---|---|
//! | `settings.rs` | what the environment says: cache, endpoint, token, offline mode |
//! | `cache.rs` | the cache, in the layout that Python's `huggingface_hub` shares |
//! | `files.rs` | which files of a model are wanted |
//! | `expand.rs` | `~` and `$NAME` in those variables |
//! | `way.rs` | the way to servers: proxy, certificates, redirects, and answers that may be waited for in slices |
//! | `client.rs` | requests to the hub, and what its HTTP errors mean |
//! | `patience.rs` | how long and how often to try again |
//! | `report.rs` | progress, and whether to cancel |
//! | `checksum.rs` | content against the hash that the hub names |
//! | `partial.rs` | one file: begun, resumed, compared with length and hash, and only then given its name |
//! | `download.rs` | the files of a model |
//!
//! A file gets its name in the cache when it is whole: what was broken off lies beside it as `.incomplete`, and the next
//! download resumes there. A snapshot's reference is written when all of its files are there.
//!
//! The cache's paths are those of the crate `hf-hub`. Its transport is not used: no version of it compares what arrives with
//! length and hash, and each brings C code or native TLS. HTTP itself is `ureq`'s, hashes are those of `sha1` and `sha2`.

mod cache;
#[cfg(feature = "hub")]
mod checksum;
#[cfg(feature = "hub")]
mod client;
#[cfg(feature = "hub")]
mod download;
mod error;
mod expand;
mod files;
#[cfg(feature = "hub")]
mod partial;
#[cfg(feature = "hub")]
mod patience;
#[cfg(feature = "hub")]
mod report;
mod settings;
#[cfg(feature = "hub")]
mod way;

use std::path::{Path, PathBuf};

pub use cache::{Cached, Found};
pub use error::HubError;
pub use settings::{HubSettings, Named};

use super::{
    purpose::ModelPurpose,
    source::{HubModel, Watch},
};

/// The cache and the way to the hub.
#[derive(Debug, Clone)]
pub struct Hub {
    settings: HubSettings,
    /// What models are downloaded for; what comes is not judged where nothing is said.
    #[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "nothing is downloaded"))]
    purpose: Option<ModelPurpose>,
}

/// A model that was asked of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The snapshot's folder, or the GGUF file.
    pub path: PathBuf,
    /// The commit that it is of.
    pub commit: String,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Bytes of them that came through the network now.
    pub downloaded: u64,
}

impl Hub {
    /// A hub by its settings.
    pub fn new(settings: HubSettings) -> Self {
        Self { settings, purpose: None }
    }

    /// A hub as the environment says; see [`HubSettings::from_environment`].
    pub fn from_environment() -> Result<Self, HubError> {
        HubSettings::from_environment().map(Self::new)
    }

    /// The same, without the network where `offline`.
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.settings.offline |= offline;
        self
    }

    /// The same, where what comes is held against what it is for: a model that cannot serve that is refused before its
    /// weights come, or after their first bytes.
    #[must_use]
    pub fn with_purpose(mut self, purpose: ModelPurpose) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// The folder of the cache.
    pub fn cache(&self) -> &Path {
        &self.settings.cache
    }

    /// A model that is whole in the cache: its folder, or its GGUF file.
    pub fn cached(&self, model: &HubModel) -> Option<PathBuf> {
        self.find(model).filter(Found::is_whole).map(|found| found.path)
    }

    /// A model whose weights are in the cache, and what other programs that put them there may have left out.
    pub fn find(&self, model: &HubModel) -> Option<Found> {
        let commit = cache::commit(self.cache(), model)?;
        cache::find(self.cache(), model, &commit)
    }

    /// Every model whose weights are in the cache, by name.
    pub fn scan(&self) -> Vec<Cached> {
        cache::scan(self.cache())
    }

    /// Asks the hub which files the model has now and downloads those that the cache lacks.
    ///
    /// # Errors
    /// One sentence; what has arrived so far is kept for the next time.
    pub fn fetch(&self, model: &HubModel, watch: &mut Watch<'_>) -> Result<Fetched, HubError> {
        self.download(model, Aim::Newest, watch)
    }

    /// The same, and compares what the cache has with the hub's hashes: what is damaged is downloaded once more.
    ///
    /// # Errors
    /// As for [`Self::fetch`].
    pub fn pull(&self, model: &HubModel, watch: &mut Watch<'_>) -> Result<Fetched, HubError> {
        self.download(model, Aim::Sound, watch)
    }

    /// Downloads the small files that the cache lacks of the commit that it has.
    ///
    /// # Errors
    /// As for [`Self::fetch`].
    pub fn complete(&self, model: &HubModel, watch: &mut Watch<'_>) -> Result<Fetched, HubError> {
        self.download(model, Aim::Complete, watch)
    }

    #[cfg(feature = "hub")]
    fn download(&self, model: &HubModel, aim: Aim, watch: &mut Watch<'_>) -> Result<Fetched, HubError> {
        if self.settings.offline {
            return Err(HubError::Offline { model: model.to_string(), cache: self.cache().to_owned() });
        }
        download::fetch(&self.settings, self.purpose.as_ref(), model, aim, watch)
    }

    /// This build does not download.
    #[cfg(not(feature = "hub"))]
    fn download(&self, model: &HubModel, _aim: Aim, _watch: &mut Watch<'_>) -> Result<Fetched, HubError> {
        Err(HubError::NotBuilt { model: model.to_string(), cache: self.cache().to_owned() })
    }
}

/// What a download is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// All that is wanted of the revision as it is now.
    Newest,
    /// The same, with hashes compared.
    Sound,
    /// The small files of the commit that is here.
    Complete,
}
