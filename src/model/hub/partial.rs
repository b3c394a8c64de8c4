//! A partial download: one file on its way into the cache, begun, resumed, compared with length and hash, and only then given its name.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use ureq::http::StatusCode;

use super::{
    HubError,
    checksum::{Checksum, Mismatch},
    client::{Client, Description},
    download::{Meter, SnapshotDir},
    patience::Retry,
    way::{Answer, text},
};
use crate::model::{
    source::{Progress, is_gguf},
    weights::BegunFile,
};

/// Bytes that are read from a disk at a time.
const CHUNK: usize = 256 << 10;

/// Bytes of weights that are judged first; the header of most safetensors files is no longer.
const FIRST_JUDGED: u64 = 64 << 10;

/// A file that is not whole yet.
pub(super) struct PartialDownload<'a> {
    description: &'a Description,
    blob: &'a Path,
    path: PathBuf,
    file: File,
    /// Bytes that are there.
    done: u64,
    /// How many of them are to be judged next, where they are.
    judged_at: Option<u64>,
    /// Over those bytes, where the whole has a hash to compare with.
    checksum: Option<Checksum>,
}

/// Where a file lies until it is whole.
pub(super) fn incomplete(blob: &Path) -> PathBuf {
    let mut name = blob.file_name().unwrap_or_default().to_owned();
    name.push(".incomplete");
    blob.with_file_name(name)
}

/// Opens a file of the cache for writing, or makes it. What lies there in place of a file is removed and never followed:
/// a cache may be shared with others.
pub(super) fn open_own(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|about| !about.is_file()) {
        fs::remove_file(path)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).read(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options.open(path)
}

/// Compares a file that is there with the hash that the hub names; reports how far it is.
pub(super) fn is_sound(path: &Path, description: &Description, meter: &mut Meter<'_, '_>) -> Result<bool, HubError> {
    let Some(mut checksum) = Checksum::new(&description.etag, description.size) else { return Ok(true) };
    let read_error = |error| HubError::Read { path: path.to_owned(), error };
    let mut file = File::open(path).map_err(read_error)?;
    digest(&mut file, description.size, &mut checksum, description, meter)
        .and_then(|read| Ok(read.map_err(read_error)? == description.size && checksum.compare().is_ok()))
}

