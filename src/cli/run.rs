//! `diffuscope run`: one prompt, its answer, the figures.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, IsTerminal, Write},
    ops::{ControlFlow, Range},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    failure::{Failure, warn},
    fork::{ForkArgs, ForkReport},
    models::ModelArgs,
    settings::{SettingsArgs, preset_library},
};
use crate::{
    decode::record::StopReason,
    engine::{
        RunProgress, blanks, complete,
        prompt::plain,
        protocol::{Drive, RunRequest},
    },
    files, output, printable,
    settings::exact,
    tasks,
    trace::{
        Figures, Log,
        file::{Writer, is_compressed_name},
        json,
    },
};

/// The longest prompt that is read from standard input, in bytes: more than any model has context for.
const LONGEST_PROMPT: u64 = 4 << 20;

/// Denoise an answer to a prompt and print it, with the figures on standard error
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// What to denoise an answer to; - reads it from standard input
    #[arg(long, short, value_name = "TEXT", allow_hyphen_values = true)]
    #[arg(required_unless_present = "fork", conflicts_with = "fork")]
    prompt: Option<String>,
    #[command(flatten)]
    fork: ForkArgs,
    /// Write the log of all steps to this file, as JSON lines, compressed where its name ends in .dscope; - prints it in
    /// place of the answer
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print one JSON object with the answer and the figures
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Runs it.
pub(super) fn run(mut args: RunArgs) -> Result<(), Failure> {
    args.models.adapt(&mut args.settings);
    let traces = args.trace.as_deref();
    let fork = args.fork.open(&args.settings, traces)?;
    let request = match &fork {
        Some(fork) => fork.request(),
        None => request(args.prompt.as_deref().unwrap_or_default(), &args.settings)?,
    };
    if prints(traces) && args.json {
        return Err(Failure::Usage(
            "--trace - and --json would both write to standard output: give the trace a file".to_owned(),
        ));
    }
    let mut trace = TraceFile::new(traces)?;
    let mut link = args.models.open()?;
    let log = match &fork {
        Some(fork) => fork.complete(&mut *link, request, |progress| trace.note(progress))?,
        None => complete(&mut *link, request, |progress| trace.note(progress))?,
    };
    // The answer is there whether or not its trace could be written.
    let printed = print(&RunReport::of(&log), args.json, traces);
    trace.result()?;
    Ok(printed?)
}

/// The run that a prompt and options ask for.
fn request(given: &str, settings: &SettingsArgs) -> Result<RunRequest, Failure> {
    let (layers, _) = settings.layers(&preset_library())?;
    Ok(RunRequest {
        run: 1,
        prompt: prompt(given)?,
        settings: layers.resolve(),
        preset: layers.preset().map(|preset| preset.name.clone()),
        drive: Drive::Paced,
        turns: Vec::new(),
        rivals: Vec::new(),
        fork: None,
    })
}

fn print(outcome: &RunReport<'_>, as_json: bool, traces: Option<&Path>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        return writeln!(out, "{}", json::text(outcome)?);
    }
    if !prints(traces) {
        // A program or a file gets what was decoded, byte by byte.
        let answer = if out.is_terminal() { printable::output(outcome.answer) } else { Cow::Borrowed(outcome.answer) };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    // Who cannot hear the figures has the answer all the same.
    let _ = outcome.tell(&mut io::stderr().lock());
    Ok(())
}

/// The prompt as given, or from standard input without the line break at its end.
fn prompt(given: &str) -> Result<String, Failure> {
    if given != "-" {
        return Ok(plain(given).into_owned());
    }
    let text = files::bounded(io::stdin().lock(), LONGEST_PROMPT)
        .and_then(files::text)
        .map_err(|error| Failure::Usage(format!("the prompt cannot be read from standard input: {error}")))?;
    let text = plain(&text);
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// Whether the trace goes to standard output.
fn prints(trace: Option<&Path>) -> bool {
    trace == Some(Path::new("-"))
}

/// Writes the trace step by step. The file is made when the run has begun: a request that is refused leaves
/// an older trace alone. A disk that is full ends the trace and not the run.
struct TraceFile<'a> {
    path: Option<&'a Path>,
    writer: Option<Writer<Box<dyn Write>>>,
    failed: Option<io::Error>,
}

