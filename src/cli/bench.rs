//! `diffuscope bench`: the same prompts under several presets.
//!
//! For each prompt every preset has its turn before the next prompt is drawn, so that a machine that slows down slows
//! all of them. All presets denoise a canvas of the same length. The plain sampler always runs: it is the yardstick.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal, Write},
    ops::ControlFlow,
};

use serde::Serialize;

use super::{
    failure::{self, Failure},
    knobs::KnobFlags,
    models::ModelArgs,
    settings::preset_library,
    table::{Align, Table},
};
use crate::{
    engine::{
        Link, RunProgress, complete,
        protocol::{Drive, RunRequest},
    },
    interrupt::Interrupt,
    session::YARDSTICK,
    settings::{Layers, Settings},
    tasks::{self, Family, Options, Sample, Unseen},
    trace::{End, Figures},
};

/// Compare presets on the same generated prompts: exact match, passes, wall time
///
/// The configuration file is not read: figures depend on what the command line says alone. Knob flags hold for every
/// preset; --seed also picks the prompts. A family's rows are printed as soon as its prompts are done; an interrupt leaves
/// those of finished families.
#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// Task family: list, math, story, json, code, sudoku or all
    #[arg(long, value_name = "NAME", default_value = "all")]
    family: String,
    /// Prompts per family
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    prompts: u64,
    /// Presets, separated by commas; the plain sampler is always among them
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "plain,threshold,freecache,guided,flashdlm"
    )]
    presets: Vec<String>,
    /// Prompts with invented words: usual (as in training), never, always, or a share from 0 to 1
    #[arg(long, value_name = "HOW", default_value = "usual", value_parser = unseen)]
    unseen: Unseen,
    /// Also compare within each variant of a family (list/reverse, story/plain)
    #[arg(long)]
    by_variant: bool,
    /// Print a JSON array with one object per preset and family
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print a Markdown table
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    knobs: KnobFlags,
}

fn unseen(text: &str) -> Result<Unseen, String> {
    match text {
        "usual" => Ok(Unseen::Usual),
        "never" => Ok(Unseen::Never),
        "always" => Ok(Unseen::Always),
        share => match share.parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Unseen::Share(share)),
            _ => Err("it takes usual, never, always, or a share from 0 to 1".to_owned()),
        },
    }
}

/// A preset in the comparison.
struct Contestant {
    name: String,
    settings: Settings,
}

/// What one run gave.
#[derive(Debug, Clone, Copy)]
struct Score {
    variant: &'static str,
    correct: bool,
    figures: Figures,
}

/// One line of the result.
#[derive(Debug, Serialize)]
struct BenchRow {
    preset: String,
    /// The family; with a slash and the variant where one variant is meant.
    family: String,
    prompts: usize,
    /// Share of right answers, 0 to 1.
    exact_match: f64,
    /// Forwards of the denoiser, mean over prompts.
    nfe: f64,
    /// Tokens before end of text per forward of the denoiser, over all prompts.
    tokens_per_forward: f64,
    /// Tokens before end of text per second of decoding, over all prompts.
    tokens_per_second: f64,
    /// Decoding time of the plain sampler over that of this preset, both summed over all prompts.
    speedup: f64,
    /// Median over prompts of the same ratio.
    speedup_median: f64,
    /// Seconds of decoding, mean over prompts.
    seconds: f64,
    /// Tokens before end of text, mean over prompts.
    tokens: f64,
    /// Forwards of the guide, mean over prompts.
    guide_forwards: f64,
    /// Positions that the denoiser computed, mean over prompts.
    positions_computed: f64,
    /// Positions whose K/V rows were reused, mean over prompts.
    positions_reused: f64,
    /// Accepted share of the drafts that the guide judged.
    acceptance: Option<f64>,
}

/// Runs the comparison. Rows are written as soon as they are there; an interrupt, like a run that fails, leaves those of
/// the prompts that all presets have answered.
pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let families = families(&args.family)?;
    let contestants = contestants(args)?;
    let link = args.models.open()?;
    let mut bench = Bench { args, contestants, link, interrupt: failure::listen()? };
    let mut sheet = BenchSheet::new(args, io::stdout());
    let compared = bench.compare(&families, &mut sheet);
    show_progress("")?;
    if compared.is_ok() || sheet.rows > 0 {
        sheet.close()?;
    }
    compared?;
    bench.interrupt.code().map_or(Ok(()), |code| Err(Failure::Interrupted(code)))
}

/// A comparison under way.
struct Bench<'a> {
    args: &'a BenchArgs,
    contestants: Vec<Contestant>,
    link: Box<dyn Link>,
    interrupt: Interrupt,
}

