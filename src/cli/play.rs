//! `diffuscope play` and `diffuscope replay`: the playground, live or on a saved trace.

use super::{
    failure::Failure,
    models::ModelArgs,
    recorded::Recorded,
    settings::{SettingsArgs, preset_library},
};
use crate::{
    settings::Layers,
    tui::{
        self, Left, LogSource, PlayOptions,
        theme::{Environment, ThemeName},
    },
};

/// Open the playground (what diffuscope does without a command)
#[derive(Debug, clap::Args)]
pub(super) struct PlayArgs {
    /// Prompt to begin with [default: the first of the gallery]
    #[arg(long, short, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    #[command(flatten)]
    screen: ScreenArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Open a saved trace in the playground; no model is loaded
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    trace: Recorded,
    #[command(flatten)]
    screen: ScreenArgs,
}

/// How the screen looks and listens.
#[derive(Debug, clap::Args)]
struct ScreenArgs {
    /// Palette: dark or light [default: what fits the terminal]
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Leave the mouse to the terminal, so that it selects text as usual
    #[arg(long)]
    no_mouse: bool,
}

/// Plays live.
pub(super) fn play(mut args: PlayArgs) -> Result<(), Failure> {
    args.models.adapt(&mut args.settings);
    let presets = preset_library();
    let (layers, config) = args.settings.layers(&presets)?;
    let theme = args.screen.theme.or(config.theme);
    let options = PlayOptions {
        layers,
        prompt: args.prompt,
        source: LogSource::Live(Box::new(args.models.request())),
        presets,
        theme,
        mouse: !args.screen.no_mouse,
    };
    open(options, false)
}

/// Plays a file.
pub(super) fn replay(args: ReplayArgs) -> Result<(), Failure> {
    let opened = args.trace.open()?;
    let options = PlayOptions {
        layers: Layers::default(),
        prompt: None,
        source: LogSource::Replay { file: args.trace.name(), log: Box::new(opened.log), warnings: opened.warnings },
        presets: preset_library(),
        theme: args.screen.theme,
        mouse: !args.screen.no_mouse,
    };
    // Where standard input was the trace, keys come from the terminal all the same.
    open(options, args.trace.is_piped())
}

/// Asks first what the playground would refuse, so that the exit code distinguishes bad input from a terminal that fails.
fn open(options: PlayOptions, is_piped: bool) -> Result<(), Failure> {
    if let Some(name) = &options.theme {
        name.parse::<ThemeName>().map_err(Failure::Usage)?;
    }
    tui::check_terminal(&Environment::of_process(), is_piped).map_err(Failure::Usage)?;
    match tui::play(options).map_err(|error| Failure::broken(&error))? {
        Left::ByUser => Ok(()),
        Left::BySignal(signal) => Err(Failure::Interrupted(128 + signal as u8)),
    }
}
