//! Where failing inputs are kept.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// The file for the input of a fault: one fault, one file.
pub fn file(target: &str, fault: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    fault.hash(&mut hasher);
    let name = format!("{target}-{:08x}", hasher.finish() as u32);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(name)
}

/// Keeps the input of a fault.
pub fn save(target: &str, fault: &str, input: &[u8]) -> PathBuf {
    let file = file(target, fault);
    fs::create_dir_all(file.with_file_name("")).unwrap();
    fs::write(&file, input).unwrap();
    file
}
