//! Content against the hash that the hub names it by.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The hash of content that is still coming in.
pub(super) struct Checksum {
    expected: String,
    digests: Digests,
}

enum Digests {
    /// What the storage of large files calls a content.
    Large(Sha256),
    /// What git calls a content, and what some mirrors call it: its hash without git's heading.
    Small { git: Sha1, plain: Sha1 },
}

/// Another content than the hub has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub algorithm: &'static str,
    pub found: String,
    pub expected: String,
}

impl Checksum {
    /// For a content of `size` bytes that is called `etag`, where that is a hash.
    pub(super) fn new(etag: &str, size: u64) -> Option<Self> {
        if !etag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let digests = match etag.len() {
            64 => Digests::Large(Sha256::new()),
            40 => Digests::Small { git: Sha1::new_with_prefix(format!("blob {size}\0")), plain: Sha1::new() },
            _ => return None,
        };
        Some(Self { expected: etag.to_ascii_lowercase(), digests })
    }

    /// Whether it is that of a small file.
    pub(super) fn is_small(&self) -> bool {
        matches!(self.digests, Digests::Small { .. })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.digests {
            Digests::Large(digest) => digest.update(bytes),
            Digests::Small { git, plain } => {
                git.update(bytes);
                plain.update(bytes);
            }
        }
    }

    /// Compares what came.
    pub(super) fn compare(self) -> Result<(), Mismatch> {
        let (algorithm, found, other) = match self.digests {
            Digests::Large(digest) => ("SHA-256", hexadecimal(&digest.finalize()), None),
            Digests::Small { git, plain } => {
                ("git's SHA-1", hexadecimal(&git.finalize()), Some(hexadecimal(&plain.finalize())))
            }
        };
        if found == self.expected || other.is_some_and(|other| other == self.expected) {
            return Ok(());
        }
        Err(Mismatch { algorithm, found, expected: self.expected })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn compare(etag: &str, content: &[u8]) -> Option<Result<(), Mismatch>> {
        let mut checksum = Checksum::new(etag, content.len() as u64)?;
        let (first, rest) = content.split_at(content.len() / 2);
        checksum.update(first);
        checksum.update(rest);
        Some(checksum.compare())
    }

    /// The numbers are those of `git hash-object`, `sha1sum` and `sha256sum`.
    #[test]
    fn a_content_has_the_name_that_git_or_the_storage_gives_it() {
        for name in [
            "ce013625030ba8dba906f756967f9e9ca394464a",
            "f572d396fae9206628714fb2ce00f72e94f2258f",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            "CE013625030BA8DBA906F756967F9E9CA394464A",
        ] {
            assert_eq!(compare(name, b"hello\n"), Some(Ok(())), "{name}");
            let other = compare(name, b"hellO\n").unwrap().unwrap_err();
            assert_eq!(other.expected, name.to_ascii_lowercase());
            assert_ne!(other.found, other.expected);
        }
        for no_hash in ["", "d41d8cd98f00b204e9800998ecf8427e", "zz013625030ba8dba906f756967f9e9ca394464a"] {
            assert_eq!(compare(no_hash, b"hello\n"), None, "{no_hash}");
        }
    }
}
