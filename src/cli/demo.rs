//! `diffuscope demo`: a script, played in the playground or filmed.

use std::path::PathBuf;

use super::{
    destination::Destination,
    export::{DrawingProgress, PictureArgs},
    failure::{self, Failure},
    models::ModelArgs,
    play::{self, ScreenArgs},
    settings::{configuration, preset_library},
};
use crate::{
    export::{self, DemoRequest, ExportField, ExportFormat, ExportOptions, Exporter, FilmingError},
    settings::{DEFAULT_PRESET, Layers, PresetLibrary},
    tui::{LogSource, PlayOptions, demo::DemoScript, theme::ThemeName},
};

/// Play a demo script in the playground, until it is over or a key takes over; or film it
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// The script: prompts, presets, knobs and waits; D in the playground writes one
    script: PathBuf,
    /// Film it into this file instead: the same bytes for the same script
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_mouse", "no_motion"])]
    record: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "record")]
    force: bool,
    /// Format of the film, as of `diffuscope export` [default: by the suffix of the file]
    #[arg(long, value_name = "NAME", value_parser = ExportFormat::named, requires = "record")]
    format: Option<ExportFormat>,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    screen: ScreenArgs,
    #[command(flatten)]
    models: ModelArgs,
}

/// Plays or films it.
pub(super) fn run(args: DemoArgs) -> Result<(), Failure> {
    let script = DemoScript::open(&args.script).map_err(|error| Failure::Usage(error.to_string()))?;
    let presets = preset_library();
    let layers = layers(&presets, &args.models)?;
    match &args.record {
        Some(file) => film(&args, &script, &Destination::new(file.clone(), args.force), layers, presets),
        None => watch(args, script, layers, presets),
    }
}

/// What a demo begins with: nothing but the usual preset, so that the script alone says what happens.
fn layers(presets: &PresetLibrary, models: &ModelArgs) -> Result<Layers, Failure> {
    let mut layers = Layers::default();
    layers.set_preset(presets.find(DEFAULT_PRESET)?);
    if models.request().guide_source().is_none() {
        layers.set_flags([("guide", "off".to_owned())])?;
    }
    Ok(layers)
}

/// Plays it on the terminal. It leaves nothing behind.
fn watch(args: DemoArgs, script: DemoScript, layers: Layers, presets: PresetLibrary) -> Result<(), Failure> {
    let keys = play::keys(&configuration(None, &presets)?)?;
    let options = PlayOptions {
        layers,
        prompt: Some(String::new()),
        source: LogSource::Live(Box::new(args.models.request())),
        presets,
        theme: args.screen.theme.or_else(|| script.theme.map(|theme| theme.entry().word.to_owned())),
        mouse: !args.screen.no_mouse,
        motion: !args.screen.no_motion,
        state: None,
        autosave: None,
        memory: None,
        keys,
        warning: None,
        demo: Some(script),
        exports: play::exports(Vec::new()),
    };
    play::open(options, false)
}

/// Makes a recording of it.
fn film(
    args: &DemoArgs,
    script: &DemoScript,
    destination: &Destination,
    layers: Layers,
    presets: PresetLibrary,
) -> Result<(), Failure> {
    let format = recording(args.format, destination)?;
    let theme: Option<ThemeName> = args.screen.theme.as_deref().map(str::parse).transpose().map_err(Failure::Usage)?;
    // From here on there may be a file that would be left behind.
    let interrupt = failure::listen()?;
    destination.check(&[])?;
    let usual = ExportOptions::default();
    let options = ExportOptions {
        width: args.picture.width.unwrap_or(script.size.0),
        height: args.picture.height.unwrap_or(script.size.1),
        scene: script.scene,
        title: script.title.clone(),
        theme: theme.or(script.theme).unwrap_or(usual.theme),
        ..args.picture.options()?
    };
    let request = DemoRequest { script, models: args.models.load()?, from: args.models.request(), layers, presets };
    let progress = DrawingProgress::new(interrupt);
    let written = match export::film_demo(request, &options, &progress) {
        Ok(frames) => destination.write(|out| format.write(frames, &progress, out)),
        Err(error @ (FilmingError::NoEngine | FilmingError::Stopped(_))) => Err(Failure::Runtime(error.to_string())),
        Err(error) => Err(Failure::Usage(error.to_string())),
    };
    progress.finish(written)
}

/// The format of a film: one that is made of screens.
fn recording(asked: Option<ExportFormat>, destination: &Destination) -> Result<&'static dyn Exporter, Failure> {
    match ExportFormat::of_file(asked, destination.path()).map_err(Failure::Usage)? {
        ExportFormat::Recording(format) if format.heeds(ExportField::Size) => Ok(format),
        other => Err(Failure::Usage(format!(
            "{} is made of one run: `diffuscope export` makes it of a trace; a demo becomes a cast or a picture",
            other.name()
        ))),
    }
}
