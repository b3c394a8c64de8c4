//! The command line: one file per command.

mod bench;
mod catalogue;
mod completions;
mod config;
mod demo;
mod destination;
mod diff;
mod export;
mod export_table;
mod failure;
mod fork;
mod given_flags;
mod kept;
mod knobs;
mod log_file;
mod manual;
mod models;
mod play;
mod presets;
mod progress;
mod recorded;
mod run;
mod settings;
mod table;
mod train_filter;
mod verify;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use knobs::KnobFlags;

use self::failure::Failure;
use crate::train::{self, command::TrainArgs};

/// Watch how a diffusion language model turns masks into text.
#[derive(Debug, Parser)]
#[command(name = "diffuscope", version, after_help = failure::exit_codes(), args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<CliCommand>,
    /// Options of the default command
    #[command(flatten)]
    play: play::PlayArgs,
    #[command(flatten)]
    log: log_file::LogArgs,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    Play(play::PlayArgs),
    Run(run::RunArgs),
    Bench(bench::BenchArgs),
    Replay(play::ReplayArgs),
    Runs(kept::RunsArgs),
    Diff(diff::DiffArgs),
    #[command(visible_alias = "cast")]
    Export(export::ExportArgs),
    Demo(demo::DemoArgs),
    Train(TrainArgs),
    TrainFilter(train_filter::TrainFilterArgs),
    Knobs(knobs::KnobsArgs),
    Presets(presets::PresetsArgs),
    Models(catalogue::CatalogueArgs),
    Config(config::ConfigArgs),
    Completions(completions::CompletionsArgs),
    Man(manual::ManArgs),
}

/// The command line as the parser knows it: for documentation and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Trains until it is done or interrupted.
fn train(args: TrainArgs) -> Result<(), Failure> {
    let interrupt = failure::listen()?;
    train::command::run(args, &interrupt).map_err(|error| Failure::broken(&error))?;
    interrupt.code().map_or(Ok(()), |code| Err(Failure::Interrupted(code)))
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let parsed = command().try_get_matches().and_then(|matches| {
        let name = matches.subcommand_name().unwrap_or("play").to_owned();
        Ok((Cli::from_arg_matches(&matches)?, name))
    });
    let (cli, name) = match parsed {
        Ok(parsed) => parsed,
        Err(asked) if !asked.use_stderr() => {
            // Help or version.
            return match asked.print().and_then(|()| io::stdout().flush()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => Failure::from(error).report(),
            };
        }
        Err(error) => return failure::of_arguments(&error).report(),
    };
    let command = cli.command.unwrap_or(CliCommand::Play(cli.play));
    let done = cli.log.open(&name).and_then(|()| perform(command));
    let code = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    };
    log_file::close();
    code
}

fn perform(command: CliCommand) -> Result<(), Failure> {
    match command {
        CliCommand::Play(args) => play::play(args),
        CliCommand::Run(args) => run::run(args),
        CliCommand::Bench(args) => bench::run(&args),
        CliCommand::Replay(args) => play::replay(args),
        CliCommand::Runs(args) => kept::list(&args),
        CliCommand::Diff(args) => diff::run(&args),
        CliCommand::Export(args) => export::run(&args),
        CliCommand::Demo(args) => demo::run(args),
        CliCommand::Train(args) => train(args),
        CliCommand::TrainFilter(args) => train_filter::run(&args),
        CliCommand::Knobs(args) => knobs::list(&args),
        CliCommand::Presets(args) => presets::list(&args),
        CliCommand::Models(args) => catalogue::run(&args),
        CliCommand::Config(args) => config::print(&args),
        CliCommand::Completions(args) => completions::print(&args),
        CliCommand::Man(args) => manual::print(&args),
    }
}
