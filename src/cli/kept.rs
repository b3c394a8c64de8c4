//! Where runs and prompts are kept, and `diffuscope runs`: the list of them.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
};

use etcetera::BaseStrategy;
use serde_json::{Value, json};

use super::{
    failure::Failure,
    table::{Align, Table},
};
use crate::{
    kept::{KeptRun, KeptState, StateFolder},
    printable,
    trace::json,
    tui::KeptOutcome,
};

/// Names the state folder, or is empty for none.
const STATE_VARIABLE: &str = "DIFFUSCOPE_STATE";

/// List the runs that the playground has kept, the newest first
#[derive(Debug, clap::Args)]
pub(super) struct RunsArgs {
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// The state folder: the named one, else diffuscope where this platform keeps state. `None` where the variable is empty.
///
/// # Errors
/// A sentence, where this user has no folders.
pub(super) fn folder() -> Result<Option<StateFolder>, String> {
    place(env::var_os(STATE_VARIABLE), || {
        let places = etcetera::choose_base_strategy().ok()?;
        // Windows has no folder for state; what belongs to one machine goes to the local application data there.
        Some(places.state_dir().unwrap_or_else(|| places.cache_dir()))
    })
}

fn place(named: Option<OsString>, usual: impl FnOnce() -> Option<PathBuf>) -> Result<Option<StateFolder>, String> {
    match named {
        Some(none) if none.is_empty() => Ok(None),
        Some(named) => Ok(Some(StateFolder::new(named))),
        None => match usual() {
            Some(usual) => Ok(Some(StateFolder::new(usual.join("diffuscope")))),
            None => Err(format!("no run is kept, for this user has no home folder: {STATE_VARIABLE} names a folder")),
        },
    }
}

/// The folder for a command that only reads.
fn needed() -> Result<StateFolder, Failure> {
    folder()
        .map_err(Failure::Usage)?
        .ok_or_else(|| Failure::Usage(format!("no run is kept: {STATE_VARIABLE} is empty; it names a folder")))
}

/// The kept run that was written to last.
pub(super) fn newest() -> Result<PathBuf, Failure> {
    let folder = needed()?;
    let runs = folder.runs().display().to_string();
    match folder.newest() {
        Ok(Some(newest)) => Ok(newest),
        Ok(None) => Err(Failure::Usage(format!(
            "no run is kept in {runs} yet: the playground keeps its runs there; `diffuscope replay FILE` opens a trace"
        ))),
        Err(error) => Err(Failure::Usage(format!("{runs} cannot be read: {error}"))),
    }
}

/// Prints the list.
pub(super) fn list(args: &RunsArgs) -> Result<(), Failure> {
    let folder = needed()?;
    let runs = folder.list();
    let runs = runs.map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", folder.runs().display())))?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json::text(&runs.iter().map(as_json).collect::<Vec<_>>())?)?;
        return Ok(());
    }
    let mut table = Table::new(&[
        ("written", Align::Left),
        ("outcome", Align::Left),
        ("steps", Align::Right),
        ("passes", Align::Right),
        ("tokens/s", Align::Right),
        ("file", Align::Left),
    ]);
    for run in &runs {
        let mut cells = vec![run.when.strftime("%Y-%m-%d %H:%M").to_string(), KeptOutcome::of(run).word().to_owned()];
        cells.extend(match &run.state {
            KeptState::Read { summary, .. } => [
                summary.written.len().to_string(),
                summary.cost.nfe.to_string(),
                format!("{:.1}", summary.tokens_per_second()),
            ],
            KeptState::Unread | KeptState::Unreadable(_) => Default::default(),
        });
        cells.push(printable::line(&run.path.display().to_string()));
        table.row(cells);
    }
    table.write_text(&mut out)?;
    Ok(())
}

fn as_json(run: &KeptRun) -> Value {
    let mut fields = json!({
        "file": run.path.display().to_string(),
        "bytes": run.bytes,
        "written": run.when.to_string(),
        "outcome": KeptOutcome::of(run).word(),
    });
    match &run.state {
        KeptState::Read { summary, family, .. } => {
            fields["preset"] = json!(summary.preset);
            fields["prompt"] = json!(summary.prompt);
            fields["family"] = json!(family);
            fields["fork"] = json!(summary.is_fork);
            fields["steps"] = json!(summary.written.len());
            fields["tokens"] = json!(summary.tokens);
            fields["nfe"] = json!(summary.cost.nfe);
            fields["seconds"] = json!(summary.cost.total_us() as f64 / 1e6);
        }
        KeptState::Unreadable(why) => fields["error"] = json!(why),
        KeptState::Unread => {}
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_a_folder_or_none_and_no_home_is_a_sentence() {
        let usual = || Some(PathBuf::from("/home/ada/.local/state"));
        assert_eq!(place(Some("/x".into()), usual), Ok(Some(StateFolder::new("/x"))));
        assert_eq!(place(Some("".into()), usual), Ok(None));
        assert_eq!(place(None, usual), Ok(Some(StateFolder::new("/home/ada/.local/state/diffuscope"))));
        assert!(place(None, || None).is_err_and(|why| why.contains("DIFFUSCOPE_STATE names a folder")));
    }
}