/// Reads up to `length` bytes into a hash; returns how many there were.
fn digest(
    file: &mut File,
    length: u64,
    checksum: &mut Checksum,
    description: &Description,
    meter: &mut Meter<'_, '_>,
) -> Result<io::Result<u64>, HubError> {
    let mut done = 0;
    let mut chunk = vec![0; CHUNK];
    while done < length {
        if !checksum.is_small() {
            let (model, file) = (meter.report.model.clone(), description.file.clone());
            meter.report.send(Progress::Checking { model, file, done, total: length })?;
        }
        let most = CHUNK.min(usize::try_from(length - done).unwrap_or(CHUNK));
        match file.read(&mut chunk[..most]) {
            Ok(0) => break,
            Ok(read) => {
                checksum.update(&chunk[..read]);
                done += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(done))
}

impl<'a> PartialDownload<'a> {
    /// Opens what an earlier download left, or begins from nothing.
    pub(super) fn open(blob: &'a Path, description: &'a Description) -> Result<Self, HubError> {
        let path = incomplete(blob);
        let write = |error| HubError::Write { path: path.clone(), error };
        let file = open_own(&path).map_err(write)?;
        let left = file.metadata().map_err(write)?.len();
        let checksum = Checksum::new(&description.etag, description.size);
        // Bytes of unknown origin count only where the whole is compared with a hash.
        let done = if checksum.is_some() && left <= description.size { left } else { 0 };
        Ok(Self { description, blob, path, file, done, judged_at: None, checksum })
    }

    fn write_error(&self, error: io::Error) -> HubError {
        HubError::Write { path: self.path.clone(), error }
    }

    /// Forgets all bytes.
    fn restart(&mut self) -> Result<(), HubError> {
        self.done = 0;
        self.checksum = Checksum::new(&self.description.etag, self.description.size);
        self.seek_end()
    }

    /// Cuts the file behind the bytes that count, and goes there.
    fn seek_end(&mut self) -> Result<(), HubError> {
        let at_end = self.file.set_len(self.done).and_then(|()| self.file.seek(SeekFrom::Start(self.done)));
        at_end.map(drop).map_err(|error| self.write_error(error))
    }

    /// Removes what is there: it is of no use.
    fn discard(self) {
        drop(self.file);
        let _ = fs::remove_file(&self.path);
    }

    /// Gets all bytes, compares them with what the hub said, and gives the file its name.
    pub(super) fn complete(
        mut self,
        client: &Client<'_>,
        place: &SnapshotDir<'_>,
        meter: &mut Meter<'_, '_>,
    ) -> Result<(), HubError> {
        self.recall(meter)?;
        let is_weights = is_gguf(Path::new(&self.description.file)) || self.description.file.ends_with(".safetensors");
        self.judged_at = place.purpose.filter(|_| is_weights).map(|_| FIRST_JUDGED.min(self.description.size));
        if let Err(error) = self.judge(place).and_then(|()| self.receive(client, place, meter)) {
            if matches!(error, HubError::Length { .. } | HubError::RuledOut(_)) {
                self.discard();
            }
            return Err(error);
        }
        if let Some(Err(Mismatch { algorithm, found, expected })) = self.checksum.take().map(Checksum::compare) {
            let file = self.description.file.clone();
            self.discard();
            return Err(HubError::Hash { file, algorithm, found, expected });
        }
        let named = self.file.sync_all().and_then(|()| fs::rename(&self.path, self.blob));
        named.map_err(|error| self.write_error(error))
    }

    /// Reads what an earlier download left into the hash.
    fn recall(&mut self, meter: &mut Meter<'_, '_>) -> Result<(), HubError> {
        if let Some(checksum) = &mut self.checksum {
            let read = digest(&mut self.file, self.done, checksum, self.description, meter)?;
            self.done = read.map_err(|error| self.write_error(error))?;
        }
        self.seek_end()
    }

    /// Holds the first bytes, once enough of them are there, against what the model is wanted for.
    fn judge(&mut self, place: &SnapshotDir<'_>) -> Result<(), HubError> {
        let Some(purpose) = place.purpose else { return Ok(()) };
        while let Some(length) = self.judged_at.filter(|length| *length <= self.done) {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            let read = self.file.rewind().and_then(|()| self.file.read_exact(&mut bytes));
            read.and_then(|()| self.file.seek(SeekFrom::Start(self.done))).map_err(|error| self.write_error(error))?;
            let size = self.description.size;
            let begun = BegunFile { path: &place.snapshot.join(&self.description.file), size, bytes: &bytes };
            let next = purpose.check_beginning(&begun)?;
            self.judged_at = next.map(|next| next.min(size)).filter(|next| *next > length);
        }
        Ok(())
    }

    /// Gets the bytes that are missing; resumes where a connection broke, as long as each attempt brings something new.
    fn receive(
        &mut self,
        client: &Client<'_>,
        place: &SnapshotDir<'_>,
        meter: &mut Meter<'_, '_>,
    ) -> Result<(), HubError> {
        let Description { file, size, .. } = self.description;
        let (mut farthest, mut patience) = (self.done, client.patience());
        meter.bytes(file, self.done)?;
        while self.done < *size {
            let answer = client.open(place.model, &place.commit, file, self.done, &mut meter.report);
            let Err(retry) = answer.and_then(|answer| self.take(&answer, place, meter)) else { continue };
            if self.done > farthest {
                farthest = self.done;
                patience.renew();
            }
            patience.back_off(retry, &mut meter.report).map_err(|retry| match retry.error() {
                HubError::Unreachable { reason, .. } if self.done > 0 => self.cut(&reason),
                other => other,
            })?;
        }
        Ok(())
    }

    /// Takes the bytes of an answer in.
    fn take(&mut self, answer: &Answer, place: &SnapshotDir<'_>, meter: &mut Meter<'_, '_>) -> Result<(), Retry> {
        let Description { file, size, .. } = self.description;
        let other_length = |found| HubError::Length { file: file.clone(), found, expected: *size };
        match answer.status {
            StatusCode::PARTIAL_CONTENT => match text(&answer.headers, "content-range").and_then(range) {
                Some((start, whole)) if start == self.done => {
                    if let Some(found) = whole.filter(|whole| whole != size) {
                        return Err(other_length(found).into());
                    }
                }
                _ => return self.begin_again(),
            },
            StatusCode::OK => {
                let announced = text(&answer.headers, "content-length").and_then(|length| length.parse::<u64>().ok());
                if let Some(found) = announced.filter(|length| length != size) {
                    return Err(other_length(found).into());
                }
                // The server does not know ranges: all comes once more.
                if self.done > 0 {
                    self.restart()?;
                }
            }
            _ => return self.begin_again(),
        }
        while let Some(chunk) = answer.chunk(&mut meter.report)? {
            let chunk = chunk.map_err(|error| Retry::Soon(self.cut(&error.to_string())))?;
            let found = self.done + chunk.len() as u64;
            if found > *size {
                return Err(other_length(found).into());
            }
            self.file.write_all(&chunk).map_err(|error| self.write_error(error))?;
            if let Some(checksum) = &mut self.checksum {
                checksum.update(&chunk);
            }
            self.done = found;
            meter.downloaded += chunk.len() as u64;
            meter.bytes(file, self.done)?;
            self.judge(place)?;
        }
        if self.done < *size {
            return Err(Retry::Soon(self.cut("it ended early")));
        }
        Ok(())
    }

    /// The answer is about another part than was asked for: what is there is forgotten, and all is asked for.
    fn begin_again(&mut self) -> Result<(), Retry> {
        let asked = self.done;
        let error = self.cut(&format!("the hub answers with something else than the bytes from {asked} on"));
        self.restart()?;
        Err(if asked == 0 { Retry::Never(error) } else { Retry::Soon(error) })
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
