//! `diffuscope diff`: two saved traces, compared.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde::Serialize;

use super::{
    failure::{Failure, warn},
    recorded::Recorded,
    table::{Align, Table},
};
use crate::{
    printable,
    session::{
        Axis, ComparedFigure, Diff, Difference, DivergedRun, Divergence, FigureUnit, Passage, TokenWrite, compared,
    },
    trace::{Log, file::Opened, json},
    tui::cut,
};

/// Compare two saved traces: where they part, which tokens differ, and what each cost
///
/// Whether they differ is said, not signalled: the exit code is 0 either way, unless --exit-code asks for it.
#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// The first trace; - reads it from standard input
    #[arg(value_name = "A")]
    a: Recorded,
    /// The second trace; - reads it from standard input
    #[arg(value_name = "B")]
    b: Recorded,
    /// What the two are aligned by: steps, passes, rows computed or time
    #[arg(long, value_name = "AXIS", default_value = Axis::default().name())]
    axis: Axis,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Exit with 1 where the two differ
    #[arg(long)]
    exit_code: bool,
}

/// Longer words are cut for people; JSON has all of them.
const WIDEST_NAME: u16 = 48;

/// A trace of the two.
struct NamedLog {
    name: String,
    log: Log,
}

impl NamedLog {
    fn of(name: String, opened: Opened) -> Self {
        for warning in &opened.warnings {
            warn(&format!("{name}: {warning}"));
        }
        Self { name, log: opened.log }
    }

    fn preset(&self) -> Option<&str> {
        self.log.header().preset.as_deref()
    }

    fn correct(&self) -> Option<bool> {
        self.log.end().and_then(|end| end.correct)
    }
}

/// Compares two traces.
pub(super) fn run(args: &DiffArgs) -> Result<(), Failure> {
    let (a, b) = args.a.open_both(&args.b)?;
    let (a, b) = (NamedLog::of(args.a.name(), a), NamedLog::of(args.b.name(), b));
    let diff = Diff::of(&a.log, &b.log, args.axis);
    let report = DiffReport::of(&a, &b, args.axis, &diff);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json::text(&report)?)?;
    } else {
        report.tell(&mut out)?;
    }
    if args.exit_code && !diff.is_empty() { Err(Failure::Differs) } else { Ok(()) }
}

/// What is said of two traces.
#[derive(Serialize)]
struct DiffReport<'a> {
    a: TraceSummary<'a>,
    b: TraceSummary<'a>,
    axis: Axis,
    /// What the two have not in common, a sentence each.
    caveats: Vec<String>,
    /// Whether answers are compared word by word, since positions cannot be.
    by_text: bool,
    figures: Vec<ComparedFigure>,
    #[serde(flatten)]
    diff: &'a Diff,
}

#[derive(Serialize)]
struct TraceSummary<'a> {
    file: &'a str,
    preset: Option<&'a str>,
    answer: Option<&'a str>,
    correct: Option<bool>,
}

impl<'a> TraceSummary<'a> {
    fn of(trace: &'a NamedLog) -> Self {
        let answer = trace.log.end().map(|end| &*end.answer);
        Self { file: &trace.name, preset: trace.preset(), answer, correct: trace.correct() }
    }
}

impl<'a> DiffReport<'a> {
    fn of(a: &'a NamedLog, b: &'a NamedLog, axis: Axis, diff: &'a Diff) -> Self {
        Self {
            a: TraceSummary::of(a),
            b: TraceSummary::of(b),
            axis,
            caveats: diff.caveats.iter().map(ToString::to_string).collect(),
            by_text: diff.is_by_text(),
            figures: compared([&a.log, &b.log].map(|log| (log, log.len()))),
            diff,
        }
    }

