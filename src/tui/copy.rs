//! What can be copied into the clipboard of the terminal, as text.

use std::{borrow::Cow, fmt::Write as _};

use super::{
    app::{App, EngineState},
    compare::RunSide,
    keymap::Availability,
};
use crate::{
    engine::{GuideChoice, ModelRequest, PromptLayout},
    model::source::Source,
    printable,
    settings::{DEFAULT_PRESET, Preset},
    trace::{Header, Log},
};

/// The most bytes that terminals agree to take: 100,000 with the sequence around them, in base64.
pub const LARGEST: usize = 74_994;

/// Something that can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopySource {
    /// The text of the selected token.
    Token,
    /// The answer of the run.
    Answer,
    /// The command that repeats the run.
    Settings,
    /// What the shown step wrote.
    Step,
}

impl CopySource {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 4] = [Self::Token, Self::Answer, Self::Settings, Self::Step];

    /// What it is.
    pub fn title(self) -> &'static str {
        match self {
            Self::Token => "the token",
            Self::Answer => "the answer",
            Self::Settings => "the command",
            Self::Step => "the step",
        }
    }

    /// The same in a few words, for the list.
    pub fn about(self) -> &'static str {
        match self {
            Self::Token => "the text of the selected token",
            Self::Answer => "the answer of the run",
            Self::Settings => "settings and prompt, as a command that repeats the run",
            Self::Step => "what the shown step wrote, as a table in Markdown",
        }
    }
}

/// Whether it can be copied now.
pub fn possible(app: &App, source: CopySource) -> Availability {
    let log = app.log().ok_or("no run yet")?;
    match source {
        CopySource::Token => token(app, log).map(drop),
        CopySource::Answer => log.end().map(drop).ok_or("the run is not over"),
        CopySource::Settings if log.header().origin.is_some() => {
            Err("this run is a fork; `run --fork FILE@STEP` repeats it")
        }
        CopySource::Settings => Ok(()),
        CopySource::Step => log.step(app.shown()).map(drop).ok_or("no step is shown"),
    }
}

/// The text to copy: printable, with its line breaks and tabs.
///
/// # Errors
/// As [`possible`].
pub fn text(app: &App, source: CopySource) -> Result<String, &'static str> {
    possible(app, source)?;
    let log = app.log().ok_or("no run yet")?;
    let text = match source {
        CopySource::Token => token(app, log)?.to_owned(),
        CopySource::Answer => log.end().map(|end| end.answer.clone()).unwrap_or_default(),
        CopySource::Settings => command(app, log),
        CopySource::Step => markdown(app, log),
    };
    Ok(printable::output(&text).into_owned())
}

/// The text, if terminals take one of its length.
pub fn fitting(source: CopySource, text: String) -> Result<String, String> {
    if text.len() <= LARGEST {
        return Ok(text);
    }
    let way_out = match source {
        CopySource::Answer => ": `diffuscope run` prints answers of any length",
        CopySource::Token | CopySource::Settings | CopySource::Step => ": w writes the whole trace to a file",
    };
    Err(format!("it has {} bytes, and terminals take {LARGEST} at most{way_out}", text.len()))
}

/// What should be known of what was copied.
pub fn remark(app: &App, source: CopySource) -> Option<String> {
    let log = app.log().filter(|_| source == CopySource::Settings)?;
    let mut remarks = Vec::new();
    if models(app, log.header()).is_none() {
        remarks.push("the trace does not say where its models lie: --model names them".to_owned());
    }
    if !log.header().turns.is_empty() {
        remarks.push("the earlier turns of the conversation are left out".to_owned());
    }
    if log.turned_at(log.len()).is_some() {
        remarks.push(format!("knobs were turned on the way, and are as they stand at step {}", app.shown()));
    }
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

/// The text of the selected token.
fn token<'a>(app: &App, log: &'a Log) -> Result<&'a str, &'static str> {
    let selected = match &app.comparison {
        Some(comparison) => comparison.selected(RunSide::A),
        None => app.lens.selected,
    };
    let canvas = log.canvas(app.shown());
    match canvas.piece(selected.ok_or("no token is selected")?) {
        "" => Err("the selected token has no text"),
        piece => Ok(piece),
    }
}

