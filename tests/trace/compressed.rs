//! Compressed traces: what is written is read back, a torn one as far as it is whole, and a hostile one does no harm.

use std::io::Write;

use diffuscope::trace::{RunSummary, file::Writer};

use super::*;

/// A log as a compressed file.
fn packed(log: &Log) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::compressed(&mut bytes, log.header()).unwrap();
    log.entries().for_each(|entry| writer.step(&entry).unwrap());
    log.end().iter().for_each(|end| writer.end(end).unwrap());
    drop(writer);
    bytes
}

fn read(bytes: &[u8]) -> Result<file::Opened, String> {
    file::read("run.dscope", bytes).map_err(|error| error.to_string())
}

/// A frame that the library of the program did not make: blocks as they are, and blocks that repeat one byte.
fn raw_frame(window: u8, blocks: &[(bool, u32, &[u8])]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    for (at, (repeats, size, content)) in blocks.iter().enumerate() {
        let header = u32::from(at + 1 == blocks.len()) | u32::from(*repeats) << 1 | size << 3;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(*content);
    }
    frame
}

/// The smallest window that is larger than a block, 1 MiB.
const WINDOW: u8 = 10 << 3;

/// A run of so many steps, none of which is like the other.
fn long_run(steps: usize) -> Log {
    let mut log = run_of(&[]);
    for step in 0..steps {
        let mut ids = [7, MASK, MASK];
        ids[1 + step % 2] = 5 + step as u32;
        let text = format!("{:x}", step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        log.push(Entry { texts: vec![TokenText { id: 5 + step as u32, text }], ..entry_of(step, ids) });
    }
    log
}

fn entry_of(step: usize, ids: [u32; 3]) -> Entry {
    let mut entry = run_of(&[(ids, &[], None)]).entry(1).unwrap();
    entry.record.step = step;
    entry
}

proptest! {
    #[test]
    fn what_is_packed_is_read_back(log in log()) {
        let opened = read(&packed(&log)).unwrap();
        prop_assert_eq!(&opened.log, &log);
        let summary = RunSummary::read("run.dscope", &packed(&log)[..]).unwrap();
        prop_assert_eq!(summary, RunSummary::read("run.jsonl", &written(&log)[..]).unwrap());
    }

    #[test]
    fn damage_is_told_and_nothing_worse(log in log(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = packed(&log);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(message) = read(&bytes) {
            prop_assert!(message.starts_with("run.dscope"), "{message}");
        }
    }
}

#[test]
fn a_torn_file_opens_up_to_the_tear() {
    let log = long_run(600);
    let bytes = packed(&log);
    let mut most = 0;
    for length in (0..bytes.len()).step_by(997) {
        match read(&bytes[..length]) {
            Ok(opened) => {
                let steps = opened.log.len();
                assert!(steps >= most && steps < 600, "{steps} behind {most}");
                assert!(opened.log.entries().eq(log.entries().take(steps)));
                let told = format!("the trace has no end: its run was interrupted after {steps} step");
                assert!(opened.warnings.len() == 1 && opened.warnings[0].starts_with(&told), "{:?}", opened.warnings);
                most = steps;
            }
            Err(message) => assert!(most == 0 && length < bytes.len() / 2, "{length}: {message}"),
        }
    }
    assert!(most > 300, "{most}");
    let message = read(&bytes[..40]).unwrap_err();
    assert_eq!(message, "run.dscope cannot be read: its first frame is cut off");
}

#[test]
fn it_is_smaller() {
    let log = long_run(600);
    let (packed, plain) = (packed(&log).len(), written(&log).len());
    assert!(packed * 2 < plain, "{packed} of {plain} bytes");
}

#[test]
fn frames_of_other_programs_are_read() {
    let text = written(&sample_log());
    let (first, second) = text.split_at(300);
    let frame = |part: &[u8]| raw_frame(WINDOW, &[(false, part.len() as u32, part)]);
    // One that readers skip stands between them.
    let skipped = [&[0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let bytes = [frame(first), skipped, frame(second)].concat();
    assert_eq!(read(&bytes).unwrap().log, sample_log());
}

#[test]
fn a_bomb_is_refused() {
    // A block that repeats a byte takes 4 bytes for 128 KiB.
    let blocks: Vec<(bool, u32, &[u8])> = vec![(true, 128 << 10, b"\n"); 2000];
    let message = read(&raw_frame(WINDOW, &blocks)).unwrap_err();
    assert_eq!(message, "run.dscope cannot be read: it unpacks to more than 100 times its size, as no trace does");
    // A window of 4 GiB.
    let message = read(&raw_frame(22 << 3, &[(true, 10, b"\n")])).unwrap_err();
    assert!(message.starts_with("run.dscope cannot be read: it asks for a window of 4294967296 bytes"), "{message}");
    assert!(message.ends_with("compress it again by `zstd -19` or less"), "{message}");
}

#[test]
fn what_is_within_is_checked_as_ever() {
    let newer = sample()[0].replacen("\"format\":2", "\"format\":3", 1);
    let mut lines = newer.into_bytes();
    lines.push(b'\n');
    let message = read(&raw_frame(WINDOW, &[(false, lines.len() as u32, &lines)])).unwrap_err();
    assert!(message.contains("in trace format 3, and this version reads up to 2: use a newer diffuscope"), "{message}");
    let message = read(&raw_frame(WINDOW, &[(false, 3, b"hi\n")])).unwrap_err();
    assert!(message.contains("is not a diffuscope trace: its first line is no header"), "{message}");
    let mut garbage = packed(&sample_log());
    garbage.write_all(b"and more").unwrap();
    assert_eq!(read(&garbage).unwrap_err(), "run.dscope cannot be read: its compression is damaged");
}

fn sample_log() -> Log {
    let text = sample().join("\n") + "\n";
    file::read("run.jsonl", text.as_bytes()).unwrap().log
}

/// A disk that is full after so many bytes.
struct FullDisk(usize);

impl Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_by_the_end_at_the_latest() {
    let log = sample_log();
    let mut writer = Writer::compressed(FullDisk(10), log.header()).unwrap();
    let kind = writer.end(log.end().unwrap()).unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::StorageFull);
}
