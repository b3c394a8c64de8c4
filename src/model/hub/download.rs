//! The files of a model out of the hub into the cache.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    Aim, Fetched, HubError, HubSettings,
    cache::{self, CONFIG, INDEX, LONGEST_JSON},
    client::{Client, Description},
    files::{DESCRIPTIONS, WantedFiles},
    partial::{PartialDownload, incomplete, is_sound, open_own},
    report::ProgressReporter,
};
use crate::model::{
    purpose::ModelPurpose,
    source::{self, HubModel, Progress, Watch},
};

/// Counts bytes over all files and passes them on.
pub(super) struct Meter<'a, 'w> {
    /// Bytes that are there, of all files.
    done: u64,
    /// Bytes that came through the network.
    pub downloaded: u64,
    total: Option<u64>,
    pub report: ProgressReporter<'a, 'w>,
}

impl Meter<'_, '_> {
    /// Reports how many bytes there are, `within` of them of `file`, which is not counted yet.
    pub(super) fn bytes(&mut self, file: &str, within: u64) -> Result<(), HubError> {
        let (model, file) = (self.report.model.clone(), file.to_owned());
        let done = self.done.saturating_add(within);
        self.report.send(Progress::Downloading { model, file, done, total: self.total })
    }
}

/// Downloads what the cache lacks of a model.
pub(super) fn fetch(
    settings: &HubSettings,
    purpose: Option<&ModelPurpose>,
    model: &HubModel,
    aim: Aim,
    watch: &mut Watch<'_>,
) -> Result<Fetched, HubError> {
    let client = Client::new(settings)?;
    let report = ProgressReporter::new(model.to_string(), watch);
    let mut meter = Meter { done: 0, downloaded: 0, total: None, report };
    meter.report.repeat()?;
    let here = cache::commit(&settings.cache, model).filter(|_| aim == Aim::Complete);
    let revision = here.as_deref().unwrap_or_else(|| cache::revision(model));
    let listing = client.list(model, revision, &mut meter.report)?;
    let wanted = WantedFiles::among(model, &listing.files)?;
    let place = SnapshotDir::new(settings, purpose, model, listing.commit, aim)?;

    for file in &wanted.first {
        let description = client.describe(model, &place.commit, file, &mut meter.report)?;
        if description.size > LONGEST_JSON {
            let (model, size) = (model.repo().to_owned(), description.size);
            return Err(HubError::TooLong { model, file: file.clone(), size, most: LONGEST_JSON });
        }
        place.ensure_file(&client, &description, &mut meter)?;
    }
    if wanted.first.iter().any(|file| file == CONFIG) {
        // Better refused now than after the weights have come. Where those are here, loading them says what is wrong.
        if let Some(purpose) = purpose.filter(|_| aim != Aim::Complete) {
            purpose.check_small_files(&place.snapshot)?;
        }
        place.note_absent(&listing.files);
    }
    let mut weights = wanted.weights;
    if wanted.first.iter().any(|file| file == INDEX) {
        weights = shards(model, &place.snapshot.join(INDEX), &listing.files)?;
    }
    if aim != Aim::Complete {
        place.ensure_weights(&client, &weights, &mut meter)?;
    }
    let path = match weights.as_slice() {
        [only] if wanted.first.is_empty() => place.snapshot.join(only),
        _ => place.snapshot,
    };
    Ok(Fetched { path, commit: place.commit, bytes: meter.done, downloaded: meter.downloaded })
}

/// The files that the model's index names; each must be one of its files.
fn shards(model: &HubModel, index: &Path, files: &[String]) -> Result<Vec<String>, HubError> {
    let what = || format!("{INDEX} of {model}");
    let shards = cache::shards(index).map_err(|reason| HubError::Answer { what: what(), reason })?;
    if shards.is_empty() {
        return Err(HubError::Answer { what: what(), reason: "it names no file".to_owned() });
    }
    for file in &shards {
        if !source::is_safe(file) {
            return Err(HubError::Name { repo: model.repo().to_owned(), file: file.clone() });
        }
        if !files.contains(file) {
            return Err(HubError::NoFile { repo: model.repo().to_owned(), file: file.clone(), files: Vec::new() });
        }
    }
    Ok(shards.into_iter().collect())
}