impl<'a> TraceFile<'a> {
    /// A name that cannot be written is reported here, before the models are loaded.
    fn new(path: Option<&'a Path>) -> Result<Self, Failure> {
        if let Some(path) = path.filter(|_| !prints(path)) {
            output::check(path).map_err(|error| Failure::writing(path, &error))?;
        }
        Ok(Self { path, writer: None, failed: None })
    }

    fn note(&mut self, progress: RunProgress<'_>) -> ControlFlow<()> {
        if let Err(error) = self.write(progress) {
            self.writer = None;
            self.failed = Some(error);
        }
        ControlFlow::Continue(())
    }

    fn write(&mut self, progress: RunProgress<'_>) -> io::Result<()> {
        match (progress, self.path, &mut self.writer) {
            (RunProgress::Warning(sentence), ..) => {
                warn(sentence);
                Ok(())
            }
            (RunProgress::Started(log), Some(path), _) => {
                let out: Box<dyn Write> =
                    if prints(self.path) { Box::new(io::stdout()) } else { Box::new(File::create(path)?) };
                let begin = if is_compressed_name(path) { Writer::compressed } else { Writer::new };
                let writer = self.writer.insert(begin(out, log.header())?);
                log.entries().try_for_each(|entry| writer.step(&entry))
            }
            (RunProgress::Step(entry), _, Some(writer)) => writer.step(entry),
            (RunProgress::Ended(end), _, Some(writer)) => writer.end(end),
            _ => Ok(()),
        }
    }

    fn result(self) -> Result<(), Failure> {
        match (self.path, self.failed) {
            (Some(_), Some(error)) if prints(self.path) => Err(error.into()),
            (Some(path), Some(error)) => Err(Failure::Runtime(format!(
                "{} cannot be written: {error}; the answer is complete, and its trace is not",
                printable::line(&path.display().to_string())
            ))),
            _ => Ok(()),
        }
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct RunReport<'a> {
    answer: &'a str,
    correct: Option<bool>,
    verdict: Option<&'a str>,
    /// Positions of a wrong answer that fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<Range<usize>>,
    family: Option<&'static str>,
    preset: Option<&'a str>,
    #[serde(serialize_with = "exact")]
    seed: u64,
    prompt_tokens: usize,
    gen_length: usize,
    stop: Option<StopReason>,
    tokens: usize,
    steps: usize,
    nfe: u32,
    guide_forwards: u32,
    seconds: f64,
    denoiser_seconds: f64,
    guide_seconds: f64,
    tokens_per_forward: f64,
    tokens_per_second: f64,
    positions_computed: u32,
    positions_reused: u32,
    acceptance: Option<f64>,
    /// Where steps were audited.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<Audit>,
    /// Where the run is a fork.
    #[serde(skip_serializing_if = "Option::is_none")]
    fork: Option<ForkReport<'a>>,
    /// Where a guide only looked on.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<Onlooker>,
}

/// What a guide found that only looked on.
#[derive(Debug, Serialize)]
struct Onlooker {
    judged: usize,
    accepted: usize,
    forwards: u32,
    seconds: f64,
}

impl Onlooker {
    fn of(figures: &Figures) -> Option<Self> {
        (figures.cost.shadow_forwards > 0).then(|| Self {
            judged: figures.shadow_judged,
            accepted: figures.shadow_accepted,
            forwards: figures.cost.shadow_forwards,
            seconds: figures.cost.shadow_us as f64 / 1e6,
        })
    }
}

/// What the audits of a run found.
#[derive(Debug, Serialize)]
struct Audit {
    positions: usize,
    flips: usize,
    mean_kl: f64,
    forwards: u32,
    seconds: f64,
}

impl Audit {
    fn of(figures: &Figures) -> Option<Self> {
        (figures.cost.audit_forwards > 0).then(|| Self {
            positions: figures.audited,
            flips: figures.flips,
            mean_kl: figures.mean_kl,
            forwards: figures.cost.audit_forwards,
            seconds: figures.cost.audit_us as f64 / 1e6,
        })
    }
}

impl<'a> RunReport<'a> {
    fn of(log: &'a Log) -> Self {
        let header = log.header();
        let figures = Figures::of(log, log.len());
        let end = log.end();
        Self {
            answer: end.map_or("", |end| &end.answer),
            correct: end.and_then(|end| end.correct),
            verdict: end.and_then(|end| end.verdict.as_deref()),
            failed: end.and_then(|end| end.failed.clone()),
            family: tasks::recognise(&blanks::asked(&header.prompt, true)).map(|task| task.family().name()),
            preset: header.preset.as_deref(),
            seed: header.settings.seed,
            prompt_tokens: header.prompt_ids.len(),
            gen_length: header.gen_length,
            stop: end.and_then(|end| end.reason),
            tokens: figures.tokens,
            steps: figures.steps,
            nfe: figures.cost.nfe,
            guide_forwards: figures.cost.guide_forwards,
            seconds: figures.seconds(),
            denoiser_seconds: figures.cost.denoiser_us as f64 / 1e6,
            guide_seconds: figures.cost.guide_us as f64 / 1e6,
            tokens_per_forward: figures.tokens_per_forward(),
            tokens_per_second: figures.tokens_per_second(),
            positions_computed: figures.cost.computed,
            positions_reused: figures.cost.reused,
            acceptance: figures.acceptance(),
            audit: Audit::of(&figures),
            fork: ForkReport::of(log),
            shadow: Onlooker::of(&figures),
        }
    }