impl Bench<'_> {
    fn compare(&mut self, families: &[Family], sheet: &mut BenchSheet<impl Write>) -> Result<(), Failure> {
        self.warm_up(families[0])?;
        let nothing = vec![Vec::new(); self.contestants.len()];
        let (mut overall, mut compared, mut ended) = (nothing.clone(), 0, Ok(()));
        for family in families {
            let mut scores = nothing.clone();
            ended = self.answer(*family, &mut scores);
            if !scores[0].is_empty() {
                compared += 1;
                show_progress("")?;
                sheet.add(rows_of(family.name(), &self.contestants, &scores))?;
                if self.args.by_variant {
                    sheet.add(rows_by_variant(family.name(), &self.contestants, &scores))?;
                }
            }
            for (all, more) in overall.iter_mut().zip(scores) {
                all.extend(more);
            }
            if ended.is_err() || self.interrupt.is_asked() {
                break;
            }
        }
        if compared > 1 {
            sheet.add(rows_of("all", &self.contestants, &overall))?;
        }
        ended
    }

    /// Adds to `scores` what every preset makes of a family's prompts, until an interrupt.
    fn answer(&mut self, family: Family, scores: &mut [Vec<Score>]) -> Result<(), Failure> {
        for index in 0..self.args.prompts {
            show_progress(&format!("{family}: prompt {} of {}", index + 1, self.args.prompts))?;
            let Some(turn) = self.turn(family, index)? else { break };
            scores.iter_mut().zip(turn).for_each(|(scores, score)| scores.push(score));
        }
        Ok(())
    }

    /// Has every preset answer a prompt; `None` where that is interrupted.
    fn turn(&mut self, family: Family, index: u64) -> Result<Option<Vec<Score>>, Failure> {
        let options = Options { unseen: self.args.unseen };
        let sample = tasks::generate(family, self.contestants[0].settings.seed, index, options);
        let mut scores: Vec<Option<Score>> = vec![None; self.contestants.len()];
        // Another preset begins with every prompt, so that no place in the order is always the same one's.
        for turn in 0..self.contestants.len() {
            let which = (turn + index as usize) % self.contestants.len();
            scores[which] = self.score(which, &sample)?;
        }
        Ok(scores.into_iter().collect())
    }

    /// One uncounted run each: the first touches memory and starts threads.
    fn warm_up(&mut self, family: Family) -> Result<(), Failure> {
        let sample = tasks::generate(family, u64::MAX, 0, Options::default());
        (0..self.contestants.len()).try_for_each(|which| self.score(which, &sample).map(|_| ()))
    }

    /// Has one preset answer a prompt; `None` where that is interrupted.
    fn score(&mut self, which: usize, sample: &Sample) -> Result<Option<Score>, Failure> {
        let Self { contestants, link, interrupt, .. } = self;
        let contestant = &contestants[which];
        let request = RunRequest {
            run: 1,
            prompt: sample.prompt.clone(),
            settings: contestant.settings,
            preset: Some(contestant.name.clone()),
            drive: Drive::Paced,
            // A block can ask for more than the task needs; then all get as much.
            turns: Vec::new(),
            rivals: contestants.iter().map(|contestant| contestant.settings).collect(),
            fork: None,
        };
        let watch = |_: RunProgress<'_>| {
            if interrupt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let log = complete(&mut **link, request, watch)
            .map_err(|error| Failure::from(error).about(&format!("preset {}", contestant.name)))?;
        let score = |end: &End| Score {
            variant: sample.variant,
            correct: end.correct.unwrap_or(false),
            figures: Figures::of(&log, log.len()),
        };
        Ok(log.end().map(score))
    }
}

fn families(name: &str) -> Result<Vec<Family>, Failure> {
    if name == "all" {
        return Ok(Family::ALL.to_vec());
    }
    let family = name.parse().map_err(|error| Failure::Usage(format!("{error}, or all")))?;
    Ok(vec![family])
}

