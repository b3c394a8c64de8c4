//! `diffuscope completions`: what a shell needs to complete commands, options and their values.

use std::io::{self, Write};

use clap::{Arg, Command, builder::PossibleValue};
use clap_complete::Shell;

use super::failure::Failure;
use crate::{
    export::FORMATS,
    session::Axis,
    settings::{Kind, Knob, presets},
    tasks::Family,
    tui::{Arrangement, Layer, Pane, theme::THEMES},
};

/// Print completions for a shell: of commands, options, presets, knobs and their values
///
/// bash:  diffuscope completions bash > ~/.local/share/bash-completion/completions/diffuscope
///
/// zsh:   diffuscope completions zsh > FOLDER/_diffuscope, where FOLDER is one of $fpath
///
/// fish:  diffuscope completions fish > ~/.config/fish/completions/diffuscope.fish
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(super) fn print(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut with_values(super::command()), "diffuscope", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}

/// The command line with the values that a shell may offer. The parser itself takes any text where a sentence of its own says
/// what is wrong with it.
fn with_values(command: Command) -> Command {
    command
        .mut_args(|arg| match values(&arg) {
            Some(values) => arg.value_parser(values),
            None => arg,
        })
        .mut_subcommands(with_values)
}

fn values(arg: &Arg) -> Option<Vec<PossibleValue>> {
    let words = |words: &[&'static str]| words.iter().copied().map(PossibleValue::new).collect();
    let name = arg.get_long()?;
    Some(match name {
        "preset" | "presets" => {
            presets().iter().map(|preset| PossibleValue::new(&*preset.name).help(&*preset.title)).collect()
        }
        "theme" => THEMES.iter().map(|theme| PossibleValue::new(theme.word).help(theme.sentence)).collect(),
        "view" => Pane::ALL.iter().map(|pane| PossibleValue::new(pane.name())).collect(),
        "arrangement" => Arrangement::ALL.iter().map(|(_, word)| PossibleValue::new(*word)).collect(),
        "layer" => Layer::all().map(|layer| PossibleValue::new(layer.name())).collect(),
        "format" => FORMATS.iter().map(|format| PossibleValue::new(format.name()).help(format.about())).collect(),
        "axis" => Axis::ALL.iter().map(|axis| PossibleValue::new(axis.name())).collect(),
        "family" => Family::ALL.iter().map(|family| family.name()).chain(["all"]).map(PossibleValue::new).collect(),
        "unseen" => words(&["usual", "never", "always"]),
        "device" if arg.get_possible_values().is_empty() => words(&["auto", "cpu", "cuda", "metal"]),
        _ => of_knob(Knob::find(name).ok()?)?,
    })
}

/// The words that a knob takes; a number is for the person to say.
fn of_knob(knob: &Knob) -> Option<Vec<PossibleValue>> {
    match knob.kind {
        Kind::Choice(choices) => {
            Some(choices.iter().map(|choice| PossibleValue::new(choice.word).help(choice.help)).collect())
        }
        Kind::Flag => Some(["on", "off"].map(PossibleValue::new).into()),
        Kind::Int { .. } | Kind::Float { .. } => None,
    }
}
