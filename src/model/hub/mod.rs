//! Models of a hub in the manner of huggingface.co: looked up in the cache, downloaded into it.
//!
//! | file | holds |
//! |---|---|
//! | `settings.rs` | what the environment says: cache, endpoint, token, offline mode |
//! | `cache.rs` | the cache, in the layout that Python's `huggingface_hub` shares |
//! | `files.rs` | which files of a model are wanted |
//! | `client.rs` | requests, redirects, and what an answer other than yes means |
//! | `download.rs` | one file: begun, resumed, compared with length and hash, and only then given its name |
//!
//! A file gets its name in the cache when it is whole: what was broken off lies beside it as `.incomplete`, and the next
//! download goes on from there. A snapshot's reference is written when all of its files are there.

mod cache;
#[cfg(feature = "hub")]
mod client;
#[cfg(feature = "hub")]
mod download;
mod error;
mod files;
mod settings;

use std::path::{Path, PathBuf};

pub use cache::Cached;
pub use error::HubError;
pub use settings::HubSettings;

use super::source::HubModel;

/// The cache and the way to the hub.
#[derive(Debug, Clone)]
pub struct Hub {
    settings: HubSettings,
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
        Self { settings }
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

    /// The folder of the cache.
    pub fn cache(&self) -> &Path {
        &self.settings.cache
    }

    /// A model that is whole in the cache: its folder, or its GGUF file.
    pub fn cached(&self, model: &HubModel) -> Option<PathBuf> {
        let commit = cache::commit(self.cache(), model)?;
        cache::whole(&cache::snapshot(self.cache(), model, &commit), model.file())
    }

    /// Every model that is whole in the cache, by name.
    pub fn scan(&self) -> Vec<Cached> {
        cache::scan(self.cache())
    }

    /// Asks the hub which files the model has now and downloads those that the cache lacks.
    ///
    /// # Errors
    /// One sentence; what has arrived so far is kept for the next time.
    #[cfg(feature = "hub")]
    pub fn fetch(&self, model: &HubModel, watch: &mut super::source::Watch<'_>) -> Result<Fetched, HubError> {
        if self.settings.offline {
            return Err(HubError::Offline { model: model.to_string(), cache: self.cache().to_owned() });
        }
        download::fetch(&self.settings, model, watch)
    }

    /// This build does not download.
    #[cfg(not(feature = "hub"))]
    pub fn fetch(&self, model: &HubModel, _watch: &mut super::source::Watch<'_>) -> Result<Fetched, HubError> {
        Err(HubError::NotBuilt { model: model.to_string(), cache: self.cache().to_owned() })
    }
}
