//! The run as the page plays it: what each step changed, in numbers.

use std::{fmt::Write, io};

use ratatui::style::{Color, Modifier, Style};
use serde::Serialize;

use crate::{
    decode::record::{KvStatus, Proposal},
    export::{ExportObserver, ExportOptions, numbered::Numbered},
    printable,
    trace::{Certainty, Figures, Log},
    tui::{
        Layer,
        theme::{Level, Rgb, Role, Theme, ThemeName},
        view::{Sheet, SheetCell, sheet},
    },
};

/// Candidates of a draft that the page names.
const CANDIDATES: usize = 3;

/// Channels beside the two of each layer: text, ink, confidence, entropy, margin, K/V use, K/V age, written in step.
const CHANNELS: usize = 8;

/// A run, step by step.
#[derive(Debug, Serialize)]
pub(super) struct PageRun {
    /// What the page is called.
    pub title: String,
    caption: String,
    prompt: String,
    /// What made it: models, preset.
    made: Vec<(&'static str, String)>,
    /// Names of the layers, in the order of their keys, and the one that is shown first.
    layers: Vec<&'static str>,
    layer: usize,
    /// Every text that a position shows.
    texts: Vec<String>,
    /// Every colour of a dot, `#rrggbb`.
    colours: Vec<String>,
    /// Length of the prompt in tokens; it is the first part of every canvas.
    first: usize,
    length: usize,
    /// How K/V rows are used, by number.
    uses: [&'static str; 4],
    /// Why a layer has nothing to show: every sentence.
    absences: Vec<String>,
    /// The number of the first step; 0 is the canvas of masks.
    from: usize,
    /// That step and those after it, as far as they are in the page.
    steps: Vec<PageStep>,
    /// How it ended, where the page shows that.
    end: Option<PageEnd>,
    #[serde(skip)]
    styles: Vec<Style>,
    #[serde(skip)]
    theme: ThemeName,
}

/// A step.
#[derive(Debug, Default, Serialize)]
struct PageStep {
    /// Seconds from the start of the run to its end.
    at: f64,
    /// Passes so far, of denoiser and guide.
    passes: u64,
    /// Positions computed, and reused, in this step.
    computed: u64,
    reused: u64,
    /// First position of its block, and one past the last one.
    block: [usize; 2],
    /// Tokens that it wrote.
    wrote: usize,
    /// By channel, position and value in turn of what is another than in the step before.
    changed: Vec<Vec<u32>>,
    /// Of each layer why it has nothing to show, as the number of a sentence counted from 1; 0 where it has something.
    absent: Vec<u32>,
    /// Of masks with a draft: position, then text and probability in ten-thousandths of each candidate in turn.
    candidates: Vec<Vec<u32>>,
    /// Why each token that it wrote was written: position and words.
    why: Vec<(usize, &'static str)>,
}

/// How a run ended.
#[derive(Debug, Serialize)]
struct PageEnd {
    correct: Option<bool>,
    verdict: Option<String>,
}

impl PageRun {
    /// Of a log.
    ///
    /// # Errors
    /// Those by which `observer` stops it.
    pub fn of(log: &Log, options: &ExportOptions, observer: &dyn ExportObserver) -> io::Result<Self> {
        let mut numbers = PageNumbers::default();
        let shown: Vec<usize> = (0..=log.len()).filter(|step| options.steps.holds(*step as u64)).collect();
        let mut steps = Vec::with_capacity(shown.len());
        let mut before: Vec<Vec<u32>> = Vec::new();
        for (done, step) in shown.iter().enumerate() {
            observer.progress(done, shown.len())?;
            let Sheet { cells, absences } = sheet(log, *step, options.theme);
            let channels = numbers.channels(log, *step, cells);
            let absent = absences.into_iter().map(|absence| numbers.absence(absence)).collect();
            steps.push(PageStep { changed: differences(&before, &channels), absent, ..numbers.step(log, *step) });
            before = channels;
        }
        let header = log.header();
        let end = log.end().filter(|_| shown.last() == Some(&log.len()));
        Ok(Self {
            title: if options.title.is_empty() { usual_title(log) } else { printable::line(&options.title) },
            caption: printable::text(&options.caption).into_owned(),
            prompt: printable::text(&header.prompt).into_owned(),
            made: made(log),
            layers: Layer::all().map(|layer| layer.name()).collect(),
            layer: Layer::all().position(|layer| layer == options.layer).unwrap_or(0),
            texts: numbers.texts.all,
            colours: numbers.colours.all.into_iter().map(hex).collect(),
            first: header.prompt_ids.len(),
            length: header.canvas_length(),
            uses: ["recomputed", "reused", "stale", "dropped"],
            absences: numbers.absences.all,
            from: shown.first().copied().unwrap_or_default(),
            steps,
            end: end.map(|end| PageEnd { correct: end.correct, verdict: end.verdict.as_deref().map(printable::line) }),
            styles: numbers.styles.all,
            theme: options.theme,
        })
    }

    /// The rules of the style sheet: the theme's colours, and a class for every look.
    pub fn rules(&self) -> String {
        let theme = Theme::new(self.theme, Level::True);
        let mut rules = String::from(":root{");
        let roles = [("ground", Role::Ground), ("surface", Role::Surface), ("raised", Role::Raised)];
        for (name, role) in roles {
            let _ = write!(rules, "--{name}:{};", colour(theme.style(role).bg));
        }
        let inks = [
            ("text", Role::Text),
            ("strong", Role::Strong),
            ("dim", Role::Dim),
            ("faint", Role::Faint),
            ("line", Role::Line),
            ("accent", Role::Accent),
            ("good", Role::Good),
            ("bad", Role::Bad),
            ("note", Role::Note),
        ];
        for (name, role) in inks {
            let _ = write!(rules, "--{name}:{};", colour(theme.style(role).fg));
        }
        rules.push('}');
        for (number, style) in self.styles.iter().enumerate() {
            let _ = write!(rules, ".k{number}{{{}}}", declarations(*style));
        }
        rules
    }
}

/// What a run is called that was given no title.
fn usual_title(log: &Log) -> String {
    let prompt = printable::line(&log.header().prompt);
    match &log.header().preset {
        Some(preset) => format!("{prompt} · {}", printable::line(preset)),
        None => prompt,
    }
}

/// What made the run, a line each.
fn made(log: &Log) -> Vec<(&'static str, String)> {
    let header = log.header();
    let preset = header.preset.as_ref().map(|preset| ("preset", printable::line(preset)));
    let guide = header.guide.as_ref().map(|guide| ("guide", printable::line(&guide.name)));
    let model = ("model", printable::line(&header.denoiser.name));
    let device = ("device", printable::line(&header.denoiser.device));
    [Some(model), guide, preset, Some(device)].into_iter().flatten().collect()
}

/// What the page has numbers for.
#[derive(Debug, Default)]
struct PageNumbers {
    texts: Numbered<String>,
    styles: Numbered<Style>,
    colours: Numbered<Rgb>,
    absences: Numbered<String>,
}

impl PageNumbers {
    /// Why a layer has nothing to show, counted from 1; 0 where it has something.
    fn absence(&mut self, sentence: Option<String>) -> u32 {
        sentence.map_or(0, |sentence| 1 + self.absences.number(sentence))
    }

    /// Every channel of the canvas after so many steps, a number for each position.
    fn channels(&mut self, log: &Log, steps: usize, cells: Vec<SheetCell>) -> Vec<Vec<u32>> {
        let layers = Layer::all().len();
        let mut channels = vec![Vec::with_capacity(cells.len()); CHANNELS + 2 * layers];
        let record = log.record(steps);
        for (position, SheetCell { text, ink, styles, dots }) in cells.into_iter().enumerate() {
            let kv = record.as_ref().and_then(|record| record.kv.get(position).copied());
            let draft = record.as_ref().and_then(|record| proposal(&record.proposals, position));
            let written = log.canvas(steps).written(position);
            let certainty = match written {
                Some((index, ..)) => log.step(index + 1).and_then(|step| step.certainty_at(position)),
                None => draft.map(Certainty::from),
            };
            let confidence = written.map(|(.., confidence)| confidence).or(draft.map(|draft| draft.confidence));
            let own = [
                self.texts.number(printable::text(&text).into_owned()),
                ink as u32,
                thousandths(confidence),
                thousandths(certainty.map(|certainty| certainty.entropy)),
                thousandths(certainty.and_then(|certainty| certainty.margin)),
                kv.map_or(0, |kv| 1 + place(kv.status)),
                kv.map_or(0, |kv| kv.age),
                written.map_or(0, |(index, ..)| index as u32 + 1),
            ];
            let styles = styles.into_iter().map(|style| self.styles.number(style)).collect::<Vec<_>>();
            let dots = dots.into_iter().map(|dot| self.colours.number(dot)).collect::<Vec<_>>();
            for (channel, value) in channels.iter_mut().zip(own.into_iter().chain(styles).chain(dots)) {
                channel.push(value);
            }
        }
        channels
    }

    /// A step without what it changed.
    fn step(&mut self, log: &Log, steps: usize) -> PageStep {
        let Some(record) = log.record(steps) else { return PageStep::default() };
        let figures = Figures::of(log, steps);
        let why = record.commits.iter().map(|commit| (commit.position, commit.reason.phrase()));
        PageStep {
            at: figures.seconds(),
            passes: u64::from(figures.cost.nfe) + u64::from(figures.cost.guide_forwards),
            computed: u64::from(record.cost.computed),
            reused: u64::from(record.cost.reused),
            block: [record.region.start, record.region.end],
            wrote: record.commits.len(),
            candidates: record.proposals.iter().map(|proposal| self.candidates(log, proposal)).collect(),
            why: why.collect(),
            ..PageStep::default()
        }
    }

    fn candidates(&mut self, log: &Log, proposal: &Proposal) -> Vec<u32> {
        let candidates = proposal.alternatives.iter().take(CANDIDATES).flat_map(|(id, probability)| {
            let text = log.text_of(*id).map_or_else(|| format!("#{id}"), printable::line);
            [self.texts.number(text), (probability * 1e4).round() as u32]
        });
        std::iter::once(proposal.position as u32).chain(candidates).collect()
    }
}

/// Thousandths, counted from 1; 0 where there is no value.
fn thousandths(value: Option<f32>) -> u32 {
    value.map_or(0, |value| 1 + (value.clamp(0.0, 4e6) * 1e3).round() as u32)
}

fn proposal(proposals: &[Proposal], position: usize) -> Option<&Proposal> {
    proposals.binary_search_by_key(&position, |proposal| proposal.position).ok().map(|at| &proposals[at])
}

fn place(status: KvStatus) -> u32 {
    match status {
        KvStatus::Recomputed => 0,
        KvStatus::Reused => 1,
        KvStatus::Stale => 2,
        KvStatus::Dropped => 3,
    }
}

/// Position and value in turn of what is another than before, by channel.
fn differences(before: &[Vec<u32>], now: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let channel = |(channel, now): (usize, &Vec<u32>)| {
        let before = before.get(channel);
        let is_new = |(position, value): &(usize, &u32)| before.is_none_or(|before| before[*position] != **value);
        now.iter().enumerate().filter(is_new).flat_map(|(position, value)| [position as u32, *value]).collect()
    };
    now.iter().enumerate().map(channel).collect()
}

fn hex(Rgb(r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn colour(colour: Option<Color>) -> String {
    match colour {
        Some(Color::Rgb(r, g, b)) => hex(Rgb(r, g, b)),
        _ => "inherit".to_owned(),
    }
}

/// A style in the words of a style sheet.
fn declarations(style: Style) -> String {
    let has = |modifier| style.add_modifier.contains(modifier);
    let (mut ink, mut ground) = (style.fg, style.bg);
    if has(Modifier::REVERSED) {
        (ink, ground) = (ground, ink);
    }
    let mut css = String::new();
    if let Some(Color::Rgb(..)) = ink {
        let _ = write!(css, "color:{};", colour(ink));
    }
    if let Some(Color::Rgb(..)) = ground {
        let _ = write!(css, "background:{};", colour(ground));
    }
    let words = [
        (Modifier::BOLD, "font-weight:bold;"),
        (Modifier::ITALIC, "font-style:italic;"),
        (Modifier::DIM, "opacity:.6;"),
    ];
    css.extend(words.into_iter().filter(|(modifier, _)| has(*modifier)).map(|(_, words)| words));
    let lines = [(Modifier::UNDERLINED, "underline"), (Modifier::CROSSED_OUT, "line-through")];
    let lines: Vec<&str> = lines.into_iter().filter(|(modifier, _)| has(*modifier)).map(|(_, words)| words).collect();
    if !lines.is_empty() {
        let _ = write!(css, "text-decoration:{};", lines.join(" "));
    }
    css
}
