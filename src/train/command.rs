//! `diffuscope train`.

use super::checkpoint;
use super::config::{Config, Objective};
use super::data::Specials;
use super::evaluate::PlainMeasure;
use super::export::{self, Use};
use super::run::{Ending, TrainRun};
use super::vocabulary;
use crate::files;
use crate::interrupt::Interrupt;
use crate::model::template::ChatTemplate;
use crate::model::tokenizer::Tokenizer;
use crate::printable;
use anyhow::{Context, Result, bail};
use candle_core::Device;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Train the embedded pair, or a pair by your own recipe.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Folder of the run: checkpoints, curves, tokenizer.
    #[arg(long, default_value = "runs/embedded", value_name = "DIR")]
    pub out: PathBuf,
    /// Recipe in TOML [default: the embedded pair's].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Continue the run in the folder; the recipe's token budgets may have changed.
    #[arg(long)]
    pub resume: bool,
    /// Start the next phase even where a gate is missed.
    #[arg(long)]
    pub past_gates: bool,
    /// Where to compute.
    #[arg(long, default_value = "cpu", value_parser = ["cpu", "cuda"])]
    pub device: String,
    /// Threads on the CPU [default: one per core].
    #[arg(long, value_name = "NUMBER")]
    pub threads: Option<usize>,
    /// Write the pair to DIR (denoiser/ and guide/) after training.
    #[arg(long, value_name = "DIR")]
    pub export: Option<PathBuf>,
    /// Do not train; only export what the folder holds.
    #[arg(long, requires = "export")]
    pub export_only: bool,
}

/// Trains by a recipe, or exports what was trained. An interrupt ends training with a checkpoint, and without an error.
///
/// # Errors
/// Where a file cannot be read or written, the recipe is not valid, training fails, or a gate is missed.
#[expect(clippy::needless_pass_by_value, reason = "every command takes its arguments as its own")]
pub fn run(args: TrainArgs, interrupt: &Interrupt) -> Result<()> {
    let config = Config::load(args.config.as_deref())?;
    let tokenizer_file = args.out.join("tokenizer.json");
    let begun = tokenizer_file.exists();
    if begun && !args.resume && !args.export_only {
        bail!("{} holds a run: continue it with --resume, or choose another folder with --out", args.out.display());
    }
    if !begun && args.export_only {
        bail!("{} holds no run to export", args.out.display());
    }
    if !begun {
        std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
        // Kept with the run: weights mean nothing without the ids that they were trained on.
        checkpoint::replace(&tokenizer_file, vocabulary::embedded()?.json.as_bytes())
            .with_context(|| format!("cannot write {}", tokenizer_file.display()))?;
    }
    let tokenizer = Arc::new(Tokenizer::from_file(&tokenizer_file)?.with_template(ChatTemplate::embedded()?));
    let mask = tokenizer.require_mask()?;
    let specials = Specials { end: tokenizer.eos_id(), mask };
    let run = TrainRun {
        config: &config,
        folder: &args.out,
        vocab: tokenizer.vocab_size().next_multiple_of(vocabulary::ROWS),
        tokenizer: Arc::clone(&tokenizer),
        specials,
        device: device(&args.device)?,
        threads: args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        stop: interrupt.asked(),
        past_gates: args.past_gates,
    };
    if !args.export_only {
        let mut plain = PlainMeasure {
            tokenizer: &tokenizer,
            specials,
            prompts: config.report.exact_prompts,
            stories: config.report.exact_stories,
        };
        if run.all(&mut plain)? == Ending::Stopped {
            return Ok(());
        }
    }
    if let Some(folder) = &args.export {
        export_pair(&run, folder, &tokenizer_file)?;
    }
    Ok(())
}

fn device(name: &str) -> Result<Device> {
    if name == "cpu" {
        return Ok(Device::Cpu);
    }
    if !candle_core::utils::cuda_is_available() {
        bail!("this build has no CUDA: build with --features cuda");
    }
    Device::new_cuda(0).context("cannot open the CUDA device")
}

/// Writes the newest phase of each model: diffusion phases make denoisers, causal ones guides. A causal phase that a
/// diffusion phase follows is skipped once that one exists.
fn export_pair(run: &TrainRun<'_>, folder: &Path, tokenizer_file: &Path) -> Result<()> {
    let json = files::read_text(tokenizer_file).with_context(|| format!("cannot read {}", tokenizer_file.display()))?;
    let vocabulary = export::TokenNames { json: &json, end: run.specials.end, mask: run.specials.mask };
    for name in run.config.models.keys() {
        let mut phases = run.config.phases.iter().rev().filter(|phase| phase.model == *name);
        let Some(phase) = phases.find(|phase| checkpoint::path(run.folder, &phase.name).exists()) else {
            eprintln!("{}: not trained yet, not exported", printable::line(name));
            continue;
        };
        let layout = run.layout(name);
        let (state, progress) = checkpoint::load(&checkpoint::path(run.folder, &phase.name), &layout)?;
        let use_ = if phase.objective == Objective::Causal { Use::Guide } else { Use::Denoiser };
        let target = folder.join(name);
        export::write(&target, &layout, &state.average, run.config.positions, vocabulary, use_)?;
        eprintln!(
            "{}: phase {} at {:.2}M tokens, {} weights",
            printable::line(&target.display().to_string()),
            phase.name,
            progress.tokens as f64 / 1e6,
            layout.len
        );
    }
    Ok(())
}