/// The command that repeats a run with the settings of the shown step.
fn command(app: &App, log: &Log) -> String {
    let header = log.header();
    let settings = log.settings_at(app.shown());
    let named = |name: &str| app.presets.library.all().find(|preset| preset.name == name);
    let preset = header.preset.as_deref().and_then(named).or_else(|| named(DEFAULT_PRESET));
    let base = preset.map(Preset::settings).unwrap_or_default();
    let mut words = vec!["diffuscope".to_owned(), "run".to_owned()];
    words.extend(models(app, header).unwrap_or_default());
    words.extend(preset.map(|preset| format!("--preset={}", preset.name)));
    words.extend(settings.differences(&base).map(|knob| format!("--{}={}", knob.name, knob.get(&settings))));
    words.push(format!("--prompt={}", header.prompt));
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// The options that load the models of a run again; `None` where it is not known which they are.
fn models(app: &App, header: &Header) -> Option<Vec<String>> {
    let request = match &app.engine {
        EngineState::Ready { denoiser, .. } if denoiser.is_same_model(&header.denoiser) => app.picker.loaded.as_ref(),
        _ => None,
    };
    match request {
        Some(request) => Some(options(request)),
        None => (header.denoiser.name == "embedded").then(Vec::new),
    }
}

fn options(request: &ModelRequest) -> Vec<String> {
    let denoiser = (request.denoiser != Source::Embedded).then(|| format!("--model={}", request.denoiser));
    let guide = match &request.guide {
        GuideChoice::Default => None,
        GuideChoice::None => Some("--no-guide".to_owned()),
        GuideChoice::Source(source) => Some(format!("--guide-model={source}")),
    };
    let filter = request.filter.as_ref().map(|file| format!("--filter={}", file.display()));
    let mask = request.mask_token.as_ref().map(|mask| format!("--mask-token={mask}"));
    let layout = match &request.layout {
        PromptLayout::Template => None,
        PromptLayout::Raw => Some("--raw".to_owned()),
        PromptLayout::System(text) => Some(format!("--system={text}")),
    };
    let variables = request.template_vars.iter().map(|(name, value)| format!("--template-var={name}={value}"));
    [denoiser, guide, filter, mask, layout].into_iter().flatten().chain(variables).collect()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    match word.split_once('=').filter(|(name, _)| name.starts_with("--")) {
        Some((name, value)) => format!("{name}={}", in_quotes(value)).into(),
        None => in_quotes(word).into(),
    }
}

fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What the shown step wrote, as a table.
fn markdown(app: &App, log: &Log) -> String {
    let shown = app.shown();
    let preset = log.header().preset.as_deref().map_or_else(String::new, |preset| format!(", {preset}"));
    let mut text = format!("Step {shown} of {}{preset}\n\n", log.len());
    text.push_str("| position | token | confidence | reason |\n|---:|---|---:|---|\n");
    for commit in log.step(shown).into_iter().flat_map(|step| &step.commits) {
        let token = match log.text_of(commit.token) {
            _ if log.header().is_end(commit.token) => "end of text".to_owned(),
            Some(text) if !text.is_empty() => code(text),
            _ => format!("#{}", commit.token),
        };
        let (position, confidence, reason) = (commit.position, commit.confidence, commit.reason.phrase());
        // Writing into a string cannot fail.
        let _ = writeln!(text, "| {position} | {token} | {confidence:.3} | {reason} |");
    }
    text
}

/// Text between backticks, in a cell of a table.
fn code(text: &str) -> String {
    let text = printable::line(text).replace('|', "\\|");
    let fence = if text.contains('`') { "``" } else { "`" };
    let gap = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        assert_eq!(quoted("--threshold=0.8"), "--threshold=0.8");
        assert_eq!(quoted("--prompt=It's $HOME\n`x`"), "--prompt='It'\\''s $HOME\n`x`'");
        assert_eq!(quoted("--prompt="), "--prompt=");
        assert_eq!(quoted("a b"), "'a b'");
    }

    #[test]
    fn a_token_stays_in_its_cell() {
        assert_eq!(code(" a|b\n"), "` a\\|b⏎`");
        assert_eq!(code("`"), "`` ` ``");
    }

    #[test]
    fn what_is_too_long_is_refused_with_its_length() {
        assert_eq!(fitting(CopySource::Token, "a".repeat(LARGEST)).map(|text| text.len()), Ok(LARGEST));
        let refusal = fitting(CopySource::Answer, "a".repeat(LARGEST + 1)).expect_err("one byte too many");
        assert_eq!(
            refusal,
            "it has 74995 bytes, and terminals take 74994 at most: `diffuscope run` prints answers of any length"
        );
    }
}
