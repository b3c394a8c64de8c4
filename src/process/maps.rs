//! Which file is mapped where in memory. A signal handler reads the list, so it has no lock, and its entries are never freed.

use std::{
    ops::Range,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::printable;

static FIRST: OnceLock<&'static Map> = OnceLock::new();

struct Map {
    addresses: Range<usize>,
    /// Its name, printable.
    file: Vec<u8>,
    is_there: AtomicBool,
    next: OnceLock<&'static Map>,
}

/// Keeps a file on the list until it is dropped.
pub(crate) struct MappedEntry(&'static Map);

/// Puts a file on the list.
pub(crate) fn note(bytes: &[u8], file: &Path) -> MappedEntry {
    let addresses = bytes.as_ptr_range();
    let map: &'static Map = Box::leak(Box::new(Map {
        addresses: addresses.start.addr()..addresses.end.addr(),
        file: printable::line(&file.display().to_string()).into_bytes(),
        is_there: AtomicBool::new(true),
        next: OnceLock::new(),
    }));
    let mut link = &FIRST;
    while link.set(map).is_err() {
        if let Some(last) = link.get() {
            link = &last.next;
        }
    }
    MappedEntry(map)
}

/// The file that lies at an address.
pub(super) fn file_at(address: usize) -> Option<&'static [u8]> {
    let maps = std::iter::successors(FIRST.get(), |map| map.next.get());
    let mut there = maps.filter(|map| map.is_there.load(Ordering::SeqCst));
    there.find(|map| map.addresses.contains(&address)).map(|map| &*map.file)
}

impl std::fmt::Debug for MappedEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MappedEntry").field(&String::from_utf8_lossy(&self.0.file)).finish()
    }
}

impl Drop for MappedEntry {
    fn drop(&mut self) {
        self.0.is_there.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_as_long_as_it_lies_there() {
        let (first, second) = (vec![0_u8; 10], vec![0_u8; 20]);
        let kept = note(&first, Path::new("first"));
        let dropped = note(&second, Path::new("second"));
        assert_eq!(file_at(first.as_ptr().addr() + 9), Some(&b"first"[..]));
        assert_eq!(file_at(second.as_ptr().addr()), Some(&b"second"[..]));
        drop(dropped);
        assert_eq!(file_at(second.as_ptr().addr()), None);
        drop(kept);
    }
}
