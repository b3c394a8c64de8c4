//! Prompts that were run, over restarts: JSON strings, a line each, so that prompts of several lines survive.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::{make_folder, private};
use crate::output;

/// How many prompts are kept.
const PROMPTS: usize = 500;

/// How many bytes of prompts are kept.
const BYTES: usize = 1 << 20;

/// The prompts of the file, the oldest first, each where it was last run. Lines that are no prompts are passed over.
/// Where the file has grown to more than twice what is kept, it is cut down.
///
/// # Errors
/// Where it is there and cannot be read.
pub(super) fn read(path: &Path, may_write: bool) -> io::Result<Vec<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(4 * BYTES as u64)))?;
    let mut bytes = Vec::new();
    file.take(4 * BYTES as u64).read_to_end(&mut bytes)?;
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let (mut seen, mut room) = (HashSet::new(), BYTES);
    let mut prompts = Vec::new();
    for prompt in lines.iter().rev().filter_map(|line| serde_json::from_slice::<String>(line).ok()) {
        if prompts.len() == PROMPTS || prompt.len() > room {
            break;
        }
        room -= prompt.len();
        if seen.insert(prompt.clone()) {
            prompts.push(prompt);
        }
    }
    prompts.reverse();
    if may_write && (lines.len() > 2 * PROMPTS || length > 2 * BYTES as u64) {
        // Another time will do as well.
        let _ = output::replace(path, |out| prompts.iter().try_for_each(|prompt| out.write_all(&line(prompt))));
    }
    Ok(prompts)
}

/// Adds a prompt at the end, in one piece, so that programs that run at the same time do not disturb each other.
///
/// # Errors
/// Where the file cannot be written.
pub(super) fn append(path: &Path, prompt: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let mut file = private().read(true).append(true).create(true).open(path)?;
    let mut bytes = line(prompt);
    // A line that a kill left unfinished ends here.
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        bytes.insert(0, b'\n');
    }
    file.write_all(&bytes)
}

fn line(prompt: &str) -> Vec<u8> {
    // A string is never refused.
    let mut line = serde_json::to_vec(prompt).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn prompts_of_several_lines_come_back_each_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/history");
        assert_eq!(read(&path, true).unwrap(), [""; 0]);
        for prompt in ["one", "two\n  lines \"q\" \u{1b}[31m é", "three", "one"] {
            append(&path, prompt).unwrap();
        }
        assert_eq!(read(&path, true).unwrap(), ["two\n  lines \"q\" \u{1b}[31m é", "three", "one"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        }
    }

    #[test]
    fn a_torn_line_costs_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        std::fs::write(&path, b"\"one\"\n{}\n\xff\n\"tw").unwrap();
        append(&path, "three").unwrap();
        assert_eq!(read(&path, true).unwrap(), ["one", "three"]);
    }

    #[test]
    fn a_long_history_is_cut_down_where_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let lines = (0..1200).fold(String::new(), |lines, number| lines + &format!("\"{number}\"\n"));
        std::fs::write(&path, &lines).unwrap();
        let kept: Vec<String> = (700..1200).map(|number| number.to_string()).collect();
        assert_eq!(read(&path, false).unwrap(), kept);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), lines);
        assert_eq!(read(&path, true).unwrap(), kept);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 500);
        assert_eq!(read(&path, true).unwrap(), kept);
    }
}
