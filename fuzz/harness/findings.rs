//! Where failing inputs are kept.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// Keeps an input under a name that follows from the fault, so that one fault has one file.
pub fn save(target: &str, fault: &str, input: &[u8]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    fault.hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{target}-{:08x}", hasher.finish() as u32));
    fs::write(&file, input).unwrap();
    file
}
