//! What logs take of memory, counted on the thread that takes it.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::Arc,
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
    let line = lines[1].replacen("[7,8,1]", &format!("[{}7]", "7,".repeat(1 << 20)), 1);
    let length = line.len();
    let (steps, most) = read(line);
    assert!(steps.unwrap_err().contains("ids has 1048577 values and the canvas has 3 positions"));
    assert!(most < 8 * length, "{most} bytes for a line of {length}");
}

#[test]
fn a_step_takes_no_more_memory_than_what_it_changes() {
    const LENGTH: usize = 1000;
    let sample = file::read("x", (super::sample().join("\n") + "\n").as_bytes()).unwrap().log;
    let mut header = sample.header().clone();
    header.gen_length = LENGTH;
    let entries: Vec<Arc<Entry>> = (0..LENGTH)
        .map(|step| {
            let commit = Commit { position: 1 + step, token: 8, confidence: 0.5, reason: Reason::Quota };
            let record = StepRecord { step, commits: vec![commit], ..sample.entries()[0].record.clone() };
            let pieces = vec![Piece { position: 1 + step, text: "word".into() }];
            Arc::new(Entry { record, pieces, texts: Vec::new() })
        })
        .collect();
    let (log, held, _) = measured(|| {
        let mut log = Log::new(header);
        for entry in &entries {
            log.push(Arc::clone(entry));
        }
        log
    });
    assert_eq!((log.len(), log.canvas(LENGTH).piece(LENGTH)), (LENGTH, "word"));
    assert!(held < 500 * LENGTH as isize, "{held} bytes for {LENGTH} steps that write a token each");
}

#[test]
fn what_a_log_will_take_is_known_before_the_run() {
    const LENGTH: usize = 300;
    let sample = file::read("x", (super::sample().join("\n") + "\n").as_bytes()).unwrap().log;
    let (pattern, mut header) = (&sample.entries()[0].record, sample.header().clone());
    header.gen_length = LENGTH;
    let proposal = |position| Proposal {
        position,
        token: 8,
        confidence: 0.5,
        entropy: 0.5,
        score: 0.5,
        alternatives: vec![(8, 0.1); Proposal::ALTERNATIVES],
        credit: None,
        moved: None,
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
                proposals: (1 + step..=LENGTH).map(proposal).collect(),
                commits: vec![commit],
                kv: vec![pattern.kv[0]; LENGTH + 1],
                ..pattern.clone()
            };
            log.push(Arc::new(recorder.entry(record, |ids| ids.iter().map(|_| "word".to_owned()).collect())));
        }
        log
    });
    assert_eq!(log.len(), LENGTH);
    assert!((0.8..1.2).contains(&(held as f64 / expected as f64)), "{held} bytes, expected {expected}");
}
