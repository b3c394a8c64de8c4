//! What a log takes: memory and bytes of a file per step, and the time to push a step, to rebuild one, and for figures.
//!
//! ```sh
//! diffuscope run --prompt "Write a story with Laura, a violin and a goat." --preset plain --trace plain.jsonl
//! cargo bench --bench log -- plain.jsonl    # saved runs, and one of 1,024 tokens in 1,024 steps
//! ```

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use diffuscope::trace::{Entry, Figures, Header, Log, file};

mod support;

/// The system's memory, counted.
struct Counting;

#[global_allocator]
static MEMORY: Counting = Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe by nature")]
// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Calls of a quick thing per sample.
const CALLS: usize = 64;

fn main() -> Result<()> {
    println!(
        "run                  steps  proposals/step   memory/step     file/step        push  step 10    last-24  figures 10  figures last-24"
    );
    // Cargo puts a flag of its own behind the arguments.
    for path in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        let path = Path::new(&path);
        let log = file::open(path)?.log;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        measure(&name, log.header(), &log.entries().collect::<Vec<_>>())?;
    }
    measure("1,024 tokens", &support::header(1024), &support::run(1024))
}

fn measure(name: &str, header: &Header, entries: &[Entry]) -> Result<()> {
    let before = HELD.load(Ordering::Relaxed);
    let mut log = Log::new(header.clone());
    let push = support::median(entries.len(), |step| log.push(&entries[step]));
    let memory = HELD.load(Ordering::Relaxed) - before;
    let mut bytes = Vec::new();
    file::write(&log, &mut bytes)?;
    let first_line = bytes.iter().take_while(|byte| **byte != b'\n').count();
    let (steps, early, late) = (log.len(), 10.min(log.len()), log.len().saturating_sub(24).max(1));
    // Five neighbours in turn: a log gives a record that it has just rebuilt once more for nothing.
    let record = |around: usize| {
        support::median(CALLS, |call| {
            black_box(log.record((around + call % 5).min(steps)));
        })
    };
    let figures = |steps: usize| {
        support::median(CALLS, |_| {
            black_box(Figures::of(&log, black_box(steps)));
        })
    };
    let proposals: usize = entries.iter().map(|entry| entry.record.proposals.len()).sum();
    println!(
        "{name:<20} {steps:>5} {:>15.1} {:>11} B {:>11} B {:>8.1} us {:>6.1} us {:>7.1} us {:>8.2} us {:>11.2} us",
        proposals as f64 / steps as f64,
        memory / steps,
        (bytes.len() - first_line) / steps,
        micros(push),
        micros(record(early)),
        micros(record(late)),
        micros(figures(early)),
        micros(figures(late)),
    );
    Ok(())
}

fn micros(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
