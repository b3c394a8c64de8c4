//! The process that executes inputs.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::ExitCode,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use super::{corpus, fault_of, findings, kind_of, minimise::minimise, probe::PROBE, tape::Tape, watch::Watch};
use crate::{
    Options,
    mutate::{Dice, mutate},
    targets::{self, Execute, Target},
};

/// Inputs that are kept because something new came of them.
const MOST_KEPT: usize = 4000;
/// How long a panic's input is made smaller.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last panic, with its place.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// Does what the process that started this one asks for. What comes of it goes to standard output, one line each:
/// `progress EXECUTIONS KINDS` now and then, `finding FILE FAULT` for a panic.
pub fn work(options: &Options, folder: &Path) -> ExitCode {
    let name = options.tests.filter.as_deref().unwrap_or_default();
    let mut targets = targets::ALL.iter().chain([&PROBE]);
    let target = targets.find(|target| target.name == name).expect("the name of a target");
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let message = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        *PANIC.lock().unwrap() = format!("panic at {place}: {}", message.unwrap_or("without a message"));
    }));
    let (options, folder) = (options.clone(), folder.to_owned());
    // The program loads models on a thread of the usual size, so that much of a stack must be enough.
    let worker = thread::spawn(move || match &options.input {
        Some(file) => once(target, &options, &folder, file),
        None => Worker::new(target, &options, &folder).run(),
    });
    worker.join().unwrap_or_else(|_| {
        // Outside of any execution.
        eprintln!("{}", PANIC.lock().unwrap());
        ExitCode::FAILURE
    })
}

/// Runs one input and tells what came of it.
fn once(target: &'static Target, options: &Options, folder: &Path, file: &Path) -> ExitCode {
    let input = fs::read(file).unwrap();
    let mut execute = (target.open)(folder);
    let began = Instant::now();
    match Watch::start(Duration::from_secs_f64(options.limit)).over(|| caught(&mut execute, &input)) {
        Ok(outcome) => {
            println!("after {:.3} s: {}", began.elapsed().as_secs_f64(), outcome.replace('\n', " "));
            ExitCode::SUCCESS
        }
        Err(fault) => {
            println!("finding\t{}\t{fault}", file.display());
            ExitCode::FAILURE
        }
    }
}

/// Executes an input; the error is the panic.
fn caught(execute: &mut Execute, input: &[u8]) -> Result<String, String> {
    panic::catch_unwind(AssertUnwindSafe(|| execute(input))).map_err(|_| PANIC.lock().unwrap().replace('\n', " "))
}

struct Worker<'a> {
    target: &'static Target,
    options: &'a Options,
    folder: &'a Path,
    execute: Execute,
    tape: Tape,
    watch: Watch,
    /// The corpus, and behind it what was kept.
    pool: Vec<Vec<u8>>,
    /// What came of inputs so far.
    kinds: HashSet<String>,
    faults: BTreeSet<String>,
}

impl<'a> Worker<'a> {
    fn new(target: &'static Target, options: &'a Options, folder: &'a Path) -> Self {
        Self {
            target,
            options,
            folder,
            execute: (target.open)(folder),
            tape: Tape::create(folder).unwrap(),
            watch: Watch::start(Duration::from_secs_f64(options.limit)),
            pool: corpus(target.name),
            kinds: HashSet::new(),
            faults: BTreeSet::new(),
        }
    }

    fn run(mut self) -> ExitCode {
        let (began, seconds) = (Instant::now(), Duration::from_secs_f64(self.options.seconds));
        let corpus = self.pool.len() as u64;
        let mut told = began;
        let mut index = self.options.from;
        while index < corpus || began.elapsed() < seconds {
            let input = if index < corpus {
                self.pool[index as usize].clone()
            } else {
                mutate(self.target, &self.pool, &mut Dice::new(self.options.seed, index))
            };
            self.tape.write(index, &input).unwrap();
            match self.watch.over(|| caught(&mut self.execute, &input)) {
                Ok(outcome) => {
                    let is_new = self.kinds.insert(kind_of(&outcome, &input));
                    if is_new && index >= corpus && self.pool.len() < MOST_KEPT {
                        self.pool.push(input);
                    }
                }
                Err(fault) => self.report(index, &fault, &input),
            }
            index += 1;
            if told.elapsed() > Duration::from_millis(500) {
                told = Instant::now();
                self.tell_progress(index);
            }
        }
        self.tell_progress(index);
        ExitCode::SUCCESS
    }

    fn tell_progress(&self, index: u64) {
        println!("progress\t{}\t{}", index - self.options.from, self.kinds.len());
    }

    /// Keeps the input of a panic that was not seen before, as small as it gets.
    fn report(&mut self, index: u64, fault: &str, input: &[u8]) {
        // What it left behind is no ground for the next one.
        self.execute = (self.target.open)(self.folder);
        let kind = fault_of(fault);
        if !self.faults.insert(kind.clone()) {
            return;
        }
        let file = findings::save(self.target.name, &kind, input);
        println!("finding\t{}\t{fault}", file.display());
        let least = minimise(input, PATIENCE, |input| {
            self.tape.write(index, input).unwrap();
            let found = self.watch.over(|| caught(&mut self.execute, input));
            found.is_err_and(|found| fault_of(&found) == kind)
        });
        findings::save(self.target.name, &kind, &least);
        self.execute = (self.target.open)(self.folder);
    }
}
