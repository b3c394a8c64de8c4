//! `diffuscope train-filter`: trains the filter that the unmask rule `filter` asks (Learn2PD) on a given denoiser.

use std::{io::Write, path::PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::{failure::Failure, models::ModelArgs};
use crate::{
    decode::filter::{BLOCK, Filter},
    engine::prompt::plain,
    engine::{Models, gen_length},
    files, output, printable,
    settings::Settings,
    tasks::{self, Family, Options},
    train::filter::{self, FittedFilter, Judgement, Observed, Recipe},
};

/// Train a filter for the unmask rule of that name, on answers of a denoiser (Learn2PD)
///
/// The denoiser answers prompts twice, once plainly and once led by its own first answer; from how sure it was and how
/// often it was right, a network of 2,112 weights is trained to tell final proposals from others. Takes minutes on a CPU
/// with the embedded denoiser.
#[derive(Debug, clap::Args)]
pub(super) struct TrainFilterArgs {
    /// Where the filter is written, as JSON
    #[arg(long, value_name = "FILE", default_value = "filter.json")]
    out: PathBuf,
    /// Number of prompts, drawn from the task families
    #[arg(long, value_name = "NUMBER", default_value_t = 600, value_parser = clap::value_parser!(u64).range(10..=100_000))]
    prompts: u64,
    /// File with prompts of your own, one per line, in place of the task families'
    #[arg(long, value_name = "FILE", conflicts_with = "prompts")]
    prompts_file: Option<PathBuf>,
    /// Masks per prompt [default: what the prompt's task needs, else 64]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..=4096))]
    gen_length: Option<u64>,
    /// Seed of prompts, order and first weights; other than the one that `bench` draws its prompts with by default
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Times that all data is seen
    #[arg(long, value_name = "NUMBER", default_value_t = Recipe::default().epochs as u64, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    epochs: u64,
    #[command(flatten)]
    models: ModelArgs,
}

/// Trains it.
pub(super) fn run(args: &TrainFilterArgs) -> Result<(), Failure> {
    let prompts = prompts(args)?;
    // Before the minutes that it takes.
    output::check(&args.out).map_err(|error| Failure::writing(&args.out, &error))?;
    let mut models = args.models.load()?;
    let observed = observe(&mut models, &prompts, args)?;
    let recipe = Recipe { seed: args.seed, epochs: args.epochs as usize, ..Recipe::default() };
    let bar = bar(recipe.epochs as u64, "epochs");
    let fit = filter::fit(&observed, recipe, |epoch, loss| {
        bar.set_position(epoch as u64);
        bar.set_message(format!("loss {loss:.4}"));
    });
    bar.finish_and_clear();
    let Some(FittedFilter { filter, losses, report }) = fit else {
        return Err(Failure::Usage(format!("{} prompts are too few to train on: give at least 10", observed.len())));
    };
    let steps: usize = observed.iter().map(Vec::len).sum();
    let about = format!(
        "trained on {} ({}), {} prompts, {steps} steps of the oracle, seed {}, {} epochs",
        models.denoiser_card.name,
        models.denoiser_card.architecture,
        prompts.len(),
        args.seed,
        recipe.epochs,
    );
    let mut json = serde_json::to_string(&Filter { about, ..rounded(filter) }).map_err(std::io::Error::from)?;
    json.push('\n');
    output::replace(&args.out, |out| out.write_all(json.as_bytes()))
        .map_err(|error| Failure::writing(&args.out, &error))?;

    let mut out = std::io::stdout().lock();
    writeln!(out, "{} prompts, {steps} steps of the oracle", prompts.len())?;
    writeln!(out, "loss per position: {:.4} on training prompts, {:.4} on those that chose", losses.0, losses.1)?;
    writeln!(
        out,
        "{} masked positions of other prompts, {:.1} % of the proposals final",
        report.positions,
        100.0 * report.finals
    )?;
    let line = |name: String, judged: Judgement| {
        format!(
            "{name:<28} accuracy {:5.1} %   accepts {:5.1} % of what is final   {:4.2} % of what it accepts is not",
            100.0 * judged.accuracy,
            100.0 * judged.recall,
            100.0 * judged.errors
        )
    };
    for (threshold, judged, equal) in report.at {
        writeln!(out, "{}", line(format!("filter above {threshold}"), judged))?;
        if let Some((threshold, judged)) = equal {
            writeln!(out, "{}", line(format!("  confidence from {threshold}"), judged))?;
        }
    }
    writeln!(out, "{}", line("confidence from 0.9".to_owned(), report.plain))?;
    writeln!(out, "{}", printable::line(&args.out.display().to_string()))?;
    Ok(())
}

/// Weights to six digits: the file stays small, and no decision hangs on more.
fn rounded(mut filter: Filter) -> Filter {
    for layer in &mut filter.layers {
        for value in layer.weight.iter_mut().chain(&mut layer.bias) {
            *value = format!("{value:.5e}").parse().unwrap_or(*value);
        }
    }
    filter
}

fn prompts(args: &TrainFilterArgs) -> Result<Vec<String>, Failure> {
    let Some(file) = &args.prompts_file else {
        let sample = |index| tasks::generate_mixed(args.seed, index, Options::default()).prompt;
        return Ok((0..args.prompts).map(sample).collect());
    };
    let name = printable::line(&file.display().to_string());
    let text = files::read_text(file)
        .map_err(|error| Failure::Usage(format!("the prompts in {name} cannot be read: {error}")))?;
    Ok(plain(&text).lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

/// Decodes every prompt twice; one list per prompt.
fn observe(models: &mut Models, prompts: &[String], args: &TrainFilterArgs) -> Result<Vec<Vec<Observed>>, Failure> {
    let bar = bar(prompts.len() as u64, "prompts");
    let observed = prompts.iter().map(|prompt| {
        let refused = |error: &dyn std::fmt::Display| Failure::Usage(printable::line(&format!("{prompt}: {error}")));
        let ids = models.tokenizer.encode_prompt(prompt).map_err(|error| refused(&error))?;
        let task = tasks::recognise(prompt);
        let room = models.context().saturating_sub(ids.len());
        let settings = Settings {
            gen_length: args.gen_length.map(|length| length as usize),
            block_length: Some(BLOCK),
            ..Settings::default()
        };
        let length = gen_length(&settings, task.as_ref(), room);
        let observed = filter::collect(&mut *models.denoiser, &ids, length).map_err(|error| refused(&error))?;
        bar.set_message(task.map_or("", |task| Family::name(task.family())));
        bar.inc(1);
        Ok(observed)
    });
    let observed = observed.collect();
    bar.finish_and_clear();
    observed
}

/// A bar on standard error, hidden where that is no terminal.
fn bar(length: u64, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{{wide_bar}} {{pos}} of {{len}} {what}  {{msg}}  {{eta}} left"));
    let bar = ProgressBar::new(length);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
