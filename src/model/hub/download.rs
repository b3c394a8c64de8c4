//! Files out of the hub into the cache: begun, resumed, compared with length and hash, and only then given their names.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use ureq::{
    Body,
    http::{Response, StatusCode},
};

use super::{
    Fetched, HubError, HubSettings,
    cache::{self, CONFIG, INDEX},
    client::{ATTEMPTS, Client, Description, Trouble, text},
    files::Wanted,
};
use crate::model::{
    checkpoint::Checkpoint,
    source::{self, HubModel, Progress, Watch},
};

/// Bytes that are read, written and told at a time.
const CHUNK: usize = 256 << 10;

/// Counts bytes over all files and passes them on.
struct Meter<'a, 'w> {
    model: String,
    /// Bytes that are there, of all files.
    done: u64,
    /// Bytes that came through the network.
    downloaded: u64,
    total: Option<u64>,
    watch: &'a mut Watch<'w>,
}

impl Meter<'_, '_> {
    fn tell(&mut self, progress: &Progress) -> Result<(), HubError> {
        match (self.watch)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(HubError::Cancelled),
        }
    }

    /// Tells how many bytes there are, `within` of them of `file`, which is not counted yet.
    fn bytes(&mut self, file: &str, within: u64) -> Result<(), HubError> {
        let (model, file) = (self.model.clone(), file.to_owned());
        self.tell(&Progress::Downloading { model, file, done: self.done + within, total: self.total })
    }
}

/// Downloads what the cache lacks of a model.
pub(super) fn fetch(settings: &HubSettings, model: &HubModel, watch: &mut Watch<'_>) -> Result<Fetched, HubError> {
    let client = Client::new(settings)?;
    let mut meter = Meter { model: model.to_string(), done: 0, downloaded: 0, total: None, watch };
    meter.tell(&Progress::Asking { model: model.to_string() })?;
    let listing = client.list(model, meter.watch)?;
    let wanted = Wanted::among(model, &listing.files)?;
    let place = Place::new(settings, model, listing.commit)?;

    for file in &wanted.first {
        let description = client.describe(model, &place.commit, file, meter.watch)?;
        place.obtain(&client, &description, &mut meter)?;
    }
    if let Some(config) = wanted.first.iter().find(|file| *file == CONFIG) {
        // Better told now than after the weights have come.
        Checkpoint::check_architecture(&place.snapshot.join(config))?;
    }
    let mut weights = wanted.weights;
    if wanted.first.iter().any(|file| file == INDEX) {
        weights = shards(model, &place.snapshot.join(INDEX), &listing.files)?;
    }
    let mut descriptions = Vec::new();
    for file in &weights {
        descriptions.push(client.describe(model, &place.commit, file, meter.watch)?);
    }
    let bytes: u64 = descriptions.iter().map(|description| description.size).sum();
    meter.total = Some(meter.done + bytes);
    meter.tell(&Progress::Found { model: model.to_string(), weights: bytes })?;
    for description in &descriptions {
        place.obtain(&client, description, &mut meter)?;
    }
    place.refer()?;
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
struct Place<'a> {
    model: &'a HubModel,
    cache: &'a Path,
    commit: String,
    blobs: PathBuf,
    locks: PathBuf,
    snapshot: PathBuf,
}

impl<'a> Place<'a> {
    fn new(settings: &'a HubSettings, model: &'a HubModel, commit: String) -> Result<Self, HubError> {
        let folder = cache::folder(&settings.cache, model);
        let blobs = folder.join("blobs");
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_owned();
        let locks = settings.cache.join(".locks").join(name);
        let snapshot = cache::snapshot(&settings.cache, model, &commit);
        for path in [&blobs, &locks, &snapshot] {
            fs::create_dir_all(path).map_err(|error| HubError::Write { path: path.clone(), error })?;
        }
        Ok(Self { model, cache: &settings.cache, commit, blobs, locks, snapshot })
    }

