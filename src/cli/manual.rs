//! `diffuscope man`: the manual, a page for the program and one for each command.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};

use super::failure::{EXIT_CODES, Failure};

/// Print the manual page of diffuscope or of one of its commands
///
/// To read it: diffuscope man | man -l -
///
/// To keep it: diffuscope man > ~/.local/share/man/man1/diffuscope.1
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The command [default: the program itself]
    command: Option<String>,
}

const DESCRIPTION: &str = "\
A diffusion language model begins with masks and writes all of a text at once, a few tokens a step. diffuscope shows each \
step: what is written and why, how sure the model is of everything else, what a cache reuses, and what a guide accepts. \
Knobs turned while it runs act on the very next step.

Without a command it opens the playground, with a small pair of models that it brings along. What \
a run did is kept as a trace, a file that can be replayed, compared, forked and exported.";

/// Names and what they mean.
type Entries = &'static [(&'static str, &'static str)];

const ENVIRONMENT: Entries = &[
    ("DIFFUSCOPE_CONFIG", "The configuration file. Empty: none, and no presets but the built-in ones."),
    ("DIFFUSCOPE_STATE", "The folder that runs and prompts are kept in. Empty: nothing is kept."),
    ("DIFFUSCOPE_LOG", "A file to note in what the program does, as --log names one. Empty: none."),
    (
        "NO_COLOR",
        "Where it is set and not empty, no colours are used; every state still has a glyph or a style of its own.",
    ),
    ("TERM, COLORTERM, TERM_PROGRAM, WT_SESSION", "What the terminal can do: how many colours, and which keys."),
    ("COLORFGBG", "Whether the terminal is light or dark, where no theme is asked for."),
    ("LC_ALL, LC_CTYPE, LANG", "The first that is set tells whether more than ASCII is drawn."),
    ("HF_HOME, HF_HUB_CACHE", "Where models of the hub are kept, as other programs keep them."),
    ("HF_TOKEN, HF_TOKEN_PATH", "What opens private and gated models of the hub, or the file that holds it."),
    ("HF_ENDPOINT", "The address of the hub."),
    ("HF_HUB_OFFLINE", "1: models of the hub are taken from its cache alone, as by --offline."),
    ("ALL_PROXY, HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The way to the hub."),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE",
        "Certificate authorities to trust on that way.",
    ),
    ("RAYON_NUM_THREADS", "How many threads compute on the CPU."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME", "Where the folders below are."),
];

const FILES: Entries = &[
    ("~/.config/diffuscope/config.toml", "The configuration; `diffuscope config` prints a sample with every field."),
    (
        "~/.config/diffuscope/presets/*.toml",
        "Presets of one's own, which the playground saves and --preset takes by name.",
    ),
    ("~/.local/state/diffuscope/", "Kept runs and prompts; `diffuscope runs` lists them."),
    ("~/.cache/huggingface/hub/", "Models of the hub."),
    (
        "diffuscope-N.jsonl",
        "The trace of run N of a sitting, which the playground writes into the folder that it was started in.",
    ),
];

const EXAMPLES: Entries = &[
    ("diffuscope", "Open the playground."),
    ("diffuscope --preset threshold --threshold 0.8", "The same, from a preset and with a knob turned."),
    (
        "diffuscope run -p 'Reverse this list: Max, Leo, Ruth' --trace run.jsonl",
        "Denoise an answer, and keep every step.",
    ),
    ("diffuscope replay run.jsonl", "See those steps again; no model is loaded."),
    ("diffuscope bench --family list --presets plain,flashdlm", "Compare presets on the same prompts."),
];

/// Prints the page.
pub(super) fn print(args: &ManArgs) -> Result<(), Failure> {
    let mut program = super::command().disable_help_subcommand(true);
    program.build();
    let page = match &args.command {
        None => of_program(program)?,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => of_command(command.clone())?,
            None => return Err(unknown(&program, name)),
        },
    };
    Ok(io::stdout().lock().write_all(&page)?)
}

fn unknown(program: &Command, name: &str) -> Failure {
    let commands = program.get_subcommands().map(Command::get_name);
    let name = crate::printable::line(name);
    Failure::Usage(format!("there is no command '{name}': there are {}", commands.collect::<Vec<_>>().join(", ")))
}

/// The page of the program: what concerns all commands.
fn of_program(program: Command) -> io::Result<Vec<u8>> {
    let usage = "diffuscope [OPTIONS]\ndiffuscope COMMAND [OPTIONS]";
    let man = of(program.override_usage(usage).long_about(DESCRIPTION).subcommand_help_heading("COMMANDS"));
    let mut page = beginning(&man)?;
    man.render_subcommands_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let exit_codes = EXIT_CODES.iter().map(|(code, meaning)| (*code, *meaning));
    section(&mut page, "ENVIRONMENT", ENVIRONMENT.iter().copied())?;
    section(&mut page, "FILES", FILES.iter().copied())?;
    section(&mut page, "EXIT STATUS", exit_codes)?;
    section(&mut page, "EXAMPLES", EXAMPLES.iter().copied())?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// The page of a command.
fn of_command(command: Command) -> io::Result<Vec<u8>> {
    let has_own = command.has_subcommands();
    let usage = format!("diffuscope {} {}", command.get_name(), if has_own { "[COMMAND]" } else { "[OPTIONS]" });
    let positionals = command.get_positionals().map(|arg| {
        let name = arg.get_id().as_str().to_uppercase();
        if arg.is_required_set() { format!(" {name}") } else { format!(" [{name}]") }
    });
    let usage = positionals.fold(usage, |usage, positional| usage + &positional);
    let name = format!("diffuscope-{}", command.get_name());
    let man = of(command.display_name(name).override_usage(usage));
    let mut page = beginning(&man)?;
    if has_own {
        man.render_subcommands_section(&mut page)?;
    }
    man.render_options_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("diffuscope"), roman("(1), which also tells of environment, files and exit status")]);
    roff.to_writer(&mut page)?;
    Ok(page)
}

fn of(command: Command) -> Man {
    // Knobs are hidden from the short help alone.
    let command = command.disable_help_subcommand(true).mut_args(|arg| arg.hide_short_help(false));
    Man::new(command).manual("diffuscope").date("")
}

fn beginning(man: &Man) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    Ok(page)
}

/// A section that says of each name what it means.
fn section<'a>(page: &mut Vec<u8>, title: &str, entries: impl Iterator<Item = (&'a str, &'a str)>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (name, meaning) in entries {
        roff.control("TP", []);
        roff.text([if title == "FILES" { italic(name) } else { bold(name) }]);
        roff.text([roman(meaning)]);
    }
    roff.to_writer(page)
}
