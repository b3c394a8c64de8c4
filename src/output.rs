//! Files that are written whole or not at all.
//!
//! What is written goes into a file beside its place, and takes that place when all of it is on the disk: a full disk or
//! a kill leaves what was there before, and after an error there is nothing else either.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

use crate::printable;

/// Writes a new file.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where something of that name is there: it stays.
pub fn create(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // A link that leads nowhere has the name, too.
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    beside(path, write)?.persist_noclobber(path)?;
    Ok(())
}

/// Writes a new file; where the name is taken, a number is added to it. Returns the file.
///
/// # Errors
/// Where it cannot be written, or a thousand names are taken.
pub fn create_numbered(wanted: &Path, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<PathBuf> {
    let mut path = wanted.to_owned();
    for number in 2..=1000 {
        match create(&path, &write) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => path = numbered(wanted, number),
            Err(error) => return Err(error),
            Ok(()) => return Ok(path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// "run.jsonl" with the number 2 is "run-2.jsonl".
pub fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Writes a file, in place of the one that is there. What is no regular file, such as a device or a pipe, is written to
/// directly.
///
/// # Errors
/// Where it cannot be written, or `write` fails: the old file then stays as it was.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // Opened, so that a file that may not be written is refused although its folder would let it be replaced.
    match OpenOptions::new().write(true).open(path) {
        Ok(there) => {
            let metadata = there.metadata()?;
            if !metadata.is_file() {
                return buffered(&there, write);
            }
            // Behind links: the file is replaced, and the links still lead to it.
            let path = fs::canonicalize(path)?;
            let part = beside(&path, write)?;
            part.as_file().set_permissions(metadata.permissions())?;
            part.persist(path)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            beside(path, write)?.persist(path)?;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Whether a file could be written now, found out without changing what is there. What is no regular file is not asked:
/// to open a pipe and close it would end it.
///
/// # Errors
/// Those of opening it for writing.
pub fn check(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() || there.is_dir() => OpenOptions::new().write(true).open(path).map(drop),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) if fs::symlink_metadata(path).is_err() => {
            File::create_new(path)?;
            fs::remove_file(path)
        }
        _ => Ok(()),
    }
}

/// Whether a file, a folder or a link has the name, so that something would be lost. Nothing is by writing to a device or a
/// pipe.
pub fn is_taken(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok() && !is_special(path)
}

/// Whether both are the name of one file that is there.
pub fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other && one.is_file())
}

/// Writes a new file, or in place of the one that is there where `replaces` says so.
///
/// # Errors
/// As [`create`] and [`replace`].
pub fn put(path: &Path, replaces: bool, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if replaces || is_special(path) { replace(path, write) } else { create(path, write) }
}

/// A sentence about what cannot be written.
pub fn refusal(path: &Path, error: &io::Error) -> String {
    printable::line(&format!("{} cannot be written: {error}", path.display()))
}

/// Whether it is there and neither file nor folder, such as a device or a pipe.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Writes a file beside `path`, which is removed unless it is given that name.
fn beside(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Opened here, for the permissions that any new file has.
    let part = Builder::new().prefix(".diffuscope-").suffix(".part").make_in(folder, |path| File::create_new(path))?;
    buffered(part.as_file(), write)?;
    part.as_file().sync_all()?;
    Ok(part)
}

fn buffered(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// More than any buffer holds, then what a full disk says.
    fn full_disk(out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&vec![b'x'; 1 << 17])?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn content(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn what_cannot_be_written_whole_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        assert_eq!(create(&path, full_disk).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(replace(&path, full_disk).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(content(folder.path()), [""; 0]);
        fs::write(&path, "precious").unwrap();
        assert_eq!(replace(&path, full_disk).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(create(&path, |out| out.write_all(b"new")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        replace(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(content(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_check_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        check(&path).unwrap();
        assert_eq!(content(folder.path()), [""; 0]);
        fs::write(&path, "precious").unwrap();
        check(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert_eq!(check(&path.join("b")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(check(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let (usual, path, link) = (folder.path().join("usual"), folder.path().join("a"), folder.path().join("link"));
        fs::write(&usual, "").unwrap();
        create(&path, |out| out.write_all(b"1")).unwrap();
        assert_eq!(mode(&path), mode(&usual), "as any new file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a", &link).unwrap();
        replace(&link, |out| out.write_all(b"2")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("2", 0o640));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_stays_one() {
        replace(Path::new("/dev/null"), |out| out.write_all(b"gone")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let full = Path::new("/dev/full");
        assert_eq!(replace(full, |out| out.write_all(b"x")).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
