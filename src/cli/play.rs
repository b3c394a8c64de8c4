//! `diffuscope play` and `diffuscope replay`: the playground, live or on a saved trace.

use std::path::PathBuf;

use jiff::ZonedDateTime;

use super::{
    failure::Failure,
    kept,
    models::ModelArgs,
    recorded::Recorded,
    settings::{SettingsArgs, configuration, preset_library},
    verify,
};
use crate::{
    export::ExportChoices,
    kept::KeepLimit,
    settings::{self, ConfigFile, Layers},
    tui::{
        self, Left, LogSource, PlayOptions,
        keymap::Keymap,
        theme::{Environment, ThemeName},
    },
};

/// Open the playground (what diffuscope does without a command)
#[derive(Debug, clap::Args)]
pub(super) struct PlayArgs {
    /// Prompt to begin with [default: the first of the gallery]
    #[arg(long, short, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// Write neither runs nor prompts into the state folder
    #[arg(long)]
    no_autosave: bool,
    /// Memory that the runs of a sitting may take together, as 512MB or 2GB; the oldest leave first [default: 512 MB, or
    /// what the configuration file says]
    #[arg(long, value_name = "SIZE", value_parser = settings::bytes)]
    memory: Option<u64>,
    #[command(flatten)]
    screen: ScreenArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Open a saved trace in the playground, where no model is loaded; or verify it
#[derive(Debug, clap::Args)]
#[command(mut_group("ModelArgs", |group| group.requires("verify")))]
pub(super) struct ReplayArgs {
    /// The trace; - reads it from standard input [default: the kept run that was written to last]
    file: Option<PathBuf>,
    /// Compare it with this trace
    #[arg(long, value_name = "OTHER")]
    against: Option<Recorded>,
    /// Have the models that made it make it again, compare every step, and print the first difference or that there is
    /// none; nothing is shown. The other options for models are for this alone
    #[arg(long, conflicts_with_all = ["against", "ScreenArgs"])]
    verify: bool,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    screen: ScreenArgs,
}

/// How the screen looks and listens.
#[derive(Debug, clap::Args)]
pub(super) struct ScreenArgs {
    #[arg(long, value_name = "NAME", help = theme_help())]
    pub(super) theme: Option<String>,
    /// Leave the mouse to the terminal, so that it selects text as usual
    #[arg(long)]
    pub(super) no_mouse: bool,
    /// Let nothing move by itself: no race and no name that is denoised on the welcome, no tokens that appear one by one
    #[arg(long)]
    pub(super) no_motion: bool,
}

fn theme_help() -> String {
    format!("Theme: {} [default: the one chosen last by a key, else what fits the terminal]", ThemeName::words())
}

/// Plays live.
pub(super) fn play(mut args: PlayArgs) -> Result<(), Failure> {
    args.models.adapt(&mut args.settings);
    let presets = preset_library();
    let (layers, config) = args.settings.layers(&presets)?;
    let keys = keys(&config)?;
    let theme = args.screen.theme.or(config.theme);
    let keeps = !args.no_autosave && config.autosave != Some(false);
    let bytes = config.autosave_limit.unwrap_or(KeepLimit::default().bytes);
    let (state, warning) = match kept::folder() {
        Ok(state) => (state, None),
        Err(why) => (None, Some(why).filter(|_| keeps)),
    };
    let options = PlayOptions {
        layers,
        prompt: args.prompt,
        source: LogSource::Live(Box::new(args.models.request())),
        presets,
        theme,
        mouse: !args.screen.no_mouse,
        motion: !args.screen.no_motion && config.motion != Some(false),
        state,
        autosave: keeps.then(|| KeepLimit { bytes, ..KeepLimit::default() }),
        memory: args.memory.or(config.memory),
        keys,
        exports: exports(Vec::new()),
        warning,
        demo: None,
    };
    open(options, false)
}

/// Plays a file.
pub(super) fn replay(args: ReplayArgs) -> Result<(), Failure> {
    let trace = Recorded::named(args.file.map_or_else(kept::newest, Ok)?);
    if args.verify {
        return verify::run(&trace, &args.models);
    }
    let (opened, against) = match &args.against {
        Some(other) => {
            let (opened, against) = trace.open_both(other)?;
            (opened, Some((other.name(), against)))
        }
        None => (trace.open()?, None),
    };
    let mut warnings = opened.warnings;
    if let Some((name, against)) = &against {
        warnings.extend(against.warnings.iter().map(|warning| format!("{name}: {warning}")));
    }
    let sources = std::iter::once(&trace).chain(&args.against).map(|trace| trace.file().to_owned()).collect();
    let is_piped = trace.is_piped() || args.against.as_ref().is_some_and(Recorded::is_piped);
    let against = against.map(|(name, against)| (name, Box::new(against.log)));
    let presets = preset_library();
    let options = PlayOptions {
        layers: Layers::default(),
        prompt: None,
        source: LogSource::Replay { file: trace.name(), log: Box::new(opened.log), warnings, against },
        theme: args.screen.theme,
        mouse: !args.screen.no_mouse,
        motion: !args.screen.no_motion,
        state: kept::folder().unwrap_or_default(),
        autosave: None,
        memory: None,
        keys: keys(&configuration(None, &presets)?)?,
        exports: exports(sources),
        presets,
        warning: None,
        demo: None,
    };
    // Where standard input was the trace, keys come from the terminal all the same.
    open(options, is_piped)
}

/// What makes recordings and tables. The files that are shown are never written over.
pub(super) fn exports(sources: Vec<PathBuf>) -> Box<ExportChoices> {
    Box::new(ExportChoices::new(sources, || ZonedDateTime::now().datetime()))
}

/// The keys of a configuration.
pub(super) fn keys(config: &ConfigFile) -> Result<Keymap, Failure> {
    let keys = config.keys.iter().map(|(name, keys)| (name.as_str(), keys.as_slice()));
    Keymap::rebound(keys).map_err(|refusal| Failure::Usage(format!("[keys] of the configuration: {refusal}")))
}

/// Asks first what the playground would refuse, so that the exit code distinguishes bad input from a terminal that fails.
pub(super) fn open(options: PlayOptions, is_piped: bool) -> Result<(), Failure> {
    if let Some(name) = &options.theme {
        name.parse::<ThemeName>().map_err(Failure::Usage)?;
    }
    tui::check_terminal(&Environment::of_process(), is_piped).map_err(Failure::Usage)?;
    match tui::play(options).map_err(|error| Failure::broken(&error))? {
        Left::ByUser => Ok(()),
        Left::BySignal(signal) => Err(Failure::Interrupted(128 + signal as u8)),
    }
}
