//! `diffuscope run --fork`: a run that continues another one from one of its steps.

use std::{
    io::{self, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::Serialize;

use super::{
    failure::{self, Failure, warn},
    progress::Console,
    recorded::Recorded,
    settings::SettingsArgs,
};
use crate::{
    decode::record::Edit,
    engine::{
        Link, RunProgress, complete_fork,
        protocol::{Drive, ForkRequest, RequestError, RunRequest},
    },
    settings::{KNOBS, Knob, Settings, Timing, preset},
    trace::{Figures, ForkOrigin, Log},
};

/// Which run to fork, where and how.
#[derive(Debug, clap::Args)]
pub(super) struct ForkArgs {
    /// Continue the run in this trace after this step in another way: under other knobs, or changed by hand. Its settings
    /// there stay in force but for what --preset and knobs change; the configuration file has no say
    #[arg(long, value_name = "FILE@STEP")]
    fork: Option<ForkAt>,
    /// Start the fork from the canvas after that step, with empty caches, rather than repeat the steps up to there
    #[arg(long)]
    cold: bool,
    /// Mask these positions again before the fork continues, from the first one to the one before the last. May be given
    /// several times
    #[arg(long, value_name = "FIRST..LAST", value_parser = remask)]
    remask: Vec<Edit>,
    /// Write this token before the fork continues, after all that is masked again. May be given several times
    #[arg(long, value_name = "POSITION=TOKEN-ID", value_parser = write)]
    write: Vec<Edit>,
}

/// A trace and a step.
#[derive(Debug, Clone)]
struct ForkAt {
    file: PathBuf,
    step: usize,
}

impl FromStr for ForkAt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (file, step) = text.rsplit_once('@').ok_or("expected FILE@STEP, as in run.jsonl@15")?;
        let step = step.parse().map_err(|_| "behind the last @ a number of steps is expected, as in run.jsonl@15")?;
        if file.is_empty() {
            Err("before the @ the file of a trace is expected")
        } else {
            Ok(Self { file: file.into(), step })
        }
    }
}

fn remask(text: &str) -> Result<Edit, &'static str> {
    let (start, end) = text.split_once("..").ok_or("expected FIRST..LAST, as in 40..44")?;
    let position = |text: &str| text.parse().map_err(|_| "a position is a whole number");
    Ok(Edit::Remask { start: position(start)?, end: position(end)? })
}

fn write(text: &str) -> Result<Edit, &'static str> {
    let (position, token) = text.split_once('=').ok_or("expected POSITION=TOKEN-ID, as in 42=1017")?;
    Ok(Edit::Write {
        position: position.parse().map_err(|_| "a position is a whole number")?,
        token: token.parse().map_err(|_| "the id of a token is a whole number")?,
    })
}

impl ForkArgs {
    /// No fork, unless an option asks for something that only a fork has. The parser lets it pass beside a prompt, which
    /// excludes a fork.
    fn refuse_alone(&self) -> Result<Option<Fork<'_>>, Failure> {
        let Self { cold, remask, write, .. } = self;
        let given = [("--cold", *cold), ("--remask", !remask.is_empty()), ("--write", !write.is_empty())];
        match given.iter().find(|(_, is_given)| *is_given) {
            None => Ok(None),
            Some((option, _)) => Err(Failure::Usage(format!("{option} is about a fork: name one by --fork FILE@STEP"))),
        }
    }

    /// Opens the parent, where the run is to be a fork, which may not be written over by the fork's own trace.
    pub(super) fn open(&self, args: &SettingsArgs, trace: Option<&Path>) -> Result<Option<Fork<'_>>, Failure> {
        let Some(ForkAt { file, step }) = &self.fork else { return self.refuse_alone() };
        let recorded = Recorded::named(file.clone());
        let name = recorded.name();
        if let Some(trace) = trace.filter(|trace| recorded.is_in(trace)) {
            let trace = trace.display();
            return Err(Failure::Usage(format!("{trace} holds the run that is forked: give the fork another file")));
        }
        let opened = recorded.open()?;
        opened.warnings.iter().for_each(|sentence| warn(sentence));
        let (parent, step) = (opened.log, *step);
        let steps = match parent.len() {
            0 => "no step".to_owned(),
            1 => "1 step".to_owned(),
            steps => format!("{steps} steps"),
        };
        if step > parent.len() {
            return Err(Failure::Usage(format!("{name} cannot be forked after step {step}: the run has {steps}")));
        }
        let (settings, preset) = settings(&parent, step, args, self.cold)?;
        Ok(Some(Fork { args: self, parent, step, settings, preset }))
    }
}

