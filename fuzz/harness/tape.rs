//! The file that holds the input which is being executed.

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Bytes before the input: its number, its length.
const HEAD: usize = 16;

/// Written before every execution. What is written survives the process, whatever it dies of.
pub struct Tape {
    file: File,
    record: Vec<u8>,
}

impl Tape {
    /// An empty tape in the worker's folder.
    pub fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path(folder))?, record: Vec::new() })
    }

    /// Records execution number `index`, which is about to begin.
    pub fn write(&mut self, index: u64, input: &[u8]) -> io::Result<()> {
        self.record.clear();
        self.record.extend(index.to_le_bytes());
        self.record.extend((input.len() as u64).to_le_bytes());
        self.record.extend(input);
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&self.record)
    }
}

/// The last execution that began, and its input; `None` where none did.
pub fn last(folder: &Path) -> Option<(u64, Vec<u8>)> {
    let bytes = fs::read(path(folder)).ok()?;
    let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (index, length) = (number(0)?, number(8)? as usize);
    Some((index, bytes.get(HEAD..HEAD + length)?.to_vec()))
}

fn path(folder: &Path) -> PathBuf {
    folder.join("tape")
}
