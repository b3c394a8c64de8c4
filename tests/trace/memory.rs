//! What logs take of memory, counted on the thread that takes it.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use diffuscope::{
    decode::record::{Commit, Proposal, Reason, StepRecord},
    trace::{Entry, Log, Piece, Recorder, file},
};

/// The system's memory, counted.
struct Counting;

#[global_allocator]
static MEMORY: Counting = Counting;

thread_local! {
    /// Bytes that this thread has taken and not given back, and the most that they were.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn count(bytes: isize) {
    // A thread that ends has no such count any more.
    let _ = HELD.try_with(|held| {
        let now = held.get().0 + bytes;
        held.set((now, held.get().1.max(now)));
    });
}

#[expect(unsafe_code, reason = "an allocator is unsafe by nature")]
// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What `work` returns, the bytes that are held for it afterwards, and the most that were held on the way.
fn measured<T>(work: impl FnOnce() -> T) -> (T, isize, isize) {
    let before = HELD.with(|held| {
        held.set((held.get().0, held.get().0));
        held.get().0
    });
    let result = work();
    let (after, most) = HELD.with(Cell::get);
    (result, after - before, most - before)
}

#[test]
fn a_line_takes_no_more_memory_than_what_is_read_of_it() {
    let lines = super::sample();
    let read = |line: String| {
        let text = [lines[0].as_str(), &line, ""].join("\n");
        let (opened, _, most) = measured(|| file::read("x", text.as_bytes()));
        (opened.map(|opened| opened.log.len()).map_err(|error| error.to_string()), most as usize)
    };
    // Fields that nobody asks for, in every place that may have them.
    for (from, to) in [("{", "{"), (r#""end":3"#, r#""end":3,"#), (r#""nfe":1"#, r#""nfe":1,"#)] {
        let unknown = format!(r#""x":[{}0]{}"#, "0,".repeat(1 << 20), if from == "{" { "," } else { "" });
        let line = lines[1].replacen(from, &format!("{to}{unknown}"), 1);
        let length = line.len();
        let (steps, most) = read(line);
        assert_eq!(steps, Ok(1));
        // The line itself, in a buffer that grows by doubling.
        assert!(most < 3 * length + (1 << 16), "{most} bytes for a line of {length}");
    }
    let lines = super::sample_of_format_1();
    let line = lines[1].replacen("[7,8,1]", &format!("[{}7]", "7,".repeat(1 << 20)), 1);
    let length = line.len();
    let text = [lines[0].as_str(), &line, ""].join("\n");
    let (steps, _, most) = measured(|| file::read("x", text.as_bytes()).map(|_| ()).map_err(|error| error.to_string()));
    let most = most as usize;
    assert!(steps.unwrap_err().contains("ids has 1048577 values and the canvas has 3 positions"));
    assert!(most < 8 * length, "{most} bytes for a line of {length}");
}

#[test]
fn a_step_takes_no_more_memory_than_what_it_changes() {
    const LENGTH: usize = 1000;
    let sample = file::read("x", (super::sample().join("\n") + "\n").as_bytes()).unwrap().log;
    let mut header = sample.header().clone();
    header.gen_length = LENGTH;
    let record = sample.record(1).unwrap();
    let kv = vec![record.kv[0]; LENGTH + 1];
    let entries: Vec<Entry> = (0..LENGTH)
        .map(|step| {
            let commit = Commit { position: 1 + step, token: 8, confidence: 0.5, reason: Reason::Quota };
            let ids = [vec![7], vec![8; step + 1], vec![super::MASK; LENGTH - step - 1]].concat();
            let record = StepRecord { step, ids, commits: vec![commit], kv: kv.clone(), ..StepRecord::clone(&record) };
            let pieces = vec![Piece { position: 1 + step, text: "word".into() }];
            Entry { record, pieces, texts: Vec::new() }
        })
        .collect();
    let (log, held, _) = measured(|| {
        let mut log = Log::new(header);
        for entry in &entries {
            log.push(entry);
        }
        log
    });
    assert_eq!((log.len(), log.canvas(LENGTH).piece(LENGTH)), (LENGTH, "word"));
    assert!(held < 500 * LENGTH as isize, "{held} bytes for {LENGTH} steps that write a token each");
    let counted = log.memory() as f64;
    assert!((0.9..1.1).contains(&(held as f64 / counted)), "{held} bytes, counted as {counted}");
}

#[test]
fn what_a_log_will_take_is_known_before_the_run() {
    const LENGTH: usize = 300;
    let sample = file::read("x", (super::sample().join("\n") + "\n").as_bytes()).unwrap().log;
    let (pattern, mut header) = (sample.record(1).unwrap(), sample.header().clone());
    header.gen_length = LENGTH;
    // As networks make them: a little different in every step, and now and then a likely token that was none before.
    let proposal = |position: usize, step: usize| {
        let wobble = |at: usize| (((position * 31 + step * 17 + at * 7) * 2_654_435_761) >> 8) % 1000;
        let alternative = |(at, share): (usize, f32)| {
            let id = 100 * position + at + if wobble(at) < 15 { 50 } else { 0 };
            (id as u32, share + wobble(at + 9) as f32 * 2e-6)
        };
        let alternatives: Vec<_> = [0.5, 0.2, 0.1, 0.05, 0.02].into_iter().enumerate().map(alternative).collect();
        let (token, confidence) = alternatives[0];
        let entropy = 1.0 + wobble(19) as f32 * 3e-5;
        let (credit, moved) = (None, None);
        Proposal { position, token, confidence, entropy, score: confidence, alternatives, credit, moved }
    };
    let expected = header.log_memory() as isize;
    let (log, held, _) = measured(|| {
        let mut recorder = Recorder::new(&header);
        let mut log = Log::new(header);
        for step in 0..LENGTH {
            let commit = Commit { position: 1 + step, token: 8, confidence: 0.5, reason: Reason::Quota };
            let record = StepRecord {
                step,
                ids: [vec![7], vec![8; step + 1], vec![super::MASK; LENGTH - step - 1]].concat(),
                proposals: (1 + step..=LENGTH).map(|position| proposal(position, step)).collect(),
                commits: vec![commit],
                kv: vec![pattern.kv[0]; LENGTH + 1],
                ..StepRecord::clone(&pattern)
            };
            log.push(recorder.entry(record, |ids| ids.iter().map(|_| "word".to_owned()).collect()));
        }
        log
    });
    assert_eq!(log.len(), LENGTH);
    assert!((0.8..1.2).contains(&(held as f64 / expected as f64)), "{held} bytes, expected {expected}");
    // The log itself lies on the stack, and the header was there before.
    let counted = log.memory() as f64;
    assert!((0.9..1.1).contains(&(held as f64 / counted)), "{held} bytes, counted as {counted}");
}