/// What the fork continues with, and the preset that is from: the settings of the parent at that step, or a preset in
/// their place, and the flags on top.
fn settings(parent: &Log, step: usize, args: &SettingsArgs, cold: bool) -> Result<(Settings, Option<String>), Failure> {
    let mut settings = parent.settings_at(step);
    let mut name = parent.header().preset.clone();
    if let Some(wanted) = &args.preset {
        let preset = preset(wanted)?;
        let mut other = preset.settings();
        for knob in KNOBS.iter().filter(|knob| knob.effect == Timing::NextRun) {
            knob.set(&mut other, &knob.get(&settings).to_string())?;
        }
        (settings, name) = (other, Some(preset.name));
    }
    for (knob, value) in args.knobs.iter() {
        let knob = Knob::find(knob)?;
        if knob.effect == Timing::NextRun && (!cold || knob.name == "gen-length") {
            let name = knob.name;
            return Err(Failure::Usage(format!("a fork has the {name} of its parent: leave --{name} out")));
        }
        knob.set(&mut settings, &value)?;
    }
    Ok((settings, name))
}

/// A fork to be made.
pub(super) struct Fork<'a> {
    args: &'a ForkArgs,
    parent: Log,
    step: usize,
    settings: Settings,
    preset: Option<String>,
}

impl Fork<'_> {
    /// What the engine is asked for.
    pub(super) fn request(&self) -> RunRequest {
        let ForkArgs { cold, remask, write, .. } = self.args;
        let edits = [&remask[..], &write[..]].concat();
        let point = self.parent.fork_point(self.step);
        RunRequest {
            run: 1,
            prompt: self.parent.header().prompt.clone(),
            settings: self.settings,
            preset: self.preset.clone(),
            drive: Drive::Paced,
            turns: Vec::new(),
            rivals: Vec::new(),
            fork: Some(Box::new(ForkRequest { point, edits, text: None, cold: *cold })),
        }
    }

    /// Has the engine do it. A signal breaks it off between two steps; what there is of its trace stays.
    pub(super) fn complete(
        &self,
        link: &mut dyn Link,
        request: RunRequest,
        mut observe: impl FnMut(RunProgress<'_>) -> ControlFlow<()>,
    ) -> Result<Log, Failure> {
        let interrupt = failure::listen()?;
        let console = Console::new();
        let watch = |progress: RunProgress<'_>| {
            match progress {
                RunProgress::Replaying { done, steps } => console.replaying(done, steps),
                RunProgress::Started(_) => console.finish(),
                _ => {}
            }
            observe(progress)?;
            if interrupt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let log: Result<Log, RequestError> = complete_fork(link, request, &self.parent, watch);
        console.finish();
        match interrupt.code() {
            Some(code) if log.as_ref().map_or(true, |log| log.end().is_none()) => Err(Failure::Interrupted(code)),
            _ => Ok(log?),
        }
    }
}

/// Where a run branched off, and what its own steps took.
#[derive(Debug, Serialize)]
pub(super) struct ForkReport<'a> {
    #[serde(flatten)]
    origin: &'a ForkOrigin,
    /// Steps of its own.
    steps: usize,
    nfe: u32,
    guide_forwards: u32,
    seconds: f64,
}

impl<'a> ForkReport<'a> {
    /// Of a log, where it is a fork's.
    pub(super) fn of(log: &'a Log) -> Option<Self> {
        let origin = log.header().origin.as_ref()?;
        let repeated = if origin.cold { 0 } else { origin.step };
        let (all, before) = (Figures::of(log, log.len()), Figures::of(log, repeated));
        Some(Self {
            origin,
            steps: all.steps - before.steps,
            nfe: all.cost.nfe - before.cost.nfe,
            guide_forwards: all.cost.guide_forwards - before.cost.guide_forwards,
            seconds: all.seconds() - before.seconds(),
        })
    }

    /// One line for people.
    pub(super) fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let ForkOrigin { parent, step, exact, cold } = self.origin;
        let how = match (cold, exact) {
            (true, _) => "not repeated (cold)",
            (false, true) => "repeated exactly",
            (false, false) => "repeated with other tokens",
        };
        let start = parent.get(..8).unwrap_or(parent);
        let steps = if self.steps == 1 { "step" } else { "steps" };
        writeln!(
            out,
            "fork       after step {step} of run {start}, which was {how}; {} {steps}, {} passes and {:.3} s of its own",
            self.steps, self.nfe, self.seconds
        )
    }
}
