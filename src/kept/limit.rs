//! How much is kept: the oldest runs go first, and never one that a program is writing.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    time::{Duration, SystemTime},
};

use super::shelf;

/// Where a file system has no locks, a file that was written to as lately as this may still be in use.
const LATELY: Duration = Duration::from_secs(3600);

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepLimit {
    /// Bytes of all runs together.
    pub bytes: u64,
    /// Number of runs.
    pub runs: usize,
}

impl Default for KeepLimit {
    /// 512 MB: some thousand stories of the embedded pair; and as many runs as a list is still quick to read.
    fn default() -> Self {
        Self { bytes: 512_000_000, runs: 1000 }
    }
}

impl KeepLimit {
    /// Removes the oldest runs of a folder until what is there is within the limit. The newest one stays, however large
    /// it is; so does what cannot be removed, or what a program is writing.
    pub(super) fn enforce(self, runs: &Path) {
        let files = shelf::files(runs).unwrap_or_default();
        let (mut bytes, mut count) = (files.iter().map(|file| file.bytes).sum::<u64>(), files.len());
        for file in files.iter().skip(1).rev() {
            if bytes <= self.bytes && count <= self.runs {
                break;
            }
            if !is_in_use(&file.path, file.modified) && fs::remove_file(&file.path).is_ok() {
                bytes -= file.bytes;
                count -= 1;
            }
        }
    }
}

/// Whether a program is writing a run, this one or another: it holds a lock on the file, which ends with the program,
/// however that ends.
pub(super) fn is_in_use(path: &Path, modified: SystemTime) -> bool {
    let Ok(file) = File::open(path) else { return false };
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => modified.elapsed().is_ok_and(|age| age < LATELY),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A folder of runs of a hundred bytes, `0.dscope` the oldest, and something else.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..6 {
            let file = File::create(folder.path().join(format!("{number}.dscope"))).unwrap();
            file.set_len(100).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(number)).unwrap();
        }
        fs::write(folder.path().join("notes.txt"), [0; 4000]).unwrap();
        folder
    }

    fn left(folder: &tempfile::TempDir) -> Vec<String> {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.map(|name| name.replace(".dscope", "")).collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_go_first_by_bytes_and_by_number() {
        let runs = folder();
        KeepLimit { bytes: 600, runs: 6 }.enforce(runs.path());
        assert_eq!(left(&runs), ["0", "1", "2", "3", "4", "5", "notes.txt"]);
        KeepLimit { bytes: 450, runs: 6 }.enforce(runs.path());
        assert_eq!(left(&runs), ["2", "3", "4", "5", "notes.txt"]);
        KeepLimit { bytes: 450, runs: 3 }.enforce(runs.path());
        assert_eq!(left(&runs), ["3", "4", "5", "notes.txt"]);
        KeepLimit { bytes: 0, runs: 0 }.enforce(runs.path());
        assert_eq!(left(&runs), ["5", "notes.txt"], "the newest stays");
    }

    #[test]
    fn a_run_that_is_being_written_stays() {
        let runs = folder();
        let written = File::open(runs.path().join("0.dscope")).unwrap();
        written.lock().unwrap();
        KeepLimit { bytes: 200, runs: 6 }.enforce(runs.path());
        assert_eq!(left(&runs), ["0", "5", "notes.txt"]);
        drop(written);
        KeepLimit { bytes: 100, runs: 6 }.enforce(runs.path());
        assert_eq!(left(&runs), ["5", "notes.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_no_runs() {
        let runs = folder();
        let elsewhere = runs.path().join("notes.txt");
        std::os::unix::fs::symlink(&elsewhere, runs.path().join("link.dscope")).unwrap();
        KeepLimit { bytes: 0, runs: 0 }.enforce(runs.path());
        assert_eq!(left(&runs), ["5", "link", "notes.txt"]);
    }
}
