//! The test process's side: keeps a worker at work, and tells what it found.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{fault_of, findings, minimise::minimise, probe::PROBE, scratch::Scratch, tape, watch::HUNG};
use crate::{Options, targets::Target};

/// How long the input of an abort or a hang is made smaller; each try takes a process.
const PATIENCE: Duration = Duration::from_secs(30);
const TOO_LONG: &str = "an execution takes too long";

/// What a target's executions came to.
#[derive(Default)]
struct Tally {
    executions: u64,
    kinds: u64,
    /// What is wrong, by the file that shows it.
    faults: BTreeMap<PathBuf, String>,
    /// What came of a single input.
    outcome: String,
}

/// Runs a target's corpus, and mutations for as long as the options say. The error lists what was found.
pub fn run(target: &'static Target, options: &Options) -> Result<(), String> {
    let folder = Scratch::new();
    if let Some(input) = &options.input {
        let mut tally = Tally::default();
        let end = Run::start(target, options, folder.path(), Some(input)).end(&mut tally);
        println!("{}", tally.outcome);
        return end.map_or(Ok(()), Err);
    }
    let (began, mut tally, mut options) = (Instant::now(), Tally::default(), options.clone());
    let seconds = options.seconds;
    loop {
        let end = Run::start(target, &options, folder.path(), None).end(&mut tally);
        let Some(death) = end else { break };
        let Some((index, input)) = tape::last(folder.path()).filter(|(index, _)| *index >= options.from) else {
            return Err(format!("the worker does not work: {death}"));
        };
        tally.executions += index + 1 - options.from;
        options.from = index + 1;
        options.seconds = (seconds - began.elapsed().as_secs_f64()).max(0.0);
        examine(target, &options, &mut tally, &death, &input);
    }
    let took = began.elapsed().as_secs_f64();
    let rate = tally.executions as f64 / took;
    let Tally { executions, kinds, .. } = tally;
    tell(target, &format!("{executions} executions in {took:.1} s ({rate:.0} a second), {kinds} kinds of outcome"));
    if tally.faults.is_empty() {
        return Ok(());
    }
    let lines = tally.faults.iter().map(|(file, fault)| format!("{fault}\n    {}", file.display()));
    Err(lines.collect::<Vec<_>>().join("\n"))
}

/// Says something at once; what is said at the end comes late.
fn tell(target: &Target, text: &str) {
    if target.name != PROBE.name {
        println!("{}: {text}", target.name);
    }
}

/// Keeps the input that a worker died of, as small as it gets, if it is to blame.
fn examine(target: &'static Target, options: &Options, tally: &mut Tally, death: &str, input: &[u8]) {
    let kind = fault_of(death);
    let file = findings::file(target.name, &kind);
    if tally.faults.contains_key(&file) {
        return;
    }
    findings::save(target.name, &kind, input);
    let folder = Scratch::new();
    let candidate = folder.path().join("candidate");
    let dies = |input: &[u8], limit: f64| {
        std::fs::write(&candidate, input).unwrap();
        let options = Options { limit, ..options.clone() };
        let run = Run::start(target, &options, folder.path(), Some(&candidate));
        run.end(&mut Tally::default()).is_some_and(|death| fault_of(&death) == kind)
    };
    let again = dies(input, options.limit);
    if !again && death == TOO_LONG {
        // The machine was busy.
        tell(target, &format!("once, and not again: {death}: {}", file.display()));
        return;
    }
    tell(target, death);
    tally.faults.insert(file, death.to_owned());
    if !again {
        return;
    }
    // What hangs for two seconds is taken for what hangs for ever, so that there is time for some tries.
    let least = minimise(input, PATIENCE, |input| dies(input, options.limit.min(2.0)));
    findings::save(target.name, &kind, &least);
}

/// A worker under way.
struct Run {
    target: &'static Target,
    /// Whether it runs one input alone.
    single: bool,
    child: Child,
}

impl Run {
    fn start(target: &'static Target, options: &Options, folder: &Path, input: Option<&Path>) -> Self {
        let mut command = program(options.memory);
        command.args([target.name, "--exact"]);
        command.arg("--worker").arg(folder);
        command.args(["--seconds", &options.seconds.to_string(), "--seed", &options.seed.to_string()]);
        command.args(["--limit", &options.limit.to_string(), "--from", &options.from.to_string()]);
        if let Some(input) = input {
            command.arg("--input").arg(input);
        }
        // One thread for products and one heap: the same everywhere, and little to address.
        command.env("RAYON_NUM_THREADS", "1").env("MALLOC_ARENA_MAX", "2").env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { target, single: input.is_some(), child: command.spawn().unwrap() }
    }

    /// Waits for the end: `None` where the worker did what it should, else what it died of.
    fn end(mut self, tally: &mut Tally) -> Option<String> {
        let mut stderr = self.child.stderr.take().unwrap();
        let heard = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let (mut told, before) = (Vec::new(), tally.executions);
        for line in BufReader::new(self.child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            match *line.split('\t').collect::<Vec<_>>() {
                ["progress", executions, kinds] => {
                    tally.executions = before + executions.parse::<u64>().unwrap();
                    tally.kinds = tally.kinds.max(kinds.parse().unwrap());
                }
                ["finding", file, ref fault @ ..] => {
                    let fault = fault.join(" ");
                    told.push(fault.clone());
                    if tally.faults.insert(file.into(), fault.clone()).is_none() && !self.single {
                        tell(self.target, &fault);
                    }
                }
                _ => tally.outcome = line,
            }
        }
        let status = self.child.wait().unwrap();
        let heard = heard.join().unwrap_or_default();
        if status.success() {
            return None;
        }
        // Where it died, the tape knows how far it came.
        tally.executions = before;
        Some(match (status.code(), told.pop()) {
            (Some(1), Some(panic)) => panic,
            (Some(HUNG), _) => TOO_LONG.to_owned(),
            _ => format!("{status}: {}", last_words(&heard)),
        })
    }
}

/// What a dying process says, on one line.
fn last_words(heard: &str) -> String {
    let said = heard.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    said.chars().take(300).collect()
}

/// This program, its memory limited where there is a way without unsafe code.
fn program(megabytes: u64) -> Command {
    let program = env::current_exe().unwrap();
    if cfg!(not(unix)) {
        return Command::new(program);
    }
    let mut command = Command::new("sh");
    let script = format!("ulimit -c 0; ulimit -v {} 2>/dev/null; exec \"$@\"", megabytes * 1024);
    command.args(["-c", &script, "sh"]).arg(program);
    command
}
