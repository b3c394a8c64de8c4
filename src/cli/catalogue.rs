//! `diffuscope models`: the models to choose from, and downloads without a screen.

use std::{
    io::{self, Write},
    path::Path,
};

use serde_json::json;

use super::{
    failure::Failure,
    models::source,
    progress::Console,
    table::{Align, Table},
};
use crate::{
    engine::LoadObserver,
    model::{
        catalog::{Catalog, CatalogEntry},
        device::DeviceChoice,
        hub::Hub,
        known::{KNOWN, Known, ModelRole, POSITIONS},
        memory::{MemoryFit, bytes},
        purpose::ModelPurpose,
        source::Source,
    },
    printable,
    trace::json,
};

/// List models to choose from, or download one
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct CatalogueArgs {
    #[command(subcommand)]
    command: Option<CatalogueCommand>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The device that they would be loaded to: auto, cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
}

#[derive(Debug, clap::Subcommand)]
enum CatalogueCommand {
    Pull(PullArgs),
}

/// Download a model of the hub into its cache, or update it
#[derive(Debug, clap::Args)]
struct PullArgs {
    /// hf:owner/name[@revision], or one file of it: hf:owner/name/FILE.gguf
    #[arg(value_name = "SOURCE", value_parser = source())]
    source: Source,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Does what was asked for.
pub(super) fn run(args: &CatalogueArgs) -> Result<(), Failure> {
    match &args.command {
        Some(CatalogueCommand::Pull(pull)) => self::pull(pull),
        None => list(args),
    }
}

fn list(args: &CatalogueArgs) -> Result<(), Failure> {
    let catalog = Catalog::scan(args.device).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json::text(&as_json(&catalog))?)?;
        return Ok(());
    }
    for role in ModelRole::ALL {
        let mut table = Table::new(&[
            (if role == ModelRole::Denoiser { "denoiser" } else { "guide" }, Align::Left),
            ("weights", Align::Right),
            ("on disk", Align::Right),
            ("in memory", Align::Right),
            ("", Align::Left),
        ]);
        let items: Vec<&CatalogEntry> = catalog.of_role(role).collect();
        for item in &items {
            table.row(row(item, &catalog));
        }
        let mut lines = Vec::new();
        table.write_text(&mut lines)?;
        let lines = String::from_utf8_lossy(&lines);
        for (index, line) in lines.lines().enumerate() {
            writeln!(out, "{line}")?;
            let item = index.checked_sub(1).and_then(|index| items.get(index));
            if let Some(item) = item.filter(|item| !item.what.is_empty()) {
                writeln!(out, "    {}", item.what)?;
            }
            if let Some(gguf) = item.and_then(|item| Known::of(&item.source)?.gguf) {
                writeln!(out, "    in 4 bits: {gguf}")?;
            }
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "in memory: weights and K/V rows of {POSITIONS} positions on the {}{}",
        catalog.device,
        room(&catalog)
    )?;
    if let Some(cache) = &catalog.cache {
        writeln!(out, "the hub's cache: {}", printable::line(&cache.display().to_string()))?;
    }
    if let Some(trouble) = &catalog.trouble {
        writeln!(out, "the hub: {}", printable::line(trouble))?;
    }
    if catalog.items.iter().any(|item| item.is_partial) {
        writeln!(
            out,
            "here in part: small files, a chat template among them, may be missing; `models pull` completes it"
        )?;
    }
    writeln!(out, "use one with --model and --guide-model, download one with `diffuscope models pull SOURCE`")?;
    Ok(())
}

fn room(catalog: &Catalog) -> String {
    catalog
        .memory
        .map_or(String::new(), |memory| format!(", which has {} free of {}", bytes(memory.free), bytes(memory.total)))
}

fn row(item: &CatalogEntry, catalog: &Catalog) -> Vec<String> {
    let about = if item.is_measured { "" } else { "~" };
    let fit = catalog.memory.zip(item.need).map(|(memory, need)| MemoryFit::of(need, memory.free));
    let mut notes = Vec::new();
    if item.is_here() {
        notes.push(if item.is_partial { "here in part" } else { "here" });
    }
    match fit {
        Some(MemoryFit::Exceeds) => notes.push("too large now"),
        Some(MemoryFit::Close) => notes.push("hardly fits now"),
        Some(MemoryFit::Fits) | None => {}
    }
    vec![
        printable::line(&item.source.to_string()),
        item.parameters.map_or_else(String::new, weights),
        format!("{about}{}", bytes(item.bytes)),
        item.need.map_or_else(String::new, bytes),
        notes.join(", "),
    ]
}

/// A number of weights for people.
fn weights(count: u64) -> String {
    match count {
        1_000_000_000.. => format!("{:.1}B", count as f64 / 1e9),
        100_000_000.. => format!("{:.0}M", count as f64 / 1e6),
        _ => format!("{:.1}M", count as f64 / 1e6),
    }
}

fn as_json(catalog: &Catalog) -> serde_json::Value {
    let models: Vec<_> = catalog
        .items
        .iter()
        .map(|item| {
            let source = item.source.to_string();
            let known = KNOWN.iter().find(|known| known.source == source);
            json!({
                "source": source,
                "role": item.role.name(),
                "parameters": item.parameters,
                "bytes": item.bytes,
                "bytes_measured": item.is_measured,
                "memory": item.need,
                "memory_f32": known.map(|known| known.memory(4)),
                "memory_bf16": known.map(|known| known.memory(2)),
                "here": item.is_here(),
                "path": item.path.as_deref().map(Path::to_string_lossy),
                "partial": item.is_partial,
                "what": item.what,
            })
        })
        .collect();
    json!({
        "models": models,
        "device": catalog.device,
        "memory_free": catalog.memory.map(|memory| memory.free),
        "memory_total": catalog.memory.map(|memory| memory.total),
        "memory_positions": POSITIONS,
        "cache": catalog.cache.as_deref().map(Path::to_string_lossy),
        "trouble": catalog.trouble,
    })
}

fn pull(args: &PullArgs) -> Result<(), Failure> {
    let Source::Hub(model) = &args.source else {
        return Err(Failure::Usage(format!(
            "{} is no model of the hub: name one as hf:owner/name[@revision]",
            args.source
        )));
    };
    let hub =
        Hub::from_environment().map_err(|error| Failure::Usage(error.to_string()))?.with_purpose(ModelPurpose::KEEP);
    let console = Console::new();
    let fetched = hub.pull(model, &mut |progress| console.progress(progress));
    console.finish();
    let fetched = fetched.map_err(|error| Failure::Usage(error.to_string()))?;
    let mut out = io::stdout().lock();
    if args.json {
        let outcome = json!({
            "source": args.source.to_string(),
            "path": fetched.path.to_string_lossy(),
            "commit": fetched.commit,
            "bytes": fetched.bytes,
            "downloaded": fetched.downloaded,
        });
        writeln!(out, "{}", json::text(&outcome)?)?;
        return Ok(());
    }
    writeln!(out, "{}", printable::line(&fetched.path.display().to_string()))?;
    out.flush()?;
    writeln!(
        io::stderr().lock(),
        "{}: {}, {} of it downloaded now",
        printable::line(&args.source.to_string()),
        bytes(fetched.bytes),
        bytes(fetched.downloaded)
    )?;
    Ok(())
}