/// Where a commit's files go.
pub(super) struct SnapshotDir<'a> {
    pub model: &'a HubModel,
    pub commit: String,
    cache: &'a Path,
    blobs: PathBuf,
    locks: PathBuf,
    pub snapshot: PathBuf,
    /// What the model is wanted for, if that is held against what comes.
    pub purpose: Option<&'a ModelPurpose>,
    /// Whether what is there is compared with the hub's hashes, and not only with its lengths.
    compares: bool,
}

impl<'a> SnapshotDir<'a> {
    fn new(
        settings: &'a HubSettings,
        purpose: Option<&'a ModelPurpose>,
        model: &'a HubModel,
        commit: String,
        aim: Aim,
    ) -> Result<Self, HubError> {
        let folder = cache::folder(&settings.cache, model);
        let blobs = folder.join("blobs");
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_owned();
        let locks = settings.cache.join(".locks").join(name);
        let snapshot = cache::snapshot(&settings.cache, model, &commit);
        for path in [&blobs, &snapshot] {
            fs::create_dir_all(path).map_err(|error| HubError::Write { path: path.clone(), error })?;
        }
        let compares = aim == Aim::Sound;
        Ok(Self { model, commit, cache: &settings.cache, blobs, locks, snapshot, purpose, compares })
    }

    /// Makes sure that the weights are in the snapshot, and lets the revision stand for it.
    fn ensure_weights(&self, client: &Client<'_>, files: &[String], meter: &mut Meter<'_, '_>) -> Result<(), HubError> {
        let mut descriptions = Vec::new();
        for file in files {
            descriptions.push(client.describe(self.model, &self.commit, file, &mut meter.report)?);
        }
        let bytes = descriptions.iter().fold(0_u64, |sum, description| sum.saturating_add(description.size));
        meter.total = Some(meter.done.saturating_add(bytes));
        meter.report.send(Progress::Found { model: meter.report.model.clone(), weights: bytes })?;
        self.check_room(&descriptions)?;
        for description in &descriptions {
            self.ensure_file(client, description, meter)?;
        }
        self.refer()
    }

    /// Compares what is to be written with the room on the cache's disk.
    fn check_room(&self, descriptions: &[Description]) -> Result<(), HubError> {
        let missing = descriptions.iter().map(|description| {
            let blob = self.blobs.join(&description.etag);
            if self.there(description).is_some() {
                return 0;
            }
            description.size - description.size.min(fs::metadata(incomplete(&blob)).map_or(0, |left| left.len()))
        });
        let need = missing.fold(0_u64, u64::saturating_add);
        match free(&self.blobs) {
            Some(free) if need > free => {
                Err(HubError::Room { model: self.model.to_string(), need, cache: self.cache.to_owned(), free })
            }
            _ => Ok(()),
        }
    }

    /// A file that has the right length: the snapshot's, or a blob that the snapshot does not have yet.
    fn there(&self, description: &Description) -> Option<PathBuf> {
        // A snapshot of Python's on a system without links holds the files themselves.
        let places = [self.snapshot.join(&description.file), self.blobs.join(&description.etag)];
        places.into_iter().find(|path| fs::metadata(path).is_ok_and(|about| about.len() == description.size))
    }