    /// The same for people.
    fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        for (letter, trace) in [("A", &self.a), ("B", &self.b)] {
            writeln!(out, "{letter}  {}  {}", trace.file, printable::line(trace.preset.unwrap_or("no preset")))?;
        }
        for caveat in &self.caveats {
            writeln!(out, "{caveat}")?;
        }
        writeln!(out)?;
        self.figures_table().write_text(out)?;
        if let Some(order) = self.diff.order {
            writeln!(out, "\norder       τ {:.3} over {} that both wrote", order.tau, positions(order.positions))?;
        }
        writeln!(out)?;
        match &self.diff.divergence {
            Some(divergence) => self.tell_divergence(divergence, out)?,
            None if self.diff.differences.is_empty() => writeln!(out, "{}", self.sameness())?,
            None => {}
        }
        if self.diff.differences.is_empty() {
            return Ok(());
        }
        let (count, words) = (self.diff.differences.len(), self.by_text);
        let things = match (words, count) {
            (true, 1) => "passage differs",
            (true, _) => "passages differ",
            (false, 1) => "token differs",
            (false, _) => "tokens differ",
        };
        writeln!(out, "{count} {things} in the newest canvases:\n")?;
        self.differences_table().write_text(out)
    }

    fn figures_table(&self) -> Table {
        let mut table =
            Table::new(&[("figure", Align::Left), ("A", Align::Right), ("B", Align::Right), ("B:A", Align::Right)]);
        for figure in &self.figures {
            let ratio = figure.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}×"));
            table.row(vec![figure.name.to_owned(), number(figure, figure.a), number(figure, figure.b), ratio]);
        }
        let verdict = |trace: &TraceSummary<'_>| match trace.correct {
            Some(true) => "correct".to_owned(),
            Some(false) => "wrong".to_owned(),
            None => "-".to_owned(),
        };
        table.row(vec!["verdict".to_owned(), verdict(&self.a), verdict(&self.b), String::new()]);
        table
    }

    /// Where two runs of one prompt part.
    fn tell_divergence(&self, divergence: &Divergence, out: &mut dyn Write) -> io::Result<()> {
        let place = match self.axis {
            Axis::Steps => format!("step {}", divergence.place),
            axis => axis.words(divergence.place),
        };
        writeln!(out, "first at {place}, position {}", divergence.position)?;
        writeln!(out, "  A  {}", parted(&divergence.a))?;
        writeln!(out, "  B  {}\n", parted(&divergence.b))
    }

    fn sameness(&self) -> String {
        let steps = self.figures.first().map_or((0, 0), |steps| (steps.a as usize, steps.b as usize));
        match steps {
            _ if self.by_text => "no difference: the answers are the same, word for word".to_owned(),
            (a, b) if a == b => "no difference".to_owned(),
            (a, b) => format!("no difference in the first {} steps, which both have", a.min(b)),
        }
    }

    fn differences_table(&self) -> Table {
        let mut table = Table::new(&[
            ("position", Align::Right),
            ("A", Align::Left),
            ("step", Align::Right),
            ("confidence", Align::Right),
            ("B", Align::Left),
            ("step", Align::Right),
            ("confidence", Align::Right),
        ]);
        for Difference { a, b } in &self.diff.differences {
            let mut row = vec![places(a, b)];
            for passage in [a, b] {
                row.push(name(passage));
                let written = passage.written;
                row.push(written.map_or_else(|| "-".to_owned(), |written| written.step.to_string()));
                row.push(written.map_or_else(|| "-".to_owned(), |written| format!("{:.3}", written.confidence)));
            }
            table.row(row);
        }
        table
    }
}

/// "1 position", "2 positions".
fn positions(count: usize) -> String {
    if count == 1 { "1 position".to_owned() } else { format!("{count} positions") }
}

fn number(figure: &ComparedFigure, value: f64) -> String {
    match figure.unit {
        FigureUnit::Count => format!("{value:.0}"),
        FigureUnit::Rate => format!("{value:.1}"),
        FigureUnit::Seconds => format!("{value:.3} s"),
    }
}

/// Where a difference is: one position where both agree on it.
fn places(a: &Passage, b: &Passage) -> String {
    let place = |passage: &Passage| match &passage.positions {
        positions if positions.is_empty() => format!("before {}", positions.start),
        positions if positions.len() == 1 => positions.start.to_string(),
        positions => format!("{}-{}", positions.start, positions.end - 1),
    };
    if a.positions == b.positions { place(a) } else { format!("{} / {}", place(a), place(b)) }
}

/// A token or words in quotes.
fn name(passage: &Passage) -> String {
    if passage.is_end {
        return "end of text".to_owned();
    }
    if passage.positions.is_empty() {
        return "nothing".to_owned();
    }
    let text: Cow<'_, str> = match passage.text.trim() {
        "" => passage.text.replace('\n', "\\n").into(),
        text => printable::line(text).into(),
    };
    format!("\"{}\"", cut(&text, WIDEST_NAME, "…"))
}

/// What a run holds where it first differs: "\".\" 0.842 (best of the step)"; "masked until step 37, then \"First\" 0.410
/// (by quota)".
fn parted(run: &DivergedRun) -> String {
    match (&run.then, &run.newest) {
        (Some(then), _) => written(then),
        (None, Some(newest)) => {
            let until = newest.written.map_or_else(String::new, |written| format!(" until step {}", written.step));
            format!("masked{until}, then {}", written(newest))
        }
        (None, None) => "masked to its newest step".to_owned(),
    }
}

/// A token with its confidence and its reason.
fn written(passage: &Passage) -> String {
    match passage.written {
        Some(TokenWrite { confidence, reason, .. }) => {
            format!("{} {confidence:.3} ({})", name(passage), reason.phrase())
        }
        None => format!("{} (given)", name(passage)),
    }
}
