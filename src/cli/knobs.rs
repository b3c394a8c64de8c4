//! The knobs on the command line: a flag for each, and the command that lists them.

use std::io::{self, Write};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::{
    failure::Failure,
    table::{Align, Table},
};
use crate::settings::{KNOBS, Kind, Knob, Slot};

/// The knobs that flags set, with the text of their values.
///
/// The parser takes any text, so that a bad value is reported in the same sentence as in a preset or a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnobFlags(Vec<(&'static str, String)>);

impl KnobFlags {
    /// Names and values, in the order of the knob pane.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.iter().cloned()
    }

    /// Sets a knob that no flag sets.
    pub(super) fn otherwise(&mut self, name: &'static str, value: &str) {
        if self.0.iter().all(|(known, _)| *known != name) {
            self.0.push((name, value.to_owned()));
        }
    }
}

impl Args for KnobFlags {
    fn augment_args(command: Command) -> Command {
        KNOBS.iter().fold(command, |command, knob| command.arg(flag(knob)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for KnobFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |knob: &Knob| matches.get_one::<String>(knob.name).cloned();
        Ok(Self(KNOBS.iter().filter_map(|knob| Some((knob.name, given(knob)?))).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// `--name VALUE`; a knob that is on or off also as `--name` alone.
fn flag(knob: &'static Knob) -> Arg {
    let arg = Arg::new(knob.name)
        .long(knob.name)
        .action(ArgAction::Set)
        .allow_negative_numbers(true)
        .value_name(value_name(knob))
        .help_heading(format!("{} knobs", knob.slot.title()))
        .hide_short_help(true)
        .help(format!(
            "{} [{}; default: {}; takes effect with the {}]",
            knob.help,
            values(knob, knob.unit),
            knob.default(),
            knob.effect
        ));
    match knob.kind {
        Kind::Flag => arg.num_args(0..=1).default_missing_value("on"),
        _ => arg,
    }
}

fn value_name(knob: &Knob) -> String {
    match knob.kind {
        Kind::Choice(_) => "WORD".to_owned(),
        Kind::Flag => "ON|OFF".to_owned(),
        _ if knob.unit.is_empty() => "NUMBER".to_owned(),
        _ => knob.unit.to_uppercase(),
    }
}

/// The values that a knob takes, with the unit or without: `1 to 4096 tokens, or auto`.
pub(super) fn values(knob: &Knob, unit: &str) -> String {
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let or_unset = |unset: Option<&str>| unset.map_or(String::new(), |word| format!(", or {word}"));
    match knob.kind {
        Kind::Int { min, max: u64::MAX, unset, .. } => format!("from {min}{unit}{}", or_unset(unset)),
        Kind::Int { min, max, unset, .. } => format!("{min} to {max}{unit}{}", or_unset(unset)),
        Kind::Float { min, max, unset, .. } => format!("{min} to {max}{unit}{}", or_unset(unset)),
        Kind::Choice(choices) => {
            let words: Vec<_> = choices.iter().map(|choice| choice.word).collect();
            words.join(", ")
        }
        Kind::Flag => "on, off".to_owned(),
    }
}

/// List every knob
#[derive(Debug, clap::Args)]
pub(super) struct KnobsArgs {
    /// Print one Markdown table
    #[arg(long)]
    markdown: bool,
}

/// `diffuscope knobs`.
pub(super) fn list(args: &KnobsArgs) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if args.markdown {
        markdown(&mut out)?;
    } else {
        text(&mut out)?;
    }
    Ok(())
}

fn markdown(out: &mut dyn Write) -> io::Result<()> {
    let columns = ["knob", "slot", "values", "unit", "default", "takes effect", "what it does"];
    let mut table = Table::new(&columns.map(|name| (name, Align::Left)));
    for knob in KNOBS {
        table.row(vec![
            format!("`{}`", knob.name),
            knob.slot.title().to_owned(),
            values(knob, ""),
            knob.unit.to_owned(),
            knob.default().to_string(),
            knob.effect.to_string(),
            knob.help.to_owned(),
        ]);
    }
    table.write_markdown(out)
}

fn text(out: &mut dyn Write) -> io::Result<()> {
    for slot in Slot::ALL {
        writeln!(out, "{}", slot.title())?;
        for knob in KNOBS.iter().filter(|knob| knob.slot == slot) {
            let values = match knob.kind {
                Kind::Choice(_) => String::new(),
                _ => format!("{}; ", values(knob, knob.unit)),
            };
            writeln!(
                out,
                "  {:<18} {values}default {}; takes effect with the {}",
                knob.name,
                knob.default(),
                knob.effect
            )?;
            writeln!(out, "  {:18} {}", "", knob.help)?;
            if let Kind::Choice(choices) = knob.kind {
                for choice in choices {
                    writeln!(out, "  {:18}   {:<17} {}", "", choice.word, choice.help)?;
                }
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