    /// Makes sure that a file is in the snapshot, and counts it.
    fn ensure_file(
        &self,
        client: &Client<'_>,
        description: &Description,
        meter: &mut Meter<'_, '_>,
    ) -> Result<(), HubError> {
        let link = self.snapshot.join(&description.file);
        let there = self.there(description);
        let is_damaged = match &there {
            Some(path) => self.compares && !is_sound(path, description, meter)?,
            None => false,
        };
        if is_damaged || there.as_ref() != Some(&link) {
            let blob = self.blobs.join(&description.etag);
            if is_damaged || there.is_none() {
                fs::create_dir_all(&self.locks).map_err(|error| HubError::Write { path: self.locks.clone(), error })?;
                let _held = hold(&self.locks.join(format!("{}.lock", description.etag)), &description.file)?;
                // Another program, which held it before, may have downloaded the file.
                if is_damaged || self.there(description).is_none() {
                    PartialDownload::open(&blob, description)?.complete(client, self, meter)?;
                }
            }
            link_blob(&link, &blob).map_err(|error| HubError::Write { path: link, error })?;
        }
        meter.done = meter.done.saturating_add(description.size);
        meter.bytes(&description.file, 0)
    }

    /// Notes which small files the hub does not have, as Python does. No more than a note: where it cannot be written, the
    /// hub is asked again.
    fn note_absent(&self, files: &[String]) {
        let folder = cache::absent(self.cache, self.model, &self.commit);
        for name in DESCRIPTIONS.iter().filter(|name| !files.iter().any(|file| file == *name)) {
            let note = folder.join(name);
            if !note.exists() {
                let _ = fs::create_dir_all(&folder).and_then(|()| open_own(&note));
            }
        }
    }

    /// Lets the revision stand for the commit from now on.
    fn refer(&self) -> Result<(), HubError> {
        // A commit stands for itself, and a cache that is up to date need not be writable.
        if cache::commit(self.cache, self.model).as_ref() == Some(&self.commit) {
            return Ok(());
        }
        let path = cache::reference(self.cache, self.model);
        let write = || {
            for folder in [Some(&*self.locks), path.parent()].into_iter().flatten() {
                fs::create_dir_all(folder)?;
            }
            // Beside it and renamed, so that no reader gets half of it.
            let beside = self.locks.join(format!("{}.incomplete", self.commit));
            let mut file = open_own(&beside)?;
            file.set_len(0)?;
            file.write_all(self.commit.as_bytes())?;
            fs::rename(&beside, &path)
        };
        write().map_err(|error| HubError::Write { path: path.clone(), error })
    }
}

/// Bytes that are free for this user on the disk of a folder; `None` where the system does not say.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(folder).ok().filter(|about| about.f_blocks > 0)?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Not known on this system.
#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

/// Locks a file against other programs, Python's `huggingface_hub` among them, until the result is dropped.
fn hold(lock: &Path, file: &str) -> Result<File, HubError> {
    let write = |error| HubError::Write { path: lock.to_owned(), error };
    let held = open_own(lock).map_err(write)?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(TryLockError::WouldBlock) => Err(HubError::Locked { file: file.to_owned(), lock: lock.to_owned() }),
        // A file system without locks is no reason to do without the model.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(held),
        Err(TryLockError::Error(error)) => Err(write(error)),
    }
}

/// Makes `link` stand for `blob`, by a relative link as Python does; where there are none, the file itself goes there.
fn link_blob(link: &Path, blob: &Path) -> io::Result<()> {
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    // What was there was of another length, or a link to nothing.
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    link_to(link, blob)
}

#[cfg(unix)]
fn link_to(link: &Path, blob: &Path) -> io::Result<()> {
    // snapshots/<commit>/a/b links to ../../../blobs/<etag>.
    let model = blob.parent().and_then(Path::parent).unwrap_or(blob);
    let depth = link.strip_prefix(model).map_or(0, |below| below.components().count().saturating_sub(1));
    let target: PathBuf = std::iter::repeat_n("..", depth).collect();
    let target = target.join(blob.strip_prefix(model).unwrap_or(blob));
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn link_to(link: &Path, blob: &Path) -> io::Result<()> {
    fs::rename(blob, link)
}