/// The presets to compare, the yardstick first, with the knob flags on top of each.
fn contestants(args: &BenchArgs) -> Result<Vec<Contestant>, Failure> {
    let mut names = vec![YARDSTICK];
    for name in &args.presets {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let library = preset_library();
    let contestant = |name: &str| {
        let mut layers = Layers::default();
        let preset = library.find(name)?;
        let name = preset.name.clone();
        layers.set_preset(preset);
        layers.set_flags(args.knobs.iter())?;
        let settings = layers.resolve();
        Ok(Contestant { name, settings })
    };
    names.into_iter().map(contestant).collect()
}

/// The rows of each variant, in order of their names.
fn rows_by_variant(family: &str, contestants: &[Contestant], scores: &[Vec<Score>]) -> Vec<BenchRow> {
    let variants: BTreeSet<&str> = scores[0].iter().map(|score| score.variant).collect();
    variants
        .into_iter()
        .flat_map(|variant| {
            let of_variant = |scores: &Vec<Score>| scores.iter().filter(|s| s.variant == variant).copied().collect();
            let scores: Vec<Vec<Score>> = scores.iter().map(of_variant).collect();
            rows_of(&format!("{family}/{variant}"), contestants, &scores)
        })
        .collect()
}

fn rows_of(family: &str, contestants: &[Contestant], scores: &[Vec<Score>]) -> Vec<BenchRow> {
    let yardstick = &scores[0];
    contestants
        .iter()
        .zip(scores)
        .map(|(contestant, scores)| BenchRow::of(&contestant.name, family, scores, yardstick))
        .collect()
}

impl BenchRow {
    /// Sums `scores` up; `yardstick` has the plain sampler's on the same prompts.
    fn of(preset: &str, family: &str, scores: &[Score], yardstick: &[Score]) -> Self {
        let prompts = scores.len();
        let sum = |of: fn(&Figures) -> f64| -> f64 { scores.iter().map(|score| of(&score.figures)).sum() };
        let mean = |of| sum(of) / prompts.max(1) as f64;
        let (tokens, seconds) = (sum(|figures| figures.tokens as f64), sum(Figures::seconds));
        let plain_seconds: f64 = yardstick.iter().map(|score| score.figures.seconds()).sum();
        let judged = sum(|figures| figures.judged as f64);
        let mut ratios: Vec<f64> = scores
            .iter()
            .zip(yardstick)
            .map(|(score, plain)| ratio(plain.figures.seconds(), score.figures.seconds()))
            .collect();
        Self {
            preset: preset.to_owned(),
            family: family.to_owned(),
            prompts,
            exact_match: ratio(scores.iter().filter(|score| score.correct).count() as f64, prompts as f64),
            nfe: mean(|figures| f64::from(figures.cost.nfe)),
            tokens_per_forward: ratio(tokens, sum(|figures| f64::from(figures.cost.nfe))),
            tokens_per_second: ratio(tokens, seconds),
            speedup: ratio(plain_seconds, seconds),
            speedup_median: median(&mut ratios),
            seconds: mean(Figures::seconds),
            tokens: mean(|figures| figures.tokens as f64),
            guide_forwards: mean(|figures| f64::from(figures.cost.guide_forwards)),
            positions_computed: mean(|figures| f64::from(figures.cost.computed)),
            positions_reused: mean(|figures| f64::from(figures.cost.reused)),
            acceptance: (judged > 0.0).then(|| sum(|figures| figures.accepted as f64) / judged),
        }
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Markdown,
    Text,
}

/// Where rows go as they come.
struct BenchSheet<W> {
    out: W,
    form: Form,
    table: Table,
    rows: usize,
}

impl<W: Write> BenchSheet<W> {
    fn new(args: &BenchArgs, out: W) -> Self {
        let form = match args {
            BenchArgs { json: true, .. } => Form::Json,
            BenchArgs { markdown: true, .. } => Form::Markdown,
            _ => Form::Text,
        };
        Self { out, form, table: table(), rows: 0 }
    }

    fn add(&mut self, rows: Vec<BenchRow>) -> io::Result<()> {
        for row in rows {
            if self.form == Form::Json {
                let json = serde_json::to_string_pretty(&row)?.replace('\n', "\n  ");
                write!(self.out, "{}\n  {json}", if self.rows == 0 { "[" } else { "," })?;
            }
            self.rows += 1;
            self.table.row(cells(row));
        }
        match self.form {
            Form::Json => {}
            Form::Markdown => self.table.write_markdown(&mut self.out)?,
            Form::Text => self.table.write_text(&mut self.out)?,
        }
        self.out.flush()
    }

    fn close(mut self) -> io::Result<()> {
        match (self.form, self.rows) {
            (Form::Json, 0) => writeln!(self.out, "[]"),
            (Form::Json, _) => writeln!(self.out, "\n]"),
            (Form::Markdown, _) | (Form::Text, 0) => Ok(()),
            (Form::Text, _) => writeln!(
                self.out,
                "\nPasses, guide, computed and reused are means over prompts. Speed-up is the decoding time of the plain \
                 sampler over\nthat of the preset, both summed over all prompts; beside it the median over prompts of \
                 that ratio."
            ),
        }
    }
}

fn table() -> Table {
    use Align::{Left, Right};
    Table::new(&[
        ("family", Left),
        ("preset", Left),
        ("prompts", Right),
        ("exact match", Right),
        ("passes", Right),
        ("tokens/pass", Right),
        ("tokens/s", Right),
        ("speed-up", Right),
        ("median", Right),
        ("guide", Right),
        ("computed", Right),
        ("reused", Right),
        ("accepted", Right),
    ])
}

/// A row for people.
fn cells(row: BenchRow) -> Vec<String> {
    vec![
        row.family,
        row.preset,
        row.prompts.to_string(),
        format!("{:.1} %", 100.0 * row.exact_match),
        format!("{:.1}", row.nfe),
        format!("{:.2}", row.tokens_per_forward),
        format!("{:.1}", row.tokens_per_second),
        format!("{:.2}x", row.speedup),
        format!("{:.2}x", row.speedup_median),
        format!("{:.1}", row.guide_forwards),
        format!("{:.0}", row.positions_computed),
        format!("{:.0}", row.positions_reused),
        row.acceptance.map_or("-".to_owned(), |share| format!("{:.0} %", 100.0 * share)),
    ]
}

/// Says on standard error how far it is, where that is a terminal.
fn show_progress(line: &str) -> io::Result<()> {
    let mut err = io::stderr().lock();
    if err.is_terminal() {
        write!(err, "\r\x1b[K{line}")?;
        err.flush()?;
    }
    Ok(())
}