    /// Makes sure that a file is in the snapshot, and counts it.
    fn obtain(
        &self,
        client: &Client<'_>,
        description: &Description,
        meter: &mut Meter<'_, '_>,
    ) -> Result<(), HubError> {
        let link = self.snapshot.join(&description.file);
        let blob = self.blobs.join(&description.etag);
        // A snapshot of Python's on a system without links holds the files themselves.
        let is_there = |path: &Path| fs::metadata(path).is_ok_and(|about| about.len() == description.size);
        if !is_there(&link) {
            if !is_there(&blob) {
                let lock = self.locks.join(format!("{}.lock", description.etag));
                let _held = hold(&lock, &description.file)?;
                // Whoever held it before may have downloaded the file.
                if !is_there(&blob) {
                    Arriving::open(&blob, description)?.complete(client, self, meter)?;
                }
            }
            point(&link, &blob).map_err(|error| HubError::Write { path: link, error })?;
        }
        meter.done += description.size;
        meter.bytes(&description.file, 0)
    }

    /// Lets the revision stand for the commit from now on.
    fn refer(&self) -> Result<(), HubError> {
        if cache::is_commit(cache::revision(self.model)) {
            return Ok(());
        }
        cache::handle(self.cache, self.model).create_ref(&self.commit).map_err(|error| {
            let path = cache::folder(self.cache, self.model).join("refs").join(cache::revision(self.model));
            HubError::Write { path, error }
        })
    }
}

/// Locks a file against other programs, Python's `huggingface_hub` among them, until the result is dropped.
fn hold(lock: &Path, file: &str) -> Result<File, HubError> {
    let write = |error| HubError::Write { path: lock.to_owned(), error };
    let held = OpenOptions::new().create(true).append(true).open(lock).map_err(write)?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(TryLockError::WouldBlock) => Err(HubError::Locked { file: file.to_owned(), lock: lock.to_owned() }),
        // A file system without locks is no reason to do without the model.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(held),
        Err(TryLockError::Error(error)) => Err(write(error)),
    }
}

/// Makes `link` stand for `blob`, by a relative link as Python does; where there are none, the file itself goes there.
fn point(link: &Path, blob: &Path) -> io::Result<()> {
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

/// A file on its way.
struct Arriving<'a> {
    description: &'a Description,
    blob: &'a Path,
    path: PathBuf,
    file: File,
    /// Bytes that are there.
    done: u64,
    /// Over those bytes, where the whole has a hash to compare with.
    hash: Option<Sha256>,
}

