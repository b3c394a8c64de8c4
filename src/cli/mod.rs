//! The command line: one file per command.

mod bench;
mod failure;
mod knobs;
mod models;
mod presets;
mod run;
mod settings;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use knobs::KnobFlags;

use crate::train;

/// Watch how a diffusion language model turns masks into text.
#[derive(Debug, Parser)]
#[command(name = "diffuscope", version, after_help = failure::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Bench(bench::BenchArgs),
    Train(train::command::TrainArgs),
    Knobs(knobs::KnobsArgs),
    Presets(presets::PresetsArgs),
}

/// The command line as the parser knows it: for documentation and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) if !asked.use_stderr() => {
            // Help or version. Whoever closed the pipe does not want it.
            let _ = asked.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return failure::of_arguments(&error).report(),
    };
    let done = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Bench(args) => bench::run(&args),
        Command::Train(args) => train::command::run(args).map_err(|error| failure::Failure::broken(&error)),
        Command::Knobs(args) => knobs::list(&args),
        Command::Presets(args) => presets::list(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
