//! `diffuscope bench`: the same prompts under several presets.
//!
//! For each prompt every preset has its turn before the next prompt is drawn, so that a machine that slows down slows
//! all of them. All presets denoise a canvas of the same length. The plain sampler always runs: it is the yardstick.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use super::{
    failure::Failure,
    knobs::KnobFlags,
    models::ModelArgs,
    table::{Align, Table},
};
use crate::{
    decode::clock::WallClock,
    engine::{self, Models, complete, gen_length, protocol::Request},
    settings::{Layers, Settings, preset},
    tasks::{self, Family, Options, Sample, Unseen},
    trace::{Figures, printable},
};

/// The preset that every speed-up is measured against.
const YARDSTICK: &str = "plain";

/// Compare presets on the same generated prompts: exact match, forwards, wall time
///
/// The configuration file is not read: figures depend on what the command line says alone. Knob flags hold for every
/// preset; --seed also picks the prompts.
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
struct Row {
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

/// Runs the comparison.
pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let families = families(&args.family)?;
    let contestants = contestants(args)?;
    let mut models = args.models.load()?;
    let rows = compare(args, &mut models, &families, &contestants);
    show_progress("")?;
    print(args, &rows?)
}

fn compare(
    args: &BenchArgs,
    models: &mut Models,
    families: &[Family],
    contestants: &[Contestant],
) -> Result<Vec<Row>, Failure> {
    let options = Options { unseen: args.unseen };
    let seed = contestants[0].settings.seed;
    let mut rows = Vec::new();
    let mut overall: Vec<Vec<Score>> = vec![Vec::new(); contestants.len()];
    warm_up(models, contestants, families[0])?;
    for family in families {
        let mut scores: Vec<Vec<Score>> = vec![Vec::new(); contestants.len()];
        for index in 0..args.prompts {
            show_progress(&format!("{family}: prompt {} of {}", index + 1, args.prompts))?;
            let sample = tasks::generate(*family, seed, index, options);
            // Another preset begins with every prompt, so that no place in the order is always the same one's.
            for turn in 0..contestants.len() {
                let which = (turn + index as usize) % contestants.len();
                scores[which].push(score(models, contestants, which, &sample)?);
            }
        }
        rows.extend(rows_of(family.name(), contestants, &scores));
        if args.by_variant {
            rows.extend(rows_by_variant(family.name(), contestants, &scores));
        }
        for (all, more) in overall.iter_mut().zip(scores) {
            all.extend(more);
        }
    }
    if families.len() > 1 {
        rows.extend(rows_of("all", contestants, &overall));
    }
    Ok(rows)
}

fn families(name: &str) -> Result<Vec<Family>, Failure> {
    if name == "all" {
        return Ok(Family::ALL.to_vec());
    }
    let family = name.parse().map_err(|error| Failure::Input(format!("{error}, or all")))?;
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
    let contestant = |name: &str| {
        let mut layers = Layers::default();
        let preset = preset(name)?;
        let name = preset.name.clone();
        layers.set_preset(preset);
        layers.set_flags(args.knobs.iter())?;
        let settings = layers.resolve();
        Ok(Contestant { name, settings })
    };
    names.into_iter().map(contestant).collect()
}

/// One uncounted run: the first touches memory and starts threads.
fn warm_up(models: &mut Models, contestants: &[Contestant], family: Family) -> Result<(), Failure> {
    let sample = tasks::generate(family, u64::MAX, 0, Options::default());
    (0..contestants.len()).try_for_each(|which| score(models, contestants, which, &sample).map(|_| ()))
}

fn score(models: &mut Models, contestants: &[Contestant], which: usize, sample: &Sample) -> Result<Score, Failure> {
    let contestant = &contestants[which];
    let task = tasks::recognise(&sample.prompt);
    let about = |error: engine::RunError| Failure::from(error).about(&format!("preset {}", contestant.name));
    let prompt_length = models
        .tokenizer
        .encode_prompt(&sample.prompt)
        .map_err(|error| Failure::Broken(printable::line(&error.to_string())))?
        .len();
    let room = models.context().saturating_sub(prompt_length);
    // A block can ask for more than the task needs; then all get as much.
    let canvas = contestants.iter().map(|contestant| gen_length(&contestant.settings, task.as_ref(), room)).max();
    let request = Request {
        run: 1,
        prompt: sample.prompt.clone(),
        settings: Settings { gen_length: canvas, ..contestant.settings },
        preset: Some(contestant.name.clone()),
        paused: false,
    };
    let clock = WallClock::default();
    let log = complete(models, &request, &clock, |_| std::ops::ControlFlow::Continue(())).map_err(about)?;
    let correct = log.end().and_then(|end| end.correct).unwrap_or(false);
    Ok(Score { variant: sample.variant, correct, figures: Figures::of(&log, log.len()) })
}

/// The rows of each variant, in order of their names.
fn rows_by_variant(family: &str, contestants: &[Contestant], scores: &[Vec<Score>]) -> Vec<Row> {
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

fn rows_of(family: &str, contestants: &[Contestant], scores: &[Vec<Score>]) -> Vec<Row> {
    let yardstick = &scores[0];
    contestants
        .iter()
        .zip(scores)
        .map(|(contestant, scores)| Row::of(&contestant.name, family, scores, yardstick))
        .collect()
}

impl Row {
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

fn print(args: &BenchArgs, rows: &[Row]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if args.json {
        let json = serde_json::to_string_pretty(rows).map_err(io::Error::from)?;
        writeln!(out, "{json}")?;
    } else if args.markdown {
        table(rows).write_markdown(&mut out)?;
    } else {
        table(rows).write_text(&mut out)?;
        writeln!(
            out,
            "\nNFE, guide, computed and reused are means over prompts. Speed-up is the decoding time of the plain \
             sampler over\nthat of the preset, both summed over all prompts; beside it the median over prompts of that \
             ratio."
        )?;
    }
    Ok(())
}

fn table(rows: &[Row]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("family", Left),
        ("preset", Left),
        ("prompts", Right),
        ("exact match", Right),
        ("NFE", Right),
        ("tokens/forward", Right),
        ("tokens/s", Right),
        ("speed-up", Right),
        ("median", Right),
        ("guide", Right),
        ("computed", Right),
        ("reused", Right),
        ("accepted", Right),
    ]);
    for row in rows {
        table.row(vec![
            row.family.clone(),
            row.preset.clone(),
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
        ]);
    }
    table
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