impl<'a> Arriving<'a> {
    /// Opens what an earlier download left, or begins anew.
    fn open(blob: &'a Path, description: &'a Description) -> Result<Self, HubError> {
        let path = blob.with_file_name(format!("{}.incomplete", description.etag));
        let write = |error| HubError::Write { path: path.clone(), error };
        let file = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path).map_err(write)?;
        let done = file.metadata().map_err(write)?.len();
        let hash = description.sha256().map(|_| Sha256::new());
        Ok(Self { description, blob, path, file, done, hash })
    }

    fn write_error(&self, error: io::Error) -> HubError {
        HubError::Write { path: self.path.clone(), error }
    }

    /// Forgets all bytes.
    fn restart(&mut self) -> Result<(), HubError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|error| self.write_error(error))?;
        self.done = 0;
        self.hash = self.hash.is_some().then(Sha256::new);
        Ok(())
    }

    /// Removes what is there: it is of no use to anybody.
    fn discard(self) {
        drop(self.file);
        let _ = fs::remove_file(&self.path);
    }

    /// Gets all bytes, compares them with what the hub said, and gives the file its name.
    fn complete(mut self, client: &Client<'_>, place: &Place<'_>, meter: &mut Meter<'_, '_>) -> Result<(), HubError> {
        if self.done > self.description.size {
            self.restart()?;
        }
        self.recall(meter)?;
        if let Err(error) = self.receive(client, place, meter) {
            if matches!(error, HubError::Length { .. }) {
                self.discard();
            }
            return Err(error);
        }
        let found = self.hash.take().map(|hash| hexadecimal(&hash.finalize()));
        if let (Some(found), Some(expected)) = (found, self.description.sha256())
            && found != expected
        {
            let file = self.description.file.clone();
            self.discard();
            return Err(HubError::Hash { file, found, expected });
        }
        let named = self.file.sync_all().and_then(|()| fs::rename(&self.path, self.blob));
        named.map_err(|error| self.write_error(error))
    }

    /// Reads what an earlier download left into the hash.
    fn recall(&mut self, meter: &mut Meter<'_, '_>) -> Result<(), HubError> {
        if self.done > 0
            && let Some(mut hash) = self.hash.take()
        {
            let mut left = self.done;
            let mut chunk = vec![0; CHUNK];
            while left > 0 {
                let (model, file) = (meter.model.clone(), self.description.file.clone());
                meter.tell(&Progress::Checking { model, file, done: self.done - left, total: self.done })?;
                let most = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
                let read = self.file.read(&mut chunk[..most]).map_err(|error| self.write_error(error))?;
                if read == 0 {
                    break;
                }
                hash.update(&chunk[..read]);
                left -= read as u64;
            }
            self.done -= left;
            self.hash = Some(hash);
        }
        let at_end = self.file.set_len(self.done).and_then(|()| self.file.seek(SeekFrom::Start(self.done)));
        at_end.map(drop).map_err(|error| self.write_error(error))
    }

    /// Gets the bytes that are missing; goes on where a connection broke, as long as each brings something new.
    fn receive(&mut self, client: &Client<'_>, place: &Place<'_>, meter: &mut Meter<'_, '_>) -> Result<(), HubError> {
        let Description { file, size, .. } = self.description;
        let url = client.address(place.model, &place.commit, file);
        let (mut farthest, mut failures) = (self.done, 0);
        while self.done < *size {
            let answer = client.open(place.model, file, &url, self.done);
            let trouble = match answer.and_then(|response| self.take(response, meter)) {
                Ok(()) => continue,
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Passing(error)) => error,
            };
            failures = if self.done > farthest { 1 } else { failures + 1 };
            farthest = farthest.max(self.done);
            if failures >= ATTEMPTS {
                return Err(match trouble {
                    HubError::Away { reason, .. } if self.done > 0 => self.cut(&reason),
                    other => other,
                });
            }
            client.rest(place.model, failures, meter.watch)?;
        }
        Ok(())
    }

    /// Takes the bytes of an answer in.
    fn take(&mut self, response: Response<Body>, meter: &mut Meter<'_, '_>) -> Result<(), Trouble> {
        let Description { file, size, .. } = self.description;
        let headers = response.headers();
        let announced = text(headers, "content-length").and_then(|length| length.parse::<u64>().ok());
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = text(headers, "content-range").and_then(range);
                match range {
                    Some((start, whole)) if start == self.done => {
                        if let Some(found) = whole.filter(|whole| whole != size) {
                            return Err(HubError::Length { file: file.clone(), found, expected: *size }.into());
                        }
                    }
                    _ => return self.begin_again(),
                }
            }
            StatusCode::OK => {
                if let Some(found) = announced.filter(|length| length != size) {
                    return Err(HubError::Length { file: file.clone(), found, expected: *size }.into());
                }
                // The server does not know ranges: all comes once more.
                if self.done > 0 {
                    self.restart()?;
                }
            }
            _ => return self.begin_again(),
        }
        let mut body = response.into_body().into_reader();
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match body.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(Trouble::Passing(self.cut(&error.to_string()))),
            };
            let found = self.done + read as u64;
            if found > *size {
                return Err(HubError::Length { file: file.clone(), found, expected: *size }.into());
            }
            self.file.write_all(&chunk[..read]).map_err(|error| self.write_error(error))?;
            if let Some(hash) = &mut self.hash {
                hash.update(&chunk[..read]);
            }
            self.done = found;
            meter.downloaded += read as u64;
            meter.bytes(file, self.done)?;
        }
        if self.done < *size {
            return Err(Trouble::Passing(self.cut("it ended early")));
        }
        Ok(())
    }

    /// The answer is about another part than was asked for: what is there is forgotten, and all is asked for.
    fn begin_again(&mut self) -> Result<(), Trouble> {
        let asked = self.done;
        let error = self.cut(&format!("the hub answers with something else than the bytes from {asked} on"));
        self.restart()?;
        Err(if asked == 0 { Trouble::Final(error) } else { Trouble::Passing(error) })
    }

    fn cut(&self, reason: &str) -> HubError {
        let Description { file, size, .. } = self.description;
        HubError::Cut { file: file.clone(), done: self.done, size: *size, reason: reason.to_owned() }
    }
}

/// First byte and length of the whole, of a `Content-Range: bytes 5-9/10`.
fn range(text: &str) -> Option<(u64, Option<u64>)> {
    let (part, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = part.split_once('-')?.0.parse().ok()?;
    Some((start, whole.parse().ok()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
