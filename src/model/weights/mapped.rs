//! The bytes of a weights file: mapped into memory, or held.
//!
//! A mapped file is read page by page as its tensors are taken, and its pages are given back behind them, so that
//! loading needs the memory of the network and of little else.

use std::borrow::Cow;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::Mmap;

use crate::{files, process::maps};

/// The bytes of a file.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// A file on disk, and its place on the list of such.
    Mapped(Mmap, #[expect(dead_code, reason = "taken off the list when it is dropped")] maps::MappedEntry),
    /// Part of the program, or of a test.
    Held(Cow<'static, [u8]>),
}

impl Bytes {
    /// Maps a file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = files::open(path)?;
        let metadata = file.metadata()?;
        // An empty file has no page to map.
        if metadata.len() == 0 {
            return Ok(Self::Held(Cow::Borrowed(&[])));
        }
        #[expect(unsafe_code, reason = "the only way to read weights without a second copy of them in memory")]
        // SAFETY: the map is private and read-only, and bytes of any value are valid numbers. What cannot be ruled out
        // is that somebody rewrites the file meanwhile, as with every program that maps its weights; then numbers are
        // wrong, or the process ends with a sentence where the file was cut short.
        let map = unsafe { Mmap::map(&file)? };
        let entry = maps::note(&map, path);
        Ok(Self::Mapped(map, entry))
    }

    /// Gives back the memory of a part that is not needed again soon. It can still be read; then the system fetches it
    /// again.
    pub(crate) fn release(&self, range: &Range<usize>) {
        #[cfg(unix)]
        if let Self::Mapped(map, _) = self {
            #[expect(unsafe_code, reason = "pages of the file would count as memory of the process")]
            // SAFETY: pages of a private, read-only map of a file hold nothing but the file; dropped ones are read from
            // it again. The range lies within the map, as it was sliced from it.
            let advised =
                unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
            // A system that will not take the advice only keeps the pages for longer.
            drop(advised);
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map, _) => map,
            Self::Held(bytes) => bytes,
        }
    }
}
