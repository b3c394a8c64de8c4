//! The `diffuscope` program.

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(diffuscope::train::command::TrainArgs),
}

fn main() -> anyhow::Result<()> {
    diffuscope::process::prepare();
    match Cli::parse().command {
        Command::Train(args) => diffuscope::train::command::run(args),
    }
}
