//! Files that are read whole: configurations, presets, tokenizers and what lies beside them.
//!
//! Bounded, so that a device or a pipe without an end cannot fill the memory.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// The largest file of a model that is read whole: the tokenizers of large vocabularies have 20 to 40 MB.
const LARGEST: u64 = 64 << 20;

/// The largest text that is read from a file that the user named.
const LARGEST_TEXT: u64 = 16 << 20;

/// Opens a file that others put into a folder. It must be a regular one: opening a pipe blocks until something is
/// written into it.
///
/// # Errors
/// Where there is none, or it is a folder, a device or a pipe.
pub fn open(path: &Path) -> io::Result<File> {
    match fs::metadata(path)? {
        there if there.is_file() => File::open(path),
        there if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(refused("it is no regular file".to_owned())),
    }
}

/// Reads a file that others put into a folder.
///
/// # Errors
/// As [`open`], and where it has more than 64 MiB.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    bounded(open(path)?, LARGEST)
}

/// Reads the text of a file that the user named, which may be a pipe.
///
/// # Errors
/// Where it cannot be read, has more than 16 MiB, or is no UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    text(bounded(File::open(path)?, LARGEST_TEXT)?)
}

/// Reads to the end, which must come within `limit` bytes.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] where it does not, and what reading gives.
pub fn bounded(input: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(refused(format!("it is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

/// The text that the bytes are, without the byte order mark that some editors put before it.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] where they are no UTF-8.
pub fn text(bytes: Vec<u8>) -> io::Result<String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refused("it is UTF-16: save it as UTF-8".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        refused(format!("it is no UTF-8 text (byte {}): save it as UTF-8", error.utf8_error().valid_up_to() + 1))
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

fn refused(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        assert_eq!(bounded(&b"1234"[..], 4).unwrap(), b"1234");
        assert_eq!(bounded(io::repeat(0), 1 << 20).unwrap_err().to_string(), "it is larger than 1 MiB");
    }

    #[test]
    fn text_has_no_mark_and_one_encoding() {
        let refusal = |bytes: &[u8]| text(bytes.to_vec()).unwrap_err().to_string();
        assert_eq!(text("\u{feff}a\u{feff}".into()).unwrap(), "a\u{feff}");
        assert_eq!(refusal(b"\xff\xfea\0"), "it is UTF-16: save it as UTF-8");
        assert_eq!(refusal(b"\xfe\xff\0a"), "it is UTF-16: save it as UTF-8");
        assert_eq!(refusal(b"ab\xe9"), "it is no UTF-8 text (byte 3): save it as UTF-8");
    }
}