    /// The figures for people, one thing per line.
    fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let verdict = printable::line(self.verdict.unwrap_or_default());
        match (self.correct, self.family) {
            (Some(true), _) => writeln!(out, "correct    yes: {verdict}")?,
            (Some(false), _) => writeln!(out, "correct    no: {verdict}")?,
            (None, Some(_)) => writeln!(out, "correct    not judged")?,
            (None, None) => {
                writeln!(out, "correct    not judged: the prompt is none of the tasks that have a checker")?;
            }
        }
        let stop = match self.stop {
            Some(StopReason::NothingMasked) => "nothing masked",
            Some(StopReason::EndOfText) => "end of text",
            Some(StopReason::EarlyCommit) => "everything committed early",
            Some(StopReason::StepBudget) => "step budget spent",
            None => "stopped",
        };
        let steps = if self.steps == 1 { "step" } else { "steps" };
        writeln!(out, "decode     {} of {} tokens in {} {steps} ({stop})", self.tokens, self.gen_length, self.steps)?;
        writeln!(
            out,
            "passes     {} of the denoiser ({:.2} tokens each), {} of the guide",
            self.nfe, self.tokens_per_forward, self.guide_forwards
        )?;
        if let Some(acceptance) = self.acceptance {
            writeln!(out, "guide      accepted {:.0} % of the drafts that it judged", 100.0 * acceptance)?;
        }
        writeln!(
            out,
            "time       {:.3} s ({:.1} tokens/s): denoiser {:.3} s, guide {:.3} s",
            self.seconds, self.tokens_per_second, self.denoiser_seconds, self.guide_seconds
        )?;
        writeln!(out, "positions  {} computed, {} reused", self.positions_computed, self.positions_reused)?;
        if let Some(audit) = &self.audit {
            writeln!(
                out,
                "audit      another token at {} of {} masks, KL {:.4} nats; {} passes and {:.3} s, in no figure above",
                audit.flips, audit.positions, audit.mean_kl, audit.forwards, audit.seconds
            )?;
        }
        if let Some(shadow) = &self.shadow {
            writeln!(
                out,
                "shadow     the guide would have accepted {} of {} written tokens; {} passes and {:.3} s, in no figure above",
                shadow.accepted, shadow.judged, shadow.forwards, shadow.seconds
            )?;
        }
        if let Some(fork) = &self.fork {
            fork.tell(out)?;
        }
        Ok(())
    }
}
