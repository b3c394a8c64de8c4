//! Pointers of Git LFS: what lies where a large file belongs after a clone without the extension that fetches it.

/// What every pointer begins with, whatever file it stands for.
const BEGINNING: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What is wrong with one, as the rest of a sentence that the file's name begins.
pub(in crate::model) const SENTENCE: &str =
    "is a Git LFS pointer, not the file itself: fetch that with `git lfs pull`, or download it from the hub";

/// Whether these are a pointer's bytes.
pub(in crate::model) fn is_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGINNING)
}
